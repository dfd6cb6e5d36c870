//! Starts an executable once to get its version, which is then compared with the tag.
#![cfg_attr(all(test, unix), expect(clippy::disallowed_methods, reason = "the tests write programs to start"))]

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use semver::Version;
use thiserror::Error;

use crate::io::process;
use crate::io::process::Keep;
use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::model::Tag;
use crate::model::Tool;
use crate::worker::executable::inspect::inspect;
use crate::worker::executable::inspection::FileContent;
use crate::worker::executable::inspection::NotProgram;
use crate::worker::executable::words::printable;
use crate::worker::executable::words::printable_bytes;

/// How much of each output stream is kept. A version is one line.
const KEPT: usize = 64 << 10;

/// The limit for all output; a program that prints more will not stop.
const MOST_OUTPUT: usize = 16 << 20;

/// The output of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct SmokeOutput {
    /// The version it printed.
    pub version: Version,
    /// Its raw standard output, at most 64 KiB.
    pub raw: String,
}

/// Why the program is refused. Its output is shortened to one line of at most 200 characters, safe to print.
#[derive(Debug, Error)]
pub(crate) enum SmokeError {
    /// The system could not start it.
    #[error("failed to start {}", path.display())]
    CouldNotStart {
        /// The program.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The program exists, but its loader or interpreter does not; the system reports both as "not found".
    #[error("failed to start {}: it needs {loader}, which does not exist here", path.display())]
    LoaderMissing {
        /// The program.
        path: PathBuf,
        /// Its dynamic loader, or the interpreter of a script.
        loader: String,
    },
    /// It timed out and was killed.
    #[error("{} --version did not finish within {} s", path.display(), after.as_secs_f64())]
    TimedOut {
        /// The program.
        path: PathBuf,
        /// The timeout.
        after: Duration,
    },
    /// It printed too much and was killed.
    #[error("{} --version printed more than {} MiB", path.display(), MOST_OUTPUT >> 20)]
    Flooded {
        /// The program.
        path: PathBuf,
    },
    #[error("{} --version failed: {status}{}", path.display(), saying(said))]
    Failed {
        /// The program.
        path: PathBuf,
        status: ExitStatus,
        /// The first line of standard error, else of standard output; may be empty.
        said: String,
    },
    /// It succeeded but did not print the tool's version.
    #[error("{} --version did not print `{expected}X.Y.Z`{}", path.display(), saying(said))]
    OtherWords {
        /// The program.
        path: PathBuf,
        /// The start of the tool's version line.
        expected: &'static str,
        /// The first line it printed; may be empty.
        said: String,
    },
}

fn saying(said: &str) -> String {
    if said.is_empty() { "; it printed nothing".to_owned() } else { format!("; it printed `{said}`") }
}

/// Runs `PATH --version` and parses the tool's version from its output. Blocks for little more than `timeout`, and kills the
/// program as soon as `given_up` returns true.
pub(crate) fn smoke_check(
    path: &Path,
    tool: &Tool,
    timeout: Duration,
    given_up: &dyn Fn() -> bool,
) -> Result<SmokeOutput, SmokeError> {
    // A relative program path does not work with another current directory.
    let absolute =
        std::path::absolute(path).map_err(|source| SmokeError::CouldNotStart { path: path.to_owned(), source })?;
    let request = Request {
        program: &absolute,
        arguments: &["--version".as_ref()],
        directory: absolute.parent(),
        environment: &[],
        stdin: Stdin::Empty,
        limit: timeout,
        output_limit: MOST_OUTPUT,
        keep: Keep::First(KEPT),
    };
    let output = process::run(&request, given_up).map_err(|error| match error {
        ProcessError::Start { source, .. } => explained(path, source),
        ProcessError::Lost { source, .. } => SmokeError::CouldNotStart { path: path.to_owned(), source },
        ProcessError::TimedOut { .. } | ProcessError::GivenUp => {
            SmokeError::TimedOut { path: path.to_owned(), after: timeout }
        }
        ProcessError::Flooded { .. } => SmokeError::Flooded { path: path.to_owned() },
    })?;
    let status = output.status;
    if !status.success() {
        let lines = [first_line(&output.stderr), first_line(&output.stdout)];
        let said = lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
        return Err(SmokeError::Failed { path: path.to_owned(), status, said });
    }
    let raw = String::from_utf8_lossy(&output.stdout).into_owned();
    match introduced_version(&raw, tool.version_prefix) {
        Some(version) => Ok(SmokeOutput { version, raw }),
        None => Err(SmokeError::OtherWords {
            path: path.to_owned(),
            expected: tool.version_prefix,
            said: first_line(&output.stdout),
        }),
    }
}

/// The result of the comparison with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionCheck {
    /// The version matches the tag.
    Equal,
    /// The tag is not a version, so there is nothing to compare.
    TagWithoutVersion,
}

/// The program reports another version than its tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the program reports version {said}, but the tag is {tag}")]
pub(crate) struct VersionMismatch {
    /// The reported version.
    pub said: Version,
    pub tag: Tag,
}

