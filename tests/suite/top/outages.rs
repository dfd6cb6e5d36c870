//! The database is away for a while.

use test_postgres::Database;
use test_postgres::own_cluster;

use super::close;
use super::has;
use crate::queue::rows::project;
use crate::support::tmux::Terminal;

#[test]
fn the_last_state_remains_while_the_database_is_away() {
    let Some(cluster) = own_cluster() else { return };
    let database = Database::on(cluster);
    database.create("d");
    database.sql(
        "insert into reproq_queue_controls (queue_name, paused, paused_at, reason, created_at, updated_at) \
         values ('mail', true, now(), 'provider down', now(), now())",
    );
    let context = project(&database.url());
    let Some(terminal) = Terminal::sized(&context, (120, 40), &["top", "--interval", "1s"]) else { return };
    terminal.wait_for("paused: provider down");
    cluster.stop();
    let screen = terminal.wait_for(" s old");
    assert!(has(&screen, "paused: provider down"), "{screen:#?}");
    let screen = terminal.wait(|screen| has(screen, "old, retrying: cannot reach"));
    assert!(has(&screen, " s old"), "{screen:#?}");
    // Keys still work, and a change reports why it is not possible.
    terminal.press(&["3"]);
    terminal.wait(|screen| has(screen, "There are no workers"));
    terminal.press(&["1", "p"]);
    let screen = terminal.wait_for("hint: ");
    assert!(has(&screen, "cannot reach") && !has(&screen, "y: do it"), "{screen:#?}");
    close(&terminal);
    cluster.start_again();
    terminal.wait(|screen| !has(screen, " s old") && has(screen, "0 ready"));
    terminal.press(&["q"]);
    assert_eq!(terminal.ended().0, 0);
}

/// A wrong password or a missing table is shown with a hint, and may be corrected meanwhile.
#[test]
fn a_database_without_tables_is_waited_for() {
    let Some(database) = Database::new() else { return };
    let context = project(&database.url());
    let Some(terminal) = Terminal::sized(&context, (120, 24), &["top", "--interval", "1s"]) else { return };
    let screen = terminal.wait_for("retrying");
    assert!(has(&screen, "db check"), "{screen:#?}");
    database.create("d");
    terminal.wait_for("0 ready");
}
