//! The tool to install: its repository, the names of its assets, and its version output. A table of data.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use super::Target;

/// Why a string is not `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a repository; write it as OWNER/NAME, for example adpena/reproq-worker")]
pub struct RepoSlugError(String);

/// A repository's `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoSlug {
    owner: String,
    name: String,
}

impl RepoSlug {
    /// The account that owns it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name of the repository.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both are the same repository; GitHub compares without case.
    pub fn is_same(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl FromStr for RepoSlug {
    type Err = RepoSlugError;

    fn from_str(text: &str) -> Result<Self, RepoSlugError> {
        let allowed = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if allowed(owner) && allowed(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            // What precedes an `@` may be a password.
            Some(_) | None => Err(RepoSlugError(match text.rsplit_once('@') {
                Some((_, behind)) => format!("…@{behind}"),
                None => text.to_owned(),
            })),
        }
    }
}

impl TryFrom<String> for RepoSlug {
    type Error = RepoSlugError;

    fn try_from(text: String) -> Result<Self, RepoSlugError> {
        text.parse()
    }
}

impl From<RepoSlug> for String {
    fn from(slug: RepoSlug) -> Self {
        slug.to_string()
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// How an asset contains the executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetForm {
    /// The asset is the executable.
    Raw,
    /// A gzip-compressed tar archive holding it.
    TarGz,
    /// A zip archive holding it.
    Zip,
}

impl AssetForm {
    /// Every form, most direct first: if a release has several, the first is used.
    pub const ALL: [Self; 3] = [Self::Raw, Self::TarGz, Self::Zip];

    /// The suffix of the form after the executable's name.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

/// A tool that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name in messages.
    pub name: &'static str,
    /// The default repository of its releases.
    pub repository: &'static str,
    /// The name of its executable, without a suffix; also the prefix of its asset names.
    pub executable: &'static str,
    /// The output of its `--version` before the version.
    pub version_prefix: &'static str,
    /// The Go module of its source.
    pub go_module: &'static str,
    /// The package of the executable in that module.
    pub go_package: &'static str,
    /// The build tags of its releases.
    pub go_tags: &'static str,
}

impl Tool {
    /// The Reproq worker.
    pub const WORKER: Self = Self {
        name: "reproq-worker",
        repository: "adpena/reproq-worker",
        executable: "reproq",
        version_prefix: "reproq-worker version ",
        go_module: "reproq-worker",
        go_package: "./cmd/reproq",
        go_tags: "prod",
    };

    /// The name of the executable in asset names: `reproq-linux-amd64`, `reproq-windows-amd64.exe`.
    pub fn asset_stem(&self, target: Target) -> String {
        format!("{}-{target}{}", self.executable, target.os.exe_suffix())
    }

    /// The exact asset names for a target, most direct first. Names are computed, never guessed. The name of an archive
    /// for Windows may or may not contain `.exe`.
    pub fn asset_names(&self, target: Target) -> Vec<(String, AssetForm)> {
        let stem = self.asset_stem(target);
        let bare = format!("{}-{target}", self.executable);
        let mut names = Vec::new();
        for form in AssetForm::ALL {
            for stem in [&stem, &bare] {
                let name = format!("{stem}{}", form.suffix());
                let raw_without_exe = form == AssetForm::Raw && !name.ends_with(target.os.exe_suffix());
                if !raw_without_exe && names.iter().all(|(known, _)| *known != name) {
                    names.push((name, form));
                }
            }
        }
        names
    }

    /// The names of the executable in an archive: as installed, or as the raw asset.
    pub fn member_names(&self, target: Target) -> [String; 2] {
        [self.installed_name(target), self.asset_stem(target)]
    }

    /// The name of the installed executable: `reproq` or `reproq.exe`.
    pub fn installed_name(&self, target: Target) -> String {
        format!("{}{}", self.executable, target.os.exe_suffix())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn asset_names_of_every_target() {
        let names = |target: &str| {
            let target = target.parse().expect("a target");
            Tool::WORKER.asset_names(target).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("linux-amd64"), ["reproq-linux-amd64", "reproq-linux-amd64.tar.gz", "reproq-linux-amd64.zip"]);
        assert_eq!(
            names("darwin-arm64"),
            ["reproq-darwin-arm64", "reproq-darwin-arm64.tar.gz", "reproq-darwin-arm64.zip"]
        );
        assert_eq!(
            names("windows-amd64"),
            [
                "reproq-windows-amd64.exe",
                "reproq-windows-amd64.exe.tar.gz",
                "reproq-windows-amd64.tar.gz",
                "reproq-windows-amd64.exe.zip",
                "reproq-windows-amd64.zip",
            ]
        );
    }

    #[test]
    fn repositories_are_parsed_strictly() {
        assert!("adpena/reproq-worker".parse::<RepoSlug>().is_ok());
        for text in
            ["", "adpena", "adpena/", "/x", "a/b/c", "a/..", "a b/c", "https://github.com/a/b", "a/b?x", "a/b#x"]
        {
            assert!(text.parse::<RepoSlug>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn repositories_round_trip(text in "[a-zA-Z0-9._-]{0,9}/?[a-zA-Z0-9._/-]{0,9}") {
            if let Ok(slug) = text.parse::<RepoSlug>() {
                prop_assert_eq!(slug.to_string(), text);
            }
        }
    }
}
