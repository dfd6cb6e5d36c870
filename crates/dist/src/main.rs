//! Writes the files of a release other than the program. The same commit gives the same bytes on any machine at any time.
#![expect(clippy::disallowed_methods, reason = "a tool for the release job; all of it is effects")]

mod archives;
mod description;
#[cfg(all(test, target_os = "linux"))]
mod get_sh_tests;
#[cfg(all(test, target_os = "linux"))]
mod install_sh_tests;
#[cfg(all(test, target_os = "linux"))]
mod loopback;
mod platforms;
mod scripts;
mod share;
#[cfg(test)]
#[path = "../../../tests/suite/support/skip.rs"]
mod skip;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;

/// Writes the files of a release.
#[derive(Debug, Parser)]
enum Step {
    /// Write man pages and completions to DIR/share
    Share {
        /// The directory
        directory: PathBuf,
    },
    /// Write the description of the wheel to FILE: README.md of the working directory with absolute links
    Description {
        /// The file
        file: PathBuf,
    },
    /// Pack every program in DIR with its man pages, completions and licenses
    Archives {
        /// The directory with the programs, under the names of their assets
        directory: PathBuf,
    },
    /// Write install.sh, install.ps1, reproq.rb, Dockerfile and digests.txt to DIR from its SHA256SUMS
    Scripts {
        /// The directory with SHA256SUMS
        directory: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Step::parse() {
        Step::Share { directory } => share::write(&directory.join("share"), epoch()?),
        Step::Description { file } => describe(&file),
        Step::Archives { directory } => archives::write(&directory, epoch()?),
        Step::Scripts { directory } => scripts::write(&directory),
    }
}

fn describe(file: &Path) -> anyhow::Result<()> {
    let readme = fs::read_to_string("README.md").context("cannot read README.md")?;
    let directory = file.parent().context("a file is in a directory")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    fs::write(file, description::absolute(&readme)?).with_context(|| format!("cannot write {}", file.display()))
}

/// The modification time of every file, in seconds since 1970: `SOURCE_DATE_EPOCH`, which is the commit's time in a release.
fn epoch() -> anyhow::Result<u64> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`, which is not a number of seconds"))
        }
        Err(_) => Ok(0),
    }
}
