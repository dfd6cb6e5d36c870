//! `reproq trust update`: updates the roots of both instances independently, from their repositories, mirrors or a local copy.

use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use super::must_verify;
use crate::cli::InstanceChoice;
use crate::cli::TrustUpdateArgs;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::config;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net;
use crate::io::net::Http;
use crate::trust::attestation::Instance;
use crate::trust::attestation::Root;
use crate::trust::trusted_roots::Anchor;
use crate::trust::trusted_roots::Refreshed;
use crate::trust::trusted_roots::RootRepository;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::trust::trusted_roots::UpdateError;
use crate::trust::trusted_roots::Versions;
use crate::ui::Report;
use crate::ui::TextReport;

/// The result for each instance.
#[derive(Debug, Serialize)]
struct UpdateReport {
    ok: bool,
    instances: Vec<InstanceLine>,
}

#[derive(Debug, Serialize)]
struct InstanceLine {
    instance: Instance,
    /// The location of its repository.
    from: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    /// A new root is in effect.
    Renewed {
        sha256: String,
        /// The previous root.
        before: Option<String>,
        /// Until when it is known to have all current keys.
        complete_until: Option<DateTime<Utc>>,
        fetched_at: DateTime<Utc>,
        versions: Versions,
    },
    /// The current root is the latest.
    Unchanged { sha256: String, complete_until: Option<DateTime<Utc>>, fetched_at: DateTime<Utc>, versions: Versions },
    /// The embedded root is newer than the one in the repository.
    Older { sha256: String, fetched_at: DateTime<Utc>, versions: Versions },
    /// The previous root stays in effect.
    Failed {
        #[serde(skip)]
        status: ExitStatus,
        error: String,
        hints: Vec<String>,
    },
}

pub(super) fn update(arguments: &TrustUpdateArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    must_verify()?;
    let trusted_roots = request::trusted_roots(session);
    if trusted_roots.directory().is_none() {
        return Err(hints::trusted_roots(TrustedRootsError::NoDirectory));
    }
    let runtime = net::runtime().map_err(|error| CommandError::new(ExitStatus::Failure, error))?;
    let mut instances = Vec::new();
    runtime.block_on(async {
        for (anchor, repository) in repositories(arguments, session)? {
            session.ui.status(&format!("fetching the root of {} from {repository}", anchor.instance));
            let outcome = match trusted_roots.update(&anchor, &repository, session.now).await {
                Ok(refreshed) => match save(&refreshed, &anchor, arguments.save.as_deref(), session) {
                    Ok(()) => succeeded(&refreshed),
                    Err(error) => failed(error.into(), &repository),
                },
                Err(error) => failed(error, &repository),
            };
            instances.push(InstanceLine { instance: anchor.instance, from: repository.to_string(), outcome });
        }
        Ok(())
    })?;
    let status = status(&instances);
    session.ui.report(&UpdateReport { ok: status == ExitStatus::Success, instances })?;
    Ok(status)
}

/// The repository of each requested instance. Must be called inside the runtime.
fn repositories(
    arguments: &TrustUpdateArgs,
    session: &Session<'_>,
) -> Result<Vec<(Anchor, RootRepository)>, CommandError> {
    let is_wanted =
        |anchor: &Anchor| arguments.instance.is_empty() || arguments.instance.iter().any(|choice| is(*choice, anchor));
    let wanted: Vec<Anchor> = Anchor::ALL.into_iter().filter(is_wanted).collect();
    if let Some(directory) = &arguments.from {
        return copies(&wanted, &arguments.instance, directory, session);
    }
    let offline = &session.settings.offline;
    if offline.value {
        let message = format!("fetching roots needs network access, which is disabled ({})", offline.from);
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint("remove `--offline`, or read a local copy with `--from DIR`"));
    }
    let http = Http::new(session.http.clone()).map_err(|error| hints::network(&error))?;
    let mut repositories = Vec::new();
    for anchor in wanted {
        let mut location = anchor.address.to_owned();
        for text in &arguments.url {
            let (named, url) = mirror(text)?;
            if named == anchor.instance {
                url.clone_into(&mut location);
            }
        }
        let base = config::base_url(&location)
            .map_err(|reason| CommandError::message(ExitStatus::Usage, format!("--url is invalid: {reason}")))?;
        repositories.push((anchor, RootRepository::Web { http: http.clone(), base }));
    }
    Ok(repositories)
}

