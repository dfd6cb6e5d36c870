//! `reproq release restore`: arbitrary audit files, and a dry run with the same result as the run.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use fake_github::TokenKind;

use crate::support::Context;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
use crate::support::memory::within_the_limit;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::with_versions;

/// A repository with two of five versions pruned, and the audit file.
fn pruned() -> (Context, PathBuf) {
    let context = with_versions(5);
    let path = context.root().join("audit.jsonl");
    context.succeed(&["release", "prune", "--keep", "3", "--audit", path.to_str().expect("UTF-8")]);
    context.github.clear_log();
    (context, path)
}

fn restore<'a>(path: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["release", "restore", "--from", path.to_str().expect("UTF-8")], more].concat()
}

/// Both the run and its dry run are refused, before anything is changed.
fn is_refused(context: &Context, path: &Path, code: i32, says: &str) -> crate::support::Output {
    let dry = context.run(&restore(path, &["--dry-run"]));
    let real = context.run(&restore(path, &[]));
    assert_eq!((dry.code, real.code), (code, code), "{dry:#?} {real:#?}");
    assert_eq!(dry.stderr, real.stderr);
    assert!(real.stderr.contains(says), "{real:#?}");
    assert_eq!(mutations(context), Vec::<String>::new());
    real
}

#[test]
fn a_record_without_its_first_line_belongs_to_no_repository() {
    let (context, path) = pruned();
    let text = fs::read_to_string(&path).expect("the record");
    let (_, rest) = text.split_once('\n').expect("lines");
    fs::write(&path, rest).expect("written");
    let output = is_refused(&context, &path, 8, "has no repository");
    record(Part::Hostile, "audit record: without its first line", &context, &output, "nothing was restored");
    // Nor does another run's first line validate the lines before it.
    fs::write(&path, format!("{rest}{text}")).expect("written");
    is_refused(&context, &path, 8, "line 1 of");
    fs::write(&path, "").expect("written");
    is_refused(&context, &path, 8, "has no repository");
    assert!(context.github.requests().is_empty(), "nothing is asked for a record that cannot be used");
}

#[test]
fn tags_that_git_forbids_are_refused_before_any_change() {
    let (context, path) = pruned();
    let text = fs::read_to_string(&path).expect("the record");
    let oid = repo(&context).snapshot().tags["v1.3.0"].clone();
    for (name, from, to, says) in [
        ("a tag git forbids", "\"name\":\"v1.1.0\"", "\"name\":\"v1..0\"", "invalid tag name"),
        ("an object id of another kind", &oid, "0000", "not an object ID"),
    ] {
        // The audit file names objects of deleted tags; any of them works.
        let spoilt = if says.contains("object") { objects_cut(&text) } else { text.replace(from, to) };
        fs::write(&path, spoilt).expect("written");
        let output = is_refused(&context, &path, 2, says);
        let name = format!("audit record: {name}");
        record(Part::Hostile, &name, &context, &output, "nothing was restored");
    }
}

fn objects_cut(text: &str) -> String {
    let (before, behind) = text.split_once("\"object_id\":\"").expect("an object");
    format!("{before}\"object_id\":\"{}", &behind[8..])
}

#[test]
fn a_dry_run_ends_like_the_run() {
    let (mut context, path) = pruned();
    // The releases cannot be restored, so the result is partial.
    assert_eq!(context.run(&restore(&path, &["--dry-run"])).code, 7);
    assert_eq!(context.run(&restore(&path, &["--dry-run", "--tags-only"])).code, 0);
    context.github.token("ghp_readtoken00", TokenKind::Read);
    context.set("GH_TOKEN", "ghp_readtoken00");
    is_refused(&context, &path, 9, "hint: ");
    context.set("GH_TOKEN", crate::support::releases::TOKEN);
    assert_eq!(context.run(&restore(&path, &[])).code, 7);
    assert_eq!(repo(&context).snapshot().tags.len(), 5);
    for more in [&["--tags-only", "--dry-run"][..], &["--tags-only"]] {
        assert_eq!(context.run(&restore(&path, more)).code, 0, "what is there already needs nothing");
    }
}

#[test]
fn a_record_of_any_size_takes_little_memory() {
    let (context, path) = pruned();
    let text = fs::read_to_string(&path).expect("the record");
    let assets: String = (0..9000)
        .map(|n| format!(r#"{{"id":0,"name":"asset-{n}","size":1,"state":"uploaded","digest":null,"downloads":0}},"#))
        .collect();
    let long = text.replace("\"assets\":[", &format!("\"assets\":[{assets}"));
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opened");
    for _ in 0..45 {
        file.write_all(long.as_bytes()).expect("written");
    }
    drop(file);
    assert!(fs::metadata(&path).expect("there").len() > 60 << 20);
    let output = within_the_limit(context.command(&restore(&path, &["--dry-run", "--tags-only"])));
    assert_eq!(output.code, 0, "{output:#?}");
    let output = context.run(&restore(&path, &["--dry-run", "--tags-only"]));
    record(Part::Hostile, "audit record: 60 MiB", &context, &output, "nothing was restored");
    fs::OpenOptions::new().append(true).open(&path).expect("opened").set_len(300 << 20).expect("grown");
    let output = is_refused(&context, &path, 1, "more than 268435456 bytes");
    record(Part::Hostile, "audit record: 300 MiB", &context, &output, "nothing was restored");
    #[cfg(unix)]
    {
        fs::remove_file(&path).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        let output = is_refused(&context, &path, 1, "a pipe or a device");
        record(Part::Hostile, "audit record: a FIFO", &context, &output, "nothing was restored");
    }
}
