//! The environment of the worker: everything but our tokens, and proxies and servers with credentials.

use std::ffi::OsStr;
use std::ffi::OsString;

use serde::Serialize;

use crate::model::secret::Secret;
use crate::model::secret::contains_one;
use crate::model::secret::credentials_of_proxy;
use crate::model::secret::is_named;
use crate::model::secret::is_token;
use crate::model::secret::tokens;

/// Variables that contain the URL of a proxy, or of a server that only this program requests.
const ADDRESSES: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "REPROQ_GITHUB_API_URL",
    "REPROQ_GITHUB_SERVER_URL",
    "REPROQ_MIRROR",
    "GOPROXY",
];

/// Variables that the worker reads. They are passed on, whatever they contain.
const OF_THE_WORKER: [&str; 2] = ["DATABASE_URL", "METRICS_AUTH_TOKEN"];

/// How many launches may be nested: a wrapper that starts this command again would otherwise never end.
const DEEPEST_LAUNCH: u32 = 4;

/// Counts nested launches.
pub(super) const DEPTH_VARIABLE: &str = "REPROQ_LAUNCH_DEPTH";

/// A variable that is added or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SetVariable {
    pub name: &'static str,
    /// Where its value comes from.
    pub from: String,
    #[serde(skip)]
    pub value: Secret<String>,
}

/// A variable that is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RemovedVariable {
    pub name: String,
    pub reason: &'static str,
    /// Whether it is one of our own tokens, which the worker never needs.
    #[serde(skip)]
    pub is_token: bool,
}

/// The environment of the worker.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct ChildEnvironment {
    pub variables: Vec<(OsString, OsString)>,
    pub set: Vec<SetVariable>,
    pub removed: Vec<RemovedVariable>,
}

impl ChildEnvironment {
    /// Filters an environment and sets variables in it. `None` if too many launches are nested.
    pub(super) fn new(all: &[(OsString, OsString)], pass: &[String], set: Vec<SetVariable>) -> Option<Self> {
        let depth = all.iter().find(|(name, _)| is_named(name, DEPTH_VARIABLE));
        let depth: u32 = depth.and_then(|(_, value)| value.to_str()?.parse().ok()).unwrap_or(0);
        if depth >= DEEPEST_LAUNCH {
            return None;
        }
        let mut environment = Self { set, ..Self::default() };
        let tokens = tokens(all);
        for (name, value) in all {
            let is_set = is_named(name, DEPTH_VARIABLE) || environment.set.iter().any(|it| is_named(name, it.name));
            let is_kept = pass.iter().any(|it| is_named(name, it)) || OF_THE_WORKER.iter().any(|it| is_named(name, it));
            match reason(name, value, &tokens).filter(|_| !is_kept) {
                _ if is_set => {}
                Some(reason) => environment.removed.push(RemovedVariable {
                    name: name.to_string_lossy().into_owned(),
                    reason,
                    is_token: is_token(name),
                }),
                None => environment.variables.push((name.clone(), value.clone())),
            }
        }
        let set = environment.set.iter().map(|it| (it.name.into(), it.value.expose().into()));
        environment.variables.extend(set);
        environment.variables.push((DEPTH_VARIABLE.into(), (depth + 1).to_string().into()));
        Some(environment)
    }

    /// The names of all variables, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.variables.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl std::fmt::Debug for ChildEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChildEnvironment").field("names", &self.names()).field("removed", &self.removed).finish()
    }
}

fn reason(name: &OsStr, value: &OsStr, tokens: &[&[u8]]) -> Option<&'static str> {
    if is_token(name) {
        return Some("is a token of this command");
    }
    if contains_one(value, tokens) {
        return Some("contains a token of this command");
    }
    let has_credentials =
        ADDRESSES.iter().any(|it| is_named(name, it)) && !credentials_of_proxy(&value.to_string_lossy()).is_empty();
    has_credentials.then_some("contains credentials")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        entries.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn tokens_and_addresses_with_credentials_are_not_passed_on() {
        let all = pairs(&[
            ("PATH", "/bin"),
            ("GH_TOKEN", " ghp_secret\n"),
            ("INPUT_TOKEN", "x-ghp_secret"),
            ("HTTPS_PROXY", "http://u:p@proxy"),
            ("http_proxy", "http://proxy"),
            ("REPROQ_MIRROR", "https://u:p@mirror"),
            ("DATABASE_URL", "postgres://u:ghp_secret@h/d"),
        ]);
        let environment = ChildEnvironment::new(&all, &[], Vec::new()).expect("not nested");
        assert_eq!(environment.names(), ["DATABASE_URL", "PATH", DEPTH_VARIABLE, "http_proxy"]);
        let removed: Vec<&str> = environment.removed.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(removed, ["GH_TOKEN", "INPUT_TOKEN", "HTTPS_PROXY", "REPROQ_MIRROR"]);
        let pass = ["GH_TOKEN".to_owned(), "HTTPS_PROXY".to_owned()];
        let environment = ChildEnvironment::new(&all, &pass, Vec::new()).expect("not nested");
        assert!(environment.names().contains(&"GH_TOKEN".to_owned()));
        assert!(environment.names().contains(&"HTTPS_PROXY".to_owned()));
    }

    #[test]
    fn a_variable_that_is_set_occurs_once() {
        let all = pairs(&[("DATABASE_URL", "old")]);
        let set = SetVariable { name: "DATABASE_URL", from: "a test".to_owned(), value: Secret::new("new".to_owned()) };
        let environment = ChildEnvironment::new(&all, &[], vec![set]).expect("not nested");
        let found: Vec<_> = environment.variables.iter().filter(|(name, _)| name == "DATABASE_URL").collect();
        assert_eq!(found, [&("DATABASE_URL".into(), "new".into())]);
        assert!(!format!("{environment:?}").contains("new"));
    }

    #[test]
    fn nested_launches_end() {
        let mut all = pairs(&[]);
        for _ in 0..DEEPEST_LAUNCH {
            all = ChildEnvironment::new(&all, &[], Vec::new()).expect("not too deep").variables;
            assert_eq!(all.len(), 1);
        }
        assert_eq!(ChildEnvironment::new(&all, &[], Vec::new()), None);
    }
}
