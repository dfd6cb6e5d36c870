//! Releases that are broken in one way each: the workflow must stop at the step that is there for it, and nothing may be
//! published.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use fake_github::AssetSpec;
use fake_github::ReleaseSpec;

use crate::actions::copy;
use crate::actions::entries;
use crate::actions::files;
use crate::complete::Complete;
use crate::runner::Machine;
use crate::runner::Runner;
use crate::stage::REPOSITORY;
use crate::stage::Stage;
use crate::stage::sha256;

/// The job that publishes, with its steps by the scripts they run.
pub const PUBLISH: &str = "publish";
pub const VERIFY: &str = "packaging/release/verify.sh";
pub const UPLOAD: &str = "packaging/release/publish.py";
pub const CHECK: &str = "packaging/release/check.sh";
pub const PRUNE: &str = "packaging/release/prune.sh";

/// A program of another platform, which never runs here.
const ASSET: &str = "reproq-cli-darwin-arm64";

/// Breaks releases.
///
/// # Errors
/// If one is published, or stopped elsewhere.
pub fn run(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    another_version(complete, directory)?;
    a_missing_program(complete, directory)?;
    a_wrong_checksum(complete, directory)?;
    a_missing_asset(complete, directory)?;
    an_attestation_of_other_bytes(complete, directory)?;
    a_missing_bundle(complete, directory)?;
    unattested_at_github(complete, directory)
}

fn another_version(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before("v999.0.0");
    let mut runner = complete.again(&stage, fresh(directory, "version")?);
    runner.tag = "v999.0.0".to_owned();
    let found = stopped(runner.run_job("version").map(drop), &stage)?;
    is_about(&found, "the tag is v999.0.0, but Cargo.toml has version", "a tag that is not the version")
}

fn a_missing_program(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "program")?);
    for artifact in entries(&complete.directory.join("artifacts"))? {
        let name = artifact.file_name().context("a name")?;
        if name != "wheels" && name != "prune-audit" {
            copy(&files(&artifact)?, &runner.artifacts().join(name))?;
        }
    }
    let program = runner.artifacts().join(ASSET).join(ASSET);
    fs::remove_file(&program).with_context(|| format!("cannot remove {}", program.display()))?;
    let found = stopped(runner.run_job(PUBLISH).map(drop), &stage)?;
    is_about(&found, ASSET, "a program that was not built")
}

fn a_wrong_checksum(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "checksum")?);
    let mut machine = built(complete, &runner)?;
    fs::write(machine.workspace.join("dist").join(ASSET), "other bytes")?;
    let found = stopped(runner.only(&mut machine, UPLOAD).map(drop), &stage)?;
    is_about(&found, "but SHA256SUMS states", "bytes that differ from SHA256SUMS")
}

fn a_missing_asset(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "asset")?);
    let mut machine = built(complete, &runner)?;
    fs::remove_file(machine.workspace.join("dist").join(ASSET))?;
    let found = stopped(runner.only(&mut machine, UPLOAD).map(drop), &stage)?;
    is_about(&found, "which SHA256SUMS lists", "an asset that SHA256SUMS lists and dist/ lacks")?;

    // And if it is lost at GitHub, after the release was published.
    let release = files(&complete.machine.workspace.join("dist"))?.into_iter().filter(|path| !path.ends_with(ASSET));
    publish_without_workflow(&stage, complete, release)?;
    attest(&stage, complete)?;
    runner.trust()?;
    let mut machine = built(complete, &runner)?;
    let found = failure(runner.only(&mut machine, CHECK).map(drop))?;
    is_about(&found, &format!("FAILED  {ASSET}"), "a published release without an asset")
}

fn an_attestation_of_other_bytes(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "attestation")?);
    runner.trust()?;
    let mut machine = unverified(complete, &runner)?;
    let dist = machine.workspace.join("dist");
    let subjects: Vec<_> = subjects(&files(&dist)?)?.into_iter().filter(|(name, _)| name != ASSET).collect();
    let bundle = machine.temp.join("attestation.json");
    fs::write(&bundle, stage.attest(&complete.tag, &subjects, None).to_string())?;
    machine.outputs.insert("steps.provenance.outputs.bundle-path".to_owned(), bundle.to_string_lossy().into_owned());
    let found = stopped(runner.only(&mut machine, VERIFY).map(drop), &stage)?;
    is_about(&found, ASSET, "an asset that the attestation does not cover")
}

