//! One accepted connection, plain or TLS, with the failures of real ones.

use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::ServerConnection;

/// Large enough that one system call moves many TLS records, small enough to stay in the processor's cache.
const SLICE: usize = 256 * 1024;

/// A socket that the lifecycle can cut from another thread.
#[derive(Debug, Clone)]
struct Socket(Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self.0).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One connection, plain or TLS.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    tls: Option<Box<ServerConnection>>,
}

impl Stream {
    /// Accepts the client; with TLS the handshake is complete when this returns.
    ///
    /// # Errors
    /// The socket's errors, and a client that does not accept the certificate.
    pub fn open(socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Stream> {
        socket.set_nodelay(true)?;
        let mut socket = Socket(socket);
        let Some(config) = tls else { return Ok(Stream { socket, tls: None }) };
        let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(2 * SLICE));
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Stream { socket, tls: Some(Box::new(connection)) })
    }

    /// Sends all bytes, in slices that are never copied more often than TLS itself needs.
    ///
    /// # Errors
    /// The socket's errors.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.socket.write_all(bytes) };
        for slice in bytes.chunks(SLICE) {
            tls.writer().write_all(slice)?;
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
        Ok(())
    }

    /// Closes in order: first the TLS close notification, then the socket.
    pub fn finish_cleanly(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok() {}
        }
        self.finish_abruptly();
    }

    /// Closes the socket without ending the protocols above it.
    ///
    /// Remaining input is read to the end: closing with unread bytes would reset the connection.
    pub fn finish_abruptly(&mut self) {
        let _ = self.socket.0.shutdown(Shutdown::Write);
        let _ = self.socket.0.set_read_timeout(Some(Duration::from_millis(500)));
        let mut rest = [0; 4096];
        while matches!(self.socket.read(&mut rest), Ok(count) if count > 0) {}
    }

    /// Makes the following close a reset.
    pub fn reset(self) {
        let _ = socket2::SockRef::from(&*self.socket.0).set_linger(Some(Duration::ZERO));
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A client may disconnect between two requests without a TLS close notification.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}
