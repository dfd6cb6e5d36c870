//! A PostgreSQL of the tests' own: one cluster per version and process, one database per test. The server runs as another
//! user if this is root, on loopback, in its own directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use crate::guarded::Guarded;
use crate::skip;

/// The owner of every database, who is not a superuser.
pub const OWNER: (&str, &str) = ("shop", "Owner-Secret-1");
/// A user who may only connect.
pub const GUEST: (&str, &str) = ("guest", "Guest-Secret-2");
/// The superuser.
pub const SUPERUSER: (&str, &str) = ("postgres", "Super-Secret-3");

/// How to get what a skipped test needs.
const REMEDY: &str = "install PostgreSQL (Debian: postgresql), or set REPROQ_TEST_POSTGRES to a directory with initdb";

/// The four ways of creating the tables, each with its files in `schema/`.
pub const ORIGINS: [(&str, &[&str]); 4] = [
    ("a", &["django"]),
    ("b", &["django", "worker_after_django"]),
    ("c", &["worker", "recorded"]),
    ("d", &["worker", "baseline_function", "recorded"]),
];

/// A running server.
pub struct Cluster {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The directory of its programs.
    pub programs: PathBuf,
    /// Whether it was built with TLS.
    pub has_tls: bool,
    directory: PathBuf,
    databases: AtomicU32,
    servers: Mutex<Vec<Guarded>>,
}

/// A database of its own.
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its server.
    pub cluster: &'static Cluster,
}

impl Database {
    /// An empty database. Recorded as skipped if there is no PostgreSQL.
    pub fn new() -> Option<Self> {
        let Some(cluster) = majors().last().and_then(|major| cluster(*major)) else {
            skip::record("a real database", REMEDY);
            return None;
        };
        Some(Self::on(cluster))
    }

    /// A database with the tables of an origin.
    pub fn of_origin(origin: &str) -> Option<Self> {
        let database = Self::new()?;
        database.create(origin);
        Some(database)
    }

    /// An empty database on this server.
    pub fn on(cluster: &'static Cluster) -> Self {
        let name = format!("test_{}", cluster.databases.fetch_add(1, Ordering::Relaxed));
        cluster.psql("postgres", SUPERUSER, &format!("create database {name} owner {}", OWNER.0));
        Self { name, cluster }
    }

    /// Creates the tables of an origin.
    pub fn create(&self, origin: &str) {
        let (_, files) = ORIGINS.iter().find(|(name, _)| *name == origin).expect("a known origin");
        for file in *files {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{file}.sql"));
            self.sql(&fs::read_to_string(path).expect("a fixture"));
        }
    }

    /// Runs SQL as the owner, and returns the rows, their columns separated by `|`.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, OWNER, sql)
    }

    /// Runs a script of SQL as the owner, each statement in its own transaction.
    pub fn file(&self, script: &str) {
        let mut psql = self.cluster.psql_command(&self.name, OWNER);
        // The owner may not create extensions, which nothing needs.
        psql.args(["--set=ON_ERROR_STOP=0", "--file=-"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = psql.stderr(Stdio::null()).spawn().expect("psql starts");
        child.stdin.take().expect("piped").write_all(script.as_bytes()).expect("psql reads");
        child.wait().expect("it ends");
    }

    /// Runs SQL as the superuser.
    pub fn as_superuser(&self, sql: &str) -> String {
        self.cluster.psql(&self.name, SUPERUSER, sql)
    }

    /// The URL of the owner.
    pub fn url(&self) -> String {
        self.url_of(OWNER)
    }

    /// The URL of a user.
    pub fn url_of(&self, (user, password): (&str, &str)) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{}", self.cluster.port, self.name)
    }

    /// Runs SQL as the owner through a pooler on this port of loopback.
    pub fn through(&self, port: u16, sql: &str) -> String {
        let mut command = self.cluster.psql_command(&self.name, OWNER);
        let output = command.env("PGPORT", port.to_string()).arg("--command").arg(sql).output().expect("psql starts");
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }

    /// A session that stays open, in which further statements can be run.
    pub fn session(&self) -> PsqlSession {
        PsqlSession::open(self.cluster.psql_command(&self.name, OWNER))
    }

    /// The definition of the database, as `pg_dump` prints it.
    pub fn dump(&self) -> String {
        let mut command = self.cluster.client("pg_dump", &self.name, SUPERUSER);
        command.args(["--schema-only", "--no-owner", "--no-privileges"]);
        let output = command.output().expect("pg_dump starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The whole cluster is removed at the end; a test that failed in between is what matters.
        if !std::thread::panicking() {
            let sql = format!("drop database if exists {} with (force)", self.name);
            self.cluster.psql("postgres", SUPERUSER, &sql);
        }
    }
}

/// A psql that reads statements until it is dropped.
pub struct PsqlSession {
    child: std::process::Child,
}

impl PsqlSession {
    fn open(mut command: Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql starts");
        Self { child }
    }

    /// Runs statements and waits for their end.
    pub fn run(&mut self, sql: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        // psql writes at once only what a query returns.
        writeln!(stdin, "{sql}\nselect '[end]';").expect("psql reads");
        let stdout = self.child.stdout.as_mut().expect("piped");
        let mut answer = String::new();
        let mut byte = [0];
        // Byte by byte, so that nothing is read ahead and lost.
        while !answer.ends_with("[end]\n") {
            stdout.read_exact(&mut byte).unwrap_or_else(|error| panic!("psql ended: {error}: {answer}"));
            answer.push(char::from(byte[0]));
        }
        answer.trim_end_matches("[end]\n").to_owned()
    }
}

impl Drop for PsqlSession {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The major versions on this machine, oldest first.
pub fn majors() -> Vec<u32> {
    installations().keys().copied().collect()
}

/// The server of a version, started once.
pub fn cluster(major: u32) -> Option<&'static Cluster> {
    static CLUSTERS: Mutex<BTreeMap<u32, &'static Cluster>> = Mutex::new(BTreeMap::new());
    let mut clusters = CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = clusters.get(&major) {
        return Some(cluster);
    }
    let programs = installations().get(&major)?;
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(programs)));
    clusters.insert(major, cluster);
    Some(cluster)
}

