//! A workflow file, as users and certificates name it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::RepoSlug;

/// The prefix of GitHub's URLs.
pub(super) const GITHUB: &str = "https://github.com/";

/// The directory of workflows; GitHub runs no others.
const DIRECTORY: &str = ".github/workflows/";

/// A workflow file, wherever it ran: `OWNER/NAME/.github/workflows/FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Workflow {
    repository: RepoSlug,
    file: String,
}

/// A text that is not a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a workflow; write .github/workflows/FILE, or OWNER/NAME/.github/workflows/FILE")]
pub struct WorkflowError(String);

impl Workflow {
    /// Parses user input: a path in the expected repository, or a path with a repository in front.
    pub fn named(text: &str, repository: &RepoSlug) -> Result<Self, WorkflowError> {
        match text.strip_prefix(DIRECTORY) {
            Some(file) if is_file(file) => Ok(Self { repository: repository.clone(), file: file.to_owned() }),
            Some(_) => Err(WorkflowError(text.to_owned())),
            None => text.parse(),
        }
    }

    /// The repository that contains it.
    pub const fn repository(&self) -> &RepoSlug {
        &self.repository
    }

    /// Its path in the repository.
    pub fn path(&self) -> String {
        format!("{DIRECTORY}{}", self.file)
    }

    /// Whether both are the same file; GitHub compares repository names without case and file names with it.
    pub fn is_same(&self, other: &Self) -> bool {
        self.repository.is_same(&other.repository) && self.file == other.file
    }

    /// Parses the identity in a certificate, `https://github.com/OWNER/NAME/.github/workflows/FILE@REF`. A file name
    /// cannot contain a `/`, and a REF is a commit or begins with `refs/`, so there is only one reading: a file named
    /// `release.yml@refs` in another repository is not taken for `release.yml`.
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
    fn names_in_certificates_are_unambiguous() {
        let read = |text: &str| Workflow::from_address(text).map(|workflow| workflow.to_string());
        let release = Some("acme/tool/.github/workflows/release.yml".to_owned());
        let below = "https://github.com/acme/tool/.github/workflows";
        assert_eq!(read(&format!("{below}/release.yml@refs/tags/v1")), release);
        assert_eq!(read(&format!("{below}/release.yml@refs/heads/a@b")), release);
        assert_eq!(read(&format!("{below}/release.yml@{}", "0a".repeat(20))), release);
        // A file named `release.yml@x.yml` is a different file.
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
    fn users_name_workflows_with_or_without_a_repository() {
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
