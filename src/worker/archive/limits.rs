//! What an archive may contain: sizes, names and kinds of entries, for both formats. Pure.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write;

use super::error::ArchiveError;

/// Below this size the ratio is not checked: a small archive of zeros is harmless.
const RATIO_IS_FREE_BELOW: u64 = 10 * 1024 * 1024;

/// The memory a stored name takes in addition to its bytes, so that many short names are limited as well.
const COST_OF_A_NAME: usize = 32;

/// How many names an error lists.
const NAMES_SHOWN: usize = 10;

/// The length at which a displayed name is cut, in bytes.
const LONGEST_SHOWN: usize = 160;

/// Mode bits that make an executable run as another user, or otherwise change its behaviour.
const SPECIAL_BITS: u32 = 0o7000;

/// Limits of an archive. The defaults are far above what one executable needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The number of entries, including directories.
    pub max_entries: u64,
    /// The unpacked size of all entries, including headers and padding.
    pub max_unpacked: u64,
    /// The ratio of unpacked to packed size. Not checked below 10 MiB.
    pub max_ratio: u64,
    /// The length of a name in bytes.
    pub max_name: usize,
    /// The total length of all names, or of a zip archive's central directory, in bytes.
    pub max_index: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            max_unpacked: 1024 * 1024 * 1024,
            max_ratio: 200,
            max_name: 1024,
            max_index: 2 * 1024 * 1024,
        }
    }
}

/// How many more bytes an archive may yield. All bytes count, including those of ignored entries.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
    exhausted_by_ratio: bool,
    limits: Limits,
}

impl Budget {
    /// The budget of an archive of `packed` bytes.
    pub(super) fn new(limits: &Limits, packed: u64) -> Self {
        let by_ratio = packed.saturating_mul(limits.max_ratio).max(RATIO_IS_FREE_BELOW);
        Self {
            left: by_ratio.min(limits.max_unpacked),
            exhausted_by_ratio: by_ratio < limits.max_unpacked,
            limits: limits.clone(),
        }
    }

    /// Subtracts unpacked bytes.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), ArchiveError> {
        self.allows(bytes)?;
        self.left -= bytes;
        Ok(())
    }

    /// Whether `more` bytes are still within the limits; a size stated by a header is checked before anything is read.
    pub(super) fn allows(&self, bytes: u64) -> Result<(), ArchiveError> {
        if bytes <= self.left {
            Ok(())
        } else if self.exhausted_by_ratio {
            Err(ArchiveError::TooCompressed(self.limits.max_ratio))
        } else {
            Err(ArchiveError::TooLarge(self.limits.max_unpacked))
        }
    }
}

/// The name of an entry, safe to print: control characters, invalid UTF-8 and invisible characters are escaped as
/// `\x1b` or `\u{202e}`, backslashes are doubled, and a very long name is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName(String);

impl EntryName {
    /// Escapes a raw name from an archive.
    pub fn escaped(name: &[u8]) -> Self {
        let mut text = String::new();
        for chunk in name.utf8_chunks() {
            for c in chunk.valid().chars() {
                push_escaped(&mut text, c);
            }
            for byte in chunk.invalid() {
                push_byte(&mut text, *byte);
            }
            if text.len() > LONGEST_SHOWN {
                break;
            }
        }
        if text.len() > LONGEST_SHOWN {
            while text.len() > LONGEST_SHOWN {
                text.pop();
            }
            text.push('…');
        }
        Self(text)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn push_escaped(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        ' ' => text.push(c),
        c if c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()) => text.push(c),
        c if c.is_ascii() => push_byte(text, c as u8),
        c => text.extend(c.escape_unicode()),
    }
}

fn push_byte(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

/// The kinds of entries an archive may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Directory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryRole {
    /// The executable.
    Member,
    /// A harmless file or directory.
    Beside,
}

struct Seen {
    spelled: String,
    kind: EntryKind,
    has_own_entry: bool,
}

/// Checks the entries of an archive one by one, and finds the executable.
pub(super) struct Census<'a> {
    accepted: &'a [String],
    limits: &'a Limits,
    entries: u64,
    index: usize,
    seen: HashMap<String, Seen>,
    files: Vec<EntryName>,
    more_files: usize,
    member: Option<String>,
}

