//! A pgbouncer in transaction mode with one connection to the server; from Debian's package.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::cluster::Database;
use crate::cluster::OWNER;
use crate::cluster::as_server_user;
use crate::cluster::free_port;
use crate::cluster::give;
use crate::cluster::server_directory;
use crate::guarded::Guarded;
use crate::skip;

/// Where Debian installs it.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A running pooler in front of a database.
pub struct PgBouncer {
    port: u16,
    name: String,
    _server: Guarded,
}

impl PgBouncer {
    /// Starts one. Recorded as skipped if it is not installed.
    pub fn before(database: &Database) -> Option<Self> {
        if !Path::new(PROGRAM).is_file() {
            skip::record("a pooler in transaction mode", "install pgbouncer (Debian: pgbouncer)");
            return None;
        }
        (0..5).find_map(|_| Self::start(database))
    }

    fn start(database: &Database) -> Option<Self> {
        let directory = server_directory("rq-pgb-");
        let port = free_port();
        let own = directory.display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {own}/users\npool_mode = transaction\n\
             default_pool_size = 1\nserver_tls_sslmode = disable\n",
            database.cluster.port
        );
        fs::write(directory.join("pgbouncer.ini"), settings).expect("written");
        fs::write(directory.join("users"), format!("\"{}\" \"{}\"\n", OWNER.0, OWNER.1)).expect("written");
        for name in ["pgbouncer.ini", "users"] {
            give(&directory.join(name));
        }
        let mut words = as_server_user();
        words.extend([PROGRAM.to_owned(), directory.join("pgbouncer.ini").display().to_string()]);
        let server = Guarded::start(&words, &directory, "TERM");
        let is_up = (0..100).any(|_| {
            let connected = TcpStream::connect(("127.0.0.1", port)).is_ok();
            if !connected {
                sleep(Duration::from_millis(20));
            }
            connected
        });
        is_up.then(|| Self { port, name: database.name.clone(), _server: server })
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the owner through the pooler.
    pub fn url(&self) -> String {
        format!("postgres://{}:{}@127.0.0.1:{}/{}", OWNER.0, OWNER.1, self.port, self.name)
    }
}
