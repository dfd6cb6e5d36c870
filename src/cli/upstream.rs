//! The commands of `manage.py reproq` and of the worker, for the error of a user who types one of them here. The worker has
//! the same name as this command, and a wheel puts this command on the project's `PATH`.

/// The commands of `manage.py reproq` that this program does not have, each with a hint at what does the same.
const UPSTREAM_COMMAND_HINTS: [(&str, &str); 15] = [
    ("pg-cron", "run `python manage.py reproq pg-cron`"),
    ("migrate-worker", "run `reproq db migrate`, or `python manage.py reproq migrate-worker`"),
    ("check", "`reproq doctor` and `reproq verify` check the installation; `reproq db check` checks the database"),
    ("status", "`reproq which` and `reproq versions` show the worker, and `reproq stats` the queue"),
    ("stress-test", "run `python manage.py reproq stress-test`"),
    ("allowlist", "run `python manage.py reproq allowlist`"),
    ("sync-recurring", "run `python manage.py reproq sync-recurring`"),
    ("pause-queue", "run `python manage.py reproq pause-queue`"),
    ("resume-queue", "run `python manage.py reproq resume-queue`"),
    ("logs", "run `reproq task logs ID`"),
    ("cancel", "run `reproq task cancel ID`"),
    ("reclaim", "run `reproq task reclaim`"),
    ("prune-workers", "run `python manage.py reproq prune-workers`"),
    ("prune-successful", "run `reproq task prune --older-than 7d --status successful`"),
    ("prune", "`reproq task prune` deletes finished tasks, and `reproq release prune` old releases"),
];

/// The commands of the worker that `manage.py reproq` does not have, each with a hint.
const WORKER_COMMAND_HINTS: [(&str, &str); 3] = [
    ("replay", "run the installed worker's: `\"$(reproq which -q)\" replay`"),
    ("triage", "`reproq task list --status failed` lists failures, and `reproq task retry` runs them again"),
    (
        "version",
        "`reproq self version` shows the version of this command, and `reproq which` the worker and its version",
    ),
];

/// Whose command a word is that is none of this program, and what to run instead.
pub(crate) fn foreign_command(word: &str) -> Option<(&'static str, &'static str)> {
    let hint = |hints: &'static [(&str, &str)]| hints.iter().find(|(known, _)| *known == word).map(|(_, hint)| *hint);
    hint(&UPSTREAM_COMMAND_HINTS)
        .map(|hint| ("`manage.py reproq`", hint))
        .or_else(|| Some(("the worker", hint(&WORKER_COMMAND_HINTS)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
