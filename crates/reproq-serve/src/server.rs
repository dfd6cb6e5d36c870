//! Listens, limits connections, and ends in good order.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::future::join;
use futures_util::future::maybe_done;
use futures_util::future::select;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

use crate::http::Peer;
use crate::http::respond;
use crate::observe::ServeNotice;
use crate::observe::now;
use crate::observe::observe;
use crate::options::ServeOptions;
use crate::options::ServedDatabase;
use crate::shared::Shared;
use crate::stall::StallGuard;

/// Header lines of a request, and bytes of all of them.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 16 * 1024;

/// News that wait until they are logged.
const NEWS: usize = 1024;

/// Bytes that the system keeps for a client that takes nothing.
const SEND_BUFFER: usize = 64 * 1024;

/// How long to wait if no connection can be accepted: the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// To a connection that is one too many. Written only if that takes no time.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 5\r\n\r\n";

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on an address; port 0 takes a free one. Must be called within a tokio runtime.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Observes the databases and serves what is known, until `stop` is ready; then requests that run are finished, for a limited time.
pub async fn serve(
    listener: Listener,
    databases: &[ServedDatabase],
    options: ServeOptions,
    notice: &dyn Fn(ServeNotice),
    stop: impl Future<Output = ()>,
) {
    let limits = options.limits;
    let interrupted = options.interrupted;
    // Ids of events of another process are not mistaken for ours.
    let epoch = format!("{:x}", now().timestamp_millis());
    let (sender, mut news) = mpsc::channel(NEWS);
    let shared = Arc::new(Shared::new(options, epoch, databases.len(), sender));
    let connections = Arc::new(Semaphore::new(limits.connections));
    let mut observers = pin!(maybe_done(observe(databases, &shared, notice)));
    {
        let accepting = pin!(accept(listener, &shared, &connections));
        let logging = pin!(log(&mut news, notice));
        select(pin!(stop), select(logging, select(observers.as_mut(), accepting))).await;
    }
    shared.end();
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let ended = tokio::time::timeout(limits.end, connections.acquire_many(all));
    if interrupted() {
        // Observers cancel their statements and close their connections.
        let _ = tokio::time::timeout(limits.end, join(ended, observers)).await;
    } else {
        let _ = ended.await;
    }
    while let Ok(last) = news.try_recv() {
        notice(last);
    }
}

/// Logs news, and never returns: the sender lives as long as the server.
async fn log(news: &mut mpsc::Receiver<ServeNotice>, notice: &dyn Fn(ServeNotice)) {
    while let Some(next) = news.recv().await {
        notice(next);
    }
}

/// Accepts connections, and never returns.
async fn accept(listener: Listener, shared: &Arc<Shared>, connections: &Arc<Semaphore>) {
    loop {
        let Ok((stream, remote)) = listener.listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(permit) = Arc::clone(connections).try_acquire_owned() else {
            let _ = stream.try_write(FULL);
            continue;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let local = stream.local_addr().unwrap_or(remote);
            let peer = Peer { remote, local, reads_events: Arc::new(AtomicBool::new(false)) };
            connection(stream, peer, shared).await;
            drop(permit);
        });
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, peer: Peer, shared: Arc<Shared>) {
    let limits = shared.options.limits;
    let _ = stream.set_nodelay(true);
    // A slow reader would otherwise hold megabytes of the system's memory.
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    let mut ending = shared.ending();
    let reads_events = Arc::clone(&peer.reads_events);
    let service = service_fn(move |request| {
        let (shared, peer) = (Arc::clone(&shared), peer.clone());
        async move { respond(&shared, &peer, request).await }
    });
    let io = TokioIo::new(StallGuard::new(stream, limits.stall));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.request)
            .max_headers(HEADERS)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(io, service)
    );
    loop {
        let lifetime = pin!(tokio::time::sleep(limits.connection));
        let end = pin!(ending.wait_for(|is_ending| *is_ending));
        match select(connection.as_mut(), select(end, lifetime)).await {
            // Errors of a client are its own.
            Either::Left(_) => return,
            Either::Right((Either::Right(_), _)) if reads_events.load(Ordering::Relaxed) => {}
            Either::Right(_) => break,
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(limits.end, connection).await;
}
