//! Whether a file is the worker, according to its Go build information: the worker and this program have the same name.

use semver::Version;

use crate::model::Tool;
use crate::worker::executable::goinfo::GoBuildInfo;
use crate::worker::executable::goinfo::NoGoInfo;
use crate::worker::executable::inspection::FileContent;
use crate::worker::executable::inspection::Inspection;
use crate::worker::executable::inspection::NotProgram;
use crate::worker::executable::inspection::Slice;

/// What a file is. Reasons fit after "skipped: " or in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutableIdentity {
    /// The tool's own program.
    Worker {
        /// Its version, if built from a tagged version of its module; builds of a checkout do not record it.
        version: Option<Version>,
    },
    /// Definitely another program.
    NotWorker {
        /// What it is.
        reason: String,
    },
    /// Undetermined: a script that may start the worker, or a Go program whose build information cannot be read.
    Unknown {
        /// What it is, as far as known.
        reason: String,
    },
}

/// Whether the inspected file is the tool's program.
pub fn is_worker(inspection: &Inspection, tool: &Tool) -> ExecutableIdentity {
    match &inspection.content {
        FileContent::Program(program) => {
            // All parts of a universal file have the same source; the first conclusive one decides.
            let known = program.slices.iter().map(|slice| slice_identity(slice, tool));
            let known = known
                .reduce(|first, next| if matches!(first, ExecutableIdentity::Worker { .. }) { first } else { next });
            known.unwrap_or_else(|| ExecutableIdentity::Unknown { reason: "it has no parts".to_owned() })
        }
        FileContent::Other(script @ NotProgram::Script { .. }) => {
            ExecutableIdentity::Unknown { reason: format!("it is {script}") }
        }
        FileContent::Other(other) => ExecutableIdentity::NotWorker { reason: format!("it is {other}") },
    }
}

fn slice_identity(slice: &Slice, tool: &Tool) -> ExecutableIdentity {
    let go = match &slice.go {
        Ok(go) => go,
        // Every Go program has the information. Without it, this is another program of the same name, such as another version of
        // this command.
        Err(NoGoInfo::Absent) => return ExecutableIdentity::NotWorker { reason: "it is not a Go program".to_owned() },
        Err(why) => return ExecutableIdentity::Unknown { reason: why.to_string() },
    };
    match main_package(go, tool) {
        MainPackage::OfTool => ExecutableIdentity::Worker { version: tagged_version(go) },
        MainPackage::Other(other) => ExecutableIdentity::NotWorker { reason: format!("it is {other}") },
        MainPackage::Unrecorded => {
            ExecutableIdentity::Unknown { reason: "its Go build information does not include its module".to_owned() }
        }
    }
}

/// The main package of a Go program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MainPackage {
    /// The tool's.
    OfTool,
    /// Another one.
    Other(String),
    /// Not recorded, as in a build from single files or without modules.
    Unrecorded,
}

/// Compares the recorded module and package with the tool's.
pub(super) fn main_package(go: &GoBuildInfo, tool: &Tool) -> MainPackage {
    let expected = format!("{}/{}", tool.go_module, tool.go_package.trim_start_matches("./"));
    match (go.module_path.as_deref(), go.package_path.as_deref()) {
        (Some(module), _) if module != tool.go_module => {
            MainPackage::Other(format!("a program of the Go module `{module}`"))
        }
        // `go build main.go` records this for any module.
        (None, Some("command-line-arguments") | None) => MainPackage::Unrecorded,
        (_, Some(package)) if package != expected => {
            MainPackage::Other(format!("the Go program `{package}`, not `{expected}`"))
        }
        (Some(_), Some(_)) => MainPackage::OfTool,
        (Some(_), None) | (None, Some(_)) => MainPackage::Unrecorded,
    }
}

/// The module's version if it is a tag: not `(devel)`, not a pseudo-version, not a modified checkout.
fn tagged_version(go: &GoBuildInfo) -> Option<Version> {
    let version = Version::parse(go.module_version.as_deref()?.strip_prefix('v')?).ok()?;
    let is_changed = version.build.split('.').any(|part| part == "dirty");
    if is_changed || is_pseudo(&version) { None } else { Some(version) }
}

