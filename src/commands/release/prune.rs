//! `reproq release prune`: plans, confirms and applies the deletion of old versions.

use std::path::Path;
use std::time::Duration;

use crate::change::Clock;
use crate::change::Pace;
use crate::change::Proposal;
use crate::cli::PaceChoice;
use crate::cli::PruneArgs;
use crate::commands::consent;
use crate::commands::hints;
use crate::commands::release::begin_audit;
use crate::commands::release::client;
use crate::commands::release::errors;
use crate::commands::release::outputs;
use crate::commands::release::prune_report::PruneReport;
use crate::commands::release::prune_report::WorkDone;
use crate::commands::release::repository;
use crate::commands::release::repository::RepositoryUse;
use crate::commands::release::runtime;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::io::fs::write_file;
use crate::model::RepoSlug;
use crate::model::progress::Progress;
use crate::model::text::count;
use crate::model::text::shell_word;
use crate::platform;
use crate::releases::prune;
use crate::releases::prune::DEFAULT_MAX_DELETE;
use crate::releases::prune::Delete;
use crate::releases::prune::Inventory;
use crate::releases::prune::PaceName;
use crate::releases::prune::PlanFile;
use crate::releases::prune::PolicyError;
use crate::releases::prune::PruneContext;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::WorldMoved;
use crate::releases::prune::parse_keep;
use crate::releases::prune::parse_max_delete;
use crate::releases::prune::parse_min_age;
use crate::releases::prune::still_allowed;
use crate::sources::github::GitHub;
use crate::sources::github::Lister;

/// The validated arguments and settings, before any request.
struct Request {
    repository: RepoSlug,
    policy: PrunePolicy,
    /// The policy of the command line, if it differs from that of the plan file.
    override_policy: Option<PrunePolicy>,
    file: Option<PlanFile>,
    max_delete: usize,
    max_wait: Duration,
}

/// The current plan and the versions to delete.
struct Planned {
    plan: PrunePlan,
    deletes: Vec<Delete>,
}

pub(super) fn prune(arguments: &PruneArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let request = request(arguments, session)?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let github = client(&request.repository, session)?;
    drop(entered);
    let progress = session.ui.progress();
    let lister = Lister::new(&github, &progress);
    let planned = runtime.block_on(plan(&request, &lister, session))?;
    for warning in planned.plan.warnings() {
        session.ui.warn(warning);
    }
    if let Some(path) = &arguments.plan_out {
        let path = session.env.cwd.join(path);
        let text = PlanFile::new(&planned.plan, env!("CARGO_PKG_VERSION")).to_json();
        write_file(&path, text.as_bytes()).map_err(hints::output)?;
    }
    let guard = guard(&planned, request.max_delete);
    if arguments.confirm.dry_run || planned.deletes.is_empty() {
        return show(&planned, guard.err(), arguments, session);
    }
    if let Err(refusal) = guard {
        let report = PruneReport::new(&planned.plan, &planned.deletes, false, Some(refusal.to_string()));
        outputs::summary(&report.markdown(), session);
        return Err(errors::guarded(refusal, &allowing(arguments, &request, planned.deletes.len())));
    }
    let planned = confirm(planned, &request, arguments, &lister, runtime, session)?;
    if planned.deletes.is_empty() {
        return show(&planned, None, arguments, session);
    }
    apply(planned, &request, arguments, &github, &lister, &progress, runtime, session)
}

fn request(arguments: &PruneArgs, session: &Session<'_>) -> Result<Request, CommandError> {
    let usage = |error: PolicyError| {
        CommandError::new(ExitStatus::Usage, error).hint("no request was made; see `reproq release prune --help`")
    };
    let max_delete = arguments.max_delete.as_deref().map(parse_max_delete).transpose().map_err(usage)?;
    let file = arguments.plan.as_deref().map(|path| read_plan(&session.env.cwd.join(path))).transpose()?;
    let base = match (&file, &arguments.keep) {
        (Some(file), _) => of_file(file, arguments),
        (None, Some(keep)) => PrunePolicy::new(parse_keep(keep).map_err(usage)?),
        (None, None) => {
            let message = "--keep is missing: the number of newest versions to keep";
            return Err(CommandError::message(ExitStatus::Usage, message));
        }
    };
    let max_delete = max_delete.unwrap_or(DEFAULT_MAX_DELETE);
    let mut base = PrunePolicy { max_delete, ..base };
    base.protected_tags.extend(tag_of_this_job(session));
    for pattern in session.settings.release_protect.iter().chain(&arguments.protect) {
        base.protect.push(pattern.parse().map_err(usage)?);
    }
    let requested = with_options(base.clone(), arguments).map_err(usage)?;
    let (policy, override_policy) = match &file {
        Some(_) => (base.clone(), (requested != base).then_some(requested)),
        None => (requested, None),
    };
    Ok(Request {
        repository: repository::find(arguments.repository.repo.as_deref(), RepositoryUse::Delete, session)?,
        max_delete,
        max_wait: arguments.max_wait,
        policy,
        override_policy,
        file,
    })
}

