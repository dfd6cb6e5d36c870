//! Listeners, a thread for each connection, and their end.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use crate::http::Call;
use crate::http::Reader;
use crate::lifecycle::Lifecycle;
use crate::stream::Stream;

/// The listeners of a fake. Dropping it closes every connection and frees every port.
#[derive(Debug)]
pub struct Server {
    lifecycle: Arc<Lifecycle>,
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

/// Whether a connection can be used for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It can.
    KeepAlive,
    /// It is closed.
    Ended,
    /// It must be reset.
    Reset,
}

impl Server {
    /// A server without listeners, which ends with this lifecycle.
    #[must_use]
    pub fn new(lifecycle: &Arc<Lifecycle>) -> Server {
        Server { lifecycle: Arc::clone(lifecycle), listeners: Vec::new() }
    }

    /// Accepts connections. Each has a number and a thread of its own; a client that disconnects early is not an error of the
    /// fake.
    ///
    /// # Panics
    /// If the listener is not bound.
    pub fn serve<C>(&mut self, listener: TcpListener, converse: C)
    where
        C: Fn(Arc<TcpStream>, u64) -> io::Result<()> + Send + Sync + 'static,
    {
        let address = listener.local_addr().expect("a bound listener has an address");
        let (lifecycle, converse) = (Arc::clone(&self.lifecycle), Arc::new(converse));
        let thread = thread::spawn(move || accept(&listener, &lifecycle, &converse));
        self.listeners.push(Listener { address, thread });
    }

    /// Closes every connection and frees every port.
    pub fn stop(&mut self) {
        self.lifecycle.stop();
        for Listener { address, thread } in self.listeners.drain(..) {
            // Wakes the thread that waits for connections, so that it sees the shutdown.
            let _ = TcpStream::connect(address);
            let _ = thread.join();
        }
        self.lifecycle.wait_for_the_last();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept<C>(listener: &TcpListener, lifecycle: &Arc<Lifecycle>, converse: &Arc<C>)
where
    C: Fn(Arc<TcpStream>, u64) -> io::Result<()> + Send + Sync + 'static,
{
    while !lifecycle.is_stopping() {
        let Ok((socket, _)) = listener.accept() else { continue };
        let socket = Arc::new(socket);
        let Some(id) = lifecycle.enter(&socket) else { return };
        let (lifecycle, converse) = (Arc::clone(lifecycle), Arc::clone(converse));
        thread::spawn(move || {
            let guard = Guard { lifecycle: &lifecycle, id };
            let _ = converse(socket, id);
            drop(guard);
        });
    }
}

/// Unregisters the connection, also if its thread panics.
struct Guard<'a> {
    lifecycle: &'a Lifecycle,
    id: u64,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.lifecycle.leave(self.id);
    }
}

/// Responds to the requests of one connection until it ends.
///
/// # Errors
/// The stream's own, and requests that are not HTTP/1.
pub fn converse(
    mut stream: Stream,
    mut respond: impl FnMut(&Call, &mut Stream) -> io::Result<Afterwards>,
) -> io::Result<()> {
    let mut reader = Reader::default();
    while let Some(call) = reader.next(&mut stream)? {
        match respond(&call, &mut stream)? {
            Afterwards::KeepAlive => {}
            Afterwards::Ended => return Ok(()),
            Afterwards::Reset => {
                stream.reset();
                return Ok(());
            }
        }
    }
    Ok(())
}
