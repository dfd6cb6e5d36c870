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
pub const END: &str = "[end]";

/// The rows of a terminal, unless a test chooses them.
const ROWS: usize = 50;

/// A terminal in which the program runs; closed when dropped.
pub struct Terminal {
    socket: PathBuf,
    columns: Cell<usize>,
    root: PathBuf,
}

impl Terminal {
    /// Runs the program in the project, in a terminal with this many columns. Recorded as skipped if tmux is missing.
    pub fn start(context: &Context, columns: usize, arguments: &[&str]) -> Option<Self> {
        Self::sized(context, (columns, ROWS), arguments)
    }

    /// The same with this many columns and rows.
    pub fn sized(context: &Context, size: (usize, usize), arguments: &[&str]) -> Option<Self> {
        let terminal = Self::prepared(context, size, arguments)?;
        // The shell survives a Ctrl-C, which both receive.
        let script = format!(
            "trap : INT\nstty -a >../../stty-before\nsh ../../program.sh\necho $? >../../status\nstty -a >../../stty-after\n\
             printf '{END}'\nexec sleep 60\n"
        );
        let file = context.root().join("in-terminal.sh");
        fs::write(&file, script).expect("written");
        terminal.open(context, size, &["sh", file.to_str().expect("UTF-8")]);
        Some(terminal)
    }

    /// A terminal with an interactive shell, in which `sh ../../program.sh` runs the program.
    pub fn shell(context: &Context, size: (usize, usize), arguments: &[&str]) -> Option<Self> {
        let terminal = Self::prepared(context, size, arguments)?;
        terminal.open(context, size, &["env", "PS1=$ ", "ENV=", "sh", "-i"]);
        Some(terminal)
    }

    fn prepared(context: &Context, (columns, _): (usize, usize), arguments: &[&str]) -> Option<Self> {
        let tmux = Command::new("tmux").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !tmux.is_ok_and(|status| status.success()) {
            skip::record("a long step on a real terminal", "install tmux");
            return None;
        }
        let command = context.command(arguments);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        // Nothing of the environment of the tests, in which `CI` may be set.
        let mut script = "echo $$ >../../pid\nexec env -i TERM=\"$TERM\"".to_owned();
        script.extend(variables.map(|(name, value)| format!(" {name}={}", quoted(value))));
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<String> = words.map(|word| quoted(word.to_str().expect("UTF-8"))).collect();
        script.push_str(&format!(" {}\n", words.join(" ")));
        let root = context.root().to_owned();
        fs::write(root.join("program.sh"), script).expect("written");
        Some(Self { socket: root.join("tmux"), columns: Cell::new(columns), root })
    }

    fn open(&self, context: &Context, (columns, rows): (usize, usize), command: &[&str]) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut tmux = self.tmux(&["-u", "-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, "-c"]);
        tmux.arg(context.project()).args(command);
        assert!(tmux.status().expect("tmux starts").success(), "tmux makes a terminal");
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

    /// The screen with its styles, as codes of the terminal.
    pub fn styled_screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-e"]).output().expect("tmux starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
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

    /// Waits until the screen is like this, and returns it.
    pub fn wait(&self, is_it: impl Fn(&[String]) -> bool) -> Vec<String> {
        let screens = self.watch_until(&is_it);
        let last = screens.last().expect("a screen");
        assert!(is_it(last), "the program has ended: {last:#?}");
        last.clone()
    }

    /// Waits until a line of the screen has this text.
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        self.wait(|screen| screen.iter().any(|line| line.contains(text)))
    }

    /// Changes the width.
    pub fn resize(&self, columns: usize) {
        self.resize_to((columns, ROWS));
    }

    /// Changes the size, to this many columns and rows.
    pub fn resize_to(&self, (columns, rows): (usize, usize)) {
        self.columns.set(columns.max(self.columns.get()));
        let size = ["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()];
        assert!(self.tmux(&size).status().expect("tmux starts").success());
        self.columns.set(columns);
    }

    /// Whether the cursor is visible.
    pub fn has_cursor(&self) -> bool {
        self.has_flag("cursor_flag")
    }

    /// Whether a program uses the screen, and what was on it before is kept.
    pub fn is_alternate(&self) -> bool {
        self.has_flag("alternate_on")
    }

    fn has_flag(&self, name: &str) -> bool {
        let output = self.tmux(&["display-message", "-p", &format!("#{{{name}}}")]).output().expect("tmux starts");
        String::from_utf8_lossy(&output.stdout).trim() == "1"
    }

    /// Presses keys, as tmux names them.
    pub fn press(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"][..], keys].concat()).status().expect("tmux starts").success());
    }

    /// The id of the process of the program.
    pub fn pid(&self) -> String {
        fs::read_to_string(self.root.join("pid")).expect("the program has started").trim().to_owned()
    }

    /// The exit status of the program, and the settings of the terminal before and after it.
    pub fn ended(&self) -> (i32, String, String) {
        self.wait_for(END);
        let read = |name| fs::read_to_string(self.root.join(name)).expect("the program has ended");
        (read("status").trim().parse().expect("a number"), read("stty-before"), read("stty-after"))
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
