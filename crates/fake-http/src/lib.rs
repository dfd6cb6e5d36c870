//! HTTP/1.1 for the fake servers on loopback: requests, responses, connections that fail as real ones do, and the shutdown.
//!
//! A fake reads a [`Call`](http::Call) from a [`Stream`](stream::Stream), computes a [`Reply`](http::Reply) and sends it, whole or
//! broken. All waits end when its [`Lifecycle`](lifecycle::Lifecycle) stops.

pub mod http;
pub mod lifecycle;
pub mod stream;
