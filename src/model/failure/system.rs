//! The errors of the operating system that a user can cause, each with its class, an explanation and a hint.

use std::error::Error;
use std::io;
use std::path::Path;

use crate::failure::exit::ExitStatus;

/// A system error that a user can cause and fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemError {
    /// `EACCES`.
    NoAccess,
    /// `EPERM`.
    NotAllowed,
    /// `ENOENT`.
    Missing,
    /// `ENOTDIR`.
    NotADirectory,
    /// `EISDIR`.
    IsADirectory,
    /// `EEXIST`, `ENOTEMPTY`.
    InTheWay,
    /// `ELOOP`.
    LinkLoop,
    /// `ENAMETOOLONG`.
    NameTooLong,
    /// `ENOSPC`.
    DiskFull,
    /// `EDQUOT`.
    QuotaUsedUp,
    /// `EFBIG`.
    FileTooLarge,
    /// `EROFS`.
    ReadOnly,
    /// `EXDEV`.
    CrossesDevices,
    /// `EBUSY`.
    Busy,
    /// `ETXTBSY`.
    IsRunning,
    /// `ENOLCK`.
    NoLocks,
    /// `ENOSYS`, `EOPNOTSUPP`.
    Unsupported,
    /// `EMFILE`.
    TooManyOpen,
    /// `ENFILE`.
    TooManyOpenOnSystem,
    /// `EAGAIN`, of a new process or thread.
    NoMoreProcesses,
    /// `ENOMEM`.
    NoMemory,
    /// `EIO`.
    Device,
    /// `ESTALE`.
    Stale,
}

