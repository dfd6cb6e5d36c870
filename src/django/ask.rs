//! The entry point to the project's Python: queries what Django's settings state about the worker.
#![cfg_attr(all(test, unix), expect(clippy::disallowed_methods, reason = "the tests write projects and programs"))]

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::django::DjangoAnswer;
use crate::django::DjangoScope;
use crate::django::answer;
use crate::django::answer::without_credentials;
use crate::django::manage_py::ManagePy;
use crate::io::fs::bounded_read;
use crate::io::process;
use crate::io::process::Keep;
use crate::io::process::ProcessError;
use crate::io::process::Request;
use crate::io::process::Stdin;
use crate::io::process::find_program;
use crate::model::secret::for_children;
use crate::model::text::printable_line;
use crate::model::variables::non_empty;
use crate::platform::is_executable;

/// The script that runs in the project's Python.
const QUERY: &str = include_str!("query.py");

/// Larger than any handwritten `manage.py`.
const LONGEST_MANAGE_PY: u64 = 1024 * 1024;

/// How much of the end of stderr is kept and shown.
const STDERR_BYTES: usize = 16 * 1024;
const STDERR_LINES: usize = 20;
const LINE_CHARACTERS: usize = 300;

/// The limit for the response, with whatever was printed before the script started.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// A query to the project's Django.
#[derive(Debug, Clone, Copy)]
pub struct DjangoQuestion<'a> {
    /// The project's root, absolute.
    pub root: &'a Path,
    /// The captured environment. Python gets it without this command's tokens.
    pub environment: &'a [(OsString, OsString)],
    /// How much is asked.
    pub scope: DjangoScope,
    /// The time limit, after which Python and its child processes are killed.
    pub limit: Duration,
}

/// Queries Django if there is a Django project at the root: a `manage.py` that mentions Django, or `DJANGO_SETTINGS_MODULE` and
/// a `pyproject.toml`. Otherwise nothing is run. Loading the settings runs the project's own code, as every command of
/// `manage.py` does.
pub fn ask(question: &DjangoQuestion<'_>) -> DjangoAnswer {
    let Some(project) = Project::find(question) else { return DjangoAnswer::NoProject };
    match find_python(question) {
        Ok(python) => ask_python(question, &project, &python),
        Err(reason) => failed(reason, Vec::new()),
    }
}

/// The settings module that `manage.py` names as a plain string. Nothing is run.
pub(crate) fn settings_module_in(root: &Path) -> Option<String> {
    let text = bounded_read::read(&root.join("manage.py"), LONGEST_MANAGE_PY).ok()?;
    ManagePy::parse(&String::from_utf8_lossy(&text))?.settings_module
}

fn failed(reason: String, stderr: Vec<String>) -> DjangoAnswer {
    DjangoAnswer::Failed { reason, stderr, hint: None }
}

/// How the settings are loaded.
#[derive(Debug, PartialEq, Eq)]
struct Project {
    /// The module to load if the environment does not name one.
    settings_module: String,
    /// A `manage.py` that has to be run until it calls Django.
    manage_py: Option<PathBuf>,
}

impl Project {
    fn find(question: &DjangoQuestion<'_>) -> Option<Self> {
        let path = question.root.join("manage.py");
        let from_environment = non_empty(question.environment, "DJANGO_SETTINGS_MODULE").is_some();
        let manage_py = bounded_read::read(&path, LONGEST_MANAGE_PY).ok();
        let manage_py = manage_py.and_then(|text| ManagePy::parse(&String::from_utf8_lossy(&text)));
        if let Some(manage_py) = manage_py {
            let has_module = from_environment || manage_py.settings_module.is_some();
            let is_enough = manage_py.is_generated && has_module;
            let settings_module = manage_py.settings_module.unwrap_or_default();
            return Some(Self { settings_module, manage_py: (!is_enough).then_some(path) });
        }
        let is_project = from_environment && question.root.join("pyproject.toml").is_file();
        is_project.then(|| Self { settings_module: String::new(), manage_py: None })
    }
}

/// The project's Python: from the active environment, from `.venv` or `venv` in the root, else the first on `PATH`.
fn find_python(question: &DjangoQuestion<'_>) -> Result<PathBuf, String> {
    let DjangoQuestion { root, environment, .. } = *question;
    let inside = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let active = non_empty(environment, "VIRTUAL_ENV").map(|directory| root.join(directory));
    let mut in_environments =
        active.into_iter().chain([root.join(".venv"), root.join("venv")]).map(|env| env.join(inside));
    // Programs in the current directory are never started as Python.
    let on_path = || ["python3", "python"].iter().find_map(|name| find_program(name, environment, None).ok());
    in_environments
        .find(|python| python.is_file() && is_executable(python))
        .or_else(on_path)
        .ok_or_else(|| "no Python was found in VIRTUAL_ENV, .venv or venv, or as python3 or python on PATH".to_owned())
}

