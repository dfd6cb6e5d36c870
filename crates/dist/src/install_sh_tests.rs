//! install.sh in common shells and with common tools, against a server on loopback with the failures of real servers.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use crate::loopback::Answer;
use crate::loopback::Server;
use crate::loopback::hex;
use crate::platforms::PLATFORMS;
use crate::scripts::fill;
use crate::skip;

const TEMPLATE: &str = include_str!("../../../packaging/install.sh");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROGRAM: &[u8] = b"#!/bin/sh\necho reproq-cli 9.9.9\n";

/// The shells that may be installed as `sh`, with the arguments that make them read a script from stdin.
const SHELLS: &[(&str, &[&str])] = &[
    ("dash", &[]),
    ("bash", &["--posix"]),
    ("busybox", &["sh"]),
    ("yash", &[]),
    ("mksh", &[]),
    ("posh", &[]),
    ("zsh", &["--emulate", "sh"]),
];

/// What the script needs in addition to a downloader and a hash tool.
const BASIC_TOOLS: &[&str] =
    &["cat", "chmod", "grep", "id", "mkdir", "mktemp", "mv", "od", "printf", "rm", "sh", "tr", "uname"];

struct World {
    directory: TempDir,
    server: Server,
}

struct Run {
    success: bool,
    stdout: String,
    stderr: String,
}

impl World {
    /// A server with the program of this release, and an empty home directory.
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("reproq-install-sh-").tempdir().expect("a directory");
        fs::create_dir(directory.path().join("home")).expect("made");
        let world = Self { directory, server: Server::start() };
        world.serve(&world.asset_path(VERSION), Answer::ok(PROGRAM));
        world
    }

    fn serve(&self, path: &str, answer: Answer) {
        self.server.serve(path, answer);
    }

    fn asset_path(&self, version: &str) -> String {
        format!("/v{version}/{}", asset())
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn installed(&self) -> PathBuf {
        self.home().join("bin/reproq")
    }

    /// A directory with only these programs, used as the whole PATH.
    fn tools(&self, programs: &[&str]) -> PathBuf {
        let directory = self.directory.path().join("tools");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("made");
        for name in BASIC_TOOLS.iter().chain(programs) {
            if let Some(program) = which(name) {
                symlink(program, directory.join(name)).expect("linked");
            }
        }
        directory
    }

    fn script(&self) -> String {
        let digest = hex(PROGRAM);
        let assets = PLATFORMS.iter().map(|platform| platform.asset.to_owned());
        let archives = PLATFORMS.iter().map(|platform| format!("reproq-{VERSION}-{}.tar.gz", platform.triple));
        let digests = assets.chain(archives).map(|name| (name, digest.clone())).collect();
        fill(TEMPLATE, &digests).expect("filled")
    }

    fn run(&self, tools: &[&str]) -> Run {
        self.run_script(&self.script(), ("sh", &[]), tools, &[])
    }

    fn run_script(&self, script: &str, shell: (&str, &[&str]), tools: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = Command::new(which(shell.0).expect("the shell"));
        command.args(shell.1).env_clear().current_dir(self.home());
        command
            .env("PATH", self.tools(tools))
            .env("HOME", self.home())
            .env("REPROQ_INSTALL_DIR", self.home().join("bin"));
        command.env("REPROQ_DOWNLOAD_URL", self.server.url());
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        // A shell may exit before it has read everything.
        let _ = child.stdin.take().expect("piped").write_all(script.as_bytes());
        let output = child.wait_with_output().expect("waited for");
        Run {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Nothing was installed, and no file was left behind.
    fn assert_untouched(&self, run: &Run) {
        assert!(!run.success, "{}", run.stderr);
        assert!(run.stderr.contains("error: "), "{}", run.stderr);
        assert!(!self.installed().exists(), "{}", run.stderr);
        assert_eq!(left_over(&self.home().join("bin")), Vec::<String>::new(), "{}", run.stderr);
    }
}

fn asset() -> String {
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("reproq-cli-linux-{arch}-musl")
}

fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file())
}

fn left_over(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The tools among these that are installed; missing ones are recorded as skipped.
fn present<'name>(names: &[&'name str]) -> Vec<&'name str> {
    let (present, missing): (Vec<_>, Vec<_>) = names.iter().partition(|name| which(name).is_some());
    for name in missing {
        skip::record(&format!("install.sh with {name}"), &format!("install {name}"));
    }
    present
}

