//! Whether a directory of the store is as protected from other users as its parent directory.

use std::fmt;

use crate::io::fs::Stat;

/// The purpose of opening a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reading.
    Read,
    /// Creating, replacing or removing files.
    Write,
}

/// Why a directory is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// It belongs to another user, with this user ID.
    Owner(u32),
    /// Users without write permission on the parent directory can write to it.
    Writable,
}

const STICKY: u32 = 0o1000;
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;

/// Whether the user `me` may use the directory `inner` in the directory `holder`. Pure.
///
/// A user who can write to `holder` can replace `inner` entirely, so more protection than that of `holder` is not
/// required. Users of a sticky directory do not trust each other: they can create names in it, but not replace those of
/// others.
pub(crate) fn distrusted(me: u32, holder: &Stat, inner: &Stat, purpose: Purpose) -> Option<Distrust> {
    let is_shared = holder.mode & STICKY != 0;
    let is_trusted = match inner.owner {
        owner if owner == me || owner == 0 => true,
        // The superuser works for the owner of the project; every other user reads what the owner installed.
        owner if owner == holder.owner => me == 0 || purpose == Purpose::Read,
        _ => purpose == Purpose::Read && !is_shared,
    };
    if !is_trusted {
        return Some(Distrust::Owner(inner.owner));
    }
    let writable = |bit: u32| inner.mode & bit != 0 && (holder.mode & bit == 0 || is_shared);
    // By convention a user's own group has the ID of the user.
    let by_group = inner.group != inner.owner
        && (writable(GROUP) || (inner.mode & GROUP != 0 && inner.group != holder.group && holder.mode & OTHERS == 0));
    (by_group || writable(OTHERS)).then_some(Distrust::Writable)
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(owner) => {
                write!(f, "belongs to another user (UID {owner}), who could change what is installed")
            }
            Self::Writable => f.write_str("is writable by other users, who could change what is installed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::fs::FileKind;

    const ME: u32 = 1000;
    const OTHER: u32 = 1001;

    fn directory(owner: u32, group: u32, mode: u32) -> Stat {
        Stat {
            kind: FileKind::Directory,
            size: 0,
            links: 1,
            modified: (0, 0),
            changed: (0, 0),
            device: 0,
            inode: 0,
            owner,
            group,
            mode,
        }
    }

    #[test]
    fn a_store_must_be_as_protected_as_its_parent_directory() {
        let owner = |owner| Some(Distrust::Owner(owner));
        let writable = Some(Distrust::Writable);
        let (project, shared) = (directory(ME, ME, 0o755), directory(0, 0, 0o1777));
        let rows = [
            ("my own", ME, &project, directory(ME, ME, 0o755), None, None),
            ("the superuser's", ME, &project, directory(0, 0, 0o755), None, None),
            ("another user's in my project", ME, &project, directory(OTHER, OTHER, 0o755), None, owner(OTHER)),
            (
                "another user's in a shared directory",
                ME,
                &shared,
                directory(OTHER, OTHER, 0o755),
                owner(OTHER),
                owner(OTHER),
            ),
            ("my own in a shared directory", ME, &shared, directory(ME, ME, 0o755), None, None),
            ("for the superuser, in a user's project", 0, &project, directory(ME, ME, 0o755), None, None),
            ("for the superuser, of another user", 0, &project, directory(OTHER, OTHER, 0o755), None, owner(OTHER)),
            ("for the superuser, in a shared directory", 0, &shared, directory(ME, ME, 0o755), owner(ME), owner(ME)),
            ("for a service, of the project's owner", OTHER, &project, directory(ME, ME, 0o755), None, owner(ME)),
            ("open to all", ME, &project, directory(ME, ME, 0o777), writable, writable),
            ("open to all, where users share", ME, &shared, directory(ME, ME, 0o777), writable, writable),
            ("open to all and sticky", ME, &project, directory(ME, ME, 0o1777), writable, writable),
            ("where everything is open", ME, &directory(ME, ME, 0o777), directory(ME, ME, 0o777), None, None),
            ("open to the user's own group", ME, &project, directory(ME, ME, 0o775), None, None),
            ("open to a group", ME, &project, directory(ME, 50, 0o775), writable, writable),
            ("as open to a group as the project", ME, &directory(ME, 50, 0o775), directory(ME, 50, 0o775), None, None),
            ("open to another group", ME, &directory(ME, 51, 0o775), directory(ME, 50, 0o775), writable, writable),
        ];
        for (name, me, holder, inner, to_read, to_write) in rows {
            assert_eq!(distrusted(me, holder, &inner, Purpose::Read), to_read, "{name}, to read");
            assert_eq!(distrusted(me, holder, &inner, Purpose::Write), to_write, "{name}, to write");
        }
    }
}
