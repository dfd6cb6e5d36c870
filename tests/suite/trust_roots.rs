//! Trusted roots: accepting and forgetting them, updates from repositories, and damaged stored roots.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use fake_sigstore::Claims;
use fake_sigstore::How;
use fake_sigstore::Instance;
use fake_sigstore::provenance;
use reproq::internals::model::Sha256Digest;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::support::Context;
use crate::support::Output;
use crate::support::context::program_under_test;
use crate::support::skip;

const VERIFY: &[&str] = &["verify", "tool", "--bundle", "build.json", "--repo", "acme/tool"];

fn sha256(bytes: &[u8]) -> String {
    Sha256Digest::from_bytes(Sha256::digest(bytes).into()).to_string()
}

/// A project with a file, its attestation, and the signer's trusted root; also returns the root's digest.
fn project() -> (Context, String) {
    let mut context = Context::new();
    let trust = context.root().join("trust");
    context.set("REPROQ_TRUST_DIR", trust.to_str().expect("UTF-8"));
    let acme = Instance::new("acme", "acme authority");
    let bundle = acme.bundle(&Claims::build(), &provenance("tool", &sha256(b"the tool")), How::default());
    let root = acme.root(true).to_string();
    let write = |name: &str, text: &str| fs::write(context.project().join(name), text).expect("written");
    write("tool", "the tool");
    write("build.json", &bundle.to_string());
    write("root.json", &root);
    let digest = sha256(root.as_bytes());
    (context, digest)
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("one document")
}

#[test]
fn an_accepted_root_verifies_until_it_is_forgotten() {
    let (context, digest) = project();
    assert_eq!(context.run(VERIFY).code, 5, "nobody knows acme yet");
    insta::assert_snapshot!("accepted", context.redact(&context.run(&["trust", "accept", "root.json"])));
    context.succeed(VERIFY);
    insta::assert_snapshot!("accepted_again", context.redact(&context.run(&["trust", "accept", "root.json"])));
    let again = document(&context.succeed(&["trust", "accept", "root.json", "--json"]));
    assert_eq!((&again["schema"], &again["roots"][0]["new"]), (&"reproq.trust-accepted/1".into(), &false.into()));
    assert_eq!(again["roots"][0]["sha256"], digest.as_str());
    let shown = document(&context.succeed(&["trust", "show", "--json"]));
    assert_eq!(shown["roots"].as_array().map(Vec::len), Some(3));
    assert_eq!(shown["roots"][2]["source"]["from"], "accepted");
    assert_eq!(shown["roots"][2]["sha256"], digest.as_str());
    assert!(context.succeed(&["trust", "show"]).stdout.contains("accepted with `reproq trust accept`"));
    let forgotten = context.succeed(&["trust", "forget", &digest]);
    assert!(forgotten.stdout.contains("no longer trusted"), "{forgotten:#?}");
    assert_eq!(context.run(VERIFY).code, 5);
    insta::assert_snapshot!("forgotten_again", context.shown(&["trust", "forget", &digest]));
    assert_eq!(context.run(&["trust", "forget", "abc"]).code, 2);
    assert!(context.github.requests().is_empty(), "no request is made");
}

#[test]
fn an_unknown_key_suggests_updating_roots_first() {
    let (context, _) = project();
    // November 2026, later than the embedded roots.
    let how = How { issued_at: 1_793_491_200, signed_at: 1_793_491_205, ..How::default() };
    let acme = Instance::new("acme", "acme authority");
    let bundle = acme.bundle(&Claims::build(), &provenance("tool", &sha256(b"the tool")), how);
    fs::write(context.project().join("build.json"), bundle.to_string()).expect("written");
    insta::assert_snapshot!("too_new", context.redact(&context.run(VERIFY)));
}

#[test]
fn a_given_root_replaces_all_others() {
    let (context, _) = project();
    context.succeed(&["trust", "accept", "root.json"]);
    let stranger = Instance::new("other", "other authority").root(true).to_string();
    fs::write(context.project().join("other.json"), stranger).expect("written");
    assert_eq!(context.run(&[VERIFY, &["--trusted-root", "other.json"]].concat()).code, 5);
}

#[test]
fn without_the_variable_the_systems_directory_is_used() {
    let (mut context, _) = project();
    context.set("REPROQ_TRUST_DIR", "");
    context.succeed(&["trust", "accept", "root.json"]);
    context.succeed(VERIFY);
    #[cfg(target_os = "linux")]
    assert!(context.root().join("home/.local/share/reproq/trust/accepted").is_dir());
}

#[test]
fn a_file_that_is_not_a_root_is_not_accepted() {
    let (context, _) = project();
    insta::assert_snapshot!("no_root", context.shown(&["trust", "accept", "build.json"]));
    assert_eq!(context.run(&["trust", "accept", "nothing.json"]).code, 4);
    assert!(!context.root().join("trust").exists(), "nothing is made for it");
}

