//! HTTP: one client with timeouts, explicit redirects, retries, downloads; `api` for JSON APIs.
//! Only this module and `sources/github` use reqwest.

pub(crate) mod api;
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
pub(crate) use certificates::Certificates;
pub use client::Http;
pub use client::HttpOptions;
pub(crate) use download::Download;
pub(crate) use download::download;
pub use error::NetError;
pub(crate) use patience::Patience;
pub(crate) use probe::Answered;
pub(crate) use probe::Probe;
pub(crate) use probe::probe;
pub(crate) use proxy::ProxyVariables;
pub use retry::Backoff;
pub(crate) use retry::Retry;
pub use retry::parse_retry_after;
pub(crate) use retrying::retrying;
pub(crate) use runtime::runtime;
pub(crate) use trace::Exchange;
pub(crate) use trace::RequestLog;
