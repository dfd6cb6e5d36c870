//! The index of a mirror.

use reproq::internals::model::Tool;
use reproq::internals::model::mirror_layout::asset_path;
use reproq::internals::model::mirror_layout::is_file_name;
use reproq::internals::sources::mirror::Index;

use super::texts::assert_harmless;

/// Whatever is read as an index leads nowhere but below its own directory, and says the same when it is written and read again.
pub fn mirror(data: &[u8]) {
    let repository = "adpena/reproq-worker".parse().expect("a repository");
    let index = match Index::parse(data, &Tool::WORKER, &repository) {
        Ok(index) => index,
        Err(error) => return assert_harmless(&reproq::internals::model::text::printable_line(&error.to_string())),
    };
    let root = std::path::Path::new("mirror");
    for release in &index.releases {
        for (name, _, _) in release.everything() {
            assert!(is_file_name(name), "{name:?}");
            let path = asset_path(root, &repository, &release.tag, name).expect("a place");
            let below = path.strip_prefix(root).expect("below the mirror");
            let plain = |part| matches!(part, std::path::Component::Normal(_));
            assert!(below.components().all(plain) && below.components().count() == 6, "{}", path.display());
        }
        assert_eq!(release.as_release().assets.len(), release.everything().count());
    }
    assert_eq!(Index::parse(&index.render(), &Tool::WORKER, &repository), Ok(index), "what is written is read back");
}
