//! What processes cost, from `/proc`: their processor time and their memory.

use std::fs;

use anyhow::Context;
use test_postgres::Cluster;

/// The unit of processor times in `/proc` on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The seconds of the children of this process that have ended.
pub fn cpu_of_children() -> anyhow::Result<f64> {
    let [.., user, system] = times("self").context("this system has no /proc")?;
    Ok((user + system) / TICKS_PER_SECOND)
}

/// The seconds of the live processes that have this in their environment, and of the children that they have waited for.
pub fn cpu_of_live(mark: &str) -> anyhow::Result<f64> {
    let found = marked(mark)?;
    // A process that has just ended is in the times of its parent.
    Ok(found.iter().filter_map(|process| times(process)).map(|times| times.iter().sum::<f64>()).sum::<f64>()
        / TICKS_PER_SECOND)
}

/// The seconds of a database server.
pub fn cpu_of_server(cluster: &Cluster) -> anyhow::Result<f64> {
    let file = fs::read_to_string(cluster.socket_directory().join("data/postmaster.pid"))?;
    let server = file.lines().next().context("no process id")?.to_owned();
    let is_part = |process: &String| *process == server || parent(process).as_deref() == Some(&server);
    let parts = processes()?.into_iter().filter(is_part).filter_map(|process| times(&process));
    Ok(parts.map(|times| times.iter().sum::<f64>()).sum::<f64>() / TICKS_PER_SECOND)
}

/// The proportional set size of all processes that have this in their environment, in MiB, and their number.
pub fn memory(mark: &str) -> anyhow::Result<(f64, usize)> {
    let mut kib = 0.0;
    let found = marked(mark)?;
    for process in &found {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
        kib += line.trim().trim_end_matches("kB").trim().parse::<f64>()?;
    }
    Ok((kib / 1024.0, found.len()))
}

fn marked(mark: &str) -> anyhow::Result<Vec<String>> {
    let has_mark = |process: &String| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    Ok(processes()?.into_iter().filter(has_mark).collect())
}

fn processes() -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(entries.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect())
}

/// The fields of `/proc/PID/stat` after the name, which may itself have blanks.
fn fields(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent(process: &str) -> Option<String> {
    fields(process)?.get(1).cloned()
}

/// User and system time, and those of the children that were waited for.
fn times(process: &str) -> Option<[f64; 4]> {
    let fields = fields(process)?;
    let times: Vec<f64> = fields.get(11..15)?.iter().filter_map(|field| field.parse().ok()).collect();
    times.try_into().ok()
}
