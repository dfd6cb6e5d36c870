//! Sample workers: real Go programs built from the small module in `tests/fixtures`, once for all tests.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use sha2::Digest as _;
use sha2::Sha256;

/// The platform of the suite, as in asset names.
pub fn host() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { env::consts::OS };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{os}-{arch}")
}

/// Starts an installed worker and captures its output. A file that this process just wrote may still be open in a child that
/// another test is starting; then the kernel briefly refuses to run it.
pub fn start(program: &Path, argument: &str) -> Child {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::piped());
    for _ in 0..50 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(Duration::from_millis(20)),
            started => return started.expect("the worker starts"),
        }
    }
    command.spawn().expect("the worker starts")
}

/// A Go toolchain: `REPROQ_TEST_GO`, which `cargo xtask test` sets, or the one on PATH.
pub fn go() -> PathBuf {
    let named = env::var_os("REPROQ_TEST_GO").map(PathBuf::from);
    let on_path = || {
        let directories = env::var_os("PATH")?;
        env::split_paths(&directories).map(|directory| directory.join("go")).find(|path| path.is_file())
    };
    named.or_else(on_path).expect("no Go toolchain; run the tests with `cargo xtask test`, which fetches one")
}

/// The build cache of the sample workers.
pub fn go_cache() -> PathBuf {
    target().join("toolchain/go-cache")
}

/// A worker of this version for this platform.
pub fn bytes(version: &str) -> Vec<u8> {
    bytes_for(version, &host())
}

/// The digest of these bytes, as in checksum files.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hostile worker, which does this when started for its version.
pub fn hostile(behaviour: &str) -> Vec<u8> {
    const MARK: &[u8] = b"BEHAVIOUR=honest";
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        copy_directory(&fixture("hostile-worker"), directory.path());
        compile(directory.path(), &host())
    });
    let mut worker = built.clone();
    let at = worker.windows(MARK.len()).position(|part| part == MARK).expect("it holds its mark");
    let at = at + MARK.len() - "honest".len();
    let length = worker[at..].iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'.').count();
    worker[at..at + length].fill(b'.');
    worker[at..at + behaviour.len()].copy_from_slice(behaviour.as_bytes());
    worker
}

/// Workers by version and platform.
type Workers = HashMap<(String, String), Vec<u8>>;

/// A worker of this version for any platform.
pub fn bytes_for(version: &str, machine: &str) -> Vec<u8> {
    static BUILT: Mutex<Option<Workers>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let built = built.get_or_insert_default();
    let key = (version.to_owned(), machine.to_owned());
    built.entry(key).or_insert_with(|| build(version, machine)).clone()
}

/// Copies the sample checkout, with this version in its source.
pub fn copy_checkout(to: &Path, version: &str) {
    copy_directory(&fixture("reproq-worker"), to);
    let main = to.join("cmd/reproq/main.go");
    let text = fs::read_to_string(&main).expect("the fixture has a main.go");
    let edited = text.replace("const Version = \"0.0.144\"", &format!("const Version = \"{version}\""));
    assert!(version == "0.0.144" || edited != text, "the fixture declares its version");
    fs::write(&main, edited).expect("written");
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn build(version: &str, machine: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    copy_checkout(directory.path(), version);
    compile(directory.path(), machine)
}

fn compile(source: &Path, machine: &str) -> Vec<u8> {
    let (os, arch) = machine.split_once('-').expect("OS-ARCH");
    let output = source.join("worker");
    let status = Command::new(go())
        .args(["build", "-tags", "prod", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&output)
        .arg("./cmd/reproq")
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOOS", os)
        .env("GOARCH", arch)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .env("GOCACHE", go_cache())
        .status()
        .expect("go runs");
    assert!(status.success(), "the sample worker builds");
    fs::read(&output).expect("the worker was built")
}

/// Copies a directory recursively, without file times.
pub fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("readable").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's target directory").to_owned()
}
