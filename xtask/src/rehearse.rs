//! `cargo xtask rehearse`: builds what the rehearsal of the release workflow needs, and starts it.

use std::process::Command;

use anyhow::Context;
use xtask::cargo;
use xtask::run;

/// Rehearses a release. `--release` makes the release build for this machine, which takes many minutes; by default scripts that
/// start the debug build stand in for it.
pub fn rehearse(arguments: &[&str]) -> anyhow::Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("rehearse: the release is published from Linux on amd64; not rehearsed here");
        return Ok(());
    }
    // Exactly as packaging/assemble.sh does, which then finds everything built.
    run(&mut cargo(&["build", "--quiet", "--package", "dist", "--package", "reproq"]))?;
    run(&mut cargo(&["build", "--quiet", "--package", "rehearse"]))?;
    let rehearsal = std::env::current_exe()?.parent().context("this program is in a directory")?.join("rehearse");
    run(Command::new(rehearsal).args(arguments))
}
