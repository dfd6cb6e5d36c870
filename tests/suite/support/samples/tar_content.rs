//! Tar archives with forbidden content: names, links, devices, duplicates.

use super::Sample;
use super::gzip;
use super::tar::beside;
use super::tar::directory;
use super::tar::entry;
use super::tar::executable;
use super::tar::file;
use super::tar::gzip_tar;
use super::tar::link;
use super::tar::long_name;
use super::tar::pax;

pub const SAMPLES: &[Sample] = &[
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
    ("traversal of a directory", |name, body| beside(name, body, directory("../"))),
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
    ("directories that differ in case", |name, body| {
        gzip_tar(&[executable(&format!("x/{name}"), body), file("X/evil", b"x")])
    }),
    ("a file that is a directory", |name, body| gzip_tar(&[file("x", b"x"), executable(&format!("x/{name}"), body)])),
    ("a file with a directory's name", |name, body| beside(name, body, file("evil/", b"x"))),
    ("a directory with contents", |name, body| beside(name, body, entry(b"evil/", b'5', 0o755, b"x"))),
    ("set-uid", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o4755, body)])),
    ("set-gid", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o2755, body)])),
    ("sticky", |name, body| gzip_tar(&[entry(name.as_bytes(), b'0', 0o1755, body)])),
    ("no executable", |_, _| gzip_tar(&[file("README.md", b"x"), directory("docs/"), file("docs/\u{7f}", b"x")][..2])),
    ("the executable two directories down", |name, body| gzip_tar(&[executable(&format!("a/b/{name}"), body)])),
    ("the executable in capitals", |name, body| gzip_tar(&[executable(&name.to_uppercase(), body)])),
    ("the executable as a directory", |name, _| gzip_tar(&[directory(&format!("{name}/"))])),
    ("an empty executable", |name, _| gzip_tar(&[executable(name, b"")])),
    ("traversal behind the current directory", |name, body| beside(name, body, file("./../evil", b"x"))),
    ("traversal in overlong UTF-8", |name, body| {
        beside(name, body, entry(b"\xc0\xae\xc0\xae/evil", b'0', 0o644, b"x"))
    }),
    ("traversal in full-width letters", |name, body| beside(name, body, file("\u{ff0e}\u{ff0e}/evil", b"x"))),
    ("a hard link to outside", |name, body| beside(name, body, link(b'1', "evil", "/etc/passwd"))),
    ("a hard link and a write through it", |name, body| {
        gzip_tar(&[link(b'1', "x", "/etc/evil"), file("x", b"x"), executable(name, body)])
    }),
    ("names in two normal forms", |name, body| {
        gzip_tar(&[executable(name, body), file("r\u{e9}sum\u{e9}", b"1"), file("re\u{301}sume\u{301}", b"2")])
    }),
    ("a letter that folds like another", |name, body| {
        gzip_tar(&[executable(name, body), file("K", b"1"), file("\u{212a}", b"2")])
    }),
    ("a link named by a PAX header", |name, body| {
        let names: &[(&str, &[u8])] = &[("path", b"evil"), ("linkpath", b"/etc/passwd")];
        gzip_tar(&[executable(name, body), pax(b'x', names), link(b'2', "harmless", "harmless")])
    }),
];
