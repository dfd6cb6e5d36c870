//! `reproq beat` as a service: it waits for the next time, outlives its server, tells systemd it is ready, and ends after a signal.

use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use test_postgres::Database;
use test_postgres::PgBouncer;
use test_postgres::own_cluster;

use super::beat::add;
use super::rows::project;
use crate::support::Context;
use crate::support::context::send;
use crate::support::context::wait;

/// A running beat, and what it has written to stderr so far.
struct Service<'a> {
    /// Its project is removed with this.
    _context: &'a Context,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl<'a> Service<'a> {
    fn start(context: &'a Context, arguments: &[&str]) -> Self {
        let mut child = context.spawn(&[&["beat"], arguments].concat());
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { _context: context, child, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// Sends a signal, and returns the exit code, what was printed, and how long the end took.
    fn stop(self, signal: &str) -> (i32, String, Duration) {
        send(signal, &self.child);
        let began = Instant::now();
        let output = wait(self.child);
        (output.code, output.stdout, began.elapsed())
    }
}

/// Waits until something is true.
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..300 {
        if is_true() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}

fn tasks(database: &Database) -> String {
    database.sql("select count(*) from task_runs")
}

#[test]
fn it_is_ready_when_it_has_seen_the_database_and_ends_with_0_after_a_signal() {
    let Some(database) = Database::of_origin("d") else { return };
    add(&database, "s", "0 0 1 1 *", "", "2024-01-01T00:00:00Z");
    let mut context = project(&database.url());
    let path = context.root().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(Duration::from_secs(15))).expect("set");
    let receive = || {
        let mut state = [0; 100];
        let length = socket.recv(&mut state).expect("a state");
        String::from_utf8_lossy(&state[..length]).into_owned()
    };
    context.set("NOTIFY_SOCKET", path.to_str().expect("UTF-8"));
    for signal in ["TERM", "INT"] {
        let service = Service::start(&context, &["--json", "--interval", "1h"]);
        assert!(receive().starts_with("READY=1"));
        assert_eq!(tasks(&database), "1");
        // It sleeps for an hour, and ends at once.
        let (code, stdout, took) = service.stop(signal);
        assert_eq!((code, receive().as_str()), (0, "STOPPING=1"), "{stdout}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        let document: serde_json::Value = serde_json::from_str(&stdout).expect("a document");
        let expected = if signal == "TERM" { 1 } else { 0 };
        assert_eq!(document["databases"][0]["enqueued"], expected, "{document:#}");
    }
}

#[test]
fn a_signal_during_a_batch_waits_for_its_end() {
    let Some(database) = Database::of_origin("d") else { return };
    database.sql(
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.6); return new; end; $$; \
         create trigger slow before insert on task_runs for each row execute function slow();",
    );
    add(&database, "s", "0 0 1 1 *", "", "2024-01-01T00:00:00Z");
    let context = project(&database.url());
    let service = Service::start(&context, &[]);
    until("the insertion", || {
        database.as_superuser("select count(*) from pg_stat_activity where query like '%insert into task_runs%' and wait_event = 'PgSleep'")
            == "1"
    });
    let (code, stdout, _) = service.stop("TERM");
    assert_eq!((code, tasks(&database).as_str()), (0, "1"), "{stdout}");
    assert_eq!(stdout, "1 schedule: 1 enqueued\n");
}

/// Nobody waits for the interval if a schedule is due before.
#[test]
fn it_wakes_when_a_schedule_is_due_and_at_the_latest_after_the_interval() {
    let Some(database) = Database::of_origin("a") else { return };
    let soon = database.sql("select (now() + interval '2 seconds')::text");
    add(&database, "soon", "0 0 1 1 *", "", &soon);
    let context = project(&database.url());
    let service = Service::start(&context, &["--interval", "1h"]);
    until("the first time", || tasks(&database) == "1");
    let late = database.sql("select extract(epoch from enqueued_at - run_after) from task_runs");
    assert!((0.0..1.0).contains(&late.parse::<f64>().expect("seconds")), "{late} s late");
    assert_eq!(service.count("schedule soon: enqueued task 1"), 1, "{:#?}", service.lines());
    service.stop("TERM");
    let service = Service::start(&context, &["--interval", "300ms"]);
    thread::sleep(Duration::from_millis(500));
    // It cannot know of this one.
    add(&database, "new", "0 0 1 1 *", "", "2024-01-01T00:00:00Z");
    until("the next look", || tasks(&database) == "2");
    service.stop("TERM");
}

