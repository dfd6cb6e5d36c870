//! The keys. Pure.

use crate::commands::top::model::TopWindow;
use crate::commands::top::model::WindowKind;

const KEYS: &[(&str, &str)] = &[
    ("Tab, 1-5", "show another list"),
    ("arrows, j k", "select a row; also PgUp, PgDn, Home, End"),
    ("Enter", "show everything about the row"),
    ("/", "show only rows that contain a text"),
    ("s, S", "sort by the next column; reverse the order"),
    ("f", "keep the first row selected; again: stop"),
    ("Space", "read the databases now"),
];

const CHANGES: &[(&str, &str)] = &[
    ("p", "pause or resume the selected queue"),
    ("r", "retry the selected failed task"),
    ("c", "cancel the selected task"),
];

const LAST: &[(&str, &str)] =
    &[("Ctrl-L", "draw the screen again"), ("Ctrl-Z", "suspend"), ("q, Esc, Ctrl-C", "close; quit")];

/// The window that lists the keys.
pub(super) fn window(is_read_only: bool) -> TopWindow {
    let line = |(key, what): &(&str, &str)| format!("{key:<15} {what}");
    let mut lines: Vec<String> = KEYS.iter().map(line).collect();
    if is_read_only {
        lines.push("Changes are disabled by --read-only.".to_owned());
    } else {
        lines.extend(CHANGES.iter().map(line));
    }
    lines.extend(LAST.iter().map(line));
    if !is_read_only {
        lines.extend(["", "A change is shown first, and made only after y."].map(str::to_owned));
    }
    TopWindow { kind: WindowKind::Text, title: "Keys".to_owned(), lines, scroll: 0, database: 0 }
}
