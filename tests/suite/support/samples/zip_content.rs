//! Zip archives with forbidden content: names, links, devices, duplicates.

use super::Sample;
use super::zip::ZipEntry;
use super::zip::raw_zip;
use super::zip::zip_beside;

pub const SAMPLES: &[Sample] = &[
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
    ("a directory by its attributes alone", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0x10))
    }),
    ("a directory by its name alone", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil/", b"").with_attributes(0o100_644 << 16))
    }),
    ("a directory with contents", |name, body| zip_beside(name, body, ZipEntry::new(b"evil/", b"x"))),
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
    ("traversal of the executable", |name, body| raw_zip(&[ZipEntry::new(format!("../{name}").as_bytes(), body)], b"")),
    ("traversal in the middle", |name, body| zip_beside(name, body, ZipEntry::new(b"a/../../evil", b"x"))),
    ("traversal for Windows", |name, body| zip_beside(name, body, ZipEntry::new(b".. /evil", b"x"))),
    ("traversal in overlong UTF-8", |name, body| zip_beside(name, body, ZipEntry::new(b"\xc0\xae\xc0\xae/evil", b"x"))),
    ("a link and a write through it", |name, body| {
        let link = ZipEntry::new(b"x", b"/tmp").with_attributes(0o120_777 << 16);
        raw_zip(&[link, ZipEntry::new(format!("x/{name}").as_bytes(), body)], b"")
    }),
    ("a character device", |name, body| {
        zip_beside(name, body, ZipEntry::new(b"evil", b"").with_attributes(0o020_644 << 16))
    }),
    ("another file twice", |name, body| {
        let [first, second] = [b"1", b"2"].map(|text| ZipEntry::new(b"README", text));
        raw_zip(&[first, ZipEntry::new(name.as_bytes(), body), second], b"")
    }),
    ("a file that is a directory", |name, body| {
        raw_zip(&[ZipEntry::new(b"x", b"x"), ZipEntry::new(format!("x/{name}").as_bytes(), body)], b"")
    }),
    ("names in two normal forms", |name, body| {
        let [first, second] =
            ["r\u{e9}sum\u{e9}", "re\u{301}sume\u{301}"].map(|name| ZipEntry::new(name.as_bytes(), b"x"));
        raw_zip(&[ZipEntry::new(name.as_bytes(), body), first, second], b"")
    }),
];