#[test]
fn every_shell_installs() {
    for (shell, arguments) in SHELLS {
        if present(&[shell]).is_empty() {
            continue;
        }
        let world = World::new();
        let run = world.run_script(&world.script(), (shell, arguments), &["curl", "sha256sum"], &[]);
        assert!(run.success, "{shell}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{shell}");
        assert_eq!(fs::read(world.installed()).expect("installed"), PROGRAM, "{shell}");
        let mode = fs::metadata(world.installed()).expect("installed").permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{shell}");
        assert_eq!(left_over(&world.home().join("bin")), ["reproq"], "{shell}");
        assert!(run.stderr.contains("verified: sha256 "), "{shell}: {}", run.stderr);
        assert!(run.stderr.contains("reproq-cli 9.9.9"), "{shell}: {}", run.stderr);
    }
}

#[test]
fn every_downloader_and_every_hash_tool_works() {
    for downloader in present(&["curl", "wget"]) {
        for hash in present(&["sha256sum", "shasum", "openssl"]) {
            let world = World::new();
            // shasum is a Perl script.
            let run = world.run(&[downloader, hash, "perl", "env"]);
            assert!(run.success, "{downloader}, {hash}: {}", run.stderr);
            assert_eq!(fs::read(world.installed()).expect("installed"), PROGRAM);
        }
    }
}

#[test]
fn the_wget_of_busybox_works() {
    let Some(busybox) = which("busybox") else {
        skip::record("install.sh with the wget of busybox", "install busybox (Debian: busybox-static)");
        return;
    };
    let world = World::new();
    let tools = world.directory.path().join("busybox");
    fs::create_dir(&tools).expect("made");
    symlink(busybox, tools.join("wget")).expect("linked");
    let path = format!("{}:{}", tools.display(), world.tools(&["sha256sum"]).display());
    let run = world.run_script(&world.script(), ("sh", &[]), &["sha256sum"], &[("PATH", path.as_str())]);
    assert!(run.success, "{}", run.stderr);
    assert_eq!(fs::read(world.installed()).expect("installed"), PROGRAM);
}

#[test]
fn without_a_downloader_or_a_hash_tool_nothing_is_installed() {
    for tools in [&["sha256sum"][..], &["curl"][..]] {
        let world = World::new();
        let run = world.run(tools);
        world.assert_untouched(&run);
        assert!(run.stderr.contains("installed"), "{}", run.stderr);
    }
}

#[test]
fn whatever_the_server_does_nothing_unverified_is_installed() {
    let cut = Answer { status: 200, body: PROGRAM.to_vec(), sent: 5 };
    let cases = [
        ("other bytes", Answer::ok(b"#!/bin/sh\necho reproq-cli 6.6.6; touch \"$HOME/ran\"\n"), "digest"),
        ("a web page", Answer::ok(b"<!DOCTYPE html><title>Sign in</title>"), "digest"),
        ("nothing", Answer::ok(b""), "digest"),
        ("not found", Answer { status: 404, body: Vec::new(), sent: 0 }, "cannot download"),
        ("not permitted", Answer { status: 403, body: Vec::new(), sent: 0 }, "cannot download"),
        ("half of it", cut, "cannot download"),
    ];
    for (case, answer, expected) in cases {
        let world = World::new();
        world.serve(&world.asset_path(VERSION), answer);
        let run = world.run(&["curl", "sha256sum"]);
        world.assert_untouched(&run);
        assert!(run.stderr.contains(expected), "{case}: {}", run.stderr);
        assert!(!world.home().join("ran").exists(), "{case}");
    }
}

#[test]
fn a_program_that_does_not_start_does_not_replace_one_that_does() {
    let world = World::new();
    fs::create_dir(world.home().join("bin")).expect("made");
    fs::write(world.installed(), "before").expect("written");
    let program = b"#!/bin/sh\nexit 1\n";
    world.serve(&world.asset_path("1.2.3"), Answer::ok(program));
    world.serve("/v1.2.3/SHA256SUMS", Answer::ok(format!("{}  {}\n", hex(program), asset()).as_bytes()));
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &[("REPROQ_VERSION", "1.2.3")]);
    assert!(!run.success && run.stderr.contains("does not start"), "{}", run.stderr);
    assert_eq!(fs::read(world.installed()).expect("there"), b"before");
    assert_eq!(left_over(&world.home().join("bin")), ["reproq"]);
}

#[test]
fn another_version_is_verified_with_the_digests_of_its_release() {
    let world = World::new();
    let other = b"#!/bin/sh\necho reproq-cli 1.2.3\n";
    world.serve(&world.asset_path("1.2.3"), Answer::ok(other));
    let sums = format!("{}  other-file\n{} *{}\n", hex(b"x"), hex(other), asset());
    world.serve("/v1.2.3/SHA256SUMS", Answer::ok(sums.as_bytes()));
    let with = |version| [("REPROQ_VERSION", version)];
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &with("v1.2.3"));
    assert!(run.success, "{}", run.stderr);
    assert_eq!(fs::read(world.installed()).expect("installed"), other);
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &with("4.5.6"));
    assert!(!run.success && run.stderr.contains("check that version 4.5.6 exists"), "{}", run.stderr);
    assert_eq!(fs::read(world.installed()).expect("still there"), other);
}

