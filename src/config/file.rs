//! Reads `[tool.reproq]` from `pyproject.toml`. There is no `reproq.toml`, because the worker would read it as its own.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use memchr::memmem;
use thiserror::Error;

use crate::config::databases::DatabaseReference;
use crate::io::fs::bounded_read;
use crate::model::units::parse_size;

/// The name of the table below `tool`.
const NAME: &str = "reproq";

/// The maximum size of a `pyproject.toml` that is searched for the table, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The maximum size of one that is parsed. Parsing takes up to eighty times as much memory as the text.
const MAX_PARSED: usize = 192 * 1024;

/// Every key, with its table.
const KEYS: [&str; 15] = [
    "repository",
    "source",
    "require",
    "workflow",
    "allow-self-hosted",
    "allow-branch",
    "github-api-url",
    "github-server-url",
    "mirror",
    "offline",
    "cache-size",
    "databases",
    "release",
    "release.repository",
    "release.protect",
];

/// Parts of unknown keys that suggest a trust setting, and the key that was probably meant.
const ABOUT_TRUST: [(&str, &str); 10] = [
    ("requir", "require"),
    ("verif", "require"),
    ("verdict", "require"),
    ("trust", "require"),
    ("attest", "require"),
    ("checksum", "require"),
    ("level", "require"),
    ("secur", "require"),
    ("sign", "workflow"),
    ("allow", "allow-branch"),
];

/// Why the settings file cannot be used.
#[derive(Debug, Error)]
pub enum SettingsFileError {
    /// The file exists and cannot be read.
    #[error("failed to read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The file is larger than any settings file.
    #[error("`{path}` has more than {MAX_PARSED} bytes, which is too large for a settings file", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("`{path}` is not valid TOML: {reason}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The location and the reason.
        reason: String,
    },
    /// An unknown key resembles a known one, or suggests a trust setting.
    #[error("[tool.reproq] of `{path}` has a key `{key}`, which does not exist; did you mean `{meant}`?", path = path.display())]
    Slip {
        /// The file.
        path: PathBuf,
        key: String,
        /// The key that was probably meant.
        meant: &'static str,
    },
    /// A key of `[tool.reproq]` has a value of the wrong type.
    #[error("`{key}` in [tool.reproq] of `{path}` must be {expected}, found {found}", path = path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        key: String,
        /// The expected type.
        expected: &'static str,
        /// The actual type.
        found: String,
    },
}

/// The values in `[tool.reproq]`, unparsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// The file, if it has the table.
    pub path: Option<PathBuf>,
    /// `repository`: the worker's repository.
    pub repository: Option<String>,
    /// `source`: a checkout of the worker.
    pub source: Option<String>,
    /// `require`: the minimum verdict.
    pub require: Option<String>,
    /// `workflow`: the workflow that must have signed a release.
    pub workflow: Option<String>,
    /// `allow-self-hosted`: whether that workflow may run on self-hosted runners.
    pub allow_self_hosted: Option<bool>,
    /// `allow-branch`: whether that workflow may run for a branch instead of the release's tag.
    pub allow_branch: Option<bool>,
    /// `github-api-url`.
    pub github_api_url: Option<String>,
    /// `github-server-url`.
    pub github_server_url: Option<String>,
    /// `mirror`: the release sources, in order.
    pub mirror: Vec<String>,
    /// `offline`.
    pub offline: Option<bool>,
    /// `cache-size`: the maximum size of the cache in bytes; written as a size, or a number of MiB.
    pub cache_size: Option<u64>,
    /// `databases`: where the URL of each database is found, by alias.
    pub databases: BTreeMap<String, DatabaseReference>,
    /// `release.repository`: the repository of the `release` commands; never the worker's repository.
    pub release_repository: Option<String>,
    /// `release.protect`: tags that are never deleted.
    pub release_protect: Vec<String>,
    /// Unknown keys, each of which gives a warning.
    pub unknown: Vec<String>,
}

