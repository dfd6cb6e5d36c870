//! The rows that fit on the screen, with their heading. Pure.

use ratatui::Frame;
use ratatui::layout::Constraint;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Cell;
use ratatui::widgets::Paragraph;
use ratatui::widgets::Row;
use ratatui::widgets::Table;
use ratatui::widgets::TableState;

use super::TopPaint;
use super::fit::GAP;
use super::fit::fit;
use super::text::cut_end;
use super::text::cut_start;
use super::text::width;
use crate::commands::top::model::TopModel;
use crate::commands::top::rows;
use crate::commands::top::rows::Shrink;
use crate::commands::top::rows::TopColumn;
use crate::commands::top::rows::TopRow;

/// Before the selected row, so that it is visible without any style.
const MARK: &str = "> ";

/// Draws the list; returns how many rows it has.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, heading: u16, model: &TopModel, paint: &TopPaint<'_>) -> usize {
    let rows = rows::rows(model);
    let count = rows.len();
    if rows.is_empty() {
        let text = Line::styled(nothing(model), TopPaint::faint());
        let below = Rect { y: area.y + heading.min(area.height), height: area.height.saturating_sub(heading), ..area };
        frame.render_widget(Paragraph::new(text), below);
        return count;
    }
    let (list, columns) = (model.list(), rows::columns(model.tab));
    let height = usize::from(area.height.saturating_sub(heading));
    let visible: Vec<(TopRow, Vec<String>)> = rows
        .into_iter()
        .skip(list.offset)
        .take(height)
        .map(|row| {
            let cells = row.cells.iter().map(|cell| (paint.clean)(&cell.text)).collect();
            (row, cells)
        })
        .collect();
    let titles: Vec<String> = (0..columns.len()).map(|index| title(model, index)).collect();
    let natural: Vec<usize> = (0..columns.len())
        .map(|index| match index {
            0 if !model.has_several() => 0,
            _ => visible.iter().map(|(_, cells)| width(&cells[index])).max().unwrap_or(0).max(width(&titles[index])),
        })
        .collect();
    let room = usize::from(area.width).saturating_sub(MARK.len());
    let shown = fit(columns, &natural, room);
    let cells = |texts: &[String], style: Style| {
        let cells = shown.iter().map(|(index, width)| cell(&columns[*index], &texts[*index], *width));
        Row::new(cells.collect::<Vec<_>>()).style(style)
    };
    let body: Vec<Row<'_>> = visible.iter().map(|(row, texts)| cells(texts, paint.tone(row.tone))).collect();
    let widths = shown.iter().map(|(_, width)| Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)));
    let mut table = Table::new(body, widths)
        .column_spacing(GAP as u16)
        .highlight_symbol(MARK)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .highlight_spacing(ratatui::widgets::HighlightSpacing::Always);
    if heading > 0 {
        table = table.header(cells(&titles, TopPaint::strong()));
    }
    let mut state = TableState::new().with_selected(list.index.checked_sub(list.offset));
    frame.render_stateful_widget(table, area, &mut state);
    count
}

/// The name of a column, with the direction if the list is sorted by it.
fn title(model: &TopModel, index: usize) -> String {
    let (list, name) = (model.list(), rows::columns(model.tab)[index].title);
    match (list.sort == index, list.is_descending) {
        (false, _) => name.to_owned(),
        (true, true) => format!("{name}▼"),
        (true, false) => format!("{name}▲"),
    }
}

fn cell(column: &TopColumn, text: &str, width: usize) -> Cell<'static> {
    let text = match column.shrink {
        Shrink::Start => cut_start(text, width),
        Shrink::End | Shrink::Never => cut_end(text, width),
    };
    let line = Line::from(text);
    Cell::new(if column.is_number { line.right_aligned() } else { line })
}

/// Why there are no rows.
fn nothing(model: &TopModel) -> String {
    if model.databases.iter().all(|database| database.seen.is_none()) {
        return String::new();
    }
    let name = model.tab.name().to_lowercase();
    match model.filter.as_str() {
        "" => format!("{MARK}There are no {name}."),
        _ => format!("{MARK}There are no {name} with this text."),
    }
}
