//! Mirrors: none, without what is wanted, or damaged.

use crate::commands::hints::listed;
use crate::commands::hints::of_a_file;
use crate::failure::exit::ExitStatus;
use crate::model::Tag;
use crate::sources::mirror::IndexError;
use crate::sources::mirror::MirrorError;
use crate::sources::mirror::SyncRefusal;

/// The class and the ways out of a mirror that does not serve.
pub(super) fn judge(problem: &MirrorError, mirror: &str) -> (ExitStatus, Vec<String>) {
    let github = "to try GitHub behind it, name that too: `--mirror PLACE --mirror github`";
    match problem {
        MirrorError::NotAMirror { .. } => (
            ExitStatus::NotFound,
            vec![
                "a mirror is what `reproq mirror sync DIR` makes; name that directory, or the address it is served at"
                    .to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::NoRelease { tag, has } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", if has.is_empty() { "no releases".to_owned() } else { listed(has) }),
                format!("bring it in where there is a network: `reproq mirror sync DIR --tag {tag}`"),
                github.to_owned(),
            ],
        ),
        MirrorError::NoVersions => {
            (ExitStatus::NotFound, vec!["name a release with `--tag`".to_owned(), github.to_owned()])
        }
        MirrorError::Missing { tag, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("bring it in where there is a network: `reproq mirror sync DIR --tag {tag}`"),
                github.to_owned(),
            ],
        ),
        MirrorError::Index(IndexError::Newer { .. }) => (
            ExitStatus::Usage,
            vec!["it was written by a later version of this program; install that version".to_owned()],
        ),
        MirrorError::Index(IndexError::NotOurs | IndexError::TooLong | IndexError::Content(_)) => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed, and nothing the index says is believed".to_owned(),
                format!("ask whoever keeps {mirror}, or move the index away and run `reproq mirror sync DIR`"),
            ],
        ),
        MirrorError::WrongSize { .. } | MirrorError::Damaged { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed".to_owned(),
                "where there is a network, `reproq mirror sync DIR` finds what is damaged and replaces it".to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::Refused { .. } => (
            ExitStatus::NotPermitted,
            vec![
                "a mirror has to be readable by whoever reaches it; many object stores also answer so where there is no such file"
                    .to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::Read { path, source } => of_a_file(path, source),
    }
}

/// Of a release that stays as it is in a mirror.
pub(super) fn not_mirrored(tag: &Tag, refusal: &SyncRefusal) -> (ExitStatus, Vec<String>) {
    match refusal {
        SyncRefusal::Changed { name, .. } => (
            ExitStatus::Unverified,
            vec![
                "the mirror keeps what it has; a published asset should never change: ask the maintainers what happened"
                    .to_owned(),
                format!("if the change is meant, remove {name} from the directory of {tag} and run the same command again"),
            ],
        ),
        SyncRefusal::Obstacle(_) => (
            ExitStatus::Unverified,
            vec!["the mirror keeps what it has; bring the file back from another copy, or ask the maintainers".to_owned()],
        ),
        SyncRefusal::Unfinished(_) => (
            ExitStatus::Unavailable,
            vec!["the release is being published right now; run the same command again in a few minutes".to_owned()],
        ),
        SyncRefusal::OutOfReach => (ExitStatus::Unavailable, vec!["run the same command again".to_owned()]),
    }
}
