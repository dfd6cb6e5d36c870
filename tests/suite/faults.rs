//! What networks do: each fault with its exit code, an untouched binary, and no build in place of a download that broke.

use std::fs;
use std::time::Duration;

use fake_github::Cut;
use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Framing;
use fake_github::Hold;
use fake_github::Matcher;
use fake_github::Proxy;
use fake_github::Tls;

use crate::support::Context;
use crate::support::Output;
use crate::support::workers;

/// A project with an older binary, a checkout beside it that must not be built, and a release to install.
fn context() -> Context {
    let mut context = Context::released();
    prepare(&mut context);
    context
}

fn prepare(context: &mut Context) {
    fs::create_dir_all(context.binary().parent().expect("a folder")).expect("made");
    fs::write(context.binary(), "the old binary").expect("written");
    context.sibling_checkout();
    context.set("REPROQ_HTTP_TIMEOUT", "1");
}

/// Proves that a failed run changed nothing.
fn unharmed(context: &Context, output: &Output) {
    assert_eq!(fs::read_to_string(context.binary()).expect("there"), "the old binary", "{output:#?}");
    assert!(context.staged().is_empty(), "{:?}", context.staged());
    assert!(!output.stderr.contains("building"), "{output:#?}");
    assert!(output.stderr.contains("hint: "), "{output:#?}");
}

/// The run fails with this code, and a second one without the fault succeeds.
fn fails_then_recovers(matcher: Matcher, fault: &Fault, code: i32, says: &str) {
    let context = context();
    context.github.fault(matcher, fault.clone());
    let output = context.run(&["install"]);
    assert_eq!(output.code, code, "{fault:?}: {output:#?}");
    assert!(output.stderr.contains(says), "{fault:?} should say {says:?}: {output:#?}");
    unharmed(&context, &output);
    context.github.clear_faults();
    context.succeed(&["install"]);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
}

