//! Several assets at a time, in a stable order and with one progress for all of them.

use std::cell::Cell;

use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use futures_util::stream;

use crate::lockfile::Pin;
use crate::model::progress::Progress;
use crate::model::text::count;

/// More at a time would take bandwidth from other users without being faster.
pub(super) const AT_ONCE: usize = 4;

/// Runs a step for every item. The results are in the order of the items; the first error in that order ends the others.
pub(super) async fn several<I, T, E>(
    items: impl IntoIterator<Item = I>,
    step: impl AsyncFn(I) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let step = &step;
    stream::iter(items).map(|item| step(item)).buffered(AT_ONCE).try_collect().await
}

/// The progress of several downloads: each by itself, and one sum of their bytes.
pub(super) struct Together<'a> {
    shown: &'a dyn Progress,
    /// A single download has its own progress.
    is_sum: bool,
}

impl<'a> Together<'a> {
    pub(super) fn begin(shown: &'a dyn Progress, pins: &[Pin]) -> Self {
        let is_sum = pins.len() > 1;
        if is_sum {
            let total = pins.iter().map(|pin| pin.asset.size).sum();
            shown.begin(&format!("Downloading {}", count(pins.len(), "asset")), total);
        }
        Self { shown, is_sum }
    }

    pub(super) fn one(&self) -> OfSeveral<'_> {
        let own = self.is_sum.then(|| self.shown.beside());
        OfSeveral { together: self, own, received: Cell::new(0), repeated: Cell::new(0) }
    }
}

impl Drop for Together<'_> {
    fn drop(&mut self) {
        if self.is_sum {
            self.shown.end();
        }
    }
}

/// The part of one download.
pub(super) struct OfSeveral<'a> {
    together: &'a Together<'a>,
    /// Its own line; none if it is the only download.
    own: Option<Box<dyn Progress + 'a>>,
    received: Cell<u64>,
    /// Bytes that arrive again after a restart, and are part of the sum already.
    repeated: Cell<u64>,
}

impl Progress for OfSeveral<'_> {
    fn begin(&self, label: &str, total: Option<u64>) {
        self.own.as_deref().unwrap_or(self.together.shown).begin(label, total);
    }

    fn advance(&self, bytes: u64) {
        let again = bytes.min(self.repeated.get());
        self.repeated.set(self.repeated.get() - again);
        self.received.set(self.received.get() + bytes - again);
        self.together.shown.advance(bytes - again);
        if let Some(own) = &self.own {
            own.advance(bytes);
        }
    }

    fn restart(&self) {
        if self.own.is_some() {
            self.repeated.set(self.received.get());
        }
        self.own.as_deref().unwrap_or(self.together.shown).restart();
    }

    fn end(&self) {
        self.own.as_deref().unwrap_or(self.together.shown).end();
    }

    fn note(&self, line: &str) {
        self.together.shown.note(line);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// What is shown, as one line for each call, with the name of the receiver.
    #[derive(Default)]
    struct Record {
        name: &'static str,
        calls: Rc<RefCell<Vec<String>>>,
    }

    impl Record {
        fn push(&self, line: &str) {
            self.calls.borrow_mut().push(format!("{}{line}", self.name));
        }
    }

    impl Progress for Record {
        fn begin(&self, label: &str, total: Option<u64>) {
            self.push(&format!("begin {label} {total:?}"));
        }

        fn advance(&self, bytes: u64) {
            self.push(&format!("advance {bytes}"));
        }

        fn restart(&self) {
            self.push("restart");
        }

        fn end(&self) {
            self.push("end");
        }

        fn note(&self, line: &str) {
            self.push(&format!("note {line}"));
        }

        fn beside(&self) -> Box<dyn Progress + '_> {
            Box::new(Self { name: "beside: ", calls: Rc::clone(&self.calls) })
        }
    }

    #[test]
    fn bytes_that_arrive_again_are_counted_once() {
        let record = Record::default();
        let together = Together { shown: &record, is_sum: true };
        let (first, second) = (together.one(), together.one());
        first.begin("Downloading a", Some(10));
        second.begin("Downloading b", None);
        first.advance(4);
        second.advance(1);
        first.restart();
        first.advance(3);
        first.advance(7);
        first.end();
        second.end();
        drop((first, second));
        drop(together);
        let calls = record.calls.borrow();
        let (own, sum): (Vec<&str>, Vec<&str>) =
            calls.iter().map(String::as_str).partition(|call| call.starts_with("beside: "));
        assert_eq!(sum, ["advance 4", "advance 1", "advance 0", "advance 6", "end"]);
        let expected = [
            "begin Downloading a Some(10)",
            "begin Downloading b None",
            "advance 4",
            "advance 1",
            "restart",
            "advance 3",
            "advance 7",
            "end",
            "end",
        ];
        assert_eq!(own, expected.map(|call| format!("beside: {call}")));
    }

    #[test]
    fn a_single_download_has_its_own_progress() {
        let record = Record::default();
        let together = Together { shown: &record, is_sum: false };
        let one = together.one();
        one.begin("Downloading a", Some(10));
        one.advance(4);
        one.restart();
        one.advance(10);
        one.end();
        drop(one);
        drop(together);
        let expected = ["begin Downloading a Some(10)", "advance 4", "restart", "advance 10", "end"];
        assert_eq!(*record.calls.borrow(), expected);
    }

    #[test]
    fn at_most_four_run_at_a_time_and_the_results_keep_their_order() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let step = async |item: u64| {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            // The later ones are done first.
            for _ in item..12 {
                tokio::task::yield_now().await;
            }
            running.set(running.get() - 1);
            if item == 20 { Err(item) } else { Ok(item) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(runtime.block_on(several(0..12, step)), Ok((0..12).collect()));
        assert_eq!(most.get(), AT_ONCE);
        assert_eq!(runtime.block_on(several([3, 20, 4, 20], step)), Err(20));
    }
}
