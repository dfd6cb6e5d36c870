//! Decides whether a file can run here as the tool's program, before it is installed or started.

use std::fmt;

use thiserror::Error;

use crate::model::Os;
use crate::model::Target;
use crate::model::Tool;
use crate::worker::executable::host::LoaderHost;
use crate::worker::executable::identity::MainPackage;
use crate::worker::executable::identity::main_package;
use crate::worker::executable::inspection::ExecutableKind;
use crate::worker::executable::inspection::FileContent;
use crate::worker::executable::inspection::Format;
use crate::worker::executable::inspection::GlibcVersion;
use crate::worker::executable::inspection::Inspection;
use crate::worker::executable::inspection::Linkage;
use crate::worker::executable::inspection::NotProgram;
use crate::worker::executable::inspection::Program;
use crate::worker::executable::inspection::Slice;
use crate::worker::executable::libc::Libc;

/// Why a file is refused. Each message is one clause that starts with what the file is or needs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PreflightError {
    /// It is not a program: a web page, an archive, a script or a damaged file.
    #[error("the file is {found}, not an executable for {wanted}")]
    NotAProgram {
        /// What it is.
        found: NotProgram,
        /// The required target.
        wanted: Target,
    },
    /// It is for another operating system.
    #[error("the file is for {found}, but {wanted} is required")]
    WrongOs {
        /// Its platforms; for a universal file those of all parts.
        found: String,
        /// The required target.
        wanted: Target,
    },
    /// It is for the right operating system but another processor.
    #[error("the file is for {found}, but {wanted} is required")]
    WrongMachine {
        /// Its platforms; for a universal file those of all parts.
        found: String,
        /// The required target.
        wanted: Target,
    },
    /// It is machine code that cannot be started.
    #[error("the file is {kind}, not an executable program")]
    NotExecutable {
        /// What it is.
        kind: ExecutableKind,
    },
    /// It is another Go program.
    #[error("the file is {found}, expected {expected}")]
    AnotherProgram {
        /// What it is.
        found: String,
        /// The name of the tool.
        expected: &'static str,
    },
    /// Its Go build information contradicts the required target.
    #[error("the file's Go build information states {goos}-{goarch}, but {wanted} is required")]
    BuiltFor {
        /// `GOOS` of the build.
        goos: String,
        /// `GOARCH` of the build.
        goarch: String,
        /// The required target.
        wanted: Target,
    },
    /// Its dynamic loader does not exist here. The system would report "No such file or directory" for the program itself.
    #[error("the file needs {loader}, which does not exist here ({libc})")]
    LoaderMissing {
        /// The loader's path.
        loader: String,
        /// The installed C library.
        libc: Libc,
    },
    /// The installed glibc is older than the one it was linked against.
    #[error("the file needs glibc {needed} or newer, but {found} is installed")]
    GlibcTooOld {
        /// The minimum version.
        needed: GlibcVersion,
        /// The installed version.
        found: GlibcVersion,
    },
}

/// A remark about an accepted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The program could not be identified.
    ProgramUnproven {
        /// The reason, as a clause that starts with "it" or "its".
        reason: String,
    },
    /// It is dynamically linked and depends on the installed C library.
    Dynamic {
        /// The required loader.
        loader: String,
        /// The minimum glibc version, if any.
        glibc: Option<GlibcVersion>,
    },
    /// It may call C code.
    Cgo,
    /// The required shared libraries; their presence is not checked.
    Libraries(Vec<String>),
    /// The required glibc version; the installed one could not be determined.
    GlibcUnknown(GlibcVersion),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProgramUnproven { reason } => write!(f, "could not verify which program it is: {reason}"),
            Self::Dynamic { loader, glibc: Some(glibc) } => {
                write!(f, "dynamically linked: needs {loader} and glibc {glibc} or newer")
            }
            Self::Dynamic { loader, glibc: None } => write!(f, "dynamically linked: needs {loader}"),
            Self::Cgo => f.write_str("built with cgo"),
            Self::Libraries(names) => write!(f, "needs the shared libraries {}", names.join(", ")),
            Self::GlibcUnknown(needed) => {
                write!(f, "needs glibc {needed}; the installed version could not be determined")
            }
        }
    }
}

