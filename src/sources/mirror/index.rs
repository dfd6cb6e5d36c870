//! What a mirror says of itself: its releases, and every file of them with its size and digest. Pure.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::model::Asset;
use crate::model::AssetState;
use crate::model::Release;
use crate::model::RepoSlug;
use crate::model::Sha256Digest;
use crate::model::Tag;
use crate::model::Target;
use crate::model::Tool;
use crate::model::mirror_layout::is_file_name;

/// The format this program writes. Readers accept it and refuse a higher number; fields may be added, not changed.
pub const SCHEMA: &str = "reproq.mirror/1";

/// No index comes near this many bytes; a release takes about two thousand.
pub const MAX_INDEX: u64 = 4 * 1024 * 1024;

/// What every version of the format begins with.
const SCHEMA_FAMILY: &str = "reproq.mirror/";

/// As many files as GitHub takes for one release (docs.github.com, "About releases").
const MAX_FILES: usize = 1000;

/// GitHub takes no larger file for a release.
const MAX_SIZE: u64 = 2 * 1024 * 1024 * 1024;

/// What a mirror has of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`SCHEMA`].
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    /// Whose releases.
    pub repository: RepoSlug,
    /// They, the newest version first.
    pub releases: Vec<MirroredRelease>,
}

/// One release. What else is known of it may be added as more fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirroredRelease {
    /// Its tag.
    pub tag: Tag,
    /// The version its tag names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was published, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// Whether its author marked it as not ready for everyone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prerelease: bool,
    /// Its assets, by name.
    pub assets: Vec<MirroredAsset>,
    /// Other files of the release: checksums and signatures, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<MirroredFile>,
}

/// One asset. What else is known of it, such as proofs of its origin, may be added as more fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirroredAsset {
    /// The machine it is for, where it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Its exact name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// One other file of the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MirroredFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// Why a text is no index.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IndexError {
    /// It is of something else.
    #[error("it is no index of a mirror")]
    NotOurs,
    /// It was written by a later version of this program.
    #[error("its format is `{found}`, and this program reads `{SCHEMA}`")]
    Newer {
        /// Its format.
        found: String,
    },
    /// It is longer than any index.
    #[error("it has more than {MAX_INDEX} bytes")]
    TooLong,
    /// It says something that cannot be.
    #[error("{0}")]
    Content(String),
}

impl Index {
    /// An index of these releases, in order.
    pub fn new(tool: &Tool, repository: RepoSlug, releases: Vec<MirroredRelease>) -> Self {
        let index = Self { schema: SCHEMA.to_owned(), tool: tool.name.to_owned(), repository, releases };
        index.in_order()
    }

    /// Its text. The same index always gives the same text.
    pub fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("an index is a map with text keys");
        text.push(b'\n');
        text
    }

    /// Reads the index of a repository. Keys it does not know are passed over, whatever cannot be is refused.
    pub fn parse(text: &[u8], tool: &Tool, repository: &RepoSlug) -> Result<Self, IndexError> {
        #[derive(Deserialize)]
        struct SchemaAlone {
            schema: String,
        }
        if text.len() as u64 > MAX_INDEX {
            return Err(IndexError::TooLong);
        }
        let alone: SchemaAlone = serde_json::from_slice(text).map_err(|_| IndexError::NotOurs)?;
        if alone.schema != SCHEMA {
            let is_later = alone.schema.starts_with(SCHEMA_FAMILY);
            return Err(if is_later { IndexError::Newer { found: alone.schema } } else { IndexError::NotOurs });
        }
        let index: Self =
            serde_json::from_slice(text).map_err(|error| IndexError::Content(format!("it is damaged: {error}")))?;
        index.check(tool, repository).map_err(IndexError::Content)?;
        Ok(index.in_order())
    }

    /// The release of a tag.
    pub fn release(&self, tag: &Tag) -> Option<&MirroredRelease> {
        self.releases.iter().find(|release| release.tag == *tag)
    }

    /// This index with a release in the place of the one of the same tag, if there was one.
    pub fn with(mut self, release: MirroredRelease) -> Self {
        self.releases.retain(|other| other.tag != release.tag);
        self.releases.push(release);
        self.in_order()
    }

    /// This index without a release.
    pub fn without(mut self, tag: &Tag) -> Self {
        self.releases.retain(|release| release.tag != *tag);
        self
    }

    fn in_order(mut self) -> Self {
        self.releases.sort_by(|a, b| newest_first(&a.tag, &b.tag));
        for release in &mut self.releases {
            release.assets.sort_by(|a, b| a.name.cmp(&b.name));
            release.files.sort();
        }
        self
    }

    fn check(&self, tool: &Tool, repository: &RepoSlug) -> Result<(), String> {
        if self.tool != tool.name {
            return Err(format!("it is of `{}`, not of {}", self.tool, tool.name));
        }
        if !self.repository.is_same(repository) {
            return Err(format!("it is of {}, not of {repository}", self.repository));
        }
        // Without case, because some file systems have none.
        let mut tags = BTreeSet::new();
        for release in &self.releases {
            if !tags.insert(release.tag.as_str().to_ascii_lowercase()) {
                return Err(format!("it names {} twice", release.tag));
            }
            release.check(tool).map_err(|problem| format!("of {} {problem}", release.tag))?;
        }
        Ok(())
    }
}

