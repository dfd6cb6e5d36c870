//! The settings in effect, each with its provenance. Pure: flags, variables and the file are parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;
use url::Url;

use crate::config::Env;
use crate::config::FileSettings;
use crate::config::Server;
use crate::config::ServerPurpose;
use crate::config::databases::DatabaseReference;
use crate::config::mirrors::mirrors;
use crate::config::progress::progress_style;
use crate::model::RepoSlug;
use crate::model::Tool;
use crate::model::progress::ProgressStyle;
use crate::model::secret::Secret;
use crate::model::source_spec::SourceSpec;
use crate::model::text::size;
use crate::model::units::parse_size;
use crate::model::url_policy::is_loopback;
use crate::trust::Level;

/// Every variable that this program reads, with its meaning; the README's table is generated from it.
pub const VARIABLES: [(&str, &str); 41] = [
    ("REPROQ_REPOSITORY", "repository of the worker, `OWNER/NAME`"),
    ("REPROQ_REQUIRE", "minimum verdict for installs"),
    ("REPROQ_WORKFLOW", "workflow that must have signed the release"),
    ("REPROQ_WORKER_SOURCE", "checkout of the worker for local builds"),
    ("REPROQ_WORKER_BIN", "worker binary to run; read by Django and by `which`"),
    ("REPROQ_CONFIG", "configuration file of the worker; read by the worker and by `config worker`"),
    ("REPROQ_LAUNCH_DEPTH", "set by `reproq worker`, to detect nested launches"),
    (
        "CREDENTIALS_DIRECTORY",
        "set by systemd; the URL of the database may be in the credential `dsn` in it, which is read after `DATABASE_URL`",
    ),
    ("REPROQ_MIRROR", "release sources in order: directories, URLs or `github`, separated by commas or white space"),
    ("REPROQ_OFFLINE", "`1`: same as `--offline`"),
    ("REPROQ_PROGRESS", "`auto`, `plain`, `json` or `none`: same as `--progress`"),
    ("REPROQ_CACHE_DIR", "cache directory (default: in the system's cache directory)"),
    (
        "REPROQ_CACHE_SIZE",
        "maximum cache size, such as 500MiB or 2GiB; MiB if no unit is given; `0` disables the cache (default: 1GiB)",
    ),
    ("REPROQ_TRUST_DIR", "directory of the trusted roots (default: in the user's data directory)"),
    (
        "REPROQ_HTTP_TIMEOUT",
        "timeout for connecting and for stalled downloads, in seconds or such as 90s or 5m (default: 30s)",
    ),
    (
        "DATABASE_URL",
        "URL of the database of the queue, unless `--database` names one; libpq's variables and files are read too",
    ),
    ("REPROQ_GITHUB_TOKEN", "API token, first choice"),
    ("GH_TOKEN", "API token, second choice"),
    ("GITHUB_TOKEN", "API token, third choice"),
    ("GH_ENTERPRISE_TOKEN", "API token for a GitHub Enterprise host, which gets none of the others"),
    ("REPROQ_GITHUB_SERVER_URL", "URL of the GitHub server with the worker (default: https://github.com)"),
    ("REPROQ_GITHUB_API_URL", "URL of its API, if it cannot be derived from REPROQ_GITHUB_SERVER_URL"),
    ("GITHUB_SERVER_URL", "URL of the GitHub server for the `release` commands only (set in Actions)"),
    ("GITHUB_API_URL", "URL of its API (set in Actions)"),
    (
        "METRICS_AUTH_TOKEN",
        "secret of the bearer tokens, and the token of `serve`; read by the worker, by Django, by `token verify` and by `serve`",
    ),
    ("REPROQ_OIDC_CLIENT_SECRET", "secret of `serve --oidc-client-id` at the provider; unset for a public client"),
    (
        "REPROQ_TUI_AUTH_FILE",
        "file with the token of reproq-tui and `login` (default: in the user's configuration directory)",
    ),
    ("RENDER_API_KEY", "API key for the `render` commands"),
    ("RENDER_API_URL", "URL of Render's API (default: https://api.render.com/v1)"),
    ("HTTPS_PROXY", "proxy URL, as in curl; also `https_proxy` (takes precedence), `ALL_PROXY` and `all_proxy`"),
    ("NO_PROXY", "hosts accessed without a proxy; also `no_proxy` (takes precedence); always includes this machine"),
    ("SSL_CERT_FILE", "file with additional trusted certificates"),
    ("SSL_CERT_DIR", "directories with additional trusted certificates, separated by `:`"),
    ("CI", "`true`: one line per stage, no prompts; `release prune` and `render env apply` need no confirmation"),
    ("GITHUB_REPOSITORY", "repository of the `release` commands, unless a flag or setting names one (set in Actions)"),
    ("GITHUB_REF_TYPE", "`tag`: GITHUB_REF_NAME is a tag, which is never deleted (set in Actions)"),
    ("GITHUB_REF_NAME", "branch or tag the job runs for (set in Actions)"),
    ("GITHUB_STEP_SUMMARY", "file for the job summary (set in Actions)"),
    ("GITHUB_OUTPUT", "file for the step outputs (set in Actions)"),
    ("NO_COLOR", "disables colors if set"),
    ("DJANGO_SETTINGS_MODULE", "Django settings module, used by `which`"),
];

