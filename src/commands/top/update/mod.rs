//! What an event changes, and what is to be done about it. Pure.

mod keys;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::commands::top::model::TopFocus;
use crate::commands::top::model::TopModel;
use crate::commands::top::model::TopQuestion;
use crate::commands::top::model::TopSnapshot;
use crate::commands::top::model::TopWindow;
use crate::commands::top::model::WindowKind;
use crate::ui::ScreenKey;

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum TopEvent {
    Key(ScreenKey),
    /// The size of the screen, in columns and rows.
    Resize(u16, u16),
    /// The time since the start.
    Clock(Duration),
    /// A database was read, or why it was not, at this time since the start.
    Read {
        database: usize,
        at: Duration,
        result: Result<Box<TopSnapshot>, String>,
    },
    /// The answer to the request of this number.
    Answer {
        number: u64,
        answer: TopAnswer,
    },
    /// This process is to be suspended.
    Suspend,
    /// This process continues; other programs may have used the screen.
    Continue,
    /// This process is to end.
    End,
}

/// What a database returned to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopAnswer {
    /// Something to read.
    Text(Vec<String>),
    /// What would be changed; it waits for a confirmation.
    Plan(Vec<String>),
    /// Nothing would be changed, and why.
    NoChange(Vec<String>),
    /// What was changed.
    Done(Vec<String>),
    Failed(Vec<String>),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TopEffect {
    Quit,
    /// Suspends the job that the terminal shows.
    SuspendJob,
    /// Gives the screen back and suspends this process.
    Suspend,
    /// Takes the screen again and draws all of it.
    Redraw,
    /// Reads the databases now.
    Read,
    Ask {
        number: u64,
        database: usize,
        question: TopQuestion,
    },
    /// Carries out the plan of this number.
    Apply {
        number: u64,
        database: usize,
    },
    /// Forgets the plan of this number.
    Discard {
        number: u64,
        database: usize,
    },
}

/// Applies an event.
pub(super) fn update(model: &mut TopModel, event: TopEvent) -> Vec<TopEffect> {
    let effects = match event {
        TopEvent::Key(key) => keys::press(model, key),
        TopEvent::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        TopEvent::Clock(clock) => {
            model.clock = model.clock.max(clock);
            Vec::new()
        }
        TopEvent::Read { database, at, result } => {
            read(model, database, at, result);
            Vec::new()
        }
        TopEvent::Answer { number, answer } => answered(model, number, answer),
        TopEvent::Suspend => vec![TopEffect::Suspend],
        TopEvent::Continue => vec![TopEffect::Redraw],
        TopEvent::End => vec![TopEffect::Quit],
    };
    model.settle();
    effects
}

fn read(model: &mut TopModel, database: usize, at: Duration, result: Result<Box<TopSnapshot>, String>) {
    model.clock = model.clock.max(at);
    let Some(database) = model.databases.get_mut(database) else { return };
    match result {
        Ok(snapshot) => (database.seen, database.error) = (Some((*snapshot, at)), None),
        // What was read before remains, with its age.
        Err(error) => database.error = Some(error),
    }
}

/// An answer that nobody waits for any more is ignored; its plan is forgotten.
fn answered(model: &mut TopModel, number: u64, answer: TopAnswer) -> Vec<TopEffect> {
    let TopFocus::Window(window) = &mut model.focus else { return Vec::new() };
    let expected = match window.kind {
        WindowKind::Waiting(expected) | WindowKind::Applying(expected) => expected,
        WindowKind::Text | WindowKind::Asking(_) => return Vec::new(),
    };
    if expected != number {
        return Vec::new();
    }
    let is_plan = matches!(answer, TopAnswer::Plan(_));
    let (TopAnswer::Text(lines)
    | TopAnswer::Plan(lines)
    | TopAnswer::NoChange(lines)
    | TopAnswer::Done(lines)
    | TopAnswer::Failed(lines)) = answer;
    let kind = if is_plan { WindowKind::Asking(number) } else { WindowKind::Text };
    *window = TopWindow { kind, lines, scroll: 0, title: window.title.clone(), database: window.database };
    Vec::new()
}
