//! The seeds that code builds. Those of `program` were made by `src/binary/samples.rs`; what a fuzzer found is named after
//! the defect it showed.

use std::fs;
use std::io::Read;

use chrono::DateTime;
use flate2::read::GzDecoder;
use reproq::io::fs::OutputFile;
use reproq::io::fs::hashing_writer::Written;
use reproq::io::fs::hashing_writer::hash_file;
use reproq::lockfile::LockedAsset;
use reproq::lockfile::Lockfile;
use reproq::model::Tool;
use reproq::model::progress::NoProgress;
use reproq::releases::prune::Action;
use reproq::releases::prune::Audit;
use reproq::releases::prune::AuditEvent;
use reproq::releases::prune::Inventory;
use reproq::releases::prune::PlanFile;
use reproq::releases::prune::PlannedRepository;
use reproq::releases::prune::PrunePlan;
use reproq::releases::prune::PrunePolicy;
use reproq::sources::bundle::BundlePlan;
use reproq::sources::bundle::Parts;
use reproq::trust::Level;
use reproq::worker::store::Receipt;
use serde_json::Value;
use serde_json::json;

use crate::LARGEST_SEED;
use crate::samples;
use crate::samples::Sample;

/// A target, the seed's name, its bytes.
type Seed = (&'static str, String, Vec<u8>);

const A: &str = "2d6721014757fa10799d528b6b15aee6c76a841b9ea74e187875f4abfcdbedd5";
const B: &str = "b34e94eec4bd93de0dea0820ad9382e86e0f6c06b330dd45dc0e560b40187f9b";

/// The digest of the binary the target `store` puts beside its records.
const BINARY: &str = "19aa8a3468d17bc751d9d045738e3be3b3f17d00f2d7e8e6ee677c992f68c1d2";

/// Every seed.
pub(super) fn all() -> Vec<Seed> {
    let mut seeds = archives();
    seeds.extend(bundles());
    seeds.extend(checksums());
    seeds.extend(go_info());
    seeds.extend(headers());
    seeds.extend(mirrors());
    seeds.extend(plans());
    seeds.extend(settings());
    seeds.extend(stores());
    seeds.extend(texts());
    seeds.extend(plan_files());
    seeds.extend(audits());
    seeds
}

fn named(target: &'static str, seeds: impl IntoIterator<Item = (&'static str, impl Into<Vec<u8>>)>) -> Vec<Seed> {
    seeds.into_iter().map(|(name, bytes)| (target, name.to_owned(), bytes.into())).collect()
}

/// The honest archives, and of the hostile ones every few; their own tests have all of them.
fn archives() -> Vec<Seed> {
    let built = |samples: &[Sample]| {
        let body = samples::body(60);
        samples.iter().map(|(name, build)| (*name, build("reproq", &body))).collect::<Vec<_>>().into_iter()
    };
    let zips = built(samples::HONEST_ZIP).chain(built(&samples::hostile_zip()).step_by(3));
    let streams = built(samples::HONEST_TAR_GZ).chain(built(&samples::hostile_tar_gz()).step_by(6));
    let plain = built(samples::HONEST_TAR_GZ).chain(built(&samples::hostile_tar_gz()).skip(3).step_by(6));
    let plain = plain.filter_map(|(name, bytes)| {
        let mut tar = Vec::new();
        GzDecoder::new(&bytes[..]).take(LARGEST_SEED as u64 + 1).read_to_end(&mut tar).ok()?;
        Some((format!("{name} (tar)"), tar))
    });
    let streams = streams.map(|(name, bytes)| (name.to_owned(), bytes));
    let seeds = streams.chain(plain).map(|(name, bytes)| ("tar_gz", name, bytes));
    let seeds = seeds.chain(zips.map(|(name, bytes)| ("zip", name.to_owned(), bytes)));
    seeds.filter(|(_, _, bytes)| !bytes.is_empty() && bytes.len() <= LARGEST_SEED).collect()
}

