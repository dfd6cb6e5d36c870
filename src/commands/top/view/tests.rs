//! Screens at three sizes.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use ratatui::layout::Position;

use super::*;
use crate::commands::top::samples;
use crate::commands::top::update::TopAnswer;
use crate::commands::top::update::TopEvent;
use crate::commands::top::update::update;
use crate::model::text::printable_line;
use crate::ui::ScreenKey;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

fn drawn(model: &TopModel, is_colored: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).expect("a buffer");
    let paint = TopPaint { clean: &printable_line, is_colored };
    terminal.draw(|frame| draw(frame, model, &paint)).expect("drawn");
    terminal
}

/// The rows of a screen, without spaces at their ends.
fn screen(model: &TopModel) -> String {
    let terminal = drawn(model, false);
    let buffer = terminal.backend().buffer();
    let row = |cells: &[ratatui::buffer::Cell]| {
        let mut text = String::new();
        let mut hidden = 0;
        for cell in cells {
            // The second column of a wide character.
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            text.push_str(cell.symbol());
            hidden = text::width(cell.symbol()).saturating_sub(1);
        }
        text.trim_end().to_owned()
    };
    let rows: Vec<String> = buffer.content().chunks(usize::from(buffer.area.width)).map(row).collect();
    rows.join("\n")
}

fn press(model: &mut TopModel, keys: &str) {
    for key in keys.chars() {
        let key = if key == '\n' { ScreenKey::Enter } else { ScreenKey::Char(key) };
        update(model, TopEvent::Key(key));
    }
}

#[test]
fn each_list_at_each_size() {
    for (columns, rows) in SIZES {
        let mut model = samples::model((columns, rows));
        for tab in ["1", "2", "3", "4", "5"] {
            press(&mut model, tab);
            insta::assert_snapshot!(format!("{columns}x{rows}-list-{tab}"), screen(&model));
        }
    }
}

#[test]
fn windows_at_each_size() {
    for (columns, rows) in SIZES {
        let mut model = samples::model((columns, rows));
        press(&mut model, "?");
        insta::assert_snapshot!(format!("{columns}x{rows}-keys"), screen(&model));
        press(&mut model, "q5r");
        let lines = [
            "Task 105 (shop.tasks.mail) in queue default",
            "  planned: FAILED → READY",
            "  attempt 4 of 4",
            "Planned: 1 retried. Nothing was changed.",
        ];
        let answer = TopAnswer::Plan(lines.map(str::to_owned).to_vec());
        update(&mut model, TopEvent::Answer { number: 1, answer });
        insta::assert_snapshot!(format!("{columns}x{rows}-plan"), screen(&model));
    }
}

#[test]
fn databases_that_are_away_are_shown_first() {
    let mut model = samples::several(&["main", "mail", "reports"], (80, 12));
    update(&mut model, TopEvent::Clock(std::time::Duration::from_secs(20)));
    let error = "cannot reach 127.0.0.1:5432\u{1b}: Connection refused".to_owned();
    let at = std::time::Duration::from_secs(21);
    update(&mut model, TopEvent::Read { database: 0, at, result: Err(error.clone()) });
    update(&mut model, TopEvent::Read { database: 2, at, result: Err(error) });
    insta::assert_snapshot!("away", screen(&model));
}

#[test]
fn a_filter_is_typed_with_a_cursor() {
    let mut model = samples::model((80, 24));
    press(&mut model, "2/請求");
    let mut terminal = drawn(&model, false);
    assert_eq!(terminal.get_cursor_position().expect("a cursor"), Position::new(5, 23));
    insta::assert_snapshot!("filter-typed", screen(&model));
    press(&mut model, "\n");
    insta::assert_snapshot!("filter", screen(&model));
}

/// Light and dark terminals have their own background, and some users want no color.
#[test]
fn no_background_is_painted_and_colors_can_be_off() {
    for is_colored in [false, true] {
        let mut colors = 0;
        for tab in ["1", "2", "3", "4", "5", "?"] {
            let mut model = samples::model((80, 24));
            press(&mut model, tab);
            let terminal = drawn(&model, is_colored);
            let cells = terminal.backend().buffer().content();
            assert!(cells.iter().all(|cell| cell.bg == Color::Reset));
            colors += cells.iter().filter(|cell| cell.fg != Color::Reset).count();
        }
        assert_eq!(colors > 0, is_colored);
    }
}

/// Nothing that a database returns acts on the terminal.
#[test]
fn control_characters_are_visible() {
    let mut model = samples::model((200, 24));
    press(&mut model, "2");
    let text = screen(&model);
    assert!(text.contains("evil\\x1b[31m.tasks\\n.\\u{202e}live\\x07"), "{text}");
    assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text}");
}
