//! The commands of `manage.py reproq` and of the worker, for the error of a user who types one of them here. The worker has
//! the same name as this command, and a wheel puts this command on the project's `PATH`.
//!
//! What one of our commands does is translated into it; every other word gets a hint.

use std::ffi::OsString;

use crate::cli::passthrough::first_word;
use crate::model::text::shell_word;

/// Our options without a value, which can be anywhere.
const GLOBAL_FLAGS: [&str; 6] = ["--json", "-q", "--quiet", "-v", "--verbose", "--offline"];

/// The commands of `manage.py reproq` that this program calls otherwise or does not have, each with a hint.
const UPSTREAM_COMMAND_HINTS: [(&str, &str); 15] = [
    (
        "pg-cron",
        "the function that it installs always fails (`column reference \"spec_hash\" is ambiguous`), so that no schedule ever runs, and \
         editing a schedule does not change its job; run `reproq beat`, or let a timer run `reproq schedule` (`reproq systemd --schedule` \
         writes one). `manage.py reproq pg-cron --remove` removes what was installed",
    ),
    ("migrate-worker", "run `reproq db migrate`"),
    ("check", "`reproq doctor` and `reproq verify` check the installation; `reproq db check` checks the database"),
    ("status", "run `reproq stats`; `reproq which` and `reproq versions` show the worker"),
    (
        "stress-test",
        "run `python manage.py reproq stress-test`; equal tasks are enqueued only once, so vary its arguments",
    ),
    ("allowlist", "run `python manage.py reproq allowlist`"),
    ("sync-recurring", "run `reproq periodic sync`"),
    ("pause-queue", "run `reproq queue pause NAME`"),
    ("resume-queue", "run `reproq queue resume NAME`"),
    ("logs", "run `reproq task logs ID`"),
    ("cancel", "run `reproq task cancel ID`"),
    ("reclaim", "run `reproq task reclaim --all`"),
    ("prune-workers", "run `reproq workers prune`"),
    ("prune-successful", "run `reproq task prune --status successful --older-than 7d`"),
    ("prune", "run `reproq task prune --older-than 7d`; `reproq release prune` deletes old releases"),
];

/// The commands of the worker that `manage.py reproq` does not have, each with a hint.
const WORKER_COMMAND_HINTS: [(&str, &str); 3] = [
    ("replay", "run `reproq task replay ID`"),
    (
        "triage",
        "`reproq task list --status failed` lists failures, `reproq task show ID` shows one, `reproq task retry ID` retries",
    ),
    (
        "version",
        "`reproq self version` shows the version of this command, and `reproq which` the worker and its version",
    ),
];

/// What becomes of an option of upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OptionChange {
    /// A flag with another name.
    Flag(&'static str),
    /// An option with a value and another name.
    Value(&'static str),
    /// The value is written without the option.
    Positional,
    /// The same as `Value`, but 0 stands for no limit and is left out.
    Limit,
}

/// A command of upstream that does what one of ours does.
struct RenamedCommand {
    word: &'static str,
    /// The words of our command.
    ours: &'static [&'static str],
    options: &'static [(&'static str, OptionChange)],
    /// An option that is added unless it is given: upstream has a default, and ours has none.
    default: Option<(&'static str, &'static str)>,
    /// How many words are not options.
    words: usize,
}

const DATABASE: (&str, OptionChange) = ("--database", OptionChange::Value("--database"));
const DRY_RUN: (&str, OptionChange) = ("--dry-run", OptionChange::Flag("--dry-run"));
const ID: (&str, OptionChange) = ("--id", OptionChange::Positional);
const OLDER_THAN: (&str, OptionChange) = ("--older-than", OptionChange::Value("--older-than"));

