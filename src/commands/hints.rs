//! The class and the hints of everything that can go wrong with an installation. They are chosen here because only the
//! commands know the flags.

use std::io;
use std::path::Path;

use crate::archive::ArchiveError;
use crate::binary::PreflightError;
use crate::binary::SmokeError;
use crate::build::BuildError;
use crate::build::BuildRefusal;
use crate::build::PrepareError;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::github::ApiError;
use crate::install::Fallback;
use crate::install::InstallError;
use crate::install::InstallRequest;
use crate::install::NoBuild;
use crate::install::ResolveError;
use crate::net::NetError;
use crate::store::LockError;
use crate::store::StoreError;
use crate::trust::EvidenceSource;
use crate::trust::VerifyError;

/// A release with every machine's assets and their checksums has fewer.
const SHOWN_NAMES: usize = 24;

/// Turns a failed installation into what the user is told.
pub(super) fn explain(error: InstallError, request: &InstallRequest) -> CommandError {
    let (status, hints) = judge(&error, request);
    let lines = output_lines(&error).to_vec();
    let mut failure = CommandError::new(status, error);
    if !lines.is_empty() {
        let text = failure.error.to_string();
        failure.error = failure.error.context(format!("{text}\n{}", lines.join("\n")));
    }
    failure.hints = hints;
    failure
}

fn judge(error: &InstallError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        InstallError::Store(StoreError { path, source, .. }) => {
            let failure = CommandError::io("use", path, io::Error::from(source.kind()));
            (failure.status, failure.hints)
        }
        InstallError::Lock(LockError::Held { .. }) => {
            (ExitStatus::Conflict, vec!["wait for it, or allow more time with `--lock-timeout SECONDS`".to_owned()])
        }
        InstallError::Lock(LockError::Unusable { path, source }) => {
            let failure = CommandError::io("lock", path, io::Error::from(source.kind()));
            (failure.status, failure.hints)
        }
        InstallError::InTheWay { path, .. } => {
            (ExitStatus::Conflict, vec![format!("move `{}` away and run the same command again", path.display())])
        }
        InstallError::Api(error) => api(error, request),
        InstallError::Resolve(error) => resolve(error),
        InstallError::Download { source, .. } => net(source),
        InstallError::Verify { source, .. } => verify(source),
        InstallError::Archive { source, .. } => archive(source),
        InstallError::Inspect(_) => (ExitStatus::Failure, Vec::new()),
        InstallError::Preflight { source, .. } => (ExitStatus::Unverified, preflight(source, request)),
        InstallError::Smoke { source, .. } => (ExitStatus::Unverified, smoke(source)),
        InstallError::Version { .. } => (
            ExitStatus::Unverified,
            vec!["tell the maintainers: the release's binary and its tag do not belong together".to_owned()],
        ),
        InstallError::NothingServes { fallback, build } => nothing_serves(fallback, build, request),
        InstallError::Prepare { source, .. } => prepare(source),
        InstallError::Build { source, .. } => build(source),
        InstallError::Staging { source, .. } => {
            let failure = CommandError::io("use", &request.layout.home, io::Error::from(source.kind()));
            (failure.status, failure.hints)
        }
    }
}

fn api(error: &ApiError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        ApiError::Net(error) => net(error),
        ApiError::RateLimited { authenticated, .. } => {
            let hint = if *authenticated {
                "wait until then, or use another token"
            } else {
                "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN: without a token everybody behind this address shares 60 requests an hour"
            };
            (ExitStatus::Unavailable, vec![hint.to_owned()])
        }
        ApiError::NotFound { .. } => {
            let mut hints = Vec::new();
            if request.spec.is_some() {
                let page = format!("https://github.com/{}/releases", request.repository);
                hints.push(format!(
                    "the tag may have no release, be a draft, or have been pruned (only the newest releases are kept); see {page}"
                ));
            } else {
                hints.push(
                    "the repository may have no release yet, or only prereleases; name one with `--tag`".to_owned(),
                );
            }
            hints.push("if the repository is private, set REPROQ_GITHUB_TOKEN".to_owned());
            (ExitStatus::NotFound, hints)
        }
        ApiError::BadToken { variable } => (
            ExitStatus::NotPermitted,
            vec![format!("renew the token in {variable}, or unset it if the repository is public")],
        ),
        ApiError::SingleSignOn { url } => {
            let hint = match url {
                Some(url) => format!("authorize the token for the organization at {url}"),
                None => "authorize the token for the organization in GitHub's settings".to_owned(),
            };
            (ExitStatus::NotPermitted, vec![hint])
        }
        ApiError::Forbidden { needed, .. } => {
            let hint = match needed {
                Some(needed) => format!("give the token the permission `{needed}`"),
                None => "use a token that may read the repository".to_owned(),
            };
            (ExitStatus::NotPermitted, vec![hint])
        }
        ApiError::Shape { .. } => (
            ExitStatus::Unavailable,
            vec![
                "something between here and GitHub may answer in its place; check the proxy and GITHUB_API_URL"
                    .to_owned(),
            ],
        ),
    }
}

