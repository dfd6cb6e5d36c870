//! Finds the newest release by version.

use chrono::DateTime;
use chrono::Utc;

use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallRequest;
use crate::flows::install::NewestError;
use crate::flows::install::NoVersions;
use crate::flows::install::apply::runtime;
use crate::flows::install::resolved::Acquisition;
use crate::flows::install::resolved::first_served;
use crate::model::Listing;
use crate::model::Release;
use crate::model::Tag;
use crate::model::VersionSpec;
use crate::model::upgrade;
use crate::sources::source::Source;
use crate::sources::source::SourceError;

/// A release to upgrade to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newest {
    pub tag: Tag,
    /// When it was published, if known.
    pub published: Option<DateTime<Utc>>,
    /// The URL of its notes.
    pub notes: Option<String>,
}

/// The newest release by version, from the first source that has releases; or what is known about the release with this tag.
pub(crate) fn newest(
    request: &InstallRequest,
    tag: Option<&Tag>,
    prereleases: bool,
    context: &InstallContext<'_>,
) -> Result<Newest, NewestError> {
    runtime()?.block_on(async {
        let sources = context.sources(request)?;
        let found = first_served(&sources, Acquisition { request, context }, async |source: &Source| {
            let found = match tag {
                Some(tag) => named(source, tag, context).await,
                None => newest_of(source, prereleases, context).await,
            };
            let newest = found.map_err(|error| AcquireError::at(source, error))?;
            Ok(newest.ok_or_else(|| (request.options.repository.clone(), source.described())))
        });
        match found.await? {
            Ok(Ok(newest)) => Ok(newest),
            Ok(Err((repository, server))) => Err(NoVersions { repository, server }.into()),
            Err(fallback) => Err(AcquireError::without_a_release(fallback).into()),
        }
    })
}

async fn named(source: &Source, tag: &Tag, context: &InstallContext<'_>) -> Result<Option<Newest>, SourceError> {
    let listing = source.release(&VersionSpec::Exact(tag.clone()), context.progress).await?;
    Ok(Some(described(source, &listing)))
}

async fn newest_of(
    source: &Source,
    prereleases: bool,
    context: &InstallContext<'_>,
) -> Result<Option<Newest>, SourceError> {
    let releases = match source.published(context.progress).await {
        Ok(releases) => releases,
        // Without the API there is no list, so the release GitHub marks as latest is used.
        Err(SourceError::Api(error)) if error.is_limited() => {
            let listing = source.release(&VersionSpec::Latest, context.progress).await?;
            return Ok(Some(described(source, &listing)));
        }
        Err(error) => return Err(error),
    };
    Ok(upgrade::newest(&releases, prereleases).map(|release| about(source, &release.tag, Some(release))))
}

fn described(source: &Source, listing: &Listing) -> Newest {
    about(source, listing.tag(), listing.release())
}

fn about(source: &Source, tag: &Tag, release: Option<&Release>) -> Newest {
    let published = release.and_then(|release| release.published_at);
    Newest { tag: tag.clone(), published, notes: source.notes_url(tag) }
}
