//! `reproq token verify`, and tokens of plain Python.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use reproq_token::Audience;
use reproq_token::TokenGrant;
use reproq_token::TokenHolder;
use reproq_token::TokenKey;
use reproq_token::mint;
use serde_json::Value;

use super::auth_file;
use crate::support::Context;
use crate::support::Output;
use crate::support::context::finished;

pub const SECRET: &str = "the shared secret é";

pub fn context() -> Context {
    let mut context = Context::new();
    context.set("METRICS_AUTH_TOKEN", SECRET);
    context
}

pub fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("a time")
}

pub fn token(issued_at: i64) -> String {
    let holder = TokenHolder::new("ada é \"").expect("a name");
    let grant = TokenGrant { holder, audience: Audience::Tui, issued_at, id: [1; 8] };
    mint(&grant, &TokenKey::new(SECRET).expect("a key"))
}

/// Verifies a token from stdin. Neither it nor the secret may be shown.
pub fn verify(context: &Context, token: &str, arguments: &[&str]) -> Output {
    let mut command = context.command(&[&["token", "verify", "-"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    // The program may end before it has read everything.
    let _ = child.stdin.take().expect("a pipe").write_all(token.as_bytes());
    let output = finished(child.wait_with_output().expect("it ends"));
    let shown = format!("{}{}", output.stdout, output.stderr);
    assert!(!shown.contains(SECRET) && (token.len() < 20 || !shown.contains(token.trim())), "{output:#?}");
    output
}

#[test]
fn a_token_is_shown_with_every_check() {
    let context = context();
    let good = verify(&context, &format!(" {}\n", token(now())), &[]);
    assert_eq!(good.code, 0, "{good:#?}");
    assert!(good.stdout.starts_with("The token is accepted.\n"), "{good:#?}");
    let expired = verify(&context, &token(1_700_000_000), &[]);
    assert_eq!(expired.code, 5, "{expired:#?}");
    let days = expired.stdout.replace(|c: char| c.is_ascii_digit(), "0");
    assert!(days.contains("d ago"), "{days}");
    insta::assert_snapshot!(shortened(&expired.stdout));
    let document: Value = serde_json::from_str(&verify(&context, &token(now()), &["--json"]).stdout).expect("JSON");
    assert_eq!((&document["accepted"], &document["claims"]["username"]), (&true.into(), &"ada é \"".into()));
}

/// How long ago it was changes every day.
fn shortened(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" UTC, ") {
        Some((line, _)) => format!("{line} UTC, [DAYS]"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_stored_token_and_files_are_read() {
    let mut context = context();
    let missing = context.run(&["token", "verify"]);
    assert_eq!(missing.code, 4, "{missing:#?}");
    let token = token(now());
    let text = format!(r#"{{"token":"{token}","expires_at":"2100-01-01T00:00:00Z"}}"#);
    let file = auth_file(&context);
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    std::fs::write(&file, &text).expect("written");
    assert_eq!(context.run(&["token", "verify"]).code, 0);
    std::fs::write(context.project().join("auth.json"), text).expect("written");
    std::fs::write(context.project().join("token.txt"), format!("{token}\r\n")).expect("written");
    for name in ["auth.json", "token.txt"] {
        assert_eq!(context.run(&["token", "verify", name]).code, 0, "{name}");
    }
    let argument = context.run(&["token", "verify", &token]);
    assert_eq!(argument.code, 2, "{argument:#?}");
    assert!(!argument.stderr.contains(&token) && argument.stderr.contains("stdin"), "{argument:#?}");
    assert_ne!(context.run(&["token", "verify", "absent"]).code, 0);
    assert_eq!(verify(&context, " \n", &[]).code, 2);
    let long = verify(&context, &"a.".repeat(40_000), &[]);
    assert_eq!(long.code, 5, "{long:#?}");
    let secret = verify(&context, "the shared secret é", &[]);
    assert_eq!(secret.code, 5);
    assert!(secret.stderr.contains("METRICS_AUTH_TOKEN itself"), "{secret:#?}");
    context.set("METRICS_AUTH_TOKEN", "");
    let unset = verify(&context, &token, &[]);
    assert_eq!(unset.code, 2, "{unset:#?}");
}

/// Python's own modules, as Django uses them.
const PYTHON: &str = r#"
import base64, hashlib, hmac, json, sys
secret, now, theirs = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
def sign(header, payload, secret=secret):
    signed = b64(json.dumps(header).encode()) + "." + b64(json.dumps(payload).encode())
    return signed + "." + b64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())
claims = {"sub": "1", "username": "é", "superuser": True, "iat": now, "exp": now + 600,
          "iss": "reproq-django", "aud": "reproq-tui", "jti": "00" * 8}
def of(header={"alg": "HS256", "typ": "JWT"}, secret=secret, **changes):
    return sign(header, {k: v for k, v in (claims | changes).items() if v is not None}, secret)
good = of()
none = sign({"alg": "none"}, claims)
# Theirs: the signature is right, and these are the claims.
head, payload, signature = theirs.split(".")
assert b64(hmac.new(secret.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()) == signature
read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
assert read["exp"] - read["iat"] == 30 * 86400 and len(read["jti"]) == 16, read
assert list(read) == list(claims), read
print(json.dumps([
    [0, "", good], [0, "", of(aud=["x", "reproq-worker"])],
    [5, "algorithm", none[:none.rindex(".") + 1]], [5, "algorithm", of({"alg": "RS256"})],
    [5, "no expiry", of(exp=None)], [5, "expired", of(exp=now - 1)], [5, "audience", of(aud="other")],
    [5, "issuer", of(iss="other")], [5, "superuser", of(superuser="true")], [5, "subject", of(sub=None)],
    [5, "base64", good.replace(".", "=.", 1)], [5, "4 parts", good + ".x"],
    [5, "not signed with this secret", of(secret="other")], [5, "not valid yet", of(nbf=now + 600)],
]))
"#;

/// The tokens of plain Python, good ones and twelve bad ones, each with the exit code and a part of the reason.
pub fn of_python(minted: &str) -> Vec<(i64, String, String)> {
    let python = std::env::var_os("REPROQ_TEST_DJANGO_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python).args(["-c", PYTHON, SECRET, &now().to_string(), minted]).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<(i64, String, String)> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(rows.len(), 14);
    rows
}

#[test]
fn tokens_of_python_are_accepted_and_twelve_bad_ones_are_not() {
    let context = context();
    for (code, reason, token) in of_python(&token(now())) {
        let output = verify(&context, &token, &["--json"]);
        assert_eq!(i64::from(output.code), code, "{output:#?}");
        let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let found = document["reason"].as_str().unwrap_or_default();
        assert!(found.contains(&reason) && found.is_empty() == reason.is_empty(), "{reason}: {found}");
    }
}
