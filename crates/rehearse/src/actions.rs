//! Stand-ins for GitHub's own actions.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use xtask::root;

use crate::runner::Machine;
use crate::runner::Runner;
use crate::stage::sha256;

type Inputs = BTreeMap<String, String>;
type Outputs = BTreeMap<String, String>;

impl Runner<'_> {
    /// Does what an action does, as far as the workflow relies on it; returns its outputs.
    ///
    /// # Errors
    /// As the action; also for an action that is unknown here.
    pub(crate) fn action(&self, machine: &Machine, name: &str, inputs: &Inputs) -> Result<Outputs> {
        match name {
            // Without copying the checkout, so that cargo finds what it has built before. The scripts are all that is run.
            "actions/checkout" => {
                symlink(root().join("packaging"), machine.workspace.join("packaging"))?;
                Ok(Outputs::new())
            }
            "actions/upload-artifact" => self.upload(machine, inputs),
            "actions/download-artifact" => self.download(machine, inputs),
            "actions/attest" => self.attest(machine, inputs),
            other => bail!("the rehearsal has no stand-in for {other}"),
        }
    }

    fn upload(&self, machine: &Machine, inputs: &Inputs) -> Result<Outputs> {
        let from = machine.workspace.join(input(inputs, "path")?);
        let files = if from.is_file() { vec![from.clone()] } else { files(&from).unwrap_or_default() };
        if files.is_empty() && inputs.get("if-no-files-found").is_none_or(|value| value != "ignore") {
            bail!("no files in {}", from.display());
        }
        let to = self.artifacts().join(input(inputs, "name")?);
        copy(&files, &to)?;
        Ok(Outputs::new())
    }

    fn download(&self, machine: &Machine, inputs: &Inputs) -> Result<Outputs> {
        let to = machine.workspace.join(input(inputs, "path")?);
        let artifacts = match inputs.get("name") {
            Some(name) => vec![self.artifacts().join(name)],
            None => {
                let is_merged = inputs.get("merge-multiple").is_some_and(|value| value == "true");
                ensure!(is_merged, "without `merge-multiple` every artifact has its own directory");
                entries(&self.artifacts())?
            }
        };
        for artifact in artifacts {
            copy(&files(&artifact)?, &to)?;
        }
        Ok(Outputs::new())
    }

    fn attest(&self, machine: &Machine, inputs: &Inputs) -> Result<Outputs> {
        let subjects = match inputs.get("subject-checksums") {
            Some(sums) => stated(&machine.workspace.join(sums))?,
            None => matching(&machine.workspace.join(input(inputs, "subject-path")?))?,
        };
        ensure!(!subjects.is_empty(), "nothing to attest");
        let sbom = match inputs.get("sbom-path") {
            Some(path) => Some(serde_json::from_slice(&fs::read(machine.workspace.join(path))?)?),
            None => None,
        };
        let bundle = self.stage.attest(&self.tag, &subjects, sbom.as_ref());
        let path = machine.temp.join(if sbom.is_some() { "sbom.json" } else { "attestation.json" });
        fs::write(&path, bundle.to_string())?;
        Ok(Outputs::from([("bundle-path".to_owned(), path.to_string_lossy().into_owned())]))
    }
}

fn input<'a>(inputs: &'a Inputs, name: &str) -> Result<&'a str> {
    inputs.get(name).map(String::as_str).with_context(|| format!("the input `{name}` is missing"))
}

/// Names and digests of a checksum file.
fn stated(sums: &Path) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(sums).with_context(|| format!("cannot read {}", sums.display()))?;
    text.lines()
        .map(|line| line.split_once("  ").map(|(digest, name)| (name.to_owned(), digest.to_owned())))
        .collect::<Option<_>>()
        .with_context(|| format!("{} has a line without a name", sums.display()))
}

/// Names and digests of the files that match a pattern.
fn matching(pattern: &Path) -> Result<Vec<(String, String)>> {
    let mut subjects = Vec::new();
    for path in glob::glob(&pattern.to_string_lossy())? {
        let path = path?;
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        subjects.push((name, sha256(&path)?));
    }
    Ok(subjects)
}

/// The paths in a directory, sorted.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The files in a directory, sorted.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(directory)?.into_iter().filter(|path| path.is_file()).collect())
}

/// Copies files, which lose their permissions as artifacts do.
pub(crate) fn copy(files: &[PathBuf], to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in files {
        let copy = to.join(file.file_name().context("a file has a name")?);
        ensure!(!copy.exists(), "two artifacts have {}", copy.display());
        fs::copy(file, &copy).with_context(|| format!("cannot copy {}", file.display()))?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}
