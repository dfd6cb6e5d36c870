//! `reproq stats heatmap`: failures by task and hour.

use chrono::DateTime;
use chrono::Duration;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::Heatmap;
use reproq_queue::stats::HeatmapRow;
use reproq_queue::text::span;
use serde::Serialize;

use super::window;
use crate::cli::HeatmapArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::shades;

/// The columns of a path and a number beside the cells.
const BESIDE: usize = 44;

/// The columns of a path.
const PATH: usize = 32;

#[derive(Debug, Serialize)]
pub(super) struct HeatmapReport {
    /// Where the first cell begins.
    start: DateTime<Utc>,
    at: DateTime<Utc>,
    bucket_seconds: i64,
    /// Tasks that failed for the last time and still exist; attempts that were repeated are not among them.
    failures: i64,
    #[serde(flatten)]
    map: Heatmap,
}

pub(super) fn heatmap(arguments: &HeatmapArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (since, bucket) = window(arguments.since, arguments.bucket)?;
    let (map, window) = Database::read(&arguments.database, session, async |tx| {
        read::heatmap(tx, since, bucket, i64::from(arguments.top)).await
    })?;
    let report =
        HeatmapReport { start: window.start, at: window.now, bucket_seconds: bucket, failures: map.total(), map };
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

impl Report for HeatmapReport {
    const SCHEMA: &'static str = "reproq.stats-heatmap/1";

    fn human(&self, out: &mut TextReport) {
        if self.map.rows.is_empty() {
            out.line(&format!("No task failed since {}.", time(self.start)));
            return;
        }
        match out.columns() {
            Some(columns) => self.draw(columns.max(BESIDE + 12) - BESIDE, out),
            None => self.list(out),
        }
    }
}

impl HeatmapReport {
    /// One line for each task, one character for each cell; cells are joined if there are more than columns.
    fn draw(&self, columns: usize, out: &mut TextReport) {
        let joined = self.map.totals.len().div_ceil(columns).max(1);
        let cells = |row: &HeatmapRow| join(&row.counts, joined);
        let largest = self.map.rows.iter().filter(|row| row.task_path.is_some()).flat_map(cells).max().unwrap_or(0);
        let length = self.bucket_seconds * i64::try_from(joined).unwrap_or(1);
        out.line(&format!(
            "{} failures since {}; a cell is {}; ░▒▓█ up to {largest}",
            self.failures,
            time(self.start),
            span(length)
        ));
        for row in &self.map.rows {
            let peak = self.peak(&row.counts);
            let path = cut(&name(row));
            out.line(&format!("{path:<PATH$} {:>6}  {}  {peak}", row.total, shades(&cells(row), largest)));
        }
    }

    fn list(&self, out: &mut TextReport) {
        let heading = ["TASK", "FAILURES", "MOST", "IN"].map(str::to_owned).to_vec();
        let rows = self.map.rows.iter().map(|row| {
            let largest = row.counts.iter().copied().max().unwrap_or(0);
            vec![name(row), row.total.to_string(), largest.to_string(), self.peak(&row.counts)]
        });
        out.table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
    }

    /// Where the cell with the most failures begins, as `MM-DD HH:MM` in UTC.
    fn peak(&self, counts: &[i64]) -> String {
        let largest = counts.iter().copied().max().unwrap_or(0);
        let index = counts.iter().position(|count| *count == largest).unwrap_or(0);
        let begin = self.start + Duration::seconds(self.bucket_seconds * i64::try_from(index).unwrap_or(0));
        begin.format("%m-%dT%H:%M").to_string()
    }
}

fn name(row: &HeatmapRow) -> String {
    row.task_path.clone().unwrap_or_else(|| "all others".to_owned())
}

/// The end of a path says more than its begin.
fn cut(path: &str) -> String {
    let length = path.chars().count();
    if length <= PATH {
        return path.to_owned();
    }
    format!("…{}", path.chars().skip(length + 1 - PATH).collect::<String>())
}

fn join(counts: &[i64], number: usize) -> Vec<i64> {
    counts.chunks(number).map(|chunk| chunk.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use reproq_queue::stats::FailureCell;

    use super::*;

    fn report(buckets: usize) -> HeatmapReport {
        let cell = |path: &str, bucket, tasks| FailureCell { task_path: Some(path.to_owned()), bucket, tasks };
        let cells = [
            cell("shop.tasks.charge", 0, 1),
            cell("shop.tasks.charge", 5, 9),
            cell("shop.tasks.with.a.very.long.path.that.is.cut.send", 30, 2),
            FailureCell { task_path: None, bucket: 2, tasks: 40 },
        ];
        let map = Heatmap::new(&cells, buckets);
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = start + Duration::hours(i64::try_from(buckets).expect("few"));
        HeatmapReport { start, at, bucket_seconds: 3600, failures: map.total(), map }
    }

    fn shown(report: &HeatmapReport, columns: Option<usize>) -> String {
        let mut out = TextReport::new(false, false).drawn(columns);
        report.human(&mut out);
        out.into_text()
    }

    #[test]
    fn it_is_drawn_on_a_terminal_and_listed_elsewhere() {
        let report = report(48);
        insta::assert_snapshot!("heatmap_80", shown(&report, Some(80)));
        insta::assert_snapshot!("heatmap_120", shown(&report, Some(120)));
        insta::assert_snapshot!("heatmap_listed", shown(&report, None));
        for columns in [80, 120] {
            assert!(shown(&report, Some(columns)).lines().all(|line| line.chars().count() <= columns));
        }
    }
}
