//! Man pages and completions, in the directories where package managers look for them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use chrono::DateTime;
use clap::ValueEnum;
use clap_complete::Shell;
use clap_mangen::Man;

/// Writes `man/man1/*.1` and the completions of every shell to a `share` directory.
pub(crate) fn write(share: &Path, epoch: u64) -> anyhow::Result<()> {
    for (name, bytes) in files(epoch)? {
        let path = share.join(&name);
        let directory = path.parent().context("a file is in a directory")?;
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every file with its path below `share`, sorted.
pub(crate) fn files(epoch: u64) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let command = reproq::internals::cli::command();
    man_pages(&command, "reproq", epoch, &mut files)?;
    for shell in Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut reproq::internals::cli::command(), "reproq", &mut script);
        files.push((completion_path(*shell).to_owned(), script));
    }
    files.sort();
    Ok(files)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a shell that the library adds is named when it is used")]
fn completion_path(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => "zsh/site-functions/_reproq",
        Shell::Fish => "fish/vendor_completions.d/reproq.fish",
        Shell::PowerShell => "powershell/reproq.ps1",
        Shell::Elvish => "elvish/lib/reproq.elv",
        // Bash, and any shell that a later version of the library adds.
        _ => "bash-completion/completions/reproq",
    }
}

/// A page for the command and for each below it: `reproq.1`, `reproq-release.1`, `reproq-release-prune.1`.
fn man_pages(
    command: &clap::Command,
    name: &str,
    epoch: u64,
    files: &mut Vec<(String, Vec<u8>)>,
) -> anyhow::Result<()> {
    let page = Man::new(command.clone().version(env!("CARGO_PKG_VERSION")))
        .title(name.to_uppercase())
        .date(date(epoch)?)
        .source(concat!("reproq ", env!("CARGO_PKG_VERSION")))
        .manual("Reproq Manual");
    let mut text = Vec::new();
    page.render(&mut text)?;
    files.push((format!("man/man1/{name}.1"), without_slips(&String::from_utf8(text)?).into_bytes()));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        man_pages(below, &format!("{name}-{}", below.get_name()), epoch, files)?;
    }
    Ok(())
}

/// Removes what `mandoc -Tlint` reports in the library's pages: blanks at the end of lines, and a line break after a vertical
/// space or another line break.
fn without_slips(page: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in page.lines().map(str::trim_end) {
        let after_space = lines.last().is_some_and(|last| last.starts_with(".sp") || *last == ".br");
        if line.is_empty() || (line == ".br" && after_space) {
            continue;
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

/// The day as `2026-11-30`, in UTC.
fn date(epoch: u64) -> anyhow::Result<String> {
    let seconds = i64::try_from(epoch).context("SOURCE_DATE_EPOCH is too large")?;
    let time = DateTime::from_timestamp(seconds, 0).context("SOURCE_DATE_EPOCH is too large")?;
    Ok(time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::files;

    #[test]
    fn every_command_has_a_page_and_every_shell_a_script() {
        let files = files(0).expect("files");
        let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["man/man1/reproq.1", "man/man1/reproq-install.1", "man/man1/reproq-release-prune.1"] {
            assert!(names.contains(name), "{name} is missing from {names:?}");
        }
        assert_eq!(names.iter().filter(|name| !name.starts_with("man/")).count(), 5);
        let zsh = files.iter().find(|(name, _)| name.ends_with("_reproq")).expect("zsh");
        assert!(zsh.1.starts_with(b"#compdef reproq"), "zsh finds a script by its first line");
    }
}
