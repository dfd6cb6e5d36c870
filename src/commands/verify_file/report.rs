//! How the answer of `verify FILE` reads, for somebody who never heard of certificates.

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

/// What was found out.
#[derive(Debug, Serialize)]
pub(super) struct FileReport {
    /// Whether at least one attestation proves what was asked.
    pub(super) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    sha256: String,
    /// What is proven.
    proofs: Vec<VerifiedAttestation>,
    /// Attestations that do not prove it.
    refused: Vec<Line>,
    /// What a person should know beside it.
    notes: Vec<String>,
    /// What to do next.
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
    /// At least one attestation fits.
    pub(super) fn proven(bytes: &Bytes, proven: VerifiedAttestations, policy: &Policy) -> Self {
        let mut notes: Vec<String> = proven.proofs.iter().filter_map(|proof| note(proof, policy)).collect();
        notes.dedup();
        if !proven.refused.is_empty() {
            let others = count(proven.refused.len(), "other attestation");
            notes.push(format!("{others} did not fit, which takes nothing from the proof"));
        }
        Self { proofs: proven.proofs, notes, ..Self::new(true, bytes, proven.refused) }
    }

    /// None fits.
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
            proofs: Vec::new(),
            refused: refused.into_iter().map(line).collect(),
            notes: Vec::new(),
            hints: Vec::new(),
        }
    }

    fn subject(&self) -> &str {
        self.file.as_deref().unwrap_or("the file of this digest")
    }
}

/// What is easily taken for more than it is.
fn note(proof: &VerifiedAttestation, policy: &Policy) -> Option<String> {
    match (&proof.git_ref, &policy.tag) {
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
            "do not use the file; get it and its attestation again from their publisher"
        }
        AttestationRefusalReason::UnknownKey { .. } if reason.may_be_too_new() => {
            return vec![
                "fetch the present roots with `reproq trust update`, and try again".to_owned(),
                "of somebody else's instance: name its root with `--trusted-root FILE`, or for every run with `reproq trust accept FILE`"
                    .to_owned(),
            ];
        }
        AttestationRefusalReason::UnknownKey { .. } => {
            "do not use the file unless you know who signs it, and trust their root"
        }
        AttestationRefusalReason::OtherBytes { .. } => {
            "do not use the file: get the one the attestation is about, or its own attestation"
        }
        AttestationRefusalReason::Clock { .. } => "set this machine's clock right and try again",
        AttestationRefusalReason::Unfit { mismatches } => {
            let only = |field: Field| mismatches.iter().all(|mismatch| mismatch.field == field);
            if only(Field::Workflow) {
                "if the project is built by a workflow of another repository, name it with `--workflow` after you checked it"
            } else if only(Field::Runner) {
                "if the project builds on machines of its own, say so with `--allow-self-hosted`"
            } else {
                "do not use the file unless you know why it differs"
            }
        }
    };
    vec![text.to_owned()]
}

impl Report for FileReport {
    const SCHEMA: &'static str = "reproq.proof/1";

    fn human(&self, paper: &mut TextReport) {
        if self.ok && paper.is_quiet() {
            return;
        }
        if !self.ok {
            paper.strong(&format!("{} is not proven.", self.subject()));
            paper.line(&format!("  sha256 {}", self.sha256));
        }
        for proof in &self.proofs {
            paper.strong(&headline(self.subject(), proof));
            paper.pairs(&details(proof));
            paper.line(&format!("  {}", caveat(proof)));
        }
        for line in self.refused.iter().filter(|_| !self.ok) {
            refusal(line, self.refused.len() > 1, paper);
        }
        for note in &self.notes {
            paper.faint(&format!("  note: {note}"));
        }
        for hint in &self.hints {
            paper.line(&format!("  hint: {hint}"));
        }
    }
}

