//! A window in front of the list. Pure.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Block;
use ratatui::widgets::Clear;
use ratatui::widgets::Paragraph;

use super::TopPaint;
use super::text::cut_end;
use super::text::width;
use super::text::wrapped;
use crate::commands::top::model::TopModel;
use crate::commands::top::model::TopWindow;
use crate::commands::top::model::WindowKind;
use crate::model::text::printable_line;

/// Below this many columns, windows are as wide as the screen.
const NARROW: u16 = 60;

/// The rows of text that a window shows at once, and the largest position to scroll to.
pub(in crate::commands::top) fn window_scroll(model: &TopModel, window: &TopWindow) -> (usize, usize) {
    let (columns, rows) = model.layout().window;
    let lines = lines(window, usize::from(columns), &printable_line).len();
    let rows = usize::from(rows).max(1);
    (rows, lines.saturating_sub(rows))
}

fn lines(window: &TopWindow, columns: usize, clean: &dyn Fn(&str) -> String) -> Vec<String> {
    window.lines.iter().flat_map(|line| wrapped(&clean(line), columns)).collect()
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &TopModel, window: &TopWindow, paint: &TopPaint<'_>) {
    let (columns, rows) = model.layout().window;
    let lines = lines(window, usize::from(columns), paint.clean);
    let title = format!(" {} ", (paint.clean)(&window.title));
    let hint = hint(window.kind);
    let widest = lines.iter().map(|line| width(line)).chain([width(&title), width(hint)]).max().unwrap_or(0);
    // What is left of the list beside a window on a narrow screen would not be readable.
    let widest = if area.width < NARROW { usize::from(columns) } else { widest };
    let inner = (u16::try_from(widest).unwrap_or(u16::MAX).min(columns), u16::try_from(lines.len()).unwrap_or(rows));
    let size = (inner.0.saturating_add(4).min(area.width), inner.1.min(rows).saturating_add(2).min(area.height));
    let place = Rect {
        x: area.x + (area.width - size.0) / 2,
        y: area.y + (area.height - size.1) / 2,
        width: size.0,
        height: size.1,
    };
    let last = lines.len().saturating_sub(usize::from(rows).max(1));
    let scroll = window.scroll.min(last);
    let room = usize::from(size.0.saturating_sub(2));
    let more = if last > 0 {
        format!(" {}-{}/{} ", scroll + 1, scroll + lines.len() - last, lines.len())
    } else {
        String::new()
    };
    let block = Block::bordered()
        .title_top(Line::styled(cut_end(&title, room), TopPaint::strong()))
        .title_bottom(Line::styled(cut_end(hint, room), TopPaint::strong()));
    let is_roomy = width(hint) + width(&more) < room;
    let block = if is_roomy { block.title_bottom(Line::from(more).right_aligned()) } else { block };
    let text: Vec<Line<'_>> = lines.into_iter().skip(scroll).map(|line| Line::from(format!(" {line}"))).collect();
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(text).block(block), place);
}

/// What to press.
const fn hint(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::Text => " Esc closes ",
        WindowKind::Waiting(_) => " Esc gives up ",
        WindowKind::Asking(_) => " y: do it   n: change nothing ",
        WindowKind::Applying(_) => " please wait ",
    }
}
