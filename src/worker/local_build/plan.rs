//! Decides how a checkout is built, or why not: turns facts into the exact command and its environment. Pure.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use semver::Version;

use crate::model::Arch;
use crate::model::Os;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::model::secret::Secret;
use crate::worker::local_build::environment::Environment;
use crate::worker::local_build::environment::is_variable;
use crate::worker::local_build::environment::without_steering;
use crate::worker::local_build::go::Go;
use crate::worker::local_build::go::GoFacts;
use crate::worker::local_build::refusal::BuildRefusal;
use crate::worker::local_build::request::BuildRequest;
use crate::worker::local_build::request::GoVersion;
use crate::worker::local_build::source::SourceFacts;

/// Where the required modules come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModuleOrigin {
    /// None are required.
    NoneNeeded,
    /// The source's own `vendor/` directory.
    Vendor,
    /// Go's module cache only, because network access is disabled and there is no `vendor/`.
    CacheOnly,
    /// The module cache, and the network for missing modules.
    Network,
}

/// A variable for Go. A proxy URL may contain a password.
pub(super) type GoSetting = (String, Secret<OsString>);

/// The exact command, and what is known about its result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct BuildPlan {
    program: PathBuf,
    arguments: Vec<OsString>,
    directory: PathBuf,
    output: PathBuf,
    set: Vec<GoSetting>,
    modules: ModuleOrigin,
    go_name: String,
    commit: Option<String>,
    dirty: Option<bool>,
    source_version: Option<Version>,
}

impl BuildPlan {
    /// Decides how to build. The source is checked before the toolchain, so that a wrong directory is reported even if Go is not
    /// installed.
    pub(crate) fn compute(request: &BuildRequest, source: &SourceFacts, go: &GoFacts) -> Result<Self, BuildRefusal> {
        if !request.output.is_absolute() {
            return Err(BuildRefusal::RelativeOutput(request.output.clone()));
        }
        check_source(&request.tool, request.wanted_tag.as_ref(), source)?;
        let go = check_go(request.target, source, go)?;
        let modules = match (source.go_mod.requires, source.vendored, request.offline) {
            (_, true, _) => ModuleOrigin::Vendor,
            (false, false, _) => ModuleOrigin::NoneNeeded,
            (true, false, true) => ModuleOrigin::CacheOnly,
            (true, false, false) => ModuleOrigin::Network,
        };
        Ok(Self {
            program: go.program.clone(),
            arguments: arguments(request, source.vendored),
            directory: source.directory.clone(),
            output: request.output.clone(),
            set: settings(request.target, request.offline, go),
            modules,
            go_name: go.name.clone(),
            commit: source.git.commit().map(str::to_owned),
            dirty: source.git.dirty(),
            source_version: source.version.as_deref().and_then(|version| Version::parse(version).ok()),
        })
    }

    /// The `go` command.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The checkout, used as the working directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The output file.
    pub(crate) fn output(&self) -> &Path {
        &self.output
    }

    /// Where the required modules come from.
    pub(crate) fn modules(&self) -> ModuleOrigin {
        self.modules
    }

    /// The toolchain's reported name: `go1.24.11`.
    pub(crate) fn go_name(&self) -> &str {
        &self.go_name
    }

    /// The commit of the source, if known to git.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Whether the source differs from its commit, if known to git.
    pub(crate) fn dirty(&self) -> Option<bool> {
        self.dirty
    }

    /// The version the source declares.
    pub(crate) fn source_version(&self) -> Option<&Version> {
        self.source_version.as_ref()
    }

    /// The complete environment of the build: the inherited one without our tokens and without what changes the build, plus the
    /// plan's own variables.
    pub(crate) fn environment(&self, parent: &Environment) -> Vec<(OsString, OsString)> {
        with_settings(parent, &self.set)
    }
}

/// The inherited environment without our tokens and without what changes the build, plus these.
pub(super) fn with_settings(parent: &Environment, set: &[GoSetting]) -> Vec<(OsString, OsString)> {
    let is_set = |known: &OsStr| set.iter().any(|(name, _)| is_variable(known, name));
    let mut variables = without_steering(parent);
    variables.retain(|(name, _)| !is_set(name));
    variables.extend(set.iter().map(|(name, value)| (name.into(), value.expose().clone())));
    variables
}

