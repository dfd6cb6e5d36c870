//! The change of one task in two steps: a plan, which is shown, and carrying out exactly that.

use super::ChangeRequest;
use super::apply;
use super::paused;
use super::plan;
use super::plan::ChangePlan;
use super::refused;
use crate::cli::TaskChangeArgs;
use crate::commands::database::Database;
use crate::commands::queue::task_cancel;
use crate::commands::queue::task_retry;
use crate::commands::session::Session;
use crate::failure::CommandError;

/// What would happen to a task, as `task retry` and `task cancel` decide it.
pub(in crate::commands) struct SingleTaskPlan {
    arguments: TaskChangeArgs,
    request: fn(&TaskChangeArgs) -> ChangeRequest<'_>,
    plan: ChangePlan,
}

/// Plans what `task retry` does.
pub(in crate::commands) async fn single_retry(database: &Database, id: i64) -> Result<SingleTaskPlan, CommandError> {
    SingleTaskPlan::read(database, task_retry::request, id).await
}

/// Plans what `task cancel` does.
pub(in crate::commands) async fn single_cancel(database: &Database, id: i64) -> Result<SingleTaskPlan, CommandError> {
    SingleTaskPlan::read(database, task_cancel::request, id).await
}

impl SingleTaskPlan {
    async fn read(
        database: &Database,
        request: fn(&TaskChangeArgs) -> ChangeRequest<'_>,
        id: i64,
    ) -> Result<Self, CommandError> {
        let arguments = TaskChangeArgs::of_task(id);
        let plan = plan::of_named(database, &request(&arguments), &[id]).await?;
        Ok(Self { arguments, request, plan })
    }

    /// Whether nothing would be changed.
    pub(in crate::commands) const fn is_empty(&self) -> bool {
        self.plan.tasks.is_empty()
    }

    /// The plan as it is shown.
    pub(in crate::commands) fn lines(&self) -> Vec<String> {
        self.plan.report.sentences()
    }

    /// Changes the task, if it is as it was shown; with a record. Returns what was changed.
    pub(in crate::commands) async fn apply(
        self,
        database: &Database,
        session: &Session<'_>,
    ) -> Result<Vec<String>, CommandError> {
        let request = (self.request)(&self.arguments);
        let mut report = self.plan.report.applied();
        apply::planned(database, &request, &self.plan.tasks, session, &mut report).await?;
        if let Some(refusal) = report.only_refusal() {
            return Err(refused(&request, refusal));
        }
        report.paused_queues = paused(database, request.change, &report.queues()).await.unwrap_or_default();
        let mut lines = report.sentences();
        lines.extend(report.audit.map(|path| format!("Record: {path}")));
        Ok(lines)
    }
}
