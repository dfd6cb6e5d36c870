//! What a user names as a place for releases: a directory, an address, or GitHub itself. Pure.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use url::Url;

use crate::model::RepoSlug;
use crate::model::Tag;
use crate::model::mirror_layout;
use crate::model::secret::SafeUrl;
use crate::model::url_policy::may_be_fetched;

/// A place that may have releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// GitHub itself.
    GitHub,
    /// A mirror in a directory of this machine.
    Directory(PathBuf),
    /// A mirror behind an address.
    Web(Url),
}

impl SourceSpec {
    /// What stands for GitHub in a list of places.
    pub const GITHUB: &'static str = "github";

    /// Reads what a user wrote; a path is relative to `base`.
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
        // Before any sentence that repeats the text: what stands before an `@` may be a password, a query a signature.
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

    /// The address it is behind, where it is behind one.
    pub const fn base(&self) -> Option<&Url> {
        match self {
            Self::Web(url) => Some(url),
            Self::GitHub | Self::Directory(_) => None,
        }
    }

    /// Where this place would have a file of a release; of GitHub its own settings tell.
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
    fn directories_addresses_and_github_are_told_apart() {
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
            // Windows wants a drive in such an address.
            if cfg!(windows) && text.to_ascii_lowercase().starts_with("file:") {
                continue;
            }
            assert_eq!(parsed(text).as_deref(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_its_secrets() {
        for (text, reason) in [
            ("", "not nothing"),
            ("https://user:hunter2@example.com", "user or password"),
            ("http://user:hunter2@example.com", "user or password"),
            ("https://example.com/m?signature=hunter2", "a query"),
            ("https://example.com/m#hunter2", "a query"),
            ("http://example.com/mirror", "without encryption"),
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
