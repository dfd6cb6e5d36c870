//! Values that must never be shown, URLs without their secret parts, and an environment without secrets for
//! child processes.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

/// Replaces a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The variables with our tokens. They are not passed to child processes.
pub(crate) const TOKEN_VARIABLES: [&str; 6] = [
    "REPROQ_GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "RENDER_API_KEY",
    "REPROQ_OIDC_CLIENT_SECRET",
];

/// Shorter strings are not treated as secrets, because redacting them would hide ordinary words.
pub(crate) const SHORTEST_SECRET: usize = 6;

/// A value that prints as `[redacted]`; [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Shows a URL without its password and without its query, which contains the signature of signed URLs.
#[derive(Clone, Copy)]
pub(crate) struct SafeUrl<'a>(pub &'a Url);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() || !url.username().is_empty() {
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        let had_query = url.query().is_some();
        url.set_query(None);
        url.set_fragment(None);
        write!(f, "{url}{}", if had_query { "?…" } else { "" })
    }
}

impl fmt::Debug for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text with the credentials of all URLs removed.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, url) = rest.split_at(scheme + "://".len());
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '<' | '>');
        let host_end = url.find(is_end).unwrap_or(url.len());
        safe.push_str(before);
        rest = match url[..host_end].rfind('@') {
            Some(at) => {
                safe.push_str(REDACTED);
                &url[at..]
            }
            None => url,
        };
    }
    safe.push_str(rest);
    safe
}

/// The credentials in a URL: its password, encoded and decoded. A user name without a password, or with
/// the placeholder that GitHub documents, is a token.
pub(crate) fn credentials_of(url: &str) -> Vec<String> {
    let Some((_, behind)) = url.split_once("://") else { return Vec::new() };
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((account, _host)) = authority.rsplit_once('@') else { return Vec::new() };
    of_account(account)
}

/// The credentials of a proxy. Its URL may lack the scheme, and its password may contain characters that are invalid in
/// URLs: everything between scheme and host belongs to it.
pub(crate) fn credentials_of_proxy(url: &str) -> Vec<String> {
    let behind = url.split_once(":/").map_or(url, |(_scheme, behind)| behind.trim_start_matches('/'));
    let Some((account, _host)) = behind.rsplit_once('@') else { return Vec::new() };
    of_account(account)
}

/// The passwords in an argument that may contain the URL of a database, or its keywords. A password may contain characters
/// that are invalid in URLs.
pub(crate) fn passwords_in(argument: &str) -> Vec<String> {
    let in_url = argument.find("://").map(|scheme| {
        let is_database = argument[..scheme].ends_with("postgres") || argument[..scheme].ends_with("postgresql");
        let account = argument[scheme + "://".len()..].rsplit_once('@').map(|(account, _)| account);
        // The user of a database is no secret; elsewhere a user without a password is a token.
        let is_user = is_database && account.is_some_and(|account| !account.contains(':'));
        if is_user { Vec::new() } else { credentials_of_proxy(&argument[scheme..]) }
    });
    let in_keywords = argument.split("password=").skip(1).map(|rest| match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
        None => rest.split([' ', '&']).next().unwrap_or_default(),
    });
    in_url.into_iter().flatten().chain(in_keywords.map(str::to_owned)).filter(|it| !it.is_empty()).collect()
}

fn of_account(account: &str) -> Vec<String> {
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let secret = if matches!(password, "" | "x-oauth-basic") { user } else { password };
    let meant = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    if meant == secret { vec![meant] } else { vec![secret.to_owned(), meant] }
}

/// The environment for a child process: without the variables with our tokens, and without any other variable that
/// contains one of these tokens.
pub(crate) fn for_children(environment: &[(OsString, OsString)]) -> impl Iterator<Item = &(OsString, OsString)> {
    let tokens = tokens(environment);
    environment.iter().filter(move |(name, value)| !is_token(name) && !contains_one(value, &tokens))
}

/// Our tokens in an environment, without surrounding blanks. Short ones occur in ordinary words.
pub(crate) fn tokens(environment: &[(OsString, OsString)]) -> Vec<&[u8]> {
    let tokens = environment.iter().filter(|(name, _)| is_token(name));
    let tokens = tokens.map(|(_, value)| value.as_encoded_bytes().trim_ascii());
    tokens.filter(|token| token.len() >= SHORTEST_SECRET).collect()
}

/// Whether a value contains one of these tokens.
pub(crate) fn contains_one(value: &OsStr, tokens: &[&[u8]]) -> bool {
    let value = value.as_encoded_bytes();
    tokens.iter().any(|token| value.windows(token.len()).any(|part| part == *token))
}

