//! The texts that `init` adds to files or shows. Existing text is never changed, only continued. Pure.

use crate::cli::ConfigFormat;
use crate::config::parse_pyproject;
use crate::django::APP;
use crate::django::DjangoFacts;

/// Where the database is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseSource {
    Django,
    WorkerConfig,
    /// Nowhere yet.
    Nothing,
}

/// The table `[tool.reproq]` with which `pyproject.toml` is continued. `None` if the file cannot be continued with a table, because
/// `tool` is written in one line.
pub(super) fn settings(pyproject: &str, source: DatabaseSource) -> Option<String> {
    let lines: &[&str] = match source {
        DatabaseSource::Django => &["[tool.reproq.databases]", "default = \"django\""],
        DatabaseSource::WorkerConfig => &["[tool.reproq.databases]", "default = \"config\""],
        DatabaseSource::Nothing => &["[tool.reproq]"],
    };
    let added = continued(pyproject, lines, true);
    let parsed = parse_pyproject("pyproject.toml".as_ref(), &format!("{pyproject}{added}")).ok()?;
    let is_there = parsed.path.is_some() && (parsed.databases.len() == 1) == (source != DatabaseSource::Nothing);
    is_there.then_some(added)
}

/// The line with which `.gitignore` is continued; `None` if it has it.
pub(super) fn ignored(gitignore: &str) -> Option<String> {
    let is_ours = |line: &str| matches!(line.trim(), ".reproq" | ".reproq/" | "/.reproq" | "/.reproq/");
    (!gitignore.lines().any(is_ours)).then(|| continued(gitignore, &["/.reproq/"], false))
}

/// Lines at the end of a text, with its own line ends.
fn continued(text: &str, lines: &[&str], after_blank_line: bool) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut added = String::new();
    if !text.is_empty() {
        if !text.ends_with('\n') {
            added.push_str(end);
        }
        if after_blank_line && !text.ends_with("\n\n") && !text.ends_with("\n\r\n") {
            added.push_str(end);
        }
    }
    for line in lines {
        added.push_str(line);
        added.push_str(end);
    }
    added
}

