//! Damaged mirrors, and interrupted synchronizations.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Instant;

use fake_github::AssetSpec;
use fake_github::Digest;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::ReleaseSpec;
use serde_json::Value;
use serde_json::json;

use crate::bundle::release;
use crate::mirror::asset;
use crate::mirror::damage;
use crate::mirror::forget;
use crate::mirror::index;
use crate::mirror::mirrored;
use crate::mirror::outcomes;
use crate::mirror::said;
use crate::mirror::sync;
use crate::support::Context;
use crate::support::Nginx;
use crate::support::context::asset_name;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::record;
#[cfg(unix)]
use crate::support::memory;
use crate::support::workers;

const FROM_MIRROR: [&str; 3] = ["install", "--mirror", "../../mirror"];
const WITH_GITHUB: [&str; 5] = ["install", "--mirror", "../../mirror", "--mirror", "github"];

/// Changes a part of the index.
fn edit(mirror: &Path, change: impl FnOnce(&mut Value)) {
    let text = fs::read(index(mirror)).expect("an index");
    let mut document = serde_json::from_slice(&text).expect("JSON");
    change(&mut document);
    fs::write(index(mirror), serde_json::to_vec(&document).expect("JSON")).expect("written");
}

/// The index's entry for this platform's asset of the newest release.
fn entry(document: &mut Value) -> &mut Value {
    let assets = document["releases"][0]["assets"].as_array_mut().expect("assets");
    assets.iter_mut().find(|asset| asset["name"] == asset_name().as_str()).expect("this machine's")
}

#[test]
fn a_changed_byte_is_named_and_never_placed() {
    let (mut context, mirror) = mirrored();
    // A build would be possible, but must not replace refused bytes.
    context.without_cache().with_go().sibling_checkout();
    damage(&asset(&mirror, "v0.0.145"));
    insta::assert_snapshot!(context.shown(&FROM_MIRROR));
    assert_eq!(context.run(&[&FROM_MIRROR[..], &["--offline"]].concat()).code, 5);
    assert!(!context.binary().exists() && context.github.requests().is_empty());
    // The next source is used, and the lockfile is complete.
    let output = context.succeed(&WITH_GITHUB);
    assert!(output.stderr.contains("has a damaged") && output.stderr.contains("; trying GitHub"), "{output:#?}");
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.145"));
    fs::remove_dir_all(context.project().join(".reproq")).expect("removed");
    insta::assert_snapshot!(context.shown(&[&FROM_MIRROR[..], &["--locked"]].concat()));
    context.succeed(&[&WITH_GITHUB[..], &["--locked"]].concat());
    // A truncated file.
    let cut = fs::read(asset(&mirror, "v0.0.145")).expect("there");
    fs::write(asset(&mirror, "v0.0.145"), &cut[1..]).expect("written");
    let output = context.run(&[&FROM_MIRROR[..], &["--force"]].concat());
    assert!(output.code == 5 && output.stderr.contains("bytes instead of"), "{output:#?}");
    // The synchronization detects it.
    damage(&mirror.join("adpena/reproq-worker/releases/download/v0.0.144/SHA256SUMS"));
    fs::remove_file(asset(&mirror, "v0.0.144")).expect("removed");
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror"]));
    context.succeed(&[&FROM_MIRROR[..], &["--force", "--locked"]].concat());
    assert_eq!(outcomes(&sync(&context, &[])), said(&[("v0.0.145", "complete"), ("v0.0.144", "complete")]));
}