impl MirroredRelease {
    /// As every origin describes a release.
    pub fn as_release(&self) -> Release {
        let file = |name: &str, size: u64, sha256: Sha256Digest| Asset {
            id: None,
            name: name.to_owned(),
            size: Some(size),
            state: AssetState::Uploaded,
            digest: Ok(Some(sha256)),
        };
        Release {
            id: None,
            tag: self.tag.clone(),
            draft: false,
            prerelease: self.prerelease,
            immutable: false,
            published_at: self.published,
            assets: self.everything().map(|(name, size, sha256)| file(name, size, sha256)).collect(),
        }
    }

    /// Every file of it: name, size and digest.
    pub fn everything(&self) -> impl Iterator<Item = (&str, u64, Sha256Digest)> {
        let assets = self.assets.iter().map(|asset| (asset.name.as_str(), asset.size, asset.sha256));
        assets.chain(self.files.iter().map(|file| (file.name.as_str(), file.size, file.sha256)))
    }

    fn check(&self, tool: &Tool) -> Result<(), String> {
        let Some(version) = self.tag.version() else {
            return Err("the tag names no version, and only versions are mirrored".to_owned());
        };
        if let Some(stated) = self.version.as_ref().filter(|stated| **stated != version.to_string()) {
            return Err(format!("it says the version is `{stated}`"));
        }
        let mut names = BTreeSet::new();
        for (name, size, _) in self.everything() {
            if !is_file_name(name) {
                return Err(format!("`{name}` is not a name of a release's file"));
            }
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(format!("it names {name} twice"));
            }
            if size > MAX_SIZE {
                return Err(format!("it says {name} has {size} bytes, more than any file of a release"));
            }
        }
        if names.len() > MAX_FILES {
            return Err(format!("it names {} files, more than any release has", names.len()));
        }
        for MirroredAsset { target, name, .. } in &self.assets {
            if let Some(target) = target
                && !tool.asset_names(*target).iter().any(|(known, _)| known == name)
            {
                return Err(format!("`{name}` is not a name of {}'s asset for {target}", tool.name));
            }
        }
        Ok(())
    }
}

