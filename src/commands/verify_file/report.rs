//! The report of `verify FILE`, for readers who do not know certificates.

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use super::Bytes;
use crate::model::text::count;
use crate::trust::attestation::AttestationKind;
use crate::trust::attestation::AttestationRefusal;
use crate::trust::attestation::AttestationRefusalReason;
use crate::trust::attestation::Field;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Roots;
use crate::trust::attestation::SigningTime;
use crate::trust::attestation::VerifiedAttestation;
use crate::trust::attestation::VerifiedAttestations;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `verify FILE`.
#[derive(Debug, Serialize)]
pub(super) struct FileReport {
    /// Whether at least one attestation satisfies the policy.
    pub(super) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    sha256: String,
    /// The attestations that satisfy the policy.
    attestations: Vec<VerifiedAttestation>,
    /// The rejected attestations.
    refused: Vec<Line>,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    refusal: AttestationRefusal,
    sentence: String,
}

impl FileReport {
    /// At least one attestation satisfies the policy.
    pub(super) fn proven(bytes: &Bytes, proven: VerifiedAttestations, policy: &Policy) -> Self {
        let mut notes: Vec<String> = proven.proofs.iter().filter_map(|attestation| note(attestation, policy)).collect();
        notes.dedup();
        if !proven.refused.is_empty() {
            let others = count(proven.refused.len(), "other attestation");
            notes.push(format!("{others} did not match, which does not affect the result"));
        }
        Self { attestations: proven.proofs, notes, ..Self::new(true, bytes, proven.refused) }
    }

    /// No attestation satisfies the policy.
    pub(super) fn refused(bytes: &Bytes, refused: Vec<AttestationRefusal>, roots: &Roots, now: DateTime<Utc>) -> Self {
        let mut hints: Vec<String> = Vec::new();
        for hint in refused.iter().flat_map(|refusal| hints_for(&refusal.reason)) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        let unknown = refused.iter().any(|refusal| refusal.reason.may_be_too_new());
        let notes = roots.iter().filter_map(|root| root.age_warning(now).filter(|_| unknown)).collect();
        Self { notes, hints, ..Self::new(false, bytes, refused) }
    }