/// Reads the table from a directory's `pyproject.toml`; a missing file or table is an empty table. A file that
/// never mentions the table may be invalid, binary or of any size.
pub(crate) fn read(directory: &Path) -> Result<FileSettings, SettingsFileError> {
    let path = directory.join("pyproject.toml");
    match contents(&path) {
        Ok(Contents::Small(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => parse(&path, text.strip_prefix('\u{feff}').unwrap_or(&text)),
            Err(error) if !mentions_table(error.as_bytes()) => Ok(FileSettings::default()),
            Err(error) => {
                let reason = format!("byte {} is not UTF-8", error.utf8_error().valid_up_to());
                Err(SettingsFileError::Syntax { path, reason })
            }
        },
        Ok(Contents::NotOurs) => Ok(FileSettings::default()),
        Ok(Contents::TooLarge) => Err(SettingsFileError::TooLarge { path }),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(FileSettings::default())
        }
        Err(source) => Err(SettingsFileError::Read { path, source }),
    }
}

enum Contents {
    /// The entire file.
    Small(Vec<u8>),
    /// Too large to parse, without the table's name.
    NotOurs,
    /// Too large to parse, with the table's name.
    TooLarge,
}

fn contents(path: &Path) -> io::Result<Contents> {
    let (file, _) = bounded_read::open_regular(path)?;
    let mut file = file.take(MAX_BYTES + 1);
    let mut read = Vec::new();
    file.by_ref().take(MAX_PARSED as u64 + 1).read_to_end(&mut read)?;
    if read.len() <= MAX_PARSED {
        return Ok(Contents::Small(read));
    }
    // The rest is searched, not kept.
    let mut piece = vec![0; 64 * 1024];
    loop {
        if mentions_table(&read) {
            return Ok(Contents::TooLarge);
        }
        // The name may span two chunks, with a zero byte after each letter.
        read.drain(..read.len().saturating_sub(2 * NAME.len()));
        match file.read(&mut piece)? {
            0 if file.limit() == 0 => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {MAX_BYTES} bytes")));
            }
            0 => return Ok(Contents::NotOurs),
            length => read.extend_from_slice(&piece[..length]),
        }
    }
}

/// Whether the table's name occurs in a file, in UTF-8 or UTF-16.
fn mentions_table(bytes: &[u8]) -> bool {
    memmem::find(bytes, NAME.as_bytes()).is_some() || memmem::find(bytes, b"r\0e\0p\0r\0o\0q").is_some()
}

/// Parses the text of a `pyproject.toml`.
pub fn parse(path: &Path, text: &str) -> Result<FileSettings, SettingsFileError> {
    // A quoted key may contain escapes, which only the parser decodes.
    let is_named = text.contains(NAME);
    if !is_named && !text.contains('\\') {
        return Ok(FileSettings::default());
    }
    if text.len() > MAX_PARSED {
        return Err(SettingsFileError::TooLarge { path: path.to_owned() });
    }
    let document: toml::Table = match toml::from_str(text) {
        Ok(document) => document,
        Err(_) if !is_named => return Ok(FileSettings::default()),
        Err(error) => {
            let reason = place_and_reason(text, &error);
            return Err(SettingsFileError::Syntax { path: path.to_owned(), reason });
        }
    };
    let Some(found) = document.get("tool").and_then(|tool| tool.get(NAME)) else {
        return Ok(FileSettings::default());
    };
    let Some(table) = found.as_table() else {
        let found = found.type_str().to_owned();
        return Err(SettingsFileError::Kind {
            path: path.to_owned(),
            key: "tool.reproq".into(),
            expected: "a table",
            found,
        });
    };
    let mut settings = FileSettings { path: Some(path.to_owned()), ..FileSettings::default() };
    for (key, value) in table {
        let kind = |expected| SettingsFileError::Kind {
            path: path.to_owned(),
            key: key.clone(),
            expected,
            found: value.type_str().to_owned(),
        };
        let text = || value.as_str().map(str::to_owned).map(Some).ok_or_else(|| kind("a string"));
        let boolean = || value.as_bool().ok_or_else(|| kind("true or false"));
        match key.as_str() {
            "repository" => settings.repository = text()?,
            "source" => settings.source = text()?,
            "require" => settings.require = text()?,
            "workflow" => settings.workflow = text()?,
            "allow-self-hosted" => settings.allow_self_hosted = Some(boolean()?),
            "allow-branch" => settings.allow_branch = Some(boolean()?),
            "github-api-url" => settings.github_api_url = text()?,
            "github-server-url" => settings.github_server_url = text()?,
            "offline" => settings.offline = Some(boolean()?),
            "mirror" => {
                let texts = match value.as_array() {
                    Some(list) => list.iter().map(toml::Value::as_str).collect(),
                    None => value.as_str().map(|text| vec![text]),
                };
                let texts: Vec<&str> = texts.ok_or_else(|| kind("a string or a list of strings"))?;
                settings.mirror = texts.into_iter().map(str::to_owned).collect();
            }
            "cache-size" => {
                let number = || value.as_integer().map(|number| number.to_string());
                let size = value.as_str().map(str::to_owned).or_else(number).and_then(|text| parse_size(&text).ok());
                settings.cache_size = Some(size.ok_or_else(|| kind("a number of MiB, or a size such as \"2GiB\""))?);
            }
            "databases" => databases(path, value, &mut settings)?,
            "release" => release(path, value, &mut settings)?,
            _ => settings.unknown.push(unknown(path, key)?),
        }
    }
    Ok(settings)
}

