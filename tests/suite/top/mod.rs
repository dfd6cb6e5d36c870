//! `reproq top` on a real terminal, with a real database.

mod changes;
mod lists;
mod outages;
mod terminal;

use test_postgres::Database;

use crate::queue::rows;
use crate::support::Context;
use crate::support::tmux::Terminal;

/// A queue in which everything is there once, and `top` with these options in a terminal of 120 columns and 40 rows.
fn top(options: &[&str]) -> Option<(Database, Context, Terminal)> {
    let database = rows::database("d")?;
    let context = rows::project(&database.url());
    let arguments = [&["top", "--interval", "1s"][..], options].concat();
    let terminal = Terminal::sized(&context, (120, 40), &arguments)?;
    terminal.wait_for("7 ready");
    Some((database, context, terminal))
}

/// Closes the window. A key that follows Escape at once would be another key.
fn close(terminal: &Terminal) {
    terminal.press(&["Escape"]);
    terminal.wait(|screen| !has(screen, "Esc closes"));
}

/// Whether a line of the screen has this text.
fn has(screen: &[String], text: &str) -> bool {
    screen.iter().any(|line| line.contains(text))
}
