//! `cargo xtask demo` and `cargo xtask picture`: build the program and the demo with visible output, and start the demo.

use std::env;
use std::process::Command;

use anyhow::Context;
use anyhow::ensure;
use xtask::cargo;
use xtask::run;
use xtask::toolchain;

/// Builds and runs the demo with these arguments.
pub fn start(arguments: &[&str]) -> anyhow::Result<()> {
    ensure!(
        cfg!(windows) || has_c_compiler(),
        "no C compiler was found: the TLS library is written in C; install gcc or clang (Debian: gcc, macOS: `xcode-select --install`)"
    );
    let go = toolchain::go()?;
    println!("Compiling the program. The first time takes up to ten minutes on two cores, later runs take seconds.");
    run(&mut cargo(&["build", "--package", "reproq", "--package", "demo"]))?;
    // Not `cargo run`, which would compile some libraries again with fewer features.
    let name = format!("demo{}", env::consts::EXE_SUFFIX);
    let demo = env::current_exe()?.parent().context("this program is in a directory")?.join(name);
    let mut demo = Command::new(demo);
    crate::add_postgres(&mut demo);
    run(demo.args(arguments).env("REPROQ_TEST_GO", go))
}

/// Whether there is a compiler by one of the names that the `cc` crate looks for.
fn has_c_compiler() -> bool {
    let named = env::var_os("CC").is_some_and(|named| !named.is_empty());
    let path = env::var_os("PATH").unwrap_or_default();
    named
        || env::split_paths(&path).any(|directory| ["cc", "gcc", "clang"].iter().any(|it| directory.join(it).is_file()))
}
