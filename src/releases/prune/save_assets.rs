//! Saves the assets of the releases to delete, each verified with GitHub's digest. If one cannot be saved, nothing
//! is deleted.
#![expect(clippy::disallowed_methods, reason = "the saved assets are written here")]

use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::check_output;
use crate::io::fs::move_into_place;
use crate::io::net::NetError;
use crate::model::Release;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::TagError;
use crate::model::progress::Progress;
use crate::releases::prune::Delete;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;

/// One saved asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Saved {
    /// Its release's tag.
    pub tag: String,
    /// The name of the asset.
    pub asset: String,
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Whether GitHub reports a digest that matches; it reports none for old assets.
    pub verified: bool,
}

/// Why an asset was not saved.
#[derive(Debug, Error)]
pub(crate) enum SaveAssetsError {
    /// The release request failed.
    #[error("failed to request the release of {tag}")]
    Api {
        /// The tag.
        tag: String,
        /// The cause.
        source: ApiError,
    },
    /// The name is not a valid file name.
    #[error("`{name}` of {tag} is not a valid file name")]
    Name {
        /// The tag.
        tag: String,
        /// The asset.
        name: String,
    },
    /// The tag name is not a valid git tag name.
    #[error("the tag name is invalid")]
    Tag(#[from] TagError),
    /// The download failed.
    #[error("failed to download {name} of {tag}")]
    Download {
        /// The tag.
        tag: String,
        /// The asset.
        name: String,
        /// The cause.
        source: NetError,
    },
    /// The downloaded bytes do not have GitHub's digest.
    #[error("{name} of {tag} has the digest {found}, but GitHub reports {stated}")]
    Digest {
        /// The tag.
        tag: String,
        /// The asset.
        name: String,
        /// The digest of the downloaded bytes.
        found: Sha256Digest,
        /// The digest that GitHub reports.
        stated: String,
    },
    /// Something else has the path.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file system error.
    #[error("failed to write `{path}`", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
}

/// Saves every asset of these units as `DIRECTORY/TAG/ASSET`.
pub(crate) async fn archive(
    deletes: &[Delete],
    directory: &Path,
    github: &GitHub,
    progress: &dyn Progress,
) -> Result<Vec<Saved>, SaveAssetsError> {
    let mut saved = Vec::new();
    let write = |source| SaveAssetsError::Write { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(write)?;
    let root = Dir::open(directory)?.ok_or_else(|| write(io::ErrorKind::NotFound.into()))?;
    for unit in deletes {
        let tag: Tag = unit.name.parse()?;
        for (index, record) in unit.releases.iter().enumerate() {
            let error = |source| SaveAssetsError::Api { tag: unit.name.clone(), source };
            let release = github.release_by_id(record.id, &unit.name, progress).await.map_err(error)?;
            // If a tag has several releases, each gets its own directory.
            let place = root.make_subdirectory(&unit.name)?;
            let place = if index == 0 { place } else { place.make_subdirectory(record.id.to_string())? };
            saved.extend(save(&tag, &release, &place, github, progress).await?);
        }
    }
    Ok(saved)
}

async fn save(
    tag: &Tag,
    release: &Release,
    place: &Dir,
    github: &GitHub,
    progress: &dyn Progress,
) -> Result<Vec<Saved>, SaveAssetsError> {
    let mut saved = Vec::new();
    for asset in &release.assets {
        let (tag_name, name) = (|| tag.to_string(), || asset.name.clone());
        let is_plain = Path::new(&asset.name).file_name().is_some_and(|file| file == asset.name.as_str())
            && !asset.name.contains(['/', '\\', '\0', ':']);
        if !is_plain {
            return Err(SaveAssetsError::Name { tag: tag_name(), name: name() });
        }
        let path = place.path_of(&asset.name);
        check_output(&path)?;
        let part = format!(".{}.part", asset.name);
        let staged = place.path_of(&part);
        place.remove(&part)?;
        let written = github
            .fetch(tag, asset, &staged, progress)
            .await
            .map_err(|source| SaveAssetsError::Download { tag: tag_name(), name: name(), source })?;
        let stated = match &asset.digest {
            Ok(stated) => stated.map(|stated| stated.to_string()),
            Err(text) => Some(text.clone()),
        };
        if let Some(stated) = stated.as_ref().filter(|stated| **stated != written.sha256.to_string()) {
            let _ = place.remove(&part);
            let (found, stated) = (written.sha256, stated.clone());
            return Err(SaveAssetsError::Digest { tag: tag_name(), name: name(), found, stated });
        }
        move_into_place(place, part.as_ref(), place, asset.name.as_ref())?;
        let (size, sha256, verified) = (written.size, written.sha256, stated.is_some());
        saved.push(Saved { tag: tag_name(), asset: name(), path, size, sha256, verified });
    }
    Ok(saved)
}
