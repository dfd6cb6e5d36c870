//! What happens in sign-in, for the log. It names people, and never a token or a code. Pure.

use crate::respond::Reply;

/// What happened in sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInNews {
    /// A person signed in.
    SignedIn {
        /// The name in tokens that the person approves.
        name: String,
        /// How: `the token`, or the host of a provider.
        with: String,
    },
    /// A person signed out.
    SignedOut {
        /// The person.
        name: String,
    },
    /// A person approved the code of a terminal.
    Approved {
        /// The person.
        name: String,
    },
    /// Somebody could not sign in.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A response of sign-in, with what happened.
#[derive(Debug)]
pub(crate) struct SignInAnswer {
    pub(crate) reply: Reply,
    pub(crate) news: Option<SignInNews>,
}

impl From<Reply> for SignInAnswer {
    fn from(reply: Reply) -> Self {
        Self { reply, news: None }
    }
}

impl Reply {
    /// The response to something that is logged.
    pub(super) fn with_news(self, news: SignInNews) -> SignInAnswer {
        SignInAnswer { reply: self, news: Some(news) }
    }

    /// The response to a person who could not sign in.
    pub(crate) fn refusing(self, reason: &str) -> SignInAnswer {
        self.with_news(SignInNews::Refused { reason: reason.to_owned() })
    }
}