fn a_missing_bundle(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "bundle")?);
    let mut machine = built(complete, &runner)?;
    fs::remove_file(machine.workspace.join("dist").join(format!("{ASSET}.sigstore.json")))?;
    let found = stopped(runner.only(&mut machine, UPLOAD).map(drop), &stage)?;
    is_about(&found, "has no attestation", "an asset without an attestation")
}

fn unattested_at_github(complete: &Complete<'_>, directory: &Path) -> Result<()> {
    let stage = complete.stage.before(&complete.tag);
    let runner = complete.again(&stage, fresh(directory, "unattested")?);
    runner.trust()?;
    let bare = complete.files()?.into_iter().filter(|path| path.extension().is_none_or(|it| it != "json"));
    publish_without_workflow(&stage, complete, bare)?;
    let mut machine = built(complete, &runner)?;
    let found = failure(runner.only(&mut machine, CHECK).map(drop))?;
    is_about(&found, "FAILED  attested", "a published release without attestations")
}

/// A machine after the step that verifies: `dist/` is complete, with attestations.
///
/// # Errors
/// If it cannot be made.
pub fn built(complete: &Complete<'_>, runner: &Runner<'_>) -> Result<Machine> {
    let machine = runner.machine(PUBLISH, BTreeMap::new())?;
    std::os::unix::fs::symlink(xtask::root().join("packaging"), machine.workspace.join("packaging"))?;
    copy(&complete.files()?, &machine.workspace.join("dist"))?;
    fs::copy(complete.machine.temp.join("reproq"), machine.temp.join("reproq"))?;
    Ok(machine)
}

/// A machine before the step that verifies.
fn unverified(complete: &Complete<'_>, runner: &Runner<'_>) -> Result<Machine> {
    let machine = built(complete, runner)?;
    for path in files(&machine.workspace.join("dist"))? {
        if path.to_string_lossy().ends_with(".sigstore.json") {
            fs::remove_file(path)?;
        }
    }
    Ok(machine)
}

/// A published release of these files, as if the checks before had been left out.
fn publish_without_workflow(
    stage: &Stage,
    complete: &Complete<'_>,
    files: impl Iterator<Item = PathBuf>,
) -> Result<()> {
    let mut release = ReleaseSpec::new(&complete.tag);
    for path in files {
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        release = release.asset(AssetSpec::new(&name, fs::read(&path)?));
    }
    stage.github.repo(REPOSITORY).add(release);
    Ok(())
}

/// Attests everything that was made.
///
/// # Errors
/// If it cannot be read.
pub fn attest(stage: &Stage, complete: &Complete<'_>) -> Result<()> {
    let made = complete.files()?.into_iter().filter(|path| !path.to_string_lossy().ends_with(".sigstore.json"));
    stage.attest(&complete.tag, &subjects(&made.collect::<Vec<_>>())?, None);
    Ok(())
}

fn subjects(files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let subject = |path: &PathBuf| {
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        Ok((name, sha256(path)?))
    };
    files.iter().map(subject).collect()
}

fn fresh(directory: &Path, name: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    fs::create_dir(&path)?;
    Ok(path)
}

/// The failure of a step; nothing may have been published, and no draft left.
fn stopped(outcome: Result<()>, stage: &Stage) -> Result<String> {
    let found = failure(outcome)?;
    let after = stage.snapshot();
    ensure!(after.published() == crate::stage::OLDER, "after a failure, {:?} are published", after.published());
    ensure!(after.drafts().is_empty(), "after a failure, drafts remain: {:?}", after.drafts());
    Ok(found)
}

/// The failure of a step.
///
/// # Errors
/// If it did not fail.
pub fn failure(outcome: Result<()>) -> Result<String> {
    match outcome {
        Ok(()) => bail!("the step succeeded, but must fail"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

fn is_about(found: &str, expected: &str, title: &str) -> Result<()> {
    ensure!(found.contains(expected), "{title}: the step must fail with `{expected}`, but failed with {found}");
    println!("   refused: {title}");
    Ok(())
}
