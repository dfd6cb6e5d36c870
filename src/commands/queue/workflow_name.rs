//! How a workflow is named on the command line: by its id, or by one of its tasks.

use reproq_queue::pg::PgError;
use reproq_queue::pg::Transaction;
use reproq_queue::read;

use crate::cli::parse_uuid;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// What a user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WorkflowName {
    /// Its id, with hyphens.
    Id(String),
    /// A task of it.
    Task(i64),
}

impl WorkflowName {
    /// 32 digits could be a number, too; no task has such an id.
    pub(super) fn read(text: &str) -> Result<Self, CommandError> {
        if let Ok(id) = parse_uuid(text) {
            return Ok(Self::Id(with_hyphens(&id)));
        }
        text.parse().map(Self::Task).map_err(|_| {
            CommandError::message(ExitStatus::Usage, format!("`{text}` is neither a workflow nor a task"))
                .hint("`reproq workflow list` lists workflows")
        })
    }

    /// The id; `None` if there is no such task, or it belongs to no workflow.
    pub(super) async fn resolve(&self, tx: &Transaction<'_>) -> Result<Option<String>, PgError> {
        match self {
            Self::Id(id) => Ok(Some(id.clone())),
            Self::Task(task) => read::workflow_of_task(tx, *task).await,
        }
    }

    pub(super) fn not_found(&self) -> CommandError {
        let message = match self {
            Self::Id(id) => format!("there is no workflow {id}"),
            Self::Task(task) => format!("there is no task {task}, or it belongs to no workflow"),
        };
        CommandError::message(ExitStatus::NotFound, message).hint("`reproq workflow list` lists workflows")
    }
}

/// As the database prints it.
fn with_hyphens(id: &str) -> String {
    let digits: Vec<char> = id.chars().filter(|c| *c != '-').collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits[part].iter().collect::<String>());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_named_by_its_id_or_by_a_task() {
        let id = WorkflowName::Id("00000000-0000-0000-0000-00000000000a".to_owned());
        for text in ["00000000-0000-0000-0000-00000000000A", "0000000000000000000000000000000a"] {
            assert_eq!(WorkflowName::read(text).expect("an id"), id);
        }
        assert_eq!(WorkflowName::read("12").expect("a task"), WorkflowName::Task(12));
        for text in ["", "w", "0000-0000", "99999999999999999999"] {
            assert!(WorkflowName::read(text).is_err(), "{text}");
        }
    }
}
