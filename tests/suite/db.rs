//! `reproq db`, against real servers: the reports, each error, and migrations that are repeated, killed and crowded.

use std::io::BufRead;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use test_postgres::Database;
use test_postgres::FakePostgres;
use test_postgres::GUEST;
use test_postgres::OWNER;
use test_postgres::PgBouncer;
use test_postgres::SUPERUSER;
use test_postgres::Standby;
use test_postgres::free_port;

use crate::support::Context;

/// A project whose database this is.
fn project(url: &str) -> Context {
    let mut context = Context::new();
    context.set("DATABASE_URL", url);
    context
}

/// What a user sees, without what varies between servers; and no password of ours in it.
fn shown(context: &Context, database: &Database, arguments: &[&str]) -> String {
    let text = context.shown(arguments);
    for password in [OWNER.1, GUEST.1, SUPERUSER.1, "Wrong-Secret"] {
        assert!(!text.contains(password), "{text}");
    }
    let version = database.sql("select current_setting('server_version')");
    let short = version.split(" (").next().expect("a version").to_owned();
    text.replace(&version, "[PG]")
        .replace(&short, "[PG]")
        .replace(&format!("127.0.0.1:{}", database.cluster.port), "[SERVER]")
        .replace(&database.name, "[DB]")
}

#[test]
fn the_reports_on_a_database_that_django_created() {
    let Some(database) = Database::of_origin("a") else { return };
    let context = project(&format!("{}?sslmode=disable", database.url()));
    insta::assert_snapshot!("db_check", shown(&context, &database, &["db", "check"]));
    insta::assert_snapshot!("db_migrate_dry_run", shown(&context, &database, &["db", "migrate", "--dry-run"]));
    let status = context.succeed(&["db", "status"]).stdout;
    for part in ["Django's migration", "0001_baseline", "from DATABASE_URL", "task_runs", "changes pending"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let output = context.run(&["db", "migrate", "--dry-run", "--exit-code"]);
    assert_eq!(output.code, 3, "{output:#?}");
    let document: serde_json::Value =
        serde_json::from_str(&context.succeed(&["db", "status", "--json"]).stdout).expect("a document");
    assert_eq!(document["schema"], "reproq.db-status/1");
    assert_eq!(document["database"]["origin"], "django");
    assert!(document["tables"].as_array().is_some_and(|tables| tables.len() == 4), "{document}");
    assert_eq!(context.github.requests().len(), 0);
}

#[test]
fn an_alias_names_the_variable_with_the_url() {
    let Some(database) = Database::of_origin("c") else { return };
    let mut context = project("postgres://nobody@127.0.0.1:1/none");
    let file = "[tool.reproq.databases]\nreports = \"env:REPORTS_URL\"\n";
    std::fs::write(context.project().join("pyproject.toml"), file).expect("written");
    context.set("REPORTS_URL", database.url());
    let output = context.succeed(&["db", "status", "--database", "reports", "-v"]);
    let from = "REPORTS_URL, as [tool.reproq.databases] has it for `reports`";
    assert!(output.stdout.contains(from) && output.stderr.contains(from), "{output:#?}");
    assert!(!format!("{output:?}").contains(OWNER.1), "{output:#?}");
}

#[test]
fn a_migration_is_confirmed_applied_verified_and_repeated_without_effect() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = Database::of_origin(origin) else { return };
        let context = project(&database.url());
        let refused = context.run(&["db", "migrate"]);
        assert_eq!(refused.code, 8, "{refused:#?}");
        assert!(refused.stderr.contains("--yes"), "{refused:#?}");
        assert_eq!(context.run(&["db", "check"]).code, 3);
        let done = context.succeed(&["db", "migrate", "--yes"]).stdout;
        assert!(done.contains("nothing is left to do"), "{done}");
        context.succeed(&["db", "check"]);
        let again = context.succeed(&["db", "migrate", "--yes"]).stdout;
        assert!(again.contains("Nothing to do"), "{again}");
    }
}

#[test]
fn a_migration_works_through_a_pooler_with_one_connection() {
    let Some(database) = Database::of_origin("a") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    let context = project(&pooler.url());
    let check = context.run(&["db", "check"]);
    assert!(check.code == 3 && check.stdout.contains("pooler"), "{check:#?}");
    context.succeed(&["db", "migrate", "--yes"]);
    context.succeed(&["db", "check"]);
}

