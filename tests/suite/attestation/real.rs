//! Real attestations: accepted with the right policy, refused with any single field of it changed.

use std::fs;
use std::path::Path;

use reproq::internals::model::Sha256Digest;
use reproq::internals::trust::attestation::Policy;
use reproq::internals::trust::attestation::WantedAttestation;
use serde_json::Value;

use super::sha256;
use super::shared;
use super::text;
use crate::support::Context;
use crate::support::Output;

/// A real bundle, and what it attests.
pub struct Real {
    pub bundle: &'static str,
    /// The attested file, or its digest if the file is not available.
    about: &'static str,
    /// The right policy, as options.
    right: &'static [(&'static str, &'static str)],
    /// Each option changed, and the field that is then reported.
    wrong: &'static [(&'static str, &'static str, &'static str)],
}

/// Both instances, every kind, with and without a log.
pub const REAL: &[Real] = &[
    Real {
        bundle: "github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl",
        about: "github_provenance_demo-0.0.12-py3-none-any.whl",
        right: &[
            ("--repo", "actions/attest-demo"),
            ("--repo-id", "763287532"),
            ("--workflow", ".github/workflows/build-python.yml"),
            ("--asset", "github_provenance_demo-0.0.12-py3-none-any.whl"),
            ("--kind", "build"),
        ],
        wrong: &[
            ("--repo", "actions/attest-dem", "repository"),
            ("--repo-id", "763287533", "repository_id"),
            ("--workflow", ".github/workflows/build-pytho.yml", "workflow"),
            ("--workflow", "actions/attest-dem/.github/workflows/build-python.yml", "workflow"),
            ("--asset", "github_provenance_demo-0.0.12-py3-none-any", "asset"),
            ("--kind", "release", "kind"),
            ("--certificate-issuer", "https://token.actions.githubusercontent.com/", "issuer"),
            ("--tag", "v0.0.12", "ref"),
        ],
    },
    Real {
        bundle: "reusable-workflow-attestation.sigstore.json",
        about: "reusable-workflow-artifact",
        right: &[
            ("--repo", "malancas/attest-demo"),
            ("--repo-id", "804070735"),
            ("--workflow", "github/artifact-attestations-workflows/.github/workflows/attest.yml"),
            ("--asset", "github_provenance_demo-0.0.0-py3-none-any.whl"),
            ("--kind", "build"),
        ],
        wrong: &[
            ("--repo", "malancas/attest", "repository"),
            ("--repo-id", "80407073", "repository_id"),
            ("--workflow", ".github/workflows/shared.yml", "workflow"),
            ("--asset", "reusable-workflow-artifact", "asset"),
            ("--kind", "release", "kind"),
            ("--certificate-issuer", "https://token.actions.githubusercontent.com/malancas", "issuer"),
        ],
    },
    Real {
        bundle: "custom-issuer.sigstore.json",
        about: "custom-issuer-artifact",
        right: &[
            ("--repo", "too-legit/attest"),
            ("--certificate-issuer", "https://token.actions.githubusercontent.com/hammer-time"),
        ],
        wrong: &[
            ("--repo", "hammer-time/attest", "repository"),
            ("--certificate-issuer", "https://token.actions.githubusercontent.com", "issuer"),
        ],
    },
    Real {
        bundle: "cli-github_release_bundle.json",
        about: "sha256:e15b593c6ab8",
        right: &[
            ("--repo", "bdehamer/delme"),
            ("--repo-id", "905988044"),
            ("--tag", "v6"),
            ("--asset", "artifact.zip"),
            ("--kind", "release"),
        ],
        wrong: &[
            ("--repo", "bdehamer/delm", "repository"),
            ("--repo-id", "905988045", "repository_id"),
            ("--tag", "v61", "tag"),
            ("--asset", "artifact.zi", "asset"),
            ("--kind", "build", "kind"),
            ("--workflow", ".github/workflows/release.yml", "workflow"),
        ],
    },
    Real {
        bundle: "github-private-attestation.sigstore.json",
        about: "sha256:76f1fe8593bf",
        right: &[
            ("--repo", "jdx/communique"),
            ("--repo-id", "1155542902"),
            ("--tag", "v0.1.9"),
            ("--asset", "communique-aarch64-apple-darwin.tar.gz"),
        ],
        wrong: &[
            ("--repo", "jdx/communiqu", "repository"),
            ("--repo-id", "216188", "repository_id"),
            ("--tag", "v0.1", "tag"),
            ("--asset", "communique-aarch64-pc-windows-msvc.zip", "asset"),
            ("--kind", "build", "kind"),
        ],
    },
    Real {
        bundle: "conda-attestation.sigstore.json",
        about: "signed-package-2.1.0-hb0f4dca_0.conda",
        right: &[("--repo", "prefix-dev/sigstore-example"), ("--repo-id", "1048392115")],
        wrong: &[
            ("--repo", "prefix-dev/sigstore", "repository"),
            ("--repo-id", "1", "repository_id"),
            ("--kind", "build", "kind"),
        ],
    },
    Real {
        bundle: "cosign-v3-blob.sigstore.json",
        about: "cosign-v3-blob.txt",
        right: &[
            ("--certificate-identity", "w.vollprecht@gmail.com"),
            ("--certificate-issuer", "https://github.com/login/oauth"),
        ],
        wrong: &[
            ("--certificate-identity", "w.vollprecht@gmail.co", "identity"),
            ("--certificate-issuer", "https://github.com/login", "issuer"),
            ("--kind", "build", "kind"),
            ("--asset", "cosign-v3-blob.txt", "asset"),
        ],
    },
];

