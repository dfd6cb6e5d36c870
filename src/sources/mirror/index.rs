//! The index of a mirror: its releases, and each of their files with size and digest. Pure.

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

/// The format this program writes. Readers refuse a higher number; fields may be added but not changed.
pub const SCHEMA: &str = "reproq.mirror/1";

/// Well above the size of any index; a release takes about two thousand bytes.
pub(crate) const MAX_INDEX: u64 = 4 * 1024 * 1024;

/// The prefix of every version of the format.
const SCHEMA_FAMILY: &str = "reproq.mirror/";

/// GitHub's limit on files of one release (docs.github.com, "About releases").
const MAX_FILES: usize = 1000;

/// GitHub's limit on the size of a file.
const MAX_SIZE: u64 = 2 * 1024 * 1024 * 1024;

/// A mirror's releases of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`SCHEMA`].
    pub schema: String,
    /// The tool's name.
    pub tool: String,
    pub repository: RepoSlug,
    /// The releases, the newest version first.
    pub releases: Vec<MirroredRelease>,
}

/// One release. More fields may be added later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirroredRelease {
    pub tag: Tag,
    /// The version named by its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was published, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// Whether it is marked as a prerelease.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prerelease: bool,
    /// Its assets, by name.
    pub assets: Vec<MirroredAsset>,
    /// Other files of the release (checksums, signatures), by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<MirroredFile>,
}

/// One asset. More fields, such as attestations, may be added later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirroredAsset {
    /// The platform it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Its exact name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
}

/// Another file of the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MirroredFile {
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    pub sha256: Sha256Digest,
}

/// Why an index is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IndexError {
    /// Not a mirror index.
    #[error("it is not a mirror index")]
    NotOurs,
    /// Written by a later version of this program.
    #[error("unsupported format `{found}` (this program reads `{SCHEMA}`)")]
    Newer {
        /// Its format.
        found: String,
    },
    #[error("it has more than {MAX_INDEX} bytes")]
    TooLong,
    /// A value is invalid.
    #[error("{0}")]
    Content(String),
}

impl Index {
    /// An index of these releases, sorted.
    pub fn new(tool: &Tool, repository: RepoSlug, releases: Vec<MirroredRelease>) -> Self {
        let index = Self { schema: SCHEMA.to_owned(), tool: tool.name.to_owned(), repository, releases };
        index.in_order()
    }

    /// The canonical JSON: equal indexes render to the same bytes.
    pub fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("an index is a map with text keys");
        text.push(b'\n');
        text
    }

    /// Parses the index of a repository. Unknown keys are ignored, invalid values are refused.
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
            serde_json::from_slice(text).map_err(|error| IndexError::Content(format!("invalid JSON: {error}")))?;
        index.check(tool, repository).map_err(IndexError::Content)?;
        Ok(index.in_order())
    }

    /// The release with this tag.
    pub fn release(&self, tag: &Tag) -> Option<&MirroredRelease> {
        self.releases.iter().find(|release| release.tag == *tag)
    }

    /// Adds a release, or replaces the one with the same tag.
    pub fn with(mut self, release: MirroredRelease) -> Self {
        self.releases.retain(|other| other.tag != release.tag);
        self.releases.push(release);
        self.in_order()
    }

    /// Removes a release.
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
            return Err(format!("it is for `{}`, not {}", self.tool, tool.name));
        }
        if !self.repository.is_same(repository) {
            return Err(format!("it is for {}, not {repository}", self.repository));
        }
        // Ignoring case, because some file systems do.
        let mut tags = BTreeSet::new();
        for release in &self.releases {
            if !tags.insert(release.tag.as_str().to_ascii_lowercase()) {
                return Err(format!("it lists {} twice", release.tag));
            }
            release.check(tool).map_err(|problem| format!("{}: {problem}", release.tag))?;
        }
        Ok(())
    }
}

impl MirroredRelease {
    /// In the form used for every source.
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

    /// All of its files: name, size and digest.
    pub fn everything(&self) -> impl Iterator<Item = (&str, u64, Sha256Digest)> {
        let assets = self.assets.iter().map(|asset| (asset.name.as_str(), asset.size, asset.sha256));
        assets.chain(self.files.iter().map(|file| (file.name.as_str(), file.size, file.sha256)))
    }

    fn check(&self, tool: &Tool) -> Result<(), String> {
        let Some(version) = self.tag.version() else {
            return Err("the tag is not a version, and only versions are mirrored".to_owned());
        };
        if let Some(stated) = self.version.as_ref().filter(|stated| **stated != version.to_string()) {
            return Err(format!("it states the version `{stated}`"));
        }
        let mut names = BTreeSet::new();
        for (name, size, _) in self.everything() {
            if !is_file_name(name) {
                return Err(format!("`{name}` is not a valid name for a release file"));
            }
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(format!("it lists {name} twice"));
            }
            if size > MAX_SIZE {
                return Err(format!("it states that {name} has {size} bytes, above the limit for a release file"));
            }
        }
        if names.len() > MAX_FILES {
            return Err(format!("it lists {} files, above the limit for a release", names.len()));
        }
        for MirroredAsset { target, name, .. } in &self.assets {
            if let Some(target) = target
                && !tool.asset_names(*target).iter().any(|(known, _)| known == name)
            {
                return Err(format!("`{name}` is not a valid asset name of {} for {target}", tool.name));
            }
        }
        Ok(())
    }
}

/// Sorts releases by version, and equal versions by the spelling of the tag.
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
    fn invalid_values_are_refused() {
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
        says("not reproq-worker", &|text| text["tool"] = "other".into());
        says("not adpena/reproq-worker", &|text| text["repository"] = "some/fork".into());
        says("is not a version", &|text| release(text, "tag", "nightly".into()));
        says("is not a valid git tag name", &|text| release(text, "tag", "../../v1.0.0".into()));
        says("states the version `1.0.0`", &|text| release(text, "version", "1.0.0".into()));
        says("not a valid name for a release file", &|text| {
            release(text, "files", json!([{"name": "../x", "size": 1, "sha256": A}]));
        });
        says("lists sha256sums twice", &|text| {
            let twice = ["SHA256SUMS", "sha256sums"].map(|name| json!({"name": name, "size": 1, "sha256": A}));
            release(text, "files", json!(twice));
        });
        says("not a valid asset name of reproq-worker", &|text| asset(text, "target", "darwin-arm64".into()));
        says("above the limit for a release file", &|text| asset(text, "size", u64::MAX.into()));
        says("64 hexadecimal digits", &|text| asset(text, "sha256", "abc".into()));
        says("lists v0.0.144 twice", &|text| {
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
        fn arbitrary_text_is_parsed_or_refused(text in "\\PC*", place in 0_usize..400, byte in any::<u8>()) {
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
