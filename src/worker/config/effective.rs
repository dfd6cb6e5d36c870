//! The effective configuration: for each value the default, then the file, then the variable, then the flag. Pure.

use std::fmt;

use serde::Serialize;

use crate::model::worker_flags::FlagError;
use crate::model::worker_flags::GivenFlags;
use crate::model::worker_flags::WorkerCommand;
use crate::worker::config::GoDuration;
use crate::worker::config::fields::ConfigField;
use crate::worker::config::fields::FieldKind;
use crate::worker::config::fields::KeyKind;
use crate::worker::config::fields::fields;
use crate::worker::config::file::FileValue;
use crate::worker::config::file::FileValues;
use crate::worker::config::file::IgnoredKey;
use crate::worker::config::go;

/// A value with its type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum ConfigValue {
    Text(String),
    List(Vec<String>),
    Integer(i64),
    Float(f64),
    Duration(GoDuration),
    Flag(bool),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Duration(duration) => write!(f, "{duration}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ConfigSource {
    Default,
    File {
        key: &'static str,
        line: usize,
    },
    Variable {
        name: &'static str,
    },
    Flag {
        name: &'static str,
    },
    /// `reproq worker` passes it on.
    Launch {
        from: String,
    },
}

/// What the worker does without a list of modules.
pub(crate) const DEFAULT_ALLOW_LIST: &str = "only tasks in `myapp.tasks` and `tasks` run";

/// A value in effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EffectiveValue {
    pub name: &'static str,
    pub value: ConfigValue,
    pub is_secret: bool,
    pub source: ConfigSource,
    pub flag: Option<&'static str>,
    pub variable: Option<&'static str>,
}

/// Why the worker would not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConfigRefusal {
    /// The line in the file, if the file is the cause.
    pub line: Option<usize>,
    pub problem: String,
    /// Whether the only problem is that no database is named.
    #[serde(skip)]
    pub is_missing_database: bool,
}

impl ConfigRefusal {
    fn new(line: Option<usize>, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into(), is_missing_database: false }
    }
}

/// The configuration of a command.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct EffectiveConfig {
    pub values: Vec<EffectiveValue>,
    pub ignored: Vec<IgnoredKey>,
    /// Arguments behind the first word that is no flag.
    pub ignored_arguments: Vec<String>,
    pub refusals: Vec<ConfigRefusal>,
    pub notes: Vec<String>,
}

impl EffectiveConfig {
    /// The value of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&EffectiveValue> {
        self.values.iter().find(|value| value.name == name)
    }

    /// Whether nothing names the modules whose tasks may run.
    pub(crate) fn is_allow_list_unset(&self) -> bool {
        let modules = self.value("worker.allowed_task_modules");
        modules.is_some_and(|modules| modules.value == ConfigValue::List(Vec::new()))
    }

    /// Sets a value that `reproq worker` passes on.
    pub(crate) fn launch_with(&mut self, name: &str, value: &ConfigValue, from: &str) {
        for found in self.values.iter_mut().filter(|it| it.name == name) {
            (found.value, found.source) = (value.clone(), ConfigSource::Launch { from: from.to_owned() });
        }
        if name == "dsn" {
            self.refusals.retain(|refusal| !refusal.is_missing_database);
        }
    }

    /// The values that the file sets, as a file, with one of its texts replaced. JSON is YAML.
    pub(crate) fn file_with(&self, command: WorkerCommand, replaced: (&'static str, &str)) -> String {
        let mut file = serde_json::Map::new();
        let mut set = |key: &str, value: serde_json::Value| match key.split_once('.') {
            None => drop(file.insert(key.to_owned(), value)),
            Some((section, key)) => {
                let section = file.entry(section).or_insert_with(|| serde_json::Map::new().into());
                drop(section.as_object_mut().and_then(|section| section.insert(key.to_owned(), value)));
            }
        };
        for (field, value) in fields(command).iter().zip(&self.values) {
            if let ConfigSource::File { key, .. } = value.source {
                set(key, in_file(field.kind, &value.value));
            }
        }
        set(replaced.0, replaced.1.into());
        serde_json::Value::from(file).to_string()
    }

    /// A whole number; zero if there is none of this name.
    pub(crate) fn integer(&self, name: &str) -> i64 {
        match self.value(name).map(|value| &value.value) {
            Some(ConfigValue::Integer(number)) => *number,
            _ => 0,
        }
    }

    /// A list; empty if there is none of this name.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name).map(|value| &value.value) {
            Some(ConfigValue::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }

    /// A text; empty if there is none of this name.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.value(name).map(|value| &value.value) {
            Some(ConfigValue::Text(text)) => text,
            _ => "",
        }
    }

    /// A duration; zero if there is none of this name.
    pub(crate) fn duration(&self, name: &str) -> GoDuration {
        match self.value(name).map(|value| &value.value) {
            Some(ConfigValue::Duration(duration)) => *duration,
            _ => GoDuration(0),
        }
    }

    fn refuse(&mut self, line: Option<usize>, problem: impl Into<String>) {
        self.refusals.push(ConfigRefusal::new(line, problem));
    }
}