impl Real {
    /// The complete digest, from the file or from the statement that begins with it.
    pub fn digest(&self, directory: &Path) -> Sha256Digest {
        let Some(begins) = self.about.strip_prefix("sha256:") else {
            return sha256(&fs::read(directory.join(self.about)).expect("the file"));
        };
        let bundle = fs::read_to_string(directory.join(self.bundle)).expect("text");
        let bundle: Value = serde_json::from_str(&bundle).expect("JSON");
        let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("a payload");
        let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).expect("base64");
        let statement: Value = serde_json::from_slice(&payload).expect("JSON");
        let subjects = statement["subject"].as_array().expect("subjects");
        let digests = subjects.iter().filter_map(|subject| subject["digest"]["sha256"].as_str());
        let whole = digests.into_iter().find(|digest| digest.starts_with(begins)).expect("the subject");
        whole.parse().expect("a digest")
    }

    /// The right policy, for the library.
    pub fn policy(&self) -> Policy {
        let value = |name: &str| self.right.iter().find(|(option, _)| *option == name).map(|(_, value)| *value);
        let mut policy = match (value("--repo"), value("--certificate-identity")) {
            (Some(repository), _) => Policy::of_repository(repository.parse().expect("a repository")),
            (None, identity) => Policy::of_identity(identity.expect("somebody is named"), ""),
        };
        if let Some(issuer) = value("--certificate-issuer") {
            issuer.clone_into(&mut policy.issuer);
        }
        policy.repository_id = value("--repo-id").and_then(|text| text.parse().ok());
        policy.tag = value("--tag").and_then(|text| text.parse().ok());
        policy.asset = value("--asset").map(str::to_owned);
        policy.wanted =
            if value("--kind") == Some("build") { WantedAttestation::Build } else { WantedAttestation::Any };
        policy.workflow = value("--workflow").map(|text| {
            let repository = policy.repository().expect("a workflow is of a repository");
            attestation_workflow(text, repository)
        });
        policy
    }

    /// Runs the program with the right options except one.
    fn run(&self, context: &Context, directory: &Path, change: Option<(&str, &str)>) -> Output {
        let bundle = directory.join(self.bundle);
        let what = match self.about.strip_prefix("sha256:") {
            Some(_) => format!("sha256:{}", self.digest(directory)),
            None => text(&directory.join(self.about)).to_owned(),
        };
        let mut options = self.right.to_vec();
        if let Some((name, value)) = change {
            options.retain(|(other, _)| *other != name);
            options.push((name, value));
        }
        let mut arguments = vec!["verify", &what, "--bundle", text(&bundle), "--offline", "--json"];
        arguments.extend(options.iter().flat_map(|(name, value)| [*name, *value]));
        if change == Some(("--tag", "v0.0.12")) {
            arguments.push("--require-tag-ref");
        }
        context.run(&arguments)
    }
}

