//! The listener, its threads, and the handling of one request.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use fake_http::http::Call;
use fake_http::http::Reader;
use fake_http::http::Reply;
use fake_http::stream::Stream;

use crate::Fault;
use crate::Render;
use crate::Request;
use crate::deliver;
use crate::deliver::Afterwards;
use crate::render::locked;
use crate::rest;

/// A running Render. Dropping it closes every connection, and panics if a request replaced all variables at once.
#[derive(Debug)]
pub struct FakeRender {
    render: Render,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
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
        let shared = render.clone();
        let thread = thread::spawn(move || accept(&listener, &shared));
        FakeRender { render, address, thread: Some(thread) }
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
        self.render.shared.lifecycle.stop();
        // Wakes the thread that waits for connections, so that it sees the shutdown.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.render.shared.lifecycle.wait_for_the_last();
        let replacements = self.render.full_replacements();
        assert!(
            replacements == 0 || thread::panicking(),
            "{replacements} requests replaced all variables of a service at once"
        );
    }
}

fn accept(listener: &TcpListener, render: &Render) {
    let lifecycle = &render.shared.lifecycle;
    while !lifecycle.is_stopping() {
        let Ok((socket, _)) = listener.accept() else { continue };
        let socket = Arc::new(socket);
        let Some(id) = lifecycle.enter(&socket) else { return };
        let render = render.clone();
        thread::spawn(move || {
            let guard = Guard { render: &render, id };
            // A client that disconnects early is not an error of the fake.
            let _ = converse(socket, &render);
            drop(guard);
        });
    }
}

/// Unregisters the connection, also if its thread panics.
struct Guard<'a> {
    render: &'a Render,
    id: u64,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.render.shared.lifecycle.leave(self.id);
    }
}

fn converse(socket: Arc<TcpStream>, render: &Render) -> io::Result<()> {
    let lifecycle = &render.shared.lifecycle;
    let mut stream = Stream::open(socket, None)?;
    let mut reader = Reader::default();
    while let Some(call) = reader.next(&mut stream)? {
        let (index, fault) = arrived(render, &call);
        if let Some(Fault::Stall(hold)) = fault
            && !lifecycle.hold(hold)
        {
            return Ok(());
        }
        let reply = respond(render, &call, fault.as_ref());
        if let Some(Fault::StallAfter(hold)) = fault
            && !lifecycle.hold(hold)
        {
            return Ok(());
        }
        if !matches!(fault, Some(Fault::ResetBefore | Fault::ResetAfter))
            && let Some(request) = locked(&render.shared.log).get_mut(index)
        {
            request.status = Some(reply.status);
        }
        match deliver::deliver(reply, fault.as_ref(), call.keep_alive, &mut stream, lifecycle)? {
            Afterwards::KeepAlive => {}
            Afterwards::Ended => return Ok(()),
            Afterwards::Reset => {
                stream.reset();
                return Ok(());
            }
        }
    }
    Ok(())
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
