//! Server-sent events: one reader's stream. A reader has a position in the ring and no queue of its own, so that slow readers
//! cost no memory; one whose next event is no longer kept gets a last event that says so.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use hyper::body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ring::Following;
use crate::ring::StartPosition;
use crate::route::EventQuery;
use crate::shared::Published;
use crate::shared::Shared;

/// Events in one piece of the stream.
const AT_ONCE: usize = 100;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY: &str = "retry: 2000\n";

const GAP: &str =
    "event: gap\ndata: {\"level\":\"warn\",\"type\":\"events_gap\",\"msg\":\"earlier events are no longer kept\"}\n\n";
const LOST: &str = ": this reader is too slow\n\nevent: lost\n\
                    data: {\"level\":\"warn\",\"type\":\"events_lost\",\"msg\":\"events were lost: this reader is too slow\"}\n\n";
const END: &str = ": the server ends\n\n";
const HEARTBEAT: &str = ": ping\n\n";

/// The stream of a response.
pub(crate) type EventStream = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync>>;

/// A reader.
struct Reader {
    shared: Arc<Shared>,
    query: EventQuery,
    position: u64,
    news: watch::Receiver<()>,
    observations: watch::Receiver<Arc<Published>>,
    ending: watch::Receiver<bool>,
    heartbeat: Instant,
    is_over: bool,
    /// Sent first, so that the client sees at once that it is connected.
    greeting: Option<String>,
    _permit: OwnedSemaphorePermit,
}

/// What a reader was woken by.
enum Wake {
    News,
    Observation,
    Heartbeat,
    End,
}

/// The events for a reader, from where it stopped.
pub(crate) fn stream(
    shared: Arc<Shared>,
    query: EventQuery,
    last_event_id: Option<&str>,
    permit: OwnedSemaphorePermit,
) -> EventStream {
    let StartPosition { after, has_gap } = shared.ring().start(last_event_id);
    let gap = if has_gap { GAP } else { "" };
    let reader = Reader {
        query,
        position: after,
        news: shared.news(),
        observations: shared.observations(),
        ending: shared.ending(),
        heartbeat: Instant::now() + shared.options.limits.heartbeat,
        is_over: false,
        greeting: Some(format!("{RETRY}: connected\n\n{gap}")),
        shared,
        _permit: permit,
    };
    Box::pin(stream::unfold(reader, async |mut reader| {
        let text = reader.next().await?;
        reader.heartbeat = Instant::now() + reader.shared.options.limits.heartbeat;
        Some((Ok(Frame::data(Bytes::from(text))), reader))
    }))
}

impl Reader {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            match self.following() {
                Some(text) if !text.is_empty() => return Some(text),
                Some(_) => {}
                None => {
                    self.is_over = true;
                    return Some(LOST.to_owned());
                }
            }
            match self.wake().await {
                Wake::News => {}
                Wake::Observation => return Some(self.observation()),
                Wake::Heartbeat => return Some(HEARTBEAT.to_owned()),
                Wake::End => {
                    self.is_over = true;
                    return Some(END.to_owned());
                }
            }
        }
    }

    /// The wanted events after the position; empty if there are none, `None` if the next one is lost.
    fn following(&mut self) -> Option<String> {
        loop {
            self.news.mark_unchanged();
            let Following::Events(events) = self.shared.ring().following(self.position, AT_ONCE) else { return None };
            let Some(last) = events.last() else { return Some(String::new()) };
            self.position = last.number;
            let wanted = events.iter().filter(|it| {
                let event = &it.event;
                self.query.matches(event.queue.as_deref(), event.worker_id.as_deref(), event.task_id)
            });
            let text: String = wanted.map(|event| event.text.as_str()).collect();
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    /// Announces that there is a new observation.
    fn observation(&mut self) -> String {
        let number = self.observations.borrow_and_update().observation.number;
        format!("event: observation\ndata: {{\"type\":\"observation\",\"number\":{number}}}\n\n")
    }

    async fn wake(&mut self) -> Wake {
        let wants_observations = self.query.observations;
        let mut news = pin!(self.news.changed());
        let mut observation = pin!(self.observations.changed());
        let mut ending = pin!(self.ending.wait_for(|is_ending| *is_ending));
        let mut heartbeat = pin!(tokio::time::sleep_until(self.heartbeat));
        poll_fn(|context| {
            if ending.as_mut().poll(context).is_ready() {
                return Poll::Ready(Wake::End);
            }
            if news.as_mut().poll(context).is_ready() {
                return Poll::Ready(Wake::News);
            }
            if wants_observations && observation.as_mut().poll(context).is_ready() {
                return Poll::Ready(Wake::Observation);
            }
            heartbeat.as_mut().poll(context).map(|()| Wake::Heartbeat)
        })
        .await
    }
}
