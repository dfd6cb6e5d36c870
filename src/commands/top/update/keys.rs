//! What keys do. Pure.
#![expect(clippy::wildcard_enum_match_arm, reason = "all other keys mean nothing")]

use super::TopEffect;
use crate::commands::top::help;
use crate::commands::top::model::TopFocus;
use crate::commands::top::model::TopKey;
use crate::commands::top::model::TopModel;
use crate::commands::top::model::TopQuestion;
use crate::commands::top::model::TopTab;
use crate::commands::top::model::TopWindow;
use crate::commands::top::model::WindowKind;
use crate::commands::top::rows;
use crate::commands::top::view;
use crate::ui::ScreenKey;

/// The longest filter, in characters.
const LONGEST_FILTER: usize = 200;

pub(super) fn press(model: &mut TopModel, key: ScreenKey) -> Vec<TopEffect> {
    model.notice = None;
    match key {
        ScreenKey::Control('c') => return vec![TopEffect::Quit],
        ScreenKey::Control('z') => return vec![TopEffect::SuspendJob],
        ScreenKey::Control('l') => return vec![TopEffect::Redraw],
        _ => {}
    }
    match std::mem::replace(&mut model.focus, TopFocus::List) {
        TopFocus::List => in_list(model, key),
        TopFocus::Filter { before } => {
            in_filter(model, key, before);
            Vec::new()
        }
        TopFocus::Window(window) => in_window(model, key, window),
    }
}

fn in_list(model: &mut TopModel, key: ScreenKey) -> Vec<TopEffect> {
    let page = usize::from(model.layout().list_rows).max(1);
    match key {
        ScreenKey::Char('q') => return vec![TopEffect::Quit],
        // What was chosen last is given up first.
        ScreenKey::Escape if !model.filter.is_empty() => model.filter.clear(),
        ScreenKey::Escape => return vec![TopEffect::Quit],
        ScreenKey::Char(' ') => return vec![TopEffect::Read],
        ScreenKey::Char('/') => model.focus = TopFocus::Filter { before: model.filter.clone() },
        ScreenKey::Char('?' | 'h') => model.focus = TopFocus::Window(help::window(model.is_read_only)),
        ScreenKey::Char('s') => sort_by_next(model),
        ScreenKey::Char('S') => model.list_mut().is_descending ^= true,
        ScreenKey::Char('f') => model.list_mut().follows ^= true,
        ScreenKey::Enter => return details(model),
        ScreenKey::Char('p' | 'r' | 'c') => return change(model, key),
        ScreenKey::Tab | ScreenKey::Right => model.tab = model.tab.moved(1),
        ScreenKey::BackTab | ScreenKey::Left => model.tab = model.tab.moved(TopTab::ALL.len() - 1),
        ScreenKey::Char(digit @ '1'..='5') => model.tab = TopTab::ALL[digit as usize - '1' as usize],
        ScreenKey::Down | ScreenKey::Char('j') => select(model, |index| index.saturating_add(1)),
        ScreenKey::Up | ScreenKey::Char('k') => select(model, |index| index.saturating_sub(1)),
        ScreenKey::PageDown => select(model, |index| index.saturating_add(page)),
        ScreenKey::PageUp => select(model, |index| index.saturating_sub(page)),
        ScreenKey::Home | ScreenKey::Char('g') => select(model, |_| 0),
        ScreenKey::End | ScreenKey::Char('G') => select(model, |_| usize::MAX),
        ScreenKey::Char(_) | ScreenKey::Control(_) | ScreenKey::Backspace => {}
    }
    Vec::new()
}

/// Selects another row. The first row is then no longer followed.
fn select(model: &mut TopModel, to: impl FnOnce(usize) -> usize) {
    let list = model.list_mut();
    list.index = to(list.index);
    list.selected = None;
    list.follows = false;
}

fn sort_by_next(model: &mut TopModel) {
    let columns = rows::columns(model.tab);
    // The column of the database is the first one, and shown only if there are several.
    let first = usize::from(!model.has_several());
    let list = model.list_mut();
    list.sort = if list.sort + 1 < columns.len() { list.sort + 1 } else { first };
    list.is_descending = columns[list.sort].is_descending;
}

fn in_filter(model: &mut TopModel, key: ScreenKey, before: String) {
    match key {
        ScreenKey::Enter => return,
        ScreenKey::Escape => {
            model.filter = before;
            return;
        }
        ScreenKey::Backspace => {
            model.filter.pop();
        }
        ScreenKey::Control('u') => model.filter.clear(),
        ScreenKey::Char(c) if model.filter.chars().count() < LONGEST_FILTER => model.filter.push(c),
        _ => {}
    }
    model.focus = TopFocus::Filter { before };
}

