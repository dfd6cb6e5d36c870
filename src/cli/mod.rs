//! The command line as a tree of values. No effects.

mod beat;
mod completion;
mod configure;
mod database;
mod description;
mod examples;
mod groups;
mod help;
mod init;
mod inspect;
mod install;
mod limit;
mod login;
mod offline;
mod passthrough;
mod periodic;
mod queue;
mod release;
mod render;
mod run;
mod serve;
mod stats;
mod systemd;
mod task;
mod task_change;
mod top;
mod upstream;
mod workers;
mod workflow;

use std::path::PathBuf;

use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

use crate::model::progress::ProgressStyle;
use crate::ui::ColorChoice;

pub(crate) use beat::BeatArgs;
pub(crate) use beat::ScheduleArgs;
pub(crate) use completion::LocalValue;
pub(crate) use completion::LocalValues;
pub(crate) use completion::complete;
pub(crate) use completion::quiet_and_offline;
pub(crate) use completion::script;
pub(crate) use configure::CacheCommand;
pub(crate) use configure::CompletionsArgs;
pub(crate) use configure::ConfigCommand;
pub(crate) use configure::ConfigWorkerArgs;
pub(crate) use configure::HelpArgs;
pub(crate) use configure::InstanceChoice;
pub(crate) use configure::SelfCommand;
pub(crate) use configure::SelfVersionArgs;
pub(crate) use configure::TrustCommand;
pub(crate) use configure::TrustUpdateArgs;
pub(crate) use database::DatabaseArgs;
pub(crate) use database::DbCommand;
pub(crate) use database::DbMigrateArgs;
pub(crate) use description::CommandDescription;
pub(crate) use description::OptionDescription;
pub(crate) use groups::ConfirmArgs;
pub(crate) use groups::PlanArgs;
pub(crate) use groups::SourceArgs;
pub(crate) use help::HelpSubject;
pub(crate) use help::HelpText;
pub(crate) use help::HelpTopic;
pub(crate) use help::UnknownCommand;
pub(crate) use help::global_options;
pub(crate) use init::ConfigFormat;
pub(crate) use init::InitArgs;
pub(crate) use inspect::DoctorArgs;
pub(crate) use inspect::KindChoice;
pub(crate) use inspect::VerifyArgs;
pub(crate) use inspect::VerifyFileArgs;
pub(crate) use inspect::WhichArgs;
pub(crate) use install::InstallArgs;
pub(crate) use install::LockArgs;
pub(crate) use install::RollbackArgs;
pub(crate) use install::UpgradeArgs;
pub(crate) use limit::LimitCommand;
pub(crate) use limit::LimitRemoveArgs;
pub(crate) use limit::LimitSetArgs;
pub(crate) use login::LoginArgs;
pub(crate) use login::TokenCommand;
pub(crate) use login::TokenVerifyArgs;
pub(crate) use offline::BundleCommand;
pub(crate) use offline::BundleCreateArgs;
pub(crate) use offline::BundleInspectArgs;
pub(crate) use offline::MirrorCommand;
pub(crate) use offline::MirrorSyncArgs;
pub(crate) use passthrough::separate;
pub(crate) use periodic::PeriodicCommand;
pub(crate) use periodic::PeriodicEnableArgs;
pub(crate) use periodic::PeriodicListArgs;
pub(crate) use periodic::PeriodicNameArgs;
pub(crate) use periodic::PeriodicNextArgs;
pub(crate) use periodic::PeriodicSetArgs;
pub(crate) use periodic::PeriodicSyncArgs;
pub(crate) use queue::QueueCommand;
pub(crate) use queue::QueueMoveArgs;
pub(crate) use queue::QueuePauseArgs;
pub(crate) use queue::QueueResumeArgs;
pub(crate) use release::CheckArgs;
pub(crate) use release::ChecksumsArgs;
pub(crate) use release::PaceChoice;
pub(crate) use release::PruneArgs;
pub(crate) use release::ReleaseCommand;
pub(crate) use release::ReleaseListArgs;
pub(crate) use release::RestoreArgs;
pub(crate) use render::DeployWhen;
pub(crate) use render::RenderApplyArgs;
pub(crate) use render::RenderCommand;
pub(crate) use render::RenderEnvCommand;
pub(crate) use render::RenderPlanArgs;
pub(crate) use render::RenderScopeArgs;
pub(crate) use render::RenderVerifyArgs;
pub(crate) use run::PreforkArgs;
pub(crate) use run::PreforkCommand;
#[cfg(unix)]
pub(crate) use run::PreforkSelection;
pub(crate) use run::StartArgs;
pub(crate) use run::WorkerArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use serve::SignInArgs;
pub(crate) use stats::HeatmapArgs;
pub(crate) use stats::StatsArgs;
pub(crate) use stats::StatsCommand;
pub(crate) use stats::StatsFormat;
pub(crate) use stats::TrendArgs;
pub(crate) use systemd::SystemdArgs;
pub(crate) use task::TaskArgs;
pub(crate) use task::TaskCommand;
pub(crate) use task::TaskEnqueueArgs;
pub(crate) use task::TaskFilterArgs;
pub(crate) use task::TaskListArgs;
pub(crate) use task::TaskLogsArgs;
pub(crate) use task::TaskReplayArgs;
pub(crate) use task::TaskSpecArgs;
pub(crate) use task::parse_uuid;
pub(crate) use task_change::TaskCancelArgs;
pub(crate) use task_change::TaskChangeArgs;
pub(crate) use task_change::TaskPruneArgs;
pub(crate) use task_change::TaskReclaimArgs;
pub(crate) use top::TopArgs;
pub(crate) use upstream::foreign_command;
pub(crate) use upstream::translate;
pub(crate) use workers::WorkersCommand;
pub(crate) use workers::WorkersPruneArgs;
pub(crate) use workflow::WorkflowCommand;
pub(crate) use workflow::WorkflowListArgs;
pub(crate) use workflow::WorkflowRepairArgs;
pub(crate) use workflow::WorkflowShowArgs;

