//! Samples of the depth of queues.

use serde::Serialize;

use crate::pg::PgError;
use crate::pg::Transaction;
use crate::sql::depth as sql;
use crate::stats::QueueDepth;

/// Queues in one sample: their names come from the tasks.
const QUEUES: usize = 200;

#[derive(Debug, Default, Serialize)]
struct DepthSample<'a> {
    queue: &'a str,
    ready: i64,
    scheduled: i64,
    running: i64,
    waiting: i64,
}

/// Writes the depth of these queues for the begun five minutes, unless that was done, and deletes samples older than 30 days.
pub async fn record_depth(tx: &Transaction<'_>, queues: &[QueueDepth]) -> Result<(), PgError> {
    let json =
        serde_json::to_string(&samples(queues)).map_err(|error| PgError::Answer { message: error.to_string() })?;
    tx.execute(sql::RECORD, &[json.as_str().into()]).await?;
    tx.execute(sql::BOUND, &[]).await?;
    Ok(())
}

/// The longest queues, after all of them together, which have no name.
fn samples(queues: &[QueueDepth]) -> Vec<DepthSample<'_>> {
    let sum = |of: fn(&QueueDepth) -> i64| queues.iter().map(of).sum();
    let all = DepthSample {
        queue: "",
        ready: sum(|queue| queue.ready),
        scheduled: sum(|queue| queue.scheduled),
        running: sum(|queue| queue.running),
        waiting: sum(|queue| queue.waiting),
    };
    let mut each: Vec<&QueueDepth> = queues.iter().filter(|queue| !queue.queue.is_empty()).collect();
    each.sort_by_key(|queue| std::cmp::Reverse(queue.ready + queue.scheduled + queue.running + queue.waiting));
    let each = each.into_iter().take(QUEUES).map(|queue| DepthSample {
        queue: &queue.queue,
        ready: queue.ready,
        scheduled: queue.scheduled,
        running: queue.running,
        waiting: queue.waiting,
    });
    std::iter::once(all).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_every_queue_and_names_the_longest() {
        let queues: Vec<QueueDepth> = (0..300)
            .map(|number| QueueDepth {
                queue: format!("q{number}"),
                ready: number,
                running: 1,
                ..QueueDepth::default()
            })
            .collect();
        let samples = samples(&queues);
        assert_eq!(samples.len(), QUEUES + 1);
        assert_eq!((samples[0].queue, samples[0].ready, samples[0].running), ("", 299 * 150, 300));
        assert_eq!((samples[1].queue, samples[200].queue), ("q299", "q100"));
    }
}
