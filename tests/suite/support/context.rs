//! One project in a temporary directory, one GitHub on loopback, and isolated runs of the real program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::SystemTime;

use fake_github::FakeGitHub;
use fake_github::ReleaseSpec;
use fake_github::RepoHandle;
use tempfile::TempDir;

use super::documents;
use super::redact;
use super::schemas;
use super::workers;

/// The worker's repository unless a test says otherwise.
pub const REPOSITORY: &str = "adpena/reproq-worker";

/// The asset for the machine the suite runs on.
pub fn asset_name() -> String {
    format!("reproq-{}", workers::host())
}

/// A project with its environment.
pub struct Context {
    directory: TempDir,
    project: PathBuf,
    pub github: FakeGitHub,
    variables: BTreeMap<String, String>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Context {
    /// A project without siblings, and a GitHub without releases.
    pub fn new() -> Self {
        Self::with(FakeGitHub::start())
    }

    /// As [`Context::new`], with this GitHub.
    pub fn with(github: FakeGitHub) -> Self {
        let directory = tempfile::Builder::new().prefix("reproq-suite-").tempdir().expect("a temporary directory");
        for name in ["work/project", "home", "tmp"] {
            fs::create_dir_all(directory.path().join(name)).expect("directories");
        }
        let project = directory.path().join("work/project");
        let mut context = Self { directory, project, variables: BTreeMap::new(), github };
        let text = |path: PathBuf| path.to_str().expect("a UTF-8 path").to_owned();
        for (name, value) in [
            ("HOME", text(context.root().join("home"))),
            ("TMPDIR", text(context.root().join("tmp"))),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("REPROQ_GITHUB_API_URL", context.github.api_url()),
            ("REPROQ_GITHUB_SERVER_URL", context.github.web_url()),
            // The `release` commands use these.
            ("GITHUB_API_URL", context.github.api_url()),
            ("GITHUB_SERVER_URL", context.github.web_url()),
            ("LANG", "C.UTF-8".to_owned()),
        ] {
            context.variables.insert(name.to_owned(), value);
        }
        // Windows opens no sockets without it.
        if let Ok(root) = std::env::var("SystemRoot") {
            context.set("SystemRoot", root);
        }
        context
    }

    /// A GitHub whose newest release is `v0.0.144` with an asset for this platform.
    pub fn released() -> Self {
        let context = Self::new();
        context.release("v0.0.144");
        context
    }

    /// Adds a release with a valid asset for this platform.
    pub fn release(&self, tag: &str) {
        let version = tag.trim_start_matches('v');
        self.repo().add(ReleaseSpec::new(tag).file(&asset_name(), workers::bytes(version)));
    }

    /// The worker's repository.
    pub fn repo(&self) -> RepoHandle {
        self.github.repo(REPOSITORY)
    }

    /// The temporary directory.
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The project's directory.
    pub fn project(&self) -> PathBuf {
        self.project.clone()
    }

    /// Sets the project directory.
    #[cfg(unix)]
    pub fn move_project(&mut self, to: PathBuf) -> &mut Self {
        self.project = to;
        self
    }

    /// The path of the installed worker.
    pub fn binary(&self) -> PathBuf {
        self.project().join(".reproq/bin/reproq")
    }

    /// Copies the sample checkout to the default source path.
    pub fn sibling_checkout(&self) -> PathBuf {
        let directory = self.root().join("work/reproq-worker");
        workers::copy_checkout(&directory, "0.0.144");
        directory
    }

    /// Removes the lockfile, so that the next run requests the latest release.
    pub fn forget_lock(&self) {
        fs::remove_file(self.lockfile()).expect("there was a lock");
    }

    /// The project's lock.
    pub fn lockfile(&self) -> PathBuf {
        self.project().join("reproq.lock")
    }

    /// Disables the cache for later runs, so that assets are downloaded.
    pub fn without_cache(&mut self) -> &mut Self {
        self.set("REPROQ_CACHE_SIZE", "0")
    }

    /// Sets a variable for every later run.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Puts a Go toolchain on PATH.
    pub fn with_go(&mut self) -> &mut Self {
        let go = workers::go();
        let directory = go.parent().expect("go lies in a directory").to_str().expect("UTF-8");
        let cache = workers::go_cache();
        self.set("PATH", format!("{directory}:/usr/bin:/bin")).set("GOCACHE", cache.to_str().expect("UTF-8"))
    }

    /// The command, to be run in the project.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program_under_test());
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the program without waiting.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the program starts")
    }

    /// Runs the program in the project.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.output(self.command(arguments));
        documents::check(arguments, &output);
        output
    }

    /// Runs a command made by [`Context::command`] and altered.
    pub fn output(&self, mut command: Command) -> Output {
        finished(command.output().expect("the program starts"))
    }

    /// Runs and expects success.
    pub fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "{output:#?}");
        output
    }

    /// Runs and returns everything a user would see, redacted for comparison; for a failure also the JSON document.
    pub fn shown(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let mut shown = self.redact(&output);
        if output.code != 0 && !arguments.contains(&"--json") {
            let again = self.run(&[arguments, &["--json"]].concat());
            assert_eq!(again.code, output.code, "{again:#?}");
            shown.push_str(&redact::redact(&format!("----- with --json -----\n{}", again.stdout), self));
        }
        shown
    }

    /// An output as text, redacted for comparison.
    pub fn redact(&self, output: &Output) -> String {
        let text = format!(
            "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            output.code, output.stdout, output.stderr
        );
        redact::redact(&text, self)
    }

    /// Everything below the project's `.reproq`: path, kind, size and change time, to check that nothing was written.
    pub fn inventory(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        let mut found = Vec::new();
        let mut directories = vec![self.project()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).expect("readable").flatten() {
                let metadata = entry.metadata().expect("metadata");
                found.push((entry.path(), metadata.len(), metadata.modified().expect("a time")));
                if metadata.is_dir() {
                    directories.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// The files in the staging directory.
    pub fn staged(&self) -> Vec<PathBuf> {
        match fs::read_dir(self.project().join(".reproq/staging")) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// The program under test: the file that `REPROQ_TEST_PROGRAM` names, by default the one that cargo has built with the tests.
pub fn program_under_test() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let named = std::env::var("REPROQ_TEST_PROGRAM").ok().filter(|named| !named.is_empty());
        let Some(named) = named else { return env!("CARGO_BIN_EXE_reproq").to_owned() };
        // Tests start it in other directories.
        let path = fs::canonicalize(&named).unwrap_or_else(|error| panic!("REPROQ_TEST_PROGRAM: {named}: {error}"));
        path.into_os_string().into_string().expect("a UTF-8 path")
    })
}

/// Sends a signal to a child: `INT`, `TERM` or `HUP`.
#[cfg(unix)]
pub fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// Waits for a child and reads its output.
pub fn wait(child: Child) -> Output {
    finished(child.wait_with_output().expect("the program ends"))
}

/// A finished output, as strings.
pub fn finished(output: std::process::Output) -> Output {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    // A signal has no exit code; shells use 128 plus its number.
    #[cfg(unix)]
    let code = output
        .status
        .code()
        .unwrap_or_else(|| 128 + std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0));
    #[cfg(not(unix))]
    let code = output.status.code().unwrap_or(-1);
    let output = Output { code, stdout: text(output.stdout), stderr: text(output.stderr) };
    schemas::check(&output.stdout);
    output
}
