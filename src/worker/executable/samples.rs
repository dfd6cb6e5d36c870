//! Minimal executables generated for tests.

use crate::model::Target;
use crate::worker::executable::go_blob::HEADER;
use crate::worker::executable::go_blob::INLINE;
use crate::worker::executable::go_blob::MAGIC;
use crate::worker::executable::goinfo::GoBuildInfo;
use crate::worker::executable::goinfo::GoSettings;
use crate::worker::executable::inspection::ExecutableKind;
use crate::worker::executable::inspection::Linkage;
use crate::worker::executable::inspection::Machine;
use crate::worker::executable::inspection::Slice;

/// The Go build information of the released worker for a target.
pub(super) fn worker_info(target: &str) -> GoBuildInfo {
    let target: Target = target.parse().expect("a target");
    GoBuildInfo {
        go_version: "go1.24.11".to_owned(),
        package_path: Some("reproq-worker/cmd/reproq".to_owned()),
        module_path: Some("reproq-worker".to_owned()),
        module_version: Some("(devel)".to_owned()),
        settings: GoSettings {
            goos: Some(target.os.go_name().to_owned()),
            goarch: Some(target.arch.go_name().to_owned()),
            cgo_enabled: Some(false),
            tags: vec!["prod".to_owned()],
            trimpath: true,
            ..GoSettings::default()
        },
    }
}

/// A static worker for a target, as an inspection describes it.
pub(super) fn slice(target: &str) -> Slice {
    let machine: Target = target.parse().expect("a target");
    Slice {
        machine: Machine::new(Ok(machine.os), Ok(machine.arch)),
        kind: ExecutableKind::Executable,
        linkage: Linkage::default(),
        go: Ok(worker_info(target)),
    }
}

/// Module information between its marks.
pub(super) fn framed(description: &str) -> Vec<u8> {
    let mark = *b"0123456789abcdef";
    [&mark, description.as_bytes(), &mark].concat()
}

/// The worker's module information for a target, as written by `go build`.
pub(super) fn worker_description(target: &str) -> String {
    let target: Target = target.parse().expect("a target");
    format!(
        "path\treproq-worker/cmd/reproq\nmod\treproq-worker\t(devel)\t\nbuild\t-tags=prod\nbuild\t-trimpath=true\n\
         build\tCGO_ENABLED=0\nbuild\tGOARCH={}\nbuild\tGOOS={}\n",
        target.arch.go_name(),
        target.os.go_name()
    )
}

/// The block written by Go's linker.
pub(super) fn go_block(version: &str, description: &str) -> Vec<u8> {
    let mut block = MAGIC.to_vec();
    block.extend([8, INLINE]);
    block.resize(HEADER as usize, 0);
    for text in [version.as_bytes().to_vec(), framed(description)] {
        let mut length = text.len();
        while length >= 0x80 {
            block.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        block.push(length as u8);
        block.extend(text);
    }
    block
}

/// Bytes assembled field by field.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    fn u16(&mut self, values: &[u16]) -> &mut Self {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    fn u32(&mut self, values: &[u32]) -> &mut Self {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    fn u64(&mut self, values: &[u64]) -> &mut Self {
        values.iter().for_each(|value| self.0.extend(value.to_le_bytes()));
        self
    }

    fn align(&mut self, to: usize) -> u64 {
        let length = self.0.len().next_multiple_of(to);
        self.0.resize(length, 0);
        length as u64
    }
}

/// The strings of an ELF file; the first is empty.
struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        let offset = self.0.len() as u32;
        self.0.extend(text.as_bytes());
        self.0.push(0);
        offset
    }
}

/// A 64-bit little-endian ELF file.
pub(super) struct ElfSample {
    /// `e_type`: 1 object, 2 fixed program, 3 shared or position-independent, 4 core.
    pub(super) kind: u16,
    /// `e_machine`: 62 is x86-64, 183 is 64-bit ARM.
    pub(super) machine: u16,
    /// The OS/ABI byte.
    pub(super) os_abi: u8,
    /// The entry point.
    pub(super) entry: u64,
    /// The dynamic loader.
    pub(super) interpreter: Option<&'static str>,
    /// Its library name, if it is a library.
    pub(super) soname: Option<&'static str>,
    /// Required libraries, each with its required versions.
    pub(super) needed: Vec<(&'static str, Vec<&'static str>)>,
    pub(super) versions_defined: Vec<&'static str>,
    /// The contents of `.go.buildinfo`.
    pub(super) go: Option<Vec<u8>>,
    /// Whether that section has a name; a stripped file may have no sections.
    pub(super) sections: bool,
}