impl<'a> Census<'a> {
    pub(super) fn new(accepted: &'a [String], limits: &'a Limits) -> Self {
        Self {
            accepted,
            limits,
            entries: 0,
            index: 0,
            seen: HashMap::new(),
            files: Vec::new(),
            more_files: 0,
            member: None,
        }
    }

    /// Counts an entry of any kind.
    pub(super) fn count(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > self.limits.max_entries {
            return Err(ArchiveError::TooManyEntries(self.limits.max_entries));
        }
        Ok(())
    }

    /// Whether this many entries with an index of this many bytes are within the limits; checked before reading them.
    pub(super) fn allows(&self, entries: u64, index: u64) -> Result<(), ArchiveError> {
        if entries > self.limits.max_entries {
            return Err(ArchiveError::TooManyEntries(self.limits.max_entries));
        }
        if index > self.limits.max_index as u64 {
            return Err(ArchiveError::IndexTooLarge(self.limits.max_index));
        }
        Ok(())
    }

    /// Checks a file or directory by its final name and mode. An error refuses the whole archive.
    pub(super) fn judge(&mut self, name: &[u8], kind: EntryKind, mode: u32) -> Result<EntryRole, ArchiveError> {
        self.count()?;
        let path = plain_path(name, self.limits.max_name)?;
        let shown = EntryName::escaped(name);
        match kind {
            EntryKind::Directory => {
                self.remember(path, kind)?;
                Ok(EntryRole::Beside)
            }
            EntryKind::File if path.is_empty() || name.ends_with(b"/") => Err(ArchiveError::KindConflict(shown)),
            EntryKind::File if mode & SPECIAL_BITS != 0 => Err(ArchiveError::SpecialBits(shown, mode & 0o7777)),
            EntryKind::File => {
                self.remember(path, kind)?;
                self.list(&shown);
                self.role(path)
            }
        }
    }

    /// The executable's name, after all entries were checked.
    pub(super) fn member(self) -> Result<String, ArchiveError> {
        let (accepted, files, more) = (self.accepted, self.files, self.more_files);
        self.member.ok_or_else(|| ArchiveError::NoMember(accepted.join("` or `"), found(&files, more)))
    }

    fn role(&mut self, path: &str) -> Result<EntryRole, ArchiveError> {
        let base = match path.split_once('/') {
            Some((_directory, base)) => base,
            None => path,
        };
        // Archives of complete installations have their programs in `bin`. A base with another slash equals no accepted name.
        let is_below_a_directory = path != base;
        let base = base.strip_prefix("bin/").filter(|_| is_below_a_directory).unwrap_or(base);
        if !self.accepted.iter().any(|accepted| accepted == base) {
            return Ok(EntryRole::Beside);
        }
        match &self.member {
            Some(first) => {
                Err(ArchiveError::TwoMembers(EntryName::escaped(first.as_bytes()), EntryName::escaped(path.as_bytes())))
            }
            None => {
                self.member = Some(path.to_owned());
                Ok(EntryRole::Member)
            }
        }
    }

    fn list(&mut self, name: &EntryName) {
        if self.files.len() < NAMES_SHOWN {
            self.files.push(name.clone());
        } else {
            self.more_files += 1;
        }
    }

    /// Records a path and its parent directories. Names are ASCII here, so lowercasing is exactly the folding of a
    /// case-insensitive file system.
    fn remember(&mut self, path: &str, kind: EntryKind) -> Result<(), ArchiveError> {
        for (end, _slash) in path.match_indices('/') {
            self.enter(&path[..end], EntryKind::Directory, false)?;
        }
        if path.is_empty() { Ok(()) } else { self.enter(path, kind, true) }
    }

    fn enter(&mut self, path: &str, kind: EntryKind, has_own_entry: bool) -> Result<(), ArchiveError> {
        let shown = || EntryName::escaped(path.as_bytes());
        let key = path.to_ascii_lowercase();
        let Some(seen) = self.seen.get_mut(&key) else {
            self.index += key.len() + COST_OF_A_NAME;
            if self.index > self.limits.max_index {
                return Err(ArchiveError::IndexTooLarge(self.limits.max_index));
            }
            self.seen.insert(key, Seen { spelled: path.to_owned(), kind, has_own_entry });
            return Ok(());
        };
        if seen.spelled != path {
            return Err(ArchiveError::CaseCollision(shown(), EntryName::escaped(seen.spelled.as_bytes())));
        }
        if seen.kind != kind {
            return Err(ArchiveError::FileAsDirectory(shown()));
        }
        if seen.has_own_entry && has_own_entry {
            return Err(ArchiveError::Duplicate(shown()));
        }
        seen.has_own_entry |= has_own_entry;
        Ok(())
    }
}

