//! Opens a file and determines what it is. Never runs anything.
#![expect(clippy::disallowed_methods, reason = "executables are opened and read here")]

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::path::Path;
use std::path::PathBuf;

use object::ReadCache;
use object::macho::FatArch32;
use object::macho::FatArch64;
use thiserror::Error;

use crate::worker::executable::elf::read_elf;
use crate::worker::executable::inspection::FileContent;
use crate::worker::executable::inspection::Format;
use crate::worker::executable::inspection::Inspection;
use crate::worker::executable::inspection::NotProgram;
use crate::worker::executable::inspection::Program;
use crate::worker::executable::inspection::Slice;
use crate::worker::executable::macho::read_macho;
use crate::worker::executable::macho::read_universal;
use crate::worker::executable::pe::read_pe;
use crate::worker::executable::sniff::FIRST_BYTES;
use crate::worker::executable::sniff::Sniffed;
use crate::worker::executable::sniff::sniff;
use crate::worker::executable::window::FileWindow;
use crate::worker::executable::window::Meter;

/// Why a file could not be inspected.
#[derive(Debug, Error)]
pub(crate) enum InspectError {
    /// It is a directory, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path as given.
        path: PathBuf,
    },
    /// It could not be opened or read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Inspects a file, following links. A damaged file or one that is not a program is a result, not an error.
///
/// Needs at most a few hundred small reads and a few MiB of memory, whatever the file's size and content.
pub(crate) fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    let failed = |source| InspectError::Read { path: path.to_owned(), source };
    // Checked before opening, because opening a pipe blocks until there is a writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(InspectError::NotAFile { path: path.to_owned() });
    }
    File::open(path).and_then(read_inspection).map_err(failed)
}

/// Like `inspect`, for bytes from any reader. Fails only if they cannot be read.
pub fn read_inspection<R: Read + Seek>(mut file: R) -> io::Result<Inspection> {
    let mut first = Vec::new();
    file.by_ref().take(FIRST_BYTES).read_to_end(&mut first)?;
    let (cache, meter) = (ReadCache::new(file), Meter::default());
    let window = FileWindow::whole(&cache, &meter).map_err(|()| io::Error::other("its size is unknown"))?;
    let content = match sniff(&first) {
        Sniffed::Elf => program(Format::Elf, read_elf(window).map(|slice| vec![slice])),
        Sniffed::MachO => program(Format::MachO, read_macho(window).map(|slice| vec![slice])),
        Sniffed::Universal32 => program(Format::UniversalMachO, read_universal::<FatArch32, R>(window)),
        Sniffed::Universal64 => program(Format::UniversalMachO, read_universal::<FatArch64, R>(window)),
        Sniffed::DosHeader => program(Format::Pe, read_pe(window).map(|slice| vec![slice])),
        Sniffed::Other(other) => FileContent::Other(other),
    };
    Ok(Inspection { size: window.length(), content })
}