/// `INSTANCE=URL`.
fn mirror(text: &str) -> Result<(Instance, &str), CommandError> {
    let split = text.split_once('=');
    let named =
        split.and_then(|(name, url)| Some((Anchor::ALL.into_iter().find(|anchor| anchor.name() == name)?, url)));
    named.map(|(anchor, url)| (anchor.instance, url)).ok_or_else(|| {
        // The value is not repeated, because a URL may contain a password.
        let names = Anchor::ALL.map(Anchor::name).join(" or ");
        CommandError::message(ExitStatus::Usage, format!("--url must start with {names}, followed by `=`"))
            .hint("for example `--url github=https://mirror.example/github`")
    })
}

/// The copies in a directory: one subdirectory per instance, or the directory itself if one instance is requested.
fn copies(
    wanted: &[Anchor],
    named: &[InstanceChoice],
    directory: &Path,
    session: &Session<'_>,
) -> Result<Vec<(Anchor, RootRepository)>, CommandError> {
    let path = session.env.cwd.join(directory);
    let inside = |anchor: &Anchor| path.join(anchor.name());
    let found: Vec<(Anchor, RootRepository)> = wanted
        .iter()
        .filter(|anchor| inside(anchor).is_dir())
        .map(|anchor| (*anchor, RootRepository::Directory(inside(anchor))))
        .collect();
    let shown = directory.display();
    match (found.is_empty(), path.join("timestamp.json").is_file(), wanted) {
        (false, ..) if named.is_empty() || found.len() == wanted.len() => Ok(found),
        (true, true, [only]) => Ok(vec![(*only, RootRepository::Directory(path))]),
        (true, true, _) => {
            let message = format!("`{shown}` is a copy of one repository, but the instance was not specified");
            Err(CommandError::message(ExitStatus::Usage, message)
                .hint(format!("specify the instance, for example `reproq trust update github --from {shown}`")))
        }
        (..) => {
            let message = format!("`{shown}` has no copy of the requested repository");
            let names = wanted.iter().map(|anchor| format!("`{shown}/{}`", anchor.name())).collect::<Vec<_>>();
            Err(CommandError::message(ExitStatus::NotFound, message)
                .hint(format!("put the copy, with its timestamp.json, in {}", names.join(" and "))))
        }
    }
}

fn save(
    refreshed: &Refreshed,
    anchor: &Anchor,
    directory: Option<&Path>,
    session: &Session<'_>,
) -> Result<(), TrustedRootsError> {
    let Some(directory) = directory else { return Ok(()) };
    refreshed.updated.save(&session.env.cwd.join(directory).join(anchor.name()))
}

const fn is(choice: InstanceChoice, anchor: &Anchor) -> bool {
    matches!(
        (choice, anchor.instance),
        (InstanceChoice::PublicGood, Instance::PublicGood) | (InstanceChoice::GitHub, Instance::GitHub)
    )
}

fn succeeded(refreshed: &Refreshed) -> Outcome {
    let (fetched_at, versions) = (refreshed.updated.fetched_at, refreshed.updated.versions);
    let sha256 = refreshed.updated.sha256();
    let digest = |root: &Option<Root>| root.as_ref().map(|root| root.sha256);
    let complete_until = refreshed.root.as_ref().and_then(Root::complete_until);
    let text = sha256.to_string();
    if digest(&refreshed.before) == Some(sha256) {
        Outcome::Unchanged { sha256: text, complete_until, fetched_at, versions }
    } else if digest(&refreshed.root) == Some(sha256) {
        let before = digest(&refreshed.before).map(|before| before.to_string());
        Outcome::Renewed { sha256: text, before, complete_until, fetched_at, versions }
    } else {
        Outcome::Older { sha256: text, fetched_at, versions }
    }
}

fn failed(error: UpdateError, repository: &RootRepository) -> Outcome {
    let failure = hints::update(error, repository);
    Outcome::Failed { status: failure.status, error: failure.lines().join(": "), hints: failure.hints }
}

