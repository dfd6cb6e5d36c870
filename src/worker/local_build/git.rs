//! Queries git about a checkout: its commit, and whether the source differs from it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use crate::io::process::Git;
use crate::io::process::Output;
use crate::model::text::printable_line;
use crate::worker::local_build::environment::Environment;

/// The time limit for a query in a large checkout.
const PATIENCE: Duration = Duration::from_secs(20);

/// The size limit for output; a list of all files of a large checkout is far shorter.
const LONGEST_ANSWER: usize = 16 << 20;

/// What git knows about a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GitFacts {
    /// It is a working tree of this commit.
    Known {
        /// The commit's full hash.
        commit: String,
        /// Whether the source to be built differs from the commit; `None` if git did not report it.
        dirty: Option<bool>,
    },
    /// Git could not determine it.
    Unknown(GitUnknown),
}

impl GitFacts {
    /// The commit's full hash.
    pub(crate) fn commit(&self) -> Option<&str> {
        match self {
            Self::Known { commit, .. } => Some(commit),
            Self::Unknown(_) => None,
        }
    }

    /// Whether the source to be built differs from the commit.
    pub(crate) fn dirty(&self) -> Option<bool> {
        match self {
            Self::Known { dirty, .. } => *dirty,
            Self::Unknown(_) => None,
        }
    }
}

/// Why git could not determine the commit. None of these stops a build.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum GitUnknown {
    /// Git is not installed.
    #[error("git was not found on PATH")]
    NoGit,
    /// There is no repository.
    #[error("the directory is not in a git repository")]
    NotARepository,
    /// The surrounding repository is another project's.
    #[error("the git repository around the directory does not track its go.mod")]
    NotTracked,
    /// The directory belongs to another user (`safe.directory`).
    #[error("git does not trust the directory, because another user owns it")]
    NotTrusted,
    /// There is no commit.
    #[error("the git repository has no commits yet")]
    NoCommit,
    /// Any other error, as reported by git.
    #[error("git failed: {0}")]
    Failed(String),
}

/// A repository that can be queried.
struct Repository<'a> {
    git: Git,
    directory: &'a Path,
}

impl<'a> Repository<'a> {
    fn around(directory: &'a Path, environment: &Environment) -> Result<Self, GitUnknown> {
        let git = Git::without_system_configuration(environment).ok_or(GitUnknown::NoGit)?;
        Ok(Self { git, directory })
    }

    fn ask(&self, arguments: &[&str]) -> Result<String, GitUnknown> {
        match self.git.query(self.directory, arguments, PATIENCE, LONGEST_ANSWER) {
            Ok(answer) if answer.status.success() => Ok(answer.text()),
            Ok(answer) => Err(git_unknown(&answer)),
            Err(error) => Err(GitUnknown::Failed(error.line())),
        }
    }
}

