//! `reproq task show`: everything about a task.

use reproq_queue::moves::moved_task;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::tasks::ActiveTask;
use reproq_queue::tasks::ChildTask;
use reproq_queue::tasks::StoredJson;
use reproq_queue::tasks::TaskDetail;
use reproq_queue::workflow::WorkflowSummary;
use serde::Serialize;
use serde_json::value::RawValue;

use super::excerpt;
use super::no_task;
use crate::cli::TaskArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::size;
use crate::model::text::time;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::ui::bar;

/// The characters of a JSON value in the text form.
const SHOWN: usize = 400;

/// The lines of a traceback in the text form, from its end.
const TRACEBACK: usize = 12;

#[derive(Debug, Serialize)]
struct TaskReport {
    #[serde(flatten)]
    task: TaskDetail,
    /// The progress that the task wrote into its metadata, in percent.
    progress: Option<f64>,
    /// Other tasks with the same specification that are READY or RUNNING.
    duplicates: Vec<ActiveTask>,
    /// Tasks that wait for this one.
    children: Vec<ChildTask>,
    /// Its workflow; `null` if it has none, or if it cannot be found without reading all tasks.
    workflow: Option<WorkflowSummary>,
}

pub(super) fn show(arguments: &TaskArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let database = Database::of_task(&arguments.task, &arguments.database)?;
    let id = arguments.task.id();
    let report = Database::read(&database, session, async |tx| whole_task(tx, id).await)?;
    let report = report.ok_or_else(|| no_task(&arguments.task))?;
    session.ui.report(&report)?;
    Ok(ExitStatus::Success)
}

/// Everything about a task; `None` if it does not exist.
pub(in crate::commands) async fn whole_task(
    tx: &Transaction<'_>,
    id: i64,
) -> Result<Option<impl Report + use<>>, PgError> {
    let Some(task) = read::detail(tx, id).await? else { return Ok(None) };
    let server = read::server(tx).await?;
    let workflow = match &task.workflow_id {
        Some(workflow) if server.has_workflow_index => read::workflow(tx, workflow).await?,
        Some(_) | None => None,
    };
    Ok(Some(TaskReport {
        progress: progress(&task.metadata),
        duplicates: read::duplicates(tx, &task.spec_hash, id).await?,
        children: read::children(tx, id).await?,
        workflow,
        task,
    }))
}

