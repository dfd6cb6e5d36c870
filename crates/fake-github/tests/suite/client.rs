//! A raw client: one request per connection, or several on one, and every received byte.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

/// The response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How reading ended; an error if the connection broke before the body was complete.
    pub ended: Result<(), io::ErrorKind>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn location(&self) -> &str {
        self.header("Location").expect("a redirect says where to")
    }
}

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// One connection.
pub struct Connection {
    wire: Box<dyn Wire>,
    pending: Vec<u8>,
    host: String,
}

impl Connection {
    pub fn open(url: &str, ca_pem: &str) -> io::Result<Connection> {
        let (scheme, rest) = url.split_once("://").expect("an absolute address");
        let host = rest.split('/').next().unwrap_or_default().to_owned();
        let socket = TcpStream::connect(&host)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let wire: Box<dyn Wire> = if scheme == "https" {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
            let name = ServerName::try_from(name).expect("a host name");
            let tls = ClientConnection::new(trusting(ca_pem), name).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(tls, socket);
            stream.flush()?;
            Box::new(stream)
        } else {
            Box::new(socket)
        };
        Ok(Connection { wire, pending: Vec::new(), host })
    }

    pub fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: test\r\n", self.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.wire.write_all(format!("{head}\r\n{body}").as_bytes())?;
        self.wire.flush()?;
        self.answer(method == "HEAD")
    }

    /// Requests a tunnel from a proxy.
    pub fn connect(&mut self, host: &str) -> Answer {
        let head = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.wire.write_all(head.as_bytes()).expect("the proxy reads");
        self.answer(true).expect("the proxy answers")
    }

    fn answer(&mut self, is_head: bool) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.pending.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head: Vec<u8> = self.pending.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let status = status.expect("a status line has a code");
        let mut answer = Answer { status, headers, body: Vec::new(), ended: Ok(()) };
        if !is_head && !matches!(status, 204 | 304) {
            answer.ended = self.body(&mut answer).map_err(|error| error.kind());
        }
        Ok(answer)
    }

    fn body(&mut self, answer: &mut Answer) -> io::Result<()> {
        if answer.header("Transfer-Encoding").is_some() {
            return self.chunks(answer);
        }
        let length = answer.header("Content-Length").map(|text| text.parse::<usize>().expect("a length is a number"));
        loop {
            let wanted =
                length.map_or(self.pending.len(), |length| (length - answer.body.len()).min(self.pending.len()));
            answer.body.extend(self.pending.drain(..wanted));
            if length == Some(answer.body.len()) {
                return Ok(());
            }
            if self.more()? == 0 {
                return if length.is_none() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    fn chunks(&mut self, answer: &mut Answer) -> io::Result<()> {
        loop {
            let line = self.until_line()?;
            let size = usize::from_str_radix(&line, 16).expect("a chunk size is hexadecimal");
            while self.pending.len() < size + 2 {
                if self.more()? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            answer.body.extend(self.pending.drain(..size));
            self.pending.drain(..2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn until_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.pending.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.pending[..at]).into_owned();
                self.pending.drain(..at + 2);
                return Ok(line);
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The remaining bytes until the end of the connection or the read timeout.
    pub fn rest(&mut self) -> Vec<u8> {
        while matches!(self.more(), Ok(count) if count > 0) {}
        std::mem::take(&mut self.pending)
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut block = vec![0; 64 * 1024];
        let count = self.wire.read(&mut block)?;
        self.pending.extend_from_slice(&block[..count]);
        Ok(count)
    }
}

fn trusting(ca_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("one certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.expect("the provider has the default suites").with_root_certificates(roots).with_no_client_auth())
}

/// One request on its own connection; the URL is absolute.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let authority = url.split_once("://").map_or(0, |(scheme, _)| scheme.len() + 3);
    let at = url[authority..].find('/').map_or(url.len(), |at| at + authority);
    Connection::open(&url[..at], "")?.ask(method, &url[at..], headers, body)
}

pub fn get(url: &str) -> Answer {
    ask("GET", url, &[], "").expect("the fake answers")
}

pub fn get_with(url: &str, headers: &[(&str, &str)]) -> Answer {
    ask("GET", url, headers, "").expect("the fake answers")
}

/// With the token `writer`, which every test registers first.
pub fn send(method: &str, url: &str, body: &str) -> Answer {
    ask(method, url, &[("Authorization", "Bearer writer")], body).expect("the fake answers")
}

pub fn graphql(api: &str, query: &str, variables: &Value) -> Value {
    let body = serde_json::json!({ "query": query, "variables": variables }).to_string();
    send("POST", &format!("{api}/graphql"), &body).json()
}
