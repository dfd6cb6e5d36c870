//! ELF files: their platform, what they need to start, and where Go stored its build information.

use std::io::Read;
use std::io::Seek;

use object::Endianness;
use object::ReadRef;
use object::elf;
use object::read::elf::FileHeader;
use object::read::elf::ProgramHeader;
use object::read::elf::SectionHeader;

use crate::model::Arch;
use crate::model::Os;
use crate::worker::executable::elf_dynamic::Dynamic;
use crate::worker::executable::go_blob::Region;
use crate::worker::executable::go_blob::read_go_info;
use crate::worker::executable::inspection::ExecutableKind;
use crate::worker::executable::inspection::GlibcVersion;
use crate::worker::executable::inspection::Linkage;
use crate::worker::executable::inspection::Machine;
use crate::worker::executable::inspection::Slice;
use crate::worker::executable::window::FileWindow;
use crate::worker::executable::words::printable_bytes;

/// Parses an ELF file; an error says what is inconsistent.
pub(super) fn read_elf<R: Read + Seek>(file: FileWindow<'_, R>) -> Result<Slice, String> {
    if is_class_32(file) {
        read_class::<elf::FileHeader32<Endianness>, R>(file)
    } else {
        read_class::<elf::FileHeader64<Endianness>, R>(file)
    }
}

/// The newest glibc symbol version a library defines; `None` if it defines none or is not an ELF library.
pub(super) fn defined_glibc<R: Read + Seek>(file: FileWindow<'_, R>) -> Option<GlibcVersion> {
    type Header = elf::FileHeader64<Endianness>;
    let header = Header::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, file).ok()?;
    Dynamic::read::<Header>(file, endian, segments)?.defined_glibc()
}

fn is_class_32<R: Read + Seek>(file: FileWindow<'_, R>) -> bool {
    file.read_bytes_at(4, 1) == Ok(&[elf::ELFCLASS32.0])
}

fn read_class<'a, Elf, R>(file: FileWindow<'a, R>) -> Result<Slice, String>
where
    Elf: FileHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let told = |error: object::Error| error.to_string();
    let header = Elf::parse(file).map_err(told)?;
    let endian = header.endian().map_err(told)?;
    let segments = header.program_headers(endian, file).map_err(told)?;
    check_length::<Elf, R>(file, endian, segments)?;
    let dynamic = Dynamic::read::<Elf>(file, endian, segments);
    let linkage = linkage::<Elf, R>(file, endian, segments, dynamic.as_ref());
    Ok(Slice {
        machine: Machine::new(os_of(header.e_ident().os_abi), arch_of(header, endian)),
        kind: kind_of(header, endian, dynamic.as_ref()),
        linkage,
        go: read_go_info(file, go_region(header, endian, file, segments)),
    })
}

/// A truncated file still has a valid header; its segments show the truncation.
fn check_length<Elf, R>(
    file: FileWindow<'_, R>,
    endian: Endianness,
    segments: &[Elf::ProgramHeader],
) -> Result<(), String>
where
    Elf: FileHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let ends = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).map(|segment| {
        let (offset, size) = segment.file_range(endian);
        offset.saturating_add(size)
    });
    match ends.max() {
        Some(end) if end > file.length() => {
            Err(format!("it has {} bytes, but its headers state at least {end}", file.length()))
        }
        Some(_) | None => Ok(()),
    }
}

fn linkage<'a, Elf, R>(
    file: FileWindow<'a, R>,
    endian: Endianness,
    segments: &'a [Elf::ProgramHeader],
    dynamic: Option<&Dynamic<'a, R>>,
) -> Linkage
where
    Elf: FileHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let loader = segments.iter().find_map(|segment| segment.interpreter(endian, file).ok().flatten());
    Linkage {
        loader: loader.map(|path| printable_bytes(path, 200)),
        libraries: dynamic.map(Dynamic::libraries).unwrap_or_default(),
        glibc: dynamic.and_then(Dynamic::needed_glibc),
    }
}

