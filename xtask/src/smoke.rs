//! `cargo xtask test --program FILE`: the smoke tests of a program that was built for a release.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use xtask::cargo;
use xtask::run;
use xtask::target_directory;

use crate::skips;

/// The modules of the suite that are run: what depends on the C library, on the linker or on the crates that are linked
/// statically. Files and locks, TLS and sockets, attestations, starting other programs, signals, PostgreSQL, and the server.
const MODULES: &[&str] = &[
    "attestation::",
    "bundle::",
    "config_show::",
    "config_worker::",
    "install::",
    "install_to::",
    "lock::",
    "queue::lists::",
    "queue::stats::",
    "run::",
    "serve::",
    "verify::",
    "which::",
];

/// Runs these modules of the suite against a program.
pub fn smoke(program: &Path) -> Result<()> {
    let directory = target_directory().join("tmp/program");
    fs::create_dir_all(&directory)?;
    // Under its name after an installation, which some tests look for on `PATH`; and executable, which an artifact is not.
    let copy = directory.join(format!("reproq{EXE_SUFFIX}"));
    fs::copy(program, &copy).with_context(|| format!("cannot copy {}", program.display()))?;
    make_executable(&copy)?;
    let skips = skips::begin()?;
    let tests = cargo(&["test", "--package", "reproq", "--test", "suite"]);
    let mut tests = crate::with_toolchains(tests)?;
    tests.env("REPROQ_TEST_PROGRAM", &copy).env(skips.0, skips.1).arg("--").args(MODULES);
    let outcome = run(&mut tests);
    skips::print()?;
    outcome
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(path: &Path) -> Result<()> {
    path.metadata().map(drop).context("the copy has just been made")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that matches nothing would let every program pass.
    #[test]
    fn every_module_exists() {
        for module in MODULES {
            let path = module.trim_end_matches("::").replace("::", "/");
            let suite = xtask::root().join("tests/suite");
            let is_there = suite.join(format!("{path}.rs")).is_file() || suite.join(&path).join("mod.rs").is_file();
            assert!(is_there, "the suite has no module {module}");
        }
    }
}
