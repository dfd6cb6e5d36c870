//! What the server is told.

use std::time::Duration;

use reproq_queue::pg::Interrupted;
use reproq_queue::pg::Target;

use crate::access::AccessToken;
use crate::access::AllowedHosts;
use crate::oidc::OidcSettings;
use crate::sign_in::ProxyIdentity;
use crate::stats_document::SchedulerSettings;

/// A database that is observed.
#[derive(Debug, Clone)]
pub struct ServedDatabase {
    /// Its alias.
    pub alias: String,
    /// How it is reached.
    pub target: Target,
}

/// How the server works.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long to wait between two readings of what is live.
    pub interval: Duration,
    /// How long to wait at least between two readings of the history.
    pub history_interval: Duration,
    /// The token that clients have to send; without one, everybody who reaches the server may read.
    pub token: Option<AccessToken>,
    /// The reverse proxies that may name people.
    pub identity: Option<ProxyIdentity>,
    /// The provider where people may sign in. It needs a token and a public URL, without which it is ignored.
    pub oidc: Option<OidcSettings>,
    /// Names of the server in the `Host` header.
    pub hosts: AllowedHosts,
    /// The URL under which clients reach the server, without a slash at its end, if it is not the one they use.
    pub public_url: Option<String>,
    /// What the variables say about the scheduler.
    pub scheduler: SchedulerSettings,
    /// Whether the user has asked the command to stop; a statement that runs is cancelled then.
    pub interrupted: Interrupted,
    /// What clients may use.
    pub limits: ServeLimits,
}

/// What clients may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// Open connections.
    pub connections: usize,
    /// Connections that read events.
    pub readers: usize,
    /// How long a request may take to arrive, and a connection to be idle.
    pub request: Duration,
    /// How long a client may take none of what is sent to it.
    pub stall: Duration,
    /// How long a connection that reads no events may live.
    pub connection: Duration,
    /// How long the end waits for requests that run.
    pub end: Duration,
    /// How often a reader of events gets a sign of life.
    pub heartbeat: Duration,
    /// Events that are kept for readers that were away.
    pub events: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            readers: 256,
            request: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            connection: Duration::from_secs(600),
            end: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
            events: 1000,
        }
    }
}
