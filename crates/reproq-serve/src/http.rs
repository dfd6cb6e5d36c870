//! A request in, a response out: access, then the page.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use http_body_util::Either;
use http_body_util::Full;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use http_body_util::StreamBody;
use hyper::body::Body;

use crate::access::Access;
use crate::access::is_authorized;
use crate::observe::now;
use crate::respond::Reply;
use crate::respond::SECURITY_HEADERS;
use crate::route::EventQuery;
use crate::route::NoRoute;
use crate::route::Route;
use crate::route::route;
use crate::shared::Shared;
use crate::sign_in::Form;
use crate::sign_in::LONGEST_FORM;
use crate::sign_in::SignInPage;
use crate::sign_in::SignInRequest;
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

/// Responds to a request. Its body is read if it is a form of sign-in, and never otherwise.
pub(crate) async fn respond<B>(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: Request<B>,
) -> Result<Response<ServeBody>, Infallible>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    match route(request.method(), request.uri().path(), request.uri().query()) {
        Ok(Route::SignIn(page)) => Ok(complete(sign_in(shared, peer, &request, page, body).await)),
        found => respond_to(shared, peer, &request, found),
    }
}

fn respond_to(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: &Request<()>,
    found: Result<Route, NoRoute>,
) -> Result<Response<ServeBody>, Infallible> {
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

fn page(shared: &Shared, peer: &Peer, request: &Request<()>, found: Result<Route, NoRoute>) -> Page {
    if let Err(refusal) = admit(shared, peer, request, &found) {
        return Page::Complete(refusal);
    }
    let published = shared.published();
    Page::Complete(match found {
        Err(reason) => Reply::no_route(&reason),
        Ok(Route::Events(query)) => return Page::Events(query),
        Ok(Route::Alive) => Reply::alive(),
        Ok(Route::Asset(asset)) => Reply::asset(asset),
        Ok(Route::Page) => published.page(shared.sign_in.is_some()),
        Ok(Route::Ready) => Reply::ready(&published.observation),
        Ok(Route::TuiHealth) => Reply::tui_health(&published.observation),
        Ok(Route::Metrics) => published.metrics(),
        Ok(Route::Stats) => published.stats(&shared.options),
        Ok(Route::Observation) => published.document(),
        // Answered before.
        Ok(Route::SignIn(_)) => Reply::sign_in_disabled(),
        Ok(Route::TuiConfig) => Reply::tui_config(&base_url(shared, peer, request)),
    })
}

/// Without a token, the name under which the server is called protects it from other web pages; with one, the token does.
fn admit(shared: &Shared, peer: &Peer, request: &Request<()>, found: &Result<Route, NoRoute>) -> Result<(), Reply> {
    // They say nothing about the queue.
    if matches!(found, Ok(Route::Alive | Route::Asset(_))) {
        return Ok(());
    }
    let options = &shared.options;
    if options.token.is_none() {
        let is_called_by_name = options.hosts.host(request.headers()).is_some();
        return if is_called_by_name { Ok(()) } else { Err(Reply::wrong_host()) };
    }
    // Upstream serves it to everybody: the TUI reads it before it has a token, and it holds only URLs.
    if *found == Ok(Route::TuiConfig) {
        return Ok(());
    }
    let now = shared.seconds();
    let address = shared.sign_in.as_ref().map_or(peer.remote.ip(), |it| it.client(request.headers(), peer.remote.ip()));
    let mut attempts = shared.attempts();
    attempts.check(now, address).map_err(|limited| Reply::too_many_attempts(limited.retry_after))?;
    match is_authorized(request.headers(), shared.sign_in.as_ref(), peer.remote.ip(), now_in_seconds()) {
        Access::Granted => Ok(()),
        Access::Missing => match &shared.sign_in {
            // A person looks at it, who can sign in.
            Some(sign_in) if *found == Ok(Route::Page) => Err(sign_in.first()),
            _ => Err(Reply::unauthorized()),
        },
        Access::Wrong => {
            let _ = attempts.take(now, address);
            Err(Reply::unauthorized())
        }
    }
}

/// Signing in, which needs no token yet.
async fn sign_in<B>(shared: &Shared, peer: &Peer, request: &Request<()>, page: SignInPage, body: B) -> Reply
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(sign_in) = &shared.sign_in else {
        let is_called_by_name = shared.options.hosts.host(request.headers()).is_some();
        return if is_called_by_name { Reply::sign_in_disabled() } else { Reply::wrong_host() };
    };
    let has_form = matches!(page, SignInPage::Authorize | SignInPage::Login | SignInPage::Logout)
        && request.method() == Method::POST;
    let form = match has_form {
        true => match read_form(body, shared.options.limits.request).await {
            Ok(form) => form,
            Err(refusal) => return refusal,
        },
        false => Form::default(),
    };
    // Never the `Host` header: a code could otherwise be approved on a page of somebody else.
    let local = || format!("http://{}", peer.local);
    let base = shared.options.public_url.clone().unwrap_or_else(local);
    let request = SignInRequest {
        method: request.method(),
        page,
        query: Form::parse(request.uri().query().unwrap_or_default().as_bytes()),
        form,
        headers: request.headers(),
        remote: peer.remote.ip(),
        base: &base,
        now: now_in_seconds(),
        seconds: shared.seconds(),
    };
    let is_of_provider = matches!(request.page, SignInPage::ToProvider | SignInPage::Callback);
    let answer = match &shared.provider {
        Some(provider) if is_of_provider && request.method == Method::GET => provider.answer(sign_in, &request).await,
        Some(_) | None => sign_in.answer(&request, &mut shared.attempts()),
    };
    if let Some(news) = answer.news {
        shared.note(sign_in.client(request.headers, request.remote), news);
    }
    answer.reply
}

/// The fields of a form, which arrives in time and is not too long.
async fn read_form<B>(body: B, limit: Duration) -> Result<Form, Reply>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, LONGEST_FORM).collect();
    match tokio::time::timeout(limit, collected).await {
        Ok(Ok(form)) => Ok(Form::parse(&form.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long"))
        }
        Ok(Err(_)) => Err(Reply::error(StatusCode::BAD_REQUEST, "the form is incomplete")),
        Err(_) => Err(Reply::error(StatusCode::REQUEST_TIMEOUT, "the form did not arrive in time")),
    }
}

fn now_in_seconds() -> i64 {
    now().timestamp()
}

/// The URL of this server: as it was set, else as the client calls it if that is an allowed name, else by its address.
fn base_url(shared: &Shared, peer: &Peer, request: &Request<()>) -> String {
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
        // A response may set several cookies.
        headers.append(HeaderName::from_static(name), value);
    }
    with_security(response)
}

fn events(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: &Request<()>,
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
        // A page may have a policy of its own.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
