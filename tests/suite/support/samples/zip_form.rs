//! Zip archives with false metadata: two headers, descriptors, offsets, bombs, truncation.

use super::Sample;
use super::tar::tar_gz;
use super::zip::ZipEntry;
use super::zip::crc32;
use super::zip::deflate;
use super::zip::raw_zip;
use super::zip::raw_zip64;
use super::zip::zip;
use super::zip::zip_beside;
use super::zip::zip_with;

pub const SAMPLES: &[Sample] = &[
    ("an encrypted entry", |name, body| zip_with(name, body, |entry| entry.flags |= 1)),
    ("a strongly encrypted entry", |name, body| zip_with(name, body, |entry| entry.flags |= 1 << 6)),
    ("unknown flags", |name, body| zip_with(name, body, |entry| entry.flags |= 1 << 5)),
    ("an unsupported method", |name, body| {
        zip_with(name, body, |entry| {
            entry.method = 12;
            entry.local_method = 12;
        })
    }),
    ("a local header with another name", |name, body| {
        zip_with(name, body, |entry| entry.local_name = entry.name.to_ascii_uppercase())
    }),
    ("a local header with another method", |name, body| zip_with(name, body, |entry| entry.local_method = 0)),
    ("a local header with other flags", |name, body| zip_with(name, body, |entry| entry.local_flags = 1 << 13)),
    ("a local header with another size", |name, body| zip_with(name, body, |entry| entry.local_size += 1)),
    ("a local header with another compressed size", |name, body| {
        zip_with(name, body, |entry| entry.local_packed_size += 1)
    }),
    ("a local header with another checksum", |name, body| zip_with(name, body, |entry| entry.local_crc ^= 1)),
    ("no local header", |name, body| {
        let mut bytes = raw_zip(&[ZipEntry::new(b"README", b"x"), ZipEntry::new(name.as_bytes(), body)], b"");
        let second = 30 + 6 + deflate(b"x").len();
        bytes[second] ^= 1;
        bytes
    }),
    ("another name in an extra field", |name, body| {
        let crc = crc32(name.as_bytes()).to_le_bytes();
        let field = [&[1], &crc[..], b"../evil"].concat();
        let extra = [&0x7075_u16.to_le_bytes(), &(field.len() as u16).to_le_bytes(), &field[..]].concat();
        zip_with(name, body, |entry| entry.extra = extra)
    }),
    ("a wrong checksum", |name, body| {
        zip_with(name, body, |entry| {
            entry.crc ^= 1;
            entry.local_crc ^= 1;
        })
    }),
    ("a wrong checksum beside it", |name, body| {
        let mut entry = ZipEntry::new(b"README", b"read me");
        entry.crc ^= 1;
        entry.local_crc ^= 1;
        zip_beside(name, body, entry)
    }),
    ("a size too small", |name, body| {
        zip_with(name, body, |entry| {
            entry.size -= 1;
            entry.local_size -= 1;
        })
    }),
    ("a size too large", |name, body| {
        zip_with(name, body, |entry| {
            entry.size += 1;
            entry.local_size += 1;
        })
    }),
    ("bytes behind the compressed data", |name, body| {
        zip_with(name, body, |entry| {
            entry.data.extend(b"hidden");
            entry.packed_size += 6;
            entry.local_packed_size += 6;
        })
    }),
    ("a wrong data descriptor", |name, body| {
        let mut entry = ZipEntry::new(name.as_bytes(), body).with_descriptor();
        entry.behind[8] ^= 1;
        raw_zip(&[entry], b"")
    }),
    ("a missing data descriptor", |name, body| {
        let mut entry = ZipEntry::new(name.as_bytes(), body).with_descriptor();
        entry.behind.clear();
        raw_zip(&[entry], b"")
    }),
    ("half a data descriptor", |name, body| {
        let mut entry = ZipEntry::new(name.as_bytes(), body).with_descriptor();
        entry.behind.truncate(7);
        raw_zip(&[entry], b"")
    }),
    ("bytes between entries", |name, body| {
        let mut first = ZipEntry::new(b"README", b"x");
        first.behind = b"hidden".to_vec();
        raw_zip(&[first, ZipEntry::new(name.as_bytes(), body)], b"")
    }),
    ("bytes before the central directory", |name, body| {
        zip_with(name, body, |entry| entry.behind = b"hidden".to_vec())
    }),
    ("overlapping entries", |name, body| {
        // The first entry's data is the whole second entry.
        let second = raw_zip(&[ZipEntry::new(name.as_bytes(), body)], b"");
        let local = second[..30 + name.len() + deflate(body).len()].to_vec();
        let first = ZipEntry::stored(b"README", &local);
        let mut inner = ZipEntry::new(name.as_bytes(), body);
        inner.place = Some(36);
        raw_zip(&[first, inner], b"")
    }),
    ("two entries with one place", |name, body| {
        let mut second = ZipEntry::new(name.as_bytes(), body);
        second.place = Some(0);
        second.name = b"other".to_vec();
        raw_zip(&[ZipEntry::new(name.as_bytes(), body), second], b"")
    }),
    ("bytes before the archive", |name, body| [b"#!/bin/sh\n".to_vec(), zip(name, body)].concat()),
    ("an archive before the archive", |name, body| [zip(name, b"other"), zip(name, body)].concat()),
    ("bytes behind the archive", |name, body| [zip(name, body), b"x".to_vec()].concat()),
    ("a second end record in the comment", |name, body| {
        let fake = raw_zip(&[], b"");
        raw_zip(&[ZipEntry::new(name.as_bytes(), body)], &fake)
    }),
    ("cut in the middle", |name, body| {
        let bytes = zip(name, body);
        bytes[..bytes.len() / 2].to_vec()
    }),
    ("cut by one byte", |name, body| {
        let bytes = zip(name, body);
        bytes[..bytes.len() - 1].to_vec()
    }),
    ("a flipped bit", |name, body| {
        let mut bytes = zip(name, body);
        let at = 30 + name.len() + 10;
        bytes[at] ^= 0x10;
        bytes
    }),
    ("an end record with another count", |name, body| {
        let mut bytes = raw_zip(&[ZipEntry::new(name.as_bytes(), body)], b"");
        let end = bytes.len() - 22;
        bytes[end + 8] = 2;
        bytes[end + 10] = 2;
        bytes
    }),
    ("an end record with another place", |name, body| {
        let mut bytes = raw_zip(&[ZipEntry::new(name.as_bytes(), body)], b"");
        let end = bytes.len() - 22;
        bytes[end + 16] ^= 1;
        bytes
    }),
    ("one part of several", |name, body| {
        let mut bytes = raw_zip(&[ZipEntry::new(name.as_bytes(), body)], b"");
        let end = bytes.len() - 22;
        bytes[end + 4] = 1;
        bytes
    }),
    ("a zip64 end record that disagrees", |name, body| {
        raw_zip64(&[ZipEntry::new(name.as_bytes(), body)], |record| {
            record[24] = 2;
            record[32] = 2;
        })
    }),
    ("too many entries", |_, _| {
        let mut bytes = raw_zip(&[], b"");
        bytes[8..12].copy_from_slice(&[0x11, 0x27, 0x11, 0x27]);
        bytes
    }),
    ("a central directory too large", |name, body| {
        let mut entries: Vec<_> = (0..40).map(|n| ZipEntry::new(format!("{n}").as_bytes(), b"")).collect();
        for entry in &mut entries {
            entry.comment = vec![b'x'; 60_000];
        }
        entries.push(ZipEntry::new(name.as_bytes(), body));
        raw_zip(&entries, b"")
    }),
    ("a bomb beside it", |name, body| zip_beside(name, body, ZipEntry::new(b"bomb", &vec![0; 16 * 1024 * 1024]))),
    ("a bomb that lies about its size", |name, body| {
        let mut bomb = ZipEntry::new(b"bomb", &vec![0; 16 * 1024 * 1024]);
        bomb.size = 10;
        bomb.local_size = 10;
        zip_beside(name, body, bomb)
    }),
    ("a bomb as the executable", |name, _| raw_zip(&[ZipEntry::new(name.as_bytes(), &vec![0; 16 * 1024 * 1024])], b"")),
    ("a tar archive", tar_gz),
    ("an entry encrypted with AES", |name, body| {
        zip_with(name, body, |entry| {
            entry.flags |= 1;
            entry.method = 99;
            entry.local_method = 99;
        })
    }),
    ("a size beyond everything", |name, body| {
        zip_with(name, body, |entry| {
            entry.size = u32::MAX - 1;
            entry.local_size = u32::MAX - 1;
        })
    }),
    ("a zip64 size beyond everything", |name, body| {
        zip_with(name, body, |entry| {
            let size = (u64::MAX - 1).to_le_bytes();
            entry.extra = [&[1, 0, 16, 0], &size[..], &(entry.data.len() as u64).to_le_bytes()].concat();
            (entry.size, entry.local_size) = (u32::MAX, u32::MAX);
            (entry.packed_size, entry.local_packed_size) = (u32::MAX, u32::MAX);
        })
    }),
];
