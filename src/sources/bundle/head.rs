//! Checks the first three members of a bundle, its metadata, against each other. Pure.

use crate::lockfile;
use crate::lockfile::Lockfile;
use crate::model::Sha256Digest;
use crate::model::Tool;
use crate::sources::bundle::BundleError;
use crate::sources::bundle::Manifest;
use crate::sources::bundle::manifest::Measure;

/// The raw bytes of the first three members.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) manifest: Vec<u8>,
    pub(super) lock: Vec<u8>,
    pub(super) sums: Vec<u8>,
}

impl Head {
    /// Parses them and checks that they agree: the sums cover the manifest, the manifest covers the lockfile, and the sums are
    /// exactly those the manifest yields.
    pub(super) fn judge(&self, tool: &Tool) -> Result<(Manifest, Lockfile), BundleError> {
        let manifest_sha256 = Measure::of(&self.manifest).sha256;
        refuse_changed_manifest(&self.sums, manifest_sha256)?;
        let manifest = Manifest::parse(&self.manifest, tool).map_err(BundleError::Manifest)?;
        let lock = Measure::of(&self.lock);
        if lock != manifest.lock {
            return Err(BundleError::Changed {
                member: Manifest::LOCK.to_owned(),
                by: Manifest::NAME,
                stated: manifest.lock.sha256,
                found: lock.sha256,
            });
        }
        refuse_other_sums(&self.sums, &manifest.sums(manifest_sha256))?;
        let lockfile = parse_lock(&self.lock, tool)?;
        refuse_contradiction(&manifest, &lockfile)?;
        Ok((manifest, lockfile))
    }
}

/// Checked before the manifest is parsed, so that a modified manifest is reported as such and not as invalid JSON.
fn refuse_changed_manifest(sums: &[u8], found: Sha256Digest) -> Result<(), BundleError> {
    let text = String::from_utf8_lossy(sums);
    let line = text.lines().next().and_then(|line| line.split_once("  "));
    let stated = line.filter(|(_, path)| *path == Manifest::NAME).and_then(|(digest, _)| digest.parse().ok());
    let stated: Sha256Digest = stated.ok_or_else(|| BundleError::Sums(Manifest::NAME.to_owned()))?;
    if stated == found {
        return Ok(());
    }
    Err(BundleError::Changed { member: Manifest::NAME.to_owned(), by: Manifest::SUMS, stated, found })
}

fn refuse_other_sums(sums: &[u8], expected: &str) -> Result<(), BundleError> {
    if sums == expected.as_bytes() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(sums);
    let mut lines = text.lines();
    let differing = expected.lines().find(|expected| lines.next() != Some(*expected));
    let path = differing.and_then(|line| line.split_once("  ")).map_or(Manifest::SUMS, |(_, path)| path);
    Err(BundleError::Sums(path.to_owned()))
}

fn parse_lock(lock: &[u8], tool: &Tool) -> Result<Lockfile, BundleError> {
    let text = str::from_utf8(lock).map_err(|_| BundleError::Lock("it is not UTF-8".to_owned()))?;
    lockfile::parse(text, tool).map_err(|error| BundleError::Lock(error.to_string()))
}

/// A lockfile may list more platforms than the bundle carries, but must not contradict the manifest.
fn refuse_contradiction(manifest: &Manifest, lockfile: &Lockfile) -> Result<(), BundleError> {
    if lockfile.tag != manifest.tag || !lockfile.repository.is_same(&manifest.repository) {
        let (locked, carried) = (&lockfile.tag, &manifest.tag);
        return Err(BundleError::Lock(format!(
            "it pins {locked} of {}, but the manifest states {carried} of {}",
            lockfile.repository, manifest.repository
        )));
    }
    for asset in &manifest.assets {
        let locked = lockfile.asset(asset.target);
        if !locked.is_some_and(|locked| locked.name == asset.name && locked.sha256 == asset.sha256) {
            return Err(BundleError::Lock(format!("it does not list {} as the manifest does", asset.name)));
        }
    }
    Ok(())
}
