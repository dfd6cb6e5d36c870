//! Whether what was planned may be done now, and who has to say so. Pure.

use thiserror::Error;

/// Who could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Continuous integration: the command line is the consent.
    Automation,
    /// A person at a terminal.
    Person,
    /// Nobody.
    Nobody,
}

/// What has to happen before the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Nothing more.
    Given,
    /// The person types this number.
    AskFor(usize),
}

/// Why there is no consent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoConsent {
    /// Nobody can be asked, and the command line does not say it.
    #[error("{planned} would be deleted, but this is not an interactive terminal, so you cannot confirm it")]
    Unconfirmed {
        /// What, in words.
        planned: String,
    },
    /// The person did not type the number.
    #[error("not confirmed; nothing was deleted")]
    Declined,
}

/// Decides for so many deletions.
pub fn consent(planned: usize, yes: bool, audience: Audience) -> Result<Consent, NoConsent> {
    match audience {
        _ if yes => Ok(Consent::Given),
        Audience::Automation => Ok(Consent::Given),
        Audience::Person => Ok(Consent::AskFor(planned)),
        Audience::Nobody => Err(NoConsent::Unconfirmed { planned: crate::model::text::count(planned, "version") }),
    }
}

/// Whether an answer is the number that was asked for, and nothing else.
pub fn confirms(answer: &str, planned: usize) -> bool {
    answer.trim() == planned.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_say_so() {
        assert_eq!(consent(3, false, Audience::Automation), Ok(Consent::Given));
        assert_eq!(consent(3, false, Audience::Person), Ok(Consent::AskFor(3)));
        assert_eq!(consent(3, true, Audience::Nobody), Ok(Consent::Given));
        let refused = consent(3, false, Audience::Nobody).expect_err("nobody");
        assert_eq!(refused.to_string(), "3 versions would be deleted, but this is not an interactive terminal, so you cannot confirm it");
    }

    #[test]
    fn only_the_number_confirms() {
        assert!(confirms(" 12\n", 12));
        for answer in ["", "y", "yes", "1", "012", "12 ", "-12"].iter().filter(|answer| answer.trim() != "12") {
            assert!(!confirms(answer, 12), "{answer}");
        }
    }
}
