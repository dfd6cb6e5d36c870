//! `cargo xtask lint`: checks everything that is not Rust: shell scripts, workflows, spelling, man pages and completions.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use anyhow::Result;
use anyhow::ensure;
use xtask::cargo;
use xtask::python;
use xtask::root;
use xtask::run;
use xtask::target_directory;

/// Everything that a shell or a runner executes.
const SCRIPTS: &[&str] = &[
    ".ci/run",
    "packaging/action/get.sh",
    "packaging/assemble.sh",
    "packaging/build.sh",
    "packaging/check-version.sh",
    "packaging/install.sh",
    "packaging/release/build.sh",
    "packaging/release/check.sh",
    "packaging/release/collect.sh",
    "packaging/release/prune.sh",
    "packaging/release/sbom.sh",
    "packaging/release/smoke.sh",
    "packaging/release/verify.sh",
];

/// Runs every linter that is available on this machine.
pub fn lint() -> Result<()> {
    scripts_are_listed()?;
    if let Some(tools) = python::tools("lint")? {
        run(Command::new(tools.program("shellcheck")).args(SCRIPTS).current_dir(root()))?;
        run(Command::new(tools.program("typos")).args(["--format", "brief"]).current_dir(root()))?;
        let mut zizmor = Command::new(tools.program("zizmor"));
        run(zizmor
            .args([
                "--quiet",
                "--offline",
                "--strict-collection",
                ".github/workflows",
                ".github/dependabot.yml",
                "action.yml",
            ])
            .current_dir(root()))?;
    } else {
        println!("lint: without Python 3.11, shellcheck and zizmor do not run");
    }
    pages_and_completions()
}

/// Fails if a new script is not linted.
fn scripts_are_listed() -> Result<()> {
    let mut directories = vec![root().join("packaging")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sh") {
                let name = path.strip_prefix(root())?.to_string_lossy().into_owned();
                ensure!(SCRIPTS.contains(&name.as_str()), "{name} is not listed in `xtask/src/lint.rs`");
            }
        }
    }
    Ok(())
}

/// Checks man pages with mandoc and completions with their shells; reports those that are not installed.
fn pages_and_completions() -> Result<()> {
    let share = target_directory().join("lint-share");
    if share.exists() {
        fs::remove_dir_all(&share)?;
    }
    run(cargo(&["run", "--quiet", "--package", "dist", "--", "share"]).arg(&share))?;
    let share = share.join("share");
    let mut pages: Vec<_> =
        fs::read_dir(share.join("man/man1"))?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    pages.sort();
    // Style messages are a matter of taste (mostly long lines); warnings are errors.
    let mandoc = |command: &mut Command| {
        command.args(["-T", "lint", "-W", "warning"]).args(&pages);
    };
    checked("mandoc", mandoc)?;
    for (shell, script) in [
        ("bash", "bash-completion/completions/reproq"),
        ("zsh", "zsh/site-functions/_reproq"),
        ("fish", "fish/vendor_completions.d/reproq.fish"),
    ] {
        checked(shell, |command| {
            command.arg("-n").arg(share.join(script));
        })?;
    }
    Ok(())
}

fn checked(program: &str, arguments: impl FnOnce(&mut Command)) -> Result<()> {
    if !is_installed(program) {
        println!("lint: {program} not found; its checks are skipped");
        return Ok(());
    }
    let mut command = Command::new(program);
    arguments(&mut command);
    run(command.stdin(Stdio::null()))
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}
