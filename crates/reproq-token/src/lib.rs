//! Bearer tokens and pair codes as Django, the worker and the TUI use them.
//!
//! A [`TokenKey`] holds the secret (`METRICS_AUTH_TOKEN`). [`mint`] writes a token, [`verify`] accepts one or returns the reason
//! against it, [`inspect`] reports every check. [`Pairing`] is the way of a TUI to its token: a code is minted, a person approves
//! it, and the token is shown once. Everything is pure, and the time is a value, except [`random`].
#![warn(unreachable_pub)]

mod key;
mod limiter;
mod pairing;
pub mod random;
mod token;

pub use key::TokenKey;
pub use limiter::AttemptLimit;
pub use limiter::Attempts;
pub use limiter::Limited;
pub use pairing::ApproveRefusal;
pub use pairing::IssuedToken;
pub use pairing::MintRefusal;
pub use pairing::PAIR_SECONDS;
pub use pairing::PairCode;
pub use pairing::PairLimits;
pub use pairing::PairState;
pub use pairing::Pairing;
pub use pairing::PollAnswer;
pub use token::Audience;
pub use token::Claims;
pub use token::Inspection;
pub use token::LONGEST_TOKEN;
pub use token::TOKEN_SECONDS;
pub use token::TokenCheck;
pub use token::TokenGrant;
pub use token::TokenHolder;
pub use token::TokenRefusal;
pub use token::inspect;
pub use token::mint;
pub use token::verify;
