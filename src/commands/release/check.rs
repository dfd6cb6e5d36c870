//! `reproq release check`: checks that a release is complete, consistent and attested.

use std::path::Path;

use serde::Serialize;

use crate::cli::CheckArgs;
use crate::commands::release::client;
use crate::commands::release::errors;
use crate::commands::release::evidence::ReleaseEvidence;
use crate::commands::release::repository;
use crate::commands::release::repository::RepositoryUse;
use crate::commands::release::runtime;
use crate::commands::session::Session;
use crate::commands::verify_file;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install::AttestationQuery;
use crate::model::Listing;
use crate::model::Release;
use crate::model::RepoSlug;
use crate::model::Tool;
use crate::model::VersionSpec;
use crate::model::progress::Progress;
use crate::model::text::count;
use crate::releases::check;
use crate::releases::check::Attested;
use crate::releases::check::Check;
use crate::releases::check::ReleaseFacts;
use crate::releases::check::Remark;
use crate::releases::check::SourceVersion;
use crate::releases::check::StatedSums;
use crate::releases::prune::Completeness;
use crate::releases::prune::units;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::Lister;
use crate::sources::source::Source;
use crate::trust::ChecksumFile;
use crate::trust::SUMS_FILES;
use crate::trust::attestation;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Policy;
use crate::trust::attestation::Workflow;
use crate::trust::is_sums_file;
use crate::ui::Report;
use crate::ui::TextReport;

/// The platforms of a release of the worker.
const TARGETS: [&str; 5] = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"];

/// The report of `release check`.
#[derive(Debug, Serialize)]
struct CheckReport {
    repository: String,
    tag: String,
    passed: bool,
    checks: Vec<Check>,
    attestations: Vec<Attested>,
}

pub(super) fn check(arguments: &CheckArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let spec = spec(arguments, session)?;
    let slug = repository::find(arguments.repository.repo.as_deref(), RepositoryUse::Read, session)?;
    let policy = policy(arguments, &slug)?;
    let allow_branch = session.settings.allow_branch;
    let roots = verify_file::roots(&arguments.trusted_root, session)?;
    let below = |path: &Path| session.env.cwd.join(path);
    let read = |path: &Path, error| CommandError::io("read", path, error);
    let source: Option<Vec<SourceVersion>> = match &arguments.checkout {
        Some(directory) => {
            let directory = below(directory);
            Some(check::source_versions(&directory).map_err(|error| read(&directory, error))?)
        }
        None => None,
    };
    let migrations = match &arguments.one_migration {
        Some(directory) => {
            let directory = below(directory);
            Some(check::migrations(&directory).map_err(|error| read(&directory, error))?)
        }
        None => None,
    };
    let expected = expected(arguments);
    let runtime = runtime()?;
    let entered = runtime.enter();
    let github = client(&slug, session)?;
    drop(entered);
    let progress = session.ui.progress();
    let facts = runtime.block_on(async {
        let listing = github.release(&spec, &progress).await?;
        let release = match &listing {
            Listing::Api(release) | Listing::Index(release) => release.clone(),
            Listing::Web { because, .. } => {
                return Err(ApiError::Shape { what: "the release".to_owned(), reason: because.clone() });
            }
        };
        let sums = stated_sums(&github, &release).await?;
        let versions = match arguments.at_most {
            Some(_) => Some(number_of_versions(&github, &progress).await?),
            None => None,
        };
        let policy = policy.of_release(release.tag.clone(), allow_branch);
        let source = Source::GitHub(Box::new(github));
        let query =
            AttestationQuery { source: &source, listing: Some(&listing), unavailable: None, progress: &progress };
        let mut evidence = ReleaseEvidence { query, tag: &release.tag, policy, roots, now: session.now };
        let attested = evidence.about(check::complete_assets(&release, &expected)).await;
        Ok((release, sums, versions, attested))
    });
    let (release, sums, versions, attested) = facts.map_err(|error| errors::api(error, &slug))?;
    let checks = check::judge(&ReleaseFacts {
        release: &release,
        expected: &expected,
        sums: &sums,
        source: source.as_deref(),
        migrations: migrations.as_deref(),
        attested: &attested,
        require_attested: arguments.require_attested,
        at_most: versions.zip(arguments.at_most),
    });
    let status = status(&checks);
    let (repository, tag) = (slug.to_string(), release.tag.to_string());
    let passed = status == ExitStatus::Success;
    session.ui.report(&CheckReport { repository, tag, passed, checks, attestations: attested })?;
    Ok(status)
}

