//! Whether a plan may be carried out, and whether it must be confirmed. Pure.

use thiserror::Error;

use crate::model::text::count;

/// What is to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proposal<'a> {
    /// The number of things that would change.
    pub number: usize,
    /// One of them, such as `version`.
    pub thing: &'a str,
    /// What would happen to them, such as `deleted`.
    pub done: &'a str,
}

/// Who can confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Continuous integration: the command line is the confirmation.
    Automation,
    /// A user at a terminal.
    Person,
    /// No one.
    Nobody,
}

/// What is required before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Nothing.
    Given,
    /// The user must type this number.
    AskFor(usize),
}

/// Why the change is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NoConsent {
    /// No one can confirm, and the command line does not.
    #[error("{planned} would be {done}, but confirmation needs an interactive terminal")]
    Unconfirmed {
        /// What would change.
        planned: String,
        /// What would happen to it.
        done: String,
    },
    /// The user did not type the number.
    #[error("not confirmed; nothing was {done}")]
    Declined {
        /// What would have happened.
        done: String,
    },
}

impl Audience {
    /// Who can confirm, given the environment.
    pub(crate) const fn of(is_ci: bool, is_interactive: bool) -> Self {
        match (is_ci, is_interactive) {
            (true, _) => Self::Automation,
            (false, true) => Self::Person,
            (false, false) => Self::Nobody,
        }
    }
}

/// Decides what is required. `yes` is the confirmation of the command line.
pub(crate) fn consent(proposal: &Proposal<'_>, yes: bool, audience: Audience) -> Result<Consent, NoConsent> {
    match audience {
        _ if yes => Ok(Consent::Given),
        Audience::Automation => Ok(Consent::Given),
        Audience::Person => Ok(Consent::AskFor(proposal.number)),
        Audience::Nobody => Err(NoConsent::Unconfirmed {
            planned: count(proposal.number, proposal.thing),
            done: proposal.done.to_owned(),
        }),
    }
}

/// Whether an answer is exactly the requested number.
pub(crate) fn confirms(answer: &str, planned: usize) -> bool {
    answer.trim() == planned.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Proposal<'_> = Proposal { number: 3, thing: "version", done: "deleted" };

    #[test]
    fn who_must_confirm() {
        for (is_ci, is_interactive, yes, expected) in [
            (true, false, false, Some(Consent::Given)),
            (true, true, false, Some(Consent::Given)),
            (false, true, false, Some(Consent::AskFor(3))),
            (false, true, true, Some(Consent::Given)),
            (false, false, true, Some(Consent::Given)),
            (false, false, false, None),
        ] {
            let found = consent(&THREE, yes, Audience::of(is_ci, is_interactive));
            assert_eq!(found.ok(), expected, "{is_ci} {is_interactive} {yes}");
        }
        let refused = consent(&THREE, false, Audience::Nobody).expect_err("nobody");
        assert_eq!(refused.to_string(), "3 versions would be deleted, but confirmation needs an interactive terminal");
        let retry = Proposal { number: 1, thing: "task", done: "retried" };
        let refused = consent(&retry, false, Audience::Nobody).expect_err("nobody");
        assert!(refused.to_string().starts_with("1 task would be retried, but"), "{refused}");
    }

    #[test]
    fn only_the_number_confirms() {
        assert!(confirms(" 12\n", 12));
        for answer in ["", "y", "yes", "1", "012", "1 2", "-12"] {
            assert!(!confirms(answer, 12), "{answer}");
        }
    }
}
