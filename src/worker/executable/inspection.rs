//! The result of inspecting a file. Every string that came from a file is safe to print.

use std::fmt;

use crate::model::Arch;
use crate::model::Os;
use crate::model::Target;
use crate::worker::executable::goinfo::GoBuildInfo;
use crate::worker::executable::goinfo::NoGoInfo;

/// The result of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Inspection {
    /// The file's size in bytes.
    pub size: u64,
    pub content: FileContent,
}

impl Inspection {
    /// The program in the file, if it is one.
    pub const fn program(&self) -> Option<&Program> {
        match &self.content {
            FileContent::Program(program) => Some(program),
            FileContent::Other(_) => None,
        }
    }

    /// The part of the program for a target; only universal Mach-O has more than one part.
    pub fn slice_for(&self, target: Target) -> Option<&Slice> {
        self.program()?.slices.iter().find(|slice| slice.machine.target() == Some(target))
    }
}

/// A program, or something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// Machine code in a format of the three supported systems.
    Program(Program),
    /// Anything else.
    Other(NotProgram),
}

/// The format of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Linux and other Unix systems.
    Elf,
    /// macOS, for one processor.
    MachO,
    /// macOS, for several processors in one file.
    UniversalMachO,
    /// Windows.
    Pe,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::UniversalMachO => "universal Mach-O",
            Self::Pe => "PE",
        })
    }
}

/// Machine code in a known format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub format: Format,
    /// Its parts, at least one; several only in universal Mach-O.
    pub slices: Vec<Slice>,
}

/// The program for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The platform it runs on.
    pub machine: Machine,
    /// Whether it can be started.
    pub kind: ExecutableKind,
    /// What it needs to start.
    pub linkage: Linkage,
    /// Its Go build information.
    pub go: Result<GoBuildInfo, NoGoInfo>,
}

/// An operating system and a processor, including those without a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    os: Result<Os, String>,
    arch: Result<Arch, String>,
}

impl Machine {
    /// Each part is either known or a description.
    pub(super) const fn new(os: Result<Os, String>, arch: Result<Arch, String>) -> Self {
        Self { os, arch }
    }

    /// The operating system, if known.
    pub fn os(&self) -> Option<Os> {
        self.os.as_ref().ok().copied()
    }

    /// The processor, if known.
    pub fn arch(&self) -> Option<Arch> {
        self.arch.as_ref().ok().copied()
    }

    /// The target, if both are known.
    pub fn target(&self) -> Option<Target> {
        Some(Target { os: self.os()?, arch: self.arch()? })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = self.target() {
            return target.fmt(f);
        }
        let os = self.os.as_ref().map_or_else(String::as_str, |os| os.go_name());
        let arch = self.arch.as_ref().map_or_else(String::as_str, |arch| arch.go_name());
        write!(f, "{os} on {arch}")
    }
}

/// The type of a linked file. Its display form has an article and fits after "the file is".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutableKind {
    /// A program that can be started.
    Executable,
    /// A library that programs load.
    SharedLibrary,
    /// A compiler's output before linking.
    Object,
    /// The memory of a crashed program.
    CoreDump,
    /// Another type, as a description.
    Other(&'static str),
}

impl fmt::Display for ExecutableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Executable => "an executable",
            Self::SharedLibrary => "a shared library",
            Self::Object => "an object file",
            Self::CoreDump => "a core dump",
            Self::Other(words) => words,
        })
    }
}

/// What a program needs before its first instruction runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linkage {
    /// The dynamic loader; absent in static programs and PE files.
    pub loader: Option<String>,
    /// The required shared libraries, in order. Not read from PE files, whose libraries are part of Windows.
    pub libraries: Vec<String>,
    /// The newest glibc symbol version required from `libc.so.6`.
    pub glibc: Option<GlibcVersion>,
}

/// A version of the GNU C library as written in its symbols: `GLIBC_2.34`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlibcVersion {
    /// 2 since 1997.
    pub major: u32,
    /// The release.
    pub minor: u32,
}

impl GlibcVersion {
    /// Parses a symbol version: `GLIBC_2.34`, `GLIBC_2.2.5` (which is 2.2). `None` for `GLIBC_PRIVATE` and others.
    pub(super) fn from_symbol_version(name: &[u8]) -> Option<Self> {
        // Marks packed relative relocations, which glibc supports since 2.36.
        if name == b"GLIBC_ABI_DT_RELR" {
            return Some(Self { major: 2, minor: 36 });
        }
        let numbers = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?;
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        Some(Self { major: numbers.next()??, minor: numbers.next()?? })
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The type of a file that is not a program. Its display form has an article and fits after "the file is".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotProgram {
    /// No bytes at all.
    Empty,
    /// Text that names its interpreter in the first line (`#!`).
    Script {
        /// What follows `#!`.
        interpreter: String,
    },
    /// A web page, such as a login or error page.
    Html,
    /// XML, such as an error of an object store.
    Xml,
    /// JSON, such as an API response.
    Json,
    /// An archive, as a description: "a gzip archive".
    Archive(&'static str),
    /// Another known type, as a description.
    Known(&'static str),
    /// Other text.
    Text {
        /// Its start.
        beginning: String,
    },
    /// It starts like a program, but its headers are inconsistent.
    Damaged {
        /// The format it starts like.
        format: Format,
        /// What is inconsistent.
        why: String,
    },
    /// Anything else.
    Data {
        /// The first bytes in hexadecimal.
        beginning: String,
    },
}

impl fmt::Display for NotProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty file"),
            Self::Script { interpreter } => write!(f, "a script for `{interpreter}`"),
            Self::Html => f.write_str("an HTML page"),
            Self::Xml => f.write_str("an XML document"),
            Self::Json => f.write_str("a JSON document"),
            Self::Archive(words) | Self::Known(words) => f.write_str(words),
            Self::Text { beginning } => write!(f, "a text file that starts with `{beginning}`"),
            Self::Damaged { format, why } => write!(f, "a damaged {format} file ({why})"),
            Self::Data { beginning } => write!(f, "data that starts with the bytes {beginning}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_versions_are_ordered_as_numbers() {
        let version = |name: &str| GlibcVersion::from_symbol_version(name.as_bytes());
        assert_eq!(version("GLIBC_2.34"), Some(GlibcVersion { major: 2, minor: 34 }));
        assert_eq!(version("GLIBC_2.2.5"), Some(GlibcVersion { major: 2, minor: 2 }));
        assert_eq!(version("GLIBC_ABI_DT_RELR"), Some(GlibcVersion { major: 2, minor: 36 }));
        assert!(version("GLIBC_2.9") < version("GLIBC_2.34"));
        for other in ["GLIBC_PRIVATE", "GLIBCXX_3.4", "GLIBC_", "GLIBC_2", "GLIBC_2.x", "GLIBC_2.99999999999", ""] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn platforms_without_a_target_have_a_name() {
        let machine = |os, arch| Machine::new(os, arch).to_string();
        assert_eq!(machine(Ok(Os::Darwin), Ok(Arch::Arm64)), "darwin-arm64");
        assert_eq!(machine(Ok(Os::Linux), Err("32-bit ARM".to_owned())), "linux on 32-bit ARM");
        assert_eq!(machine(Err("FreeBSD".to_owned()), Ok(Arch::Amd64)), "FreeBSD on amd64");
    }
}
