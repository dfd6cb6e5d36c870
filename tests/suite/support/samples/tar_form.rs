//! Tar archives with false metadata: extension headers, sizes, bombs, truncation, and trailing data.

use tar::Header;

use super::Sample;
use super::gzip;
use super::tar::beside;
use super::tar::entry;
use super::tar::executable;
use super::tar::file;
use super::tar::gzip_tar;
use super::tar::header_and_body;
use super::tar::long_name;
use super::tar::pax;
use super::tar::tar;
use super::tar::tar_gz;

pub const SAMPLES: &[Sample] = &[
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
    ("a second archive in a second stream", |name, body| {
        [tar_gz(name, body), gzip(&tar(&[file("evil", b"x")]))].concat()
    }),
    ("a damaged second stream", |name, body| {
        [tar_gz(name, body), b"\x1f\x8bno gzip, and long enough for a header".to_vec()].concat()
    }),
    ("a second stream that is cut", |name, body| {
        let bytes = tar(&[executable(name, body)]);
        let (first, second) = bytes.split_at(600);
        let second = gzip(second);
        [gzip(first), second[..second.len() - 3].to_vec()].concat()
    }),
    ("streams without end", |name, body| [tar_gz(name, body), gzip(b"").repeat(20_000)].concat()),
    ("an entry behind the end", |name, body| {
        gzip(&[tar(&[executable(name, body)]), tar(&[file("evil", b"x")])].concat())
    }),
    ("an entry behind one end block", |name, body| {
        gzip(&[executable(name, body), vec![0; 512], tar(&[file("evil", b"x")])].concat())
    }),
    ("a PAX size beyond everything", |name, body| {
        gzip_tar(&[pax(b'x', &[("size", b"1099511627776")]), executable(name, body)])
    }),
    ("a bomb of extension headers", |name, body| {
        let comment = vec![b'x'; 900_000];
        let mut entries = vec![pax(b'g', &[("comment", &comment)]); 40];
        entries.push(executable(name, body));
        gzip_tar(&entries)
    }),
    ("a name without end in the gzip header", |name, body| {
        let mut bytes = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff".to_vec();
        bytes.resize(4 * 1024 * 1024, b'x');
        [bytes, tar_gz(name, body)].concat()
    }),
];
