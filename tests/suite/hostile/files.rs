//! The project's own small files with arbitrary content or replaced by other objects: one clear error or a repair, without
//! delay and within bounds, and the worker is kept.

use std::fs;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::Scene;
use super::quiet;
use super::same_world;
use super::world;
use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::memory::within_the_limit;
use crate::support::releases::mutations;
use crate::support::releases::with_versions;

/// The object at a path where a file is expected.
enum Stand {
    Bytes(Vec<u8>),
    Huge,
    Directory,
    Pipe,
    LinkTo(&'static str),
}

/// Objects that are independent of the file's format.
fn stands() -> Vec<(&'static str, Stand)> {
    vec![
        ("empty", Stand::Bytes(Vec::new())),
        ("binary", Stand::Bytes((0..=255).cycle().take(5000).collect())),
        ("not UTF-8", Stand::Bytes(b"{\"schema\": \"\xff\xfe\"}".to_vec())),
        ("NUL", Stand::Bytes(vec![0; 4096])),
        ("nested without end", Stand::Bytes(b"[".repeat(400_000))),
        ("nested objects without end", Stand::Bytes(b"{\"reproq\":".repeat(40_000))),
        ("100 MiB", Stand::Huge),
        ("a directory", Stand::Directory),
        ("a pipe", Stand::Pipe),
        ("a link to an endless device", Stand::LinkTo("/dev/zero")),
        ("a link to nothing", Stand::LinkTo("/does/not/exist")),
    ]
}

fn put(path: &Path, stand: &Stand) {
    remove(path);
    match stand {
        Stand::Bytes(bytes) => fs::write(path, bytes).expect("written"),
        Stand::Huge => File::create(path).and_then(|file| file.set_len(100 << 20)).expect("a hole of 100 MiB"),
        Stand::Directory => fs::create_dir(path).expect("a directory"),
        Stand::Pipe => assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success()),
        Stand::LinkTo(target) => symlink(target, path).expect("a link"),
    }
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(path);
}

fn run(context: &Context, arguments: &[&str]) -> Output {
    let output = within_the_limit(context.command(arguments));
    quiet(&output);
    output
}

const INSTALL: [&str; 4] = ["install", "--no-django", "--tag", "v0.0.143"];

/// Installs with the object in place, and again without it.
fn tried(scene: &Scene, path: &Path, kind: &str, fault: &str, stand: &Stand, codes: &[i32]) -> Output {
    put(path, stand);
    // An up-to-date run needs no lock.
    let arguments = if kind == "lock" { [&INSTALL[..], &["--force"]].concat() } else { INSTALL.to_vec() };
    let output = run(&scene.context, &arguments);
    assert!(codes.contains(&output.code), "{kind} {fault}: {output:#?}");
    if output.code != 0 {
        assert_eq!(output.stderr.matches("error: ").count(), 1, "{kind} {fault}: {output:#?}");
    }
    let left = left(&scene.context, Some(&Scene::old()), b"no other one");
    record(Part::Hostile, &format!("{kind}: {fault}"), &scene.context, &output, &left);
    assert_eq!(run(&scene.context, &["which", "--no-django"]).code, if kind == "settings" { output.code } else { 0 });
    remove(path);
    scene.context.succeed(&INSTALL);
    output
}

#[test]
fn a_state_file_may_be_anything() {
    let scene = Scene::new();
    let path = scene.context.project().join(".reproq/state.json");
    let text = fs::read(&path).expect("a state");
    let with = |old: &str, new: &str| {
        Stand::Bytes(String::from_utf8(text.clone()).expect("text").replace(old, new).into_bytes())
    };
    let more = vec![
        ("of another version", with("reproq.state/1", "reproq.state/999")),
        ("CRLF", with("\n", "\r\n")),
        ("cut", Stand::Bytes(text[..text.len() / 2].to_vec())),
        ("a byte order mark", Stand::Bytes([b"\xef\xbb\xbf", &text[..]].concat())),
        ("numbers beyond everything", with("\"size\": ", "\"size\": 99999999999999999999")),
    ];
    for (fault, stand) in stands().into_iter().chain(more) {
        // It only saves work, so it is recreated from the binary and its receipt.
        tried(&scene, &path, "state", fault, &stand, &[0]);
    }
}

#[test]
fn a_receipt_may_be_anything() {
    let scene = Scene::new();
    let receipts = scene.context.project().join(".reproq/receipts");
    let mut files = fs::read_dir(receipts).expect("receipts").flatten().map(|entry| entry.path());
    let path = files.find(|path| path.extension().is_some_and(|end| end == "json")).expect("a receipt");
    let text = fs::read(&path).expect("a receipt");
    let with = |old: &str, new: &str| {
        Stand::Bytes(String::from_utf8(text.clone()).expect("text").replace(old, new).into_bytes())
    };
    let more = vec![
        ("of another version", with("reproq.receipt/1", "reproq.receipt/999")),
        ("of another binary", with("\"sha256\": \"", "\"sha256\": \"0000")),
        ("CRLF", with("\n", "\r\n")),
        ("cut", Stand::Bytes(text[..text.len() / 2].to_vec())),
        ("a byte order mark", Stand::Bytes([b"\xef\xbb\xbf", &text[..]].concat())),
        ("escape codes in it", with("\"notes\": []", "\"notes\": [\"\\u001b[31m\\u202e\"]")),
    ];
    for (fault, stand) in stands().into_iter().chain(more) {
        // Without a receipt the binary is foreign: the release is reinstalled, with a new receipt.
        tried(&scene, &path, "receipt", fault, &stand, &[0, 8]);
    }
}

