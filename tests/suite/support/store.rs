//! The expected state of a store: the binary that `which` names, and no leftover files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use reproq::internals::model::Sha256Digest;
use reproq::internals::model::Tool;
use reproq::internals::worker::store;
use reproq::internals::worker::store::Installed;
use reproq::internals::worker::store::Layout;
use reproq::internals::worker::store::Receipt;
use reproq::internals::worker::store::State;
use sha2::Digest;
use sha2::Sha256;

use super::Context;
use super::Output;
use super::workers;

/// The project's store.
pub fn layout(context: &Context) -> Layout {
    let target = workers::host().parse().expect("a target");
    Layout::in_project(&context.project(), &Tool::WORKER, target)
}

/// The binary in place starts and reports this version, and `which` reports the same.
pub fn assert_runs(context: &Context, version: &str, name: &str) {
    let said = workers::start(&context.binary(), "--version").wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("reproq-worker version {version}\n"), "{name}");
    assert_names(&context.run(&["which", "--no-django", "--json"]), &[version], name);
}

/// `which` found the project's binary, and its label and digest belong to the same one of these versions.
pub fn assert_names(which: &Output, versions: &[&str], name: &str) {
    assert_eq!(which.code, 0, "{name}: {which:#?}");
    let answer: serde_json::Value = serde_json::from_str(&which.stdout).expect("a document");
    let installed = &answer["installed"];
    let is_one = |version: &&&str| {
        let digest = Sha256Digest::from_bytes(Sha256::digest(workers::bytes(version)).into()).to_string();
        installed["label"] == format!("v{version}") && installed["sha256"] == digest
    };
    assert!(versions.iter().any(|version| is_one(&version)), "{name}: {which:#?}");
}

/// The install of this version is complete, see [`assert_settled`].
pub fn assert_tidy(context: &Context, version: &str, name: &str) {
    let found = fs::read(context.binary()).expect("there");
    assert!(found == workers::bytes(version), "{name}: another binary than {version}");
    assert_eq!(assert_settled(context, name).label(), format!("v{version}"), "{name}");
}

/// The state file and a receipt match the binary, every receipt is readable, and there is no unexpected file. Returns the
/// binary's receipt.
pub fn assert_settled(context: &Context, name: &str) -> Receipt {
    let layout = layout(context);
    let (installed, state) = store::scan(&layout).expect("readable");
    let Installed::Intact { receipt } = installed else { panic!("{name}: an intact binary, found {installed:?}") };
    assert_eq!(state.current, Some(receipt.sha256), "{name}");
    assert_eq!(state.seen, store::glance(&layout), "{name}: the binary would be hashed again and again");
    let found: BTreeSet<PathBuf> = context.inventory().into_iter().map(|(path, _, _)| path).collect();
    let found: BTreeSet<PathBuf> = found.into_iter().filter(|path| path.starts_with(&layout.home)).collect();
    let expected = expected(&layout, &state);
    let unexpected: Vec<&PathBuf> = found.difference(&expected).collect();
    assert!(unexpected.is_empty(), "{name}: {unexpected:#?}");
    for path in [layout.receipt(&receipt.sha256)].into_iter().chain(receipts(&layout)) {
        let text = fs::read_to_string(&path).expect("a receipt");
        let receipt: Receipt = serde_json::from_str(&text).expect("every receipt can be read");
        assert_eq!(path, layout.receipt(&receipt.sha256), "{name}");
    }
    if let Some(previous) = state.previous {
        assert_eq!(
            reproq::internals::io::fs::hashing_writer::hash_file(&layout.kept(&previous)).ok(),
            Some(previous),
            "{name}: the one before is kept"
        );
    }
    *receipt
}

/// Every path of a complete install.
fn expected(layout: &Layout, state: &State) -> BTreeSet<PathBuf> {
    let mut expected: BTreeSet<PathBuf> = [
        layout.home.clone(),
        layout.home.join("bin"),
        layout.home.join("audit"),
        layout.binary.clone(),
        layout.receipts(),
        layout.previous(),
        layout.staging(),
        layout.state(),
        layout.lock(),
        layout.home.join(".gitignore"),
    ]
    .into();
    for digest in state.current.iter().chain(&state.previous) {
        expected.extend([layout.receipt(digest), layout.kept_lock(digest), layout.proofs(digest)]);
    }
    if let Some(previous) = &state.previous {
        let kept = layout.kept(previous);
        expected.extend(kept.parent().map(Path::to_owned));
        expected.insert(kept);
    }
    expected
}

fn receipts(layout: &Layout) -> Vec<PathBuf> {
    fs::read_dir(layout.receipts())
        .expect("a directory")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}
