//! Errors of mirrors: not a mirror, incomplete, or damaged.

use crate::commands::hints::listed;
use crate::commands::hints::of_a_file;
use crate::failure::exit::ExitStatus;
use crate::model::Tag;
use crate::sources::mirror::IndexError;
use crate::sources::mirror::MirrorError;
use crate::sources::mirror::SyncRefusal;

/// The exit status and the hints for a mirror that cannot be used.
pub(super) fn advice(problem: &MirrorError, mirror: &str) -> (ExitStatus, Vec<String>) {
    let github = "to fall back to GitHub, use `--mirror SOURCE --mirror github`";
    match problem {
        MirrorError::NotAMirror { .. } => (
            ExitStatus::NotFound,
            vec![
                "specify a directory created by `reproq mirror sync DIR`, or the URL that serves it"
                    .to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::NoRelease { tag, has } => (
            ExitStatus::NotFound,
            vec![
                format!("it has {}", if has.is_empty() { "no releases".to_owned() } else { listed(has) }),
                format!("add it with network access: `reproq mirror sync DIR --tag {tag}`"),
                github.to_owned(),
            ],
        ),
        MirrorError::NoVersions => {
            (ExitStatus::NotFound, vec!["choose a release with `--tag`".to_owned(), github.to_owned()])
        }
        MirrorError::Missing { tag, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("add it with network access: `reproq mirror sync DIR --tag {tag}`"),
                github.to_owned(),
            ],
        ),
        MirrorError::Index(IndexError::Newer { .. }) => (
            ExitStatus::Usage,
            vec!["it was written by a newer version of reproq; upgrade reproq".to_owned()],
        ),
        MirrorError::Index(IndexError::NotOurs | IndexError::TooLong | IndexError::Content(_)) => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; the index was ignored".to_owned(),
                format!("ask the maintainer of {mirror}, or move the index away and run `reproq mirror sync DIR`"),
            ],
        ),
        MirrorError::WrongSize { .. } | MirrorError::Damaged { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed".to_owned(),
                "with network access, `reproq mirror sync DIR` finds and replaces damaged files".to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::Refused { .. } => (
            ExitStatus::NotPermitted,
            vec![
                "a mirror must be publicly readable; many object stores also respond this way if the file does not exist"
                    .to_owned(),
                github.to_owned(),
            ],
        ),
        MirrorError::Read { path, source } => of_a_file(path, source),
    }
}

/// The exit status and the hints for a release that the sync left unchanged.
pub(super) fn not_mirrored(tag: &Tag, refusal: &SyncRefusal) -> (ExitStatus, Vec<String>) {
    match refusal {
        SyncRefusal::Changed { name, .. } => (
            ExitStatus::Unverified,
            vec![
                "the mirror is unchanged; a published asset must never change: ask the maintainers what happened"
                    .to_owned(),
                format!(
                    "if the change is intended, remove {name} from the directory of {tag} and run the same command again"
                ),
            ],
        ),
        SyncRefusal::Obstacle(_) => (
            ExitStatus::Unverified,
            vec!["the mirror is unchanged; restore the file from another copy, or ask the maintainers".to_owned()],
        ),
        SyncRefusal::Unfinished(_) => (
            ExitStatus::Unavailable,
            vec!["the release is being published right now; run the same command again in a few minutes".to_owned()],
        ),
        SyncRefusal::OutOfReach => (ExitStatus::Unavailable, vec!["run the same command again".to_owned()]),
    }
}
