//! What an installation may touch.

use std::ffi::OsString;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::config::Server;
use crate::config::Token;
use crate::flows::install::InstallError;
use crate::flows::install::InstallRequest;
use crate::io::net::Http;
use crate::io::net::HttpOptions;
use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::Tool;
use crate::model::progress::Progress;
use crate::model::secret::SafeUrl;
use crate::model::source_spec::SourceSpec;
use crate::sources::cache::Cache;
use crate::sources::cache::CacheError;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::source::Mirror;
use crate::sources::source::Source;
use crate::sources::source::SourceError;
use crate::trust::trusted_roots::TrustedRoots;

/// What an installation may touch.
pub struct InstallContext<'a> {
    /// The GitHub that has the worker.
    pub server: &'a Server,
    /// The places that may have releases, in the order they are tried; none is GitHub alone.
    pub mirrors: &'a [SourceSpec],
    /// The token for the API.
    pub tokens: &'a [Token],
    /// How patient the network is.
    pub http: HttpOptions,
    /// The user's cache, where there is a directory for one.
    pub cache: Option<Cache>,
    /// Whose keys the user trusts.
    pub trusted_roots: TrustedRoots,
    /// The environment child processes get, less what they must not see.
    pub environment: &'a [(OsString, OsString)],
    /// How long another installation is waited for.
    pub lock_timeout: Duration,
    /// The time.
    pub now: DateTime<Utc>,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl InstallContext<'_> {
    /// The places that may have the release, in the order they are tried. Without the network no client for it is made.
    pub(super) fn sources(&self, request: &InstallRequest) -> Result<Vec<Source>, InstallError> {
        if let Some(bundle) = &request.from {
            return Ok(vec![Source::Bundle(bundle.clone())]);
        }
        self.places(&request.repository, request.offline)
    }

    /// The same, whatever is installed.
    pub(super) fn places(&self, repository: &RepoSlug, offline: bool) -> Result<Vec<Source>, InstallError> {
        let github = [SourceSpec::GitHub];
        let places = if self.mirrors.is_empty() { &github } else { self.mirrors };
        let mut sources = Vec::new();
        for place in places {
            match place {
                SourceSpec::Directory(root) => {
                    let mirror = Mirror::in_directory(root.clone(), Tool::WORKER, repository.clone());
                    sources.push(Source::Mirror(Box::new(mirror)));
                }
                SourceSpec::GitHub | SourceSpec::Web(_) if offline => {}
                SourceSpec::GitHub => sources.push(self.github(repository)?),
                SourceSpec::Web(base) => {
                    let http = Http::new(self.http.clone()).map_err(SourceError::from)?;
                    let mirror = Mirror::behind(base.clone(), http, Tool::WORKER, repository.clone());
                    sources.push(Source::Mirror(Box::new(mirror)));
                }
            }
        }
        Ok(sources)
    }

    /// GitHub, for this repository. Its client has to be made where the network runs.
    pub(super) fn github(&self, repository: &RepoSlug) -> Result<Source, InstallError> {
        let github = || -> Result<GitHub, ApiError> {
            let http = Http::new(self.http.clone())?;
            GitHub::new(http, repository.clone(), self.server.clone(), self.tokens.to_vec())
        };
        github().map(|github| Source::GitHub(Box::new(github))).map_err(|error| SourceError::from(error).into())
    }

    /// The host of a GitHub that is not github.com.
    pub(super) fn other_github(&self) -> Option<&str> {
        (!self.server.is_github_com()).then(|| self.server.host())
    }

    /// A cache that cannot be used costs a download and nothing else.
    pub(super) fn leave_out_cache(&self, error: &CacheError) {
        self.progress.note(&format!("the cache is left out: {error}: {}", error.source));
    }

    /// Where an asset is published, for reports and receipts.
    pub(super) fn public_address(&self, repository: &RepoSlug, tag: &Tag, name: &str) -> String {
        let segments = [repository.owner(), repository.name(), "releases", "download", tag.as_str(), name];
        SafeUrl(&self.server.page(&segments)).to_string()
    }
}