/// A server of the test's own, which it may stop; of the newest version. Recorded as skipped if there is no PostgreSQL.
pub fn own_cluster() -> Option<&'static Cluster> {
    let Some(programs) = installations().values().next_back().filter(|programs| programs.join("pg_ctl").is_file())
    else {
        skip::record("a server that restarts", REMEDY);
        return None;
    };
    Some(Box::leak(Box::new(Cluster::start(programs))))
}

/// The directory with the programs of each version: from `REPROQ_TEST_POSTGRES` (several are separated like those of `PATH`),
/// from Debian's packages, and from `PATH`.
fn installations() -> &'static BTreeMap<u32, PathBuf> {
    static FOUND: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let of = |name: &str| std::env::split_paths(&std::env::var_os(name).unwrap_or_default()).collect::<Vec<_>>();
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let debian = debian.map(|entry| entry.path().join("bin"));
        let all = of("REPROQ_TEST_POSTGRES").into_iter().chain(debian).chain(of("PATH"));
        let mut found = BTreeMap::new();
        for directory in all {
            // Programs on PATH may be links to a directory that has the others too.
            let real = fs::canonicalize(directory.join("initdb")).ok();
            let Some(directory) = real.as_deref().and_then(Path::parent) else { continue };
            if ["psql", "postgres", "pg_dump", "pg_isready"].iter().all(|name| directory.join(name).is_file())
                && let Some(major) = version(&directory.join("postgres"))
            {
                found.entry(major).or_insert_with(|| directory.to_owned());
            }
        }
        found
    })
}

fn version(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

/// The words that run a command as another user: PostgreSQL refuses to run as root.
pub(crate) fn as_server_user() -> Vec<String> {
    let words: &[&str] =
        if is_root() { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] } else { &[] };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

/// A new directory that the server's user owns, with a short path for sockets.
pub(crate) fn server_directory(prefix: &str) -> PathBuf {
    let directory = tempfile::Builder::new().prefix(prefix).tempdir().expect("a directory").keep();
    give(&directory);
    directory
}

/// Gives a file or directory to the server's user, and makes it readable by that user alone.
pub(crate) fn give(path: &Path) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permitted");
    if is_root() {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("given away");
    }
}

/// Whether a server was built with TLS.
fn has_tls(programs: &Path) -> bool {
    let output = Command::new(programs.join("pg_config")).arg("--configure").output();
    output.is_ok_and(|output| {
        let options = String::from_utf8_lossy(&output.stdout).into_owned();
        options.contains("--with-openssl") || options.contains("--with-ssl")
    })
}