/// Linux uses 0, as most Unix systems do; the others listed here have their own values.
fn os_of(abi: elf::OsAbi) -> Result<Os, String> {
    match abi {
        elf::ELFOSABI_SYSV | elf::ELFOSABI_GNU => Ok(Os::Linux),
        elf::ELFOSABI_FREEBSD => Err("FreeBSD".to_owned()),
        elf::ELFOSABI_NETBSD => Err("NetBSD".to_owned()),
        elf::ELFOSABI_OPENBSD => Err("OpenBSD".to_owned()),
        elf::ELFOSABI_SOLARIS => Err("Solaris".to_owned()),
        elf::OsAbi(other) => Err(format!("an unknown system (ELF OS/ABI {other})")),
    }
}

fn arch_of<Elf: FileHeader<Endian = Endianness>>(header: &Elf, endian: Endianness) -> Result<Arch, String> {
    let words = match (header.e_machine(endian), header.is_class_64(), header.is_little_endian()) {
        (elf::EM_X86_64, true, true) => return Ok(Arch::Amd64),
        (elf::EM_AARCH64, true, true) => return Ok(Arch::Arm64),
        (elf::EM_X86_64, _, _) => "64-bit x86 with 32-bit pointers",
        (elf::EM_AARCH64, true, false) => "big-endian 64-bit ARM",
        (elf::EM_AARCH64, false, _) => "64-bit ARM with 32-bit pointers",
        (elf::EM_386, _, _) => "32-bit x86",
        (elf::EM_ARM, _, _) => "32-bit ARM",
        (elf::EM_RISCV, _, _) => "RISC-V",
        (elf::EM_PPC64, _, _) => "64-bit PowerPC",
        (elf::EM_S390, _, _) => "IBM Z",
        (elf::EM_MIPS, _, _) => "MIPS",
        (elf::EM_LOONGARCH, _, _) => "LoongArch",
        (elf::Machine(other), _, _) => return Err(format!("an unknown processor (ELF machine {other})")),
    };
    Err(words.to_owned())
}

/// Position-independent programs and shared libraries have the same type. A program has an entry point; a library that has
/// one (such as the C library) still has a library name.
fn kind_of<Elf, R>(header: &Elf, endian: Endianness, dynamic: Option<&Dynamic<'_, R>>) -> ExecutableKind
where
    Elf: FileHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let has_entry = header.e_entry(endian).into() != 0;
    let has_library_name = dynamic.is_some_and(|dynamic| dynamic.has_library_name && !dynamic.is_marked_program);
    match header.e_type(endian) {
        elf::ET_EXEC if has_entry => ExecutableKind::Executable,
        elf::ET_DYN if has_entry && !has_library_name => ExecutableKind::Executable,
        elf::ET_DYN => ExecutableKind::SharedLibrary,
        elf::ET_REL => ExecutableKind::Object,
        elf::ET_CORE => ExecutableKind::CoreDump,
        elf::ET_EXEC => ExecutableKind::Other("a program without an entry point"),
        elf::FileType(_) => ExecutableKind::Other("an ELF file of an unknown type"),
    }
}

/// The section named by Go's linker; in a stripped file the first writable segment, which contains it near the start.
fn go_region<Elf, R>(
    header: &Elf,
    endian: Endianness,
    file: FileWindow<'_, R>,
    segments: &[Elf::ProgramHeader],
) -> Option<Region>
where
    Elf: FileHeader<Endian = Endianness>,
    R: Read + Seek,
{
    if let Ok(sections) = header.sections(endian, file)
        && let Some((_, section)) = sections.section_by_name(endian, b".go.buildinfo")
    {
        let (offset, size) = section.file_range(endian)?;
        return Some(Region { offset, size, address: section.sh_addr(endian).into() });
    }
    let writable = |segment: &&Elf::ProgramHeader| {
        segment.p_type(endian) == elf::PT_LOAD && segment.p_flags(endian).contains(elf::PF_W)
    };
    let segment = segments.iter().find(writable)?;
    let (offset, size) = segment.file_range(endian);
    Some(Region { offset, size, address: segment.p_vaddr(endian).into() })
}
