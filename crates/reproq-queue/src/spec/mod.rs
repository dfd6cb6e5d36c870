//! What a task is: its specification, the canonical JSON of it, and the hash by which two enqueued tasks are the same.
//!
//! Django hashes the text that Python's `json.dumps` writes; the worker hashes a schedule's text as Go writes it. Both are
//! reproduced byte for byte, so that rows of either side are found as duplicates.

mod canonical;
mod float;
mod integer;
mod read;
mod readable;
mod run_after;
mod scheduled;
mod stored;
mod task;
mod value;

pub use canonical::canonical_json;
pub use integer::Integer;
pub use read::ValueError;
pub use read::read_json;
pub use readable::readable_json;
pub use run_after::RunAfter;
pub use run_after::RunAfterError;
pub use scheduled::PayloadError;
pub use scheduled::PeriodicPayload;
pub use scheduled::ScheduledSpec;
pub(crate) use stored::with_stored_numbers;
pub use task::TaskSpec;
pub use value::Key;
pub use value::SpecError;
pub use value::Value;

use sha2::Digest;
use sha2::Sha256;

/// The SHA-256 of a canonical text, in lower-case hexadecimal digits.
pub fn spec_hash(canonical: &str) -> String {
    Sha256::digest(canonical.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
