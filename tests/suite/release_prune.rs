//! `reproq release prune`: plans, consent, the work and its reports.

use std::fs;

use fake_github::Matcher;
use fake_github::ReleaseSpec;
use fake_github::TagSpec;

use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::releases::mutations;
use crate::support::releases::pruning;
use crate::support::releases::repo;
use crate::support::releases::time;
use crate::support::releases::version;
use crate::support::releases::with_versions;

#[test]
fn one_of_four_costs_four_requests() {
    let context = with_versions(4);
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3"]));
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.published(), ["v1.2.0", "v1.3.0", "v1.4.0"]);
    assert_eq!(snapshot.tag_names(), ["v1.2.0", "v1.3.0", "v1.4.0"]);
    assert_eq!(context.github.requests().len(), 4);
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3"]));
    assert_eq!(context.github.requests().len(), 1);
}

#[test]
fn forty_seven_of_fifty_cost_at_most_fifty_three_requests() {
    let context = with_versions(50);
    let output = context.succeed(&["release", "prune", "--keep", "3", "--max-delete", "47", "--pace", "fast"]);
    assert!(output.stdout.starts_with("47 versions of acme/tool deleted"), "{output:#?}");
    assert_eq!(repo(&context).snapshot().tag_names(), ["v1.48.0", "v1.49.0", "v1.50.0"]);
    // A 304 does not count against the hourly limit.
    let charged = context.github.requests().iter().filter(|request| request.status != Some(304)).count();
    assert!(charged <= 53, "{charged}");
    let mutations = mutations(&context);
    assert_eq!(mutations.iter().filter(|word| *word == "updateRefs").count(), 2, "the first alone, then the rest");
    assert_eq!(mutations[1], "updateRefs", "the first is done end to end before the others");
}

#[test]
fn a_dry_run_shows_the_plan_and_sends_nothing_that_changes() {
    let context = with_versions(5);
    repo(&context).add_tag(TagSpec::new("nightly"));
    repo(&context).add(ReleaseSpec::new("v9.0.0").draft());
    let before = repo(&context).snapshot();
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3", "--dry-run"]));
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3", "--dry-run", "--json"]));
    let output = context.run(&["release", "prune", "--keep", "3", "--dry-run", "--exit-code"]);
    assert_eq!(output.code, 3);
    let output = context.run(&["release", "prune", "--keep", "9", "--dry-run", "--exit-code"]);
    assert_eq!(output.code, 0);
    assert_eq!(mutations(&context), Vec::<String>::new());
    assert_eq!(repo(&context).snapshot(), before);
    assert!(!context.project().join(".reproq").exists(), "a dry run leaves no trace");
}

#[test]
fn mistakes_are_refused_before_any_request() {
    let context = with_versions(5);
    for arguments in [
        &["--keep", "0"][..],
        &["--keep", ""],
        &["--keep", " "],
        &["--keep", "-1"],
        &["--keep", "three"],
        &["--keep", "3.5"],
        &["--keep", "+3"],
        &["--keep", "99999999999999999999"],
        &["--keep", "3", "--max-delete", "x"],
        &["--keep", "3", "--max-delete", ""],
        &["--keep", "3", "--max-delete", "-1"],
        &["--keep", "3", "--order", "newest"],
        &["--keep", "3", "--min-age", "soon"],
        &["--keep", "3", "--max-wait", "soon"],
        &["--keep", "3", "--prerelease", "none"],
        &["--keep", "3", "--protect", "[a"],
        &["--keep", "3", "--protect", ""],
        &["--keep", "3", "--repo", "acme"],
        &[],
    ] {
        let output = context.run(&[&["release", "prune"], arguments].concat());
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
        assert!(output.stderr.starts_with("error: "), "{output:#?}");
    }
    assert!(context.github.requests().is_empty());
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "0"]));
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "three", "--json"]));
}

#[test]
fn more_than_max_delete_is_refused_with_the_command_that_allows_it() {
    let context = with_versions(20);
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3", "--protect", "v1.2?.0"]));
    assert_eq!(mutations(&context), Vec::<String>::new());
}

#[test]
fn without_a_terminal_and_outside_ci_it_needs_yes() {
    let mut context = with_versions(4);
    context.set("CI", "");
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3"]));
    assert_eq!(mutations(&context), Vec::<String>::new());
    context.succeed(&["release", "prune", "--keep", "3", "--yes"]);
    assert_eq!(repo(&context).snapshot().tag_names().len(), 3);
}

#[test]
fn the_document_the_summary_and_the_outputs_of_a_job() {
    let mut context = with_versions(5);
    let (summary, outputs) = (context.root().join("summary.md"), context.root().join("outputs"));
    fs::write(&outputs, "before=1\n").expect("written");
    context
        .set("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8"))
        .set("GITHUB_OUTPUT", outputs.to_str().expect("UTF-8"));
    insta::assert_snapshot!(context.shown(&["release", "prune", "--keep", "3", "--json"]));
    let read = |path| fs::read_to_string(path).expect("a file");
    insta::assert_snapshot!(crate::support::redact::redact(&read(summary), &context));
    insta::assert_snapshot!(crate::support::redact::redact(&read(outputs), &context));
}

