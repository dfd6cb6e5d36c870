//! The file of the token: private, replaced at once, and never through a link.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use super::auth_file;
use super::login;
use super::server::PairServer;
use super::server::TOKEN;
use super::server::approved;
use super::server::offered;
use super::stored;
use crate::support::Context;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn only_this_user_can_read_the_file_whatever_was_there() {
    let context = Context::new();
    let file = auth_file(&context);
    let server = PairServer::start([offered(), approved(), offered(), approved()]);
    assert_eq!(login(&context, &[&server.url()]).code, 0);
    assert_eq!((mode(&file), mode(file.parent().expect("a directory"))), (0o600, 0o700));
    fs::write(&file, format!(r#"{{"token":"{TOKEN}","expires_at":"2020-01-01T00:00:00Z"}}"#)).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    let status = login(&context, &["--status"]);
    assert_eq!(status.code, 4, "{status:#?}");
    assert!(status.stderr.contains("other users can read the token"), "{status:#?}");
    assert!(status.stdout.contains("has expired"), "{status:#?}");
    assert_eq!(login(&context, &[&server.url()]).code, 0);
    assert_eq!(mode(&file), 0o600);
    let names: Vec<_> = fs::read_dir(file.parent().expect("a directory")).expect("readable").flatten().collect();
    assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
}

#[test]
fn a_link_is_neither_read_nor_written_through() {
    let context = Context::new();
    let file = auth_file(&context);
    let target = context.root().join("theirs");
    fs::write(&target, "theirs").expect("written");
    fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    symlink(&target, &file).expect("a link");
    let server = PairServer::start([offered(), approved()]);
    let output = login(&context, &[&server.url()]);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("is a link"), "{output:#?}");
    assert_ne!(login(&context, &["--status"]).code, 0);
    assert_eq!(login(&context, &["--remove"]).code, 0);
    assert!(!file.is_symlink(), "the link is removed");
    assert_eq!(fs::read_to_string(&target).expect("there"), "theirs");
}

#[test]
fn the_variable_names_another_file() {
    let mut context = Context::new();
    context.set("REPROQ_TUI_AUTH_FILE", "kept/auth.json");
    let server = PairServer::start([offered(), approved()]);
    assert_eq!(login(&context, &[&server.url()]).code, 0);
    assert_eq!(mode(&context.project().join("kept/auth.json")), 0o600);
    assert!(!auth_file(&context).exists());
}

#[test]
fn another_file_of_that_name_is_not_taken_for_a_token() {
    let context = Context::new();
    let file = auth_file(&context);
    fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    fs::write(&file, "[]").expect("written");
    let output = login(&context, &["--status"]);
    assert_eq!(output.code, 1, "{output:#?}");
    let server = PairServer::start([offered(), approved()]);
    assert_eq!(login(&context, &[&server.url()]).code, 0);
    assert_eq!(stored(&context)["token"], TOKEN);
}
