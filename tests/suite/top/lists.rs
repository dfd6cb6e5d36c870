//! What is shown: lists, sizes, filters, orders, details.

use super::close;
use super::has;
use super::top;

/// The rows between the heading and the footer.
fn list(screen: &[String]) -> Vec<String> {
    let list = screen.iter().skip(3).take_while(|line| !line.is_empty());
    list.map(|line| line.trim_start_matches(['>', ' ']).to_owned()).collect()
}

/// The first words of the rows.
fn names(screen: &[String]) -> Vec<String> {
    list(screen).iter().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn each_list_shows_what_the_queue_has() {
    let Some((_database, _context, terminal)) = top(&[]) else { return };
    let screen = terminal.screen();
    assert!(
        has(&screen, "7 ready, 1 scheduled, 4 running, 2 waiting · workers: 1 alive, 1 stale, 1 unknown"),
        "{screen:#?}"
    );
    assert_eq!(names(&screen), ["default", "mail", "nobody", "slow"]);
    for state in ["1 expired, 1 without lease", "paused: provider down", "no live worker"] {
        assert!(has(&screen, state), "{state}: {screen:#?}");
    }
    terminal.press(&["Tab"]);
    let screen = terminal.wait_for("shop.tasks.slow");
    assert_eq!(list(&screen).len(), 20);
    assert!(has(&screen, "lease expired 3 h ago") && has(&screen, "card declined"), "{screen:#?}");
    terminal.press(&["3"]);
    let screen = terminal.wait_for("box-1");
    assert_eq!(names(&screen), ["gone", "w1", "w2"]);
    terminal.press(&["4"]);
    let screen = terminal.wait_for("@daily");
    assert_eq!(names(&screen), ["nightly", "broken", "off"]);
    assert!(has(&screen, "late by 3 h"), "{screen:#?}");
    terminal.press(&["5"]);
    let screen = terminal.wait_for("module not allowed");
    assert_eq!(names(&screen), ["9", "10", "13"]);
    terminal.press(&["BTab"]);
    terminal.wait_for("@daily");
}

#[test]
fn what_changes_in_the_database_appears() {
    let Some((database, _context, terminal)) = top(&[]) else { return };
    database.sql("update task_runs set status = 'READY' where result_id = 10");
    terminal.wait_for("8 ready");
}

#[test]
fn rows_are_filtered_and_sorted() {
    let Some((_database, _context, terminal)) = top(&[]) else { return };
    terminal.press(&["2", "/", "C", "h", "a", "r"]);
    let screen = terminal.wait_for("/Char");
    assert_eq!(names(&screen), ["10", "9"]);
    terminal.press(&["Enter"]);
    terminal.wait_for("Esc clears");
    terminal.press(&["S"]);
    let screen = terminal.wait_for("ID▲");
    assert_eq!(names(&screen), ["9", "10"]);
    terminal.press(&["Escape"]);
    let screen = terminal.wait(|screen| !has(screen, "Esc clears"));
    assert_eq!((list(&screen).len(), names(&screen)[0].as_str()), (20, "1"));
    terminal.press(&["s", "s", "s"]);
    let screen = terminal.wait_for("TASK▲");
    assert_eq!(names(&screen)[..2], ["19", "8"]);
}

#[test]
fn a_small_screen_shows_what_matters_and_a_large_one_all_again() {
    let Some((_database, _context, terminal)) = top(&[]) else { return };
    terminal.press(&["2", "Down", "Down", "Down"]);
    let large = terminal.wait_for("4/20");
    terminal.resize_to((40, 10));
    let small = terminal.wait(|screen| screen.len() == 10 && has(screen, "1  2 Tasks  3"));
    assert!(small.iter().any(|line| line.starts_with(">  17  WAITING")), "{small:#?}");
    assert!(!has(&small, "ATTEMPTS"), "{small:#?}");
    terminal.press(&["End"]);
    let screen = terminal.wait_for("20/20");
    assert!(screen.iter().any(|line| line.starts_with(">   1  READY")), "{screen:#?}");
    terminal.press(&["Home", "Down", "Down", "Down"]);
    terminal.wait_for("4/20");
    terminal.resize_to((120, 40));
    let again = terminal.wait(|screen| has(screen, "ATTEMPTS") && screen.len() == 40);
    assert_eq!(list(&again).len(), list(&large).len());
    assert!(again.iter().any(|line| line.starts_with(">  17  WAITING")), "{again:#?}");
}

#[test]
fn a_task_is_explained() {
    let Some((_database, _context, terminal)) = top(&[]) else { return };
    terminal.press(&["5", "Enter"]);
    let screen = terminal.wait_for("Traceback:");
    for text in ["shop.CardError: card declined", "attempt", "3 of 3", "charge()"] {
        assert!(has(&screen, text), "{text}: {screen:#?}");
    }
    close(&terminal);
    terminal.press(&["2", "/", "a", "c", "c", "t", "Enter", "Enter"]);
    let screen = terminal.wait_for("blocked");
    assert!(has(&screen, "acct"), "{screen:#?}");
}

/// What the database contains does not act on the terminal, and passwords in it are not shown.
#[test]
fn strings_of_the_database_are_only_text() {
    let Some((database, _context, terminal)) = top(&[]) else { return };
    database.sql(
        "update task_runs set task_path = E'evil\\x1b]0;title\\x07\\x1b[2J.t', \
         last_error = 'cannot reach postgres://shop:hunter22@db/shop' where result_id = 9",
    );
    terminal.press(&["5"]);
    let screen = terminal.wait_for("evil");
    assert!(has(&screen, "evil\\x1b]0;title\\x07\\x1b[2J.t"), "{screen:#?}");
    assert!(has(&screen, "cannot reach postgres://") && !has(&screen, "hunter22"), "{screen:#?}");
    terminal.press(&["Enter"]);
    let screen = terminal.wait_for("Task 9");
    assert!(!has(&screen, "hunter22"), "{screen:#?}");
}

#[test]
fn several_databases_are_one_list() {
    let Some(database) = crate::queue::rows::database("d") else { return };
    let Some(other) = crate::queue::rows::database("b") else { return };
    let mut context = crate::queue::rows::project(&database.url());
    let table = "[tool.reproq.databases]\nmain = \"env:DATABASE_URL\"\nmail = \"env:MAIL\"\nlost = \"env:LOST\"\n";
    std::fs::write(context.project().join("pyproject.toml"), table).expect("written");
    context.set("MAIL", other.url());
    let arguments = ["top", "--all-databases"];
    let Some(terminal) = crate::support::tmux::Terminal::sized(&context, (120, 40), &arguments) else { return };
    let screen = terminal.wait(|screen| has(screen, "main: 7 ready") && has(screen, "mail: 7 ready"));
    assert!(has(&screen, "lost: ") && has(&screen, "LOST"), "{screen:#?}");
    assert!(has(&screen, "main      default") && has(&screen, "mail      default"), "{screen:#?}");
    terminal.press(&["/", "m", "a", "i", "n", "Enter", "p"]);
    let screen = terminal.wait_for("Queue default is not paused");
    assert!(has(&screen, "Pause queue default"), "{screen:#?}");
    terminal.press(&["y"]);
    terminal.wait_for("is paused since");
    let paused = "select count(*) from reproq_queue_controls where paused and queue_name = 'default'";
    assert_eq!((database.sql(paused), other.sql(paused)), ("1".to_owned(), "0".to_owned()));
}