#[test]
fn the_record_explains_everything_and_is_enough_to_undo() {
    let context = with_versions(5);
    repo(&context).add_tag(TagSpec::new("v0.9.0").annotated(&time(1)));
    let before = repo(&context).snapshot();
    let audit = context.root().join("audit.jsonl");
    let audit = audit.to_str().expect("UTF-8");
    context.succeed(&["release", "prune", "--keep", "3", "--audit", audit]);
    let text = fs::read_to_string(audit).expect("the record");
    insta::assert_snapshot!(crate::support::redact::redact(&text, &context));
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&["release", "restore", "--from", audit, "--dry-run"]));
    insta::assert_snapshot!(context.shown(&["release", "restore", "--from", audit]));
    assert_eq!(repo(&context).snapshot().tags, before.tags);
    insta::assert_snapshot!(context.shown(&["release", "restore", "--from", audit, "--tags-only", "--json"]));
}

#[test]
fn every_reason_to_keep_is_applied() {
    let mut context = pruning();
    let repo = repo(&context);
    for number in 1..=8 {
        repo.add(version(number));
    }
    repo.add(ReleaseSpec::new("v1.1.1").draft());
    let latest = repo.add(version(9));
    repo.make_latest(latest);
    repo.add(version(10));
    repo.add(version(11).prerelease());
    repo.add(version(12).prerelease());
    repo.add(version(13).prerelease());
    context.set("GITHUB_REF_TYPE", "tag").set("GITHUB_REF_NAME", "v1.2.0");
    let output = context.succeed(&["release", "prune", "--keep", "2", "--protect", "v1.3.*", "--dry-run"]);
    insta::assert_snapshot!(context.redact(&output));
}

#[test]
fn a_plan_is_written_now_and_applied_later() {
    let context = with_versions(5);
    let plan = context.root().join("plan.json");
    let plan = plan.to_str().expect("UTF-8");
    context.succeed(&["release", "prune", "--keep", "3", "--dry-run", "--plan-out", plan]);
    repo(&context).add(version(6));
    let output = context.succeed(&["release", "prune", "--plan", plan]);
    assert!(output.stdout.starts_with("2 versions of acme/tool deleted"), "{output:#?}");
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.tag_names(), ["v1.3.0", "v1.4.0", "v1.5.0", "v1.6.0"], "the plan and nothing else");
    let output = context.succeed(&["release", "prune", "--plan", plan]);
    assert!(output.stdout.starts_with("Nothing to delete"), "{output:#?}");
    let text = fs::read_to_string(plan).expect("the plan").replace("v1.1.0", "v1.5.0");
    fs::write(plan, text).expect("spoilt");
    let output = context.run(&["release", "prune", "--plan", plan]);
    assert_eq!(output.code, 2, "{output:#?}");
}

/// A plan file that allows more than the command line and settings at the time of execution.
#[test]
fn a_plan_only_narrows_what_is_allowed_today() {
    let context = with_versions(20);
    let path = context.root().join("plan.json");
    let plan = path.to_str().expect("UTF-8");
    let prune = |more: &[&str]| context.run(&[&["release", "prune", "--plan", plan], more].concat());
    context.succeed(&["release", "prune", "--keep", "3", "--max-delete", "17", "--dry-run", "--plan-out", plan]);
    let output = prune(&[]);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("--plan") && output.stderr.contains("--max-delete 17"), "{output:#?}");
    record(Part::Race, "plan file: it brings its own --max-delete", &context, &output, "nothing was deleted");
    let settings = context.project().join("pyproject.toml");
    fs::write(&settings, "[tool.reproq.release]\nprotect = [\"v1.1.*\"]\n").expect("written");
    let output = prune(&["--max-delete", "17"]);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("v1.1.0 is now kept"), "{output:#?}");
    record(Part::Race, "plan file: the settings protect what it deletes", &context, &output, "nothing was deleted");
    fs::remove_file(settings).expect("removed");
    for more in [&["--protect", "v1.2.0"][..], &["--keep", "4"], &["--min-age", "9000d"], &["--prerelease", "soon"]] {
        let output = prune(&[more, &["--max-delete", "17"]].concat());
        assert_eq!(output.code, if more[1] == "soon" { 2 } else { 8 }, "{more:?}: {output:#?}");
    }
    assert_eq!(mutations(&context), Vec::<String>::new());
    // More permissive options do not extend the plan file.
    repo(&context).add(version(21));
    let output = prune(&["--max-delete", "90", "--keep", "1", "--order", "published"]);
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(repo(&context).snapshot().tag_names(), ["v1.18.0", "v1.19.0", "v1.20.0", "v1.21.0"]);
}