#[test]
fn a_changed_byte_on_a_server_is_refused_as_well() {
    let (mut context, mirror) = mirrored();
    let Some(nginx) = Nginx::serving(&mirror) else { return };
    context.without_cache().succeed(&["lock"]);
    damage(&asset(&mirror, "v0.0.145"));
    let url = nginx.url();
    let locked = context.run(&["install", "--mirror", &url, "--locked"]);
    assert!(locked.code == 5 && locked.stderr.contains("has a damaged"), "{locked:#?}");
    forget(&context);
    let output = context.run(&["install", "--mirror", &url]);
    assert!(output.code == 5 && output.stderr.contains("has a damaged"), "{output:#?}");
    fs::write(asset(&mirror, "v0.0.145"), "short").expect("written");
    let output = context.run(&["install", "--mirror", &url]);
    assert!(output.code == 5 && output.stderr.contains("5 bytes instead of"), "{output:#?}");
    // A checksum file is compared with the index, too.
    fs::write(asset(&mirror, "v0.0.145"), workers::bytes("0.0.145")).expect("written");
    damage(&mirror.join("adpena/reproq-worker/releases/download/v0.0.145/SHA256SUMS"));
    let output = context.run(&["install", "--mirror", &url]);
    assert!(output.code == 5 && output.stderr.contains("has a damaged SHA256SUMS"), "{output:#?}");
    assert!(!context.binary().exists());
    // A very large index, and one without read permission.
    fs::write(index(&mirror), vec![b' '; 5 * 1024 * 1024]).expect("written");
    let output = context.run(&["install", "--mirror", &url]);
    assert!(output.code == 5 && output.stderr.contains("it has more than"), "{output:#?}");
    let private = nginx.forbidden_url();
    let output = context.run(&["install", "--mirror", &private]);
    assert!(output.code == 9 && output.stderr.contains("publicly readable"), "{output:#?}");
    let output = context.succeed(&["install", "--mirror", &private, "--mirror", "github"]);
    assert!(output.stderr.contains("(HTTP 403); trying GitHub"), "{output:#?}");
}

#[test]
fn a_mirror_is_never_trusted_more_than_the_lock() {
    let (mut context, mirror) = mirrored();
    context.without_cache().succeed(&["lock"]);
    let lock = fs::read_to_string(context.lockfile()).expect("a lock");
    // The mirror's operator changes the file, and the index to match.
    let other = workers::bytes("0.0.144");
    fs::write(asset(&mirror, "v0.0.145"), &other).expect("written");
    edit(&mirror, |document| {
        entry(document)["sha256"] = workers::sha256(&other).into();
        entry(document)["size"] = other.len().into();
        document["releases"][0]["files"] = json!([]);
    });
    context.github.clear_log();
    insta::assert_snapshot!(context.shown(&FROM_MIRROR));
    assert!(context.github.requests().is_empty());
    let output = context.run(&["lock", "--mirror", "../../mirror"]);
    assert!(output.code == 5 && output.stderr.contains("does not match reproq.lock"), "{output:#?}");
    let output = context.run(&[&FROM_MIRROR[..], &["--tag", "v0.0.145"]].concat());
    assert_eq!(output.code, 5, "{output:#?}");
    assert_eq!(fs::read_to_string(context.lockfile()).expect("a lock"), lock);
    assert!(!context.binary().exists());
    // GitHub states another digest, so the synchronization leaves the file unchanged and reports it.
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror"]));
    // Without a lockfile and other evidence, the version must still match the tag.
    forget(&context);
    let output = context.run(&FROM_MIRROR);
    assert!(output.code == 5 && output.stderr.contains("0.0.144"), "{output:#?}");
    // After removing the file from the directory, GitHub's file is fetched.
    fs::remove_file(asset(&mirror, "v0.0.145")).expect("removed");
    assert_eq!(outcomes(&sync(&context, &[]))[0], ("v0.0.145".to_owned(), "updated".to_owned()));
    context.succeed(&FROM_MIRROR);
}

