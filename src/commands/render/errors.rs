//! The exit status and the hints of the errors of `render env`.

use crate::commands::hints;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::NetError;
use crate::io::net::api::ApiSetupError;
use crate::io::net::api::JsonApiError;
use crate::model::yaml::YamlError;
use crate::render::ChangeError;
use crate::render::EnvOwner;
use crate::render::EnvPlanRefusal;
use crate::render::EnvStop;
use crate::render::RenderApiError;
use crate::render::SurveyError;

const AGAIN: &str = "run the same command again";
const KEY: &str = "set RENDER_API_KEY to a valid API key; Render's account settings list and create them";
const NOT_RENDER: &str = "something else may have responded instead of Render; check the proxy and RENDER_API_URL";
const ACCESS: &str = "use an API key of a user who may manage the service";

/// A blueprint that cannot be used.
pub(super) fn file(error: YamlError, name: &str) -> CommandError {
    CommandError::new(ExitStatus::Usage, error)
        .context(format!("`{name}` is not a valid blueprint"))
        .hint("no request was made; https://render.com/docs/blueprint-spec describes the file")
}

/// An invalid `RENDER_API_URL`. It is not repeated, because it may contain a password.
pub(super) fn base_url(problem: &str) -> CommandError {
    CommandError::message(ExitStatus::Usage, format!("RENDER_API_URL is invalid: {problem}"))
        .hint("unset it to use https://api.render.com/v1")
}

/// No client for the API.
pub(super) fn setup(error: ApiSetupError) -> CommandError {
    let hint = match error {
        ApiSetupError::NotEncrypted { .. } => "set RENDER_API_URL to an https URL, or unset it",
        ApiSetupError::Token => KEY,
    };
    CommandError::new(ExitStatus::Usage, error).hint(hint)
}

/// No plan.
pub(super) fn no_plan(refusal: EnvPlanRefusal, file: &str) -> CommandError {
    let EnvPlanRefusal::RemoveDeclared { .. } = &refusal;
    CommandError::new(ExitStatus::Usage, refusal).hint(format!("nothing was changed; delete it from `{file}` first"))
}

/// No survey.
pub(super) fn survey(error: SurveyError) -> CommandError {
    let (status, hint) = match error {
        SurveyError::Api(error) => return api(error),
        SurveyError::NotDeclared { .. } => (ExitStatus::Usage, "choose one of them with `--service NAME`"),
        SurveyError::NoService { .. } => (
            ExitStatus::NotFound,
            "if it is new, sync the blueprint in Render's dashboard first; otherwise check the API key and `--workspace`",
        ),
        SurveyError::Ambiguous { .. } | SurveyError::SeveralWorkspaces { .. } => {
            (ExitStatus::Conflict, "choose the workspace with `--workspace ID`")
        }
        SurveyError::Nothing => (ExitStatus::Usage, "choose another file with `--file FILE`"),
    };
    CommandError::new(status, error).hint(hint)
}

/// An error of a request that reads, or that starts a deploy.
pub(super) fn api(error: RenderApiError) -> CommandError {
    let (status, hint) = match error {
        RenderApiError::Api(JsonApiError::Net(NetError::TooLong { .. } | NetError::Redirect { .. })) => {
            (ExitStatus::Unavailable, NOT_RENDER)
        }
        RenderApiError::Api(JsonApiError::Net(error)) => return hints::network(&error),
        RenderApiError::Api(ref error) => of_api(error),
        RenderApiError::Endless { .. } | RenderApiError::Id => (ExitStatus::Unavailable, NOT_RENDER),
        RenderApiError::TooMany { .. } => {
            (ExitStatus::Conflict, "choose a workspace with fewer of them: `--workspace ID`")
        }
        RenderApiError::Twice { .. } => (ExitStatus::Conflict, AGAIN),
    };
    CommandError::new(status, error).hint(hint)
}

fn of_api(error: &JsonApiError) -> (ExitStatus, &'static str) {
    match error {
        JsonApiError::Net(_) => (ExitStatus::Unavailable, AGAIN),
        JsonApiError::RateLimited { .. } => (ExitStatus::Unavailable, "run the same command again later to continue"),
        JsonApiError::Unauthorized { .. } => (ExitStatus::NotPermitted, KEY),
        JsonApiError::Forbidden { .. } => (ExitStatus::NotPermitted, ACCESS),
        JsonApiError::NotFound { .. } => {
            (ExitStatus::Conflict, "it may have just been deleted; run the same command again")
        }
        JsonApiError::Conflict { .. } => (ExitStatus::Conflict, AGAIN),
        JsonApiError::Refused { .. } => (ExitStatus::Failure, "run the command with `-v` to see the request"),
        JsonApiError::Malformed { .. } => (ExitStatus::Unavailable, NOT_RENDER),
    }
}

/// Why a run stopped. `made` is the number of changes that were made before.
pub(super) fn stopped(stop: EnvStop, made: usize) -> CommandError {
    let done = if made == 0 { "nothing was changed" } else { "the changes that were made are kept" };
    let failure = match stop {
        EnvStop::Moved { .. } => {
            let hint = format!("{done}; review the plan, then run the same command again");
            CommandError::new(ExitStatus::Conflict, stop).hint(hint)
        }
        EnvStop::Read { owner, source } => {
            let mut failure = api(source).context(format!("failed to read the variables of {owner}"));
            if made > 0 {
                // They say that nothing was changed.
                failure.hints.clear();
            }
            failure.hints.push(format!("{done}; run the same command again to continue"));
            failure
        }
        EnvStop::Change { ref error, .. } => {
            let (status, hint) = of_change(error);
            CommandError::new(status, stop).hint(hint).hint(format!("{done}; run the same command again to continue"))
        }
        EnvStop::Record(_) => CommandError::new(ExitStatus::Failure, stop)
            .hint("every change must be recorded; choose another file with `--audit FILE`"),
    };
    partly(failure, made)
}

/// A deploy that was not started. `made` is the number of changes that were made before, and of deploys that were started.
pub(super) fn deploy(error: RenderApiError, service: &EnvOwner, made: usize) -> CommandError {
    let mut failure = api(error).context(format!("failed to start a deploy of {service}"));
    // The others recommend the same command, which would start no deploy, because nothing is left to change.
    failure.hints.retain(|hint| [KEY, ACCESS, NOT_RENDER].contains(&hint.as_str()));
    let start = "the variables are set; start it with `--deploy=always` or in Render's dashboard";
    partly(failure.hint(start), made)
}

/// A failure after changes that were made.
fn partly(failure: CommandError, made: usize) -> CommandError {
    if made > 0 && failure.status == ExitStatus::Failure {
        return CommandError { status: ExitStatus::Partial, ..failure };
    }
    failure
}

fn of_change(error: &ChangeError) -> (ExitStatus, &'static str) {
    match error {
        ChangeError::Unknown { .. } | ChangeError::Limited { .. } => (ExitStatus::Unavailable, "Render may be busy"),
        ChangeError::Unauthorized => (ExitStatus::NotPermitted, KEY),
        ChangeError::Forbidden => (ExitStatus::NotPermitted, ACCESS),
        ChangeError::NotFound => (ExitStatus::Conflict, "the service or group may have just been deleted"),
        ChangeError::Refused { .. } => (ExitStatus::Failure, "check the value in the file"),
    }
}