/// Enough for about sixty workers.
const DEFAULT_CACHE_SIZE: u64 = 1024 * 1024 * 1024;

/// The provenance of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// A command line flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// `[tool.reproq]` of this file.
    File(PathBuf),
    Default,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag {name}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "[tool.reproq] of {}", path.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub from: Provenance,
}

/// A setting with an invalid value.
#[derive(Debug, Error)]
#[error("{from} is invalid: {reason}")]
pub struct SettingError {
    pub from: Provenance,
    /// What is wrong with it.
    pub reason: String,
}

/// The command line flags, unparsed.
#[derive(Debug, Clone, Default)]
pub struct SettingsInput {
    /// `--repo`.
    pub repository: Option<String>,
    /// `--require`.
    pub require: Option<String>,
    /// `--workflow`.
    pub workflow: Option<String>,
    /// `--source`.
    pub source: Option<PathBuf>,
    /// `--mirror`.
    pub mirrors: Vec<String>,
    /// `--offline`.
    pub offline: bool,
    /// `--progress`.
    pub progress: Option<String>,
    /// The purpose of the GitHub server.
    pub purpose: ServerPurpose,
    /// `--github-api-url`.
    pub github_api_url: Option<String>,
    /// `--github-server-url`.
    pub github_server_url: Option<String>,
}

/// A token and the variable it came from. The variable may be shown, the token never.
#[derive(Debug, Clone)]
pub struct Token {
    pub variable: &'static str,
    /// The token.
    pub value: Secret<String>,
}

/// All settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The worker's repository.
    pub repository: Setting<RepoSlug>,
    /// The minimum verdict.
    pub require: Setting<Level>,
    /// The workflow that must have signed a release; `None` means any workflow of the repository.
    pub workflow: Option<Setting<String>>,
    /// Whether the workflow may run on self-hosted runners.
    pub allow_self_hosted: bool,
    /// Whether the workflow may run for a branch instead of the release's tag.
    pub allow_branch: bool,
    /// The named checkout of the worker; without one the sibling directory is tried.
    pub source: Option<Setting<PathBuf>>,
    /// The configured release sources, in order.
    pub mirrors: Option<Setting<Vec<SourceSpec>>>,
    /// Whether the network must not be used.
    pub offline: Setting<bool>,
    /// How progress is shown.
    pub progress: Setting<ProgressStyle>,
    /// The cache directory; `None` if the system has none or the cache is disabled.
    pub cache: Option<Setting<PathBuf>>,
    /// The maximum size of the cache in bytes.
    pub cache_size: Setting<u64>,
    /// The directory of the user's trusted roots; `None` if the system has none.
    pub trust: Option<Setting<PathBuf>>,
    /// The GitHub server.
    pub server: Server,
    /// The API tokens for this host, in the order they are tried.
    pub tokens: Vec<Token>,
    /// The variable of a token that is not sent, because only the project's file names the host it would be sent to.
    pub withheld_token: Option<&'static str>,
    /// The repository of the `release` commands, from the file.
    pub release_repository: Option<Setting<String>>,
    /// Tags that the file protects from deletion.
    pub release_protect: Vec<String>,
    /// Where the URL of each database is found, by alias.
    pub databases: BTreeMap<String, DatabaseReference>,
}

