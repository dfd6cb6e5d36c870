//! This program's beat beside the worker's: the same rows from the same schedules, and one row a tick when both run.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use test_postgres::Database;

use super::operate::Random;
use super::shop::Ended;
use super::shop::real_worker;
use crate::support::Context;

/// Payloads as they are stored, and some that both refuse.
const PAYLOADS: [&str; 12] = [
    "{}",
    "[]",
    "[1.0, 1e3, -0.0, 100000000000000000000000000000, 1e-7]",
    "{\"args\": [1], \"kwargs\": {\"b\": \"<a&b>é\u{2028}😀\", \"aa\": null}}",
    "{\"kwargs\": {\"z\": {\"y\": [true, false, null]}, \"a\": \"\\u0001\\n\\t\\\"\\\\\"}}",
    "{\"args\": [[], {}, \"\"], \"other\": 1}",
    "{\"left\": 1, \"right\": 2}",
    "{\"args\": null, \"kwargs\": null}",
    "null",
    "{\"args\": {}}",
    "{\"kwargs\": []}",
    "\"text\"",
];

/// An element of a field, sometimes one that is refused.
fn element(random: &mut Random, low: u32, high: u32) -> String {
    let value = |random: &mut Random| low + random.below(high - low + 1);
    match random.below(12) {
        0 => "*".to_owned(),
        1 => "?".to_owned(),
        2 => format!("*/{}", 1 + random.below(20)),
        3 => format!("{}/{}", value(random), 1 + random.below(9)),
        4 | 5 => {
            let first = value(random);
            format!("{first}-{}", first + random.below(high - first + 1))
        }
        6 => {
            let first = value(random);
            format!("{first}-{}/{}", first + random.below(high - first + 1), 1 + random.below(70))
        }
        7 if random.below(8) == 0 => {
            ["60", "7", "5-1", "*/0", "L", "", "+3", "1#2", "-1"][random.below(9) as usize].to_owned()
        }
        _ => value(random).to_string(),
    }
}

fn expression(random: &mut Random) -> String {
    let mut text = String::new();
    if random.below(4) == 0 {
        let zone =
            ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "Nowhere/City"][random.below(5) as usize];
        write!(text, "{}={zone} ", ["TZ", "CRON_TZ"][random.below(2) as usize]).expect("written");
    }
    for (low, high) in [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)] {
        let count = 1 + random.below(3).saturating_sub(1);
        let elements: Vec<String> = (0..count).map(|_| element(random, low, high)).collect();
        let mut field = elements.join(",");
        if high == 6 && random.below(5) == 0 {
            field = ["mon", "SUN", "Mon-Fri", "tue,thu"][random.below(4) as usize].to_owned();
        } else if high == 12 && random.below(5) == 0 {
            field = ["jan", "FEB-apr", "*", "dec"][random.below(4) as usize].to_owned();
        }
        write!(text, "{field} ").expect("written");
    }
    if random.below(60) == 0 {
        text.push('*');
    }
    text.trim_end().to_owned()
}

/// A thousand schedules that are due, in a statement.
fn schedules(random: &mut Random) -> String {
    let mut sql = String::from(
        "insert into periodic_tasks (name, cron_expr, task_path, payload_json, queue_name, priority, max_attempts, \
         concurrency_key, concurrency_limit, next_run_at, enabled) values ",
    );
    for number in 0..1000 {
        let payload = if number < 120 { PAYLOADS[number % 12] } else { "{}" };
        let key = ["null", "'acct:é<&>'", "''"][random.below(3) as usize];
        let queue = ["default", "", "mail & more"][random.below(3) as usize];
        let comma = if number == 0 { "" } else { ", " };
        let (cron, micros) = (expression(random), [0, 250_000, 999_999][random.below(3) as usize]);
        write!(
            sql,
            "{comma}('schedule {number} <é>', '{cron}', 'shop.tasks.add', '{payload}', '{queue}', {}, {}, {key}, {}, \
             '2026-01-01T00:00:00Z'::timestamptz + interval '{number} minutes {micros} microseconds', true)",
            i64::from(random.below(9)) - 4,
            random.below(5),
            random.below(3),
        )
        .expect("written");
    }
    sql.push(';');
    sql
}

const TASKS: &str = "select (to_jsonb(t) - array['result_id', 'enqueued_at', 'created_at', 'updated_at'])::text from task_runs t \
                     order by run_after, spec_hash";

/// A schedule that never runs is disabled by this program; the worker's beat runs it at every pass from then on.
const SCHEDULES: &str = "select name, cron_expr, last_run_at at time zone 'UTC', next_run_at at time zone 'UTC' \
                         from periodic_tasks where name not in (NEVER) order by name";

