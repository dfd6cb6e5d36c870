//! Gives every fuzz target its seeds, whole, cut short and with one byte changed: the same variations in every run, and
//! what the fuzzer once found among them. Long runs are `cargo fuzz`'s; see CONTRIBUTING.md.
#![expect(clippy::disallowed_methods, reason = "seeds are files")]

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
#[path = "../suite/support/samples/mod.rs"]
mod samples;
mod seeds;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

use fuzz::TARGETS;

/// How many cuts and how many changes each seed gets.
const VARIATIONS: usize = 12;

/// Larger seeds make a fuzzer slow, and the repository large.
const LARGEST_SEED: usize = 4096;

#[test]
fn every_target_takes_its_seeds_and_what_is_near_them() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        for (file, seed) in seeds_of(name) {
            for (variation, bytes) in variations(&seed) {
                if catch_unwind(|| target(&bytes)).is_err() {
                    broken.push(format!("{name}, seed {file}, {variation}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "the reasons are above:\n{}", broken.join("\n"));
}

#[test]
fn every_target_has_a_binary_and_small_seeds() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        let entry = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&entry), "fuzz/Cargo.toml has no binary {name}");
        let text = fs::read_to_string(root().join(format!("fuzz_targets/{name}.rs"))).expect("a binary");
        assert!(text.contains(&format!("reproq_fuzz::{name}(data)")), "the binary {name} runs another target");
        let seeds = seeds_of(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (file, seed) in seeds {
            assert!(seed.len() <= LARGEST_SEED, "seed {file} of {name} has {} bytes", seed.len());
        }
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    let directories: BTreeSet<_> = files(&root().join("corpus")).iter().map(|path| file_name(path)).collect();
    assert_eq!(directories, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

/// Not a test: `cargo test --test replay -- --ignored` writes the seeds that code builds. What lies beside them stays.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_the_seeds() {
    for (target, name, bytes) in seeds::all() {
        let directory = root().join("corpus").join(target);
        fs::create_dir_all(&directory).expect("made");
        fs::write(directory.join(name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")), bytes).expect("written");
    }
}

fn seeds_of(target: &str) -> Vec<(String, Vec<u8>)> {
    let paths = files(&root().join("corpus").join(target));
    paths.iter().map(|path| (file_name(path), fs::read(path).expect("readable"))).collect()
}

fn variations(seed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut random = fastrand::Rng::with_seed(seed.len() as u64);
    let mut all = vec![("whole".to_owned(), seed.to_vec())];
    if seed.is_empty() {
        return all;
    }
    for _ in 0..VARIATIONS {
        let length = random.usize(..seed.len());
        all.push((format!("cut to {length} bytes"), seed[..length].to_vec()));
        let (place, change) = (random.usize(..seed.len()), random.u8(1..));
        let mut bytes = seed.to_vec();
        bytes[place] ^= change;
        all.push((format!("byte {place} changed to {}", bytes[place]), bytes));
    }
    all
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}
