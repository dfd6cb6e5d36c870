//! Limits on open files and processes: reported as such, never as an error of a release, a server or certificates, and never as
//! a panic.

use serde_json::Value;

use super::INSTALL;
use super::NEW;
use super::NO_BUILD;
use super::OLD;
use super::after_shell;
use super::project;
use super::users::NOBODY_HERE;
use super::users::Person;
use super::whole;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::fault_table::skipped;
use crate::support::workers;

/// A run under a limit either succeeds or names the limit and how it is raised.
fn names_the_limit(limit: &str, output: &Output) {
    assert!(matches!(output.code, 0 | 1), "{limit}: {output:#?}");
    if output.code == 1 {
        assert!(output.stderr.contains("hint: ") && output.stderr.contains(limit), "{limit}: {output:#?}");
        for wrong in ["no certificates", "another release", "internal error", "panicked"] {
            assert!(!output.stderr.contains(wrong), "{limit}: {output:#?}");
        }
    }
}

#[test]
fn a_limit_on_open_files_is_reported_as_such() {
    let name = "open files: none left for the certificates";
    let mut recorded = false;
    // The second opens nothing before the certificates.
    let commands = [NO_BUILD, &["release", "list", "--repo", "adpena/reproq-worker"]];
    for (limit, command) in (4..=24).flat_map(|limit| commands.map(|command| (limit, command))) {
        let context = project();
        let limited = after_shell(&format!("ulimit -n {limit}"), &context.command(command));
        let output = context.output(limited);
        // With fewer, the system cannot load the program.
        if output.code == 127 {
            continue;
        }
        names_the_limit("ulimit -n", &output);
        if output.code == 0 && command == NO_BUILD {
            whole(&context);
        } else if !recorded && output.stderr.contains("system certificates") {
            let left = left(&context, Some(&workers::bytes(OLD)), &workers::bytes(NEW));
            record(Part::Machine, name, &context, &output, &left);
            recorded = true;
        }
    }
    assert!(recorded || !cfg!(target_os = "linux"), "the certificates are files on Linux");
}

#[test]
fn a_limit_on_processes_is_reported_as_such() {
    let name = "processes: none left to resolve a name";
    let Some(mut person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    if person.run_below(&["prlimit", "--nproc=64"], &["--version"]).code != 0 {
        return skipped(Part::Machine, name, "install prlimit (util-linux)");
    }
    // A host name instead of an IP address, which is resolved on a separate thread.
    let named = |url: String| url.replace("127.0.0.1", "localhost");
    let (api, web) = (named(person.context.github.api_url()), named(person.context.github.web_url()));
    person.context.set("REPROQ_GITHUB_API_URL", api).set("REPROQ_GITHUB_SERVER_URL", web);
    for limit in 1..=6 {
        let nproc = format!("--nproc={limit}");
        let output = person.run_below(&["prlimit", &nproc], &[INSTALL, &["--json"]].concat());
        names_the_limit("ulimit -u", &output);
        let document: Value = serde_json::from_str(&output.stdout).expect("one document, whatever happens");
        assert_eq!(document["exit_code"].as_i64().unwrap_or(0), i64::from(output.code), "{document}");
        if limit == 1 {
            assert_eq!(output.code, 1, "{output:#?}");
            let shown = Output { stdout: String::new(), ..output };
            let left = left(&person.context, Some(&workers::bytes(OLD)), &workers::bytes(NEW));
            record(Part::Machine, name, &person.context, &shown, &left);
        }
    }
}

/// Commands that first run another program: git for the repository, Python for Django's setting.
#[test]
fn a_program_that_cannot_be_started_is_reported_as_a_limit() {
    let name = "processes: none left for git";
    let Some(mut person) = Person::new() else { return skipped(Part::Machine, name, NOBODY_HERE) };
    if person.run_below(&["prlimit", "--nproc=64"], &["--version"]).code != 0 {
        return skipped(Part::Machine, name, "install prlimit (util-linux)");
    }
    person.context.set("GITHUB_REPOSITORY", "");
    for arguments in [&["release", "list"][..], &["release", "prune", "--keep", "3"]] {
        let output = person.run_below(&["prlimit", "--nproc=1"], &[arguments, &["--json"]].concat());
        assert_eq!(output.code, 1, "{output:#?}");
        names_the_limit("ulimit -u", &output);
        let document: Value = serde_json::from_str(&output.stdout).expect("one document");
        assert_eq!(document["exit_code"], 1, "{document}");
        let shown = Output { stdout: String::new(), ..output };
        record(Part::Machine, name, &person.context, &shown, "nothing was deleted");
    }
    let manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";
    std::fs::write(person.context.project().join("manage.py"), manage).expect("written");
    let project = person.context.project();
    person.context.set("TMPDIR", project.to_str().expect("UTF-8"));
    let output = person.run_below(&["prlimit", "--nproc=1"], &["which", "--json"]);
    serde_json::from_str::<Value>(&output.stdout).expect("one document");
    if output.stderr.contains("no Python was found") {
        return crate::support::skip::record("a Python that may not be started", "install python3");
    }
    assert!(output.stderr.contains("no more processes") && output.stderr.contains("ulimit -u"), "{output:#?}");
    assert!(!output.stderr.contains("panicked"), "{output:#?}");
}