#[test]
fn a_damaged_root_stops_everything_with_a_hint() {
    let (context, digest) = project();
    context.succeed(&["trust", "accept", "root.json"]);
    let path = context.root().join(format!("trust/accepted/{digest}.json"));
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, text.replace("ca.acme.example", "ca.evil.example")).expect("written");
    insta::assert_snapshot!("damaged", context.shown(VERIFY));
    assert_eq!(context.run(&["trust", "show"]).code, 5);
    assert_eq!(context.run(&["trust", "accept", "root.json"]).code, 5);
    let doctor = context.run(&["doctor", "--no-django", "--json"]);
    let findings = document(&doctor)["findings"].as_array().expect("findings").clone();
    let trust = findings.iter().find(|finding| finding["area"] == "trust").expect("a finding");
    assert_eq!((doctor.code, &trust["grade"]), (1, &"problem".into()));
    context.succeed(&["trust", "forget", &digest]);
    context.succeed(&["trust", "show"]);
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_may_write_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;

    let (context, _) = project();
    context.succeed(&["trust", "accept", "root.json"]);
    let trust = context.root().join("trust");
    fs::set_permissions(&trust, fs::Permissions::from_mode(0o777)).expect("opened");
    insta::assert_snapshot!("exposed", context.shown(VERIFY));
}

#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_written_is_9() {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::process::Stdio;

    let (context, digest) = project();
    context.succeed(&["trust", "accept", "root.json"]);
    let is_root = rustix::process::geteuid().is_root();
    if is_root && Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_err() {
        skip::record("a directory that may not be written", "install setpriv (util-linux), or run as an ordinary user");
        return;
    }
    let program = context.root().join("program");
    fs::copy(program_under_test(), &program).expect("copied");
    for directory in ["", "trust", "trust/accepted"] {
        fs::set_permissions(context.root().join(directory), fs::Permissions::from_mode(0o555)).expect("closed");
    }
    let run = |arguments: &[&str]| {
        let plain = context.command(arguments);
        let mut command = if is_root { Command::new("setpriv") } else { Command::new(&program) };
        if is_root {
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
        }
        command.args(arguments).current_dir(context.project()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null());
        context.output(command)
    };
    let verified = run(VERIFY);
    assert_eq!(verified.code, 0, "it may be read: {verified:#?}");
    for arguments in [&["trust", "forget", &digest][..], &["trust", "accept", "other.json"]] {
        let stranger = Instance::new("other", "other authority").root(true).to_string();
        fs::write(context.project().join("other.json"), stranger).expect("written");
        let output = run(arguments);
        assert_eq!(output.code, 9, "{output:#?}");
        assert!(output.stderr.contains("hint: run as the user who owns"), "{output:#?}");
    }
    for directory in ["", "trust", "trust/accepted"] {
        fs::set_permissions(context.root().join(directory), fs::Permissions::from_mode(0o755)).expect("opened");
    }
}

#[test]
fn updates_that_cannot_begin_are_usage() {
    let (context, _) = project();
    insta::assert_snapshot!("offline", context.shown(&["--offline", "trust", "update"]));
    for mistyped in [
        &["trust", "update", "sigstore"][..],
        &["trust", "update", "--url", "https://mirror.example"],
        &["trust", "update", "--url", "sigstore=https://mirror.example"],
        &["trust", "update", "--url", "github=http://mirror.example"],
        &["trust", "update", "--url", "github=ftp://mirror.example"],
        &["trust", "update", "--url", "github=https://me:secret@mirror.example"],
        &["trust", "update", "--url", "github=https://mirror.example", "--from", "."],
    ] {
        let output = context.run(mistyped);
        assert_eq!(output.code, 2, "{mistyped:?} {output:#?}");
        assert!(!output.stderr.contains("secret"), "{output:#?}");
    }
    fs::create_dir_all(context.project().join("copy")).expect("made");
    insta::assert_snapshot!("no_copy", context.shown(&["trust", "update", "--from", "copy"]));
    fs::write(context.project().join("copy/timestamp.json"), "{}").expect("written");
    insta::assert_snapshot!("whose_copy", context.shown(&["trust", "update", "--from", "copy"]));
}

#[test]
fn a_repository_that_is_out_of_reach_or_refused_changes_nothing() {
    let (context, _) = project();
    // Nothing listens there anymore.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("github=http://127.0.0.1:{port}");
    let output = context.run(&["trust", "update", "github", "--url", &url]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stdout.contains("not updated; the previous root stays in effect"), "{output:#?}");
    assert!(output.stdout.contains("--from DIR"), "{output:#?}");
    fs::create_dir_all(context.project().join("copy")).expect("made");
    fs::write(context.project().join("copy/timestamp.json"), "{}").expect("written");
    let copy = ["--offline", "trust", "update", "public-good", "--from", "copy"];
    insta::assert_snapshot!("refused", context.redact(&context.run(&copy)));
    insta::assert_snapshot!("refused_json", context.redact(&context.run(&[&copy[..], &["--json"]].concat())));
    assert!(!context.root().join("trust").exists(), "nothing is made for it");
}

