//! `which` against a real Django: whatever a project's settings do, the result is timely and matches Django's.
//!
//! `REPROQ_TEST_DJANGO_PYTHON` is a Python that can import Django, inside a virtual environment.
#![expect(clippy::disallowed_methods, reason = "projects are made and Python is run here")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use reproq::internals::django::DjangoAnswer;
use reproq::internals::django::DjangoFacts;
use reproq::internals::django::DjangoQuestion;
use reproq::internals::django::DjangoScope;
use reproq::internals::django::DjangoSetting;
use reproq::internals::model::Target;
use reproq::internals::worker::which;
use reproq::internals::worker::which::CandidateIdentity;
use reproq::internals::worker::which::CandidateSource;
use reproq::internals::worker::which::Fault;
use reproq::internals::worker::which::Resolution;
use reproq::internals::worker::which::SurveyInput;

use crate::support::django::MANAGE;
use crate::support::skip;

/// Far more than a slow machine needs; only the tests of the timeout use less.
const AMPLE: Duration = Duration::from_secs(60);

/// A separate Django project, without a worker.
pub(super) struct Project {
    directory: tempfile::TempDir,
    pub(super) variables: Vec<(OsString, OsString)>,
}

impl Project {
    /// `None`, recorded as skipped, if there is no Python with Django. In CI that is a failure.
    pub(super) fn with_settings(settings: &str) -> Option<Self> {
        let python =
            required("REPROQ_TEST_DJANGO_PYTHON", "a Python that can import Django; `cargo xtask test` makes one")?;
        let environment = Path::new(&python).parent().and_then(Path::parent).expect("it lies in a virtual environment");
        let project = Self { directory: tempfile::tempdir().expect("a directory"), variables: Vec::new() };
        project.write("manage.py", MANAGE);
        project.write("shop/__init__.py", "");
        project.write("shop/settings.py", &format!("SECRET_KEY = 'x'\n{settings}\n"));
        let path = env::join_paths([project.at("on-path")]).expect("joined");
        let kept = ["SYSTEMROOT", "TEMP", "TMP"].into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
        let kept: Vec<_> = kept.collect();
        let project = project.with("VIRTUAL_ENV", environment).with("PATH", path).with("HOME", "/home/nobody");
        Some(kept.into_iter().fold(project, |project, (name, value)| project.with(name, value)))
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(key, _)| key != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(super) fn root(&self) -> PathBuf {
        // On macOS temporary directories are behind a link, and Python reports its target.
        fs::canonicalize(self.directory.path()).expect("it exists")
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(super) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("inside the project")).expect("a directory");
        fs::write(&path, text).expect("written");
        path
    }

    pub(super) fn worker(&self, path: &str) -> PathBuf {
        let path = self.write(path, "worker");
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
        path
    }

    fn ask(&self, limit: Duration) -> DjangoAnswer {
        let root = self.root();
        reproq::internals::django::ask(&DjangoQuestion {
            root: &root,
            environment: &self.variables,
            scope: DjangoScope::Settings,
            limit,
        })
    }

    fn facts(&self) -> DjangoFacts {
        let answer = self.ask(AMPLE);
        let DjangoAnswer::Answered(facts) = answer else { panic!("expected an answer, found {answer:?}") };
        *facts
    }

    fn setting(&self) -> DjangoSetting {
        self.facts().setting
    }

    fn failure(&self) -> String {
        let answer = self.ask(AMPLE);
        let DjangoAnswer::Failed { reason, .. } = answer else { panic!("expected a failure, found {answer:?}") };
        reason
    }

    pub(super) fn resolve(&self, own: Option<&Path>) -> Resolution {
        let root = self.root();
        let around = SurveyInput { target: host(), root: &root, cwd: &root, environment: &self.variables, own };
        let identify = |_: &Path| CandidateIdentity::Worker { version: None };
        which::decide(&which::survey(&around, self.ask(AMPLE), &identify))
    }
}

fn required(variable: &str, what: &str) -> Option<OsString> {
    let value = env::var_os(variable).filter(|value| !value.is_empty());
    if value.is_none() {
        assert!(env::var_os("CI").is_none_or(|ci| ci.is_empty()), "in CI, {variable} must name {what}");
        skip::record("the settings of a real Django", &format!("name {what} in {variable}"));
    }
    value
}