#[test]
fn the_lock_may_be_anything() {
    let scene = Scene::new();
    let path = scene.context.project().join(".reproq/lock");
    for (fault, stand) in stands() {
        let codes: &[i32] = match stand {
            Stand::Bytes(_) | Stand::Huge => &[0],
            Stand::Directory | Stand::Pipe | Stand::LinkTo(_) => &[8],
        };
        tried(&scene, &path, "lock", fault, &stand, codes);
    }
}

/// The project's lockfile decides what is installed, so an unreadable one is never treated as absent.
#[test]
fn the_projects_lock_may_be_anything() {
    let scene = Scene::new();
    let path = scene.context.project().join("reproq.lock");
    let text = fs::read(&path).expect("the first installation wrote it");
    let with = |old: &str, new: &str| {
        Stand::Bytes(String::from_utf8(text.clone()).expect("text").replace(old, new).into_bytes())
    };
    let refused = vec![
        ("of a later version", with("version = 1\n", "version = 999\n")),
        ("cut", Stand::Bytes(text[..text.len() / 2].to_vec())),
        ("a name that leads elsewhere", with("name = \"reproq-", "name = \"../../reproq-")),
        ("a repository that is an address", with("adpena/reproq-worker", "https://u:hunter2hunter2@evil.test")),
        ("escape codes", with("v0.0.143", "v\\u001b[31m\\u202e\\nhint: run evil")),
        ("a size beyond everything", with("size = ", "size = 99999999999999999999")),
        ("lists nested without end", Stand::Bytes(format!("x = {}", "[".repeat(120_000)).into_bytes())),
        ("names nested without end", Stand::Bytes(format!("{}a = 1\n", "a.".repeat(60_000)).into_bytes())),
        ("a merge that nobody finished", with("[worker]", "<<<<<<< ours\n[worker]")),
    ];
    for (fault, stand) in stands().into_iter().chain(refused) {
        put(&path, &stand);
        let before = world(&scene.context.project().join(".reproq/bin"));
        for arguments in [&["install", "--no-django"][..], &["install", "--no-django", "--force", "--tag", "v0.0.143"]]
        {
            let output = run(&scene.context, arguments);
            assert!(matches!(output.code, 1 | 2 | 4), "{fault}: {output:#?}");
            assert!(!output.stderr.contains("hunter2"), "{output:#?}");
        }
        let output = run(&scene.context, &["install", "--no-django", "--locked"]);
        same_world(fault, &before, &world(&scene.context.project().join(".reproq/bin")));
        let left = left(&scene.context, Some(&Scene::old()), b"no other one");
        record(Part::Hostile, &format!("reproq.lock: {fault}"), &scene.context, &output, &left);
        remove(&path);
    }
    for (fault, stand) in [
        ("a byte order mark", [b"\xef\xbb\xbf", &text[..]].concat()),
        ("CRLF", { String::from_utf8(text.clone()).expect("text").replace('\n', "\r\n").into_bytes() }),
    ] {
        put(&path, &Stand::Bytes(stand));
        let output = run(&scene.context, &["install", "--no-django", "--locked"]);
        assert_eq!(output.code, 0, "{fault}: {output:#?}");
        let left = left(&scene.context, Some(&Scene::old()), b"no other one");
        record(Part::Hostile, &format!("reproq.lock: {fault}"), &scene.context, &output, &left);
    }
}

