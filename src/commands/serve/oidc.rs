//! The OpenID Connect provider of `serve`: what the options say, and the door through which it is reached.

use std::sync::Arc;

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use reproq_serve::ClientSecret;
use reproq_serve::DoorFuture;
use reproq_serve::DoorResponse;
use reproq_serve::OidcSettings;
use reproq_serve::ProviderDoor;
use reproq_serve::ProviderRequest;
use reproq_serve::is_oidc_available;
use url::Url;

use crate::cli::ServeArgs;
use crate::commands::hints;
use crate::commands::serve::TOKEN_VARIABLE;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::Http;
use crate::model::url_policy::may_be_fetched;

/// The variable with the secret of the client. It is no option, because other users see the options of a process.
const SECRET_VARIABLE: &str = "REPROQ_OIDC_CLIENT_SECRET";

/// The claim with the name, unless another one is named.
const DEFAULT_CLAIM: &str = "email";

/// The largest response of a provider, in bytes.
const MAX_RESPONSE: u64 = 1024 * 1024;

/// The provider that the options name.
pub(super) fn provider(
    arguments: &ServeArgs,
    has_token: bool,
    session: &Session<'_>,
) -> Result<Option<OidcSettings>, CommandError> {
    let Some(issuer) = &arguments.sign_in.oidc_issuer else { return Ok(None) };
    if !is_oidc_available() {
        return Err(refused("`--oidc-issuer` needs the feature `oidc`, and this program was built without it")
            .hint("use a build of reproq with its default features, or a reverse proxy with `--identity-header`"));
    }
    let url = Url::parse(issuer).ok().filter(may_be_fetched);
    let host = url.as_ref().and_then(Url::host_str).map(ToOwned::to_owned);
    let Some(host) = host.filter(|_| !issuer.contains(['?', '#', '@'])) else {
        return Err(refused(&format!("`--oidc-issuer {issuer}` is not an https URL without credentials and query"))
            .hint("use the issuer as the provider names it, such as https://accounts.google.com"));
    };
    let client_id = required(arguments, has_token)?;
    let offline = &session.settings.offline;
    if offline.value {
        return Err(refused(&format!("a provider is requested, but network access is disabled ({})", offline.from))
            .hint("remove `--offline`, or `--oidc-issuer`"));
    }
    let secret = session.env.var(SECRET_VARIABLE);
    if let Some(secret) = &secret {
        session.ui.redact(secret);
    }
    let http = Http::new(session.http.clone()).map_err(|error| hints::network(&error))?;
    Ok(Some(OidcSettings {
        issuer: issuer.clone(),
        host,
        client_id,
        client_secret: secret.and_then(ClientSecret::new),
        claim: arguments.sign_in.oidc_claim.clone().unwrap_or_else(|| DEFAULT_CLAIM.to_owned()),
        names: arguments.sign_in.allow_identity.clone(),
        door: Arc::new(NetDoor(http)),
    }))
}

/// Everything that a provider needs besides its issuer. Returns the client ID.
fn required(arguments: &ServeArgs, has_token: bool) -> Result<String, CommandError> {
    let sign_in = &arguments.sign_in;
    let Some(client_id) = sign_in.oidc_client_id.clone().filter(|id| !id.is_empty()) else {
        return Err(refused("`--oidc-issuer` needs `--oidc-client-id`")
            .hint("register this server at the provider, and use the client ID that it shows"));
    };
    if sign_in.allow_identity.is_empty() {
        return Err(refused("`--oidc-issuer` needs `--allow-identity`: otherwise nobody may sign in")
            .hint("name each person as the claim does, such as `--allow-identity ada@example.org`"));
    }
    if arguments.public_url.is_none() {
        return Err(refused("`--oidc-issuer` needs `--public-url`: the provider sends people back to that URL")
            .hint("register that URL followed by /reproq/tui/callback/ at the provider"));
    }
    if !has_token {
        return Err(refused(&format!("`--oidc-issuer` needs the variable {TOKEN_VARIABLE}"))
            .hint(format!("set {TOKEN_VARIABLE}; it signs the sessions, and without it everybody may read")));
    }
    Ok(client_id)
}

fn refused(message: &str) -> CommandError {
    CommandError::message(ExitStatus::Usage, message.to_owned())
}

/// The client of this program, with its proxies, certificates and time limits.
#[derive(Debug)]
struct NetDoor(Http);

impl ProviderDoor for NetDoor {
    fn send(&self, request: ProviderRequest) -> DoorFuture<'_> {
        Box::pin(async move {
            let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
            if request.form.is_some() {
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(header::CONTENT_TYPE, form);
            }
            if let Some(value) = request.authorization {
                let mut value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
            let form = request.form.map(String::into_bytes);
            let response = self.0.small_exchange(&request.url, headers, form, MAX_RESPONSE).await;
            let (status, body) = response.map_err(|error| error.to_string())?;
            Ok(DoorResponse { status, body })
        })
    }
}
