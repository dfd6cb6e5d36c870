//! Parses the response of the query in the project's Python. Pure.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use crate::django::DjangoAnswer;
use crate::django::DjangoDatabase;
use crate::django::DjangoFacts;
use crate::django::DjangoScope;
use crate::django::DjangoSetting;
use crate::django::NamedValues;
use crate::django::RecurringSchedule;
use crate::django::RegisteredTasks;
use crate::django::TaskAttributes;
use crate::django::TaskBackend;
use crate::django::TaskModules;
use crate::model::text::printable_line;

/// The part about the settings.
#[derive(Debug, Deserialize)]
struct SettingsPart {
    python: String,
    #[serde(default)]
    django: String,
    #[serde(default)]
    settings_module: String,
    setting: Option<SettingLine>,
    environment: Option<String>,
    package: Option<String>,
    package_version: Option<String>,
    #[serde(default)]
    installed_apps: Vec<String>,
    #[serde(default)]
    databases: Vec<DatabaseLine>,
    #[serde(default)]
    task_backends: Vec<BackendLine>,
    #[serde(default)]
    queue_databases: Vec<(String, String)>,
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    problem: Option<Problem>,
    manage_problem: Option<Problem>,
    #[serde(default)]
    manage_variables: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SettingLine {
    Unset,
    Empty,
    Set { value: String },
    WrongType { r#type: String },
}

#[derive(Debug, Deserialize)]
struct DatabaseLine {
    alias: String,
    engine: Value,
    name: Value,
    user: Value,
    password: Value,
    host: Value,
    port: Value,
    options: Value,
}

#[derive(Debug, Deserialize)]
struct BackendLine {
    alias: String,
    backend: Value,
    queues: Value,
    options: Value,
}

/// A part about the tasks.
#[derive(Debug, Deserialize)]
struct TasksPart {
    tasks: Option<Vec<String>>,
    #[serde(default)]
    attributes: BTreeMap<String, TaskAttributes>,
    recurring: Option<Vec<RecurringSchedule>>,
    problem: Option<Problem>,
    #[serde(default)]
    problems: Vec<ModuleProblem>,
}

#[derive(Debug, Deserialize)]
struct ModuleProblem {
    module: String,
    #[serde(flatten)]
    problem: Problem,
}

#[derive(Debug, Deserialize)]
struct Problem {
    r#type: String,
    message: String,
    file: Option<String>,
    line: Option<u64>,
}

/// Parses the output of the interpreter `python`. `None` if it has no part about the settings with this marker. `late` is the time
/// limit, if the process exceeded it.
pub(super) fn read(
    output: &str,
    marker: &str,
    python: &Path,
    scope: DjangoScope,
    late: Option<Duration>,
) -> Option<DjangoAnswer> {
    let part = |name: &str| {
        let line = |line: &'_ str| Some(line.strip_prefix(marker)?.strip_prefix(' ')?.strip_prefix(name)?.to_owned());
        output.lines().find_map(line)
    };
    let settings: SettingsPart = serde_json::from_str(&part("settings ")?).ok()?;
    let parsed = |name: &str| part(name).and_then(|text| serde_json::from_str::<TasksPart>(&text).ok());
    let tasks = match scope {
        DjangoScope::Settings => TaskModules::NotRequested,
        DjangoScope::Tasks => tasks(parsed("tasks "), None, late),
        DjangoScope::Recurring => tasks(parsed("tasks "), Some(parsed("recurring ")), late),
    };
    settings.answer(python, tasks)
}

impl SettingsPart {
    fn answer(self, python: &Path, tasks: TaskModules) -> Option<DjangoAnswer> {
        if let Some(problem) = self.problem {
            return Some(DjangoAnswer::Failed {
                reason: problem.reason(&self.settings_module, python),
                stderr: Vec::new(),
                hint: None,
            });
        }
        Some(DjangoAnswer::Answered(Box::new(DjangoFacts {
            python: python.to_owned(),
            python_version: self.python,
            django_version: self.django,
            settings_module: self.settings_module,
            setting: match self.setting? {
                SettingLine::Unset => DjangoSetting::Unset,
                SettingLine::Empty => DjangoSetting::Empty,
                SettingLine::Set { value } => DjangoSetting::Set(decode(&value)),
                SettingLine::WrongType { r#type } => DjangoSetting::WrongType(printable_line(&r#type)),
            },
            environment: self.environment.as_deref().map(decode),
            package: self.package.as_deref().map(decode).map(PathBuf::from),
            package_version: self.package_version,
            manage_problem: self.manage_problem.map(|problem| {
                format!("manage.py was skipped, because it failed before it called Django: {}", problem.sentence())
            }),
            manage_variables: self.manage_variables,
            installed_apps: self.installed_apps,
            databases: self.databases.into_iter().map(DatabaseLine::database).collect(),
            task_backends: self.task_backends.into_iter().map(BackendLine::backend).collect(),
            queue_databases: self.queue_databases,
            settings: NamedValues(self.settings),
            tasks,
        })))
    }
}

/// The tasks, from what was answered of them in time.
fn tasks(tasks: Option<TasksPart>, recurring: Option<Option<TasksPart>>, late: Option<Duration>) -> TaskModules {
    let (tasks, recurring) = match (tasks, recurring) {
        (Some(tasks), Some(None)) => match late {
            Some(limit) => return TaskModules::TimedOut(limit),
            None => (tasks, Some(Err("Python exited before it read the schedules".to_owned()))),
        },
        (Some(tasks), Some(Some(part))) => (tasks, Some(schedules(part))),
        (Some(tasks), None) => (tasks, None),
        (None, _) => {
            let failed = TaskModules::Failed("Python exited while it imported the task modules".to_owned());
            return late.map_or(failed, TaskModules::TimedOut);
        }
    };
    let problems = tasks.problems.iter().map(ModuleProblem::sentence).collect();
    match (tasks.tasks, tasks.problem) {
        (Some(paths), _) => {
            let failed = tasks.problems.into_iter().map(|problem| problem.module).collect();
            TaskModules::Found(RegisteredTasks { paths, attributes: tasks.attributes, recurring, failed, problems })
        }
        (None, Some(problem)) => TaskModules::Failed(format!("the apps could not be loaded: {}", problem.sentence())),
        (None, None) => TaskModules::Failed("the response about the apps is incomplete".to_owned()),
    }
}

fn schedules(part: TasksPart) -> Result<Vec<RecurringSchedule>, String> {
    match (part.recurring, part.problem) {
        (Some(schedules), _) => Ok(schedules),
        (None, Some(problem)) => Err(problem.sentence()),
        (None, None) => Err("the response about the schedules is incomplete".to_owned()),
    }
}

impl DatabaseLine {
    fn database(self) -> DjangoDatabase {
        DjangoDatabase {
            alias: self.alias,
            engine: self.engine.as_str().unwrap_or_default().to_owned(),
            name: self.name,
            user: self.user,
            password: self.password,
            host: self.host,
            port: self.port,
            options: named(self.options),
        }
    }
}

impl BackendLine {
    fn backend(self) -> TaskBackend {
        let queues = self.queues.as_array().map(Vec::as_slice).unwrap_or_default();
        TaskBackend {
            alias: self.alias,
            backend: self.backend.as_str().unwrap_or_default().to_owned(),
            queues: queues.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            options: named(self.options),
        }
    }
}

fn named(value: Value) -> NamedValues {
    match value {
        Value::Object(values) => NamedValues(values.into_iter().collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => NamedValues::default(),
    }
}

impl ModuleProblem {
    fn sentence(&self) -> String {
        format!("{} could not be imported: {}", printable_line(&self.module), self.problem.sentence())
    }
}

impl Problem {
    fn reason(&self, settings_module: &str, python: &Path) -> String {
        if self.r#type == "ModuleNotFoundError" && self.message == "No module named 'django'" {
            let python = printable_line(&python.to_string_lossy());
            return format!("Django is not installed for {python}; activate the project's environment");
        }
        let module =
            if settings_module.is_empty() { String::new() } else { format!(" `{}`", printable_line(settings_module)) };
        format!("failed to load the project's settings{module}: {}", self.sentence())
    }

    fn sentence(&self) -> String {
        let what = match (self.r#type.as_str(), self.message.as_str()) {
            ("", message) => printable_line(message),
            ("SystemExit", code) => format!("they call sys.exit({})", printable_line(code)),
            (name, "") => printable_line(name),
            (name, message) => format!("{}: {}", printable_line(name), printable_line(&without_credentials(message))),
        };
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{what} ({}, line {line})", printable_line(file)),
            (Some(file), None) => format!("{what} ({})", printable_line(file)),
            (None, _) => what,
        }
    }
}

/// The query percent-encodes values that may not be UTF-8.
fn decode(text: &str) -> OsString {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(not(unix))]
    return String::from_utf8_lossy(&bytes).into_owned().into();
}

/// Removes user names and passwords from URLs: failing settings often print their database's URL.
pub(super) fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let authority = after.split([' ', '\t', '\n', '"', '\'', '<', '>', '?', '#']).next().unwrap_or_default();
        let credentials = authority.rfind('@');
        clean.push_str(before);
        clean.push_str("://");
        if credentials.is_some() {
            clean.push_str("[redacted]");
        }
        rest = &after[credentials.unwrap_or(0)..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(text: &str) -> Option<DjangoAnswer> {
        read(text, "M", Path::new("/v/bin/python"), DjangoScope::Settings, None)
    }

    fn failure(text: &str) -> String {
        match answer(text) {
            Some(DjangoAnswer::Failed { reason, .. }) => reason,
            other => panic!("expected a failure, found {other:?}"),
        }
    }

    /// A full answer about the settings.
    const SETTINGS: &str = concat!(
        r#"M settings {"python": "3.12.1", "django": "6.0", "settings_module": "shop.settings", "package": "/v/reproq_django","#,
        r#""setting": {"kind": "set", "value": "~/w%C3%B6rker"}, "environment": "", "added_later": 1, "package_version": "0.1.529","#,
        r#""installed_apps": ["shop", "reproq_django.apps.ReproqConfig"], "settings": {"REPROQ_DEFAULT_DB_ALIAS": "queue","#,
        r#""REPROQ_X": 1}, "queue_databases": [["mail*", "mail"], ["high", "queue"]], "databases": [{"alias": "default", "engine": "e","#,
        r#""name": "d", "user": "", "password": "hunter2", "host": "", "port": "", "options": {"sslmode": "require"}}],"#,
        r#""task_backends": [{"alias": "default", "backend": "reproq_django.backend.B", "queues": ["default", "high"],"#,
        r#""options": {"MAX_ATTEMPTS": 3}}]}"#
    );

    #[test]
    fn a_full_answer() {
        let Some(DjangoAnswer::Answered(facts)) = answer(SETTINGS) else { panic!("no answer") };
        assert_eq!((facts.python_version.as_str(), facts.django_version.as_str()), ("3.12.1", "6.0"));
        assert_eq!(facts.setting, DjangoSetting::Set("~/wörker".into()));
        assert_eq!((facts.environment.as_deref(), &facts.manage_problem), (Some("".as_ref()), &None));
        assert_eq!(
            (facts.default_alias(), facts.queue_aliases()),
            ("queue", vec!["mail".to_owned(), "queue".to_owned()])
        );
        assert!(facts.has_app() && facts.tasks == TaskModules::NotRequested);
        let queues: Vec<_> = facts.queue_backends().flat_map(|backend| backend.queues.clone()).collect();
        assert_eq!(queues, ["default", "high"]);
        let database = facts.database("default").expect("a database");
        assert_eq!(database.options.names().collect::<Vec<_>>(), ["sslmode"]);
        assert!(!format!("{facts:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_missing_about_the_tasks_is_said() {
        let tasks = r#"M tasks {"tasks": ["shop.tasks.a"], "problems": [{"module": "shop.tasks.b", "type": "ImportError", "message": "no"}]}"#;
        let found = |parts: &[&str], scope, late| {
            let text = [&[SETTINGS], parts].concat().join("\n");
            let answer = read(&text, "M", Path::new("p"), scope, late);
            answer.and_then(|answer| answer.facts().map(|facts| facts.tasks.clone())).expect("facts")
        };
        let limit = Duration::from_secs(10);
        let TaskModules::Found(all) = found(&[tasks], DjangoScope::Tasks, None) else { panic!("not found") };
        assert_eq!(all.problems, ["shop.tasks.b could not be imported: ImportError: no"]);
        assert_eq!(
            (all.allow_list(), &all.recurring),
            (vec!["shop.tasks.".to_owned(), "shop.tasks.b.".to_owned()], &None)
        );
        assert_eq!(found(&[], DjangoScope::Tasks, Some(limit)), TaskModules::TimedOut(limit));
        assert_eq!(found(&[tasks], DjangoScope::Recurring, Some(limit)), TaskModules::TimedOut(limit));
        assert!(matches!(found(&[], DjangoScope::Tasks, None), TaskModules::Failed(_)));
        let broken = r#"M tasks {"problem": {"type": "AppRegistryNotReady", "message": "x"}}"#;
        let reason = "the apps could not be loaded: AppRegistryNotReady: x".to_owned();
        assert_eq!(found(&[broken], DjangoScope::Tasks, None), TaskModules::Failed(reason));
        let schedules = r#"M recurring {"recurring": [{"key": "k", "schedule": "* * * * *", "task_path": "shop.tasks.a",
            "payload": "{}", "queue_name": "q", "priority": 1, "max_attempts": 3, "enabled": true, "concurrency_key": null,
            "concurrency_limit": 0}]}"#.replace('\n', "");
        let all = found(&[tasks, &schedules], DjangoScope::Recurring, None);
        let TaskModules::Found(RegisteredTasks { recurring: Some(Ok(schedules)), .. }) = all else { panic!("{all:?}") };
        assert_eq!((schedules[0].key.as_str(), schedules[0].payload.as_str()), ("k", "{}"));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_arrives_as_it_is() {
        let expected: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'/', 0xff, b'x']);
        assert_eq!(decode("/%FFx"), expected);
    }

    #[test]
    fn failures_become_sentences() {
        let cases = [
            (
                r#"{"type": "ModuleNotFoundError", "message": "No module named 'django'"}"#,
                "Django is not installed for /v/bin/python; activate the project's environment",
            ),
            (
                r#"{"type": "KeyError", "message": "'SECRET'", "file": "shop/settings.py", "line": 3}"#,
                "failed to load the project's settings: KeyError: 'SECRET' (shop/settings.py, line 3)",
            ),
            (
                r#"{"type": "SystemExit", "message": "3"}"#,
                "failed to load the project's settings: they call sys.exit(3)",
            ),
            (
                r#"{"type": "ValueError", "message": "bad postgres://me:s3cret@db/x\u001b[31m"}"#,
                "failed to load the project's settings: ValueError: bad postgres://[redacted]@db/x\\x1b[31m",
            ),
        ];
        for (problem, expected) in cases {
            assert_eq!(failure(&format!(r#"M settings {{"python": "3.12.1", "problem": {problem}}}"#)), expected);
        }
    }

    #[test]
    fn other_output_is_not_parsed() {
        let python = r#"settings {"python": "3"}"#;
        for text in
            ["", "M", "M settings {}", &format!("N {python}"), &format!("M {python}"), &format!("M {python} more")]
        {
            assert_eq!(answer(text), None, "{text}");
        }
        let noise = SETTINGS.replacen("M ", "printed at start\nM ", 1);
        assert_eq!(answer(&noise), answer(SETTINGS));
    }

    proptest! {
        #[test]
        fn no_password_survives(before in "[^:@]{0,9}", after in "[^@]{0,9}", password in "[A-Z]{8}") {
            let text = format!("{before} a://user:{password}@host/{after}");
            prop_assert!(!without_credentials(&text).contains(&password));
        }

        #[test]
        fn text_without_credentials_is_unchanged(text in "[^@]*") {
            prop_assert_eq!(without_credentials(&text), text);
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = read(&format!("M settings {text}"), "M", Path::new("python"), DjangoScope::Recurring, None);
            let _ = without_credentials(&text);
        }
    }
}
