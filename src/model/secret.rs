//! Values that must never be shown, addresses without the parts that must not, and an environment without either for
//! children.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

/// What stands where a secret would.
pub const REDACTED: &str = "[redacted]";

/// The variables that hold our tokens. No child process sees them.
pub const TOKEN_VARIABLES: [&str; 4] = ["REPROQ_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"];

/// A shorter text is no secret, and hiding it wherever it turns up would black out ordinary words.
pub const SHORTEST_SECRET: usize = 6;

/// A value that prints as `[redacted]`; whoever needs it says so by calling [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps a value from being shown.
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

/// Shows an address without its password and without its query, which is where signed URLs carry their signature.
#[derive(Clone, Copy)]
pub struct SafeUrl<'a>(pub &'a Url);

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

/// A text with the user names and passwords of the addresses in it left out.
pub fn without_credentials(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, address) = rest.split_at(scheme + "://".len());
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '<' | '>');
        let host_end = address.find(is_end).unwrap_or(address.len());
        safe.push_str(before);
        rest = match address[..host_end].rfind('@') {
            Some(at) => {
                safe.push_str(REDACTED);
                &address[at..]
            }
            None => address,
        };
    }
    safe.push_str(rest);
    safe
}

/// What logs in, in an address: its password, as it is written and as it is meant. A user name that stands alone, or beside
/// the word GitHub asks for, is a token.
pub fn credentials_of(address: &str) -> Vec<String> {
    let Some((_, behind)) = address.split_once("://") else { return Vec::new() };
    let authority = behind.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((account, _host)) = authority.rsplit_once('@') else { return Vec::new() };
    of_account(account)
}

/// What logs in at a proxy. Its URL may lack the scheme, and its password may hold what no URL can: everything between them
/// belongs to it.
pub fn credentials_of_proxy(address: &str) -> Vec<String> {
    let behind = address.split_once(":/").map_or(address, |(_scheme, behind)| behind.trim_start_matches('/'));
    let Some((account, _host)) = behind.rsplit_once('@') else { return Vec::new() };
    of_account(account)
}

fn of_account(account: &str) -> Vec<String> {
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let secret = if matches!(password, "" | "x-oauth-basic") { user } else { password };
    let meant = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    if meant == secret { vec![meant] } else { vec![secret.to_owned(), meant] }
}

/// What of an environment a child process sees: neither the variables that hold our tokens nor any other one in which the
/// value of such a token stands.
pub fn for_children(environment: &[(OsString, OsString)]) -> impl Iterator<Item = &(OsString, OsString)> {
    let is_token = |name: &OsStr| TOKEN_VARIABLES.iter().any(|token| is_named(name, token));
    let tokens: Vec<&[u8]> = environment
        .iter()
        .filter(|(name, _)| is_token(name))
        .map(|(_, value)| value.as_encoded_bytes().trim_ascii())
        .filter(|token| token.len() >= SHORTEST_SECRET)
        .collect();
    environment.iter().filter(move |(name, value)| {
        let value = value.as_encoded_bytes();
        !is_token(name) && !tokens.iter().any(|token| value.windows(token.len()).any(|part| part == *token))
    })
}

/// Whether a variable has this name; Windows compares without case.
fn is_named(known: &OsStr, name: &str) -> bool {
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
    fn texts_lose_what_logs_in() {
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
    fn what_logs_in_is_found_in_an_address() {
        let cases: [(&str, &[&str]); 6] = [
            ("http://user:s%40cret@proxy:3128", &["s%40cret", "s@cret"]),
            ("https://ghp_token@github.com/a/b", &["ghp_token"]),
            ("https://ghp_token:x-oauth-basic@github.com", &["ghp_token"]),
            ("https://host/path@x", &[]),
            ("socks5://u:a:b@host", &["a:b"]),
            ("user:secret", &[]),
        ];
        for (address, expected) in cases {
            assert_eq!(credentials_of(address), expected, "{address}");
        }
    }

    #[test]
    fn what_logs_in_at_a_proxy_is_found_in_any_spelling() {
        let cases: [(&str, &[&str]); 5] = [
            ("http://user:s%40cret@proxy:3128", &["s%40cret", "s@cret"]),
            ("user:s@cret@proxy:3128", &["s@cret"]),
            ("http:/user:s/c ret@proxy:3128/", &["s/c ret"]),
            ("socks5://user:a:b@proxy", &["a:b"]),
            ("http://proxy:3128", &[]),
        ];
        for (address, expected) in cases {
            assert_eq!(credentials_of_proxy(address), expected, "{address}");
        }
    }

    #[test]
    fn children_see_neither_the_tokens_nor_where_else_they_stand() {
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
        // A token of one letter stands everywhere.
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
    fn addresses_lose_password_and_signature() {
        let url: Url = "https://user:pass@example.org/a/b?sig=abc#x".parse().expect("a URL");
        assert_eq!(SafeUrl(&url).to_string(), "https://example.org/a/b?…");
    }
}