/// Whether a variable is one of our tokens.
pub(crate) fn is_token(name: &OsStr) -> bool {
    TOKEN_VARIABLES.iter().any(|token| is_named(name, token))
}

/// Whether a variable has this name; case-insensitive on Windows.
pub(crate) fn is_named(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("ghp_x".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn texts_lose_credentials() {
        let cases = [
            ("https://host.test/x", "https://host.test/x"),
            (
                "https://u:p@host.test/x@v1 and ssh://git@h\"",
                "https://[redacted]@host.test/x@v1 and ssh://[redacted]@h\"",
            ),
            ("https://u:p@h.test@real.test/", "https://[redacted]@real.test/"),
            ("user@host: no scheme", "user@host: no scheme"),
            ("://", "://"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_credentials(text), expected);
        }
    }

    #[test]
    fn credentials_are_found_in_a_url() {
        let cases: [(&str, &[&str]); 6] = [
            ("http://user:s%40cret@proxy:3128", &["s%40cret", "s@cret"]),
            ("https://ghp_token@github.com/a/b", &["ghp_token"]),
            ("https://ghp_token:x-oauth-basic@github.com", &["ghp_token"]),
            ("https://host/path@x", &[]),
            ("socks5://u:a:b@host", &["a:b"]),
            ("user:secret", &[]),
        ];
        for (url, expected) in cases {
            assert_eq!(credentials_of(url), expected, "{url}");
        }
    }

    #[test]
    fn passwords_are_found_in_arguments() {
        let cases: [(&str, &[&str]); 10] = [
            ("postgres://postgres@h/d", &[]),
            ("--dsn=postgresql://u@h/d?password=secret", &["secret"]),
            ("https://ghp_token@github.com/a/b", &["ghp_token"]),
            ("--dsn=postgres://u:s%40cret@h/d", &["s%40cret", "s@cret"]),
            ("postgres://u:a/b@h/d", &["a/b"]),
            ("postgres://h/d?user=u&password=secret&sslmode=require", &["secret"]),
            ("host=h password=secret user=u", &["secret"]),
            ("password='two words' host=h", &["two words"]),
            ("--queues=a", &[]),
            ("postgres://h/d", &[]),
        ];
        for (argument, expected) in cases {
            assert_eq!(passwords_in(argument), expected, "{argument}");
        }
    }

    #[test]
    fn credentials_of_a_proxy_are_found_in_any_spelling() {
        let cases: [(&str, &[&str]); 5] = [
            ("http://user:s%40cret@proxy:3128", &["s%40cret", "s@cret"]),
            ("user:s@cret@proxy:3128", &["s@cret"]),
            ("http:/user:s/c ret@proxy:3128/", &["s/c ret"]),
            ("socks5://user:a:b@proxy", &["a:b"]),
            ("http://proxy:3128", &[]),
        ];
        for (url, expected) in cases {
            assert_eq!(credentials_of_proxy(url), expected, "{url}");
        }
    }

    #[test]
    fn children_get_neither_the_tokens_nor_variables_that_contain_them() {
        let pairs = |entries: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
            entries.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let mut entries = vec![
            ("PATH", "/bin"),
            ("GITHUB_TOKEN_FILE", "kept"),
            ("INPUT_TOKEN", "ghp_secret"),
            ("HTTPS_PROXY", "http://u:ghp_secret@proxy"),
        ];
        entries.extend(TOKEN_VARIABLES.iter().map(|token| (*token, " ghp_secret\n")));
        let all = pairs(&entries);
        let seen: Vec<_> = for_children(&all).cloned().collect();
        assert_eq!(seen, pairs(&entries[..2]));
        // A token of one letter occurs everywhere.
        let short = pairs(&[("GH_TOKEN", "b"), ("PATH", "/bin")]);
        assert_eq!(for_children(&short).count(), 1);
    }

    proptest! {
        #[test]
        fn no_password_is_left(before in "\\PC{0,20}", user in "[a-z]{1,9}") {
            let text = format!("{before} https://{user}:secret@host.test/");
            prop_assert!(!without_credentials(&text).contains("secret@"));
        }
    }

    #[test]
    fn urls_lose_password_and_signature() {
        let url: Url = "https://user:pass@example.org/a/b?sig=abc#x".parse().expect("a URL");
        assert_eq!(SafeUrl(&url).to_string(), "https://example.org/a/b?…");
    }
}
