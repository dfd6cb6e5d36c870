//! Archives built by code, honest and hostile, for whatever reads archives.

#![allow(dead_code, reason = "every test program that includes this file uses another part of it")]

use std::io::Cursor;
use std::io::Write;

use flate2::Compression;
use flate2::Crc;
use flate2::GzBuilder;
use flate2::write::DeflateEncoder;
use flate2::write::GzEncoder;
use tar::EntryType;
use tar::Header;
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive by the name of what is special about it, built around one executable with the given name and bytes.
pub type Sample = (&'static str, fn(&str, &[u8]) -> Vec<u8>);

/// What real tools make. All hold exactly the executable, and perhaps harmless things beside it.
pub const HONEST_TAR_GZ: &[Sample] = &[
    ("plain", tar_gz),
    ("in one folder, with company", |name, body| {
        gzip_tar(&[
            folder("worker-1.2.3/"),
            file("worker-1.2.3/README.md", b"read me"),
            executable(&format!("worker-1.2.3/{name}"), body),
            file("worker-1.2.3/LICENSE", &[b'x'; 512]),
            file("worker-1.2.3/docs/install.sh", b"#!/bin/sh\n"),
        ])
    }),
    ("packed from the current folder", |name, body| {
        gzip_tar(&[folder("./"), executable(&format!("./{name}"), body), file("./README.md", b"")])
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

/// What no release makes. Each holds a good executable too, where its fault allows one.
pub const HOSTILE_TAR_GZ: &[Sample] = &[
    ("nothing at all", |_, _| Vec::new()),
    ("not gzip", |_, body| [b"<!DOCTYPE html>".as_slice(), body].concat()),
    ("gzip of something else", |_, _| gzip(&[b'x'; 4096])),
    ("gzip of nothing", |_, _| gzip(&[])),
    ("an archive of nothing", |_, _| gzip_tar(&[])),
    ("traversal", |name, body| beside(name, body, file("../evil", b"x"))),
    ("traversal in the middle", |name, body| beside(name, body, file("a/../../evil", b"x"))),
    ("traversal that comes back", |name, body| beside(name, body, file("a/../b", b"x"))),
    ("traversal with backslashes", |name, body| beside(name, body, file("..\\evil", b"x"))),
    ("traversal for Windows", |name, body| beside(name, body, file(".. /evil", b"x"))),
    ("traversal of the executable", |name, body| gzip_tar(&[executable(&format!("../{name}"), body)])),
    ("traversal of a folder", |name, body| beside(name, body, folder("../"))),
    ("absolute", |name, body| beside(name, body, file("/etc/evil", b"x"))),
    ("absolute with a drive", |name, body| beside(name, body, file("C:\\evil", b"x"))),
    ("absolute on a server", |name, body| beside(name, body, file("\\\\server\\evil", b"x"))),
    ("a backslash", |name, body| beside(name, body, file("a\\evil", b"x"))),
    ("an escape code", |name, body| beside(name, body, file("\u{1b}[31mred", b"x"))),
    ("a NUL in a long name", |name, body| {
        gzip_tar(&[long_name(b"good\0evil"), file("cut", b"x"), executable(name, body)])
    }),
    ("a NUL in a short name", |name, body| beside(name, body, entry(b"good\0evil", b'0', 0o644, b"x"))),
    ("a name that is not UTF-8", |name, body| beside(name, body, entry(b"ev\xffil", b'0', 0o644, b"x"))),
    ("a name with combining marks", |name, body| beside(name, body, file("e\u{301}vil", b"x"))),
    ("an empty name", |name, body| beside(name, body, entry(b"", b'0', 0o644, b"x"))),
    ("empty parts in a name", |name, body| beside(name, body, file("a//evil", b"x"))),
    ("a very long name", |name, body| gzip_tar(&[long_name(&[b'x'; 5000]), file("cut", b"x"), executable(name, body)])),
    ("a symbolic link", |name, body| beside(name, body, link(b'2', "evil", "/etc/passwd"))),
    ("the executable as a symbolic link", |name, _| gzip_tar(&[link(b'2', name, "/bin/sh")])),
    ("a link and a write through it", |name, body| {
        gzip_tar(&[link(b'2', "x", "/tmp"), executable(&format!("x/{name}"), body)])
    }),
    ("a hard link", |name, body| beside(name, body, link(b'1', "evil", name))),
    ("a hard link with a long target", |name, body| {
        gzip_tar(&[executable(name, body), entry(b"././@LongLink", b'K', 0, &[b'x'; 300]), link(b'1', "evil", "cut")])
    }),
    ("a character device", |name, body| beside(name, body, entry(b"evil", b'3', 0o644, b""))),
    ("a block device", |name, body| beside(name, body, entry(b"evil", b'4', 0o644, b""))),
    ("a named pipe", |name, body| beside(name, body, entry(b"evil", b'6', 0o644, b""))),
    ("a sparse file", |name, body| beside(name, body, entry(b"evil", b'S', 0o644, b""))),
    ("a sparse file of PAX form", |name, body| {
        let map: &[(&str, &[u8])] = &[("GNU.sparse.major", b"1"), ("GNU.sparse.name", b"evil")];
        gzip_tar(&[executable(name, body), pax(b'x', map), file("GNUSparseFile.0/evil", b"1\n0\n1\n")])
    }),
    ("a contiguous file", |name, body| beside(name, body, entry(b"evil", b'7', 0o644, b"x"))),
    ("an unknown kind", |name, body| beside(name, body, entry(b"evil", b'\x1b', 0o644, b"x"))),
    ("a volume label", |name, body| beside(name, body, entry(b"evil", b'V', 0o644, b""))),
    ("the executable twice", |name, body| gzip_tar(&[executable(name, body), executable(name, b"other")])),
    ("two executables", |name, body| gzip_tar(&[executable(name, body), executable(&format!("x/{name}"), b"other")])),
    ("another file twice", |name, body| {
        gzip_tar(&[file("README", b"1"), executable(name, body), file("./README", b"2")])
    }),
    ("names that differ in case", |name, body| {
        gzip_tar(&[executable(name, body), executable(&name.to_uppercase(), b"x")])
    }),
    ("folders that differ in case", |name, body| {
        gzip_tar(&[executable(&format!("x/{name}"), body), file("X/evil", b"x")])
    }),
    ("a file that is a folder", |name, body| gzip_tar(&[file("x", b"x"), executable(&format!("x/{name}"), body)])),
    ("a file with a folder's name", |name, body| beside(name, body, file("evil/", b"x"))),
    ("a folder with contents", |name, body| beside(name, body, entry(b"evil/", b'5', 0o755, b"x"))),
    ("set-uid", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o4755, body)])),
    ("set-gid", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o2755, body)])),
    ("sticky", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o1755, body)])),
    ("no executable", |_, _| gzip_tar(&[file("README.md", b"x"), folder("docs/"), file("docs/\u{7f}", b"x")][..2])),
    ("the executable two folders down", |name, body| gzip_tar(&[executable(&format!("a/b/{name}"), body)])),
    ("the executable in capitals", |name, body| gzip_tar(&[executable(&name.to_uppercase(), body)])),
    ("the executable as a folder", |name, _| gzip_tar(&[folder(&format!("{name}/"))])),
    ("an empty executable", |name, _| gzip_tar(&[executable(name, b"")])),
    ("a long name that is hostile", |name, body| {
        gzip_tar(&[long_name(b"../evil"), file("harmless", b"x"), executable(name, body)])
    }),
    ("a PAX path that is hostile", |name, body| {
        gzip_tar(&[pax(b'x', &[("path", b"../evil")]), file("harmless", b"x"), executable(name, body)])
    }),
    ("a PAX path that makes a second executable", |name, body| {
        gzip_tar(&[
            executable(name, body),
            pax(b'x', &[("path", format!("x/{name}").as_bytes())]),
            file("harmless", b"x"),
        ])
    }),
    ("two names for one entry", |name, body| {
        gzip_tar(&[long_name(name.as_bytes()), pax(b'x', &[("path", b"other")]), executable("cut", body)])
    }),
    ("two PAX headers for one entry", |name, body| {
        gzip_tar(&[pax(b'x', &[("path", name.as_bytes())]), pax(b'x', &[("mtime", b"1")]), executable("cut", body)])
    }),
    ("a PAX size that differs", |name, body| gzip_tar(&[pax(b'x', &[("size", b"3")]), executable(name, body)])),
    ("a PAX size that is no number", |name, body| gzip_tar(&[pax(b'x', &[("size", b"-1")]), executable(name, body)])),
    ("two PAX sizes", |name, body| {
        let size = body.len().to_string();
        gzip_tar(&[pax(b'x', &[("size", size.as_bytes()), ("size", b"3")]), executable(name, body)])
    }),
    ("a broken PAX header", |name, body| {
        gzip_tar(&[entry(b"pax", b'x', 0o644, b"99 path=evil\n"), executable(name, body)])
    }),
    ("a global PAX header with a path", |name, body| {
        gzip_tar(&[pax(b'g', &[("path", b"evil")]), executable(name, body)])
    }),
    ("an extension of nothing", |name, body| gzip_tar(&[executable(name, body), long_name(b"evil")])),
    ("an extension without end", |name, body| {
        gzip_tar(&[entry(b"pax", b'x', 0o644, &vec![b'1'; 2 * 1024 * 1024]), executable(name, body)])
    }),
    ("a wrong header checksum", |name, body| {
        let mut other = file("other", b"x");
        other[0] ^= 1;
        beside(name, body, other)
    }),
    ("a header of unknown form", |name, body| {
        let mut header = Header::new_old();
        header.set_size(body.len() as u64);
        header.set_mode(0o755);
        gzip_tar(&[header_and_body(header, name.as_bytes(), body)])
    }),
    ("a size that is no number", |name, body| {
        let mut header = Header::new_ustar();
        header.set_mode(0o755);
        header.as_old_mut().size = *b"not a number";
        gzip_tar(&[header_and_body(header, name.as_bytes(), body)])
    }),
    ("a size beyond everything", |name, body| {
        let mut header = Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(u64::MAX - 5);
        gzip_tar(&[header_and_body(header, name.as_bytes(), body)])
    }),
    ("a size beyond the archive", |name, body| {
        let mut header = Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(body.len() as u64 + 5000);
        gzip_tar(&[header_and_body(header, name.as_bytes(), body)])
    }),
    ("too many entries", |name, body| {
        let mut entries: Vec<_> = (0..10_000).map(|n| entry(format!("{n}").as_bytes(), b'0', 0o644, b"")).collect();
        entries.push(executable(name, body));
        gzip_tar(&entries)
    }),
    ("too many names", |name, body| {
        let mut entries: Vec<_> = (0..3000)
            .flat_map(|n| [long_name(format!("{n:a>1000}").as_bytes()), entry(b"cut", b'0', 0o644, b"")])
            .collect();
        entries.push(executable(name, body));
        gzip_tar(&entries)
    }),
    ("a bomb beside it", |name, body| gzip_tar(&[executable(name, body), file("bomb", &vec![0; 16 * 1024 * 1024])])),
    ("a bomb as the executable", |name, _| gzip_tar(&[executable(name, &vec![0; 16 * 1024 * 1024])])),
    ("a bomb behind the end", |name, body| gzip(&[tar(&[executable(name, body)]), vec![0; 16 * 1024 * 1024]].concat())),
    ("a wrong checksum", |name, body| {
        let mut bytes = tar_gz(name, body);
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        bytes
    }),
    ("a wrong length", |name, body| {
        let mut bytes = tar_gz(name, body);
        let at = bytes.len() - 4;
        bytes[at] ^= 1;
        bytes
    }),
    ("a flipped bit", |name, body| {
        let mut bytes = tar_gz(name, body);
        let at = bytes.len() / 2;
        bytes[at] ^= 0x10;
        bytes
    }),
    ("cut in the middle", |name, body| {
        let bytes = tar_gz(name, body);
        bytes[..bytes.len() / 2].to_vec()
    }),
    ("cut by one byte", |name, body| {
        let bytes = tar_gz(name, body);
        bytes[..bytes.len() - 1].to_vec()
    }),
    ("cut before it was compressed", |name, body| gzip(&executable(name, body))),
    ("one end block", |name, body| gzip(&[executable(name, body), vec![0; 512]].concat())),
    ("cut inside a block", |name, body| gzip(&tar(&[executable(name, body)])[..700])),
    ("bytes behind the stream", |name, body| [tar_gz(name, body), b"x".to_vec()].concat()),
    ("zeros behind the stream", |name, body| [tar_gz(name, body), vec![0; 512]].concat()),
    ("two streams", |name, body| [tar_gz(name, body), gzip(&[0; 512])].concat()),
    ("an archive in two streams", |name, body| {
        let bytes = tar(&[executable(name, body)]);
        let (first, second) = bytes.split_at(600);
        [gzip(first), gzip(second)].concat()
    }),
    ("an entry behind the end", |name, body| {
        gzip(&[tar(&[executable(name, body)]), tar(&[file("evil", b"x")])].concat())
    }),
    ("an entry behind one end block", |name, body| {
        gzip(&[executable(name, body), vec![0; 512], tar(&[file("evil", b"x")])].concat())
    }),
];

