//! Reads checksum files as people publish them: `sha256sum`'s format, BSD's, a bare digest in a sidecar; with a marker for
//! binary mode, carriage returns, a byte order mark, upper case and folders before the name. A file that cannot be
//! understood is an error, never an empty one.

use thiserror::Error;

use crate::release::DigestError;
use crate::release::Sha256Digest;

/// The names under which a release may list the checksums of all its assets.
pub const SUMS_FILES: [&str; 3] = ["SHA256SUMS", "checksums.txt", "checksums.sha256"];

/// The name under which a release may hold one asset's checksum.
pub fn sidecar_name(asset: &str) -> String {
    format!("{asset}.sha256")
}

/// Why a checksum file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChecksumError {
    /// The bytes are no text.
    #[error("it is not text (byte {0} is not UTF-8)")]
    NotText(usize),
    /// It holds nothing.
    #[error("it is empty")]
    Empty,
    /// A line is in no known format.
    #[error("line {line} is neither `DIGEST  NAME` nor `SHA256 (NAME) = DIGEST`")]
    Line {
        /// The line's number, from 1.
        line: usize,
    },
    /// A line holds something else where the digest should be.
    #[error("line {line}: {error}")]
    Digest {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        error: DigestError,
    },
    /// One name stands twice with different digests.
    #[error("`{0}` is listed twice, with different digests")]
    Contradiction(String),
    /// A bare digest stands in a file that is not about one asset.
    #[error("line {line} is a digest without a name")]
    Nameless {
        /// The line's number, from 1.
        line: usize,
    },
}

/// The entries of one checksum file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumFile {
    entries: Vec<(String, Sha256Digest)>,
}

impl ChecksumFile {
    /// Parses a file that lists several assets.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksumError> {
        Self::parse_for(bytes, None)
    }

    /// Parses a sidecar: as any checksum file, and also a bare digest, which is then of `asset`.
    pub fn parse_sidecar(bytes: &[u8], asset: &str) -> Result<Self, ChecksumError> {
        Self::parse_for(bytes, Some(asset))
    }

    /// The digest stated for exactly this name. A folder before the name in the file does not count; anything else about
    /// the name does.
    pub fn digest_of(&self, asset: &str) -> Option<Sha256Digest> {
        self.entries.iter().find(|(name, _)| name == asset).map(|(_, digest)| *digest)
    }

    /// How many assets it lists.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it lists none; never true of a parsed file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn parse_for(bytes: &[u8], sidecar_of: Option<&str>) -> Result<Self, ChecksumError> {
        let text = std::str::from_utf8(bytes).map_err(|error| ChecksumError::NotText(error.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries: Vec<(String, Sha256Digest)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, digest) = parse_line(line, index + 1, sidecar_of)?;
            match entries.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != digest => return Err(ChecksumError::Contradiction(name)),
                Some(_) => {}
                None => entries.push((name, digest)),
            }
        }
        if entries.is_empty() { Err(ChecksumError::Empty) } else { Ok(Self { entries }) }
    }
}

fn parse_line(line: &str, number: usize, sidecar_of: Option<&str>) -> Result<(String, Sha256Digest), ChecksumError> {
    let digest = |text: &str| text.parse().map_err(|error| ChecksumError::Digest { line: number, error });
    if let Some((name, hex)) = bsd(line) {
        return Ok((base_name(name).to_owned(), digest(hex)?));
    }
    let Some((hex, name)) = line.split_once([' ', '\t']) else {
        let digest = digest(line)?;
        return match sidecar_of {
            Some(asset) => Ok((asset.to_owned(), digest)),
            None => Err(ChecksumError::Nameless { line: number }),
        };
    };
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    if name.is_empty() {
        return Err(ChecksumError::Line { line: number });
    }
    Ok((base_name(name).to_owned(), digest(hex)?))
}

