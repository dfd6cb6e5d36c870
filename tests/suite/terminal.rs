//! Long steps on a real terminal: one line at any width, which is removed at the end.

use std::thread;
use std::time::Duration;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;
use fake_github::ReleaseSpec;

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
        assert!(said, "{columns}: {screens:#?}");
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

/// A release for every platform, which takes about two seconds to download.
fn slow_assets() -> Context {
    let mut context = Context::new();
    context.without_cache();
    let mut spec = ReleaseSpec::new("v0.0.144");
    for platform in ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64", "windows-amd64.exe"] {
        spec = spec.file(&format!("reproq-{platform}"), platform.repeat(30_000).into_bytes());
    }
    context.repo().add(spec);
    let slow = Fault::Trickle { bytes: 20_000, every: Duration::from_millis(100) };
    context.github.fault(Matcher::objects().always(), slow);
    context
}

const BUNDLE: [&str; 6] = ["bundle", "create", "--target", "all", "-o", "worker.tar"];

fn moving(screen: &[String]) -> Vec<&String> {
    screen.iter().filter(|line| line.starts_with("Downloading")).collect()
}

#[test]
fn several_downloads_are_a_sum_and_a_line_for_each_at_every_width() {
    thread::scope(|scope| {
        for columns in [40, 80, 120] {
            scope.spawn(move || {
                let context = slow_assets();
                let Some(terminal) = Terminal::start(&context, columns, &BUNDLE) else { return };
                let screens = terminal.watch();
                let most = screens.iter().max_by_key(|screen| moving(screen).len()).expect("a screen");
                let lines = moving(most);
                assert_eq!(lines.len(), 1 + 4, "the sum and four at a time: {screens:#?}");
                assert!(lines[0].starts_with("Downloading 5 assets"), "{most:#?}");
                for line in &lines {
                    assert!(line.chars().count() <= columns - 3, "{line}");
                    assert!(line.contains("iB") || line.ends_with('%'), "{line}");
                }
                let last = screens.last().expect("a screen");
                assert!(moving(last).is_empty() && last.iter().any(|line| line.contains("worker.tar")), "{last:#?}");
            });
        }
    });
}

#[test]
fn a_terminal_that_changes_its_width_keeps_no_old_line() {
    let context = slow_assets();
    let Some(terminal) = Terminal::start(&context, 120, &BUNDLE) else { return };
    for columns in [50, 100, 40] {
        terminal.watch_until(|screen| moving(screen).len() > 2);
        terminal.resize(columns);
        thread::sleep(Duration::from_millis(250));
        let screen = terminal.screen();
        assert!(screen.len() <= 1 + 4, "{columns}: {screen:#?}");
    }
    let screens = terminal.watch();
    let last = screens.last().expect("a screen");
    assert!(moving(last).is_empty() && last[0].starts_with("Bundled"), "{last:#?}");
}

#[test]
fn an_interruption_removes_every_line_and_leaves_the_cursor_visible() {
    let context = slow_assets();
    let Some(terminal) = Terminal::start(&context, 80, &BUNDLE) else { return };
    terminal.watch_until(|screen| moving(screen).len() > 2);
    terminal.interrupt();
    let screens = terminal.watch();
    let last = screens.last().expect("a screen");
    assert!(moving(last).is_empty(), "{last:#?}");
    assert!(last[0].starts_with("error: interrupted"), "{last:#?}");
    assert!(terminal.has_cursor());
}

#[test]
fn a_silent_command_shows_what_it_does() {
    let context = Context::released();
    context.github.latency(Duration::from_millis(900));
    let Some(terminal) = Terminal::start(&context, 40, &["install", "--no-django"]) else { return };
    let screens = terminal.watch();
    let is_shown = screens.iter().any(|screen| screen.len() == 1 && screen[0].contains(" Installing "));
    assert!(is_shown, "{screens:#?}");
    let last = screens.last().expect("a screen");
    assert!(!last.iter().any(|line| line.contains("Installing")), "{last:#?}");
}

#[test]
fn plain_progress_does_not_move_on_a_terminal_either() {
    let context = Context::released();
    context.github.fault(Matcher::objects(), Fault::Trickle { bytes: 200_000, every: Duration::from_millis(100) });
    let Some(terminal) = Terminal::start(&context, 120, &["install", "--no-django", "--progress", "plain"]) else {
        return;
    };
    let screens = terminal.watch();
    let lines: Vec<&String> = screens.iter().flatten().filter(|line| line.starts_with("Downloading")).collect();
    assert!(!lines.is_empty(), "{screens:#?}");
    assert!(lines.iter().all(|line| *line == lines[0]), "{screens:#?}");
    assert!(screens.last().is_some_and(|last| is_moving(last)), "it stays: {screens:#?}");
}

#[test]
fn an_interruption_is_a_json_line_too() {
    let context = Context::released();
    context.github.fault(Matcher::objects(), Fault::StallBody { after: 100_000, hold: Hold::UntilDropped });
    let arguments = ["install", "--no-django", "--progress", "json"];
    let Some(terminal) = Terminal::start(&context, 160, &arguments) else { return };
    terminal.watch_until(|screen| screen.iter().any(|line| line.contains("\"begin\"")));
    terminal.interrupt();
    let screens = terminal.watch();
    let last = screens.last().expect("a screen");
    let is_json = |line: &String| line.starts_with('{') && line.contains("\"kind\":\"error\",\"text\":\"interrupted");
    assert!(last.iter().any(is_json), "{last:#?}");
    assert!(!last.iter().any(|line| line.starts_with("error:")), "{last:#?}");
}
