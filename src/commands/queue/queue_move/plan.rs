//! The steps of a move. Pure.
//!
//! A task must be run once, whatever ends the command and whenever, and no transaction spans two databases. So each task has one
//! row that a worker may claim, or none, at every moment:
//!
//! | moment | row in the source | copy in the target | who may claim it |
//! | --- | --- | --- | --- |
//! | before | READY | none | workers of the source |
//! | the queue is paused | READY | none | nobody, until the pause ends |
//! | copied | READY | WAITING, without parent and workflow | nobody; if somebody ends the pause, workers of the source |
//! | given up | CANCELLED, names the copy | WAITING | nobody |
//! | released | CANCELLED | READY | workers of the target, once the pause there ends |
//!
//! - Nobody but this command releases a WAITING row that has no parent and no workflow, so the pauses only keep the order; they are
//!   not what prevents that a task runs twice.
//! - A row is given up only if it still is as it was copied (compare-and-set over all of its columns). If a worker was faster, the
//!   copy is cancelled, and the task is copied again if it is READY again.
//! - A copy is released only after its row was given up. After a crash in between, the row in the source says so, and the next run
//!   releases the copy. After a crash at any other place, the copy or the row is still the only one that can be claimed.
//! - Copies name their row, with a fingerprint, so that a second run inserts none twice; the insertions of two runs at once are one
//!   after the other.
//!
//! Up to the last step (`--finish`), only pauses and copies were made, and `--undo` takes them back. Tasks of workflows do not move:
//! their counters, parents and callbacks are in one database. They stay in the source and run there after the move, so the source
//! is resumed at the end.

use std::fmt;

use reproq_queue::moves::MoveEnd;
use reproq_queue::moves::MovePause;
use reproq_queue::moves::MoveSide;
use reproq_queue::write::column_not_copied;
use serde::Serialize;
use thiserror::Error;

/// How far a move goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MoveGoal {
    /// Copies wait in the target; nothing has moved.
    Prepare,
    /// The tasks are in the target.
    Finish,
    /// What was prepared is taken back.
    Undo,
}

/// What a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MoveFacts {
    pub(super) goal: MoveGoal,
    pub(super) queue: String,
    /// The alias of the source.
    pub(super) from: String,
    /// The alias of the target.
    pub(super) to: String,
    pub(super) source: MoveSide,
    pub(super) target: MoveSide,
    /// Copies that wait in the target.
    pub(super) held: usize,
    /// Where Django enqueues; `None` if that is not known and does not matter.
    pub(super) route: Option<QueueRoute>,
}

/// Where Django enqueues the tasks of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct QueueRoute {
    pub(super) alias: String,
    /// The entry of REPROQ_QUEUE_DATABASES that decides.
    pub(super) rule: Option<String>,
}

/// One step, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum MoveStep {
    PauseSource,
    PauseTarget,
    /// Wait until nothing runs.
    Drain {
        running: i64,
    },
    /// Copy tasks; nobody claims the copies.
    Copy {
        tasks: usize,
    },
    /// Give up each task in the source, and release its copy in the target.
    Switch,
    /// Cancel copies.
    CancelCopies {
        tasks: usize,
    },
    ResumeTarget,
    ResumeSource,
}

/// What is done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MovePlan {
    pub(super) steps: Vec<MoveStep>,
    /// The number of tasks that it is about.
    pub(super) tasks: usize,
    /// What else there is to know.
    pub(super) notes: Vec<String>,
}

/// Why nothing is moved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum MoveRefusal {
    #[error("`{from}` and `{to}` are the same database")]
    SameDatabase { from: String, to: String },
    #[error("the table of tasks in `{alias}` has a column `{column}`, which this version would not copy")]
    Column { alias: String, column: String },
    #[error("the table of tasks in `{to}` has no column `{column}`")]
    Missing { to: String, column: String },
    #[error("another move has paused the queue in `{alias}`: {reason}")]
    OtherMove { alias: String, reason: String },
    #[error("Django still enqueues into {route}")]
    NotRouted { route: String },
}

