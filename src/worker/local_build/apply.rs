//! Carries out a build plan: runs `go`, forwards its output, and returns the result.
#![expect(clippy::disallowed_methods, reason = "what a build made is looked at here")]

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use std::time::Instant;

use semver::Version;
use thiserror::Error;

use crate::io::process::Keep;
use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::io::process::stream;
use crate::model::progress::Progress;
use crate::worker::local_build::environment::Environment;
use crate::worker::local_build::output::BuildOutput;
use crate::worker::local_build::output::listed;
use crate::worker::local_build::plan::BuildPlan;

/// The result of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct Built {
    /// The executable.
    pub path: PathBuf,
    /// The Go version used: `go1.24.11`.
    pub go_version: String,
    /// The commit of its source, if known to git.
    pub commit: Option<String>,
    /// Whether the source differed from that commit, if known to git.
    pub dirty: Option<bool>,
    /// The version the source declares.
    pub source_version: Option<Version>,
    /// How long the build took.
    pub duration: Duration,
}

/// Why a build failed.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    /// The `go` command could not be started, or was lost while running.
    #[error(transparent)]
    Process(ProcessError),
    /// `go build` reported a failure.
    #[error("`go build` in {directory} failed: {status}")]
    Failed {
        /// The checkout.
        directory: PathBuf,
        status: ExitStatus,
        /// The last lines it printed.
        lines: Vec<String>,
    },
    /// Offline, and required modules are missing.
    #[error("{directory} has no vendor/ directory, and Go's module cache lacks {}", listed(missing))]
    ModulesMissing {
        /// The checkout.
        directory: PathBuf,
        /// The modules or packages, as named by Go.
        missing: Vec<String>,
        /// The last lines `go build` printed.
        lines: Vec<String>,
    },
    /// `go mod vendor` reported a failure.
    #[error("`go mod vendor` in a copy of {directory} failed: {status}")]
    VendorFailed {
        /// The checkout.
        directory: PathBuf,
        status: ExitStatus,
        /// The last lines it printed.
        lines: Vec<String>,
    },
    /// `go build` succeeded but wrote no file.
    #[error("`go build` succeeded, but did not write {0}")]
    OutputMissing(PathBuf),
    /// Cancelled by the caller; the child process has ended.
    #[error("the build was interrupted")]
    GivenUp,
}

impl BuildError {
    /// Go's last lines of output, if they explain the error.
    pub(crate) fn lines(&self) -> &[String] {
        match self {
            Self::Failed { lines, .. } | Self::ModulesMissing { lines, .. } | Self::VendorFailed { lines, .. } => lines,
            Self::Process(_) | Self::OutputMissing(_) | Self::GivenUp => &[],
        }
    }
}

/// Runs the plan. Each line printed by `go` becomes a note. `given_up` is polled many times a second; once it returns true, or
/// the caller unwinds, the child process is killed. The environment of this process is not used: the child gets `environment`
/// as modified by the plan.
pub(crate) fn apply(
    plan: &BuildPlan,
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<Built, BuildError> {
    let began = Instant::now();
    progress.begin(&format!("Building {} with {}", plan.directory().display(), plan.go_name()), None);
    let environment = plan.environment(environment);
    let outcome = run(plan.program(), plan.arguments(), plan.directory(), &environment, progress, given_up);
    progress.end();
    let (status, output) = outcome?;
    if !status.success() {
        return Err(output.into_error(plan, status));
    }
    if !fs::metadata(plan.output()).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
        return Err(BuildError::OutputMissing(plan.output().to_owned()));
    }
    Ok(Built {
        path: plan.output().to_owned(),
        go_version: plan.go_name().to_owned(),
        commit: plan.commit().map(str::to_owned),
        dirty: plan.dirty(),
        source_version: plan.source_version().cloned(),
        duration: began.elapsed(),
    })
}