/// What real tools make, and what the format allows them to.
pub const HONEST_ZIP: &[Sample] = &[
    ("plain", zip),
    ("stored", |name, body| {
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
        written_zip(ZipWriter::new(Cursor::new(Vec::new())), &[(name, options, body)], |writer| {
            writer.finish().expect("in memory").into_inner()
        })
    }),
    ("in one folder, with company", |name, body| {
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

/// What no release makes. Each holds a good executable too, where its fault allows one.
pub const HOSTILE_ZIP: &[Sample] = &[
    ("nothing at all", |_, _| Vec::new()),
    ("not zip", |_, body| [b"<!DOCTYPE html>".as_slice(), body].concat()),
    ("an archive of nothing", |_, _| raw_zip(&[], b"")),
    ("traversal", |name, body| zip_beside(name, body, ZipEntry::new(b"../evil", b"x"))),
    ("traversal with backslashes", |name, body| zip_beside(name, body, ZipEntry::new(b"a\\..\\evil", b"x"))),
    ("absolute", |name, body| zip_beside(name, body, ZipEntry::new(b"/etc/evil", b"x"))),
    ("absolute with a drive", |name, body| zip_beside(name, body, ZipEntry::new(b"C:/evil", b"x"))),
    ("an escape code", |name, body| zip_beside(name, body, ZipEntry::new(b"\x1b[31mred", b"x"))),
    ("a NUL in a name", |name, body| zip_beside(name, body, ZipEntry::new(b"good\0evil", b"x"))),
    ("a name that is not UTF-8", |name, body| zip_beside(name, body, ZipEntry::new(b"ev\x81il", b"x"))),
    ("a symbolic link", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil", b"/etc/passwd").with_attributes(0o120_777 << 16))
    }),
    ("a symbolic link of another system", |name, body| {
        let mut entry = ZipEntry::new(b"evil", b"/etc/passwd").with_attributes(0o120_777 << 16);
        entry.made_by = 20;
        zip_beside(name, body, entry)
    }),
    ("a reparse point", |name, body| zip_beside(name, body, ZipEntry::new(b"evil", b"x").with_attributes(0x400))),
    ("a device", |name, body| zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0o060_644 << 16))),
    ("a named pipe", |name, body| zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0o010_644 << 16))),
    ("a socket", |name, body| zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0o140_644 << 16))),
    ("a folder by its attributes alone", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0x10))
    }),
    ("a folder by its name alone", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil/", b"").with_attributes(0o100_644 << 16))
    }),
    ("a folder with contents", |name, body| zip_beside(name, body, ZipEntry::new(b"evil/", b"x"))),
    ("set-uid", |name, body| raw_zip(&[ZipEntry::new(name.as_bytes(), body).with_attributes(0o104_755 << 16)], b"")),
    ("the executable twice", |name, body| {
        raw_zip(&[ZipEntry::new(name.as_bytes(), body), ZipEntry::new(name.as_bytes(), b"other")], b"")
    }),
    ("two executables", |name, body| zip_beside(name, body, ZipEntry::new(format!("x/{name}").as_bytes(), b"other"))),
    ("names that differ in case", |name, body| {
        zip_beside(name, body, ZipEntry::new(name.to_uppercase().as_bytes(), b"other"))
    }),
    ("no executable", |_, _| raw_zip(&[ZipEntry::new(b"README", b"x")], b"")),
    ("an empty executable", |name, _| raw_zip(&[ZipEntry::new(name.as_bytes(), b"")], b"")),
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
];

