//! Every JSON document that this program prints, writes or serves. A test compares the table with the sources.

use serde::Serialize;

/// A JSON document.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct JsonDocument {
    /// The value of its `schema`. The number changes when a reader has to.
    pub(super) schema: &'static str,
    /// What it describes.
    pub(super) meaning: &'static str,
    /// The commands that print it with `--json`; empty if it is only stored.
    pub(super) printed_by: &'static [&'static str],
    /// The file that it is stored in; `null` if it is not stored.
    pub(super) stored_in: Option<&'static str>,
    /// The path at which `reproq serve` serves it; `null` if it does not.
    pub(super) served_at: Option<&'static str>,
}

/// The schemas of the documents that a command prints on success.
pub(super) fn printed_by(command: &str) -> Vec<&'static str> {
    DOCUMENTS.iter().filter(|it| it.printed_by.contains(&command)).map(|it| it.schema).collect()
}

/// Every document, sorted by schema.
pub(super) const DOCUMENTS: &[JsonDocument] = &[
    stored("reproq.audit/1", "a step of a change, one per line", "FILE of `--audit`, or .reproq/audit/*.jsonl"),
    printed(
        "reproq.beat/1",
        "the schedules that were due, and what became of them",
        &["reproq beat", "reproq schedule"],
    ),
    stored("reproq.bundle/1", "the content of a bundle", "bundle.json in a bundle"),
    printed("reproq.bundle-create/1", "what was bundled", &["reproq bundle create"]),
    printed("reproq.bundle-inspect/1", "the content of a bundle, verified", &["reproq bundle inspect"]),
    printed("reproq.cache-dir/1", "the cache directory", &["reproq cache dir"]),
    printed("reproq.cache-removed/1", "what was removed from the cache", &["reproq cache prune", "reproq cache clean"]),
    printed("reproq.cache/1", "the cached assets", &["reproq cache list"]),
    printed("reproq.checksums/1", "the digests that were written", &["reproq release checksums"]),
    printed("reproq.completions/1", "a completion script", &["reproq completions"]),
    printed("reproq.config/1", "every setting with its value and source", &["reproq config show"]),
    printed(
        "reproq.db-check/1",
        "what the database of the queue lacks, and what is wrong with it",
        &["reproq db check"],
    ),
    printed("reproq.db-migrate/1", "the statements of a migration, and the result of each", &["reproq db migrate"]),
    printed("reproq.db-status/1", "the database of the queue: origin, versions, sizes", &["reproq db status"]),
    printed("reproq.doctor/2", "what was examined, with a hint for each problem", &["reproq doctor"]),
    printed("reproq.error/1", "a failure: its exit code, causes and hints", &[]),
    printed("reproq.help/1", "commands, options, exit codes, variables and documents", &["reproq help"]),
    printed("reproq.install-plan/2", "what an install would do (`--dry-run`)", &["reproq install"]),
    printed(
        "reproq.install/2",
        "what was installed, from where, and how it was verified",
        &["reproq install", "reproq upgrade"],
    ),
    printed(
        "reproq.launch/1",
        "what would be started, with which variables (`--dry-run`)",
        &["reproq worker", "reproq beat", "reproq schedule"],
    ),
    printed("reproq.lock/1", "what is locked, and what changed", &["reproq lock"]),
    printed("reproq.login/1", "whether a token is stored, for which server", &["reproq login"]),
    stored("reproq.mirror/1", "the index of a mirror", "OWNER/NAME/releases/index.json in a mirror"),
    printed("reproq.mirror-sync/1", "what changed in a mirror", &["reproq mirror sync"]),
    printed("reproq.verify-file/1", "the attestations of a file (`verify FILE`)", &["reproq verify"]),
    printed("reproq.progress/1", "a step or a message, one per line on stderr (`--progress json`)", &[]),
    stored("reproq.prune-plan/1", "the plan of a prune", "FILE of `--plan-out`"),
    printed("reproq.periodic-next/1", "when a schedule runs", &["reproq periodic next"]),
    printed("reproq.prune/2", "what happens to each version, and why", &["reproq release prune"]),
    printed("reproq.init/1", "the steps that set up a Django project", &["reproq init"]),
    printed("reproq.limit/1", "a rate limit before and after a change", &["reproq limit set", "reproq limit remove"]),
    printed("reproq.limit-list/1", "the rate limits, and what is left of each", &["reproq limit list"]),
    served("reproq.observation/1", "everything that `reproq serve` knows of the queue", "/reproq/observation/"),
    printed(
        "reproq.periodic-change/1",
        "a schedule before and after a change",
        &["reproq periodic set", "reproq periodic enable", "reproq periodic disable", "reproq periodic remove"],
    ),
    printed("reproq.periodic-check/1", "schedules that fail, never run, or are late", &["reproq periodic check"]),
    printed("reproq.periodic-list/1", "the schedules and their next runs", &["reproq periodic list"]),
    printed("reproq.periodic-run/1", "the task that a schedule enqueued", &["reproq periodic run"]),
    printed("reproq.periodic-sync/1", "how schedules differ from the project's code", &["reproq periodic sync"]),
    printed(
        "reproq.queue-control/1",
        "the pause of a queue before and after a change",
        &["reproq queue pause", "reproq queue resume"],
    ),
    printed(
        "reproq.prefork/1",
        "the processes that have imported Django, and their problems",
        &["reproq prefork status", "reproq prefork reload"],
    ),
    printed("reproq.queue-list/1", "depth, age, workers and pauses of each queue", &["reproq queue list"]),
    printed("reproq.queue-move/1", "the steps that move a queue to another database", &["reproq queue move"]),
    stored("reproq.receipt/1", "how an installed worker was verified", ".reproq/receipts/*.json"),
    printed("reproq.release-check/2", "what is missing or wrong in a release", &["reproq release check"]),
    printed("reproq.release-list/1", "every release and tag", &["reproq release list"]),
    printed(
        "reproq.render-env-apply/1",
        "the changes that were made, and what was verified",
        &["reproq render env apply"],
    ),
    printed(
        "reproq.render-env-plan/1",
        "what happens to each environment variable, and why",
        &["reproq render env plan"],
    ),
    printed(
        "reproq.render-env-verify/1",
        "the environment variables that are missing on Render",
        &["reproq render env verify"],
    ),
    printed("reproq.restore/1", "the tags that were restored", &["reproq release restore"]),
    printed("reproq.rollback/2", "the version that was restored", &["reproq rollback"]),
    printed("reproq.serve/1", "where `serve` listens, printed once at its start", &["reproq serve"]),
    printed("reproq.self-version/1", "this program's version, and what installed it", &["reproq self version"]),
    printed("reproq.services/1", "units of systemd, a Procfile or services for Compose", &["reproq systemd"]),
    stored("reproq.state/1", "the digest and file attributes of the installed worker", ".reproq/state.json"),
    printed("reproq.stats-api/1", "the document of Django's stats page (`--format api`)", &["reproq stats"]),
    printed("reproq.stats-heatmap/1", "failures by task and hour", &["reproq stats heatmap"]),
    printed("reproq.stats-trend/1", "depth and throughput over time", &["reproq stats trend"]),
    printed("reproq.stats/1", "the state of the queues", &["reproq stats"]),
    printed(
        "reproq.task-change/1",
        "the tasks that were changed, and why others were not",
        &["reproq task retry", "reproq task cancel", "reproq task discard", "reproq task reclaim"],
    ),
    printed(
        "reproq.task-enqueue/1",
        "the task that was enqueued, or the one that is the same",
        &["reproq task enqueue", "reproq task replay"],
    ),
    printed("reproq.task-hash/1", "the hash of a task, and the text it is computed from", &["reproq task hash"]),
    printed("reproq.task-list/1", "a page of tasks", &["reproq task list"]),
    printed("reproq.task-logs/1", "the end of a task's log file", &["reproq task logs"]),
    printed("reproq.task-prune/1", "how many finished tasks were deleted", &["reproq task prune"]),
    printed("reproq.task-why/1", "what a task waits for, or how it ended", &["reproq task why"]),
    printed("reproq.task/1", "everything about a task", &["reproq task show"]),
    printed("reproq.token/1", "whether a bearer token is accepted, and each check", &["reproq token verify"]),
    printed("reproq.trust-accepted/1", "the roots that were accepted", &["reproq trust accept"]),
    printed("reproq.trust-forgotten/1", "the root that was removed", &["reproq trust forget"]),
    printed("reproq.trust-updated/1", "the roots that were fetched", &["reproq trust update"]),
    printed("reproq.trust/1", "the trusted roots", &["reproq trust show"]),
    stored(
        "reproq.updated-root/1",
        "a root that was fetched",
        "*.json in the directory of trusted roots (REPROQ_TRUST_DIR)",
    ),
    printed("reproq.upgrade/1", "the current and the newest version (`--check`, `--dry-run`)", &["reproq upgrade"]),
    printed("reproq.verify/2", "how the installed worker differs from what is expected", &["reproq verify"]),
    printed("reproq.versions/1", "the installed and cached versions", &["reproq versions"]),
    printed("reproq.which/2", "every candidate for the worker, and which is selected", &["reproq which"]),
    printed(
        "reproq.worker-config/1",
        "the worker's configuration: values with sources, what is ignored, what is refused",
        &["reproq config worker", "reproq config beat"],
    ),
    printed("reproq.workers-prune/1", "which workers were deleted, and why not", &["reproq workers prune"]),
    printed("reproq.workers/1", "the workers, and what they run", &["reproq workers list"]),
    printed("reproq.workflow-list/1", "live workflows, and the newest with a callback", &["reproq workflow list"]),
    printed(
        "reproq.workflow-repair/1",
        "what hanging workflows lacked, and what was done",
        &["reproq workflow repair"],
    ),
    printed("reproq.workflow/1", "the tasks of a workflow", &["reproq workflow show"]),
];

const fn printed(schema: &'static str, meaning: &'static str, printed_by: &'static [&'static str]) -> JsonDocument {
    JsonDocument { schema, meaning, printed_by, stored_in: None, served_at: None }
}

const fn stored(schema: &'static str, meaning: &'static str, file: &'static str) -> JsonDocument {
    JsonDocument { schema, meaning, printed_by: &[], stored_in: Some(file), served_at: None }
}

const fn served(schema: &'static str, meaning: &'static str, path: &'static str) -> JsonDocument {
    JsonDocument { schema, meaning, printed_by: &[], stored_in: None, served_at: Some(path) }
}
