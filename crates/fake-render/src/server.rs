//! The server, and the handling of one request.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::ops::Deref;
use std::thread;

use fake_http::http::Call;
use fake_http::http::Reply;
use fake_http::server::Afterwards;
use fake_http::server::Server;
use fake_http::server::converse;
use fake_http::stream::Stream;

use crate::Fault;
use crate::Render;
use crate::Request;
use crate::deliver;
use crate::render::locked;
use crate::rest;

/// A running Render. Dropping it closes every connection, and panics if a request replaced all variables at once.
#[derive(Debug)]
pub struct FakeRender {
    render: Render,
    address: SocketAddr,
    server: Server,
}

impl Deref for FakeRender {
    type Target = Render;

    fn deref(&self) -> &Render {
        &self.render
    }
}

impl FakeRender {
    /// Starts over plain HTTP.
    ///
    /// # Panics
    /// If loopback has no free port.
    #[must_use]
    pub fn start() -> FakeRender {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let render = Render::new();
        let mut server = Server::new(&render.shared.lifecycle);
        let shared = render.clone();
        server.serve(listener, move |socket, _| {
            converse(Stream::open(socket, None)?, |call, stream| exchange(&shared, call, stream))
        });
        FakeRender { render, address, server }
    }

    /// The base URL of the API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}{}", self.address, rest::BASE)
    }

    /// The state alone, to be used from other threads.
    #[must_use]
    pub fn handle(&self) -> Render {
        self.render.clone()
    }
}

impl Drop for FakeRender {
    fn drop(&mut self) {
        self.server.stop();
        let replacements = self.render.full_replacements();
        assert!(
            replacements == 0 || thread::panicking(),
            "{replacements} requests replaced all variables of a service at once"
        );
    }
}

fn exchange(render: &Render, call: &Call, stream: &mut Stream) -> io::Result<Afterwards> {
    let lifecycle = &render.shared.lifecycle;
    let (index, fault) = arrived(render, call);
    if let Some(Fault::Stall(hold)) = fault
        && !lifecycle.hold(hold)
    {
        return Ok(Afterwards::Ended);
    }
    let reply = respond(render, call, fault.as_ref());
    if let Some(Fault::StallAfter(hold)) = fault
        && !lifecycle.hold(hold)
    {
        return Ok(Afterwards::Ended);
    }
    if !matches!(fault, Some(Fault::ResetBefore | Fault::ResetAfter))
        && let Some(request) = locked(&render.shared.log).get_mut(index)
    {
        request.status = Some(reply.status);
    }
    deliver::deliver(reply, fault.as_ref(), call.keep_alive, stream, lifecycle)
}

/// Logs a request, runs what is due before it, and returns its position in the log and its fault.
fn arrived(render: &Render, call: &Call) -> (usize, Option<Fault>) {
    let shared = &render.shared;
    let request = Request {
        method: call.method.clone(),
        path: call.target.clone(),
        headers: call.headers.clone(),
        body: call.body.clone(),
        status: None,
    };
    let hook = locked(&shared.hooks).take(&request);
    if let Some(change) = hook.and_then(|hook| locked(&hook).take()) {
        change(render);
    }
    let fault = locked(&shared.faults).take(&request);
    let mut log = locked(&shared.log);
    log.push(request);
    (log.len() - 1, fault)
}

fn respond(render: &Render, call: &Call, fault: Option<&Fault>) -> Reply {
    if let Some(fault) = fault.filter(|fault| fault.is_instead()) {
        return instead(fault, call);
    }
    let reply = rest::respond(&mut render.world(), call);
    match fault {
        Some(Fault::BadGatewayAfter) => rest::error(502, "bad gateway"),
        Some(_) | None => reply,
    }
}

fn instead(fault: &Fault, call: &Call) -> Reply {
    if let Fault::Limited { retry_after, reset } = fault {
        let mut reply = rest::error(429, "rate limit exceeded");
        reply.headers.extend(retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())));
        reply.headers.extend(reset.map(|seconds| ("Ratelimit-Reset".to_owned(), seconds.to_string())));
        reply
    } else if let Fault::Echo = fault {
        rest::error(400, &format!("invalid value: {}", String::from_utf8_lossy(&call.body)))
    } else if let Fault::WebPage = fault {
        Reply::html(200, "Log in")
    } else if let Fault::Redirect(target) = fault {
        Reply::redirect(302, target)
    } else if let Fault::Status(status) = fault {
        rest::error(*status, fake_http::http::reason(*status))
    } else {
        Reply::new(500)
    }
}
