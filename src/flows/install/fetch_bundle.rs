//! Fetches a bundle from a URL: completely before anything is decided, without a token and up to a limit.

use std::path::PathBuf;

use url::Url;

use crate::flows::install::AcquireError;
use crate::flows::install::InstallContext;
use crate::flows::install::InstallError;
use crate::flows::install::apply::runtime;
use crate::flows::install::staging_directory::Staging;
use crate::io::net::Download;
use crate::io::net::Http;
use crate::io::net::NetError;
use crate::io::net::download;
use crate::model::secret::SafeUrl;
use crate::sources::source::SourceError;

/// Larger than any bundle.
const MAX_BUNDLE: u64 = 4 * 1024 * 1024 * 1024;

/// A downloaded file, deleted when this value is dropped.
#[derive(Debug)]
pub(crate) struct FetchedBundle {
    pub path: PathBuf,
    _staging: Staging,
}

/// Fetches it to a directory of its own, outside of any project.
pub(crate) fn fetch_file(url: &Url, context: &InstallContext<'_>) -> Result<FetchedBundle, InstallError> {
    let staging = Staging::aside()?;
    let path = staging.path().join("bundle.tar");
    let request = Download {
        url: url.clone(),
        authorization: None,
        accept: None,
        size: None,
        limit: MAX_BUNDLE,
        label: format!("Downloading {}", SafeUrl(url)),
    };
    let fetched = runtime()?.block_on(async {
        let http = Http::new(context.http.clone())?;
        Ok::<_, NetError>(download(&http, &request, &path, context.progress).await?.path)
    });
    let path = fetched.map_err(|error| InstallError::from(AcquireError::from(SourceError::from(error))))?;
    Ok(FetchedBundle { path, _staging: staging })
}
