//! The requests to the fake, in the order of arrival.

use std::collections::BTreeSet;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;

use crate::http::Call;

/// One of the hosts that a client of GitHub contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `api.github.com`: REST and GraphQL.
    Api,
    /// `github.com`: release pages and download links.
    Web,
    /// The asset host with signed URLs.
    Objects,
}

/// One request and its result.
#[derive(Debug, Clone)]
pub struct Request {
    /// The requested host.
    pub origin: Origin,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The number of the connection, from 1, over all origins; equal numbers mean one kept-alive connection.
    pub connection: u64,
    /// `GET`, `DELETE` and so on.
    pub method: String,
    /// Path and query as sent, undecoded.
    pub path: String,
    /// Header names as sent, and values.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: Bytes,
    /// The response's status; `None` while pending and if no status line was ever sent.
    pub status: Option<u16>,
    /// The name of the scripted fault that applied to this request.
    pub fault: Option<String>,
}

impl Request {
    /// The value of a header; its name is case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether this is a write: any method except GET and HEAD, and except GraphQL queries.
    #[must_use]
    pub fn is_mutation(&self) -> bool {
        if self.is_graphql() {
            return String::from_utf8_lossy(&self.body).contains("mutation");
        }
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Whether this went to the GraphQL endpoint.
    #[must_use]
    pub fn is_graphql(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/graphql")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Entries {
    /// Incremented with every clearing, so that late responses are not stored in the wrong entry.
    generation: u64,
    requests: Vec<Request>,
    /// The requests that have no response yet.
    pending: BTreeSet<usize>,
    /// The largest size of `pending`.
    most_at_once: usize,
}

/// The position of one request in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    generation: u64,
    index: usize,
}

impl Log {
    pub(crate) fn arrived(&self, origin: Origin, secure: bool, connection: u64, call: &Call) -> Entry {
        let mut entries = self.lock();
        entries.requests.push(Request {
            origin,
            secure,
            connection,
            method: call.method.clone(),
            path: call.target.clone(),
            headers: call.headers.clone(),
            body: call.body.clone(),
            status: None,
            fault: None,
        });
        let entry = Entry { generation: entries.generation, index: entries.requests.len() - 1 };
        entries.pending.insert(entry.index);
        entries.most_at_once = entries.most_at_once.max(entries.pending.len());
        drop(entries);
        self.changed.notify_all();
        entry
    }

    pub(crate) fn answered(&self, entry: Entry, status: Option<u16>, fault: Option<String>) {
        let mut entries = self.lock();
        if entries.generation == entry.generation {
            entries.pending.remove(&entry.index);
            if let Some(request) = entries.requests.get_mut(entry.index) {
                request.status = status;
                request.fault = fault;
            }
        }
        drop(entries);
        self.changed.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    pub(crate) fn clear(&self) {
        let mut entries = self.lock();
        *entries = Entries { generation: entries.generation + 1, ..Entries::default() };
    }

    pub(crate) fn wait_until(&self, time: Duration, holds: impl Fn(&[Request]) -> bool) -> bool {
        let entries = self.lock();
        let (entries, _) = self
            .changed
            .wait_timeout_while(entries, time, |entries| !holds(&entries.requests))
            .unwrap_or_else(PoisonError::into_inner);
        holds(&entries.requests)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
