//! Compares `which` with reproq-django's own resolver: both give the same result.
//!
//! `REPROQ_DJANGO_SOURCE` is a checkout of reproq-django, `REPROQ_TEST_DJANGO_PYTHON` a Python that can import Django,
//! inside a virtual environment.
#![expect(clippy::disallowed_methods, reason = "projects are made and Python is run here")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use reproq::internals::worker::which::Fault;

use crate::support::skip;
use crate::which_django::Project;

/// The path that reproq-django itself resolves in the project, if any.
const UPSTREAM: &str = r"
import json, os, sys

sys.path.insert(0, os.getcwd())
import django

django.setup()
from reproq_django.management.commands.reproq import Command

try:
    _, resolved, exists = Command()._resolve_worker_bin()
    answer = os.path.abspath(resolved) if exists else None
except TypeError:
    answer = 'TypeError'
print(json.dumps(answer))
";

/// One case for both sides: the setting as a Python expression, the environment variable, and the existing files.
struct Case {
    setting: &'static str,
    variable: &'static str,
    files: &'static [&'static str],
}

#[test]
fn the_django_sides_own_resolver_agrees() {
    let Some(checkout) = required_in_no_ci("REPROQ_DJANGO_SOURCE") else { return };
    let everything: &[&str] = &[".reproq/bin/reproq", "on-path/reproq", "tools/reproq"];
    let case = |setting, variable, files| Case { setting, variable, files };
    let cases = [
        case("None", "", &[]),
        case("None", "", &["on-path/reproq"]),
        case("None", "", &["locked:on-path/reproq"]),
        case("None", "", &["on-path/reproq/directory"]),
        case("None", "", everything),
        case("None", "", &["locked:.reproq/bin/reproq", "on-path/reproq"]),
        case("None", "", &[".reproq/bin/reproq/directory", "on-path/reproq"]),
        case("None", "", &["dangling:.reproq/bin/reproq", "on-path/reproq"]),
        case("None", "ROOT/tools/reproq", everything),
        case("None", "ROOT/missing", everything),
        case("None", "tools/reproq", everything),
        case("None", "missing", everything),
        case("None", "", &["packaged:management/bin/reproq", "on-path/reproq"]),
        case("None", "", &["packaged:bin/reproq"]),
        case("''", "ROOT/tools/reproq", everything),
        case("'ROOT/tools/reproq'", "ROOT/missing", everything),
        case("'ROOT/missing'", "", everything),
        case("'ROOT/tools'", "", everything),
        case("'ROOT/tools/reproq'", "", &["locked:tools/reproq", "on-path/reproq"]),
        case("'tools/reproq'", "", everything),
        case("'./tools/reproq'", "", everything),
        case("'tools/reproq'", "", &["locked:tools/reproq", "on-path/reproq"]),
        case("'tools'", "", everything),
        case("'~/tools/reproq'", "", everything),
        case("'reproq'", "", everything),
        case("'nowhere'", "", everything),
        case("'.'", "", everything),
        case("pathlib.Path('ROOT/tools/reproq')", "", everything),
        case("pathlib.Path('tools/reproq')", "", everything),
        case("pathlib.Path('')", "", everything),
        case("7", "", everything),
    ];
    for case in cases {
        let Some(project) = case.project(Path::new(&checkout)) else { return };
        let (ours, theirs) = (project.resolve(None), upstream(&project));
        let what = format!("setting {} variable {} files {:?}: {ours:?}", case.setting, case.variable, case.files);
        let fault = ours.winner().and_then(|winner| winner.fault.clone());
        if theirs.as_deref() == Some("TypeError") {
            assert!(matches!(fault, Some(Fault::WrongType { .. })), "{what}");
            continue;
        }
        let existing = ours.django_takes.clone().filter(|path| path.exists());
        assert_eq!(existing.as_deref().map(normal), theirs.map(PathBuf::from), "{what}");
        assert_eq!(ours.django_takes.is_some() && fault.is_none(), ours.runnable().is_some(), "{what}");
    }
}

/// Without `.` components, as returned by Python's `abspath`.
fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}

#[test]
fn a_warning_is_shown_if_django_would_start_this_command() {
    let Some(checkout) = required_in_no_ci("REPROQ_DJANGO_SOURCE") else { return };
    let case = Case { setting: "None", variable: "", files: &["on-path/reproq", "later/reproq"] };
    let Some(project) = case.project(Path::new(&checkout)) else { return };
    let path = env::join_paths([project.at("on-path"), project.at("later")]).expect("joined");
    let project = project.with("PATH", path);
    fs::write(project.at("on-path/reproq"), "this command").expect("written");
    let (own, worker) = (project.at("on-path/reproq"), project.at("later/reproq"));
    let resolution = project.resolve(Some(&own));
    assert_eq!(upstream(&project).map(PathBuf::from), Some(own.clone()));
    assert_eq!(
        (resolution.django_takes.as_deref(), resolution.runnable()),
        (Some(own.as_path()), Some(worker.as_path()))
    );
    assert!(resolution.warnings[0].message.contains("which is this command"), "{resolution:?}");
}

/// The checkout is not available everywhere, so its absence is recorded and not a failure, even in CI.
fn required_in_no_ci(variable: &str) -> Option<OsString> {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    if value.is_none() {
        skip::record("what upstream's own code takes", &format!("name a checkout of reproq-django in {variable}"));
    }
    value
}

impl Case {
    fn project(&self, checkout: &Path) -> Option<Project> {
        let project = Project::with_settings("")?;
        let root = project.root();
        let in_root = |text: &str| text.replace("ROOT", root.to_str().expect("UTF-8"));
        let apps = "SECRET_KEY = 'x'\nINSTALLED_APPS = ['reproq_django']\nimport pathlib";
        let settings = format!("{apps}\nREPROQ_WORKER_BIN = {}", in_root(self.setting));
        project.write("shop/settings.py", &settings);
        let package = project.at("site/reproq_django");
        copy(&checkout.join("src/reproq_django"), &package);
        for file in self.files {
            match file.split_once(':') {
                None => drop(project.worker(file)),
                Some(("packaged", file)) => drop(project.worker(&format!("site/reproq_django/{file}"))),
                Some(("locked", file)) => drop(project.write(file, "worker")),
                Some((_, file)) => {
                    let link = project.write(file, "");
                    fs::remove_file(&link).expect("removed");
                    std::os::unix::fs::symlink("gone", link).expect("a link");
                }
            }
        }
        let project = project.with("PYTHONPATH", package.parent().expect("inside"));
        Some(if self.variable.is_empty() { project } else { project.with("REPROQ_WORKER_BIN", in_root(self.variable)) })
    }
}

fn upstream(project: &Project) -> Option<String> {
    let python = env::var_os("REPROQ_TEST_DJANGO_PYTHON").expect("checked before");
    let mut command = Command::new(python);
    command.args(["-c", UPSTREAM]).current_dir(project.root()).env_clear();
    command.envs(project.variables.iter().map(|(name, value)| (name, value)));
    let output = command.env("DJANGO_SETTINGS_MODULE", "shop.settings").output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
