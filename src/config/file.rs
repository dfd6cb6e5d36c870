//! Reads `[tool.reproq]` from `pyproject.toml`. There is no `reproq.toml`: the worker would take it for its own.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::small_file;

/// No honest `pyproject.toml` comes near this many bytes.
pub(super) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Nor near this many, if it speaks of us. Parsing takes up to eighty times as much memory as the text.
const MAX_PARSED: usize = 192 * 1024;

/// Why the settings file cannot be used.
#[derive(Debug, Error)]
pub enum SettingsFileError {
    /// The file is there and cannot be read.
    #[error("failed to read `{path}`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any settings file.
    #[error("`{path}` has more than {MAX_PARSED} bytes, which is no settings file", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("`{path}` is not valid TOML: {reason}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A key of `[tool.reproq]` holds the wrong kind of value.
    #[error("`{key}` in [tool.reproq] of `{path}` must be {expected}, found {found}", path = path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

/// What `[tool.reproq]` says, as written; nothing where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSettings {
    /// The file, where there is one with the table.
    pub path: Option<PathBuf>,
    /// `repository`: the worker's repository.
    pub repository: Option<String>,
    /// `source`: a checkout of the worker.
    pub source: Option<String>,
    /// `require`: the least verdict that is accepted.
    pub require: Option<String>,
    /// `workflow`: the workflow that must have signed for a release.
    pub workflow: Option<String>,
    /// `allow-self-hosted`: whether it may have run on a machine of the repository's owner.
    pub allow_self_hosted: Option<bool>,
    /// `allow-branch`: whether it may have run for a branch instead of the release's tag.
    pub allow_branch: Option<bool>,
    /// `github-api-url`.
    pub github_api_url: Option<String>,
    /// `github-server-url`.
    pub github_server_url: Option<String>,
    /// `mirror`: the places that may have releases, in order.
    pub mirror: Vec<String>,
    /// `offline`.
    pub offline: Option<bool>,
    /// `cache-size`: how many MiB the cache may hold.
    pub cache_size: Option<u64>,
    /// `release.repository`: what the `release` commands work on; never the worker's repository.
    pub release_repository: Option<String>,
    /// `release.protect`: tags that are never deleted.
    pub release_protect: Vec<String>,
    /// Keys nobody here knows, each worth a warning.
    pub unknown: Vec<String>,
}

/// Reads the table from a project's `pyproject.toml`; no file and no table are the same as an empty table.
pub fn read(root: &Path) -> Result<FileSettings, SettingsFileError> {
    let path = root.join("pyproject.toml");
    match small_file::read_text(&path, MAX_BYTES) {
        Ok(text) => parse(&path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileSettings::default()),
        Err(source) => Err(SettingsFileError::Read { path, source }),
    }
}

/// Parses the text of a `pyproject.toml`.
pub fn parse(path: &Path, text: &str) -> Result<FileSettings, SettingsFileError> {
    // A file that never names the table need not be parsed, nor be valid, to be ignored.
    if !text.contains("reproq") {
        return Ok(FileSettings::default());
    }
    if text.len() > MAX_PARSED {
        return Err(SettingsFileError::TooLarge { path: path.to_owned() });
    }
    let document: toml::Table = toml::from_str(text)
        .map_err(|error| SettingsFileError::Syntax { path: path.to_owned(), reason: place_and_reason(text, &error) })?;
    let Some(toml::Value::Table(table)) = document.get("tool").and_then(|tool| tool.get("reproq")) else {
        return Ok(FileSettings::default());
    };
    let mut settings = FileSettings { path: Some(path.to_owned()), ..FileSettings::default() };
    for (key, value) in table {
        let kind = |expected| SettingsFileError::Kind {
            path: path.to_owned(),
            key: key.clone(),
            expected,
            found: value.type_str().to_owned(),
        };
        let text = || value.as_str().map(str::to_owned).map(Some).ok_or_else(|| kind("a text"));
        let yes_or_no = || value.as_bool().ok_or_else(|| kind("true or false"));
        match key.as_str() {
            "repository" => settings.repository = text()?,
            "source" => settings.source = text()?,
            "require" => settings.require = text()?,
            "workflow" => settings.workflow = text()?,
            "allow-self-hosted" => settings.allow_self_hosted = Some(yes_or_no()?),
            "allow-branch" => settings.allow_branch = Some(yes_or_no()?),
            "github-api-url" => settings.github_api_url = text()?,
            "github-server-url" => settings.github_server_url = text()?,
            "offline" => settings.offline = Some(yes_or_no()?),
            "mirror" => {
                let texts = match value.as_array() {
                    Some(list) => list.iter().map(toml::Value::as_str).collect(),
                    None => value.as_str().map(|text| vec![text]),
                };
                let texts: Vec<&str> = texts.ok_or_else(|| kind("a text or a list of texts"))?;
                settings.mirror = texts.into_iter().map(str::to_owned).collect();
            }
            "cache-size" => {
                let size = value.as_integer().and_then(|size| u64::try_from(size).ok());
                settings.cache_size = Some(size.ok_or_else(|| kind("a number of MiB"))?);
            }
            "release" => release(path, value, &mut settings)?,
            _ => settings.unknown.push(key.clone()),
        }
    }
    Ok(settings)
}

/// Where and why, on one line: the line itself, which the parser would show beside it, may hold anything.
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
                let text = value.as_str().ok_or_else(|| kind("release.repository", "a text", value))?;
                settings.release_repository = Some(text.to_owned());
            }
            "protect" => {
                let list = value.as_array().ok_or_else(|| kind("release.protect", "a list of texts", value))?;
                for entry in list {
                    let text = entry.as_str().ok_or_else(|| kind("release.protect", "a list of texts", entry))?;
                    settings.release_protect.push(text.to_owned());
                }
            }
            _ => settings.unknown.push(format!("release.{key}")),
        }
    }
    Ok(())
}

#[cfg(test)]
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
    fn a_broken_file_matters_only_when_it_speaks_of_us() {
        assert_eq!(parsed("[[[").expect("ignored"), FileSettings::default());
        assert!(matches!(parsed("[tool.reproq\n"), Err(SettingsFileError::Syntax { .. })));
        let refused = parsed("[tool.reproq]\nrepository = 3\n").expect_err("a number");
        assert_eq!(
            refused.to_string(),
            "`repository` in [tool.reproq] of `pyproject.toml` must be a text, found integer"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parsed(&format!("[tool.reproq]\n{text}"));
        }
    }
}
