//! What happens to a release after its first attempt: uploads that fail, the job run again, and deletion three releases later.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use fake_github::AssetSpec;
use fake_github::Cut;
use fake_github::Fault;
use fake_github::MakeLatest;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

use crate::broken::CHECK;
use crate::broken::PRUNE;
use crate::broken::PUBLISH;
use crate::broken::UPLOAD;
use crate::broken::attest;
use crate::broken::built;
use crate::broken::failure;
use crate::complete::Complete;
use crate::runner::Machine;
use crate::stage::REPOSITORY;

/// Uploads fail in the ways that GitHub documents, the job fails, and the job is run again.
///
/// # Errors
/// If the release is not complete at the end.
pub fn interrupted(complete: &Complete<'_>, directory: PathBuf) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, directory);
    runner.trust()?;
    attest(&stage, complete)?;
    let mut machine = built(complete, &runner)?;
    let uploads = || Matcher::api().method("POST").path("/uploads/");
    // The third upload and all later ones of this run fail; the third leaves an empty asset behind.
    stage.github.before(uploads().nth(3), |github| {
        let draft = github.snapshot(REPOSITORY).releases.into_iter().find(|release| release.draft);
        let draft = draft.expect("files are uploaded to a draft");
        github.repo(REPOSITORY).add_asset(draft.id, AssetSpec::starter("install.sh"));
    });
    stage.github.fault(uploads().nth(3).always(), Fault::status(502));
    let found = failure(runner.only(&mut machine, UPLOAD).map(drop))?;
    ensure!(found.contains("Run this job again"), "the failure does not say what to do: {found}");
    let after = stage.snapshot();
    ensure!(after.drafts() == [complete.tag.as_str()], "an interrupted run leaves one draft: {after:?}");
    println!("   an upload host that fails: one draft remains, nothing is published");

    stage.github.clear_faults();
    // One response is lost after the upload, one upload is cut, and the response to publishing is lost.
    stage.github.fault(uploads().nth(2), Fault::TruncateAfterProcessing);
    stage.github.fault(uploads().nth(5), Fault::CutBody { after: 10, with: Cut::Rst });
    stage.github.fault(Matcher::api().method("PATCH"), Fault::TruncateAfterProcessing);
    runner.only(&mut machine, UPLOAD)?;
    ensure!(stage.snapshot().drafts().is_empty(), "the draft was not published");
    runner.only(&mut machine, CHECK)?;
    println!("   the job run again: the draft is completed, published and installed, whichever response is lost");

    let changes = stage.github.mutations();
    // A run later has other attestations, and finds the release as it is.
    fs::write(machine.workspace.join("dist/SHA256SUMS.sigstore.json"), "{}")?;
    runner.only(&mut machine, UPLOAD)?;
    ensure!(stage.github.mutations() == changes, "a published release was changed");
    println!("   the job run a third time: nothing is changed");
    Ok(())
}