/// Runs `go` to its end. Each line it prints becomes a note.
pub(super) fn run(
    go: &Path,
    arguments: &[OsString],
    directory: &Path,
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<(ExitStatus, BuildOutput), BuildError> {
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let request = Request {
        program: go,
        arguments: &arguments,
        directory: Some(directory),
        environment,
        stdin: Stdin::Empty,
        // Builds have no time limit; a signal ends them.
        limit: Duration::MAX,
        output_limit: usize::MAX,
        keep: Keep::All,
    };
    let mut output = BuildOutput::default();
    let mut remember = |line: String| {
        progress.note(&line);
        output.remember(line);
    };
    match stream(&request, &mut remember, given_up) {
        Ok(status) => Ok((status, output)),
        Err(ProcessError::GivenUp) => Err(BuildError::GivenUp),
        Err(error) => Err(BuildError::Process(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::worker::local_build::BuildRefusal;
    use crate::worker::local_build::BuildRequest;
    use crate::worker::local_build::prepare;
    use crate::worker::local_build::samples::Listener;
    use crate::worker::local_build::samples::Stage;

    fn printed(program: &Path, argument: &str) -> String {
        let output = Command::new(program).arg(argument).output().expect("the built worker runs");
        String::from_utf8(output.stdout).expect("text")
    }

    #[test]
    fn builds_the_worker_in_any_environment() {
        let Some(mut stage) = Stage::with_go() else { return };
        let hostile = stage.root.path().join("goenv");
        fs::write(&hostile, "GOFLAGS=-bogus\nGOOS=plan9\nCGO_ENABLED=1\nGO111MODULE=off\n").expect("written");
        fs::write(stage.root.path().join("go.work"), "go 1.21\n").expect("written");
        stage.set(&[
            ("GOENV", hostile.to_str().expect("text")),
            ("GOFLAGS", "-bogus"),
            ("GOOS", "plan9"),
            ("GOARCH", "mips"),
            ("GOWORK", "/nowhere/go.work"),
            ("GOROOT", "/nowhere"),
            ("GO111MODULE", "off"),
            ("GOTOOLCHAIN", "go1.99.0"),
        ]);
        let request = BuildRequest { wanted_tag: Some("v0.0.144".parse().expect("a tag")), ..stage.request() };
        let built = stage.build(&request).expect("built");
        assert_eq!(built.path, request.output);
        assert!(built.go_version.starts_with("go1."), "{}", built.go_version);
        assert_eq!((built.commit, built.dirty), (None, None));
        assert_eq!(built.source_version, Some(Version::new(0, 0, 144)));
        assert!(built.duration > Duration::ZERO);
        assert_eq!(printed(&request.output, "--version"), "reproq-worker version 0.0.144\n");
        assert_eq!(printed(&request.output, "env"), "flavour=prod\n");
    }

    #[test]
    fn builds_for_another_platform() {
        let Some(stage) = Stage::with_go() else { return };
        let (target, start): (&str, &[u8]) =
            if cfg!(windows) { ("linux-arm64", b"\x7fELF") } else { ("windows-arm64", b"MZ") };
        let request = BuildRequest { target: target.parse().expect("a target"), offline: false, ..stage.request() };
        let built = stage.build(&request).expect("built");
        assert!(fs::read(&built.path).expect("readable").starts_with(start));
    }

    #[test]
    fn a_compile_error_includes_the_compilers_output() {
        let Some(stage) = Stage::with_go() else { return };
        stage.write("cmd/reproq/broken.go", "package main\n\nvar broken = nowhere\n");
        let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
        let listener = Listener::default();
        let error = apply(&plan, &stage.environment, &listener, &|| false).expect_err("does not compile");
        let BuildError::Failed { lines, .. } = error else { panic!("expected a failed build, found {error:?}") };
        assert!(lines.iter().any(|line| line.contains("undefined: nowhere")), "{lines:?}");
        let printed = listener.0.into_inner();
        assert!(printed[0].starts_with("begin Building "), "{printed:?}");
        assert_eq!((&printed[1..printed.len() - 1], printed.last().map(String::as_str)), (&lines[..], Some("end")));
        assert!(!stage.request().output.exists());
    }

    /// Makes the sample require a module that does not exist.
    fn require_a_module(stage: &Stage) {
        stage.write("go.mod", "module reproq-worker\n\ngo 1.21\n\nrequire corp.invalid/dep v1.0.0\n");
        let sum = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        stage.write("go.sum", &format!("corp.invalid/dep v1.0.0 h1:{sum}\ncorp.invalid/dep v1.0.0/go.mod h1:{sum}\n"));
        stage.write("cmd/reproq/dep.go", "package main\n\nimport _ \"corp.invalid/dep\"\n");
    }

    #[test]
    fn offline_without_vendor_the_missing_modules_are_named() {
        let Some(mut stage) = Stage::with_go() else { return };
        require_a_module(&stage);
        // Private modules are fetched from their own host, bypassing the proxy, unless that is disabled as well.
        stage.set(&[("GOPRIVATE", "corp.invalid/*")]);
        let error = stage.build(&stage.request()).expect_err("there is no such module");
        let BuildError::ModulesMissing { missing, .. } = &error else { panic!("expected a missing module: {error:?}") };
        assert_eq!(missing, &["corp.invalid/dep@v1.0.0"]);
        let directory = stage.source();
        assert_eq!(
            error.to_string(),
            format!(
                "{} has no vendor/ directory, and Go's module cache lacks corp.invalid/dep@v1.0.0",
                directory.display()
            )
        );
    }

    #[test]
    fn offline_the_vendor_directory_is_used() {
        let Some(stage) = Stage::with_go() else { return };
        require_a_module(&stage);
        stage.write("vendor/modules.txt", "# corp.invalid/dep v1.0.0\n## explicit\ncorp.invalid/dep\n");
        stage.write("vendor/corp.invalid/dep/dep.go", "package dep\n");
        let built = stage.build(&stage.request()).expect("built");
        assert_eq!(printed(&built.path, "--version"), "reproq-worker version 0.0.144\n");
    }

    #[test]
    fn what_cannot_be_built_is_refused_before_anything_runs() {
        let stage = Stage::new(OsString::new());
        assert!(matches!(stage.refused(&stage.request()), BuildRefusal::GoMissing { .. }));
        stage.write("go.mod", "module example.test/other\n");
        assert!(matches!(stage.refused(&stage.request()), BuildRefusal::OtherModule { .. }));
    }

    #[cfg(unix)]
    mod with_a_script {
        use std::process::Stdio;

        use super::*;
        use crate::io::process::LINE_LIMIT;
        use crate::worker::local_build::output::LINES_KEPT;

        /// A stage whose `go` is a shell script: it answers `go env` with this version and builds with this script, which finds the
        /// output path in `$OUT`.
        fn stage(version: &str, build: &str) -> Stage {
            let stage = Stage::new(OsString::new());
            let script = format!(
                "#!/bin/sh\nif [ $1 = env ]; then echo '{{\"GOVERSION\": \"{version}\"}}'; exit; fi\n\
                 while [ $1 != -o ]; do shift; done; OUT=$2\n{build}\n"
            );
            let bin = stage.root.path().join("bin");
            fs::create_dir(&bin).expect("created");
            // Written by a separate shell: a file open for writing in this process could be inherited by a child that another test
            // starts at that moment, and executing it would fail as busy.
            let write = "printf '%s' \"$1\" > \"$2/go\" && chmod 755 \"$2/go\"";
            let written = Command::new("sh").args(["-c", write, "sh", &script]).arg(&bin).status();
            assert!(written.expect("sh runs").success());
            let path = std::env::join_paths([bin, "/usr/bin".into(), "/bin".into()]).expect("a PATH");
            Stage { environment: vec![("PATH".into(), path)], ..stage }
        }

        fn printed(stage: &Stage) -> (Result<Built, BuildError>, Vec<String>) {
            let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
            let listener = Listener::default();
            let outcome = apply(&plan, &stage.environment, &listener, &|| false);
            (outcome, listener.0.into_inner())
        }

        #[test]
        fn an_old_go_is_refused() {
            let stage = stage("go1.20.14", "exit 1");
            let refusal = stage.refused(&stage.request()).to_string();
            assert!(refusal.contains("needs Go 1.21 or newer, found Go 1.20.14"), "{refusal}");
        }

        #[test]
        fn lines_are_escaped_and_cut_and_the_last_are_kept() {
            let long = "x".repeat(3 * LINE_LIMIT);
            let stage = stage(
                "go1.30.0",
                &format!(
                    "printf 'a\\033[31m\\tb\\r\\n'; echo '{long}'; echo 'get https://me:pw@host.test/x@v1';\n\
                     i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); done; printf 'no end \\377'; exit 7"
                ),
            );
            let (outcome, printed) = printed(&stage);
            assert_eq!(printed[1], "a\\x1b[31m    b");
            assert_eq!(printed[2], format!("{}…", "x".repeat(LINE_LIMIT)));
            assert_eq!(printed[3], "get https://[redacted]@host.test/x@v1");
            let Err(BuildError::Failed { status, lines, .. }) = outcome else {
                panic!("expected failure: {outcome:?}")
            };
            assert_eq!(status.code(), Some(7));
            assert_eq!(lines.len(), LINES_KEPT);
            assert_eq!((lines[0].as_str(), lines[LINES_KEPT - 1].as_str()), ("line 21", "no end \u{fffd}"));
        }

        #[test]
        fn success_without_a_file_is_an_error() {
            for build in ["true", ": > \"$OUT\"", "mkdir \"$OUT\""] {
                let stage = stage("go1.30.0", build);
                let (outcome, _) = printed(&stage);
                assert!(matches!(outcome, Err(BuildError::OutputMissing(_))), "{build}: {outcome:?}");
            }
        }

        #[test]
        fn the_build_sees_no_token() {
            let mut stage = stage("go1.30.0", "env; echo x > \"$OUT\"");
            stage.set(&[("GITHUB_TOKEN", "t"), ("REPROQ_GITHUB_TOKEN", "t"), ("GOFLAGS", "-x"), ("KEPT", "yes")]);
            let (outcome, printed) = printed(&stage);
            assert!(outcome.is_ok(), "{outcome:?}");
            assert!(
                printed.contains(&"KEPT=yes".to_owned()) && printed.contains(&"GOFLAGS=".to_owned()),
                "{printed:?}"
            );
            assert!(!printed.iter().any(|line| line.contains("TOKEN")), "{printed:?}");
        }

        #[test]
        fn cancelling_kills_the_child() {
            let stage = stage("go1.30.0", "echo $$; exec sleep 60");
            let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
            let listener = Listener::default();
            let given_up = || listener.0.borrow().len() > 1;
            let outcome = apply(&plan, &stage.environment, &listener, &given_up);
            assert!(matches!(outcome, Err(BuildError::GivenUp)), "{outcome:?}");
            let child = listener.0.borrow()[1].clone();
            let alive = Command::new("kill").args(["-0", &child]).stderr(Stdio::null()).status().expect("kill runs");
            assert!(!alive.success(), "process {child} is still there");
        }

        #[test]
        fn a_grandchild_that_keeps_the_pipe_open_does_not_block() {
            let stage = stage("go1.30.0", "sleep 20 & echo x > \"$OUT\"");
            let (outcome, _) = printed(&stage);
            assert!(outcome.expect("built").duration < Duration::from_secs(15));
        }

        #[test]
        fn a_go_that_does_not_start_is_reported() {
            let stage = stage("go1.30.0", "true");
            let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
            fs::remove_file(plan.program()).expect("removed");
            let outcome = apply(&plan, &stage.environment, &Listener::default(), &|| false);
            assert!(matches!(outcome, Err(BuildError::Process(ProcessError::Start { .. }))), "{outcome:?}");
        }
    }
}
