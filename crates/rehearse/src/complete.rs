//! The whole workflow, and what must be true of the repository afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::actions::files;
use crate::builds::Builds;
use crate::runner::Machine;
use crate::runner::Runner;
use crate::runner::workflow;
use crate::stage::OLDER;
use crate::stage::Stage;
use crate::workflow::Workflow;

/// A release that was published, with everything that was made for it.
pub struct Complete<'a> {
    /// The workflow.
    pub workflow: Workflow,
    /// The GitHub that has it.
    pub stage: Stage,
    /// Its tag.
    pub tag: String,
    /// How its programs were made.
    pub builds: &'a Builds,
    /// Where all jobs ran.
    pub directory: PathBuf,
    /// The machine that published it.
    pub machine: Machine,
}

impl<'a> Complete<'a> {
    /// Runs the workflow for the tag of this version.
    ///
    /// # Errors
    /// The first step that fails, or what is wrong with the published release.
    pub fn run(directory: PathBuf, builds: &'a Builds) -> Result<Self> {
        let workflow = workflow()?;
        let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
        let stage = Stage::new(&tag);
        let runner =
            Runner { workflow: &workflow, stage: &stage, tag: tag.clone(), builds, directory: directory.clone() };
        runner.trust()?;
        let mut published = None;
        for name in workflow.in_order()? {
            let machine = runner.run_job(name)?;
            if name == "publish" {
                published = Some(machine);
            }
        }
        let machine = published.context("the workflow has no job `publish`")?;
        let complete = Self { workflow, stage, tag, builds, directory, machine };
        complete.check()?;
        Ok(complete)
    }

    /// A runner for the same release against another GitHub, in another directory with the same artifacts.
    pub fn again<'b>(&'b self, stage: &'b Stage, directory: PathBuf) -> Runner<'b> {
        Runner { workflow: &self.workflow, stage, tag: self.tag.clone(), builds: self.builds, directory }
    }

    /// What was attested and uploaded.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        files(&self.machine.workspace.join("dist"))
    }

    fn check(&self) -> Result<()> {
        let after = self.stage.snapshot();
        let expected = [OLDER[2], OLDER[3], &self.tag];
        ensure!(after.published() == expected, "published are {:?}, not {expected:?}", after.published());
        ensure!(after.tag_names() == expected, "the tags are {:?}, not {expected:?}", after.tag_names());
        ensure!(after.drafts().is_empty(), "drafts remain: {:?}", after.drafts());
        ensure!(after.latest.as_ref() == Some(&self.tag), "the latest release is {:?}", after.latest);
        let release = after.releases.iter().find(|release| release.tag == self.tag).context("the release")?;
        ensure!(release.immutable, "the release is not immutable");
        let uploaded: BTreeSet<String> = release.assets.iter().cloned().collect();
        let made: BTreeSet<String> =
            self.files()?.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
        ensure!(uploaded == made, "the release differs from dist/: {:?}", uploaded.symmetric_difference(&made));
        for name in ["reproq-cli-linux-amd64", "SHA256SUMS", "install.sh", "install.ps1", "reproq.rb", "digests.txt"] {
            for name in [name.to_owned(), format!("{name}.sigstore.json")] {
                ensure!(uploaded.contains(&name), "the release has no {name}");
            }
        }
        ensure!(self.machine.temp.join("installed/reproq").is_file(), "install.sh installed nothing");
        let audit = fs::read_to_string(self.directory.join("artifacts/prune-audit/prune-audit.jsonl"))?;
        ensure!(audit.contains(OLDER[0]), "the audit record does not name {}", OLDER[0]);
        println!("   published with {} assets; {} and {} deleted", uploaded.len(), OLDER[0], OLDER[1]);
        Ok(())
    }
}

impl Runner<'_> {
    /// Makes the user of this runner trust the authority that signs here. GitHub's own is embedded in the program.
    ///
    /// # Errors
    /// If the program refuses it.
    pub fn trust(&self) -> Result<()> {
        let machine = self.machine("trust", std::collections::BTreeMap::new())?;
        let root = machine.temp.join("root.json");
        fs::write(&root, self.stage.root().to_string())?;
        let program = xtask::target_directory().join("debug/reproq");
        let accept = format!("'{}' trust accept '{}'", program.display(), root.display());
        self.command(&machine, &accept, &std::collections::BTreeMap::new())?;
        Ok(())
    }
}
