//! The connection to PostgreSQL, against real servers: encryption, errors, time limits, cancellation, poolers, standbys.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use reproq_queue::pg::ChannelBinding;
use reproq_queue::pg::Encryption;
use reproq_queue::pg::Host;
use reproq_queue::pg::Limits;
use reproq_queue::pg::Param;
use reproq_queue::pg::Password;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Roots;
use reproq_queue::pg::Session;
use reproq_queue::pg::SessionKind;
use reproq_queue::pg::Target;
use reproq_queue::pg::Verification;

use test_postgres::Database;
use test_postgres::FakePostgres;
use test_postgres::GUEST;
use test_postgres::OWNER;
use test_postgres::PgBouncer;
use test_postgres::SUPERUSER;
use test_postgres::Standby;
use test_postgres::cluster;
use test_postgres::free_port;
use test_postgres::majors;

/// Runs asynchronous work to its end.
pub fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// How the owner reaches a database.
pub fn target(database: &Database) -> Target {
    at(&database.name, vec![tcp("127.0.0.1", database.cluster.port, OWNER.1)])
}

fn at(database: &str, hosts: Vec<Host>) -> Target {
    Target {
        hosts,
        user: OWNER.0.to_owned(),
        database: database.to_owned(),
        encryption: Encryption::Preferred,
        channel_binding: ChannelBinding::Preferred,
        session: SessionKind::Any,
        application_name: "reproq-suite".to_owned(),
        options: None,
        connect_timeout: Duration::from_secs(10),
        keepalive: None,
    }
}

fn tcp(name: &str, port: u16, password: &str) -> Host {
    Host::Tcp { name: name.to_owned(), address: None, port, password: Some(Password::new(password.to_owned())) }
}

/// Connects without interruptions.
pub async fn open(target: &Target) -> Result<Session, PgError> {
    Session::open(target, || false).await
}

fn refused(target: &Target) -> PgError {
    let error = block(open(target)).map(|session| format!("{session:?}")).expect_err("no connection");
    let shown = format!("{error:?} {error}");
    for (_, password) in [OWNER, GUEST, SUPERUSER] {
        assert!(!shown.contains(password), "{shown}");
    }
    assert!(!shown.contains("Wrong-Secret"), "{shown}");
    error
}

const ONE: &str = "select 1 as one";

async fn one(session: &Session) -> i32 {
    session.read(Limits::default(), async |tx| tx.one(ONE, &[]).await?.read("one")).await.expect("an answer")
}

