//! Long steps as people see them: a bar with speed and time left on a terminal, one line per step elsewhere.

use std::cell::RefCell;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use crate::progress::Progress;
use crate::text::size;
use crate::ui::Ui;

/// Shows the steps of one command.
#[derive(Debug)]
pub struct Bars<'ui> {
    ui: &'ui Ui,
    draw: bool,
    bar: RefCell<Option<ProgressBar>>,
}

impl<'ui> Bars<'ui> {
    pub(super) const fn new(ui: &'ui Ui, draw: bool) -> Self {
        Self { ui, draw, bar: RefCell::new(None) }
    }
}

impl Progress for Bars<'_> {
    fn begin(&self, label: &str, total: Option<u64>) {
        if !self.draw {
            let total = total.map(|total| format!(" ({})", size(total))).unwrap_or_default();
            return self.ui.status(&format!("{label}{total}"));
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
        let template = match total {
            Some(_) => "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {msg}  {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar.set_message(self.ui.clean(label));
        *self.bar.borrow_mut() = Some(bar);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(bytes);
        }
    }

    fn restart(&self) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.reset();
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, line: &str) {
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(|| self.ui.status(line)),
            None => self.ui.status(line),
        }
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
