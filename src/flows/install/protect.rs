//! Files an installation never replaces: this command itself, and with `--to` any file this program did not install.

use std::path::Path;

use crate::flows::install::AccessError;
use crate::flows::install::InstallRequest;
use crate::io::fs::FileKind;
use crate::io::fs::hashing_writer::hash_file;
use crate::model::Sha256Digest;
use crate::worker::executable;
use crate::worker::executable::ExecutableIdentity;
use crate::worker::store::Installed;
use crate::worker::store::NotAFile;

/// Refuses to replace such a file. Called before anything is written.
pub(super) fn protect(request: &InstallRequest, installed: &Installed) -> Result<(), AccessError> {
    let path = &request.options.layout.binary;
    let is_elsewhere = request.options.elsewhere;
    match installed {
        Installed::Foreign { found } => {
            keep_this_command(request, found)?;
            if is_elsewhere && !request.options.force {
                return Err(AccessError::NotOurs { path: path.clone() });
            }
        }
        Installed::Changed { found, .. } => {
            keep_this_command(request, found)?;
            // A damaged worker is repaired, but another program in its place belongs to the user.
            if is_elsewhere && !request.options.force && !looks_like_the_worker(request) {
                return Err(AccessError::NotOurs { path: path.clone() });
            }
        }
        Installed::NotAFile { what: what @ NotAFile::Kind(FileKind::Link) } if is_elsewhere => {
            keep_the_running_file(request)?;
            return Err(AccessError::InTheWay { path: path.clone(), what: what.as_str(), place: "the binary" });
        }
        Installed::NotAFile { .. } | Installed::Nothing | Installed::Removed { .. } | Installed::Intact { .. } => {}
    }
    Ok(())
}

/// In the project, a copy of this command is replaced and kept for `rollback`.
fn keep_this_command(request: &InstallRequest, found: &Sha256Digest) -> Result<(), AccessError> {
    keep_the_running_file(request)?;
    let is_copy = |own: &Path| hash_file(own).is_ok_and(|own| own == *found);
    if request.options.elsewhere && request.options.own_executable.as_deref().is_some_and(is_copy) {
        return Err(AccessError::ThisCommand { path: request.options.layout.binary.clone() });
    }
    Ok(())
}

/// Compares the files themselves, whatever names or links lead to them.
fn keep_the_running_file(request: &InstallRequest) -> Result<(), AccessError> {
    let path = &request.options.layout.binary;
    let is_running = |own: &Path| same_file::is_same_file(own, path).unwrap_or(false);
    if request.options.own_executable.as_deref().is_some_and(is_running) {
        return Err(AccessError::ThisCommand { path: path.clone() });
    }
    Ok(())
}

fn looks_like_the_worker(request: &InstallRequest) -> bool {
    let inspected = executable::inspect(&request.options.layout.binary);
    inspected.is_ok_and(|found| {
        matches!(executable::is_worker(&found, &request.options.tool), ExecutableIdentity::Worker { .. })
    })
}
