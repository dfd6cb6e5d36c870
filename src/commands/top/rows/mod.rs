//! The rows of each list: what is in their columns, filtered and sorted. Pure.

mod columns;
mod of_database;

pub(super) use columns::Shrink;
pub(super) use columns::TopColumn;
pub(super) use columns::columns;
pub(super) use columns::first_sort;

use std::cmp::Ordering;

use crate::commands::top::model::TopKey;
use crate::commands::top::model::TopModel;

/// How a cell compares with the others of its column. What is missing is last in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SortValue {
    Number(i64),
    Text(String),
    Missing,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopCell {
    pub(super) text: String,
    pub(super) order: SortValue,
}

/// How much a row needs attention. Its text states the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopTone {
    Plain,
    /// It waits or is over.
    Faint,
    Warning,
    Problem,
}

/// A row; it has a cell for each of [`columns`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopRow {
    pub(super) key: TopKey,
    pub(super) cells: Vec<TopCell>,
    pub(super) tone: TopTone,
}

impl TopCell {
    /// Sorted as text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { order: SortValue::Text(text.to_lowercase()), text }
    }

    pub(super) fn number(number: i64) -> Self {
        Self { text: number.to_string(), order: SortValue::Number(number) }
    }

    /// Sorted by a number; a dash without one.
    pub(super) fn by(number: Option<i64>, show: impl FnOnce(i64) -> String) -> Self {
        match number {
            Some(number) => Self { text: show(number), order: SortValue::Number(number) },
            None => Self { text: "-".to_owned(), order: SortValue::Missing },
        }
    }
}

/// The rows of the list that is shown.
pub(super) fn rows(model: &TopModel) -> Vec<TopRow> {
    let filter = model.filter.to_lowercase();
    let of_all = model.databases.iter().enumerate().filter_map(|(number, database)| {
        let (snapshot, _) = database.seen.as_ref()?;
        let alias = database.alias.as_deref().unwrap_or_default();
        Some(of_database::rows(model.tab, number, alias, snapshot))
    });
    let mut rows: Vec<TopRow> = of_all.flatten().filter(|row| matches(row, &filter)).collect();
    let list = model.list();
    rows.sort_by(|one, other| compare(one, other, list.sort, list.is_descending));
    rows
}

/// Whether any cell contains the text, in upper or lower case.
fn matches(row: &TopRow, filter: &str) -> bool {
    filter.is_empty() || row.cells.iter().any(|cell| cell.text.to_lowercase().contains(filter))
}

fn compare(one: &TopRow, other: &TopRow, column: usize, is_descending: bool) -> Ordering {
    let of = |row: &TopRow| row.cells.get(column).map(|cell| cell.order.clone()).unwrap_or(SortValue::Missing);
    let order = match (of(one), of(other)) {
        (SortValue::Missing, SortValue::Missing) => return Ordering::Equal,
        (SortValue::Missing, _) => return Ordering::Greater,
        (_, SortValue::Missing) => return Ordering::Less,
        (SortValue::Number(one), SortValue::Number(other)) => one.cmp(&other),
        (SortValue::Text(one), SortValue::Text(other)) => one.cmp(&other),
        (SortValue::Number(_), SortValue::Text(_)) => Ordering::Less,
        (SortValue::Text(_), SortValue::Number(_)) => Ordering::Greater,
    };
    if is_descending { order.reverse() } else { order }
}
