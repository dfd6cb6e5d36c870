//! HTTP: one client with timeouts, explicit redirects, retries, downloads; `api` for JSON APIs.
//! Only this module and `sources/github` use reqwest.

pub mod api;
mod body;
mod certificates;
mod client;
mod dns;
mod download;
mod error;
mod patience;
mod probe;
mod proxy;
mod retry;
mod retrying;
mod roots;
mod runtime;
mod trace;

pub(crate) use body::BodyProblem;
pub(crate) use body::collect;
pub use certificates::Certificates;
pub use client::Http;
pub use client::HttpOptions;
pub use download::Download;
pub use download::download;
pub use error::NetError;
pub(crate) use patience::Patience;
pub use probe::Answered;
pub use probe::Probe;
pub use probe::probe;
pub use proxy::ProxyVariables;
pub use retry::Backoff;
pub use retry::Retry;
pub use retry::parse_retry_after;
pub(crate) use retrying::retrying;
pub use runtime::runtime;
pub(crate) use trace::Exchange;
pub use trace::RequestLog;
