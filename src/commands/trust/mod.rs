//! `reproq trust`: manages the trusted roots that attestations are verified with.

mod update;

use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::cli::TrustCommand;
use crate::commands::hints;
use crate::commands::request;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::model::Sha256Digest;
use crate::trust::attestation;
use crate::trust::attestation::Instance;
use crate::trust::attestation::KeyRole;
use crate::trust::attestation::KeyValidity;
use crate::trust::attestation::NotProven;
use crate::trust::attestation::Root;
use crate::trust::attestation::RootSource;
use crate::trust::trusted_roots::Accepted;
use crate::ui::Report;
use crate::ui::TextReport;

/// The size limit of a file of roots.
const MAX_ROOTS: u64 = 1024 * 1024;

/// The hint for an outdated root.
pub(super) const RENEW: &str = "fetch the current root with `reproq trust update`";

/// The report of `trust show`.
#[derive(Debug, Serialize)]
struct TrustReport {
    /// Whether this build can verify attestations.
    can_verify: bool,
    roots: Vec<RootLine>,
}

#[derive(Debug, Serialize)]
struct RootLine {
    instance: Instance,
    source: RootSource,
    sha256: String,
    /// Until when it is known to have all current keys.
    complete_until: Option<DateTime<Utc>>,
    keys: Vec<KeyValidity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// The report of `trust accept`.
#[derive(Debug, Serialize)]
struct AcceptReport {
    file: String,
    roots: Vec<AcceptedLine>,
}

#[derive(Debug, Serialize)]
struct AcceptedLine {
    instance: Instance,
    sha256: String,
    /// False if it was already accepted.
    new: bool,
    /// The names of its certificate authorities.
    authorities: Vec<String>,
}

/// The report of `trust forget`.
#[derive(Debug, Serialize)]
struct ForgetReport {
    sha256: String,
}

pub(super) fn trust(command: &TrustCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    match command {
        TrustCommand::Show => show(session)?,
        TrustCommand::Update(arguments) => return update::update(arguments, session),
        TrustCommand::Accept(arguments) => accept(&arguments.file, session)?,
        TrustCommand::Forget(arguments) => forget(&arguments.sha256, session)?,
    }
    Ok(ExitStatus::Success)
}

fn show(session: &Session<'_>) -> Result<(), CommandError> {
    let line = |root: &Root| RootLine {
        instance: root.instance,
        source: root.source.clone(),
        sha256: root.sha256.to_string(),
        complete_until: root.complete_until(),
        keys: root.windows.clone(),
        warning: root.age_warning(session.now),
        hint: root.is_old(session.now).then_some(RENEW),
    };
    let roots = request::trusted_roots(session).roots().map_err(hints::trusted_roots)?;
    let roots = roots.iter().map(line).collect();
    session.ui.report(&TrustReport { can_verify: attestation::is_available(), roots })
}

fn accept(file: &Path, session: &Session<'_>) -> Result<(), CommandError> {
    must_verify()?;
    let path = session.env.cwd.join(file);
    let text =
        bounded_read::read_named_text(&path, MAX_ROOTS).map_err(|error| CommandError::io("read", &path, error))?;
    let name = file.to_string_lossy();
    let accepted = request::trusted_roots(session).accept(&name, text.as_bytes()).map_err(hints::trusted_roots)?;
    let line = |accepted: &Accepted| AcceptedLine {
        instance: accepted.root.instance,
        sha256: accepted.root.sha256.to_string(),
        new: accepted.is_new,
        authorities: authorities(&accepted.root),
    };
    session.ui.report(&AcceptReport { file: name.into_owned(), roots: accepted.iter().map(line).collect() })
}

fn forget(text: &str, session: &Session<'_>) -> Result<(), CommandError> {
    let sha256: Sha256Digest = text.parse().map_err(|error| {
        CommandError::new(ExitStatus::Usage, error).context(format!("`{text}` is not a valid digest"))
    })?;
    if !request::trusted_roots(session).forget(&sha256).map_err(hints::trusted_roots)? {
        let message = format!("no accepted root has sha256 {sha256}");
        return Err(CommandError::message(ExitStatus::NotFound, message)
            .hint("list the accepted roots with `reproq trust show`; embedded roots cannot be removed"));
    }
    session.ui.report(&ForgetReport { sha256: sha256.to_string() })
}

/// A build without attestation support cannot validate a root.
fn must_verify() -> Result<(), CommandError> {
    if attestation::is_available() {
        return Ok(());
    }
    let failure = CommandError::new(ExitStatus::Unverified, NotProven::CannotVerify);
    Err(failure.hint("use a build of reproq with its default features"))
}

fn authorities(root: &Root) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for window in root.windows.iter().filter(|window| window.role == KeyRole::CertificateAuthority) {
        if !names.contains(&window.name) {
            names.push(window.name.clone());
        }
    }
    names
}

