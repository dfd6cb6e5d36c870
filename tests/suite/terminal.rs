//! Long steps on a real terminal: one line at any width, which is removed at the end.

use std::thread;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;

use crate::support::Context;
use crate::support::tmux::Terminal;

const WIDTHS: [usize; 4] = [40, 60, 80, 120];

fn is_moving(screen: &[String]) -> bool {
    screen.iter().any(|line| line.starts_with("Downloading"))
}

/// Installs in a terminal of each width, and passes on the screens.
fn at_every_width(fault: Option<&Fault>, look: impl Fn(usize, &[Vec<String>]) + Sync) {
    thread::scope(|scope| {
        for columns in WIDTHS {
            let look = &look;
            scope.spawn(move || {
                let context = Context::released();
                if let Some(fault) = fault {
                    context.github.fault(Matcher::objects(), fault.clone());
                }
                let Some(terminal) = Terminal::start(&context, columns, &["install", "--no-django"]) else { return };
                let screens = terminal.watch();
                let last = screens.last().expect("a screen");
                assert!(last[0].starts_with("Installed v0.0.144"), "{last:#?}");
                assert!(!is_moving(last), "{last:#?}");
                for screen in screens.iter().take_while(|screen| !screen.iter().any(|line| line.contains("Installed")))
                {
                    assert!(screen.len() < 2, "a line wrapped or was left behind: {screen:#?}");
                }
                look(columns, &screens);
            });
        }
    });
}

#[test]
fn a_slow_download_is_one_line_at_every_width() {
    let slow = Fault::Trickle { bytes: 80_000, every: Duration::from_millis(100) };
    at_every_width(Some(&slow), |columns, screens| {
        let moving: Vec<&String> = screens.iter().filter(|screen| is_moving(screen)).map(|screen| &screen[0]).collect();
        assert!(moving.len() > 3, "it moves: {screens:#?}");
        let line = moving[moving.len() / 2];
        match columns {
            40 => assert!(line.ends_with('%'), "{line}"),
            60 => assert!(line.contains(" MiB/"), "{line}"),
            80 => assert!(line.contains("iB/s "), "{line}"),
            _ => assert!(line.contains("iB/s ") && line.contains('['), "{line}"),
        }
    });
}

#[test]
fn a_stalled_download_shows_the_duration() {
    let stalled = Fault::StallBody { after: 100_000, hold: Hold::For(Duration::from_secs(6)) };
    at_every_width(Some(&stalled), |columns, screens| {
        let said = screens.iter().any(|screen| screen.iter().any(|line| line.contains("no data for")));
        assert_eq!(said, columns >= 80, "{columns}: {screens:#?}");
    });
}

#[test]
fn short_steps_show_no_progress_line() {
    at_every_width(None, |_, screens| {
        assert!(!screens.iter().any(|screen| is_moving(screen)), "{screens:#?}");
    });
}

#[test]
fn an_interrupted_download_removes_its_line() {
    let context = Context::released();
    context.github.fault(Matcher::objects(), Fault::StallBody { after: 100_000, hold: Hold::UntilDropped });
    let Some(terminal) = Terminal::start(&context, 80, &["install", "--no-django"]) else { return };
    terminal.watch_until(is_moving);
    terminal.interrupt();
    let screens = terminal.watch();
    let last = screens.last().expect("a screen");
    assert!(!is_moving(last), "{last:#?}");
}
