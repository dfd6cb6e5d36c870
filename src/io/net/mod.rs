//! HTTP below GitHub's API: one client with timeouts, explicit redirects, retries, downloads.
//! Only this module and `sources/github` use reqwest.

mod certificates;
mod client;
mod dns;
mod download;
mod error;
mod patience;
mod probe;
mod proxy;
mod retry;
mod roots;
mod trace;

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
pub use retry::parse_retry_after;
pub(crate) use trace::Exchange;
pub use trace::RequestLog;