/// The attestation policy, without the release and the asset.
fn policy(arguments: &CheckArgs, repository: &RepoSlug) -> Result<Policy, CommandError> {
    if arguments.require_attested && !attestation::is_available() {
        let failure = CommandError::new(ExitStatus::Unverified, NotProven::CannotVerify);
        return Err(failure.hint("use a build of reproq with its default features"));
    }
    let mut policy = Policy::of_repository(repository.clone());
    if let Some(text) = &arguments.workflow {
        let workflow = Workflow::named(text, repository);
        policy.workflow = Some(workflow.map_err(|error| CommandError::new(ExitStatus::Usage, error))?);
    }
    policy.allow_self_hosted = arguments.allow_self_hosted;
    Ok(policy)
}

/// Unavailable if every failed check failed because a request failed.
fn status(checks: &[Check]) -> ExitStatus {
    let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed).collect();
    if failed.is_empty() {
        ExitStatus::Success
    } else if failed.iter().all(|check| check.remark == Some(Remark::QueryFailed)) {
        ExitStatus::Unavailable
    } else {
        ExitStatus::Failure
    }
}

fn spec(arguments: &CheckArgs, session: &Session<'_>) -> Result<VersionSpec, CommandError> {
    let is_tag = session.env.var("GITHUB_REF_TYPE").as_deref() == Some("tag");
    let of_job = || session.env.var("GITHUB_REF_NAME").filter(|_| is_tag);
    match arguments.tag.clone().or_else(of_job) {
        None => Ok(VersionSpec::Latest),
        Some(text) => text
            .parse()
            .map_err(|error| CommandError::message(ExitStatus::Usage, format!("the tag `{text}` is invalid: {error}"))),
    }
}

fn expected(arguments: &CheckArgs) -> Vec<Vec<String>> {
    if !arguments.asset.is_empty() {
        return arguments.asset.iter().map(|name| vec![name.clone()]).collect();
    }
    let names = |target: &&str| {
        let target = target.parse().expect("a constant target");
        Tool::WORKER.asset_names(target).into_iter().map(|(name, _)| name).collect()
    };
    TARGETS.iter().map(names).collect()
}

async fn stated_sums(github: &GitHub, release: &Release) -> Result<StatedSums, ApiError> {
    let listed = release.assets.iter().find(|asset| is_sums_file(&asset.name, &release.tag));
    let Some(asset) = SUMS_FILES.iter().find_map(|name| release.asset(name)).or(listed) else {
        return Ok(StatedSums::Absent);
    };
    let name = asset.name.clone();
    Ok(match github.small_asset(&release.tag, asset).await? {
        None => StatedSums::Unusable { name, why: "the release lists it, but it does not exist".to_owned() },
        Some(bytes) => match ChecksumFile::parse(&bytes) {
            Ok(sums) => match sums.misread() {
                Some(error) => StatedSums::Unusable { name, why: error.to_string() },
                None => StatedSums::Read { name, sums },
            },
            Err(error) => StatedSums::Unusable { name, why: error.to_string() },
        },
    })
}

/// The number of distinct versions among releases and tags.
async fn number_of_versions(github: &GitHub, progress: &dyn Progress) -> Result<usize, ApiError> {
    let inventory = Lister::new(github, progress).list().await?;
    if let Completeness::Incomplete { why, .. } = &inventory.complete {
        return Err(ApiError::Shape { what: "the releases".to_owned(), reason: why.clone() });
    }
    Ok(units(&inventory).iter().filter(|unit| unit.version().is_some()).count())
}

impl Report for CheckReport {
    const SCHEMA: &'static str = "reproq.release-check/2";

    fn human(&self, out: &mut TextReport) {
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        if failed == 0 {
            out.strong(&format!("{} of {} passes all checks.", self.tag, self.repository));
        } else {
            out.strong(&format!("{} of {} fails {}.", self.tag, self.repository, count(failed, "check")));
        }
        if out.is_quiet() {
            return;
        }
        let mut rows = vec![["", "CHECK", "FOUND"].map(str::to_owned).to_vec()];
        rows.extend(self.checks.iter().map(|check| {
            let word = match (check.passed, check.remark) {
                (false, _) => "FAILED",
                (true, Some(Remark::WorthKnowing | Remark::QueryFailed)) => "note",
                (true, None) => "ok",
            };
            vec![word.to_owned(), check.name.clone(), check.detail.clone()]
        }));
        out.table(&rows);
    }
}