    fn new(ok: bool, bytes: &Bytes, refused: Vec<AttestationRefusal>) -> Self {
        let line = |refusal: AttestationRefusal| Line { sentence: refusal.reason.to_string(), refusal };
        Self {
            ok,
            file: bytes.file.as_ref().map(|file| file.to_string_lossy().into_owned()),
            sha256: bytes.sha256.to_string(),
            attestations: Vec::new(),
            refused: refused.into_iter().map(line).collect(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }

    fn subject(&self) -> &str {
        self.file.as_deref().unwrap_or("the file with this digest")
    }
}

/// A caveat about a verified attestation.
fn note(attestation: &VerifiedAttestation, policy: &Policy) -> Option<String> {
    match (&attestation.git_ref, &policy.tag) {
        (Some(git_ref), Some(tag)) if !git_ref.starts_with("refs/tags/") => {
            Some(format!("the workflow ran for {git_ref}, not for the tag {tag}; `--require-tag-ref` refuses that"))
        }
        (_, _) => None,
    }
}

fn hints_for(reason: &AttestationRefusalReason) -> Vec<String> {
    let text = match reason {
        AttestationRefusalReason::Malformed { .. } | AttestationRefusalReason::Unsupported { .. } => {
            "get the attestation again, for example with `gh attestation download`"
        }
        AttestationRefusalReason::Broken { .. } => {
            "do not use the file; get it and its attestation again from the publisher"
        }
        AttestationRefusalReason::UnknownKey { .. } if reason.may_be_too_new() => {
            return vec![
                "fetch the current roots with `reproq trust update`, and try again".to_owned(),
                "for another Sigstore instance, pass its root with `--trusted-root FILE`, or add it with `reproq trust accept FILE`"
                    .to_owned(),
            ];
        }
        AttestationRefusalReason::UnknownKey { .. } => {
            "do not use the file unless you know the signer and trust their root"
        }
        AttestationRefusalReason::OtherBytes { .. } => {
            "do not use the file; get the file that the attestation is for, or the right attestation"
        }
        AttestationRefusalReason::Clock { .. } => "correct the system clock and try again",
        AttestationRefusalReason::Unfit { mismatches } => {
            let only = |field: Field| mismatches.iter().all(|mismatch| mismatch.field == field);
            if only(Field::Workflow) {
                "if the project is built by a workflow in another repository, review that workflow and specify it with `--workflow`"
            } else if only(Field::Runner) {
                "if the project builds on self-hosted runners, use `--allow-self-hosted`"
            } else {
                "do not use the file unless you know why it differs"
            }
        }
    };
    vec![text.to_owned()]
}

impl Report for FileReport {
    const SCHEMA: &'static str = "reproq.verify-file/1";

    fn human(&self, out: &mut TextReport) {
        if self.ok && out.is_quiet() {
            return;
        }
        if !self.ok {
            out.strong(&format!("Failed to verify {}.", self.subject()));
            out.line(&format!("  sha256 {}", self.sha256));
        }
        for attestation in &self.attestations {
            out.strong(&headline(self.subject(), attestation));
            out.pairs(&details(attestation));
            out.line(&format!("  {}", caveat(attestation)));
        }
        for line in self.refused.iter().filter(|_| !self.ok) {
            refusal(line, self.refused.len() > 1, out);
        }
        for note in &self.notes {
            out.faint(&format!("  note: {note}"));
        }
        for hint in &self.hints {
            out.line(&format!("  hint: {hint}"));
        }
    }
}

fn refusal(line: &Line, one_of_several: bool, out: &mut TextReport) {
    let number = if one_of_several { format!("{}. ", line.refusal.bundle) } else { String::new() };
    let AttestationRefusalReason::Unfit { mismatches } = &line.refusal.reason else {
        out.line(&format!("  {number}{}", line.sentence));
        return;
    };
    out.line(&format!("  {number}the attestation is genuine, but does not match:"));
    for mismatch in mismatches {
        out.line(&format!("    {}", mismatch.field));
        out.line(&format!("      expected {}", mismatch.expected));
        out.line(&format!("      found    {}", mismatch.found.as_deref().unwrap_or("nothing")));
    }
}

fn headline(subject: &str, attestation: &VerifiedAttestation) -> String {
    let signer = attestation.workflow.as_deref().or(attestation.identity.as_deref()).unwrap_or("the given key");
    let repository = attestation.repository.as_deref().unwrap_or("the repository");
    match (attestation.kind, &attestation.tag) {
        (AttestationKind::Build, _) => {
            format!("Verified {subject}: the workflow below built exactly these bytes from {repository}.")
        }
        (AttestationKind::Release, Some(tag)) => {
            format!("Verified {subject}: it is an asset of release {tag} of {repository}.")
        }
        (AttestationKind::Release, None) => format!("Verified {subject}: it is an asset of a release of {repository}."),
        (AttestationKind::Signature, _) => format!("Verified {subject}: {signer} signed exactly these bytes."),
        (AttestationKind::Statement, _) => {
            format!("Verified {subject}: {signer} signed a statement about exactly these bytes.")
        }
    }
}

fn details(attestation: &VerifiedAttestation) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("sha256", attestation.sha256.to_string())];
    let mut add = |name: &'static str, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    add("named", attestation.asset.clone());
    add(
        "repository",
        attestation.repository.as_ref().map(|name| match attestation.repository_id {
            Some(id) => format!("{name} (GitHub ID {id})"),
            None => name.clone(),
        }),
    );
    match &attestation.workflow {
        Some(workflow) => add("workflow", Some(workflow.clone())),
        None => add("signer", attestation.identity.clone()),
    }
    add("built from", built_from(attestation));
    add("ran on", attestation.runner.as_ref().map(|runner| runner_text(runner)));
    add("run", attestation.run.clone());
    add("statement", attestation.predicate_type.clone().filter(|_| attestation.kind == AttestationKind::Statement));
    add(
        "signed",
        attestation
            .signed_at
            .map(|signed_at| format!("{}, {}", signed_at.format("%Y-%m-%d %H:%M:%S UTC"), time(attestation))),
    );
    add("verified with", Some(format!("the trusted root of {}, offline", attestation.instance)));
    pairs
}

fn built_from(attestation: &VerifiedAttestation) -> Option<String> {
    match (&attestation.commit, &attestation.git_ref, &attestation.tag) {
        (Some(commit), Some(git_ref), _) => Some(format!("commit {commit}, {git_ref}")),
        (Some(commit), None, Some(tag)) => Some(format!("not stated; the tag {tag} points to commit {commit}")),
        (Some(commit), None, None) => Some(format!("commit {commit}")),
        (None, git_ref, _) => git_ref.clone(),
    }
}

fn runner_text(runner: &str) -> String {
    match runner {
        "github-hosted" => "a GitHub-hosted runner".to_owned(),
        "self-hosted" => "a self-hosted runner".to_owned(),
        other => other.to_owned(),
    }
}

const fn time(attestation: &VerifiedAttestation) -> &'static str {
    match (attestation.time, attestation.logged) {
        (Some(SigningTime::TimestampAuthority), false) => "by a timestamp authority, not recorded in a public log",
        (Some(SigningTime::TimestampAuthority), true) => "by a timestamp authority, and recorded in the public log",
        (Some(SigningTime::LogAndTimestampAuthority), _) => "by the public log and a timestamp authority",
        (Some(SigningTime::Log), _) => "recorded in the public log",
        (None, _) => "time not verified",
    }
}

/// What the attestation does not guarantee.
const fn caveat(attestation: &VerifiedAttestation) -> &'static str {
    match attestation.kind {
        AttestationKind::Build => {
            "This attests who built the file and from which source, not that the source is correct or harmless."
        }
        AttestationKind::Release => "This attests that GitHub published the file, not how it was built.",
        AttestationKind::Signature | AttestationKind::Statement => "This does not attest how the file was built.",
    }
}