impl SystemError {
    /// Every variant.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 23] = [
        Self::NoAccess,
        Self::NotAllowed,
        Self::Missing,
        Self::NotADirectory,
        Self::IsADirectory,
        Self::InTheWay,
        Self::LinkLoop,
        Self::NameTooLong,
        Self::DiskFull,
        Self::QuotaUsedUp,
        Self::FileTooLarge,
        Self::ReadOnly,
        Self::CrossesDevices,
        Self::Busy,
        Self::IsRunning,
        Self::NoLocks,
        Self::Unsupported,
        Self::TooManyOpen,
        Self::TooManyOpenOnSystem,
        Self::NoMoreProcesses,
        Self::NoMemory,
        Self::Device,
        Self::Stale,
    ];

    /// Classifies an error by its number, or by its kind if it has no number.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        #[cfg(unix)]
        if let Some(number) = error.raw_os_error() {
            return Self::of_errno(rustix::io::Errno::from_raw_os_error(number));
        }
        Self::of_kind(error.kind())
    }

    #[cfg(unix)]
    fn of_errno(errno: rustix::io::Errno) -> Option<Self> {
        use rustix::io::Errno;

        Some(match errno {
            Errno::ACCESS => Self::NoAccess,
            Errno::PERM => Self::NotAllowed,
            Errno::NOENT => Self::Missing,
            Errno::NOTDIR => Self::NotADirectory,
            Errno::ISDIR => Self::IsADirectory,
            Errno::EXIST | Errno::NOTEMPTY => Self::InTheWay,
            Errno::LOOP => Self::LinkLoop,
            Errno::NAMETOOLONG => Self::NameTooLong,
            Errno::NOSPC => Self::DiskFull,
            Errno::DQUOT => Self::QuotaUsedUp,
            Errno::FBIG => Self::FileTooLarge,
            Errno::ROFS => Self::ReadOnly,
            Errno::XDEV => Self::CrossesDevices,
            Errno::BUSY => Self::Busy,
            Errno::TXTBSY => Self::IsRunning,
            Errno::NOLCK => Self::NoLocks,
            Errno::NOSYS | Errno::OPNOTSUPP => Self::Unsupported,
            Errno::MFILE => Self::TooManyOpen,
            Errno::NFILE => Self::TooManyOpenOnSystem,
            Errno::AGAIN => Self::NoMoreProcesses,
            Errno::NOMEM => Self::NoMemory,
            Errno::IO => Self::Device,
            Errno::STALE => Self::Stale,
            // The same number as `EOPNOTSUPP` on some systems.
            errno if errno == Errno::NOTSUP => Self::Unsupported,
            _ => return None,
        })
    }

    /// For errors without a number: our own, and those of systems with other numbers.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these kinds have an explanation")]
    fn of_kind(kind: io::ErrorKind) -> Option<Self> {
        Some(match kind {
            io::ErrorKind::PermissionDenied => Self::NoAccess,
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::NotADirectory => Self::NotADirectory,
            io::ErrorKind::IsADirectory => Self::IsADirectory,
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Self::InTheWay,
            io::ErrorKind::InvalidFilename => Self::NameTooLong,
            io::ErrorKind::StorageFull => Self::DiskFull,
            io::ErrorKind::QuotaExceeded => Self::QuotaUsedUp,
            io::ErrorKind::FileTooLarge => Self::FileTooLarge,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::CrossesDevices => Self::CrossesDevices,
            io::ErrorKind::ResourceBusy => Self::Busy,
            io::ErrorKind::ExecutableFileBusy => Self::IsRunning,
            io::ErrorKind::Unsupported => Self::Unsupported,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            io::ErrorKind::StaleNetworkFileHandle => Self::Stale,
            _ => return None,
        })
    }

    /// The first system error among the causes of another error.
    pub(crate) fn among_causes(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(current) = cause {
            if let Some(found) = current.downcast_ref::<io::Error>().and_then(Self::of) {
                return Some(found);
            }
            cause = current.source();
        }
        None
    }

    /// The exit status.
    pub(crate) const fn status(self) -> ExitStatus {
        match self {
            Self::NoAccess | Self::NotAllowed | Self::ReadOnly => ExitStatus::NotPermitted,
            Self::Missing => ExitStatus::NotFound,
            Self::NotADirectory
            | Self::IsADirectory
            | Self::InTheWay
            | Self::LinkLoop
            | Self::NameTooLong
            | Self::DiskFull
            | Self::QuotaUsedUp
            | Self::FileTooLarge
            | Self::CrossesDevices
            | Self::Busy
            | Self::IsRunning
            | Self::NoLocks
            | Self::Unsupported
            | Self::TooManyOpen
            | Self::TooManyOpenOnSystem
            | Self::NoMoreProcesses
            | Self::NoMemory
            | Self::Device
            | Self::Stale => ExitStatus::Failure,
        }
    }

    /// Whether a resource of this process or system is exhausted, so that no file or server is at fault.
    pub(crate) const fn is_limit(self) -> bool {
        matches!(self, Self::TooManyOpen | Self::TooManyOpenOnSystem | Self::NoMoreProcesses | Self::NoMemory)
    }

    /// An explanation, where the system's own message (such as `Permission denied`) is not enough.
    pub(crate) const fn meaning(self) -> Option<&'static str> {
        match self {
            Self::NoAccess
            | Self::Missing
            | Self::NotADirectory
            | Self::IsADirectory
            | Self::InTheWay
            | Self::NameTooLong
            | Self::DiskFull
            | Self::FileTooLarge
            | Self::ReadOnly => None,
            Self::NotAllowed => Some("the system does not allow this here, regardless of permissions"),
            Self::LinkLoop => Some("symbolic links form a loop, or a link is not allowed here"),
            Self::QuotaUsedUp => Some("the disk quota of this user is exceeded"),
            Self::CrossesDevices => Some("the two paths are on different file systems"),
            Self::Busy => Some("it is a mount point, or in use by the system"),
            Self::IsRunning => Some("the file is being executed or written"),
            Self::NoLocks => Some("the file system provides no file locks"),
            Self::Unsupported => Some("the file system or a sandbox does not support this"),
            Self::TooManyOpen => Some("too many open files in this process"),
            Self::TooManyOpenOnSystem => Some("too many open files in the whole system"),
            Self::NoMoreProcesses => Some("no more processes or threads are allowed"),
            Self::NoMemory => Some("not enough memory"),
            Self::Device => Some("the disk or network storage failed"),
            Self::Stale => Some("the network file system no longer knows this file"),
        }
    }

    /// What to do next. `path` is the file in use, if any.
    pub(crate) fn hint(self, path: Option<&Path>) -> String {
        let directory = path.map(|path| path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(path));
        let directory = directory.map_or_else(|| "the directory".to_owned(), |path| format!("`{}`", path.display()));
        let file = path.map_or_else(|| "the file".to_owned(), |path| format!("`{}`", path.display()));
        let again = "run the same command again";
        match self {
            Self::NoAccess => format!("run as the user who owns {directory}, or change its permissions"),
            Self::NotAllowed => {
                format!("check who owns {file}, whether it is immutable (`lsattr`), and how its file system is mounted")
            }
            Self::Missing => format!("check that {file} and the directories above it exist"),
            Self::NotADirectory => {
                format!("a file is in the way where a directory is needed for {file}; move it away and {again}")
            }
            Self::IsADirectory | Self::InTheWay => {
                format!("something is in the way in {directory}; move it away and {again}")
            }
            Self::LinkLoop => {
                format!("replace the symbolic links in the path of {file} with real files and directories")
            }
            Self::NameTooLong => {
                "the path is longer than the system allows; move the project to a shorter path".to_owned()
            }
            Self::DiskFull => {
                format!("free some space on the file system of {directory} (see `df -h` and `df -i`) and {again}")
            }
            Self::QuotaUsedUp => {
                format!("free some space within your quota on the file system of {directory} (see `quota`) and {again}")
            }
            Self::FileTooLarge => "raise the file size limit of this process (`ulimit -f`)".to_owned(),
            Self::ReadOnly => {
                format!("{directory} is on a read-only file system; install elsewhere with `--to PATH`")
            }
            Self::CrossesDevices => {
                format!(
                    "a file system is mounted inside {directory}; mount a parent directory instead, for example the project"
                )
            }
            Self::Busy => {
                format!("if {file} is a bind mount, mount {directory} instead; otherwise {again}")
            }
            Self::IsRunning => format!("stop the program that runs or writes {file}, and {again}"),
            Self::NoLocks => format!(
                "move the project to a local disk, or start the lock service of the network file system of {directory}"
            ),
            Self::Unsupported => format!("use a different file system for {directory}, or a different sandbox"),
            Self::TooManyOpen => format!("raise the limit with `ulimit -n 1024` and {again}"),
            Self::TooManyOpenOnSystem => format!("close other programs, or raise `fs.file-max`, and {again}"),
            Self::NoMoreProcesses => {
                format!(
                    "stop other processes, or raise the limit (`ulimit -u`, or the container's pids limit), and {again}"
                )
            }
            Self::NoMemory => format!(
                "free some memory, or raise the limit (`ulimit -v`, or the container's memory limit), and {again}"
            ),
            Self::Device => format!("check the disk of {directory} (see `dmesg`); its data may be damaged"),
            Self::Stale => format!("remount the file system of {directory} and {again}"),
        }
    }
}

