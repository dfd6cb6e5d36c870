//! `reproq trust update`: the newest roots of both instances, each on its own, from their repositories, mirrors or a copy.

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

/// What came of each instance.
#[derive(Debug, Serialize)]
struct UpdateReport {
    ok: bool,
    instances: Vec<InstanceLine>,
}

#[derive(Debug, Serialize)]
struct InstanceLine {
    instance: Instance,
    /// Where its repository was read.
    from: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    /// A root with other keys holds from now on.
    Renewed {
        sha256: String,
        /// The one that held before.
        before: Option<String>,
        /// Until when it is known to have every key.
        complete_until: Option<DateTime<Utc>>,
        fetched_at: DateTime<Utc>,
        versions: Versions,
    },
    /// The root that holds is still the newest.
    Unchanged { sha256: String, complete_until: Option<DateTime<Utc>>, fetched_at: DateTime<Utc>, versions: Versions },
    /// The repository has an older root than this program brings.
    Older { sha256: String, fetched_at: DateTime<Utc>, versions: Versions },
    /// What held before holds on.
    Failed {
        #[serde(skip)]
        status: ExitStatus,
        error: String,
        hints: Vec<String>,
    },
}

/// Updates.
pub(super) fn update(arguments: &TrustUpdateArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    must_verify()?;
    let trusted_roots = request::trusted_roots(session);
    if trusted_roots.directory().is_none() {
        return Err(hints::trusted_roots(TrustedRootsError::NoDirectory));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| CommandError::new(ExitStatus::Failure, error))?;
    let mut instances = Vec::new();
    runtime.block_on(async {
        for (anchor, place) in places(arguments, session)? {
            session.ui.status(&format!("fetching the root of {} from {place}", anchor.instance));
            let outcome = match trusted_roots.update(&anchor, &place, session.now).await {
                Ok(refreshed) => match save(&refreshed, &anchor, arguments.save.as_deref(), session) {
                    Ok(()) => succeeded(&refreshed),
                    Err(error) => failed(error.into(), &place),
                },
                Err(error) => failed(error, &place),
            };
            instances.push(InstanceLine { instance: anchor.instance, from: place.to_string(), outcome });
        }
        Ok(())
    })?;
    let status = status(&instances);
    session.ui.report(&UpdateReport { ok: status == ExitStatus::Success, instances })?;
    Ok(status)
}

/// Where each wanted instance is read. Must be called inside the runtime.
fn places(arguments: &TrustUpdateArgs, session: &Session<'_>) -> Result<Vec<(Anchor, RootRepository)>, CommandError> {
    let is_wanted =
        |anchor: &Anchor| arguments.instance.is_empty() || arguments.instance.iter().any(|choice| is(*choice, anchor));
    let wanted: Vec<Anchor> = Anchor::ALL.into_iter().filter(is_wanted).collect();
    if let Some(directory) = &arguments.from {
        return copies(&wanted, &arguments.instance, directory, session);
    }
    let offline = &session.settings.offline;
    if offline.value {
        let message = format!("the newest roots are on the network, which may not be used ({})", offline.from);
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint("leave out `--offline`, or read a copy of the repositories with `--from DIR`"));
    }
    let http = Http::new(session.http.clone()).map_err(|error| hints::network(&error))?;
    let mut places = Vec::new();
    for anchor in wanted {
        let mut address = anchor.address.to_owned();
        for text in &arguments.url {
            let (named, url) = mirror(text)?;
            if named == anchor.instance {
                url.clone_into(&mut address);
            }
        }
        let base = config::base_url(&address)
            .map_err(|reason| CommandError::message(ExitStatus::Usage, format!("--url is invalid: {reason}")))?;
        places.push((anchor, RootRepository::Web { http: http.clone(), base }));
    }
    Ok(places)
}

/// `INSTANCE=URL`.
fn mirror(text: &str) -> Result<(Instance, &str), CommandError> {
    let split = text.split_once('=');
    let named =
        split.and_then(|(name, url)| Some((Anchor::ALL.into_iter().find(|anchor| anchor.name() == name)?, url)));
    named.map(|(anchor, url)| (anchor.instance, url)).ok_or_else(|| {
        // What stands in an address may be a password, so it is not repeated.
        let names = Anchor::ALL.map(Anchor::name).join(" or ");
        CommandError::message(ExitStatus::Usage, format!("--url must begin with {names}, and `=`"))
            .hint("for example `--url github=https://mirror.example/github`")
    })
}

