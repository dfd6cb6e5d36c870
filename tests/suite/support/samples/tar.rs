//! Tar archives, entry by entry.

use tar::EntryType;
use tar::Header;

use super::gzip;

/// A `.tar.gz` with only the executable, as created by `tar czf`.
pub fn tar_gz(name: &str, body: &[u8]) -> Vec<u8> {
    gzip_tar(&[executable(name, body)])
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

/// A directory in a tar archive.
pub fn directory(name: &str) -> Vec<u8> {
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

pub(super) fn link(kind: u8, name: &str, target: &str) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o777);
    header.set_size(0);
    header.set_link_name_literal(target).expect("a short target");
    header_and_body(header, name.as_bytes(), b"")
}

pub(super) fn header_and_body(mut header: Header, name: &[u8], body: &[u8]) -> Vec<u8> {
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(super) fn beside(name: &str, body: &[u8], other: Vec<u8>) -> Vec<u8> {
    gzip_tar(&[executable(name, body), other])
}

pub(super) fn long_path() -> Vec<u8> {
    format!("docs/{}/page.txt", "long".repeat(60)).into_bytes()
}