/// The order of releases: by version, and where versions are equal by the tag's spelling.
pub(super) fn newest_first(a: &Tag, b: &Tag) -> Ordering {
    let by_version = match (a.version(), b.version()) {
        (Some(a), Some(b)) => b.cmp_precedence(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_version.then_with(|| a.cmp(b))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    const A: &str = "2d6721014757fa10799d528b6b15aee6c76a841b9ea74e187875f4abfcdbedd5";

    fn repository() -> RepoSlug {
        "adpena/reproq-worker".parse().expect("a repository")
    }

    fn sample() -> Value {
        json!({
            "schema": SCHEMA,
            "tool": "reproq-worker",
            "repository": "Adpena/reproq-worker",
            "releases": [{
                "tag": "v0.0.144",
                "version": "0.0.144",
                "published": "2024-01-31T12:00:00Z",
                "assets": [{"target": "linux-amd64", "name": "reproq-linux-amd64", "size": 3, "sha256": A}],
                "files": [{"name": "SHA256SUMS", "size": 2, "sha256": A}],
            }],
        })
    }

    fn parsed(text: &Value) -> Result<Index, IndexError> {
        Index::parse(text.to_string().as_bytes(), &Tool::WORKER, &repository())
    }

    #[test]
    fn an_index_is_read_and_written_back() {
        let mut text = sample();
        text["later"] = json!({"a": [1]});
        text["releases"][0]["assets"][0]["proofs"] = json!(["…"]);
        let index = parsed(&text).expect("an index");
        assert_eq!(Index::parse(&index.render(), &Tool::WORKER, &repository()), Ok(index.clone()));
        let release = index.releases[0].as_release();
        assert_eq!(release.asset("SHA256SUMS").and_then(|file| file.size), Some(2));
    }

    #[test]
    fn whatever_cannot_be_is_refused() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut text = sample();
            change(&mut text);
            parsed(&text).expect_err("refused")
        };
        let schema = |schema: &'static str| refused(&|text| text["schema"] = schema.into());
        assert_eq!(schema("reproq.bundle/1"), IndexError::NotOurs);
        assert_eq!(schema("reproq.mirror/2"), IndexError::Newer { found: "reproq.mirror/2".to_owned() });
        let says = |expected: &str, change: &dyn Fn(&mut Value)| {
            let problem = refused(change).to_string();
            assert!(problem.contains(expected), "{problem}");
        };
        let release = |text: &mut Value, key: &str, value: Value| text["releases"][0][key] = value;
        let asset = |text: &mut Value, key: &str, value: Value| text["releases"][0]["assets"][0][key] = value;
        says("not of reproq-worker", &|text| text["tool"] = "other".into());
        says("not of adpena/reproq-worker", &|text| text["repository"] = "some/fork".into());
        says("names no version", &|text| release(text, "tag", "nightly".into()));
        says("is not a valid git tag name", &|text| release(text, "tag", "../../v1.0.0".into()));
        says("says the version is `1.0.0`", &|text| release(text, "version", "1.0.0".into()));
        says("not a name of a release's file", &|text| {
            release(text, "files", json!([{"name": "../x", "size": 1, "sha256": A}]));
        });
        says("names sha256sums twice", &|text| {
            let twice = ["SHA256SUMS", "sha256sums"].map(|name| json!({"name": name, "size": 1, "sha256": A}));
            release(text, "files", json!(twice));
        });
        says("not a name of reproq-worker's asset", &|text| asset(text, "target", "darwin-arm64".into()));
        says("more than any file", &|text| asset(text, "size", u64::MAX.into()));
        says("64 hexadecimal digits", &|text| asset(text, "sha256", "abc".into()));
        says("names v0.0.144 twice", &|text| {
            let again = text["releases"][0].clone();
            text["releases"].as_array_mut().expect("a list").push(again);
        });
        let twice = sample().to_string().replacen("\"size\"", "\"size\":1,\"size\"", 1);
        let refused = Index::parse(twice.as_bytes(), &Tool::WORKER, &repository()).expect_err("a key twice");
        assert!(refused.to_string().contains("duplicate field `size`"), "{refused}");
        let long = vec![b' '; usize::try_from(MAX_INDEX).expect("it fits") + 1];
        assert_eq!(Index::parse(&long, &Tool::WORKER, &repository()), Err(IndexError::TooLong));
    }

    #[test]
    fn releases_are_ordered_by_version() {
        let index = parsed(&sample()).expect("an index");
        let sample = index.releases[0].clone();
        let release = |tag: &str| MirroredRelease {
            tag: tag.parse().expect("a tag"),
            version: None,
            files: Vec::new(),
            ..sample.clone()
        };
        let index = ["v0.0.99", "v0.0.145-rc.1", "v0.0.145"].iter().fold(index, |index, tag| index.with(release(tag)));
        let tags: Vec<&str> = index.releases.iter().map(|release| release.tag.as_str()).collect();
        assert_eq!(tags, ["v0.0.145", "v0.0.145-rc.1", "v0.0.144", "v0.0.99"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*", place in 0_usize..400, byte in any::<u8>()) {
            let _ = Index::parse(text.as_bytes(), &Tool::WORKER, &repository());
            let mut bytes = sample().to_string().into_bytes();
            let place = place % bytes.len();
            bytes[place] = byte;
            if let Ok(index) = Index::parse(&bytes, &Tool::WORKER, &repository()) {
                prop_assert_eq!(Index::parse(&index.render(), &Tool::WORKER, &repository()), Ok(index));
            }
        }
    }
}
