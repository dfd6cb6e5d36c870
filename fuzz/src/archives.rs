//! Archives: whatever the bytes are, one whole executable comes out or nothing is left.
#![expect(clippy::disallowed_methods, reason = "archives are files, and what comes out is one too")]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use reproq::internals::model::Sha256Digest;
use reproq::internals::model::progress::NoProgress;
use reproq::internals::worker::archive::ArchiveError;
use reproq::internals::worker::archive::ArchiveForm;
use reproq::internals::worker::archive::Limits;
use reproq::internals::worker::archive::Unpacked;
use reproq::internals::worker::archive::unpack;
use sha2::Digest;
use sha2::Sha256;

use super::texts::assert_harmless;

/// Small, so that a run stays short whatever an archive claims.
const MOST_BYTES: u64 = 1 << 20;

/// A `.tar.gz`. Bytes that are no gzip stream are taken for the tar inside of one, with its checksums put right, because
/// no fuzzer gets past those of gzip and tar by itself.
pub fn tar_gz(bytes: &[u8]) {
    if bytes.starts_with(b"\x1f\x8b") {
        judge(ArchiveForm::TarGz, bytes);
    } else {
        judge(ArchiveForm::TarGz, &gzip(&with_header_checksums(bytes)));
    }
}

/// A `.zip`.
pub fn zip(bytes: &[u8]) {
    judge(ArchiveForm::Zip, bytes);
}

fn judge(form: ArchiveForm, bytes: &[u8]) {
    if unpacked(form, bytes).is_ok() {
        // Every byte of an accepted archive is accounted for: none may be added, none may be missing.
        assert!(unpacked(form, &[bytes, b"x"].concat()).is_err(), "a byte more is accepted");
        assert!(unpacked(form, &bytes[..bytes.len() - 1]).is_err(), "a byte less is accepted");
    }
}

fn unpacked(form: ArchiveForm, bytes: &[u8]) -> Result<Unpacked, ArchiveError> {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = directory.path().join("archive");
    let destination = directory.path().join("executable");
    fs::write(&archive, bytes).expect("written");
    let names = ["reproq".to_owned(), "reproq-linux-amd64".to_owned()];
    let limits = Limits { max_entries: 100, max_unpacked: MOST_BYTES, ..Limits::default() };
    let outcome = unpack(form, &archive, &names, &destination, &limits, &NoProgress);
    let expected = match &outcome {
        Ok(unpacked) => {
            assert_whole(unpacked, &destination);
            let (directory, base) = unpacked.member.split_once('/').unwrap_or(("", &unpacked.member));
            assert!(!directory.contains("..") && names.iter().any(|name| name == base), "{:?}", unpacked.member);
            2
        }
        Err(error) => {
            assert_harmless(&error.to_string());
            1
        }
    };
    let left = fs::read_dir(directory.path()).expect("readable").count();
    assert_eq!(left, expected, "an archive leaves its executable or nothing");
    outcome
}

fn assert_whole(unpacked: &Unpacked, destination: &Path) {
    let body = fs::read(destination).expect("it was written");
    assert!(!body.is_empty() && body.len() as u64 <= MOST_BYTES);
    assert_eq!(unpacked.written.size, body.len() as u64);
    assert_eq!(unpacked.written.sha256, Sha256Digest::from_bytes(Sha256::digest(&body).into()));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Puts the checksum right in every block that has the mark of a header.
pub(super) fn with_header_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}