fn host() -> Target {
    Target::from_names(env::consts::OS, env::consts::ARCH).expect("a known machine")
}

fn set(value: impl Into<OsString>) -> DjangoSetting {
    DjangoSetting::Set(value.into())
}

#[test]
fn every_kind_of_setting_arrives() {
    let cases = [
        ("", DjangoSetting::Unset),
        ("REPROQ_WORKER_BIN = None", DjangoSetting::Unset),
        ("REPROQ_WORKER_BIN = ''", DjangoSetting::Empty),
        ("REPROQ_WORKER_BIN = 0", DjangoSetting::Empty),
        ("REPROQ_WORKER_BIN = '/opt/wörker'", set("/opt/wörker")),
        ("REPROQ_WORKER_BIN = '~/bin/reproq'", set("~/bin/reproq")),
        ("REPROQ_WORKER_BIN = 'tools/reproq'", set("tools/reproq")),
        ("import pathlib\nREPROQ_WORKER_BIN = pathlib.Path('/opt') / 'reproq'", set(Path::new("/opt").join("reproq"))),
        ("REPROQ_WORKER_BIN = b'/opt/reproq'", set("/opt/reproq")),
        ("REPROQ_WORKER_BIN = 7", DjangoSetting::WrongType("int".to_owned())),
        ("REPROQ_WORKER_BIN = ['/opt/reproq']", DjangoSetting::WrongType("list".to_owned())),
        (
            "from django.utils.functional import SimpleLazyObject\nREPROQ_WORKER_BIN = SimpleLazyObject(lambda: '/opt')",
            DjangoSetting::WrongType("SimpleLazyObject".to_owned()),
        ),
    ];
    for (settings, expected) in cases {
        let Some(project) = Project::with_settings(settings) else { return };
        assert_eq!(project.setting(), expected, "{settings}");
    }
}

#[cfg(unix)]
#[test]
fn a_setting_need_not_be_utf8() {
    let Some(project) = Project::with_settings("REPROQ_WORKER_BIN = '/opt/\\udcff'") else { return };
    let expected: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"/opt/\xff".to_vec());
    assert_eq!(project.setting(), DjangoSetting::Set(expected));
}

#[test]
fn the_result_describes_its_source() {
    let Some(project) = Project::with_settings("") else { return };
    let facts = project.facts();
    assert_eq!(facts.settings_module, "shop.settings");
    assert!(facts.django_version.starts_with(char::is_numeric), "{facts:?}");
    assert!(facts.python_version.starts_with("3."), "{facts:?}");
    assert_eq!((facts.environment, facts.package, facts.manage_problem), (None, None, None));
}

#[test]
fn the_winner_follows_the_setting() {
    let Some(project) = Project::with_settings("REPROQ_WORKER_BIN = 'tools/reproq'") else { return };
    let installed = project.worker(&format!(".reproq/bin/reproq{}", host().os.exe_suffix()));
    let resolution = project.resolve(None);
    let winner = resolution.winner().expect("a winner");
    assert_eq!((&winner.source, &winner.fault), (&CandidateSource::Setting, &Some(Fault::Missing)));
    assert_eq!(winner.shadows, [installed]);
    let placed = project.worker("tools/reproq");
    assert_eq!(project.resolve(None).runnable(), Some(placed.as_path()));
    project.write("shop/settings.py", "SECRET_KEY = 'x'");
    assert_eq!(project.resolve(None).winner().map(|winner| winner.source.clone()), Some(CandidateSource::Project));
}

#[test]
fn settings_may_print() {
    let noise = "import sys\nfor _ in range(200):\n    sys.stdout.buffer.write(b'\\xff{\"setting\": 1}\\n' * 5000)\n    \
                 sys.stderr.buffer.write(b'\\xff\\x1b[31m' * 5000)\nREPROQ_WORKER_BIN = '/opt/reproq'";
    let Some(project) = Project::with_settings(noise) else { return };
    assert_eq!(project.setting(), set("/opt/reproq"));
}

