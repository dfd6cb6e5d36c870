//! Reads the state of the queue, each function in the transaction of its caller. Every list is bounded.

mod history;
mod live;
mod rows;
mod task_changes;
mod tasks;
mod watch;
mod why;
mod workflow_facts;
mod workflows;

pub use history::count_all;
pub use history::depth_history;
pub use history::failing_ever;
pub use history::has_pg_cron;
pub use history::heatmap;
pub use history::trend;
pub use live::controls;
pub use live::dead_workers;
pub use live::failing;
pub use live::limits;
pub use live::live_snapshot;
pub use live::schedules;
pub use live::server;
pub use live::snapshot;
pub use live::workers;
pub use task_changes::PrunePart;
pub use task_changes::duplicates_of;
pub use task_changes::existing;
pub use task_changes::has_parent_index;
pub use task_changes::next_candidates;
pub use task_changes::observe;
pub use task_changes::prune_part;
pub use task_changes::select_candidates;
pub use tasks::children;
pub use tasks::detail;
pub use tasks::duplicates;
pub use tasks::latest_failures;
pub use tasks::list;
pub use watch::blocked_tasks;
pub use watch::changed_tasks;
pub use watch::recent_failures;
pub use why::why;
pub use workflow_facts::waiting_workflows;
pub use workflow_facts::workflow_facts;
pub use workflows::WorkflowPage;
pub use workflows::members;
pub use workflows::workflow;
pub use workflows::workflow_of_task;
pub use workflows::workflows;

/// The largest number of queues, workers, schedules or limits that are read at once.
pub const MAX_ROWS: i64 = 10_000;
