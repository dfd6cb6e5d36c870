//! Tests with programs built by a real Go toolchain, if there is one, because the generated samples only reflect our own
//! reading of the formats.
#![expect(clippy::disallowed_methods, reason = "the tests build real programs with the Go on PATH")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::model::Target;
use crate::model::Tool;
use crate::worker::executable::ExecutableIdentity;
use crate::worker::executable::FileContent;
use crate::worker::executable::Format;
use crate::worker::executable::Inspection;
use crate::worker::executable::check_version;
use crate::worker::executable::inspect;
use crate::worker::executable::is_worker;
use crate::worker::executable::preflight;
use crate::worker::executable::smoke_check;

/// A minimal worker: it needs only Go's runtime and `os`, so building it for several targets is fast.
const WORKER: &str = r#"package main

import "os"

func main() { os.Stdout.WriteString("reproq-worker version 0.0.144\n") }
"#;

/// The toolchain on PATH. If there is none, this is recorded outside the test harness, so that a skipped test does not look
/// like a passed one.
fn go() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("go{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::split_paths(&path).map(|directory| directory.join(&name)).find(|program| program.is_file());
    if found.is_none() {
        crate::skip::record("real Go programs", "put `go` on PATH, as `cargo xtask test` does");
    }
    found
}

/// Writes the module and builds it for a target.
fn build(go: &Path, directory: &Path, target: Target, source: &str, arguments: &[&str], cgo: &str) -> PathBuf {
    let package = directory.join("cmd/reproq");
    fs::create_dir_all(&package).expect("created");
    fs::write(directory.join("go.mod"), "module reproq-worker\n\ngo 1.21\n").expect("written");
    fs::write(package.join("main.go"), source).expect("written");
    let program = directory.join(format!("{target}{}", arguments.len()));
    let output = Command::new(go)
        .current_dir(directory)
        .args(["build", "-tags", "prod", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&program)
        .args(arguments)
        .arg("./cmd/reproq")
        .envs([("GOOS", target.os.go_name()), ("GOARCH", target.arch.go_name()), ("CGO_ENABLED", cgo)])
        .envs([("GOFLAGS", ""), ("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOPROXY", "off")])
        .output()
        .expect("go runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn host() -> Target {
    Target::from_names(std::env::consts::OS, std::env::consts::ARCH).expect("a target")
}

#[test]
fn a_worker_is_recognised_in_every_format_with_and_without_symbols() {
    let Some(go) = go() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    for (target, format) in
        [("linux-amd64", Format::Elf), ("darwin-arm64", Format::MachO), ("windows-amd64", Format::Pe)]
    {
        let target: Target = target.parse().expect("a target");
        for arguments in [&[][..], &["-ldflags=-s -w"]] {
            let program = build(&go, directory.path(), target, WORKER, arguments, "0");
            let found = inspect(&program).expect("readable");
            assert!(matches!(&found.content, FileContent::Program(program) if program.format == format), "{found:?}");
            assert_eq!(is_worker(&found, &Tool::WORKER), ExecutableIdentity::Worker { version: None });
            assert_eq!(preflight(&found, target, &Tool::WORKER, None), Ok(Vec::new()), "{found:?}");
            check_settings(&found, target);
        }
    }
}

fn check_settings(found: &Inspection, target: Target) {
    let go = found.slice_for(target).expect("a part for it").go.as_ref().expect("build information");
    assert!(go.go_version.starts_with("go1.") || go.go_version.starts_with("devel"), "{}", go.go_version);
    assert_eq!(go.settings.goos.as_deref(), Some(target.os.go_name()));
    assert_eq!(go.settings.goarch.as_deref(), Some(target.arch.go_name()));
    assert_eq!((go.settings.cgo_enabled, go.settings.trimpath), (Some(false), true));
    assert_eq!(go.settings.tags, ["prod"]);
}

#[test]
fn a_worker_for_this_platform_reports_its_version() {
    let Some(go) = go() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let program = build(&go, directory.path(), host(), WORKER, &[], "0");
    let output = smoke_check(&program, &Tool::WORKER, Duration::from_secs(30), &|| false).expect("a version");
    assert!(check_version(&output, &"v0.0.144".parse().expect("a tag")).is_ok());
    assert!(check_version(&output, &"v0.0.145".parse().expect("a tag")).is_err());
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod with_c_code {
    use super::*;
    use crate::worker::executable::GlibcVersion;
    use crate::worker::executable::LoaderHost;
    use crate::worker::executable::Note;

    /// What a naive release workflow produces on Linux: a program that requires the builder's glibc.
    #[test]
    fn a_worker_with_c_code_needs_the_glibc_it_was_built_with() {
        let Some(go) = go() else { return };
        if Command::new("gcc").arg("--version").output().is_err() {
            crate::skip::record("a Go program with C code", "put `gcc` on PATH");
            return;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let source = WORKER.replace(
            "import \"os\"",
            "import \"os\"\n\n// int one(void) { return 1; }\nimport \"C\"\n\nvar _ = C.one()",
        );
        let program = build(&go, directory.path(), host(), &source, &[], "1");
        let found = inspect(&program).expect("readable");
        let here = LoaderHost::read(Path::new("/"), host(), &found);
        let notes = preflight(&found, host(), &Tool::WORKER, Some(&here)).expect("it was built here, so it runs here");
        let needed = found.slice_for(host()).and_then(|slice| slice.linkage.glibc).expect("a glibc version");
        assert!(needed >= GlibcVersion { major: 2, minor: 2 });
        assert!(notes.contains(&Note::Cgo), "{notes:?}");
        assert!(
            notes.iter().any(|note| matches!(note, Note::Dynamic { glibc, .. } if *glibc == Some(needed))),
            "{notes:?}"
        );
        let elsewhere = tempfile::tempdir().expect("a directory");
        let elsewhere = LoaderHost::read(elsewhere.path(), host(), &found);
        let refused = preflight(&found, host(), &Tool::WORKER, Some(&elsewhere)).expect_err("no loader there");
        assert!(refused.to_string().ends_with("which does not exist here (no C library in the usual directories)"));
    }
}