/// Waits until a server accepts connections, or has written why it does not.
pub(crate) fn is_ready(programs: &Path, port: u16, directory: &Path) -> bool {
    for _ in 0..600 {
        let mut command = Command::new(programs.join("pg_isready"));
        command.args(["--quiet", "--host=127.0.0.1", "--port", &port.to_string()]);
        if command.status().is_ok_and(|status| status.success()) {
            return true;
        }
        let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
        // Before it is ready, it refuses connections with this word too.
        if log.lines().any(|line| line.contains("FATAL") && !line.contains("starting up") && !line.contains("not yet"))
        {
            eprintln!("the server did not start:\n{log}");
            return false;
        }
        sleep(Duration::from_millis(50));
    }
    false
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// The options of a server.
pub(crate) fn settings(programs: &Path, port: u16, directory: &Path) -> Vec<String> {
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", directory.display()),
        "fsync=off".to_owned(),
        format!("ssl={}", if has_tls(programs) { "on" } else { "off" }),
        "max_connections=60".to_owned(),
        "shared_buffers=16MB".to_owned(),
        "max_wal_senders=4".to_owned(),
    ];
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

impl Cluster {
    fn start(programs: &Path) -> Self {
        let directory = server_directory("rq-pg-");
        let data = directory.join("data");
        let password = directory.join("password");
        fs::write(&password, SUPERUSER.1).expect("written");
        give(&password);
        let mut words = as_server_user();
        words.push(programs.join("initdb").display().to_string());
        let mut initdb = Command::new(&words[0]);
        initdb.args(&words[1..]).arg("-D").arg(&data).args(["-U", SUPERUSER.0, "-A", "scram-sha-256", "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C"]).arg("--pwfile").arg(&password);
        let output = initdb.env("LC_ALL", "C").stdin(Stdio::null()).output().expect("initdb starts");
        assert!(output.status.success(), "{output:?}");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        for (name, text) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())] {
            fs::write(data.join(name), text).expect("written");
            give(&data.join(name));
        }
        // Readable by the tests even if they are another user than the server.
        fs::write(directory.join("root.crt"), made.cert.pem()).expect("written");
        let cluster = (0..5).find_map(|_| Self::serve(programs, &directory)).expect("the server starts");
        for (user, password) in [OWNER, GUEST] {
            cluster.psql("postgres", SUPERUSER, &format!("create role {user} login password '{password}'"));
        }
        cluster
    }

    fn serve(programs: &Path, directory: &Path) -> Option<Self> {
        let port = free_port();
        let mut words = as_server_user();
        words.extend([programs.join("postgres").display().to_string(), "-D".to_owned()]);
        words.push(directory.join("data").display().to_string());
        words.extend(settings(programs, port, directory));
        let server = Guarded::start(&words, directory, "QUIT");
        let cluster = Self {
            port,
            programs: programs.to_owned(),
            has_tls: has_tls(programs),
            directory: directory.to_owned(),
            databases: AtomicU32::new(0),
            servers: Mutex::new(vec![server]),
        };
        is_ready(programs, port, directory).then_some(cluster)
    }

    /// Stops the server as a restart does. Only for a cluster of the test's own.
    pub fn stop(&self) {
        let mut words = as_server_user();
        words.push(self.programs.join("pg_ctl").display().to_string());
        let mut stop = Command::new(&words[0]);
        stop.args(&words[1..]).arg("-D").arg(self.directory.join("data")).args(["-m", "fast", "-w", "stop"]);
        let output = stop.stdin(Stdio::null()).output().expect("pg_ctl starts");
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the server again, on the same port.
    pub fn start_again(&self) {
        let mut words = as_server_user();
        words.extend([self.programs.join("postgres").display().to_string(), "-D".to_owned()]);
        words.push(self.directory.join("data").display().to_string());
        words.extend(settings(&self.programs, self.port, &self.directory));
        // The errors in the log of the stopped server are not those of this one.
        fs::remove_file(self.directory.join("log")).expect("the log is removed");
        let server = Guarded::start(&words, &self.directory, "QUIT");
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        assert!(is_ready(&self.programs, self.port, &self.directory), "the server starts again");
    }

    /// The certificate that the server presents; it names `localhost` only.
    pub fn root_certificate(&self) -> PathBuf {
        self.directory.join("root.crt")
    }

    /// The directory of its Unix socket.
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// A client program with its connection in the environment.
    pub fn client(&self, program: &str, database: &str, (user, password): (&str, &str)) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", user).env("PGPASSWORD", password).env("PGDATABASE", database).env("PGSSLMODE", "disable");
        command.stdin(Stdio::null());
        command
    }

    fn psql_command(&self, database: &str, user: (&str, &str)) -> Command {
        let mut command = self.client("psql", database, user);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        command
    }

    fn psql(&self, database: &str, user: (&str, &str), sql: &str) -> String {
        let output = self.psql_command(database, user).arg("--command").arg(sql).output().expect("psql starts");
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }
}