/// Bundles as small as they can be: one without an asset, one with an asset of a few bytes, and their manifests.
fn bundles() -> Vec<Seed> {
    let directory = tempfile::tempdir().expect("a directory");
    let target = "linux-amd64".parse().expect("a target");
    let asset = directory.path().join("asset");
    fs::write(&asset, "worker").expect("written");
    let sha256 = hash_file(&asset).expect("readable");
    let locked = LockedAsset {
        target,
        name: "reproq-linux-amd64".to_owned(),
        size: Some(6),
        sha256,
        evidence: Vec::new(),
        verdict: Level::Digest,
    };
    let made = |name: &'static str, assets: Vec<LockedAsset>| {
        let (repository, tag) = ("a/b".parse().expect("a repository"), "v1.0.0".parse().expect("a tag"));
        let lockfile = Lockfile::new(repository, tag, None, assets.clone());
        let file = || Written { path: asset.clone(), size: 6, sha256, id: None };
        let assets = assets.into_iter().map(|asset| (asset, file())).collect();
        let plan = BundlePlan::compute(Parts { tool: Tool::WORKER, lockfile, assets, files: Vec::new(), source: None });
        let plan = plan.expect("a plan");
        let path = directory.path().join("bundle.tar");
        let _ = reproq::sources::bundle::write(&plan, OutputFile::create(&path).expect("begun"), &NoProgress)
            .expect("written");
        [
            ("bundle", name.to_owned(), fs::read(path).expect("readable")),
            ("bundle", format!("manifest {name}"), plan.manifest.render()),
        ]
    };
    let [small, larger] = [made("without an asset", Vec::new()), made("with an asset", vec![locked])];
    small.into_iter().chain(larger).filter(|(_, _, bytes)| bytes.len() <= LARGEST_SEED).collect()
}

fn checksums() -> Vec<Seed> {
    let name = "reproq-linux-amd64";
    named(
        "checksums",
        [
            ("gnu", format!("{A}  {name}\n{B} *reproq-darwin-arm64\n")),
            ("bsd", format!("SHA256 ({name}) = {A}\n")),
            ("bare", format!("{A}\n")),
            ("directories", format!("{A}  ./dist/{name}\r\n{B}\tC:\\dist\\other\r\n")),
            ("comments", format!("\u{feff}# comment\n\n{}  {name}\n", A.to_uppercase())),
            ("twice", format!("{A}  {name}\n{A}  {name}\n")),
            ("contradiction", format!("{A}  {name}\n{B}  {name}\n")),
            ("page", "<!DOCTYPE html>\n<title>Sign in</title>\n".to_owned()),
            ("other-algorithm", format!("SHA512 ({name}) = {A}{B}\n")),
        ],
    )
}

/// Indexes: an honest one, and what is wrong in every way once.
fn mirrors() -> Vec<Seed> {
    let honest = json!({
        "schema": reproq::sources::mirror::SCHEMA,
        "tool": "reproq-worker",
        "repository": "adpena/reproq-worker",
        "releases": [
            {
                "tag": "v0.0.145-rc.1",
                "prerelease": true,
                "assets": [{"target": "windows-amd64", "name": "reproq-windows-amd64.exe", "size": 3, "sha256": B}],
            },
            {
                "tag": "v0.0.144",
                "version": "0.0.144",
                "published": "2024-01-31T12:00:00Z",
                "assets": [{"target": "linux-amd64", "name": "reproq-linux-amd64", "size": 3, "sha256": A, "proofs": []}],
                "files": [{"name": "SHA256SUMS", "size": 2, "sha256": B}],
            },
        ],
    });
    let text = serde_json::to_string_pretty(&honest).expect("JSON");
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    named(
        "mirror",
        [
            ("whole", text.clone()),
            (
                "empty",
                changed(
                    &text[text.find("\"releases\"").expect("there")..text.rfind(']').expect("there")],
                    "\"releases\": [",
                ),
            ),
            ("later", changed("reproq.mirror/1", "reproq.mirror/2")),
            ("bundle", changed("reproq.mirror/1", "reproq.bundle/1")),
            ("fork", changed("adpena/", "some/")),
            ("tag-elsewhere", changed("v0.0.144", "../../v0.0.144")),
            ("tag-without-version", changed("v0.0.144", "nightly")),
            ("name-elsewhere", changed("\"SHA256SUMS\"", "\"../../SHA256SUMS\"")),
            ("twice", changed("v0.0.145-rc.1", "v0.0.144")),
            ("key-twice", changed("\"size\": 3", "\"size\": 3, \"size\": 4")),
            ("huge", changed("\"size\": 3", "\"size\": 18446744073709551615")),
            ("case", changed("\"SHA256SUMS\"", "\"Reproq-linux-amd64\"")),
            ("codes", changed("\"SHA256SUMS\"", "\"\\u001b[2J\"")),
        ],
    )
}

