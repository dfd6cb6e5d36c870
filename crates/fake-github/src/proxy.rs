//! A small HTTP proxy for CONNECT, to test that a client uses it and how it handles a refusal.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::thread::JoinHandle;

use crate::github::locked;
use crate::http::Call;
use crate::http::Reader;
use crate::http::reason;
use crate::lifecycle::Lifecycle;

/// A proxy on loopback. Dropping it closes its tunnels.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    lifecycle: Lifecycle,
    asked: Mutex<Vec<String>>,
    credentials: Mutex<Vec<Option<String>>>,
    refusal: Mutex<Option<u16>>,
}

impl Proxy {
    /// Starts a proxy that allows everything.
    ///
    /// # Panics
    /// If loopback has no free port.
    #[must_use]
    pub fn start() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &mine));
        Proxy { address, shared, thread: Some(thread) }
    }

    /// For `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses from now on with this status, such as 407 or 403; `None` allows everything again.
    pub fn refuse(&self, status: Option<u16>) {
        *locked(&self.shared.refusal) = status;
    }

    /// The `host:port` of every CONNECT so far, refused ones included. Other methods appear as method and target.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        locked(&self.shared.asked).clone()
    }

    /// The `Proxy-Authorization` of every request so far.
    #[must_use]
    pub fn credentials(&self) -> Vec<Option<String>> {
        locked(&self.shared.credentials).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lifecycle.stop();
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.shared.lifecycle.wait_for_the_last();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.lifecycle.is_stopping() {
        let Ok((client, _)) = listener.accept() else { continue };
        let client = Arc::new(client);
        let Some(id) = shared.lifecycle.enter(&client) else { return };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // Either side may disconnect at any time.
            let _ = serve(&client, &shared);
            shared.lifecycle.leave(id);
        });
    }
}

fn serve(client: &Arc<TcpStream>, shared: &Shared) -> io::Result<()> {
    let mut incoming = &**client;
    let Some(call) = Reader::default().next(&mut incoming)? else { return Ok(()) };
    note(&call, shared);
    let refusal = *locked(&shared.refusal);
    let upstream = match refusal {
        Some(status) => Err(status),
        None if call.method != "CONNECT" => Err(405),
        None => TcpStream::connect(here(&call.target)).map_err(|_| 502_u16),
    };
    match upstream {
        Ok(upstream) => {
            (&**client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            tunnel(client, upstream, shared)
        }
        Err(status) => {
            let challenge = if status == 407 { "Proxy-Authenticate: Basic realm=\"proxy\"\r\n" } else { "" };
            let head = format!("HTTP/1.1 {status} {}\r\n{challenge}Content-Length: 0\r\n\r\n", reason(status));
            (&**client).write_all(head.as_bytes())
        }
    }
}

/// Names reserved for tests (RFC 6761, 6.2) resolve to loopback, to test that a client uses its proxy: it connects to loopback
/// itself directly.
fn here(target: &str) -> String {
    match target.rsplit_once(':') {
        Some((host, port)) if host.ends_with(".test") => format!("127.0.0.1:{port}"),
        Some(_) | None => target.to_owned(),
    }
}

fn note(call: &Call, shared: &Shared) {
    let target = &call.target;
    let asked = if call.method == "CONNECT" { target.clone() } else { format!("{} {target}", call.method) };
    locked(&shared.asked).push(asked);
    locked(&shared.credentials).push(call.header("Proxy-Authorization").map(str::to_owned));
}

fn tunnel(client: &Arc<TcpStream>, upstream: TcpStream, shared: &Shared) -> io::Result<()> {
    let upstream = Arc::new(upstream);
    let Some(id) = shared.lifecycle.enter(&upstream) else { return Ok(()) };
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| copy(&upstream, client));
        copy(client, &upstream);
    });
    shared.lifecycle.leave(id);
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut block = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut block) {
        if count == 0 || to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
