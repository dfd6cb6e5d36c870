//! `reproq render env …`: the environment variables of a blueprint on Render.

mod apply;
mod errors;
mod plan;
mod report;
mod verify;

use url::Url;

use crate::cli::RenderCommand;
use crate::cli::RenderEnvCommand;
use crate::cli::RenderScopeArgs;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::io::net::Http;
use crate::io::net::api::ApiLimits;
use crate::io::net::api::JsonApi;
use crate::io::net::api::PageLimits;
use crate::model::progress::Progress;
use crate::model::secret::Secret;
use crate::model::yaml::MAX_YAML_BYTES;
use crate::render::Blueprint;
use crate::render::EnvKey;
use crate::render::EnvPlan;
use crate::render::EnvPlanInput;
use crate::render::RenderApi;
use crate::render::Survey;
use crate::render::SurveyScope;
use crate::render::survey;

/// The API, unless `RENDER_API_URL` names another.
const API_URL: &str = "https://api.render.com/v1";

/// Larger than any page: 100 variables with the longest values that Render allows are smaller.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

pub(super) fn run(command: &RenderCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let RenderCommand::Env(command) = command;
    match command {
        RenderEnvCommand::Plan(arguments) => plan::plan(arguments, session),
        RenderEnvCommand::Apply(arguments) => apply::apply(arguments, session),
        RenderEnvCommand::Verify(arguments) => verify::verify(arguments, session),
    }
}

/// The file of a run, and its name for messages.
struct BlueprintFile {
    blueprint: Blueprint,
    name: String,
}

/// Reads the blueprint.
fn blueprint(scope: &RenderScopeArgs, session: &Session<'_>) -> Result<BlueprintFile, CommandError> {
    let path = match &scope.file {
        Some(path) => session.env.cwd.join(path),
        None => session.project.root.join("render.yaml"),
    };
    let name = scope.file.as_ref().map_or_else(|| "render.yaml".to_owned(), |path| path.display().to_string());
    let text = bounded_read::read_named_text(&path, MAX_YAML_BYTES as u64)
        .map_err(|error| CommandError::io("read the blueprint", &path, error).hint("name it with `--file FILE`"))?;
    let blueprint = Blueprint::read(&text).map_err(|error| errors::file(error, &name))?;
    Ok(BlueprintFile { blueprint, name })
}

/// The keys of `--remove`. Which service they are removed from must be clear.
fn keys_to_remove(
    keys: &[String],
    scope: &RenderScopeArgs,
    blueprint: &Blueprint,
) -> Result<Vec<EnvKey>, CommandError> {
    if !keys.is_empty() && scope.service.is_none() && blueprint.services.len() != 1 {
        let message = "`--remove` needs `--service`, because the file has several services or none";
        return Err(CommandError::message(ExitStatus::Usage, message));
    }
    let parsed = keys.iter().map(|key| {
        key.parse().map_err(|error: crate::render::EnvKeyError| {
            CommandError::new(ExitStatus::Usage, error).context(format!("`--remove {key}` is not a key"))
        })
    });
    parsed.collect()
}

/// The API with the key from the environment.
fn api<'a>(session: &Session<'_>, progress: &'a dyn Progress) -> Result<RenderApi<'a>, CommandError> {
    let offline = &session.settings.offline;
    if offline.value {
        let message = format!("the variables are on Render, but network access is disabled ({})", offline.from);
        return Err(CommandError::message(ExitStatus::Usage, message).hint("remove `--offline`"));
    }
    let Some(key) = session.env.var("RENDER_API_KEY").map(|key| key.trim().to_owned()).filter(|key| !key.is_empty())
    else {
        let message = "RENDER_API_KEY is not set";
        let hint = "create an API key in Render's account settings, and set the variable to it";
        return Err(CommandError::message(ExitStatus::NotPermitted, message).hint(hint));
    };
    let base = session.env.var("RENDER_API_URL").unwrap_or_else(|| API_URL.to_owned());
    let base: Url = base.trim().parse().map_err(|_| errors::base_url("it is not a URL"))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(errors::base_url("it is not an http or https URL"));
    }
    let has_parts = !base.username().is_empty() || base.password().is_some() || base.query().is_some();
    if has_parts || base.fragment().is_some() {
        return Err(errors::base_url("it has a user name, a password, a query or a fragment"));
    }
    let http = Http::new(session.http.clone()).map_err(|error| crate::commands::hints::network(&error))?;
    let list = PageLimits { pages: 1, bytes: usize::MAX };
    let limits = ApiLimits { answer: MAX_ANSWER, list };
    let api = JsonApi::new(http, base, Some(Secret::new(key)), limits).map_err(errors::setup)?;
    Ok(RenderApi::new(api, progress))
}

/// Reads what is on Render.
async fn read<'a>(
    api: &RenderApi<'_>,
    file: &'a BlueprintFile,
    scope: &RenderScopeArgs,
) -> Result<Survey<'a>, CommandError> {
    let scope = SurveyScope { service: scope.service.as_deref(), workspace: scope.workspace.as_deref() };
    survey(api, &file.blueprint, scope).await.map_err(errors::survey)
}

/// One plan for each service and group.
fn plans(survey: &Survey<'_>, remove: &[EnvKey], file: &BlueprintFile) -> Result<Vec<EnvPlan>, CommandError> {
    let plan = |target: &crate::render::SurveyTarget<'_>| {
        let is_service = target.owner.kind == crate::render::OwnerKind::Service;
        EnvPlan::compute(EnvPlanInput {
            owner: &target.owner,
            declared: target.declared,
            live: &target.live,
            groups: &target.groups,
            remove: if is_service { remove } else { &[] },
        })
        .map_err(|refusal| errors::no_plan(refusal, &file.name))
    };
    survey.targets.iter().map(plan).collect()
}
