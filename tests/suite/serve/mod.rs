//! `reproq serve`: the real program, asked by a client that can be as rude as a test needs.

mod access;
mod browser;
mod databases;
mod history;
mod monitoring;
#[cfg(feature = "oidc")]
mod oidc;
mod pages;
pub mod sign_in;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::send;
use crate::support::context::wait;
use crate::support::schemas;

/// A server that runs.
pub struct Served<'a> {
    /// Its project is removed with this.
    _context: &'a Context,
    child: Option<Child>,
    /// The document that it printed.
    pub document: Value,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A response.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// The values of all `Set-Cookie`.
    #[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "read by the tests of a provider"))]
    pub cookies: Vec<String>,
    pub body: String,
}

impl Page {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl<'a> Served<'a> {
    /// Starts the program on a free port, and waits for its document.
    pub fn start(context: &'a Context, arguments: &[&str]) -> Self {
        let listen: &[&str] = if arguments.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut child = context.spawn(&[&["serve", "--json"], listen, arguments].concat());
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut text = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        while !text.ends_with("\n}\n") && stdout.read_line(&mut text).expect("readable") > 0 {}
        let document =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}: {:?}", lines.lock()));
        assert_eq!(schemas::check(&text).as_deref(), Some("serve-1"));
        Self { _context: context, child: Some(child), document, lines }
    }

    /// The same, once every database was read.
    pub fn ready(context: &'a Context, arguments: &[&str]) -> Self {
        let served = Self::start(context, arguments);
        until("the first observation", || served.get("/readyz").status == 200);
        served
    }

    pub fn address(&self) -> SocketAddr {
        let url = self.document["url"].as_str().expect("a URL");
        url.strip_prefix("http://").expect("a scheme").parse().expect("an address")
    }

    /// What was written to stderr so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn get(&self, path: &str) -> Page {
        self.request("GET", path, &[])
    }

    /// A request with a form.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        self.send("POST", path, headers, form)
    }

    /// A request with these headers; `Host` is the address unless they have another.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send(method, path, headers, "")
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let address = self.address();
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            text.push_str(&format!("host: {address}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            let kind = "application/x-www-form-urlencoded";
            text.push_str(&format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        stream.write_all(text.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        page(&answer)
    }

    /// Sends a signal, and returns how it ended. The document was read already.
    pub fn stop(mut self, signal: &str) -> Output {
        let child = self.child.take().expect("it runs");
        send(signal, &child);
        wait(child)
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn page(answer: &str) -> Page {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {answer:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let cookies = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    Page {
        status: status.expect("a status"),
        cookies: cookies.map(|(_, value)| (*value).to_owned()).collect(),
        headers: headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect(),
        body: body.to_owned(),
    }
}

/// Waits until something is true.
pub fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..400 {
        if is_true() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}
