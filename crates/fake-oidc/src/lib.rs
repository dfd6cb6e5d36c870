//! An OpenID Connect provider on loopback: discovery, keys, codes with PKCE, and signed ID tokens, with faults.
//!
//! It follows OpenID Connect Core and RFC 6749, 7636 and 7517, and is stricter than most providers: the redirect URI is compared
//! exactly, PKCE is required, a code is used once, and a client with a secret must send it in the announced way. Every check that
//! fails is recorded. A test changes the documents and the claims to see what a client accepts.

mod key;
mod provider;
mod server;

pub use key::SigningKey;
pub use key::unsigned;
pub use provider::Fault;
pub use provider::Issued;
pub use provider::World;
pub use server::CLIENT_ID;
pub use server::FakeOidc;