impl MovePlan {
    pub(super) fn new(facts: &MoveFacts) -> Result<Self, MoveRefusal> {
        facts.check()?;
        let MoveFacts { goal, source, target, held, .. } = facts;
        let (movable, copied) = (usize::try_from(source.movable).unwrap_or(0), *held);
        let is_paused = |side: &MoveSide| matches!(side.pause, MovePause::Move(_));
        let mut steps = Vec::new();
        if *goal == MoveGoal::Undo {
            steps.extend((copied > 0).then_some(MoveStep::CancelCopies { tasks: copied }));
            steps.extend(is_paused(target).then_some(MoveStep::ResumeTarget));
            steps.extend(is_paused(source).then_some(MoveStep::ResumeSource));
            return Ok(Self { steps, tasks: copied, notes: Vec::new() });
        }
        let is_finish = *goal == MoveGoal::Finish;
        steps.extend((source.pause == MovePause::Open).then_some(MoveStep::PauseSource));
        steps.extend((target.pause == MovePause::Open).then_some(MoveStep::PauseTarget));
        let may_run = source.running > 0 || source.pause == MovePause::Open;
        steps.extend(may_run.then_some(MoveStep::Drain { running: source.running }));
        if is_finish || movable > copied {
            steps.push(MoveStep::Copy { tasks: movable.saturating_sub(copied) });
        }
        if is_finish {
            steps.push(MoveStep::Switch);
            // A pause that somebody else made is not ours to end.
            steps.extend((target.pause != MovePause::Other).then_some(MoveStep::ResumeTarget));
            steps.extend((source.pause != MovePause::Other).then_some(MoveStep::ResumeSource));
        }
        Ok(Self { steps, tasks: movable.max(copied), notes: facts.notes() })
    }
}

