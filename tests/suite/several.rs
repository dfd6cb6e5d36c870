//! Commands for several assets request a few of them at a time, in any order, and report them in one order.

use std::time::Duration;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::context::Output;
use crate::support::workers;

/// More than are requested at a time.
const ASSETS: [&str; 6] = [
    "reproq-darwin-amd64",
    "reproq-darwin-arm64",
    "reproq-linux-amd64",
    "reproq-linux-arm64",
    "reproq-windows-amd64.exe",
    "reproq-windows-arm64.exe",
];

/// At most this many requests overlap.
const AT_ONCE: usize = 4;

/// A distant GitHub, where every asset has a checksum file of its own.
fn distant() -> Context {
    let mut context = Context::new();
    context.without_cache();
    let mut spec = ReleaseSpec::new("v0.0.144");
    for name in ASSETS {
        let bytes = format!("the worker of {name}").into_bytes();
        let sidecar = format!("{}  {name}\n", workers::sha256(&bytes));
        spec = spec.asset(AssetSpec::new(name, bytes).digest(Digest::Absent));
        spec = spec.file(&format!("{name}.sha256"), sidecar.into_bytes());
    }
    context.repo().add(spec);
    context.github.latency(Duration::from_millis(60));
    context
}

fn assert_overlaps(context: &Context, command: &str) {
    assert_eq!(context.github.most_at_once(), AT_ONCE, "{command}");
    context.github.clear_log();
}

/// Each line of stderr is one message, whatever else was going on.
fn downloads(output: &Output) -> Vec<&str> {
    output.stderr.lines().filter(|line| line.starts_with("Downloading ")).collect()
}

#[test]
fn a_lockfile_queries_four_assets_at_a_time() {
    let context = distant();
    let shown = context.succeed(&["lock", "--json"]).stdout;
    assert_overlaps(&context, "lock");
    context.forget_lock();
    context.github.latency(Duration::ZERO);
    assert_eq!(context.succeed(&["lock", "--json"]).stdout, shown, "the order does not depend on the responses");
    let positions: Vec<usize> = ASSETS.iter().map(|name| shown.find(&format!("\"{name}\"")).expect("listed")).collect();
    assert!(positions.is_sorted(), "{shown}");
}

#[test]
fn a_bundle_downloads_four_assets_at_a_time() {
    let context = distant();
    let bundle = |name: &str| context.succeed(&["bundle", "create", "--target", "all", "-o", name]);
    let output = bundle("a.tar");
    assert_overlaps(&context, "bundle create");
    let shown = downloads(&output);
    assert!(shown[0].starts_with("Downloading 6 assets ("), "{shown:?}");
    let expected: Vec<String> = ASSETS.iter().map(|name| format!("Downloading {name} v0.0.144")).collect();
    let started: Vec<&str> = shown[1..].iter().map(|line| line.split(" (").next().expect("a start")).collect();
    assert_eq!(started, expected);
    context.github.latency(Duration::ZERO);
    bundle("b.tar");
    let bytes = |name: &str| std::fs::read(context.project().join(name)).expect("a bundle");
    assert_eq!(bytes("a.tar"), bytes("b.tar"), "the bundle does not depend on the order of the responses");
}

#[test]
fn a_mirror_downloads_four_assets_at_a_time() {
    let context = distant();
    let output = context.succeed(&["mirror", "sync", "mirror"]);
    assert_overlaps(&context, "mirror sync");
    assert_eq!(downloads(&output).len(), 1 + ASSETS.len(), "{output:#?}");
    // In the order of the platforms.
    let positions = ["linux-amd64,", "linux-arm64,", "darwin-amd64,", "darwin-arm64,", "windows-amd64.exe,"]
        .map(|name| output.stdout.find(name).expect("listed"));
    assert!(positions.is_sorted(), "{output:#?}");
}
