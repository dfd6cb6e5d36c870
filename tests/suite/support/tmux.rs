//! A real terminal of a chosen width: the program runs in tmux, and its screen is captured.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use super::Context;
use super::skip;

/// A timeout longer than any run in these tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the shell prints when the program has ended.
const END: &str = "[end]";

/// A terminal in which the program runs; closed when dropped.
pub struct Terminal {
    socket: PathBuf,
    columns: Cell<usize>,
}

impl Terminal {
    /// Runs the program in the project, in a terminal with this many columns. Recorded as skipped if tmux is missing.
    pub fn start(context: &Context, columns: usize, arguments: &[&str]) -> Option<Self> {
        let tmux = Command::new("tmux").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !tmux.is_ok_and(|status| status.success()) {
            skip::record("a long step on a real terminal", "install tmux");
            return None;
        }
        let command = context.command(arguments);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        // The shell survives a Ctrl-C, which both receive.
        let mut script = "trap : INT\n".to_owned();
        // Nothing of the environment of the tests, in which `CI` may be set.
        script.push_str("env -i TERM=\"$TERM\"");
        script.extend(variables.map(|(name, value)| format!(" {name}={}", quoted(value))));
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<String> = words.map(|word| quoted(word.to_str().expect("UTF-8"))).collect();
        script.push_str(&format!(" {}\nprintf '{END}'\nexec sleep 60\n", words.join(" ")));
        let file = context.root().join("in-terminal.sh");
        fs::write(&file, script).expect("written");
        let terminal = Self { socket: context.root().join("tmux"), columns: Cell::new(columns) };
        let (columns, directory) = (columns.to_string(), context.project());
        let start = ["-u", "-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", "50", "-c"];
        let mut tmux = terminal.tmux(&start);
        tmux.arg(directory).arg("sh").arg(&file);
        assert!(tmux.status().expect("tmux starts").success(), "tmux makes a terminal");
        Some(terminal)
    }

    /// The lines of the screen, without trailing spaces and trailing empty lines.
    pub fn screen(&self) -> Vec<String> {
        let output = self.tmux(&["capture-pane", "-p"]).output().expect("tmux starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        assert!(lines.iter().all(|line| line.chars().count() <= self.columns.get()), "{lines:#?}");
        lines
    }

    /// The distinct screens from now until one matches or the program has ended.
    pub fn watch_until(&self, is_it: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
        let began = Instant::now();
        let mut screens: Vec<Vec<String>> = Vec::new();
        loop {
            let screen = self.screen();
            let is_over = is_it(&screen) || screen.iter().any(|line| line.contains(END));
            if screens.last() != Some(&screen) {
                screens.push(screen);
            }
            if is_over {
                return screens;
            }
            assert!(began.elapsed() < PATIENCE, "{screens:#?}");
            sleep(Duration::from_millis(30));
        }
    }

    /// The distinct screens from now until the program has ended.
    pub fn watch(&self) -> Vec<Vec<String>> {
        self.watch_until(|_| false)
    }

    /// Changes the width.
    pub fn resize(&self, columns: usize) {
        self.columns.set(columns.max(self.columns.get()));
        let size = ["resize-window", "-x", &columns.to_string(), "-y", "50"];
        assert!(self.tmux(&size).status().expect("tmux starts").success());
        self.columns.set(columns);
    }

    /// Whether the cursor is visible.
    pub fn has_cursor(&self) -> bool {
        let output = self.tmux(&["display-message", "-p", "#{cursor_flag}"]).output().expect("tmux starts");
        String::from_utf8_lossy(&output.stdout).trim() == "1"
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        assert!(self.tmux(&["send-keys", "C-c"]).status().expect("tmux starts").success());
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments);
        command.env_remove("TMUX").stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).stdout(Stdio::null()).status();
    }
}
