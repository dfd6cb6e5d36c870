//! Parses checksum files in the formats that are in use: `sha256sum`'s, BSD's, OpenSSL's, and a bare digest in a
//! sidecar; with the binary mode marker, an algorithm prefix, carriage returns, a byte order mark, upper case and
//! directories in names. Lines of other algorithms are ignored. A file without any valid line is an error, never empty.

use thiserror::Error;

use crate::model::DigestError;
use crate::model::Sha256Digest;
use crate::model::Tag;

/// The names of a release's checksum file, in upper or lower case. The first is the one that this program
/// writes.
pub(crate) const SUMS_FILES: [&str; 7] = [
    "SHA256SUMS",
    "SHA256SUMS.txt",
    "SHA256SUM",
    "SHA256SUM.txt",
    "checksums.txt",
    "checksums.sha256",
    "checksums_sha256.txt",
];

/// The suffixes of an asset's sidecar checksum file.
pub(crate) const SIDECAR_SUFFIXES: [&str; 3] = [".sha256", ".sha256sum", ".sha256.txt"];

/// Whether an asset is a checksum file, by its name.
pub(crate) fn is_sums_file(name: &str, tag: &Tag) -> bool {
    // GoReleaser's default is NAME_VERSION_checksums.txt. One of another version does not belong to this release.
    let by_goreleaser = format!("_{}_checksums.txt", version(tag));
    SUMS_FILES.iter().any(|known| known.eq_ignore_ascii_case(name)) || name.ends_with(&by_goreleaser)
}

/// The names to try if the assets of a release of this repository are unknown.
pub(crate) fn sums_files_to_try(repository: &str, tag: &Tag) -> Vec<String> {
    let by_goreleaser = format!("{repository}_{}_checksums.txt", version(tag));
    // As other tools spell it; download URLs are case-sensitive.
    let more = ["sha256sums.txt".to_owned(), by_goreleaser];
    SUMS_FILES.into_iter().map(str::to_owned).chain(more).collect()
}

/// The possible names of an asset's sidecar checksum file.
pub(crate) fn sidecar_names(asset: &str) -> [String; 3] {
    SIDECAR_SUFFIXES.map(|suffix| format!("{asset}{suffix}"))
}

fn version(tag: &Tag) -> &str {
    let tag = tag.as_str();
    tag.strip_prefix('v').unwrap_or(tag)
}

/// Why a checksum file or one of its lines is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChecksumError {
    /// The bytes are not text.
    #[error("it is not text (byte {0} is not UTF-8)")]
    NotText(usize),
    #[error("it is empty")]
    Empty,
    /// It has digests of other algorithms but no SHA-256.
    #[error("it has digests of other algorithms, but none of SHA-256")]
    OtherAlgorithms,
    /// A line has an unknown format.
    #[error("line {line} is neither `DIGEST  NAME` nor `SHA256 (NAME) = DIGEST`")]
    Line {
        /// The line's number, from 1.
        line: usize,
    },
    /// A line has something else in place of the digest.
    #[error("line {line}: {error}")]
    Digest {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        error: DigestError,
    },
    /// One name appears twice with different digests.
    #[error("`{0}` is listed twice, with different digests")]
    Contradiction(String),
    /// A bare digest in a file that is not a sidecar.
    #[error("line {line} is a digest without a name")]
    Nameless {
        /// The line's number, from 1.
        line: usize,
    },
}

impl ChecksumError {
    /// Whether the file only has an unsupported format, as opposed to contradicting itself.
    pub const fn is_of_format(&self) -> bool {
        !matches!(self, Self::Contradiction(_))
    }
}

/// The entries of one checksum file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumFile {
    entries: Vec<(String, Sha256Digest)>,
    misread: Option<ChecksumError>,
}

