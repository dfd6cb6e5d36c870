//! The server.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use fake_http::http::Call;
use fake_http::http::Reply;
use fake_http::http::reason;
use fake_http::lifecycle::Lifecycle;
use fake_http::server::Afterwards;
use fake_http::server::Server;
use fake_http::server::converse;
use fake_http::stream::Stream;
use serde_json::json;

use crate::Fault;
use crate::SigningKey;
use crate::World;

/// The name of the client, with characters that have to be encoded.
pub const CLIENT_ID: &str = "reproq & co";

/// A running provider. Dropping it closes every connection.
#[derive(Debug)]
pub struct FakeOidc {
    world: Arc<Mutex<World>>,
    address: SocketAddr,
    _server: Server,
}

impl FakeOidc {
    /// Starts over plain HTTP, with one published key that signs.
    ///
    /// # Panics
    /// If loopback has no free port.
    #[must_use]
    pub fn start(key: SigningKey) -> FakeOidc {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let world = Arc::new(Mutex::new(World {
            issuer: format!("http://{address}"),
            discovery: json!({}),
            published: vec![key.jwk()],
            key,
            header: json!({}),
            claims: json!({}),
            token: None,
            secret: None,
            redirect_uri: String::new(),
            email: "ada@example.org".to_owned(),
            asks: false,
            faults: BTreeMap::new(),
            requests: Vec::new(),
            problems: Vec::new(),
            codes: BTreeMap::new(),
            now: seconds,
        }));
        let lifecycle = Arc::new(Lifecycle::default());
        let mut server = Server::new(&lifecycle);
        let shared = Arc::clone(&world);
        server.serve(listener, move |socket, _| {
            let lifecycle = Arc::clone(&lifecycle);
            converse(Stream::open(socket, None)?, |call, stream| exchange(&shared, &lifecycle, call, stream))
        });
        FakeOidc { world, address, _server: server }
    }

    /// Its URL.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, to be read and changed. The provider waits meanwhile.
    pub fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }
}

fn exchange(world: &Mutex<World>, lifecycle: &Lifecycle, call: &Call, stream: &mut Stream) -> io::Result<Afterwards> {
    let fault = {
        let mut world = locked(world);
        world.requests.push(call.path().to_owned());
        world.faults.get(call.path()).cloned()
    };
    let reply = match fault {
        None => locked(world).respond(call),
        Some(Fault::Status(status)) => Reply::json(status, &json!({ "error": "server_error" })),
        Some(Fault::Redirect(target)) => Reply::redirect(302, &target),
        Some(Fault::Large(bytes)) => Reply::json(200, &json!({ "x": "x".repeat(bytes) })),
        Some(Fault::Body(body)) => Reply::new(200).with("Content-Type", "application/json").body(body),
        Some(Fault::Stall(hold)) => {
            if !lifecycle.hold(hold) {
                return Ok(Afterwards::Ended);
            }
            locked(world).respond(call)
        }
    };
    let mut text = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", reply.body.len()));
    stream.send(&[text.as_bytes(), &reply.body].concat())?;
    if call.keep_alive {
        return Ok(Afterwards::KeepAlive);
    }
    stream.finish_cleanly();
    Ok(Afterwards::Ended)
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "tokens have the time of this machine")]
fn seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