/// Three more releases are published and pruned; then the old installer, formula and action are used.
///
/// # Errors
/// If something that must still work does not, or does not say what to do.
pub fn outdated(complete: &Complete<'_>) -> Result<()> {
    let stage = &complete.stage;
    let mut runner = complete.again(stage, complete.directory.clone());
    let mut machine = built(complete, &runner)?;
    let action = Action::new(complete, &machine)?;
    let shown = action.run(&runner, &machine)?;
    ensure!(shown.contains("verified: sha256"), "the action did not download the release: {shown}");
    println!("   the action at the commit after the release: downloaded, digest and attestation verified");

    for (number, day) in [(1, "02"), (2, "03"), (3, "04")] {
        let later = format!("v999.0.{number}");
        let time = format!("2099-01-{day}T12:00:00Z");
        let release = ReleaseSpec::new(&later)
            .file("SHA256SUMS", b"later".to_vec())
            .immutable()
            .created_at(&time)
            .published_at(&time);
        stage.github.repo(REPOSITORY).add(release.make_latest(MakeLatest::True));
    }
    // The tag of the running job is never deleted.
    runner.tag = "v999.0.3".to_owned();
    // While the action's table names it, it is kept.
    fs::remove_file(machine.workspace.join("packaging"))?;
    copy_scripts(&machine, &action)?;
    let before = stage.snapshot();
    runner.only(&mut machine, PRUNE)?;
    let kept = stage.snapshot();
    ensure!(kept.published().contains(&complete.tag.as_str()), "the release that the action names was deleted");
    ensure!(kept.published().len() == 4 && before.published().len() > 4, "unexpected releases: {kept:?}");
    println!("   the release that the action's table names: kept");

    // When the table names another version, it is deleted.
    fs::write(machine.workspace.join("packaging/action/digests.txt"), "version 0.0.4\n")?;
    let shown = runner.only(&mut machine, PRUNE)?;
    ensure!(!stage.snapshot().published().contains(&complete.tag.as_str()), "the old release was not deleted: {shown}");

    let shown = action.run(&runner, &machine)?;
    ensure!(shown.contains("building from source") && action.has_built(), "the old action did not build: {shown}");
    println!("   an old action whose release was deleted: builds its own commit from source");

    let download = format!("{}/{REPOSITORY}/releases/download", stage.github.web_url());
    let installer = machine.workspace.join("dist/install.sh");
    let script = format!(
        "REPROQ_DOWNLOAD_URL='{download}' REPROQ_INSTALL_DIR=\"$RUNNER_TEMP/old\" sh '{}'",
        installer.display()
    );
    let found = failure(runner.command(&machine, &script, &BTreeMap::new()).map(drop))?;
    let pinned = format!("pip install reproq=={}", complete.tag.trim_start_matches('v'));
    ensure!(found.contains(&pinned), "the old installer does not name the wheel: {found}");
    ensure!(!machine.temp.join("old/reproq").exists(), "something was installed");
    println!("   an old installer whose release was deleted: names the wheel on PyPI, which keeps every version");
    Ok(())
}

/// The scripts, with an action's table that can be changed.
fn copy_scripts(machine: &Machine, action: &Action) -> Result<()> {
    let to = machine.workspace.join("packaging");
    for name in ["release", "action"] {
        let from = xtask::root().join("packaging").join(name);
        fs::create_dir_all(to.join(name))?;
        for path in crate::actions::files(&from)? {
            fs::copy(&path, to.join(name).join(path.file_name().context("a name")?))?;
        }
    }
    fs::copy(action.table(), to.join("action/digests.txt"))?;
    Ok(())
}

/// The action, pinned to the commit that names this release.
struct Action {
    path: PathBuf,
}

impl Action {
    fn new(complete: &Complete<'_>, machine: &Machine) -> Result<Self> {
        let action = Self { path: machine.temp.join("action") };
        for name in ["packaging/action", "bin"] {
            fs::create_dir_all(action.path.join(name))?;
        }
        let get = action.path.join("packaging/action/get.sh");
        fs::copy(xtask::root().join("packaging/action/get.sh"), get)?;
        fs::copy(complete.machine.workspace.join("dist/digests.txt"), action.table())?;
        // A build takes minutes; whether it is started, and of which source, is what matters here.
        action.program("cargo", "printf '%s\\n' \"$*\" >\"$GITHUB_ACTION_PATH/built\"")?;
        action.program("rustup", "exit 0")?;
        Ok(action)
    }

    fn table(&self) -> PathBuf {
        self.path.join("packaging/action/digests.txt")
    }

    fn program(&self, name: &str, command: &str) -> Result<()> {
        let path: &Path = &self.path.join("bin").join(name);
        fs::write(path, format!("#!/bin/sh\n{command}\n"))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn has_built(&self) -> bool {
        let built = fs::read_to_string(self.path.join("built")).unwrap_or_default();
        built.contains(&format!("--path {}", self.path.display()))
    }

    /// Runs the script of the action's first step, on a machine without its tool cache.
    fn run(&self, runner: &crate::runner::Runner<'_>, machine: &Machine) -> Result<String> {
        ensure!(machine.job == PUBLISH, "the machine has the home directory that trusts the authority");
        let cache = machine.temp.join("tool-cache");
        if cache.exists() {
            fs::remove_dir_all(&cache)?;
        }
        let variables = [
            ("GITHUB_ACTION_PATH", self.path.display().to_string()),
            ("GITHUB_OUTPUT", self.path.join("output").display().to_string()),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_TOOL_CACHE", cache.display().to_string()),
            ("REPROQ_DOWNLOAD_URL", format!("{}/{REPOSITORY}/releases/download", runner.stage.github.web_url())),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let script = "PATH=\"$GITHUB_ACTION_PATH/bin:$PATH\" \"$GITHUB_ACTION_PATH/packaging/action/get.sh\"";
        runner.command(machine, script, &variables)
    }
}
