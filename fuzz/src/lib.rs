//! What is fuzzed: one function for each reader of outside bytes, which panics when it breaks one of its promises.
//!
//! The functions are here once. `fuzz_targets/` hands each of them to libFuzzer; `tests/replay.rs` of the project includes
//! this directory by path and calls them with every seed of `corpus/`, cut and altered, in every test run.
//!
//! A new target is a function, its line in [`TARGETS`], a file in `fuzz_targets/` with its `[[bin]]`, and a directory of seeds.

mod archives;
mod blueprints;
mod bundles;
mod headers;
mod locks;
mod mirrors;
mod plans;
mod programs;
mod proofs;
mod queue;
mod records;
mod settings;
mod sums;
mod texts;

pub use archives::tar_gz;
pub use archives::zip;
pub use blueprints::blueprint;
pub use bundles::bundle;
pub use headers::headers;
pub use locks::lock;
pub use mirrors::mirror;
pub use plans::plan;
pub use programs::go_info;
pub use programs::program;
pub use proofs::attestation;
pub use proofs::packed;
pub use queue::cron;
pub use queue::dsn;
pub use queue::specification;
pub use records::audit;
pub use records::plan_file;
pub use records::store;
pub use settings::settings;
pub use sums::checksums;
pub use texts::text;

/// A body that takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its binary and of its directory of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("attestation", attestation),
    ("audit", audit),
    ("blueprint", blueprint),
    ("bundle", bundle),
    ("checksums", checksums),
    ("cron", cron),
    ("dsn", dsn),
    ("go_info", go_info),
    ("headers", headers),
    ("lock", lock),
    ("mirror", mirror),
    ("packed", packed),
    ("plan", plan),
    ("plan_file", plan_file),
    ("program", program),
    ("settings", settings),
    ("specification", specification),
    ("store", store),
    ("tar_gz", tar_gz),
    ("text", text),
    ("zip", zip),
];
