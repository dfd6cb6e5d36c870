//! Resolves names with the system's resolver on a separate thread; if no thread is available, that is an error. The
//! client's own resolver would panic.

use std::io;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::thread;

use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use tokio::sync::oneshot;

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client adds the port.
            let addresses = resolve(name.as_str().to_owned(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The IP addresses of a host.
pub(super) async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (answer, answered) = oneshot::channel();
    // The thread is not joined if the request is canceled.
    thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        let _ = answer.send(found);
    })?;
    answered.await.unwrap_or_else(|_| Err(io::Error::other("the resolver has stopped")))
}
