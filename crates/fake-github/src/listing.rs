//! Lists as GitHub returns them: unordered, in pages, and sometimes outdated.

use crate::world::Release;
use crate::world::Repo;

/// GitHub returns at most this many releases of any list.
pub(crate) const MOST_RESULTS: usize = 1000;

/// Records the start of a listing of releases; deleted ones still appear in as many listings as the lag.
pub(crate) fn releases_begin(repo: &mut Repo) {
    repo.ghost_releases.retain(|(_, left)| *left > 0);
    for (_, left) in &mut repo.ghost_releases {
        *left -= 1;
    }
}

/// Records the start of a listing of tags.
pub(crate) fn tags_begin(repo: &mut Repo) {
    repo.ghost_tags.retain(|(_, _, left)| *left > 0);
    for (_, _, left) in &mut repo.ghost_tags {
        *left -= 1;
    }
}

/// All visible releases in a shuffled order: not by date, number or name, but the same for every page.
pub(crate) fn releases(repo: &Repo, sees_drafts: bool) -> Vec<&Release> {
    let ghosts = repo.ghost_releases.iter().map(|(release, _)| release);
    let mut all: Vec<&Release> =
        repo.releases.iter().chain(ghosts).filter(|release| sees_drafts || !release.draft).collect();
    all.sort_by_key(|release| scattered(release.id));
    all
}

/// All tags with their object ids, by name.
pub(crate) fn tags(repo: &Repo) -> Vec<(&str, &str)> {
    let gone = |name: &str| !repo.tags.contains_key(name);
    let ghosts = repo.ghost_tags.iter().filter(|(name, _, _)| gone(name)).map(|(name, oid, _)| (&**name, &**oid));
    let mut all: Vec<(&str, &str)> =
        repo.tags.iter().map(|(name, oid)| (name.as_str(), oid.as_str())).chain(ghosts).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn scattered(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// One page of a list, with its numbers for the `Link` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) size: usize,
}

impl Page {
    pub(crate) fn new(number: Option<&str>, size: Option<&str>, default_size: usize) -> Page {
        let number = number.and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
        let size = size.and_then(|text| text.parse().ok()).unwrap_or(default_size).clamp(1, 100.max(default_size));
        Page { number, size }
    }

    pub(crate) fn of<T>(self, all: &[T]) -> &[T] {
        let start = ((self.number - 1) * self.size).min(all.len());
        let end = (start + self.size).min(all.len());
        &all[start..end]
    }

    pub(crate) fn is_beyond_the_most(self) -> bool {
        (self.number - 1) * self.size >= MOST_RESULTS
    }

    /// The `Link` header; `None` when one page holds all.
    pub(crate) fn link(self, base: &str, total: usize) -> Option<String> {
        let last = total.div_ceil(self.size).max(1);
        if last == 1 && self.number == 1 {
            return None;
        }
        let target =
            |page: usize, relation: &str| format!("<{base}?per_page={}&page={page}>; rel=\"{relation}\"", self.size);
        let mut links = Vec::new();
        if self.number > 1 {
            links.push(target(self.number - 1, "prev"));
        }
        if self.number < last {
            links.push(target(self.number + 1, "next"));
            links.push(target(last, "last"));
        }
        if self.number > 1 {
            links.push(target(1, "first"));
        }
        Some(links.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_links() {
        let all: Vec<usize> = (0..250).collect();
        let page = Page::new(Some("3"), Some("100"), 30);
        assert_eq!(page.of(&all).len(), 50);
        assert_eq!(page.link("u", 250).expect("there are three pages").matches("rel=").count(), 2);
        assert_eq!(Page::new(None, Some("1000"), 30), Page { number: 1, size: 100 });
        assert_eq!(Page::new(None, None, 30).link("u", 30), None);
        assert_eq!(Page::new(Some("9"), None, 30).of(&all), &[240, 241, 242, 243, 244, 245, 246, 247, 248, 249]);
    }
}
