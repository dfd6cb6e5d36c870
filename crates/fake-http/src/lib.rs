//! HTTP/1.1 for the fake servers on loopback: requests, responses, connections that fail as real ones do, and the shutdown.
//!
//! A fake reads a [`Call`](http::Call) from a [`Stream`](stream::Stream), computes a [`Reply`](http::Reply) and sends it, whole or
//! broken. A [`Server`](server::Server) accepts the connections, and a [`Script`](script::Script) selects the requests that
//! something happens to. All waits end when its [`Lifecycle`](lifecycle::Lifecycle) stops.

pub mod http;
pub mod lifecycle;
pub mod script;
pub mod server;
pub mod stream;
