//! A relay between a client and a server that cuts the connection at a statement, before or after the server has seen it.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::cluster::Database;
use crate::cluster::OWNER;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the server gets this statement; the first one has the number 0.
    Before(usize),
    /// After the server has executed it, and before the client knows.
    After(usize),
    /// Never.
    Never,
}

/// A running relay; it ends with the process.
pub struct Relay {
    port: u16,
    name: String,
    seen: Arc<Seen>,
}

/// What a relay has seen.
#[derive(Default)]
struct Seen {
    statements: AtomicUsize,
    was_cut: AtomicBool,
    texts: Mutex<Vec<String>>,
}

impl Relay {
    /// Relays to the server of a database. Statements of all connections are counted together.
    pub fn start(database: &Database, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let server = database.cluster.port;
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                thread::spawn(move || drop(relay(client, server, cut, &seen)));
            }
        });
        Self { port, name: database.name.clone(), seen }
    }

    /// The URL of the owner through the relay.
    pub fn url(&self) -> String {
        format!("postgres://{}:{}@127.0.0.1:{}/{}?sslmode=disable", OWNER.0, OWNER.1, self.port, self.name)
    }

    /// How many statements there were.
    pub fn statements(&self) -> usize {
        self.seen.statements.load(Ordering::SeqCst)
    }

    /// The statements since the last call, in order.
    pub fn take_texts(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.texts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a connection was cut.
    pub fn was_cut(&self) -> bool {
        self.seen.was_cut.load(Ordering::SeqCst)
    }
}

/// The text in a simple query, or in the message that begins an extended one.
fn text(message: &[u8]) -> Option<String> {
    let (kind, fields) = (*message.first()?, message.get(5..)?);
    let fields: Vec<&[u8]> = fields.split(|byte| *byte == 0).collect();
    let text = match kind {
        b'Q' => fields.first()?,
        // Before it is the name of the statement, which is empty.
        b'P' => fields.get(1)?,
        _ => return None,
    };
    Some(String::from_utf8_lossy(text).into_owned())
}

fn relay(mut client: TcpStream, server: u16, cut: Cut, seen: &Seen) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut head_length = 4;
    loop {
        let mut message = vec![0; head_length];
        client.read_exact(&mut message)?;
        let length = message[head_length - 4..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        message.resize(head_length + length - 4, 0);
        client.read_exact(&mut message[head_length..])?;
        if head_length == 5 {
            seen.texts.lock().unwrap_or_else(PoisonError::into_inner).extend(text(&message));
        }
        // A simple query, or the end of an extended one. The first message has no type.
        let ends_a_statement = head_length == 5 && matches!(message[0], b'Q' | b'S');
        head_length = 5;
        let number = if ends_a_statement { seen.statements.fetch_add(1, Ordering::SeqCst) } else { usize::MAX };
        if cut == Cut::Before(number) {
            seen.was_cut.store(true, Ordering::SeqCst);
            let _ = server.shutdown(Shutdown::Both);
            return client.shutdown(Shutdown::Both);
        }
        if cut == Cut::After(number) {
            seen.was_cut.store(true, Ordering::SeqCst);
            client.shutdown(Shutdown::Both)?;
            server.write_all(&message)?;
            // The server executes it, and finds no client.
            thread::sleep(Duration::from_millis(100));
            return server.shutdown(Shutdown::Both);
        }
        server.write_all(&message)?;
    }
}
