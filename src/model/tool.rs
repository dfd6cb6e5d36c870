//! What is installed: its repository, how its assets are named, how it introduces itself. The catalogue is data.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use super::Target;

/// Why a text is not `OWNER/NAME`.
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

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both name the same repository; GitHub compares without case.
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
            // What stands before an `@` may be a password.
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

/// How an asset holds the executable.
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
    /// Every form, most direct first: a release that has several is served by the first.
    pub const ALL: [Self; 3] = [Self::Raw, Self::TarGz, Self::Zip];

    /// What the form adds to the executable's name.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

/// A program this one can install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// What people call it.
    pub name: &'static str,
    /// Where its releases are published unless said otherwise.
    pub repository: &'static str,
    /// What its executable is called, without a suffix; also the first part of its assets' names.
    pub executable: &'static str,
    /// What its `--version` prints before the version.
    pub version_prefix: &'static str,
    /// The Go module its source declares.
    pub go_module: &'static str,
    /// The package of that module that is the executable.
    pub go_package: &'static str,
    /// The build tags its releases are built with.
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

    /// The name of the executable for a target as its assets spell it: `reproq-linux-amd64`, `reproq-windows-amd64.exe`.
    pub fn asset_stem(&self, target: Target) -> String {
        format!("{}-{target}{}", self.executable, target.os.exe_suffix())
    }

    /// The exact names of the assets that serve a target, most direct first. Names are computed, never guessed. An archive
    /// for Windows may carry the `.exe` in its own name or not.
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

    /// The names under which an archive may hold the executable: as installed, or as the raw asset.
    pub fn member_names(&self, target: Target) -> [String; 2] {
        [self.installed_name(target), self.asset_stem(target)]
    }

    /// What the executable is called once installed: `reproq` or `reproq.exe`.
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
        fn a_repository_is_read_as_it_is_written(text in "[a-zA-Z0-9._-]{0,9}/?[a-zA-Z0-9._/-]{0,9}") {
            if let Ok(slug) = text.parse::<RepoSlug>() {
                prop_assert_eq!(slug.to_string(), text);
            }
        }
    }
}
