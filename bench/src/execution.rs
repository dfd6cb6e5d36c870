//! `cargo xtask bench --execution`: tasks executed as the worker executes them, a process for each: with plain Python, and with the
//! client of `reproq worker --prefork`, pair by pair in one run. Tasks a second, processor time a task, and memory. The real worker
//! takes part where it is named.

mod fork_server;
mod processes;
mod project;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;

use self::fork_server::Executor;
use self::fork_server::executors;
use self::processes::cpu_of_children;
use self::processes::cpu_of_live;
use self::processes::cpu_of_server;
use self::processes::memory;
use self::project::DOES_NOTHING;
use self::project::ROWS;
use self::project::TaskProject;
use crate::median;

/// How many tasks run at a time, and how many of them plain Python executes in one measurement.
const LOADS: [(usize, usize); 3] = [(1, 3), (4, 8), (16, 16)];

/// How many more a program executes that is faster.
const MORE: usize = 10;

/// The tasks that run four at a time, beside the one that does nothing.
const TASKS: [(&str, &str); 2] = [("sleeps 0.1 s", "shop.tasks.sleeps"), ("ten queries", "shop.tasks.queries")];

/// One measurement of one executor.
#[derive(Clone, Copy)]
struct Load {
    per_second: f64,
    /// Milliseconds of processor time a task, without the database.
    cpu: f64,
    /// The same of the database.
    database_cpu: f64,
}

struct ExecutionBench<'a> {
    project: &'a TaskProject,
    executors: Vec<Executor>,
}

/// Measures plain Python, and beside it the client of a fork server.
pub fn run(program: &Path, rounds: usize) -> anyhow::Result<()> {
    let project = TaskProject::new()?;
    let with = |executor, allowed| {
        executors(&project, program, executor, allowed).map(|executors| ExecutionBench { project: &project, executors })
    };
    println!("\n{} executor, {rounds} rounds, medians; the ratios are those of pairs\n", project.package);
    println!("| task | at a time | | tasks/s | × | CPU ms | × | PostgreSQL CPU ms |\n|{}", " --- |".repeat(8));
    let bench = with("reproq_django.executor", "shop.tasks.")?;
    for load in LOADS {
        bench.compare("nothing but its look-up", DOES_NOTHING, load, rounds)?;
    }
    for (name, task) in TASKS {
        bench.compare(name, task, LOADS[1], rounds)?;
    }
    let with_imports = with("reproq_django.executor", "shop.heavy.")?;
    with_imports.compare("imports 400 modules", "shop.heavy.nothing", LOADS[1], rounds)?;
    println!(
        "\n| 16 at a time, asleep with an open connection | | PSS, MiB | × | processes |\n|{}",
        " --- |".repeat(5)
    );
    bench.compare_memory("a project without code", "shop.tasks.waits", rounds)?;
    with_imports.compare_memory("imports 400 modules", "shop.heavy.waits", rounds)?;
    drop((bench, with_imports));
    println!("\n| an executor that does nothing, one at a time | ms | CPU ms |\n|{}", " --- |".repeat(3));
    with("nothing", "shop.tasks.")?.overhead(rounds)?;
    let worker = std::env::var("REPROQ_TEST_WORKER").ok().filter(|value| !value.is_empty());
    worker.map_or(Ok(()), |worker| fork_server::compare_workers(&project, program, Path::new(&worker), rounds))
}