/// Pseudo-versions end with the time of a commit (14 digits) and the first 12 digits of its hash.
fn is_pseudo(version: &Version) -> bool {
    let Some((before, hash)) = version.pre.rsplit_once('-') else { return false };
    let time = before.rsplit('.').next().unwrap_or_default();
    let is_time = time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit());
    is_time && hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::executable::goinfo::NoGoInfo;
    use crate::worker::executable::inspection::Format;
    use crate::worker::executable::inspection::Program;
    use crate::worker::executable::samples::slice;
    use crate::worker::executable::samples::worker_info;

    fn identity(slices: Vec<Slice>) -> ExecutableIdentity {
        let content = FileContent::Program(Program { format: Format::Elf, slices });
        is_worker(&Inspection { size: 1, content }, &Tool::WORKER)
    }

    fn with_go(go: Result<GoBuildInfo, NoGoInfo>) -> Slice {
        Slice { go, ..slice("linux-amd64") }
    }

    #[test]
    fn the_module_and_the_package_decide() {
        let package = |path: &str| GoBuildInfo { package_path: Some(path.to_owned()), ..worker_info("linux-amd64") };
        let module = |path: &str| GoBuildInfo { module_path: Some(path.to_owned()), ..worker_info("linux-amd64") };
        assert_eq!(
            identity(vec![with_go(Ok(worker_info("linux-amd64")))]),
            ExecutableIdentity::Worker { version: None }
        );
        let of_go = GoBuildInfo { module_path: None, ..package("cmd/go") };
        let cases = [
            (of_go, "it is the Go program `cmd/go`, not `reproq-worker/cmd/reproq`"),
            (
                package("reproq-worker/cmd/other"),
                "it is the Go program `reproq-worker/cmd/other`, not `reproq-worker/cmd/reproq`",
            ),
            (module("example.com/reproq-worker"), "it is a program of the Go module `example.com/reproq-worker`"),
        ];
        for (go, reason) in cases {
            assert_eq!(identity(vec![with_go(Ok(go))]), ExecutableIdentity::NotWorker { reason: reason.to_owned() });
        }
    }

    #[test]
    fn a_file_without_build_information_is_unknown() {
        let of_files = GoBuildInfo {
            package_path: Some("command-line-arguments".to_owned()),
            module_path: None,
            ..worker_info("linux-amd64")
        };
        for slice in [with_go(Ok(of_files)), with_go(Err(NoGoInfo::OlderThanGo118))] {
            assert!(matches!(identity(vec![slice]), ExecutableIdentity::Unknown { .. }));
        }
        let script = NotProgram::Script { interpreter: "/bin/sh".to_owned() };
        let script = Inspection { size: 9, content: FileContent::Other(script) };
        assert_eq!(
            is_worker(&script, &Tool::WORKER),
            ExecutableIdentity::Unknown { reason: "it is a script for `/bin/sh`".to_owned() }
        );
    }

    #[test]
    fn a_file_that_is_not_a_program_is_not_the_worker() {
        let page = Inspection { size: 9, content: FileContent::Other(NotProgram::Html) };
        assert_eq!(
            is_worker(&page, &Tool::WORKER),
            ExecutableIdentity::NotWorker { reason: "it is an HTML page".to_owned() }
        );
    }

    #[test]
    fn one_conclusive_part_of_a_universal_file_decides() {
        let silent = with_go(Err(NoGoInfo::Absent));
        let worker = with_go(Ok(worker_info("linux-amd64")));
        assert_eq!(identity(vec![silent, worker]), ExecutableIdentity::Worker { version: None });
    }

    #[test]
    fn only_a_tag_is_a_version() {
        for (recorded, expected) in [
            ("v0.0.144", Some("0.0.144")),
            ("v1.0.0-rc.1", Some("1.0.0-rc.1")),
            ("(devel)", None),
            ("v0.0.0-20260102030405-544aae0deadb", None),
            ("v0.0.145-0.20260102030405-544aae0deadb", None),
            ("v1.0.0-rc.1.0.20260102030405-544aae0deadb", None),
            ("v0.0.144+dirty", None),
            ("0.0.144", None),
            ("", None),
        ] {
            let go = GoBuildInfo { module_version: Some(recorded.to_owned()), ..worker_info("linux-amd64") };
            let version = expected.map(|text| Version::parse(text).expect("semver"));
            assert_eq!(identity(vec![with_go(Ok(go))]), ExecutableIdentity::Worker { version }, "{recorded}");
        }
    }
}