/// A `.tar.gz` with the executable alone, as `tar czf` makes it.
pub fn tar_gz(name: &str, body: &[u8]) -> Vec<u8> {
    gzip_tar(&[executable(name, body)])
}

/// A `.zip` with the executable alone.
pub fn zip(name: &str, body: &[u8]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o755);
    written_zip(ZipWriter::new(Cursor::new(Vec::new())), &[(name, options, body)], |writer| {
        writer.finish().expect("in memory").into_inner()
    })
}

/// Bytes that look like a program to a compressor: neither all alike nor all random.
pub fn body(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let words: Vec<[u8; 8]> = (0..64).map(|_| std::array::from_fn(|_| next())).collect();
    let mut body = b"\x7fELF".to_vec();
    while body.len() < length {
        body.extend(words[usize::from(next() % 64)]);
        body.push(next());
    }
    body.truncate(length);
    body
}

/// One gzip stream.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// A tar archive of these entries, with its end mark.
pub fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

/// A `.tar.gz` of these entries.
pub fn gzip_tar(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&tar(entries))
}

/// A tar entry with any name, kind, mode and contents.
pub fn entry(name: &[u8], kind: u8, mode: u32, body: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(mode);
    header.set_size(body.len() as u64);
    header_and_body(header, name, body)
}

