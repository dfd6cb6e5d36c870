//! A request in, a response out: access, then the page.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::Either;
use http_body_util::Full;
use http_body_util::StreamBody;

use crate::access::Access;
use crate::access::is_authorized;
use crate::respond::Reply;
use crate::respond::SECURITY_HEADERS;
use crate::route::EventQuery;
use crate::route::NoRoute;
use crate::route::Route;
use crate::route::route;
use crate::shared::Shared;
use crate::sse;
use crate::sse::EventStream;

/// Complete, or a stream of events.
pub(crate) type ServeBody = Either<Full<Bytes>, StreamBody<EventStream>>;

/// A connection, as far as requests are concerned.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Set by a request that reads events: such a connection lives as long as its reader.
    pub(crate) reads_events: Arc<AtomicBool>,
}

/// Responds to a request. The body of a request is never read.
pub(crate) fn respond<B>(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: &Request<B>,
) -> Result<Response<ServeBody>, Infallible> {
    let found = route(request.method(), request.uri().path(), request.uri().query());
    let is_head = request.method() == Method::HEAD;
    Ok(match page(shared, peer, request, found) {
        Page::Complete(reply) => complete(reply),
        Page::Events(query) => events(shared, peer, request, query, is_head),
    })
}

enum Page {
    Complete(Reply),
    Events(EventQuery),
}

fn page<B>(shared: &Shared, peer: &Peer, request: &Request<B>, found: Result<Route, NoRoute>) -> Page {
    // They say nothing about the queue.
    if let Ok(Route::Alive) = found {
        return Page::Complete(Reply::alive());
    }
    if let Ok(Route::Asset(asset)) = found {
        return Page::Complete(Reply::asset(asset));
    }
    if let Err(refusal) = admit(shared, peer, request, &found) {
        return Page::Complete(refusal);
    }
    let published = shared.published();
    Page::Complete(match found {
        Err(reason) => Reply::no_route(&reason),
        Ok(Route::Events(query)) => return Page::Events(query),
        Ok(Route::Alive) => Reply::alive(),
        Ok(Route::Asset(asset)) => Reply::asset(asset),
        Ok(Route::Page) => published.page(),
        Ok(Route::Ready) => Reply::ready(&published.observation),
        Ok(Route::TuiHealth) => Reply::tui_health(&published.observation),
        Ok(Route::Metrics) => published.metrics(),
        Ok(Route::Stats) => published.stats(&shared.options),
        Ok(Route::Observation) => published.document(),
        Ok(Route::TuiConfig) => Reply::tui_config(&base_url(shared, peer, request)),
    })
}

/// Without a token, the name under which the server is called protects it from other web pages; with one, the token does.
fn admit<B>(shared: &Shared, peer: &Peer, request: &Request<B>, found: &Result<Route, NoRoute>) -> Result<(), Reply> {
    let options = &shared.options;
    if options.token.is_none() {
        let is_called_by_name = options.hosts.host(request.headers()).is_some();
        return if is_called_by_name { Ok(()) } else { Err(Reply::wrong_host()) };
    }
    // Upstream serves it to everybody: the TUI reads it before it has a token, and it holds only URLs.
    if *found == Ok(Route::TuiConfig) {
        return Ok(());
    }
    let (address, now) = (peer.remote.ip(), shared.seconds());
    let mut attempts = shared.attempts();
    attempts.check(now, address).map_err(|limited| Reply::too_many_attempts(limited.retry_after))?;
    match is_authorized(request.headers(), options.token.as_ref()) {
        Access::Granted => Ok(()),
        Access::Missing => Err(Reply::unauthorized()),
        Access::Wrong => {
            let _ = attempts.take(now, address);
            Err(Reply::unauthorized())
        }
    }
}

/// The URL of this server: as it was set, else as the client calls it if that is an allowed name, else by its address.
fn base_url<B>(shared: &Shared, peer: &Peer, request: &Request<B>) -> String {
    if let Some(url) = &shared.options.public_url {
        return url.clone();
    }
    match shared.options.hosts.host(request.headers()) {
        Some(host) => format!("http://{host}"),
        None => format!("http://{}", peer.local),
    }
}

fn complete(reply: Reply) -> Response<ServeBody> {
    let mut response = Response::new(Either::Left(Full::new(reply.body)));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    for (name, value) in reply.headers {
        headers.insert(HeaderName::from_static(name), value);
    }
    with_security(response)
}

fn events<B>(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: &Request<B>,
    query: EventQuery,
    is_head: bool,
) -> Response<ServeBody> {
    let Ok(permit) = Arc::clone(&shared.readers).try_acquire_owned() else {
        return complete(Reply::too_many_readers());
    };
    let body = if is_head {
        Either::Left(Full::default())
    } else {
        peer.reads_events.store(true, Ordering::Relaxed);
        let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
        Either::Right(StreamBody::new(sse::stream(Arc::clone(shared), query, last, permit)))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // nginx would collect the events.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    with_security(response)
}

fn with_security(mut response: Response<ServeBody>) -> Response<ServeBody> {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
