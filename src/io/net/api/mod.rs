//! A client for JSON APIs: one base URL, bounded responses, pages, typed errors.
//!
//! [`JsonApi::exchange`] sends one request and returns the response, whatever its status. [`JsonApi::call`] parses the response,
//! turns statuses into errors and repeats requests that may be repeated. The token is sent to the API's own host only, and only
//! over TLS or to this machine; redirects are never followed.

mod answer;
mod bounded_list;
mod client;
mod error;
mod link;
mod pages;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use answer::Answer;
pub(crate) use answer::message_of;
pub(crate) use answer::one_line;
pub(crate) use answer::server_date;
pub(crate) use bounded_list::Page;
pub(crate) use bounded_list::at_most;
pub(crate) use client::ApiLimits;
pub(crate) use client::ApiSetupError;
pub(crate) use client::JsonApi;
pub(crate) use error::JsonApiError;
pub(crate) use error::retry_after_of;
pub(crate) use link::has_next_page;
pub use link::next_link;
pub(crate) use pages::ApiPage;
pub(crate) use pages::PageLimits;
pub(crate) use pages::all_pages;
pub(crate) use request::ApiRequest;
pub(crate) use request::route_of;
