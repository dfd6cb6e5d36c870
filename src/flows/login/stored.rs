//! The file that the TUI reads its token from.

use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Datelike;
use chrono::SecondsFormat;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::flows::login::answer::is_token;
use crate::io::fs::Dir;
use crate::io::fs::FileError;
use crate::io::fs::write_private_file;
use crate::model::secret::Secret;

/// Larger than any such file.
const MAX_BYTES: u64 = 64 * 1024;

/// Permissions of the group and of others.
const OTHERS: u32 = 0o077;

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLogin {
    pub(crate) token: Secret<String>,
    /// `None`: as long as the server accepts it.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// The server that issued it.
    pub(crate) django_url: String,
    /// Whether other users of this machine may read the file.
    pub(crate) is_readable_by_others: bool,
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AuthFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error("`{path}` is not a file that reproq-tui or `reproq login` wrote")]
    Content {
        /// The file.
        path: String,
    },
}

#[derive(Serialize, Deserialize)]
struct AuthDocument {
    token: String,
    /// RFC 3339, as Go writes it. The year 1 is Go's zero time: the server named none.
    expires_at: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    django_url: String,
}

/// `auth.json` of the TUI.
#[derive(Debug, Clone)]
pub(crate) struct AuthFile(PathBuf);

impl AuthFile {
    /// The file that the TUI uses: the one that the variable names, else one in the user's configuration directory. `None` if
    /// there is neither.
    pub(crate) fn find(named: Option<&Path>, configuration: Option<&Path>) -> Option<Self> {
        let default = || configuration.map(|directory| directory.join("reproq-tui/auth.json"));
        named.map(Path::to_owned).or_else(default).map(Self)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it, but no link. `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// It cannot be read, is not a regular file, or has other contents.
    pub(crate) fn read(&self) -> Result<Option<StoredLogin>, AuthFileError> {
        let Some((directory, name)) = self.place()? else { return Ok(None) };
        let Some((bytes, stat)) = directory.read(name, MAX_BYTES)? else { return Ok(None) };
        let other = || AuthFileError::Content { path: self.0.display().to_string() };
        let document: AuthDocument = serde_json::from_slice(&bytes).map_err(|_| other())?;
        let expires_at = DateTime::parse_from_rfc3339(&document.expires_at).map_err(|_| other())?.to_utc();
        if !is_token(&document.token) {
            return Err(other());
        }
        Ok(Some(StoredLogin {
            token: Secret::new(document.token),
            expires_at: Some(expires_at).filter(|time| time.year() > 1),
            django_url: document.django_url,
            is_readable_by_others: cfg!(unix) && stat.mode & OTHERS != 0,
        }))
    }

    /// Replaces it; only this user can read the new one. Its directory is created if it is missing.
    ///
    /// # Errors
    ///
    /// It cannot be written, or it is not a regular file: a link is not followed.
    pub(crate) fn write(
        &self,
        token: &Secret<String>,
        expires_at: DateTime<Utc>,
        django_url: &str,
    ) -> Result<(), AuthFileError> {
        let expires_at = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let document = AuthDocument { token: token.expose().clone(), expires_at, django_url: django_url.to_owned() };
        let mut text = serde_json::to_string_pretty(&document).expect("strings and numbers are serializable as JSON");
        text.push('\n');
        Ok(write_private_file(&self.0, text.as_bytes())?)
    }

    /// Removes it, or a link of its name. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// It cannot be removed, or it is a directory.
    pub(crate) fn remove(&self) -> Result<bool, AuthFileError> {
        let Some((directory, name)) = self.place()? else { return Ok(false) };
        let Some(found) = directory.stat(name)? else { return Ok(false) };
        if found.kind == crate::io::fs::FileKind::Directory {
            return Err(FileError::NotAFile { path: self.0.clone(), kind: found.kind }.into());
        }
        directory.remove(name)?;
        Ok(true)
    }

    fn place(&self) -> Result<Option<(Dir, &std::ffi::OsStr)>, AuthFileError> {
        let content = || AuthFileError::Content { path: self.0.display().to_string() };
        let name = self.0.file_name().ok_or_else(content)?;
        let parent = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Dir::open(parent)?.map(|directory| (directory, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_tui_is_found_as_it_finds_it() {
        let path = |named: Option<&str>, configuration: Option<&str>| {
            AuthFile::find(named.map(Path::new), configuration.map(Path::new)).map(|file| file.0)
        };
        assert_eq!(path(Some("/x"), Some("/c")), Some("/x".into()));
        assert_eq!(path(None, Some("/c")), Some("/c/reproq-tui/auth.json".into()));
        assert_eq!(path(None, None), None);
    }

    #[test]
    fn what_is_written_is_read_and_what_go_writes_too() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = AuthFile(directory.path().join("a/auth.json"));
        assert_eq!(file.read().expect("readable"), None);
        let time = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        file.write(&Secret::new("a.b.c".to_owned()), time, "https://shop.test").expect("written");
        let stored = file.read().expect("readable").expect("there");
        assert_eq!((stored.expires_at, stored.django_url.as_str()), (Some(time), "https://shop.test"));
        assert!(!stored.is_readable_by_others);
        for (expires_at, expected) in
            [("2027-01-15T09:00:00.25+01:00", Some("2027-01-15 08:00:00.250 UTC")), ("0001-01-01T00:00:00Z", None)]
        {
            let text = format!(r#"{{"token":"a.b.c","expires_at":"{expires_at}"}}"#);
            write_private_file(&file.0, text.as_bytes()).expect("written");
            let stored = file.read().expect("readable").expect("there");
            assert_eq!(stored.expires_at.map(|time| time.to_string()).as_deref(), expected);
        }
        let other = [
            "",
            "{}",
            r#"{"token":"a.b.c","expires_at":5}"#,
            r#"{"token":"a b.c.d","expires_at":"2027-01-15T09:00:00Z"}"#,
        ];
        for text in other {
            write_private_file(&file.0, text.as_bytes()).expect("written");
            assert!(matches!(file.read(), Err(AuthFileError::Content { .. })), "{text}");
        }
        assert!(file.remove().expect("removed") && !file.remove().expect("nothing left"));
    }
}
