//! Repositories that are tampered with, truncated, outdated or endless: each is refused with the name of the file, and
//! nothing changes.
#![expect(clippy::disallowed_methods, reason = "copies of a repository are damaged on disk")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use super::samples::Contents;
use super::samples::Manners;
use super::samples::SampleSigner;
use super::samples::serve;
use super::samples::trusted_root;
use crate::io::net::Http;
use crate::io::net::HttpOptions;
use crate::trust::attestation::Instance;
use crate::trust::attestation::RootSource;
use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::Refreshed;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::TrustedRoots;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Versions;

const NOW: &str = "2026-11-28T12:00:00Z";

/// A user, and a repository with a known anchor.
struct AttackWorld {
    directory: tempfile::TempDir,
    signer: SampleSigner,
    anchor: Anchor,
    trusted_roots: TrustedRoots,
}

impl AttackWorld {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let signer = SampleSigner::new();
        let trusted_roots = TrustedRoots::new(Some(directory.path().join("trust")));
        let world = Self { anchor: signer.anchor(), directory, signer, trusted_roots };
        world.write(&Contents::good());
        world
    }

    fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    fn write(&self, contents: &Contents) {
        self.signer.write(&self.repository(), contents);
    }

    fn write_root(&self, version: u64, root: &[u8]) {
        fs::write(self.repository().join(format!("{version}.root.json")), root).expect("written");
    }

    fn update_from(&self, place: &RootRepository, now: &str) -> Result<Refreshed, UpdateError> {
        update(&self.trusted_roots, &self.anchor, place, now)
    }

    fn update(&self) -> Result<Refreshed, UpdateError> {
        self.update_from(&RootRepository::Directory(self.repository()), NOW)
    }

    /// Asserts that the update is refused with this message and that the stored files are unchanged.
    fn is_refused(&self, words: &str) {
        self.is_refused_from(&RootRepository::Directory(self.repository()), NOW, words);
    }

    fn is_refused_from(&self, place: &RootRepository, now: &str, words: &str) {
        let before = (kept(&self.trusted_roots), self.trusted_roots.roots().expect("roots"));
        let refused = self.update_from(place, now).expect_err(words).to_string();
        assert!(refused.contains(words), "expected `{words}`, found `{refused}`");
        assert_eq!((kept(&self.trusted_roots), self.trusted_roots.roots().expect("roots")), before);
    }

    fn change(&self, name: &str, change: impl Fn(&str) -> String) {
        change_file(&self.repository().join(name), change);
    }

    fn target(&self) -> String {
        let entries = fs::read_dir(self.repository().join("targets")).expect("readable");
        let name = entries.flatten().next().expect("one").file_name();
        format!("targets/{}", name.to_str().expect("UTF-8"))
    }
}

fn update(
    trusted_roots: &TrustedRoots,
    anchor: &Anchor,
    place: &RootRepository,
    now: &str,
) -> Result<Refreshed, UpdateError> {
    let now: DateTime<Utc> = now.parse().expect("a time");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().expect("a runtime");
    runtime.block_on(trusted_roots.update(anchor, place, now))
}

fn web(address: &str) -> RootRepository {
    let options = HttpOptions { idle_timeout: Duration::from_secs(5), ..HttpOptions::default() };
    RootRepository::Web { http: Http::new(options).expect("a client"), base: address.parse().expect("an address") }
}

fn change_file(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).expect("readable");
    let changed = change(&text);
    assert_ne!(changed, text, "the change changes something");
    fs::write(path, changed).expect("written");
}

/// Every stored file with its bytes.
fn kept(trusted_roots: &TrustedRoots) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![trusted_roots.directory().expect("a directory").to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                directories.push(entry.path());
            } else {
                found.insert(entry.path(), fs::read(entry.path()).expect("readable"));
            }
        }
    }
    found
}