fn net(error: &NetError) -> (ExitStatus, Vec<String>) {
    let again = "run the same command again; nothing was changed";
    let hint = |text: &str| vec![text.to_owned()];
    match error {
        NetError::Dns { .. } => (ExitStatus::Unavailable, hint("check the network and its name server")),
        NetError::Refused { .. } => (ExitStatus::Unavailable, hint("check the network, the proxy and the address")),
        NetError::Timeout { .. } => (
            ExitStatus::Unavailable,
            vec![again.to_owned(), "on a slow line, allow more time with REPROQ_HTTP_TIMEOUT=120".to_owned()],
        ),
        NetError::Lost { .. } | NetError::Cut { .. } | NetError::Signature { .. } => {
            (ExitStatus::Unavailable, hint(again))
        }
        NetError::Tls { .. } => (
            ExitStatus::Unavailable,
            hint("if a proxy of your network signs its traffic, name its certificate with SSL_CERT_FILE"),
        ),
        NetError::Proxy { .. } => {
            (ExitStatus::Unavailable, hint("check HTTPS_PROXY, or name the host in NO_PROXY to go around the proxy"))
        }
        NetError::Status { status: 404 | 410, .. } => (
            ExitStatus::NotFound,
            hint("the release lists the file, and it is not there; it may have been removed a moment ago"),
        ),
        NetError::Status { status: 401 | 403, .. } => {
            (ExitStatus::NotPermitted, hint("if the repository is private, set REPROQ_GITHUB_TOKEN"))
        }
        NetError::Status { .. } => (ExitStatus::Unavailable, hint(again)),
        NetError::WebPage { .. } => (
            ExitStatus::Unavailable,
            hint(
                "a login page or a proxy may stand in between; open the address in a browser, then run the command again",
            ),
        ),
        NetError::Redirect { .. } | NetError::Encoded { .. } => {
            (ExitStatus::Unavailable, hint("something between here and GitHub changes the answers; check the proxy"))
        }
        NetError::WrongLength { .. } | NetError::TooLong { .. } => (
            ExitStatus::Unverified,
            hint("the file is not the one the release describes; if it stays so, tell the maintainers"),
        ),
        NetError::Write(source) => {
            let failure = CommandError::io("write", Path::new(".reproq/staging"), source.kind().into());
            (failure.status, failure.hints)
        }
        NetError::Setup(_) => {
            (ExitStatus::Failure, hint("check SSL_CERT_FILE and the certificates installed on this machine"))
        }
        NetError::Other { .. } => (ExitStatus::Unavailable, hint(again)),
    }
}

fn resolve(error: &ResolveError) -> (ExitStatus, Vec<String>) {
    match error {
        ResolveError::Incomplete { .. } => (
            ExitStatus::Unavailable,
            vec!["the release is being published right now; run the same command again in a few minutes".to_owned()],
        ),
        ResolveError::Draft { .. } => {
            (ExitStatus::NotFound, vec!["publish the release, or name another one with `--tag`".to_owned()])
        }
        ResolveError::Fallback(_) => (ExitStatus::NotFound, Vec::new()),
    }
}