/// Checks the inspected file for a target. `host` is the current platform; `None` when installing for another one.
pub fn preflight(
    inspection: &Inspection,
    wanted: Target,
    tool: &Tool,
    host: Option<&LoaderHost>,
) -> Result<Vec<Note>, PreflightError> {
    let program = match &inspection.content {
        FileContent::Program(program) => program,
        FileContent::Other(found) => return Err(PreflightError::NotAProgram { found: found.clone(), wanted }),
    };
    let slice = inspection.slice_for(wanted).ok_or_else(|| wrong_machine(program, wanted))?;
    if slice.kind != ExecutableKind::Executable {
        return Err(PreflightError::NotExecutable { kind: slice.kind.clone() });
    }
    let mut notes = check_go(slice, wanted, tool)?;
    notes.extend(check_linkage(program.format, &slice.linkage, host.filter(|host| host.target == wanted))?);
    Ok(notes)
}

fn wrong_machine(program: &Program, wanted: Target) -> PreflightError {
    let found = program.slices.iter().map(|slice| slice.machine.to_string()).collect::<Vec<_>>().join(" and ");
    if program.slices.iter().any(|slice| slice.machine.os() == Some(wanted.os)) {
        PreflightError::WrongMachine { found, wanted }
    } else {
        PreflightError::WrongOs { found, wanted }
    }
}

fn check_go(slice: &Slice, wanted: Target, tool: &Tool) -> Result<Vec<Note>, PreflightError> {
    let go = match &slice.go {
        Ok(go) => go,
        Err(why) => return Ok(vec![Note::ProgramUnproven { reason: why.to_string() }]),
    };
    let mut notes = Vec::new();
    match main_package(go, tool) {
        MainPackage::OfTool => {}
        MainPackage::Other(found) => return Err(PreflightError::AnotherProgram { found, expected: tool.name }),
        MainPackage::Unrecorded => {
            notes.push(Note::ProgramUnproven {
                reason: "its Go build information does not include its module".to_owned(),
            });
        }
    }
    let (expected_os, expected_arch) = (wanted.os.go_name(), wanted.arch.go_name());
    let goos = go.settings.goos.as_deref().unwrap_or(expected_os);
    let goarch = go.settings.goarch.as_deref().unwrap_or(expected_arch);
    if (goos, goarch) != (expected_os, expected_arch) {
        return Err(PreflightError::BuiltFor { goos: goos.to_owned(), goarch: goarch.to_owned(), wanted });
    }
    if go.settings.cgo_enabled == Some(true) {
        notes.push(Note::Cgo);
    }
    Ok(notes)
}

