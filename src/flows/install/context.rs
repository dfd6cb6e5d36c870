//! The entry points for the effects of an installation.

use std::ffi::OsString;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::config::Server;
use crate::config::Token;
use crate::flows::install::AcquireError;
use crate::flows::install::InstallOptions;
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

/// Everything an installation may touch.
pub(crate) struct InstallContext<'a> {
    /// The GitHub server that hosts the worker.
    pub server: &'a Server,
    /// The configured sources, in the order they are tried; if empty, GitHub only.
    pub mirrors: &'a [SourceSpec],
    /// The tokens for the API.
    pub tokens: &'a [Token],
    /// The network timeouts.
    pub http: HttpOptions,
    /// The user's cache, if there is a directory for one.
    pub cache: Option<Cache>,
    pub trusted_roots: TrustedRoots,
    /// The environment of child processes, without secrets.
    pub environment: &'a [(OsString, OsString)],
    /// How long to wait for another installation.
    pub lock_timeout: Duration,
    pub now: DateTime<Utc>,
    /// Receives progress.
    pub progress: &'a dyn Progress,
}

impl InstallContext<'_> {
    /// The sources that may have the release, in the order they are tried. Offline, no HTTP client is created.
    pub(super) fn sources(&self, request: &InstallRequest) -> Result<Vec<Source>, AcquireError> {
        let InstallOptions { repository, offline, from, .. } = &request.options;
        if let Some(bundle) = from {
            return Ok(vec![Source::Bundle(bundle.clone())]);
        }
        let github = [SourceSpec::GitHub];
        let places = if self.mirrors.is_empty() { &github } else { self.mirrors };
        let mut sources = Vec::new();
        for place in places {
            match place {
                SourceSpec::Directory(root) => {
                    let mirror = Mirror::in_directory(root.clone(), Tool::WORKER, repository.clone());
                    sources.push(Source::Mirror(Box::new(mirror)));
                }
                SourceSpec::GitHub | SourceSpec::Web(_) if *offline => {}
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

    /// GitHub, for this repository. Must be called inside the runtime.
    pub(super) fn github(&self, repository: &RepoSlug) -> Result<Source, AcquireError> {
        let github = || -> Result<GitHub, ApiError> {
            let http = Http::new(self.http.clone())?;
            GitHub::new(http, repository.clone(), self.server.clone(), self.tokens.to_vec())
        };
        github().map(|github| Source::GitHub(Box::new(github))).map_err(|error| SourceError::from(error).into())
    }

    /// The host of a GitHub server other than github.com.
    pub(super) fn other_github(&self) -> Option<&str> {
        (!self.server.is_github_com()).then(|| self.server.host())
    }

    /// Continues without a cache that cannot be used.
    pub(super) fn continue_without_cache(&self, error: &CacheError) {
        self.progress.note(&format!("continuing without the cache: {error}: {}", error.source));
    }

    /// The URL an asset is published at, for reports and receipts.
    pub(super) fn public_url(&self, repository: &RepoSlug, tag: &Tag, name: &str) -> String {
        let segments = [repository.owner(), repository.name(), "releases", "download", tag.as_str(), name];
        SafeUrl(&self.server.page(&segments)).to_string()
    }
}
