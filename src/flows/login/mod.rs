//! Signs in at a Django server as reproq-tui does: a code, its approval in a browser, and a token that is stored for the TUI.

mod answer;
mod error;
mod pair;
mod stored;

use answer::Approval;
pub(crate) use answer::PairOffer;
pub(crate) use error::LoginError;
pub(crate) use pair::LoginServer;
pub(crate) use stored::AuthFile;
pub(crate) use stored::AuthFileError;