impl ChecksumFile {
    /// Parses a file for several assets.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksumError> {
        Self::parse_for(bytes, None)
    }

    /// Parses a sidecar: any checksum file, or a bare digest, which then applies to `asset`.
    pub fn parse_sidecar(bytes: &[u8], asset: &str) -> Result<Self, ChecksumError> {
        Self::parse_for(bytes, Some(asset))
    }

    /// The digest for exactly this name. A directory in front of the name in the file is ignored; anything else
    /// counts.
    pub fn digest_of(&self, asset: &str) -> Option<Sha256Digest> {
        self.entries.iter().find(|(name, _)| name == asset).map(|(_, digest)| *digest)
    }

    /// The number of listed assets.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no asset is listed; never true of a parsed file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Why a line was skipped that may be about any asset.
    pub const fn misread(&self) -> Option<&ChecksumError> {
        self.misread.as_ref()
    }

    fn parse_for(bytes: &[u8], sidecar_of: Option<&str>) -> Result<Self, ChecksumError> {
        let text = std::str::from_utf8(bytes).map_err(|error| ChecksumError::NotText(error.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries: Vec<(String, Sha256Digest)> = Vec::new();
        let (mut misread, mut has_others) = (None, false);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, digest) = match parse_line(line, index + 1, sidecar_of) {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    has_others = true;
                    continue;
                }
                Err(error) => {
                    misread = misread.or(Some(error));
                    continue;
                }
            };
            match entries.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != digest => return Err(ChecksumError::Contradiction(name)),
                Some(_) => {}
                None => entries.push((name, digest)),
            }
        }
        match (entries.is_empty(), misread) {
            (true, Some(error)) => Err(error),
            (true, None) if has_others => Err(ChecksumError::OtherAlgorithms),
            (true, None) => Err(ChecksumError::Empty),
            (false, misread) => Ok(Self { entries, misread }),
        }
    }
}

/// The name and digest of a line; `None` for another algorithm.
fn parse_line(
    line: &str,
    number: usize,
    sidecar_of: Option<&str>,
) -> Result<Option<(String, Sha256Digest)>, ChecksumError> {
    let digest = |text: &str| text.parse().map_err(|error| ChecksumError::Digest { line: number, error });
    if let Some((algorithm, name, hex)) = bsd(line) {
        return match is_sha256(algorithm) {
            true => Ok(Some((base_name(name).to_owned(), digest(hex)?))),
            false if is_hex(hex) => Ok(None),
            false => Err(ChecksumError::Line { line: number }),
        };
    }
    let line = match line.split_once(':') {
        Some((algorithm, rest)) if is_sha256(algorithm) => rest.trim_start(),
        Some((algorithm, rest))
            if algorithm.chars().all(is_of_a_name) && rest.split_whitespace().next().is_some_and(is_hex) =>
        {
            return Ok(None);
        }
        Some(_) | None => line,
    };
    let (hex, name) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if is_of_another_length(hex) {
        return Ok(None);
    }
    let sha256 = digest(hex)?;
    let name = name.trim_start();
    let name = name.strip_prefix('*').unwrap_or(name);
    match (name, sidecar_of) {
        ("", Some(asset)) => Ok(Some((asset.to_owned(), sha256))),
        ("", None) => Err(ChecksumError::Nameless { line: number }),
        (name, _) => Ok(Some((base_name(name).to_owned(), sha256))),
    }
}

/// Parses `SHA256 (NAME) = DIGEST`, as BSD's `sha256`, `shasum --tag` and `openssl dgst` print it: algorithm, name and
/// digest.
fn bsd(line: &str) -> Option<(&str, &str, &str)> {
    let (algorithm, rest) = line.split_once('(')?;
    let algorithm = algorithm.trim_end();
    let (name, hex) = rest.rsplit_once(')')?;
    let hex = hex.trim_start().strip_prefix('=')?.trim();
    (!algorithm.is_empty() && algorithm.chars().all(is_of_a_name)).then_some((algorithm, name, hex))
}

fn is_sha256(algorithm: &str) -> bool {
    ["SHA256", "SHA-256", "SHA2-256"].iter().any(|known| known.eq_ignore_ascii_case(algorithm.trim()))
}

const fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/')
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether this is the length of an MD5, SHA-1, SHA-224, SHA-384 or SHA-512 (or BLAKE2b) digest.
fn is_of_another_length(hex: &str) -> bool {
    is_hex(hex) && matches!(hex.len(), 32 | 40 | 56 | 96 | 128)
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
    fn every_format_in_use_is_parsed() {
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
            format!("sha256:{A}  {NAME}\n"),
            format!("SHA256: {A}  {NAME}\n"),
            format!("SHA-256 ({NAME}) = {A}\n"),
            format!("SHA2-256({NAME})= {A}\n"),
            format!("{}  {NAME}\n{A}  {NAME}\n{}  {NAME}\n", "a".repeat(128), "b".repeat(32)),
            format!(
                "MD5 ({NAME}) = {}\nSHA512 ({NAME}) = {}\nSHA256 ({NAME}) = {A}\n",
                "b".repeat(32),
                "a".repeat(128)
            ),
            format!("sha512:{}  {NAME}\nsha256:{A}  {NAME}\n", "a".repeat(128)),
            format!("BLAKE3 ({NAME}) = {B}\nSHA256 ({NAME}) = {A}\n"),
        ] {
            assert_eq!(found(&text).as_deref(), Some(A), "{text:?}");
        }
    }

    #[test]
    fn only_the_exact_name_matches() {
        for text in [format!("{A}  {NAME}.tar.gz\n"), format!("{A}  x{NAME}\n"), format!("{A}  Reproq-linux-amd64\n")] {
            assert_eq!(found(&text), None, "{text:?}");
        }
    }

    #[test]
    fn invalid_files_are_errors() {
        let refused = |text: &str| ChecksumFile::parse(text.as_bytes()).expect_err("refused");
        assert_eq!(refused(""), ChecksumError::Empty);
        assert_eq!(refused("\n# nothing\n"), ChecksumError::Empty);
        assert_eq!(refused(A), ChecksumError::Nameless { line: 1 });
        assert!(matches!(refused("<!DOCTYPE html>"), ChecksumError::Digest { line: 1, .. }));
        assert_eq!(refused("d41d8cd98f00b204e9800998ecf8427e  x\n"), ChecksumError::OtherAlgorithms);
        assert_eq!(refused(&format!("{A}  {NAME}\n{B}  {NAME}")), ChecksumError::Contradiction(NAME.to_owned()));
        assert_eq!(ChecksumFile::parse(b"\xff\xfe"), Err(ChecksumError::NotText(0)));
    }

    #[test]
    fn a_line_in_an_unknown_format_hides_no_other() {
        let file = ChecksumFile::parse(format!("Algorithm  Hash\n{A}  {NAME}\n").as_bytes()).expect("one line is read");
        assert_eq!(file.digest_of(NAME).map(|digest| digest.to_string()).as_deref(), Some(A));
        assert!(matches!(file.misread(), Some(ChecksumError::Digest { line: 1, .. })));
        assert!(ChecksumFile::parse(format!("{A}  {NAME}\n").as_bytes()).expect("read").misread().is_none());
    }

    #[test]
    fn names_of_checksum_files() {
        let tag: Tag = "v0.0.144".parse().expect("a tag");
        for (name, expected) in [
            ("SHA256SUMS", true),
            ("sha256sums", true),
            ("SHA256SUMS.txt", true),
            ("sha256sums.txt", true),
            ("SHA256SUM", true),
            ("sha256sum.txt", true),
            ("checksums.txt", true),
            ("checksums.sha256", true),
            ("reproq-worker_0.0.144_checksums.txt", true),
            ("reproq_0.0.144_checksums.txt", true),
            ("reproq-worker_0.0.143_checksums.txt", false),
            ("reproq-worker_checksums.txt", false),
            ("SHA512SUMS", false),
            ("SHA256SUMS.asc", false),
            ("SHA256SUMS.sigstore.json", false),
            ("checksums.md5", false),
            ("reproq-linux-amd64.sha256", false),
        ] {
            assert_eq!(is_sums_file(name, &tag), expected, "{name}");
        }
        let tried = sums_files_to_try("reproq-worker", &tag);
        assert!(tried.iter().all(|name| is_sums_file(name, &tag)) && tried.len() == 9, "{tried:?}");
        assert_eq!(sidecar_names("x"), ["x.sha256", "x.sha256sum", "x.sha256.txt"]);
    }

    #[test]
    fn a_sidecar_may_contain_a_bare_digest() {
        let file = ChecksumFile::parse_sidecar(format!("{A}\n").as_bytes(), NAME).expect("a sidecar");
        assert_eq!(file.digest_of(NAME).map(|digest| digest.to_string()).as_deref(), Some(A));
        for text in [format!("sha256:{A}\n"), format!("{A}\n{}\n", "a".repeat(128)), format!("SHA256 ({NAME}) = {A}\n")]
        {
            let file = ChecksumFile::parse_sidecar(text.as_bytes(), NAME).expect("a sidecar");
            assert_eq!(file.digest_of(NAME).map(|digest| digest.to_string()).as_deref(), Some(A), "{text}");
        }
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
        fn written_files_parse(entries in proptest::collection::btree_map("[a-z][a-z0-9._-]{0,20}", any::<[u8; 32]>(), 1..8)) {
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
