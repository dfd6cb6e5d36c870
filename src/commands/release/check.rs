//! `reproq release check`: whether a release has what its users and this installer need.

use std::path::Path;

use serde::Serialize;

use crate::cli::CheckArgs;
use crate::commands::release::client;
use crate::commands::release::errors;
use crate::commands::release::repository;
use crate::commands::release::runtime;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::github::ApiError;
use crate::github::GitHub;
use crate::github::Lister;
use crate::hygiene;
use crate::hygiene::Check;
use crate::hygiene::Facts;
use crate::hygiene::SourceVersion;
use crate::hygiene::StatedSums;
use crate::progress::Progress;
use crate::prune::Completeness;
use crate::prune::Inventory;
use crate::prune::units;
use crate::release::Listing;
use crate::release::Release;
use crate::release::Tool;
use crate::release::VersionSpec;
use crate::session::Session;
use crate::text::count;
use crate::trust::ChecksumFile;
use crate::trust::SUMS_FILES;
use crate::ui::Paper;
use crate::ui::Report;

/// The machines a release of the worker serves.
const TARGETS: [&str; 5] = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"];

/// The report of `release check`.
#[derive(Debug, Serialize)]
struct CheckReport {
    repository: String,
    tag: String,
    passed: bool,
    checks: Vec<Check>,
}

/// Checks.
pub(super) fn check(arguments: &CheckArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let spec = spec(arguments, session)?;
    let slug = repository::find(arguments.repo.as_deref(), session)?;
    let below = |path: &Path| session.env.cwd.join(path);
    let read = |path: &Path, error| CommandError::io("read", path, error);
    let source: Option<Vec<SourceVersion>> = match &arguments.checkout {
        Some(folder) => {
            let folder = below(folder);
            Some(hygiene::source_versions(&folder).map_err(|error| read(&folder, error))?)
        }
        None => None,
    };
    let migrations = match &arguments.one_migration {
        Some(folder) => {
            let folder = below(folder);
            Some(hygiene::migrations(&folder).map_err(|error| read(&folder, error))?)
        }
        None => None,
    };
    let runtime = runtime()?;
    let entered = runtime.enter();
    let github = client(&slug, session)?;
    drop(entered);
    let progress = session.ui.progress();
    let asked = runtime.block_on(async {
        let listing = github.release(&spec, &progress).await?;
        let release = match listing {
            Listing::Api(release) | Listing::Index(release) => release,
            Listing::Web { because, .. } => {
                let what = "the release".to_owned();
                return Err(ApiError::Shape { what, reason: because });
            }
        };
        let sums = stated_sums(&github, &release).await?;
        let versions = match arguments.at_most {
            Some(_) => Some(number_of_versions(&github, &progress).await?),
            None => None,
        };
        Ok((release, sums, versions))
    });
    let (release, sums, versions) = asked.map_err(|error| errors::api(error, &slug))?;
    let expected = expected(arguments);
    let checks = hygiene::judge(&Facts {
        release: &release,
        expected: &expected,
        sums: &sums,
        source: source.as_deref(),
        migrations: migrations.as_deref(),
        at_most: versions.zip(arguments.at_most),
    });
    let passed = checks.iter().all(|check| check.passed);
    let report = CheckReport { repository: slug.to_string(), tag: release.tag.to_string(), passed, checks };
    session.ui.report(&report)?;
    Ok(if passed { ExitStatus::Success } else { ExitStatus::Failure })
}

fn spec(arguments: &CheckArgs, session: &Session<'_>) -> Result<VersionSpec, CommandError> {
    let is_tag = session.env.var("GITHUB_REF_TYPE").as_deref() == Some("tag");
    let of_job = || session.env.var("GITHUB_REF_NAME").filter(|_| is_tag);
    match arguments.tag.clone().or_else(of_job) {
        None => Ok(VersionSpec::Latest),
        Some(text) => text.parse().map_err(|error| {
            CommandError::message(ExitStatus::Usage, format!("the tag `{text}` is not usable: {error}"))
        }),
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
    let Some(asset) = SUMS_FILES.iter().find_map(|name| release.asset(name)) else { return Ok(StatedSums::Absent) };
    let name = asset.name.clone();
    Ok(match github.small_asset(&release.tag, asset).await? {
        None => StatedSums::Unusable { name, why: "the release lists it, and it is not there".to_owned() },
        Some(bytes) => match ChecksumFile::parse(&bytes) {
            Ok(sums) => StatedSums::Read { name, sums },
            Err(error) => StatedSums::Unusable { name, why: error.to_string() },
        },
    })
}

/// Releases and tags together, each name once.
async fn number_of_versions(github: &GitHub, progress: &dyn Progress) -> Result<usize, ApiError> {
    let listed = Lister::new(github, progress).list().await?;
    let shape = |reason: String| ApiError::Shape { what: "the releases".to_owned(), reason };
    let inventory = Inventory::of(listed).map_err(|error| shape(error.to_string()))?;
    if let Completeness::Incomplete { why } = &inventory.complete {
        return Err(shape(why.clone()));
    }
    Ok(units(&inventory).iter().filter(|unit| unit.version().is_some()).count())
}

impl Report for CheckReport {
    const SCHEMA: &'static str = "reproq.release-check/1";

    fn human(&self, paper: &mut Paper) {
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        if failed == 0 {
            paper.strong(&format!("{} of {} is as it should be.", self.tag, self.repository));
        } else {
            paper.strong(&format!("{} of {} fails {}.", self.tag, self.repository, count(failed, "check")));
        }
        if paper.is_quiet() {
            return;
        }
        let mut rows = vec![["", "CHECK", "FOUND"].map(str::to_owned).to_vec()];
        rows.extend(self.checks.iter().map(|check| {
            let word = if check.passed { "ok" } else { "FAILED" };
            vec![word.to_owned(), check.name.clone(), check.detail.clone()]
        }));
        paper.table(&rows);
    }
}