/// An unknown key of a later version gives a warning. One that resembles a known key or suggests a trust setting
/// is a typo that would make the settings less strict than intended.
fn unknown(path: &Path, key: &str) -> Result<String, SettingsFileError> {
    let (table, last) = key.rsplit_once('.').unwrap_or(("", key));
    let last = last.to_lowercase().replace('_', "-");
    let name = |known: &&str| known.rsplit('.').next().unwrap_or_default().to_owned();
    // Prefer a key of the same table.
    let is_elsewhere = |known: &str| known.rsplit_once('.').map_or("", |(table, _)| table) != table;
    let distance = |name: &str| {
        let is_short_for_it = last.len() >= 4 && name.starts_with(&last);
        if is_short_for_it { 0 } else { strsim::damerau_levenshtein(&last, name) }
    };
    let closest = KEYS.into_iter().map(|known| (distance(&name(&known)), known));
    let closest = closest.min_by_key(|(distance, known)| (*distance, is_elsewhere(known)));
    let resembling = closest.filter(|(distance, known)| *distance <= name(known).len() / 3).map(|(_, known)| known);
    let on_trust = ABOUT_TRUST.iter().find(|(word, _)| last.contains(word)).map(|(_, meant)| *meant);
    match resembling.or(on_trust) {
        Some(meant) => Err(SettingsFileError::Slip { path: path.to_owned(), key: key.to_owned(), meant }),
        None => Ok(key.to_owned()),
    }
}

/// The location and the reason, on one line. The source line, which the parser would include, may contain anything.
fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let reason = error.message().lines().collect::<Vec<_>>().join(", ");
    match before {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!("line {line}, column {column}: {reason}")
        }
        None => reason,
    }
}

/// `[tool.reproq.databases]`.
fn databases(path: &Path, value: &toml::Value, settings: &mut FileSettings) -> Result<(), SettingsFileError> {
    let kind = |key: String, expected, found: &str| SettingsFileError::Kind {
        path: path.to_owned(),
        key,
        expected,
        found: found.to_owned(),
    };
    let Some(table) = value.as_table() else {
        return Err(kind("databases".to_owned(), "a table", value.type_str()));
    };
    for (alias, value) in table {
        let key = || format!("databases.{alias}");
        let expected = DatabaseReference::EXPECTED;
        let text = value.as_str().ok_or_else(|| kind(key(), expected, value.type_str()))?;
        // The value itself is not repeated: it may be a URL with a password.
        let reference = DatabaseReference::parse(text).ok_or_else(|| kind(key(), expected, "another string"))?;
        settings.databases.insert(alias.clone(), reference);
    }
    Ok(())
}

