//! Attestations: the public conformance suite, real and forged attestations, through the real program.

mod cli;
mod conformance;
mod forged;
mod mutations;
mod real;
mod release_check;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use reproq::internals::model::Sha256Digest;
use sha2::Digest;
use sha2::Sha256;

use crate::support::skip;

/// Other projects' test data, next to the repository and never in it. `None`, recorded as skipped, if it is absent.
fn shared(directory: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/attestation").join(directory);
    if path.is_dir() {
        return Some(path);
    }
    skip::record("test data of other projects", &format!("have {}", path.display()));
    None
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// The names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("readable").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The digest of some bytes, in the form that `verify` takes.
fn sha256_argument(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::from_bytes(Sha256::digest(bytes).into())
}