#[test]
fn each_error_is_explained() {
    let Some(database) = Database::of_origin("c") else { return };
    let port = database.cluster.port;
    let error = |name: &str, url: &str, arguments: &[&str]| {
        let text = shown(&project(url), &database, arguments);
        insta::assert_snapshot!(format!("db_error_{name}"), text);
    };
    let status = ["db", "status"];
    let wrong = database.url_of((OWNER.0, "Wrong-Secret"));
    error("wrong_password", &wrong, &status);
    error("no_database", &database.url().replace(&database.name, "none"), &status);
    database.sql(&format!("revoke connect on database \"{}\" from public", database.name));
    let output = project(&database.url_of(GUEST)).run(&status);
    assert!(output.code == 9 && output.stderr.contains("permission denied for database"), "{output:#?}");
    database.sql(&format!("grant connect on database \"{}\" to public", database.name));
    // No host is reached by another try.
    let two = wrong.replace(&format!(":{port}/"), &format!(":{port},127.0.0.1:{port}/"));
    let output = project(&two).run(&status);
    assert_eq!(output.code, 9, "{output:#?}");
    error("no_permission", &database.url_of(GUEST), &["db", "migrate", "--yes"]);
    error("invalid_url", &format!("postgres://shop:Wrong-Secret@127.0.0.1:{port}/shop?sslmode=never"), &status);
    let nobody = free_port();
    let url = |port: u16, rest: &str| format!("postgres://{}:{}@127.0.0.1:{port}/shop{rest}", OWNER.0, OWNER.1);
    let text = shown(&project(&url(nobody, "")), &database, &status).replace(&nobody.to_string(), "[PORT]");
    insta::assert_snapshot!("db_error_no_server", text);
    let old = FakePostgres::start("12.22");
    let text = shown(&project(&url(old.port, "")), &database, &status).replace(&old.port.to_string(), "[PORT]");
    insta::assert_snapshot!("db_error_old_server", text);
    let text = shown(&project(&url(old.port, "?sslmode=require")), &database, &status);
    insta::assert_snapshot!("db_error_tls_refused", text.replace(&old.port.to_string(), "[PORT]"));
    let mut context = Context::new();
    insta::assert_snapshot!("db_error_not_configured", shown(&context, &database, &status));
    context.set("DATABASE_URL", "x");
    insta::assert_snapshot!(
        "db_error_unknown_alias",
        shown(&context, &database, &["db", "status", "--database", "reports"])
    );
}

/// A database on this machine is not the network.
#[test]
fn offline_a_database_on_this_machine_is_used_and_no_other() {
    let Some(database) = Database::of_origin("c") else { return };
    let socket = format!("host={} port={}", database.cluster.socket_directory().display(), database.cluster.port);
    let pairs = format!("{socket} user={} password={} dbname={}", OWNER.0, OWNER.1, database.name);
    for url in [database.url(), database.url().replace("127.0.0.1", "localhost"), pairs] {
        project(&url).succeed(&["db", "status", "--offline"]);
    }
    // A documentation address, in front of a server that could be used; and a name that is not resolved.
    let mixed = database.url().replace("@127.0.0.1", "@203.0.113.1:1,127.0.0.1");
    for url in [mixed.as_str(), "postgres://u@db.invalid/d", "host=localhost hostaddr=203.0.113.1 dbname=d"] {
        let output = project(url).run(&["db", "status", "--offline"]);
        let is_named =
            output.stderr.contains("the database is not on this machine") && output.stderr.contains("--offline");
        assert!(output.code == 2 && is_named, "{url}: {output:#?}");
    }
}

/// A certificate that is a device never ends.
#[cfg(unix)]
#[test]
fn files_that_a_url_names_are_regular_files() {
    let context = project("postgres://u@127.0.0.1:1/d?sslmode=verify-full&sslrootcert=/dev/zero");
    let output = context.run(&["db", "status"]);
    assert!(output.code == 2 && output.stderr.contains("a pipe or a device"), "{output:#?}");
    assert!(output.stderr.contains("hint: check the path"), "{output:#?}");
}

#[test]
fn a_certificate_that_cannot_be_verified_is_explained() {
    let with_tls = test_postgres::majors().into_iter().filter_map(test_postgres::cluster).find(|found| found.has_tls);
    let Some(cluster) = with_tls else {
        return test_postgres::record_skip("a wrong certificate", "install a PostgreSQL with TLS (Debian: postgresql)");
    };
    let database = Database::on(cluster);
    let url = format!("{}?sslmode=verify-full", database.url());
    insta::assert_snapshot!("db_error_certificate", shown(&project(&url), &database, &["db", "status"]));
    let root = cluster.root_certificate();
    let mut context = project(&url.replace("127.0.0.1", "localhost"));
    context.set("SSL_CERT_FILE", root.to_str().expect("UTF-8"));
    context.succeed(&["db", "status"]);
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", database.url(), root.display());
    let context = project(&url.replace("127.0.0.1", "localhost"));
    let status = context.succeed(&["db", "status"]).stdout;
    assert!(status.contains("connection encrypted"), "{status}");
}