/// Checks the names of files before an archive is created, with the rules for reading it.
pub(crate) fn judge_names<'a>(names: impl IntoIterator<Item = &'a str>, limits: &Limits) -> Result<(), ArchiveError> {
    let mut census = Census::new(&[], limits);
    names.into_iter().try_for_each(|name| census.judge(name.as_bytes(), EntryKind::File, 0o644).map(drop))
}

fn found(files: &[EntryName], more: usize) -> String {
    if files.is_empty() {
        return "it contains no files".to_owned();
    }
    let names: Vec<_> = files.iter().map(|name| format!("`{name}`")).collect();
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("it contains {}{rest}", names.join(", "))
}

/// The normalized path of a name, without a leading `./` and a trailing slash; empty for the top level. Only plain relative
/// ASCII paths are accepted: they have one encoding, one normal form and one case folding, so any two names that could
/// collide on some file system are found. A release of one executable needs no others.
fn plain_path(name: &[u8], longest: usize) -> Result<&str, ArchiveError> {
    let shown = || EntryName::escaped(name);
    if name.len() > longest {
        return Err(ArchiveError::NameTooLong(shown(), longest));
    }
    if name.iter().any(u8::is_ascii_control) {
        return Err(ArchiveError::ControlCharacter(shown()));
    }
    let text = str::from_utf8(name).map_err(|_| ArchiveError::NotUtf8(shown()))?;
    if !text.is_ascii() {
        return Err(ArchiveError::NotAscii(shown()));
    }
    let has_drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
    if has_drive || text.starts_with(['/', '\\']) {
        return Err(ArchiveError::AbsolutePath(shown()));
    }
    if text.split(['/', '\\']).any(is_upward) {
        return Err(ArchiveError::LeavesArchive(shown()));
    }
    if text.contains('\\') {
        return Err(ArchiveError::Backslash(shown()));
    }
    if matches!(text, "." | "./") {
        return Ok("");
    }
    let path = text.strip_prefix("./").unwrap_or(text);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(|part| part.is_empty() || part == ".") {
        return Err(ArchiveError::UnplainName(shown()));
    }
    Ok(path)
}

