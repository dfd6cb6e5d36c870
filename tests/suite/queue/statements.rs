//! How many statements a change sends: each is a round trip during which rows may be locked.

use test_postgres::Cut;
use test_postgres::Relay;

use super::rows::database;
use super::rows::project;

/// A transaction that may write: its statements without the first, which begins it, and the last, which commits it.
fn writes(texts: &[String]) -> Vec<Vec<&str>> {
    let begins = |text: &String| text.starts_with("BEGIN");
    let transactions = texts.split_inclusive(|text| text == "COMMIT" || text == "ROLLBACK");
    transactions
        .filter(|transaction| transaction.iter().any(|text| text.starts_with("BEGIN ISOLATION LEVEL READ COMMITTED")))
        .map(|transaction| {
            assert!(transaction.first().is_some_and(begins), "{transaction:#?}");
            transaction[1..transaction.len() - 1].iter().map(String::as_str).collect()
        })
        .collect()
}

#[test]
fn a_change_of_one_row_is_one_transaction_of_at_most_three_statements() {
    for origin in ["a", "d"] {
        let Some(database) = database(origin) else { return };
        let relay = Relay::start(&database, Cut::Never);
        let context = project(&relay.url());
        let set = ["periodic", "set", "new", "--cron", "0 2 * * *", "--task", "shop.tasks.add"];
        let mut commands: Vec<&[&str]> = vec![
            &["queue", "pause", "default"],
            &["queue", "pause", "mail", "--reason", "again"],
            &["queue", "resume", "mail"],
            &set,
            &["periodic", "set", "new", "--priority", "3"],
            &["periodic", "disable", "new"],
            &["periodic", "enable", "new"],
            &["periodic", "run", "new"],
            &["periodic", "remove", "new"],
            &["task", "enqueue", "--unchecked", "--task", "m.t"],
            &["task", "enqueue", "--unchecked", "--task", "m.t"],
            &["task", "replay", "11"],
            &["task", "retry", "9"],
            &["task", "retry", "13"],
            &["task", "discard", "10"],
            &["task", "cancel", "1"],
            &["task", "cancel", "16"],
            &["task", "reclaim", "6"],
        ];
        if origin == "d" {
            commands.extend([
                &["limit", "set", "global", "--rate", "1"][..],
                &["limit", "set", "queue:new", "--rate", "1"],
                &["limit", "remove", "queue:new"],
            ]);
        }
        for command in commands {
            context.succeed(command);
            let texts = relay.take_texts();
            let writes = writes(&texts);
            assert_eq!(writes.len(), 1, "{origin} {command:?}: {texts:#?}");
            assert!((1..=3).contains(&writes[0].len()), "{origin} {command:?}: {:#?}", writes[0]);
        }
    }
}

/// However many schedules there are, they are read in one statement before the change, and in one after it.
#[test]
fn schedules_are_read_at_once() {
    let Some(database) = test_postgres::Database::of_origin("d") else { return };
    let Some(mut context) = super::sync::project(&database) else { return };
    let relay = Relay::start(&database, Cut::Never);
    context.set("DATABASE_URL", relay.url());
    context.run(&["periodic", "sync", "--yes"]);
    let texts = relay.take_texts();
    let reads = texts.iter().filter(|text| text.starts_with("select") && text.contains("periodic_tasks")).count();
    assert_eq!((reads, writes(&texts).len()), (2, 3), "{texts:#?}");
    assert!(writes(&texts).iter().all(|write| write.len() <= 3), "{texts:#?}");
}
