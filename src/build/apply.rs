//! Carries a build's plan out: runs `go`, passes on what it prints, and tells what it made.
#![expect(clippy::disallowed_methods, reason = "`go` and `git` are started here, and a build is timed")]

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use semver::Version;
use thiserror::Error;

use crate::build::plan::BuildPlan;
use crate::build::plan::ModuleOrigin;
use crate::build::request::Environment;
use crate::progress::Progress;
use crate::secret::REDACTED;
use crate::text::printable;

/// How many of a failed build's last lines are kept.
const LINES_KEPT: usize = 40;

/// How many bytes of one line are shown.
const LINE_LIMIT: usize = 1000;

/// How much of an answer is kept; `go env` and `git status` say far less.
const ANSWER_LIMIT: u64 = 1024 * 1024;

/// How often a silent build is looked after.
const PULSE: Duration = Duration::from_millis(50);

/// How long output may still come once the child is gone; only a grandchild can keep the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What Go says of a module or package it may not look for, after its name or instead of it.
const LOOKUP_DISABLED: &str = ": module lookup disabled by GOPROXY=off";

/// What Go says before it tries to fetch a module; the name and the version follow.
const DOWNLOADING: &str = "go: downloading ";

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Built {
    /// The executable.
    pub path: PathBuf,
    /// The Go that made it: `go1.24.11`.
    pub go_version: String,
    /// The commit of its source, where git could tell.
    pub commit: Option<String>,
    /// Whether the source differed from that commit, where git could tell.
    pub dirty: Option<bool>,
    /// The version the source declares.
    pub source_version: Option<Version>,
    /// How long the build took.
    pub duration: Duration,
}