#[test]
fn only_encrypted_connections_leave_the_machine() {
    let world = World::new();
    let elsewhere = [("REPROQ_DOWNLOAD_URL", "http://mirror.invalid/reproq")];
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &elsewhere);
    world.assert_untouched(&run);
    assert!(run.stderr.contains("is not an https URL"), "{}", run.stderr);
}

/// A connection that somebody broke must not lead to one that they can read or change.
#[test]
fn a_retry_is_as_strict_as_the_first_attempt() {
    let world = World::new();
    let directory = world.directory.path().join("stub");
    fs::create_dir(&directory).expect("made");
    let log = world.directory.path().join("curl.log");
    let stub = format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexit 56\n", log.display());
    fs::write(directory.join("curl"), stub).expect("written");
    fs::set_permissions(directory.join("curl"), fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:{}", directory.display(), world.tools(&["sha256sum"]).display());
    let variables = [("PATH", path.as_str()), ("REPROQ_DOWNLOAD_URL", "https://mirror.invalid/reproq")];
    let run = world.run_script(&world.script(), ("sh", &[]), &["sha256sum"], &variables);
    world.assert_untouched(&run);
    let log = fs::read_to_string(log).expect("curl was started");
    let attempts: Vec<&str> = log.lines().collect();
    assert_eq!(attempts.len(), 2, "{log}");
    assert!(attempts.iter().all(|attempt| attempt.contains("--proto =https --tlsv1.2")), "{log}");
    assert!(attempts[1].contains("--http1.1"), "{log}");
}

/// `curl … | sh` runs a truncated script. Wherever the connection ends, nothing must be downloaded and no variable printed.
#[test]
fn a_script_that_was_cut_off_does_nothing() {
    let world = World::new();
    let script = world.script();
    let end = script.rfind("{ main").expect("the last line");
    let cuts = (0..end).step_by(23).chain(end..script.trim_end().len());
    for cut in cuts.filter(|cut| script.is_char_boundary(*cut)) {
        let run = world.run_script(&script[..cut], ("sh", &[]), &["curl", "sha256sum"], &[("PRIVATE", "secret-value")]);
        assert!(!world.installed().exists(), "cut at {cut}: {}", run.stderr);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("secret-value"), "cut at {cut}");
    }
    assert_eq!(world.server.requests(), Vec::<String>::new());
}

#[test]
fn it_prints_how_to_reach_the_installed_program() {
    let world = World::new();
    let bin = world.home().join("bin");
    let advice = |shell: &str| {
        world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &[("SHELL", shell)]).stderr
    };
    assert!(advice("/usr/bin/fish").contains(&format!("fish_add_path {}", bin.display())));
    assert!(advice("/bin/zsh").contains(".zshrc"));
    assert!(advice("/bin/bash").contains(".bashrc"));

    let file = world.home().join("github-path");
    let variable = [("GITHUB_PATH", file.to_str().expect("UTF-8"))];
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &variable);
    assert!(run.success, "{}", run.stderr);
    assert_eq!(fs::read_to_string(&file).expect("written"), format!("{}\n", bin.display()));

    // The worker has the same name and may come first on PATH.
    let path = format!("{}:{}", world.tools(&["curl", "sha256sum"]).display(), bin.display());
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &[("PATH", path.as_str())]);
    assert!(!run.stderr.contains("PATH"), "{}", run.stderr);
    let worker = world.directory.path().join("worker");
    fs::create_dir(&worker).expect("made");
    fs::write(worker.join("reproq"), "#!/bin/sh\n").expect("written");
    fs::set_permissions(worker.join("reproq"), fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:{path}", worker.display());
    let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &[("PATH", path.as_str())]);
    assert!(run.stderr.contains("is found before"), "{}", run.stderr);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let world = World::new();
    fs::write(world.home().join("bin"), "a file").expect("written");
    let run = world.run(&["curl", "sha256sum"]);
    assert!(!run.success && run.stderr.contains("REPROQ_INSTALL_DIR"), "{}", run.stderr);
    // As root the directory is a real one, which a test must not change.
    if !is_root() {
        let variables = [("REPROQ_INSTALL_DIR", ""), ("HOME", "")];
        let run = world.run_script(&world.script(), ("sh", &[]), &["curl", "sha256sum"], &variables);
        assert!(!run.success && run.stderr.contains("REPROQ_INSTALL_DIR"), "{}", run.stderr);
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
