//! What the tests of the page need: a browser of the system, and two packages from npm at the versions of the lockfile.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use xtask::root;
use xtask::run;
use xtask::target_directory;

/// The browsers that the driver can start.
const BROWSERS: [&str; 4] = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// Adds the browser and its driver to the environment of a command. Without them the tests of the page are skipped.
pub fn add(command: &mut Command) {
    if env::var_os("REPROQ_TEST_BROWSER").is_some() {
        return;
    }
    let Some(browser) = BROWSERS.iter().find_map(|name| on_path(name)) else {
        println!("Browser: no Chromium on PATH; its tests are skipped");
        return;
    };
    match packages() {
        Ok(packages) => {
            println!("Browser: {}", browser.display());
            command.env("REPROQ_TEST_BROWSER", packages).env("REPROQ_TEST_CHROMIUM", browser);
        }
        Err(error) => println!("Browser: {error:#}; its tests are skipped"),
    }
}

/// A directory with the packages, installed once for each lockfile.
fn packages() -> anyhow::Result<PathBuf> {
    let source = root().join("tests/browser");
    let directory = target_directory().join("toolchain/browser");
    let lockfile = fs::read(source.join("package-lock.json"))?;
    // Written last, so that it is there only if the installation was complete.
    let installed = directory.join("installed-package-lock.json");
    if fs::read(&installed).is_ok_and(|it| it == lockfile) {
        return Ok(directory);
    }
    let npm = on_path("npm").context("no npm on PATH")?;
    fs::create_dir_all(&directory)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), directory.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    let mut install = Command::new(npm);
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&directory);
    run(&mut install)?;
    fs::write(installed, lockfile)?;
    Ok(directory)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| Path::new(&directory).join(program)).find(|found| found.is_file())
}