/// Why a build made nothing.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The `go` command did not start.
    #[error("cannot start {program}")]
    Start {
        /// The command.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `go build` reported a failure.
    #[error("`go build` in {folder} failed: {status}")]
    Failed {
        /// The checkout.
        folder: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it printed.
        lines: Vec<String>,
    },
    /// Without the network, required modules are nowhere to be had.
    #[error("{folder} has no vendor/ folder, and Go's module cache lacks {}", listed(missing))]
    ModulesMissing {
        /// The checkout.
        folder: PathBuf,
        /// The modules or packages, as Go names them.
        missing: Vec<String>,
        /// The last lines `go build` printed.
        lines: Vec<String>,
    },
    /// `go build` was content and left no file.
    #[error("`go build` reported success, but did not write {0}")]
    OutputMissing(PathBuf),
    /// The caller gave up; the child is gone.
    #[error("the build was interrupted")]
    GivenUp,
    /// The child could not be watched to its end.
    #[error("lost sight of the running build")]
    Lost(#[source] io::Error),
}

/// Runs the plan. Each line `go` prints becomes a note, as it comes. `given_up` is asked many times a second; once it
/// says yes, or the caller unwinds, the child is killed. Nothing of this process's own environment is read: the child
/// gets `environment` as the plan changes it.
pub fn apply(
    plan: &BuildPlan,
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<Built, BuildError> {
    let began = Instant::now();
    progress.begin(&format!("building {} with {}", plan.folder().display(), plan.go_name()), None);
    let outcome = run(plan, environment, progress, given_up);
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

/// A child that does not outlive the interest in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is remembered of a build's output.
#[derive(Default)]
struct Output {
    last: VecDeque<String>,
    missing: BTreeSet<String>,
    lookup_disabled: bool,
}

impl Output {
    fn remember(&mut self, line: String) {
        self.missing.extend(missing_module(&line));
        self.lookup_disabled |= line.contains(LOOKUP_DISABLED);
        if self.last.len() == LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    fn into_error(self, plan: &BuildPlan, status: ExitStatus) -> BuildError {
        let (folder, lines) = (plan.folder().to_owned(), self.last.into());
        if plan.modules() == ModuleOrigin::CacheOnly && self.lookup_disabled {
            return BuildError::ModulesMissing { folder, missing: self.missing.into_iter().collect(), lines };
        }
        BuildError::Failed { folder, status, lines }
    }
}

fn run(
    plan: &BuildPlan,
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<(ExitStatus, Output), BuildError> {
    let child = command(plan.program(), &plan.environment(environment))
        .args(plan.arguments())
        .current_dir(plan.folder())
        .spawn()
        .map_err(|source| BuildError::Start { program: plan.program().to_owned(), source })?;
    let mut child = Running(child);
    let lines = lines_of(&mut child.0);
    let mut output = Output::default();
    let mut gone: Option<Instant> = None;
    loop {
        if given_up() {
            return Err(BuildError::GivenUp);
        }
        match lines.recv_timeout(PULSE) {
            Ok(line) => {
                progress.note(&line);
                output.remember(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => match gone {
                Some(since) if since.elapsed() > LAST_WORDS => break,
                Some(_) => {}
                None => gone = child.0.try_wait().map_err(BuildError::Lost)?.map(|_| Instant::now()),
            },
        }
    }
    Ok((wait(&mut child.0, given_up)?, output))
}

/// Waits for a child that has closed its output, which is nearly always one that has ended.
fn wait(child: &mut Child, given_up: &dyn Fn() -> bool) -> Result<ExitStatus, BuildError> {
    loop {
        match child.try_wait().map_err(BuildError::Lost)? {
            Some(status) => return Ok(status),
            None if given_up() => return Err(BuildError::GivenUp),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn command(program: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The lines of both outputs, as they come, ready to be shown. The channel is bounded, so that a child that prints
/// without end waits instead of filling the memory.
fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(256);
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
    ];
    for output in outputs.into_iter().flatten() {
        let sender = sender.clone();
        // Not joined: each ends with its pipe, and a pipe that a grandchild keeps open must not hold anybody up.
        thread::spawn(move || send_lines(BufReader::new(output), &sender));
    }
    lines
}

/// Sends line after line until the output ends or nobody listens. What exceeds the limit of a line is passed over.
fn send_lines(mut output: impl BufRead, lines: &mpsc::SyncSender<String>) {
    loop {
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        match output.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let cut = line.len() > LINE_LIMIT && line.last() != Some(&b'\n');
        if cut {
            line.truncate(LINE_LIMIT);
            if output.skip_until(b'\n').is_err() {
                return;
            }
        }
        let mut shown = shown(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        if cut {
            shown.push('…');
        }
        if lines.send(shown).is_err() {
            return;
        }
    }
}

/// A line as it may be shown: without control characters, and without the user names and passwords that addresses of
/// proxies and repositories carry.
fn shown(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(scheme) = rest.find("://") {
        let (before, address) = rest.split_at(scheme + "://".len());
        let host_end =
            address.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(address.len());
        safe.push_str(before);
        rest = match address[..host_end].rfind('@') {
            Some(at) => {
                safe.push_str(REDACTED);
                &address[at..]
            }
            None => address,
        };
    }
    safe.push_str(rest);
    printable(&safe).replace('\t', "    ")
}

/// The module or package that a line shows to be out of reach. Go often complains of a file alone and names the module
/// only where it sets out to fetch it, which without the network cannot succeed.
fn missing_module(line: &str) -> Option<String> {
    if let Some(module) = line.strip_prefix(DOWNLOADING) {
        return Some(module.trim().replace(' ', "@"));
    }
    let (before, _) = line.split_once(LOOKUP_DISABLED)?;
    let name = before.rsplit(' ').next()?;
    let is_name = name.contains('@') || before.ends_with(&format!(" package {name}"));
    is_name.then(|| name.to_owned())
}

/// The first three of a list, and how many more there are.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "modules it requires".to_owned();
    }
    let (first, more) = names.split_at(names.len().min(3));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    first.join(", ") + &more
}

/// What a short question to another program brought.
#[derive(Debug)]
pub(super) struct Captured {
    /// Whether it exited with 0.
    pub(super) success: bool,
    /// Its standard output; bytes that are no UTF-8 are replaced.
    pub(super) stdout: String,
    /// Its standard error, the same way.
    pub(super) stderr: String,
    status: ExitStatus,
}

impl Captured {
    /// Why it failed, in one line: the last thing it said, else how it ended.
    pub(super) fn complaint(&self) -> String {
        let said = self.stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
        said.map_or_else(|| self.status.to_string(), shown)
    }
}

/// Asks a program a question: runs it in a folder with exactly this environment, no longer than the limit.
pub(super) fn capture(
    program: &Path,
    arguments: &[&OsStr],
    folder: Option<&Path>,
    environment: &[(OsString, OsString)],
    limit: Duration,
) -> io::Result<Captured> {
    let deadline = Instant::now() + limit;
    let mut command = command(program, environment);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let mut child = Running(command.args(arguments).spawn()?);
    let stdout = child.0.stdout.take().map(read_aside);
    let stderr = child.0.stderr.take().map(read_aside);
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} seconds", limit.as_secs()));
    let receive = |answer: Option<mpsc::Receiver<Vec<u8>>>| -> io::Result<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes = answer.map_or(Ok(Vec::new()), |answer| answer.recv_timeout(left)).map_err(|_| late())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (stdout, stderr) = (receive(stdout)?, receive(stderr)?);
    let status = loop {
        match child.0.try_wait()? {
            Some(status) => break status,
            None if Instant::now() >= deadline => return Err(late()),
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    Ok(Captured { success: status.success(), stdout, stderr, status })
}

/// Reads an output to its end on a thread of its own, keeping what fits the limit.
fn read_aside(mut output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is not part of the answer, and the exit status says whether that matters.
        let _ = output.by_ref().take(ANSWER_LIMIT).read_to_end(&mut bytes);
        let _ = io::copy(&mut output, &mut io::sink());
        let _ = sender.send(bytes);
    });
    answer
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::env::consts::ARCH;
    use std::env::consts::EXE_SUFFIX;
    use std::env::consts::OS;
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::build::BuildRefusal;
    use crate::build::BuildRequest;
    use crate::build::PrepareError;
    use crate::build::prepare;
    use crate::build::request::is_variable;
    use crate::release::Target;
    use crate::release::Tool;

    /// A project beside a copy of the sample worker, and the environment builds get.
    struct Stage {
        root: tempfile::TempDir,
        environment: Vec<(OsString, OsString)>,
    }

    impl Stage {
        fn new(path: OsString) -> Self {
            let root = tempfile::tempdir().expect("a folder");
            let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reproq-worker");
            copy(&fixture, &root.path().join("reproq-worker"));
            let mut environment: Vec<_> = std::env::vars_os().filter(|(name, _)| !is_variable(name, "PATH")).collect();
            environment.push(("PATH".into(), path));
            Self { root, environment }
        }

        /// With the real Go of this machine; none where there is no Go and nobody promised one.
        fn with_go() -> Option<Self> {
            let given = std::env::var_os("REPROQ_TEST_GO").map(PathBuf::from);
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = given.iter().filter_map(|go| go.parent().map(Path::to_owned));
            let folders: Vec<PathBuf> = folders.chain(std::env::split_paths(&path)).collect();
            if folders.iter().any(|folder| folder.join(format!("go{EXE_SUFFIX}")).is_file()) {
                return Some(Self::new(std::env::join_paths(folders).expect("a PATH")));
            }
            assert!(std::env::var_os("CI").is_none(), "CI needs Go on PATH or in REPROQ_TEST_GO to test local builds");
            let _ = writeln!(io::stderr(), "SKIPPED: no Go on PATH or in REPROQ_TEST_GO");
            None
        }

        fn source(&self) -> PathBuf {
            self.root.path().join("reproq-worker")
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.source().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, text).expect("written");
        }

        fn set(&mut self, variables: &[(&str, &str)]) {
            self.environment.retain(|(known, _)| variables.iter().all(|(name, _)| known != name));
            self.environment.extend(variables.iter().map(|(name, value)| (name.into(), value.into())));
        }

        fn request(&self) -> BuildRequest {
            BuildRequest {
                source: self.source(),
                tool: Tool::WORKER,
                target: Target::from_names(OS, ARCH).expect("a target the worker is released for"),
                offline: true,
                wanted_tag: None,
                output: self.root.path().join("out"),
            }
        }

        fn build(&self, request: &BuildRequest) -> Result<Built, BuildError> {
            let plan = prepare(request, &self.environment).expect("a plan");
            apply(&plan, &self.environment, &Listener::default(), &|| false)
        }

        fn refused(&self, request: &BuildRequest) -> BuildRefusal {
            match prepare(request, &self.environment) {
                Err(PrepareError::Refused(refusal)) => refusal,
                other => panic!("expected a refusal, found {other:?}"),
            }
        }
    }

    #[derive(Default)]
    struct Listener(RefCell<Vec<String>>);

    impl Progress for Listener {
        fn begin(&self, label: &str, _total: Option<u64>) {
            self.0.borrow_mut().push(format!("begin {label}"));
        }
        fn advance(&self, _bytes: u64) {}
        fn restart(&self) {}
        fn end(&self) {
            self.0.borrow_mut().push("end".to_owned());
        }
        fn note(&self, line: &str) {
            self.0.borrow_mut().push(line.to_owned());
        }
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("created");
        for entry in fs::read_dir(from).expect("readable") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::write(&target, fs::read(&path).expect("readable")).expect("written");
            }
        }
    }

    fn printed(program: &Path, argument: &str) -> String {
        let output = Command::new(program).arg(argument).output().expect("the built worker runs");
        String::from_utf8(output.stdout).expect("text")
    }

    #[test]
    fn builds_the_worker_whatever_the_environment_says() {
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
    fn builds_for_another_machine() {
        let Some(stage) = Stage::with_go() else { return };
        let (target, start): (&str, &[u8]) =
            if cfg!(windows) { ("linux-arm64", b"\x7fELF") } else { ("windows-arm64", b"MZ") };
        let request = BuildRequest { target: target.parse().expect("a target"), offline: false, ..stage.request() };
        let built = stage.build(&request).expect("built");
        assert!(fs::read(&built.path).expect("readable").starts_with(start));
    }

    #[test]
    fn a_compile_error_is_told_in_the_compilers_words() {
        let Some(stage) = Stage::with_go() else { return };
        stage.write("cmd/reproq/broken.go", "package main\n\nvar broken = nowhere\n");
        let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
        let listener = Listener::default();
        let error = apply(&plan, &stage.environment, &listener, &|| false).expect_err("does not compile");
        let BuildError::Failed { lines, .. } = error else { panic!("expected a failed build, found {error:?}") };
        assert!(lines.iter().any(|line| line.contains("undefined: nowhere")), "{lines:?}");
        let heard = listener.0.into_inner();
        assert!(heard[0].starts_with("begin building "), "{heard:?}");
        assert_eq!((&heard[1..heard.len() - 1], heard.last().map(String::as_str)), (&lines[..], Some("end")));
        assert!(!stage.request().output.exists());
    }

    /// Makes the sample require a module that exists nowhere.
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
        // What is private is fetched from its own host, past the proxy, unless that is switched off too.
        stage.set(&[("GOPRIVATE", "corp.invalid/*")]);
        let error = stage.build(&stage.request()).expect_err("there is no such module");
        let BuildError::ModulesMissing { missing, .. } = &error else { panic!("expected a missing module: {error:?}") };
        assert_eq!(missing, &["corp.invalid/dep@v1.0.0"]);
        let folder = stage.source();
        assert_eq!(
            error.to_string(),
            format!("{} has no vendor/ folder, and Go's module cache lacks corp.invalid/dep@v1.0.0", folder.display())
        );
    }

    #[test]
    fn offline_the_vendor_folder_is_used() {
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
        use super::*;

        /// A stage whose `go` is a shell script: it answers `go env` with this version and builds by this script, which
        /// finds the file to write in `$OUT`.
        fn stage(version: &str, build: &str) -> Stage {
            let stage = Stage::new(OsString::new());
            let script = format!(
                "#!/bin/sh\nif [ $1 = env ]; then echo '{{\"GOVERSION\": \"{version}\"}}'; exit; fi\n\
                 while [ $1 != -o ]; do shift; done; OUT=$2\n{build}\n"
            );
            let bin = stage.root.path().join("bin");
            fs::create_dir(&bin).expect("created");
            // Written by a shell of its own: a file this process has open for writing could be inherited by a child
            // another test starts at that moment, and would then be refused as busy.
            let write = "printf '%s' \"$1\" > \"$2/go\" && chmod 755 \"$2/go\"";
            let written = Command::new("sh").args(["-c", write, "sh", &script]).arg(&bin).status();
            assert!(written.expect("sh runs").success());
            let path = std::env::join_paths([bin, "/usr/bin".into(), "/bin".into()]).expect("a PATH");
            Stage { environment: vec![("PATH".into(), path)], ..stage }
        }

        fn heard(stage: &Stage) -> (Result<Built, BuildError>, Vec<String>) {
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
        fn lines_come_safe_and_short_and_the_last_are_kept() {
            let long = "x".repeat(3 * LINE_LIMIT);
            let stage = stage(
                "go1.30.0",
                &format!(
                    "printf 'a\\033[31m\\tb\\r\\n'; echo '{long}'; echo 'get https://me:pw@host.test/x@v1';\n\
                     i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); done; printf 'no end \\377'; exit 7"
                ),
            );
            let (outcome, heard) = heard(&stage);
            assert_eq!(heard[1], "a\\x1b[31m    b");
            assert_eq!(heard[2], format!("{}…", "x".repeat(LINE_LIMIT)));
            assert_eq!(heard[3], "get https://[redacted]@host.test/x@v1");
            let Err(BuildError::Failed { status, lines, .. }) = outcome else {
                panic!("expected failure: {outcome:?}")
            };
            assert_eq!(status.code(), Some(7));
            assert_eq!(lines.len(), LINES_KEPT);
            assert_eq!((lines[0].as_str(), lines[LINES_KEPT - 1].as_str()), ("line 21", "no end \u{fffd}"));
        }

        #[test]
        fn success_without_a_file_is_none() {
            for build in ["true", ": > \"$OUT\"", "mkdir \"$OUT\""] {
                let stage = stage("go1.30.0", build);
                let (outcome, _) = heard(&stage);
                assert!(matches!(outcome, Err(BuildError::OutputMissing(_))), "{build}: {outcome:?}");
            }
        }

        #[test]
        fn the_build_sees_no_token() {
            let mut stage = stage("go1.30.0", "env; echo x > \"$OUT\"");
            stage.set(&[("GITHUB_TOKEN", "t"), ("REPROQ_GITHUB_TOKEN", "t"), ("GOFLAGS", "-x"), ("KEPT", "yes")]);
            let (outcome, heard) = heard(&stage);
            assert!(outcome.is_ok(), "{outcome:?}");
            assert!(heard.contains(&"KEPT=yes".to_owned()) && heard.contains(&"GOFLAGS=".to_owned()), "{heard:?}");
            assert!(!heard.iter().any(|line| line.contains("TOKEN")), "{heard:?}");
        }

        #[test]
        fn giving_up_ends_the_child() {
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
        fn a_grandchild_that_keeps_the_pipe_holds_nobody_up() {
            let stage = stage("go1.30.0", "sleep 20 & echo x > \"$OUT\"");
            let (outcome, _) = heard(&stage);
            assert!(outcome.expect("built").duration < Duration::from_secs(15));
        }

        #[test]
        fn a_go_that_does_not_start_is_named() {
            let stage = stage("go1.30.0", "true");
            let plan = prepare(&stage.request(), &stage.environment).expect("a plan");
            fs::remove_file(plan.program()).expect("removed");
            let outcome = apply(&plan, &stage.environment, &Listener::default(), &|| false);
            assert!(matches!(outcome, Err(BuildError::Start { .. })), "{outcome:?}");
        }

        #[test]
        fn a_question_without_an_answer_ends_in_time() {
            let arguments = ["-c", "sleep 60"].map(OsStr::new);
            let asked = capture(Path::new("/bin/sh"), &arguments, None, &[], Duration::from_millis(100));
            assert_eq!(asked.expect_err("no answer").kind(), io::ErrorKind::TimedOut);
        }
    }

    #[test]
    fn addresses_lose_what_logs_in() {
        let cases = [
            ("https://host.test/x", "https://host.test/x"),
            (
                "https://u:p@host.test/x@v1 and ssh://git@h\"",
                "https://[redacted]@host.test/x@v1 and ssh://[redacted]@h\"",
            ),
            ("https://u:p@h.test@real.test/", "https://[redacted]@real.test/"),
            ("user@host: no scheme", "user@host: no scheme"),
            ("://", "://"),
        ];
        for (line, expected) in cases {
            assert_eq!(shown(line), expected);
        }
    }

    #[test]
    fn missing_modules_are_read_as_go_names_them() {
        let cases = [
            (
                "cmd/x/main.go:5:2: a.test/b/v5@v5.8.0: module lookup disabled by GOPROXY=off",
                Some("a.test/b/v5@v5.8.0"),
            ),
            ("go: a.test/b@v1.0.0: module lookup disabled by GOPROXY=off", Some("a.test/b@v1.0.0")),
            ("x.go:1:1: cannot find module providing package a/b: module lookup disabled by GOPROXY=off", Some("a/b")),
            ("go: downloading a.test/b v1.0.0", Some("a.test/b@v1.0.0")),
            ("cmd/x/main.go:5:2: module lookup disabled by GOPROXY=off", None),
            (": module lookup disabled by GOPROXY=off", None),
            ("cmd/x/main.go:5:2: undefined: x", None),
        ];
        for (line, expected) in cases {
            assert_eq!(missing_module(line).as_deref(), expected, "{line}");
        }
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(listed(&[]), "modules it requires");
        assert_eq!([listed(&names[..1]), listed(&names[..3]), listed(&names)], ["a", "a, b, c", "a, b, c and 2 more"]);
    }

    proptest! {
        #[test]
        fn nothing_printed_controls_a_terminal(line in "\\PC{0,20}|[a-z:/@ \"\u{1b}\t]{0,20}", user in "[a-z:]{1,9}") {
            let shown = shown(&format!("{line} https://{user}secret@host.test/"));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!shown.contains("secret@"));
        }
    }
}
