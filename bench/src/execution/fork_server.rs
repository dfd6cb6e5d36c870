//! Plain Python and the client of a fork server, which are called in the same way; and real workers with and without one.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;

use super::processes::cpu_of_live;
use super::project::TaskProject;
use crate::median;

/// The variable that every process of an executor has.
const MARK: &str = "REPROQ_BENCH";

/// A worker that writes down how it was started, and does nothing else.
const STUB: &str = r#"#!/bin/sh
cat "/proc/$$/environ" >worker-environment
printf '%s\n' "$@" >worker-arguments.new
mv worker-arguments.new worker-arguments
exec sleep 100000
"#;

/// How many tasks a worker executes, and how many at a time.
const WORKER_TASKS: (usize, usize) = (24, 4);

/// How many more with a fork server.
const MORE: usize = 10;

/// Something that is called as the worker calls Python.
pub struct Executor {
    pub name: &'static str,
    pub program: PathBuf,
    pub module: &'static str,
    pub environment: Vec<(OsString, OsString)>,
    /// A variable of every process that takes part.
    pub mark: String,
    _worker: Option<Ended>,
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plain Python, and the client of a fork server with this executor, which has imported these modules.
pub fn executors(
    project: &TaskProject,
    program: &Path,
    module: &'static str,
    allowed: &str,
) -> anyhow::Result<Vec<Executor>> {
    let directory = project.directory();
    fs::write(directory.join("reproq.yaml"), format!("worker:\n  executor_module: {module}\n"))?;
    let stub = directory.join("stub-worker");
    fs::write(&stub, STUB)?;
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755))?;
    let started = directory.join("worker-arguments");
    if started.exists() {
        fs::remove_file(&started)?;
    }
    let mut worker = worker(project, program, &stub, allowed, true)?;
    for _ in 0..1200 {
        ensure!(worker.0.try_wait()?.is_none(), "{}", fs::read_to_string(directory.join("worker-log"))?);
        if started.exists() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let arguments = fs::read_to_string(&started).context("the worker was not started")?;
    let config = arguments.lines().find_map(|line| line.strip_prefix("--config=")).context("no configuration")?;
    let config: serde_json::Value = serde_json::from_str(&fs::read_to_string(config)?)?;
    let client = config["worker"]["python_bin"].as_str().context("no client")?.into();
    let environment = fs::read(directory.join("worker-environment"))?;
    let variables = environment.split(|byte| *byte == 0).filter_map(|variable| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        Some((text(&variable[..at]), text(&variable[at + 1..])))
    });
    let forked: Vec<(OsString, OsString)> = variables.collect();
    // Otherwise the same, but nothing that it measures is the fork server's.
    let mut plain = forked.clone();
    plain.iter_mut().filter(|(name, _)| name == MARK).for_each(|(_, value)| *value = "plain".into());
    let executor = |name, program, environment, mark: &str, worker| Executor {
        name,
        program,
        module,
        environment,
        mark: format!("{MARK}={mark}"),
        _worker: worker,
    };
    Ok(vec![
        executor("python", project.python.clone(), plain, "plain", None),
        executor("**--prefork**", client, forked, &mark_of(allowed, true), Some(worker)),
    ])
}

fn mark_of(allowed: &str, has_fork_server: bool) -> String {
    format!("{allowed} {has_fork_server}")
}

fn worker(
    project: &TaskProject,
    program: &Path,
    binary: &Path,
    allowed: &str,
    has_fork_server: bool,
) -> anyhow::Result<Ended> {
    let log = fs::File::create(project.directory().join("worker-log"))?;
    let mut command = Command::new(program);
    command.args(["worker", "--concurrency", &WORKER_TASKS.1.to_string()]).args(has_fork_server.then_some("--prefork"));
    command
        .current_dir(project.directory())
        .env_clear()
        .envs(&project.environment)
        .env(MARK, mark_of(allowed, has_fork_server));
    command.env("ALLOWED_TASK_MODULES", allowed);
    command.env("REPROQ_WORKER_BIN", binary);
    Ok(Ended(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?))
}

/// Compares the real worker with and without a fork server.
pub fn compare_workers(project: &TaskProject, program: &Path, binary: &Path, rounds: usize) -> anyhow::Result<()> {
    fs::remove_file(project.directory().join("reproq.yaml"))?;
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (has_fork_server, samples) in [false, true].into_iter().zip(&mut samples) {
            samples.push(of_worker(project, program, binary, has_fork_server)?);
        }
    }
    println!("\n| the real worker, 4 at a time | tasks/s | × | CPU ms | × |\n|{}", " --- |".repeat(5));
    for (name, own) in ["python", "**--prefork**"].iter().zip(&samples) {
        let value = |of: fn(&(f64, f64)) -> f64| median(own.iter().map(of).collect());
        let ratio = |of: fn(&(f64, f64)) -> f64| {
            median(own.iter().zip(&samples[0]).map(|(own, plain)| of(own) / of(plain)).collect())
        };
        println!(
            "| {name} | {:.1} | {:.2} | {:.1} | {:.3} |",
            value(|it| it.0),
            ratio(|it| it.0),
            value(|it| it.1),
            ratio(|it| it.1)
        );
    }
    Ok(())
}

/// Tasks a second, and milliseconds of processor time a task with those of the worker.
fn of_worker(
    project: &TaskProject,
    program: &Path,
    binary: &Path,
    has_fork_server: bool,
) -> anyhow::Result<(f64, f64)> {
    let count = WORKER_TASKS.0 * if has_fork_server { MORE } else { 1 };
    let sql = |text: &str| project.database.sql(text);
    project.remove_tasks();
    let mark = format!("{MARK}={}", mark_of("shop.tasks.", has_fork_server));
    let worker = worker(project, program, binary, "shop.tasks.", has_fork_server)?;
    // Only when it is ready is there work.
    let is_ready = || sql("select count(*) > 0 from reproq_workers") == "t";
    ensure!(wait_until(is_ready), "{}", fs::read_to_string(project.directory().join("worker-log"))?);
    let before = cpu_of_live(&mark)?;
    project.add_tasks("READY", count);
    let unfinished = "select count(*) from task_runs where status in ('READY', 'RUNNING')";
    ensure!(wait_until(|| sql(unfinished) == "0"), "the worker does not finish its tasks");
    let cpu = (cpu_of_live(&mark)? - before) * 1000.0 / count as f64;
    drop(worker);
    sql("delete from reproq_workers");
    let ended = sql("select status, attempts, count(*) from task_runs where finished_at is not null group by 1, 2");
    ensure!(ended == format!("SUCCESSFUL|1|{count}"), "not all tasks have succeeded: {ended}");
    let seconds: f64 = sql("select extract(epoch from max(finished_at) - min(started_at)) from task_runs").parse()?;
    Ok((count as f64 / seconds, cpu))
}

fn wait_until(mut is_true: impl FnMut() -> bool) -> bool {
    (0..1200).any(|_| {
        thread::sleep(Duration::from_millis(100));
        is_true()
    })
}
