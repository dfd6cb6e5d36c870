//! The trusted roots of both Sigstore instances, embedded with their date, or read from a file.

use std::fmt;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

use crate::model::Sha256Digest;

use super::json;
use super::verifier;

/// The date of the embedded roots: the release of sigstore-trust-root 0.15.1. Update together with
/// [`EMBEDDED_SHA256`].
const EMBEDDED_ON: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 23).expect("a day of the calendar");

/// The digests of the embedded roots, so that a newer crate cannot change them without an update of the date.
#[cfg(all(test, feature = "attestation"))]
const EMBEDDED_SHA256: [&str; 2] = [
    "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66",
    "484cdfe1a7c65479c5ba2a22193d1be90f0020db1997de696ab207434c62fbb7",
];

/// The maximum size of a file of roots, in bytes. GitHub's, the larger of the two, has 32 KB.
const MAX_ROOTS: usize = 1024 * 1024;

/// The age in days from which a root is old. GitHub rotates its keys about every six months, and a root does not
/// contain later keys.
const OLD_AFTER: i64 = 180;

/// The instance of a root. It determines the required evidence, whatever a bundle claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instance {
    /// Sigstore's public instance, used by public repositories: every signature is in a public log.
    PublicGood,
    /// GitHub's own instance, used by private repositories and release attestations: timestamps instead of a log.
    #[serde(rename = "github")]
    GitHub,
    /// Any other instance. The keys in its root determine the required evidence.
    Other,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicGood => "Sigstore's public instance",
            Self::GitHub => "GitHub's own instance",
            Self::Other => "another instance",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum RootSource {
    /// Embedded in this program.
    Embedded {
        /// The date of the embedded root.
        on: NaiveDate,
    },
    /// Fetched from the repository of its instance, and verified.
    Updated {
        /// The date of the update.
        on: NaiveDate,
        /// The version of the repository's targets metadata.
        version: u64,
    },
    /// Accepted by the user for every run.
    Accepted,
    /// Read from a file that the user named.
    File { path: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Issues signing certificates.
    CertificateAuthority,
    /// Issues timestamps.
    TimestampAuthority,
    /// Signs the transparency log.
    TransparencyLog,
    /// Signs the certificate transparency log.
    CertificateLog,
}

/// A key of a root with its validity period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyValidity {
    pub role: KeyRole,
    /// The name of its owner.
    pub name: String,
    /// The start of its validity.
    pub start: Option<DateTime<Utc>>,
    /// The end of its validity; `None` while it is in use.
    pub end: Option<DateTime<Utc>>,
}

/// A trusted root: everything needed to verify attestations of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    pub instance: Instance,
    pub source: RootSource,
    pub windows: Vec<KeyValidity>,
    /// The digest of its text, for comparison by people.
    pub sha256: Sha256Digest,
    text: String,
}

/// A text that is not a trusted root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{name}` is not a trusted root: {reason}")]
pub struct RootError {
    /// The file.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl RootError {
    pub(super) fn new(name: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { name: name.into(), reason: reason.to_string() }
    }
}

/// The trusted roots of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots(Vec<Root>);

impl Roots {
    /// The embedded roots; empty in a build that cannot verify attestations.
    pub fn embedded() -> Self {
        let source = RootSource::Embedded { on: EMBEDDED_ON };
        let read = |text: &&str| Root::read(text, source.clone(), "embedded").expect("the tests read the same text");
        Self(verifier::EMBEDDED.iter().map(read).collect())
    }

