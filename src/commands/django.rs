//! Asks the project's Django, once in a run: every part of a command reads the same answer.

use std::cell::RefCell;
use std::time::Duration;

use crate::commands::request;
use crate::commands::session::Session;
use crate::django;
use crate::django::DjangoAnswer;
use crate::django::DjangoQuestion;
use crate::django::DjangoScope;

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
pub struct AskedDjango(RefCell<Option<(DjangoScope, DjangoAnswer)>>);

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