#[test]
fn a_standby_is_checked_and_not_migrated() {
    let Some(database) = Database::of_origin("a") else { return };
    let Some(standby) = Standby::of(&database) else { return };
    let (primary, port) = (database.cluster.port.to_string(), standby.port().to_string());
    let context = project(&database.url().replace(&primary, &port));
    let check = context.run(&["db", "check"]);
    assert!(check.code == 3 && check.stdout.contains("this server is a standby"), "{check:#?}");
    let text = shown(&context, &database, &["db", "migrate", "--yes"]).replace(&port, "[PORT]");
    insta::assert_snapshot!("db_error_standby", text);
}

#[test]
fn a_migration_killed_at_any_statement_is_finished_by_the_next_run() {
    let mut statements = 1;
    let mut killed_at = 0;
    while killed_at < statements {
        let Some(database) = Database::of_origin("a") else { return };
        let context = project(&database.url());
        let mut child = context.spawn(&["db", "migrate", "--yes"]);
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        for _ in 0..=killed_at {
            lines.next();
        }
        child.kill().expect("killed");
        child.wait().expect("it ended");
        drop(lines);
        let output = context.run(&["db", "migrate", "--yes", "--json"]);
        assert_eq!(output.code, 0, "killed at statement {killed_at}: {output:#?}");
        let check = context.run(&["db", "check"]);
        assert_eq!(check.code, 0, "killed at statement {killed_at}: {check:#?}");
        if killed_at == 0 {
            let Some(fresh) = Database::of_origin("a") else { return };
            let plan = project(&fresh.url()).succeed(&["db", "migrate", "--dry-run", "--json"]).stdout;
            let plan: serde_json::Value = serde_json::from_str(&plan).expect("a document");
            statements = plan["statements"].as_array().expect("a list").len();
            assert!(statements > 10, "{statements}");
        }
        killed_at += 1;
    }
}

/// Runs a statement again and again until it is told to stop; returns the longest time and the number.
fn writer(database: &Database, stop: &Arc<AtomicBool>, sql: String) -> thread::JoinHandle<(Duration, u32)> {
    let (mut session, stop) = (database.session(), Arc::clone(stop));
    thread::spawn(move || {
        let (mut longest, mut written) = (Duration::ZERO, 0);
        while !stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            session.run(&sql);
            longest = longest.max(begun.elapsed());
            written += 1;
        }
        (longest, written)
    })
}