impl ExecutionBench<'_> {
    fn compare(&self, name: &str, task: &str, (at_a_time, count): (usize, usize), rounds: usize) -> anyhow::Result<()> {
        let mut loads: BTreeMap<&str, Vec<Load>> = BTreeMap::new();
        for round in 0..=rounds {
            for (index, executor) in self.executors.iter().enumerate() {
                let count = if index == 0 { count } else { count * MORE };
                let load = self.load(executor, task, at_a_time, count)?;
                // The first round warms the caches and is not counted.
                if round > 0 {
                    loads.entry(executor.name).or_default().push(load);
                }
            }
        }
        let plain = &loads[self.executors[0].name];
        for executor in &self.executors {
            let own = &loads[executor.name];
            let value = |of: fn(&Load) -> f64| median(own.iter().map(of).collect());
            let ratio =
                |of: fn(&Load) -> f64| median(own.iter().zip(plain).map(|(own, plain)| of(own) / of(plain)).collect());
            println!(
                "| {name} | {at_a_time} | {} | {:.1} | {:.2} | {:.1} | {:.3} | {:.1} |",
                executor.name,
                value(|load| load.per_second),
                ratio(|load| load.per_second),
                value(|load| load.cpu),
                ratio(|load| load.cpu),
                value(|load| load.database_cpu),
            );
        }
        Ok(())
    }

    /// Executes a number of tasks, some at a time.
    fn load(&self, executor: &Executor, task: &str, at_a_time: usize, count: usize) -> anyhow::Result<Load> {
        let used = || -> anyhow::Result<(f64, f64)> {
            Ok((cpu_of_children()? + cpu_of_live(&executor.mark)?, cpu_of_server(self.project.database.cluster)?))
        };
        let (cpu, database_cpu) = used()?;
        let began = Instant::now();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let work = || -> anyhow::Result<()> {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return Ok(());
                    }
                    self.execute(executor, task, index)?;
                }
            };
            let threads: Vec<_> = (0..at_a_time).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
        })?;
        let took = began.elapsed().as_secs_f64();
        let after = used()?;
        let per_task = |seconds: f64| seconds * 1000.0 / count as f64;
        Ok(Load {
            per_second: count as f64 / took,
            cpu: per_task(after.0 - cpu),
            database_cpu: per_task(after.1 - database_cpu),
        })
    }

    /// Executes one task as the worker does, and expects success.
    fn execute(&self, executor: &Executor, task: &str, index: usize) -> anyhow::Result<()> {
        let mut command = Command::new(&executor.program);
        let row = (index % ROWS + 1).to_string();
        command.args(["-m", executor.module, "--result-id", &row, "--attempt", "1", "--payload-stdin"]);
        command.current_dir(self.project.directory()).env_clear().envs(executor.environment.clone()).process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let payload = format!(
            "{{\"v\": 1, \"args\": [], \"kwargs\": {{}}, \"task_path\": \"{task}\", \"queue_name\": \"default\", \"exec\": \
             {{\"timeout_seconds\": 900, \"max_attempts\": 3}}}}"
        );
        child.stdin.take().context("piped")?.write_all(payload.as_bytes())?;
        let mut stdout = String::new();
        child.stdout.take().context("piped")?.read_to_string(&mut stdout)?;
        let mut stderr = String::new();
        child.stderr.take().context("piped")?.read_to_string(&mut stderr)?;
        let status = child.wait()?;
        let is_well = stdout.starts_with("{\"ok\": true, ") && stderr.is_empty();
        ensure!(is_well, "{task}: {status}: {stdout}{stderr}");
        Ok(())
    }

    /// Compares the memory of everything that takes part in the execution of 16 tasks, while they sleep.
    fn compare_memory(&self, name: &str, task: &str, rounds: usize) -> anyhow::Result<()> {
        let mut samples: BTreeMap<&str, Vec<(f64, usize)>> = BTreeMap::new();
        for _ in 0..rounds {
            for executor in &self.executors {
                samples.entry(executor.name).or_default().push(self.memory_of(executor, task, 16)?);
            }
        }
        let plain = &samples[self.executors[0].name];
        for executor in &self.executors {
            let own = &samples[executor.name];
            let ratio = median(own.iter().zip(plain).map(|(own, plain)| own.0 / plain.0).collect());
            let (mib, (_, processes)) = (median(own.iter().map(|sample| sample.0).collect()), own[0]);
            println!("| {name} | {} | {mib:.0} | {ratio:.3} | {processes} |", executor.name);
        }
        Ok(())
    }

    /// What the process of a task costs without the executor's own work.
    fn overhead(&self, rounds: usize) -> anyhow::Result<()> {
        let mut loads: BTreeMap<&str, Vec<Load>> = BTreeMap::new();
        for round in 0..=rounds {
            for executor in &self.executors {
                let load = self.load(executor, DOES_NOTHING, 1, 20)?;
                if round > 0 {
                    loads.entry(executor.name).or_default().push(load);
                }
            }
        }
        for executor in &self.executors {
            let value = |of: fn(&Load) -> f64| median(loads[executor.name].iter().map(of).collect());
            println!(
                "| {} | {:.1} | {:.1} |",
                executor.name,
                value(|load| 1000.0 / load.per_second),
                value(|load| load.cpu)
            );
        }
        Ok(())
    }

    fn memory_of(&self, executor: &Executor, task: &str, at_a_time: usize) -> anyhow::Result<(f64, usize)> {
        let directory = self.project.directory();
        for name in ["asleep", "awake"] {
            if directory.join(name).exists() {
                fs::remove_dir_all(directory.join(name))?;
            }
        }
        fs::create_dir(directory.join("asleep"))?;
        thread::scope(|scope| {
            let tasks: Vec<_> =
                (0..at_a_time).map(|index| scope.spawn(move || self.execute(executor, task, index))).collect();
            let are_asleep = wait_for(&directory.join("asleep"), at_a_time);
            let found = are_asleep.and_then(|()| memory(&executor.mark));
            fs::create_dir(directory.join("awake"))?;
            tasks.into_iter().try_for_each(|task| task.join().expect("it does not panic"))?;
            found
        })
    }
}

/// Waits until a directory has this many files.
fn wait_for(directory: &Path, count: usize) -> anyhow::Result<()> {
    for _ in 0..600 {
        if fs::read_dir(directory)?.count() == count {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("not all tasks have started")
}
