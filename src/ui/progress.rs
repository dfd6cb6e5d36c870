//! Progress of long steps: one updating line on a terminal, one line per step elsewhere.

use std::collections::VecDeque;
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

use crate::model::progress::Progress;
use crate::model::text::size;
use crate::platform::is_interrupted;
use crate::ui::Ui;
use crate::ui::moving_line;
use crate::ui::moving_line::Amount;

/// Shorter steps are not shown, to avoid flicker.
const WORTH_SHOWING: Duration = Duration::from_millis(300);

/// How often the line is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// The speed is averaged over this many ticks.
const REMEMBERED: usize = 50;

/// The width of a terminal that does not report it.
const DEFAULT_COLUMNS: u16 = 80;

/// The progress line of a terminal. All other output is printed with [`MovingLine::above`]. Does nothing if there is no
/// terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct MovingLine(Option<Arc<Mutex<State>>>);

struct State {
    terminal: Term,
    step: Option<Shown>,
    is_drawn: bool,
    has_ticker: bool,
}

/// The current step.
#[derive(Debug)]
struct Shown {
    label: String,
    /// In bytes.
    total: Option<u64>,
    /// In bytes.
    done: u64,
    began: Instant,
    /// When the last byte arrived.
    moved: Instant,
    /// `done` at the last ticks.
    ticks: VecDeque<(Instant, u64)>,
    frame: usize,
}

impl MovingLine {
    pub(super) fn new(may_move: bool) -> Self {
        let state = || State { terminal: Term::buffered_stderr(), step: None, is_drawn: false, has_ticker: false };
        Self(may_move.then(|| Arc::new(Mutex::new(state()))))
    }

    /// Clears the line and prints something; the next tick draws the line again.
    pub(super) fn above(&self, print: impl FnOnce()) {
        let mut state = self.state();
        if let Some(state) = &mut state {
            state.clear();
        }
        print();
    }

    fn begin(&self, step: Shown) {
        let (Some(shared), Some(mut state)) = (&self.0, self.state()) else { return };
        state.clear();
        state.step = Some(step);
        if !state.has_ticker {
            let weak = Arc::downgrade(shared);
            // If no thread can be started, there is no progress line; that is not an error.
            let ticker = thread::Builder::new().name("progress".to_owned()).spawn(move || tick(&weak));
            state.has_ticker = ticker.is_ok();
        }
    }

    fn end(&self) {
        if let Some(mut state) = self.state() {
            state.clear();
            state.step = None;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        if let Some(step) = self.state().as_mut().and_then(|state| state.step.as_mut()) {
            change(step);
        }
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        self.0.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Redraws the line until it is dropped or a signal arrives, whose final message must not be overwritten.
fn tick(weak: &Weak<Mutex<State>>) {
    while !is_interrupted() {
        thread::sleep(TICK);
        let Some(shared) = weak.upgrade() else { return };
        shared.lock().unwrap_or_else(PoisonError::into_inner).tick();
    }
}

impl State {
    fn tick(&mut self) {
        let columns = self.terminal.size_checked().map_or(DEFAULT_COLUMNS, |(_, columns)| columns).into();
        let Some(line) = self.step.as_mut().and_then(|step| step.line(columns)) else { return };
        // The cursor stays after the text, so that an echoed ^C does not wrap to another row.
        let _ = self.terminal.clear_line().and_then(|()| self.terminal.write_str(&line));
        let _ = self.terminal.flush();
        self.is_drawn = true;
    }

    fn clear(&mut self) {
        if self.is_drawn {
            let _ = self.terminal.clear_line().and_then(|()| self.terminal.flush());
            self.is_drawn = false;
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("step", &self.step).finish_non_exhaustive()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Shown {
    fn new(label: String, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self { label, total, done: 0, began: now, moved: now, ticks: VecDeque::new(), frame: 0 }
    }

    /// The text to draw; `None` for the first moments.
    fn line(&mut self, columns: usize) -> Option<String> {
        let now = Instant::now();
        if self.ticks.len() == REMEMBERED {
            self.ticks.pop_front();
        }
        self.ticks.push_back((now, self.done));
        self.frame += 1;
        if now - self.began < WORTH_SHOWING {
            return None;
        }
        Some(match self.total {
            Some(total) => {
                let (done, since_last_byte) = (self.done, now - self.moved);
                let amount = Amount { done, total, per_second: self.speed(), since_last_byte };
                moving_line::of_known_size(&self.label, &amount, columns)
            }
            None => moving_line::of_unknown_size(&self.label, self.frame, now - self.began, columns),
        })
    }

    /// In bytes per second.
    fn speed(&self) -> f64 {
        match (self.ticks.front(), self.ticks.back()) {
            (Some((from, before)), Some((to, after))) if to > from => {
                after.saturating_sub(*before) as f64 / (*to - *from).as_secs_f64()
            }
            _ => 0.0,
        }
    }
}

/// Shows the progress of one command.
#[derive(Debug)]
pub(crate) struct Bars<'ui> {
    ui: &'ui Ui,
}

impl<'ui> Bars<'ui> {
    pub(super) const fn new(ui: &'ui Ui) -> Self {
        Self { ui }
    }
}

impl Progress for Bars<'_> {
    fn begin(&self, label: &str, total: Option<u64>) {
        if self.ui.line.0.is_some() {
            return self.ui.line.begin(Shown::new(self.ui.clean(label), total));
        }
        let total = total.map(|total| format!(" ({})", size(total))).unwrap_or_default();
        self.ui.status(&format!("{label}{total}"));
    }

    fn advance(&self, bytes: u64) {
        self.ui.line.change(|step| {
            step.done = step.done.saturating_add(bytes);
            step.moved = Instant::now();
        });
    }

    fn restart(&self) {
        self.ui.line.change(|step| {
            step.done = 0;
            step.moved = Instant::now();
            step.ticks.clear();
        });
    }

    fn end(&self) {
        self.ui.line.end();
    }

    fn note(&self, line: &str) {
        self.ui.status(line);
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