#[test]
fn a_plan_that_deletes_immutable_releases_needs_the_option_again() {
    let context = with_versions(3);
    let immutable = version(4).immutable();
    repo(&context).add(immutable);
    for number in 5..=7 {
        repo(&context).add(version(number));
    }
    let path = context.root().join("plan.json");
    let plan = path.to_str().expect("UTF-8");
    context.succeed(&["release", "prune", "--keep", "3", "--allow-immutable", "--dry-run", "--plan-out", plan]);
    let output = context.run(&["release", "prune", "--plan", plan]);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("--allow-immutable"), "{output:#?}");
    assert_eq!(mutations(&context), Vec::<String>::new());
    record(Part::Race, "plan file: it brings its own --allow-immutable", &context, &output, "nothing was deleted");
    context.succeed(&["release", "prune", "--plan", plan, "--allow-immutable"]);
    assert_eq!(repo(&context).snapshot().tag_names(), ["v1.5.0", "v1.6.0", "v1.7.0"]);
}

#[test]
fn a_plan_is_refused_after_changes() {
    type Change = fn(&crate::support::Context);
    let changes: [(&str, Change); 4] = [
        ("latest", |context| {
            let first = repo(context).snapshot().releases[0].id;
            repo(context).make_latest(first);
        }),
        ("moved", |context| {
            repo(context).move_tag("v1.1.0", "elsewhere");
        }),
        ("asset", |context| repo(context).replace_bytes("v1.1.0", "SHA256SUMS", b"other".to_vec())),
        ("draft", |context| {
            repo(context).add(ReleaseSpec::new("v1.1.0").draft());
        }),
    ];
    for (name, change) in changes {
        let context = with_versions(5);
        let plan = context.root().join("plan.json");
        let plan = plan.to_str().expect("UTF-8");
        context.succeed(&["release", "prune", "--keep", "3", "--dry-run", "--plan-out", plan]);
        change(&context);
        let output = context.run(&["release", "prune", "--plan", plan]);
        assert_eq!(output.code, 8, "{name}: {output:#?}");
        assert!(output.stderr.contains("the repository has changed since the plan was made"), "{output:#?}");
        assert_eq!(mutations(&context), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn assets_are_saved_before_deletion_or_nothing_is_deleted() {
    let context = with_versions(5);
    let directory = context.root().join("saved");
    let arguments = ["release", "prune", "--keep", "3", "--archive", directory.to_str().expect("UTF-8")];
    context
        .github
        .fault(Matcher::objects().path("tool"), fake_github::Fault::ChangedBytes(b"binary of x".to_vec().into()));
    let output = context.run(&arguments);
    assert_eq!(output.code, 5, "{output:#?}");
    assert_eq!(mutations(&context), Vec::<String>::new());
    let output = context.succeed(&arguments);
    assert!(output.stdout.contains("Saved first: 4 assets"), "{output:#?}");
    assert_eq!(fs::read(directory.join("v1.1.0/tool.bin")).expect("saved"), b"binary of 1");
    assert_eq!(repo(&context).snapshot().tag_names().len(), 3);
}

/// Runs it in a terminal created by `script`, and types an answer.
#[cfg(target_os = "linux")]
fn at_a_terminal(context: &crate::support::Context, arguments: &str, answer: &str) -> Option<(i32, String)> {
    use std::io::Write;
    use std::process::Command;
    use std::process::Stdio;

    let plain = context.command(&[]);
    let program = plain.get_program().to_str().expect("UTF-8").to_owned();
    let mut command = Command::new("/usr/bin/script");
    command.args(["-qec", &format!("{program} {arguments}"), "/dev/null"]).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("SHELL", "/bin/sh");
    command.current_dir(context.project()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return None };
    child.stdin.take().expect("a pipe").write_all(answer.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("it ends");
    Some((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_types_the_number_of_deletions() {
    let mut context = with_versions(5);
    context.set("CI", "");
    let prune = "release prune --keep 3";
    for answer in ["yes\n", "\n", "3\n", "y\n"] {
        let Some((code, shown)) = at_a_terminal(&context, prune, answer) else { return };
        assert_eq!(code, 8, "{shown}");
        assert!(shown.contains("Type 2 to permanently delete 2 versions of acme/tool:"), "{shown}");
        assert!(shown.contains("delete  v1.1.0"), "the plan is shown before the question: {shown}");
        assert_eq!(mutations(&context), Vec::<String>::new());
    }
    let (code, shown) = at_a_terminal(&context, prune, "2\n").expect("a terminal");
    assert_eq!(code, 0, "{shown}");
    assert_eq!(repo(&context).snapshot().tag_names(), ["v1.3.0", "v1.4.0", "v1.5.0"]);
}

#[cfg(target_os = "linux")]
#[test]
fn changes_during_the_confirmation_are_noticed() {
    let mut context = with_versions(5);
    context.set("CI", "");
    // The second check is after the confirmation.
    context.github.before(Matcher::graphql().nth(2), |github| {
        let repo = github.repo(crate::support::releases::PRUNED);
        let first = repo.snapshot().releases[0].id;
        repo.make_latest(first);
    });
    let Some((code, shown)) = at_a_terminal(&context, "release prune --keep 3", "2\n") else { return };
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("the repository has changed since the plan was made"), "{shown}");
    assert_eq!(mutations(&context), Vec::<String>::new());
}