/// The worker's configuration. It has no password, and no `worker_id`, which must differ between machines.
pub(super) fn worker_config(
    format: ConfigFormat,
    queues: &[String],
    modules: &[String],
    python: Option<&str>,
) -> String {
    let list = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
        format!("[{}]", items.join(", "))
    };
    let (comment_on_modules, modules) = if modules.is_empty() {
        (
            "# No task was found in the apps; the worker then gets the list when `reproq worker` starts it.",
            String::new(),
        )
    } else {
        (
            "# The modules whose tasks may run. Without this line, `reproq worker` passes on those of Django's apps.",
            list(modules),
        )
    };
    let assign = |key: &str, value: &str| match format {
        ConfigFormat::Yaml => format!("  {key}: {value}"),
        ConfigFormat::Toml => format!("{key} = {value}"),
    };
    let indent = |comment: &str| match format {
        ConfigFormat::Yaml => format!("  {comment}"),
        ConfigFormat::Toml => comment.to_owned(),
    };
    let mut lines = vec![
        "# The configuration of the Reproq worker. `reproq config worker --explain` lists every setting.".to_owned(),
        "# The URL of the database contains a password, so it is not in this file: `reproq worker` finds it."
            .to_owned(),
    ];
    lines.push(match format {
        ConfigFormat::Yaml => "worker:".to_owned(),
        ConfigFormat::Toml => "[worker]".to_owned(),
    });
    lines.push(assign("queues", &list(queues)));
    lines.push(indent(comment_on_modules));
    if !modules.is_empty() {
        lines.push(assign("allowed_task_modules", &modules));
    }
    if let Some(python) = python {
        lines.push(indent(
            "# The Python that runs the tasks, relative to the project; the default is `python3` on PATH.",
        ));
        lines.push(assign("python_bin", &quoted(python)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// In double quotes, which both formats read alike.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// What is missing in Django's settings; `None` if nothing is. Settings are a program, so that only the user can change them.
pub(super) fn snippet(facts: &DjangoFacts) -> Option<String> {
    let mut parts = Vec::new();
    if !facts.has_app() {
        parts.push(format!("INSTALLED_APPS = [\n    ...,\n    \"{APP}\",\n]"));
    }
    if facts.queue_backends().next().is_none() {
        parts.push(format!(
            "TASKS = {{\n    \"default\": {{\n        \"BACKEND\": \"{APP}.backend.ReproqBackend\",\n        \"QUEUES\": [\"default\"],\n    }},\n}}"
        ));
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// The queues of the backends; a backend without a list allows every queue.
pub(super) fn queues(facts: &DjangoFacts) -> Vec<String> {
    let mut queues: Vec<String> = Vec::new();
    for queue in facts.queue_backends().flat_map(|backend| backend.queues.iter()) {
        if !queues.contains(queue) {
            queues.push(queue.clone());
        }
    }
    if queues.is_empty() { vec!["default".to_owned()] } else { queues }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_continued_in_its_own_style() {
        let added = |text: &str| settings(text, DatabaseSource::Django).expect("it can be continued");
        assert_eq!(added(""), "[tool.reproq.databases]\ndefault = \"django\"\n");
        assert_eq!(added("[project]\nname = \"x\""), "\n\n[tool.reproq.databases]\ndefault = \"django\"\n");
        assert_eq!(added("[project]\r\nname = \"x\"\r\n"), "\r\n[tool.reproq.databases]\r\ndefault = \"django\"\r\n");
        assert_eq!(added("[tool.x]\n\n"), "[tool.reproq.databases]\ndefault = \"django\"\n");
        assert_eq!(settings("a = 1\n", DatabaseSource::Nothing).as_deref(), Some("\n[tool.reproq]\n"));
        assert!(settings("a = 1\n", DatabaseSource::WorkerConfig).is_some_and(|text| text.contains("\"config\"")));
        for text in ["tool = { x = 1 }\n", "tool = 3\n"] {
            assert_eq!(settings(text, DatabaseSource::Django), None, "{text}");
        }
        assert_eq!(ignored("a\n.reproq/\n"), None);
        assert_eq!(ignored("a\n# .reproq/").as_deref(), Some("\n/.reproq/\n"));
    }

    #[test]
    fn the_configuration_is_read_as_it_is_meant() {
        let modules = ["shop.tasks.".to_owned(), "a\"b\\c.".to_owned()];
        let queues = ["high".to_owned(), "default: x".to_owned()];
        let mut shown = Vec::new();
        for (format, name) in [(ConfigFormat::Yaml, "reproq.yaml"), (ConfigFormat::Toml, "reproq.toml")] {
            let text = worker_config(format, &queues, &modules, Some(".venv/bin/python"));
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join(name);
            crate::io::fs::write_file(&path, text.as_bytes()).expect("written");
            let file = crate::worker::config::find(directory.path(), &[], None).expect("readable").expect("there");
            let command = crate::model::worker_flags::WorkerCommand::Worker;
            let config = crate::worker::config::read(command, Some(&file), &|_| None, &[]);
            assert!(config.ignored.is_empty() && config.notes.is_empty(), "{config:?}");
            assert!(config.refusals.iter().all(|refusal| refusal.is_missing_database), "{config:?}");
            let value = |name: &str| config.value(name).map(|it| it.value.to_string()).unwrap_or_default();
            assert_eq!(value("worker.queues"), "high, default: x");
            assert_eq!(value("worker.allowed_task_modules"), "shop.tasks., a\"b\\c.");
            assert_eq!(value("worker.python_bin"), ".venv/bin/python");
            shown.push(text);
        }
        shown.push(worker_config(ConfigFormat::Yaml, &["default".to_owned()], &[], None));
        insta::assert_snapshot!(shown.join("---\n"));
    }

    proptest! {
        #[test]
        fn whatever_is_in_the_file_stays(text in "(\\[[a-z.]{1,9}\\]|[a-z]{1,5} = [0-9]{1,3}|#\\PC{0,9}|\r?\n){0,12}") {
            if toml::from_str::<toml::Table>(&text).is_ok()
                && let Some(added) = settings(&text, DatabaseSource::Django)
            {
                let before: toml::Table = toml::from_str(&text).expect("valid");
                let after: toml::Table = toml::from_str(&format!("{text}{added}")).expect("still valid");
                for (key, value) in before.iter().filter(|(key, _)| *key != "tool") {
                    prop_assert_eq!(after.get(key), Some(value));
                }
            }
        }
    }
}