#[test]
fn settings_may_be_anything() {
    let scene = Scene::new();
    let path = scene.context.project().join("pyproject.toml");
    let toml = |text: &str| Stand::Bytes(text.as_bytes().to_vec());
    let of = |text: String| Stand::Bytes(text.into_bytes());
    let refused = vec![
        ("not TOML", toml("[tool.reproq\n")),
        ("NUL in a value", toml("[tool.reproq]\nrequire = \"dig\0est\"\n")),
        ("escape codes", toml("[tool.reproq]\nrequire = \"\u{1b}[31m\u{202e}\"\n")),
        (
            "escape codes as TOML spells them",
            toml("[tool.reproq]\nrequire = \"\\u001b]0;x\\u0007\\nhint: run evil\"\n"),
        ),
        ("escape codes where it is no TOML", toml("[tool.reproq]\n\u{1b}[31m\u{202e} = = \n")),
        ("another kind of value", toml("[tool.reproq]\nrepository = [1, 2]\n")),
        ("a number beyond everything", toml("[tool.reproq]\noffline = 99999999999999999999999999\n")),
        ("a key twice", toml("[tool.reproq]\noffline = true\noffline = false\n")),
        ("lists nested without end", of(format!("[tool.reproq]\nx = {}", "[".repeat(190_000)))),
        ("tables nested without end", of(format!("[tool.reproq]\nx = {}", "{a=".repeat(63_000)))),
        ("more than any settings file has", of(format!("[tool.reproq]\n{}", "# comment\n".repeat(100_000)))),
        ("a string without end", of(format!("[tool.reproq]\nx = \"{}", "x".repeat(190_000)))),
    ];
    for (fault, stand) in refused {
        tried(&scene, &path, "settings", fault, &stand, &[2]);
    }
    let harmless = vec![
        ("a byte order mark", toml("\u{feff}[tool.reproq]\nrequire = \"digest\"\n")),
        ("CRLF", toml("[tool.reproq]\r\nrequire = \"digest\"\r\n")),
        ("names nested without end", of(format!("[tool.reproq]\n{}a = 1\n", "a.".repeat(95_000)))),
        (
            "ten thousand unknown keys",
            of(format!("[tool.reproq]\n{}", (0..10_000).map(|n| format!("k{n} = 1\n")).collect::<String>())),
        ),
        ("sixty thousand values", of(format!("[tool.reproq]\nx = [{}]", "[],".repeat(63_000)))),
        ("eight thousand tables", of((0..8_000).map(|n| format!("[tool.reproq.t{n}]\n")).collect())),
        ("nothing about us", toml("[[[ broken, and not our business")),
    ];
    for (fault, stand) in harmless {
        tried(&scene, &path, "settings", fault, &stand, &[0, 2]);
    }
    for (fault, stand) in stands() {
        let speaks_of_us =
            !matches!(fault, "empty" | "NUL" | "binary" | "not UTF-8" | "a link to nothing" | "nested without end");
        tried(&scene, &path, "settings", fault, &stand, if speaks_of_us { &[2] } else { &[0] });
    }
}

/// The search for the project's root passes directories of other users.
#[test]
fn the_search_for_the_project_never_blocks() {
    let context = Context::new();
    let above = context.root().join("work/pyproject.toml");
    for (fault, stand) in stands() {
        put(&above, &stand);
        let output = run(&context, &["which", "--no-django"]);
        // A file that names this program may contain its settings.
        let speaks_of_us = matches!(fault, "nested objects without end");
        assert_eq!(output.code, if speaks_of_us { 2 } else { 4 }, "{fault}: {output:#?}");
        record(Part::Hostile, &format!("settings of a directory above: {fault}"), &context, &output, "no binary");
    }
}

/// `release check` may run in an untrusted checkout.
#[test]
fn a_checkout_may_hold_anything() {
    let context = with_versions(1);
    let checkout = context.root().join("checkout");
    fs::create_dir_all(checkout.join("cmd/reproq")).expect("directories");
    let stands = stands().into_iter().chain([
        ("a long line", Stand::Bytes(vec![b'x'; 30 << 20])),
        ("a lock of megabytes", Stand::Bytes("[[package]]\nx = [[],[],[]]\n".repeat(200_000).into_bytes())),
        ("names nested without end", Stand::Bytes(format!("[project]\n{}a = 1\n", "a.".repeat(45_000)).into_bytes())),
    ]);
    for (fault, stand) in stands {
        for name in ["cmd/reproq/main.go", "pyproject.toml", "uv.lock"] {
            put(&checkout.join(name), &stand);
        }
        let directory = checkout.to_str().expect("UTF-8");
        let output = run(&context, &["release", "check", directory]);
        assert_eq!(output.code, 1, "{fault}: {output:#?}");
        record(Part::Hostile, &format!("checkout: {fault}"), &context, &output, "nothing");
    }
}

/// A named file may be a pipe of the shell, and is read only as far as it can be valid.
#[test]
fn plans_and_records_may_be_anything() {
    let context = with_versions(2);
    let path = context.project().join("named");
    let name = path.to_str().expect("UTF-8");
    for (fault, stand) in stands().into_iter().filter(|(_, stand)| !matches!(stand, Stand::Pipe)) {
        put(&path, &stand);
        let plan = run(&context, &["release", "prune", "--plan", name]);
        assert!(matches!(plan.code, 1 | 2 | 4), "{fault}: {plan:#?}");
        record(Part::Hostile, &format!("plan: {fault}"), &context, &plan, "every release and tag");
        let restored = run(&context, &["release", "restore", "--from", name]);
        // An empty audit file names no repository, like one without its first line.
        assert!(matches!(restored.code, 1 | 2 | 4 | 8), "{fault}: {restored:#?}");
        record(Part::Hostile, &format!("record: {fault}"), &context, &restored, "every release and tag");
    }
    assert!(mutations(&context).is_empty());
}
