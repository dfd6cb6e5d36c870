//! The terminal is as it was before, whatever ends the program.

use std::process::Command;

use super::has;
use super::top;
use crate::queue::rows::database;
use crate::queue::rows::project;
use crate::support::Context;
use crate::support::tmux::Terminal;

fn kill(signal: &str, terminal: &Terminal) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &terminal.pid()]).status();
    assert!(sent.expect("kill runs").success());
}

/// The exit status; the rest of the terminal is compared.
fn restored(terminal: &Terminal) -> i32 {
    let (status, before, after) = terminal.ended();
    assert_eq!(before, after);
    assert!(!terminal.is_alternate() && terminal.has_cursor());
    let screen = terminal.screen();
    assert!(!has(&screen, "Queues"), "{screen:#?}");
    status
}

#[test]
fn every_end_restores_the_terminal() {
    for (keys, status) in [("q", 0), ("Escape", 0), ("C-c", 0)] {
        let Some((_database, _context, terminal)) = top(&[]) else { return };
        assert!(terminal.is_alternate() && !terminal.has_cursor());
        terminal.press(&[keys]);
        assert_eq!(restored(&terminal), status, "{keys}");
    }
    for signal in ["TERM", "INT", "HUP"] {
        let Some((_database, _context, terminal)) = top(&[]) else { return };
        kill(signal, &terminal);
        assert_eq!(restored(&terminal), 130, "{signal}");
    }
}

/// Also while the server does not answer; its statement is then cancelled.
#[test]
fn a_statement_that_hangs_delays_nothing() {
    let Some((database, _context, terminal)) = top(&[]) else { return };
    let mut session = database.session();
    session.run("begin; lock table task_runs in access exclusive mode;");
    terminal.press(&["Space", "?"]);
    terminal.wait_for("show another list");
    kill("TERM", &terminal);
    assert_eq!(restored(&terminal), 130);
    session.run("rollback;");
    let waiting = "select count(*) from pg_stat_activity where application_name like 'reproq-cli/%' and datname = current_database()";
    for _ in 0..100 {
        if database.as_superuser(waiting) == "0" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("its connection is still there");
}

#[test]
fn it_is_suspended_and_continued() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let Some(terminal) = Terminal::shell(&context, (120, 40), &["top", "--interval", "1s"]) else { return };
    terminal.wait_for("$");
    terminal.press(&["stty -a >../../stty-before; sh ../../program.sh", "Enter"]);
    terminal.wait_for("7 ready");
    for by_key in [true, false] {
        if by_key {
            terminal.press(&["C-z"]);
        } else {
            kill("TSTP", &terminal);
        }
        terminal.wait(|screen| has(screen, "Stopped") && !has(screen, "7 ready"));
        assert!(!terminal.is_alternate() && terminal.has_cursor());
        terminal.press(&["stty -a >../../stty-after; clear; echo is-suspended", "Enter"]);
        terminal.wait(|screen| screen.iter().any(|line| line == "is-suspended"));
        let read = |name| std::fs::read_to_string(context.root().join(name)).expect("settings");
        assert_eq!(read("stty-before"), read("stty-after"));
        terminal.press(&["fg", "Enter"]);
        terminal.wait_for("7 ready");
        assert!(terminal.is_alternate() && !terminal.has_cursor());
        terminal.press(&["2"]);
        terminal.wait_for("shop.tasks.slow");
        terminal.press(&["1"]);
        terminal.wait_for("no live worker");
    }
    terminal.press(&["q"]);
    terminal.wait(|screen| !has(screen, "7 ready"));
    assert!(!terminal.is_alternate() && terminal.has_cursor());
}

/// A shell without job control could not continue it.
#[test]
fn it_is_not_suspended_where_nothing_can_continue_it() {
    let Some((_database, _context, terminal)) = top(&[]) else { return };
    terminal.press(&["C-z", "2"]);
    terminal.wait_for("shop.tasks.slow");
}

#[test]
fn a_program_without_a_terminal_is_refused() {
    let context = Context::new();
    insta::assert_snapshot!("no-terminal", context.shown(&["top"]));
    let output = context.run(&["top", "--json"]);
    assert_eq!(output.code, 2, "{output:#?}");
    // stdout is a pipe, stdin a terminal.
    let Some(terminal) = Terminal::shell(&context, (120, 24), &["top"]) else { return };
    terminal.wait_for("$");
    terminal.press(&["sh ../../program.sh | cat", "Enter"]);
    terminal.wait_for("hint: `reproq stats --json` prints the state once");
}

#[test]
fn a_dumb_terminal_is_refused_and_colors_can_be_off() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let Some(terminal) = Terminal::shell(&context, (120, 24), &["top"]) else { return };
    terminal.wait_for("$");
    terminal.press(&["TERM=dumb sh ../../program.sh", "Enter"]);
    terminal.wait_for("this terminal cannot be drawn on (TERM=dumb)");
    for (variable, is_colored) in [("", true), ("1", false)] {
        let mut context = project(&database.url());
        context.set("NO_COLOR", variable);
        let Some(terminal) = Terminal::sized(&context, (120, 40), &["top"]) else { return };
        terminal.wait_for("7 ready");
        let styled = terminal.styled_screen();
        let has_color = ["38;5;1m", "38;5;3m"].iter().any(|code| styled.contains(code));
        assert_eq!(has_color, is_colored, "{styled}");
    }
}
