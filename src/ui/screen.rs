//! The whole terminal as a screen, with its keys. Whatever ends the program, the terminal is as it was before.
#![expect(clippy::disallowed_methods, reason = "the screen is drawn on stdout here")]

use std::io;
use std::io::Stdout;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crossterm::cursor::Hide;
use crossterm::cursor::Show;
use crossterm::event::Event;
use crossterm::event::EventStream;
use crossterm::event::KeyCode;
use crossterm::event::KeyEvent;
use crossterm::event::KeyEventKind;
use crossterm::event::KeyModifiers;
use crossterm::queue;
use crossterm::terminal::Clear;
use crossterm::terminal::ClearType;
use crossterm::terminal::EnterAlternateScreen;
use crossterm::terminal::LeaveAlternateScreen;
use crossterm::terminal::disable_raw_mode;
use crossterm::terminal::enable_raw_mode;
use futures_util::StreamExt;
use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::platform;

/// Whether the terminal is in use as a screen.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal as a screen, until this is dropped.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

/// The keys of the screen.
pub(crate) struct ScreenInput {
    events: EventStream,
}

/// A key, or a change of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScreenEvent {
    Key(ScreenKey),
    /// Columns and rows.
    Resize(u16, u16),
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScreenKey {
    Char(char),
    /// Together with Ctrl; the letter is in lower case.
    Control(char),
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn take() -> io::Result<Self> {
        let mut screen = Self { terminal: terminal()? };
        screen.take_again()?;
        Ok(screen)
    }

    /// Takes the terminal after [`Screen::give_back`], or after another program has used it; all of it is drawn next.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        IS_TAKEN.store(true, Ordering::SeqCst);
        platform::on_interrupt_restore(Some(restore));
        // Only what crossterm has restored itself is set again by it.
        let _ = disable_raw_mode();
        enable_raw_mode()?;
        let mut out = io::stdout();
        queue!(out, EnterAlternateScreen, Clear(ClearType::All), Hide)?;
        out.flush()?;
        // Its own way to clear asks the terminal for the position of the cursor, whose answer would be read as keys.
        self.terminal = terminal()?;
        Ok(())
    }

    /// Restores the terminal.
    pub(crate) fn give_back(&self) {
        restore();
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws what has changed since the last time.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }
}

/// It assumes that the screen is empty.
fn terminal() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal, if it is taken. After the end of the terminal there is nothing to restore.
fn restore() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    platform::on_interrupt_restore(None);
    let mut out = io::stdout();
    let _ = queue!(out, LeaveAlternateScreen, Show).and_then(|()| out.flush());
    let _ = disable_raw_mode();
}

impl ScreenInput {
    /// Reads from the terminal of stdin, within a runtime.
    pub(crate) fn new() -> Self {
        Self { events: EventStream::new() }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is switched on")]
    /// The next key or size; `None` if the terminal has ended.
    pub(crate) async fn next(&mut self) -> Option<ScreenEvent> {
        loop {
            match self.events.next().await?.ok()? {
                Event::Key(event) => {
                    if let Some(key) = key_of(event) {
                        return Some(ScreenEvent::Key(key));
                    }
                }
                Event::Resize(columns, rows) => return Some(ScreenEvent::Resize(columns, rows)),
                _ => {}
            }
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys mean nothing")]
fn key_of(event: KeyEvent) -> Option<ScreenKey> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let (has_control, has_alt) =
        (event.modifiers.contains(KeyModifiers::CONTROL), event.modifiers.contains(KeyModifiers::ALT));
    Some(match event.code {
        KeyCode::Char(c) => match (has_control, has_alt) {
            (true, false) => ScreenKey::Control(c.to_ascii_lowercase()),
            // Together they are AltGr on Windows, which is part of a character.
            (false, false) | (true, true) => ScreenKey::Char(c),
            // Also a character directly after Esc, which must not confirm anything.
            (false, true) => return None,
        },
        KeyCode::Enter => ScreenKey::Enter,
        KeyCode::Esc => ScreenKey::Escape,
        KeyCode::Tab => ScreenKey::Tab,
        KeyCode::BackTab => ScreenKey::BackTab,
        KeyCode::Backspace => ScreenKey::Backspace,
        KeyCode::Up => ScreenKey::Up,
        KeyCode::Down => ScreenKey::Down,
        KeyCode::Left => ScreenKey::Left,
        KeyCode::Right => ScreenKey::Right,
        KeyCode::PageUp => ScreenKey::PageUp,
        KeyCode::PageDown => ScreenKey::PageDown,
        KeyCode::Home => ScreenKey::Home,
        KeyCode::End => ScreenKey::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_recognized() {
        let pressed = |code, modifiers| key_of(KeyEvent::new(code, modifiers));
        let control = KeyModifiers::CONTROL;
        assert_eq!(pressed(KeyCode::Char('S'), KeyModifiers::SHIFT), Some(ScreenKey::Char('S')));
        assert_eq!(pressed(KeyCode::Char('c'), control), Some(ScreenKey::Control('c')));
        assert_eq!(pressed(KeyCode::Char('C'), control | KeyModifiers::SHIFT), Some(ScreenKey::Control('c')));
        assert_eq!(pressed(KeyCode::Char('@'), control | KeyModifiers::ALT), Some(ScreenKey::Char('@')));
        assert_eq!(pressed(KeyCode::Char('y'), KeyModifiers::ALT), None);
        assert_eq!(pressed(KeyCode::F(1), KeyModifiers::NONE), None);
        let released = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(key_of(released), None);
    }
}