/// Checks that it is the tool's source, and of the requested release.
pub(super) fn check_source(tool: &Tool, wanted_tag: Option<&Tag>, source: &SourceFacts) -> Result<(), BuildRefusal> {
    let directory = || source.directory.clone();
    let (expected, found) = (tool.go_module, &source.go_mod.module);
    if expected != found {
        let (expected, found) = (expected.to_owned(), found.clone());
        return Err(BuildRefusal::OtherModule { directory: directory(), expected, found });
    }
    if !source.has_package {
        return Err(BuildRefusal::NoPackage { directory: directory(), package: tool.go_package.to_owned() });
    }
    // A source without a version is built anyway; the version printed by the result decides.
    match (wanted_tag, &source.version) {
        (Some(wanted), Some(found)) if wanted.version() != Version::parse(found).ok() || wanted.version().is_none() => {
            Err(BuildRefusal::OtherVersion { directory: directory(), wanted: wanted.clone(), found: found.clone() })
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

/// Checks that the toolchain exists and is new enough.
pub(super) fn check_go<'a>(target: Target, source: &SourceFacts, go: &'a GoFacts) -> Result<&'a Go, BuildRefusal> {
    let required = source.go_mod.go;
    let go = match go {
        GoFacts::Found(go) => go,
        GoFacts::Missing { searched } => {
            return Err(BuildRefusal::GoMissing { searched: searched.clone(), required });
        }
        GoFacts::Unusable { program, reason } => {
            return Err(BuildRefusal::GoUnusable { program: program.clone(), reason: reason.clone() });
        }
    };
    let Some(found) = go.version else { return Ok(go) };
    let (directory, program) = (source.directory.clone(), go.program.clone());
    match (required, first_go_for(target)) {
        (Some(required), _) if found < required => Err(BuildRefusal::GoTooOld { directory, required, found, program }),
        (_, Some(required)) if found < required => Err(BuildRefusal::TargetTooNew { target, required, found, program }),
        (Some(_) | None, Some(_) | None) => Ok(go),
    }
}

/// The first Go version that supports a target, if not all do.
fn first_go_for(target: Target) -> Option<GoVersion> {
    match (target.os, target.arch) {
        (Os::Darwin, Arch::Arm64) => GoVersion::parse("1.16"),
        (Os::Windows, Arch::Arm64) => GoVersion::parse("1.17"),
        (Os::Linux, Arch::Amd64 | Arch::Arm64) | (Os::Darwin | Os::Windows, Arch::Amd64) => None,
    }
}

fn arguments(request: &BuildRequest, vendored: bool) -> Vec<OsString> {
    // No version control stamp, because git refuses it in a checkout owned by another user.
    let mut arguments: Vec<OsString> =
        ["build", "-tags", request.tool.go_tags, "-trimpath", "-buildvcs=false"].map(OsString::from).into();
    if request.offline {
        // `readonly`, never `mod`: a build must not modify the checkout's go.mod and go.sum.
        arguments.push(if vendored { "-mod=vendor" } else { "-mod=readonly" }.into());
    }
    arguments.extend(["-o".into(), request.output.clone().into(), request.tool.go_package.into()]);
    arguments
}

/// The variables set by the build. `GOENV=off` disables the user's `go env -w` file, which could change the build as variables
/// can (Go treats an empty variable as unset, so clearing `GOFLAGS` alone would let the file apply). Settings for modules and
/// caches were read before and are passed explicitly, so that private proxies keep working.
pub(super) fn settings(target: Target, offline: bool, go: &Go) -> Vec<GoSetting> {
    let fixed = [
        ("GOENV", "off"),
        ("GOFLAGS", ""),
        ("GOWORK", "off"),
        ("GOTOOLCHAIN", "local"),
        ("CGO_ENABLED", "0"),
        ("GOOS", target.os.go_name()),
        ("GOARCH", target.arch.go_name()),
    ];
    // GONOPROXY, because Go fetches modules matching GOPRIVATE from their own host even with GOPROXY=off. go.sum is still
    // checked without the checksum database.
    let without_network = [("GOPROXY", "off"), ("GONOPROXY", "none"), ("GOSUMDB", "off")];
    let without_network = without_network.into_iter().filter(|_| offline);
    let mut set: Vec<GoSetting> = fixed
        .into_iter()
        .chain(without_network)
        .map(|(name, value)| (name.to_owned(), Secret::new(value.into())))
        .collect();
    for (name, value) in &go.settings {
        if set.iter().all(|(known, _)| known != name) {
            set.push((name.clone(), value.clone()));
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tool;
    use crate::worker::local_build::git::GitFacts;
    use crate::worker::local_build::go_mod::GoMod;

    fn request() -> BuildRequest {
        BuildRequest {
            source: PathBuf::from("/src/reproq-worker"),
            tool: Tool::WORKER,
            target: "linux-arm64".parse().expect("a target"),
            offline: false,
            wanted_tag: None,
            output: if cfg!(windows) { "C:/site/staging/reproq" } else { "/site/staging/reproq" }.into(),
        }
    }

    fn source() -> SourceFacts {
        SourceFacts {
            directory: PathBuf::from("/src/reproq-worker"),
            go_mod: GoMod {
                module: "reproq-worker".to_owned(),
                go: GoVersion::parse("1.24.0"),
                toolchain: None,
                requires: true,
            },
            has_package: true,
            vendored: false,
            version: Some("0.0.144".to_owned()),
            git: GitFacts::Known { commit: "c0ffee".to_owned(), dirty: Some(true) },
        }
    }

    fn go(name: &str) -> GoFacts {
        let setting = |name: &str, value: &str| (name.to_owned(), Secret::new(OsString::from(value)));
        GoFacts::Found(Go {
            program: PathBuf::from("/opt/go/bin/go"),
            name: name.to_owned(),
            version: GoVersion::of_toolchain(name),
            settings: vec![setting("GOPROXY", "https://u:pw@proxy.test"), setting("GONOPROXY", "corp.test/*")],
        })
    }

    fn words(plan: &BuildPlan) -> String {
        let words: Vec<_> = plan.arguments().iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ").replace(&*plan.output().to_string_lossy(), "OUT")
    }

    fn value(plan: &BuildPlan, parent: &[(&str, &str)], name: &str) -> Option<String> {
        let parent: Vec<_> = parent.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut values = plan.environment(&parent).into_iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.into_string().expect("text"));
        assert!(values.next().is_none(), "{name} is there once");
        value
    }

    #[test]
    fn the_command_is_the_one_releases_are_built_with() {
        let plan = BuildPlan::compute(&request(), &source(), &go("go1.24.11")).expect("a plan");
        assert_eq!(words(&plan), "build -tags prod -trimpath -buildvcs=false -o OUT ./cmd/reproq");
        assert_eq!(plan.program(), Path::new("/opt/go/bin/go"));
        assert_eq!(plan.directory(), Path::new("/src/reproq-worker"));
        assert_eq!(plan.modules(), ModuleOrigin::Network);
        assert_eq!((plan.go_name(), plan.commit(), plan.dirty()), ("go1.24.11", Some("c0ffee"), Some(true)));
        assert_eq!(plan.source_version(), Some(&Version::new(0, 0, 144)));
    }

    #[test]
    fn the_origin_of_modules_follows_the_network_and_the_vendor_directory() {
        let cases = [
            (false, false, true, "", ModuleOrigin::Network),
            (false, true, true, "", ModuleOrigin::Vendor),
            (true, false, true, " -mod=readonly", ModuleOrigin::CacheOnly),
            (true, true, true, " -mod=vendor", ModuleOrigin::Vendor),
            (true, false, false, " -mod=readonly", ModuleOrigin::NoneNeeded),
        ];
        for (offline, vendored, requires, flag, modules) in cases {
            let mut source = SourceFacts { vendored, ..source() };
            source.go_mod.requires = requires;
            let plan = BuildPlan::compute(&BuildRequest { offline, ..request() }, &source, &go("go1.24.11"));
            let plan = plan.expect("a plan");
            assert_eq!(words(&plan), format!("build -tags prod -trimpath -buildvcs=false{flag} -o OUT ./cmd/reproq"));
            assert_eq!(plan.modules(), modules);
            let network = ["GOPROXY", "GONOPROXY"].map(|name| value(&plan, &[("GOPROXY", "direct")], name));
            let expected = if offline { ["off", "none"] } else { ["https://u:pw@proxy.test", "corp.test/*"] };
            assert_eq!(network, expected.map(|value| Some(value.to_owned())));
            assert_eq!(value(&plan, &[], "GOSUMDB"), offline.then(|| "off".to_owned()));
        }
    }

    #[test]
    fn the_environment_neither_changes_the_build_nor_leaks() {
        let plan = BuildPlan::compute(&request(), &source(), &go("go1.24.11")).expect("a plan");
        let parent = [
            ("PATH", "/bin"),
            ("GITHUB_TOKEN", "t"),
            ("GH_TOKEN", "t"),
            ("REPROQ_GITHUB_TOKEN", "t"),
            ("GH_ENTERPRISE_TOKEN", "t"),
            ("GOOS", "plan9"),
            ("GOFLAGS", "-bogus"),
            ("GOENV", "/etc/goenv"),
            ("GOROOT", "/old"),
            ("GOAMD64", "v4"),
            ("GOEXPERIMENT", "x"),
            ("GOTOOLCHAIN", "auto"),
            ("CGO_ENABLED", "1"),
            ("GOPROXYISH", "stays"),
        ];
        let expected = [
            ("PATH", Some("/bin")),
            ("GITHUB_TOKEN", None),
            ("GH_TOKEN", None),
            ("REPROQ_GITHUB_TOKEN", None),
            ("GH_ENTERPRISE_TOKEN", None),
            ("GOOS", Some("linux")),
            ("GOARCH", Some("arm64")),
            ("GOFLAGS", Some("")),
            ("GOENV", Some("off")),
            ("GOWORK", Some("off")),
            ("GOROOT", None),
            ("GOAMD64", None),
            ("GOEXPERIMENT", None),
            ("GOTOOLCHAIN", Some("local")),
            ("CGO_ENABLED", Some("0")),
            ("GOPROXYISH", Some("stays")),
        ];
        for (name, wanted) in expected {
            assert_eq!(value(&plan, &parent, name).as_deref(), wanted, "{name}");
        }
        assert!(!format!("{plan:?}").contains("pw"), "a proxy's password must not be shown");
    }

    fn refusal(request: &BuildRequest, source: &SourceFacts, go: &GoFacts) -> String {
        BuildPlan::compute(request, source, go).expect_err("refused").to_string()
    }

    #[test]
    fn every_refusal_names_the_expected_and_the_found_value() {
        let missing = GoFacts::Missing { searched: vec![PathBuf::from("/bin")] };
        let mut other = source();
        other.go_mod.module = "example.test/x".to_owned();
        let no_package = SourceFacts { has_package: false, ..source() };
        assert_eq!(
            refusal(&request(), &other, &missing),
            "expected the source of the Go module `reproq-worker` in /src/reproq-worker, found the module `example.test/x`"
        );
        assert_eq!(
            refusal(&request(), &no_package, &missing),
            "expected the Go package ./cmd/reproq in /src/reproq-worker, found none"
        );
        assert_eq!(
            BuildPlan::compute(&request(), &source(), &missing),
            Err(BuildRefusal::GoMissing {
                searched: vec![PathBuf::from("/bin")],
                required: GoVersion::parse("1.24.0")
            })
        );
        assert_eq!(
            refusal(&request(), &source(), &go("go1.23.4")),
            "/src/reproq-worker needs Go 1.24.0 or newer, found Go 1.23.4 (/opt/go/bin/go)"
        );
        let unusable = GoFacts::Unusable { program: PathBuf::from("/bin/go"), reason: "it printed nothing".to_owned() };
        assert_eq!(refusal(&request(), &source(), &unusable), "/bin/go does not work as Go: it printed nothing");
        let relative = BuildRequest { output: PathBuf::from("out/reproq"), ..request() };
        assert_eq!(
            refusal(&relative, &source(), &missing),
            "the build needs an absolute output path, found out/reproq"
        );
    }

    #[test]
    fn the_source_must_be_the_requested_release() {
        let cases = [
            (Some("v0.0.144"), Some("0.0.144"), true),
            (Some("0.0.144"), Some("0.0.144"), true),
            (None, Some("0.0.144"), true),
            (Some("v0.0.144"), None, true),
            (Some("v0.0.143"), Some("0.0.144"), false),
            (Some("v0.0.144"), Some("dev"), false),
            (Some("nightly"), Some("0.0.144"), false),
            (Some("nightly"), Some("nightly"), false),
        ];
        for (wanted, version, built) in cases {
            let request = BuildRequest { wanted_tag: wanted.map(|tag| tag.parse().expect("a tag")), ..request() };
            let source = SourceFacts { version: version.map(str::to_owned), ..source() };
            let plan = BuildPlan::compute(&request, &source, &go("go1.24.11"));
            assert_eq!(plan.is_ok(), built, "{wanted:?} {version:?}: {plan:?}");
        }
        let request = BuildRequest { wanted_tag: Some("v0.0.143".parse().expect("a tag")), ..request() };
        assert_eq!(
            refusal(&request, &source(), &go("go1.24.11")),
            "v0.0.143 was requested, but the source in /src/reproq-worker is version 0.0.144"
        );
    }

    #[test]
    fn a_target_newer_than_the_toolchain_is_refused() {
        let mut source = source();
        source.go_mod.go = GoVersion::parse("1.13");
        let cases = [("linux-arm64", true), ("darwin-amd64", true), ("darwin-arm64", true), ("windows-arm64", false)];
        for (target, built) in cases {
            let request = BuildRequest { target: target.parse().expect("a target"), ..request() };
            assert_eq!(BuildPlan::compute(&request, &source, &go("go1.16.5")).is_ok(), built, "{target}");
        }
        let request = BuildRequest { target: "windows-arm64".parse().expect("a target"), ..request() };
        assert_eq!(
            refusal(&request, &source, &go("go1.16.5")),
            "building for windows-arm64 needs Go 1.17.0 or newer, found Go 1.16.5 (/opt/go/bin/go)"
        );
    }

    #[test]
    fn a_toolchain_of_unknown_version_is_used() {
        assert!(BuildPlan::compute(&request(), &source(), &go("devel +5d0d513e98")).is_ok());
    }
}