#[test]
fn on_a_busy_table_nobody_waits_longer_than_the_lock_timeout() {
    let Some(database) = Database::of_origin("a") else { return };
    let columns = "backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, attempts, \
                   max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, \
                   created_at, updated_at, cancel_requested";
    let insert = format!(
        "insert into task_runs ({columns}) select 'default', 'default', 0, '{{}}', md5(random()::text), 'a.b', 'READY', \
         now(), 0, 3, 900, 0, 0, '[]', '[]', '{{}}', now(), now(), false from generate_series(1, 5);"
    );
    let claim = "update task_runs set status = 'RUNNING', attempts = attempts + 1 where result_id in \
                 (select result_id from task_runs where status = 'READY' limit 2 for update skip locked);";
    let finish = "update task_runs set status = 'SUCCESSFUL', updated_at = now() where result_id in \
                  (select result_id from task_runs where status = 'RUNNING' limit 2 for update skip locked);";
    let limit = Duration::from_secs(1);
    let stop = Arc::new(AtomicBool::new(false));
    let statements = [insert.clone(), insert, claim.to_owned(), finish.to_owned()];
    let writers = statements.map(|sql| writer(&database, &stop, sql));
    // How long the migration has held a lock that stops writers, in seconds: at most since its transaction began.
    let mut observer = database.session();
    let held = "select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) \
                from pg_locks join pg_stat_activity using (pid) \
                where application_name like 'reproq-cli/%' and granted and relation = 'task_runs'::regclass \
                and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');";
    // A transaction that reads: every change of the table waits for it, and every writer waits behind that change.
    let mut reader = database.session();
    reader.run("begin; select count(*) from task_runs;");
    let context = project(&database.url());
    let begun = Instant::now();
    let mut child = context.spawn(&["db", "migrate", "--yes", "--lock-timeout", "1s"]);
    let mut is_read = true;
    let mut longest_lock = 0.0_f64;
    while child.try_wait().expect("a status").is_none() && begun.elapsed() < Duration::from_secs(120) {
        longest_lock = longest_lock.max(observer.run(held).trim().parse().expect("seconds"));
        if is_read && begun.elapsed() > Duration::from_millis(4500) {
            reader.run("commit;");
            is_read = false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = crate::support::context::wait(child);
    stop.store(true, Ordering::SeqCst);
    let results = writers.map(|writing| writing.join().expect("the writer ends"));
    assert_eq!(output.code, 0, "{output:#?}");
    // The margin is for a busy machine; without the limit it would be the 4.5 s of the reader.
    let limit = limit + Duration::from_secs(2);
    assert!(longest_lock < limit.as_secs_f64(), "a lock was held for {longest_lock} s");
    for (longest, written) in results {
        assert!(longest < limit && written > 10, "a writer waited {longest:?} and wrote {written} times");
    }
    context.succeed(&["db", "check"]);
}

/// A transaction that every build of an index on this table must wait for.
const OLD: &str =
    "begin isolation level repeatable read; select count(*) from rate_limits; lock table task_runs in row share mode;";

/// Whether this becomes true within ten seconds.
fn soon(mut is_true: impl FnMut() -> bool) -> bool {
    (0..400).any(|_| {
        is_true() || {
            thread::sleep(Duration::from_millis(25));
            false
        }
    })
}

fn is_building(database: &Database) -> bool {
    let building = "select count(*) from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY%' \
                    and state = 'active' and datname = current_database()";
    database.as_superuser(building) != "0"
}

/// The time limits of a role are for the statements of the application.
#[test]
fn the_time_limits_of_the_role_do_not_end_the_build_of_an_index() {
    for major in test_postgres::majors() {
        let Some(cluster) = test_postgres::cluster(major) else { continue };
        let database = Database::on(cluster);
        database.create("c");
        let mut limits = vec!["statement_timeout", "lock_timeout"];
        if major >= 17 {
            limits.push("transaction_timeout");
        }
        for name in limits {
            let sql = format!("alter role {} in database {} set {name} = '400ms'", OWNER.0, database.name);
            database.as_superuser(&sql);
        }
        let mut old = database.session();
        old.run("set statement_timeout = 0; set lock_timeout = 0;");
        if major >= 17 {
            old.run("set transaction_timeout = 0;");
        }
        old.run(OLD);
        let context = project(&database.url());
        let child = context.spawn(&["db", "migrate", "--yes"]);
        assert!(soon(|| is_building(&database)), "it never began");
        thread::sleep(Duration::from_millis(1200));
        old.run("commit;");
        let output = crate::support::context::wait(child);
        assert_eq!(output.code, 0, "PostgreSQL {major}: {output:#?}");
        context.succeed(&["db", "check"]);
    }
}

/// A setting of the session would reach other clients of a pooler.
#[test]
fn through_a_pooler_the_limits_of_the_role_are_named_and_nothing_is_set() {
    let Some(database) = Database::of_origin("c") else { return };
    let Some(pooler) = PgBouncer::before(&database) else { return };
    let set = format!("alter role {} in database {} set statement_timeout = '400ms'", OWNER.0, database.name);
    database.as_superuser(&set);
    let mut old = database.session();
    old.run("set statement_timeout = 0;");
    old.run(OLD);
    let context = project(&pooler.url());
    let output = context.run(&["db", "migrate", "--yes"]);
    assert!(output.code == 6 && output.stderr.contains("the time limits of the database role apply"), "{output:#?}");
    old.run("commit;");
    let shown = database.cluster.client("psql", &database.name, OWNER);
    assert_eq!(through(shown, pooler.port()), "400ms");
}

/// The time limit of a statement that comes through a pooler.
fn through(mut psql: std::process::Command, port: u16) -> String {
    let output = psql.env("PGPORT", port.to_string()).args(["-XAtc", "show statement_timeout"]).output();
    String::from_utf8(output.expect("psql starts").stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn an_interrupted_migration_cancels_its_statement() {
    let Some(database) = Database::of_origin("c") else { return };
    // The build of an index waits for every transaction that may still see the table as it was.
    let mut old = database.session();
    old.run(OLD);
    let context = project(&database.url());
    let child = context.spawn(&["db", "migrate", "--yes"]);
    assert!(soon(|| is_building(&database)), "it never began");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let output = crate::support::context::wait(child);
    assert_eq!(output.code, 130, "{output:#?}");
    assert!(soon(|| !is_building(&database)), "it still runs");
    old.run("commit;");
    context.succeed(&["db", "migrate", "--yes"]);
    context.succeed(&["db", "check"]);
}