/// With other options than these, the command is not translated: ours would do something else.
const RENAMED: [RenamedCommand; 10] = [
    RenamedCommand {
        options: &[DATABASE, ("--all-databases", OptionChange::Flag("--all-databases"))],
        ..renamed("status", &["stats"])
    },
    RenamedCommand {
        options: &[DATABASE, ("--reason", OptionChange::Value("--reason")), ("--queue", OptionChange::Positional)],
        words: 1,
        ..renamed("pause-queue", &["queue", "pause"])
    },
    RenamedCommand {
        options: &[DATABASE, ("--queue", OptionChange::Positional)],
        words: 1,
        ..renamed("resume-queue", &["queue", "resume"])
    },
    renamed("migrate-worker", &["db", "migrate"]),
    RenamedCommand {
        options: &[DATABASE, ID, ("--tail", OptionChange::Value("--tail"))],
        ..renamed("logs", &["task", "logs"])
    },
    RenamedCommand { options: &[DATABASE, ID], ..renamed("cancel", &["task", "cancel"]) },
    RenamedCommand {
        options: &[
            DATABASE,
            DRY_RUN,
            ("--limit", OptionChange::Limit),
            ("--include-null-lease", OptionChange::Flag("--include-missing")),
        ],
        ..renamed("reclaim", &["task", "reclaim", "--all"])
    },
    RenamedCommand {
        options: &[DATABASE, ("--clear-missing", OptionChange::Flag("--disable-missing"))],
        ..renamed("sync-recurring", &["periodic", "sync"])
    },
    RenamedCommand { options: &[DATABASE, DRY_RUN, OLDER_THAN], ..renamed("prune-workers", &["workers", "prune"]) },
    RenamedCommand {
        options: &[DATABASE, DRY_RUN, OLDER_THAN, ("--limit", OptionChange::Limit)],
        default: Some(("--older-than", "7d")),
        ..renamed("prune-successful", &["task", "prune", "--status", "successful"])
    },
];

const fn renamed(word: &'static str, ours: &'static [&'static str]) -> RenamedCommand {
    RenamedCommand { word, ours, options: &[], default: None, words: 0 }
}

/// A command line of upstream in our words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TranslatedCommand {
    /// The whole command line.
    pub(crate) arguments: Vec<OsString>,
    /// What was typed and what is run.
    pub(crate) note: String,
}

/// Translates a command of upstream that one of ours does. `None` for every other command line.
pub(crate) fn translate(arguments: &[OsString]) -> Option<TranslatedCommand> {
    let (word, start) = first_word(arguments)?;
    let renamed = RENAMED.iter().find(|renamed| renamed.word == word)?;
    let mut rest = arguments.get(start..)?.iter();
    let (mut ours, mut words) = (renamed.ours.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), 0);
    while let Some(argument) = rest.next() {
        let argument = argument.to_str()?;
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            Some(_) | None => (argument, None),
        };
        let mut value = || value.clone().or_else(|| Some(rest.next()?.to_str()?.to_owned()));
        match renamed.options.iter().find(|(known, _)| *known == name) {
            Some((_, OptionChange::Flag(flag))) => ours.push((*flag).to_owned()),
            Some((_, OptionChange::Value(option))) => ours.extend([(*option).to_owned(), value()?]),
            Some((_, OptionChange::Positional)) => {
                ours.push(value()?);
                words += 1;
            }
            Some((_, OptionChange::Limit)) => {
                let limit = value()?;
                if limit != "0" {
                    ours.extend(["--limit".to_owned(), limit]);
                }
            }
            None if GLOBAL_FLAGS.contains(&name) => ours.push(argument.to_owned()),
            None if !name.starts_with('-') => {
                ours.push(argument.to_owned());
                words += 1;
            }
            None => return None,
        }
    }
    let expected = renamed.words.max(usize::from(renamed.options.contains(&ID)));
    if words != expected {
        return None;
    }
    if let Some((option, value)) = renamed.default.filter(|(option, _)| !ours.iter().any(|word| word == option)) {
        ours.extend([option.to_owned(), value.to_owned()]);
    }
    let shown: Vec<String> = ours.iter().map(|word| shell_word(word)).collect();
    let note = format!("`{word}` runs `reproq {}`", shown.join(" "));
    let before = arguments.get(..start - 1)?.iter().cloned();
    Some(TranslatedCommand { arguments: before.chain(ours.into_iter().map(OsString::from)).collect(), note })
}

