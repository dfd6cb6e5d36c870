//! `reproq worker`, `beat` and `schedule`: this process becomes the worker, and no secret is visible.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;

use crate::support::Context;
use crate::support::context::program_under_test;
use crate::support::context::wait;
use crate::support::skip;
use crate::support::workers;

/// A project whose worker is this script.
fn scripted(script: &str) -> Context {
    let mut context = Context::new();
    let worker = context.root().join("stub worker");
    place(&worker, format!("#!/bin/sh\n{script}\n").as_bytes());
    context.set("REPROQ_WORKER_BIN", worker.to_str().expect("UTF-8"));
    context
}

fn place(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// Starts a worker that prints a line once it runs.
fn started(context: &Context, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = context.spawn(arguments);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    assert_eq!(line, "started\n", "{:?}", wait(child).stderr);
    (child, lines)
}

/// `sleep` takes the place of the shell, so that a signal ends it.
const WAITS: &str = "echo started; exec sleep 60";

/// Waits until it has done so: in between, a process has the words and variables of neither.
#[cfg(target_os = "linux")]
fn wait_for_sleep(child: &Child) {
    let path = format!("/proc/{}/cmdline", child.id());
    let is_sleep = || fs::read(&path).is_ok_and(|words| words.starts_with(b"sleep\0"));
    for _ in 0..2000 {
        if is_sleep() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the shell has not become `sleep`");
}

#[test]
fn the_status_of_the_worker_is_the_status_of_the_command() {
    let mut context = scripted("exit \"$STATUS\"");
    context.set("DATABASE_URL", "postgres://h/d");
    for status in [0, 3, 5, 130, 255] {
        context.set("STATUS", status.to_string());
        assert_eq!(context.run(&["worker"]).code, status);
    }
}

#[test]
fn arguments_reach_the_worker_in_every_spelling() {
    let mut context = scripted("printf '%s\\n' \"$@\"");
    context.set("DATABASE_URL", "postgres://h/d");
    let printed = |arguments: &[&str]| {
        let output = context.succeed(arguments);
        output.stdout.lines().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(printed(&["worker", "-queues", "a b", "--no-django"]), "worker --queues=a b");
    assert_eq!(printed(&["worker", "--", "--new-flag", "x"]), "worker --new-flag=x");
    assert_eq!(printed(&["beat", "--exec", "-once=false", "--interval", "5s"]), "beat --once=false --interval=5s");
    assert_eq!(printed(&["beat", "-interval", "5s", "--exec", "--", "--new"]), "beat --interval=5s --new");
    assert_eq!(printed(&["beat", "--exec"]), "beat");
    assert_eq!(printed(&["schedule", "--exec"]), "beat --once");
    assert_eq!(printed(&["-q", "schedule", "--exec", "--once"]), "beat --once");
}

#[test]
fn the_process_becomes_the_worker_in_the_root_of_the_project() {
    let mut context = scripted("echo $$; pwd -P; exec sleep 60");
    context.set("DATABASE_URL", "postgres://h/d");
    let deep = context.project().join("app");
    fs::create_dir(&deep).expect("made");
    fs::write(context.project().join("manage.py"), "").expect("written");
    let mut child = context.command(&["worker", "--no-django"]).current_dir(deep).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    assert_eq!(lines.next(), Some(child.id().to_string()));
    assert_eq!(lines.next().map(PathBuf::from), context.project().canonicalize().ok());
    child.kill().expect("it runs");
    wait(child);
}

#[test]
fn signals_reach_the_worker() {
    let mut context = scripted("trap 'echo ended; exit 7' TERM; echo started; while :; do sleep 0.05; done");
    context.set("DATABASE_URL", "postgres://h/d");
    let (child, mut lines) = started(&context, &["worker"]);
    signal(&child, "TERM");
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    assert_eq!((line.as_str(), wait(child).code), ("ended\n", 7));
    let context = scripted(WAITS);
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
        let (mut child, _lines) = started(&context, &["worker", "--dsn", "d"]);
        signal(&child, name);
        assert_eq!(child.wait().expect("it ends").signal(), Some(number), "{name}");
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

/// Nothing of this process is left in the worker: no blocked or ignored signal, no open file.
#[test]
#[cfg(target_os = "linux")]
fn the_worker_inherits_no_signal_setting_and_no_file() {
    let mut context = scripted("cat /proc/self/status; ls /proc/self/fd");
    context.set("DATABASE_URL", "postgres://h/d");
    let output = context.succeed(&["worker"]).stdout;
    let field =
        |name: &str| output.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim().to_owned();
    let direct = Command::new(context.root().join("stub worker")).env_clear().env("PATH", "/usr/bin:/bin").output();
    let direct = String::from_utf8(direct.expect("it runs").stdout).expect("UTF-8");
    for name in ["SigBlk:", "SigIgn:"] {
        let expected = direct.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim();
        assert_eq!(field(name), expected, "{name}");
    }
    // Those that the tests themselves have inherited are open in both.
    let files = |text: &str| {
        let names = text.lines().filter(|line| !line.is_empty() && line.chars().all(|c| c.is_ascii_digit()));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(files(&output), files(&direct));
}

/// URLs and keywords with passwords, as the worker's database library reads them.
fn databases() -> Vec<(String, String)> {
    let passwords = ["hunter2", "p%40ss%2Fw%23", "pa ss", "p:w", "käse", "a'b", "x&y", "100%25", "$HOME", "\"quoted\""];
    let mut databases = Vec::new();
    for password in passwords {
        let keyword = password.replace('\'', "\\'");
        databases.push((format!("postgres://u:{password}@h:5432/d?sslmode=require"), password.to_owned()));
        databases.push((format!("postgresql://u@h/d?password={password}"), password.to_owned()));
        databases.push((format!("host=h user=u password='{keyword}' dbname=d"), keyword));
    }
    databases
}

#[test]
#[cfg(target_os = "linux")]
fn no_password_and_no_token_is_visible_in_the_process_of_the_worker() {
    let mut context = scripted(WAITS);
    for name in ["GH_TOKEN", "GITHUB_TOKEN", "REPROQ_GITHUB_TOKEN"] {
        context.set(name, "ghp_secretsecretsecret");
    }
    context.set("HTTPS_PROXY", "http://user:proxysecret@127.0.0.1:1").set("COPY", "Bearer ghp_secretsecretsecret");
    let databases = databases();
    assert_eq!(databases.len(), 30);
    for (index, (url, password)) in databases.iter().enumerate() {
        let flag = ["-dsn", "--dsn"][index % 2];
        let equals = format!("{flag}={url}");
        let arguments = if index % 3 == 0 { vec!["worker", &equals] } else { vec!["worker", flag, url] };
        let (mut child, _lines) = started(&context, &arguments);
        wait_for_sleep(&child);
        let processes = Command::new("ps").args(["-ef", "-ww"]).output().expect("ps");
        let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
        let line = processes.lines().find(|line| line.split_whitespace().nth(1) == Some(&child.id().to_string()));
        assert!(line.is_some_and(|line| line.contains("sleep 60")), "{line:?}");
        // Other processes of this machine may have these words; the worker and its own process may not.
        assert!(!line.is_some_and(|line| line.contains(password.as_str())), "{url}");
        let read = |file: &str| fs::read(format!("/proc/{}/{file}", child.id())).expect("readable");
        assert!(!String::from_utf8_lossy(&read("cmdline")).contains(password.as_str()), "{url}");
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        assert!(environment.split('\0').any(|pair| pair == format!("DATABASE_URL={url}")), "{url}");
        assert!(!environment.contains("ghp_secret") && !environment.contains("proxysecret"), "{environment}");
        child.kill().expect("it runs");
        wait(child);
    }
}

#[test]
fn a_password_in_another_flag_is_refused_and_never_shown() {
    let context = scripted("exit 0");
    for (url, password) in databases().iter().filter(|(_, password)| password.len() > 5) {
        let output = context.run(&["worker", "--dsn", "d", "--", "--replica", url]);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(!format!("{output:?}").contains(password.as_str()), "{output:?}");
    }
    insta::assert_snapshot!(context.shown(&["worker", "--dsn", "d", "--", "--replica", "postgres://u:hunter2@h/d"]));
}

#[test]
fn a_credential_of_systemd_is_passed_on_as_a_variable() {
    let mut context = scripted("printf '%s' \"$DATABASE_URL\"");
    let directory = context.root().join("credentials");
    fs::create_dir(&directory).expect("made");
    fs::write(directory.join("dsn"), "postgres://u:p@h/from-credential\n").expect("written");
    context.set("CREDENTIALS_DIRECTORY", directory.to_str().expect("UTF-8"));
    assert_eq!(context.succeed(&["worker"]).stdout, "postgres://u:p@h/from-credential");
    fs::write(directory.join("dsn"), "\n").expect("written");
    let output = context.run(&["worker"]);
    assert!(output.code == 2 && output.stderr.contains("the credential `dsn` is empty"), "{output:#?}");
    context.set("DATABASE_URL", "postgres://h/variable");
    assert_eq!(context.succeed(&["worker"]).stdout, "postgres://h/variable");
}

#[test]
fn a_variable_that_tasks_may_need_is_not_removed_silently() {
    let mut context = scripted("exit 0");
    context.set("DATABASE_URL", "postgres://h/d").set("GH_TOKEN", "ghp_secretsecretsecret");
    context.set("HTTPS_PROXY", "http://user:proxysecret@127.0.0.1:1");
    let output = context.succeed(&["worker"]);
    let warning = "the variable HTTPS_PROXY is not passed on: it contains credentials; use `--pass-env HTTPS_PROXY`";
    assert!(output.stderr.contains(warning) && !output.stderr.contains("GH_TOKEN"), "{output:#?}");
}

#[test]
fn the_plan_shows_names_and_no_value() {
    let mut context = Context::released();
    context.succeed(&["install"]);
    context.set("GH_TOKEN", "ghp_secretsecretsecret").set("HTTP_PROXY", "http://u:proxysecret@127.0.0.1:1");
    let arguments = ["worker", "--dry-run", "--dsn", "postgres://u:hunter2@h/d", "--concurrency", "4"];
    insta::assert_snapshot!(context.shown(&arguments));
    let json = context.succeed(&[&arguments[..], &["--json"]].concat());
    assert!(!format!("{json:?}").contains("hunter2") && !format!("{json:?}").contains("ghp_"), "{json:?}");
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("a document");
    assert_eq!(document["sha256"], workers::sha256(&fs::read(context.binary()).expect("installed")));
    assert_eq!(document["argv"][2], "--concurrency=4");
    assert_eq!(document["environment"]["set"][0]["name"], "DATABASE_URL");
    insta::assert_snapshot!(context.shown(&["schedule", "--exec", "--dry-run", "--dsn=d", "--pass-env", "GH_TOKEN"]));
}

#[test]
fn every_refusal_has_its_class_and_a_hint() {
    let mut context = Context::released();
    // Without a database too, the missing worker is what must be repaired first.
    let missing = context.shown(&["worker", "--dsn", "d"]);
    assert_eq!(context.shown(&["worker"]), missing);
    insta::assert_snapshot!(missing);
    context.succeed(&["install"]);
    insta::assert_snapshot!(context.shown(&["worker"]));
    insta::assert_snapshot!(context.shown(&["beat", "--dsn", "d", "--", "--once", "false"]));
    insta::assert_snapshot!(context.shown(&["worker", "--dsn="]));
    insta::assert_snapshot!(context.shown(&["worker", "--concurrency"]));
    context.set("REPROQ_WORKER_BIN", program_under_test());
    let shown = context.shown(&["worker", "--dsn", "d"]);
    insta::assert_snapshot!(shown.replace(program_under_test(), "[REPROQ]"));
    context.set("REPROQ_WORKER_BIN", "");
    let mut bytes = fs::read(context.binary()).expect("installed");
    bytes.push(0);
    fs::write(context.binary(), bytes).expect("changed");
    insta::assert_snapshot!(context.shown(&["worker", "--dsn", "d"]));
    let broken = scripted("");
    fs::write(broken.root().join("stub worker"), "#!/absent/interpreter\n").expect("written");
    insta::assert_snapshot!(broken.shown(&["worker", "--dsn", "d"]));
}

/// A worker that calls this command again would never end.
#[test]
fn a_wrapper_that_starts_this_command_again_ends_with_an_error() {
    let ours = program_under_test();
    for script in [format!("exec '{ours}' \"$@\""), format!("'{ours}' \"$@\"")] {
        let mut context = scripted(&script);
        context.set("DATABASE_URL", "postgres://h/d");
        let output = context.run(&["worker"]);
        assert_eq!(output.code, 8, "{output:?}");
        assert_eq!(output.stderr.matches("starts this command again").count(), 1, "{output:?}");
    }
}

#[test]
fn the_first_reproq_on_path_may_be_this_command() {
    let mut context = Context::new();
    let (ours, worker) = (context.root().join("ours"), context.root().join("theirs"));
    fs::create_dir(&ours).expect("made");
    std::os::unix::fs::symlink(program_under_test(), ours.join("reproq")).expect("linked");
    place(&worker.join("reproq"), &workers::bytes("0.0.144"));
    context.set("PATH", format!("{}:{}:/usr/bin:/bin", ours.display(), worker.display()));
    let output = context.succeed(&["worker", "--dry-run", "--dsn", "d", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(document["binary"], worker.join("reproq").to_str().expect("UTF-8"));
}

/// The flags in the table are those in the worker's own usage text.
#[test]
fn the_table_of_flags_is_the_usage_text_of_the_worker() {
    let Some(worker) = std::env::var_os("REPROQ_TEST_WORKER").filter(|worker| !worker.is_empty()) else {
        skip::record("the flags of a real worker", "set REPROQ_TEST_WORKER to the worker's binary");
        return;
    };
    let context = Context::new();
    for (command, role) in [("worker", "worker"), ("beat", "beat")] {
        let output = Command::new(&worker).args([command, "-h"]).env_clear().output().expect("it starts");
        let usage = String::from_utf8(output.stderr).expect("UTF-8");
        let names = usage.lines().filter_map(|line| line.strip_prefix("  -")?.split_whitespace().next());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let shown = context.run(&["config", role, "--json"]).stdout;
        let document: serde_json::Value = serde_json::from_str(&shown).expect("a document");
        let values = document["values"].as_array().expect("a list").iter();
        let mut known: Vec<&str> = values.filter_map(|value| value["flag"].as_str()).chain(["config"]).collect();
        known.sort_unstable();
        assert_eq!(names, known, "{usage}");
    }
}