/// Printed by `--version` after the name. The worker prints `reproq-worker version X`; this must not look like it.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (installer and release manager for Reproq)");

/// Install the Reproq worker, verify it, and manage its releases.
#[derive(Debug, Parser)]
#[command(
    name = "reproq-cli",
    bin_name = "reproq",
    version = VERSION,
    propagate_version = true,
    disable_help_subcommand = true,
    help_template = HELP_TEMPLATE,
    after_help = "Exit codes: 0 success, 1 failure, 2 usage, 3 changes pending, 4 not found, 5 unverified, 6 unavailable, \
                  7 partly done, 8 conflict, 9 not permitted, 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Use the project in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print one JSON document to stdout, even on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and data
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Use verbose output
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Control the use of color in output
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub color: ColorChoice,
    /// Show progress as moving lines on a terminal (auto), one line per stage (plain), JSON lines on stderr (json), or not at
    /// all (none) [env: REPROQ_PROGRESS] [default: auto]
    #[arg(long, value_name = "STYLE", value_parser = ProgressStyle::NAMES, global = true, hide_possible_values = true)]
    pub progress: Option<String>,
    /// Disable network access [env: REPROQ_OFFLINE]
    #[arg(long, global = true)]
    pub offline: bool,
    /// Use the API of this GitHub Enterprise server [env: REPROQ_GITHUB_API_URL; for `release` GITHUB_API_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_api_url: Option<String>,
    /// Use this GitHub Enterprise server [env: REPROQ_GITHUB_SERVER_URL; for `release` GITHUB_SERVER_URL]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub github_server_url: Option<String>,
}

/// The help of `reproq` itself: clap has no headings for subcommands. A test compares the list with the commands.
const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

