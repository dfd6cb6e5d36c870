//! Clients that misbehave: each is bounded, and the server is healthy afterwards.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use reproq_serve::ServeLimits;
use test_postgres::Database;

use crate::running::Client;
use crate::running::Running;
use crate::running::until;

/// Limits that are reached soon.
fn limits() -> ServeLimits {
    ServeLimits { connections: 20, request: Duration::from_millis(500), ..ServeLimits::default() }
}

fn is_healthy(running: &Running) -> bool {
    running.get("/healthz").starts_with("HTTP/1.1 200") && running.get("/metrics").contains("reproq_database_up")
}

/// Bytes that arrive one by one do not extend the time for a request.
#[test]
fn slow_requests_are_ended() {
    let Some(database) = Database::of_origin("d") else { return };
    let running = Running::beside(&database, limits());
    let mut slow: Vec<TcpStream> = (0..15).map(|_| running.connect().stream).collect();
    let line = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nx-a: ";
    let mut sent = line.iter().copied().chain(std::iter::repeat(b'a'));
    until("the end of the slow requests", || {
        let byte = sent.next().expect("bytes without end");
        // A connection that was ended does not take another byte for long.
        slow.retain_mut(|stream| stream.write_all(&[byte]).is_ok());
        slow.is_empty()
    });
    assert!(is_healthy(&running));
}

#[test]
fn connections_without_a_request_are_ended() {
    let Some(database) = Database::of_origin("d") else { return };
    let running = Running::beside(&database, limits());
    let silent: Vec<Client> = (0..10).map(|_| running.connect()).collect();
    for client in silent {
        // A timeout of this side would panic.
        client.rest();
    }
    // One that has had its response and stays.
    let mut idle = running.connect();
    idle.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    idle.until("ok");
    assert!(!idle.rest().contains("connection: close"));
    assert!(is_healthy(&running));
}

#[test]
fn headers_without_end_are_refused() {
    let Some(database) = Database::of_origin("d") else { return };
    let running = Running::beside(&database, limits());
    for line in ["x-a: 1\r\n".to_owned(), format!("x-a: {}\r\n", "a".repeat(1000))] {
        let mut client = running.connect();
        client.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\n");
        // More than any buffer on the way takes.
        let text = line.repeat(100_000);
        let _ = client.stream.write_all(text.as_bytes());
        let answer = client.rest();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let mut client = running.connect();
    client.send(&format!("GET /{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "a".repeat(100_000)));
    let answer = client.rest();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"), "{answer}");
    for nonsense in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = running.connect();
        client.send(nonsense);
        let answer = client.rest();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{nonsense:?}: {answer}");
    }
    // A body is not read.
    let mut client = running.connect();
    client.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n");
    client.until("reproq_trend_exact");
    let _ = client.stream.write_all(&[b'x'; 100_000]);
    client.rest();
    assert!(is_healthy(&running));
}

#[test]
fn connections_beyond_the_limit_get_503_and_the_others_are_served() {
    let Some(database) = Database::of_origin("d") else { return };
    let running = Running::beside(&database, ServeLimits { request: Duration::from_secs(2), ..limits() });
    let mut first = running.connect();
    // Its place is taken once it was served.
    first.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    first.until("ok");
    let crowd: Vec<Client> = (0..300).map(|_| running.connect()).collect();
    let mut refused = 0;
    for client in crowd {
        refused += usize::from(client.rest().starts_with("HTTP/1.1 503"));
    }
    assert!((281..300).contains(&refused), "{refused} of 300 were refused");
    until("health", || running.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(is_healthy(&running));
}

/// A reader of events may stay; other connections end some time.
#[test]
fn a_connection_that_reads_no_events_ends_some_time() {
    let Some(database) = Database::of_origin("d") else { return };
    let limits =
        ServeLimits { connection: Duration::from_millis(700), heartbeat: Duration::from_millis(100), ..limits() };
    let running = Running::beside(&database, limits);
    let mut reader = running.events("/events", "");
    let mut busy = running.connect();
    let mut requests = 0;
    until("the end of the busy connection", || {
        requests += 1;
        let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
        if busy.stream.write_all(request.as_bytes()).is_err() {
            return true;
        }
        let mut answer = Client { stream: busy.stream.try_clone().expect("cloned"), text: String::new() };
        let mut part = [0; 1024];
        match std::io::Read::read(&mut answer.stream, &mut part) {
            Ok(0) | Err(_) => true,
            Ok(_) => false,
        }
    });
    assert!(requests > 2, "it was served before");
    let beats = |reader: &Client| reader.text.matches(": ping").count();
    let before = beats(&reader);
    for _ in 0..20 {
        let mut more = Client { stream: reader.stream.try_clone().expect("cloned"), text: String::new() };
        more.until(": ping");
        reader.text.push_str(&more.text);
    }
    assert!(beats(&reader) >= before + 20);
}