fn ask_python(question: &DjangoQuestion<'_>, project: &Project, python: &Path) -> DjangoAnswer {
    // Tells the response from anything else on standard output.
    let marker: String = std::iter::repeat_with(fastrand::alphanumeric).take(20).collect();
    let environment: Vec<_> = for_children(question.environment).cloned().collect();
    let request = Request {
        program: python,
        // -B: the query must not leave compiled files in the project.
        arguments: &[
            OsStr::new("-B"),
            OsStr::new("-c"),
            OsStr::new(QUERY),
            OsStr::new(&marker),
            OsStr::new(question.scope.as_str()),
            question.root.as_os_str(),
            OsStr::new(&project.settings_module),
            project.manage_py.as_deref().map_or(OsStr::new(""), Path::as_os_str),
        ],
        directory: Some(question.root),
        environment: &environment,
        stdin: Stdin::OpenWhileWatched,
        limit: question.limit,
        // Settings may print whatever they like: the time is limited, and little is kept.
        output_limit: usize::MAX,
        keep: Keep::Split { stdout: LONGEST_ANSWER, stderr: STDERR_BYTES },
    };
    let ended = process::run(&request, &|| false);
    // A response that was complete in time counts, whatever the exit status. It may contain passwords, so it is never shown.
    let (output, late) = match &ended {
        Ok(output) => (output.text(), None),
        Err(ProcessError::TimedOut { limit, stdout, .. }) => {
            (String::from_utf8_lossy(stdout).into_owned(), Some(*limit))
        }
        Err(_) => (String::new(), None),
    };
    if let Some(answer) = answer::read(&output, &marker, python, question.scope, late) {
        return answer;
    }
    match ended {
        Ok(output) => failed(
            format!("{} exited without a response ({})", shown(python), output.status),
            last_lines(&output.stderr),
        ),
        Err(ProcessError::TimedOut { limit, stderr, .. }) => {
            DjangoAnswer::TimedOut { limit, stderr: last_lines(&stderr) }
        }
        Err(error) => DjangoAnswer::Failed {
            reason: format!("failed to run {}: {}", shown(python), error.line()),
            stderr: Vec::new(),
            hint: error.hint(),
        },
    }
}

/// A path for display.
fn shown(path: &Path) -> String {
    printable_line(&path.to_string_lossy())
}