\x1b[1m\x1b[4mInstall and update:\x1b[0m
  \x1b[1minit\x1b[0m         Set up a Django project: settings, worker, database
  \x1b[1minstall\x1b[0m      Install the worker into this project
  \x1b[1mupgrade\x1b[0m      Install the latest release and update reproq.lock
  \x1b[1mrollback\x1b[0m     Restore the previously installed binary, offline
  \x1b[1mlock\x1b[0m         Create or update reproq.lock

\x1b[1m\x1b[4mRun the worker:\x1b[0m
  \x1b[1mworker\x1b[0m       Run the worker
  \x1b[1mprefork\x1b[0m      The process that has imported Django, of `worker --prefork`
  \x1b[1mbeat\x1b[0m         Enqueue periodic tasks when they are due
  \x1b[1mschedule\x1b[0m     Enqueue periodic tasks that are due, and exit
  \x1b[1msystemd\x1b[0m      Write units for systemd, a Procfile, or services for Compose

\x1b[1m\x1b[4mInspect and verify:\x1b[0m
  \x1b[1mwhich\x1b[0m        Show which worker binary will run, and why
  \x1b[1mversions\x1b[0m     List installed and cached versions
  \x1b[1mverify\x1b[0m       Verify the installed worker, or the attestations of any file
  \x1b[1mdoctor\x1b[0m       Diagnose problems with the installation

\x1b[1m\x1b[4mInstall without internet access:\x1b[0m
  \x1b[1mbundle\x1b[0m       Create and inspect single-file bundles of a release
  \x1b[1mmirror\x1b[0m       Maintain a directory of releases that any web server can serve

\x1b[1m\x1b[4mOperate the queue:\x1b[0m
  \x1b[1mstats\x1b[0m        Show the state of the queues, failures by hour, and throughput
  \x1b[1mserve\x1b[0m        Serve statistics, metrics and events over HTTP
  \x1b[1mtop\x1b[0m          Show queues, tasks, workers and schedules live, and act on them
  \x1b[1mtask\x1b[0m         Work with tasks
  \x1b[1mqueue\x1b[0m        Work with queues
  \x1b[1mworkers\x1b[0m      Work with registered workers
  \x1b[1mperiodic\x1b[0m     Work with schedules
  \x1b[1mlimit\x1b[0m        Work with rate limits
  \x1b[1mworkflow\x1b[0m     Work with chains, groups and chords of tasks
  \x1b[1mdb\x1b[0m           Check and migrate the database of the queue
  \x1b[1mlogin\x1b[0m        Sign in at a Django server or `reproq serve`, for reproq-tui
  \x1b[1mtoken\x1b[0m        Check bearer tokens

\x1b[1m\x1b[4mManage a repository's releases:\x1b[0m
  \x1b[1mrelease\x1b[0m      List, prune, restore and check GitHub releases

\x1b[1m\x1b[4mDeploy on Render:\x1b[0m
  \x1b[1mrender\x1b[0m       Compare, apply and verify environment variables on Render

\x1b[1m\x1b[4mConfigure:\x1b[0m
  \x1b[1mconfig\x1b[0m       Show the effective settings, of this command or the worker
  \x1b[1mcache\x1b[0m        Manage the cache of verified assets
  \x1b[1mtrust\x1b[0m        Manage the trusted roots that attestations are verified with
  \x1b[1mcompletions\x1b[0m  Generate a shell completion script
  \x1b[1mself\x1b[0m         Show the version of this command and how to upgrade it
  \x1b[1mhelp\x1b[0m         Describe a command, or a topic: environment, exit-codes, json

\x1b[1m\x1b[4mOptions:\x1b[0m
{options}{after-help}
";

/// The commands of `reproq`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up a Django project: settings, worker, database
    #[command(after_long_help = examples::INIT)]
    Init(InitArgs),
    /// Install the worker into this project
    #[command(after_long_help = examples::INSTALL)]
    Install(InstallArgs),
    /// Create or update reproq.lock
    #[command(after_long_help = examples::LOCK)]
    Lock(LockArgs),
    /// Install the latest release and update reproq.lock
    #[command(after_long_help = examples::UPGRADE)]
    Upgrade(UpgradeArgs),
    /// Restore the previously installed binary, offline
    #[command(after_long_help = examples::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Verify the installed worker, or the attestations of any file
    #[command(after_long_help = examples::VERIFY)]
    Verify(Box<VerifyArgs>),
    /// Manage the trusted roots that attestations are verified with
    #[command(subcommand, after_long_help = examples::TRUST)]
    Trust(TrustCommand),
    /// List installed and cached versions
    #[command(after_long_help = examples::VERSIONS)]
    Versions,
    /// Diagnose problems with the installation
    #[command(after_long_help = examples::DOCTOR)]
    Doctor(DoctorArgs),
    /// Manage the cache of verified assets
    #[command(subcommand, after_long_help = examples::CACHE)]
    Cache(CacheCommand),
    /// Create and inspect single-file bundles of a release
    #[command(subcommand, after_long_help = examples::BUNDLE)]
    Bundle(BundleCommand),
    /// Maintain a directory of releases that any web server can serve
    #[command(subcommand, after_long_help = examples::MIRROR)]
    Mirror(MirrorCommand),
    /// Show which worker binary will run, and why
    #[command(after_long_help = examples::WHICH)]
    Which(WhichArgs),
    /// Work with schedules
    #[command(subcommand, after_long_help = examples::PERIODIC)]
    Periodic(PeriodicCommand),
    /// Work with tasks
    #[command(subcommand, after_long_help = examples::TASK)]
    Task(Box<TaskCommand>),
    /// Show the state of the queues, failures by hour, and throughput
    #[command(after_long_help = examples::STATS)]
    Stats(StatsArgs),
    /// Serve statistics, metrics and events over HTTP
    #[command(after_long_help = examples::SERVE)]
    Serve(ServeArgs),
    /// Show queues, tasks, workers and schedules live, and act on them
    #[command(after_long_help = examples::TOP)]
    Top(TopArgs),
    /// Work with queues
    #[command(subcommand, after_long_help = examples::QUEUE)]
    Queue(QueueCommand),
    /// Work with registered workers
    #[command(subcommand, after_long_help = examples::WORKERS)]
    Workers(WorkersCommand),
    /// Work with rate limits
    #[command(subcommand, after_long_help = examples::LIMIT)]
    Limit(LimitCommand),
    /// Work with chains, groups and chords of tasks
    #[command(subcommand, after_long_help = examples::WORKFLOW)]
    Workflow(WorkflowCommand),
    /// Check and migrate the database of the queue
    #[command(subcommand, after_long_help = examples::DB)]
    Db(DbCommand),
    /// Sign in at a Django server or `reproq serve`, for reproq-tui
    #[command(after_long_help = examples::LOGIN)]
    Login(LoginArgs),
    /// Check bearer tokens
    #[command(subcommand, after_long_help = examples::TOKEN)]
    Token(TokenCommand),
    /// List, prune, restore and check GitHub releases
    #[command(subcommand, after_long_help = examples::RELEASE)]
    Release(ReleaseCommand),
    /// Compare, apply and verify environment variables on Render
    #[command(subcommand, after_long_help = examples::RENDER)]
    Render(RenderCommand),
    /// Run the worker
    #[command(after_long_help = examples::WORKER)]
    Worker(WorkerArgs),
    /// The process that has imported Django, of `worker --prefork`
    #[command(subcommand, after_long_help = examples::PREFORK)]
    Prefork(PreforkCommand),
    /// Enqueue periodic tasks when they are due
    #[command(after_long_help = examples::BEAT)]
    Beat(BeatArgs),
    /// Enqueue periodic tasks that are due, and exit
    #[command(after_long_help = examples::SCHEDULE)]
    Schedule(ScheduleArgs),
    /// Write units for systemd, a Procfile, or services for Compose
    #[command(after_long_help = examples::SYSTEMD)]
    Systemd(SystemdArgs),
    /// Show the effective settings, of this command or the worker
    #[command(subcommand, after_long_help = examples::CONFIG)]
    Config(ConfigCommand),
    /// Generate a shell completion script
    #[command(after_long_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Show the version of this command and how to upgrade it
    #[command(name = "self", subcommand, after_long_help = examples::SELF_COMMAND)]
    SelfCommand(SelfCommand),
    /// Describe a command, or a topic: environment, exit-codes, json
    #[command(after_long_help = examples::HELP)]
    Help(HelpArgs),
}

/// The command tree under the name that users type, for completions, man pages and the reference.
pub fn command() -> clap::Command {
    let mut command = Cli::command().name("reproq");
    command.build();
    command
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grouped_help_lists_every_command_with_its_description() {
        let template = HELP_TEMPLATE.replace("\x1b[1m", "").replace("\x1b[4m", "").replace("\x1b[0m", "");
        let mut listed: Vec<&str> = template.lines().filter(|line| line.starts_with("  ")).collect();
        let command = command();
        let mut expected: Vec<String> = command
            .get_subcommands()
            .map(|command| format!("  {:<12} {}", command.get_name(), command.get_about().expect("a description")))
            .collect();
        listed.sort_unstable();
        expected.sort();
        assert_eq!(listed, expected);
    }

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }
}
