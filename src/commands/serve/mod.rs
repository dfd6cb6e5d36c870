//! `reproq serve`: statistics, metrics and events over HTTP, until a signal.

mod oidc;
mod report;

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use reproq_queue::text::span;
use reproq_serve::AccessToken;
use reproq_serve::AllowedHosts;
use reproq_serve::Listener;
use reproq_serve::ProxyIdentity;
use reproq_serve::SchedulerSettings;
use reproq_serve::ServeLimits;
use reproq_serve::ServeNotice;
use reproq_serve::ServeOptions;
use reproq_serve::ServedDatabase;
use reproq_serve::SignInNews;
use reproq_serve::serve as serve_databases;

use crate::cli::ServeArgs;
use crate::cli::SignInArgs;
use crate::commands::database::Database;
use crate::commands::database::place;
use crate::commands::serve::report::ServeReport;
use crate::commands::session::Session;
use crate::config::Env;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::runtime;
use crate::platform;

/// The variable with the token of clients, as Django and the worker read it.
const TOKEN_VARIABLE: &str = "METRICS_AUTH_TOKEN";

/// Reading more often would only load the servers.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(200);

/// How long the history is not read again at least.
const HISTORY_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn serve(arguments: &ServeArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    // As it is: it is also the key of signatures, which Django and the worker do not trim.
    let token = session.env.var(TOKEN_VARIABLE).and_then(AccessToken::new);
    if let Some(token) = &token {
        session.ui.redact(token.expose());
    }
    require_token(arguments.listen, token.is_some())?;
    let identity = identity(&arguments.sign_in, token.is_some())?;
    let oidc = oidc::provider(arguments, token.is_some(), session)?;
    let databases = databases(arguments, session)?;
    let options = ServeOptions {
        interval: arguments.interval.max(SHORTEST_INTERVAL),
        history_interval: HISTORY_INTERVAL.max(arguments.interval),
        token,
        identity,
        oidc,
        hosts: AllowedHosts::new(arguments.allowed_host.iter().cloned()),
        public_url: arguments.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
        scheduler: scheduler(&session.env),
        interrupted: platform::is_interrupted,
        limits: ServeLimits::default(),
    };
    platform::watch_signals();
    platform::end_after_signal();
    let runtime = runtime().map_err(|error| CommandError::system("start the network runtime", error))?;
    runtime.block_on(async {
        let listener =
            Listener::bind(arguments.listen).await.map_err(|error| cannot_listen(arguments.listen, error))?;
        let report = ServeReport::new(listener.address(), &databases, options.token.is_some());
        session.ui.status(&report.sentence());
        if session.ui.is_json() {
            session.ui.report(&report)?;
        }
        let notice = |notice| report_notice(&notice, session);
        serve_databases(listener, &databases, options, &notice, platform::interruption()).await;
        Ok(ExitStatus::Success)
    })
}

/// What the variables say about the scheduler of the project.
pub(in crate::commands) fn scheduler(env: &Env) -> SchedulerSettings {
    SchedulerSettings::of_variables(|name| {
        let (_, value) = env.variables().find(|(variable, _)| *variable == name)?;
        Some(value.to_string_lossy().into_owned())
    })
}

/// What is served names tasks, workers and errors: other machines need the token.
fn require_token(address: SocketAddr, has_token: bool) -> Result<(), CommandError> {
    if has_token || address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let message = format!("`--listen {address}` can be reached by other machines, and no token is set");
    Err(CommandError::message(ExitStatus::Usage, message)
        .hint(format!("set {TOKEN_VARIABLE}, which clients send as `Authorization: Bearer TOKEN`"))
        .hint("or listen on 127.0.0.1, behind a reverse proxy that asks for a password"))
}

/// The reverse proxies that may name people. Tokens are signed with the secret, so they need it too.
fn identity(arguments: &SignInArgs, has_token: bool) -> Result<Option<ProxyIdentity>, CommandError> {
    if arguments.trusted_proxy.is_empty() {
        return Ok(None);
    }
    if !has_token {
        let message = format!("`--trusted-proxy` needs the variable {TOKEN_VARIABLE}");
        return Err(CommandError::message(ExitStatus::Usage, message)
            .hint(format!("set {TOKEN_VARIABLE}; without it, everybody who reaches the server may read")));
    }
    Ok(Some(ProxyIdentity {
        header: arguments.identity_header.clone(),
        proxies: arguments.trusted_proxy.clone(),
        names: arguments.allow_identity.clone(),
    }))
}

fn databases(arguments: &ServeArgs, session: &Session<'_>) -> Result<Vec<ServedDatabase>, CommandError> {
    let aliases = arguments.only().map_or_else(|| Database::all(session), |only| vec![only]);
    aliases
        .into_iter()
        .map(|it| {
            let (target, _) = place(&it, session)?;
            Ok(ServedDatabase { alias: it.database.unwrap_or_else(|| "default".to_owned()), target })
        })
        .collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other errors are those of the system")]
fn cannot_listen(address: SocketAddr, error: io::Error) -> CommandError {
    let (status, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => {
            (ExitStatus::Conflict, "another program listens there; use `--listen` with another port")
        }
        io::ErrorKind::AddrNotAvailable => {
            (ExitStatus::Usage, "use an address of this machine, such as 127.0.0.1:9180")
        }
        io::ErrorKind::PermissionDenied => {
            (ExitStatus::NotPermitted, "ports below 1024 need a privilege; use a higher one")
        }
        _ => return CommandError::system(&format!("listen on {address}"), error),
    };
    CommandError::new(status, error).context(format!("cannot listen on {address}")).hint(hint)
}

fn report_notice(notice: &ServeNotice, session: &Session<'_>) {
    match notice {
        ServeNotice::Away { alias, reason } => {
            session.ui.warn(&format!("database `{alias}` cannot be read: {reason}; trying again until it works"));
        }
        ServeNotice::DepthNotKept { alias, reason } => {
            session.ui.warn(&format!("the depth of the queues of `{alias}` is not kept: {reason}"));
        }
        ServeNotice::HistoryAway { alias, reason } => {
            session.ui.warn(&format!("the history of database `{alias}` cannot be read: {reason}"));
        }
        ServeNotice::Back { alias, seconds } => {
            session.ui.status(&format!("database `{alias}` can be read again after {}", span(*seconds)));
        }
        ServeNotice::SignIn { client, news } => report_sign_in(*client, news, session),
    }
}

fn report_sign_in(client: IpAddr, news: &SignInNews, session: &Session<'_>) {
    let client = client.to_canonical();
    match news {
        SignInNews::SignedIn { name, with } => {
            session.ui.status(&format!("`{name}` signed in with {with} from {client}"));
        }
        SignInNews::SignedOut { name } => session.ui.status(&format!("`{name}` signed out from {client}")),
        SignInNews::Approved { name } => session.ui.status(&format!("`{name}` approved a terminal from {client}")),
        SignInNews::Refused { reason } => session.ui.warn(&format!("sign-in from {client} refused: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served_without_a_token() {
        for (address, needs_token) in [
            ("127.0.0.1:0", false),
            ("127.9.9.9:80", false),
            ("[::1]:80", false),
            ("[::ffff:127.0.0.1]:80", false),
            ("0.0.0.0:80", true),
            ("[::]:80", true),
            ("192.0.2.1:80", true),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(require_token(address, false).is_err(), needs_token, "{address}");
            assert!(require_token(address, true).is_ok(), "{address}");
        }
    }
}
