//! The guarantees of `docs/lockfile.md`, each with the decisions that keep it.

use super::*;
use crate::config::Server;
use crate::flows::install::SignerPolicy;
use crate::lockfile::LockedAsset;
use crate::model::Tool;
use crate::trust::Level;
use crate::worker::store::Layout;

const PAGE: &str = include_str!("../../../../docs/lockfile.md");

/// Guarantees of execution rather than of the decision, each with the test of the suite that holds it.
const HELD_ELSEWHERE: [(&str, &str); 2] = [
    ("It is written before the binary is placed.", "crash::steps::killed_at_every_step_of_a_first_install"),
    (
        "A release whose assets were signed by two workflows is not locked",
        "attested::attacked::two_signers_are_not_bundled_under_one",
    ),
];

type Change = fn(&mut InstallOptions);

/// A sentence of the page, options, the project's lockfile, the bundle's, and the decision.
type Row = (&'static str, Change, Option<Lockfile>, Option<Lockfile>, &'static str);

fn rows() -> Vec<Row> {
    let exactly = "An install accepts only the bytes with the locked digest, from any source.";
    let no_request = "With a matching lockfile no request is needed to find the release";
    let on_request = "The lockfile changes only on request: `install --tag`, `lock --tag`, `upgrade`, `rollback`.";
    let one_signer = "It records one signer, which applies to every platform and every later release.";
    let build = "An unattested release or another signer is refused, and so is a local build in its place.";
    let bytes = "If bytes were locked without an attestation next to attested ones, exactly these bytes may be installed \
                 again; other bytes for that platform need the signer.";
    let again = "An install of an attested release verifies the attestation again";
    let not_requested = "If the lockfile has no signer, attestations are not requested.";
    let accepted = "It accepts another signer or none.";
    let carried = "The lockfile in a bundle is trusted for digests, which are those of the bytes next to it.";
    let carried_signer = "The signer is verified with the bundle's own attestations.";
    let [locked, signed, mixed, later, other] = [lockfile(), signed(), mixed(), later(), other_bytes()].map(Some);
    let (none, as_is): (Option<Lockfile>, Change) = (None, |_| ());
    vec![
        (exactly, as_is, locked.clone(), none.clone(), "v0.0.144 pinned, lockfile left, digest or better"),
        (
            exactly,
            |it| it.locked = true,
            locked.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile required, digest or better",
        ),
        (exactly, as_is, locked.clone(), locked.clone(), "v0.0.144 pinned, lockfile left, digest or better"),
        (
            no_request,
            |it| it.spec = exact("v0.0.144"),
            locked.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile left, digest or better",
        ),
        (
            no_request,
            |it| it.target = target("darwin-arm64"),
            locked.clone(),
            none.clone(),
            "v0.0.144 listed, lockfile rewritten, digest or better",
        ),
        (
            on_request,
            |it| it.spec = exact("v0.0.145"),
            locked.clone(),
            none.clone(),
            "v0.0.145 listed, lockfile rewritten, digest or better",
        ),
        (
            on_request,
            |it| it.spec = Some(VersionSpec::Latest),
            locked.clone(),
            none.clone(),
            "latest listed, lockfile rewritten, digest or better",
        ),
        (on_request, as_is, none.clone(), none.clone(), "any listed, lockfile created, digest or better"),
        (on_request, outside, none.clone(), none.clone(), "any listed, lockfile left, digest or better"),
        (
            on_request,
            |it| {
                it.spec = exact("v0.0.145");
                outside(it);
            },
            locked.clone(),
            none.clone(),
            "v0.0.145 listed, lockfile left, digest or better",
        ),
        (
            on_request,
            |it| it.build = BuildMode::Only,
            none.clone(),
            none.clone(),
            "any listed, lockfile left, digest or better",
        ),
        (
            on_request,
            |it| it.build = BuildMode::Only,
            locked.clone(),
            none.clone(),
            "any listed, lockfile left, digest or better",
        ),
        (
            on_request,
            |it| it.locked = true,
            none.clone(),
            none.clone(),
            "refused: --locked requires a lockfile, but `reproq.lock` does not exist",
        ),
        (
            on_request,
            |it| {
                it.locked = true;
                it.spec = exact("v0.0.145");
            },
            locked.clone(),
            none.clone(),
            "refused: reproq.lock pins v0.0.144, but v0.0.145 was requested",
        ),
        (
            on_request,
            |it| {
                it.locked = true;
                it.spec = Some(VersionSpec::Latest);
            },
            locked.clone(),
            none.clone(),
            "refused: reproq.lock pins v0.0.144, but the newest release was requested",
        ),
        (
            on_request,
            |it| {
                it.locked = true;
                it.repository = repository("a/fork");
            },
            locked.clone(),
            none.clone(),
            "refused: reproq.lock pins a release of adpena/reproq-worker, but one of a/fork was requested",
        ),
        (
            on_request,
            |it| {
                it.locked = true;
                it.target = target("darwin-arm64");
            },
            locked.clone(),
            none.clone(),
            "refused: reproq.lock has no asset of v0.0.144 for darwin-arm64, only for: linux-amd64",
        ),
        (
            one_signer,
            |it| it.spec = exact("v0.0.145"),
            signed.clone(),
            none.clone(),
            "v0.0.145 listed, lockfile rewritten, attested by the signer",
        ),
        (
            one_signer,
            |it| it.target = target("darwin-arm64"),
            signed.clone(),
            none.clone(),
            "v0.0.144 listed, lockfile rewritten, attested by the signer",
        ),
        (
            build,
            |it| it.build = BuildMode::Never,
            signed.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile left, attested by the signer",
        ),
        (
            build,
            |it| it.build = BuildMode::Only,
            signed.clone(),
            none.clone(),
            "any listed, lockfile left, digest or better",
        ),
        (bytes, as_is, mixed.clone(), none.clone(), "v0.0.144 pinned, lockfile left, digest or better"),
        (
            bytes,
            |it| it.spec = exact("v0.0.145"),
            mixed,
            none.clone(),
            "v0.0.145 listed, lockfile rewritten, attested by the signer",
        ),
        (again, as_is, signed.clone(), none.clone(), "v0.0.144 pinned, lockfile left, attested by the signer"),
        (
            again,
            |it| it.trust.allow_unverified = true,
            signed.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile left, attested by the signer",
        ),
        (
            not_requested,
            |it| it.trust.require = Level::Checksum,
            locked.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile left, checksum or better",
        ),
        (accepted, accept, signed.clone(), none.clone(), "v0.0.144 listed, lockfile rewritten, digest or better"),
        (
            accepted,
            |it| {
                accept(it);
                outside(it);
            },
            signed.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile left, digest or better",
        ),
        (
            accepted,
            |it| {
                accept(it);
                it.locked = true;
            },
            signed.clone(),
            none.clone(),
            "v0.0.144 pinned, lockfile required, digest or better",
        ),
        (accepted, accept, locked.clone(), none.clone(), "v0.0.144 pinned, lockfile left, digest or better"),
        (carried, as_is, none.clone(), locked.clone(), "v0.0.144 listed, lockfile created, digest or better"),
        (
            carried,
            |it| it.target = target("windows-amd64"),
            none.clone(),
            locked.clone(),
            "v0.0.144 listed, lockfile created, digest or better",
        ),
        (
            carried,
            as_is,
            other,
            locked.clone(),
            "refused: reproq.lock pins sha256 0202020202020202020202020202020202020202020202020202020202020202 for reproq-linux-amd64 of v0.0.144, but the bundle worker.tar contains 0101010101010101010101010101010101010101010101010101010101010101",
        ),
        (
            carried,
            as_is,
            later.clone(),
            locked.clone(),
            "refused: reproq.lock pins v0.0.145, but the bundle worker.tar contains v0.0.144",
        ),
        (
            carried,
            |it| it.spec = exact("v0.0.144"),
            later.clone(),
            locked.clone(),
            "v0.0.144 listed, lockfile rewritten, digest or better",
        ),
        (
            carried,
            |it| {
                it.spec = exact("v0.0.144");
                it.locked = true;
            },
            later,
            locked.clone(),
            "refused: reproq.lock pins v0.0.145, but the bundle worker.tar contains v0.0.144",
        ),
        (
            carried,
            |it| it.spec = exact("v0.0.145"),
            none.clone(),
            locked.clone(),
            "refused: the bundle worker.tar contains v0.0.144, but v0.0.145 was requested",
        ),
        (
            carried,
            |it| it.repository = repository("a/fork"),
            none.clone(),
            locked,
            "refused: the bundle worker.tar is from adpena/reproq-worker, but the configured repository is a/fork",
        ),
        (carried_signer, as_is, none, signed, "v0.0.144 listed, lockfile created, attested by the signer"),
    ]
}