/// The exit status and the hints for a system error; `path` is the file in use, if any.
pub(crate) fn io_advice(error: &io::Error, path: Option<&Path>) -> (ExitStatus, Vec<String>) {
    match SystemError::of(error) {
        Some(row) => (row.status(), vec![row.hint(path)]),
        None => (ExitStatus::Failure, Vec::new()),
    }
}

/// A copy of the error that keeps its number.
pub(crate) fn io_again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::failure::CommandError;

    #[test]
    fn every_error_number_that_a_user_can_cause_has_a_class_a_sentence_and_a_hint() {
        let mut rows = Vec::new();
        for (name, errno) in [
            ("EACCES", Errno::ACCESS),
            ("EPERM", Errno::PERM),
            ("ENOENT", Errno::NOENT),
            ("ENOTDIR", Errno::NOTDIR),
            ("EISDIR", Errno::ISDIR),
            ("EEXIST", Errno::EXIST),
            ("ENOTEMPTY", Errno::NOTEMPTY),
            ("ELOOP", Errno::LOOP),
            ("ENAMETOOLONG", Errno::NAMETOOLONG),
            ("ENOSPC", Errno::NOSPC),
            ("EDQUOT", Errno::DQUOT),
            ("EFBIG", Errno::FBIG),
            ("EROFS", Errno::ROFS),
            ("EXDEV", Errno::XDEV),
            ("EBUSY", Errno::BUSY),
            ("ETXTBSY", Errno::TXTBSY),
            ("ENOLCK", Errno::NOLCK),
            ("ENOSYS", Errno::NOSYS),
            ("EOPNOTSUPP", Errno::OPNOTSUPP),
            ("EMFILE", Errno::MFILE),
            ("ENFILE", Errno::NFILE),
            ("EAGAIN", Errno::AGAIN),
            ("ENOMEM", Errno::NOMEM),
            ("EIO", Errno::IO),
            ("ESTALE", Errno::STALE),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            let row = SystemError::of(&error).unwrap_or_else(|| panic!("{name} is not classified"));
            let failure = CommandError::io("use", Path::new("/project/file"), io_again(&error));
            let [_, cause] = failure.lines().try_into().expect("the context and the cause");
            assert!(!cause.starts_with(char::is_uppercase) || row.meaning().is_none(), "{name}: {cause}");
            assert_eq!(failure.hints.len(), 1, "{name}");
            // The numbers differ between systems.
            let cause = cause.replace(&format!("os error {}", errno.raw_os_error()), "os error N");
            rows.push(format!("{name} {}: {cause}\n  hint: {}", failure.status.code(), failure.hints[0]));
        }
        for row in SystemError::ALL {
            assert!(!row.hint(None).contains("``"), "{row:?}");
        }
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            insta::assert_snapshot!(rows.join("\n"));
        }
    }

    #[test]
    fn an_error_without_a_number_is_classified_by_its_kind() {
        let refused = io::Error::new(io::ErrorKind::IsADirectory, "it is a directory");
        assert_eq!(SystemError::of(&refused), Some(SystemError::IsADirectory));
        assert_eq!(SystemError::of(&io::Error::other("something")), None);
    }

    #[test]
    fn a_system_error_is_found_among_the_causes() {
        let full = io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        let wrapped = anyhow::Error::new(full).context("failed to write");
        assert_eq!(SystemError::among_causes(&*wrapped), Some(SystemError::DiskFull));
        assert_eq!(SystemError::among_causes(&*anyhow::anyhow!("something else")), None);
    }
}