impl MoveFacts {
    fn check(&self) -> Result<(), MoveRefusal> {
        let (from, to) = (self.from.clone(), self.to.clone());
        if self.source.identity == self.target.identity {
            return Err(MoveRefusal::SameDatabase { from, to });
        }
        for (side, alias) in [(&self.source, &from), (&self.target, &to)] {
            if let Some(column) = column_not_copied(side) {
                return Err(MoveRefusal::Column { alias: alias.clone(), column: column.to_owned() });
            }
        }
        if let Some(column) = self.source.columns.iter().find(|column| !self.target.columns.contains(column)) {
            return Err(MoveRefusal::Missing { to, column: column.clone() });
        }
        let ends = [(&self.source, &from, MoveEnd::To(&to)), (&self.target, &to, MoveEnd::From(&from))];
        for (side, alias, end) in ends {
            if let MovePause::Move(reason) = &side.pause
                && *reason != end.reason()
            {
                return Err(MoveRefusal::OtherMove { alias: alias.clone(), reason: reason.clone() });
            }
        }
        match &self.route {
            Some(route) if self.goal == MoveGoal::Finish && route.alias != to => {
                Err(MoveRefusal::NotRouted { route: route.to_string() })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn notes(&self) -> Vec<String> {
        let MoveFacts { queue, from, to, source, target, .. } = self;
        let mut notes = Vec::new();
        if source.in_workflows > 0 {
            notes.push(format!(
                "{} tasks of workflows stay in `{from}` and run there: keep a worker on it until they have finished",
                source.in_workflows
            ));
        }
        if !source.schedules.is_empty() {
            notes.push(format!(
                "schedules in `{from}` enqueue into {queue}: {}; create them in `{to}`, then disable them here",
                source.schedules.join(", ")
            ));
        }
        if source.has_limit && !target.has_limit {
            notes.push(format!("the rate limit queue:{queue} is in `{from}` only"));
        }
        for (side, alias) in [(source, from), (target, to)] {
            if side.pause == MovePause::Other {
                notes.push(format!("somebody else has paused the queue in `{alias}`, which stays paused"));
            }
        }
        if !target.is_served {
            notes.push(format!("no worker of `{to}` serves {queue} yet"));
        }
        notes
    }
}

/// The setting of Django with which the queue is in the target: the entry with its exact name counts before all patterns.
pub(super) fn setting(routes: &[(String, String)], queue: &str, to: &str) -> String {
    let others = routes.iter().filter(|(name, _)| name != queue).map(|(name, alias)| (name.as_str(), alias.as_str()));
    // A string of JSON is one of Python too.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let entries: Vec<String> =
        others.chain([(queue, to)]).map(|(name, alias)| format!("{}: {}", text(name), text(alias))).collect();
    format!("REPROQ_QUEUE_DATABASES = {{{}}}", entries.join(", "))
}

impl fmt::Display for QueueRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alias, rule } = self;
        let rule = rule.as_deref();
        reproq_queue::routing::Route { alias, rule }.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(identity: &str) -> MoveSide {
        MoveSide {
            identity: identity.to_owned(),
            columns: vec!["result_id".to_owned(), "status".to_owned()],
            pause: MovePause::Open,
            movable: 0,
            in_workflows: 0,
            running: 0,
            without_lease: 0,
            schedules: Vec::new(),
            is_served: true,
            has_limit: false,
        }
    }

    fn facts(goal: MoveGoal) -> MoveFacts {
        MoveFacts {
            goal,
            queue: "mail".to_owned(),
            from: "default".to_owned(),
            to: "big".to_owned(),
            source: MoveSide { movable: 5, running: 1, ..side("1.1") },
            target: side("2.1"),
            held: 0,
            route: None,
        }
    }

    fn paused(mut facts: MoveFacts) -> MoveFacts {
        facts.source.pause = MovePause::Move(MoveEnd::To("big").reason());
        facts.target.pause = MovePause::Move(MoveEnd::From("default").reason());
        facts
    }

    fn steps(facts: &MoveFacts) -> Vec<MoveStep> {
        MovePlan::new(facts).expect("a plan").steps
    }

    use MoveStep::CancelCopies;
    use MoveStep::Copy;
    use MoveStep::Drain;
    use MoveStep::PauseSource;
    use MoveStep::PauseTarget;
    use MoveStep::ResumeSource;
    use MoveStep::ResumeTarget;
    use MoveStep::Switch;

    #[test]
    fn a_run_does_what_is_left_of_a_move() {
        let first = facts(MoveGoal::Prepare);
        assert_eq!(steps(&first), [PauseSource, PauseTarget, Drain { running: 1 }, Copy { tasks: 5 }]);
        let mut prepared = MoveFacts { held: 5, ..paused(facts(MoveGoal::Prepare)) };
        prepared.source.running = 0;
        assert_eq!(steps(&prepared), []);
        prepared.source.movable = 6;
        assert_eq!(steps(&prepared), [Copy { tasks: 1 }]);
        let mut last = MoveFacts { goal: MoveGoal::Finish, ..prepared };
        assert_eq!(steps(&last), [Copy { tasks: 1 }, Switch, ResumeTarget, ResumeSource]);
        // All rows were given up, and their copies were not released.
        last.source.movable = 0;
        assert_eq!(MovePlan::new(&last).expect("a plan").tasks, 5);
        let undo = MoveFacts { goal: MoveGoal::Undo, ..last };
        assert_eq!(steps(&undo), [CancelCopies { tasks: 5 }, ResumeTarget, ResumeSource]);
        assert_eq!(steps(&facts(MoveGoal::Undo)), [], "nothing was begun");
    }

    #[test]
    fn a_pause_of_somebody_else_is_kept() {
        let mut facts = facts(MoveGoal::Finish);
        facts.source.pause = MovePause::Other;
        let expected = [PauseTarget, Drain { running: 1 }, Copy { tasks: 5 }, Switch, ResumeTarget];
        assert_eq!(steps(&facts), expected);
        facts.target.pause = MovePause::Other;
        assert_eq!(steps(&facts), [Drain { running: 1 }, Copy { tasks: 5 }, Switch]);
        assert_eq!(MovePlan::new(&facts).expect("a plan").notes.len(), 2);
        assert_eq!(steps(&MoveFacts { goal: MoveGoal::Undo, ..facts }), []);
    }

    #[test]
    fn what_cannot_be_moved_is_refused() {
        let refused = |facts: &MoveFacts| MovePlan::new(facts).expect_err("refused").to_string();
        let mut same = facts(MoveGoal::Prepare);
        same.target.identity = "1.1".to_owned();
        assert_eq!(refused(&same), "`default` and `big` are the same database");
        let mut newer = facts(MoveGoal::Prepare);
        newer.source.columns.push("region".to_owned());
        assert!(refused(&newer).contains("`default` has a column `region`"));
        let mut older = facts(MoveGoal::Prepare);
        older.target.columns.pop();
        assert!(refused(&older).contains("`big` has no column `status`"));
        let mut other = paused(facts(MoveGoal::Undo));
        other.to = "small".to_owned();
        assert!(refused(&other).contains("reproq queue move to big"));
        let mut unrouted = facts(MoveGoal::Finish);
        unrouted.route = Some(QueueRoute { alias: "default".to_owned(), rule: Some("m*".to_owned()) });
        let message = "Django still enqueues into the database `default`, by `m*` in REPROQ_QUEUE_DATABASES";
        assert_eq!(refused(&unrouted), message);
        for goal in [MoveGoal::Prepare, MoveGoal::Undo] {
            assert!(MovePlan::new(&MoveFacts { goal, ..unrouted.clone() }).is_ok());
        }
    }

    #[test]
    fn the_setting_keeps_what_is_there() {
        assert_eq!(setting(&[], "mail", "big"), r#"REPROQ_QUEUE_DATABASES = {"mail": "big"}"#);
        let routes = [("mail", "old"), ("m*", "other")].map(|(name, alias)| (name.to_owned(), alias.to_owned()));
        let expected = r#"REPROQ_QUEUE_DATABASES = {"m*": "other", "mail": "big"}"#;
        assert_eq!(setting(&routes, "mail", "big"), expected);
    }

    #[test]
    fn what_does_not_move_is_said() {
        let mut facts = facts(MoveGoal::Prepare);
        assert_eq!(MovePlan::new(&facts).expect("a plan").notes, [""; 0]);
        facts.source =
            MoveSide { in_workflows: 3, schedules: vec!["nightly".to_owned()], has_limit: true, ..facts.source };
        facts.target.is_served = false;
        let notes = MovePlan::new(&facts).expect("a plan").notes;
        assert_eq!(notes.len(), 4, "{notes:#?}");
        assert!(notes[0].starts_with("3 tasks of workflows stay in `default`"), "{notes:#?}");
    }
}
