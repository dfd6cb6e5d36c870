//! Mach-O files, for one processor or several.

use std::io::Read;
use std::io::Seek;

use object::Endianness;
use object::macho;
use object::read::macho::FatArch;
use object::read::macho::LoadCommandVariant;
use object::read::macho::MachHeader;
use object::read::macho::MachOFatFile;
use object::read::macho::Section;
use object::read::macho::Segment;

use crate::model::Arch;
use crate::model::Os;
use crate::worker::executable::go_blob::Region;
use crate::worker::executable::go_blob::read_go_info;
use crate::worker::executable::inspection::ExecutableKind;
use crate::worker::executable::inspection::Linkage;
use crate::worker::executable::inspection::Machine;
use crate::worker::executable::inspection::Slice;
use crate::worker::executable::window::FileWindow;
use crate::worker::executable::words::printable_bytes;

/// The limit on parts of a universal file; Apple has used at most five.
const MOST_PARTS: usize = 16;

/// How many load commands and sections are read; a program has a few dozen.
const MOST_COMMANDS: usize = 1024;

/// Parses a Mach-O file for one processor; an error says what is inconsistent.
pub(super) fn read_macho<R: Read + Seek>(file: FileWindow<'_, R>) -> Result<Slice, String> {
    match macho::MachHeader64::parse(file, 0) {
        Ok(header) if MachHeader::is_supported(header) => read_header(file, header),
        Ok(_) | Err(_) => {
            let header = macho::MachHeader32::parse(file, 0).map_err(|error| error.to_string())?;
            read_header::<macho::MachHeader32<Endianness>, R>(file, header)
        }
    }
}

/// Parses every part of a universal file.
pub(super) fn read_universal<Fat: FatArch, R: Read + Seek>(file: FileWindow<'_, R>) -> Result<Vec<Slice>, String> {
    let universal = MachOFatFile::<'_, Fat>::parse(file).map_err(|error| error.to_string())?;
    let parts = universal.arches();
    if parts.is_empty() || parts.len() > MOST_PARTS {
        return Err(format!("it claims to have {} parts", parts.len()));
    }
    parts
        .iter()
        .map(|part| {
            let (offset, size) = part.file_range();
            let part = file.part(offset, size).ok_or("one of its parts lies outside the file")?;
            read_macho(part)
        })
        .collect()
}

/// The relevant contents of the load commands.
#[derive(Default)]
struct Commands {
    linkage: Linkage,
    go: Option<Region>,
    data: Option<Region>,
    end: u64,
}

fn read_header<Mach, R>(file: FileWindow<'_, R>, header: &Mach) -> Result<Slice, String>
where
    Mach: MachHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let endian = header.endian().map_err(|error| error.to_string())?;
    let commands = read_commands(file, header, endian).map_err(|error| error.to_string())?;
    if commands.end > file.length() {
        return Err(format!("it has {} bytes, but its headers state at least {}", file.length(), commands.end));
    }
    Ok(Slice {
        machine: Machine::new(Ok(Os::Darwin), arch_of(header.cputype(endian))),
        kind: kind_of(header.filetype(endian)),
        linkage: commands.linkage,
        go: read_go_info(file, commands.go.or(commands.data)),
    })
}

fn read_commands<Mach, R>(file: FileWindow<'_, R>, header: &Mach, endian: Endianness) -> object::Result<Commands>
where
    Mach: MachHeader<Endian = Endianness>,
    R: Read + Seek,
{
    let mut found = Commands::default();
    for command in header.load_commands(endian, file, 0)?.take(MOST_COMMANDS) {
        let command = command?;
        if let Some((segment, sections)) = Mach::Segment::from_command(command)? {
            let (offset, size) = segment.file_range(endian);
            found.end = found.end.max(offset.saturating_add(size));
            if segment.name() == b"__DATA" {
                found.data = Some(Region { offset, size, address: segment.vmaddr(endian).into() });
            }
            let sections = segment.sections(endian, sections)?;
            if let Some(section) = sections.iter().take(MOST_COMMANDS).find(|one| one.name() == b"__go_buildinfo") {
                let (offset, size) = (section.offset(endian).into(), section.size(endian).into());
                found.go = Some(Region { offset, size, address: section.addr(endian).into() });
            }
        } else if let Some(library) = command.dylib()? {
            let name = command.string(endian, library.dylib.name)?;
            found.linkage.libraries.push(printable_bytes(name, 200));
        } else if command.cmd() == macho::LC_LOAD_DYLINKER
            && let LoadCommandVariant::LoadDylinker(loader) = command.variant()?
        {
            found.linkage.loader = Some(printable_bytes(command.string(endian, loader.name)?, 200));
        }
    }
    Ok(found)
}

fn arch_of(cpu: macho::CpuType) -> Result<Arch, String> {
    match cpu {
        macho::CPU_TYPE_X86_64 => Ok(Arch::Amd64),
        macho::CPU_TYPE_ARM64 => Ok(Arch::Arm64),
        macho::CPU_TYPE_ARM64_32 => Err("64-bit ARM with 32-bit pointers".to_owned()),
        macho::CPU_TYPE_X86 => Err("32-bit x86".to_owned()),
        macho::CPU_TYPE_ARM => Err("32-bit ARM".to_owned()),
        macho::CPU_TYPE_POWERPC | macho::CPU_TYPE_POWERPC64 => Err("PowerPC".to_owned()),
        macho::CpuType(other) => Err(format!("an unknown processor (Mach-O CPU type {other})")),
    }
}

fn kind_of(kind: macho::FileType) -> ExecutableKind {
    match kind {
        macho::MH_EXECUTE => ExecutableKind::Executable,
        macho::MH_DYLIB | macho::MH_BUNDLE => ExecutableKind::SharedLibrary,
        macho::MH_OBJECT => ExecutableKind::Object,
        macho::MH_CORE => ExecutableKind::CoreDump,
        macho::MH_DSYM => ExecutableKind::Other("a file of debug symbols"),
        macho::FileType(_) => ExecutableKind::Other("a Mach-O file of another type"),
    }
}