#[test]
fn every_sslmode_on_every_version() {
    for major in majors() {
        let Some(cluster) = cluster(major).filter(|cluster| cluster.has_tls) else { continue };
        let database = Database::on(cluster);
        let root = || Roots::File(cluster.root_certificate());
        let required = |verification| Encryption::Required { verification, client: None, direct: false };
        for (encryption, name, encrypted) in [
            (Encryption::Disabled, "127.0.0.1", Ok(false)),
            (Encryption::Preferred, "127.0.0.1", Ok(true)),
            (required(Verification::Nothing), "127.0.0.1", Ok(true)),
            (required(Verification::Authority(root())), "127.0.0.1", Ok(true)),
            (required(Verification::Full(root())), "localhost", Ok(true)),
            (required(Verification::Full(root())), "127.0.0.1", Err("another name")),
            (required(Verification::Full(Roots::System)), "localhost", Err("trusted authority")),
            (required(Verification::Authority(Roots::System)), "127.0.0.1", Err("trusted authority")),
        ] {
            let target = Target {
                encryption: encryption.clone(),
                hosts: vec![tcp(name, cluster.port, OWNER.1)],
                ..target(&database)
            };
            match encrypted {
                Ok(encrypted) => block(async {
                    let session = open(&target).await.unwrap_or_else(|error| panic!("{encryption:?}: {error}"));
                    assert_eq!(session.is_encrypted(), encrypted, "{encryption:?}");
                    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
                    let seen = session.read(Limits::default(), async |tx| tx.one(sql, &[]).await?.read::<bool>("ssl"));
                    assert_eq!(seen.await.expect("an answer"), encrypted);
                    session.close().await;
                }),
                Err(reason) => {
                    let error = refused(&target);
                    let is_expected =
                        matches!(&error, PgError::Certificate { reason: found, .. } if found.contains(reason));
                    assert!(is_expected, "{encryption:?}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn channel_binding_is_used_where_it_is_required() {
    let Some(cluster) = majors().into_iter().filter_map(cluster).find(|cluster| cluster.has_tls) else {
        return test_postgres::record_skip("channel binding", "install a PostgreSQL with TLS (Debian: postgresql)");
    };
    let database = Database::on(cluster);
    let required = Target { channel_binding: ChannelBinding::Required, ..target(&database) };
    let encrypted = Target {
        encryption: Encryption::Required { verification: Verification::Nothing, client: None, direct: false },
        ..required.clone()
    };
    block(async {
        let session = open(&encrypted).await.expect("a connection");
        assert_eq!(one(&session).await, 1);
    });
    let plain = Target { encryption: Encryption::Disabled, ..required };
    assert!(matches!(refused(&plain), PgError::Authentication { .. }));
}

#[test]
fn each_error_has_its_kind() {
    let Some(database) = Database::new() else { return };
    let good = target(&database);
    let port = database.cluster.port;
    let with_hosts = |hosts| Target { hosts, ..good.clone() };
    assert!(matches!(
        refused(&with_hosts(vec![tcp("127.0.0.1", port, "Wrong-Secret")])),
        PgError::Password { given: true, .. }
    ));
    let no_password = Host::Tcp { name: "127.0.0.1".to_owned(), address: None, port, password: None };
    assert!(matches!(refused(&with_hosts(vec![no_password])), PgError::Password { given: false, .. }));
    assert!(matches!(refused(&Target { database: "none".to_owned(), ..good.clone() }), PgError::NoDatabase { .. }));
    assert!(matches!(refused(&with_hosts(vec![tcp("127.0.0.1", free_port(), "x")])), PgError::Unreachable { .. }));
    assert!(matches!(refused(&with_hosts(vec![tcp("no.such.host.invalid", 1, "x")])), PgError::Unreachable { .. }));
    let missing = Host::Unix { directory: PathBuf::from("/nonexistent"), port: 1, password: None };
    assert!(matches!(refused(&with_hosts(vec![missing])), PgError::Unreachable { .. }));

    let old = FakePostgres::start("12.22 (Debian 12.22-1)");
    let error = refused(&with_hosts(vec![tcp("127.0.0.1", old.port, "x")]));
    let is_expected = matches!(&error, PgError::TooOld { version, .. } if version == "12.22 (Debian 12.22-1)");
    assert!(is_expected, "{error:?}");
    let required = Encryption::Required { verification: Verification::Nothing, client: None, direct: false };
    let hosts = vec![tcp("127.0.0.1", old.port, "x")];
    assert!(matches!(refused(&Target { encryption: required, hosts, ..good.clone() }), PgError::TlsRefused { .. }));
    // A server that never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let hosts = vec![tcp("127.0.0.1", silent.local_addr().expect("an address").port(), "x")];
    let impatient = Target { hosts, connect_timeout: Duration::from_secs(1), ..good.clone() };
    assert!(matches!(refused(&impatient), PgError::NoAnswer { seconds: 1, .. }));

    block(async {
        let session = open(&good).await.expect("a connection");
        let read = async |sql: &str| {
            session.read(Limits::default(), async |tx| tx.rows(sql, &[]).await).await.expect_err("an error")
        };
        assert!(matches!(read("select * from nothing").await, PgError::MissingTable { .. }));
        assert!(matches!(read("select 1/0").await, PgError::Server { .. }));
        assert!(matches!(read("create table t ()").await, PgError::ReadOnly { .. }));
        assert!(matches!(read("select * from pg_authid").await, PgError::NotPermitted { .. }));
        // An error ends its transaction, and the connection can be used again.
        assert_eq!(one(&session).await, 1);
    });
}

#[test]
fn the_first_usable_server_of_several_is_used() {
    let Some(database) = Database::new() else { return };
    let port = database.cluster.port;
    let old = FakePostgres::start("9.6.24");
    let hosts =
        vec![tcp("127.0.0.1", free_port(), "x"), tcp("127.0.0.1", old.port, "x"), tcp("127.0.0.1", port, OWNER.1)];
    block(async {
        let session = open(&Target { hosts: hosts.clone(), ..target(&database) }).await.expect("the third");
        assert!(session.server().ends_with(&port.to_string()), "{}", session.server());
    });
    let error = refused(&Target { hosts: hosts[..2].to_vec(), ..target(&database) });
    assert!(matches!(&error, PgError::NoneUsable { failures } if failures.len() == 2), "{error:?}");
}

#[test]
fn a_unix_socket_is_never_encrypted() {
    let Some(database) = Database::new() else { return };
    let host = Host::Unix {
        directory: database.cluster.socket_directory().to_owned(),
        port: database.cluster.port,
        password: Some(Password::new(OWNER.1.to_owned())),
    };
    let encryption = Encryption::Required { verification: Verification::Nothing, client: None, direct: false };
    block(async {
        let session = open(&Target { hosts: vec![host], encryption, ..target(&database) }).await.expect("a connection");
        assert!(!session.is_encrypted() && session.local_port().is_none());
        assert_eq!(one(&session).await, 1);
    });
}

#[test]
fn limits_end_with_their_transaction() {
    let Some(database) = Database::of_origin("c") else { return };
    let short = Limits { statement: Duration::from_millis(300), lock: Duration::from_millis(200), ..Limits::default() };
    let mut other = database.session();
    other.run("begin; lock table task_runs in access exclusive mode;");
    block(async {
        let session = open(&target(&database)).await.expect("a connection");
        let slow = session.read(short, async |tx| tx.rows("select pg_sleep(5)::text", &[]).await).await;
        assert!(matches!(slow, Err(PgError::StatementTimeout { .. })), "{slow:?}");
        let blocked = session.read(short, async |tx| tx.rows("select count(*) from task_runs", &[]).await).await;
        assert!(matches!(blocked, Err(PgError::LockTimeout { .. })), "{blocked:?}");
        let settings = "select current_setting('statement_timeout') || current_setting('lock_timeout') as left";
        let left = session.concurrently("set application_name = 'x'", Duration::from_secs(5), false).await;
        left.expect("a statement without a transaction");
        let own = Limits { statement: Duration::from_secs(77), lock: Duration::from_secs(66), ..Limits::default() };
        let during: String =
            session.read(own, async |tx| tx.one(settings, &[]).await?.read("left")).await.expect("settings");
        assert_eq!(during, "77s66s");
    });
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let Some(database) = Database::of_origin("c") else { return };
    let insert = "insert into rate_limits values ($1, 1, 1, 1)";
    block(async {
        let session = open(&target(&database)).await.expect("a connection");
        let failed = session
            .write(Limits::default(), async |tx| {
                assert_eq!(tx.execute(insert, &[Param::from("half")]).await?, 1);
                tx.rows("select 1/0", &[]).await
            })
            .await;
        assert!(failed.is_err());
        let done = session.write(Limits::default(), async |tx| tx.execute(insert, &[Param::from("done")]).await).await;
        assert_eq!(done.expect("written"), 1);
        session.close().await;
    });
    assert_eq!(database.sql("select key from rate_limits order by key"), "done\nglobal");
}

static STOP: AtomicBool = AtomicBool::new(false);

/// The column is `varchar(64)` where Django made the table, and `char(64)` elsewhere. Casting it would rule out its index.
#[test]
fn a_hash_is_compared_in_the_type_of_its_column() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        let plan = block(async {
            let session = open(&target(&database)).await.expect("opened");
            let read = session.read(Limits::default(), async |tx| {
                let hash = "0".repeat(64);
                let sql =
                    "explain select result_id from task_runs where spec_hash = $1 and status in ('READY', 'RUNNING')";
                let rows = tx.rows(sql, &[Param::Hash(&hash)]).await?;
                rows.iter().map(|row| row.read::<String>("QUERY PLAN")).collect::<Result<Vec<_>, _>>()
            });
            let plan = read.await.expect("read").join("\n");
            session.close().await;
            plan
        });
        assert!(plan.contains("spec_hash") && !plan.contains("(spec_hash)::bpchar"), "{origin}: {plan}");
    }
}

#[test]
fn an_interrupt_cancels_the_statement_on_the_server() {
    let Some(database) = Database::new() else { return };
    let running = "select count(*) from pg_stat_activity where query like '%pg_sleep(61)%' and state = 'active' and pid <> pg_backend_pid()";
    let stopper = thread::spawn(|| {
        thread::sleep(Duration::from_millis(400));
        STOP.store(true, Ordering::SeqCst);
    });
    let begun = Instant::now();
    block(async {
        let session = Session::open(&target(&database), || STOP.load(Ordering::SeqCst)).await.expect("a connection");
        let limits = Limits { statement: Duration::from_secs(120), ..Limits::default() };
        let stopped = session.read(limits, async |tx| tx.rows("select pg_sleep(61)::text", &[]).await).await;
        assert!(matches!(stopped, Err(PgError::Interrupted)), "{stopped:?}");
        // The connection is still open: only the statement has ended.
        let gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            database.as_superuser(running) == "0"
        });
        assert!(gone, "the statement still runs");
    });
    assert!(begun.elapsed() < Duration::from_secs(20));
    stopper.join().expect("it ends");
}

#[test]
fn a_lost_connection_is_an_error_at_once() {
    let Some(database) = Database::new() else { return };
    block(async {
        let session = open(&target(&database)).await.expect("a connection");
        let pid: i32 = session
            .read(Limits::default(), async |tx| tx.one("select pg_backend_pid() as pid", &[]).await?.read("pid"))
            .await
            .expect("an answer");
        database.as_superuser(&format!("select pg_terminate_backend({pid})"));
        thread::sleep(Duration::from_millis(100));
        let lost = session.read(Limits::default(), async |tx| tx.rows(ONE, &[]).await).await;
        assert!(matches!(lost, Err(PgError::Lost { committing: false, .. })), "{lost:?}");
    });
}

#[test]
fn a_pooler_in_transaction_mode_with_one_connection_is_enough() {
    let Some(database) = Database::of_origin("b") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    let through = Target { hosts: vec![tcp("127.0.0.1", pooler.port(), OWNER.1)], ..target(&database) };
    block(async {
        let first = open(&through).await.expect("a connection");
        let second = open(&through).await.expect("a second connection");
        for _ in 0..5 {
            for session in [&first, &second] {
                let read = session.read(Limits::default(), async |tx| {
                    let sql = "select count(*) as n from task_runs where queue_name = $1 and priority > $2";
                    tx.one(sql, &[Param::from("default"), Param::from(1)]).await?.read::<i64>("n")
                });
                assert_eq!(read.await.expect("no named statement"), 0);
            }
        }
        let snapshot = reproq_queue::pg::inspect(&first, Limits::default()).await.expect("a snapshot");
        let found = reproq_queue::schema::findings(&snapshot);
        assert!(found.contains(&reproq_queue::schema::Finding::Pooler), "{found:?}");
        first.close().await;
        let direct = open(&target(&database)).await.expect("directly");
        let snapshot = reproq_queue::pg::inspect(&direct, Limits::default());
        let found = reproq_queue::schema::findings(&snapshot.await.expect("a snapshot"));
        assert!(!found.contains(&reproq_queue::schema::Finding::Pooler), "{found:?}");
    });
}

#[test]
fn a_standby_is_read_and_never_written() {
    let Some(database) = Database::of_origin("c") else { return };
    let Some(server) = Standby::of(&database) else { return };
    let standby = server.port();
    let on = |port, session| Target { hosts: vec![tcp("127.0.0.1", port, OWNER.1)], session, ..target(&database) };
    block(async {
        let session = open(&on(standby, SessionKind::Any)).await.expect("a connection");
        let snapshot = reproq_queue::pg::inspect(&session, Limits::default()).await.expect("a snapshot");
        assert!(snapshot.catalog.server.in_recovery);
        let write = session.write(Limits::default(), async |tx| tx.execute("delete from task_runs", &[]).await).await;
        assert!(matches!(write, Err(PgError::ReadOnly { .. })), "{write:?}");
        let both = |session| Target {
            hosts: [standby, database.cluster.port].map(|port| tcp("127.0.0.1", port, OWNER.1)).to_vec(),
            session,
            ..target(&database)
        };
        for (kind, wanted) in [
            (SessionKind::Any, standby),
            (SessionKind::ReadWrite, database.cluster.port),
            (SessionKind::Primary, database.cluster.port),
            (SessionKind::ReadOnly, standby),
            (SessionKind::Standby, standby),
            (SessionKind::PreferStandby, standby),
        ] {
            let session = open(&both(kind)).await.expect("one of them");
            assert!(session.server().ends_with(&wanted.to_string()), "{kind:?}: {}", session.server());
        }
    });
    assert!(matches!(refused(&on(standby, SessionKind::ReadWrite)), PgError::WrongKind { .. }));
    let preferring = on(database.cluster.port, SessionKind::PreferStandby);
    block(async { assert_eq!(one(&open(&preferring).await.expect("the primary")).await, 1) });
}