/// Merges all sources. `variable` returns a variable that is not empty.
pub(super) fn effective(
    command: WorkerCommand,
    file: Option<FileValues>,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: Result<GivenFlags, FlagError>,
) -> EffectiveConfig {
    let file = file.unwrap_or_default();
    let mut config = EffectiveConfig { ignored: file.ignored.clone(), notes: file.notes.clone(), ..Default::default() };
    for problem in &file.problems {
        config.refuse(Some(problem.line), problem.problem.clone());
    }
    let given = flags.unwrap_or_else(|error| {
        config.refuse(None, error.to_string());
        GivenFlags::default()
    });
    for flag in given.flags.iter().filter(|flag| !flag.is_known) {
        config.refuse(None, format!("the flag `--{}` is unknown", flag.name));
    }
    config.ignored_arguments.clone_from(&given.ignored);
    for field in fields(command) {
        let merged = merge(field, &file, variable, &given, &mut config.refusals);
        config.values.push(merged);
    }
    check(command, &mut config, variable);
    config
}

fn merge(
    field: &ConfigField,
    file: &FileValues,
    variable: &dyn Fn(&str) -> Option<String>,
    given: &GivenFlags,
    refusals: &mut Vec<ConfigRefusal>,
) -> EffectiveValue {
    let default = typed(field.kind, field.default, From::Default).unwrap_or(ConfigValue::Text(String::new()));
    let mut merged = EffectiveValue {
        name: field.name,
        value: default,
        is_secret: field.is_secret,
        source: ConfigSource::Default,
        flag: field.flag,
        variable: field.variable,
    };
    for key in field.keys {
        let Some(entry) = file.values.get(key).filter(|entry| entry.value.is_set()) else { continue };
        match from_file(field.kind, &entry.value) {
            Ok(value) => (merged.value, merged.source) = (value, ConfigSource::File { key, line: entry.line }),
            Err(problem) => {
                refusals.push(ConfigRefusal::new(Some(entry.line), format!("`{key}`: {problem}")));
            }
        }
    }
    if let Some((name, text)) = field.variable.and_then(|name| Some((name, variable(name)?))) {
        match typed(field.kind, &text, From::Variable) {
            Ok(value) => (merged.value, merged.source) = (value, ConfigSource::Variable { name }),
            Err(problem) => refusals.push(ConfigRefusal::new(None, format!("the variable {name}: {problem}"))),
        }
    }
    let Some(name) = field.flag else { return merged };
    for flag in given.flags.iter().filter(|flag| flag.name == name) {
        match typed(field.kind, flag.value.as_deref().unwrap_or("true"), From::Flag) {
            Ok(value) => (merged.value, merged.source) = (value, ConfigSource::Flag { name }),
            Err(problem) => refusals.push(ConfigRefusal::new(None, format!("the flag `--{name}`: {problem}"))),
        }
    }
    merged
}

