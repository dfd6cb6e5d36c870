//! A GitHub on loopback: one stateful fake of the API, the release pages and the asset host, with faults.
//!
//! Three origins run on separate ports, so that they are different hosts: the API (REST and GraphQL), the web host with its
//! redirects, and the asset host with signed URLs. Changes by a client persist; requests are logged; faults are scripted by
//! [`Matcher`] and [`Fault`]. Everything stops when [`FakeGitHub`] is dropped.
//!
//! ```
//! use fake_github::{FakeGitHub, Fault, Matcher, ReleaseSpec};
//!
//! let github = FakeGitHub::start();
//! github.repo("adpena/reproq-worker").add(ReleaseSpec::new("v1.0.0").file("reproq-linux-amd64", b"bytes".to_vec()));
//! github.fault(Matcher::api().path("/releases/latest"), Fault::status(502));
//! assert!(github.api_url().starts_with("http://127.0.0.1:"));
//! ```
//!
//! The parts: the crate `fake-http` reads requests, `fault` defines faults, `server` combines them; `rest`, `graphql`, `web` and `objects`
//! respond from the `world`, which `effects` change; `deliver` encodes a response on a `stream`.

mod attestations;
mod dates;
mod deliver;
mod effects;
mod fault;
mod github;
mod graphql;
mod instead;
mod listing;
mod log;
mod objects;
mod proxy;
mod repo;
mod rest;
mod server;
mod snapshot;
mod spec;
mod tls;
mod web;
mod world;

use fake_http::http;
use fake_http::lifecycle;
use fake_http::stream;

pub use fault::Cut;
pub use fault::Fault;
pub use fault::Framing;
pub use fault::Matcher;
pub use fault::RetryAfter;
pub use github::GitHub;
pub use lifecycle::Hold;
pub use log::Origin;
pub use log::Request;
pub use proxy::Proxy;
pub use repo::RepoHandle;
pub use server::FakeGitHub;
pub use server::Setup;
pub use snapshot::ReleaseSnapshot;
pub use snapshot::Snapshot;
pub use spec::AssetDelivery;
pub use spec::AssetSpec;
pub use spec::AssetState;
pub use spec::BudgetSpec;
pub use spec::BundleDelivery;
pub use spec::Digest;
pub use spec::MakeLatest;
pub use spec::NoAttestations;
pub use spec::ReleaseSpec;
pub use spec::RulesetSpec;
pub use spec::TagSpec;
pub use spec::TokenKind;
pub use tls::Tls;

/// The fake's GraphQL schema, a part of GitHub's, as text.
pub const GRAPHQL_SCHEMA: &str = graphql::schema::TEXT;
