//! PE files, the executables of Windows.

use std::io::Read;
use std::io::Seek;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::ImageNtHeaders;
use object::read::pe::ImageOptionalHeader;
use object::read::pe::SectionTable;
use object::read::pe::optional_header_magic;

use crate::model::Arch;
use crate::model::Os;
use crate::worker::executable::go_blob::Region;
use crate::worker::executable::go_blob::read_go_info;
use crate::worker::executable::inspection::ExecutableKind;
use crate::worker::executable::inspection::Linkage;
use crate::worker::executable::inspection::Machine;
use crate::worker::executable::inspection::Slice;
use crate::worker::executable::window::FileWindow;

/// Parses a PE file; an error says what is inconsistent.
pub(super) fn read_pe<R: Read + Seek>(file: FileWindow<'_, R>) -> Result<Slice, String> {
    let slice = match optional_header_magic(file) {
        Ok(pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => read_class::<pe::ImageNtHeaders64, R>(file),
        Ok(_) => read_class::<pe::ImageNtHeaders32, R>(file),
        Err(error) => Err(error),
    };
    slice.map_err(|error| error.to_string())?
}

/// The outer error concerns the format, the inner one a truncated file.
fn read_class<Pe: ImageNtHeaders, R: Read + Seek>(file: FileWindow<'_, R>) -> object::Result<Result<Slice, String>> {
    let mut offset = pe::ImageDosHeader::parse(file)?.nt_headers_offset().into();
    let (headers, _) = Pe::parse(file, &mut offset)?;
    let sections = headers.sections(file, offset)?;
    let end = sections.iter().map(|section| {
        let size = section.size_of_raw_data.get(LE);
        if size == 0 { 0 } else { u64::from(section.pointer_to_raw_data.get(LE)) + u64::from(size) }
    });
    let end = end.max().unwrap_or_default();
    if end > file.length() {
        return Ok(Err(format!("it has {} bytes, but its headers state at least {end}", file.length())));
    }
    Ok(Ok(Slice {
        machine: Machine::new(Ok(Os::Windows), arch_of(headers.file_header().machine.get(LE))),
        kind: kind_of(headers),
        linkage: Linkage::default(),
        go: read_go_info(file, go_region(&sections, headers.optional_header().image_base())),
    }))
}

fn arch_of(machine: pe::Machine) -> Result<Arch, String> {
    match machine {
        pe::IMAGE_FILE_MACHINE_AMD64 => Ok(Arch::Amd64),
        pe::IMAGE_FILE_MACHINE_ARM64 => Ok(Arch::Arm64),
        pe::IMAGE_FILE_MACHINE_I386 => Err("32-bit x86".to_owned()),
        pe::IMAGE_FILE_MACHINE_ARMNT => Err("32-bit ARM".to_owned()),
        pe::Machine(other) => Err(format!("an unknown processor (PE machine {other:#06x})")),
    }
}

fn kind_of<Pe: ImageNtHeaders>(headers: &Pe) -> ExecutableKind {
    let characteristics = headers.file_header().characteristics.get(LE);
    if !characteristics.contains(pe::IMAGE_FILE_EXECUTABLE_IMAGE) {
        ExecutableKind::Object
    } else if characteristics.contains(pe::IMAGE_FILE_DLL) {
        ExecutableKind::SharedLibrary
    } else if headers.optional_header().address_of_entry_point() == 0 {
        ExecutableKind::Other("a program without an entry point")
    } else {
        ExecutableKind::Executable
    }
}

/// PE has no section for Go's information: the linker puts it near the start of the first writable data section.
fn go_region(sections: &SectionTable<'_>, image_base: u64) -> Option<Region> {
    let writable_data = pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ | pe::IMAGE_SCN_MEM_WRITE;
    let section = sections.iter().find(|section| {
        let has_data = section.virtual_address.get(LE) != 0 && section.size_of_raw_data.get(LE) != 0;
        has_data && section.characteristics.get(LE).contains(writable_data)
    })?;
    let (offset, size) = section.pe_file_range();
    let address = image_base.wrapping_add(section.virtual_address.get(LE).into());
    Some(Region { offset: offset.into(), size: size.into(), address })
}
