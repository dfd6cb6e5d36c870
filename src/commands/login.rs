//! `reproq login`: a token for the TUI, from a code that is approved in a browser.

use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;
use serde::Serialize;

use crate::cli::LoginArgs;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::login::AuthFile;
use crate::flows::login::AuthFileError;
use crate::flows::login::LoginError;
use crate::flows::login::LoginServer;
use crate::flows::login::PairOffer;
use crate::io::net::Http;
use crate::io::net::api::ApiSetupError;
use crate::io::net::api::JsonApiError;
use crate::io::net::runtime;
use crate::ui::Report;
use crate::ui::TextReport;

/// Once a code is shown, this is only printed to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LoginState {
    Pending,
    SignedIn,
    Expired,
    SignedOut,
    Removed,
}

#[derive(Debug, Serialize)]
struct LoginReport {
    state: LoginState,
    /// The server of the token; `null` if there is none, or the file does not name it.
    server: Option<String>,
    /// The file of the token.
    file: String,
    /// When the token expires (RFC 3339); `null` if there is none.
    expires_at: Option<String>,
    #[serde(skip)]
    offer: Option<PairOffer>,
}

/// Gets and stores a token, shows the stored one, or removes it.
pub(super) fn login(arguments: &LoginArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let file = auth_file(session)?;
    match &arguments.url {
        Some(url) => sign_in(url, &file, session),
        None if arguments.remove => remove(&file, session),
        None => status(&file, session),
    }
}

/// The file that the TUI reads.
pub(super) fn auth_file(session: &Session<'_>) -> Result<AuthFile, CommandError> {
    let named = session.env.var_os("REPROQ_TUI_AUTH_FILE").map(|path| session.env.cwd.join(PathBuf::from(path)));
    AuthFile::find(named.as_deref(), session.env.configuration_directory.as_deref()).ok_or_else(|| {
        CommandError::message(ExitStatus::Usage, "this user has no configuration directory")
            .hint("set REPROQ_TUI_AUTH_FILE to the path of a file")
    })
}

/// An error of the file.
pub(super) fn of_file(error: AuthFileError) -> CommandError {
    match error {
        AuthFileError::File(error) => hints::output(error),
        error @ AuthFileError::Content { .. } => CommandError::new(ExitStatus::Failure, error)
            .hint("set REPROQ_TUI_AUTH_FILE to another path, or remove the file with `reproq login --remove`"),
    }
}

fn sign_in(url: &str, file: &AuthFile, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let offline = &session.settings.offline;
    if offline.value {
        let message = format!("the token is issued by a server, but network access is disabled ({})", offline.from);
        return Err(CommandError::message(ExitStatus::Usage, message).hint("remove `--offline`"));
    }
    let http = Http::new(session.http.clone()).map_err(|error| hints::network(&error))?;
    let server = LoginServer::new(http, url).map_err(failed)?;
    let note = |line: &str| session.ui.status(line);
    let runtime = runtime().map_err(|error| CommandError::system("start the runtime", error))?;
    let approval = runtime.block_on(async {
        let offer = server.pair(session.now, &note).await?;
        session.ui.preview(&LoginReport::pending(&server, file, offer.clone()));
        server.approval(&offer, &note).await
    });
    let approval = approval.map_err(failed)?;
    session.ui.redact(approval.token.expose());
    file.write(&approval.token, approval.expires_at, server.url()).map_err(of_file)?;
    let state = state_of(Some(approval.expires_at), session);
    if state == LoginState::Expired {
        session.ui.warn("the new token has expired already; check the clocks of this machine and of the server");
    }
    session.ui.report(&LoginReport::stored(state, server.url(), Some(approval.expires_at), file))?;
    Ok(ExitStatus::Success)
}

fn status(file: &AuthFile, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let Some(stored) = file.read().map_err(of_file)? else {
        session.ui.report(&LoginReport::without(LoginState::SignedOut, file))?;
        return Ok(ExitStatus::NotFound);
    };
    session.ui.redact(stored.token.expose());
    if stored.is_readable_by_others {
        session.ui.warn(&format!("other users can read the token in `{}`", file.path().display()));
        session.ui.hint("run `reproq login URL` again, which replaces the file by one that only you can read");
    }
    let state = state_of(stored.expires_at, session);
    session.ui.report(&LoginReport::stored(state, &stored.django_url, stored.expires_at, file))?;
    Ok(if state == LoginState::Expired { ExitStatus::NotFound } else { ExitStatus::Success })
}

