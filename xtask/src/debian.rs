//! What some tests need of Debian's packages: nginx serves mirrors, strace sees and ends system calls, tmux is a terminal, and
//! faketime turns the clock back to when a copy of signed metadata was good, mandoc reads man pages, and the shells run
//! install.sh. Tests without them are skipped and say so.

use std::env;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

/// The programs, with the packages that have them.
const WANTED: &[(&str, &str)] = &[
    ("nginx", "nginx-light"),
    ("strace", "strace"),
    ("faketime", "faketime"),
    ("tmux", "tmux"),
    ("mandoc", "mandoc"),
    ("busybox", "busybox"),
    ("fish", "fish"),
    ("mksh", "mksh"),
    ("posh", "posh"),
    ("wget", "wget"),
    ("yash", "yash"),
    ("zsh", "zsh"),
];

/// Longer than any mirror of Debian takes for a few small packages, in seconds.
const PATIENCE: &str = "180";

/// Installs what is missing, where a machine was made for this run alone: in CI, as root, with apt-get. Whatever goes
/// wrong, the tests go on.
pub fn install_what_is_missing() {
    let missing: Vec<&str> =
        WANTED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return;
    }
    let is_made_for_this = env::var("CI").is_ok_and(|value| value == "true") && is_root() && is_there("apt-get");
    let installed = is_made_for_this && apt(&["update"]) && {
        let install = ["install", "--yes", "--no-install-recommends"];
        apt(&[&install[..], &missing].concat())
    };
    if !installed {
        println!("Debian: without {}; tests that need it are skipped", missing.join(" and "));
    }
}

fn apt(arguments: &[&str]) -> bool {
    let mut command = Command::new("timeout");
    command.args([PATIENCE, "apt-get", "--quiet", "--quiet"]).args(arguments);
    // Nothing is to be asked, and no server to be started.
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").stdin(Stdio::null()).stderr(Stdio::null()).output();
    asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories = env::split_paths(&path).chain(["/usr/sbin".into()]);
    directories.any(|directory| Path::new(&directory).join(program).is_file())
}