#[test]
fn settings_that_fail_are_reported_with_cause_and_location() {
    let cases = [
        ("import environ_of_mine", "No module named 'environ_of_mine' (shop/settings.py, line 2)"),
        ("import sys\nsys.exit(3)", "they call sys.exit(3) (shop/settings.py, line 3)"),
        // Python's `getattr` with a default would treat this as a missing setting.
        ("import os\nos.no_such_thing", "AttributeError: module 'os' has no attribute 'no_such_thing'"),
        ("def broken(:", "SyntaxError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        (
            "raise ValueError('postgres://me:s3cret@db/shop \\x1b[31m \\udcff')",
            "postgres://[redacted]@db/shop \\x1b[31m ?",
        ),
    ];
    for (settings, expected) in cases {
        let Some(project) = Project::with_settings(settings) else { return };
        let reason = project.failure();
        assert!(reason.replace('\\', "/").contains(&expected.replace('\\', "/")), "{reason}");
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[test]
fn a_crashed_pythons_output_is_reported() {
    let settings = "import os, sys\nprint('the database is away', file=sys.stderr, flush=True)\nos._exit(4)";
    let Some(project) = Project::with_settings(settings) else { return };
    let answer = project.ask(AMPLE);
    let DjangoAnswer::Failed { reason, stderr, .. } = answer else { panic!("expected a failure, found {answer:?}") };
    assert!(reason.contains("exited without a response") && reason.contains('4'), "{reason}");
    assert_eq!(stderr, ["the database is away"]);
}

#[test]
fn settings_that_hang_are_stopped_at_the_timeout() {
    for hang in ["import time\ntime.sleep(600)", "while True:\n    pass", "while True:\n    print('x' * 9000)"] {
        let Some(project) = Project::with_settings(hang) else { return };
        let begin = Instant::now();
        let answer = project.ask(Duration::from_secs(2));
        assert!(matches!(answer, DjangoAnswer::TimedOut { .. }), "{answer:?}");
        assert!(begin.elapsed() < Duration::from_secs(30), "it took {:?}", begin.elapsed());
    }
}

#[test]
fn settings_that_read_stdin_find_nothing_there() {
    let Some(project) = Project::with_settings("REPROQ_WORKER_BIN = input('where? ')") else { return };
    assert!(project.failure().contains("EOFError"));
}

#[cfg(unix)]
#[test]
fn a_background_process_of_the_settings_neither_delays_nor_stays() {
    let settings = "import pathlib, subprocess, threading, time\nchild = subprocess.Popen(['/bin/sleep', '600'])\n\
                    pathlib.Path('pid').write_text(str(child.pid))\n\
                    threading.Thread(target=time.sleep, args=(600,)).start()\nREPROQ_WORKER_BIN = '/opt/reproq'";
    let Some(project) = Project::with_settings(settings) else { return };
    assert_eq!(project.setting(), set("/opt/reproq"));
    let pid = fs::read_to_string(project.at("pid")).expect("the settings wrote it");
    let is_gone = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let state = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().expect("ps runs").stdout;
        state.is_empty() || state.starts_with(b"Z")
    });
    assert!(is_gone, "process {pid} is still running");
}

#[test]
fn what_the_settings_load_into_the_environment_counts() {
    let Some(project) = Project::with_settings("import os\nos.environ['REPROQ_WORKER_BIN'] = '/from/dotenv'") else {
        return;
    };
    let project = project.with("REPROQ_WORKER_BIN", "/from/shell");
    let resolution = project.resolve(None);
    let winner = resolution.winner().expect("a winner");
    assert_eq!((&winner.source, winner.written.as_deref()), (&CandidateSource::Environment, Some("/from/dotenv")));
    assert!(winner.notes.iter().any(|note| note.contains(".env")), "{winner:?}");
}