    /// The roots in a file: one, or one per line, as `gh attestation trusted-root` prints them.
    pub fn from_file(path: &str, text: &[u8]) -> Result<Self, RootError> {
        let wrong = |reason: String| RootError::new(path, reason);
        if text.len() > MAX_ROOTS {
            return Err(wrong(format!("it has {} bytes, but a trusted root has at most {MAX_ROOTS}", text.len())));
        }
        let documents = match json::strict(text) {
            Ok(()) => vec![text],
            Err(error) => json::lines(text).ok_or_else(|| wrong(error.to_string()))?,
        };
        let source = RootSource::File { path: path.to_owned() };
        let read = |text: &[u8]| {
            let text = str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
            Root::read(text, source.clone(), path)
        };
        documents.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Combines two sets of roots.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Iterates over the roots.
    pub fn iter(&self) -> impl Iterator<Item = &Root> {
        self.0.iter()
    }

    /// The last time at which all of them are known to be complete.
    pub fn complete_until(&self) -> Option<DateTime<Utc>> {
        self.iter().filter_map(Root::complete_until).min()
    }
}

impl FromIterator<Root> for Roots {
    fn from_iter<I: IntoIterator<Item = Root>>(roots: I) -> Self {
        Self(roots.into_iter().collect())
    }
}

impl Root {
    /// Parses one root; `name` identifies it in errors.
    pub fn read(text: &str, source: RootSource, name: &str) -> Result<Self, RootError> {
        let wrong = |reason: String| RootError::new(name, reason);
        json::strict(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let wire: Wire = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if !wire.media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
            return Err(wrong(format!("its media type is `{}`", wire.media_type)));
        }
        let sha256 = Sha256Digest::from_bytes(Sha256::digest(text.as_bytes()).into());
        let root = Self { instance: wire.instance(), source, windows: wire.windows(), sha256, text: text.to_owned() };
        verifier::usable(&root).map_err(wrong)?;
        Ok(root)
    }

    /// Its text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has keys of this role.
    pub fn has(&self, role: KeyRole) -> bool {
        self.windows.iter().any(|window| window.role == role)
    }

    /// The last time at which it is known to have every key of its instance: the date it was embedded
    /// or fetched, or for a file the start of validity of its newest key.
    pub fn complete_until(&self) -> Option<DateTime<Utc>> {
        match &self.source {
            RootSource::Embedded { on } | RootSource::Updated { on, .. } => Some(on.and_hms_opt(0, 0, 0)?.and_utc()),
            RootSource::Accepted | RootSource::File { .. } => self.newest_key(),
        }
    }

    /// The start of validity of its newest key.
    pub fn newest_key(&self) -> Option<DateTime<Utc>> {
        self.windows.iter().filter_map(|window| window.start).max()
    }

    /// Whether newer attestations may fail to verify because of its age. For other instances the age of the newest key
    /// is no indication, because their rotation interval is unknown.
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        let says_nothing = self.source == RootSource::Accepted && self.instance == Instance::Other;
        !says_nothing && self.days(now).is_some_and(|days| days > OLD_AFTER)
    }

    /// A warning if it is so old that newer attestations may fail to verify.
    pub fn age_warning(&self, now: DateTime<Utc>) -> Option<String> {
        let days = self.days(now)?;
        if days < 0 {
            return Some(format!(
                "this machine's clock reads {}, which is before the trusted root of {} was created: check the clock",
                now.date_naive(),
                self.instance
            ));
        }
        self.is_old(now).then(|| {
            format!(
                "the trusted root of {} is {days} days old: recent attestations may fail to verify, older \
                 ones are not affected",
                self.instance
            )
        })
    }

    fn days(&self, now: DateTime<Utc>) -> Option<i64> {
        Some((now - self.complete_until()?).num_days())
    }
}

/// The fields of a root that are parsed here; the verifier parses the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<WireLog>,
    #[serde(default)]
    certificate_authorities: Vec<WireAuthority>,
    #[serde(default)]
    ctlogs: Vec<WireLog>,
    #[serde(default)]
    timestamp_authorities: Vec<WireAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    base_url: String,
    public_key: WireKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    #[serde(default)]
    valid_for: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthority {
    uri: Option<String>,
    #[serde(default)]
    valid_for: Value,
}

impl Wire {
    /// The instance, by the names of its certificate authorities. A root that claims to be the public instance's but
    /// has no log keys still requires a log entry, which then cannot be verified.
    fn instance(&self) -> Instance {
        let is =
            |name: &str| self.certificate_authorities.iter().any(|authority| authority.uri.as_deref() == Some(name));
        if is("https://fulcio.sigstore.dev") {
            Instance::PublicGood
        } else if is("fulcio.githubapp.com") {
            Instance::GitHub
        } else {
            Instance::Other
        }
    }

