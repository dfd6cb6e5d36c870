//! Checksum files by an attacker with arbitrary content: valid lines count, or the release is refused.

use std::fs;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::ReleaseSpec;
use sha2::Digest as _;
use sha2::Sha256;

use super::quiet;
use super::same_world;
use super::world;
use crate::support::Context;
use crate::support::context::asset_name;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::memory::within_the_limit;
use crate::support::workers;

/// A release whose asset has no digest from GitHub, so that only this file can verify it.
fn proven_by(name: &str, text: &[u8]) -> Context {
    let context = Context::new();
    let asset = AssetSpec::new(&asset_name(), workers::bytes("0.0.144")).digest(Digest::Absent);
    context.repo().add(ReleaseSpec::new("v0.0.144").asset(asset).file(name, text.to_vec()));
    fs::create_dir_all(context.project().join(".reproq/bin")).expect("directories");
    fs::write(context.binary(), "the old binary").expect("written");
    context
}

fn tried(fault: &str, name: &str, text: &[u8], code: i32) {
    let context = proven_by(name, text);
    let before = world(&context.project().join(".reproq/bin"));
    let output = within_the_limit(context.command(&["install", "--no-django"]));
    assert_eq!(output.code, code, "{fault}: {output:#?}");
    quiet(&output);
    let old: &[u8] = b"the old binary";
    if code != 0 {
        assert!(output.stderr.contains("hint: "), "{fault}: {output:#?}");
        same_world(fault, &before, &world(&context.project().join(".reproq/bin")));
    }
    let left = left(&context, Some(old), &workers::bytes("0.0.144"));
    let name = name.replace(&asset_name(), "ASSET");
    record(Part::Hostile, &format!("{name}: {fault}"), &context, &output, &left);
}

fn right() -> String {
    let digest: String = Sha256::digest(workers::bytes("0.0.144")).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {}\n", asset_name())
}

#[test]
fn a_checksum_file_may_be_anything() {
    let other = "0".repeat(64);
    let cases: Vec<(&str, Vec<u8>, i32)> = vec![
        ("empty", Vec::new(), 5),
        ("binary", (0..=255).cycle().take(5000).collect(), 5),
        ("not UTF-8", [b"\xff\xfe\n", right().as_bytes()].concat(), 5),
        ("NUL", vec![0; 4096], 5),
        ("NUL behind the name", right().replace('\n', "\0\n").into_bytes(), 5),
        ("a web page", b"<!DOCTYPE html><p>sign in".to_vec(), 5),
        ("JSON nested without end", b"[".repeat(500_000), 5),
        ("2 MiB", right().repeat(1 << 15).into_bytes(), 5),
        ("fifteen thousand names", (0..14_000).map(|n| format!("{other} {n}\n")).collect::<String>().into_bytes(), 5),
        ("escape codes", format!("{}{other}  \u{1b}[31m\u{202e}\rx\n", right()).into_bytes(), 0),
        ("escape codes for a digest", format!("\u{1b}[31m\u{202e}  {}\n", asset_name()).into_bytes(), 5),
        (
            "escape codes for two digests",
            format!("{other}  \u{1b}[2J\n{}  \u{1b}[2J\n", "1".repeat(64)).into_bytes(),
            5,
        ),
        ("two digests for the asset", format!("{}{other}  {}\n", right(), asset_name()).into_bytes(), 5),
        ("another digest", format!("{other}  {}\n", asset_name()).into_bytes(), 5),
        ("a short digest", format!("{}  {}\n", &other[..63], asset_name()).into_bytes(), 5),
        ("another algorithm", format!("{}  {}\n", "0".repeat(128), asset_name()).into_bytes(), 5),
        ("a directory before the name", right().replace("  ", "  ../../").into_bytes(), 0),
        ("a byte order mark", format!("\u{feff}{}", right()).into_bytes(), 0),
        ("CRLF", right().replace('\n', "\r\n").into_bytes(), 0),
    ];
    for (fault, text, code) in cases {
        tried(fault, "SHA256SUMS", &text, code);
    }
    let sidecar = format!("{}.sha256", asset_name());
    tried("a word", &sidecar, b"trust-me", 5);
    tried("the digest of another asset", &sidecar, format!("{other}\n").as_bytes(), 5);
}