#[test]
fn every_guarantee_of_the_page_is_decided() {
    let page = in_one_line(PAGE);
    for (sentence, change, lockfile, carried, expected) in rows() {
        assert!(page.contains(sentence), "docs/lockfile.md does not have: {sentence}");
        let mut options = options();
        change(&mut options);
        let targets = [target("linux-amd64")];
        let bundle =
            carried.as_ref().map(|lockfile| CarriedRelease { name: "worker.tar", lockfile, targets: &targets });
        let decided = decide(&options, lockfile.as_ref(), bundle);
        assert_eq!(described(&decided), expected, "{sentence}");
        let keep = lockfile.and_then(|lockfile| Some(lockfile.asset(options.target)?.sha256));
        assert!(decided.is_err() || decided.is_ok_and(|decided| decided.keep == keep), "{sentence}");
    }
}

#[test]
fn the_page_has_no_guarantee_without_a_row() {
    let (_, section) = PAGE.split_once("## Guarantees").expect("the section");
    let (section, _) = section.split_once("```").expect("its end");
    let rows = rows();
    let tested = rows.iter().map(|row| row.0).chain(HELD_ELSEWHERE.map(|(sentence, _)| sentence));
    let tested: Vec<&str> = tested.collect();
    for guarantee in section.split("\n- ").skip(1).map(in_one_line) {
        assert!(tested.iter().any(|sentence| guarantee.contains(sentence)), "no row for: {guarantee}");
    }
}