/// `SHA256 (NAME) = DIGEST`, as BSD's `sha256` and `shasum --tag` print it.
fn bsd(line: &str) -> Option<(&str, &str)> {
    let rest = line.get(..6).filter(|word| word.eq_ignore_ascii_case("SHA256")).and_then(|_| line.get(6..))?;
    let (name, hex) = rest.trim_start().strip_prefix('(')?.rsplit_once(')')?;
    Some((name, hex.trim_start().strip_prefix('=')?.trim()))
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "2d6721014757fa10799d528b6b15aee6c76a841b9ea74e187875f4abfcdbedd5";
    const B: &str = "b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b";
    const NAME: &str = "reproq-linux-amd64";

    fn found(text: &str) -> Option<String> {
        ChecksumFile::parse(text.as_bytes()).expect("a checksum file").digest_of(NAME).map(|digest| digest.to_string())
    }

    #[test]
    fn every_published_format_is_read() {
        let upper = A.to_uppercase();
        for text in [
            format!("{A}  {NAME}\n"),
            format!("{A} *{NAME}\n"),
            format!("{A}  {NAME}"),
            format!("{A}  ./dist/{NAME}\r\n{B}  other\r\n"),
            format!("\u{feff}{B}  other\n\n# a comment\n{upper}  {NAME}\n"),
            format!("SHA256 ({NAME}) = {A}\n"),
            format!("sha256 (dist/{NAME})= {A}\n"),
            format!("{A}\t{NAME}\n"),
            format!("{A}  {NAME}\n{A}  {NAME}\n"),
        ] {
            assert_eq!(found(&text).as_deref(), Some(A), "{text:?}");
        }
    }

    #[test]
    fn only_the_exact_name_counts() {
        for text in [format!("{A}  {NAME}.tar.gz\n"), format!("{A}  x{NAME}\n"), format!("{A}  Reproq-linux-amd64\n")] {
            assert_eq!(found(&text), None, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        let refused = |text: &str| ChecksumFile::parse(text.as_bytes()).expect_err("refused");
        assert_eq!(refused(""), ChecksumError::Empty);
        assert_eq!(refused("\n# nothing\n"), ChecksumError::Empty);
        assert_eq!(refused(A), ChecksumError::Nameless { line: 1 });
        assert!(matches!(refused("<!DOCTYPE html>"), ChecksumError::Digest { line: 1, .. }));
        assert!(matches!(refused(&format!("{A}  {NAME}\nAlgorithm  Hash")), ChecksumError::Digest { line: 2, .. }));
        assert_eq!(refused(&format!("{A}  {NAME}\n{B}  {NAME}")), ChecksumError::Contradiction(NAME.to_owned()));
        assert_eq!(ChecksumFile::parse(b"\xff\xfe"), Err(ChecksumError::NotText(0)));
    }

    #[test]
    fn a_sidecar_may_hold_a_bare_digest() {
        let file = ChecksumFile::parse_sidecar(format!("{A}\n").as_bytes(), NAME).expect("a sidecar");
        assert_eq!(file.digest_of(NAME).map(|digest| digest.to_string()).as_deref(), Some(A));
        let other = ChecksumFile::parse_sidecar(format!("{A}  other\n").as_bytes(), NAME).expect("a sidecar");
        assert_eq!(other.digest_of(NAME), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = ChecksumFile::parse(&bytes);
            let _ = ChecksumFile::parse_sidecar(&bytes, NAME);
        }

        #[test]
        fn what_is_written_is_read_back(entries in proptest::collection::btree_map("[a-z][a-z0-9._-]{0,20}", any::<[u8; 32]>(), 1..8)) {
            let text: String = entries
                .iter()
                .map(|(name, bytes)| format!("{}  {name}\n", Sha256Digest::from_bytes(*bytes)))
                .collect();
            let file = ChecksumFile::parse(text.as_bytes()).expect("our own format");
            prop_assert_eq!(file.len(), entries.len());
            for (name, bytes) in entries {
                prop_assert_eq!(file.digest_of(&name), Some(Sha256Digest::from_bytes(bytes)));
            }
        }
    }
}
