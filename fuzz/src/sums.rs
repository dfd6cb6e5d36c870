//! Checksum files: what is taken out of one stands in it.

use reproq::internals::trust::ChecksumFile;

/// A file of checksums, and a sidecar of one asset.
pub fn checksums(bytes: &[u8]) {
    let asset = "reproq-linux-amd64";
    let listed = ChecksumFile::parse(bytes);
    let sidecar = ChecksumFile::parse_sidecar(bytes, asset);
    if let Ok(listed) = &listed {
        assert_eq!(Some(listed), sidecar.as_ref().ok(), "a sidecar may be any checksum file");
    }
    for file in [listed, sidecar].into_iter().flatten() {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        assert!(!file.is_empty() && file.len() <= text.lines().count());
        if let Some(digest) = file.digest_of(asset) {
            assert!(text.contains(&digest.to_string()), "{digest} is not in the file");
            let written = format!("{digest}  {asset}\n");
            let read = ChecksumFile::parse(written.as_bytes()).expect("our own form");
            assert_eq!(read.digest_of(asset), Some(digest));
        }
    }
}