#[test]
fn a_schedule_that_fails_is_reported_once_and_not_tried_at_full_speed() {
    let Some(database) = Database::of_origin("d") else { return };
    add(&database, "bad", "@daily", "", "2024-01-01T00:00:00Z");
    let context = project(&database.url());
    let service = Service::start(&context, &["--interval", "100ms"]);
    until("the warning", || service.count("schedule bad: `@daily` is not a schedule") == 1);
    let reads = || {
        database.sql("select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'periodic_tasks'")
    };
    let before: i64 = reads().parse().expect("a number");
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(service.count("bad"), 1, "{:#?}", service.lines());
    let after: i64 = reads().parse().expect("a number");
    assert!(after - before < 200, "{} rows were read", after - before);
    // A change of the row is seen at once.
    database.sql("update periodic_tasks set cron_expr = '0 0 1 1 *'");
    until("the corrected schedule", || tasks(&database) == "1");
    assert_eq!(service.stop("TERM").0, 0);
}

#[test]
fn it_outlives_its_server() {
    let Some(cluster) = own_cluster() else { return };
    let database = Database::on(cluster);
    database.create("d");
    let context = project(&database.url());
    let service = Service::start(&context, &["--interval", "200ms"]);
    add(&database, "s", "0 0 1 1 *", "", "2024-01-01T00:00:00Z");
    until("the first task", || tasks(&database) == "1");
    cluster.stop();
    until("the warning", || service.count("trying again until it works") == 1);
    thread::sleep(Duration::from_secs(3));
    cluster.start_again();
    database.sql("update periodic_tasks set next_run_at = '2024-01-02T00:00:00Z'");
    until("the second task", || tasks(&database) == "2");
    until("the message", || service.count("the database can be used again after") == 1);
    // A restart that it does not see: the connection is gone, and the server is there.
    cluster.stop();
    cluster.start_again();
    database.sql("update periodic_tasks set next_run_at = '2024-01-03T00:00:00Z'");
    until("the third task", || tasks(&database) == "3");
    let lines = service.lines();
    let about_the_server = lines.iter().filter(|line| !line.contains("schedule s:")).count();
    assert!((2..=4).contains(&about_the_server), "{lines:#?}");
    assert_eq!(service.stop("TERM").0, 0);
}

/// A service that can never work ends, so that its supervisor shows it; one whose server is not there yet waits for it.
#[test]
fn at_the_start_an_error_that_stays_is_the_end() {
    let Some(database) = Database::new() else { return };
    let context = project(&database.url());
    assert_eq!(context.run(&["beat"]).code, 4);
    let context = project("postgres://u@127.0.0.1:1/d");
    let service = Service::start(&context, &[]);
    until("the warning", || service.count("trying again until it works") == 1);
    let (code, _, took) = service.stop("TERM");
    assert!(code == 0 && took < Duration::from_secs(2), "{code} {took:?}");
}

/// A pooler with one connection, which the beat must not keep while it sleeps.
#[test]
fn others_use_the_only_connection_of_a_pooler_while_it_sleeps() {
    let Some(database) = Database::of_origin("b") else { return };
    let Some(bouncer) = PgBouncer::before(&database) else { return };
    let context = project(&bouncer.url());
    let services = [(); 3].map(|()| Service::start(&context, &["--interval", "200ms"]));
    for day in 1..6 {
        database.sql("delete from periodic_tasks");
        add(&database, "s", "0 0 1 1 *", "", &format!("2024-01-0{day}T00:00:00Z"));
        until("the task", || tasks(&database) == day.to_string());
    }
    context.succeed(&["stats"]);
    for service in services {
        assert_eq!(service.stop("TERM").0, 0);
    }
    assert_eq!(tasks(&database), "5");
}

/// A schedule that one of our commands changes is seen at once, although the beat sleeps for an hour.
#[test]
fn a_change_of_a_schedule_wakes_it() {
    let Some(database) = Database::of_origin("d") else { return };
    let context = project(&database.url());
    let service = Service::start(&context, &["--interval", "1h"]);
    let listens = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'ClientRead' \
                   and application_name like 'reproq-cli/%' and query = 'COMMIT'";
    until("the first look", || database.as_superuser(listens) == "1");
    add(&database, "s", "0 0 1 1 *", "enabled = false", "2024-01-01T00:00:00Z");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(tasks(&database), "0");
    context.succeed(&["periodic", "enable", "s", "--catch-up"]);
    until("the task", || tasks(&database) == "1");
    assert_eq!(service.stop("TERM").0, 0);
}

/// A server's connection that listens would send notifications to its next user.
#[test]
fn behind_a_pooler_nothing_listens() {
    let Some(database) = Database::of_origin("d") else { return };
    let Some(bouncer) = PgBouncer::before(&database) else { return };
    let context = project(&bouncer.url());
    add(&database, "s", "0 0 1 1 *", "", "2024-01-01T00:00:00Z");
    let service = Service::start(&context, &["--interval", "1h"]);
    until("the task", || tasks(&database) == "1");
    let through_the_pooler = database.through(bouncer.port(), "select count(*) from pg_listening_channels()");
    assert_eq!(through_the_pooler, "0");
    assert_eq!(service.stop("TERM").0, 0);
}
