//! The Go toolchain: finds its `go` command, and queries its version and the user's Go settings.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::io::process::Keep;
use crate::io::process::Output;
use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::io::process::find_program;
use crate::io::process::run;
use crate::model::secret::Secret;
use crate::worker::local_build::environment::Environment;
use crate::worker::local_build::environment::is_variable;
use crate::worker::local_build::environment::variable;
use crate::worker::local_build::environment::without_steering;
use crate::worker::local_build::request::GoVersion;

/// The time limit for a query.
const PATIENCE: Duration = Duration::from_secs(20);

/// The size limit for output.
const LONGEST_ANSWER: usize = 16 << 20;

/// The user's Go settings that a build keeps: where modules come from, how they are checked, where the caches are.
const GO_SETTINGS: [&str; 11] = [
    "GOPROXY",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOSUMDB",
    "GOINSECURE",
    "GOVCS",
    "GOAUTH",
    "GOMODCACHE",
    "GOCACHE",
    "GOTMPDIR",
];

/// The result of searching for a Go toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GoFacts {
    /// A working toolchain.
    Found(Go),
    /// There is no `go` in these directories.
    Missing {
        /// `PATH` in order, then `bin` of `GOROOT`.
        searched: Vec<PathBuf>,
    },
    /// There is a file named `go`, but it is not a working Go.
    Unusable {
        /// The file.
        program: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A Go toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Go {
    /// Its `go` command.
    pub program: PathBuf,
    /// Its reported name: `go1.24.11`.
    pub name: String,
    /// The parsed version, if it could be parsed.
    pub version: Option<GoVersion>,
    /// The user's settings for modules, checksums and caches. A proxy URL may contain a password, so these are secrets.
    pub settings: Vec<(String, Secret<OsString>)>,
}

impl GoFacts {
    /// Searches for Go on the `PATH` of this environment, then in its `GOROOT`, and queries it. Relative entries of `PATH` are
    /// skipped, as by Go's own tools: they would run programs from the current directory.
    ///
    /// An error means that no program could be started at all.
    pub(crate) fn find(environment: &Environment) -> Result<Self, ProcessError> {
        let in_root = variable(environment, "GOROOT").map(|root| Path::new(root).join("bin"));
        let program = match find_program("go", environment, in_root) {
            Ok(program) => program,
            Err(searched) => return Ok(Self::Missing { searched }),
        };
        match ask_go(&program, environment) {
            Ok(go) => Ok(Self::Found(go)),
            Err(NoAnswer::Unusable(reason)) => Ok(Self::Unusable { program, reason }),
            Err(NoAnswer::System(error)) => Err(error),
        }
    }
}

/// Why a query to `go` failed.
enum NoAnswer {
    Unusable(String),
    System(ProcessError),
}

/// Runs `go` for a query.
pub(super) fn ask(
    program: &Path,
    arguments: &[&str],
    directory: Option<&Path>,
    environment: &Environment,
) -> Result<Output, ProcessError> {
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    let request = Request {
        program,
        arguments: &arguments,
        directory,
        environment,
        stdin: Stdin::Empty,
        limit: PATIENCE,
        output_limit: LONGEST_ANSWER,
        keep: Keep::All,
    };
    run(&request, &|| false)
}

/// Queries the version and the user's settings.
fn ask_go(program: &Path, environment: &Environment) -> Result<Go, NoAnswer> {
    let mut environment = without_steering(environment);
    environment.retain(|(name, _)| !is_variable(name, "GOTOOLCHAIN"));
    environment.extend([("GOTOOLCHAIN", "local"), ("GOWORK", "off")].map(|(name, value)| (name.into(), value.into())));
    let ask = |arguments: &[&str]| -> Result<String, NoAnswer> {
        // In its own directory, because files in the current one can change the result.
        match ask(program, arguments, program.parent(), &environment) {
            Ok(answer) if answer.status.success() => Ok(answer.text()),
            Ok(answer) => Err(NoAnswer::Unusable(answer.complaint())),
            Err(error) if error.is_of_the_program() => Err(NoAnswer::Unusable(error.line())),
            Err(error) => Err(NoAnswer::System(error)),
        }
    };
    let question: Vec<&str> = ["env", "-json", "GOVERSION"].into_iter().chain(GO_SETTINGS).collect();
    let answer = ask(&question)?;
    let answer: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&answer)
        .map_err(|_| NoAnswer::Unusable("`go env -json` did not print JSON".to_owned()))?;
    let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str).filter(|value| !value.is_empty());
    // Go before 1.16 has no GOVERSION.
    let name = match text("GOVERSION") {
        Some(name) => name.to_owned(),
        None => ask(&["version"])?.trim().trim_start_matches("go version ").to_owned(),
    };
    let settings = GO_SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), Secret::new(text(name)?.into()))));
    Ok(Go { program: program.to_owned(), version: GoVersion::of_toolchain(&name), settings: settings.collect(), name })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::worker::local_build::samples::fake_go;

    #[test]
    fn go_is_found_and_queried() {
        let root = tempfile::tempdir().expect("a directory");
        let [empty, first, second] = ["empty", "first", "goroot/bin"].map(|name| root.path().join(name));
        fs::create_dir(&empty).expect("created");
        fake_go(&first, r#"echo '{"GOVERSION": "go1.24.11", "GOPROXY": "https://p.test", "GOPRIVATE": ""}'"#);
        fake_go(&second, r#"if [ "$1" = env ]; then echo '{}'; else echo 'go version go1.13.8 linux/amd64'; fi"#);
        let find = |directories: &[&PathBuf], goroot: &str| {
            let path = std::env::join_paths(directories).expect("a PATH");
            GoFacts::find(&[("PATH".into(), path), ("GOROOT".into(), goroot.into())]).expect("processes can be started")
        };
        let found = |facts: GoFacts| match facts {
            GoFacts::Found(go) => (go.name, go.version, go.settings),
            other @ (GoFacts::Missing { .. } | GoFacts::Unusable { .. }) => panic!("expected Go, found {other:?}"),
        };
        let goroot = root.path().join("goroot");
        let goroot = goroot.to_str().expect("text");

        let (name, version, settings) = found(find(&[&empty, &first, &second], ""));
        assert_eq!((name.as_str(), version), ("go1.24.11", GoVersion::parse("1.24.11")));
        assert_eq!(settings, [("GOPROXY".to_owned(), Secret::new(OsString::from("https://p.test")))]);
        let (name, version, _) = found(find(&[&empty], goroot));
        assert_eq!((name.as_str(), version), ("go1.13.8 linux/amd64", GoVersion::parse("1.13.8")));
        let relative = PathBuf::from("relative");
        assert_eq!(find(&[&relative, &empty], ""), GoFacts::Missing { searched: vec![empty.clone()] });
    }

    #[test]
    fn programs_that_only_look_like_go_are_rejected() {
        let root = tempfile::tempdir().expect("a directory");
        let cases = [
            ("echo hello", "`go env -json` did not print JSON"),
            ("echo one >&2; echo 'no such command: env' >&2; exit 3", "no such command: env"),
            ("exit 3", "exit status: 3"),
        ];
        for (script, expected) in cases {
            fake_go(root.path(), script);
            let facts = GoFacts::find(&[("PATH".into(), root.path().into())]).expect("processes can be started");
            let program = root.path().join("go");
            assert_eq!(facts, GoFacts::Unusable { program, reason: expected.to_owned() }, "{script}");
        }
    }
}
