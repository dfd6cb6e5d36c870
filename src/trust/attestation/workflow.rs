//! A workflow's file, as people name it and as certificates do.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::RepoSlug;

/// Where GitHub's own addresses begin.
pub(super) const GITHUB: &str = "https://github.com/";

/// The directory a workflow must lie in; GitHub runs none from elsewhere.
const DIRECTORY: &str = ".github/workflows/";

/// A workflow's file, wherever it was run from: `OWNER/NAME/.github/workflows/FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Workflow {
    repository: RepoSlug,
    file: String,
}

/// A text that names no workflow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a workflow; write .github/workflows/FILE, or OWNER/NAME/.github/workflows/FILE")]
pub struct WorkflowError(String);

impl Workflow {
    /// What a person typed: a path in the expected repository, or with a repository before it.
    pub fn named(text: &str, repository: &RepoSlug) -> Result<Self, WorkflowError> {
        match text.strip_prefix(DIRECTORY) {
            Some(file) if is_file(file) => Ok(Self { repository: repository.clone(), file: file.to_owned() }),
            Some(_) => Err(WorkflowError(text.to_owned())),
            None => text.parse(),
        }
    }

    /// The repository it lies in.
    pub const fn repository(&self) -> &RepoSlug {
        &self.repository
    }

    /// Its path in the repository.
    pub fn path(&self) -> String {
        format!("{DIRECTORY}{}", self.file)
    }

    /// Whether both name one file; GitHub compares names of repositories without case, and of files with it.
    pub fn is_same(&self, other: &Self) -> bool {
        self.repository.is_same(&other.repository) && self.file == other.file
    }

    /// The workflow of a name in a certificate, `https://github.com/OWNER/NAME/.github/workflows/FILE@REF`. A file cannot
    /// hold a `/`, and a REF is a commit or begins with `refs/`, so that there is one way to read it: a file called
    /// `release.yml@refs` of somebody else's making is not taken for `release.yml`.
    pub fn from_address(text: &str) -> Option<Self> {
        let (path, rest) = text.strip_prefix(GITHUB)?.split_once(&format!("/{DIRECTORY}"))?;
        let file = match rest.split_once('/') {
            Some((file, _)) => file.strip_suffix("@refs")?,
            None => {
                let (file, commit) = rest.rsplit_once('@')?;
                let is_commit = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_commit { file } else { return None }
            }
        };
        is_file(file).then_some(())?;
        Some(Self { repository: path.parse().ok()?, file: file.to_owned() })
    }
}

fn is_file(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && !text.chars().any(char::is_control)
}

impl FromStr for Workflow {
    type Err = WorkflowError;

    fn from_str(text: &str) -> Result<Self, WorkflowError> {
        let refused = || WorkflowError(text.to_owned());
        let (repository, file) = text.split_once(&format!("/{DIRECTORY}")).ok_or_else(refused)?;
        if !is_file(file) {
            return Err(refused());
        }
        Ok(Self { repository: repository.parse().map_err(|_| refused())?, file: file.to_owned() })
    }
}

impl TryFrom<String> for Workflow {
    type Error = WorkflowError;

    fn try_from(text: String) -> Result<Self, WorkflowError> {
        text.parse()
    }
}

impl From<Workflow> for String {
    fn from(workflow: Workflow) -> Self {
        workflow.to_string()
    }
}

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{DIRECTORY}{}", self.repository, self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_certificates_are_read_in_one_way() {
        let read = |text: &str| Workflow::from_address(text).map(|workflow| workflow.to_string());
        let release = Some("acme/tool/.github/workflows/release.yml".to_owned());
        let below = "https://github.com/acme/tool/.github/workflows";
        assert_eq!(read(&format!("{below}/release.yml@refs/tags/v1")), release);
        assert_eq!(read(&format!("{below}/release.yml@refs/heads/a@b")), release);
        assert_eq!(read(&format!("{below}/release.yml@{}", "0a".repeat(20))), release);
        // A file of the name `release.yml@x.yml` is another file.
        assert_ne!(read(&format!("{below}/release.yml@x.yml@refs/heads/main")), release);
        for other in [
            format!("{below}/release.yml@refs/heads/x.yml@refs/heads/main").replace("@refs/heads/x", "@evil/x"),
            format!("{below}/release.yml"),
            format!("{below}/release.yml@main"),
            format!("{below}/@refs/heads/main"),
            format!("{below}/a/release.yml@refs/heads/main"),
            format!("{below}x/release.yml@refs/heads/main"),
            "https://github.com/acme/tool/extra/.github/workflows/release.yml@refs/heads/main".to_owned(),
            "https://github.com.evil.example/acme/tool/.github/workflows/release.yml@refs/heads/main".to_owned(),
            "https://dotcom.releases.github.com".to_owned(),
            "someone@example.com".to_owned(),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[test]
    fn people_name_workflows_with_or_without_a_repository() {
        let repository: RepoSlug = "acme/tool".parse().expect("a repository");
        let named = |text: &str| Workflow::named(text, &repository).map(|workflow| workflow.to_string());
        assert_eq!(named(".github/workflows/r.yml"), Ok("acme/tool/.github/workflows/r.yml".to_owned()));
        assert_eq!(named("o/n/.github/workflows/r.yml"), Ok("o/n/.github/workflows/r.yml".to_owned()));
        for wrong in
            ["r.yml", "release", ".github/workflows/", ".github/workflows/a/b.yml", "o/.github/workflows/r.yml"]
        {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
