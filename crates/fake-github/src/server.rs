//! The listeners, and the handling of one request.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use fake_http::server::Server;
use fake_http::server::converse;
use rustls::ServerConfig;

use crate::dates::http_date;
use crate::deliver;
use crate::deliver::Manner;
use crate::deliver::Step;
use crate::fault::Fault;
use crate::github::GitHub;
use crate::github::locked;
use crate::http::Call;
use crate::http::Reply;
use crate::instead;
use crate::log::Origin;
use crate::log::Request;
use crate::objects;
use crate::objects::Replacement;
use crate::rest;
use crate::stream::Stream;
use crate::tls;
use crate::tls::Tls;
use crate::web;
use crate::world::Urls;

/// The configuration of the fake.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// The protocol of the origins.
    pub tls: Tls,
    /// The asset host is `localhost` instead of `127.0.0.1`, so that the host differs and not the port alone.
    pub objects_on_localhost: bool,
}

impl From<Tls> for Setup {
    fn from(tls: Tls) -> Setup {
        Setup { tls, ..Setup::default() }
    }
}

/// A running GitHub. Dropping it closes every connection and frees every port.
#[derive(Debug)]
pub struct FakeGitHub {
    github: GitHub,
    ca_pem: String,
    server: Server,
}

/// The role of a listener. The plain one serves assets and pages without TLS to clients that follow a redirect they should not
/// follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listens {
    For(Origin),
    Plain,
}

impl Listens {
    /// The host that a request to this listener is for.
    fn origin(self, call: &Call) -> Origin {
        match self {
            Listens::For(origin) => origin,
            Listens::Plain if objects::serves(call.path()) => Origin::Objects,
            Listens::Plain => Origin::Web,
        }
    }
}

impl Deref for FakeGitHub {
    type Target = GitHub;

    fn deref(&self) -> &GitHub {
        &self.github
    }
}

impl FakeGitHub {
    /// Starts over plain HTTP.
    #[must_use]
    pub fn start() -> FakeGitHub {
        FakeGitHub::start_with(Tls::Off)
    }

    /// Starts over TLS with a certificate signed by `ca_pem`.
    #[must_use]
    pub fn start_tls() -> FakeGitHub {
        FakeGitHub::start_with(Tls::Trusted)
    }

    /// Starts with a configuration: `Tls::Expired`, or a whole [`Setup`].
    ///
    /// # Panics
    /// If loopback has no free port.
    #[must_use]
    pub fn start_with(setup: impl Into<Setup>) -> FakeGitHub {
        let setup = setup.into();
        let identity = tls::identity(setup.tls);
        let config = identity.as_ref().map(|identity| Arc::clone(&identity.server));
        let github = GitHub::new();
        let server = Server::new(&github.shared.lifecycle);
        let ca_pem = identity.map(|identity| identity.ca_pem).unwrap_or_default();
        let mut fake = FakeGitHub { github, ca_pem, server };
        let scheme = if config.is_some() { "https" } else { "http" };
        let api = fake.open(Listens::For(Origin::Api), config.as_ref(), false);
        let web = fake.open(Listens::For(Origin::Web), config.as_ref(), false);
        let objects = fake.open(Listens::For(Origin::Objects), config.as_ref(), setup.objects_on_localhost);
        let plain = fake.open(Listens::Plain, None, setup.objects_on_localhost);
        let asset_host = if setup.objects_on_localhost { "localhost" } else { "127.0.0.1" };
        fake.github.world().urls = Urls {
            api: format!("{scheme}://127.0.0.1:{api}"),
            web: format!("{scheme}://127.0.0.1:{web}"),
            objects: format!("{scheme}://{asset_host}:{objects}"),
            plain: format!("http://{asset_host}:{plain}"),
        };
        fake
    }

    /// The authority a client must trust, in PEM; empty over plain HTTP.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The state alone, to be used from other threads.
    #[must_use]
    pub fn handle(&self) -> GitHub {
        self.github.clone()
    }

    fn open(&mut self, listens: Listens, tls: Option<&Arc<ServerConfig>>, also_six: bool) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        self.serve(listener, listens, tls);
        // `localhost` may resolve to ::1 first; without IPv6, clients notice quickly.
        if also_six && let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            self.serve(six, listens, tls);
        }
        port
    }

    fn serve(&mut self, listener: TcpListener, listens: Listens, tls: Option<&Arc<ServerConfig>>) {
        let (github, tls) = (self.github.clone(), tls.cloned());
        self.server.serve(listener, move |socket, connection| {
            let stream = Stream::open(socket, tls.as_ref()).inspect_err(|_| {
                github.shared.failed_handshakes.fetch_add(1, Ordering::SeqCst);
            })?;
            converse(stream, |call, stream| {
                let place = Place { origin: listens.origin(call), secure: tls.is_some(), connection };
                deliver::carry_out(exchange(&github, place, call), stream, &github.shared.lifecycle)
            })
        });
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    origin: Origin,
    secure: bool,
    connection: u64,
}

/// Handles one request: logs it, applies hooks and faults, and returns the steps that deliver the response.
fn exchange(github: &GitHub, place: Place, call: &Call) -> Vec<Step> {
    let shared = &github.shared;
    let entry = shared.log.arrived(place.origin, place.secure, place.connection, call);
    let request = as_request(place, call);
    let hook = locked(&shared.hooks).take(&request);
    if let Some(change) = hook.and_then(|hook| locked(&hook).take()) {
        change(github);
    }
    let fault = locked(&shared.faults).take(&request);
    let name = fault.as_ref().map(Fault::name);
    if let Some(Fault::StallHeaders { hold }) = &fault {
        shared.log.answered(entry, None, name.clone());
        if !shared.lifecycle.hold(*hold) {
            return vec![Step::Finish];
        }
    }
    let latency = github.world().switches.latency;
    if !latency.is_zero() {
        thread::sleep(latency);
    }
    let reply = answer(github, place.origin, call, fault.as_ref());
    let is_silent = matches!(fault, Some(Fault::ResetBeforeHeaders | Fault::TruncateAfterProcessing));
    shared.log.answered(entry, (!is_silent).then_some(reply.status), name);
    deliver::steps(reply, fault.as_ref(), Manner { head_only: call.is_head(), keep_alive: call.keep_alive })
}

fn as_request(place: Place, call: &Call) -> Request {
    Request {
        origin: place.origin,
        secure: place.secure,
        connection: place.connection,
        method: call.method.clone(),
        path: call.target.clone(),
        headers: call.headers.clone(),
        body: call.body.clone(),
        status: None,
        fault: None,
    }
}

fn answer(github: &GitHub, origin: Origin, call: &Call, fault: Option<&Fault>) -> Reply {
    let mut world = github.world();
    world.answered += 1;
    let date = http_date(world.clock());
    let instead = fault.and_then(|fault| instead::reply(fault, &world, origin, call));
    let reply = if let Some(reply) = instead.or_else(|| instead::loop_step(&world, origin, call)) {
        reply
    } else {
        let mut call = call.clone();
        if let Some(Fault::IgnoreRange) = fault {
            call.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Range"));
        }
        let replacement = match fault {
            Some(Fault::ChangedEtag) => Some(Replacement::Etag),
            Some(Fault::ChangedBytes(bytes)) => Some(Replacement::Bytes(bytes.clone())),
            Some(_) | None => None,
        };
        match origin {
            Origin::Api => rest::answer(&mut world, &call),
            Origin::Web => web::answer(&mut world, &call),
            Origin::Objects => objects::answer(&mut world, &call, replacement.as_ref()),
        }
    };
    reply.with("Date", date).with("Server", "github.com")
}
