//! What the worker asks of a client: the arguments of one task, and the parts of its payload that decide how it runs. Pure.

use std::ffi::OsString;
use std::time::Duration;

use serde::Deserialize;

/// The arguments with which the worker starts Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskCall {
    /// Everything after the module.
    pub arguments: Vec<String>,
    pub executor: String,
    pub payload: Payload,
}

/// Where the payload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    Stdin,
    File(String),
    Text(String),
}

impl TaskCall {
    /// Reads arguments as a worker writes them; `None` if they are others.
    pub(crate) fn read(arguments: &[OsString]) -> Option<Self> {
        let words: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
        let words = words?;
        let (executor, payload) = match words.as_slice() {
            ["-m", executor, "--result-id", _, "--attempt", _, "--payload-stdin"] => (executor, Payload::Stdin),
            ["-m", executor, "--result-id", _, "--attempt", _, "--payload-file", path] => {
                (executor, Payload::File((*path).to_owned()))
            }
            ["-m", executor, "--result-id", _, "--attempt", _, "--payload-json", text] => {
                (executor, Payload::Text((*text).to_owned()))
            }
            _ => return None,
        };
        let arguments = words.iter().skip(2).map(|word| (*word).to_owned()).collect();
        Some(Self { arguments, executor: (*executor).to_owned(), payload })
    }
}

/// What a payload says about its process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PayloadFacts {
    /// The settings that the task wants, if it names any.
    pub settings: Option<String>,
    pub time_limit: Option<Duration>,
}

/// Reads a payload. `None` if it is not a JSON object: Python then reports what is wrong with it.
pub(crate) fn payload_facts(payload: &[u8]) -> Option<PayloadFacts> {
    #[derive(Deserialize)]
    struct Specification {
        #[serde(default)]
        django: Option<Django>,
        #[serde(default)]
        exec: Option<Execution>,
    }
    #[derive(Deserialize)]
    struct Django {
        #[serde(default)]
        settings_module: Option<String>,
    }
    #[derive(Deserialize)]
    struct Execution {
        #[serde(default)]
        timeout_seconds: Option<f64>,
    }
    // An array would be read as the values of the object.
    let read: Specification =
        serde_json::from_slice(payload.trim_ascii_start().strip_prefix(b"{").map(|_| payload)?).ok()?;
    let seconds = read.exec.and_then(|exec| exec.timeout_seconds).filter(|seconds| *seconds > 0.0);
    Some(PayloadFacts {
        settings: read.django.and_then(|django| django.settings_module).filter(|module| !module.is_empty()),
        time_limit: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arguments_of_a_worker_are_a_call() {
        let call = |line: &str| TaskCall::read(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        let found = call("-m reproq_django.executor --result-id 7 --attempt 2 --payload-stdin").expect("a call");
        assert_eq!(found.executor, "reproq_django.executor");
        assert_eq!(found.arguments, ["--result-id", "7", "--attempt", "2", "--payload-stdin"]);
        let file = call("-m x --result-id 7 --attempt 2 --payload-file /tmp/a").expect("a call");
        assert_eq!(file.payload, Payload::File("/tmp/a".to_owned()));
        let text = call("-m x --result-id 7 --attempt 2 --payload-json {}").expect("a call");
        assert_eq!(text.payload, Payload::Text("{}".to_owned()));
        for other in [
            "",
            "-c pass",
            "-m x",
            "-m x --result-id 7 --attempt 2 --payload-stdin --settings y",
            "-m pip list --a b c d",
        ] {
            assert_eq!(call(other), None, "{other}");
        }
    }

    #[test]
    fn a_payload_names_its_settings_and_its_time_limit() {
        let facts = |text: &str| payload_facts(text.as_bytes());
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        let cases = [
            ("{}", Some(PayloadFacts::default())),
            (
                r#"{"args": [1e400], "django": {"settings_module": "a.b"}, "exec": {"timeout_seconds": 1.5}}"#,
                Some(PayloadFacts { settings: Some("a.b".to_owned()), time_limit: seconds(1.5) }),
            ),
            (r#"{"django": null, "exec": {"timeout_seconds": null}}"#, Some(PayloadFacts::default())),
            (r#"{"django": {"settings_module": ""}, "exec": {"timeout_seconds": 0}}"#, Some(PayloadFacts::default())),
            (r#"{"exec": {"timeout_seconds": 1e300}}"#, Some(PayloadFacts::default())),
            ("[]", None),
            ("nonsense", None),
            (r#"{"django": 3}"#, None),
            (r#"{"exec": {"timeout_seconds": "soon"}}"#, None),
        ];
        for (text, expected) in cases {
            assert_eq!(facts(text), expected, "{text}");
        }
    }
}
