//! Draws the model. Pure: what is drawn is a buffer; no background is painted, so that it suits light and dark terminals.

mod fit;
mod list;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod window;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::style::Modifier;
use ratatui::style::Style;

use crate::commands::top::model::TopFocus;
use crate::commands::top::model::TopModel;
use crate::commands::top::rows::TopTone;

pub(super) use window::window_scroll;

/// How text is drawn.
pub(super) struct TopPaint<'a> {
    /// Makes a string printable, and redacts secrets.
    pub(super) clean: &'a dyn Fn(&str) -> String,
    pub(super) is_colored: bool,
}

impl TopPaint<'_> {
    fn tone(&self, tone: TopTone) -> Style {
        let color = match tone {
            TopTone::Plain => return Style::new(),
            TopTone::Faint => return Style::new().add_modifier(Modifier::DIM),
            TopTone::Warning => Color::Yellow,
            TopTone::Problem => Color::Red,
        };
        if self.is_colored { Style::new().fg(color) } else { Style::new() }
    }

    fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn faint() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, model: &TopModel, paint: &TopPaint<'_>) {
    let layout = model.layout();
    let mut rest = frame.area();
    let mut take = |rows: u16| {
        let part = Rect { height: rows.min(rest.height), ..rest };
        rest = Rect { y: rest.y + part.height, height: rest.height - part.height, ..rest };
        part
    };
    status::tabs(frame, take(layout.tabs), model);
    status::databases(frame, take(layout.databases), model, paint);
    let shown = list::draw(frame, take(layout.heading + layout.list_rows), layout.heading, model, paint);
    status::footer(frame, take(layout.footer), model, shown, paint);
    if let TopFocus::Window(window) = &model.focus {
        window::draw(frame, frame.area(), model, window, paint);
    }
}
