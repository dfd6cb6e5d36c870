//! `reproq queue move`: moves the waiting tasks of a queue to another database.

mod apply;
mod plan;
mod report;

use reproq_queue::moves::MoveSide;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::write;

use self::apply::MoveRun;
use self::plan::MoveFacts;
use self::plan::MoveGoal;
use self::plan::MovePlan;
use self::plan::MoveRefusal;
use self::plan::QueueRoute;
use self::report::QueueMoveReport;
use self::report::StepRow;
use super::record::QueueRecord;
use super::routing;
use super::several::PlanProgress;
use super::several::finish;
use super::several::refuse_more;
use crate::change::Proposal;
use crate::cli::DatabaseArgs;
use crate::cli::QueueMoveArgs;
use crate::commands::consent;
use crate::commands::database::Database;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::django::DjangoFacts;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::model::text::count;
use crate::platform;

/// Which queue moves, and from where to where.
struct MoveRequest<'a> {
    arguments: &'a QueueMoveArgs,
    goal: MoveGoal,
    from: String,
    route: Option<QueueRoute>,
    /// What the settings must say; `None` if they do.
    setting: Option<String>,
}

pub(super) fn move_queue(arguments: &QueueMoveArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let goal = match (arguments.finish, arguments.undo) {
        (true, _) => MoveGoal::Finish,
        (_, true) => MoveGoal::Undo,
        _ => MoveGoal::Prepare,
    };
    let answer = django::answer(session, AskDjango::Settings(django::LIMIT));
    let facts = match answer.facts() {
        None if goal == MoveGoal::Finish && !arguments.unchecked => {
            django::facts(&answer, session).map_err(|error| {
                error
                    .context(format!("cannot check where Django enqueues the tasks of `{}`", arguments.queue))
                    .hint("`--unchecked` moves them without the check")
            })?;
            None
        }
        facts => facts,
    };
    let request = MoveRequest::new(arguments, goal, facts);
    let source = DatabaseArgs { database: request.source(facts) };
    let target = DatabaseArgs { database: Some(arguments.to.clone()) };
    // After a signal, what was changed is still reported.
    let _hold = platform::hold_exit();
    let (report, failure) = Database::with_two([&source, &target], session, async |source, target| {
        move_between(source, target, &request, session).await
    })?;
    session.ui.report(&report)?;
    let changed = report.copied + report.moved + report.cancelled;
    let progress = PlanProgress { planned: report.steps.len(), changed, skipped: report.left };
    Ok(finish(progress, failure.as_ref(), &arguments.plan, session))
}

impl<'a> MoveRequest<'a> {
    fn new(arguments: &'a QueueMoveArgs, goal: MoveGoal, facts: Option<&DjangoFacts>) -> Self {
        let (queue, to) = (arguments.queue.as_str(), arguments.to.as_str());
        let routing = facts.map(routing);
        let route = routing.as_ref().map(|routing| routing.route_of(queue));
        // Once the settings are changed, the route no longer says where the tasks come from.
        let routed_from = route.map(|route| route.alias).filter(|alias| *alias != to);
        let default = facts.map_or("default", DjangoFacts::default_alias);
        let from = arguments.from.as_deref().or(routed_from).unwrap_or(default).to_owned();
        let is_switched = route.is_some_and(|route| route.alias == to);
        let routes = facts.map(|facts| facts.queue_databases.as_slice()).unwrap_or_default();
        Self {
            arguments,
            goal,
            from,
            route: route.map(|route| QueueRoute { alias: route.alias.to_owned(), rule: route.rule.map(str::to_owned) }),
            setting: (!is_switched).then(|| plan::setting(routes, queue, to)),
        }
    }

    /// The alias that the database is looked up with; `None` for the project's only or default one.
    fn source(&self, facts: Option<&DjangoFacts>) -> Option<String> {
        let default = facts.map_or("default", DjangoFacts::default_alias);
        match &self.arguments.from {
            Some(from) => Some(from.clone()),
            None => Some(self.from.clone()).filter(|from| from != default),
        }
    }
}

