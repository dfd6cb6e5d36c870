//! Runs a program in tmux and captures its screen with the escape sequences for colors.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;

/// Wide enough for a bar, narrow enough to be read in a README.
const COLUMNS: &str = "110";

/// Longer than any run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tmux server of its own, which ends with this value.
struct Terminal<'a>(&'a Path);

impl Terminal<'_> {
    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.0.join("tmux")).args(["-u", "-f", "/dev/null"]).args(arguments);
        command.env_remove("TMUX").stdin(Stdio::null());
        command
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).stderr(Stdio::null()).status();
    }
}

/// The distinct screens of a run, in order, below a prompt with the command.
pub fn record(
    program: &Path,
    arguments: &[&str],
    project: &Path,
    variables: &[(&str, String)],
) -> anyhow::Result<Vec<String>> {
    let directory = tempfile::tempdir()?;
    let done = directory.path().join("done");
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut script =
        format!("printf '%s\\n' {}\nenv -i TERM=\"$TERM\"", quoted(&format!("$ reproq {}", arguments.join(" "))));
    script.extend(variables.iter().map(|(name, value)| format!(" {name}={}", quoted(value))));
    script.push_str(&format!(" {}", quoted(&program.display().to_string())));
    script.extend(arguments.iter().map(|argument| format!(" {}", quoted(argument))));
    script.push_str(&format!("\necho $? > {}\nexec sleep 60\n", quoted(&done.display().to_string())));
    let file = directory.path().join("run.sh");
    fs::write(&file, script)?;
    let terminal = Terminal(directory.path());
    let mut start = terminal.tmux(&["new-session", "-d", "-x", COLUMNS, "-y", "40", "-c"]);
    let status = start.arg(project).arg("sh").arg(&file).status().context("tmux is needed to record a terminal")?;
    ensure!(status.success(), "tmux cannot open a terminal");
    let began = Instant::now();
    let mut screens: Vec<String> = Vec::new();
    loop {
        let code = fs::read_to_string(&done).ok().filter(|code| code.ends_with('\n'));
        let output = terminal.tmux(&["capture-pane", "-e", "-p"]).output()?;
        let screen = String::from_utf8(output.stdout)?;
        if screens.last() != Some(&screen) {
            screens.push(screen);
        }
        if let Some(code) = code {
            ensure!(code.trim() == "0", "`reproq {}` ended with {code}", arguments.join(" "));
            return Ok(screens);
        }
        if began.elapsed() > PATIENCE {
            bail!("`reproq {}` did not end: {screens:#?}", arguments.join(" "));
        }
        sleep(Duration::from_millis(50));
    }
}
