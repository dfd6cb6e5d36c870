//! The lines at the bottom of a terminal that show what runs. They are removed before anything else is printed.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use console::Term;
use unicode_width::UnicodeWidthStr;

use crate::platform;
use crate::ui::moving_line;
use crate::ui::moving_step::MovingStep;
use crate::ui::moving_step::WORTH_SHOWING;

/// How often the lines are redrawn.
const TICK: Duration = Duration::from_millis(100);

/// The size of a terminal that does not report it: rows, columns.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// The moving lines of a terminal. All other output is printed with [`MovingLines::above`].
#[derive(Debug, Clone)]
pub(super) struct MovingLines(Arc<Mutex<State>>);

struct State {
    terminal: Term,
    /// What the command does: shown while nothing else is.
    activity: Option<String>,
    /// The steps that run, in the order in which they began.
    steps: Vec<MovingStep>,
    /// The widths of the lines on the screen. The cursor is after the last one, so that an echoed ^C does not wrap to
    /// another row.
    drawn: Vec<usize>,
    /// When the last thing was printed or shown.
    silent_since: Instant,
    /// Whether a question is on the screen.
    is_paused: bool,
    has_ticker: bool,
    frame: usize,
}

impl MovingLines {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            terminal: Term::buffered_stderr(),
            activity: None,
            steps: Vec::new(),
            drawn: Vec::new(),
            silent_since: Instant::now(),
            is_paused: false,
            has_ticker: false,
            frame: 0,
        })))
    }

    /// Removes the lines and prints something; the next tick draws the lines again.
    pub(super) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.clear();
        state.silent_since = Instant::now();
        print()
    }

    /// Removes the lines until the question is answered.
    pub(super) fn while_paused<T>(&self, ask: impl FnOnce() -> T) -> T {
        {
            // Between two locks a tick could draw the lines below which the question would be asked.
            let mut state = self.state();
            state.clear();
            state.is_paused = true;
        }
        let answer = ask();
        let mut state = self.state();
        state.is_paused = false;
        state.silent_since = Instant::now();
        answer
    }

    /// What is shown while no step is.
    pub(super) fn set_activity(&self, activity: Option<String>) {
        let mut state = self.state();
        state.activity = activity;
        if state.activity.is_some() {
            self.start(&mut state);
        } else {
            state.clear();
        }
    }

    pub(super) fn begin(&self, step: MovingStep) {
        let mut state = self.state();
        state.steps.push(step);
        self.start(&mut state);
    }

    pub(super) fn end(&self, id: u64) {
        let mut state = self.state();
        state.steps.retain(|step| step.id != id);
        if state.steps.is_empty() && !state.drawn.is_empty() {
            state.clear();
            state.silent_since = Instant::now();
        }
    }

    pub(super) fn change(&self, id: u64, change: impl FnOnce(&mut MovingStep)) {
        if let Some(step) = self.state().steps.iter_mut().find(|step| step.id == id) {
            change(step);
        }
    }

    fn start(&self, state: &mut State) {
        if state.has_ticker {
            return;
        }
        // A signal has to remove the lines.
        platform::watch_signals();
        let weak = Arc::downgrade(&self.0);
        // If no thread can be started, there are no moving lines; that is not an error.
        let ticker = thread::Builder::new().name("progress".to_owned()).spawn(move || tick(&weak));
        state.has_ticker = ticker.is_ok();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Redraws the lines until they are dropped or a signal arrives, whose final message must not be overwritten.
fn tick(weak: &Weak<Mutex<State>>) {
    loop {
        thread::sleep(TICK);
        let Some(shared) = weak.upgrade() else { return };
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if platform::is_interrupted() {
            return;
        }
        state.tick();
    }
}

impl State {
    fn tick(&mut self) {
        let (rows, columns) = self.terminal.size_checked().unwrap_or(DEFAULT_SIZE);
        let lines = self.lines(columns.into(), Instant::now());
        if self.is_paused || lines.is_empty() {
            return;
        }
        self.erase(columns.into());
        let shown = &lines[..lines.len().min(usize::from(rows).saturating_sub(1).max(1))];
        let _ = self.terminal.write_str(&shown.join("\n")).and_then(|()| self.terminal.flush());
        self.drawn = shown.iter().map(|line| line.width()).collect();
        platform::on_interrupt_clear(self.drawn.len().saturating_sub(1));
    }

    fn lines(&mut self, columns: usize, now: Instant) -> Vec<String> {
        self.frame += 1;
        let frame = self.frame;
        let lines: Vec<String> = self.steps.iter_mut().filter_map(|step| step.line(frame, columns, now)).collect();
        let silence = now.saturating_duration_since(self.silent_since);
        match &self.activity {
            Some(activity) if lines.is_empty() && silence >= WORTH_SHOWING => {
                vec![moving_line::of_unknown_size(activity, frame, silence, columns)]
            }
            Some(_) | None => lines,
        }
    }

    fn clear(&mut self) {
        if self.drawn.is_empty() {
            return;
        }
        let (_, columns) = self.terminal.size_checked().unwrap_or(DEFAULT_SIZE);
        self.erase(columns.into());
        let _ = self.terminal.flush();
        self.drawn.clear();
        platform::on_interrupt_clear(0);
    }

    /// Moves to the first of the lines and clears from there.
    fn erase(&self, columns: usize) {
        if self.drawn.is_empty() {
            return;
        }
        let up = rows_of(&self.drawn, columns).saturating_sub(1);
        let _ = self.terminal.clear_line().and_then(|()| self.terminal.move_cursor_up(up));
        let _ = self.terminal.clear_to_end_of_screen();
    }
}

/// The rows that the lines take. A terminal that has become narrower has wrapped them.
fn rows_of(widths: &[usize], columns: usize) -> usize {
    widths.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum()
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_narrower_terminal_has_wrapped_take_more_rows() {
        assert_eq!(rows_of(&[77, 40, 0], 80), 3);
        assert_eq!(rows_of(&[77, 40, 0], 40), 2 + 1 + 1);
        assert_eq!(rows_of(&[3], 0), 3);
    }

    #[test]
    fn silence_shows_the_activity_and_steps_replace_it() {
        let lines = MovingLines::new();
        let mut state = lines.state();
        state.activity = Some("Installing".to_owned());
        let began = state.silent_since;
        assert_eq!(state.lines(80, began + Duration::from_millis(299)), Vec::<String>::new());
        let shown = state.lines(80, began + Duration::from_secs(2));
        assert!(shown.len() == 1 && shown[0].ends_with(" Installing 2s"), "{shown:?}");
        let step = |id, label: &str| MovingStep::new(id, label.to_owned(), Some(10));
        state.steps.extend([step(1, "Downloading a"), step(2, "Downloading b")]);
        let shown = state.lines(80, Instant::now() + Duration::from_secs(1));
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].starts_with("Downloading a ") && shown[1].starts_with("Downloading b "), "{shown:?}");
    }
}
