//! The tasks that the apps of the project define, and the schedules that they register. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The tasks in the `tasks` modules of the apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskModules {
    /// Not in the scope of the question.
    NotRequested,
    /// The apps were loaded.
    Found(RegisteredTasks),
    /// The apps could not be loaded; the reason, as a lowercase clause.
    Failed(String),
    /// They did not load in time.
    TimedOut(Duration),
}

/// What was found in the `tasks` modules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisteredTasks {
    /// The dotted paths of all tasks, sorted.
    pub paths: Vec<String>,
    /// What each task says about itself, by its path.
    pub attributes: BTreeMap<String, TaskAttributes>,
    /// The registered schedules; `None` if they were not in the scope of the question.
    pub recurring: Option<Result<Vec<RecurringSchedule>, String>>,
    /// Modules that could not be imported.
    pub failed: Vec<String>,
    /// The same with reasons, as sentences.
    pub problems: Vec<String>,
}

impl RegisteredTasks {
    /// The modules of these tasks, each with a dot at its end: the worker compares the beginning of a path. A module that could not be
    /// imported is one of them: the worker would otherwise fail its tasks for good instead of trying them again.
    pub fn allow_list(&self) -> Vec<String> {
        let modules = self.paths.iter().filter_map(|path| Some(path.rsplit_once('.')?.0));
        let modules = modules.chain(self.failed.iter().map(String::as_str));
        let prefixes: BTreeSet<String> = modules.map(|module| format!("{module}.")).collect();
        prefixes.into_iter().collect()
    }
}

/// What a task says about itself. What JSON cannot express, such as a function that computes a key, is an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct TaskAttributes {
    /// The alias of its backend.
    pub backend: Value,
    /// Its queue.
    pub queue_name: Value,
    /// Its priority.
    pub priority: Value,
    /// Whether it receives its context.
    pub takes_context: Value,
    /// Not before this time.
    pub run_after: Value,
    /// Of all tasks with this key, one runs at a time.
    pub lock_key: Value,
    /// Of all tasks with this key, `concurrency_limit` run at a time.
    pub concurrency_key: Value,
    /// How many.
    pub concurrency_limit: Value,
}

impl TaskAttributes {
    /// The attributes whose value only the task's own code knows.
    pub(crate) fn computed(&self) -> Vec<&'static str> {
        let values = [
            ("run_after", &self.run_after),
            ("lock_key", &self.lock_key),
            ("concurrency_key", &self.concurrency_key),
            ("concurrency_limit", &self.concurrency_limit),
        ];
        values.into_iter().filter(|(_, value)| value.is_object()).map(|(name, _)| name).collect()
    }
}

/// A schedule that the project's code registers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecurringSchedule {
    /// The name of the schedule.
    pub key: String,
    /// The cron expression.
    pub schedule: String,
    /// The dotted path of the task.
    pub task_path: String,
    /// The arguments, as JSON, encoded as the queue stores them.
    pub payload: String,
    /// The queue.
    pub queue_name: String,
    /// The priority.
    pub priority: i32,
    /// How often the task is tried.
    pub max_attempts: i32,
    /// Whether the schedule is on.
    pub enabled: bool,
    /// The key that limits how many run at once.
    pub concurrency_key: Option<String>,
    /// How many run at once.
    pub concurrency_limit: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_has_each_module_once() {
        let paths = ["shop.tasks.a", "shop.tasks.b", "lib.jobs.mail.send", "alone"].map(str::to_owned).to_vec();
        let tasks = RegisteredTasks { paths, ..RegisteredTasks::default() };
        assert_eq!(tasks.allow_list(), ["lib.jobs.mail.", "shop.tasks."]);
    }
}