#[test]
fn if_one_platform_is_not_locked_all_are_queried() {
    let [here, other] = ["linux-amd64", "darwin-arm64"].map(target);
    let all = |options: &InstallOptions, targets: &[Target]| decide_for_all(options, Some(&lockfile()), targets);
    assert!(all(&options(), &[here]).expect("decided").pin.is_some());
    let asked = all(&options(), &[here, other]);
    assert_eq!(described(&asked), "v0.0.144 listed, lockfile rewritten, digest or better");
    let locked = InstallOptions { locked: true, ..options() };
    assert!(matches!(all(&locked, &[here, other]), Err(Disagreement::Unsatisfied(Unsatisfied::NoAsset { .. }))));
}

#[test]
fn an_asset_that_the_bundle_lacks_is_not_pinned() {
    let own = lockfile();
    let bundle = CarriedRelease { name: "worker.tar", lockfile: &own, targets: &[] };
    let decided = decide(&options(), Some(&own), Some(bundle));
    assert_eq!(described(&decided), "v0.0.144 listed, lockfile left, digest or better");
}

/// For example `v0.0.144 pinned, lockfile left, digest or better`.
fn described(decided: &Result<Decided, Disagreement>) -> String {
    let decided = match decided {
        Ok(decided) => decided,
        Err(error) => return format!("refused: {error}"),
    };
    let spec = match &decided.spec {
        None => "any".to_owned(),
        Some(VersionSpec::Latest) => "latest".to_owned(),
        Some(VersionSpec::Exact(tag)) => tag.to_string(),
    };
    let found = if decided.pin.is_some() { "pinned" } else { "listed" };
    let lock = match &decided.lock {
        LockfileAction::Ignore => "left",
        LockfileAction::Require => "required",
        LockfileAction::Write { old: None, .. } => "created",
        LockfileAction::Write { old: Some(_), .. } => "rewritten",
    };
    let least = decided.policy.require;
    let least = if decided.signer.is_some() { format!("{least} by the signer") } else { format!("{least} or better") };
    format!("{spec} {found}, lockfile {lock}, {least}")
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn outside(options: &mut InstallOptions) {
    options.elsewhere = true;
}

fn accept(options: &mut InstallOptions) {
    options.signers.accept_change = true;
}

fn exact(tag: &str) -> Option<VersionSpec> {
    Some(VersionSpec::Exact(tag.parse().expect("a tag")))
}

fn target(name: &str) -> Target {
    name.parse().expect("a target")
}

fn repository(name: &str) -> RepoSlug {
    name.parse().expect("a repository")
}

fn lockfile() -> Lockfile {
    locked("v0.0.144", Level::Digest, 1)
}

fn later() -> Lockfile {
    locked("v0.0.145", Level::Digest, 1)
}

fn other_bytes() -> Lockfile {
    locked("v0.0.144", Level::Digest, 2)
}

fn signed() -> Lockfile {
    locked("v0.0.144", Level::Attested, 1).signed_by(Some(signer()))
}

/// The asset for this platform was locked without an attestation, and another with one.
fn mixed() -> Lockfile {
    lockfile().signed_by(Some(signer()))
}

fn signer() -> Signer {
    let workflow = "adpena/reproq-worker/.github/workflows/release.yml".parse().expect("a workflow");
    Signer { verdict: Level::Attested, workflow: Some(workflow), issuer: None, repository_id: None, owner_id: None }
}

fn locked(tag: &str, verdict: Level, byte: u8) -> Lockfile {
    let asset = LockedAsset {
        target: target("linux-amd64"),
        name: "reproq-linux-amd64".to_owned(),
        size: Some(1),
        sha256: Sha256Digest::from_bytes([byte; 32]),
        evidence: Vec::new(),
        verdict,
    };
    Lockfile::new(repository("adpena/reproq-worker"), tag.parse().expect("a tag"), None, vec![asset])
}

fn options() -> InstallOptions {
    let target = target("linux-amd64");
    InstallOptions {
        tool: Tool::WORKER,
        // GitHub's names are case-insensitive.
        repository: repository("Adpena/reproq-worker"),
        server: Server::default(),
        spec: None,
        target,
        host: Some(target),
        from: None,
        lockfile: "reproq.lock".into(),
        locked: false,
        elsewhere: false,
        trust: TrustPolicy { require: Level::Digest, allow_unverified: false },
        signers: SignerPolicy::default(),
        build: BuildMode::Fallback,
        offline: false,
        force: false,
        sources: Vec::new(),
        own_executable: None,
        layout: Layout::elsewhere("reproq".into()),
    }
}
