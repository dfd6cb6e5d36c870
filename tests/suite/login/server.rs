//! A server with the pair flow of Django, on loopback: what it answers to each request is written down by the test.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;

use fake_http::http::Call;
use fake_http::http::Reply;
use fake_http::http::reason;
use fake_http::lifecycle::Lifecycle;
use fake_http::server::Afterwards;
use fake_http::server::Server;
use fake_http::server::converse;
use fake_http::stream::Stream;
use serde_json::Value;
use serde_json::json;

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Step {
    /// This response.
    Reply(Reply),
    /// A reset before the first byte.
    Reset,
    /// A body without an end.
    Endless,
}

/// A running server. After the last step, the last is repeated.
pub struct PairServer {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    _server: Server,
}

impl PairServer {
    /// Starts one with these steps, one for each request.
    pub fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("an address");
        let lifecycle = Arc::new(Lifecycle::default());
        let mut server = Server::new(&lifecycle);
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (log, steps) = (Arc::clone(&calls), Mutex::new(steps.into_iter().collect::<VecDeque<Step>>()));
        server.serve(listener, move |socket, _| {
            converse(Stream::open(socket, None)?, |call, stream| {
                log.lock().expect("not poisoned").push(call.clone());
                let mut steps = steps.lock().expect("not poisoned");
                let step = if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() };
                drop(steps);
                deliver(step.expect("a step"), stream, &lifecycle)
            })
        });
        Self { address, calls, _server: server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `METHOD path` of each request.
    pub fn requests(&self) -> Vec<String> {
        self.calls.lock().expect("not poisoned").iter().map(|call| format!("{} {}", call.method, call.target)).collect()
    }
}

fn deliver(step: Step, stream: &mut Stream, lifecycle: &Lifecycle) -> std::io::Result<Afterwards> {
    let reply = match step {
        Step::Reply(reply) => reply,
        Step::Reset => return Ok(Afterwards::Reset),
        Step::Endless => {
            stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            while !lifecycle.is_stopping() {
                stream.send(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes())?;
            }
            return Ok(Afterwards::Ended);
        }
    };
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", reply.body.len()));
    stream.send(&[head.as_bytes(), &reply.body].concat())?;
    Ok(Afterwards::KeepAlive)
}

/// A JSON response.
pub fn json_step(status: u16, value: &Value) -> Step {
    Step::Reply(Reply::json(status, value))
}

/// The response with a code, as Django sends it.
pub fn offered() -> Step {
    let document = json!({"code": "0f1e2d3c", "verify_url": "http://127.0.0.1/reproq/tui/authorize/?code=0f1e2d3c",
        "worker_metrics_url": "http://127.0.0.1/m"});
    json_step(200, &document)
}

pub fn pending() -> Step {
    json_step(200, &json!({"status": "pending"}))
}

/// The year 2100.
pub const EXPIRES: i64 = 4_102_444_800;

pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

pub fn approved() -> Step {
    json_step(200, &json!({"status": "approved", "token": TOKEN, "expires_at": EXPIRES}))
}
