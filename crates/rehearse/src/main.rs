//! `cargo xtask rehearse`: runs the release workflow against a GitHub on this machine, and fails if a step has an unexpected
//! result. Then it breaks a release in every way that must stop it, interrupts one and runs it again, and deletes one that is
//! still named somewhere.
#![expect(clippy::disallowed_methods, reason = "programs are run and files are created here")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people at a terminal")]

mod actions;
mod broken;
mod builds;
mod complete;
mod later;
mod runner;
mod stage;
mod workflow;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::builds::Builds;
use crate::complete::Complete;

fn main() -> ExitCode {
    let is_real = std::env::args().any(|argument| argument == "--release");
    let began = Instant::now();
    match run(is_real) {
        Ok(()) => {
            println!("\nThe rehearsal passed in {:.0} s.", began.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_real: bool) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("reproq-rehearsal-").tempdir()?;
    let at = |name: &str| -> Result<std::path::PathBuf> {
        let path = directory.path().join(name);
        std::fs::create_dir(&path)?;
        Ok(path)
    };
    let first = at("complete")?;
    let builds = if is_real { Builds::Real { kept: kept(&first) } } else { Builds::StandIns };
    scene("The workflow, from the tag to the pruned repository");
    let complete = Complete::run(first, &builds)?;
    scene("What must not be published");
    broken::run(&complete, &at("broken")?)?;
    scene("Interrupted uploads, and the job run again");
    later::interrupted(&complete, at("interrupted")?)?;
    scene("Three releases later: what still names this one");
    later::outdated(&complete)
}

/// Where the artifact of the build for this machine is kept.
fn kept(directory: &Path) -> std::path::PathBuf {
    let asset = format!("reproq-cli-{}", xtask::host());
    directory.join("artifacts").join(&asset).join(asset)
}

fn scene(title: &str) {
    println!("\n── {title}");
}