/// Only Linux varies in its loader and C library; the system libraries of macOS and Windows always exist.
fn check_linkage(format: Format, linkage: &Linkage, host: Option<&LoaderHost>) -> Result<Vec<Note>, PreflightError> {
    let (Format::Elf, Some(loader)) = (format, &linkage.loader) else { return Ok(Vec::new()) };
    let mut notes = vec![Note::Dynamic { loader: loader.clone(), glibc: linkage.glibc }];
    if !linkage.libraries.is_empty() {
        notes.push(Note::Libraries(linkage.libraries.clone()));
    }
    let Some(host) = host.filter(|host| host.target.os == Os::Linux) else { return Ok(notes) };
    if !host.loaders.contains(loader) {
        return Err(PreflightError::LoaderMissing { loader: loader.clone(), libc: host.libc.clone() });
    }
    match (linkage.glibc, host.libc.glibc().map(|glibc| glibc.version)) {
        (Some(needed), Some(Some(found))) if found < needed => Err(PreflightError::GlibcTooOld { needed, found }),
        (Some(needed), Some(None) | None) => {
            notes.push(Note::GlibcUnknown(needed));
            Ok(notes)
        }
        (Some(_), Some(Some(_))) | (None, _) => Ok(notes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arch;
    use crate::worker::executable::goinfo::GoBuildInfo;
    use crate::worker::executable::goinfo::GoSettings;
    use crate::worker::executable::goinfo::NoGoInfo;
    use crate::worker::executable::inspection::Machine;
    use crate::worker::executable::libc::Glibc;
    use crate::worker::executable::libc::Musl;
    use crate::worker::executable::samples::slice;
    use crate::worker::executable::samples::worker_info;

    const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

    fn target(text: &str) -> Target {
        text.parse().expect("a target")
    }

    fn judge(format: Format, slices: Vec<Slice>, host: Option<&LoaderHost>) -> Result<Vec<Note>, PreflightError> {
        let content = FileContent::Program(Program { format, slices });
        preflight(&Inspection { size: 1, content }, target("linux-amd64"), &Tool::WORKER, host)
    }

    fn sentence(slice: Slice) -> String {
        judge(Format::Elf, vec![slice], None).expect_err("refused").to_string()
    }

    fn dynamic() -> Slice {
        let glibc = Some(GlibcVersion { major: 2, minor: 34 });
        let linkage = Linkage { loader: Some(LOADER.to_owned()), libraries: vec!["libc.so.6".to_owned()], glibc };
        Slice { linkage, ..slice("linux-amd64") }
    }

    fn glibc_host(version: Option<u32>) -> LoaderHost {
        let version = version.map(|minor| GlibcVersion { major: 2, minor });
        let libc = Libc::Glibc(Glibc { version, loader: LOADER });
        LoaderHost { target: target("linux-amd64"), libc, loaders: vec![LOADER.to_owned()] }
    }

    fn musl_host() -> LoaderHost {
        let musl = Musl { version: Some("1.2.4".to_owned()), loader: "/lib/ld-musl-x86_64.so.1" };
        LoaderHost { target: target("linux-amd64"), libc: Libc::Musl(musl), loaders: Vec::new() }
    }

    #[test]
    fn the_released_static_worker_passes_without_a_note() {
        assert_eq!(judge(Format::Elf, vec![slice("linux-amd64")], Some(&musl_host())), Ok(Vec::new()));
    }

    #[test]
    fn a_file_that_is_not_a_program_is_named() {
        for (found, words) in [
            (NotProgram::Html, "the file is an HTML page, not an executable for linux-amd64"),
            (NotProgram::Empty, "the file is an empty file, not an executable for linux-amd64"),
            (NotProgram::Archive("a gzip archive"), "the file is a gzip archive, not an executable for linux-amd64"),
        ] {
            let inspection = Inspection { size: 1, content: FileContent::Other(found) };
            let refused = preflight(&inspection, target("linux-amd64"), &Tool::WORKER, None).expect_err("no program");
            assert_eq!(refused.to_string(), words);
        }
    }

    #[test]
    fn both_platforms_are_named() {
        assert_eq!(sentence(slice("darwin-arm64")), "the file is for darwin-arm64, but linux-amd64 is required");
        assert_eq!(sentence(slice("linux-arm64")), "the file is for linux-arm64, but linux-amd64 is required");
        let arm = Machine::new(Ok(Os::Linux), Err("32-bit ARM".to_owned()));
        let refused = judge(Format::Elf, vec![Slice { machine: arm, ..slice("linux-amd64") }], None);
        assert!(matches!(&refused, Err(PreflightError::WrongMachine { found, .. }) if found == "linux on 32-bit ARM"));
        let bsd = Machine::new(Err("FreeBSD".to_owned()), Ok(Arch::Amd64));
        let refused = judge(Format::Elf, vec![Slice { machine: bsd, ..slice("linux-amd64") }], None);
        assert!(matches!(&refused, Err(PreflightError::WrongOs { found, .. }) if found == "FreeBSD on amd64"));
        let universal = judge(Format::UniversalMachO, vec![slice("darwin-amd64"), slice("darwin-arm64")], None);
        assert!(
            matches!(&universal, Err(PreflightError::WrongOs { found, .. }) if found == "darwin-amd64 and darwin-arm64")
        );
    }

    #[test]
    fn the_right_part_of_a_universal_file_is_judged() {
        let library = Slice { kind: ExecutableKind::SharedLibrary, ..slice("darwin-arm64") };
        let content = FileContent::Program(Program {
            format: Format::UniversalMachO,
            slices: vec![library, slice("darwin-amd64")],
        });
        let inspection = Inspection { size: 1, content };
        assert_eq!(preflight(&inspection, target("darwin-amd64"), &Tool::WORKER, None), Ok(Vec::new()));
        assert_eq!(
            preflight(&inspection, target("darwin-arm64"), &Tool::WORKER, None),
            Err(PreflightError::NotExecutable { kind: ExecutableKind::SharedLibrary })
        );
    }

    #[test]
    fn what_cannot_be_started_is_refused() {
        let library = Slice { kind: ExecutableKind::SharedLibrary, ..slice("linux-amd64") };
        assert_eq!(sentence(library), "the file is a shared library, not an executable program");
    }

    #[test]
    fn another_go_program_is_refused() {
        let go = GoBuildInfo { module_path: Some("example.com/tui".to_owned()), ..worker_info("linux-amd64") };
        assert_eq!(
            sentence(Slice { go: Ok(go), ..slice("linux-amd64") }),
            "the file is a program of the Go module `example.com/tui`, expected reproq-worker"
        );
    }

    #[test]
    fn a_header_and_go_that_disagree_are_refused() {
        let settings = GoSettings { goos: Some("android".to_owned()), ..worker_info("linux-amd64").settings };
        let go = GoBuildInfo { settings, ..worker_info("linux-amd64") };
        assert_eq!(
            sentence(Slice { go: Ok(go), ..slice("linux-amd64") }),
            "the file's Go build information states android-amd64, but linux-amd64 is required"
        );
    }

    #[test]
    fn without_go_build_information_it_is_a_note() {
        let notes = judge(Format::Elf, vec![Slice { go: Err(NoGoInfo::Absent), ..slice("linux-amd64") }], None);
        assert_eq!(notes, Ok(vec![Note::ProgramUnproven { reason: NoGoInfo::Absent.to_string() }]));
    }

    #[test]
    fn a_missing_loader_is_explained() {
        let refused = judge(Format::Elf, vec![dynamic()], Some(&musl_host())).expect_err("no loader");
        assert_eq!(
            refused.to_string(),
            "the file needs /lib64/ld-linux-x86-64.so.2, which does not exist here (musl 1.2.4)"
        );
        assert!(judge(Format::Elf, vec![dynamic()], None).is_ok(), "for another machine it cannot be known");
    }

    #[test]
    fn an_old_glibc_is_explained() {
        let refused = judge(Format::Elf, vec![dynamic()], Some(&glibc_host(Some(31)))).expect_err("too old");
        assert_eq!(refused.to_string(), "the file needs glibc 2.34 or newer, but 2.31 is installed");
        for minor in [34, 41] {
            let notes = judge(Format::Elf, vec![dynamic()], Some(&glibc_host(Some(minor)))).expect("new enough");
            let notes = notes.iter().map(Note::to_string).collect::<Vec<_>>();
            assert_eq!(
                notes,
                [
                    "dynamically linked: needs /lib64/ld-linux-x86-64.so.2 and glibc 2.34 or newer",
                    "needs the shared libraries libc.so.6"
                ]
            );
        }
        let unknown = judge(Format::Elf, vec![dynamic()], Some(&glibc_host(None))).expect("not refused");
        assert_eq!(unknown.last(), Some(&Note::GlibcUnknown(GlibcVersion { major: 2, minor: 34 })));
    }

    #[test]
    fn cgo_is_a_note() {
        let settings = GoSettings { cgo_enabled: Some(true), ..worker_info("linux-amd64").settings };
        let go = GoBuildInfo { settings, ..worker_info("linux-amd64") };
        assert_eq!(judge(Format::Elf, vec![Slice { go: Ok(go), ..slice("linux-amd64") }], None), Ok(vec![Note::Cgo]));
    }
}
