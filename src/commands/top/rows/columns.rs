//! The columns of each list. Pure.

use crate::commands::top::model::TopTab;

/// What is left out of a cell that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::top) enum Shrink {
    /// Nothing: the column is left out instead.
    Never,
    /// The beginning, of a dotted path or an id.
    Start,
    /// The end.
    End,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::top) struct TopColumn {
    pub(in crate::commands::top) title: &'static str,
    pub(in crate::commands::top) shrink: Shrink,
    /// Columns with larger numbers are left out first. Those with 0 never are.
    pub(in crate::commands::top) rank: u8,
    pub(in crate::commands::top) is_number: bool,
    /// Whether large values are first if the user has not reversed the order.
    pub(in crate::commands::top) is_descending: bool,
}

const fn text(title: &'static str, shrink: Shrink, rank: u8) -> TopColumn {
    TopColumn { title, shrink, rank, is_number: false, is_descending: false }
}

const fn number(title: &'static str, rank: u8) -> TopColumn {
    TopColumn { title, shrink: Shrink::Never, rank, is_number: true, is_descending: true }
}

/// A number whose small values matter most.
const fn age(title: &'static str, rank: u8) -> TopColumn {
    TopColumn { title, shrink: Shrink::Never, rank, is_number: true, is_descending: false }
}

/// The alias of the database; shown if there are several.
const DATABASE: TopColumn = text("DATABASE", Shrink::End, 1);

const QUEUES: &[TopColumn] = &[
    DATABASE,
    text("QUEUE", Shrink::End, 0),
    number("READY", 0),
    number("SCHEDULED", 6),
    number("RUNNING", 2),
    number("WAITING", 7),
    number("OLDEST", 4),
    number("WORKERS", 5),
    text("STATE", Shrink::End, 3),
];

const TASKS: &[TopColumn] = &[
    DATABASE,
    number("ID", 0),
    text("STATUS", Shrink::Never, 0),
    text("QUEUE", Shrink::End, 4),
    text("TASK", Shrink::Start, 0),
    number("ATTEMPTS", 6),
    age("AGE", 5),
    text("NOTE", Shrink::End, 3),
];

const WORKERS: &[TopColumn] = &[
    DATABASE,
    text("WORKER", Shrink::Start, 0),
    text("STATE", Shrink::Never, 0),
    age("SEEN", 2),
    number("RUNNING", 3),
    number("CONCURRENCY", 6),
    text("QUEUES", Shrink::End, 4),
    text("HOST", Shrink::End, 5),
    text("VERSION", Shrink::Never, 7),
];

const SCHEDULES: &[TopColumn] = &[
    DATABASE,
    text("NAME", Shrink::End, 0),
    text("SCHEDULE", Shrink::End, 4),
    age("NEXT", 0),
    age("LAST", 7),
    text("STATE", Shrink::Never, 2),
    text("QUEUE", Shrink::End, 6),
    text("TASK", Shrink::Start, 5),
];

const FAILURES: &[TopColumn] = &[
    DATABASE,
    number("ID", 0),
    age("FAILED", 3),
    text("QUEUE", Shrink::End, 5),
    text("TASK", Shrink::Start, 0),
    number("ATTEMPTS", 6),
    text("ERROR", Shrink::End, 2),
];

/// The columns of a list.
pub(in crate::commands::top) const fn columns(tab: TopTab) -> &'static [TopColumn] {
    match tab {
        TopTab::Queues => QUEUES,
        TopTab::Tasks => TASKS,
        TopTab::Workers => WORKERS,
        TopTab::Schedules => SCHEDULES,
        TopTab::Failures => FAILURES,
    }
}

/// The column that a list is sorted by at first, and whether it is descending: queues by name, tasks newest first, workers by
/// name, schedules and failures by time.
pub(in crate::commands::top) const fn first_sort(tab: TopTab) -> (usize, bool) {
    match tab {
        TopTab::Queues | TopTab::Workers => (1, false),
        TopTab::Tasks => (1, true),
        TopTab::Schedules => (3, false),
        TopTab::Failures => (2, false),
    }
}
