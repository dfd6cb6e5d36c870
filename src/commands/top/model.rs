//! What `top` shows: each database as it was read last, and what the user has chosen. Pure.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::ScheduleRow;
use reproq_queue::stats::WorkerRow;
use reproq_queue::tasks::TaskSummary;

use crate::commands::top::layout::TopLayout;
use crate::commands::top::rows;
use crate::commands::top::rows::TopRow;

/// What one reading transaction saw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TopSnapshot {
    /// The time of the database, which ages are counted to.
    pub(super) now: DateTime<Utc>,
    pub(super) is_standby: bool,
    pub(super) queues: Vec<QueueDepth>,
    /// What runs, then the newest tasks.
    pub(super) tasks: Vec<TaskSummary>,
    pub(super) workers: Vec<WorkerRow>,
    pub(super) schedules: Vec<ScheduleRow>,
    /// The latest failures.
    pub(super) failures: Vec<TaskSummary>,
    /// The number of failures of the last day.
    pub(super) failed: i64,
}

/// A database.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TopDatabase {
    /// Its alias; `None` for the only one.
    pub(super) alias: Option<String>,
    /// What was read last, and when.
    pub(super) seen: Option<(TopSnapshot, Duration)>,
    /// Why it cannot be read now.
    pub(super) error: Option<String>,
}

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopTab {
    Queues,
    Tasks,
    Workers,
    Schedules,
    Failures,
}

/// What a row is about; it stays selected wherever it moves. The number is that of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopKey {
    Queue(usize, String),
    Task(usize, i64),
    Worker(usize, String),
    Schedule(usize, String),
}

/// How a list is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopList {
    pub(super) selected: Option<TopKey>,
    /// The row of the selection; 0 without one.
    pub(super) index: usize,
    /// The first row on the screen.
    pub(super) offset: usize,
    /// The column that rows are sorted by.
    pub(super) sort: usize,
    pub(super) is_descending: bool,
    /// Whether the first row is selected, whatever it is.
    pub(super) follows: bool,
}

/// A change or a question about something in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopQuestion {
    Details(i64),
    Retry(i64),
    Cancel(i64),
    /// Whether it is to be paused or resumed.
    Pause(String, bool),
}

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowKind {
    /// Text, which any key closes that does not scroll.
    Text,
    /// The answer to the request of this number is awaited.
    Waiting(u64),
    /// The plan of this number needs a confirmation.
    Asking(u64),
    /// The plan of this number is carried out.
    Applying(u64),
}

/// Text in front of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopWindow {
    pub(super) kind: WindowKind,
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    pub(super) scroll: usize,
    /// The number of the database that it is about.
    pub(super) database: usize,
}

/// What keys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopFocus {
    List,
    /// The filter is typed; `Esc` brings back the one before.
    Filter {
        before: String,
    },
    Window(TopWindow),
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TopModel {
    pub(super) databases: Vec<TopDatabase>,
    /// The time since the start.
    pub(super) clock: Duration,
    /// How often the databases are read.
    pub(super) interval: Duration,
    pub(super) is_read_only: bool,
    /// In columns and rows.
    pub(super) size: (u16, u16),
    pub(super) tab: TopTab,
    /// In the order of [`TopTab::ALL`].
    pub(super) lists: [TopList; 5],
    pub(super) filter: String,
    pub(super) focus: TopFocus,
    /// Replaces the hints until the next key.
    pub(super) notice: Option<String>,
    /// The number of the last request.
    pub(super) requests: u64,
}

impl TopTab {
    pub(super) const ALL: [Self; 5] = [Self::Queues, Self::Tasks, Self::Workers, Self::Schedules, Self::Failures];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queues => "Queues",
            Self::Tasks => "Tasks",
            Self::Workers => "Workers",
            Self::Schedules => "Schedules",
            Self::Failures => "Failures",
        }
    }

    pub(super) const fn number(self) -> usize {
        match self {
            Self::Queues => 0,
            Self::Tasks => 1,
            Self::Workers => 2,
            Self::Schedules => 3,
            Self::Failures => 4,
        }
    }

    /// The list so many to the right, in a circle.
    pub(super) const fn moved(self, by: usize) -> Self {
        Self::ALL[(self.number() + by) % Self::ALL.len()]
    }
}

impl TopKey {
    /// The number of its database.
    pub(super) const fn database(&self) -> usize {
        match self {
            Self::Queue(database, _)
            | Self::Task(database, _)
            | Self::Worker(database, _)
            | Self::Schedule(database, _) => *database,
        }
    }
}

impl TopModel {
    /// Nothing has been read yet.
    pub(super) fn new(aliases: Vec<Option<String>>, interval: Duration, is_read_only: bool, size: (u16, u16)) -> Self {
        let databases = aliases.into_iter().map(|alias| TopDatabase { alias, seen: None, error: None }).collect();
        let lists = TopTab::ALL.map(|tab| {
            let (sort, is_descending) = rows::first_sort(tab);
            TopList { selected: None, index: 0, offset: 0, sort, is_descending, follows: false }
        });
        Self {
            databases,
            clock: Duration::ZERO,
            interval,
            is_read_only,
            size,
            tab: TopTab::Queues,
            lists,
            filter: String::new(),
            focus: TopFocus::List,
            notice: None,
            requests: 0,
        }
    }

    pub(super) const fn has_several(&self) -> bool {
        self.databases.len() > 1
    }

    pub(super) const fn list(&self) -> &TopList {
        &self.lists[self.tab.number()]
    }

    pub(super) const fn list_mut(&mut self) -> &mut TopList {
        &mut self.lists[self.tab.number()]
    }

    pub(super) const fn layout(&self) -> TopLayout {
        TopLayout::new(self.size, self.databases.len())
    }

    /// The selected row.
    pub(super) fn selected_row(&self) -> Option<TopRow> {
        let selected = self.list().selected.as_ref()?;
        rows::rows(self).into_iter().find(|row| row.key == *selected)
    }

    /// Finds the selected row again, or selects the one at its place, and scrolls to it.
    pub(super) fn settle(&mut self) {
        let keys: Vec<TopKey> = rows::rows(self).into_iter().map(|row| row.key).collect();
        let height = usize::from(self.layout().list_rows).max(1);
        let list = self.list_mut();
        let Some(last) = keys.len().checked_sub(1) else {
            (list.selected, list.index, list.offset) = (None, 0, 0);
            return;
        };
        let found = list.selected.as_ref().and_then(|selected| keys.iter().position(|key| key == selected));
        list.index = if list.follows { 0 } else { found.unwrap_or(list.index).min(last) };
        list.selected = keys.into_iter().nth(list.index);
        list.offset = list.offset.min((last + 1).saturating_sub(height)).min(list.index);
        list.offset = list.offset.max((list.index + 1).saturating_sub(height));
    }
}

impl TopDatabase {
    /// How old what is shown is, if that is worth showing: it should be read every interval.
    pub(super) fn age(&self, clock: Duration, interval: Duration) -> Option<Duration> {
        let (_, at) = self.seen.as_ref()?;
        let age = clock.saturating_sub(*at);
        let is_late = age > interval.saturating_mul(3).max(Duration::from_secs(10));
        (self.error.is_some() || is_late).then_some(age)
    }
}