fn go_info() -> Vec<Seed> {
    let block = |version: &str, description: &str| {
        let mut bytes = Vec::new();
        for text in [version.to_owned(), format!("0123456789abcdef{description}fedcba9876543210")] {
            let mut length = text.len();
            while length >= 0x80 {
                bytes.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(text.as_bytes());
        }
        bytes
    };
    let worker = "path\treproq-worker/cmd/reproq\nmod\treproq-worker\tv0.0.144\th1:x=\nbuild\t-tags=prod\n\
                  build\t-trimpath=true\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\n";
    let checkout = "path\treproq-worker/cmd/reproq\nmod\treproq-worker\t(devel)\t\ndep\tgithub.com/x/y\tv1.0.0\n\
                    build\t-ldflags=\"-s -w\"\nbuild\tCGO_ENABLED=1\nbuild\tvcs=git\nbuild\tvcs.revision=0123abcd\n\
                    build\tvcs.time=2026-01-01T00:00:00Z\nbuild\tvcs.modified=true\n";
    named(
        "go_info",
        [
            ("worker", block("go1.24.11", worker)),
            ("checkout", block("go1.25.0 X:nocoverageredesign", checkout)),
            ("another-program", block("go1.22.1", "path\tcommand-line-arguments\n")),
            ("carriage-return", block("go1.24.11", "path\tx\nmod\tother\rreproq-worker\tv1\n")),
            ("no-module", [&b"\x09go1.24.11"[..], &[0]].concat()),
            ("no-mark", b"\x09go1.24.11\x05hello".to_vec()),
            ("length-without-end", vec![0xff; 8]),
        ],
    )
}

fn headers() -> Vec<Seed> {
    let date = "date: Tue, 14 Nov 2023 22:13:20 GMT";
    named(
        "headers",
        [
            ("primary-limit", format!("403\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000030\n{date}\n\n{{}}")),
            ("secondary-limit", "403\n\n{\"message\": \"You have exceeded a secondary rate limit\"}".to_owned()),
            ("seconds", format!("429\nretry-after: 7\n{date}\n\n")),
            ("until-a-date", format!("429\nretry-after: Tue, 14 Nov 2023 22:14:20 GMT\n{date}\n\n")),
            ("forever", format!("429\nretry-after: 18446744073709551615\n{date}\n\n")),
            ("beyond-the-calendar", format!("403\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 8210266876799\n{date}\n\n")),
            ("sso", "403\nx-github-sso: required; url=https://github.com/orgs/a/sso?x=1\n\n".to_owned()),
            ("permission", "403\nx-accepted-github-permissions: contents=write\n\n{\"message\": \"Resource not accessible\"}".to_owned()),
            ("moved", "301\nlocation: https://api.github.com/repositories/1\n\n{}".to_owned()),
            ("gone", "422\n\n{\"message\": \"Reference does not exist\"}".to_owned()),
            ("rule", "422\n\n{\"message\": \"Repository rule violations found\\n\\nCannot delete this protected ref.\"}".to_owned()),
            ("page", "502\ncontent-type: text/html\n\n<html>".to_owned()),
            ("next", "200\nlink: <https://api.github.com/x?page=2>; rel=\"next\", <https://api.github.com/x?page=9>; rel=\"last\"\n\n[]".to_owned()),
            ("last", "200\nlink: <https://api.github.com/x?page=1>; rel=\"first prev\"; title=\"a, b\"\n\n[]".to_owned()),
        ],
    )
}

/// Four bytes of policy, then four for each part; `fuzz/src/plans.rs` says what they mean.
fn plans() -> Vec<Seed> {
    let released = |name: u8, date: u8| [name, 0x12, date, 1];
    let line: Vec<u8> = (0..10).flat_map(|n| released(0x40 + n, 10 + n)).collect();
    let crossed: Vec<u8> = (0..10).flat_map(|n| released(0x40 + n, 40 - n)).collect();
    let names: Vec<u8> = (0..16).flat_map(|n| released(n, 20 + n)).collect();
    let mixed = [
        released(0x40, 1),
        [0x41, 0x00, 2, 0],
        [0x42, 0x06, 3, 1],
        [0x43, 0x0a, 4, 1],
        [0x44, 0x22, 5, 1],
        [0x45, 0x12, 6, 0xc1],
        [0x46, 0x13, 7, 2],
        [0x47, 0x12, 0, 0],
    ];
    let with = |policy: [u8; 4], parts: &[u8]| [&policy, parts].concat();
    named(
        "plan",
        [
            ("one-line", with([2, 0, 0, 9], &line)),
            ("orders-disagree", with([2, 0, 0, 0], &crossed)),
            ("by-semver", with([0x0a, 0, 0, 3], &crossed)),
            ("by-date", with([0x11, 0, 0, 3], &crossed)),
            ("spellings", with([0, 0, 0, 255], &names)),
            ("prereleases-apart", with([0xc0, 2, 0, 255], &names)),
            ("prereleases-ignored", with([0x40, 0, 0, 255], &names)),
            ("all-kinds", with([0, 0, 0, 1], mixed.as_flattened())),
            ("all-kinds-immutable-too", with([0x20, 0, 5, 255], mixed.as_flattened())),
            ("young", with([0, 0xe0, 2, 255], &line)),
        ],
    )
}

fn settings() -> Vec<Seed> {
    named(
        "settings",
        [
            (
                "whole",
                "[project]\nname = \"x\"\n[tool.reproq]\nrepository = \"adpena/reproq-worker\"\nrequire = \"digest\"\noffline = false\nsource = \"../reproq-worker\"\n[tool.reproq.release]\nrepository = \"a/b\"\nprotect = [\"v1.*\"]\n",
            ),
            ("enterprise", "[tool.reproq]\ngithub-server-url = \"https://git.acme.org/x/\"\n"),
            ("api", "github-api-url = \"http://127.0.0.1:8080/api?x=1#y\"\n"),
            ("ghe", "github-server-url = \"https://acme.ghe.com\"\n"),
            ("password", "[tool.reproq]\ngithub-api-url = \"https://user:hunter2@api.acme.org\"\n"),
            ("password-without-encryption", "github-api-url = \"http://user:hunter2@api.acme.org\"\n"),
            ("password-in-no-address", "github-api-url = \"https://user:hunter2@api.acme.org:port\"\n"),
            ("password-elsewhere", "github-server-url = \"ftp://user:hunter2@acme.org\"\n"),
            ("password-in-a-repository", "repository = \"https://user:hunter2@github.com/acme/tool\"\n"),
            ("wrong-kinds", "[tool.reproq]\nrepository = 3\nrelease = []\n"),
            ("unknown", "speling = 1\nrelease = { keep = 3 }\n"),
            ("not-toml", "[tool.reproq\n"),
            ("deep", "x = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n"),
        ],
    )
}

fn receipt(sha256: &str, origin: &Value) -> Value {
    let receipt = json!({
        "schema": "reproq.receipt/1", "tool": "reproq-worker", "target": "linux-amd64", "sha256": sha256, "size": 10,
        "version": "0.0.144", "verdict": "digest",
        "evidence": [{"source": {"kind": "api_digest"}, "finding": "found", "sha256": sha256}],
        "origin": origin, "notes": ["built with cgo"], "installer": "reproq-cli 0.1.0",
        "installed_at": "2026-01-01T00:00:00Z",
    });
    serde_json::from_value::<Receipt>(receipt.clone()).expect("a receipt");
    receipt
}

fn stores() -> Vec<Seed> {
    let state = |current: &str| {
        json!({
            "schema": "reproq.state/1", "current": current, "previous": B,
            "seen": {"size": 10, "modified": [1, 2], "changed": [3, 4], "device": 5, "inode": 6},
        })
    };
    let release = json!({
        "kind": "release", "repository": "adpena/reproq-worker", "tag": "v0.0.144",
        "asset": {"name": "reproq-linux-amd64.zip", "url": "https://github.com/x", "size": 5, "sha256": A, "member": "reproq"},
    });
    let build = json!({
        "kind": "build", "source": "/src", "commit": null, "dirty": true, "source_version": "0.0.145",
        "go_version": "go1.24.11", "reason": "asked for",
    });
    let both = |state: &Value, receipt: &Value| format!("{state}\n---\n{receipt}");
    named(
        "store",
        [
            ("intact", both(&state(BINARY), &receipt(BINARY, &release))),
            ("changed", both(&state(A), &receipt(A, &release))),
            ("built", both(&state(A), &receipt(A, &build))),
            ("about-another", both(&state(BINARY), &receipt(A, &release))),
            ("foreign", "{}\n---\n{}".to_owned()),
            ("one-for-both", receipt(BINARY, &build).to_string()),
            ("numbers", "{\"schema\":\"reproq.state/1\",\"seen\":{\"size\":1e400}}".to_owned()),
            ("deep", "[".repeat(300)),
        ],
    )
}

fn texts() -> Vec<Seed> {
    named(
        "text",
        [
            ("tag", "v1.0.0-rc.1+build.5"),
            ("target", "darwin-arm64"),
            ("repository", "adpena/reproq-worker"),
            ("digest", "sha256:2d6721014757fa10799d528b6b15aee6c76a841b9ea74e187875f4abfcdbedd5"),
            ("colours", "v1\u{1b}[31m\u{7}\u{9b}x\r\n\ttab\0"),
            ("directions", "a\u{202e}b\u{200f}c\u{2066}d\u{61c}e"),
            ("lines", "a\u{2028}b\u{2029}c\u{85}d"),
            ("accents", "re\u{301}sume\u{301} \u{1f469}\u{200d}\u{1f680}"),
            ("lock", "refs/tags/a.lock"),
        ],
    )
}

fn inventory() -> Inventory {
    let releases: Vec<Value> = (1..=4)
        .map(|n| {
            json!({
                "id": n, "node_id": null, "tag": format!("v1.{n}.0"), "name": null, "draft": false, "prerelease": false,
                "immutable": false, "created_at": null, "published_at": format!("2026-01-0{n}T00:00:00Z"),
                "updated_at": null, "assets": [{
                    "id": n, "name": "reproq-linux-amd64", "size": 1, "state": "uploaded", "digest": null, "downloads": 0,
                }],
            })
        })
        .collect();
    let tag =
        |n: u8| json!({"name": format!("v1.{n}.0"), "object_id": "a".repeat(40), "kind": "lightweight", "dated": null});
    let repository = json!({"id": 7, "node_id": null, "full_name": "acme/tool", "archived": false, "may_push": true});
    let inventory = json!({
        "repository": repository, "releases": releases, "tags": [tag(1), tag(2), tag(3), tag(4)], "latest": 4,
        "complete": "complete",
    });
    serde_json::from_value(inventory).expect("an inventory")
}

fn plan() -> PrunePlan {
    let policy = PrunePolicy::new(std::num::NonZeroU32::MIN.saturating_add(1));
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a date");
    PrunePlan::compute(&inventory(), &policy, now).expect("a plan")
}

fn plan_files() -> Vec<Seed> {
    let whole = PlanFile::new(&plan(), "0.1.0").to_json();
    let changed = whole.replace("\"v1.1.0\"", "\"v1.4.0\"");
    let later = whole.replace("prune-plan/1", "prune-plan/2");
    // Without the space that makes it pleasant to read.
    let compact = serde_json::from_str::<Value>(&whole).expect("JSON").to_string();
    named("plan_file", [("whole", whole), ("changed", changed), ("later", later), ("compact", compact)])
}

fn audits() -> Vec<Seed> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.jsonl");
    let mut audit = Audit::open(&path).expect("opened");
    let (plan, time) = (plan(), DateTime::UNIX_EPOCH);
    let repository = PlannedRepository { id: 7, full_name: "acme/tool".parse().expect("a repository") };
    let begin = AuditEvent::Begin {
        schema: reproq::releases::prune::AUDIT_SCHEMA.to_owned(),
        tool_version: "0.1.0".to_owned(),
        command: "prune".to_owned(),
        repository,
        plan_digest: None,
        units: vec!["v1.1.0".to_owned(), "r\u{e9}sum\u{e9}".to_owned()],
    };
    audit.write(time, begin).expect("written");
    let gone = &plan.delete()[0];
    let release = Box::new(gone.releases[0].clone());
    audit.intent(time, Action::DeleteRelease { release, tag: gone.tag.clone() }).expect("written");
    audit.intent(time, Action::DeleteTags { tags: gone.tag.iter().cloned().collect() }).expect("written");
    audit.write(time, AuditEvent::End { status: "success".to_owned(), deleted: 1 }).expect("written");
    let whole = fs::read(&path).expect("text");
    let accent = whole.windows(2).position(|two| two == "\u{e9}".as_bytes()).expect("it is there");
    let resumed = [&whole[..whole.len() / 2], b"\n", &whole].concat();
    named(
        "audit",
        [
            ("a-letter-in-the-last-line", first_line(&whole)),
            ("cut-in-a-letter", whole[..=accent].to_vec()),
            ("later", b"{\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"something-new\",\"x\":1}\n".to_vec()),
            ("resumed", resumed),
            ("whole", whole),
        ],
    )
}

fn first_line(text: &[u8]) -> Vec<u8> {
    text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec()
}