/// Compares the reported version with the tag, as versions.
pub(crate) fn check_version(output: &SmokeOutput, tag: &Tag) -> Result<VersionCheck, VersionMismatch> {
    match tag.version() {
        None => Ok(VersionCheck::TagWithoutVersion),
        Some(version) if version == output.version => Ok(VersionCheck::Equal),
        Some(_) => Err(VersionMismatch { said: output.version.clone(), tag: tag.clone() }),
    }
}

/// The version in the first line, which must start like the tool's; more text may follow it.
fn introduced_version(output: &str, prefix: &str) -> Option<Version> {
    let words = output.lines().next()?.strip_prefix(prefix)?;
    Version::parse(words.split_ascii_whitespace().next()?).ok()
}

fn first_line(output: &[u8]) -> String {
    let line = output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    printable_bytes(line.unwrap_or_default(), 200)
}

/// Tells a missing loader from a missing program.
fn explained(path: &Path, source: io::Error) -> SmokeError {
    let loader = if source.kind() == io::ErrorKind::NotFound { loader_of(path) } else { None };
    match loader {
        Some(loader) => SmokeError::LoaderMissing { path: path.to_owned(), loader },
        None => SmokeError::CouldNotStart { path: path.to_owned(), source },
    }
}

fn loader_of(path: &Path) -> Option<String> {
    match inspect(path).ok()?.content {
        FileContent::Program(program) => program.slices.into_iter().find_map(|slice| slice.linkage.loader),
        FileContent::Other(NotProgram::Script { interpreter }) => {
            interpreter.split_ascii_whitespace().next().map(|program| printable(program, 200))
        }
        FileContent::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(version: &str) -> SmokeOutput {
        SmokeOutput { version: Version::parse(version).expect("semver"), raw: String::new() }
    }

    #[test]
    fn only_the_tools_own_output_is_a_version() {
        let version = |text| introduced_version(text, Tool::WORKER.version_prefix).map(|version| version.to_string());
        for text in [
            "reproq-worker version 0.0.144\n",
            "reproq-worker version 0.0.144\r\n",
            "reproq-worker version 0.0.144 (abc)",
        ] {
            assert_eq!(version(text).as_deref(), Some("0.0.144"), "{text:?}");
        }
        for text in [
            "",
            "\nreproq-worker version 0.0.144",
            "reproq-cli 0.1.0 (abc)",
            "reproq-worker version",
            "reproq-worker version \n1.2.3",
            "reproq-worker version v0.0.144",
            "reproq-worker version 0.0",
            " reproq-worker version 0.0.144",
        ] {
            assert_eq!(version(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_version_must_be_the_tags() {
        let check = |version: &str, tag: &str| check_version(&output(version), &tag.parse().expect("a tag"));
        assert_eq!(check("0.0.144", "v0.0.144"), Ok(VersionCheck::Equal));
        assert_eq!(check("0.0.144", "0.0.144"), Ok(VersionCheck::Equal));
        assert_eq!(check("0.0.144", "nightly"), Ok(VersionCheck::TagWithoutVersion));
        for tag in ["v0.0.145", "v0.0.144-rc.1", "v0.0.144+other"] {
            let mismatch = check("0.0.144", tag).expect_err("another version");
            assert_eq!(mismatch.to_string(), format!("the program reports version 0.0.144, but the tag is {tag}"));
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        let directory = tempfile::tempdir().expect("a directory");
        let refused = smoke_check(&directory.path().join("reproq"), &Tool::WORKER, Duration::from_secs(5), &|| false);
        assert!(
            matches!(&refused, Err(SmokeError::CouldNotStart { source, .. }) if source.kind() == io::ErrorKind::NotFound),
            "{refused:?}"
        );
    }

    #[cfg(unix)]
    mod processes {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;
        use std::time::Instant;

        use super::*;
        use crate::worker::executable::samples::ElfSample;

        /// Runs a file with this content; returns the result, its message without the directory, and the duration.
        fn run(content: &[u8], timeout: Duration) -> (Result<SmokeOutput, SmokeError>, String, Duration) {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("reproq");
            fs::write(&path, content).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
            let before = Instant::now();
            let outcome = smoke_check(&path, &Tool::WORKER, timeout, &|| false);
            let text = outcome.as_ref().map_or_else(ToString::to_string, |output| output.raw.clone());
            (outcome, text.replace(&format!("{}/", directory.path().display()), ""), before.elapsed())
        }

        fn script(lines: &str) -> (Result<SmokeOutput, SmokeError>, String, Duration) {
            run(format!("#!/bin/sh\n{lines}\n").as_bytes(), Duration::from_secs(20))
        }

        #[test]
        fn the_version_is_read_from_a_real_process() {
            let (outcome, _, _) = script(r#"[ "$*" = --version ] && echo "reproq-worker version 1.2.3""#);
            assert_eq!(outcome.expect("a version").version, Version::new(1, 2, 3));
        }

        #[test]
        fn nothing_of_our_environment_input_or_directory_reaches_it() {
            let lines = r#"[ -z "$HOME$CARGO$CARGO_MANIFEST_DIR" ] || exit 3; read line && exit 4; [ -f ./reproq ] || exit 5
                echo "reproq-worker version 1.2.3""#;
            let (outcome, text, _) = script(lines);
            assert!(outcome.is_ok(), "{text}");
        }

        #[test]
        fn other_output_is_escaped() {
            let (_, text, _) = script(r#"printf 'reproq-cli \033[2J0.1.0\nmore\n'"#);
            let expected =
                r"reproq --version did not print `reproq-worker version X.Y.Z`; it printed `reproq-cli \u{1b}[2J0.1.0`";
            assert_eq!(text, expected);
            let (_, text, _) = script("exit 0");
            assert_eq!(text, "reproq --version did not print `reproq-worker version X.Y.Z`; it printed nothing");
            let (outcome, _, _) = script("printf '%0999d' 0");
            assert!(matches!(outcome, Err(SmokeError::OtherWords { said, .. }) if said.chars().count() == 201));
        }

        #[test]
        fn a_failure_carries_its_first_line() {
            let loader = "reproq: /lib/libc.so.6: version `GLIBC_2.34' not found";
            let (_, text, _) = script(&format!(
                "echo \"reproq-worker version 1.2.3\"; echo >&2; echo \"{}\" >&2; exit 7",
                loader.replace('`', "\\`")
            ));
            assert_eq!(text, format!("reproq --version failed: exit status: 7; it printed `{loader}`"));
        }

        #[test]
        fn a_program_that_hangs_is_killed() {
            let (outcome, text, took) = run(b"#!/bin/sh\nexec sleep 30\n", Duration::from_millis(200));
            assert!(matches!(outcome, Err(SmokeError::TimedOut { .. })));
            assert_eq!(text, "reproq --version did not finish within 0.2 s");
            assert!(took < Duration::from_secs(10), "{took:?}");
        }

        #[test]
        fn a_cancelled_program_is_killed() {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("reproq");
            fs::write(&path, "#!/bin/sh\nexec sleep 30\n").expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
            let before = Instant::now();
            let outcome = smoke_check(&path, &Tool::WORKER, Duration::from_secs(30), &|| true);
            assert!(outcome.is_err() && before.elapsed() < Duration::from_secs(10));
        }

        #[test]
        fn a_program_that_closes_its_output_and_hangs_is_killed() {
            let (outcome, _, took) = run(b"#!/bin/sh\nexec sleep 30 >&- 2>&-\n", Duration::from_millis(200));
            assert!(matches!(outcome, Err(SmokeError::TimedOut { .. })));
            assert!(took < Duration::from_secs(10), "{took:?}");
        }

        #[test]
        fn endless_output_is_neither_kept_nor_waited_for() {
            let (outcome, text, _) = run(b"#!/bin/sh\nexec cat /dev/zero\n", Duration::from_secs(600));
            assert!(matches!(outcome, Err(SmokeError::Flooded { .. })), "{text}");
            assert_eq!(text, "reproq --version printed more than 16 MiB");
            let (outcome, _, _) = script("echo 'reproq-worker version 1.2.3'; head -c 1000000 /dev/zero");
            assert_eq!(outcome.expect("a version").raw.len(), 64 << 10);
        }

        #[test]
        fn a_grandchild_that_keeps_the_output_open_is_not_waited_for() {
            let (outcome, text, took) = script("sleep 15 & echo 'reproq-worker version 1.2.3'");
            assert!(outcome.is_ok(), "{text}");
            assert!(took < Duration::from_secs(10), "{took:?}");
        }

        #[test]
        fn a_missing_loader_or_interpreter_is_named() {
            let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
            let program = ElfSample { machine, interpreter: Some("/lib/ld-none.so.1"), ..ElfSample::default() };
            let script = b"#!/opt/none/sh -e\n".to_vec();
            for (content, loader, is_elf) in
                [(program.build(), "/lib/ld-none.so.1", true), (script, "/opt/none/sh", false)]
            {
                if is_elf && !cfg!(target_os = "linux") {
                    continue;
                }
                let (_, text, _) = run(&content, Duration::from_secs(5));
                let expected = format!("failed to start reproq: it needs {loader}, which does not exist here");
                assert_eq!(text, expected);
            }
        }

        #[test]
        fn a_file_without_permission_could_not_be_started() {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("reproq");
            fs::write(&path, "#!/bin/sh\n").expect("written");
            let refused = smoke_check(&path, &Tool::WORKER, Duration::from_secs(5), &|| false);
            assert!(
                matches!(&refused, Err(SmokeError::CouldNotStart { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied),
                "{refused:?}"
            );
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn a_file_that_is_still_being_written_is_tried_again() {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("reproq");
            fs::copy("/bin/sh", &path).expect("copied");
            let open = fs::OpenOptions::new().append(true).open(&path).expect("opened");
            let closing = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(600));
                drop(open);
            });
            // A shell does not accept --version; its message shows that it was started.
            let refused = smoke_check(&path, &Tool::WORKER, Duration::from_secs(5), &|| false);
            closing.join().expect("closed");
            assert!(matches!(&refused, Err(SmokeError::Failed { .. } | SmokeError::OtherWords { .. })), "{refused:?}");
        }
    }
}