/// The last lines of Python's stderr, printable.
fn last_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(STDERR_LINES)..];
    last.iter().map(|line| printable_line(&without_credentials(line)).chars().take(LINE_CHARACTERS).collect()).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::process::Stdio;

    use super::*;

    const MANAGE: &str = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";

    /// A project root with shell scripts as Python.
    struct ProjectPlace {
        directory: tempfile::TempDir,
        variables: Vec<(OsString, OsString)>,
    }

    impl ProjectPlace {
        fn new() -> Self {
            let place = Self { directory: tempfile::tempdir().expect("a directory"), variables: Vec::new() };
            fs::write(place.at("manage.py"), MANAGE).expect("written");
            place
        }

        fn at(&self, path: &str) -> PathBuf {
            self.directory.path().join(path)
        }

        fn setting(mut self, name: &str, value: impl Into<OsString>) -> Self {
            self.variables.push((name.into(), value.into()));
            self
        }

        fn python(&self, path: &str, script: &str) {
            let path = self.at(path);
            fs::create_dir_all(path.parent().expect("inside the directory")).expect("a directory");
            // Written by another process: a file open for writing in this one could be inherited by a child that another test
            // starts at that moment, and executing it would fail.
            let mut shell = Command::new("/bin/sh");
            shell
                .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\"; chmod 755 \"$1\"", "sh"])
                .arg(path)
                .arg(script);
            assert!(shell.status().expect("a shell").success());
        }

        fn question(&self) -> DjangoQuestion<'_> {
            DjangoQuestion {
                root: self.directory.path(),
                environment: &self.variables,
                scope: DjangoScope::Settings,
                limit: Duration::from_secs(20),
            }
        }

        fn failure(&self) -> (String, Vec<String>) {
            let answer = ask(&self.question());
            let DjangoAnswer::Failed { reason, stderr, hint: None } = answer else {
                panic!("expected a failure, found {answer:?}")
            };
            (reason, stderr)
        }
    }

    #[test]
    fn without_a_django_project_nothing_is_run() {
        let place = ProjectPlace::new();
        place.python(".venv/bin/python", "touch \"$PWD/was-run\"");
        let elsewhere = [("manage.py", None), ("manage.py", Some("from flask_script import Manager\n"))];
        for (name, text) in elsewhere {
            fs::remove_file(place.at(name)).expect("removed");
            if let Some(text) = text {
                fs::write(place.at(name), text).expect("written");
            } else {
                assert_eq!(ask(&place.question()), DjangoAnswer::NoProject);
                fs::write(place.at(name), "").expect("written");
            }
            assert_eq!(ask(&place.question()), DjangoAnswer::NoProject);
        }
        assert!(!place.at("was-run").exists());
    }

    #[test]
    fn what_makes_a_project() {
        let place = ProjectPlace::new();
        let found = |place: &ProjectPlace| Project::find(&place.question());
        let plain = |module: &str| Some(Project { settings_module: module.to_owned(), manage_py: None });
        assert_eq!(found(&place), plain("shop.settings"));
        fs::write(place.at("manage.py"), format!("{MANAGE}load_dotenv()\n")).expect("written");
        assert_eq!(found(&place).and_then(|project| project.manage_py), Some(place.at("manage.py")));
        fs::remove_file(place.at("manage.py")).expect("removed");
        fs::write(place.at("pyproject.toml"), "").expect("written");
        assert_eq!(found(&place), None);
        let place = place.setting("DJANGO_SETTINGS_MODULE", "shop.settings");
        assert_eq!(found(&place), plain(""));
        fs::remove_file(place.at("pyproject.toml")).expect("removed");
        assert_eq!(found(&place), None);
    }

    #[test]
    fn the_active_environment_comes_first_and_path_last() {
        let mut place = ProjectPlace::new();
        place.variables.push(("PATH".into(), std::env::join_paths([place.at("b1"), place.at("b2")]).expect("joined")));
        place.variables.push(("VIRTUAL_ENV".into(), place.at("active").into()));
        let order =
            ["active/bin/python", ".venv/bin/python", "venv/bin/python", "b1/python3", "b2/python3", "b1/python"];
        let (reason, _) = place.failure();
        assert!(reason.starts_with("no Python was found"), "{reason}");
        for path in order.into_iter().rev() {
            place.python(path, "exit 1");
            assert_eq!(find_python(&place.question()), Ok(place.at(path)));
        }
        fs::set_permissions(place.at(order[0]), fs::Permissions::from_mode(0o644)).expect("set");
        assert_eq!(find_python(&place.question()), Ok(place.at(order[1])), "what may not be executed is no Python");
    }

    #[test]
    fn a_python_without_a_response_is_reported_with_its_last_lines() {
        let place = ProjectPlace::new().setting("GH_TOKEN", "ghp_secret").setting("KEPT", "kept");
        place.python(".venv/bin/python", "echo \"token=$GH_TOKEN kept=$KEPT own=$CARGO_MANIFEST_DIR\" >&2; exit 7");
        assert!(option_env!("CARGO_MANIFEST_DIR").is_some(), "cargo sets it for this very process too");
        let (reason, stderr) = place.failure();
        assert!(reason.contains(".venv/bin/python exited without a response") && reason.contains('7'), "{reason}");
        assert_eq!(stderr, ["token= kept=kept own="]);
    }

    #[test]
    fn a_response_to_another_query_is_ignored() {
        let place = ProjectPlace::new();
        place.python(".venv/bin/python", "echo 'x settings {\"python\": \"3\", \"setting\": {\"kind\": \"unset\"}}'");
        assert!(place.failure().0.contains("exited without a response"));
    }

    #[test]
    fn a_python_that_cannot_be_run_is_reported() {
        let place = ProjectPlace::new();
        place.python(".venv/bin/python", "");
        fs::write(place.at(".venv/bin/python"), "#!/does/not/exist\n").expect("written");
        let (reason, _) = place.failure();
        assert!(reason.contains("failed to run"), "{reason}");
    }

    #[test]
    fn the_query_ends_with_its_caller() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("hanging.py"), "import time\ntime.sleep(600)\n").expect("written");
        fs::create_dir(directory.path().join("django")).expect("a directory");
        // Stands in for Django, so that the test needs only Python.
        fs::write(directory.path().join("django/__init__.py"), "__version__ = '6'\n").expect("written");
        fs::write(directory.path().join("django/conf.py"), "import hanging\n").expect("written");
        let mut command = Command::new("python3");
        command.args(["-B", "-c", QUERY]).args(["M", "settings"]).arg(directory.path()).args(["", ""]);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else { return };
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().expect("asked").is_none(), "it must hang until it is alone");
        drop(child.stdin.take());
        let is_gone = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            child.try_wait().expect("asked").is_some()
        });
        let _ = child.kill();
        let _ = child.wait();
        assert!(is_gone, "it goes on without anybody who waits");
    }
}