/// The public instance's repository of August 2026, and the library that sets the clock back to it. `None`, recorded as
/// skipped, if either is missing.
fn august() -> Option<(PathBuf, PathBuf)> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/attestation/tuf-public-good");
    let named = std::env::var_os("REPROQ_FAKETIME").map(PathBuf::from);
    let installed = ["x86_64", "aarch64"]
        .map(|machine| PathBuf::from(format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1")));
    let library = named.into_iter().chain(installed).find(|path| path.is_file());
    match library.filter(|_| repository.is_dir()) {
        Some(library) => Some((repository, library)),
        None => {
            skip::record(
                "the update from a real repository",
                &format!("install faketime or name its library in REPROQ_FAKETIME; have {}", repository.display()),
            );
            None
        }
    }
}

/// Runs the program with the clock set to August 2026.
fn then(context: &Context, library: &Path, arguments: &[&str]) -> Output {
    at("2026-08-22 12:00:00", context, library, arguments)
}

fn at(time: &str, context: &Context, library: &Path, arguments: &[&str]) -> Output {
    let mut command = context.command(arguments);
    command.env("LD_PRELOAD", library).env("FAKETIME", time).env("TZ", "UTC");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    context.output(command)
}

/// Serves a directory on loopback until the tests end; returns its URL and the requested paths.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            assert!(
                headers.iter().all(|line| !line.to_ascii_lowercase().starts_with("authorization")),
                "no token is sent"
            );
            let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
            let (status, body) = match fs::read(directory.join(name)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

#[test]
fn the_real_repository_is_fetched_over_the_network_and_from_a_copy() {
    let Some((repository, library)) = august() else { return };
    let (mut context, _) = project();
    context.set("GH_TOKEN", "ghp_a_token");
    let address = serve(repository);
    let url = format!("public-good={address}");
    let both =
        then(&context, &library, &["trust", "update", "--url", &url, "--url", "github=http://127.0.0.1:9", "--json"]);
    assert_eq!(both.code, 7, "one of two was updated: {both:#?}");
    let report = document(&both);
    assert_eq!(report["instances"][0]["outcome"], "unchanged", "{report:#}");
    assert_eq!(report["instances"][0]["versions"]["targets"], 14);
    assert_eq!(report["instances"][1]["outcome"], "failed");
    let kept = fs::read(context.root().join("trust/updated/public_good.json")).expect("kept");
    let saved = then(&context, &library, &["trust", "update", "public-good", "--url", &url, "--save", "copy"]);
    assert_eq!(saved.code, 0, "{saved:#?}");
    let from_copy = ["--offline", "trust", "update", "--from", "copy"];
    let again = then(&context, &library, &from_copy);
    assert_eq!(again.code, 0, "{again:#?}");
    insta::assert_snapshot!("from_a_copy", context.redact(&again));
    let now = context.run(&from_copy);
    assert_eq!(now.code, 5, "{now:#?}");
    assert!(now.stdout.contains("`timestamp.json` is refused: it expired on 2026-08-28"), "{now:#?}");
    assert!(now.stdout.contains("hint: if the system clock is correct, the copy is out of date"), "{now:#?}");
    let kept_on = fs::read(context.root().join("trust/updated/public_good.json")).expect("kept");
    assert_eq!(kept_on, kept, "what is refused changes nothing");
    let shown = document(&context.succeed(&["trust", "show", "--json"]));
    assert_eq!(shown["roots"][0]["source"]["from"], "embedded", "this program brings one that is known for longer");
}

#[test]
fn old_roots_are_warned_of() {
    let Some((_, library)) = august() else { return };
    let (context, _) = project();
    context.succeed(&["trust", "accept", "root.json"]);
    let shown = at("2027-08-22 12:00:00", &context, &library, &["trust", "show"]);
    assert_eq!(shown.stdout.matches("303 days old").count(), 2, "{shown:#?}");
    assert_eq!(
        shown.stdout.matches("hint: fetch the current root with `reproq trust update`").count(),
        2,
        "{shown:#?}"
    );
    let doctor = at("2027-08-22 12:00:00", &context, &library, &["doctor", "--no-django", "--json"]);
    let findings = document(&doctor)["findings"].as_array().expect("findings").clone();
    let grades: Vec<&Value> =
        findings.iter().filter(|finding| finding["area"] == "trust").map(|finding| &finding["grade"]).collect();
    assert_eq!(grades, ["warning", "warning", "fine"], "{doctor:#?}");
}