#[test]
fn a_manage_py_that_does_more_is_run_up_to_django() {
    let Some(project) = Project::with_settings("import os\nREPROQ_WORKER_BIN = os.environ.get('FROM_MANAGE')") else {
        return;
    };
    let more = "    os.environ['FROM_MANAGE'] = '/from/manage'\n    try:";
    project.write("manage.py", &MANAGE.replacen("    try:", more, 1));
    let facts = project.facts();
    assert_eq!((facts.setting, facts.manage_problem), (set("/from/manage"), None));
    // It may compute the module's name, or start Django in another way.
    let computed = MANAGE.replace("\"shop.settings\"", "'.'.join(['shop', 'settings'])").replace(
        "execute_from_command_line(sys.argv)",
        "from django.core.management import ManagementUtility; ManagementUtility(sys.argv).execute()",
    );
    project.write("manage.py", &computed);
    assert_eq!(project.facts().settings_module, "shop.settings");
}

#[test]
fn a_manage_py_that_fails_is_left_out_and_named() {
    let Some(project) = Project::with_settings("REPROQ_WORKER_BIN = '/opt/reproq'") else { return };
    project.write("manage.py", &MANAGE.replacen("    try:", "    import dotenv_of_mine\n    try:", 1));
    let facts = project.facts();
    assert_eq!(facts.setting, set("/opt/reproq"));
    let problem = facts.manage_problem.expect("it failed");
    assert!(problem.contains("No module named 'dotenv_of_mine' (manage.py, line"), "{problem}");
    project.write("manage.py", &format!("{}\nimport this_is_never_reached", MANAGE.replace("    main()", "    pass")));
    let problem = project.facts().manage_problem.expect("it did nothing");
    assert!(problem.contains("this_is_never_reached"), "{problem}");
}

#[test]
fn a_project_without_manage_py_uses_its_settings_variable() {
    let Some(project) = Project::with_settings("REPROQ_WORKER_BIN = '/opt/reproq'") else { return };
    fs::remove_file(project.at("manage.py")).expect("removed");
    assert_eq!(project.ask(AMPLE), DjangoAnswer::NoProject);
    project.write("pyproject.toml", "");
    let project = project.with("DJANGO_SETTINGS_MODULE", "shop.settings");
    assert_eq!(project.setting(), set("/opt/reproq"));
}

#[test]
fn the_environment_names_other_settings_than_manage_py() {
    let Some(project) = Project::with_settings("") else { return };
    project.write("shop/production.py", "REPROQ_WORKER_BIN = '/opt/reproq'");
    let project = project.with("DJANGO_SETTINGS_MODULE", "shop.production");
    assert_eq!(project.setting(), set("/opt/reproq"));
}

#[test]
fn the_project_stays_as_it_is_and_cannot_stand_for_python() {
    let Some(project) = Project::with_settings("import shop.more") else { return };
    project.write("shop/more.py", "");
    for name in ["json.py", "threading.py", "runpy.py"] {
        project.write(name, "raise RuntimeError('this is not the standard library')");
    }
    assert_eq!(project.setting(), DjangoSetting::Unset);
    assert!(!project.at("shop/__pycache__").exists(), "looking must not write");
}

#[test]
fn the_package_is_found_without_being_imported() {
    let Some(project) = Project::with_settings("") else { return };
    let init = project.write("site/reproq_django/__init__.py", "raise RuntimeError('imported')");
    let site = project.at("site");
    let project = project.with("PYTHONPATH", site);
    assert_eq!(project.facts().package.as_deref(), init.parent());
    let executable = format!("reproq{}", host().os.exe_suffix());
    project.worker(&format!("site/reproq_django/bin/{executable}"));
    let resolution = project.resolve(None);
    assert_eq!((resolution.winner(), resolution.warnings.len()), (None, 1));
    let found = project.worker(&format!("site/reproq_django/management/bin/{executable}"));
    assert_eq!(project.resolve(None).runnable(), Some(found.as_path()));
}

#[test]
fn no_token_reaches_the_settings() {
    let leak = "import os\nREPROQ_WORKER_BIN = ','.join(name for name in os.environ if 'TOKEN' in name)";
    let Some(mut project) = Project::with_settings(leak) else { return };
    for name in ["REPROQ_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"] {
        project = project.with(name, "ghp_secret");
    }
    project = project.with("A_TOKEN_OF_THE_PROJECT", "another secret");
    assert_eq!(project.setting(), set("A_TOKEN_OF_THE_PROJECT"));
}
