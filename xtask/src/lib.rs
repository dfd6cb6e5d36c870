//! Shared parts of the project's own commands: paths, how cargo is run, packages from PyPI, and a Go toolchain.
#![expect(clippy::disallowed_methods, reason = "developer tools, which consist of effects")]

pub mod python;
pub mod toolchain;

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::bail;

/// The repository's root.
///
/// # Panics
///
/// Never: the package is in the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the repository").to_owned()
}

/// Cargo's target directory, also if `CARGO_TARGET_DIR` or cargo's settings change it: the running program is in it, below the
/// tag file that cargo creates.
pub fn target_directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(|| root().join("target"), Path::to_owned)
}

/// This platform, as in asset names.
pub fn host() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { env::consts::OS };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{os}-{arch}")
}

/// Cargo with these arguments, in the repository.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command with visible output.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    if !status.success() {
        // Without the environment, which may contain secrets and is too long.
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        bail!("`{}` ended with {status}", words.join(" "));
    }
    Ok(())
}