/// `[tool.reproq.release]`.
fn release(path: &Path, value: &toml::Value, settings: &mut FileSettings) -> Result<(), SettingsFileError> {
    let kind = |key: &str, expected, found: &toml::Value| SettingsFileError::Kind {
        path: path.to_owned(),
        key: key.to_owned(),
        expected,
        found: found.type_str().to_owned(),
    };
    let Some(table) = value.as_table() else { return Err(kind("release", "a table", value)) };
    for (key, value) in table {
        match key.as_str() {
            "repository" => {
                let text = value.as_str().ok_or_else(|| kind("release.repository", "a string", value))?;
                settings.release_repository = Some(text.to_owned());
            }
            "protect" => {
                let list = value.as_array().ok_or_else(|| kind("release.protect", "a list of strings", value))?;
                for entry in list {
                    let text = entry.as_str().ok_or_else(|| kind("release.protect", "a list of strings", entry))?;
                    settings.release_protect.push(text.to_owned());
                }
            }
            _ => settings.unknown.push(unknown(path, &format!("release.{key}"))?),
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write files")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<FileSettings, SettingsFileError> {
        parse(Path::new("pyproject.toml"), text)
    }

    #[test]
    fn keys_are_read_and_unknown_ones_named() {
        let settings = parsed("[tool.reproq]\nrepository = \"a/b\"\noffline = true\nspeling = 1\n").expect("valid");
        assert_eq!(settings.repository.as_deref(), Some("a/b"));
        assert_eq!(settings.offline, Some(true));
        assert_eq!(settings.unknown, ["speling"]);
        let mirror = |text: &str| parsed(&format!("[tool.reproq]\nmirror = {text}\n")).map(|settings| settings.mirror);
        assert_eq!(mirror("\"a\"").expect("a text"), ["a"]);
        assert_eq!(mirror("[\"a\", \"github\"]").expect("a list"), ["a", "github"]);
        assert!(mirror("[1]").is_err() && mirror("true").is_err());
    }

    #[test]
    fn the_release_table_is_read_strictly() {
        let settings = parsed("[tool.reproq.release]\nrepository = \"a/b\"\nprotect = [\"v1.*\"]\nkeep = 3\n");
        let settings = settings.expect("valid");
        assert_eq!(settings.release_repository.as_deref(), Some("a/b"));
        assert_eq!(
            (settings.release_protect, settings.unknown),
            (vec!["v1.*".to_owned()], vec!["release.keep".to_owned()])
        );
        assert!(parsed("[tool.reproq]\nrelease = 3\n").is_err());
        assert!(parsed("[tool.reproq.release]\nprotect = \"v1\"\n").is_err());
    }

    #[test]
    fn databases_are_references_and_never_urls() {
        let settings = parsed("[tool.reproq.databases]\ndefault = \"env:MAIN\"\nx = \"env:X_URL\"\n").expect("valid");
        assert_eq!(settings.databases.keys().collect::<Vec<_>>(), ["default", "x"]);
        let refused = parsed("[tool.reproq.databases]\nmain = \"postgres://u:secret@h/d\"\n").expect_err("a URL");
        assert_eq!(
            refused.to_string(),
            "`databases.main` in [tool.reproq] of `pyproject.toml` must be \"env:NAME\", \"django\" or \"config\", found another string"
        );
        assert!(parsed("[tool.reproq]\ndatabases = \"env:MAIN\"\n").is_err());
    }

    #[test]
    fn an_invalid_file_matters_only_if_it_mentions_the_table() {
        assert_eq!(parsed("[[[").expect("ignored"), FileSettings::default());
        assert!(matches!(parsed("[tool.reproq\n"), Err(SettingsFileError::Syntax { .. })));
        let refused = parsed("[tool.reproq]\nrepository = 3\n").expect_err("a number");
        assert_eq!(
            refused.to_string(),
            "`repository` in [tool.reproq] of `pyproject.toml` must be a string, found integer"
        );
    }

    #[test]
    fn the_table_is_found_in_every_spelling_of_toml() {
        for (text, expected) in [
            ("[tool.reproq]\nrequire = 'attested'", true),
            ("[tool]\nreproq = { require = 'attested' }", true),
            ("tool = { reproq = { require = 'attested' } }", true),
            ("tool.reproq.require = 'attested'", true),
            ("[tool]\nreproq.require = 'attested'", true),
            ("[tool.'reproq']\nrequire = 'attested'", true),
            ("[\"tool\".\"reproq\"]\nrequire = 'attested'", true),
            ("[ tool . reproq ]\nrequire = 'attested'", true),
            ("[tool.\"\\u0072eproq\"]\nrequire = 'attested'", true),
            ("  [tool.reproq] # ours\n  \"require\" = \"attested\"", true),
            ("[tool.reproqx]\nrequire = 'attested'", false),
            ("[tool.other]\ntext = \"\"\"\n[tool.reproq]\nrequire = 'attested'\n\"\"\"", false),
            ("[tool.other]\ntext = '''\n[tool.reproq]\n'''", false),
            ("# [tool.reproq]\n[tool.other]\nrequire = 'attested'", false),
            ("[project]\ndependencies = ['reproq-django']", false),
            ("[tools.reproq]\nrequire = 'attested'", false),
        ] {
            let settings = parsed(text).expect(text);
            assert_eq!(settings.require.as_deref(), expected.then_some("attested"), "{text}");
            assert_eq!(settings.path.is_some(), expected, "{text}");
        }
        for text in ["[[tool.reproq]]\nrequire = 'attested'", "[tool]\nreproq = 'attested'"] {
            let refused = parsed(text).expect_err(text).to_string();
            assert!(refused.contains("`tool.reproq`") && refused.contains("must be a table"), "{refused}");
        }
    }

    #[test]
    fn a_typo_in_a_key_is_not_a_key_of_another_version() {
        for (key, meant) in [
            ("required", "require"),
            ("requires", "require"),
            ("Require", "require"),
            ("reqiure", "require"),
            ("verify", "require"),
            ("min-trust-level", "require"),
            ("repositry", "repository"),
            ("sources", "source"),
            ("mirrors", "mirror"),
            ("workflows", "workflow"),
            ("allow_branch", "allow-branch"),
            ("allow-self_hosted", "allow-self-hosted"),
            ("allow-anything", "allow-branch"),
            ("github_api_url", "github-api-url"),
            ("protect", "release.protect"),
            ("releases", "release"),
            ("release.protected", "release.protect"),
            ("release.repo", "release.repository"),
            ("release.require", "require"),
        ] {
            match parsed(&format!("[tool.reproq]\n{key} = 'x'\n")) {
                Err(SettingsFileError::Slip { key: named, meant: found, .. }) => {
                    assert_eq!((named.as_str(), found), (key, meant), "{key}");
                }
                other => panic!("{key}: {other:?}"),
            }
        }
        for key in ["queues", "speling", "release.future", "python"] {
            assert_eq!(parsed(&format!("[tool.reproq]\n{key} = 'x'\n")).expect(key).unknown, [key]);
        }
    }

    #[test]
    fn files_that_never_mention_the_table_are_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let read_as = |bytes: &[u8]| {
            std::fs::write(directory.path().join("pyproject.toml"), bytes).expect("written");
            read(directory.path())
        };
        let large = |tail: &[u8]| [&b"#\n".repeat(MAX_PARSED)[..], tail].concat();
        let utf16 = |text: &str| {
            [&b"\xff\xfe"[..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat()
        };
        for bytes in [b"[project]\nname = '\xff'\n".to_vec(), large(b"name = 'x'\n"), utf16("[project]"), Vec::new()] {
            assert_eq!(read_as(&bytes).expect("ignored"), FileSettings::default());
        }
        for bytes in [b"[tool.reproq]\nsource = '\xff'\n".to_vec(), large(b"[tool.reproq]\n"), utf16("[tool.reproq]")] {
            assert!(read_as(&bytes).is_err());
        }
        // The name spans the end of a chunk.
        for shift in 0..16 {
            let padded = [&vec![b'#'; MAX_PARSED + 64 * 1024 - 3 + shift][..], b"\n[tool.reproq]\n"].concat();
            assert!(matches!(read_as(&padded), Err(SettingsFileError::TooLarge { .. })), "{shift}");
        }
        let marked = b"\xef\xbb\xbf[tool.reproq]\nsource = 'x'\n";
        assert_eq!(read_as(marked).expect("read").source.as_deref(), Some("x"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*") {
            let _ = parsed(&format!("[tool.reproq]\n{text}"));
        }
    }
}
