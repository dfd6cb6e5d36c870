//! From the request to the plan: arguments without secrets, and the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use thiserror::Error;

use crate::model::Sha256Digest;
use crate::model::secret::Secret;
use crate::model::secret::passwords_in;
use crate::model::worker_flags::FlagError;
use crate::model::worker_flags::GivenFlag;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::launch::ChildEnvironment;
use crate::worker::launch::SetVariable;

/// The flags with secrets, and the variables in which the worker reads them.
const SECRET_FLAGS: [(&str, &str); 2] = [("dsn", "DATABASE_URL"), ("metrics-auth-token", "METRICS_AUTH_TOKEN")];

/// The binary that is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchBinary {
    pub path: PathBuf,
    /// Its digest, if it was computed.
    pub sha256: Option<Sha256Digest>,
    /// Its release or build, if it has a receipt.
    pub label: Option<String>,
}

/// What to start.
#[derive(Debug)]
pub(crate) struct LaunchRequest<'a> {
    pub command: WorkerCommand,
    /// From [`without_secrets`].
    pub flags: Vec<String>,
    /// Variables to set, among them those from [`without_secrets`].
    pub set: Vec<SetVariable>,
    pub binary: LaunchBinary,
    pub directory: PathBuf,
    /// The environment of this process.
    pub environment: &'a [(OsString, OsString)],
    /// Variables to pass on although they contain tokens or credentials.
    pub pass: &'a [String],
    /// The URL of the database, unless the worker finds it itself, and where it was found.
    pub database: Option<(Secret<String>, String)>,
}

/// What is started, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchPlan {
    pub binary: LaunchBinary,
    /// The arguments after the program's name.
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    pub environment: ChildEnvironment,
}

/// Why nothing is started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LaunchError {
    #[error(transparent)]
    Flag(#[from] FlagError),
    #[error("the worker ignores the argument `{0}` and everything after it")]
    Ignored(String),
    #[error("the flag `--{flag}` contains a password, which every user of this machine could read")]
    Password { flag: String },
    #[error("the flag `--{0}` is empty")]
    Empty(&'static str),
    #[error("the database is named twice: by `--dsn` and by {0}")]
    TwoDatabases(String),
    #[error("the selected worker starts this command again")]
    Nested,
}

impl LaunchPlan {
    pub(crate) fn new(request: LaunchRequest<'_>) -> Result<Self, LaunchError> {
        let mut set = request.set;
        let mut arguments = vec![request.command.as_str().to_owned()];
        arguments.extend(request.flags);
        if let Some((value, from)) = request.database {
            if set.iter().any(|it| it.name == "DATABASE_URL") {
                return Err(LaunchError::TwoDatabases(from));
            }
            set.push(SetVariable { name: "DATABASE_URL", from, value });
        }
        let environment = ChildEnvironment::new(request.environment, request.pass, set).ok_or(LaunchError::Nested)?;
        Ok(Self { binary: request.binary, arguments, directory: request.directory, environment })
    }
}

/// The flags of the worker without secrets, and the variables that replace the secrets.
pub(crate) fn without_secrets(
    command: WorkerCommand,
    arguments: &[String],
    once: bool,
) -> Result<(Vec<String>, Vec<SetVariable>), LaunchError> {
    let given = command.parse(arguments)?;
    if let Some(word) = given.ignored.first() {
        return Err(LaunchError::Ignored(word.clone()));
    }
    let mut flags = Vec::new();
    let mut set: Vec<SetVariable> = Vec::new();
    for flag in &given.flags {
        let secret = SECRET_FLAGS.iter().find(|(name, _)| flag.name == *name && flag.is_known);
        if let Some((name, variable)) = secret {
            let value = flag.value.clone().filter(|value| !value.is_empty()).ok_or(LaunchError::Empty(name))?;
            set.retain(|it| it.name != *variable);
            set.push(SetVariable { name: variable, from: format!("the flag --{name}"), value: Secret::new(value) });
        } else if !(once && flag.name == "once") {
            flags.push(written(flag)?);
        }
    }
    flags.extend(once.then(|| "--once".to_owned()));
    Ok((flags, set))
}

/// A flag in one word, so that its value is never taken for another flag.
fn written(flag: &GivenFlag) -> Result<String, LaunchError> {
    // The worker does not find its file by `-config=FILE`, and must not find it by another spelling either.
    let dashes = if flag.name == "config" && flag.is_single_dash_with_equals { "-" } else { "--" };
    let Some(value) = &flag.value else { return Ok(format!("{dashes}{}", flag.name)) };
    if !passwords_in(value).is_empty() {
        return Err(LaunchError::Password { flag: flag.name.clone() });
    }
    Ok(format!("{dashes}{}={value}", flag.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(
        command: WorkerCommand,
        once: bool,
        arguments: &[&str],
        database: Option<&str>,
    ) -> Result<LaunchPlan, LaunchError> {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let (flags, set) = without_secrets(command, &arguments, once)?;
        LaunchPlan::new(LaunchRequest {
            command,
            flags,
            set,
            binary: LaunchBinary { path: "/w".into(), sha256: None, label: None },
            directory: "/p".into(),
            environment: &[("PATH".into(), "/bin".into()), ("DATABASE_URL".into(), "old".into())],
            pass: &[],
            database: database.map(|url| (Secret::new(url.to_owned()), "a test".to_owned())),
        })
    }

    fn words(plan: &LaunchPlan) -> String {
        let set = plan.environment.set.iter().map(|it| format!("{}={}", it.name, it.value.expose()));
        format!("{} | {}", plan.arguments.join(" "), set.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn secrets_become_variables_and_other_flags_stay() {
        let worker = |arguments: &[&str]| plan(WorkerCommand::Worker, false, arguments, None).map(|plan| words(&plan));
        let given = ["-dsn", "one", "--queues", "a", "--dsn=two", "-metrics-auth-token=t", "--new", "x", "-config=c"];
        assert_eq!(
            worker(&given).as_deref(),
            Ok("worker --queues=a --new=x -config=c | DATABASE_URL=two METRICS_AUTH_TOKEN=t")
        );
        let schedule = plan(WorkerCommand::Beat, true, &["--once=false", "--interval", "5s"], Some("url"));
        assert_eq!(words(&schedule.expect("a plan")), "beat --interval=5s --once | DATABASE_URL=url");
    }

    #[test]
    fn what_cannot_be_started_safely_is_refused() {
        let refused = |arguments: &[&str], database| {
            plan(WorkerCommand::Worker, false, arguments, database).expect_err("refused").to_string()
        };
        let cases: [(&[&str], Option<&str>); 6] = [
            (&["--concurrency"], None),
            (&["word", "--dsn", "x"], None),
            (&["--new-dsn", "postgres://u:secret@h/d"], None),
            (&["--logs-dir=password=secret"], None),
            (&["--dsn="], None),
            (&["--dsn", "x"], Some("y")),
        ];
        let shown: Vec<String> = cases.iter().map(|(arguments, database)| refused(arguments, *database)).collect();
        assert!(!shown.join("").contains("secret"));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
