//! Chooses the asset of a release for a target. Names are derived from the target, never guessed. Pure.

use thiserror::Error;

use crate::flows::install::AcquireError;
use crate::model::Asset;
use crate::model::AssetForm;
use crate::model::AssetState;
use crate::model::Listing;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;

/// The chosen asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The release's tag.
    pub tag: Tag,
    /// The assets to try, uncompressed first: one if the API lists them, several if only names are known.
    pub candidates: Vec<(Asset, AssetForm)>,
}

/// Why a release cannot be used, so that a local build may be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fallback {
    /// The release has no asset for the target.
    #[error("release {tag} has no asset for {target}")]
    NoAsset {
        tag: Tag,
        target: Target,
        /// The names that were expected.
        wanted: Vec<String>,
        has: Vec<String>,
    },
    /// The bundle has no asset for the target.
    #[error("the bundle {bundle} of {tag} has no asset for {target}")]
    NotInBundle {
        /// Its name in messages.
        bundle: String,
        tag: Tag,
        target: Target,
        has: Vec<String>,
    },
    /// The mirror has the release, but no asset for the target.
    #[error("the mirror {mirror} has no asset of {tag} for {target}")]
    NotInMirror {
        /// Its name in messages.
        mirror: String,
        tag: Tag,
        target: Target,
        /// The assets it has of the release.
        has: Vec<String>,
    },
    /// The source is unreachable.
    #[error("{place} is unreachable: {reason}")]
    Unreachable { place: String, reason: String },
    /// Network access is disabled.
    #[error("network access is disabled (--offline)")]
    Offline {
        /// The locations searched, each with what it lacks.
        searched: Vec<String>,
    },
    /// The user requested a build.
    #[error("a local build was requested (--build)")]
    Asked,
    /// A local build is being repaired.
    #[error("the installed worker was a local build")]
    RepairsBuild,
}

/// Why no asset was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ResolveError {
    /// There is none; a local build may be used.
    #[error(transparent)]
    Fallback(#[from] Fallback),
    /// The upload of the asset is not complete.
    #[error("{name} of release {tag} is still being uploaded")]
    Incomplete { tag: Tag, name: String },
    /// The release is a draft.
    #[error("release {tag} is a draft and not published yet")]
    Draft { tag: Tag },
}

/// The result when every source failed: a build, or an error. Refused bytes are never replaced by a build, and an asset that is
/// missing from one source does not hide an error of another.
pub(super) fn combine_source_errors(
    mut tried: Vec<(String, AcquireError)>,
    searched: Vec<String>,
) -> Result<Fallback, AcquireError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other failure is one")]
    let fallback = |error: &AcquireError| match error {
        AcquireError::Resolve(ResolveError::Fallback(fallback)) => Some(fallback.clone()),
        _ => None,
    };
    let fallbacks: Option<Vec<Fallback>> = tried.iter().map(|(_, error)| fallback(error)).collect();
    match (fallbacks, tried.len()) {
        (Some(fallbacks), _) => Ok(fallbacks.into_iter().next_back().unwrap_or(Fallback::Offline { searched })),
        (None, 1) => Err(tried.remove(0).1),
        (None, _) => Err(AcquireError::Everywhere { tried }),
    }
}

/// Chooses the asset of a release for a target.
pub(crate) fn choose(listing: &Listing, tool: &Tool, target: Target) -> Result<Choice, ResolveError> {
    let names = tool.asset_names(target);
    let release = match listing {
        Listing::Api(release) | Listing::Index(release) => release,
        Listing::Web { tag, .. } => {
            let unseen =
                |name: String| Asset { id: None, name, size: None, state: AssetState::Uploaded, digest: Ok(None) };
            let candidates = names.into_iter().map(|(name, form)| (unseen(name), form)).collect();
            return Ok(Choice { tag: tag.clone(), candidates });
        }
    };
    let tag = release.tag.clone();
    if release.draft {
        return Err(ResolveError::Draft { tag });
    }
    let mut incomplete = None;
    for (name, form) in &names {
        match release.asset(name) {
            Some(asset) if asset.state == AssetState::Uploaded => {
                return Ok(Choice { tag, candidates: vec![(asset.clone(), *form)] });
            }
            Some(asset) => incomplete = incomplete.or(Some(asset.name.clone())),
            None => {}
        }
    }
    if let Some(name) = incomplete {
        return Err(ResolveError::Incomplete { tag, name });
    }
    let wanted = names.into_iter().map(|(name, _)| name).collect();
    let has = release.assets.iter().map(|asset| asset.name.clone()).collect();
    Err(Fallback::NoAsset { tag, target, wanted, has }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Release;

    fn listing(assets: &[(&str, AssetState)]) -> Listing {
        let assets = assets.iter().map(|(name, state)| Asset {
            id: Some(1),
            name: (*name).to_owned(),
            size: Some(1),
            state: *state,
            digest: Ok(None),
        });
        Listing::Api(Release {
            id: Some(1),
            tag: "v1.0.0".parse().expect("a tag"),
            draft: false,
            prerelease: false,
            immutable: false,
            published_at: None,
            assets: assets.collect(),
        })
    }

    fn chosen(assets: &[(&str, AssetState)], target: &str) -> Result<String, ResolveError> {
        let choice = choose(&listing(assets), &Tool::WORKER, target.parse().expect("a target"))?;
        Ok(choice.candidates[0].0.name.clone())
    }

    #[test]
    fn the_exact_name_is_chosen_and_the_uncompressed_form_first() {
        use AssetState::Uploaded;
        let all = [
            ("reproq-linux-amd64.zip", Uploaded),
            ("reproq-linux-amd64.tar.gz", Uploaded),
            ("reproq-linux-amd64", Uploaded),
        ];
        assert_eq!(chosen(&all, "linux-amd64"), Ok("reproq-linux-amd64".to_owned()));
        assert_eq!(chosen(&all[..2], "linux-amd64"), Ok("reproq-linux-amd64.tar.gz".to_owned()));
        let look_alikes = [
            ("reproq-linux-amd64-musl", Uploaded),
            ("Reproq-linux-amd64", Uploaded),
            ("reproq-linux-amd64.sha256", Uploaded),
        ];
        assert!(
            matches!(chosen(&look_alikes, "linux-amd64"), Err(ResolveError::Fallback(Fallback::NoAsset { has, .. })) if has.len() == 3)
        );
    }

    #[test]
    fn an_incomplete_upload_is_not_a_missing_asset() {
        let half = [("reproq-linux-amd64", AssetState::Incomplete)];
        assert!(matches!(chosen(&half, "linux-amd64"), Err(ResolveError::Incomplete { .. })));
        let with_archive = [half[0], ("reproq-linux-amd64.tar.gz", AssetState::Uploaded)];
        assert_eq!(chosen(&with_archive, "linux-amd64"), Ok("reproq-linux-amd64.tar.gz".to_owned()));
    }
}
