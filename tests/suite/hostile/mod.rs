//! Attacks by what is sent, published or left in a project: refused with an error, within bounds, and without changes.

mod archives;
mod directories;
mod files;
mod outputs;
mod planted;
mod programs;
mod published;
mod secrets;
mod texts;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use fake_github::AssetSpec;
use fake_github::ReleaseSpec;

use crate::support::Context;
use crate::support::Output;
use crate::support::fault_table::Part;
use crate::support::fault_table::left;
use crate::support::fault_table::record;
use crate::support::memory;
use crate::support::workers;

/// A project with an older worker, a checkout next to it that must not be built, and a release by the attacker: its digests
/// match its content.
pub struct Scene {
    pub context: Context,
    release: u64,
}

/// Everything below a directory: path, mode, and content or link target.
pub type World = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl Scene {
    pub fn new() -> Self {
        let context = Context::new();
        context.release("v0.0.143");
        context.succeed(&["install", "--no-django"]);
        context.sibling_checkout();
        let release = context.repo().add(ReleaseSpec::new("v0.0.144"));
        Self { context, release }
    }

    /// The bytes of the older worker.
    pub fn old() -> Vec<u8> {
        workers::bytes("0.0.143")
    }

    /// Replaces the asset of this name.
    pub fn publish(&self, asset: &str, bytes: Vec<u8>) {
        self.context.repo().add_asset(self.release, AssetSpec::new(asset, bytes));
    }

    /// Installs the published release within the memory limit for hostile cases.
    pub fn install(&self) -> Output {
        memory::within_the_limit(self.context.command(&["install", "--no-django", "--force", "--tag", "v0.0.144"]))
    }

    /// The install is refused as unverified, no file has changed, and the row records it.
    pub fn refused(&self, fault: &str) -> Output {
        self.refused_with(fault, 5)
    }

    /// As [`Scene::refused`], with another exit code.
    pub fn refused_with(&self, fault: &str, code: i32) -> Output {
        let before = world(self.context.root());
        let output = self.install();
        assert_eq!(output.code, code, "{fault}: {output:#?}");
        assert!(output.stderr.contains("hint: ") && output.stdout.is_empty(), "{fault}: {output:#?}");
        assert!(!output.stderr.contains("building"), "{fault}: no build after a refusal: {output:#?}");
        quiet(&output);
        same_world(fault, &before, &world(self.context.root()));
        record(Part::Hostile, fault, &self.context, &output, &left(&self.context, Some(&Self::old()), b"the new one"));
        output
    }
}

/// The current state of everything below a directory.
pub fn world(root: &Path) -> World {
    let mut found = World::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("readable").flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let contents = if metadata.is_dir() {
                directories.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else if metadata.is_file() {
                fs::read(&path).expect("readable")
            } else {
                Vec::new()
            };
            found.insert(path, (metadata.mode(), contents));
        }
    }
    found
}

/// Compares two directory states by name, because their contents are megabytes.
pub fn same_world(fault: &str, before: &World, after: &World) {
    let changed: Vec<&PathBuf> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "{fault}: changed {changed:?}");
}

/// Neither stream contains control or invisible characters, or a panic.
pub fn quiet(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        let loud = text.chars().find(|c| (c.is_control() && *c != '\n') || is_hidden(*c));
        assert_eq!(loud, None, "{output:#?}");
        assert!(!text.contains("panicked") && !text.contains("internal error in reproq"), "{output:#?}");
    }
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Every claim must have an existing test.
#[test]
fn every_claim_of_the_threat_model_names_an_existing_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["src", "tests", "crates"]
        .iter()
        .flat_map(|directory| world(&root.join(directory)))
        .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|(_, (_, text))| String::from_utf8(text).expect("sources are text"))
        .collect();
    let document = fs::read_to_string(root.join("SECURITY.md")).expect("it is there");
    let words = document.split('`').skip(1).step_by(2);
    let claimed: Vec<&str> = words
        .filter(|word| {
            word.contains("::") || (word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        })
        .filter(|word| *word != "unsafe_code")
        .collect();
    assert!(claimed.len() > 40, "{claimed:?}");
    for claim in claimed {
        let name = claim.rsplit("::").next().expect("a last part");
        assert!(sources.contains(&format!("fn {name}(")), "SECURITY.md names `{claim}`, and there is no such function");
    }
}
