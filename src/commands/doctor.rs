//! `reproq doctor`: diagnoses everything an installation depends on, with a hint for each problem.

use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use reproq_queue::dsn::Note;
use serde::Serialize;
use url::Url;

use crate::cli::DoctorArgs;
#[cfg(unix)]
use crate::commands::config::worker as configuration;
use crate::commands::database;
use crate::commands::database_url;
use crate::commands::django;
use crate::commands::django::AskDjango;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::commands::trust;
use crate::commands::verify;
use crate::commands::which;
use crate::config::Token;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::doctor;
use crate::flows::doctor::Area;
use crate::flows::doctor::DoctorFinding;
use crate::flows::doctor::Grade;
use crate::flows::integrity;
use crate::flows::integrity::InstalledFacts;
use crate::io::net;
use crate::io::net::Answered;
use crate::io::net::NetError;
use crate::io::net::Probe;
use crate::model::Target;
use crate::model::Tool;
use crate::model::mirror_layout::index_url;
use crate::model::source_spec::SourceSpec;
use crate::model::text::count;
#[cfg(unix)]
use crate::model::worker_flags::WorkerCommand;
use crate::platform;
use crate::sources::github;
use crate::trust::attestation;
use crate::trust::attestation::Root;
use crate::trust::attestation::RootSource;
use crate::ui::Report;
use crate::ui::TextReport;
use crate::worker::executable;
use crate::worker::executable::Libc;
use crate::worker::local_build::GoFacts;
#[cfg(unix)]
use crate::worker::prefork::check;
use crate::worker::store;
use crate::worker::store::Installed;
use crate::worker::store::Layout;

/// The report of `doctor`.
#[derive(Debug, Serialize)]
struct DoctorReport {
    /// The number of problems.
    problems: usize,
    /// The number of warnings.
    warnings: usize,
    findings: Vec<DoctorFinding>,
}

