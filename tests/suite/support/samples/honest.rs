//! Archives as created by real tools.

use std::io::Cursor;
use std::io::Write;

use flate2::Compression;
use flate2::GzBuilder;
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Sample;
use super::gzip;
use super::tar::directory;
use super::tar::executable;
use super::tar::file;
use super::tar::gzip_tar;
use super::tar::long_name;
use super::tar::long_path;
use super::tar::pax;
use super::tar::tar;
use super::tar::tar_gz;
use super::zip::ZipEntry;
use super::zip::raw_zip;
use super::zip::raw_zip64;
use super::zip::written_zip;
use super::zip::zip;

/// Archives as created by real tools. Each contains exactly one executable, and possibly harmless other files.
pub const HONEST_TAR_GZ: &[Sample] = &[
    ("plain", tar_gz),
    ("in one directory, with company", |name, body| {
        gzip_tar(&[
            directory("worker-1.2.3/"),
            file("worker-1.2.3/README.md", b"read me"),
            executable(&format!("worker-1.2.3/{name}"), body),
            file("worker-1.2.3/LICENSE", &[b'x'; 512]),
            file("worker-1.2.3/docs/install.sh", b"#!/bin/sh\n"),
        ])
    }),
    ("in the bin of one directory", |name, body| {
        gzip_tar(&[file("worker-1.2.3/README.md", b"read me"), executable(&format!("worker-1.2.3/bin/{name}"), body)])
    }),
    ("in two gzip members", |name, body| {
        let bytes = tar(&[executable(name, body)]);
        let (first, second) = bytes.split_at(600);
        [gzip(first), gzip(second)].concat()
    }),
    ("in a gzip member for each block, and empty ones", |name, body| {
        let bytes = tar(&[executable(name, body)]);
        bytes.chunks(8192).flat_map(|block| [gzip(b""), gzip(block)].concat()).chain(gzip(&[0; 512])).collect()
    }),
    ("packed from the current directory", |name, body| {
        gzip_tar(&[directory("./"), executable(&format!("./{name}"), body), file("./README.md", b"")])
    }),
    ("a long GNU name beside it", |name, body| {
        gzip_tar(&[long_name(&long_path()), file("cut", b"text"), executable(name, body)])
    }),
    ("a long GNU name for itself", |name, body| {
        let path = format!("{}/{name}", "v".repeat(120));
        gzip_tar(&[long_name(path.as_bytes()), executable("cut", body)])
    }),
    ("PAX headers", |name, body| {
        let attribute = b"two\nlines, and 9 bytes=\0\n";
        gzip_tar(&[
            pax(b'g', &[("comment", b"0123456789abcdef0123456789abcdef01234567")]),
            pax(b'x', &[("mtime", b"1700000000.5"), ("SCHILY.xattr.user.note", attribute), ("path", name.as_bytes())]),
            executable("cut", body),
            pax(b'x', &[("path", &long_path())]),
            file("cut", b"text"),
        ])
    }),
    ("a PAX size that agrees", |name, body| {
        gzip_tar(&[pax(b'x', &[("size", body.len().to_string().as_bytes())]), executable(name, body)])
    }),
    ("archives inside", |name, body| {
        gzip_tar(&[
            file("inner.tar.gz", &tar_gz(name, b"another")),
            file("inner.zip", &zip(name, b"another")),
            executable(name, body),
        ])
    }),
    ("a longer padding", |name, body| gzip(&[tar(&[executable(name, body)]), vec![0; 20 * 512]].concat())),
    ("names in the gzip header", |name, body| {
        let builder = GzBuilder::new().filename("worker.tar").comment("made by a release").extra(vec![1; 40]).mtime(1);
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        encoder.write_all(&tar(&[executable(name, body)])).expect("in memory");
        encoder.finish().expect("in memory")
    }),
];

/// Archives as created by real tools, and valid variations.
pub const HONEST_ZIP: &[Sample] = &[
    ("plain", zip),
    ("stored", |name, body| {
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
        written_zip(ZipWriter::new(Cursor::new(Vec::new())), &[(name, options, body)], |writer| {
            writer.finish().expect("in memory").into_inner()
        })
    }),
    ("in one directory, with company", |name, body| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_directory("worker-1.2.3", SimpleFileOptions::default()).expect("in memory");
        let member = format!("worker-1.2.3/{name}");
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let entries: [(&str, _, &[u8]); 3] = [
            ("worker-1.2.3/README.md", options, b"read me"),
            (&member, options.unix_permissions(0o755), body),
            ("worker-1.2.3/docs/empty", options, b""),
        ];
        written_zip(writer, &entries, |writer| writer.finish().expect("in memory").into_inner())
    }),
    ("zip64", |name, body| {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        written_zip(ZipWriter::new(Cursor::new(Vec::new())), &[(name, options, body)], |writer| {
            writer.finish().expect("in memory").into_inner()
        })
    }),
    ("data descriptors", |name, body| {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let entries: [(&str, _, &[u8]); 2] = [("README.md", options, b"read me"), (name, options, body)];
        written_zip(ZipWriter::new_stream(Vec::new()), &entries, |writer| {
            writer.finish().expect("in memory").into_inner()
        })
    }),
    ("zip64 data descriptors", |name, body| {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        let entries: [(&str, _, &[u8]); 2] = [("README.md", options, b"read me"), (name, options, body)];
        written_zip(ZipWriter::new_stream(Vec::new()), &entries, |writer| {
            writer.finish().expect("in memory").into_inner()
        })
    }),
    ("bare data descriptors", |name, body| {
        let mut entry = ZipEntry::new(name.as_bytes(), body).with_descriptor();
        entry.behind.drain(..4);
        raw_zip(&[entry, ZipEntry::new(b"README", b"x")], b"")
    }),
    ("a zip64 end record", |name, body| raw_zip64(&[ZipEntry::new(name.as_bytes(), body)], |_| {})),
    ("a comment", |name, body| raw_zip(&[ZipEntry::new(name.as_bytes(), body)], b"made by a release")),
    ("archives inside", |name, body| {
        let inner = zip(name, b"another");
        let entries = [ZipEntry::stored(b"inner.zip", &inner), ZipEntry::new(name.as_bytes(), body)];
        raw_zip(&entries, b"")
    }),
];