fn refusal(line: &Line, one_of_several: bool, paper: &mut TextReport) {
    let number = if one_of_several { format!("{}. ", line.refusal.bundle) } else { String::new() };
    let AttestationRefusalReason::Unfit { mismatches } = &line.refusal.reason else {
        paper.line(&format!("  {number}{}", line.sentence));
        return;
    };
    paper.line(&format!("  {number}the attestation is genuine, but does not match:"));
    for mismatch in mismatches {
        paper.line(&format!("    {}", mismatch.field));
        paper.line(&format!("      expected {}", mismatch.expected));
        paper.line(&format!("      found    {}", mismatch.found.as_deref().unwrap_or("nothing about it")));
    }
}

fn headline(subject: &str, proof: &VerifiedAttestation) -> String {
    let signer = proof.workflow.as_deref().or(proof.identity.as_deref()).unwrap_or("the given key");
    let repository = proof.repository.as_deref().unwrap_or("the repository");
    match (proof.kind, &proof.tag) {
        (AttestationKind::Build, _) => {
            format!("{subject} is proven: the workflow below built exactly these bytes from {repository}.")
        }
        (AttestationKind::Release, Some(tag)) => {
            format!("{subject} is proven: it belongs to release {tag} of {repository}.")
        }
        (AttestationKind::Release, None) => format!("{subject} is proven: it belongs to a release of {repository}."),
        (AttestationKind::Signature, _) => format!("{subject} is proven: {signer} signed exactly these bytes."),
        (AttestationKind::Statement, _) => {
            format!("{subject} is proven: {signer} signed a statement about exactly these bytes.")
        }
    }
}

fn details(proof: &VerifiedAttestation) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("sha256", proof.sha256.to_string())];
    let mut add = |name: &'static str, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    add("named", proof.asset.clone());
    add(
        "repository",
        proof.repository.as_ref().map(|name| match proof.repository_id {
            Some(id) => format!("{name} (number {id} at GitHub)"),
            None => name.clone(),
        }),
    );
    match &proof.workflow {
        Some(workflow) => add("workflow", Some(workflow.clone())),
        None => add("signer", proof.identity.clone()),
    }
    add("built from", built_from(proof));
    add("ran on", proof.runner.as_ref().map(|runner| machine(runner)));
    add("run", proof.run.clone());
    add("statement", proof.predicate_type.clone().filter(|_| proof.kind == AttestationKind::Statement));
    add(
        "signed",
        proof.signed_at.map(|signed_at| format!("{}, {}", signed_at.format("%Y-%m-%d %H:%M:%S UTC"), time(proof))),
    );
    add("checked with", Some(format!("the trusted root of {}, without the network", proof.instance)));
    pairs
}

fn built_from(proof: &VerifiedAttestation) -> Option<String> {
    match (&proof.commit, &proof.git_ref, &proof.tag) {
        (Some(commit), Some(git_ref), _) => Some(format!("commit {commit}, {git_ref}")),
        (Some(commit), None, Some(tag)) => Some(format!("not stated; the tag {tag} is at commit {commit}")),
        (Some(commit), None, None) => Some(format!("commit {commit}")),
        (None, git_ref, _) => git_ref.clone(),
    }
}

fn machine(runner: &str) -> String {
    match runner {
        "github-hosted" => "a machine of GitHub's (github-hosted)".to_owned(),
        "self-hosted" => "a machine of the repository's owner (self-hosted)".to_owned(),
        other => other.to_owned(),
    }
}

const fn time(proof: &VerifiedAttestation) -> &'static str {
    match (proof.time, proof.logged) {
        (Some(SigningTime::TimestampAuthority), false) => "by a timestamp authority; it is in no public log",
        (Some(SigningTime::TimestampAuthority), true) => "by a timestamp authority, and recorded in the public log",
        (Some(SigningTime::LogAndTimestampAuthority), _) => "by the public log and a timestamp authority",
        (Some(SigningTime::Log), _) => "recorded in the public log",
        (None, _) => "time not proven",
    }
}

/// What the proof does not say.
const fn caveat(proof: &VerifiedAttestation) -> &'static str {
    match proof.kind {
        AttestationKind::Build => {
            "It says who built the file and from what, not that the source is free of mistakes or malice."
        }
        AttestationKind::Release => "It says that GitHub published the file, not how it was built.",
        AttestationKind::Signature | AttestationKind::Statement => "It does not say how the file was built.",
    }
}