/// The policy of a plan file, restricted by the command line: a plan file can only reduce what is deleted.
fn of_file(file: &PlanFile, arguments: &PruneArgs) -> PrunePolicy {
    let allow_immutable = file.policy.allow_immutable && arguments.allow_immutable;
    PrunePolicy { allow_immutable, ..file.policy.clone() }
}

/// Applies the options of the command line to a policy.
fn with_options(mut policy: PrunePolicy, arguments: &PruneArgs) -> Result<PrunePolicy, PolicyError> {
    if let Some(text) = &arguments.keep {
        policy.keep = parse_keep(text)?;
    }
    if let Some(text) = &arguments.order {
        policy.order = text.parse()?;
    }
    if let Some(text) = &arguments.min_age {
        policy.min_age = parse_min_age(text)?;
    }
    if let Some(text) = &arguments.prerelease {
        policy.prerelease = text.parse()?;
    }
    policy.allow_immutable = arguments.allow_immutable;
    Ok(policy)
}

/// The tag that triggered the workflow run: it has just been published, so it is protected.
fn tag_of_this_job(session: &Session<'_>) -> Option<String> {
    let is_tag = session.env.var("GITHUB_REF_TYPE").as_deref() == Some("tag");
    session.env.var("GITHUB_REF_NAME").filter(|_| is_tag)
}

async fn plan(request: &Request, lister: &Lister<'_>, session: &Session<'_>) -> Result<Planned, CommandError> {
    let inventory = lister.list().await.map_err(|error| errors::api(error, &request.repository))?;
    let found = &inventory.repository.full_name;
    if !found.is_same(&request.repository) {
        return Err(errors::renamed(&request.repository, found));
    }
    if let Some(error) = lister.refused_token() {
        return Err(errors::api(error, &request.repository));
    }
    let plan = PrunePlan::compute(&inventory, &request.policy, session.now)
        .map_err(|refusal| errors::no_plan(refusal, !session.settings.tokens.is_empty()))?;
    let deletes = match &request.file {
        None => plan.delete().to_vec(),
        Some(file) => allowed_of_file(file, &plan, &inventory, request, session)?,
    };
    Ok(Planned { plan, deletes })
}

/// The deletions of a plan file, if all of them are still allowed by its policy and by the command line.
fn allowed_of_file(
    file: &PlanFile,
    plan: &PrunePlan,
    inventory: &Inventory,
    request: &Request,
    session: &Session<'_>,
) -> Result<Vec<Delete>, CommandError> {
    let moved = |moved: WorldMoved| {
        let failure = CommandError::new(ExitStatus::Conflict, moved);
        if file.policy.allow_immutable && !request.policy.allow_immutable {
            return failure.hint("the plan was made with `--allow-immutable`; add the option here too");
        }
        failure.hint("nothing was deleted; make a new plan with `--plan-out`")
    };
    let deletes = still_allowed(file, plan).map_err(moved)?;
    let Some(policy) = &request.override_policy else { return Ok(deletes) };
    let by_options = PrunePlan::compute(inventory, policy, session.now)
        .map_err(|refusal| errors::no_plan(refusal, !session.settings.tokens.is_empty()))?;
    still_allowed(file, &by_options).map_err(moved)
}

/// Checks the safety limits for the versions to delete now; a plan file may select fewer than the plan.
fn guard(planned: &Planned, max_delete: usize) -> Result<(), prune::GuardRefusal> {
    let count = planned.deletes.len();
    if count > max_delete {
        return Err(prune::GuardRefusal::TooMany { planned: count, limit: max_delete });
    }
    planned.plan.guard(usize::MAX)
}

/// Prints the plan without applying it.
fn show(
    planned: &Planned,
    refusal: Option<prune::GuardRefusal>,
    arguments: &PruneArgs,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    let report = PruneReport::new(
        &planned.plan,
        &planned.deletes,
        arguments.confirm.dry_run,
        refusal.map(|why| why.to_string()),
    );
    outputs::summary(&report.markdown(), session);
    outputs::outputs(&report.outputs(), session);
    session.ui.report(&report)?;
    let pending = arguments.confirm.exit_code && !planned.deletes.is_empty();
    Ok(if pending { ExitStatus::Pending } else { ExitStatus::Success })
}

