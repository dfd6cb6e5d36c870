//! Identifies a file by its first bytes.

use crate::worker::executable::inspection::NotProgram;
use crate::worker::executable::words::printable_bytes;

/// How many bytes are needed.
pub(super) const FIRST_BYTES: u64 = 512;

/// What the first bytes indicate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// An ELF file.
    Elf,
    /// A Mach-O file for one processor.
    MachO,
    /// A Mach-O file for several processors; its table has 32-bit offsets.
    Universal32,
    /// The same with 64-bit offsets.
    Universal64,
    /// A DOS header, which starts a PE file.
    DosHeader,
    /// Not a program.
    Other(NotProgram),
}

/// The signatures of known files that are not programs. Longer ones come first if one is a prefix of another.
const ARCHIVES: [(&[u8], &str); 9] = [
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"!<arch>\n", "a static library or Debian package"),
    (b"xar!", "a macOS installer package"),
];

const KNOWN: [(&[u8], &str); 3] = [
    (b"\0asm", "a WebAssembly module"),
    (b"%PDF-", "a PDF document"),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file it stands for"),
];

/// Identifies a file by its first bytes, or by all of them if it is shorter than [`FIRST_BYTES`].
pub(super) fn sniff(first: &[u8]) -> Sniffed {
    match first {
        [] => return Sniffed::Other(NotProgram::Empty),
        [0x7f, b'E', b'L', b'F', ..] => return Sniffed::Elf,
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => return Sniffed::MachO,
        // Java class files start with the same four bytes, followed by a version of 45 or more instead of the number of parts.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 0..=30, ..] => return Sniffed::Universal32,
        [0xca, 0xfe, 0xba, 0xbe, ..] => return Sniffed::Other(NotProgram::Known("a Java class file")),
        [0xca, 0xfe, 0xba, 0xbf, ..] => return Sniffed::Universal64,
        [b'M', b'Z', ..] => return Sniffed::DosHeader,
        _ => {}
    }
    Sniffed::Other(describe(first))
}

fn describe(first: &[u8]) -> NotProgram {
    if let Some(line) = first.strip_prefix(b"#!") {
        let line = line.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        return NotProgram::Script { interpreter: printable_bytes(line.trim_ascii(), 80) };
    }
    if let Some((_, words)) = ARCHIVES.iter().find(|(magic, _)| first.starts_with(magic)) {
        return NotProgram::Archive(words);
    }
    if let Some((_, words)) = KNOWN.iter().find(|(magic, _)| first.starts_with(magic)) {
        return NotProgram::Known(words);
    }
    // `ustar` at this offset is the only signature of a tar archive.
    if first.get(257..262) == Some(b"ustar") {
        return NotProgram::Archive("a tar archive");
    }
    describe_text(first).unwrap_or_else(|| {
        let hex = first.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        NotProgram::Data { beginning: hex.join(" ") }
    })
}

/// Identifies text.
fn describe_text(first: &[u8]) -> Option<NotProgram> {
    let bytes = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character may have been cut.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace() && c != '\u{1b}') {
        return None;
    }
    let text = text.trim_ascii_start();
    let lower = text.chars().take(64).collect::<String>().to_ascii_lowercase();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| lower.starts_with(beginning));
    if begins(&["<!doctype html", "<html", "<head", "<body", "<title", "<script"]) {
        return Some(NotProgram::Html);
    }
    if begins(&["<"]) {
        return Some(NotProgram::Xml);
    }
    if is_json(&lower) {
        return Some(NotProgram::Json);
    }
    let line = text.lines().next().unwrap_or_default();
    Some(NotProgram::Text { beginning: printable_bytes(line.trim_ascii().as_bytes(), 40) })
}

/// A bracket alone does not make it JSON: configuration files start with `[section]`.
fn is_json(beginning: &str) -> bool {
    let follows = |bracket, next: &[char]| {
        beginning.strip_prefix(bracket).is_some_and(|rest: &str| rest.trim_ascii_start().starts_with(next))
    };
    follows('{', &['"', '}']) || follows('[', &['"', '{', '[', ']'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_non_programs_are_named() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], &str); 22] = [
            (b"", "an empty file"),
            (b"#!/bin/sh\necho", "a script for `/bin/sh`"),
            (b"#! /usr/bin/env -S \x1b[1m\r\n", r"a script for `/usr/bin/env -S \u{1b}[1m`"),
            (b"\xef\xbb\xbf\n <!DOCTYPE HTML><p>", "an HTML page"),
            (b"<html lang=en>", "an HTML page"),
            (b"<?xml version='1.0'?><Error>", "an XML document"),
            (b"{\"message\":\"Not Found\"}", "a JSON document"),
            (b" [\n  {\"id\": 1}]", "a JSON document"),
            (b"[section]\nkey = 1", "a text file that starts with `[section]`"),
            (b"\x1f\x8b\x08\0", "a gzip archive"),
            (b"PK\x03\x04\x14", "a zip archive"),
            (b"\xfd7zXZ\0\0", "an xz archive"),
            (&tar, "a tar archive"),
            (b"!<arch>\ndebian-binary", "a static library or Debian package"),
            (b"\0asm\x01\0\0\0", "a WebAssembly module"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file it stands for"),
            (b"\xca\xfe\xba\xbe\0\0\0\x37", "a Java class file"),
            (b"Not Found", "a text file that starts with `Not Found`"),
            ("Größe\n\u{1b}[2J".as_bytes(), "a text file that starts with `Größe`"),
            (b"\x1b[31mred", r"a text file that starts with `\u{1b}[31mred`"),
            (b"caf\xc3", "a text file that starts with `caf`"),
            (b"\0\x01\x02\xff", "data that starts with the bytes 00 01 02 ff"),
        ];
        for (bytes, words) in cases {
            let Sniffed::Other(found) = sniff(bytes) else { panic!("{words} was identified as a program") };
            assert_eq!(found.to_string(), words);
        }
    }

    #[test]
    fn programs_are_identified_by_their_magic() {
        let cases: [(&[u8], Sniffed); 6] = [
            (b"\x7fELF\x02", Sniffed::Elf),
            (b"\xcf\xfa\xed\xfe\x0c", Sniffed::MachO),
            (b"\xfe\xed\xfa\xce", Sniffed::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Sniffed::Universal32),
            (b"\xca\xfe\xba\xbf\0\0\0\x02", Sniffed::Universal64),
            (b"MZ\x90\0", Sniffed::DosHeader),
        ];
        for (bytes, expected) in cases {
            assert_eq!(sniff(bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_have_a_printable_name(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Sniffed::Other(found) = sniff(&bytes) {
                prop_assert!(found.to_string().chars().all(|c| !c.is_control()));
            }
        }
    }
}
