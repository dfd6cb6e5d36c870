//! The flags of the worker's commands, in the syntax of Go's `flag` package: `-name value`, `--name value`, `--name=value`, and
//! for booleans `--name` or `--name=false`.

use thiserror::Error;

/// A command of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerCommand {
    Worker,
    Beat,
}

/// A flag of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerFlag {
    pub name: &'static str,
    /// A boolean takes no value, except after `=`.
    pub takes_value: bool,
}

/// A flag as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenFlag {
    /// Its name without dashes.
    pub name: String,
    /// The value; `None` for a boolean without one.
    pub value: Option<String>,
    /// Whether the worker that this program knows has this flag.
    pub is_known: bool,
    /// Whether one dash and `=` were used. The worker then does not see `config`.
    pub is_single_dash_with_equals: bool,
}

/// What the worker makes of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GivenFlags {
    pub flags: Vec<GivenFlag>,
    /// The first word that is no flag, and everything after it. The worker ignores them.
    pub ignored: Vec<String>,
}

/// Arguments that the worker refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FlagError {
    #[error("`{0}` is not a valid flag")]
    Syntax(String),
    #[error("the flag `--{0}` needs a value")]
    MissingValue(String),
}

const fn value(name: &'static str) -> WorkerFlag {
    WorkerFlag { name, takes_value: true }
}

/// Those of the worker 0.0.144; see its `worker -h`.
const WORKER_FLAGS: &[WorkerFlag] = &[
    value("allowed-task-modules"),
    value("concurrency"),
    value("config"),
    value("dsn"),
    value("heartbeat-seconds"),
    value("lease-seconds"),
    value("logs-dir"),
    value("metrics-addr"),
    value("metrics-allow-cidrs"),
    value("metrics-auth-limit"),
    value("metrics-auth-max-entries"),
    value("metrics-auth-token"),
    value("metrics-auth-window"),
    value("metrics-port"),
    value("metrics-tls-cert"),
    value("metrics-tls-client-ca"),
    value("metrics-tls-key"),
    value("payload-mode"),
    value("priority-aging-factor"),
    value("process-role"),
    value("queues"),
    value("reclaim-interval-seconds"),
    value("worker-id"),
];

const BEAT_FLAGS: &[WorkerFlag] =
    &[value("config"), value("dsn"), value("interval"), WorkerFlag { name: "once", takes_value: false }];

impl WorkerCommand {
    /// The word that selects it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Beat => "beat",
        }
    }

    /// Its flags, sorted by name.
    pub(crate) const fn flags(self) -> &'static [WorkerFlag] {
        match self {
            Self::Worker => WORKER_FLAGS,
            Self::Beat => BEAT_FLAGS,
        }
    }

    /// The flag of this name.
    pub(crate) fn flag(self, name: &str) -> Option<&'static WorkerFlag> {
        self.flags().iter().find(|flag| flag.name == name)
    }

    /// Reads arguments. An unknown flag takes the next word as its value unless that is a flag: a newer worker may have it.
    pub(crate) fn parse(self, arguments: &[String]) -> Result<GivenFlags, FlagError> {
        let mut given = GivenFlags::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Some((name, equals)) = split(argument)? else {
                let is_terminator = argument == "--";
                given.ignored.extend((!is_terminator).then(|| argument.clone()).into_iter().chain(rest.cloned()));
                break;
            };
            let known = self.flag(name);
            let next_is_value = || rest.as_slice().first().is_some_and(|next| !next.starts_with('-'));
            let value = match (equals, known) {
                (Some(value), _) => Some(value.to_owned()),
                (None, Some(flag)) if flag.takes_value => {
                    Some(rest.next().ok_or_else(|| FlagError::MissingValue(name.to_owned()))?.clone())
                }
                (None, None) if next_is_value() => rest.next().cloned(),
                (None, Some(_) | None) => None,
            };
            let is_single_dash_with_equals = equals.is_some() && !argument.starts_with("--");
            let is_known = known.is_some();
            given.flags.push(GivenFlag { name: name.to_owned(), value, is_known, is_single_dash_with_equals });
        }
        Ok(given)
    }
}

/// The name of a flag, and the value after `=`. `None` if the argument is no flag, or ends them.
pub(crate) fn split(argument: &str) -> Result<Option<(&str, Option<&str>)>, FlagError> {
    let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else { return Ok(None) };
    let name = name.strip_prefix('-').unwrap_or(name);
    if name.is_empty() {
        return Ok(None);
    }
    if name.starts_with(['-', '=']) {
        return Err(FlagError::Syntax(argument.to_owned()));
    }
    Ok(Some(name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(command: WorkerCommand, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        match command.parse(&arguments) {
            Ok(given) => {
                let flags = given.flags.iter().map(|flag| match &flag.value {
                    Some(value) => format!("{}={value}", flag.name),
                    None => flag.name.clone(),
                });
                format!("{} | {}", flags.collect::<Vec<_>>().join(" "), given.ignored.join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let worker = |arguments: &[&str]| shown(WorkerCommand::Worker, arguments);
        assert_eq!(worker(&["-dsn", "d", "--queues=a,b", "--config", "-x"]), "dsn=d queues=a,b config=-x | ");
        assert_eq!(worker(&["--concurrency"]), "the flag `--concurrency` needs a value");
        assert_eq!(worker(&["---x"]), "`---x` is not a valid flag");
        assert_eq!(worker(&["--=x"]), "`--=x` is not a valid flag");
        assert_eq!(worker(&["--", "--dsn"]), " | --dsn");
        assert_eq!(worker(&["-", "x"]), " | - x");
        assert_eq!(worker(&["word", "--dsn", "d"]), " | word --dsn d");
        assert_eq!(worker(&["--new", "v", "--newer", "--queues", "a"]), "new=v newer queues=a | ");
        let beat = |arguments: &[&str]| shown(WorkerCommand::Beat, arguments);
        assert_eq!(beat(&["-once", "--interval", "5s"]), "once interval=5s | ");
        assert_eq!(beat(&["--once=false"]), "once=false | ");
        assert_eq!(beat(&["--once", "false"]), "once | false");
    }
}
