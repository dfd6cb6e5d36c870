//! The parts of the page: what is wrong, a summary, and the order of everything else. Elements with `data-live` are replaced by the
//! script.

use chrono::DateTime;
use chrono::Utc;
use maud::Markup;
use maud::html;
use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::WorkerState;
use reproq_queue::text::span;

use super::format;
use super::live::queues;
use super::live::running;
use super::live::schedules;
use super::live::workers;
use super::past::failures;
use super::past::recent;
use super::past::throughput;
use super::table::history;
use super::table::live;
use super::table::rows;
use super::table::text;
use crate::state::Observation;

pub(super) fn freshness(observation: &Observation, now: DateTime<Utc>) -> Markup {
    html! {
        p id="freshness" data-live {
            @match observation.at {
                Some(at) => { "Read " time datetime=(format::machine_time(at)) { (format::relative(at, now)) } }
                None => "Not read yet",
            }
        }
    }
}

/// Every section.
pub(super) fn all(observation: &Observation, now: DateTime<Utc>) -> Markup {
    html! {
        (outages(observation, now))
        (summary(observation))
        (queues(observation))
        (throughput(observation))
        (failures(observation))
        (recent(observation, now))
        (running(observation))
        (workers(observation))
        (schedules(observation))
    }
}

fn outages(observation: &Observation, now: DateTime<Utc>) -> Markup {
    let away = observation.databases.iter().filter_map(|database| Some((database, database.outage.as_ref()?)));
    html! {
        div id="outages" role="alert" data-live {
            @for (database, outage) in away {
                p.alert {
                    "The database " b { (text(&database.alias)) } " cannot be read since "
                    time datetime=(format::machine_time(outage.since)) { (format::relative(outage.since, now)) } ": "
                    (text(&outage.reason))
                    @match &database.live {
                        Some(live) => { ". Its numbers are of " (format::time(live.at)) "." }
                        None => ".",
                    }
                }
            }
        }
    }
}

fn summary(observation: &Observation) -> Markup {
    let queues: Vec<&QueueDepth> = live(observation).flat_map(|(_, live)| &live.queues).collect();
    let sum = |of: fn(&QueueDepth) -> i64| format::number(queues.iter().map(|queue| of(queue)).sum());
    let oldest = queues.iter().filter_map(|queue| queue.oldest_seconds).max();
    let known: Vec<_> = rows(observation, |live| &live.workers).filter(|it| it.row.known).collect();
    let alive = known.iter().filter(|worker| worker.row.state() == WorkerState::Alive).count();
    let failures: i64 = history(observation).map(|(_, history)| history.failures).sum();
    let expired: i64 = queues.iter().map(|queue| queue.expired_leases + queue.missing_leases).sum();
    let facts = [
        ("Ready", sum(|queue| queue.ready)),
        ("Oldest waits", oldest.map_or_else(|| "–".to_owned(), span)),
        ("Running", sum(|queue| queue.running)),
        ("Scheduled", sum(|queue| queue.scheduled)),
        ("In workflows", sum(|queue| queue.waiting)),
        ("Workers", format!("{alive} of {}", known.len())),
        ("Failures, 24 h", format::number(failures)),
        ("Lost leases", format::number(expired)),
    ];
    html! {
        section aria-labelledby="summary-title" {
            h2.hidden id="summary-title" { "Summary" }
            dl.facts id="summary" data-live {
                @for (name, value) in facts {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}