/// A regular file in a tar archive.
pub fn file(name: &str, body: &[u8]) -> Vec<u8> {
    entry(name.as_bytes(), b'0', 0o644, body)
}

/// An executable in a tar archive.
pub fn executable(name: &str, body: &[u8]) -> Vec<u8> {
    entry(name.as_bytes(), b'0', 0o755, body)
}

/// A folder in a tar archive.
pub fn folder(name: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'5', 0o755, b"")
}

/// A GNU extension header that names the entry after it.
pub fn long_name(name: &[u8]) -> Vec<u8> {
    entry(b"././@LongLink", b'L', 0, &[name, b"\0"].concat())
}

/// A PAX extension header, local (`x`) or global (`g`).
pub fn pax(kind: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        let rest = 3 + key.len() + value.len();
        let length = (rest..).find(|length| length.to_string().len() + rest == *length).expect("there is one");
        text.extend(format!("{length} {key}=").as_bytes());
        text.extend(*value);
        text.push(b'\n');
    }
    entry(b"PaxHeaders/x", kind, 0o644, &text)
}

fn link(kind: u8, name: &str, target: &str) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o777);
    header.set_size(0);
    header.set_link_name_literal(target).expect("a short target");
    header_and_body(header, name.as_bytes(), b"")
}

fn header_and_body(mut header: Header, name: &[u8], body: &[u8]) -> Vec<u8> {
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn beside(name: &str, body: &[u8], other: Vec<u8>) -> Vec<u8> {
    gzip_tar(&[executable(name, body), other])
}

fn long_path() -> Vec<u8> {
    format!("docs/{}/page.txt", "long".repeat(60)).into_bytes()
}

fn written_zip<W: Write + std::io::Seek>(
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

/// An entry of a zip archive whose two headers may say anything.
pub struct ZipEntry {
    name: Vec<u8>,
    local_name: Vec<u8>,
    made_by: u16,
    flags: u16,
    local_flags: u16,
    method: u16,
    local_method: u16,
    crc: u32,
    local_crc: u32,
    packed_size: u32,
    local_packed_size: u32,
    size: u32,
    local_size: u32,
    attributes: u32,
    extra: Vec<u8>,
    comment: Vec<u8>,
    data: Vec<u8>,
    has_descriptor: bool,
    /// What follows the data: a descriptor, or what does not belong there.
    behind: Vec<u8>,
    /// Where the central directory says the entry is, instead of where it would come.
    place: Option<u32>,
}

impl ZipEntry {
    /// An honest, deflated entry.
    pub fn new(name: &[u8], body: &[u8]) -> Self {
        Self::of_data(name, body, deflate(body), 8)
    }

    /// An honest, stored entry.
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

    fn with_attributes(mut self, attributes: u32) -> Self {
        self.attributes = attributes;
        self
    }

    /// The entry as streaming tools write it: sizes and checksum come behind the data.
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
fn raw_zip64(entries: &[ZipEntry], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
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

fn zip_body(entries: &[ZipEntry]) -> (Vec<u8>, Vec<u8>) {
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

fn zip_end(count: u16, size: u32, start: u32) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend([count, count].map(u16::to_le_bytes).concat());
    bytes.extend([size, start].map(u32::to_le_bytes).concat());
    bytes
}

fn zip_beside(name: &str, body: &[u8], other: ZipEntry) -> Vec<u8> {
    raw_zip(&[ZipEntry::new(name.as_bytes(), body), other], b"")
}

fn zip_with(name: &str, body: &[u8], change: impl FnOnce(&mut ZipEntry)) -> Vec<u8> {
    let mut entry = ZipEntry::new(name.as_bytes(), body);
    change(&mut entry);
    raw_zip(&[entry], b"")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