async fn move_between(
    source: &Database,
    target: &Database,
    request: &MoveRequest<'_>,
    session: &Session<'_>,
) -> Result<(QueueMoveReport, Option<CommandError>), CommandError> {
    let arguments = request.arguments;
    let facts = facts(source, target, request).await?;
    let plan = MovePlan::new(&facts).map_err(|refusal| refused(refusal, request))?;
    let mut report = report(&facts, &plan, request);
    if report.dry_run || plan.steps.is_empty() {
        return Ok((report, None));
    }
    let done = if request.goal == MoveGoal::Undo { "cancelled" } else { "moved" };
    refuse_more(plan.tasks, "task", done, &arguments.plan, session)?;
    let (number, thing) = if plan.tasks > 0 { (plan.tasks, "task") } else { (plan.steps.len(), "step") };
    let proposal = Proposal { number, thing, done: "changed" };
    let question = |number| format!("Type {number} to do this for {}:", count(number, thing));
    consent::confirm(&proposal, question, || session.ui.preview(&report), arguments.plan.confirm.yes, session)?;
    session.ui.on_interrupt(platform::INTERRUPTION_OF_CHANGES);
    let units = [arguments.queue.clone()];
    let record = QueueRecord::begin(arguments.plan.audit.as_ref(), "queue move", &units, source, session)?;
    report.audit = record.path();
    let mut moving = MoveRun { facts: &facts, source, target, wait: arguments.wait, record, session };
    let result = moving.carry_out(&plan, &mut report).await;
    Ok((report, result.err()))
}

async fn facts(source: &Database, target: &Database, request: &MoveRequest<'_>) -> Result<MoveFacts, CommandError> {
    let queue = request.arguments.queue.as_str();
    let read = source.session.read(Limits::default(), async |tx| write::move_side(tx, queue).await);
    let source: MoveSide = read.await.map_err(|error: PgError| hints::database(error))?;
    let read = target.session.read(Limits::default(), async |tx| {
        let side = write::move_side(tx, queue).await?;
        Ok((side, write::held_tasks(tx, queue, &source.identity).await?.len()))
    });
    let (target, held) = read.await.map_err(|error: PgError| hints::database(error))?;
    Ok(MoveFacts {
        goal: request.goal,
        queue: queue.to_owned(),
        from: request.from.clone(),
        to: request.arguments.to.clone(),
        source,
        target,
        held,
        route: request.route.clone().filter(|_| !request.arguments.unchecked),
    })
}

fn report(facts: &MoveFacts, plan: &MovePlan, request: &MoveRequest<'_>) -> QueueMoveReport {
    QueueMoveReport {
        queue: facts.queue.clone(),
        from: facts.from.clone(),
        to: facts.to.clone(),
        goal: facts.goal,
        dry_run: request.arguments.plan.confirm.dry_run,
        steps: plan.steps.iter().map(|step| StepRow::new(*step, &facts.from, &facts.to)).collect(),
        planned: plan.tasks,
        copied: 0,
        moved: 0,
        deduplicated: 0,
        cancelled: 0,
        tasks: Vec::new(),
        left: 0,
        route: request.route.clone(),
        setting: request.setting.clone(),
        notes: plan.notes.clone(),
        verified: false,
        audit: None,
    }
}

fn refused(refusal: MoveRefusal, request: &MoveRequest<'_>) -> CommandError {
    let hint = match &refusal {
        MoveRefusal::SameDatabase { .. } => "name another database with `--to`, or with `--from`".to_owned(),
        MoveRefusal::Column { .. } => "upgrade this command; `reproq self version` shows how".to_owned(),
        MoveRefusal::Missing { to, .. } => format!("run `reproq db migrate --database {to}`, or Django's migrations"),
        MoveRefusal::OtherMove { .. } => {
            "finish or undo that move first, with the same `--from` and `--to`; `reproq queue resume` ends a pause"
                .to_owned()
        }
        MoveRefusal::NotRouted { .. } => match &request.setting {
            Some(setting) => format!("set {setting} and restart Django, or use `--unchecked`"),
            None => "use `--unchecked`".to_owned(),
        },
    };
    let is_usage = matches!(refusal, MoveRefusal::SameDatabase { .. });
    let status = if is_usage { ExitStatus::Usage } else { ExitStatus::Conflict };
    CommandError::new(status, refusal).hint(hint)
}