/// Asks for confirmation. Because the answer takes time, the plan is computed again afterwards.
fn confirm(
    planned: Planned,
    request: &Request,
    arguments: &PruneArgs,
    lister: &Lister<'_>,
    runtime: &tokio::runtime::Runtime,
    session: &Session<'_>,
) -> Result<Planned, CommandError> {
    let proposal = Proposal { number: planned.deletes.len(), thing: "version", done: "deleted" };
    let repository = &planned.plan.repository().full_name;
    let question =
        |wanted: usize| format!("Type {wanted} to permanently delete {} of {repository}:", count(wanted, "version"));
    let show = || session.ui.preview(&PruneReport::new(&planned.plan, &planned.deletes, true, None));
    if !consent::confirm(&proposal, question, show, arguments.confirm.yes, session)? {
        return Ok(planned);
    }
    let shown = PlanFile::new(&planned.plan, env!("CARGO_PKG_VERSION"));
    let again = Request {
        file: Some(shown),
        repository: request.repository.clone(),
        policy: request.policy.clone(),
        override_policy: request.override_policy.clone(),
        ..*request
    };
    let now = runtime.block_on(plan(&again, lister, session))?;
    // Only what was confirmed.
    let deletes =
        now.deletes.into_iter().filter(|unit| planned.deletes.iter().any(|confirmed| confirmed.name == unit.name));
    Ok(Planned { deletes: deletes.collect(), plan: now.plan })
}

#[expect(clippy::too_many_arguments, reason = "the state of one run")]
fn apply(
    planned: Planned,
    request: &Request,
    arguments: &PruneArgs,
    github: &GitHub,
    lister: &Lister<'_>,
    progress: &dyn Progress,
    runtime: &tokio::runtime::Runtime,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    platform::watch_signals();
    let Planned { plan, deletes } = planned;
    let mut saved = Vec::new();
    if let Some(directory) = &arguments.archive {
        let directory = session.env.cwd.join(directory);
        saved = runtime.block_on(prune::archive(&deletes, &directory, github, progress)).map_err(errors::archive)?;
    }
    let mut audit = begin_audit(arguments.audit.as_ref(), "prune", session)?;
    let path = audit.path().to_owned();
    // Before anything is deleted, so that a later step can find the record of an interrupted run.
    outputs::outputs(&[("audit", path.to_string_lossy().into_owned())], session);
    session.ui.status(&format!(
        "Deleting {} of {}, keeping {}",
        count(deletes.len(), "version"),
        plan.repository().full_name,
        plan.keep().len()
    ));
    let clock = Clock::wall(session.now);
    let context = PruneContext {
        github,
        lister,
        audit: &mut audit,
        clock: &clock,
        pace: Pace::new(
            match arguments.pace {
                PaceChoice::Fast => PaceName::Fast,
                PaceChoice::Normal => PaceName::Normal,
                PaceChoice::Strict => PaceName::Strict,
            }
            .rate(),
        ),
        max_wait: request.max_wait,
        // The listing may be outdated after saving assets.
        is_fresh: arguments.archive.is_none(),
        progress,
    };
    let applied = runtime.block_on(prune::apply(&plan, deletes.clone(), context));
    let mut report = PruneReport::new(&plan, &deletes, false, None);
    report.work = Some(WorkDone::new(applied, &path, saved));
    let (status, failure) = report.conclude(request.max_wait);
    outputs::summary(&report.markdown(), session);
    outputs::outputs(&report.outputs(), session);
    session.ui.report(&report)?;
    if let Some(failure) = failure {
        session.ui.error_after_report(&failure);
    }
    Ok(status)
}

/// The same command with a limit that allows `planned` deletions.
fn allowing(arguments: &PruneArgs, request: &Request, planned: usize) -> String {
    let mut words = vec!["reproq".to_owned(), "release".to_owned(), "prune".to_owned()];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), shell_word(&value)]);
        }
    };
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    option("--keep", arguments.keep.clone());
    option("--plan", path(&arguments.plan));
    option("--order", arguments.order.clone());
    for pattern in &arguments.protect {
        option("--protect", Some(pattern.clone()));
    }
    option("--min-age", arguments.min_age.clone());
    option("--prerelease", arguments.prerelease.clone());
    option("--archive", path(&arguments.archive));
    option("--audit", path(&arguments.audit));
    option("--repo", Some(request.repository.to_string()));
    option("--max-delete", Some(planned.to_string()));
    if arguments.allow_immutable {
        words.push("--allow-immutable".to_owned());
    }
    if arguments.confirm.yes {
        words.push("--yes".to_owned());
    }
    words.join(" ")
}

/// More than a plan of a thousand versions.
const MAX_PLAN_SIZE: u64 = 4 * 1024 * 1024;

fn read_plan(path: &Path) -> Result<PlanFile, CommandError> {
    let text = bounded_read::read_named_text(path, MAX_PLAN_SIZE)
        .map_err(|error| CommandError::io("read the plan", path, error))?;
    PlanFile::from_json(&text).map_err(|error| {
        CommandError::new(ExitStatus::Usage, error)
            .context(format!("`{}` is not a valid plan", path.display()))
            .hint("create a new plan with `--dry-run --plan-out FILE`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, quoted_word) in
            [("v1.*", "'v1.*'"), ("a/b", "a/b"), ("it's", "'it'\\''s'"), ("", "''"), ("24h", "24h")]
        {
            assert_eq!(shell_word(word), quoted_word);
        }
    }
}
