//! A standby that follows a server.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cluster::Database;
use crate::cluster::SUPERUSER;
use crate::cluster::as_server_user;
use crate::cluster::free_port;
use crate::cluster::give;
use crate::cluster::is_ready;
use crate::cluster::server_directory;
use crate::cluster::settings;
use crate::guarded::Guarded;
use crate::skip;

/// A running standby.
pub struct Standby {
    port: u16,
    _server: Guarded,
}

impl Standby {
    /// Copies the server of a database and follows it. Recorded as skipped if the program for it is missing.
    pub fn of(database: &Database) -> Option<Self> {
        let backup = database.cluster.programs.join("pg_basebackup");
        if !backup.is_file() {
            skip::record("a standby", "install pg_basebackup (Debian: postgresql-client)");
            return None;
        }
        let directory = server_directory("rq-pgs-");
        copy(&backup, database.cluster.port, &directory);
        let port = free_port();
        let mut words = as_server_user();
        words.extend([database.cluster.programs.join("postgres").display().to_string(), "-D".to_owned()]);
        words.push(directory.join("data").display().to_string());
        words.extend(settings(&database.cluster.programs, port, &directory));
        let server = Guarded::start(&words, &directory, "QUIT");
        assert!(is_ready(&database.cluster.programs, port, &directory), "the standby starts");
        Some(Self { port, _server: server })
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn copy(backup: &Path, primary: u16, directory: &Path) {
    let passwords = directory.join("pgpass");
    fs::write(&passwords, format!("127.0.0.1:{primary}:*:{}:{}\n", SUPERUSER.0, SUPERUSER.1)).expect("written");
    give(&passwords);
    let mut words = as_server_user();
    words.push(backup.display().to_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["-h", "127.0.0.1", "-p", &primary.to_string(), "-U", SUPERUSER.0]);
    command.args(["-X", "stream", "-c", "fast", "-R", "-D"]).arg(directory.join("data")).env("PGPASSFILE", &passwords);
    let output = command.output().expect("pg_basebackup starts");
    assert!(output.status.success(), "{output:?}");
}
