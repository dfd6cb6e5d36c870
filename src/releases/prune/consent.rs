//! Whether a plan may be carried out, and whether it must be confirmed. Pure.

use thiserror::Error;

/// Who can confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Continuous integration: the command line is the confirmation.
    Automation,
    /// A user at a terminal.
    Person,
    /// No one.
    Nobody,
}

/// What is required before the deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Nothing.
    Given,
    /// The user must type this number.
    AskFor(usize),
}

/// Why the deletion is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoConsent {
    /// No one can confirm, and the command line does not.
    #[error("{planned} would be deleted, but this is not an interactive terminal, so you cannot confirm it")]
    Unconfirmed {
        /// What would be deleted.
        planned: String,
    },
    /// The user did not type the number.
    #[error("not confirmed; nothing was deleted")]
    Declined,
}

/// Decides for a number of deletions.
pub fn consent(planned: usize, yes: bool, audience: Audience) -> Result<Consent, NoConsent> {
    match audience {
        _ if yes => Ok(Consent::Given),
        Audience::Automation => Ok(Consent::Given),
        Audience::Person => Ok(Consent::AskFor(planned)),
        Audience::Nobody => Err(NoConsent::Unconfirmed { planned: crate::model::text::count(planned, "version") }),
    }
}

/// Whether an answer is exactly the requested number.
pub fn confirms(answer: &str, planned: usize) -> bool {
    answer.trim() == planned.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_confirm() {
        assert_eq!(consent(3, false, Audience::Automation), Ok(Consent::Given));
        assert_eq!(consent(3, false, Audience::Person), Ok(Consent::AskFor(3)));
        assert_eq!(consent(3, true, Audience::Nobody), Ok(Consent::Given));
        let refused = consent(3, false, Audience::Nobody).expect_err("nobody");
        assert_eq!(
            refused.to_string(),
            "3 versions would be deleted, but this is not an interactive terminal, so you cannot confirm it"
        );
    }

    #[test]
    fn only_the_number_confirms() {
        assert!(confirms(" 12\n", 12));
        for answer in ["", "y", "yes", "1", "012", "12 ", "-12"].iter().filter(|answer| answer.trim() != "12") {
            assert!(!confirms(answer, 12), "{answer}");
        }
    }
}
