//! HS256 tokens: what is in them, how one is written, and what is accepted.

mod claims;
mod inspect;
mod mint;
mod parts;
mod refusal;
#[cfg(test)]
mod tests;
mod verify;

pub use claims::Audience;
pub use claims::Claims;
pub use inspect::Inspection;
pub use inspect::TokenCheck;
pub use inspect::inspect;
pub use mint::TOKEN_SECONDS;
pub use mint::TokenGrant;
pub use mint::TokenHolder;
pub use mint::mint;
pub use parts::LONGEST_TOKEN;
pub use refusal::TokenRefusal;
pub use verify::verify;

/// The issuer of all tokens, also of those that are minted here: the worker accepts no other.
const ISSUER: &str = "reproq-django";
