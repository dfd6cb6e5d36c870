//! Tells systemd the state of a service, as `sd_notify` does: one datagram to a socket that systemd names.

use std::ffi::OsStr;

/// Sends a state, such as `READY=1`, to the socket in `NOTIFY_SOCKET`. Who supervises may be gone, which changes nothing.
#[cfg(unix)]
pub(crate) fn notify_supervisor(socket: &OsStr, state: &str) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;
    use std::os::unix::net::UnixDatagram;

    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => in_no_directory(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

/// The address of a socket that is in no directory; only Linux has them.
#[cfg(target_os = "linux")]
fn in_no_directory(name: &[u8]) -> std::io::Result<std::os::unix::net::SocketAddr> {
    <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn in_no_directory(_: &[u8]) -> std::io::Result<std::os::unix::net::SocketAddr> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// systemd is on Linux only.
#[cfg(not(unix))]
pub(crate) fn notify_supervisor(_: &OsStr, _: &str) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn both_kinds_of_sockets_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let name = format!("reproq-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let sockets = [
            (UnixDatagram::bind(&path).expect("bound"), path.into_os_string()),
            (UnixDatagram::bind_addr(&address).expect("bound"), format!("@{name}").into()),
        ];
        for (socket, given) in sockets {
            notify_supervisor(&given, "READY=1").expect("sent");
            let mut state = [0; 16];
            let length = socket.recv(&mut state).expect("received");
            assert_eq!(&state[..length], b"READY=1", "{given:?}");
        }
        assert!(notify_supervisor(OsStr::new("/nowhere/notify"), "READY=1").is_err());
    }
}
