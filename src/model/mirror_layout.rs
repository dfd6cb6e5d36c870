//! The layout of a mirror: GitHub's own paths below a directory or a URL, and an index next to them. Pure.

use std::path::Path;
use std::path::PathBuf;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use url::Url;

use crate::model::RepoSlug;
use crate::model::Tag;

/// The file name of the index.
pub(crate) const INDEX: &str = "index.json";

/// The components of GitHub's own paths.
pub(crate) const RELEASES: &str = "releases";
pub(crate) const DOWNLOAD: &str = "download";

/// The lock file of a synchronization.
pub(crate) const LOCK: &str = ".reproq-mirror.lock";

/// The prefix of a directory for unfinished files.
pub(crate) const STAGING: &str = ".reproq-sync-";

/// The longest file name that file systems support.
const LONGEST_NAME: usize = 200;

/// The unreserved characters of RFC 3986; everything else is encoded, including a plus, which object stores decode as a
/// space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a repository's index.
pub(crate) fn index_path(root: &Path, repository: &RepoSlug) -> PathBuf {
    releases(root, repository).join(INDEX)
}

/// The path of an asset; `None` if the tag is not a version, because only versions are mirrored.
pub fn asset_path(root: &Path, repository: &RepoSlug, tag: &Tag, name: &str) -> Option<PathBuf> {
    tag_path(root, repository, tag).filter(|_| is_file_name(name)).map(|directory| directory.join(name))
}

pub(crate) fn index_url(base: &Url, repository: &RepoSlug) -> Url {
    below(base, &[repository.owner(), repository.name(), RELEASES, INDEX])
}

pub(crate) fn asset_url(base: &Url, repository: &RepoSlug, tag: &Tag, name: &str) -> Url {
    below(base, &[repository.owner(), repository.name(), RELEASES, DOWNLOAD, tag.as_str(), name])
}

/// Whether a name is valid everywhere: allowed for a GitHub asset, and not hidden.
pub fn is_file_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.chars().all(is_plain)
}

fn releases(root: &Path, repository: &RepoSlug) -> PathBuf {
    root.join(repository.owner()).join(repository.name()).join(RELEASES)
}

fn downloads(root: &Path, repository: &RepoSlug) -> PathBuf {
    releases(root, repository).join(DOWNLOAD)
}

fn tag_path(root: &Path, repository: &RepoSlug, tag: &Tag) -> Option<PathBuf> {
    tag.version().map(|_| downloads(root, repository).join(tag.as_str()))
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, ENCODED));
    }
    let mut url = base.clone();
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> RepoSlug {
        "adpena/reproq-worker".parse().expect("a repository")
    }

    fn tag(text: &str) -> Tag {
        text.parse().expect("a tag")
    }

    #[test]
    fn paths_are_githubs_own() {
        let path = asset_path(Path::new("/srv"), &repository(), &tag("v1.0.0"), "reproq-linux-amd64");
        let expected = "/srv/adpena/reproq-worker/releases/download/v1.0.0/reproq-linux-amd64";
        assert_eq!(path.as_deref(), Some(Path::new(expected)));
        for base in ["https://example.com", "https://example.com/", "https://example.com/mirror/"] {
            let base: Url = base.parse().expect("an address");
            let url = asset_url(&base, &repository(), &tag("v1.0.0"), "reproq-linux-amd64");
            let path = format!("{}{}", base.path().trim_end_matches('/'), &expected["/srv".len()..]);
            assert_eq!(url.path(), path);
        }
    }

    #[test]
    fn unsafe_names_have_no_path() {
        let path = |text: &str, name: &str| asset_path(Path::new("/srv"), &repository(), &tag(text), name);
        assert_eq!(path("a/b", "reproq-linux-amd64"), None);
        for name in ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "C:x", "a\0", "ä", &"a".repeat(300)] {
            assert_eq!(path("v1.0.0", name), None, "{name}");
        }
        let base: Url = "https://example.com/m".parse().expect("an address");
        let url = asset_url(&base, &repository(), &tag("v1.0.0+a"), "../?x#y%2f");
        assert_eq!(url.path(), "/m/adpena/reproq-worker/releases/download/v1.0.0%2Ba/..%2F%3Fx%23y%252f");
    }
}