fn attestation_workflow(
    text: &str,
    repository: &reproq::internals::model::RepoSlug,
) -> reproq::internals::trust::attestation::Workflow {
    reproq::internals::trust::attestation::Workflow::named(text, repository).expect("a workflow")
}

#[test]
fn real_attestations_are_accepted_with_the_right_policy_and_refused_with_any_field_changed() {
    let Some(directory) = shared("real") else { return };
    let context = Context::new();
    let mut changes = 0;
    for real in REAL {
        let right = real.run(&context, &directory, None);
        assert_eq!(right.code, 0, "{}: {right:#?}", real.bundle);
        for (name, value, field) in real.wrong {
            changes += 1;
            let refused = real.run(&context, &directory, Some((name, value)));
            assert_eq!(refused.code, 5, "{} {name} {value}: {refused:#?}", real.bundle);
            let report: Value = serde_json::from_str(&refused.stdout).expect("a report");
            let mismatches = report["refused"][0]["mismatches"].as_array().expect("mismatches");
            let fields: Vec<&str> = mismatches.iter().filter_map(|mismatch| mismatch["field"].as_str()).collect();
            assert!(fields.contains(field), "{} {name} {value}: {fields:?}", real.bundle);
        }
    }
    eprintln!("real proofs: {} accepted, and refused with each of {changes} single changes", REAL.len());
}

/// Cases that other projects' tests refuse are refused here for the same reason.
#[test]
fn real_attestations_that_do_not_match_are_refused() {
    let Some(directory) = shared("real") else { return };
    let context = Context::new();
    let path = |name: &str| text(&directory.join(name)).to_owned();
    for (bundle, about, reason) in [
        ("github_provenance_demo-0.0.12-py3-none-any-bundle-missing-cert.jsonl", "reusable-workflow-artifact", None),
        (
            "github_provenance_demo-0.0.12-py3-none-any-bundle-missing-verification-material.jsonl",
            "reusable-workflow-artifact",
            None,
        ),
        ("github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl", "reusable-workflow-artifact", Some("other_bytes")),
        ("sigstore-js-2.1.0-bundle.json", "sigstore-js-2.1.0.tgz", Some("other_bytes")),
        ("sigstoreBundle-invalid-signature.json", "cosign-v3-blob.txt", Some("unsupported")),
    ] {
        let (about, bundle) = (path(about), path(bundle));
        let output = context.run(&["verify", &about, "--bundle", &bundle, "--repo", "actions/attest-demo", "--json"]);
        assert_eq!(output.code, 5, "{bundle}: {output:#?}");
        let report: Value = serde_json::from_str(&output.stdout).expect("a document");
        if let Some(reason) = reason {
            assert_eq!(report["refused"][0]["reason"], reason, "{bundle}: {report:#}");
        }
    }
}

/// With a root from before GitHub changed its keys, the error says that it may be outdated. The public instance's root without
/// its log keys verifies nothing, although nothing in it requires a log.
#[test]
fn an_outdated_root_is_reported() {
    let (Some(directory), Some(roots)) = (shared("real"), shared("roots")) else { return };
    let context = Context::new();
    let verify = |real: &Real, root: &str| {
        let bundle = directory.join(real.bundle);
        let what = format!("sha256:{}", real.digest(&directory));
        let (root, repository) = (roots.join(root), real.right[0].1);
        let arguments =
            ["verify", &what, "--bundle", text(&bundle), "--repo", repository, "--trusted-root", text(&root), "--json"];
        let output = context.run(&arguments);
        (output.code, serde_json::from_str::<Value>(&output.stdout).expect("a document"))
    };
    let newer = REAL.iter().find(|real| real.bundle.starts_with("github-private")).expect("it is in the list");
    assert_eq!(verify(newer, "github.json").0, 0);
    let (code, report) = verify(newer, "github-stale-2025-10.json");
    assert_eq!((code, &report["refused"][0]["reason"]), (5, &Value::from("unknown_key")), "{report:#}");
    let sentence = report["refused"][0]["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("may be too old"), "{sentence}");
    let logged = REAL.iter().find(|real| real.bundle.starts_with("custom-issuer")).expect("it is in the list");
    assert_eq!(verify(logged, "public-good-nolog.json").0, 5);
    // Each root verifies only its own instance's attestations.
    assert_eq!(verify(newer, "public-good.json").0, 5);
}
