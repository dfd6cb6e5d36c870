//! Tables of rows from all databases, and texts from them. Pure.

use std::sync::Arc;

use maud::Markup;
use maud::html;

use self::Column::Number;
use self::Column::Text;
use crate::state::HistoryView;
use crate::state::LiveView;
use crate::state::Observation;
use crate::state::ObservedDatabase;

/// Rows of a table; more are counted.
const ROWS: usize = 100;

/// Characters of a text from the database.
const TEXT: usize = 300;

/// The heading of a column. Numbers are aligned at the right.
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A row of one database.
pub(super) struct Of<'a, T> {
    pub(super) database: &'a ObservedDatabase,
    pub(super) row: &'a T,
}

/// What has been read of a database, with its alias.
pub(super) fn live(observation: &Observation) -> impl Iterator<Item = (&ObservedDatabase, &Arc<LiveView>)> {
    observation.databases.iter().filter_map(|database| Some((database, database.live.as_ref()?)))
}

pub(super) fn history(observation: &Observation) -> impl Iterator<Item = (&ObservedDatabase, &Arc<HistoryView>)> {
    observation.databases.iter().filter_map(|database| Some((database, database.history.as_ref()?)))
}

pub(super) fn rows<'a, T: 'a>(
    observation: &'a Observation,
    of: impl Fn(&'a LiveView) -> &'a [T] + 'a,
) -> impl Iterator<Item = Of<'a, T>> {
    live(observation).flat_map(move |(database, live)| of(live).iter().map(move |row| Of { database, row }))
}

/// A table with a row for each value, or a sentence if there is none.
pub(super) fn table<T>(
    observation: &Observation,
    id: &str,
    title: &str,
    heading: &[Column],
    found: &[Of<'_, T>],
    none: &str,
    row: impl Fn(&Of<'_, T>) -> Markup,
) -> Markup {
    let has_many_databases = observation.databases.len() > 1;
    let columns = heading.len() + usize::from(has_many_databases);
    let title_id = format!("{id}-title");
    html! {
        section aria-labelledby=(title_id) {
            h2 id=(title_id) { (title) }
            (scrolled(&format!("{title}, table"), &html! {
                table {
                    thead { tr {
                        @for column in heading {
                            @match column {
                                Text(name) => th scope="col" { (name) },
                                Number(name) => th.number scope="col" { (name) },
                            }
                        }
                        @if has_many_databases { th scope="col" { "Database" } }
                    } }
                    tbody id=(id) data-live data-rows {
                        @for each in found.iter().take(ROWS) {
                            tr { (row(each)) @if has_many_databases { td { (text(&each.database.alias)) } } }
                        }
                        @if found.is_empty() { tr { td.note colspan=(columns) { (none) } } }
                        @if found.len() > ROWS {
                            tr { td.note colspan=(columns) { "and " (found.len() - ROWS) " more" } }
                        }
                    }
                }
            }))
        }
    }
}

/// A wide element that scrolls by itself, also by the keyboard.
pub(super) fn scrolled(label: &str, content: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (content) } }
}

/// A text from the database, in its own direction.
pub(super) fn text(value: &str) -> Markup {
    html! { bdi { (clean(value)) } }
}

/// The path of a task, which may continue on the next line after a dot or an underscore.
pub(super) fn path(value: &str) -> Markup {
    html! { bdi { @for part in clean(value).split_inclusive(['.', '_']) { (part) wbr; } } }
}

/// Without control characters, and not longer than people read.
pub(super) fn clean(value: &str) -> String {
    let of = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    let end = if value.chars().nth(TEXT).is_some() { "…" } else { "" };
    value.chars().take(TEXT).map(of).chain(end.chars()).collect()
}