fn program(format: Format, slices: Result<Vec<Slice>, String>) -> FileContent {
    match slices {
        Ok(slices) => FileContent::Program(Program { format, slices }),
        Err(why) => FileContent::Other(NotProgram::Damaged { format, why }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Target;
    use crate::worker::executable::goinfo::NoGoInfo;
    use crate::worker::executable::inspection::ExecutableKind;
    use crate::worker::executable::inspection::GlibcVersion;
    use crate::worker::executable::samples::ElfSample;
    use crate::worker::executable::samples::elf32;
    use crate::worker::executable::samples::go_block;
    use crate::worker::executable::samples::macho;
    use crate::worker::executable::samples::pe;
    use crate::worker::executable::samples::universal;
    use crate::worker::executable::samples::worker_description;
    use crate::worker::executable::samples::worker_info;

    const X86_64: u32 = 0x0100_0007;
    const ARM64: u32 = 0x0100_000c;

    fn read(bytes: &[u8]) -> FileContent {
        read_inspection(Cursor::new(bytes)).expect("memory can be read").content
    }

    fn slices(bytes: &[u8]) -> (Format, Vec<Slice>) {
        match read(bytes) {
            FileContent::Program(program) => (program.format, program.slices),
            FileContent::Other(other) => panic!("{other}"),
        }
    }

    fn only(bytes: &[u8]) -> Slice {
        slices(bytes).1.pop().expect("a part")
    }

    fn worker(target: &str) -> Vec<u8> {
        go_block("go1.24.11", &worker_description(target))
    }

    #[test]
    fn every_target_is_recognised_with_its_build_information() {
        let elf = |machine, target| ElfSample { machine, go: Some(worker(target)), ..ElfSample::default() }.build();
        for (bytes, format, target) in [
            (elf(62, "linux-amd64"), Format::Elf, "linux-amd64"),
            (elf(183, "linux-arm64"), Format::Elf, "linux-arm64"),
            (macho(X86_64, 2, &worker("darwin-amd64")), Format::MachO, "darwin-amd64"),
            (macho(ARM64, 2, &worker("darwin-arm64")), Format::MachO, "darwin-arm64"),
            (pe(0x8664, 2, &worker("windows-amd64")), Format::Pe, "windows-amd64"),
            (pe(0xaa64, 2, &worker("windows-arm64")), Format::Pe, "windows-arm64"),
        ] {
            let (found, mut slices) = slices(&bytes);
            assert_eq!((found, slices.len()), (format, 1));
            let slice = slices.pop().expect("a part");
            assert_eq!(slice.machine.to_string(), target);
            assert_eq!((slice.kind, slice.go), (ExecutableKind::Executable, Ok(worker_info(target))), "{target}");
        }
    }

    #[test]
    fn a_universal_file_has_all_its_parts() {
        let bytes = universal(&[
            (X86_64, macho(X86_64, 2, &worker("darwin-amd64"))),
            (ARM64, macho(ARM64, 2, &worker("darwin-arm64"))),
        ]);
        let (format, slices) = slices(&bytes);
        assert_eq!(format, Format::UniversalMachO);
        for (slice, target) in slices.iter().zip(["darwin-amd64", "darwin-arm64"]) {
            assert_eq!((slice.machine.to_string().as_str(), &slice.go), (target, &Ok(worker_info(target))));
        }
        assert_eq!(slices.len(), 2);
    }

    #[test]
    fn platforms_without_a_release_are_named() {
        for (bytes, words) in [
            (elf32(40, false), "linux on 32-bit ARM"),
            (elf32(3, false), "linux on 32-bit x86"),
            (elf32(8, true), "linux on MIPS"),
            (elf32(62, false), "linux on 64-bit x86 with 32-bit pointers"),
            (ElfSample { machine: 243, ..ElfSample::default() }.build(), "linux on RISC-V"),
            (
                ElfSample { machine: 999, ..ElfSample::default() }.build(),
                "linux on an unknown processor (ELF machine 999)",
            ),
            (ElfSample { os_abi: 9, ..ElfSample::default() }.build(), "FreeBSD on amd64"),
            (macho(12, 2, b""), "darwin on 32-bit ARM"),
            (pe(0x14c, 2, b"x"), "windows on 32-bit x86"),
        ] {
            assert_eq!(only(&bytes).machine.to_string(), words);
        }
    }

    #[test]
    fn only_programs_are_executable() {
        let elf = |sample: ElfSample| sample.build();
        let loader = Some("/lib64/ld-linux-x86-64.so.2");
        for (bytes, kind) in [
            (elf(ElfSample { kind: 2, ..ElfSample::default() }), ExecutableKind::Executable),
            (elf(ElfSample { kind: 3, interpreter: loader, ..ElfSample::default() }), ExecutableKind::Executable),
            (elf(ElfSample { entry: 0, ..ElfSample::default() }), ExecutableKind::SharedLibrary),
            (
                elf(ElfSample { soname: Some("libc.so.6"), interpreter: loader, ..ElfSample::default() }),
                ExecutableKind::SharedLibrary,
            ),
            (elf(ElfSample { kind: 1, ..ElfSample::default() }), ExecutableKind::Object),
            (elf(ElfSample { kind: 4, ..ElfSample::default() }), ExecutableKind::CoreDump),
            (macho(ARM64, 6, b""), ExecutableKind::SharedLibrary),
            (macho(ARM64, 1, b""), ExecutableKind::Object),
            (pe(0x8664, 0x2002, b"x"), ExecutableKind::SharedLibrary),
            (pe(0x8664, 0, b"x"), ExecutableKind::Object),
        ] {
            assert_eq!(only(&bytes).kind, kind);
        }
    }

    #[test]
    fn what_a_dynamic_program_needs_is_read() {
        let needed = vec![
            ("libresolv.so.2", vec!["GLIBC_2.9"]),
            ("libpthread.so.0", vec![]),
            ("libm.so.6", vec!["GLIBC_2.99"]),
            ("libc.so.6", vec!["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.14"]),
        ];
        let sample = ElfSample { interpreter: Some("/lib64/ld-linux-x86-64.so.2"), needed, ..ElfSample::default() };
        let linkage = only(&sample.build()).linkage;
        assert_eq!(linkage.loader.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
        assert_eq!(linkage.libraries, ["libresolv.so.2", "libpthread.so.0", "libm.so.6", "libc.so.6"]);
        assert_eq!(linkage.glibc, Some(GlibcVersion { major: 2, minor: 34 }), "what is asked of libc.so.6 alone");
        let linkage = only(&macho(ARM64, 2, b"")).linkage;
        assert_eq!(linkage.loader.as_deref(), Some("/usr/lib/dyld"));
        assert_eq!(linkage.libraries, ["/usr/lib/libSystem.B.dylib"]);
    }

    #[test]
    fn build_information_is_found_without_section_names() {
        let sample = ElfSample { go: Some(worker("linux-amd64")), sections: false, ..ElfSample::default() };
        assert_eq!(only(&sample.build()).go, Ok(worker_info("linux-amd64")));
        assert_eq!(only(&ElfSample::default().build()).go, Err(NoGoInfo::Absent));
    }

    #[test]
    fn a_truncated_file_is_damaged() {
        let elf = ElfSample { go: Some(worker("linux-amd64")), ..ElfSample::default() }.build();
        let parts = universal(&[(ARM64, macho(ARM64, 2, &worker("darwin-arm64")))]);
        for (bytes, name) in [
            (elf, "ELF"),
            (macho(ARM64, 2, &worker("darwin-arm64")), "Mach-O"),
            (parts, "universal Mach-O"),
            (pe(0x8664, 2, &worker("windows-amd64")), "PE"),
        ] {
            assert!(matches!(read(&bytes), FileContent::Program(_)));
            for length in [8, 70, 300, bytes.len() - 1] {
                let found = read(&bytes[..length.min(bytes.len() - 1)]);
                let FileContent::Other(NotProgram::Damaged { format, why }) = found else {
                    panic!("{name} {length}: {found:?}")
                };
                assert_eq!(format.to_string(), name);
                assert!(!why.is_empty());
            }
        }
    }

    #[test]
    fn only_regular_files_are_inspected() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(matches!(inspect(directory.path()), Err(InspectError::NotAFile { .. })));
        let missing = inspect(&directory.path().join("none"));
        assert!(matches!(missing, Err(InspectError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound));
        let empty = directory.path().join("empty");
        fs::write(&empty, "").expect("written");
        let expected = Inspection { size: 0, content: FileContent::Other(NotProgram::Empty) };
        assert_eq!(inspect(&empty).expect("readable"), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_does_not_make_the_reader_wait() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        assert!(matches!(inspect(&pipe), Err(InspectError::NotAFile { .. })));
    }

    #[test]
    fn this_test_is_a_program_for_this_machine() {
        let found = inspect(&std::env::current_exe().expect("a path")).expect("readable");
        let here = Target::from_names(std::env::consts::OS, std::env::consts::ARCH).expect("a target");
        let slice = found.slice_for(here).expect("a part for this machine");
        assert_eq!(slice.kind, ExecutableKind::Executable);
        assert_eq!(slice.go, Err(NoGoInfo::Absent));
    }

    #[cfg(unix)]
    #[test]
    fn the_shell_is_a_program() {
        let found = inspect(Path::new("/bin/sh")).expect("readable");
        let program = found.program().expect("a program");
        assert!(program.slices.iter().all(|slice| slice.kind == ExecutableKind::Executable), "{program:?}");
    }

    /// A file of half a gigabyte whose headers point everywhere stays within the limits of the reader.
    #[test]
    fn a_huge_hostile_file_is_read_in_no_time() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, mut header) in [
            ("elf", ElfSample::default().build()),
            ("macho", macho(ARM64, 2, &worker("darwin-arm64"))),
            ("pe", pe(0x8664, 2, &worker("windows-amd64"))),
        ] {
            // All counts and sizes after the magic are set to their maximum.
            let fields = if name == "macho" { 16..24 } else { 32..64 };
            header[fields].fill(0xff);
            let path = directory.path().join(name);
            fs::write(&path, &header).expect("written");
            fs::OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(500 << 20)).expect("grown");
            let before = Instant::now();
            let found = inspect(&path).expect("readable");
            assert!(matches!(found.content, FileContent::Other(NotProgram::Damaged { .. })), "{name}: {found:?}");
            assert!(before.elapsed() < Duration::from_secs(1), "{name}: {:?}", before.elapsed());
        }
    }

    fn samples() -> Vec<Vec<u8>> {
        let needed = vec![("libm.so.6", vec!["GLIBC_2.29"]), ("libc.so.6", vec!["GLIBC_2.2.5", "GLIBC_2.34"])];
        let loader = Some("/lib64/ld-linux-x86-64.so.2");
        let elf = ElfSample { interpreter: loader, needed, go: Some(worker("linux-amd64")), ..ElfSample::default() };
        let part = macho(ARM64, 2, &worker("darwin-arm64"));
        vec![
            elf.build(),
            universal(&[(ARM64, part.clone())]),
            part,
            pe(0x8664, 2, &worker("windows-amd64")),
            elf32(40, true),
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            magic in proptest::sample::select(vec![&b""[..], b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", b"MZ", b"\xcf\xfa\xed\xfe",
                b"\xfe\xed\xfa\xce", b"\xca\xfe\xba\xbe\0\0\0\x02", b"\xca\xfe\xba\xbf\0\0\0\x02"]),
            tail in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let _ = read(&[magic, &tail].concat());
        }

        #[test]
        fn no_change_of_a_header_makes_the_reader_panic_or_slow(
            sample in 0_usize..5,
            changes in proptest::collection::vec((0_usize..1500, prop_oneof![Just(0_u8), Just(0xff), Just(0x7f), any::<u8>()]), 1..8),
            cut in 0_usize..8000,
        ) {
            let mut bytes = samples().swap_remove(sample);
            for (place, value) in changes {
                let place = place % bytes.len();
                bytes[place] = value;
            }
            bytes.truncate(cut.max(1));
            let before = Instant::now();
            let _ = read(&bytes);
            prop_assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
        }
    }
}
