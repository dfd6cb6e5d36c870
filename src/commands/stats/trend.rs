//! `reproq stats trend`: depth and throughput over time.

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::read;
use reproq_queue::stats::Trend;
use reproq_queue::stats::TrendBucket;
use reproq_queue::text::span;
use serde::Serialize;

use super::window;
use crate::cli::TrendArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::sparkline;

/// The columns of a name and a number beside a line.
const BESIDE: usize = 30;

#[derive(Debug, Serialize)]
pub(super) struct TrendReport {
    at: DateTime<Utc>,
    bucket_seconds: i64,
    #[serde(flatten)]
    trend: Trend,
}

pub(super) fn trend(arguments: &TrendArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let (since, bucket) = window(arguments.since, arguments.bucket)?;
    let (trend, window) = Database::read(&arguments.database, session, async |tx| {
        read::trend(tx, since, bucket, i64::from(arguments.rows)).await
    })?;
    session.ui.report(&TrendReport { at: window.now, bucket_seconds: bucket, trend })?;
    Ok(ExitStatus::Success)
}

impl Report for TrendReport {
    const SCHEMA: &'static str = "reproq.stats-trend/1";

    fn human(&self, out: &mut TextReport) {
        match out.columns() {
            Some(columns) => self.draw(columns.max(BESIDE + 12) - BESIDE, out),
            None => self.list(out),
        }
        for note in self.notes() {
            out.faint(&note);
        }
    }
}

impl TrendReport {
    /// One line for each series. Of buckets that share a column, the depth is that of the last, and the others are added.
    fn draw(&self, columns: usize, out: &mut TextReport) {
        let buckets = &self.trend.buckets;
        let joined = buckets.len().div_ceil(columns).max(1);
        let length = self.bucket_seconds * i64::try_from(joined).unwrap_or(1);
        if let Some(first) = buckets.first() {
            out.line(&format!("Since {}; a column is {}", time(first.start), span(length)));
        }
        let depth: Vec<i64> = buckets.chunks(joined).filter_map(|chunk| chunk.last()).map(|last| last.depth).collect();
        let largest = depth.iter().copied().max().unwrap_or(0);
        out.line(&format!("{:<10} {:>12}  {}", "depth", format!("up to {largest}"), sparkline(&depth)));
        type Series = (&'static str, fn(&TrendBucket) -> i64);
        let series: [Series; 4] = [
            ("enqueued", |bucket| bucket.enqueued),
            ("successful", |bucket| bucket.successful),
            ("failed", |bucket| bucket.failed),
            ("cancelled", |bucket| bucket.cancelled),
        ];
        for (name, value) in series {
            let values: Vec<i64> = buckets.chunks(joined).map(|chunk| chunk.iter().map(value).sum()).collect();
            let total: i64 = values.iter().sum();
            out.line(&format!("{name:<10} {total:>12}  {}", sparkline(&values)));
        }
    }

    fn list(&self, out: &mut TextReport) {
        let heading = ["FROM", "DEPTH", "ENQUEUED", "SUCCESSFUL", "FAILED", "CANCELLED"].map(str::to_owned).to_vec();
        let rows = self.trend.buckets.iter().map(|bucket| {
            let numbers = [bucket.depth, bucket.enqueued, bucket.successful, bucket.failed, bucket.cancelled];
            let mut row = vec![time(bucket.start)];
            row.extend(numbers.map(|number| number.to_string()));
            row
        });
        out.table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
    }

    /// What cannot be known.
    fn notes(&self) -> Vec<String> {
        let trend = &self.trend;
        let mut notes = Vec::new();
        if let Some(since) = trend.known_since {
            notes.push(format!(
                "Only the newest {} rows were read: tasks enqueued before {} are missing. Read more with `--rows`.",
                trend.rows,
                time(since)
            ));
        }
        if trend.missing_rows > 0 {
            notes.push(format!(
                "{} ids have no row: deleted, or never committed. The numbers are lower bounds.",
                trend.missing_rows
            ));
        }
        if trend.sampled_buckets > 0 {
            notes.push(format!(
                "The depth of {} of {} buckets was sampled by `reproq serve`.",
                trend.sampled_buckets,
                trend.buckets.len()
            ));
        }
        if trend.older_rows_deleted {
            notes.push("Older rows were deleted: what they were doing in this time is not known.".to_owned());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn report() -> TrendReport {
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let bucket = |index: i64| TrendBucket {
            start: start + Duration::hours(index),
            enqueued: index * 10,
            successful: index * 8,
            failed: i64::from(index == 3) * 5,
            cancelled: 0,
            depth: 20 + index,
        };
        let trend = Trend {
            buckets: (0..6).map(bucket).collect(),
            exact: false,
            rows: 275,
            missing_rows: 12,
            known_since: Some(start + Duration::minutes(90)),
            older_rows_deleted: true,
            sampled_buckets: 2,
        };
        TrendReport { at: start + Duration::hours(6), bucket_seconds: 3600, trend }
    }

    #[test]
    fn it_is_drawn_on_a_terminal_and_listed_elsewhere() {
        for (name, columns) in [("trend_80", Some(80)), ("trend_listed", None)] {
            let mut out = TextReport::new(false, false).drawn(columns);
            report().human(&mut out);
            insta::assert_snapshot!(name, out.into_text());
        }
    }
}
