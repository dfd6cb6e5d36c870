//! The GitHub server of a command: one value for its API and its web pages, with their provenance. Pure.

use std::fmt;

use url::Url;

use crate::config::Env;
use crate::config::FileSettings;
use crate::config::Provenance;
use crate::config::Setting;
use crate::config::SettingError;
use crate::model::url_policy::is_loopback;

const DEFAULT_API: &str = "https://api.github.com";
const DEFAULT_WEB: &str = "https://github.com";

/// The purpose of a server. In GitHub Actions, GITHUB_API_URL and GITHUB_SERVER_URL name the server of the runner's own
/// repository, where the worker need not be released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerPurpose {
    /// The releases of the worker.
    #[default]
    Worker,
    /// The releases of the user's own repository (`release …`).
    Releases,
}

impl ServerPurpose {
    /// The variables with the URLs of the API and the web pages.
    pub const fn variables(self) -> (&'static str, &'static str) {
        match self {
            Self::Worker => ("REPROQ_GITHUB_API_URL", "REPROQ_GITHUB_SERVER_URL"),
            Self::Releases => ("GITHUB_API_URL", "GITHUB_SERVER_URL"),
        }
    }
}

/// A GitHub server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The API's base URL, without a trailing slash.
    pub api_url: Setting<Url>,
    /// The URL of the web pages, without a trailing slash.
    pub web_url: Setting<Url>,
}

/// The URLs in one source of settings.
struct Named {
    api: Option<Setting<String>>,
    web: Option<Setting<String>>,
}

impl Default for Server {
    /// github.com.
    fn default() -> Self {
        let constant = |text| Setting { value: base_url(text).expect("a constant URL"), from: Provenance::Default };
        Self { api_url: constant(DEFAULT_API), web_url: constant(DEFAULT_WEB) }
    }
}

impl Server {
    /// Resolves the server: flags, then variables, then the file, then github.com. If a source has one of the two URLs,
    /// the other is derived from it, so that the API of one server is never combined with the pages of another.
    pub(super) fn resolve(
        purpose: ServerPurpose,
        flags: (Option<String>, Option<String>),
        env: &Env,
        file: &FileSettings,
    ) -> Result<Self, SettingError> {
        let (api, web) = purpose.variables();
        let flag = |value: Option<String>, name| Some(Setting { value: value?, from: Provenance::Flag(name) });
        let variable = |name| Some(Setting { value: env.var(name)?, from: Provenance::Variable(name) });
        let written = |value: &Option<String>| {
            let from = Provenance::File(file.path.clone().unwrap_or_default());
            Some(Setting { value: value.clone()?, from })
        };
        let sources = [
            Named { api: flag(flags.0, "--github-api-url"), web: flag(flags.1, "--github-server-url") },
            Named { api: variable(api), web: variable(web) },
            Named { api: written(&file.github_api_url), web: written(&file.github_server_url) },
        ];
        Self::of_first(sources)
    }

    fn of_first(sources: impl IntoIterator<Item = Named>) -> Result<Self, SettingError> {
        let mut api_url: Option<Setting<Url>> = None;
        for Named { api, web } in sources {
            let web = web.map(parse).transpose()?;
            if api_url.is_none() {
                api_url = api.map(parse).transpose()?;
            }
            match (&api_url, web) {
                (Some(api), Some(web_url)) => return Ok(Self { api_url: api.clone(), web_url }),
                (None, Some(web_url)) => {
                    let api_url = Setting { value: api_of(&web_url.value), from: web_url.from.clone() };
                    return Ok(Self { api_url, web_url });
                }
                (Some(api), None) => {
                    if let Some(value) = web_of(&api.value) {
                        let web_url = Setting { value, from: api.from.clone() };
                        return Ok(Self { api_url: api.clone(), web_url });
                    }
                }
                (None, None) => {}
            }
        }
        let default = Self::default();
        Ok(Self { api_url: api_url.unwrap_or(default.api_url), ..default })
    }

    /// The host name of the web pages.
    pub fn host(&self) -> &str {
        self.web_url.value.host_str().unwrap_or("GitHub")
    }

    /// Whether it is github.com. This machine counts as github.com for tests and demos, as it does for tokens.
    pub fn is_github_com(&self) -> bool {
        self.host().eq_ignore_ascii_case("github.com") || is_loopback(&self.web_url.value)
    }

    /// A URL of a web page.
    pub fn page(&self, segments: &[&str]) -> Url {
        let mut url = self.web_url.value.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// The server and its provenance, for messages: `https://git.acme.org (the variable REPROQ_GITHUB_SERVER_URL)`.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_url, web_url } = self;
        write!(f, "{} ({}", without_slash(&web_url.value), web_url.from)?;
        if api_url.from != web_url.from {
            write!(f, "; API {}, {}", without_slash(&api_url.value), api_url.from)?;
        }
        f.write_str(")")
    }
}