/// The copies in a directory: of each instance in a directory of its name, or the directory is the copy of the one that is named.
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
            let message = format!("`{shown}` is the copy of one repository, and it must be said whose");
            Err(CommandError::message(ExitStatus::Usage, message)
                .hint(format!("name the instance: `reproq trust update github --from {shown}`")))
        }
        (..) => {
            let message = format!("`{shown}` holds no copy of the repository that is wanted");
            let names = wanted.iter().map(|anchor| format!("`{shown}/{}`", anchor.name())).collect::<Vec<_>>();
            Err(CommandError::message(ExitStatus::NotFound, message)
                .hint(format!("put the copy, with its timestamp.json, into {}", names.join(" and "))))
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

fn failed(error: UpdateError, place: &RootRepository) -> Outcome {
    let failure = hints::update(error, place);
    Outcome::Failed { status: failure.status, error: failure.lines().join(": "), hints: failure.hints }
}

/// Some failed: partly done. All failed: as the gravest did.
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

    fn human(&self, paper: &mut TextReport) {
        for line in &self.instances {
            line.human(paper);
        }
    }
}

impl InstanceLine {
    fn human(&self, paper: &mut TextReport) {
        let instance = self.instance;
        let until = |at: &Option<DateTime<Utc>>| at.map(|at| ("knows its keys until", at.date_naive().to_string()));
        match &self.outcome {
            Outcome::Failed { error, hints, .. } => {
                paper.strong(&format!("{instance}: not updated; what held before holds on."));
                paper.line(&format!("  {error}"));
                paper.line(&format!("  read from {}", self.from));
                for hint in hints {
                    paper.line(&format!("  hint: {hint}"));
                }
            }
            _ if paper.is_quiet() => {}
            Outcome::Renewed { sha256, before, complete_until, versions, .. } => {
                paper.strong(&format!("{instance}: a newer root holds from now on."));
                let before = before.clone().unwrap_or_else(|| "none".to_owned());
                let version = format!("{} of {}", versions.targets, self.from);
                let mut pairs = vec![("sha256", sha256.clone()), ("before", before), ("version", version)];
                pairs.extend(until(complete_until));
                paper.pairs(&pairs);
            }
            Outcome::Unchanged { sha256, complete_until, .. } => {
                paper.strong(&format!("{instance}: its root has not changed."));
                let mut pairs = vec![("sha256", sha256.clone())];
                pairs.extend(until(complete_until));
                paper.pairs(&pairs);
            }
            Outcome::Older { sha256, .. } => {
                paper.strong(&format!("{instance}: this program brings a newer root, which holds on."));
                paper.pairs(&[("fetched", sha256.clone())]);
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
            ("`timestamp.json` is refused: it does not exist".to_owned(), vec!["ask again".to_owned()]);
        line(Instance::PublicGood, Outcome::Failed { status, error, hints })
    }

    fn renewed() -> InstanceLine {
        let at = "2026-11-28T12:00:00Z".parse().expect("a time");
        let versions = Versions { root: 10, timestamp: 300, snapshot: 42, targets: 11 };
        let (sha256, before) = ("ab".repeat(32), Some("cd".repeat(32)));
        line(Instance::GitHub, Outcome::Renewed { sha256, before, complete_until: Some(at), fetched_at: at, versions })
    }

    #[test]
    fn one_failure_does_not_hide_the_other_nor_what_was_done() {
        let of = |lines: &[InstanceLine]| status(lines);
        assert_eq!(of(&[renewed()]), ExitStatus::Success);
        assert_eq!(of(&[renewed(), broken(ExitStatus::Unavailable)]), ExitStatus::Partial);
        assert_eq!(of(&[broken(ExitStatus::Unavailable), broken(ExitStatus::Unavailable)]), ExitStatus::Unavailable);
        assert_eq!(of(&[broken(ExitStatus::Unavailable), broken(ExitStatus::Unverified)]), ExitStatus::Unverified);
        let report = UpdateReport { ok: false, instances: vec![renewed(), broken(ExitStatus::Unverified)] };
        let written = |quiet: bool| {
            let mut paper = TextReport::new(false, quiet);
            report.human(&mut paper);
            paper.into_text()
        };
        insta::assert_snapshot!(written(false), @r"
        GitHub's own instance: a newer root holds from now on.
          sha256                abababababababababababababababababababababababababababababababab
          before                cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
          version               11 of https://repository.example
          knows its keys until  2026-11-28
        Sigstore's public instance: not updated; what held before holds on.
          `timestamp.json` is refused: it does not exist
          read from https://repository.example
          hint: ask again
        ");
        assert!(written(true).starts_with("Sigstore's public instance: not updated"));
    }
}