/// Whether a component means the parent directory. Windows ignores trailing dots and spaces: `.. ` is `..`.
fn is_upward(part: &str) -> bool {
    part.len() > 1 && part.starts_with('.') && part.trim_end_matches(['.', ' ']).is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(name: &str) -> Result<&str, ArchiveError> {
        plain_path(name.as_bytes(), 64)
    }

    #[test]
    fn plain_names_are_kept() {
        let cases = [
            ("reproq", "reproq"),
            ("./reproq", "reproq"),
            ("x/reproq", "x/reproq"),
            ("./x/", "x"),
            ("./", ""),
            (".", ""),
            ("..x/.y", "..x/.y"),
            ("a b+c~1.txt", "a b+c~1.txt"),
        ];
        for (name, meant) in cases {
            assert_eq!(path(name).expect("a plain name"), meant);
        }
    }

    #[test]
    fn every_spelling_of_a_hostile_name_is_refused() {
        for name in
            ["..", "../x", "a/../b", "a/..", "..\\x", "a\\..\\b", "a/..\\b", ".. /x", "x/...", "./../x", ". ./.. "]
        {
            assert!(matches!(path(name), Err(ArchiveError::LeavesArchive(_))), "{name:?}: {:?}", path(name));
        }
        for name in ["/", "/x", "//server/x", "\\x", "\\\\server\\x", "C:\\x", "c:x", "C:/x", "\\\\?\\C:\\x"] {
            assert!(matches!(path(name), Err(ArchiveError::AbsolutePath(_))), "{name:?}");
        }
        for name in ["", "a//b", "a/./b", "././a", "a//", ".//a"] {
            assert!(matches!(path(name), Err(ArchiveError::UnplainName(_))), "{name:?}: {:?}", path(name));
        }
        for name in ["a\0b", "a\x1b[31m", "a\nb", "a\x7f"] {
            assert!(matches!(path(name), Err(ArchiveError::ControlCharacter(_))), "{name:?}");
        }
        assert!(matches!(path("a\\b"), Err(ArchiveError::Backslash(_))));
        assert!(matches!(path("re\u{301}proq"), Err(ArchiveError::NotAscii(_))));
        assert!(matches!(plain_path(b"a\xffb", 64), Err(ArchiveError::NotUtf8(_))));
        assert!(matches!(path(&"x".repeat(65)), Err(ArchiveError::NameTooLong(_, 64))));
    }

    #[test]
    fn names_are_shown_escaped() {
        let shown = |name: &[u8]| EntryName::escaped(name).to_string();
        assert_eq!(shown(b"a\x1b[31m\0\xff\\b"), "a\\x1b[31m\\x00\\xff\\\\b");
        assert_eq!(shown("résumé".as_bytes()), "résumé");
        assert_eq!(shown("a\u{202e}b e\u{301}".as_bytes()), "a\\u{202e}b e\\u{301}");
        assert_eq!(shown(&[b'x'; 5000]).chars().count(), LONGEST_SHOWN + 1);
    }

    #[test]
    fn the_budget_names_the_limit_that_was_hit() {
        let limits = Limits { max_unpacked: 40 * 1024 * 1024, ..Limits::default() };
        let small = Budget::new(&limits, 10);
        assert!(small.allows(RATIO_IS_FREE_BELOW).is_ok());
        assert!(matches!(small.allows(RATIO_IS_FREE_BELOW + 1), Err(ArchiveError::TooCompressed(200))));
        let mut large = Budget::new(&limits, 1024 * 1024);
        large.spend(30 * 1024 * 1024).expect("within");
        assert!(matches!(large.spend(11 * 1024 * 1024), Err(ArchiveError::TooLarge(_))));
        large.spend(10 * 1024 * 1024).expect("exactly the rest");
    }

    #[test]
    fn directories_collide_as_files_do() {
        let accepted = ["reproq".to_owned()];
        let limits = Limits::default();
        let judged = |names: &[&str]| {
            let mut census = Census::new(&accepted, &limits);
            names.iter().try_for_each(|name| {
                let kind = if name.ends_with('/') { EntryKind::Directory } else { EntryKind::File };
                census.judge(name.as_bytes(), kind, 0o755).map(drop)
            })
        };
        judged(&["./", "x/a", "x/", "x/reproq", "y/z/reproq"]).expect("an honest archive");
        assert!(matches!(judged(&["x/a", "X/b"]), Err(ArchiveError::CaseCollision(_, _))));
        assert!(matches!(judged(&["x/", "x/"]), Err(ArchiveError::Duplicate(_))));
        assert!(matches!(judged(&["x", "x/reproq"]), Err(ArchiveError::FileAsDirectory(_))));
        assert!(matches!(judged(&["x/a", "x"]), Err(ArchiveError::FileAsDirectory(_))));
        assert!(matches!(judged(&["reproq", "./reproq"]), Err(ArchiveError::Duplicate(_))));
    }

    #[test]
    fn names_cannot_exhaust_memory() {
        let limits = Limits::default();
        let mut census = Census::new(&[], &limits);
        let deep = "a/".repeat(500);
        let refused =
            (0..10_000).find_map(|n| census.judge(format!("{n}/{deep}").as_bytes(), EntryKind::Directory, 0).err());
        assert!(matches!(refused, Some(ArchiveError::IndexTooLarge(_))));
        assert!(census.seen.keys().map(|key| key.len() + COST_OF_A_NAME).sum::<usize>() <= limits.max_index);
    }

    proptest! {
        #[test]
        fn an_accepted_name_stays_below_its_directory(name in "[a./\\\\ :A-C]{0,12}") {
            if let Ok(path) = plain_path(name.as_bytes(), 64) {
                prop_assert!(!path.starts_with('/') && !path.contains('\\'));
                let is_plain = |part: &str| !matches!(part, "" | "." | "..");
                prop_assert!(path.is_empty() || path.split('/').all(is_plain));
            }
        }

        #[test]
        fn nothing_shown_controls_a_terminal(name in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(!EntryName::escaped(&name).to_string().chars().any(char::is_control));
        }
    }
}
