//! The specification of a task that Django enqueues.

use crate::spec::canonical::canonical_json;
use crate::spec::run_after::RunAfter;
use crate::spec::value::Key;
use crate::spec::value::SpecError;
use crate::spec::value::Value;

/// Everything that Django's backend hashes. [`TaskSpec::new`] has its defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// The dotted path of the task's function.
    pub task_path: String,
    /// The positional arguments.
    pub args: Vec<Value>,
    /// The keyword arguments.
    pub kwargs: Vec<(Key, Value)>,
    /// Whether the function receives the task's context as its first argument.
    pub takes_context: bool,
    /// The queue.
    pub queue_name: String,
    /// Tasks with a higher priority run first.
    pub priority: i32,
    /// Of all tasks with this key, one runs at a time.
    pub lock_key: Option<String>,
    /// Of all tasks with this key, `concurrency_limit` run at a time.
    pub concurrency_key: Option<String>,
    /// No limit if it is 0.
    pub concurrency_limit: i32,
    /// The time before which the task does not run.
    pub run_after: Option<RunAfter>,
    /// How long one attempt may take.
    pub timeout_seconds: i32,
    /// How often the task is attempted.
    pub max_attempts: i32,
    /// The setting `CODE_REF`.
    pub code_ref: Option<String>,
    /// The setting `PIP_LOCK_HASH`.
    pub pip_lock_hash: Option<String>,
}

impl TaskSpec {
    /// The parameters of Django's `enqueue` that look like keyword arguments of the task and never reach it.
    pub const ENQUEUE_PARAMETERS: [&str; 5] =
        ["run_after", "lock_key", "priority", "concurrency_key", "concurrency_limit"];

    /// A task without arguments, with Django's defaults.
    pub fn new(task_path: &str) -> Self {
        Self {
            task_path: task_path.to_owned(),
            args: Vec::new(),
            kwargs: Vec::new(),
            takes_context: false,
            queue_name: "default".to_owned(),
            priority: 0,
            lock_key: None,
            concurrency_key: None,
            concurrency_limit: 0,
            run_after: None,
            timeout_seconds: 900,
            max_attempts: 3,
            code_ref: None,
            pip_lock_hash: None,
        }
    }

    /// The text that is hashed, and stored as `spec_json`.
    pub fn canonical(&self) -> Result<String, SpecError> {
        let optional = |text: &Option<String>| Value::optional_text(text.as_deref());
        let number = |number: i32| Value::from(i64::from(number));
        canonical_json(&Value::object([
            ("v", number(1)),
            ("task_path", Value::from(self.task_path.as_str())),
            ("args", Value::List(self.args.clone())),
            ("kwargs", Value::Object(self.kwargs.clone())),
            ("takes_context", Value::Bool(self.takes_context)),
            ("queue_name", Value::from(self.queue_name.as_str())),
            ("priority", number(self.priority)),
            ("lock_key", optional(&self.lock_key)),
            ("concurrency_key", optional(&self.concurrency_key)),
            ("concurrency_limit", number(self.concurrency_limit)),
            ("run_after", optional(&self.run_after.as_ref().map(ToString::to_string))),
            (
                "exec",
                Value::object([
                    ("timeout_seconds", number(self.timeout_seconds)),
                    ("max_attempts", number(self.max_attempts)),
                ]),
            ),
            (
                "provenance",
                Value::object([
                    ("code_ref", optional(&self.code_ref)),
                    ("pip_lock_hash", optional(&self.pip_lock_hash)),
                ]),
            ),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::spec_hash;

    #[test]
    fn the_defaults_are_djangos() {
        let mut spec = TaskSpec::new("myapp.tasks.add");
        spec.args = vec![Value::from(1), Value::from(2)];
        let canonical = spec.canonical().expect("canonical");
        assert_eq!(spec_hash(&canonical), "b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b");
    }
}