impl Settings {
    /// Resolves every setting: flag, then environment, then file, then default.
    pub fn resolve(input: SettingsInput, env: &Env, file: &FileSettings) -> Result<Self, SettingError> {
        let pick = |flag: (&'static str, Option<String>), variable: &'static str, written: &Option<String>| {
            if let (name, Some(value)) = flag {
                return Some(Setting { value, from: Provenance::Flag(name) });
            }
            if let Some(value) = env.var(variable) {
                return Some(Setting { value, from: Provenance::Variable(variable) });
            }
            let from = || Provenance::File(file.path.clone().unwrap_or_default());
            written.clone().map(|value| Setting { value, from: from() })
        };
        let repository = match pick(("--repo", input.repository), "REPROQ_REPOSITORY", &file.repository) {
            Some(setting) => parse(setting, |text| text.parse().map_err(|error| format!("{error}")))?,
            None => Setting {
                value: Tool::WORKER.repository.parse().expect("the catalogue's repository is well-formed"),
                from: Provenance::Default,
            },
        };
        let require = match pick(("--require", input.require), "REPROQ_REQUIRE", &file.require) {
            Some(setting) => parse(setting, |text| text.parse().map_err(|error| format!("{error}")))?,
            None => Setting { value: Level::Built, from: Provenance::Default },
        };
        let workflow = pick(("--workflow", input.workflow), "REPROQ_WORKFLOW", &file.workflow);
        let server = Server::resolve(input.purpose, (input.github_api_url, input.github_server_url), env, file)?;
        let source = input.source.map(|value| Setting { value, from: Provenance::Flag("--source") }).or_else(|| {
            let setting = pick(("--source", None), "REPROQ_WORKER_SOURCE", &file.source)?;
            Some(Setting { value: PathBuf::from(setting.value), from: setting.from })
        });
        let mirrors = mirrors(&input.mirrors, env, file)?;
        // Validated here although it is used elsewhere: terminal setup cannot report an error.
        flag("CI", env)?;
        let progress = progress_style(input.progress.as_deref(), env)?;
        let offline_variable = flag("REPROQ_OFFLINE", env)?;
        let offline = if input.offline {
            Setting { value: true, from: Provenance::Flag("--offline") }
        } else if let Some(setting) = offline_variable {
            setting
        } else if let (Some(value), Some(path)) = (file.offline, &file.path) {
            Setting { value, from: Provenance::File(path.clone()) }
        } else {
            Setting { value: false, from: Provenance::Default }
        };
        let (cache, cache_size) = cache(env, file)?;
        let mut tokens = tokens_for(&server, env);
        let may_get_token = may_get_token(&server);
        let withheld_token = tokens.first().filter(|_| !may_get_token).map(|token| token.variable);
        if !may_get_token {
            tokens.clear();
        }
        let from = || Provenance::File(file.path.clone().unwrap_or_default());
        let release_repository = file.release_repository.clone().map(|value| Setting { value, from: from() });
        let release_protect = file.release_protect.clone();
        let databases = file.databases.clone();
        Ok(Self {
            repository,
            require,
            workflow,
            allow_self_hosted: file.allow_self_hosted.unwrap_or(false),
            allow_branch: file.allow_branch.unwrap_or(false),
            source,
            mirrors,
            offline,
            progress,
            cache,
            cache_size,
            trust: trust(env),
            server,
            tokens,
            withheld_token,
            release_repository,
            release_protect,
            databases,
        })
    }

    /// Every setting in effect, with its provenance. A token is represented by its variable.
    pub fn effective(&self) -> Vec<EffectiveSetting> {
        let mut settings = vec![
            EffectiveSetting::new("repository", &self.repository.value, &self.repository.from),
            EffectiveSetting::new("API", &self.server.api_url.value, &self.server.api_url.from),
            EffectiveSetting::new("GitHub", &self.server.web_url.value, &self.server.web_url.from),
            EffectiveSetting::new("require", &self.require.value, &self.require.from),
            EffectiveSetting::new("offline", &self.offline.value, &self.offline.from),
            EffectiveSetting::new("progress", &self.progress.value, &self.progress.from),
        ];
        if let Some(mirrors) = &self.mirrors {
            let names: Vec<String> = mirrors.value.iter().map(ToString::to_string).collect();
            settings.push(EffectiveSetting::new("mirror", &names.join(", then "), &mirrors.from));
        }
        if let Some(cache) = &self.cache {
            settings.push(EffectiveSetting::new("cache", &cache.value.display(), &cache.from));
        }
        let limit = size(self.cache_size.value);
        settings.push(EffectiveSetting::new("cache size", &limit, &self.cache_size.from));
        if let Some(trust) = &self.trust {
            settings.push(EffectiveSetting::new("trusted roots", &trust.value.display(), &trust.from));
        }
        if let Some(workflow) = &self.workflow {
            settings.push(EffectiveSetting::new("workflow", &workflow.value, &workflow.from));
        }
        if let Some(source) = &self.source {
            settings.push(EffectiveSetting::new("source", &source.value.display(), &source.from));
        }
        if let Some(repository) = &self.release_repository {
            settings.push(EffectiveSetting::new("release repository", &repository.value, &repository.from));
        }
        for token in &self.tokens {
            settings.push(EffectiveSetting::new("token", &"(not shown)", &Provenance::Variable(token.variable)));
        }
        settings
    }

    /// Every setting as a line for `-v`.
    pub fn describe(&self) -> Vec<String> {
        let settings = self.effective();
        let mut lines: Vec<String> = settings
            .iter()
            .filter(|setting| setting.name != "token")
            .map(|setting| format!("{} {} from {}", setting.name, setting.value, setting.source))
            .collect();
        if self.cache.is_none() {
            lines.push("no cache".to_owned());
        }
        let variables: Vec<&str> = self.tokens.iter().map(|token| token.variable).collect();
        lines.push(match variables.as_slice() {
            [] => "no token".to_owned(),
            variables => format!("token from the variable {}", variables.join(", then ")),
        });
        lines
    }
}

/// A setting in effect, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    pub name: &'static str,
    /// Its value; never a secret.
    pub value: String,
    /// Its provenance.
    pub source: String,
}