/// The tracked files below a directory, relative to it, with slashes.
pub(super) fn tracked_files(directory: &Path, environment: &Environment) -> Result<BTreeSet<String>, GitUnknown> {
    let answer = Repository::around(directory, environment)?.ask(&["ls-files", "-z", "--cached"])?;
    Ok(answer.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Queries the commit of a checkout and whether the source to be built differs from it.
pub(super) fn git_facts(directory: &Path, environment: &Environment) -> GitFacts {
    let repository = match Repository::around(directory, environment) {
        Ok(repository) => repository,
        Err(reason) => return GitFacts::Unknown(reason),
    };
    let ask = |arguments: &[&str]| repository.ask(arguments);
    // A copy of the source inside another repository is not described by that repository's commit.
    let tracked = ask(&["ls-files", "--error-unmatch", "--", "go.mod"]);
    match tracked.and_then(|_| ask(&["rev-parse", "--verify", "HEAD"])) {
        Ok(answer) if answer.trim().bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let status = ask(&["status", "--porcelain", "-z", "--untracked-files=all", "--", "."]);
            let dirty = status.ok().map(|status| status.split('\0').any(changes_the_build));
            GitFacts::Known { commit: answer.trim().to_owned(), dirty }
        }
        Ok(answer) => GitFacts::Unknown(GitUnknown::Failed(printable_line(&answer))),
        Err(reason) => GitFacts::Unknown(reason),
    }
}

/// Whether a line of `git status` means that the build differs from the commit: any change to a tracked file, and untracked
/// files that Go compiles. A stray log file or the binary of an earlier build does not matter.
fn changes_the_build(entry: &str) -> bool {
    match entry.strip_prefix("?? ") {
        Some(untracked) => {
            let compiled = [".go", ".s", ".h", ".syso"].iter().any(|suffix| untracked.ends_with(suffix));
            compiled && !untracked.ends_with("_test.go") || untracked.ends_with("vendor/modules.txt")
        }
        None => !entry.is_empty(),
    }
}

fn git_unknown(answer: &Output) -> GitUnknown {
    let stderr = String::from_utf8_lossy(&answer.stderr);
    let says = |words: &str| stderr.contains(words);
    if says("dubious ownership") {
        GitUnknown::NotTrusted
    } else if says("not a git repository") {
        GitUnknown::NotARepository
    } else if says("did not match any file") {
        GitUnknown::NotTracked
    } else if says("Needed a single revision") {
        GitUnknown::NoCommit
    } else {
        GitUnknown::Failed(answer.complaint())
    }
}

#[expect(clippy::disallowed_methods, reason = "repositories are made with `git` and changed here")]
#[cfg(test)]
mod tests {
    use std::fs;
    #[cfg(unix)]
    use std::process::Command;

    use super::*;
    use crate::model::Tool;
    use crate::worker::local_build::samples::checkout;
    use crate::worker::local_build::samples::write;
    use crate::worker::local_build::source::SourceFacts;

    fn git(directory: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        let output = command.arg("-C").arg(directory).args(identity).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit_all(directory: &Path) {
        git(directory, &["init", "-q"]);
        git(directory, &["add", "-A"]);
        git(directory, &["commit", "-q", "-m", "x"]);
    }

    fn git_of(directory: &Path, environment: &Environment) -> GitFacts {
        SourceFacts::read(directory, &Tool::WORKER, environment).expect("readable").git
    }

    #[test]
    fn git_reports_commit_and_changes() {
        let (_root, directory, environment) = checkout();
        git(&directory, &["init", "-q"]);
        assert_eq!(git_of(&directory, &environment), GitFacts::Unknown(GitUnknown::NotTracked));
        git(&directory, &["add", "-A"]);
        assert_eq!(git_of(&directory, &environment), GitFacts::Unknown(GitUnknown::NoCommit));
        commit_all(&directory);
        let facts = git_of(&directory, &environment);
        assert_eq!((facts.commit().map(str::len), facts.dirty()), (Some(40), Some(false)));

        let cases = [
            ("reproq.log", Some(false)),
            ("cmd/reproq/new_test.go", Some(false)),
            ("cmd/reproq/new.go", Some(true)),
            ("vendor/modules.txt", Some(true)),
        ];
        for (file, dirty) in cases {
            write(&directory.join(file), "package main\n");
            assert_eq!(git_of(&directory, &environment).dirty(), dirty, "{file}");
            fs::remove_file(directory.join(file)).expect("removed");
        }
        write(&directory.join("go.mod"), "module reproq-worker\ngo 1.22\n");
        assert_eq!(git_of(&directory, &environment).dirty(), Some(true));
    }

    #[test]
    fn variables_of_a_git_hook_do_not_redirect_git() {
        let (root, directory, mut environment) = checkout();
        commit_all(&directory);
        let commit = git_of(&directory, &environment);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            environment.push((name.into(), root.path().join("elsewhere").into()));
        }
        assert!(commit.commit().is_some());
        assert_eq!(git_of(&directory, &environment), commit);
    }

    #[test]
    fn the_commit_of_another_project_is_not_the_sources() {
        let (root, directory, environment) = checkout();
        write(&root.path().join(".gitignore"), "reproq-worker\n");
        commit_all(root.path());
        assert_eq!(git_of(&directory, &environment), GitFacts::Unknown(GitUnknown::NotTracked));
    }

    #[test]
    fn without_git_the_commit_is_unknown() {
        let (root, directory, _) = checkout();
        commit_all(&directory);
        let environment = [("PATH".into(), root.path().as_os_str().to_owned())];
        assert_eq!(git_of(&directory, &environment), GitFacts::Unknown(GitUnknown::NoGit));
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_of_another_user_is_not_trusted() {
        let (_root, directory, environment) = checkout();
        commit_all(&directory);
        for path in [directory.clone(), directory.join(".git")] {
            if std::os::unix::fs::chown(&path, Some(54321), None).is_err() {
                crate::skip::record("a directory of another user", "run as root");
                return;
            }
        }
        assert_eq!(git_of(&directory, &environment), GitFacts::Unknown(GitUnknown::NotTrusted));
    }
}
