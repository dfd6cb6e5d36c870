//! Asks the project's Django, once in a run: every part of a command reads the same answer.

use std::cell::RefCell;
use std::time::Duration;

use crate::commands::request;
use crate::commands::session::Session;
use crate::django;
use crate::django::DjangoAnswer;
use crate::django::DjangoFacts;
use crate::django::DjangoQuestion;
use crate::django::DjangoScope;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// The time limit of commands without an option for it.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Whether to ask Django, and what, with the time limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum AskDjango {
    No,
    /// The settings.
    Settings(Duration),
    /// The settings, and the tasks that the apps define.
    Tasks(Duration),
    /// The same, and the schedules that the tasks register.
    Recurring(Duration),
}

/// What was answered in this run.
#[derive(Debug, Default)]
pub(crate) struct AskedDjango(RefCell<Option<(DjangoScope, DjangoAnswer)>>);

/// Django's answer. A second question gets the answer to the first one, unless it asks for more.
pub(super) fn answer(session: &Session<'_>, ask: AskDjango) -> DjangoAnswer {
    let (scope, limit) = match ask {
        AskDjango::No => return DjangoAnswer::Skipped { reason: "the Django settings were not read".to_owned() },
        AskDjango::Settings(limit) => (DjangoScope::Settings, limit),
        AskDjango::Tasks(limit) => (DjangoScope::Tasks, limit),
        AskDjango::Recurring(limit) => (DjangoScope::Recurring, limit),
    };
    if let Some((asked, answer)) = &*session.django.0.borrow()
        && *asked >= scope
    {
        return answer.clone();
    }
    session.ui.debug("reading the settings of Django");
    let question = DjangoQuestion {
        root: session.project.root.as_path(),
        environment: &request::environment(session),
        scope,
        limit: limit.max(Duration::from_secs(1)),
    };
    let answer = django::ask(&question);
    let databases = answer.facts().map(|facts| facts.databases.as_slice()).unwrap_or_default();
    databases.iter().flat_map(|database| database.secrets()).for_each(|secret| session.ui.redact(&secret));
    *session.django.0.borrow_mut() = Some((scope, answer.clone()));
    answer
}

/// The facts, for commands that need a Django project.
pub(super) fn facts<'a>(answer: &'a DjangoAnswer, session: &Session<'_>) -> Result<&'a DjangoFacts, CommandError> {
    match answer {
        DjangoAnswer::Answered(facts) => Ok(facts),
        DjangoAnswer::NoProject => {
            let message = format!("there is no Django project in {}", session.project.root.display());
            Err(CommandError::message(ExitStatus::NotFound, message)
                .hint("run it in the directory of manage.py, or name that directory with `-C DIR`"))
        }
        DjangoAnswer::Skipped { reason } => {
            Err(CommandError::message(ExitStatus::Usage, format!("Django's settings are needed: {reason}")))
        }
        DjangoAnswer::Failed { .. } | DjangoAnswer::TimedOut { .. } => {
            let message = format!("Django's settings could not be read: {}", answer.failure().unwrap_or_default());
            Err(CommandError::message(ExitStatus::Usage, message)
                .details(answer.stderr().iter().map(|line| format!("stderr: {line}")))
                .hint("make `python manage.py check` pass in the project's environment"))
        }
    }
}
