//! Opens a socket to a server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::target::Host;

/// Either kind of socket.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A connected socket.
pub(super) struct Dialed {
    pub(super) socket: Box<dyn Socket>,
    /// The port on this side; `None` for a Unix socket.
    pub(super) local_port: Option<u16>,
}

/// Connects to the first address of a host that accepts. Each address has its share of the limit, so that one that does not
/// respond leaves time for the others.
pub(super) async fn dial(host: &Host, keepalive: Option<Duration>, limit: Duration) -> io::Result<Dialed> {
    match host {
        Host::Unix { directory, port, .. } => unix(&directory.join(format!(".s.PGSQL.{port}"))).await,
        Host::Tcp { address: Some(address), port, .. } => tcp(SocketAddr::new(*address, *port), keepalive).await,
        Host::Tcp { name, port, .. } => {
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), *port)).await?.collect();
            let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
            for address in addresses {
                match tokio::time::timeout(share, tcp(address, keepalive)).await {
                    Ok(Ok(dialed)) => return Ok(dialed),
                    Ok(Err(error)) => failure = error,
                    Err(_) => failure = io::ErrorKind::TimedOut.into(),
                }
            }
            Err(failure)
        }
    }
}

async fn tcp(address: SocketAddr, keepalive: Option<Duration>) -> io::Result<Dialed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    if let Some(idle) = keepalive {
        let probes = socket2::TcpKeepalive::new().with_time(idle);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&probes)?;
    }
    let local_port = Some(stream.local_addr()?.port());
    Ok(Dialed { socket: Box::new(stream), local_port })
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Dialed> {
    let stream = tokio::net::UnixStream::connect(path).await?;
    Ok(Dialed { socket: Box::new(stream), local_port: None })
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> io::Result<Dialed> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}