fn verify(error: &VerifyError) -> (ExitStatus, Vec<String>) {
    match error {
        VerifyError::Mismatch { .. } => (
            ExitStatus::Unverified,
            vec![
                "nothing was installed; the binary in place is as it was".to_owned(),
                "run the command again; if the digests still differ, somebody changed the asset or the traffic: tell the maintainers"
                    .to_owned(),
            ],
        ),
        VerifyError::Disagreement { .. } => (
            ExitStatus::Unverified,
            vec!["nothing was installed; tell the maintainers that the release contradicts itself".to_owned()],
        ),
        VerifyError::Unknown { origin: EvidenceSource::ApiDigest, transient: true, .. } => (
            ExitStatus::Unavailable,
            vec![
                "wait, or set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN; no checksum file of the release stands in for GitHub's digest"
                    .to_owned(),
            ],
        ),
        VerifyError::Unknown { transient: true, .. } => (
            ExitStatus::Unavailable,
            vec!["run the same command again; a source that cannot be read is never taken for one that is silent".to_owned()],
        ),
        VerifyError::Unknown { transient: false, .. } => {
            (ExitStatus::Unverified, vec!["tell the maintainers that the release's checksums cannot be read".to_owned()])
        }
        VerifyError::NoEvidence { .. } => (
            ExitStatus::Unverified,
            vec![
                "ask the maintainers to publish a SHA256SUMS file with the release".to_owned(),
                "build from a checkout with `--build`, or accept the bytes unproven with `--allow-unverified`".to_owned(),
            ],
        ),
        VerifyError::BelowRequired { level, .. } => {
            (ExitStatus::Unverified, vec![format!("accept less with `--require {level}`")])
        }
    }
}

fn archive(error: &ArchiveError) -> (ExitStatus, Vec<String>) {
    if error.is_refusal() {
        let hint = "the archive is what the release published, and not fit to be unpacked; tell the maintainers";
        return (ExitStatus::Unverified, vec![hint.to_owned()]);
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let kind = source.map_or(io::ErrorKind::Other, io::Error::kind);
    let failure = CommandError::io("use", Path::new(".reproq/staging"), kind.into());
    (failure.status, failure.hints)
}

fn preflight(error: &PreflightError, request: &InstallRequest) -> Vec<String> {
    match error {
        PreflightError::LoaderMissing { .. } | PreflightError::GlibcTooOld { .. } => vec![
            "build one for this machine with `reproq install --build`; it needs Go and a checkout, and no C library"
                .to_owned(),
            "or use an image with a newer glibc, for example debian:bookworm-slim".to_owned(),
        ],
        PreflightError::WrongOs { .. } | PreflightError::WrongMachine { .. } | PreflightError::BuiltFor { .. } => {
            vec![format!("the asset for {} holds another machine's binary; tell the maintainers", request.target)]
        }
        PreflightError::NotAProgram { .. }
        | PreflightError::NotExecutable { .. }
        | PreflightError::AnotherProgram { .. } => {
            vec![format!("check that {} publishes the worker", request.repository)]
        }
    }
}

fn smoke(error: &SmokeError) -> Vec<String> {
    match error {
        SmokeError::CouldNotStart { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            vec!["the file system may forbid programs (noexec); install elsewhere with `--to PATH`".to_owned()]
        }
        SmokeError::LoaderMissing { .. } => {
            vec!["build one for this machine with `reproq install --build`".to_owned()]
        }
        SmokeError::CouldNotStart { .. } | SmokeError::TimedOut { .. } | SmokeError::Failed { .. } => {
            vec!["name another release with `--tag`, or build from a checkout with `--build`".to_owned()]
        }
        SmokeError::OtherWords { .. } => {
            vec!["the binary is not the worker; check `--repo` and the release".to_owned()]
        }
    }
}

fn nothing_serves(fallback: &Fallback, build: &NoBuild, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let status = match fallback {
        Fallback::NoAsset { .. } | Fallback::Asked | Fallback::RepairsBuild => ExitStatus::NotFound,
        Fallback::Unreachable { .. } | Fallback::Offline => ExitStatus::Unavailable,
    };
    let mut hints = Vec::new();
    if let Fallback::NoAsset { wanted, has, .. } = fallback {
        hints.push(format!("wanted {}; the release has {}", wanted.join(" or "), listed(has)));
    }
    if matches!(fallback, Fallback::Unreachable { .. }) {
        hints.push("check the network, its name server and HTTPS_PROXY".to_owned());
    }
    match build {
        NoBuild::Forbidden => hints.push("leave out `--no-build` to build from a checkout instead".to_owned()),
        NoBuild::BelowRequired => {
            let required = request.policy.require;
            hints.push(format!(
                "a local build is proven as `built`, and `{required}` is required; use `--require built`"
            ));
        }
        NoBuild::NoCheckout { looked } => {
            let looked: Vec<String> =
                looked.iter().map(|(origin, path)| format!("{} ({origin})", path.display())).collect();
            hints.push(format!("no checkout to build from was found at {}", looked.join(", ")));
            hints.push(format!(
                "clone https://github.com/{} there, or name a checkout with `--source DIR`",
                request.repository
            ));
        }
    }
    (status, hints)
}

/// Names for a sentence, no more of them than anybody reads.
pub(super) fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "no assets".to_owned(),
        count @ 1..=SHOWN_NAMES => names[..count].join(", "),
        count => format!("{} and {} more", names[..SHOWN_NAMES].join(", "), count - SHOWN_NAMES),
    }
}

