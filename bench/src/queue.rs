//! `cargo xtask bench --queue`: commands of the queue on a table of many tasks, compared round by round with what any client pays to
//! connect; and the start of a worker, with the configuration that precedes it. The real worker and Django take part where they are
//! named.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use test_postgres::Database;
use test_postgres::OWNER;

use crate::median;

/// Live tasks: they are what the commands count.
const LIVE: usize = 20_000;

/// Schedules that are due at once.
const DUE: usize = 1000;

/// How many connections pgbench opens to measure one.
const CONNECTIONS: usize = 20;

/// Connecting and `select 1`, by a client that is already running.
const FLOOR: &str = "connect + `select 1` (pgbench -C)";
const START: &str = "reproq --version";
const CONFIG: &str = "reproq config worker, without Django";
const STATUS: &str = "reproq db status";
const STATS: &str = "reproq stats";
const DOCTOR: &str = "manage.py reproq doctor";
const STUB: &str = "a program that does nothing, as the worker";
const WORKER: &str = "reproq worker --no-django, with it";

/// What a command should cost beside another one.
enum Aim {
    /// At most so many milliseconds more.
    More(f64),
    /// At most so many times as much.
    Times(f64),
}

const AIMS: [(&str, &str, Aim); 5] = [
    (CONFIG, START, Aim::More(2.0)),
    (STATUS, FLOOR, Aim::Times(2.0)),
    (STATUS, DOCTOR, Aim::Times(1.0 / 20.0)),
    (STATS, FLOOR, Aim::Times(2.0)),
    (WORKER, STUB, Aim::More(5.0)),
];

struct QueueBench {
    program: PathBuf,
    directory: tempfile::TempDir,
    database: Database,
    script: PathBuf,
}

/// Measures with this many finished tasks.
pub fn run(program: &Path, rows: usize, rounds: usize) -> anyhow::Result<()> {
    let database = Database::of_origin("d").context("PostgreSQL is not installed")?;
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("select.sql");
    fs::write(&script, "select 1;\n")?;
    let bench = QueueBench { program: program.to_owned(), directory, database, script };
    println!("Creating {rows} finished and {LIVE} live tasks …");
    fill(&bench.database, rows);
    let commands = bench.commands();
    let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..=rounds {
        let mut measured = vec![(FLOOR, bench.floor()?)];
        for (name, command) in &commands {
            bench.prepare(name);
            measured.push((*name, bench.time(command).with_context(|| (*name).to_owned())?));
        }
        // The first round warms the caches and is not counted.
        for (name, milliseconds) in measured.into_iter().filter(|_| round > 0) {
            samples.entry(name).or_default().push(milliseconds);
        }
    }
    println!("\n{rows} finished and {LIVE} live tasks, {rounds} rounds, medians\n");
    println!("| | ms | × (start + connect) |\n| --- | --- | --- |");
    // Per round, so that a slow moment of the machine affects both.
    let bases: Vec<f64> = samples[FLOOR].iter().zip(&samples[START]).map(|(floor, start)| floor + start).collect();
    for name in std::iter::once(FLOOR).chain(commands.iter().map(|(name, _)| *name)) {
        let values = &samples[name];
        let ratio = median(values.iter().zip(&bases).map(|(value, base)| value / base).collect());
        println!("| {name} | {:.1} | {ratio:.2} |", median(values.clone()));
    }
    println!("\n| | beside | aim | measured |\n| --- | --- | --- | --- |");
    for (name, other, aim) in &AIMS {
        let Some(others) = samples.get(other) else { continue };
        let pairs = samples[name].iter().zip(others);
        let (aim, measured) = match aim {
            Aim::More(most) => (
                format!("+{most:.0} ms"),
                format!("+{:.1} ms", median(pairs.map(|(one, other)| one - other).collect())),
            ),
            Aim::Times(most) => {
                (format!("× {most:.2}"), format!("× {:.2}", median(pairs.map(|(one, other)| one / other).collect())))
            }
        };
        println!("| {name} | {other} | at most {aim} | {measured} |");
    }
    println!("\n`reproq beat` after {DUE} schedules: {:.1} MiB at its peak", bench.peak_of_beat()?);
    Ok(())
}

/// Finished tasks of 30 days, of which 2 % failed, and live ones.
pub fn fill(database: &Database, rows: usize) {
    let columns = "backend_alias, queue_name, priority, spec_json, spec_hash, task_path, status, enqueued_at, attempts, \
                   max_attempts, timeout_seconds, concurrency_limit, wait_count, worker_ids, errors_json, metadata_json, created_at, \
                   updated_at, cancel_requested, finished_at, failed_at";
    let values =
        "'{\"v\": 1, \"args\": [1, 2], \"kwargs\": {}, \"task_path\": \"shop.tasks.add\"}', md5(n::text) || md5('h')";
    database.sql(&format!(
        "insert into task_runs ({columns}) select 'default', 'q' || n % 5, 0, {values}, 'shop.tasks.t' || n % 20, \
         case when n % 50 = 0 then 'FAILED' else 'SUCCESSFUL' end, at, 1, 3, 900, 0, 0, '[\"w\"]', '[]', '{{}}', at, at, false, at, \
         case when n % 50 = 0 then at end from generate_series(1, {rows}) n, \
         lateral (select now() - interval '30 days' * (1 - n::float8 / {rows}) as at) t"
    ));
    database.sql(&format!(
        "insert into task_runs ({columns}) select 'default', 'q' || n % 5, 0, {values}, 'shop.tasks.t' || n % 20, 'READY', now(), 0, 3, \
         900, 0, 0, '[]', '[]', '{{}}', now(), now(), false, null, null from generate_series({rows} + 1, {rows} + {LIVE}) n"
    ));
    database.sql(&format!(
        "insert into periodic_tasks (name, cron_expr, task_path, payload_json, next_run_at) select 's' || n, '*/5 * * * *', \
         'shop.tasks.add', '{{\"args\": [1, 2], \"kwargs\": {{\"a\": \"b\"}}}}', '2999-01-01' from generate_series(1, {DUE}) n"
    ));
    database.as_superuser("vacuum analyze");
}

