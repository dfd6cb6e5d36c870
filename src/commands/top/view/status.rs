//! The lines above and below the list: its name, the databases, the keys. Pure.

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::text::Span;
use ratatui::widgets::Paragraph;
use reproq_queue::stats::WorkerState;
use reproq_queue::text::span;

use super::TopPaint;
use super::text::cut_end;
use super::text::cut_start;
use super::text::width;
use crate::commands::top::model::TopDatabase;
use crate::commands::top::model::TopFocus;
use crate::commands::top::model::TopModel;
use crate::commands::top::model::TopSnapshot;
use crate::commands::top::model::TopTab;
use crate::commands::top::rows::TopTone;
use crate::model::text::time;

/// The names of the lists, and what differs from the usual.
pub(super) fn tabs(frame: &mut Frame<'_>, area: Rect, model: &TopModel) {
    let room = usize::from(area.width);
    let full: Vec<String> = TopTab::ALL.iter().map(|tab| format!(" {} {} ", tab.number() + 1, tab.name())).collect();
    let is_wide = full.iter().map(|name| width(name)).sum::<usize>() <= room;
    let mut spans: Vec<Span<'_>> = Vec::new();
    for (tab, name) in TopTab::ALL.into_iter().zip(full) {
        let is_shown = tab == model.tab;
        let name = if is_wide || is_shown { name } else { format!(" {} ", tab.number() + 1) };
        let style = if is_shown { TopPaint::strong().add_modifier(Modifier::REVERSED) } else { Style::new() };
        spans.push(Span::styled(name, style));
    }
    let used: usize = spans.iter().map(|span| width(&span.content)).sum();
    let about = about(model);
    if width(&about) + 1 + used <= room {
        spans.push(Span::raw(" ".repeat(room - used - width(&about))));
        spans.push(Span::styled(about, TopPaint::faint()));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

fn about(model: &TopModel) -> String {
    let mut parts = Vec::new();
    if model.is_read_only {
        parts.push("read-only".to_owned());
    }
    if model.list().follows {
        parts.push("follow".to_owned());
    }
    if let [TopDatabase { seen: Some((snapshot, _)), .. }] = &model.databases[..] {
        parts.push(time(snapshot.now));
    }
    parts.join(" · ")
}

/// A line for each database; those that cannot be read first, if there is no room for all.
pub(super) fn databases(frame: &mut Frame<'_>, area: Rect, model: &TopModel, paint: &TopPaint<'_>) {
    let room = usize::from(area.height);
    let mut shown: Vec<&TopDatabase> = model.databases.iter().collect();
    if shown.len() > room {
        shown.sort_by_key(|database| database.error.is_none());
    }
    let left = shown.len().saturating_sub(room);
    for (row, database) in shown.into_iter().take(room).enumerate() {
        let (mut text, tone) = line(model, database, paint);
        if left > 0 && row + 1 == room {
            text = format!(" (+{left}){text}");
        }
        let text = cut_end(&text, usize::from(area.width));
        let at = Rect { y: area.y + u16::try_from(row).unwrap_or(0), height: 1, ..area };
        frame.render_widget(Line::styled(text, paint.tone(tone)), at);
    }
}

fn line(model: &TopModel, database: &TopDatabase, paint: &TopPaint<'_>) -> (String, TopTone) {
    let alias = database.alias.as_ref().filter(|_| model.has_several());
    let alias = alias.map(|alias| format!("{}: ", (paint.clean)(alias))).unwrap_or_default();
    let age = database.age(model.clock, model.interval);
    let age = age.map(|age| span(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)));
    let (text, tone) = match (&database.seen, &database.error, age) {
        (None, None, _) => ("connecting…".to_owned(), TopTone::Faint),
        (None, Some(error), _) => (format!("retrying: {}", (paint.clean)(error)), TopTone::Problem),
        (Some(_), Some(error), age) => {
            let age = age.unwrap_or_default();
            (format!("{age} old, retrying: {}", (paint.clean)(error)), TopTone::Problem)
        }
        (Some((snapshot, _)), None, Some(age)) => (format!("{age} old: {}", numbers(snapshot)), TopTone::Warning),
        (Some((snapshot, _)), None, None) => (numbers(snapshot), TopTone::Plain),
    };
    (format!(" {alias}{text}"), tone)
}

/// The same numbers as `stats` has.
fn numbers(snapshot: &TopSnapshot) -> String {
    let sum = |of: fn(&reproq_queue::stats::QueueDepth) -> i64| snapshot.queues.iter().map(of).sum::<i64>();
    let mut parts = vec![format!(
        "{} ready, {} scheduled, {} running, {} waiting",
        sum(|it| it.ready),
        sum(|it| it.scheduled),
        sum(|it| it.running),
        sum(|it| it.waiting)
    )];
    let with = |state| snapshot.workers.iter().filter(|worker| worker.state() == state).count();
    let mut workers = format!("workers: {} alive", with(WorkerState::Alive));
    for (state, name) in [(WorkerState::Stale, "stale"), (WorkerState::Unknown, "unknown")] {
        if with(state) > 0 {
            workers.push_str(&format!(", {} {name}", with(state)));
        }
    }
    parts.push(workers);
    let leases = sum(|it| it.expired_leases + it.missing_leases);
    if leases > 0 {
        parts.push(format!("{leases} without a valid lease"));
    }
    let late = snapshot.schedules.iter().filter(|it| it.late_seconds(snapshot.now).is_some()).count();
    if late > 0 {
        parts.push(format!("{late} late"));
    }
    parts.push(format!("{} failed in 24 h", snapshot.failed));
    if snapshot.is_standby {
        parts.push("standby".to_owned());
    }
    parts.join(" · ")
}

/// The filter while it is typed, a notice, or the keys.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, model: &TopModel, rows: usize, paint: &TopPaint<'_>) {
    if area.height == 0 {
        return;
    }
    let room = usize::from(area.width);
    if matches!(model.focus, TopFocus::Filter { .. }) {
        let text = cut_start(&(paint.clean)(&model.filter), room.saturating_sub(2));
        let column = area.x + u16::try_from(1 + width(&text)).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
        frame.render_widget(Line::from(format!("/{text}")), area);
        frame.set_cursor_position(Position::new(column, area.y));
        return;
    }
    let place = if rows == 0 { String::new() } else { format!(" {}/{rows} ", model.list().index + 1) };
    let filter = match model.filter.as_str() {
        "" => String::new(),
        filter => format!(" /{} (Esc clears)", cut_end(&(paint.clean)(filter), room / 3)),
    };
    let left = match &model.notice {
        Some(notice) => format!(" {}", (paint.clean)(notice)),
        None if filter.is_empty() => format!(" {}", keys(model)),
        None => filter,
    };
    let left = cut_end(&left, room.saturating_sub(width(&place)));
    let space = " ".repeat(room.saturating_sub(width(&left) + width(&place)));
    let style = if model.notice.is_some() { TopPaint::strong() } else { TopPaint::faint() };
    frame.render_widget(Line::styled(format!("{left}{space}{place}"), style), area);
}

/// The keys that matter for this list, most important first.
fn keys(model: &TopModel) -> String {
    let changes = match model.tab {
        _ if model.is_read_only => "",
        TopTab::Queues => "p pause/resume  ",
        TopTab::Tasks => "c cancel  r retry  ",
        TopTab::Failures => "r retry  ",
        TopTab::Workers | TopTab::Schedules => "",
    };
    format!("q quit  ? keys  {changes}/ filter  s sort  f follow  Enter details")
}