fn without_slash(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn parse(setting: Setting<String>) -> Result<Setting<Url>, SettingError> {
    match base_url(setting.value.trim()) {
        Ok(value) => Ok(Setting { value, from: setting.from }),
        Err(reason) => Err(SettingError { from: setting.from, reason }),
    }
}

/// The API of a web URL, as in GitHub's own tools: `github.com` → `api.github.com`, `X.ghe.com` → `api.X.ghe.com`, any
/// other host → `HOST/api/v3`.
fn api_of(web: &Url) -> Url {
    let host = web.host_str().unwrap_or_default();
    let mut api = web.clone();
    if host.eq_ignore_ascii_case("github.com") || host.ends_with(".ghe.com") {
        let _ = api.set_host(Some(&format!("api.{host}")));
    } else {
        api.set_path(&format!("{}/api/v3", web.path().trim_end_matches('/')));
    }
    api
}

/// The reverse of [`api_of`], if the API's URL has one of these forms; an API behind a proxy may have any other.
fn web_of(api: &Url) -> Option<Url> {
    let mut web = api.clone();
    let host = api.host_str()?;
    if host == "api.github.com" || host.ends_with(".ghe.com") {
        web.set_host(Some(host.strip_prefix("api.")?)).ok()?;
        web.set_path("");
    } else {
        web.set_path(api.path().trim_end_matches('/').strip_suffix("/api/v3")?);
    }
    Some(web)
}

/// A base URL: https, or plain http to this machine, and nothing after its path.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    // Checked before any error that repeats the text: what precedes an `@` may be a password.
    if text.contains('@') {
        return Err("a URL must not contain a user or password; set a token variable instead".to_owned());
    }
    let mut url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
    let loopback = is_loopback(&url);
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(format!("`{text}` is not encrypted; use https")),
        scheme => return Err(format!("the scheme `{scheme}` is not supported; use https")),
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const RUNNER: [(&str, &str); 2] =
        [("GITHUB_SERVER_URL", "https://git.acme.org"), ("GITHUB_API_URL", "https://git.acme.org/api/v3")];

    fn resolved(
        purpose: ServerPurpose,
        flags: (Option<&str>, Option<&str>),
        variables: &[(&'static str, &str)],
        file: (Option<&str>, Option<&str>),
    ) -> Server {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let env = Env::built(Path::new("/project"), variables);
        let file = FileSettings {
            path: Some("pyproject.toml".into()),
            github_api_url: owned(file.0),
            github_server_url: owned(file.1),
            ..FileSettings::default()
        };
        Server::resolve(purpose, (owned(flags.0), owned(flags.1)), &env, &file).expect("usable")
    }

    #[test]
    fn the_runners_own_server_applies_to_releases_only() {
        let of = |purpose| resolved(purpose, (None, None), &RUNNER, (None, None)).to_string();
        assert_eq!(of(ServerPurpose::Worker), "https://github.com (the default)");
        assert_eq!(
            of(ServerPurpose::Releases),
            "https://git.acme.org (the variable GITHUB_SERVER_URL; API https://git.acme.org/api/v3, the variable GITHUB_API_URL)"
        );
        let named = [RUNNER[0], RUNNER[1], ("REPROQ_GITHUB_SERVER_URL", "https://acme.ghe.com")];
        let of = |purpose| resolved(purpose, (None, None), &named, (None, Some("https://file.test")));
        let worker = of(ServerPurpose::Worker);
        assert_eq!(worker.to_string(), "https://acme.ghe.com (the variable REPROQ_GITHUB_SERVER_URL)");
        assert_eq!(worker.api_url.value.as_str(), "https://api.acme.ghe.com/");
        assert_eq!(of(ServerPurpose::Releases).host(), "git.acme.org");
    }

    #[test]
    fn flag_then_variable_then_file_and_never_halves_of_two_servers() {
        let worker = |flags, variables: &[_], file| {
            let server = resolved(ServerPurpose::Worker, flags, variables, file);
            format!("{} {}", without_slash(&server.web_url.value), without_slash(&server.api_url.value))
        };
        let variables =
            [("REPROQ_GITHUB_API_URL", "https://v.test/api/v3"), ("REPROQ_GITHUB_SERVER_URL", "https://v.test")];
        let file = (Some("https://f.test/api/v3"), None);
        assert_eq!(worker((None, Some("https://a.test")), &variables, file), "https://a.test https://a.test/api/v3");
        assert_eq!(
            worker((Some("https://api.a.ghe.com"), None), &variables, file),
            "https://a.ghe.com https://api.a.ghe.com"
        );
        assert_eq!(worker((None, None), &variables, file), "https://v.test https://v.test/api/v3");
        assert_eq!(worker((None, None), &variables[..1], file), "https://v.test https://v.test/api/v3");
        assert_eq!(worker((None, None), &[], file), "https://f.test https://f.test/api/v3");
        // The web pages of an API behind a proxy are unknown.
        let proxy = (Some("https://proxy.test/github"), None);
        assert_eq!(worker(proxy, &[], (None, None)), "https://github.com https://proxy.test/github");
        assert_eq!(worker(proxy, &variables, file), "https://v.test https://proxy.test/github");
    }

    #[test]
    fn the_api_follows_from_the_web_url_and_back() {
        for (web, api) in [
            ("https://github.com/", "https://api.github.com/"),
            ("https://acme.ghe.com/", "https://api.acme.ghe.com/"),
            ("https://git.acme.org/", "https://git.acme.org/api/v3"),
            ("https://acme.org/git", "https://acme.org/git/api/v3"),
        ] {
            assert_eq!(api_of(&base_url(web).expect("a URL")).as_str(), api);
            assert_eq!(web_of(&base_url(api).expect("a URL")).map(String::from).as_deref(), Some(web));
        }
    }
}