fn prepare(error: &PrepareError) -> (ExitStatus, Vec<String>) {
    let refusal = match error {
        PrepareError::Refused(refusal) => refusal,
        PrepareError::Source(_) => {
            return (
                ExitStatus::NotFound,
                vec!["name a checkout of the worker with `--source DIR` or REPROQ_WORKER_SOURCE".to_owned()],
            );
        }
    };
    match refusal {
        BuildRefusal::GoMissing { required, .. } => {
            let version = required.map(|version| format!(" {version} or newer")).unwrap_or_default();
            (ExitStatus::NotFound, vec![format!("install Go{version} from https://go.dev/dl and put it on PATH")])
        }
        BuildRefusal::GoTooOld { required, .. } => {
            (ExitStatus::NotFound, vec![format!("install Go {required} or newer from https://go.dev/dl")])
        }
        BuildRefusal::GoUnusable { .. } => {
            (ExitStatus::Failure, vec!["put a working Go toolchain first on PATH".to_owned()])
        }
        BuildRefusal::OtherModule { .. } | BuildRefusal::NoPackage { .. } => (
            ExitStatus::NotFound,
            vec!["name a checkout of the worker with `--source DIR` or REPROQ_WORKER_SOURCE".to_owned()],
        ),
        BuildRefusal::OtherVersion { folder, wanted, .. } => (
            ExitStatus::NotFound,
            vec![
                format!("check out the tag: `git -C {} checkout {wanted}`", folder.display()),
                "or leave out `--tag` to build what is there".to_owned(),
            ],
        ),
        BuildRefusal::TargetTooNew { .. } => {
            (ExitStatus::NotFound, vec!["install a newer Go from https://go.dev/dl".to_owned()])
        }
        BuildRefusal::RelativeOutput(_) => (ExitStatus::Failure, Vec::new()),
    }
}

fn build(error: &BuildError) -> (ExitStatus, Vec<String>) {
    match error {
        BuildError::Failed { folder, .. } => (
            ExitStatus::Failure,
            vec![format!("the same build by hand: `cd {} && go build -tags prod ./cmd/reproq`", folder.display())],
        ),
        BuildError::ModulesMissing { folder, .. } => (
            ExitStatus::NotFound,
            vec![format!(
                "run `go mod vendor` in {} on a machine with a network, and bring the checkout here",
                folder.display()
            )],
        ),
        BuildError::GivenUp => (ExitStatus::Interrupted, Vec::new()),
        BuildError::Start { .. } | BuildError::OutputMissing(_) | BuildError::Lost(_) => {
            (ExitStatus::Failure, Vec::new())
        }
    }
}

/// What `go build` printed last, where that is the reason.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other failure has output to show")]
fn output_lines(error: &InstallError) -> &[String] {
    match error {
        InstallError::Build {
            source: BuildError::Failed { lines, .. } | BuildError::ModulesMissing { lines, .. },
            ..
        } => lines,
        _ => &[],
    }
}
