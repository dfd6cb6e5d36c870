//! What the databases have to do does not depend on the number of clients.

use std::thread::sleep;
use std::time::Duration;

use reproq_serve::ServeLimits;
use test_postgres::Cut;
use test_postgres::Database;
use test_postgres::Relay;

use crate::running::Running;
use crate::running::options;

/// The number of statements in each transaction.
fn transactions(texts: &[String]) -> Vec<usize> {
    let ends = |text: &String| text == "COMMIT" || text == "ROLLBACK";
    let parts = texts.split_inclusive(ends);
    parts.filter(|part| part.last().is_some_and(ends)).map(<[String]>::len).collect()
}

#[test]
fn a_hundred_clients_cost_no_statement() {
    let Some(database) = Database::of_origin("d") else { return };
    let relay = Relay::start(&database, Cut::Never);
    let running = Running::start(&relay.url(), options(ServeLimits::default()));
    let number = || -> usize {
        let page = running.get("/reproq/observation/");
        let (_, body) = page.split_once("\r\n\r\n").expect("a body");
        let document: serde_json::Value = serde_json::from_str(body).expect("JSON");
        document["number"].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number")
    };
    // The transactions of some observations, and how many of these there were.
    let observe = || {
        let before = number();
        relay.take_texts();
        // However slow the machine is.
        for _ in 0..600 {
            sleep(Duration::from_millis(100));
            if number() >= before + 5 {
                break;
            }
        }
        let transactions = transactions(&relay.take_texts());
        // One may be in progress at each end.
        let observations = number() - before;
        assert!(!transactions.is_empty() && transactions.len() <= observations + 2, "{transactions:?} {observations}");
        transactions
    };
    let alone = observe();
    let readers: Vec<_> = (0..50).map(|_| running.events("/events?observations=1", "")).collect();
    for _ in 0..100 {
        assert!(running.get("/metrics").starts_with("HTTP/1.1 200"));
        assert!(running.get("/reproq/stats/").starts_with("HTTP/1.1 200"));
    }
    let crowded = observe();
    drop(readers);
    let most = alone.iter().max().copied().expect("a transaction");
    assert!(crowded.iter().all(|statements| *statements <= most), "{alone:?} {crowded:?}");
    assert!(relay.statements() > 0);
    // Each is read-only.
    relay.take_texts();
    let begins =
        || -> Vec<String> { relay.take_texts().into_iter().filter(|text| text.starts_with("BEGIN")).collect() };
    let begins = (0..600)
        .map(|_| {
            sleep(Duration::from_millis(100));
            begins()
        })
        .find(|begins| !begins.is_empty())
        .unwrap_or_default();
    assert!(!begins.is_empty() && begins.iter().all(|text| text.contains("READ ONLY")), "{begins:?}");
}
