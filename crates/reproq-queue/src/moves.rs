//! Tasks that move to another database: the marks by which each of the two rows names the other. Pure.
//!
//! A mark is in `leased_by`, which is otherwise only used while a task runs, and which the next worker overwrites:
//! `reproq-move/DATABASE/ID/FINGERPRINT`. The row that waits in the target names the source, with a fingerprint of everything that
//! was copied; the row that stays behind names the target.

use crate::stats::QueueControl;

/// The beginning of a mark.
const PREFIX: &str = "reproq-move/";

/// The beginning of the reason of a pause for a move.
const PAUSE: &str = "reproq queue move ";

/// The id that a task has in the other database, if it is marked.
pub fn moved_task(leased_by: &str) -> Option<i64> {
    leased_by.strip_prefix(PREFIX)?.split('/').nth(1)?.parse().ok()
}

/// The direction of a move, seen from one of its databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveEnd<'a> {
    /// Tasks leave for this database.
    To(&'a str),
    /// Tasks come from this database.
    From(&'a str),
}

impl MoveEnd<'_> {
    /// Why the queue is paused meanwhile.
    pub fn reason(&self) -> String {
        match self {
            Self::To(alias) => format!("{PAUSE}to {alias}"),
            Self::From(alias) => format!("{PAUSE}from {alias}"),
        }
    }
}

/// Whether a queue is paused, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MovePause {
    /// It is not paused.
    Open,
    /// A move has paused it, for this reason.
    Move(String),
    /// Somebody else has paused it.
    Other,
}

impl MovePause {
    /// From what was set for the queue.
    pub fn of(control: Option<&QueueControl>) -> Self {
        match control.filter(|control| control.paused) {
            None => Self::Open,
            Some(control) => match control.reason.as_deref().filter(|reason| reason.starts_with(PAUSE)) {
                Some(reason) => Self::Move(reason.to_owned()),
                None => Self::Other,
            },
        }
    }
}

/// What a move needs to know about a queue in one of the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveSide {
    /// The database, whatever it is called: the same for every connection to it, and for no other.
    pub identity: String,
    /// The columns of the table of tasks, sorted.
    pub columns: Vec<String>,
    /// Whether the queue is paused.
    pub pause: MovePause,
    /// Tasks that can move: READY, and of no workflow.
    pub movable: i64,
    /// Tasks of workflows that are not finished and do not run.
    pub in_workflows: i64,
    /// Tasks that run.
    pub running: i64,
    /// Those of them whose lease has expired or is missing.
    pub without_lease: i64,
    /// Schedules that enqueue into the queue, up to a hundred.
    pub schedules: Vec<String>,
    /// Whether a worker has reported that it serves the queue.
    pub is_served: bool,
    /// Whether the queue has a rate limit of its own.
    pub has_limit: bool,
}

/// A task that waits in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct MovedTask {
    /// Its id in the source.
    pub from: i64,
    /// Its id in the target.
    pub to: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mark_names_a_task() {
        assert_eq!(moved_task("reproq-move/7301.5/17/abc"), Some(17));
        assert_eq!(moved_task("reproq-move/7301.5/123"), Some(123));
        for other in ["worker-1", "reproq-move/7301.5", "reproq-move/x/y/z", ""] {
            assert_eq!(moved_task(other), None, "{other}");
        }
    }

    #[test]
    fn a_pause_of_a_move_is_told_from_others() {
        let control = |paused, reason: &str| QueueControl {
            queue_name: "mail".to_owned(),
            paused,
            paused_at: None,
            reason: Some(reason.to_owned()),
            updated_at: chrono::DateTime::UNIX_EPOCH,
        };
        let own = MoveEnd::To("mail").reason();
        assert_eq!(MovePause::of(Some(&control(true, &own))), MovePause::Move(own.clone()));
        assert_eq!(MovePause::of(Some(&control(true, "down"))), MovePause::Other);
        assert_eq!(MovePause::of(Some(&control(false, &own))), MovePause::Open);
        assert_eq!(MovePause::of(None), MovePause::Open);
        assert_ne!(own, MoveEnd::From("mail").reason());
    }
}