/// Partial if some failed; the most severe status if all failed.
fn status(instances: &[InstanceLine]) -> ExitStatus {
    let failures: Vec<ExitStatus> = instances
        .iter()
        .filter_map(|line| if let Outcome::Failed { status, .. } = line.outcome { Some(status) } else { None })
        .collect();
    match failures.as_slice() {
        [] => ExitStatus::Success,
        some if some.len() < instances.len() => ExitStatus::Partial,
        all if all.contains(&ExitStatus::Unverified) => ExitStatus::Unverified,
        all => all[0],
    }
}

impl Report for UpdateReport {
    const SCHEMA: &'static str = "reproq.trust-updated/1";

    fn human(&self, out: &mut TextReport) {
        for line in &self.instances {
            line.human(out);
        }
    }
}

impl InstanceLine {
    fn human(&self, out: &mut TextReport) {
        let instance = self.instance;
        let until = |at: &Option<DateTime<Utc>>| at.map(|at| ("complete until", at.date_naive().to_string()));
        match &self.outcome {
            Outcome::Failed { error, hints, .. } => {
                out.strong(&format!("{instance}: not updated; the previous root stays in effect."));
                out.line(&format!("  {error}"));
                out.line(&format!("  read from {}", self.from));
                for hint in hints {
                    out.line(&format!("  hint: {hint}"));
                }
            }
            _ if out.is_quiet() => {}
            Outcome::Renewed { sha256, before, complete_until, versions, .. } => {
                out.strong(&format!("{instance}: updated to a newer root."));
                let before = before.clone().unwrap_or_else(|| "none".to_owned());
                let version = format!("{} of {}", versions.targets, self.from);
                let mut pairs = vec![("sha256", sha256.clone()), ("before", before), ("version", version)];
                pairs.extend(until(complete_until));
                out.pairs(&pairs);
            }
            Outcome::Unchanged { sha256, complete_until, .. } => {
                out.strong(&format!("{instance}: already up to date."));
                let mut pairs = vec![("sha256", sha256.clone())];
                pairs.extend(until(complete_until));
                out.pairs(&pairs);
            }
            Outcome::Older { sha256, .. } => {
                out.strong(&format!(
                    "{instance}: the repository has an older root; the embedded root stays in effect."
                ));
                out.pairs(&[("fetched", sha256.clone())]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(instance: Instance, outcome: Outcome) -> InstanceLine {
        InstanceLine { instance, from: "https://repository.example".to_owned(), outcome }
    }

    fn broken(status: ExitStatus) -> InstanceLine {
        let (error, hints) =
            ("`timestamp.json` is refused: it does not exist".to_owned(), vec!["try again".to_owned()]);
        line(Instance::PublicGood, Outcome::Failed { status, error, hints })
    }

    fn renewed() -> InstanceLine {
        let at = "2026-11-28T12:00:00Z".parse().expect("a time");
        let versions = Versions { root: 10, timestamp: 300, snapshot: 42, targets: 11 };
        let (sha256, before) = ("ab".repeat(32), Some("cd".repeat(32)));
        line(Instance::GitHub, Outcome::Renewed { sha256, before, complete_until: Some(at), fetched_at: at, versions })
    }

    #[test]
    fn each_result_is_reported_and_the_status_is_the_most_severe() {
        let of = |lines: &[InstanceLine]| status(lines);
        assert_eq!(of(&[renewed()]), ExitStatus::Success);
        assert_eq!(of(&[renewed(), broken(ExitStatus::Unavailable)]), ExitStatus::Partial);
        assert_eq!(of(&[broken(ExitStatus::Unavailable), broken(ExitStatus::Unavailable)]), ExitStatus::Unavailable);
        assert_eq!(of(&[broken(ExitStatus::Unavailable), broken(ExitStatus::Unverified)]), ExitStatus::Unverified);
        let report = UpdateReport { ok: false, instances: vec![renewed(), broken(ExitStatus::Unverified)] };
        let written = |quiet: bool| {
            let mut out = TextReport::new(false, quiet);
            report.human(&mut out);
            out.into_text()
        };
        insta::assert_snapshot!(written(false), @r"
        GitHub's own instance: updated to a newer root.
          sha256          abababababababababababababababababababababababababababababababab
          before          cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
          version         11 of https://repository.example
          complete until  2026-11-28
        Sigstore's public instance: not updated; the previous root stays in effect.
          `timestamp.json` is refused: it does not exist
          read from https://repository.example
          hint: try again
        ");
        assert!(written(true).starts_with("Sigstore's public instance: not updated"));
    }
}