impl EffectiveSetting {
    fn new(name: &'static str, value: &impl ToString, from: &Provenance) -> Self {
        Self { name, value: value.to_string(), source: from.to_string() }
    }
}

/// A boolean variable; an invalid one is an error even if another setting takes precedence.
fn flag(name: &'static str, env: &Env) -> Result<Option<Setting<bool>>, SettingError> {
    let from = Provenance::Variable(name);
    match env.flag(name) {
        Ok(value) => Ok(value.map(|value| Setting { value, from })),
        Err(reason) => Err(SettingError { from, reason }),
    }
}

/// The cache directory and its maximum size.
fn cache(env: &Env, file: &FileSettings) -> Result<(Option<Setting<PathBuf>>, Setting<u64>), SettingError> {
    let from_file = || Provenance::File(file.path.clone().unwrap_or_default());
    let size = if let Some(text) = env.var("REPROQ_CACHE_SIZE") {
        let from = Provenance::Variable("REPROQ_CACHE_SIZE");
        parse(Setting { value: text, from }, parse_size)?
    } else if let Some(value) = file.cache_size {
        Setting { value, from: from_file() }
    } else {
        Setting { value: DEFAULT_CACHE_SIZE, from: Provenance::Default }
    };
    if size.value == 0 {
        return Ok((None, size));
    }
    let directory = match (env.var_os("REPROQ_CACHE_DIR"), &env.cache_directory) {
        (Some(directory), _) => {
            Some(Setting { value: env.cwd.join(directory), from: Provenance::Variable("REPROQ_CACHE_DIR") })
        }
        (None, Some(directory)) => Some(Setting { value: directory.clone(), from: Provenance::Default }),
        (None, None) => None,
    };
    Ok((directory, size))
}

/// The directory of the user's trusted roots. Never a project setting, because it decides whom the user trusts.
fn trust(env: &Env) -> Option<Setting<PathBuf>> {
    match (env.var_os("REPROQ_TRUST_DIR"), &env.data_directory) {
        (Some(directory), _) => {
            Some(Setting { value: env.cwd.join(directory), from: Provenance::Variable("REPROQ_TRUST_DIR") })
        }
        (None, Some(directory)) => Some(Setting { value: directory.join("trust"), from: Provenance::Default }),
        (None, None) => None,
    }
}

fn parse<T>(setting: Setting<String>, parse: impl Fn(&str) -> Result<T, String>) -> Result<Setting<T>, SettingError> {
    match parse(setting.value.trim()) {
        Ok(value) => Ok(Setting { value, from: setting.from }),
        Err(reason) => Err(SettingError { from: setting.from, reason }),
    }
}

/// Whether a token may be sent to the host. If only a file of the project names the host, its author need not be
/// the owner of the token: github.com and its enterprise hosts are safe, any other host must also be named
/// by the command line or the environment.
fn may_get_token(server: &Server) -> bool {
    let Server { api_url: api, web_url: server } = server;
    let by_the_user = |setting: &Setting<Url>| !matches!(setting.from, Provenance::File(_));
    let is_githubs = api.value.host_str().is_some_and(is_githubs_own);
    is_githubs || by_the_user(api) || (by_the_user(server) && server.value.origin() == api.value.origin())
}