#[test]
fn a_valid_repository_returns_its_root() {
    let world = AttackWorld::new();
    let refreshed = world.update().expect("updated");
    assert_eq!(refreshed.updated.versions, Versions { root: 1, timestamp: 7, snapshot: 5, targets: 3 });
    let root = refreshed.root.expect("a root");
    assert_eq!(root.text(), Contents::good().target);
    assert_eq!(root.source, RootSource::Updated { on: "2026-11-28".parse().expect("a day"), version: 3 });
    assert_eq!(kept(&world.trusted_roots).len(), 1);
    // A day later nothing is new: the root is known to be complete for one more day.
    let again =
        world.update_from(&RootRepository::Directory(world.repository()), "2026-11-29T12:00:00Z").expect("updated");
    assert_eq!(again.before.expect("a root").sha256, root.sha256);
    assert_eq!(again.root.and_then(|root| root.complete_until()), "2026-11-29T00:00:00Z".parse().ok());
}

#[test]
fn a_copy_is_a_valid_repository() {
    let world = AttackWorld::new();
    let next = SampleSigner::new();
    world.write_root(2, &next.root(2, "2036-01-01T00:00:00Z", &[&world.signer, &next]));
    next.write(&world.repository(), &Contents::good());
    let copy = world.directory.path().join("copy");
    // The second time only the timestamp is read, but the copy is still complete.
    for _ in 0..2 {
        let updated = world.update().expect("updated").updated;
        updated.save(&copy).expect("saved");
        let elsewhere = TrustedRoots::new(Some(world.directory.path().join("elsewhere")));
        let there =
            update(&elsewhere, &world.anchor, &RootRepository::Directory(copy.clone()), NOW).expect("updated").updated;
        assert_eq!(there, updated);
        fs::remove_dir_all(&copy).expect("removed");
    }
}

#[test]
fn a_root_older_than_the_embedded_one_is_stored_but_not_used() {
    let world = AttackWorld::new();
    world.write(&Contents {
        target: trusted_root(Instance::PublicGood).replace("2025-09-23T", "2025-09-22T"),
        ..Contents::good()
    });
    let refreshed =
        world.update_from(&RootRepository::Directory(world.repository()), "2026-08-22T12:00:00Z").expect("updated");
    assert_ne!(refreshed.root.expect("a root").sha256, refreshed.updated.sha256());
}

#[test]
fn files_signed_with_unknown_keys_are_refused() {
    for (file, words) in [
        ("timestamp.json", "`timestamp.json` is refused: 0 of 1 required signatures are valid"),
        ("5.snapshot.json", "`5.snapshot.json` is refused: 0 of 1 required signatures are valid"),
        ("3.targets.json", "`3.targets.json` is refused: 0 of 1 required signatures are valid"),
    ] {
        let world = AttackWorld::new();
        world.change(file, |text| text.replace("2036-01-01", "2037-01-01"));
        world.is_refused(words);
        world.write(&Contents::good());
        world.update().expect("updated");
        world.change(file, |text| text.replace("2036-01-01", "2037-01-01"));
        if file == "timestamp.json" {
            world.is_refused(words);
        }
    }
    let world = AttackWorld::new();
    SampleSigner::new().write(&world.repository(), &Contents::good());
    world.is_refused("`timestamp.json` is refused: 0 of 1");
}

#[test]
fn a_root_that_differs_from_the_listed_one_is_refused() {
    let world = AttackWorld::new();
    let target = world.target();
    world.change(&target, |text| text.replace("2026-11-01T", "2026-11-02T"));
    world.is_refused(
        "trusted_root.json` is refused: it does not match the listed file (trusted_root.json: sha256 mismatch)",
    );
    world.change(&target, |text| text[..text.len() / 2].to_owned());
    world.is_refused("trusted_root.json` is refused: it does not match the listed file (trusted_root.json: length");
    world.change(&target, |text| text.repeat(4));
    world.is_refused("trusted_root.json`: failed to read");
    fs::remove_file(world.repository().join(target)).expect("removed");
    world.is_refused("trusted_root.json` is refused: it does not exist");
}