#[cfg(unix)]
#[test]
fn a_hostile_index_is_refused_within_the_limits() {
    let (mut context, mirror) = mirrored();
    context.without_cache();
    let whole = fs::read(index(&mirror)).expect("an index");
    let text = String::from_utf8(whole.clone()).expect("text");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = serde_json::from_slice(&whole).expect("JSON");
        change(&mut document);
        serde_json::to_vec(&document).expect("JSON")
    };
    let huge = [&whole[..whole.len() - 2], &vec![b' '; 5 * 1024 * 1024], b"}"].concat();
    let many = changed(&|document| {
        let release = document["releases"][0].clone();
        let releases = (0..1500).map(|number| {
            let mut release = release.clone();
            release["tag"] = format!("v1.0.{number}").into();
            release["version"] = format!("1.0.{number}").into();
            release
        });
        document["releases"] = releases.chain([release.clone(), release.clone()]).collect();
    });
    for (name, bytes, code) in [
        ("nothing", Vec::new(), 5),
        ("a page", b"<html>Log in</html>".to_vec(), 5),
        ("cut", whole[..whole.len() / 2].to_vec(), 5),
        ("a later format", text.replacen("reproq.mirror/1", "reproq.mirror/2", 1).into_bytes(), 2),
        ("a bundle's manifest", text.replacen("reproq.mirror/1", "reproq.bundle/1", 1).into_bytes(), 5),
        ("longer than any", huge, 5),
        ("many releases, one twice", many, 5),
        ("endless nesting", format!("{{\"a\":{}", "[".repeat(1_000_000)).into_bytes(), 5),
        ("a key twice", text.replacen("\"size\"", "\"size\": 1, \"size\"", 1).into_bytes(), 5),
        ("another repository", text.replacen("adpena/reproq-worker", "some/fork", 1).into_bytes(), 5),
        ("a tag that leads elsewhere", changed(&|it| it["releases"][0]["tag"] = "../../../x".into()), 5),
        ("an asset that leads elsewhere", changed(&|it| entry(it)["name"] = "../../../../secret".into()), 5),
        ("an absolute name", changed(&|it| it["releases"][0]["files"][0]["name"] = "/etc/passwd".into()), 5),
        ("escape codes", changed(&|it| it["releases"][0]["files"][0]["name"] = "\u{1b}[2J".into()), 5),
        ("another machine's name", changed(&|it| entry(it)["target"] = "windows-arm64".into()), 5),
        ("an absurd size", changed(&|it| entry(it)["size"] = u64::MAX.into()), 5),
        ("a large size", changed(&|it| entry(it)["size"] = (2_u64 << 30).into()), 5),
        ("a digest of something else", changed(&|it| entry(it)["sha256"] = "0".repeat(64).into()), 5),
    ] {
        fs::write(index(&mirror), bytes).expect("written");
        let output = memory::within_the_limit(context.command(&FROM_MIRROR));
        assert_eq!(output.code, code, "{name}: {output:#?}");
        assert!(output.stderr.contains("hint: ") && !output.stderr.contains('\u{1b}'), "{name}: {output:#?}");
        assert!(output.stderr.contains("the mirror"), "{name}: it is named: {output:#?}");
        assert!(!context.binary().exists() && context.github.requests().is_empty(), "{name}");
    }
    for (name, make) in [("a device", "/dev/zero"), ("a directory", "/"), ("itself", "index.json")] {
        fs::remove_file(index(&mirror)).expect("removed");
        std::os::unix::fs::symlink(make, index(&mirror)).expect("linked");
        let output = memory::within_the_limit(context.command(&FROM_MIRROR));
        assert!(output.code != 0 && output.stderr.contains("the mirror "), "{name}: {output:#?}");
    }
    // An endless asset.
    fs::remove_file(index(&mirror)).expect("removed");
    fs::write(index(&mirror), &whole).expect("written");
    fs::remove_file(asset(&mirror, "v0.0.145")).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", asset(&mirror, "v0.0.145")).expect("linked");
    let output = memory::within_the_limit(context.command(&FROM_MIRROR));
    assert!(output.code != 0 && output.stderr.contains("not a file"), "{output:#?}");
    assert!(!context.binary().exists());
}