    fn windows(&self) -> Vec<KeyValidity> {
        let authority = |role: KeyRole| {
            move |authority: &WireAuthority| {
                window(role, authority.uri.as_deref().unwrap_or("unnamed"), &authority.valid_for)
            }
        };
        let log = |role: KeyRole| move |log: &WireLog| window(role, &log.base_url, &log.public_key.valid_for);
        let mut windows: Vec<KeyValidity> = Vec::new();
        windows.extend(self.certificate_authorities.iter().map(authority(KeyRole::CertificateAuthority)));
        windows.extend(self.timestamp_authorities.iter().map(authority(KeyRole::TimestampAuthority)));
        windows.extend(self.tlogs.iter().map(log(KeyRole::TransparencyLog)));
        windows.extend(self.ctlogs.iter().map(log(KeyRole::CertificateLog)));
        windows
    }
}

fn window(role: KeyRole, name: &str, valid_for: &Value) -> KeyValidity {
    let time = |name: &str| {
        let text = valid_for.get(name)?.as_str()?;
        Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
    };
    KeyValidity { role, name: name.to_owned(), start: time("start"), end: time("end") }
}

#[cfg(all(test, feature = "attestation"))]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn both_instances_are_embedded_as_of_their_date() {
        let roots = Roots::embedded();
        let digests: Vec<String> = roots.iter().map(|root| root.sha256.to_string()).collect();
        assert_eq!(digests, EMBEDDED_SHA256, "the crate carries other roots: change EMBEDDED_ON with them");
        let instances: Vec<Instance> = roots.iter().map(|root| root.instance).collect();
        assert_eq!(instances, [Instance::PublicGood, Instance::GitHub]);
        let day = |root: &Root| root.newest_key().map(|time| time.date_naive().to_string());
        let days: Vec<Option<String>> = roots.iter().map(day).collect();
        assert_eq!(days, [Some("2025-09-23".to_owned()), Some("2026-06-12".to_owned())]);
    }

    #[test]
    fn old_roots_are_reported() {
        let roots = Roots::embedded();
        let github = roots.iter().nth(1).expect("GitHub's");
        assert_eq!(github.age_warning(time("2026-11-23T00:00:00Z")), None);
        assert!(github.age_warning(time("2027-11-23T00:00:00Z")).is_some_and(|text| text.contains("396 days old")));
        assert!(github.age_warning(time("2025-11-23T00:00:00Z")).is_some_and(|text| text.contains("clock")));
    }

    #[test]
    fn a_file_contains_one_root_or_one_per_line() {
        let embedded = Roots::embedded();
        let one_line = |root: &Root| serde_json::from_str::<Value>(root.text()).expect("JSON").to_string();
        let lines: Vec<String> = embedded.iter().map(one_line).collect();
        let roots = Roots::from_file("roots.jsonl", lines.join("\n").as_bytes()).expect("two roots");
        assert_eq!(roots.iter().count(), 2);
        let first = embedded.iter().next().expect("a root");
        assert_eq!(Roots::from_file("one.json", first.text().as_bytes()).expect("one").iter().count(), 1);
    }

    #[test]
    fn invalid_roots_are_refused() {
        let embedded = Roots::embedded();
        let text = embedded.iter().next().expect("a root").text().to_owned();
        let refused = |text: &str| Roots::from_file("x.json", text.as_bytes()).expect_err("refused").to_string();
        assert!(refused("{}").contains("`x.json` is not a trusted root"));
        assert!(refused("").contains("is not a trusted root"));
        assert!(refused(&text.replace("trustedroot+json", "bundle+json")).contains("media type"));
        assert!(refused(&text.replace("\"start\"", "\"begin\"")).contains("start"));
        assert!(refused(&text.replace("\"tlogs\"", "\"tlogs\": [], \"tlogs\"")).contains("twice"));
        assert!(refused(&text.replacen("MII", "AAA", 1)).contains("is not a trusted root"));
    }
}