#[test]
fn a_signed_file_that_is_not_a_root_of_this_instance_is_refused() {
    let world = AttackWorld::new();
    world.write(&Contents { target: trusted_root(Instance::GitHub), ..Contents::good() });
    world.is_refused("`trusted_root.json` is refused: it is the root of GitHub's own instance");
    world.write(&Contents { target: "{}".to_owned(), ..Contents::good() });
    world.is_refused("`trusted_root.json` is refused: missing field");
}

#[test]
fn missing_and_truncated_files_are_named() {
    for name in ["timestamp.json", "5.snapshot.json", "3.targets.json"] {
        let world = AttackWorld::new();
        world.change(name, |text| text[..text.len() / 2].to_owned());
        world.is_refused(&format!("`{name}` is refused: it is not well-formed"));
        fs::remove_file(world.repository().join(name)).expect("removed");
        world.is_refused(&format!("`{name}` is refused: it does not exist"));
        fs::create_dir(world.repository().join(name)).expect("made");
        world.is_refused(&format!("failed to fetch `{name}`: failed to read"));
    }
}

#[test]
fn expired_metadata_is_refused() {
    let world = AttackWorld::new();
    world.write(&Contents { timestamp_expires: "2026-11-28T11:59:59Z", ..Contents::good() });
    world.is_refused("`timestamp.json` is refused: it expired on 2026-11-28T11:59:59Z");
    world.write(&Contents::good());
    world.is_refused_from(
        &RootRepository::Directory(world.repository()),
        "2036-02-01T00:00:00Z",
        "`root.json` is refused: it expired",
    );
    world.update().expect("updated");
    world.write_root(2, &world.signer.root(2, "2026-11-01T00:00:00Z", &[&world.signer]));
    world.is_refused("`root.json` is refused: it expired on 2026-11-01T00:00:00Z");
}

#[test]
fn rollback_is_refused() {
    let world = AttackWorld::new();
    world.update().expect("updated");
    let older = |change: fn(&mut Contents)| {
        let mut contents = Contents::good();
        change(&mut contents);
        world.write(&contents);
    };
    older(|contents| contents.timestamp = 6);
    world.is_refused("`timestamp.json` is refused: its timestamp version is 6, but 7 was seen before");
    older(|contents| (contents.timestamp, contents.snapshot) = (8, 4));
    world.is_refused("`timestamp.json` is refused: its snapshot (via timestamp) version is 4, but 5 was seen before");
    older(|contents| (contents.timestamp, contents.snapshot, contents.targets) = (8, 6, 2));
    world.is_refused(
        "`6.snapshot.json` is refused: its targets.json (via snapshot) version is 2, but 3 was seen before",
    );
    older(|contents| (contents.timestamp, contents.snapshot, contents.targets) = (8, 6, 4));
    assert_eq!(world.update().expect("updated").updated.versions.timestamp, 8);
}

#[test]
fn keys_are_rotated_only_by_the_previous_keys() {
    let world = AttackWorld::new();
    world.update().expect("updated");
    let (next, stranger) = (SampleSigner::new(), SampleSigner::new());
    let far = "2036-01-01T00:00:00Z";
    world.write_root(2, &stranger.root(2, far, &[&stranger]));
    world.is_refused("`2.root.json` is refused: 0 of 1 required signatures are valid");
    world.write_root(2, &next.root(3, far, &[&world.signer, &next]));
    world.is_refused("`2.root.json` is refused: its version is 3, but 2 must follow 1");
    world.write_root(2, &next.root(2, far, &[&world.signer, &next]));
    world.is_refused("`timestamp.json` is refused: 0 of 1");
    next.write(&world.repository(), &Contents::good());
    assert_eq!(world.update().expect("updated").updated.versions.root, 2);
    // What was learned is remembered even if the repository is reset.
    fs::remove_file(world.repository().join("2.root.json")).expect("removed");
    world.update().expect("the keys of the second root still hold");
    world.write(&Contents::good());
    world.is_refused("`timestamp.json` is refused: 0 of 1");
}

