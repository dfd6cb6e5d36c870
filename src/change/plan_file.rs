//! Reads a plan from a file: its schema first, then its digest. Pure.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::model::Sha256Digest;

/// Why a file is not a plan that can be carried out.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It is not JSON of the expected shape.
    #[error("failed to parse the plan")]
    Json(#[from] serde_json::Error),
    /// It has another schema, perhaps of another version of reproq.
    #[error("expected a plan with the schema {expected}, found `{found}`")]
    Schema {
        /// The expected schema.
        expected: &'static str,
        /// Its schema.
        found: String,
    },
    /// It was modified after it was written.
    #[error(
        "the plan was modified after it was written: its digest field is {stated}, but its contents have the digest {computed}"
    )]
    Digest {
        /// The digest in the file.
        stated: Sha256Digest,
        /// The digest of its contents.
        computed: Sha256Digest,
    },
}

/// Parses a plan. `digests` returns the digest that the file states and that of its contents.
pub(crate) fn read_plan_file<P: DeserializeOwned>(
    text: &str,
    expected: &'static str,
    digests: impl Fn(&P) -> (Sha256Digest, Sha256Digest),
) -> Result<P, PlanFileError> {
    // Check the schema first: with another schema the rest may have any shape and size.
    #[derive(Deserialize)]
    struct Form {
        schema: Option<String>,
    }
    let found = serde_json::from_str::<Form>(text)?.schema.unwrap_or_else(|| "nothing".to_owned());
    if found != expected {
        return Err(PlanFileError::Schema { expected, found });
    }
    let plan: P = serde_json::from_str(text)?;
    let (stated, computed) = digests(&plan);
    if stated == computed { Ok(plan) } else { Err(PlanFileError::Digest { stated, computed }) }
}
