//! Settings: a `pyproject.toml` is read or refused, and what holds in the end is safe to use.

use std::path::Path;

use reproq::internals::config::Env;
use reproq::internals::config::Settings;
use reproq::internals::config::SettingsInput;
use reproq::internals::config::parse_pyproject;
use url::Url;

/// A password in seeds. Whatever is made of the address around it, it must not be shown.
const PASSWORD: &str = "hunter2";

/// A `pyproject.toml`, whole and as the inside of our table.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    judge(text);
    judge(&format!("[tool.reproq]\n{text}"));
}

fn judge(text: &str) {
    let path = Path::new("pyproject.toml");
    let Ok(file) = parse_pyproject(path, text) else { return };
    let env = Env::built(Path::new("."), []);
    let is_secret = file.github_api_url.iter().chain(&file.github_server_url).any(|url| has_password(url));
    match Settings::resolve(SettingsInput::default(), &env, &file) {
        Ok(settings) => {
            assert!(!is_secret, "an address with a password is refused");
            assert!(settings.tokens.is_empty(), "a token never comes out of a file");
            is_safe(&settings.server.api_url.value);
            is_safe(&settings.server.web_url.value);
            assert_eq!(settings.repository.value.to_string().parse(), Ok(settings.repository.value.clone()));
            settings.describe();
        }
        Err(error) => assert!(!error.to_string().contains(&format!(":{PASSWORD}@")), "{error}"),
    }
}

fn has_password(url: &str) -> bool {
    url.contains("://") && url.contains(&format!(":{PASSWORD}@"))
}

/// Encrypted, or never leaving this machine; nothing behind the path and nobody's name before the host.
fn is_safe(url: &Url) {
    let local = matches!(url.host_str(), Some("localhost" | "[::1]"))
        || url.host_str().is_some_and(|host| host.starts_with("127."));
    assert!(url.scheme() == "https" || (url.scheme() == "http" && local), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(url.query().is_none() && url.fragment().is_none(), "{url}");
}
