//! A release source that the user names: a directory, a URL, or GitHub itself. Pure.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use url::Url;

use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::mirror_layout;
use crate::model::secret::SafeUrl;
use crate::model::url_policy::may_be_fetched;

/// A release source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// GitHub itself.
    GitHub,
    /// A mirror in a local directory.
    Directory(PathBuf),
    /// A mirror at a URL.
    Web(Url),
}

impl SourceSpec {
    /// The name of GitHub in a list of sources.
    pub const GITHUB: &'static str = "github";

    /// Parses user input; a path is relative to `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if text == Self::GITHUB {
            return Ok(Self::GitHub);
        }
        if text.is_empty() {
            return Err("a mirror must be a directory, a URL or `github`, and must not be empty".to_owned());
        }
        if !text.contains("://") {
            return Ok(Self::Directory(base.join(text)));
        }
        let is_file = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"));
        // Checked before any error that repeats the text: what precedes an `@` may be a password, a query a signature.
        if !is_file && text.contains('@') {
            return Err("a URL must not contain a user or password".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err("the URL of a mirror must not contain a query".to_owned());
        }
        let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
        if is_file {
            let path = url.to_file_path().map_err(|()| format!("`{text}` is not a local directory"))?;
            return Ok(Self::Directory(path));
        }
        match url.scheme() {
            _ if may_be_fetched(&url) => Ok(Self::Web(url)),
            "http" => Err(format!("`{text}` is not encrypted; use https")),
            scheme => Err(format!("the scheme `{scheme}` is not supported for a mirror; use https or file")),
        }
    }

    /// Its URL, if it has one.
    pub const fn base(&self) -> Option<&Url> {
        match self {
            Self::Web(url) => Some(url),
            Self::GitHub | Self::Directory(_) => None,
        }
    }

    /// The URL or path of an asset at this source; `None` for GitHub, which has settings of its own.
    pub fn address(&self, repository: &RepoSlug, tag: &Tag, name: &str) -> Option<String> {
        match self {
            Self::GitHub => None,
            Self::Directory(root) => {
                let path = mirror_layout::asset_path(root, repository, tag, name)?;
                Some(Url::from_file_path(&path).map_or_else(|()| path.display().to_string(), |url| url.to_string()))
            }
            Self::Web(base) => Some(mirror_layout::asset_url(base, repository, tag, name).to_string()),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub => f.write_str(Self::GITHUB),
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Web(url) => write!(f, "{}", SafeUrl(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        SourceSpec::parse(text, Path::new("/project")).map(|place| place.to_string().replace('\\', "/"))
    }

    #[test]
    fn directories_urls_and_github_are_distinguished() {
        for (text, place) in [
            ("github", "github"),
            ("./github", "/project/./github"),
            ("mirror", "/project/mirror"),
            ("/srv/mirror", "/srv/mirror"),
            ("file:///srv/a%20mirror", "/srv/a mirror"),
            ("FILE:///srv/@mirror", "/srv/@mirror"),
            ("https://example.com/mirror", "https://example.com/mirror"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ] {
            // Windows requires a drive in such a URL.
            if cfg!(windows) && text.to_ascii_lowercase().starts_with("file:") {
                continue;
            }
            assert_eq!(parsed(text).as_deref(), Ok(place));
        }
    }

    #[test]
    fn invalid_sources_are_refused_without_their_secrets() {
        for (text, reason) in [
            ("", "must not be empty"),
            ("https://user:hunter2@example.com", "user or password"),
            ("http://user:hunter2@example.com", "user or password"),
            ("https://example.com/m?signature=hunter2", "a query"),
            ("https://example.com/m#hunter2", "a query"),
            ("http://example.com/mirror", "is not encrypted"),
            ("ftp://example.com/mirror", "the scheme `ftp` is not supported"),
            #[cfg(unix)]
            ("file://host/share", "not a local directory"),
            ("https://", "not a URL"),
        ] {
            let refused = parsed(text).expect_err(text);
            assert!(refused.contains(reason) && !refused.contains("hunter2"), "{text}: {refused}");
        }
    }
}