fn in_window(model: &mut TopModel, key: ScreenKey, mut window: TopWindow) -> Vec<TopEffect> {
    let database = window.database;
    let (height, last) = view::window_scroll(model, &window);
    let scrolled = match key {
        ScreenKey::Down | ScreenKey::Char('j') => Some(window.scroll + 1),
        ScreenKey::Up | ScreenKey::Char('k') => Some(window.scroll.saturating_sub(1)),
        ScreenKey::PageDown | ScreenKey::Char(' ') => Some(window.scroll + height),
        ScreenKey::PageUp => Some(window.scroll.saturating_sub(height)),
        ScreenKey::Home | ScreenKey::Char('g') => Some(0),
        ScreenKey::End | ScreenKey::Char('G') => Some(last),
        _ => None,
    };
    if let Some(scroll) = scrolled {
        window.scroll = scroll.min(last);
        model.focus = TopFocus::Window(window);
        return Vec::new();
    }
    match (window.kind, key) {
        (WindowKind::Asking(number), ScreenKey::Char('y')) => {
            window.kind = WindowKind::Applying(number);
            model.focus = TopFocus::Window(window);
            vec![TopEffect::Apply { number, database }]
        }
        (WindowKind::Asking(number), ScreenKey::Char('n' | 'q') | ScreenKey::Escape) => {
            model.notice = Some("nothing was changed".to_owned());
            vec![TopEffect::Discard { number, database }]
        }
        (WindowKind::Waiting(number), ScreenKey::Char('q') | ScreenKey::Escape) => {
            vec![TopEffect::Discard { number, database }]
        }
        // What is being changed is waited for, and a plan is neither confirmed nor given up by another key.
        (WindowKind::Applying(_) | WindowKind::Asking(_) | WindowKind::Waiting(_), _) => {
            model.focus = TopFocus::Window(window);
            Vec::new()
        }
        (WindowKind::Text, _) => Vec::new(),
    }
}

/// Tasks are read from the database; for other rows, all columns are shown, also those for which there is no room in the list.
fn details(model: &mut TopModel) -> Vec<TopEffect> {
    let Some(row) = model.selected_row() else { return Vec::new() };
    let database = row.key.database();
    if let TopKey::Task(_, id) = row.key {
        return ask(model, database, TopQuestion::Details(id));
    }
    let columns = rows::columns(model.tab).iter().zip(row.cells);
    let lines = columns.filter(|(_, cell)| !cell.text.is_empty());
    let lines: Vec<String> = lines.map(|(column, cell)| format!("{:<12} {}", column.title, cell.text)).collect();
    let title = model.tab.name().to_owned();
    model.focus = TopFocus::Window(TopWindow { kind: WindowKind::Text, title, lines, scroll: 0, database });
    Vec::new()
}

fn change(model: &mut TopModel, key: ScreenKey) -> Vec<TopEffect> {
    if model.is_read_only {
        model.notice = Some("changes are disabled by --read-only".to_owned());
        return Vec::new();
    }
    let selected = model.list().selected.clone();
    let question = match (key, selected) {
        (ScreenKey::Char('p'), Some(TopKey::Queue(database, name))) => {
            let queues = model.databases.get(database).and_then(|it| it.seen.as_ref()).map(|(seen, _)| &seen.queues);
            let queue = queues.and_then(|queues| queues.iter().find(|queue| queue.queue == name));
            let Some(queue) = queue else { return Vec::new() };
            Some((database, TopQuestion::Pause(name, !queue.paused)))
        }
        (ScreenKey::Char('r'), Some(TopKey::Task(database, id))) => Some((database, TopQuestion::Retry(id))),
        (ScreenKey::Char('c'), Some(TopKey::Task(database, id))) => Some((database, TopQuestion::Cancel(id))),
        _ => None,
    };
    let Some((database, question)) = question else {
        let list = if key == ScreenKey::Char('p') { "a queue (list 1)" } else { "a task (list 2 or 5)" };
        model.notice = Some(format!("select {list} first"));
        return Vec::new();
    };
    ask(model, database, question)
}

fn ask(model: &mut TopModel, database: usize, question: TopQuestion) -> Vec<TopEffect> {
    model.requests += 1;
    let number = model.requests;
    let title = match &question {
        TopQuestion::Details(id) => format!("Task {id}"),
        TopQuestion::Retry(id) => format!("Retry task {id}"),
        TopQuestion::Cancel(id) => format!("Cancel task {id}"),
        TopQuestion::Pause(queue, true) => format!("Pause queue {queue}"),
        TopQuestion::Pause(queue, false) => format!("Resume queue {queue}"),
    };
    let lines = vec!["Reading…".to_owned()];
    let kind = WindowKind::Waiting(number);
    model.focus = TopFocus::Window(TopWindow { kind, title, lines, scroll: 0, database });
    vec![TopEffect::Ask { number, database, question }]
}