impl Default for ElfSample {
    fn default() -> Self {
        Self {
            kind: 3,
            machine: 62,
            os_abi: 0,
            entry: 0x1000,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            versions_defined: Vec::new(),
            go: None,
            sections: true,
        }
    }
}

/// The load address of byte 0.
const BASE: u64 = 0x40_0000;

impl ElfSample {
    /// The file's bytes.
    pub(super) fn build(&self) -> Vec<u8> {
        let mut file = Bytes(vec![0; 64 + 4 * 56]);
        let interpreter = self.interpreter.map(|path| {
            let start = file.0.len() as u64;
            file.put(path.as_bytes()).put(&[0]);
            (start, path.len() as u64 + 1)
        });
        let dynamic = self.put_dynamic(&mut file);
        let go = self.go.as_ref().map(|block| {
            let start = file.align(16);
            file.put(block);
            (start, block.len() as u64)
        });
        let sections = if self.sections { Some(put_sections(&mut file, go)) } else { None };
        let end = file.0.len() as u64;
        let mut head = Bytes::default();
        self.put_header(&mut head, sections);
        let (zero, read, write) = ((0, 0), 4, 6);
        let segments = [(1, read, Some((0, end))), (3, read, interpreter), (2, read, dynamic), (1, write, go)];
        for (kind, flags, place) in segments {
            // An absent segment has type 0, which means "unused".
            let (offset, size) = place.unwrap_or(zero);
            head.u32(&[place.map_or(0, |_| kind), flags]).u64(&[offset, BASE + offset, 0, size, size, 16]);
        }
        file.0[..head.0.len()].copy_from_slice(&head.0);
        file.0
    }

    fn put_header(&self, head: &mut Bytes, sections: Option<u64>) {
        head.put(b"\x7fELF\x02\x01\x01").put(&[self.os_abi]).put(&[0; 8]);
        head.u16(&[self.kind, self.machine]).u32(&[1]).u64(&[self.entry, 64, sections.unwrap_or(0)]);
        let section_count = if sections.is_some() { 3 } else { 0 };
        head.u32(&[0]).u16(&[64, 56, 4, 64, section_count, if sections.is_some() { 1 } else { 0 }]);
    }

    /// The dynamic section with its tables; returns its position.
    fn put_dynamic(&self, file: &mut Bytes) -> Option<(u64, u64)> {
        if self.interpreter.is_none() && self.soname.is_none() && self.needed.is_empty() {
            return None;
        }
        let mut strings = Strings(vec![0]);
        let mut entries =
            self.needed.iter().map(|(name, _)| (1, strings.add(name).into())).collect::<Vec<(u64, u64)>>();
        entries.extend(self.soname.map(|name| (14, strings.add(name).into())));
        let needs = file.align(8);
        let count = self.put_needs(file, &mut strings);
        entries.extend([(0x6fff_fffe, BASE + needs), (0x6fff_ffff, count)]);
        let definitions = file.align(8);
        for name in &self.versions_defined {
            let last = Some(name) == self.versions_defined.last();
            file.u16(&[1, 0, 1, 1]).u32(&[0, 20, if last { 0 } else { 28 }, strings.add(name), 0]);
        }
        entries.extend([(0x6fff_fffc, BASE + definitions), (0x6fff_fffd, self.versions_defined.len() as u64)]);
        let table = file.align(8);
        file.put(&strings.0);
        entries.extend([(5, BASE + table), (10, strings.0.len() as u64), (0, 0)]);
        let start = file.align(8);
        entries.iter().for_each(|(tag, value)| {
            file.u64(&[*tag, *value]);
        });
        Some((start, entries.len() as u64 * 16))
    }

    fn put_needs(&self, file: &mut Bytes, strings: &mut Strings) -> u64 {
        let needs = self.needed.iter().filter(|(_, versions)| !versions.is_empty()).collect::<Vec<_>>();
        for (place, (library, versions)) in needs.iter().enumerate() {
            let next = if place + 1 == needs.len() { 0 } else { 16 + 16 * versions.len() as u32 };
            file.u16(&[1, versions.len() as u16]).u32(&[strings.add(library), 16, next]);
            for (place, version) in versions.iter().enumerate() {
                let next = if place + 1 == versions.len() { 0 } else { 16 };
                file.u32(&[0]).u16(&[0, 2]).u32(&[strings.add(version), next]);
            }
        }
        needs.len() as u64
    }
}