#[test]
fn misbehaving_servers_are_refused() {
    let world = AttackWorld::new();
    let from = |manners: Manners| web(&serve(world.repository(), manners));
    let is_refused = |manners: Manners, words: &str| world.is_refused_from(&from(manners), NOW, words);
    is_refused(
        Manners::Endless("timestamp.json"),
        "failed to fetch `timestamp.json`: the response from http://127.0.0.1",
    );
    is_refused(Manners::Endless("5.snapshot.json"), "is longer than 262144 bytes");
    is_refused(Manners::Endless("trusted_root.json"), "is longer than");
    is_refused(Manners::LoginPage("3.targets.json"), "sent a web page instead of the file");
    is_refused(Manners::Cuts("3.targets.json"), "failed to fetch `3.targets.json`: the connection to 127.0.0.1");
    is_refused(Manners::Broken, "returned HTTP 500");
    world.update_from(&from(Manners::Forbids), NOW).expect("the chain of roots ends with what is forbidden");
    world.update_from(&from(Manners::Honest), NOW).expect("updated");
    fs::remove_file(world.repository().join("timestamp.json")).expect("removed");
    is_refused(Manners::Forbids, "failed to fetch `timestamp.json`: http://127.0.0.1");
    is_refused(Manners::Honest, "`timestamp.json` is refused: it does not exist");
}

/// The real repository of the public instance of August 2026, in a directory next to the project.
fn public_good() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/attestation/tuf-public-good");
    if path.is_dir() {
        return Some(path);
    }
    crate::skip::record("the repository of the public instance", &format!("have {}", path.display()));
    None
}

#[test]
fn the_real_repository_of_the_public_instance() {
    let Some(real) = public_good() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("repository");
    fs::create_dir_all(copy.join("targets")).expect("made");
    for directory in ["", "targets"] {
        for entry in
            fs::read_dir(real.join(directory)).expect("readable").flatten().filter(|entry| entry.path().is_file())
        {
            fs::copy(entry.path(), copy.join(directory).join(entry.file_name())).expect("copied");
        }
    }
    let (place, then) = (RootRepository::Directory(copy.clone()), "2026-08-22T12:00:00Z");
    let expected = "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66";
    let fifth = fs::read_to_string(real.join("5.root.json")).expect("readable").leak();
    for (name, anchor, root) in
        [("embedded", Anchor::ALL[0], 16), ("old", Anchor { root: fifth, ..Anchor::ALL[0] }, 15)]
    {
        let trusted_roots = TrustedRoots::new(Some(directory.path().join(name)));
        let refreshed = update(&trusted_roots, &anchor, &place, then).expect("updated");
        assert_eq!(refreshed.updated.sha256().to_string(), expected);
        assert_eq!(refreshed.updated.versions, Versions { root, timestamp: 762, snapshot: 165, targets: 14 });
        let before = kept(&trusted_roots);
        let refused = |now: &str| update(&trusted_roots, &anchor, &place, now).expect_err("refused").to_string();
        assert_eq!(refused("2026-08-28T19:25:57Z"), "`timestamp.json` is refused: it expired on 2026-08-28T19:25:56Z");
        change_file(&copy.join("timestamp.json"), |text| text.replace("762", "763"));
        assert!(refused(then).starts_with("`timestamp.json` is refused: 0 of 1"), "{}", refused(then));
        fs::copy(real.join("timestamp.json"), copy.join("timestamp.json")).expect("copied");
        assert_eq!(kept(&trusted_roots), before);
    }
    let trusted_roots = TrustedRoots::new(Some(directory.path().join("another")));
    let refused = update(&trusted_roots, &Anchor::ALL[1], &place, then).expect_err("it is not GitHub's");
    assert!(refused.to_string().contains("`10.root.json` is refused"), "{refused}");
    let target = format!("targets/{expected}.trusted_root.json");
    change_file(&copy.join(target), |text| text.replace("2025-09-23", "2025-09-24"));
    let refused = update(&trusted_roots, &Anchor::ALL[0], &place, then).expect_err("refused").to_string();
    assert!(refused.contains("sha256 mismatch"), "{refused}");
    assert!(kept(&trusted_roots).is_empty());
}