fn remove(file: &AuthFile, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let was_there = file.remove().map_err(of_file)?;
    let state = if was_there { LoginState::Removed } else { LoginState::SignedOut };
    session.ui.report(&LoginReport::without(state, file))?;
    Ok(ExitStatus::Success)
}

fn state_of(expires_at: Option<DateTime<Utc>>, session: &Session<'_>) -> LoginState {
    if expires_at.is_none_or(|time| session.now < time) { LoginState::SignedIn } else { LoginState::Expired }
}

/// A login that failed. No token was stored.
fn failed(error: LoginError) -> CommandError {
    const OTHER: &str =
        "is it the URL of a Django project with `reproq_django.urls` below /reproq/, or of `reproq serve`?";
    let is_of_another_server = error.is_of_another_server();
    let (status, hint) = match &error {
        LoginError::Api(JsonApiError::NotFound { .. }) => (ExitStatus::NotFound, OTHER.to_owned()),
        LoginError::Api(_) | LoginError::Unusable { .. } if is_of_another_server => {
            (ExitStatus::Unavailable, OTHER.to_owned())
        }
        LoginError::Api(JsonApiError::Net(error)) => return hints::network(error),
        LoginError::Url { .. } => (ExitStatus::Usage, "for example: reproq login https://shop.example.com".to_owned()),
        LoginError::Setup(ApiSetupError::NotEncrypted { .. } | ApiSetupError::Token) => (
            ExitStatus::Usage,
            "the token would be readable on the way; use an https URL, or a tunnel to a port of this machine"
                .to_owned(),
        ),
        LoginError::Disabled { .. } => {
            (ExitStatus::NotFound, "set METRICS_AUTH_TOKEN on the server, and restart it".to_owned())
        }
        LoginError::Expired => (
            ExitStatus::Unavailable,
            "run the same command again, and approve the code in the browser while it waits".to_owned(),
        ),
        LoginError::Api(JsonApiError::Unauthorized { .. } | JsonApiError::Forbidden { .. }) => (
            ExitStatus::NotPermitted,
            "something in front of the server requires another sign-in; use a URL behind it".to_owned(),
        ),
        LoginError::Api(JsonApiError::RateLimited { .. }) => {
            (ExitStatus::Unavailable, "wait a few minutes, then run the same command again".to_owned())
        }
        LoginError::Api(_) | LoginError::Unusable { .. } => (ExitStatus::Failure, OTHER.to_owned()),
    };
    CommandError::new(status, error).hint(hint)
}

impl LoginReport {
    fn pending(server: &LoginServer, file: &AuthFile, offer: PairOffer) -> Self {
        Self { server: Some(server.url().to_owned()), offer: Some(offer), ..Self::without(LoginState::Pending, file) }
    }

    fn stored(state: LoginState, server: &str, expires_at: Option<DateTime<Utc>>, file: &AuthFile) -> Self {
        let expires_at = expires_at.map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let server = Some(server).filter(|server| !server.is_empty()).map(str::to_owned);
        Self { server, expires_at, ..Self::without(state, file) }
    }

    fn without(state: LoginState, file: &AuthFile) -> Self {
        Self { state, server: None, file: file.path().display().to_string(), expires_at: None, offer: None }
    }
}

impl Report for LoginReport {
    const SCHEMA: &'static str = "reproq.login/1";

    fn human(&self, report: &mut TextReport) {
        if let Some(offer) = &self.offer {
            report.line(&format!("To sign in, open {}", offer.verify_url));
            report.line(&format!("and approve the code {}", offer.code));
            if let Some(host) = &offer.other_host {
                report.line(&format!(
                    "The server names {host} as its host. Do not enter a password there unless you know it."
                ));
            }
            report.line(&format!("Waiting for approval, {} s at most; Ctrl-C to stop.", offer.valid_for.as_secs()));
            return;
        }
        let server = self.server.as_deref().unwrap_or("an unknown server");
        report.line(&match self.state {
            LoginState::SignedIn => format!("Signed in at {server}."),
            LoginState::Expired => format!("The token of {server} has expired."),
            LoginState::Removed => "The token was removed.".to_owned(),
            LoginState::SignedOut | LoginState::Pending => "No token is stored.".to_owned(),
        });
        let mut pairs = vec![("file", self.file.clone())];
        pairs.extend(self.expires_at.iter().map(|time| ("expires", time.clone())));
        report.pairs(&pairs);
        if self.state == LoginState::Removed {
            report.faint("The server accepts it until it expires; only a new METRICS_AUTH_TOKEN revokes it.");
        }
    }
}
