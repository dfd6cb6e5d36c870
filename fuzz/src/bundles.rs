//! Bundles: whatever the bytes are, a bundle is good as a whole or nothing of it is used.
#![expect(clippy::disallowed_methods, reason = "bundles are files, and what comes out are files too")]

use std::fs;

use reproq::internals::model::Tool;
use reproq::internals::model::progress::NoProgress;
use reproq::internals::sources::bundle::Bundle;
use reproq::internals::sources::bundle::BundleError;
use reproq::internals::sources::bundle::Manifest;

use super::archives::with_header_checksums;
use super::texts::assert_harmless;

/// A manifest, or the tar of a bundle, whose checksums are put right.
pub fn bundle(bytes: &[u8]) {
    if bytes.first() == Some(&b'{') {
        manifest(bytes);
        return;
    }
    let tar = with_header_checksums(bytes);
    if is_good(&tar) {
        assert!(!is_good(&[&tar[..], b"x"].concat()), "a byte more is accepted");
        assert!(!is_good(&tar[..tar.len() - 1]), "a byte less is accepted");
    }
}

fn manifest(bytes: &[u8]) {
    match Manifest::parse(bytes, &Tool::WORKER) {
        Ok(manifest) => {
            let text = manifest.render();
            assert_eq!(Manifest::parse(&text, &Tool::WORKER), Ok(manifest), "what is written is read back");
        }
        Err(error) => assert_harmless(&reproq::internals::model::text::printable_line(&error.to_string())),
    }
}

fn is_good(tar: &[u8]) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bundle.tar");
    fs::write(&path, tar).expect("written");
    let outcome = used(&path, directory.path());
    if let Err(error) = &outcome {
        assert_harmless(&reproq::internals::model::text::printable_line(&error.to_string()));
        let left = fs::read_dir(directory.path().join("out")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing of a bundle that is refused stays");
    }
    outcome.is_ok()
}

fn used(path: &std::path::Path, directory: &std::path::Path) -> Result<(), BundleError> {
    let bundle = Bundle::open(path, "bundle.tar", &Tool::WORKER)?;
    let out = directory.join("out");
    fs::create_dir(&out).expect("created");
    for asset in &bundle.manifest().assets {
        let taken = bundle.extract_asset(&asset.name, &out.join(&asset.name), &NoProgress)?;
        assert_eq!((taken.size, taken.sha256), (asset.size, asset.sha256));
    }
    bundle.check(&NoProgress)?.into_iter().next().map_or(Ok(()), Err)
}
