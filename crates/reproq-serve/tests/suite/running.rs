//! A server on a thread of its own, and a client that reads what it wants when it wants.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use reproq_queue::dsn::Dsn;
use reproq_queue::dsn::FileContent;
use reproq_queue::dsn::Surroundings;
use reproq_serve::AllowedHosts;
use reproq_serve::Listener;
use reproq_serve::SchedulerSettings;
use reproq_serve::ServeLimits;
use reproq_serve::ServeOptions;
use reproq_serve::ServedDatabase;
use reproq_serve::serve;
use test_postgres::Database;
use tokio::sync::oneshot;

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Options with short intervals and these limits.
pub fn options(limits: ServeLimits) -> ServeOptions {
    ServeOptions {
        interval: Duration::from_millis(200),
        history_interval: Duration::from_secs(3600),
        token: None,
        identity: None,
        oidc: None,
        hosts: AllowedHosts::default(),
        public_url: None,
        scheduler: SchedulerSettings::of_variables(|_| None),
        interrupted: || false,
        limits,
    }
}

impl Running {
    /// Serves the database of this URL, and waits until it was read.
    pub fn start(url: &str, options: ServeOptions) -> Self {
        let variables = BTreeMap::new();
        let surroundings = Surroundings {
            variables: &variables,
            system_user: None,
            home: None,
            socket_directory: None,
            files: &|_| FileContent::Missing,
        };
        let target = Dsn::read(url, &surroundings).expect("a URL").target("reproq-serve-suite");
        let databases = vec![ServedDatabase { alias: "default".to_owned(), target }];
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("bound");
                bound.send(listener.address()).expect("the test waits");
                let stop = async move { drop(stopped.await) };
                serve(listener, &databases, options, &|_| {}, stop).await;
            });
        });
        let address = address.recv().expect("an address");
        let running = Self { address, stop: Some(stop), thread: Some(thread) };
        until("the first observation", || running.get("/readyz").starts_with("HTTP/1.1 200"));
        running
    }

    /// The same for a database of the tests.
    pub fn beside(database: &Database, limits: ServeLimits) -> Self {
        Self::start(&database.url(), options(limits))
    }

    /// A connection that sends nothing by itself.
    pub fn connect(&self) -> Client {
        Client::over(TcpStream::connect(self.address).expect("connected"))
    }

    /// The whole response to a request.
    pub fn get(&self, path: &str) -> String {
        let mut client = self.connect();
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address));
        client.rest()
    }

    /// A reader of events, with these header lines; what it has got so far is its greeting.
    pub fn events(&self, path: &str, headers: &str) -> Client {
        let mut client = self.connect();
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.address));
        client.until(": connected");
        client
    }

    /// Ends it, and waits until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection, and what it has received.
pub struct Client {
    pub stream: TcpStream,
    pub text: String,
}

impl Client {
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        Self { stream, text: String::new() }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("sent");
    }

    /// Reads a part; false at the end.
    fn read(&mut self) -> bool {
        let mut part = [0; 4096];
        match self.stream.read(&mut part) {
            Ok(0) => false,
            Ok(length) => {
                self.text.push_str(&String::from_utf8_lossy(&part[..length]));
                true
            }
            // A client that is disconnected while it sends gets a reset.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}: {}", self.text),
        }
    }

    /// Reads until the text contains this.
    pub fn until(&mut self, wanted: &str) {
        // Signs of life arrive without end.
        let began = Instant::now();
        while !self.text.contains(wanted) {
            assert!(self.read(), "the connection ended before `{wanted}`: {}", self.text);
            assert!(began.elapsed() < Duration::from_secs(30), "no `{wanted}`: {}", self.text);
        }
    }

    /// Everything until the other side closes the connection.
    pub fn rest(mut self) -> String {
        let began = Instant::now();
        while self.read() {
            assert!(began.elapsed() < Duration::from_secs(30), "the connection stays: {} bytes", self.text.len());
        }
        self.text
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

/// Inserts tasks that failed just now, so many at once.
pub fn add_failed(database: &Database, tasks: u32, error_length: u32) {
    database.sql(&format!(
        "insert into task_runs (queue_name, spec_json, spec_hash, task_path, status, attempts, started_at, last_attempted_at, \
         finished_at, failed_at, last_error) \
         select 'mail', '{{}}', md5(random()::text) || md5(random()::text), 'shop.tasks.mail', 'FAILED', 1, now(), now(), now(), \
         now(), repeat('e', {error_length}) from generate_series(1, {tasks})"
    ));
}
