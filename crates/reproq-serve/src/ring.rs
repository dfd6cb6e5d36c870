//! The last events, for readers that were away for a moment. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::events::TaskEvent;

/// A reader without a position gets this many of the last events first, as from the worker.
const FIRST: usize = 200;

/// An event with its number, and its text as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberedEvent {
    pub(crate) number: u64,
    pub(crate) event: TaskEvent,
    pub(crate) text: String,
}

/// The last events, numbered from 1.
#[derive(Debug)]
pub(crate) struct EventRing {
    /// Distinguishes the numbers of this process from those of another.
    epoch: String,
    capacity: usize,
    next: u64,
    events: VecDeque<Arc<NumberedEvent>>,
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartPosition {
    /// The number of the last event that it has.
    pub(crate) after: u64,
    /// Whether events between its last one and this position are lost.
    pub(crate) has_gap: bool,
}

/// What follows a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Following {
    /// These events, oldest first; none if there is nothing new.
    Events(Vec<Arc<NumberedEvent>>),
    /// The reader is too slow: the next event is no longer kept.
    Lost,
}

impl EventRing {
    /// An empty ring.
    pub(crate) const fn new(epoch: String, capacity: usize) -> Self {
        Self { epoch, capacity, next: 1, events: VecDeque::new() }
    }

    /// Adds events, and drops the oldest.
    pub(crate) fn push(&mut self, events: Vec<TaskEvent>) {
        for event in events {
            let data = serde_json::to_string(&event).unwrap_or_default();
            let text = format!("id: {}-{}\ndata: {data}\n\n", self.epoch, self.next);
            if self.events.len() >= self.capacity {
                self.events.pop_front();
            }
            self.events.push_back(Arc::new(NumberedEvent { number: self.next, event, text }));
            self.next += 1;
        }
    }

    /// Where a reader begins that has seen the event with this id last.
    pub(crate) fn start(&self, last_event_id: Option<&str>) -> StartPosition {
        let newest = self.next - 1;
        let oldest = self.events.front().map_or(self.next, |event| event.number);
        let Some(id) = last_event_id.filter(|id| !id.is_empty()) else {
            let first = u64::try_from(self.events.len().min(FIRST)).unwrap_or(0);
            return StartPosition { after: newest - first, has_gap: false };
        };
        let number = id.rsplit_once('-').filter(|(epoch, _)| *epoch == self.epoch);
        match number.and_then(|(_, number)| number.parse::<u64>().ok()).filter(|number| *number <= newest) {
            Some(number) => StartPosition { after: number.max(oldest - 1), has_gap: number + 1 < oldest },
            None => StartPosition { after: oldest - 1, has_gap: true },
        }
    }

    /// At most so many events after a number.
    pub(crate) fn following(&self, after: u64, limit: usize) -> Following {
        let oldest = self.events.front().map_or(self.next, |event| event.number);
        let Some(skipped) = (after + 1).checked_sub(oldest) else { return Following::Lost };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Following::Events(self.events.iter().skip(skipped).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use reproq_queue::tasks::TaskObservation;

    use super::*;
    use crate::counters::Counters;
    use crate::events::SeenTasks;
    use crate::samples;

    fn events(ids: std::ops::Range<i64>) -> Vec<TaskEvent> {
        let first = TaskObservation { newest_id: 0, ..TaskObservation::default() };
        let counters = &mut Counters::default();
        let (_, seen) = SeenTasks::default().advance(&first, "d", samples::now(), counters);
        let newer: Vec<_> = ids.clone().map(|id| samples::task(id, "RUNNING", 1)).collect();
        let second = TaskObservation { newer, newest_id: ids.end, ..TaskObservation::default() };
        seen.advance(&second, "d", samples::now(), counters).0
    }

    fn numbers(following: &Following) -> Vec<u64> {
        match following {
            Following::Events(events) => events.iter().map(|event| event.number).collect(),
            Following::Lost => panic!("lost"),
        }
    }

    #[test]
    fn a_reader_continues_after_its_last_event() {
        let mut ring = EventRing::new("e".to_owned(), 5);
        assert_eq!(ring.start(None), StartPosition { after: 0, has_gap: false });
        assert_eq!(numbers(&ring.following(0, 9)), [0; 0]);
        ring.push(events(1..9));
        // Numbers 4 to 8 are kept.
        for (id, after, has_gap) in [
            (Some("e-6"), 6, false),
            (Some("e-8"), 8, false),
            (Some("e-3"), 3, false),
            (Some("e-2"), 3, true),
            (Some("e-9"), 3, true),
            (Some("other-6"), 3, true),
            (Some("nonsense"), 3, true),
            (Some(""), 3, false),
            (None, 3, false),
        ] {
            assert_eq!(ring.start(id), StartPosition { after, has_gap }, "{id:?}");
        }
        assert_eq!(numbers(&ring.following(6, 9)), [7, 8]);
        assert_eq!(numbers(&ring.following(3, 2)), [4, 5]);
        assert_eq!(numbers(&ring.following(8, 9)), [0; 0]);
        assert_eq!(ring.following(2, 9), Following::Lost);
    }

    #[test]
    fn an_event_is_sent_with_its_id_on_one_line() {
        let mut ring = EventRing::new("e".to_owned(), 5);
        ring.push(events(7..8));
        let Following::Events(events) = ring.following(0, 1) else { panic!("lost") };
        let text = &events[0].text;
        assert!(text.starts_with("id: e-1\ndata: {\"ts\":") && text.ends_with("}\n\n"), "{text}");
        assert_eq!(text.matches('\n').count(), 3, "{text}");
    }
}
