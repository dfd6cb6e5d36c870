//! Another machine: another user if possible, an empty home, no cache, and a network namespace without a route.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::Output;
use super::context::finished;
use super::context::program_under_test;
use super::skip;
use super::strace::STRACE;
use super::workers;

/// The ID of the user nobody, with only world permissions.
const NOBODY: u32 = 65534;

/// A machine without a network.
pub struct Machine {
    directory: TempDir,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    is_nobody: bool,
}

impl Machine {
    /// A project without siblings. Isolation that this system does not support is recorded as skipped.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("reproq-machine-").tempdir().expect("a temporary directory");
        for name in ["work/project", "home", "tmp", "bin"] {
            fs::create_dir_all(directory.path().join(name)).expect("directories");
        }
        // Its own copy, because other users may not be able to read the built one.
        let program = directory.path().join("bin/reproq-cli");
        fs::copy(program_under_test(), &program).expect("copied");
        let text = |path: &str| directory.path().join(path).to_str().expect("a UTF-8 path").to_owned();
        let variables = [
            ("HOME", text("home")),
            ("TMPDIR", text("tmp")),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        let is_root = works(&["chown", "0", text("home").as_str()]);
        let is_nobody = is_root && works(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true"]);
        let mut wrapper: Vec<&str> = Vec::new();
        if is_nobody && works(&["unshare", "-n", "true"]) {
            wrapper.extend(["unshare", "-n", "--"]);
        } else if works(&["unshare", "-rn", "true"]) {
            wrapper.extend(["unshare", "-rn", "--"]);
        } else {
            skip::record(
                "a machine without a network; it has one",
                "run as root, or where user namespaces are allowed",
            );
        }
        if is_nobody {
            wrapper.extend(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        } else {
            skip::record(
                "another user on the other machine; it has the same one",
                "run as root with setpriv (util-linux)",
            );
        }
        let wrapper = wrapper.into_iter().map(str::to_owned).collect();
        let machine = Self { directory, variables, wrapper, is_nobody };
        machine.hand_over();
        machine
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Its project.
    pub fn project(&self) -> PathBuf {
        self.root().join("work/project")
    }

    /// The path of the installed worker.
    pub fn binary(&self) -> PathBuf {
        self.project().join(".reproq/bin/reproq")
    }

    /// Copies a file to this machine.
    pub fn bring(&self, file: &Path) -> PathBuf {
        self.bring_to(file, self.root())
    }

    /// Copies it to a directory.
    pub fn bring_to(&self, file: &Path, directory: &Path) -> PathBuf {
        let to = directory.join(file.file_name().expect("a name"));
        fs::copy(file, &to).expect("copied");
        self.hand_over();
        to
    }

    /// Copies a directory to another one.
    pub fn bring_directory(&self, from: &Path, to: &Path) {
        workers::copy_directory(from, to);
        self.hand_over();
    }

    /// Sets a variable for every later run.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Puts Go on PATH, with its own empty caches.
    pub fn with_go(&mut self) {
        let go = workers::go();
        let directory = go.parent().expect("go lies in a directory").to_str().expect("UTF-8").to_owned();
        self.set("PATH", format!("{directory}:/usr/bin:/bin"));
    }

    /// Runs the program in the project.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_below(&[], arguments)
    }

    /// Runs it and expects success.
    pub fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
        output
    }

    /// Runs it, expects success, and checks that no process opened a network socket.
    pub fn succeed_in_silence(&self, arguments: &[&str]) -> Output {
        let trace = self.root().join("tmp/trace");
        let _ = fs::remove_file(&trace);
        let trace_text = trace.to_str().expect("UTF-8");
        if !works(&["strace", "-f", "-e", "trace=socket", "-o", "/dev/null", "true"]) {
            skip::record("that no socket is opened", STRACE);
            return self.succeed(arguments);
        }
        let strace = ["strace", "-f", "-e", "trace=socket,connect,sendto", "-o", trace_text];
        let output = self.run_below(&strace, arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {output:#?}");
        let calls = fs::read_to_string(&trace).expect("a trace");
        assert!(calls.contains("exited with 0"), "the program was watched: {calls}");
        assert!(!calls.contains("AF_INET"), "{arguments:?} opened a socket: {calls}");
        output
    }

    fn run_below(&self, above: &[&str], arguments: &[&str]) -> Output {
        let program = self.root().join("bin/reproq-cli");
        let words = self.wrapper.iter().map(String::as_str).chain(above.iter().copied());
        let words: Vec<&str> =
            words.chain([program.to_str().expect("UTF-8")]).chain(arguments.iter().copied()).collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.project())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        finished(command.output().expect("the program starts"))
    }

    /// Makes the other user the owner of everything.
    fn hand_over(&self) {
        if self.is_nobody {
            let mut paths = vec![self.root().to_owned()];
            while let Some(path) = paths.pop() {
                chown(&path);
                if path.is_dir() {
                    paths.extend(fs::read_dir(&path).expect("readable").flatten().map(|entry| entry.path()));
                }
            }
        }
    }
}

#[cfg(unix)]
fn chown(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
}

#[cfg(not(unix))]
fn chown(_path: &Path) {}

fn works(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