/// Three sections: null, names, and Go's; returns the offset of their table.
fn put_sections(file: &mut Bytes, go: Option<(u64, u64)>) -> u64 {
    let mut names = Strings(vec![0]);
    let (own, go_name) = (names.add(".shstrtab"), names.add(".go.buildinfo"));
    let start = file.align(8);
    file.put(&names.0);
    let length = names.0.len() as u64;
    let table = file.align(8);
    let mut section = |name: u32, kind: u32, (offset, size): (u64, u64)| {
        file.u32(&[name, kind]).u64(&[0, BASE + offset, offset, size]).u32(&[0, 0]).u64(&[16, 0]);
    };
    section(0, 0, (0, 0));
    section(own, 3, (start, length));
    section(if go.is_some() { go_name } else { 0 }, 1, go.unwrap_or((0, 0)));
    table
}

/// A 32-bit ELF header only, in either byte order.
pub(super) fn elf32(machine: u16, big_endian: bool) -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01\0".to_vec();
    file[5] = if big_endian { 2 } else { 1 };
    file.resize(52, 0);
    let two = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    for (place, value) in [(16, 2), (18, machine), (40, 52), (42, 32), (46, 40)] {
        file[place..place + 2].copy_from_slice(&two(value));
    }
    file[if big_endian { 27 } else { 24 }] = 1;
    file
}

/// A 64-bit Mach-O file with Go's section, a loader and a library.
pub(super) fn macho(cpu: u32, kind: u32, go: &[u8]) -> Vec<u8> {
    let mut commands = Bytes::default();
    for (command, fixed, path) in
        [(0xe_u32, &[12_u32][..], "/usr/lib/dyld"), (0xc, &[24, 2, 1, 1], "/usr/lib/libSystem.B.dylib")]
    {
        let mut body = Bytes::default();
        body.u32(fixed).put(path.as_bytes()).put(&[0]).align(8);
        commands.u32(&[command, body.0.len() as u32 + 8]).put(&body.0);
    }
    let offset = ((32 + commands.0.len() + 72 + 80) as u32).next_multiple_of(16);
    let size = go.len() as u64;
    let named = |name: &str| {
        let mut field = name.as_bytes().to_vec();
        field.resize(16, 0);
        field
    };
    let address = 0x1_0000_0000 + u64::from(offset);
    commands.u32(&[0x19, 72 + 80]).put(&named("__DATA")).u64(&[address, size, offset.into(), size]).u32(&[3, 3, 1, 0]);
    commands
        .put(&named("__go_buildinfo"))
        .put(&named("__DATA"))
        .u64(&[address, size])
        .u32(&[offset, 4, 0, 0, 0, 0, 0, 0]);
    let mut file = Bytes::default();
    file.u32(&[0xfeed_facf, cpu, 3, kind, 3, commands.0.len() as u32, 0, 0]).put(&commands.0).align(16);
    file.put(go);
    file.0
}

/// A universal file of these parts.
pub(super) fn universal(parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = vec![0xca, 0xfe, 0xba, 0xbe];
    file.extend((parts.len() as u32).to_be_bytes());
    let mut offset = 4096;
    for (cpu, part) in parts {
        for value in [*cpu, 3, offset, part.len() as u32, 12] {
            file.extend(value.to_be_bytes());
        }
        offset += (part.len() as u32).next_multiple_of(4096);
    }
    for (_, part) in parts {
        file.resize(file.len().next_multiple_of(4096), 0);
        file.extend(part);
    }
    file
}

/// A 64-bit PE file with one section of writable data. `characteristics`: 2 executable, 0x2000 library.
pub(super) fn pe(machine: u16, characteristics: u16, data: &[u8]) -> Vec<u8> {
    let mut file = Bytes(vec![0; 0x80]);
    file.0[..2].copy_from_slice(b"MZ");
    file.0[0x3c] = 0x80;
    file.put(b"PE\0\0").u16(&[machine, 1]).u32(&[0, 0, 0]).u16(&[240, characteristics]);
    let optional = file.0.len();
    file.u16(&[0x20b, 0]).u32(&[0, 0, 0, 0x1000, 0x1000]).u64(&[0x1_4000_0000]).u32(&[0x1000, 512]);
    file.0.resize(optional + 108, 0);
    file.u32(&[16]).put(&[0; 16 * 8]);
    let size = (data.len() as u32).next_multiple_of(512);
    file.put(b".data\0\0\0").u32(&[size, 0x2000, size, 1024, 0, 0, 0, 0xc000_0040]);
    file.0.resize(1024, 0);
    file.put(data).align(512);
    file.0
}