impl QueueBench {
    /// The commands in the order in which each round runs them.
    fn commands(&self) -> Vec<(&'static str, Vec<String>)> {
        let program = self.program.display().to_string();
        let ours = |words: &[&str]| {
            std::iter::once(program.clone()).chain(words.iter().map(|word| (*word).to_owned())).collect::<Vec<String>>()
        };
        let mut commands = vec![
            (START, ours(&["--version"])),
            (CONFIG, ours(&["config", "worker"])),
            (STATUS, ours(&["db", "status"])),
            (STATS, ours(&["stats"])),
            (STUB, vec!["/bin/true".to_owned(), "worker".to_owned()]),
            (WORKER, ours(&["worker", "--no-django"])),
            ("reproq task list", ours(&["task", "list"])),
            ("reproq beat --once, nothing due", ours(&["beat", "--once"])),
            ("reproq beat --once, 1000 due", ours(&["beat", "--once", "-q"])),
        ];
        let named = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(worker) = named("REPROQ_TEST_WORKER") {
            let beat = [worker.as_str(), "beat", "--once"].map(str::to_owned).to_vec();
            commands.push(("worker beat --once, nothing due", beat.clone()));
            commands.push(("worker beat --once, 1000 due", beat));
        }
        if let (Some(_), Some(python)) = (named("REPROQ_DJANGO_SOURCE"), named("REPROQ_TEST_DJANGO_PYTHON")) {
            for (name, command) in [("manage.py reproq stats", "stats"), (DOCTOR, "doctor")] {
                commands.push((name, [&python, "-m", "django", "reproq", command].map(str::to_owned).to_vec()));
            }
        }
        commands
    }

    /// Makes schedules due, or removes what the round before has enqueued.
    fn prepare(&self, name: &str) {
        if name.ends_with("1000 due") {
            self.database.sql("update periodic_tasks set next_run_at = now() - interval '1 minute'");
        } else if name.ends_with("nothing due") {
            self.database.sql("update periodic_tasks set next_run_at = '2999-01-01'");
        }
    }

    /// The milliseconds that a command takes.
    fn time(&self, words: &[String]) -> anyhow::Result<f64> {
        let [program, arguments @ ..] = words else { anyhow::bail!("no command") };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear().env("DATABASE_URL", self.database.url());
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.directory.path()).env("REPROQ_WORKER_BIN", "/bin/true");
        if let Some(source) = env::var_os("REPROQ_DJANGO_SOURCE").filter(|_| arguments.contains(&"django".to_owned())) {
            self.write_settings()?;
            command.env(
                "PYTHONPATH",
                env::join_paths([Path::new(&source).join("src"), self.directory.path().to_owned()])?,
            );
            command.env("DJANGO_SETTINGS_MODULE", "bench_settings");
        }
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output()?;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        ensure!(output.status.success(), "{output:?}");
        Ok(milliseconds)
    }

    fn write_settings(&self) -> anyhow::Result<()> {
        let settings = format!(
            "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['reproq_django']\nDATABASES = {{'default': {{\n\
             'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'HOST': '127.0.0.1', 'PORT': '{}', 'USER': '{}', \
             'PASSWORD': '{}'}}}}\n",
            self.database.name, self.database.cluster.port, OWNER.0, OWNER.1
        );
        Ok(fs::write(self.directory.path().join("bench_settings.py"), settings)?)
    }

    /// The milliseconds of one connection with one query, as pgbench measures them.
    fn floor(&self) -> anyhow::Result<f64> {
        let mut pgbench = self.database.cluster.client("pgbench", &self.database.name, OWNER);
        // As the commands connect: encrypted if the server can.
        pgbench
            .env("PGSSLMODE", "prefer")
            .args(["-n", "-C", "-c", "1", "-t", &CONNECTIONS.to_string(), "-f"])
            .arg(&self.script);
        let output = pgbench.output().context("pgbench is not installed")?;
        let text = String::from_utf8(output.stdout)?;
        let line = text.lines().find_map(|line| line.strip_prefix("latency average = "));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.with_context(|| format!("pgbench printed no latency: {text}"))?.parse()?)
    }

    /// The largest resident set of a beat that has enqueued everything, in MiB.
    fn peak_of_beat(&self) -> anyhow::Result<f64> {
        self.prepare("1000 due");
        let mut command = Command::new(&self.program);
        command.args(["beat", "-q", "--interval", "1h"]).env_clear().env("DATABASE_URL", self.database.url());
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut beat = command.spawn()?;
        for _ in 0..200 {
            thread::sleep(Duration::from_millis(50));
            if self.database.sql("select count(*) from periodic_tasks where next_run_at <= now()") == "0" {
                break;
            }
        }
        let status = fs::read_to_string(format!("/proc/{}/status", beat.id())).context("this system has no /proc")?;
        beat.kill()?;
        beat.wait()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}
