//! A step on a terminal: how far it is and how fast, as the text of its line.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::ui::moving_line;
use crate::ui::moving_line::Amount;

/// Shorter steps are not shown, to avoid flicker.
pub(super) const WORTH_SHOWING: Duration = Duration::from_millis(300);

/// The speed is averaged over this many ticks.
const REMEMBERED: usize = 50;

/// A step that runs.
#[derive(Debug)]
pub(super) struct MovingStep {
    pub(super) id: u64,
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
}

impl MovingStep {
    pub(super) fn new(id: u64, label: String, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self { id, label, total, done: 0, began: now, moved: now, ticks: VecDeque::new() }
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
        self.moved = Instant::now();
    }

    pub(super) fn restart(&mut self) {
        self.done = 0;
        self.moved = Instant::now();
        self.ticks.clear();
    }

    /// The text to draw; `None` for the first moments.
    pub(super) fn line(&mut self, frame: usize, columns: usize, now: Instant) -> Option<String> {
        if self.ticks.len() == REMEMBERED {
            self.ticks.pop_front();
        }
        self.ticks.push_back((now, self.done));
        let elapsed = now.saturating_duration_since(self.began);
        if elapsed < WORTH_SHOWING {
            return None;
        }
        Some(match self.total {
            Some(total) => {
                let since_last_byte = now.saturating_duration_since(self.moved);
                let amount = Amount { done: self.done, total, per_second: self.speed(), since_last_byte };
                moving_line::of_known_size(&self.label, &amount, columns)
            }
            None => moving_line::of_unknown_size(&self.label, frame, elapsed, columns),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_after_300_ms_with_its_speed_and_what_is_left() {
        let mut step = MovingStep::new(1, "Copying x".to_owned(), Some(4 << 20));
        let began = step.began;
        assert_eq!(step.line(0, 80, began + Duration::from_millis(299)), None);
        step.done = 1 << 20;
        let line = step.line(0, 50, began + Duration::from_millis(1299)).expect("a line");
        assert_eq!(line, "Copying x 1.0 MiB/4.0 MiB 1.0 MiB/s 3s");
    }
}
