//! Zip archives with arbitrary headers.

use std::io::Cursor;
use std::io::Write;

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A `.zip` with only the executable.
pub fn zip(name: &str, body: &[u8]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o755);
    written_zip(ZipWriter::new(Cursor::new(Vec::new())), &[(name, options, body)], |writer| {
        writer.finish().expect("in memory").into_inner()
    })
}

pub(super) fn written_zip<W: Write + std::io::Seek>(
    mut writer: ZipWriter<W>,
    entries: &[(&str, SimpleFileOptions, &[u8])],
    finish: impl FnOnce(ZipWriter<W>) -> Vec<u8>,
) -> Vec<u8> {
    for (name, options, body) in entries {
        writer.start_file(*name, *options).expect("in memory");
        writer.write_all(body).expect("in memory");
    }
    finish(writer)
}

/// An entry of a zip archive with two arbitrary headers.
pub struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) local_name: Vec<u8>,
    pub(super) made_by: u16,
    pub(super) flags: u16,
    pub(super) local_flags: u16,
    pub(super) method: u16,
    pub(super) local_method: u16,
    pub(super) crc: u32,
    pub(super) local_crc: u32,
    pub(super) packed_size: u32,
    pub(super) local_packed_size: u32,
    pub(super) size: u32,
    pub(super) local_size: u32,
    pub(super) attributes: u32,
    pub(super) extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) has_descriptor: bool,
    /// The bytes after the data: a descriptor, or garbage.
    pub(super) behind: Vec<u8>,
    /// The entry's offset in the central directory, instead of the real one.
    pub(super) place: Option<u32>,
}

impl ZipEntry {
    /// A valid, deflated entry.
    pub fn new(name: &[u8], body: &[u8]) -> Self {
        Self::of_data(name, body, deflate(body), 8)
    }

    /// A valid, stored entry.
    pub fn stored(name: &[u8], body: &[u8]) -> Self {
        Self::of_data(name, body, body.to_vec(), 0)
    }

    fn of_data(name: &[u8], body: &[u8], data: Vec<u8>, method: u16) -> Self {
        let (crc, packed_size, size) = (crc32(body), data.len() as u32, body.len() as u32);
        Self {
            name: name.to_vec(),
            local_name: name.to_vec(),
            made_by: 3 << 8 | 20,
            flags: 0,
            local_flags: 0,
            method,
            local_method: method,
            crc,
            local_crc: crc,
            packed_size,
            local_packed_size: packed_size,
            size,
            local_size: size,
            attributes: 0,
            extra: Vec::new(),
            comment: Vec::new(),
            data,
            has_descriptor: false,
            behind: Vec::new(),
            place: None,
        }
    }

    pub(super) fn with_attributes(mut self, attributes: u32) -> Self {
        self.attributes = attributes;
        self
    }

    /// The entry as written by streaming tools: sizes and checksum follow the data.
    pub fn with_descriptor(mut self) -> Self {
        self.has_descriptor = true;
        let numbers = [self.crc, self.packed_size, self.size].map(u32::to_le_bytes).concat();
        self.behind = [b"PK\x07\x08".to_vec(), numbers].concat();
        self
    }

    fn local(&self) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(20_u16.to_le_bytes());
        let descriptor_flag = if self.has_descriptor { 8 } else { 0 };
        bytes.extend((self.flags | self.local_flags | descriptor_flag).to_le_bytes());
        bytes.extend(self.local_method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0]);
        let numbers =
            if self.has_descriptor { [0; 3] } else { [self.local_crc, self.local_packed_size, self.local_size] };
        bytes.extend(numbers.map(u32::to_le_bytes).concat());
        bytes.extend((self.local_name.len() as u16).to_le_bytes());
        bytes.extend((self.extra.len() as u16).to_le_bytes());
        [&bytes[..], &self.local_name, &self.extra, &self.data].concat()
    }

    fn central(&self, place: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.extend(self.made_by.to_le_bytes());
        bytes.extend(20_u16.to_le_bytes());
        let descriptor_flag = if self.has_descriptor { 8 } else { 0 };
        bytes.extend((self.flags | descriptor_flag).to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0, 0, 0x21, 0]);
        bytes.extend([self.crc, self.packed_size, self.size].map(u32::to_le_bytes).concat());
        let lengths = [self.name.len() as u16, self.extra.len() as u16, self.comment.len() as u16, 0, 0];
        bytes.extend(lengths.map(u16::to_le_bytes).concat());
        bytes.extend(self.attributes.to_le_bytes());
        bytes.extend(place.to_le_bytes());
        [&bytes[..], &self.name, &self.extra, &self.comment].concat()
    }
}

/// A zip archive of these entries, as they are.
pub fn raw_zip(entries: &[ZipEntry], comment: &[u8]) -> Vec<u8> {
    let (mut bytes, directory) = zip_body(entries);
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(zip_end(entries.len() as u16, directory.len() as u32, start));
    bytes.extend((comment.len() as u16).to_le_bytes());
    bytes.extend(comment);
    bytes
}

/// As [`raw_zip`], with a zip64 end record, which the last argument may change.
pub(super) fn raw_zip64(entries: &[ZipEntry], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let (mut bytes, directory) = zip_body(entries);
    let start = bytes.len() as u64;
    bytes.extend(&directory);
    let end64 = bytes.len() as u64;
    let mut record = b"PK\x06\x06".to_vec();
    record.extend(44_u64.to_le_bytes());
    record.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let count = entries.len() as u64;
    record.extend([count, count, directory.len() as u64, start].map(u64::to_le_bytes).concat());
    change(&mut record);
    bytes.extend(record);
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(end64.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(zip_end(entries.len() as u16, u32::MAX, u32::MAX));
    bytes.extend([0, 0]);
    bytes
}

pub(super) fn zip_body(entries: &[ZipEntry]) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(entry.central(entry.place.unwrap_or(bytes.len() as u32)));
        if entry.place.is_none() {
            bytes.extend(entry.local());
            bytes.extend(&entry.behind);
        }
    }
    (bytes, directory)
}

pub(super) fn zip_end(count: u16, size: u32, start: u32) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend([count, count].map(u16::to_le_bytes).concat());
    bytes.extend([size, start].map(u32::to_le_bytes).concat());
    bytes
}

pub(super) fn zip_beside(name: &str, body: &[u8], other: ZipEntry) -> Vec<u8> {
    raw_zip(&[ZipEntry::new(name.as_bytes(), body), other], b"")
}

pub(super) fn zip_with(name: &str, body: &[u8], change: impl FnOnce(&mut ZipEntry)) -> Vec<u8> {
    let mut entry = ZipEntry::new(name.as_bytes(), body);
    change(&mut entry);
    raw_zip(&[entry], b"")
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
