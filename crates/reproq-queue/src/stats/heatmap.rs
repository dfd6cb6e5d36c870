//! Failures by task and hour.

use std::collections::BTreeMap;

use serde::Serialize;

/// Failures of a task in a bucket of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCell {
    /// The task; `None` for all that are not among the first.
    pub task_path: Option<String>,
    /// The bucket, from 0.
    pub bucket: i64,
    /// How many.
    pub tasks: i64,
}

/// A task, and its failures in each bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeatmapRow {
    /// The task; `None` for all others together.
    pub task_path: Option<String>,
    /// All of its failures.
    pub total: i64,
    /// Its failures in each bucket, oldest first.
    pub counts: Vec<i64>,
}

/// Failures by task and bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heatmap {
    /// The tasks with the most failures first, all others last.
    pub rows: Vec<HeatmapRow>,
    /// The failures of all tasks in each bucket.
    pub totals: Vec<i64>,
}

impl Heatmap {
    /// Arranges the cells. A failure of this very moment belongs to the last bucket.
    pub fn new(cells: &[FailureCell], buckets: usize) -> Self {
        let mut rows: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
        let mut totals = vec![0; buckets];
        for cell in cells {
            let index = usize::try_from(cell.bucket).unwrap_or(0).min(buckets.saturating_sub(1));
            let counts = rows.entry(cell.task_path.as_deref()).or_insert_with(|| vec![0; buckets]);
            if let (Some(count), Some(total)) = (counts.get_mut(index), totals.get_mut(index)) {
                *count += cell.tasks;
                *total += cell.tasks;
            }
        }
        let mut rows: Vec<HeatmapRow> = rows
            .into_iter()
            .map(|(path, counts)| HeatmapRow { task_path: path.map(str::to_owned), total: counts.iter().sum(), counts })
            .collect();
        rows.sort_by(|one, other| {
            let key = |row: &HeatmapRow| (row.task_path.is_none(), -row.total);
            key(one).cmp(&key(other)).then_with(|| one.task_path.cmp(&other.task_path))
        });
        Self { rows, totals }
    }

    /// All failures.
    pub fn total(&self) -> i64 {
        self.totals.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_sorted_by_failures_and_the_rest_is_last() {
        let cell =
            |path: Option<&str>, bucket, tasks| FailureCell { task_path: path.map(str::to_owned), bucket, tasks };
        let cells = [
            cell(None, 0, 9),
            cell(Some("b"), 1, 2),
            cell(Some("a"), 0, 1),
            cell(Some("a"), 3, 1),
            cell(Some("c"), 7, 5),
        ];
        let map = Heatmap::new(&cells, 3);
        let rows: Vec<_> =
            map.rows.iter().map(|row| (row.task_path.as_deref(), row.total, row.counts.clone())).collect();
        assert_eq!(
            rows,
            [
                (Some("c"), 5, vec![0, 0, 5]),
                (Some("a"), 2, vec![1, 0, 1]),
                (Some("b"), 2, vec![0, 2, 0]),
                (None, 9, vec![9, 0, 0]),
            ]
        );
        assert_eq!((map.totals.clone(), map.total()), (vec![10, 2, 6], 18));
        assert_eq!(Heatmap::new(&cells, 0).total(), 0);
    }
}