#[test]
fn one_failed_release_does_not_block_the_others() {
    let context = Context::new();
    release(&context, "v0.0.144");
    let sums = format!("{}  {}\n", "0".repeat(64), asset_name());
    let worker = workers::bytes("0.0.145");
    let spec = ReleaseSpec::new("v0.0.145").file(&asset_name(), worker).file("SHA256SUMS", sums.into_bytes());
    context.repo().add(spec);
    insta::assert_snapshot!(context.shown(&["mirror", "sync", "../../mirror"]));
    context.succeed(&FROM_MIRROR);
    assert_eq!(fs::read(context.binary()).expect("installed"), workers::bytes("0.0.144"));
    // If nothing is fetched, the mirror is unchanged.
    let output = context.run(&["mirror", "sync", "../../other", "--tag", "v0.0.145"]);
    assert_eq!(output.code, 5, "{output:#?}");
    let asset_now = AssetSpec::new(&asset_name(), workers::bytes("0.0.146")).open();
    context.repo().add(ReleaseSpec::new("v0.0.146").asset(asset_now));
    let output = context.run(&["mirror", "sync", "../../other", "--tag", "v0.0.146"]);
    assert!(output.code == 6 && output.stderr.contains("being published right now"), "{output:#?}");
    // A release is not removed in favor of one that could not be fetched.
    let output = context.run(&["mirror", "sync", "../../mirror", "--keep", "1"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(asset(&context.root().join("mirror"), "v0.0.144").exists());
}

#[test]
fn an_asset_changed_on_github_is_kept_as_mirrored() {
    let (mut context, mirror) = mirrored();
    context.without_cache();
    let other = workers::bytes("0.0.144");
    context.repo().replace_bytes("v0.0.145", &asset_name(), other);
    let output = context.run(&["mirror", "sync", "../../mirror"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert!(output.stdout.contains("changed on GitHub since it was mirrored"), "{output:#?}");
    assert_eq!(fs::read(asset(&mirror, "v0.0.145")).expect("there"), workers::bytes("0.0.145"));
    // Also if GitHub states no digest.
    context.repo().state_digest("v0.0.145", &asset_name(), Digest::Absent);
    damage(&asset(&mirror, "v0.0.145"));
    let output = context.run(&["mirror", "sync", "../../mirror"]);
    assert_eq!(output.code, 7, "{output:#?}");
}

#[test]
fn lost_files_are_restored_from_the_cache() {
    let (context, mirror) = mirrored();
    context.succeed(&["install", "--tag", "v0.0.144"]);
    let snapshot = context.repo().snapshot();
    let gone = snapshot.releases.iter().find(|release| release.tag == "v0.0.144").expect("a release");
    context.repo().delete_release(gone.id);
    damage(&asset(&mirror, "v0.0.144"));
    let report = sync(&context, &[]);
    assert_eq!(outcomes(&report), said(&[("v0.0.145", "complete"), ("v0.0.144", "updated")]));
    assert_eq!(fs::read(asset(&mirror, "v0.0.144")).expect("there"), workers::bytes("0.0.144"));
    // No source has it anymore: this is reported, and the rest is still available.
    context.succeed(&["cache", "clean"]);
    damage(&asset(&mirror, "v0.0.144"));
    let output = context.run(&["mirror", "sync", "../../mirror"]);
    assert!(output.code == 7 && output.stdout.contains("damaged"), "{output:#?}");
    context.succeed(&[&FROM_MIRROR[..], &["--tag", "v0.0.145"]].concat());
}

/// Every file in the index exists and matches it.
fn assert_whole(mirror: &Path, name: &str) {
    let Ok(text) = fs::read(index(mirror)) else { return };
    let document: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    for release in document["releases"].as_array().expect("releases") {
        let directory = index(mirror).with_file_name("download").join(release["tag"].as_str().expect("a tag"));
        let files = [&release["assets"], &release["files"]].into_iter().filter_map(Value::as_array).flatten();
        for file in files {
            let bytes = fs::read(directory.join(file["name"].as_str().expect("a name")));
            let bytes = bytes.unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
            assert_eq!(file["sha256"], workers::sha256(&bytes).as_str(), "{name}: {file}");
        }
    }
}

/// The asset and its checksum file are each fetched once.
#[test]
fn a_release_whose_asset_and_checksum_file_are_gone_is_repaired() {
    let context = Context::new();
    let worker = workers::bytes("0.0.145");
    let sum = format!("{}  {}\n", workers::sha256(&worker), asset_name());
    let sum_name = format!("{}.sha256", asset_name());
    context.repo().add(ReleaseSpec::new("v0.0.145").file(&asset_name(), worker).file(&sum_name, sum.into_bytes()));
    sync(&context, &[]);
    let mirror = context.root().join("mirror");
    for missing in [&[asset_name(), sum_name.clone()][..], std::slice::from_ref(&sum_name), &[asset_name()]] {
        for name in missing {
            fs::remove_file(asset(&mirror, "v0.0.145").with_file_name(name)).expect("removed");
        }
        assert_eq!(outcomes(&sync(&context, &[])), said(&[("v0.0.145", "updated")]), "{missing:?}");
        assert_whole(&mirror, "after the repair");
        assert!(asset(&mirror, "v0.0.145").with_file_name(&sum_name).exists());
    }
    for name in [asset_name(), sum_name] {
        fs::remove_file(asset(&mirror, "v0.0.145").with_file_name(name)).expect("removed");
    }
    let output = context.succeed(&["mirror", "sync", "../../mirror"]);
    let fault = "mirror: an asset and its checksum file are gone, sync";
    record(Part::Machine, fault, &context, &output, "the release, whole again");
}

#[test]
fn a_synchronization_that_is_killed_leaves_a_mirror() {
    const ROUNDS: u32 = 24;
    let context = Context::new();
    let mirror = context.root().join("mirror");
    let tags: Vec<String> = (140..146).map(|patch| format!("v0.0.{patch}")).collect();
    tags.iter().for_each(|tag| release(&context, tag));
    let arguments = ["mirror", "sync", "../../mirror", "--keep", "4"];
    let began = Instant::now();
    sync(&context, &["--keep", "6"]);
    let whole = began.elapsed();
    let mut states = BTreeSet::new();
    for round in 0..ROUNDS {
        if round % 4 == 0 {
            fs::remove_dir_all(&mirror).expect("removed");
        } else if round % 4 == 2 {
            sync(&context, &["--keep", "6"]);
        }
        let fraction = (f64::from(round) * 0.618_033_988_75).fract();
        let mut child = context.spawn(&arguments);
        sleep(whole.mul_f64(fraction));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let name = format!("round {round}, {fraction:.3} of {whole:?}");
        assert_whole(&mirror, &name);
        states.insert(fs::read(index(&mirror)).ok());
    }
    assert!(states.len() > 2, "the kills came at different moments");
    sync(&context, &["--keep", "4"]);
    assert_whole(&mirror, "in the end");
    let left = fs::read_dir(&mirror).expect("readable").flatten().map(|entry| entry.file_name());
    let left: BTreeSet<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(left, [".reproq-mirror.lock", "adpena"].map(str::to_owned).into(), "what was on its way in is gone");
    let downloads = fs::read_dir(index(&mirror).with_file_name("download")).expect("readable").count();
    assert_eq!(downloads, 4);
    context.succeed(&FROM_MIRROR);
}

#[test]
fn a_lost_network_keeps_what_was_fetched() {
    let (mut context, mirror) = mirrored();
    for tag in ["v0.0.146", "v0.0.147"] {
        release(&context, tag);
    }
    context.set("REPROQ_HTTP_TIMEOUT", "1");
    let matcher = Matcher::web().path(&format!("v0.0.146/{}", asset_name())).always();
    context.github.fault(matcher, Fault::ResetBeforeHeaders);
    let output = context.run(&["mirror", "sync", "../../mirror"]);
    assert_eq!(output.code, 7, "{output:#?}");
    assert_whole(&mirror, "after the network went away");
    assert!(asset(&mirror, "v0.0.147").exists() && !asset(&mirror, "v0.0.146").exists());
    context.github.clear_faults();
    let report = sync(&context, &[]);
    assert_eq!(outcomes(&report)[1], ("v0.0.146".to_owned(), "added".to_owned()));
}

#[test]
fn two_synchronizations_exclude_each_other() {
    let context = Context::new();
    for tag in ["v0.0.143", "v0.0.144", "v0.0.145"] {
        release(&context, tag);
    }
    let arguments = ["mirror", "sync", "../../mirror", "--keep", "2"];
    let children: Vec<_> = (0..3).map(|_| context.spawn(&arguments)).collect();
    for output in children.into_iter().map(wait) {
        assert_eq!(output.code, 0, "{output:#?}");
    }
    assert_whole(&context.root().join("mirror"), "after three at once");
    let assets = context.github.requests_to(&Matcher::objects().path(&asset_name()));
    assert_eq!(assets.len(), 2, "each asset came once: {assets:#?}");
    // A lock that is not released is reported on timeout.
    let held = context.root().join("mirror/.reproq-mirror.lock");
    let file = fs::File::options().write(true).open(held).expect("a lock");
    file.lock().expect("locked");
    let output = context.run(&["mirror", "sync", "../../mirror", "--lock-timeout", "0"]);
    assert_eq!(output.code, 8, "{output:#?}");
}
