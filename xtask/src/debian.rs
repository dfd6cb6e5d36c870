//! Debian packages that some tests need: nginx serves mirrors, strace traces and interrupts system calls, tmux is a terminal,
//! faketime sets the clock back to when a copy of signed metadata was valid, mandoc reads man pages, pgbouncer is a connection pooler,
//! a browser shows the page of `serve`, promtool checks its alerts, and the shells run install.sh. Without them these tests are skipped.

use std::env;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

/// The programs, with the packages that contain them. One of several is enough.
const WANTED: &[(&str, &str)] = &[
    ("nginx", "nginx-light"),
    ("strace", "strace"),
    ("faketime", "faketime"),
    ("tmux", "tmux"),
    ("mandoc", "mandoc"),
    ("pgbouncer", "pgbouncer"),
    ("chromium-headless-shell chromium google-chrome", "chromium-headless-shell"),
    ("promtool", "prometheus"),
    ("busybox", "busybox"),
    ("fish", "fish"),
    ("mksh", "mksh"),
    ("posh", "posh"),
    ("wget", "wget"),
    ("yash", "yash"),
    ("zsh", "zsh"),
];

/// Timeout in seconds; more than any Debian mirror takes for a few small packages.
const TIMEOUT_SECONDS: &str = "180";

/// Installs missing packages on machines that exist only for this run: in CI, as root, with apt-get. The tests continue even if
/// this fails.
pub fn install_what_is_missing() {
    let missing: Vec<&str> =
        WANTED.iter().filter(|(programs, _)| !programs.split(' ').any(is_there)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return;
    }
    let is_disposable = env::var("CI").is_ok_and(|value| value == "true") && is_root() && is_there("apt-get");
    let installed = is_disposable && apt(&["update"]) && {
        let install = ["install", "--yes", "--no-install-recommends"];
        // One that this release does not have must not prevent the others.
        apt(&[&install[..], &missing].concat())
            || missing.iter().filter(|package| !apt(&[&install[..], &[**package]].concat())).count() == 0
    };
    if !installed {
        println!("Debian: could not install {}; tests that need it are skipped", missing.join(" and "));
    }
}

fn apt(arguments: &[&str]) -> bool {
    let mut command = Command::new("timeout");
    command.args([TIMEOUT_SECONDS, "apt-get", "--quiet", "--quiet"]).args(arguments);
    // Prevents prompts, and that a server is started.
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
