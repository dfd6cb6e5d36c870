//! What a fork server has imported: a client compares it with its own process, and uses the server only if both agree. Pure.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::worker::prefork::PayloadFacts;
use crate::worker::prefork::TaskCall;

/// The names in the private directory of a fork server.
pub(super) const PROJECT_FILE: &str = "project.json";
pub(super) const SERVER_FILE: &str = "server.py";
pub(super) const SOCKET: &str = "socket";
pub(super) const CONTROL_SOCKET: &str = "control";
/// Called by this name, this program is the client.
pub(super) const CLIENT: &str = "reproq-python";
/// The worker's configuration with the client as its Python.
pub(super) const CONFIG_FILE: &str = "worker.yaml";

/// What a fork server imports, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreforkProject {
    /// The interpreter.
    pub python: PathBuf,
    /// The working directory of the worker.
    pub directory: PathBuf,
    /// The settings module.
    pub settings: String,
    /// The executor module.
    pub executor: String,
    /// The allow-list of the worker, whose modules are imported.
    pub allowed: Vec<String>,
    /// The digest of the environment.
    pub environment: String,
    /// The most bytes of standard output that the worker reads.
    pub stdout_limit: usize,
    /// The most bytes of standard error that the worker reads.
    pub stderr_limit: usize,
    /// The process that becomes the worker.
    pub worker: u32,
}

impl PreforkProject {
    /// Why this call cannot use the server.
    pub(crate) fn difference(
        &self,
        call: &TaskCall,
        payload: &PayloadFacts,
        directory: &Path,
        environment: &str,
    ) -> Option<String> {
        let settings = payload.settings.as_ref().filter(|settings| **settings != self.settings);
        if call.executor != self.executor {
            Some(format!("the executor is `{}`, and the fork server has imported `{}`", call.executor, self.executor))
        } else if let Some(settings) = settings {
            Some(format!(
                "the task wants the settings `{settings}`, and the fork server has imported `{}`",
                self.settings
            ))
        } else if directory != self.directory {
            Some("the worker's directory is not that of the fork server".to_owned())
        } else if environment != self.environment {
            Some("the environment is not that of the fork server".to_owned())
        } else {
            None
        }
    }
}

/// The digest of an environment, in any order.
pub(crate) fn environment_digest(environment: impl IntoIterator<Item = (OsString, OsString)>) -> String {
    let mut all: Vec<(OsString, OsString)> = environment.into_iter().collect();
    all.sort();
    let mut hash = Sha256::new();
    for (name, value) in all {
        for text in [name, value] {
            let bytes = text.as_encoded_bytes();
            hash.update(bytes.len().to_ne_bytes());
            hash.update(bytes);
        }
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> PreforkProject {
        PreforkProject {
            python: "/python".into(),
            directory: "/project".into(),
            settings: "site.settings".to_owned(),
            executor: "reproq_django.executor".to_owned(),
            allowed: vec!["tasks.".to_owned()],
            environment: "e".to_owned(),
            stdout_limit: 1,
            stderr_limit: 1,
            worker: 1,
        }
    }

    #[test]
    fn a_payload_chooses_neither_settings_nor_executor() {
        let words = |executor: &str| -> Vec<OsString> {
            format!("-m {executor} --result-id 1 --attempt 1 --payload-stdin").split(' ').map(OsString::from).collect()
        };
        let same = TaskCall::read(&words("reproq_django.executor")).expect("a call");
        let other = TaskCall::read(&words("os")).expect("a call");
        let none = PayloadFacts::default();
        let named = |name: &str| PayloadFacts { settings: Some(name.to_owned()), ..none.clone() };
        let project = project();
        let at = Path::new("/project");
        assert_eq!(project.difference(&same, &none, at, "e"), None);
        assert_eq!(project.difference(&same, &named("site.settings"), at, "e"), None);
        let refused = [
            project.difference(&other, &none, at, "e"),
            project.difference(&same, &named("evil"), at, "e"),
            project.difference(&same, &none, Path::new("/elsewhere"), "e"),
            project.difference(&same, &none, at, "f"),
        ];
        let reasons: Vec<String> = refused.into_iter().map(|reason| reason.expect("refused")).collect();
        insta::assert_snapshot!(reasons.join("\n"));
    }

    #[test]
    fn an_environment_has_one_digest_in_any_order() {
        let digest =
            |pairs: &[(&str, &str)]| environment_digest(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        assert_eq!(digest(&[("A", "1"), ("B", "2")]), digest(&[("B", "2"), ("A", "1")]));
        assert_ne!(digest(&[("A", "1"), ("B", "2")]), digest(&[("A", "12"), ("B", "")]));
        assert_ne!(digest(&[("A", "1B")]), digest(&[("A1", "B")]));
    }
}