/// The run succeeds in spite of the fault.
fn survives(matcher: Matcher, fault: &Fault) -> Context {
    let context = context();
    context.github.fault(matcher, fault.clone());
    let output = context.run(&["install"]);
    assert_eq!(output.code, 0, "{fault:?}: {output:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    context
}

#[test]
fn a_broken_body_is_continued_where_it_broke() {
    let fault = Fault::CutBody { after: 300_000, with: Cut::Rst };
    let context = survives(Matcher::objects(), &fault);
    let requests = context.github.requests_to(&Matcher::objects());
    assert_eq!(requests.len(), 2);
    let range = requests[1].header("range").expect("a range");
    assert!(range.starts_with("bytes=") && range != "bytes=0-", "{range}");
    assert!(requests[1].header("if-range").is_some());
    assert_eq!(requests[1].status, Some(206));
    // A signature soon expires, so each try begins at the release's own address.
    assert_eq!(context.github.requests_to(&Matcher::web()).len(), 2);
}

#[test]
fn transient_faults_are_survived() {
    survives(Matcher::api(), &Fault::status(502));
    survives(Matcher::api(), &Fault::ResetBeforeHeaders);
    survives(Matcher::api(), &Fault::ResetInHeaders);
    survives(Matcher::objects(), &Fault::ResetBeforeHeaders);
    survives(Matcher::objects(), &Fault::status(503));
    survives(Matcher::web(), &Fault::status(504));
    survives(Matcher::objects(), &Fault::ShortBody { missing: 1000 });
    survives(Matcher::objects(), &Fault::StallBody { after: 100_000, hold: Hold::For(Duration::from_secs(20)) });
    survives(Matcher::objects(), &Fault::NoLength);
    survives(Matcher::objects(), &Fault::Chunked);
    survives(Matcher::objects(), &Fault::CloseConnectionAfter { announced: false });
}

#[test]
fn a_continuation_that_does_not_fit_starts_over() {
    for second in [
        Fault::IgnoreRange,
        Fault::WrongContentRange { shift: 7 },
        Fault::ChangedEtag,
        Fault::ExpiredSignature,
        Fault::status(416),
    ] {
        let context = context();
        context.github.fault(Matcher::objects(), Fault::CutBody { after: 300_000, with: Cut::Fin });
        context.github.fault(Matcher::objects(), second.clone());
        let output = context.run(&["install"]);
        assert_eq!(output.code, 0, "{second:?}: {output:#?}");
        assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"), "{second:?}");
    }
}

#[test]
fn lasting_faults_of_the_body_end_with_6() {
    let always = || Matcher::objects().always();
    fails_then_recovers(always(), &Fault::CutBody { after: 0, with: Cut::Rst }, 6, "was lost");
    fails_then_recovers(always(), &Fault::status(500), 6, "HTTP 500");
    fails_then_recovers(always(), &Fault::Html200, 6, "web page");
    fails_then_recovers(always(), &Fault::GzipAnyway, 6, "content encoding `gzip`");
    fails_then_recovers(always(), &Fault::RedirectToSelf, 6, "to itself");
    fails_then_recovers(
        Matcher::web().path("/releases/download/").always(),
        &Fault::RedirectLoop,
        6,
        "more than 8 times",
    );
    fails_then_recovers(always(), &Fault::RedirectToScheme("ftp".to_owned()), 6, "`ftp:`");
}

#[test]
fn a_stalled_body_is_given_up() {
    let fault = Fault::StallBody { after: 1000, hold: Hold::For(Duration::from_secs(30)) };
    fails_then_recovers(Matcher::objects().always(), &fault, 6, "stopped answering");
}

#[test]
fn another_length_than_the_release_states_ends_with_5() {
    let always = || Matcher::objects().always();
    fails_then_recovers(always(), &Fault::WrongLength { length: 1000 }, 5, "the release states");
    fails_then_recovers(always(), &Fault::LongBody { extra: 10, framing: Framing::Chunked }, 5, "the release states");
}

#[test]
fn answers_of_the_api_that_cannot_be_read_end_with_6() {
    let always = || Matcher::api().always();
    fails_then_recovers(always(), &Fault::HalfJson, 6, "cannot be read");
    fails_then_recovers(always(), &Fault::WrongShapeJson, 6, "cannot be read");
    fails_then_recovers(always(), &Fault::EndlessJson, 6, "longer than");
    fails_then_recovers(always(), &Fault::Html200, 6, "cannot be read");
    fails_then_recovers(always(), &Fault::status(500), 6, "HTTP 500");
}

#[test]
fn a_missing_file_of_a_release_ends_with_4() {
    fails_then_recovers(Matcher::web().always(), &Fault::status(404), 4, "HTTP 404");
}

#[test]
fn certificates_that_do_not_fit_are_final() {
    for (tls, says) in [
        (Tls::Expired, "has expired"),
        (Tls::WrongHost, "for another host"),
        (Tls::Untrusted, "issuer that is not trusted"),
    ] {
        let mut context = Context::with(FakeGitHub::start_with(tls));
        context.release("v0.0.144");
        prepare(&mut context);
        let authority = context.root().join("ca.pem");
        fs::write(&authority, context.github.ca_pem()).expect("written");
        context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
        let output = context.run(&["install"]);
        assert_eq!(output.code, 6, "{tls:?}: {output:#?}");
        assert!(output.stderr.contains(says), "{tls:?}: {output:#?}");
        assert!(!output.stderr.contains("trying again"), "{output:#?}");
        unharmed(&context, &output);
    }
}

#[test]
fn a_trusted_certificate_serves() {
    let mut context = Context::with(FakeGitHub::start_tls());
    context.release("v0.0.144");
    let authority = context.root().join("ca.pem");
    fs::write(&authority, context.github.ca_pem()).expect("written");
    context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
    context.succeed(&["install"]);
    assert!(context.github.requests().iter().all(|request| request.secure));
}

#[test]
fn encryption_is_never_left() {
    let mut context = Context::with(FakeGitHub::start_tls());
    context.release("v0.0.144");
    prepare(&mut context);
    let authority = context.root().join("ca.pem");
    fs::write(&authority, context.github.ca_pem()).expect("written");
    context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
    context.github.fault(Matcher::web().always(), Fault::RedirectToHttp);
    let output = context.run(&["install"]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("to an unencrypted address"), "{output:#?}");
    unharmed(&context, &output);
}

#[test]
fn a_proxy_is_used_and_its_refusal_named() {
    let mut context = Context::with(FakeGitHub::start_tls());
    context.release("v0.0.144");
    prepare(&mut context);
    let authority = context.root().join("ca.pem");
    fs::write(&authority, context.github.ca_pem()).expect("written");
    let proxy = Proxy::start();
    context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8")).set("HTTPS_PROXY", proxy.url());
    proxy.refuse(Some(407));
    let output = context.run(&["install", "--no-build"]);
    assert_eq!(output.code, 6, "{output:#?}");
    assert!(output.stderr.contains("proxy"), "{output:#?}");
    proxy.refuse(None);
    context.succeed(&["install"]);
    assert!(!proxy.asked().is_empty());
}

#[test]
fn an_address_nobody_listens_at_is_named() {
    let mut context = context();
    context.set("GITHUB_API_URL", "http://127.0.0.1:1").set("PATH", "/nonexistent");
    insta::assert_snapshot!(context.shown(&["install", "--no-build"]));
    context.set("GITHUB_API_URL", "https://name.invalid");
    insta::assert_snapshot!(context.shown(&["install", "--no-build"]));
}

#[test]
fn a_limit_on_the_size_of_files_is_explained() {
    let context = context();
    let mut command = context.command(&[]);
    command = {
        let mut limited = std::process::Command::new("/bin/sh");
        limited
            .args(["-c", "ulimit -f 500; exec \"$0\" install"])
            .arg(command.get_program())
            .current_dir(context.project())
            .env_clear()
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited
    };
    let output = context.output(command);
    assert_eq!(output.code, 1, "{output:#?}");
    assert!(output.stderr.contains("ulimit -f"), "{output:#?}");
    unharmed(&context, &output);
    context.succeed(&["install"]);
}

#[test]
fn a_project_that_cannot_be_written_is_explained() {
    use std::os::unix::fs::PermissionsExt;

    let context = Context::released();
    // The superuser may write anywhere; a file where a folder is needed stops everybody.
    fs::write(context.project().join(".reproq"), "in the way").expect("written");
    let output = context.run(&["install"]);
    assert_ne!(output.code, 0, "{output:#?}");
    assert!(output.stderr.contains("hint: a file stands where"), "{output:#?}");
    fs::remove_file(context.project().join(".reproq")).expect("removed");
    fs::set_permissions(context.project(), fs::Permissions::from_mode(0o555)).expect("read-only");
    let output = context.run(&["install"]);
    fs::set_permissions(context.project(), fs::Permissions::from_mode(0o755)).expect("writable");
    let superuser = output.code == 0;
    assert!(superuser || output.code == 9, "{output:#?}");
}