pub(super) fn doctor(arguments: &DoctorArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    if arguments.network && session.settings.offline.value {
        return Err(CommandError::message(
            ExitStatus::Usage,
            "--network needs network access, and --offline forbids it",
        ));
    }
    let ask = match (arguments.django.no_django, arguments.prefork) {
        (true, _) => AskDjango::No,
        (false, true) => AskDjango::Tasks(django::LIMIT),
        (false, false) => AskDjango::Settings(django::LIMIT),
    };
    let mut findings = examine(arguments.network, ask, session)?;
    if arguments.prefork {
        findings.extend(prefork(ask, session)?);
    }
    let graded = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
    let (problems, warnings) = (graded(Grade::Problem), graded(Grade::Warning));
    session.ui.report(&DoctorReport { problems, warnings, findings })?;
    Ok(if problems == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

/// Everything that was found.
pub(super) fn examine(
    with_network: bool,
    ask: AskDjango,
    session: &Session<'_>,
) -> Result<Vec<DoctorFinding>, CommandError> {
    let mut findings = Vec::new();
    let target = platform_target(session, &mut findings);
    project(session, &mut findings);
    for line in session.settings.describe() {
        findings.push(DoctorFinding::fine(Area::Settings, line));
    }
    if let Some(target) = target {
        installed(session, target, &mut findings);
        winner(session, target, ask, &mut findings);
    }
    findings.extend(doctor::django(&django::answer(session, ask)));
    database(session, ask, &mut findings);
    findings.extend(builds(session));
    if let Some(cache) = request::cache(session) {
        let used = cache.list().map(|entries| entries.iter().map(|entry| entry.size).sum());
        let used = used.map_err(|error| format!("{error}: {}", error.source));
        findings.push(doctor::cache(&cache.directory().to_string_lossy(), used, cache.limit()));
        let nearest = cache.directory().ancestors().find(|directory| directory.exists());
        if let Some(directory) = nearest.filter(|directory| !platform::is_writable(directory)) {
            findings.push(doctor::cache_of_others(&directory.to_string_lossy()));
        }
    }
    findings.extend(trusted(session));
    let unusable: Vec<DoctorFinding> = session.http.unusable().iter().map(of_network).collect();
    let is_usable = unusable.is_empty();
    findings.extend(unusable);
    // Without valid settings, no request can be made.
    if with_network && is_usable {
        network(session, target, &mut findings)?;
    }
    Ok(findings)
}

/// Converts a network error to a finding.
fn of_network(error: &NetError) -> DoctorFinding {
    let failure = hints::network(error);
    let hint = failure.hints.first().cloned().unwrap_or_default();
    DoctorFinding::problem(Area::Network, failure.lines().join(": "), hint)
}

fn platform_target(session: &Session<'_>, findings: &mut Vec<DoctorFinding>) -> Option<Target> {
    match request::host_target(session) {
        Ok(target) => {
            let libc = match executable::detect_libc(Path::new("/"), target) {
                Libc::NotLinux => String::new(),
                libc @ (Libc::Glibc(_) | Libc::Musl(_) | Libc::Both(..) | Libc::Neither) => {
                    format!(", {}", libc_words(&libc))
                }
            };
            findings.push(DoctorFinding::fine(Area::Platform, format!("{target}{libc}")));
            Some(target)
        }
        Err(error) => {
            let hint = "install for another platform with `--target OS-ARCH`, or build the worker manually with Go";
            findings.push(DoctorFinding::problem(Area::Platform, error.to_string(), hint));
            None
        }
    }
}

fn libc_words(libc: &Libc) -> String {
    let glibc = libc.glibc().map(|glibc| match glibc.version {
        Some(version) => format!("glibc {version}"),
        None => "a glibc compatibility layer".to_owned(),
    });
    let musl = libc.musl().map(|musl| match &musl.version {
        Some(version) => format!("musl {version}"),
        None => "musl".to_owned(),
    });
    let found: Vec<String> = [glibc, musl].into_iter().flatten().collect();
    if found.is_empty() { "no C library found".to_owned() } else { found.join(" and ") }
}

fn project(session: &Session<'_>, findings: &mut Vec<DoctorFinding>) {
    let root = &session.project.root;
    findings.push(DoctorFinding::fine(Area::Project, format!("{} ({})", root.display(), session.project.reason)));
    let home = root.join(".reproq");
    let directory = if home.is_dir() { &home } else { root };
    if !platform::is_writable(directory) {
        let sentence = format!("{} is not writable by this user", directory.display());
        let hint = "run as the user who owns it; the installed worker can still be run and verified";
        findings.push(DoctorFinding::warning(Area::Project, sentence, hint));
    }
    for name in ["bin", "previous", "receipts", "staging"] {
        let directory = home.join(name);
        if platform::is_on_another_device(&directory, root) {
            findings.push(doctor::elsewhere(&directory.to_string_lossy(), name == "bin"));
        }
    }
}

fn installed(session: &Session<'_>, target: Target, findings: &mut Vec<DoctorFinding>) {
    let lockfile = match request::lockfile(session) {
        Ok(lockfile) => lockfile,
        Err(failure) => {
            let hint = failure.hints.first().cloned().unwrap_or_default();
            findings.push(DoctorFinding::problem(Area::Installed, failure.lines().join(": "), hint));
            return;
        }
    };
    let layout = Layout::in_project(&session.project.root, &Tool::WORKER, target);
    let installed = match store::rescan(&layout) {
        Ok((installed, _)) => installed,
        Err(error) => {
            let failure = hints::store(&error);
            let hint =
                failure.hints.first().cloned().unwrap_or_else(|| "check the permissions of the directory".to_owned());
            findings.push(DoctorFinding::problem(Area::Installed, failure.lines().join(": "), hint));
            return;
        }
    };
    let label = match &installed {
        Installed::Intact { receipt } => Some(format!("{} (`{}`)", receipt.label(), receipt.verdict)),
        Installed::Nothing
        | Installed::Changed { .. }
        | Installed::Removed { .. }
        | Installed::Foreign { .. }
        | Installed::NotAFile { .. } => None,
    };
    let facts = InstalledFacts {
        installed,
        executable: platform::is_executable(&layout.binary),
        lockfile,
        target,
        require: session.settings.require.value,
        published: None,
        signatures: None,
    };
    let (differences, notes) = integrity::compare(&facts);
    findings
        .extend(doctor::installed(label.as_deref(), &differences, |difference| verify::hint(difference).to_owned()));
    findings.extend(notes.into_iter().map(|note| DoctorFinding::fine(Area::Installed, note)));
}

fn winner(session: &Session<'_>, target: Target, ask: AskDjango, findings: &mut Vec<DoctorFinding>) {
    let resolution = which::resolve(session, target, ask);
    match resolution.runnable() {
        Some(path) => {
            let named_by = resolution.winner().map(|winner| winner.source.to_string()).unwrap_or_default();
            findings.push(DoctorFinding::fine(Area::Which, format!("{} will run ({named_by})", path.display())));
        }
        None => {
            let hint = "install one with `reproq install`; `reproq which --all` shows every candidate";
            findings.push(DoctorFinding::problem(Area::Which, "no worker will run", hint));
        }
    }
    for warning in &resolution.warnings {
        findings.push(DoctorFinding::warning(Area::Which, warning.message.clone(), warning.hint.clone()));
    }
    if let Some(command) = resolution.command_behind_worker() {
        let sentence = format!(
            "Django looks in this order: {}; on PATH, `reproq` is this command ({}), which Django starts in a directory without \
             ./.reproq/bin/reproq, unless REPROQ_WORKER_BIN is set to an absolute path",
            which::ORDER,
            command.display()
        );
        findings.push(DoctorFinding::fine(Area::Which, sentence));
    }
}

/// Imports the project as a fork server does.
#[cfg(unix)]
fn prefork(ask: AskDjango, session: &Session<'_>) -> Result<Vec<DoctorFinding>, CommandError> {
    let (_, config) = configuration::read(WorkerCommand::Worker, &[], session)?;
    let answer = django::answer(session, ask);
    let Some(facts) = answer.facts() else {
        let reason = answer.failure().unwrap_or_else(|| "there is no Django project".to_owned());
        return Ok(doctor::prefork(&Err(reason)));
    };
    let mut environment = request::environment(session);
    environment.retain(|(name, _)| name != "DJANGO_SETTINGS_MODULE");
    environment.push(("DJANGO_SETTINGS_MODULE".into(), facts.settings_module.clone().into()));
    let listed = config.list("worker.allowed_task_modules");
    let allowed = match configuration::task_modules(&answer) {
        Some(Ok(registered)) if listed.is_empty() => registered.allow_list(),
        Some(_) | None => listed,
    };
    let executor = config.text("worker.executor_module");
    let root = &session.project.root;
    Ok(doctor::prefork(&check(&facts.python, root, &environment, (executor, &allowed), IMPORT)))
}

#[cfg(not(unix))]
fn prefork(_: AskDjango, _: &Session<'_>) -> Result<Vec<DoctorFinding>, CommandError> {
    Err(CommandError::message(ExitStatus::Usage, "this system cannot fork"))
}

/// How long the project's code may take to be imported.
#[cfg(unix)]
const IMPORT: std::time::Duration = std::time::Duration::from_secs(120);

/// Where the URL of the database is found, and whether its connection is encrypted. No connection is made.
fn database(session: &Session<'_>, ask: AskDjango, findings: &mut Vec<DoctorFinding>) {
    let worker_file = || database_url::worker_file(session);
    let found = match database_url::find(&database_url::own(None, ask, &worker_file), session) {
        Ok(Some(found)) => found.found,
        Ok(None) => {
            findings.push(DoctorFinding::fine(Area::Database, "no database is configured"));
            return;
        }
        Err(failure) => {
            let hint = failure.hints.first().cloned().unwrap_or_default();
            findings.push(DoctorFinding::warning(Area::Database, failure.lines().join(": "), hint));
            return;
        }
    };
    let dsn = match database::dsn(&found, session) {
        Ok(dsn) => dsn,
        Err(failure) => {
            let hint = failure.hints.first().cloned().unwrap_or_default();
            findings.push(DoctorFinding::problem(Area::Database, failure.lines().join(": "), hint));
            return;
        }
    };
    findings.push(DoctorFinding::fine(Area::Database, format!("{dsn} (from {})", found.from)));
    for note in dsn.notes() {
        let sentence = note.to_string();
        findings.push(match note {
            Note::NotVerified | Note::MayBePlain => {
                DoctorFinding::warning(Area::Database, sentence, "add sslmode=verify-full to the URL")
            }
            Note::PasswordFileNotPrivate => {
                DoctorFinding::warning(Area::Database, sentence, "run chmod 600 on the password file")
            }
            Note::RefusedFromTheWorker(_) | Note::AllowIsPrefer | Note::EncryptedKey | Note::FirstPortForAll => {
                DoctorFinding::fine(Area::Database, sentence)
            }
        });
    }
}

fn builds(session: &Session<'_>) -> Vec<DoctorFinding> {
    let environment = request::environment(session);
    let go = match GoFacts::find(&environment) {
        Ok(GoFacts::Found(go)) => Ok(format!("{} at {}", go.name, go.program.display())),
        Ok(GoFacts::Missing { .. }) => Err("there is no Go toolchain in PATH".to_owned()),
        Ok(GoFacts::Unusable { program, reason }) => Err(format!("{} cannot be used: {reason}", program.display())),
        Err(error) => Err(error.line()),
    };
    let checkout = request::sources(session).into_iter().find(|(_, path)| path.is_dir());
    let checkout = checkout.map(|(origin, path)| format!("{} ({origin})", path.display()));
    doctor::go(go.as_deref().map_err(String::as_str), checkout.as_deref())
}

/// The trusted roots and their age.
fn trusted(session: &Session<'_>) -> Vec<DoctorFinding> {
    if !attestation::is_available() {
        return vec![DoctorFinding::fine(Area::Trust, "this build of reproq cannot verify attestations")];
    }
    let finding = |root: &Root| match root.age_warning(session.now) {
        Some(warning) if root.is_old(session.now) => DoctorFinding::warning(Area::Trust, warning, trust::RENEW),
        Some(warning) => DoctorFinding::warning(Area::Trust, warning, "correct the system clock"),
        None => {
            let until = root.complete_until().filter(|_| root.source != RootSource::Accepted);
            let until = until.map(|until| format!(", as of {}", until.date_naive()));
            DoctorFinding::fine(Area::Trust, format!("the root of {}{}", root.instance, until.unwrap_or_default()))
        }
    };
    match request::trusted_roots(session).roots() {
        Ok(roots) => roots.iter().map(finding).collect(),
        Err(error) => {
            let failure = hints::trusted_roots(error);
            let hint =
                failure.hints.first().cloned().unwrap_or_else(|| "check the permissions of the directory".to_owned());
            vec![DoctorFinding::problem(Area::Trust, failure.lines().join(": "), hint)]
        }
    }
}

/// Probes the mirrors with a URL, the API, the release pages and the download host separately, because firewalls often allow
/// only some of them. If only mirrors are configured, GitHub is not probed.
fn network(
    session: &Session<'_>,
    target: Option<Target>,
    findings: &mut Vec<DoctorFinding>,
) -> Result<(), CommandError> {
    let runtime = net::runtime().map_err(|error| CommandError::new(ExitStatus::Failure, error))?;
    runtime.block_on(async {
        let mirrors = session.settings.mirrors.as_ref().map_or(&[][..], |mirrors| &mirrors.value);
        for base in mirrors.iter().filter_map(SourceSpec::base) {
            probe_host("mirror", &index_url(base, &session.settings.repository.value), session, findings).await?;
        }
        if !mirrors.is_empty() && !mirrors.contains(&SourceSpec::GitHub) {
            return Ok(());
        }
        let api = below(&session.settings.server.api_url.value, &["rate_limit"]);
        let tokens = &session.settings.tokens;
        if let Some(answered) = probe_host("API", &api, session, findings).await? {
            findings.extend(clock(&answered, session));
            if tokens.is_empty() {
                limits(&answered, None, findings);
            }
            for token in tokens {
                probe_with_token(token, &api, session, findings).await?;
            }
        }
        let repository = &session.settings.repository.value;
        let (owner, name) = (repository.owner(), repository.name());
        let latest = below(&session.settings.server.web_url.value, &[owner, name, "releases", "latest"]);
        let Some(page) = probe_host("release pages", &latest, session, findings).await? else { return Ok(()) };
        let is_hidden = page.status == 404 && !tokens.is_empty();
        if is_hidden
            && is_private(&below(&session.settings.server.api_url.value, &["repos", owner, name]), session).await?
        {
            findings.pop();
            let sentence = format!("release pages: {repository} is private; the API serves its releases");
            findings.push(DoctorFinding::fine(Area::Network, sentence));
        }
        let tag = page.location.as_ref().and_then(|location| location.path_segments()?.next_back());
        let (Some(tag), Some(target)) = (tag, target) else { return Ok(()) };
        let (asset, _) = Tool::WORKER.asset_names(target).swap_remove(0);
        let file = below(&session.settings.server.web_url.value, &[owner, name, "releases", "download", tag, &asset]);
        // Only the redirect target is of interest; this host was probed above.
        let probe = net::probe(&session.http, &file, None).await.map_err(|error| hints::network(&error))?;
        if let Some(location) = probe.outcome.ok().and_then(|answered| answered.location) {
            probe_host("files", &location, session, findings).await?;
        }
        Ok(())
    })
}

async fn probe_host(
    role: &'static str,
    url: &Url,
    session: &Session<'_>,
    findings: &mut Vec<DoctorFinding>,
) -> Result<Option<Answered>, CommandError> {
    let probe = net::probe(&session.http, url, None).await.map_err(|error| hints::network(&error))?;
    let Probe { url, host, addresses, proxy, issuer, outcome, took } = probe;
    let addresses = addresses.map(|addresses| addresses.len());
    let (outcome, answered) = match outcome {
        Ok(answered) => (Ok(answered.status), Some(answered)),
        Err(error) => {
            let hint = hints::network(&error).hints.into_iter().next().unwrap_or_default();
            (Err((error.to_string(), hint)), None)
        }
    };
    findings.push(doctor::host(&doctor::HostProbe { role, name: host, url, addresses, proxy, issuer, outcome, took }));
    Ok(answered)
}

/// Whether one of the tokens can read a repository that is not public.
async fn is_private(repository: &Url, session: &Session<'_>) -> Result<bool, CommandError> {
    for token in session.settings.tokens.iter().filter(|token| github::check_token(token).is_ok()) {
        let probe = net::probe(&session.http, repository, Some(&token.value)).await;
        let answered = probe.map_err(|error| hints::network(&error))?.outcome;
        if answered.is_ok_and(|answered| matches!(answered.status, 200 | 206)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Probes the API with a token.
async fn probe_with_token(
    token: &Token,
    api: &Url,
    session: &Session<'_>,
    findings: &mut Vec<DoctorFinding>,
) -> Result<(), CommandError> {
    if let Err(error) = github::check_token(token) {
        let variable = token.variable;
        findings.push(DoctorFinding::problem(
            Area::Token,
            error.to_string(),
            format!("correct {variable}, or unset it"),
        ));
        return Ok(());
    }
    let probe = net::probe(&session.http, api, Some(&token.value)).await.map_err(|error| hints::network(&error))?;
    if let Ok(answered) = probe.outcome {
        limits(&answered, Some(token), findings);
    }
    Ok(())
}

/// Findings about the token and the rate limit, from a response of the API.
fn limits(answered: &Answered, token: Option<&Token>, findings: &mut Vec<DoctorFinding>) {
    match (token, answered.status) {
        (Some(token), status @ (401 | 403)) if answered.header("x-ratelimit-remaining") != Some("0") => {
            let sentence = format!("GitHub refused the token from {} (HTTP {status})", token.variable);
            let hint = format!("renew the token in {}, or unset it if the repository is public", token.variable);
            findings.push(DoctorFinding::problem(Area::Token, sentence, hint));
        }
        (Some(token), _) => {
            let scopes = match answered.header("x-oauth-scopes") {
                Some("") => "no scopes: it can read public data".to_owned(),
                Some(scopes) => format!("the scopes {scopes}"),
                None => "permissions that GitHub does not report (a fine-grained or workflow token)".to_owned(),
            };
            findings.push(DoctorFinding::fine(
                Area::Token,
                format!("the token from {} is valid and has {scopes}", token.variable),
            ));
        }
        (None, _) => findings.push(DoctorFinding::fine(Area::Token, "no token, which public repositories do not need")),
    }
    let number = |name: &str| answered.header(name).and_then(|text| text.trim().parse::<u64>().ok());
    if let (Some(limit), Some(remaining)) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining")) {
        let reset = number("x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok());
        let reset = reset.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        findings.push(doctor::quota(&doctor::Quota { limit, remaining, reset }, token.is_some()));
    }
}

/// A finding if the system clock differs from the server's clock.
fn clock(answered: &Answered, session: &Session<'_>) -> Option<DoctorFinding> {
    let date = answered.header("date").and_then(|text| DateTime::parse_from_rfc2822(text).ok())?;
    doctor::skew(date.with_timezone(&Utc), session.now)
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

impl Report for DoctorReport {
    const SCHEMA: &'static str = "reproq.doctor/2";

    fn human(&self, out: &mut TextReport) {
        for finding in &self.findings {
            if out.is_quiet() && finding.grade == Grade::Fine {
                continue;
            }
            let line = format!("{:<9} {:<8} {}", finding.area.to_string(), finding.grade.word(), finding.sentence);
            match finding.grade {
                Grade::Fine => out.line(&line),
                Grade::Warning | Grade::Problem => out.strong(&line),
            }
            if let Some(hint) = &finding.hint {
                out.line(&format!("          hint: {hint}"));
            }
        }
        if !out.is_quiet() {
            let counts = [(self.problems, "problem"), (self.warnings, "warning")];
            let found: Vec<String> = counts
                .into_iter()
                .filter(|(number, _)| *number > 0)
                .map(|(number, word)| count(number, word))
                .collect();
            out.line(&if found.is_empty() { "No problems.".to_owned() } else { format!("{}.", found.join(", ")) });
        }
    }
}
