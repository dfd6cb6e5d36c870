//! `cargo xtask bench --load`: `reproq serve` beside a large table, with many readers of events and many requests. Prints latencies,
//! memory, processor time, and the transactions of the database with the clients and without them.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use test_postgres::Database;

use crate::queue::fill;

/// Readers of events.
const READERS: usize = 200;

/// Requests in a second, by all connections.
const REQUESTS: u32 = 500;

/// Connections that send them.
const CONNECTIONS: u32 = 8;

/// What they request, in turn.
const PATHS: [&str; 4] = ["/reproq/stats/", "/metrics", "/", "/healthz"];

/// How long the server is measured without clients.
const ALONE: Duration = Duration::from_secs(20);

/// A server that runs.
struct Server {
    child: Child,
    address: SocketAddr,
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    is_over: AtomicBool,
    connected: AtomicUsize,
    events: AtomicUsize,
    errors: AtomicUsize,
}

/// Measures beside this many finished tasks.
pub fn run(program: &Path, rows: usize, seconds: u64) -> anyhow::Result<()> {
    let database = Database::of_origin("d").context("PostgreSQL is not installed")?;
    println!("Creating {rows} finished tasks …");
    fill(&database, rows);
    let directory = tempfile::tempdir()?;
    let server = Server::start(program, directory.path(), &database.url())?;
    let seen = Arc::new(Seen::default());
    let alone = transactions(&database, || change_tasks(&database, Instant::now() + ALONE))? / ALONE.as_secs_f64();
    let before = server.ticks()?;
    let begun = Instant::now();
    let mut latencies = Vec::new();
    let with_clients = transactions(&database, || {
        latencies = with_clients(&server, &database, &seen, Duration::from_secs(seconds));
    })?;
    let took = begun.elapsed().as_secs_f64();
    let cpu = (server.ticks()? - before) as f64 / 100.0 / took;
    ensure!(!latencies.is_empty(), "no request was answered");
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "\n| {READERS} readers, {REQUESTS} requests a second, {seconds} s, {rows} finished tasks | |\n| --- | --- |"
    );
    println!("| requests answered | {} |", latencies.len());
    println!(
        "| readers connected, events read | {}, {} |",
        seen.connected.load(Ordering::SeqCst),
        seen.events.load(Ordering::SeqCst)
    );
    println!("| errors | {} |", seen.errors.load(Ordering::SeqCst));
    println!("| latency: median, 99 %, largest | {:.1}, {:.1}, {:.1} ms |", at(0.5), at(0.99), at(1.0));
    println!("| memory at its peak | {:.1} MiB |", server.peak()?);
    println!("| processor time a second | {cpu:.2} s |");
    println!("| transactions a second: without clients, with them | {alone:.2}, {:.2} |", with_clients / took);
    Ok(())
}

/// The committed transactions of the database in the meantime: those of the server, and of what changes tasks.
fn transactions(database: &Database, work: impl FnOnce()) -> anyhow::Result<f64> {
    let name = "select xact_commit from pg_stat_database where datname = current_database()";
    let count = || -> anyhow::Result<f64> {
        // The statistics of the last second may not be there yet.
        thread::sleep(Duration::from_millis(1500));
        Ok(database.as_superuser(name).trim().parse()?)
    };
    let before = count()?;
    work();
    Ok(count()? - before)
}

/// Readers and requests at once. Returns the latency of each request in milliseconds.
fn with_clients(server: &Server, database: &Database, seen: &Arc<Seen>, time: Duration) -> Vec<f64> {
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (address, seen) = (server.address, Arc::clone(seen));
            thread::spawn(move || {
                if read_events(address, &seen).is_err() {
                    seen.errors.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let end = Instant::now() + time;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|index| {
            let (address, seen) = (server.address, Arc::clone(seen));
            thread::spawn(move || requests(address, index, end, &seen))
        })
        .collect();
    change_tasks(database, end);
    let latencies = clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect();
    seen.is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        let _ = reader.join();
    }
    latencies
}

/// One statement each second, so that there are events to send.
fn change_tasks(database: &Database, end: Instant) {
    while Instant::now() < end {
        database.sql(
            "with picked as (select result_id from task_runs where status = 'READY' limit 20) update task_runs t set \
             status = 'SUCCESSFUL', finished_at = now() from picked where t.result_id = picked.result_id",
        );
        thread::sleep(Duration::from_secs(1));
    }
}

/// Reads until the end. That the server closes the connection is an error.
fn read_events(address: SocketAddr, seen: &Seen) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    write!(stream, "GET /events?observations=1 HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let mut piece = [0; 16384];
    let mut is_first = true;
    while !seen.is_over.load(Ordering::SeqCst) {
        match stream.read(&mut piece) {
            Ok(0) => bail!("closed"),
            Ok(length) => {
                if std::mem::take(&mut is_first) {
                    ensure!(piece[..length].starts_with(b"HTTP/1.1 200"), "refused");
                    seen.connected.fetch_add(1, Ordering::SeqCst);
                }
                let events = piece[..length].windows(6).filter(|it| it == b"\ndata:").count();
                seen.events.fetch_add(events, Ordering::SeqCst);
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Sends this connection's share of the requests, at their times.
fn requests(address: SocketAddr, index: u32, end: Instant, seen: &Seen) -> Vec<f64> {
    let pause = Duration::from_secs(1) * CONNECTIONS / REQUESTS;
    let mut next = Instant::now() + pause * index / CONNECTIONS;
    let mut connection = None;
    let mut latencies = Vec::new();
    for path in PATHS.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let begun = Instant::now();
        match request(&mut connection, address, path) {
            Ok(()) => latencies.push(begun.elapsed().as_secs_f64() * 1000.0),
            Err(_) => {
                seen.errors.fetch_add(1, Ordering::SeqCst);
                connection = None;
            }
        }
        next += pause;
    }
    latencies
}

/// One request on a connection that is kept.
fn request(connection: &mut Option<BufReader<TcpStream>>, address: SocketAddr, path: &str) -> anyhow::Result<()> {
    let stream = match connection {
        Some(stream) => stream,
        none => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            none.insert(BufReader::new(stream))
        }
    };
    write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let (mut length, mut line) = (0, String::new());
    let mut is_first = true;
    loop {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "closed");
        if std::mem::take(&mut is_first) {
            ensure!(line.starts_with("HTTP/1.1 200"), "{line}");
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    Ok(())
}

impl Server {
    fn start(program: &Path, directory: &Path, url: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0"]).current_dir(directory);
        command.env("DATABASE_URL", url).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut text = String::new();
        while !text.ends_with("\n}\n") {
            ensure!(stdout.read_line(&mut text)? > 0, "the server ended: {text}");
        }
        let document: serde_json::Value = serde_json::from_str(&text)?;
        let url = document["url"].as_str().and_then(|url| url.strip_prefix("http://")).context("its URL")?;
        let server = Self { child, address: url.parse()? };
        for _ in 0..600 {
            if request(&mut None, server.address, "/readyz").is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the server is not ready")
    }

    /// The processor time so far, in hundredths of a second.
    fn ticks(&self) -> anyhow::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
    }

    /// The most memory so far, in MiB.
    fn peak(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