impl Report for TrustReport {
    const SCHEMA: &'static str = "reproq.trust/1";

    fn human(&self, out: &mut TextReport) {
        if !self.can_verify {
            out.strong("This build of reproq cannot verify attestations.");
        }
        for (index, root) in self.roots.iter().enumerate() {
            if index > 0 {
                out.blank();
            }
            root.human(out);
        }
    }
}

impl Report for AcceptReport {
    const SCHEMA: &'static str = "reproq.trust-accepted/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return;
        }
        for root in &self.roots {
            let of = format!("the root of {} ({})", root.instance, root.authorities.join(", "));
            if root.new {
                out.strong(&format!("Added {of} to the trusted roots."));
            } else {
                out.line(&format!("Already trusted: {of}."));
            }
            out.line(&format!("  sha256 {}", root.sha256));
        }
        if self.roots.iter().any(|root| root.new) {
            out.line("  Compare each sha256 with the one its owner publishes elsewhere; the owner of its keys can attest any file.");
            out.line("  To remove one: `reproq trust forget SHA256`");
        }
    }
}

impl Report for ForgetReport {
    const SCHEMA: &'static str = "reproq.trust-forgotten/1";

    fn human(&self, out: &mut TextReport) {
        if !out.is_quiet() {
            out.line(&format!("The root with sha256 {} is no longer trusted.", self.sha256));
        }
    }
}

impl RootLine {
    fn human(&self, out: &mut TextReport) {
        out.strong(&format!("{}: {}", self.instance, used_for(self.instance)));
        let from = match &self.source {
            RootSource::Embedded { on } => format!("embedded in this program, as of {on}"),
            RootSource::Updated { on, version } => format!("fetched on {on}, version {version} of its repository"),
            RootSource::Accepted => "accepted with `reproq trust accept`".to_owned(),
            RootSource::File { path } => path.clone(),
        };
        out.pairs(&[("root", from), ("sha256", self.sha256.clone())]);
        let heading = ["  key", "of", "from", "until"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(self.keys.iter().map(row)).collect();
        out.table(&rows);
        if let Some(warning) = &self.warning {
            out.line(&format!("  warning: {warning}"));
        }
        if let Some(hint) = self.hint {
            out.line(&format!("  hint: {hint}"));
        }
    }
}

fn row(window: &KeyValidity) -> Vec<String> {
    let role = match window.role {
        KeyRole::CertificateAuthority => "  certificates",
        KeyRole::TimestampAuthority => "  timestamps",
        KeyRole::TransparencyLog => "  transparency log",
        KeyRole::CertificateLog => "  certificate log",
    };
    let day = |time: Option<DateTime<Utc>>| time.map_or_else(|| "-".to_owned(), |time| time.date_naive().to_string());
    vec![role.to_owned(), window.name.clone(), day(window.start), day(window.end)]
}

const fn used_for(instance: Instance) -> &'static str {
    match instance {
        Instance::PublicGood => "builds of public repositories",
        Instance::GitHub => "builds of private repositories, and releases",
        Instance::Other => "files signed by its owner",
    }
}