fn real_beat(worker: &Path, database: &Database) -> Command {
    let mut command = Command::new(worker);
    command.arg("beat").env_clear().env("DATABASE_URL", database.url()).current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn minute(database: &Database) -> String {
    database.sql("select date_trunc('minute', now())")
}

#[test]
fn a_thousand_random_schedules_give_the_rows_of_the_real_beat() {
    let Some(worker) = real_worker() else { return };
    let seed = u64::from(std::process::id());
    for _ in 0..5 {
        let (Some(theirs), Some(ours)) = (Database::of_origin("c"), Database::of_origin("c")) else { return };
        let sql = schedules(&mut Random(seed));
        for database in [&theirs, &ours] {
            database.session().run(&sql);
        }
        let start = minute(&ours);
        let mut context = Context::new();
        context.set("DATABASE_URL", ours.url());
        let output = context.run(&["beat", "--once"]);
        assert!(real_beat(&worker, &theirs).arg("--once").status().expect("it starts").success());
        // Both compute the next run from their own time of day.
        if minute(&ours) != start {
            continue;
        }
        assert_eq!(output.code, 7, "{output:#?}");
        let never = "select coalesce(string_agg(quote_literal(name), ', '), '''''') from periodic_tasks where next_run_at < \
                     '1000-01-01'";
        let never = theirs.sql(never);
        let rows = |database: &Database, sql: &str| {
            database.sql(&sql.replace("NEVER", &never)).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let (left, right) = (rows(&ours, SCHEDULES), rows(&theirs, SCHEDULES));
        for (ours, theirs) in left.iter().zip(&right) {
            assert_eq!(ours, theirs, "seed {seed}");
        }
        assert_eq!(left.len(), right.len());
        let without_never =
            TASKS.replace("order by", &format!("where spec_json->>'periodic_name' not in ({never}) order by"));
        let (left, right) = (rows(&ours, &without_never), rows(&theirs, &without_never));
        for (ours, theirs) in left.iter().zip(&right) {
            assert_eq!(ours, theirs, "seed {seed}");
        }
        assert_eq!(left.len(), right.len(), "seed {seed}");
        assert!(left.len() > 600, "only {} tasks", left.len());
        let refused = "select count(*) from periodic_tasks where last_run_at is null and enabled";
        assert!(ours.sql(refused).parse::<usize>().is_ok_and(|count| count > 30), "{}", ours.sql(refused));
        return;
    }
    panic!("each of five passes took more than a minute");
}

#[test]
fn two_beats_of_this_program_and_the_real_one_make_one_row_a_tick() {
    const TICKS: u32 = 50;
    let Some(worker) = real_worker() else { return };
    let Some(database) = Database::of_origin("c") else { return };
    // A task is finished at once, so that its hash does not stop a second one; each beat is as likely as another to be first.
    database.sql(
        "create table tick_owner (program text, run_after timestamptz);
         create function finish() returns trigger language plpgsql as $$ begin
             new.status := 'SUCCESSFUL';
             insert into tick_owner values (current_setting('application_name'), new.run_after);
             return new;
         end; $$;
         create trigger finish before insert on task_runs for each row execute function finish();
         insert into periodic_tasks (name, cron_expr, task_path, payload_json, next_run_at)
         select 'schedule ' || n, '0 0 1 1 *', 'shop.tasks.add', '{}', '2999-01-01' from generate_series(1, 4) n",
    );
    let mut context = Context::new();
    context.set("DATABASE_URL", database.url());
    let beats: Vec<Ended> = (0..2)
        .map(|_| {
            let mut command = context.command(&["beat", "--interval", "100ms"]);
            Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
        })
        .chain([Ended(real_beat(&worker, &database).args(["--interval", "100ms"]).spawn().expect("it starts"))])
        .collect();
    let begin = Instant::now();
    for tick in 0..TICKS {
        database.sql(&format!(
            "update periodic_tasks set next_run_at = '2024-01-01T00:00:00Z'::timestamptz + interval '{tick} minutes'"
        ));
        let due = "select count(*) from periodic_tasks where next_run_at < now()";
        while database.sql(due) != "0" {
            assert!(begin.elapsed() < Duration::from_secs(90), "tick {tick} is not enqueued");
            sleep(Duration::from_millis(5));
        }
    }
    // A beat that has not seen the last tick yet.
    sleep(Duration::from_millis(300));
    drop(beats);
    let rows = "select count(*), count(distinct (spec_json->>'periodic_name', run_after)) from task_runs";
    assert_eq!(database.sql(rows), "200|200");
    let programs = "select count(*) from (select distinct program from tick_owner) it";
    assert_eq!(
        database.sql(programs),
        "2",
        "only one kind of beat was ever first: {}",
        database.sql("table tick_owner")
    );
}
