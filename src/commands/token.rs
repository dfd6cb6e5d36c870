//! `reproq token verify`: whether a bearer token is accepted, and the reason.

use std::io;
use std::io::Read;
use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use reproq_token::Inspection;
use reproq_token::LONGEST_TOKEN;
use reproq_token::TokenKey;
use reproq_token::inspect;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::cli::TokenCommand;
use crate::cli::TokenVerifyArgs;
use crate::commands::login;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::fs::bounded_read;
use crate::ui::Report;
use crate::ui::TextReport;

/// A file of the TUI, or a token with blanks around it.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Debug, Serialize)]
struct TokenReport {
    accepted: bool,
    /// The first reason against it; `null` if it is accepted.
    reason: Option<String>,
    checks: Vec<CheckRow>,
    /// All claims that are known. They may be forged unless every check passed.
    claims: Map<String, Value>,
    #[serde(skip)]
    now: DateTime<Utc>,
}

#[derive(Debug, Serialize)]
struct CheckRow {
    /// `format`, `alg`, `signature`, `payload`, or a claim.
    name: &'static str,
    passed: bool,
    /// What was found, as JSON; `null` if there is nothing to show.
    found: Option<String>,
    /// What is wrong.
    problem: Option<String>,
}

pub(super) fn run(command: &TokenCommand, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let TokenCommand::Verify(arguments) = command;
    verify(arguments, session)
}

fn verify(arguments: &TokenVerifyArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let secret = session.env.var("METRICS_AUTH_TOKEN").unwrap_or_default();
    session.ui.redact(&secret);
    let key = TokenKey::new(&secret).ok_or_else(|| {
        CommandError::message(ExitStatus::Usage, "METRICS_AUTH_TOKEN is not set")
            .hint("set it to the secret of the server that issued the token; it is never read from the command line")
    })?;
    let token = token(arguments, session)?;
    session.ui.redact(&token);
    let report = TokenReport::of(inspect(&token, &key, session.now.timestamp()), session.now);
    if !report.accepted && key.is_secret(&token) {
        session.ui.warn("this is METRICS_AUTH_TOKEN itself, which servers accept in place of a token");
    }
    session.ui.report(&report)?;
    Ok(if report.accepted { ExitStatus::Success } else { ExitStatus::Unverified })
}

/// The token, from where the arguments say.
fn token(arguments: &TokenVerifyArgs, session: &Session<'_>) -> Result<String, CommandError> {
    let Some(file) = &arguments.file else { return stored(session) };
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = io::stdin().lock().take(MAX_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| CommandError::system("read the token from stdin", error))?;
        text
    } else {
        from_file(file, session)?
    };
    let text = token_in(&text);
    if text.is_empty() {
        return Err(CommandError::message(ExitStatus::Usage, "there is no token in the input"));
    }
    Ok(text)
}

fn stored(session: &Session<'_>) -> Result<String, CommandError> {
    let file = login::auth_file(session)?;
    let stored = file.read().map_err(login::of_file)?;
    stored.map(|stored| stored.token.expose().clone()).ok_or_else(|| {
        let message = format!("no token is stored in `{}`", file.path().display());
        CommandError::message(ExitStatus::NotFound, message)
            .hint("store one with `reproq login URL`, or name a file, or `-` for stdin")
    })
}

fn from_file(file: &Path, session: &Session<'_>) -> Result<String, CommandError> {
    let path = session.env.cwd.join(file);
    if looks_like_a_token(file) && !path.exists() {
        // The message must not repeat it.
        session.ui.redact(&file.to_string_lossy());
        let message = "a token on the command line can be seen by other users, and is not read from there";
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint("pass it on stdin: `reproq token verify - < FILE`, or name the file"));
    }
    bounded_read::read_named_text(&path, MAX_BYTES).map_err(|error| CommandError::io("read the token", &path, error))
}

fn looks_like_a_token(file: &Path) -> bool {
    file.to_string_lossy().split('.').count() == 3 && file.to_string_lossy().starts_with("eyJ")
}

/// A token alone, or in the file of the TUI.
fn token_in(text: &str) -> String {
    #[derive(Deserialize)]
    struct AuthDocument {
        token: String,
    }
    let text = text.trim();
    match serde_json::from_str::<AuthDocument>(text) {
        Ok(document) => document.token,
        // What is too long is refused, and not kept.
        Err(_) => text.chars().take(LONGEST_TOKEN + 1).collect(),
    }
}

impl TokenReport {
    fn of(inspection: Inspection, now: DateTime<Utc>) -> Self {
        let reason = inspection.refusal().map(ToString::to_string);
        let checks = inspection.checks.into_iter().map(|check| CheckRow {
            name: check.name,
            passed: check.refusal.is_none(),
            found: check.found,
            problem: check.refusal.map(|refusal| refusal.to_string()),
        });
        let checks = checks.collect();
        let claims = inspection.claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { accepted: reason.is_none(), reason, checks, claims, now }
    }

    /// A time for people.
    fn time(&self, name: &str) -> Option<String> {
        let at = self.claims.get(name)?.as_i64()?;
        let time = DateTime::from_timestamp(at, 0)?.format("%Y-%m-%d %H:%M:%S UTC");
        let days = (at - self.now.timestamp()) / (24 * 60 * 60);
        let distance = match days {
            0 => String::new(),
            1.. => format!(", in {days} d"),
            _ => format!(", {} d ago", -days),
        };
        Some(format!("{time}{distance}"))
    }
}

impl Report for TokenReport {
    const SCHEMA: &'static str = "reproq.token/1";

    fn human(&self, report: &mut TextReport) {
        match &self.reason {
            None => report.line("The token is accepted."),
            Some(reason) => report.strong(&format!("The token is not accepted: {reason}.")),
        }
        report.blank();
        let mut rows = vec![["check", "result", "found"].map(str::to_owned).to_vec()];
        rows.extend(self.checks.iter().map(|check| {
            let result = check.problem.clone().unwrap_or_else(|| "ok".to_owned());
            let found = self.time(check.name).or_else(|| check.found.clone()).unwrap_or_default();
            vec![check.name.to_owned(), result, found]
        }));
        report.table(&rows);
        let other = ["username", "iat", "jti"].into_iter().filter_map(|name| {
            let value = self.time(name).or_else(|| self.claims.get(name).map(ToString::to_string))?;
            Some((name, value))
        });
        let other: Vec<(&str, String)> = other.collect();
        if !other.is_empty() {
            report.blank();
            report.pairs(&other);
        }
    }
}
