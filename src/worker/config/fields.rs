//! Every value that the worker and its beat read: where from, and which type it has. As of the worker 0.0.144.

use crate::model::worker_flags::WorkerCommand;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    List,
    /// A list in the file, and one string elsewhere.
    JoinedList,
    Integer,
    /// As a variable it must be a decimal number greater than zero.
    PositiveVariable,
    Float,
    Duration,
    /// Greater than zero in the file and as a variable.
    PositiveDuration,
    Flag,
}

/// The type of a key in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Text,
    List,
    Integer,
    Float,
}

/// A value of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConfigField {
    /// Its name in reports: its last key in the file.
    pub name: &'static str,
    /// Its keys in the file; the last one that is set takes precedence.
    pub keys: &'static [&'static str],
    pub flag: Option<&'static str>,
    pub variable: Option<&'static str>,
    pub kind: FieldKind,
    pub default: &'static str,
    pub is_secret: bool,
}

impl FieldKind {
    pub(super) const fn in_file(self) -> KeyKind {
        match self {
            Self::List | Self::JoinedList => KeyKind::List,
            Self::Integer | Self::PositiveVariable => KeyKind::Integer,
            Self::Float => KeyKind::Float,
            Self::Text | Self::Duration | Self::PositiveDuration | Self::Flag => KeyKind::Text,
        }
    }
}

const fn field(
    keys: &'static [&'static str],
    kind: FieldKind,
    flag: Option<&'static str>,
    variable: Option<&'static str>,
    default: &'static str,
) -> ConfigField {
    let name = if keys.is_empty() { "" } else { keys[keys.len() - 1] };
    ConfigField { name, keys, flag, variable, kind, default, is_secret: false }
}

const fn secret(field: ConfigField) -> ConfigField {
    ConfigField { is_secret: true, ..field }
}

/// The sections of the file.
pub(super) const SECTIONS: [&str; 3] = ["worker", "beat", "metrics"];

