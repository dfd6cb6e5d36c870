//! What the page shows, and that nothing from the database becomes markup.

use std::sync::Arc;

use chrono::Duration;

use reproq_queue::stats::QueueDepth;
use reproq_queue::stats::WorkerRow;

use super::*;
use crate::samples;
use crate::state::ObservedDatabase;
use crate::state::Outage;

fn read(alias: &str) -> ObservedDatabase {
    ObservedDatabase {
        alias: alias.to_owned(),
        live: Some(Arc::new(samples::live())),
        history: Some(Arc::new(samples::history())),
        ..ObservedDatabase::default()
    }
}

fn observed(databases: Vec<ObservedDatabase>) -> Observation {
    Observation { at: Some(samples::now()), databases, ..Observation::default() }
}

fn shown(observation: &Observation) -> String {
    page(observation, samples::now() + Duration::seconds(2), false)
}

/// The text of the page: a line for each cell or sentence.
fn plain(html: &str) -> String {
    let mut out = String::new();
    for piece in html.split('<').skip(1) {
        let text = piece.split_once('>').map_or("", |(_, text)| text).trim();
        if !text.is_empty() {
            out.push_str(text);
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_page_shows_what_was_observed() {
    insta::assert_snapshot!(plain(&shown(&observed(vec![read("default")]))));
}

#[test]
fn a_database_that_is_away_is_shown_with_its_last_numbers() {
    let outage = Outage { since: samples::now() - Duration::minutes(5), reason: "connection refused".to_owned() };
    let away = ObservedDatabase { outage: Some(outage.clone()), ..read("default") };
    let never = ObservedDatabase { alias: "mail".to_owned(), outage: Some(outage), ..ObservedDatabase::default() };
    let html = shown(&observed(vec![away, never]));
    let text = plain(&html).replace('\n', " ");
    assert!(text.contains("The database default cannot be read since 5 min ago : connection refused . Its numbers are of 2026-01-31 12:00:00 UTC."), "{text}");
    assert!(html.contains("<title>⚠ 5 ready"), "{html}");
    assert!(html.contains("<th scope=\"col\">Database</th>"), "several databases are told apart");
}

#[test]
fn nothing_from_the_database_is_markup() {
    let hostile = "</td><script>alert(1)</script>\" onload=\"x\u{0}\u{202e}&amp;".to_owned();
    let (mut live, mut history) = (samples::live(), samples::history());
    live.queues.iter_mut().for_each(|it| (it.queue, it.paused_reason) = (hostile.clone(), Some(hostile.clone())));
    live.workers.iter_mut().for_each(|it| {
        (it.worker_id, it.hostname, it.version) = (hostile.clone(), Some(hostile.clone()), Some(hostile.clone()));
        it.queues = serde_json::to_string(&[&hostile]).ok();
    });
    live.schedules.iter_mut().for_each(|it| {
        (it.name, it.cron_expr, it.task_path, it.queue_name) =
            (hostile.clone(), hostile.clone(), hostile.clone(), hostile.clone());
    });
    for task in live.running.iter_mut().chain(&mut history.recent_failures) {
        (task.task_path, task.queue_name, task.worker_id) = (hostile.clone(), hostile.clone(), Some(hostile.clone()));
        (task.error, task.exception_class) = (Some(hostile.clone()), Some(hostile.clone()));
    }
    history.heatmap.rows.iter_mut().for_each(|row| row.task_path = Some(hostile.clone()));
    let outage = Outage { since: samples::now(), reason: hostile.clone() };
    let database = ObservedDatabase {
        alias: hostile,
        live: Some(Arc::new(live)),
        history: Some(Arc::new(history)),
        outage: Some(outage),
        ..ObservedDatabase::default()
    };
    let html = shown(&observed(vec![database.clone(), database]));
    assert_eq!(html.matches("<script").count(), 1, "only the page's own");
    assert!(!html.contains("alert(1)</script>") && !html.contains("onload=\"x"), "{html}");
    assert!(!html.contains('\u{0}'), "a control character");
    assert!(html.contains("&lt;script&gt;") && html.contains("&amp;amp;"));
}

#[test]
fn what_a_large_queue_has_is_bounded() {
    let mut live = samples::live();
    let (queue, worker) = (live.queues.remove(0), live.workers.remove(0));
    live.queues = (0..5000).map(|number| QueueDepth { queue: format!("q{number}"), ..queue.clone() }).collect();
    live.workers = vec![WorkerRow { worker_id: "w".repeat(100_000), ..worker }; 5000];
    let database = ObservedDatabase { live: Some(Arc::new(live)), ..read("default") };
    let html = shown(&observed(vec![database]));
    assert!(html.len() < 400_000, "{} bytes", html.len());
    assert!(plain(&html).contains("and \n4900\n more") || html.contains("and 4900 more"), "{html}");
}

#[test]
fn before_the_first_observation_there_are_no_numbers() {
    let html = shown(&Observation::default());
    assert!(html.contains("Not read yet") && html.contains("No queue has a task or a worker."), "{html}");
}

#[test]
fn signing_out_is_offered_where_people_sign_in() {
    let link = "<a href=\"reproq/tui/logout/\">Sign out</a>";
    let page = |has_sign_in| page(&Observation::default(), samples::now(), has_sign_in);
    assert!(page(true).contains(link) && !page(false).contains(link));
}

#[test]
fn the_page_with_its_files_is_small() {
    let html = shown(&observed(vec![read("default")]));
    let bytes = html.len() + STYLE.len() + SCRIPT.len() + icon().len();
    assert!(bytes < 60_000, "{bytes} bytes");
}