fn from_file(kind: FieldKind, value: &FileValue) -> Result<ConfigValue, String> {
    match value {
        FileValue::Text(text) => typed(kind, text, From::File),
        FileValue::List(items) if kind == FieldKind::JoinedList => Ok(ConfigValue::Text(items.join(","))),
        FileValue::List(items) => Ok(ConfigValue::List(items.clone())),
        FileValue::Integer(number) => Ok(ConfigValue::Integer(*number)),
        FileValue::Float(number) => Ok(ConfigValue::Float(*number)),
    }
}

/// A value as the file has it.
fn in_file(kind: FieldKind, value: &ConfigValue) -> serde_json::Value {
    match (kind.in_file(), value) {
        (KeyKind::List, ConfigValue::List(items)) => items.clone().into(),
        (KeyKind::List, joined) => go::list(&joined.to_string()).into(),
        (_, ConfigValue::Integer(number)) => (*number).into(),
        (_, ConfigValue::Float(number)) => (*number).into(),
        (_, other) => other.to_string().into(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Default,
    File,
    Variable,
    Flag,
}

fn typed(kind: FieldKind, text: &str, from: From) -> Result<ConfigValue, String> {
    let whole = || go::integer(text).map(ConfigValue::Integer).ok_or_else(|| "it must be a whole number".to_owned());
    match kind {
        FieldKind::Text | FieldKind::JoinedList => Ok(ConfigValue::Text(text.to_owned())),
        FieldKind::List => Ok(ConfigValue::List(go::list(text))),
        FieldKind::PositiveVariable if from == From::Variable => go::positive_decimal(text)
            .map(ConfigValue::Integer)
            .ok_or_else(|| "it must be a decimal number greater than zero".to_owned()),
        FieldKind::Integer | FieldKind::PositiveVariable => whole(),
        FieldKind::Float => go::float(text).map(ConfigValue::Float).ok_or_else(|| "it must be a number".to_owned()),
        FieldKind::Duration => Ok(ConfigValue::Duration(GoDuration::parse(text)?)),
        FieldKind::PositiveDuration => {
            let duration = GoDuration::parse(text)?;
            let must_be_positive = matches!(from, From::File | From::Variable);
            if must_be_positive && duration.0 <= 0 {
                return Err("it must be longer than zero".to_owned());
            }
            Ok(ConfigValue::Duration(duration))
        }
        FieldKind::Flag => {
            go::boolean(text).map(ConfigValue::Flag).ok_or_else(|| "it must be true or false".to_owned())
        }
    }
}

/// What the worker checks once all values are known, and values that it accepts and that do harm.
fn check(command: WorkerCommand, config: &mut EffectiveConfig, variable: &dyn Fn(&str) -> Option<String>) {
    if command == WorkerCommand::Worker {
        queues(config);
        backoff(config);
        numbers(config);
        payload_mode(config);
        let is_low_memory = variable("LOW_MEMORY_MODE")
            .is_some_and(|value| matches!(value.trim().to_lowercase().as_str(), "1" | "true" | "yes" | "on"));
        let has_server = !config.text("metrics.addr").is_empty() || config.integer("metrics.port") > 0;
        match (has_server, is_low_memory) {
            (true, false) => metrics(config),
            (true, true) => config.notes.push("LOW_MEMORY_MODE is set, so no metrics are served".to_owned()),
            (false, _) => {}
        }
    }
    if config.text("dsn").is_empty() {
        let missing = ConfigRefusal::new(None, "no database URL: set DATABASE_URL, or `dsn` in the file");
        config.refusals.push(ConfigRefusal { is_missing_database: true, ..missing });
    }
}

/// A list of queues that is empty is the default.
fn queues(config: &mut EffectiveConfig) {
    for value in config.values.iter_mut().filter(|value| value.name == "worker.queues") {
        if value.value == ConfigValue::List(Vec::new()) {
            value.value = ConfigValue::List(vec!["default".to_owned()]);
        }
    }
}

fn backoff(config: &mut EffectiveConfig) {
    let line = ["worker.poll_max_backoff", "worker.poll_min_backoff"].iter().find_map(|name| line_of(config, name));
    if config.duration("worker.poll_max_backoff") < config.duration("worker.poll_min_backoff") {
        config.refuse(line, "worker.poll_max_backoff must not be less than worker.poll_min_backoff");
    }
}

fn numbers(config: &mut EffectiveConfig) {
    let mut notes = Vec::new();
    match config.integer("worker.concurrency") {
        0 => notes.push("worker.concurrency is 0, so no task ever runs".to_owned()),
        ..0 => notes.push("worker.concurrency is negative, so the worker crashes".to_owned()),
        1.. => {}
    }
    let (heartbeat, lease) = (config.integer("worker.heartbeat_seconds"), config.integer("worker.lease_seconds"));
    if heartbeat <= 0 || heartbeat >= lease {
        notes.push(format!(
            "worker.heartbeat_seconds is {heartbeat} and worker.lease_seconds is {lease}: a task that runs longer than its lease \
             is started again while it runs"
        ));
    }
    if let Some(line) = line_of(config, "worker.worker_id") {
        notes.push(format!("line {line}: a fixed worker_id is the same for every worker that reads this file"));
    }
    if let Some(line) = line_of(config, "worker.shutdown_timeout") {
        notes.push(format!("line {line}: the worker reads shutdown_timeout and does not use it"));
    }
    config.notes.append(&mut notes);
}

fn payload_mode(config: &mut EffectiveConfig) {
    let line = line_of(config, "worker.payload_mode");
    match config.text("worker.payload_mode") {
        "stdin" | "file" => {}
        "inline" => {
            config.refuse(line, "worker.payload_mode `inline` is refused by released workers; use stdin or file");
        }
        _ => config
            .notes
            .push("worker.payload_mode is neither stdin nor file, so every task fails and is retried".to_owned()),
    }
}

/// The checks before the worker serves metrics.
fn metrics(config: &mut EffectiveConfig) {
    for name in ["metrics.auth_limit", "metrics.auth_max_entries"] {
        if config.integer(name) <= 0 {
            let line = line_of(config, name);
            config.refuse(line, format!("{name} must be greater than zero"));
        }
    }
    if config.duration("metrics.auth_window").0 <= 0 {
        let line = line_of(config, "metrics.auth_window");
        config.refuse(line, "metrics.auth_window must be longer than zero");
    }
    let has = |name: &str| !config.text(name).is_empty();
    let is_any = has("metrics.tls_cert") || has("metrics.tls_key") || has("metrics.tls_client_ca");
    if is_any && !(has("metrics.tls_cert") && has("metrics.tls_key")) {
        let names = ["metrics.tls_cert", "metrics.tls_key", "metrics.tls_client_ca"];
        let line = names.iter().find_map(|name| line_of(config, name));
        config.refuse(line, "metrics over TLS need both metrics.tls_cert and metrics.tls_key");
    }
    let networks = go::list(config.text("metrics.allow_cidrs"));
    for network in networks.iter().filter(|it| !is_network(it)) {
        let line = line_of(config, "metrics.allow_cidrs");
        config.refuse(line, format!("metrics.allow_cidrs: `{network}` is neither an IP address nor a network"));
    }
}

fn is_network(text: &str) -> bool {
    let is = |text: &str| text.parse::<ipnet::IpNet>().is_ok();
    text.eq_ignore_ascii_case("localhost") || is(text) || is(&format!("{text}/32")) || is(&format!("{text}/128"))
}

/// The line of a value that the file sets.
fn line_of(config: &EffectiveConfig, name: &str) -> Option<usize> {
    match config.value(name)?.source {
        ConfigSource::File { line, .. } => Some(line),
        ConfigSource::Default
        | ConfigSource::Variable { .. }
        | ConfigSource::Flag { .. }
        | ConfigSource::Launch { .. } => None,
    }
}