/// The number `progress` or `percent` of the metadata, or `current` and `total`; a value up to 1 of `progress` is a share.
fn progress(metadata: &StoredJson) -> Option<f64> {
    let value: serde_json::Value = serde_json::from_str(metadata.value.as_ref()?.get()).ok()?;
    let number = |name: &str| value.get(name).and_then(serde_json::Value::as_f64);
    let share = number("progress").map(|progress| if progress <= 1.0 { progress * 100.0 } else { progress });
    let percent = share.or_else(|| number("percent")).or_else(|| {
        let (current, total) = (number("current")?, number("total")?);
        (total > 0.0).then_some(current / total * 100.0)
    })?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

impl Report for TaskReport {
    const SCHEMA: &'static str = "reproq.task/1";

    fn human(&self, out: &mut TextReport) {
        out.pairs(&self.pairs());
        self.json("Specification", &self.task.spec, out);
        if self.task.metadata.value.as_ref().is_none_or(|value| value.get() != "{}") {
            self.json("Metadata", &self.task.metadata, out);
        }
        if let Some(percent) = self.progress {
            let drawn = out.columns().map(|_| format!("  {}", bar(hundredths(percent), 10_000, 30)));
            out.line(&format!("  {percent:.0} %{}", drawn.unwrap_or_default()));
        }
        if let Some(returned) = &self.task.returned {
            self.json("Result", returned, out);
        }
        self.errors(out);
        for other in &self.duplicates {
            out.line(&format!("Task {} has the same specification and is {}.", other.result_id, other.status));
        }
        for child in &self.children {
            out.line(&format!("Task {} ({}) waits for this one.", child.result_id, child.task_path));
        }
    }
}

impl TaskReport {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let task = &self.task;
        let mut pairs = vec![
            ("Task", format!("{} {}", task.result_id, task.task_path)),
            ("Status", self.status()),
            ("Queue", format!("{}, priority {}", task.queue_name, task.priority)),
            ("Attempts", format!("{} of {}", task.attempts, task.max_attempts)),
            ("Enqueued", time(task.enqueued_at)),
        ];
        let times = [
            ("Run after", task.run_after),
            ("Started", task.started_at),
            ("Attempted", task.last_attempted_at.filter(|at| Some(*at) != task.started_at)),
            ("Finished", task.finished_at),
            ("Expires", task.expires_at),
        ];
        pairs.extend(times.into_iter().filter_map(|(name, at)| Some((name, time(at?)))));
        if let Some(other) = task.leased_by.as_deref().and_then(moved_task) {
            pairs.push(("Moved", format!("task {other} of another database")));
        } else if let Some(by) = &task.leased_by {
            let until =
                task.leased_until.map_or_else(|| "no lease".to_owned(), |at| format!("leased until {}", time(at)));
            pairs.push(("Worker", format!("{by}, {until}")));
        } else if let Some(last) = task.worker_ids.last() {
            pairs.push(("Worker", last.clone()));
        }
        let keys = [("Lock key", &task.lock_key), ("Log file", &task.logs_uri), ("Artifacts", &task.artifacts_uri)];
        pairs.extend(keys.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        if let Some(key) = &task.concurrency_key {
            pairs.push(("Concurrency", format!("{key}, at most {}", task.concurrency_limit)));
        }
        if let Some(parent) = task.parent_id {
            pairs.push(("Parent", parent.to_string()));
        }
        if let Some(id) = &task.workflow_id {
            let about = self.workflow.as_ref().map(|workflow| {
                format!(": {} successful, {} failed, {} active", workflow.successful, workflow.failed, workflow.active)
            });
            pairs.push(("Workflow", format!("{id}{}", about.unwrap_or_default())));
        }
        pairs.push(("Hash", task.spec_hash.clone()));
        pairs
    }

    fn status(&self) -> String {
        let cancelling = if self.task.cancel_requested { ", cancellation requested" } else { "" };
        format!("{}{cancelling}", self.task.status)
    }

    fn json(&self, name: &str, stored: &StoredJson, out: &mut TextReport) {
        out.blank();
        let bytes = size(u64::try_from(stored.bytes).unwrap_or(0));
        out.strong(&format!("{name} ({bytes})"));
        match &stored.value {
            Some(value) => out.line(&format!("  {}", excerpt(value.get(), SHOWN))),
            None => out.line("  too large to be shown"),
        }
    }

    fn errors(&self, out: &mut TextReport) {
        let Some(value) = &self.task.errors.value else {
            out.blank();
            out.line("The errors are too large to be shown.");
            return;
        };
        let errors: Vec<serde_json::Value> = serde_json::from_str(RawValue::get(value)).unwrap_or_default();
        if errors.is_empty() {
            return;
        }
        out.blank();
        out.strong(&format!("Errors ({})", self.task.errors_total));
        for error in &errors {
            let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
            let class = text("exception_class").or_else(|| text("kind")).unwrap_or("error");
            let at = text("at").map(|at| format!("{at}  ")).unwrap_or_default();
            out.line(&format!("  {at}{class}: {}", excerpt(text("message").unwrap_or_default(), SHOWN)));
        }
        let last = errors.last().and_then(|error| error.get("traceback")).and_then(serde_json::Value::as_str);
        let lines: Vec<&str> = last.unwrap_or_default().lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(TRACEBACK)) {
            out.faint(&format!("    {line}"));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "from 0 to 100")]
const fn hundredths(percent: f64) -> i64 {
    (percent * 100.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_in_the_usual_forms() {
        let of = |text: &str| {
            let value = RawValue::from_string(text.to_owned()).expect("JSON");
            progress(&StoredJson { bytes: 0, value: Some(value) })
        };
        assert_eq!(of(r#"{"progress": 0.25}"#), Some(25.0));
        assert_eq!(of(r#"{"progress": 40}"#), Some(40.0));
        assert_eq!(of(r#"{"percent": 7.5}"#), Some(7.5));
        assert_eq!(of(r#"{"current": 3, "total": 4}"#), Some(75.0));
        for text in ["{}", r#"{"progress": "x"}"#, r#"{"progress": 101}"#, r#"{"current": 1, "total": 0}"#, "[]"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
