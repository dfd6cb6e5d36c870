//! The command `serve`.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use clap::ArgGroup;
use clap::Args;
use http::HeaderName;
use ipnet::IpNet;
use url::Url;

use crate::cli::DatabaseArgs;
use crate::model::units::parse_duration;

/// The address that is listened on unless another one is named.
const DEFAULT_ADDRESS: &str = "127.0.0.1:9180";

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Listen on this address; port 0 takes a free one. An address that other machines reach needs METRICS_AUTH_TOKEN
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_ADDRESS, value_parser = parse_address)]
    pub listen: SocketAddr,
    /// Read the databases this often
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    pub interval: Duration,
    /// Accept requests for this host name too, such as that of a reverse proxy; repeatable
    #[arg(long, value_name = "NAME")]
    pub allowed_host: Vec<String>,
    /// Name the pages by this URL, if clients reach the server under another one than its address
    #[arg(long, value_name = "URL", value_parser = parse_public_url)]
    pub public_url: Option<Url>,
    #[command(flatten)]
    pub sign_in: SignInArgs,
    /// Serve only this alias of [tool.reproq.databases], or of Django's DATABASES; otherwise every database of the project
    /// [env: DATABASE_URL]
    #[arg(long, value_name = "ALIAS")]
    pub database: Option<String>,
}

/// Who may sign in.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("names").args(["identity_header", "oidc_issuer"]).multiple(true))]
pub(crate) struct SignInArgs {
    /// Trust the headers of requests from this network: X-Forwarded-For, and the one of --identity-header; repeatable
    #[arg(long, value_name = "CIDR", value_parser = parse_network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Take the person's name from this header, which a trusted proxy must set in every request
    #[arg(long, value_name = "NAME", value_parser = parse_header, requires_all = ["trusted_proxy", "allow_identity"])]
    pub identity_header: Option<HeaderName>,
    /// Let the person with this name read, and approve terminals; repeatable
    #[arg(long, value_name = "PERSON", requires = "names")]
    pub allow_identity: Vec<String>,
    /// Let people sign in at this OpenID Connect provider, whose client secret is in REPROQ_OIDC_CLIENT_SECRET
    #[arg(long, value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Use this client ID at the provider
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// Take the person's name from this claim of the provider's token [default: email, which must be verified]
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    pub oidc_claim: Option<String>,
}

impl ServeArgs {
    /// The database that is served; `None` is every database of the project.
    pub(crate) fn only(&self) -> Option<DatabaseArgs> {
        self.database.clone().map(|alias| DatabaseArgs { database: Some(alias) })
    }
}

/// `localhost` is an address of this machine; other names might lead anywhere.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:9180 or [::1]:9180".to_owned())
}

/// A network, or one address.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
    text.parse().or(address).map_err(|_| "expected a network, such as 10.0.0.0/8 or 127.0.0.1".to_owned())
}

fn parse_header(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| "expected the name of a header, such as X-Remote-User".to_owned())
}

fn parse_public_url(text: &str) -> Result<Url, String> {
    let wrong = || "expected an http or https URL without credentials and query".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
    if is_plain && is_web { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_numeric_and_a_url_is_plain() {
        assert_eq!(parse_address("localhost:0").map(|it| it.to_string()).as_deref(), Ok("127.0.0.1:0"));
        assert_eq!(parse_address("[::1]:80").map(|it| it.to_string()).as_deref(), Ok("[::1]:80"));
        for wrong in ["localhost", "example.org:80", "127.0.0.1", ":80", "127.0.0.1:65536", "localhost:x"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_network("127.0.0.1").map(|it| it.to_string()).as_deref(), Ok("127.0.0.1/32"));
        assert!(parse_network("fd00::/8").is_ok() && parse_network("10.0.0.0/33").is_err());
        assert!(parse_header("X-Remote-User").is_ok() && parse_header("a b").is_err());
        assert!(parse_public_url("https://queue.example.org/ops").is_ok());
        for wrong in ["queue.example.org", "ftp://a", "https://u:p@a", "https://a?x=1", "https://a#x"] {
            assert!(parse_public_url(wrong).is_err(), "{wrong}");
        }
    }
}
