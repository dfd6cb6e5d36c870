//! The options of the commands that enqueue periodic tasks.

use clap::Args;

use crate::cli::run::StartArgs;

/// Options of `beat`.
#[derive(Debug, Args)]
pub(crate) struct BeatArgs {
    /// Enqueue what is due, and exit
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", overrides_with = "once")]
    pub once: Option<String>,
    /// Look for due schedules at least this often, such as 30s or 1m30s [default: `beat.interval` of the worker's file, or 30s]
    #[arg(long, value_name = "DURATION", overrides_with = "interval")]
    pub interval: Option<String>,
    #[command(flatten)]
    pub schedule: ScheduleArgs,
}

/// Options of `schedule`.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// Run the installed worker's beat instead
    #[arg(long)]
    pub exec: bool,
    /// Do it in every database of [tool.reproq.databases]
    #[arg(long, conflicts_with_all = ["database", "exec"])]
    pub all_databases: bool,
    #[command(flatten)]
    pub start: StartArgs,
}

impl BeatArgs {
    /// Everything as flags of the worker; of a flag that is given twice, the last one has effect.
    pub(crate) fn flags(&self) -> Vec<String> {
        let once = self.once.iter().map(|once| format!("--once={once}"));
        let interval = self.interval.iter().map(|interval| format!("--interval={interval}"));
        once.chain(interval).chain(self.schedule.start.arguments.iter().cloned()).collect()
    }
}