const WORKER: &[ConfigField] = &[
    secret(ConfigField {
        name: "dsn",
        ..field(&["dsn", "worker.dsn"], FieldKind::Text, Some("dsn"), Some("DATABASE_URL"), "")
    }),
    field(&["worker.worker_id"], FieldKind::Text, Some("worker-id"), Some("WORKER_ID"), DEFAULT_WORKER_ID),
    field(&["worker.process_role"], FieldKind::Text, Some("process-role"), Some("REPROQ_PROCESS_ROLE"), "worker"),
    field(&["worker.queues"], FieldKind::List, Some("queues"), Some("QUEUE_NAMES"), "default"),
    field(
        &["worker.allowed_task_modules"],
        FieldKind::List,
        Some("allowed-task-modules"),
        Some("ALLOWED_TASK_MODULES"),
        "",
    ),
    field(&["worker.concurrency"], FieldKind::Integer, Some("concurrency"), None, "10"),
    field(&["worker.poll_min_backoff"], FieldKind::Duration, None, None, "100ms"),
    field(&["worker.poll_max_backoff"], FieldKind::Duration, None, None, "5s"),
    field(&["worker.lease_seconds"], FieldKind::Integer, Some("lease-seconds"), None, "300"),
    field(&["worker.heartbeat_seconds"], FieldKind::Integer, Some("heartbeat-seconds"), None, "60"),
    field(&["worker.reclaim_interval_seconds"], FieldKind::Integer, Some("reclaim-interval-seconds"), None, "60"),
    field(&["worker.python_bin"], FieldKind::Text, None, None, "python3"),
    field(&["worker.executor_module"], FieldKind::Text, None, None, "reproq_django.executor"),
    field(&["worker.payload_mode"], FieldKind::Text, Some("payload-mode"), None, "stdin"),
    field(&["worker.max_payload_bytes"], FieldKind::Integer, None, None, "1048576"),
    field(&["worker.max_stdout_bytes"], FieldKind::Integer, None, None, "1048576"),
    field(&["worker.max_stderr_bytes"], FieldKind::Integer, None, None, "1048576"),
    field(&["worker.logs_dir"], FieldKind::Text, Some("logs-dir"), Some("REPROQ_LOGS_DIR"), ""),
    field(&["worker.exec_timeout"], FieldKind::Duration, None, None, "1h"),
    field(&["worker.max_attempts_default"], FieldKind::Integer, None, None, "3"),
    field(&["worker.shutdown_timeout"], FieldKind::Duration, None, None, "30s"),
    field(
        &["worker.priority_aging_factor"],
        FieldKind::Float,
        Some("priority-aging-factor"),
        Some("PRIORITY_AGING_FACTOR"),
        "60",
    ),
    field(&["metrics.addr"], FieldKind::Text, Some("metrics-addr"), Some("METRICS_ADDR"), ""),
    field(&["metrics.port"], FieldKind::Integer, Some("metrics-port"), None, "0"),
    secret(field(&["metrics.auth_token"], FieldKind::Text, Some("metrics-auth-token"), Some("METRICS_AUTH_TOKEN"), "")),
    field(
        &["metrics.allow_cidrs"],
        FieldKind::JoinedList,
        Some("metrics-allow-cidrs"),
        Some("METRICS_ALLOW_CIDRS"),
        "",
    ),
    field(
        &["metrics.auth_limit"],
        FieldKind::PositiveVariable,
        Some("metrics-auth-limit"),
        Some("METRICS_AUTH_LIMIT"),
        "30",
    ),
    field(
        &["metrics.auth_window"],
        FieldKind::PositiveDuration,
        Some("metrics-auth-window"),
        Some("METRICS_AUTH_WINDOW"),
        "1m",
    ),
    field(
        &["metrics.auth_max_entries"],
        FieldKind::PositiveVariable,
        Some("metrics-auth-max-entries"),
        Some("METRICS_AUTH_MAX_ENTRIES"),
        "1000",
    ),
    field(&["metrics.tls_cert"], FieldKind::Text, Some("metrics-tls-cert"), Some("METRICS_TLS_CERT"), ""),
    field(&["metrics.tls_key"], FieldKind::Text, Some("metrics-tls-key"), Some("METRICS_TLS_KEY"), ""),
    field(
        &["metrics.tls_client_ca"],
        FieldKind::Text,
        Some("metrics-tls-client-ca"),
        Some("METRICS_TLS_CLIENT_CA"),
        "",
    ),
];

const BEAT: &[ConfigField] = &[
    secret(ConfigField {
        name: "dsn",
        ..field(&["dsn", "beat.dsn"], FieldKind::Text, Some("dsn"), Some("DATABASE_URL"), "")
    }),
    field(&["beat.interval"], FieldKind::PositiveDuration, Some("interval"), None, "30s"),
    ConfigField { name: "once", ..field(&[], FieldKind::Flag, Some("once"), None, "false") },
];

/// The worker's own name for itself if nothing else names it.
pub(super) const DEFAULT_WORKER_ID: &str = "<hostname>-<pid>";

/// The values of a command.
pub(super) const fn fields(command: WorkerCommand) -> &'static [ConfigField] {
    match command {
        WorkerCommand::Worker => WORKER,
        WorkerCommand::Beat => BEAT,
    }
}

/// Every key of the file, whichever command reads it, with its type.
pub(super) fn file_keys() -> impl Iterator<Item = (&'static str, KeyKind)> {
    WORKER.iter().chain(BEAT).flat_map(|field| field.keys.iter().map(|key| (*key, field.kind.in_file())))
}

/// The type of a key of the file.
pub(super) fn file_kind(key: &str) -> Option<(&'static str, KeyKind)> {
    file_keys().find(|(known, _)| *known == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_the_worker_is_a_value_of_the_configuration() {
        for command in [WorkerCommand::Worker, WorkerCommand::Beat] {
            let mut named: Vec<&str> =
                fields(command).iter().filter_map(|field| field.flag).chain(["config"]).collect();
            named.sort_unstable();
            let known: Vec<&str> = command.flags().iter().map(|flag| flag.name).collect();
            assert_eq!(named, known);
        }
    }
}
