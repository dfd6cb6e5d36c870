//! The programs of a rehearsal: built as in a release for this machine if asked for, and small stand-ins for the rest.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use xtask::target_directory;

/// How the programs of a release are made.
#[derive(Debug)]
pub enum Builds {
    /// Scripts that start the debug build, for programs that must run here; text for those that need not.
    StandIns,
    /// The release build for this machine's glibc. Stand-ins for the other platforms, in this directory.
    Real {
        /// Where the built program is kept for the platforms that are the same machine.
        kept: PathBuf,
    },
}

impl Builds {
    /// Does what a command does, if it is a build that is not made here, or tests one; false if the command is to be run.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn stand_in(&self, script: &str, variables: &BTreeMap<String, String>, workspace: &Path) -> Result<bool> {
        let dist = workspace.join("dist");
        if script.contains("packaging/release/sbom.sh") {
            if matches!(self, Self::Real { .. }) {
                return Ok(false);
            }
            fs::create_dir_all(&dist)?;
            let sbom = serde_json::json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "components": [] });
            fs::write(dist.join("reproq-cli.cdx.json"), sbom.to_string())?;
            return Ok(true);
        }
        // The suite tests the debug build in any case, and the release build with `cargo xtask test --program`.
        if script.contains("packaging/release/smoke.sh") {
            let asset = variables.get("ASSET").context("the smoke tests have no ASSET")?;
            let program = workspace.join("built").join(asset);
            ensure!(program.is_file(), "the smoke tests have no program {}", program.display());
            return Ok(true);
        }
        if !script.contains("packaging/release/build.sh") {
            return Ok(false);
        }
        let variable = |name: &str| variables.get(name).with_context(|| format!("the build has no {name}"));
        let (target, asset, wheel) = (variable("TARGET")?, variable("ASSET")?, variable("WHEEL")?);
        if self.is_made_here(target) {
            return Ok(false);
        }
        fs::create_dir_all(&dist)?;
        fs::write(dist.join(asset), self.program(target)?)?;
        let version = env!("CARGO_PKG_VERSION");
        fs::write(dist.join(format!("reproq-{version}-py3-none-{wheel}_{target}.whl")), target)?;
        Ok(true)
    }

    /// Whether the build for this target is the real one.
    fn is_made_here(&self, target: &str) -> bool {
        matches!(self, Self::Real { .. }) && target == format!("{ARCH}-unknown-linux-gnu")
    }

    fn program(&self, target: &str) -> Result<Vec<u8>> {
        if !target.starts_with(&format!("{ARCH}-unknown-linux-")) {
            return Ok(format!("the program for {target}\n").into_bytes());
        }
        match self {
            Self::StandIns => {
                let program = target_directory().join("debug/reproq");
                Ok(format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display()).into_bytes())
            }
            Self::Real { kept } => fs::read(kept).with_context(|| format!("cannot read {}", kept.display())),
        }
    }
}