fn is_githubs_own(host: &str) -> bool {
    host == "api.github.com" || host.ends_with(".ghe.com")
}

/// The tokens for a server, unvalidated: they are validated where they are sent. Tokens for github.com are never sent
/// to an Enterprise host, nor vice versa; and the token that Actions gives a job is never sent to another server than
/// the runner's own.
fn tokens_for(server: &Server, env: &Env) -> Vec<Token> {
    let api = &server.api_url.value;
    let host = api.host_str().unwrap_or_default();
    let github = is_githubs_own(host) || is_loopback(api);
    let runner = env.var("GITHUB_SERVER_URL").and_then(|text| Url::parse(text.trim()).ok());
    let is_of_another_runner = runner.is_some_and(|runner| runner.host_str() != server.web_url.value.host_str());
    let variables: &[&'static str] =
        if github { &["REPROQ_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"] } else { &["GH_ENTERPRISE_TOKEN"] };
    let of_server = variables.iter().filter(|variable| **variable != "GITHUB_TOKEN" || !is_of_another_runner);
    let mut tokens: Vec<Token> = Vec::new();
    for variable in of_server {
        let value = env.var(variable).unwrap_or_default().trim().to_owned();
        // The same token from another variable would be rejected again.
        if !value.is_empty() && tokens.iter().all(|token| *token.value.expose() != value) {
            tokens.push(Token { variable, value: Secret::new(value) });
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn resolve(
        input: SettingsInput,
        variables: &[(&'static str, &str)],
        file: &FileSettings,
    ) -> Result<Settings, SettingError> {
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Settings::resolve(input, &Env::built(Path::new("/project"), variables), file)
    }

    #[test]
    fn flag_then_variable_then_file_then_default() {
        let file = FileSettings {
            path: Some("pyproject.toml".into()),
            repository: Some("f/ile".to_owned()),
            ..FileSettings::default()
        };
        let flag = SettingsInput { repository: Some("f/lag".to_owned()), ..SettingsInput::default() };
        let variable = [("REPROQ_REPOSITORY", "v/ar")];
        let repository = |input, variables: &[_], file: &_| {
            resolve(input, variables, file).expect("settings").repository.value.to_string()
        };
        assert_eq!(repository(flag, &variable, &file), "f/lag");
        assert_eq!(repository(SettingsInput::default(), &variable, &file), "v/ar");
        assert_eq!(repository(SettingsInput::default(), &[], &file), "f/ile");
        assert_eq!(repository(SettingsInput::default(), &[], &FileSettings::default()), "adpena/reproq-worker");
    }

    #[test]
    fn tokens_stay_with_their_hosts() {
        let all = [("GH_TOKEN", "two"), ("GITHUB_TOKEN", "three"), ("GH_ENTERPRISE_TOKEN", "four")];
        let variable = |more: &[(&'static str, &str)]| {
            let variables: Vec<_> = all.iter().chain(more).copied().collect();
            let settings = resolve(SettingsInput::default(), &variables, &FileSettings::default()).expect("settings");
            settings.tokens.first().map(|token| token.variable)
        };
        assert_eq!(variable(&[]), Some("GH_TOKEN"));
        assert_eq!(variable(&[("REPROQ_GITHUB_TOKEN", "one")]), Some("REPROQ_GITHUB_TOKEN"));
        assert_eq!(variable(&[("REPROQ_GITHUB_SERVER_URL", "https://git.acme.org")]), Some("GH_ENTERPRISE_TOKEN"));
        let only = |runner: &str| {
            let variables = [("GITHUB_TOKEN", "three"), ("GITHUB_SERVER_URL", runner)];
            let settings = resolve(SettingsInput::default(), &variables, &FileSettings::default()).expect("settings");
            settings.tokens.first().map(|token| token.variable)
        };
        assert_eq!(only("https://github.com"), Some("GITHUB_TOKEN"));
        assert_eq!(only("https://git.acme.org"), None, "it belongs to the runner's own server");
    }

    #[test]
    fn tokens_are_tried_in_order_and_not_validated_here() {
        let variables = [
            ("GITHUB_TOKEN", "three"),
            ("GH_TOKEN", "Bearer x\u{1b}"),
            ("REPROQ_GITHUB_TOKEN", " three\n"),
            ("GH_ENTERPRISE_TOKEN", "four"),
        ];
        let settings = resolve(SettingsInput::default(), &variables, &FileSettings::default()).expect("settings");
        let found: Vec<_> =
            settings.tokens.iter().map(|token| (token.variable, token.value.expose().as_str())).collect();
        assert_eq!(found, [("REPROQ_GITHUB_TOKEN", "three"), ("GH_TOKEN", "Bearer x\u{1b}")]);
    }

    #[test]
    fn a_project_alone_cannot_have_a_token_sent_anywhere() {
        let tokens = [("GH_TOKEN", "two"), ("GH_ENTERPRISE_TOKEN", "four")];
        let sent = |api: &str, more: &[(&'static str, &str)]| {
            let variables: Vec<_> = tokens.iter().chain(more).copied().collect();
            let file = FileSettings {
                path: Some("pyproject.toml".into()),
                github_api_url: Some(api.to_owned()),
                ..FileSettings::default()
            };
            let settings = resolve(SettingsInput::default(), &variables, &file).expect("settings");
            (settings.tokens.first().map(|token| token.variable), settings.withheld_token)
        };
        assert_eq!(sent("https://evil.test/api/v3", &[]), (None, Some("GH_ENTERPRISE_TOKEN")));
        assert_eq!(sent("http://127.0.0.1:8080", &[]), (None, Some("GH_TOKEN")));
        assert_eq!(sent("https://api.github.com.evil.test", &[]), (None, Some("GH_ENTERPRISE_TOKEN")));
        assert_eq!(sent("https://api.github.com", &[]), (Some("GH_TOKEN"), None));
        let enterprise = ("REPROQ_GITHUB_SERVER_URL", "https://git.acme.org");
        assert_eq!(sent("https://git.acme.org/api/v3", &[enterprise]), (Some("GH_ENTERPRISE_TOKEN"), None));
        // A server that the environment names is accessed at its own API, whatever the file contains.
        assert_eq!(sent("https://evil.test/api/v3", &[enterprise]), (Some("GH_ENTERPRISE_TOKEN"), None));
    }

    #[test]
    fn invalid_values_are_reported_with_their_provenance() {
        let refused = |variables: &[_]| {
            let outcome = resolve(SettingsInput::default(), variables, &FileSettings::default());
            outcome.expect_err("refused").to_string()
        };
        assert_eq!(
            refused(&[("REPROQ_GITHUB_API_URL", "http://git.acme.org")]),
            "the variable REPROQ_GITHUB_API_URL is invalid: `http://git.acme.org` is not encrypted; use https"
        );
        for address in ["https://u:pass@git.acme.org", "http://u:pass@git.acme.org", "https://u:pass@git.acme.org:port"]
        {
            let refused = refused(&[("REPROQ_GITHUB_API_URL", address)]);
            assert!(refused.contains("must not contain") && !refused.contains("pass@"), "{refused}");
        }
        let refused_repository = refused(&[("REPROQ_REPOSITORY", "https://u:pass@github.com/acme/tool")]);
        assert!(refused_repository.contains("`…@github.com/acme/tool`"), "{refused_repository}");
        assert!(refused(&[("REPROQ_REQUIRE", "perfect")]).contains("perfect"));
        for variable in ["REPROQ_OFFLINE", "CI"] {
            for value in ["maybe", "2", "ja", "tru", "false true"] {
                let refused = refused(&[(variable, value)]);
                assert!(refused.starts_with(&format!("the variable {variable} is invalid")), "{refused}");
                assert!(refused.contains("1, true, yes, on") && refused.contains(value), "{refused}");
            }
            for (value, expected) in
                [("1", true), ("TRUE", true), ("on ", true), ("0", false), ("No", false), ("", false)]
            {
                let settings = resolve(SettingsInput::default(), &[(variable, value)], &FileSettings::default());
                let is_offline = settings.expect("readable").offline.value;
                assert_eq!(is_offline, expected && variable == "REPROQ_OFFLINE", "{variable}={value}");
            }
        }
    }

    #[test]
    fn descriptions_never_contain_the_token() {
        let settings = resolve(SettingsInput::default(), &[("GH_TOKEN", "ghp_secret")], &FileSettings::default());
        let text = settings.expect("settings").describe().join("\n");
        assert!(text.contains("GH_TOKEN") && !text.contains("ghp_secret"));
    }
}
