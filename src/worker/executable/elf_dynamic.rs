//! The dynamic section of an ELF file: libraries and required symbol versions. Found through the program headers, as the
//! loader does, because a stripped file may have no sections.

use std::io::Read;
use std::io::Seek;

use object::Endianness;
use object::ReadRef;
use object::StringTable;
use object::elf;
use object::read::elf::Dyn;
use object::read::elf::FileHeader;
use object::read::elf::ProgramHeader;

use crate::worker::executable::inspection::GlibcVersion;
use crate::worker::executable::window::FileWindow;
use crate::worker::executable::words::printable_bytes;

/// How many entries of each table are read. glibc itself defines about forty versions.
const MOST_ENTRIES: u64 = 256;

/// A version table: its offset in the file and its stated number of entries.
#[derive(Debug, Clone, Copy)]
struct VersionTable {
    offset: u64,
    entries: u64,
}

/// The contents of the dynamic section.
#[derive(Debug)]
pub(super) struct Dynamic<'a, R: Read + Seek> {
    /// It has a library name (`DT_SONAME`).
    pub(super) has_library_name: bool,
    /// It is marked as a program (`DF_1_PIE`).
    pub(super) is_marked_program: bool,
    file: FileWindow<'a, R>,
    endian: Endianness,
    strings: StringTable<'a, FileWindow<'a, R>>,
    needed: Vec<u64>,
    versions_needed: Option<VersionTable>,
    versions_defined: Option<VersionTable>,
}

impl<'a, R: Read + Seek> Dynamic<'a, R> {
    /// Parses the section; `None` for a static file or if it cannot be read.
    pub(super) fn read<Elf>(
        file: FileWindow<'a, R>,
        endian: Endianness,
        segments: &'a [Elf::ProgramHeader],
    ) -> Option<Self>
    where
        Elf: FileHeader<Endian = Endianness>,
    {
        let entries = segments.iter().find_map(|segment| segment.dynamic(endian, file).ok().flatten())?;
        let end = entries.iter().position(|entry| entry.tag(endian) == elf::DT_NULL).unwrap_or(entries.len());
        let entries = &entries[..end];
        let value = |tag| entries.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
        let place = |tag| file_offset::<Elf>(endian, segments, value(tag)?);
        let table = |tag, count| {
            Some(VersionTable { offset: place(tag)?, entries: value(count).unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES) })
        };
        let strings = match (place(elf::DT_STRTAB), value(elf::DT_STRSZ)) {
            (Some(start), Some(size)) => StringTable::new(file, start, start.saturating_add(size)),
            (Some(_) | None, _) => StringTable::default(),
        };
        let needed = entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED);
        Some(Self {
            has_library_name: value(elf::DT_SONAME).is_some(),
            is_marked_program: value(elf::DT_FLAGS_1).is_some_and(|flags| flags & elf::DF_1_PIE.0 != 0),
            file,
            endian,
            strings,
            needed: needed.take(64).map(|entry| entry.val(endian)).collect(),
            versions_needed: table(elf::DT_VERNEED, elf::DT_VERNEEDNUM),
            versions_defined: table(elf::DT_VERDEF, elf::DT_VERDEFNUM),
        })
    }

    /// The required libraries.
    pub(super) fn libraries(&self) -> Vec<String> {
        let names = self.needed.iter().filter_map(|offset| self.string(u32::try_from(*offset).ok()?));
        names.map(|name| printable_bytes(name, 200)).collect()
    }

    /// The newest glibc symbol version required from `libc.so.6`.
    ///
    /// Other libraries are ignored, because the installed glibc is identified by what its `libc.so.6` defines, and a glibc
    /// release may add a version to another of its libraries only.
    pub(super) fn needed_glibc(&self) -> Option<GlibcVersion> {
        let table = self.versions_needed?;
        let mut offset = table.offset;
        for _ in 0..table.entries {
            let need = self.file.read_at::<elf::Verneed<Endianness>>(offset).ok()?;
            if self.string(need.vn_file.get(self.endian)) == Some(b"libc.so.6") {
                let first = offset.saturating_add(need.vn_aux.get(self.endian).into());
                return self.newest_of_need(first, need.vn_cnt.get(self.endian).into());
            }
            match need.vn_next.get(self.endian) {
                0 => break,
                next => offset = offset.saturating_add(next.into()),
            }
        }
        None
    }

    /// The newest glibc symbol version the file itself defines; `libc.so.6` does.
    pub(super) fn defined_glibc(&self) -> Option<GlibcVersion> {
        let table = self.versions_defined?;
        let mut newest = None;
        let mut offset = table.offset;
        for _ in 0..table.entries {
            let Ok(definition) = self.file.read_at::<elf::Verdef<Endianness>>(offset) else { break };
            let name = offset.saturating_add(definition.vd_aux.get(self.endian).into());
            if let Ok(name) = self.file.read_at::<elf::Verdaux<Endianness>>(name) {
                newest = newest.max(self.glibc_version(name.vda_name.get(self.endian)));
            }
            match definition.vd_next.get(self.endian) {
                0 => break,
                next => offset = offset.saturating_add(next.into()),
            }
        }
        newest
    }

    fn newest_of_need(&self, first: u64, count: u64) -> Option<GlibcVersion> {
        let mut newest = None;
        let mut offset = first;
        for _ in 0..count.min(MOST_ENTRIES) {
            let Ok(version) = self.file.read_at::<elf::Vernaux<Endianness>>(offset) else { break };
            newest = newest.max(self.glibc_version(version.vna_name.get(self.endian)));
            match version.vna_next.get(self.endian) {
                0 => break,
                next => offset = offset.saturating_add(next.into()),
            }
        }
        newest
    }

    fn glibc_version(&self, name: u32) -> Option<GlibcVersion> {
        GlibcVersion::from_symbol_version(self.string(name)?)
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        self.strings.get(offset).ok()
    }
}

/// The file offset of a virtual address.
fn file_offset<Elf>(endian: Endianness, segments: &[Elf::ProgramHeader], address: u64) -> Option<u64>
where
    Elf: FileHeader<Endian = Endianness>,
{
    segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).find_map(|segment| {
        let within = address.checked_sub(segment.p_vaddr(endian).into())?;
        let (offset, size) = segment.file_range(endian);
        if within < size { offset.checked_add(within) } else { None }
    })
}