/// Whose command a word is that is none of this program, and what to run instead.
pub(crate) fn foreign_command(word: &str) -> Option<(&'static str, &'static str)> {
    let hint = |hints: &'static [(&str, &str)]| hints.iter().find(|(known, _)| *known == word).map(|(_, hint)| *hint);
    hint(&UPSTREAM_COMMAND_HINTS)
        .map(|hint| ("`manage.py reproq`", hint))
        .or_else(|| Some(("the worker", hint(&WORKER_COMMAND_HINTS)?)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::cli::command;

    /// Upstream has 25 commands; each is a command here or has a hint.
    #[test]
    fn every_command_of_upstream_is_known() {
        const UPSTREAM: [&str; 25] = [
            "worker",
            "beat",
            "schedule",
            "pg-cron",
            "migrate-worker",
            "check",
            "install",
            "init",
            "stats",
            "status",
            "stress-test",
            "doctor",
            "config",
            "allowlist",
            "sync-recurring",
            "pause-queue",
            "resume-queue",
            "logs",
            "cancel",
            "upgrade",
            "systemd",
            "reclaim",
            "prune-workers",
            "prune-successful",
            "prune",
        ];
        let command = command();
        for word in UPSTREAM {
            let is_ours = command.find_subcommand(word).is_some();
            let has_hint = UPSTREAM_COMMAND_HINTS.iter().any(|(known, hint)| *known == word && !hint.is_empty());
            assert!(is_ours != has_hint, "{word} must be a command here or have a hint, not both");
        }
        assert!(UPSTREAM_COMMAND_HINTS.iter().all(|(word, _)| UPSTREAM.contains(word)));
    }

    /// The worker's own eight commands; see its usage line.
    #[test]
    fn every_command_of_the_worker_is_known() {
        for word in ["worker", "beat", "replay", "limit", "cancel", "triage", "prune", "version"] {
            let hint = foreign_command(word);
            assert_eq!(command().find_subcommand(word).is_none(), hint.is_some(), "{word}");
            assert!(hint.is_none_or(|(_, hint)| hint.contains('`')), "{word}: {hint:?}");
        }
    }

    fn translated(line: &str) -> Option<String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let found = translate(&arguments)?;
        assert!(
            Cli::try_parse_from(&found.arguments).is_ok(),
            "{line}: {:?}",
            Cli::try_parse_from(&found.arguments).err()
        );
        let words: Vec<String> = found.arguments.into_iter().map(|word| word.into_string().expect("UTF-8")).collect();
        Some(words.join(" "))
    }

    #[test]
    fn a_command_of_upstream_that_ours_does_is_translated() {
        for (theirs, ours) in [
            ("reproq status", "reproq stats"),
            ("reproq -v status --database x --json", "reproq -v stats --database x --json"),
            ("reproq -C dir status --all-databases", "reproq -C dir stats --all-databases"),
            ("reproq pause-queue mail --reason down", "reproq queue pause mail --reason down"),
            ("reproq pause-queue --queue=mail", "reproq queue pause mail"),
            ("reproq resume-queue --database x mail", "reproq queue resume --database x mail"),
            ("reproq migrate-worker", "reproq db migrate"),
            ("reproq logs --id 5 --tail 20", "reproq task logs 5 --tail 20"),
            ("reproq cancel --id x:5", "reproq task cancel x:5"),
            ("reproq reclaim --limit 0 --include-null-lease", "reproq task reclaim --all --include-missing"),
            ("reproq reclaim --limit=9 --dry-run", "reproq task reclaim --all --limit 9 --dry-run"),
            ("reproq prune-workers --older-than 1h", "reproq workers prune --older-than 1h"),
            ("reproq sync-recurring --clear-missing", "reproq periodic sync --disable-missing"),
            ("reproq prune-successful", "reproq task prune --status successful --older-than 7d"),
            (
                "reproq prune-successful --older-than=2d --limit 5",
                "reproq task prune --status successful --older-than 2d --limit 5",
            ),
        ] {
            assert_eq!(translated(theirs).as_deref(), Some(ours), "{theirs}");
        }
        let note = translate(&["reproq", "pause-queue", "my mail"].map(OsString::from)).map(|found| found.note);
        assert_eq!(note.as_deref(), Some("`pause-queue` runs `reproq queue pause 'my mail'`"));
    }

    #[test]
    fn what_ours_does_otherwise_is_not_translated() {
        for line in [
            "reproq",
            "reproq stats",
            "reproq --json",
            "reproq task logs --id 5",
            "reproq logs",
            "reproq logs --id",
            "reproq logs --id 5 --show-path",
            "reproq pause-queue",
            "reproq pause-queue a b",
            "reproq cancel --dsn postgres://x --id 5",
            "reproq reclaim --action fail",
            "reproq reclaim --older-than 1h",
            "reproq prune-workers --all-databases",
            "reproq prune --older-than 7d",
            "reproq migrate-worker --database x",
        ] {
            assert_eq!(translated(line), None, "{line}");
        }
        // Each of these words has a hint all the same.
        assert!(RENAMED.iter().all(|renamed| foreign_command(renamed.word).is_some()));
    }
}
