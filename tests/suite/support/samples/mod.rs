//! Generated archives, valid and hostile, for tests of archive readers.

#![allow(dead_code, unused_imports, reason = "every test program that includes this file uses another part of it")]

mod honest;
mod tar;
mod tar_content;
mod tar_form;
mod zip;
mod zip_content;
mod zip_form;

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

pub use honest::HONEST_TAR_GZ;
pub use honest::HONEST_ZIP;
pub use tar::executable;
pub use tar::file;
pub use tar::gzip_tar;
pub use tar::tar_gz;
pub use zip::zip;

use zip::ZipEntry;

/// A named archive, built around one executable with the given name and bytes.
pub type Sample = (&'static str, fn(&str, &[u8]) -> Vec<u8>);

/// Hostile `.tar.gz` archives. Each also contains a valid executable, if possible.
pub fn hostile_tar_gz() -> Vec<Sample> {
    [tar_content::SAMPLES, tar_form::SAMPLES].concat()
}

/// Hostile `.zip` archives. Each also contains a valid executable, if possible.
pub fn hostile_zip() -> Vec<Sample> {
    [zip_content::SAMPLES, zip_form::SAMPLES].concat()
}

/// Archives that name a file in this directory by its absolute path, and by a link into it.
pub fn tar_gz_into(directory: &Path, body: &[u8]) -> Vec<Vec<u8>> {
    let directory = directory.to_str().expect("UTF-8");
    let absolute = executable(&format!("{directory}/reproq"), body);
    let through_a_link = [tar::link(b'2', "x", directory), executable("x/reproq", body)];
    vec![gzip_tar(&[absolute]), gzip_tar(&through_a_link)]
}

/// As [`tar_gz_into`], as `.zip`.
pub fn zip_into(directory: &Path, body: &[u8]) -> Vec<Vec<u8>> {
    let directory = directory.to_str().expect("UTF-8");
    let absolute = ZipEntry::new(format!("{directory}/reproq").as_bytes(), body);
    let link = ZipEntry::new(b"x", directory.as_bytes()).with_attributes(0o120_777 << 16);
    vec![zip::raw_zip(&[absolute], b""), zip::raw_zip(&[link, ZipEntry::new(b"x/reproq", body)], b"")]
}

/// Bytes that compress like a program: neither uniform nor random.
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
