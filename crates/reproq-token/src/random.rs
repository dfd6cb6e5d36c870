//! Random bytes of the system, for codes and identifiers. The only effect of this crate.

use aws_lc_rs::rand;

/// Random bytes that cannot be predicted.
///
/// # Errors
///
/// The system has no random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// The system has no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system provides no random bytes")]
pub struct RandomError;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bytes_do_not_repeat() {
        let all: BTreeSet<[u8; 8]> = (0..1000).map(|_| bytes().expect("random bytes")).collect();
        assert_eq!(all.len(), 1000);
    }
}
