//! The connection to PostgreSQL: the only module that names the driver.
//!
//! A command uses one connection. Reads and writes each run in one transaction, with time limits that end with it. No prepared
//! statement has a name and nothing is set for the session, so that poolers in transaction mode work.

mod dial;
mod error;
mod row;
mod schema;
mod session;
mod target;
mod tls;
mod transaction;

pub use error::PgError;
pub use row::FromRow;
pub use row::Param;
pub use row::Row;
pub use schema::IndexBuild;
pub use schema::apply;
pub use schema::inspect;
pub use session::Interrupted;
pub use session::Limits;
pub use session::Session;
pub use target::ChannelBinding;
pub use target::ClientCertificate;
pub use target::Encryption;
pub use target::Host;
pub use target::Password;
pub use target::Roots;
pub use target::SessionKind;
pub use target::Target;
pub use target::Verification;
pub use transaction::Transaction;
