//! Proxies from the environment, with the semantics of curl. Nothing is guessed: an invalid value is an error
//! that names the variable, because bypassing a proxy could expose what it is meant to hide.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::percent_encode;
use reqwest::header::HeaderValue;
use url::Host;
use url::Url;

use crate::io::net::NetError;
use crate::model::secret::Secret;
use crate::model::url_policy::is_loopback;

/// In curl's order; the first non-empty one is used. There is none for plain http: only this machine is accessed
/// without TLS, and never through a proxy.
const NAMING: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTING: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// curl's default port of a proxy.
const DEFAULT_PORT: u16 = 1080;

/// The proxy variables, unparsed. They are parsed when a client is created, so that commands without requests do not
/// depend on them.
#[derive(Debug, Clone, Default)]
pub struct ProxyVariables {
    named: Option<(&'static str, Secret<OsString>)>,
    excepted: Option<String>,
}

impl ProxyVariables {
    /// Selects the variables of an environment; empty ones count as unset.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let named = NAMING.iter().find_map(|name| Some((*name, Secret::new(variable(name)?))));
        let excepted = EXCEPTING.iter().find_map(|name| variable(name));
        Self { named, excepted: excepted.map(|value| value.to_string_lossy().into_owned()) }
    }
}

/// Which requests use a proxy, and which proxy.
#[derive(Debug, Clone)]
pub(super) struct Proxies {
    server: Option<ProxyServer>,
    excepted: Vec<Exception>,
}

impl Proxies {
    pub(super) fn read(variables: &ProxyVariables) -> Result<Self, NetError> {
        let server = variables.named.as_ref().map(|(variable, value)| {
            let refused = |reason| NetError::Variable { variable, reason };
            let text = value.expose().to_str().ok_or_else(|| refused(NOT_UTF_8.to_owned()))?;
            ProxyServer::parse(variable, text).map_err(refused)
        });
        let excepted = variables.excepted.as_deref().map(exceptions).unwrap_or_default();
        Ok(Self { server: server.transpose()?, excepted })
    }

    /// The proxy for a URL. This machine is always accessed directly, whatever the variables: a token in plain text
    /// would otherwise be sent to the proxy in plain text.
    pub(super) fn server_for(&self, url: &Url) -> Option<&ProxyServer> {
        let is_direct = is_loopback(url) || self.excepted.iter().any(|exception| exception.covers(url));
        self.server.as_ref().filter(|_| !is_direct)
    }

    /// The same decision for the client, with the credentials of the proxy.
    pub(super) fn for_client(&self) -> reqwest::Proxy {
        let proxies = self.clone();
        #[cfg(any(windows, target_os = "macos"))]
        let system = hyper_util::client::proxy::matcher::Matcher::from_system();
        let proxy = reqwest::Proxy::custom(move |url| {
            let named = proxies.server_for(url).map(|server| server.url.expose().clone());
            // Without a variable, the proxy of the system settings is used.
            #[cfg(any(windows, target_os = "macos"))]
            let named = named.or_else(|| {
                let may = proxies.server.is_none() && !is_loopback(url);
                let uri = url.as_str().parse().ok().filter(|_| may)?;
                let is_excepted = proxies.excepted.iter().any(|exception| exception.covers(url));
                system.intercept(&uri).filter(|_| !is_excepted)?.uri().to_string().parse().ok()
            });
            named
        });
        match self.server.as_ref().and_then(ProxyServer::authorization) {
            Some(header) => proxy.custom_http_auth(header),
            None => proxy,
        }
    }
}

const NOT_UTF_8: &str = "it is not UTF-8; write such bytes as %E9";

/// A proxy server.
#[derive(Debug, Clone)]
pub(super) struct ProxyServer {
    /// The variable it comes from.
    pub(super) variable: &'static str,
    /// For display: scheme, host and port.
    shown: String,
    /// For the client; a SOCKS proxy's URL includes its credentials.
    url: Secret<Url>,
    /// User and password, as bytes.
    account: Option<Secret<(Vec<u8>, Vec<u8>)>>,
    scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Socks4,
    Socks4a,
    Socks5,
    Socks5h,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "https" => Self::Https,
            "socks" | "socks4" => Self::Socks4,
            "socks4a" => Self::Socks4a,
            "socks5" => Self::Socks5,
            "socks5h" => Self::Socks5h,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }
}

impl ProxyServer {
    /// Parses `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`. Errors repeat nothing of the value but the scheme, because
    /// any part may belong to a password.
    fn parse(variable: &'static str, text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("it contains white space; write a space in a password as %20".to_owned());
        }
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = &rest[..end];
        // curl rejects an `@` in a password; here it is unambiguous, because a host cannot contain one.
        let (account, place) = match authority.rsplit_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        let port = port.unwrap_or(if scheme == Scheme::Https { 443 } else { DEFAULT_PORT });
        let host = Host::parse(host).ok().filter(is_plain).ok_or_else(|| unreadable("it has no host"))?;
        let account = account.filter(|account| !account.is_empty()).map(|account| {
            let (user, password) = account.split_once(':').unwrap_or((account, ""));
            let meant = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
            (meant(user), meant(password))
        });
        if account.iter().any(|(user, password)| user.iter().chain(password).any(|byte| byte.is_ascii_control())) {
            return Err("its user or password contains a control character".to_owned());
        }
        let shown = format!("{}://{host}:{port}", scheme.name());
        let url = match account.as_ref().filter(|_| !matches!(scheme, Scheme::Http | Scheme::Https)) {
            Some((user, password)) => {
                let [user, password] = [user, password].map(|part| percent_encode(part, NON_ALPHANUMERIC));
                format!("{}://{user}:{password}@{host}:{port}", scheme.name())
            }
            None => shown.clone(),
        };
        let url = Url::parse(&url).map_err(|_| unreadable("it has no host"))?;
        Ok(Self { variable, shown, url: Secret::new(url), account: account.map(Secret::new), scheme })
    }

    /// Whether the connection to the proxy itself uses TLS, so that a certificate error may be the proxy's.
    pub(super) fn has_certificate(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The credentials for an HTTP proxy. Created here, because the client assumes that passwords are UTF-8.
    fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.account.as_ref()?.expose();
        let account = [user, b":".as_slice(), password].concat();
        let mut header = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(account))).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// URLs allow more characters in a host than valid host names have, such as quotes.
fn is_plain(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    }
}

fn unreadable(what: &str) -> String {
    format!("{what}; in a password, write `/` as %2F, `#` as %23 and `?` as %3F")
}

/// One to three slashes, as in curl; without any it is a host with an optional port.
fn split_scheme(text: &str) -> Result<(Scheme, &str), String> {
    let Some((scheme, behind)) = text.split_once(":/").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok((Scheme::Http, text));
    };
    let rest = behind.trim_start_matches('/');
    if behind.len() - rest.len() > 2 {
        return Err(unreadable("it has more slashes than a URL"));
    }
    let known = Scheme::parse(scheme).ok_or_else(|| {
        format!("`{scheme}` is not a proxy scheme; use http, https, socks4, socks4a, socks5 or socks5h")
    })?;
    Ok((known, rest))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; an empty port counts as none.
fn split_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let behind_host = place.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = place[behind_host..].find(':').map(|colon| behind_host + colon) else {
        return Ok((place, None));
    };
    let port = match &place[colon + 1..] {
        "" => None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| unreadable("its port is above 65535"))?)
        }
        _ => return Err(unreadable("its port is not a number")),
    };
    Ok((&place[..colon], port))
}

/// An entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A network, with an optional port.
    Hosts(Hosts, Option<u16>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Network(IpNet),
    /// A domain and its subdomains.
    Domain(String),
    /// The subdomains of a domain.
    Below(String),
}

/// Parses `NO_PROXY`: entries separated by commas or white space. Invalid entries match nothing.
fn exceptions(text: &str) -> Vec<Exception> {
    let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
    entries.filter_map(Exception::parse).collect()
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some(network) = network(entry) {
            return Some(Self::Hosts(Hosts::Network(network), None));
        }
        let (host, port) = split_port(entry).ok()?;
        if let Some(network) = network(host) {
            return Some(Self::Hosts(Hosts::Network(network), port));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let hosts = match host.strip_prefix("*.") {
            Some(domain) => Hosts::Below(domain.to_owned()),
            None => Hosts::Domain(host.trim_start_matches('.').to_owned()),
        };
        matches!(&hosts, Hosts::Below(domain) | Hosts::Domain(domain) if !domain.is_empty())
            .then_some(Self::Hosts(hosts, port))
    }

    fn covers(&self, url: &Url) -> bool {
        let Self::Hosts(hosts, port) = self else { return true };
        if port.is_some() && url.port_or_known_default() != *port {
            return false;
        }
        match (url.host(), hosts) {
            (Some(Host::Ipv4(address)), Hosts::Network(network)) => network.contains(&IpAddr::V4(address)),
            (Some(Host::Ipv6(address)), Hosts::Network(network)) => network.contains(&IpAddr::V6(address)),
            (Some(Host::Domain(name)), Hosts::Domain(domain)) => {
                let name = name.trim_end_matches('.');
                name == domain || is_below(name, domain)
            }
            (Some(Host::Domain(name)), Hosts::Below(domain)) => is_below(name.trim_end_matches('.'), domain),
            (Some(Host::Domain(_)), Hosts::Network(_))
            | (Some(Host::Ipv4(_) | Host::Ipv6(_)), Hosts::Domain(_) | Hosts::Below(_))
            | (None, _) => false,
        }
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

/// An IP address or a network, IPv6 with or without brackets.
fn network(entry: &str) -> Option<IpNet> {
    let plain = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    plain.parse().ok().or_else(|| plain.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        let variable = |name: &str| {
            let value = variables.iter().find(|(known, _)| *known == name)?.1;
            // Empty counts as unset, as in the real environment.
            (!value.is_empty()).then(|| OsString::from(value))
        };
        Proxies::read(&ProxyVariables::of(variable)).map_err(|error| error.to_string())
    }

    fn server(value: &str) -> Result<ProxyServer, String> {
        proxies(&[("HTTPS_PROXY", value)]).map(|proxies| proxies.server.expect("a proxy"))
    }

    /// The credentials, in the header for an HTTP proxy and in the URL for a SOCKS proxy.
    fn account(server: &ProxyServer) -> Option<Vec<u8>> {
        let (user, password) = server.account.as_ref()?.expose();
        Some([user, b":".as_slice(), password].concat())
    }

    /// Each line was compared with curl 7.88, which rejects only the marked line.
    #[test]
    fn values_are_parsed_like_curl() {
        let cases: [(&str, &str, Option<&[u8]>); 33] = [
            ("http://proxy.test:3128", "http://proxy.test:3128", None),
            ("proxy.test:3128", "http://proxy.test:3128", None),
            ("HTTP://Proxy.TEST:3128/x?y#z", "http://proxy.test:3128", None),
            ("http:/proxy.test:3128", "http://proxy.test:3128", None),
            ("http:///proxy.test:3128", "http://proxy.test:3128", None),
            ("http://proxy.test", "http://proxy.test:1080", None),
            ("http://proxy.test:", "http://proxy.test:1080", None),
            ("proxy", "http://proxy:1080", None),
            ("lo_cal:1", "http://lo_cal:1", None),
            ("http://2130706433:1", "http://127.0.0.1:1", None),
            ("http://[::1]:3128", "http://[::1]:3128", None),
            ("[::1]:3128", "http://[::1]:3128", None),
            ("https://proxy.test", "https://proxy.test:443", None),
            ("https://proxy.test:3128", "https://proxy.test:3128", None),
            ("socks5://proxy.test", "socks5://proxy.test:1080", None),
            ("socks5h://u:p@proxy.test:9", "socks5h://proxy.test:9", Some(b"u:p")),
            ("socks4a://proxy.test:9", "socks4a://proxy.test:9", None),
            ("socks://proxy.test:9", "socks4://proxy.test:9", None),
            ("http://u:p@proxy.test:1", "http://proxy.test:1", Some(b"u:p")),
            ("u:p@proxy.test:1", "http://proxy.test:1", Some(b"u:p")),
            ("http://u@proxy.test:1", "http://proxy.test:1", Some(b"u:")),
            ("http://:p@proxy.test:1", "http://proxy.test:1", Some(b":p")),
            ("http://@proxy.test:1", "http://proxy.test:1", None),
            ("http://u:p:q@proxy.test:1", "http://proxy.test:1", Some(b"u:p:q")),
            // curl rejects this one.
            ("http://u:p@ss@proxy.test:1", "http://proxy.test:1", Some(b"u:p@ss")),
            ("http://u:p%40s%E9@proxy.test:1", "http://proxy.test:1", Some(b"u:p@s\xe9")),
            ("http://u:p%zz%@proxy.test:1", "http://proxy.test:1", Some(b"u:p%zz%")),
            ("http://u:p\\w@proxy.test:1", "http://proxy.test:1", Some(b"u:p\\w")),
            ("http://u:p\"'|^{}`<>@proxy.test:1", "http://proxy.test:1", Some(b"u:p\"'|^{}`<>")),
            ("http://u:p;w&=@proxy.test:1", "http://proxy.test:1", Some(b"u:p;w&=")),
            ("http://u:p\u{e9}@proxy.test:1", "http://proxy.test:1", Some("u:p\u{e9}".as_bytes())),
            ("http://u:p%20w@proxy.test:1", "http://proxy.test:1", Some(b"u:p w")),
            // A newline may be left over from a file.
            (" http://proxy.test:1\n", "http://proxy.test:1", None),
        ];
        for (value, shown, login) in cases {
            let server = server(value).unwrap_or_else(|reason| panic!("{value:?}: {reason}"));
            assert_eq!(server.to_string(), shown, "{value:?}");
            assert_eq!(account(&server).as_deref(), login, "{value:?}");
        }
    }

    #[test]
    fn an_invalid_value_is_reported_by_its_variable_and_not_repeated() {
        for (value, because) in [
            ("http://hunter2:x y@proxy.test:1", "white space"),
            ("http://u:hunter2\u{1}@proxy.test:1", "white space"),
            ("http://u:hunter2%00@proxy.test:1", "control character"),
            ("http://u:hunter2%0a@proxy.test:1", "control character"),
            ("http://u:hunter2#w@proxy.test:1", "%23"),
            ("http://u:hunter2/w@proxy.test:1", "%2F"),
            ("http://u:hunter2?w@proxy.test:1", "%3F"),
            ("http:////u:hunter2@proxy.test:1", "slashes"),
            ("http:proxy.test:1", "not a number"),
            ("//proxy.test:1", "has no host"),
            ("http://", "has no host"),
            ("http://:3128", "has no host"),
            ("http://proxy.test:99999", "65535"),
            ("http://proxy.test:abc", "not a number"),
            ("http://proxy.test:1,http://u:hunter2@b", "not a number"),
            ("::1", "not a number"),
            ("\"http://proxy.test:1\"", "has no host"),
            ("ftp://u:hunter2@proxy.test:1", "`ftp` is not a proxy scheme"),
            ("http://u:hunter2@a b", "white space"),
        ] {
            let reason = server(value).map(|server| server.to_string()).expect_err(value);
            assert!(reason.starts_with("the variable HTTPS_PROXY is invalid: "), "{value:?}: {reason}");
            assert!(reason.contains(because) && !reason.contains("hunter2"), "{value:?}: {reason}");
        }
    }

    #[test]
    fn the_first_non_empty_variable_is_used() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<(&'a str, &'a str)>);
        let cases: [Case<'_>; 8] = [
            (&[], None),
            (&[("HTTP_PROXY", "a"), ("http_proxy", "a")], None),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "b")], Some(("https_proxy", "http://b:1080"))),
            (&[("https_proxy", ""), ("HTTPS_PROXY", "b")], Some(("HTTPS_PROXY", "http://b:1080"))),
            (&[("https_proxy", "a"), ("HTTPS_PROXY", "b")], Some(("https_proxy", "http://a:1080"))),
            (&[("HTTPS_PROXY", ""), ("ALL_PROXY", "b")], Some(("ALL_PROXY", "http://b:1080"))),
            (&[("all_proxy", "a"), ("ALL_PROXY", "b")], Some(("all_proxy", "http://a:1080"))),
            (&[("HTTPS_PROXY", "b"), ("all_proxy", "a")], Some(("HTTPS_PROXY", "http://b:1080"))),
        ];
        for (variables, expected) in cases {
            let proxies = proxies(variables).expect("readable");
            let server = proxies.server.map(|server| (server.variable, server.to_string()));
            let server = server.as_ref().map(|(variable, shown)| (*variable, shown.as_str()));
            assert_eq!(server, expected, "{variables:?}");
        }
        // Unused variables are not parsed.
        assert!(proxies(&[("https_proxy", "a"), ("HTTPS_PROXY", "http://")]).is_ok());
    }

    #[test]
    fn this_machine_is_never_accessed_through_a_proxy() {
        let all = proxies(&[("https_proxy", "proxy.test"), ("ALL_PROXY", "proxy.test")]).expect("readable");
        for url in [
            "http://127.0.0.1:8000/",
            "http://localhost/",
            "https://[::1]/",
            "https://LOCALHOST:1/",
            "http://127.9.9.9/",
        ] {
            assert!(all.server_for(&url.parse().expect("a URL")).is_none(), "{url}");
        }
        assert!(all.server_for(&"https://api.github.com/".parse().expect("a URL")).is_some());
    }

    /// As in curl 7.88; the marked lines are forms that users write although curl ignores them.
    #[test]
    fn no_proxy_is_parsed_like_curl() {
        let goes_directly = |no_proxy: &str, url: &str| {
            let proxies = proxies(&[("HTTPS_PROXY", "proxy.test"), ("NO_PROXY", no_proxy)]).expect("readable");
            proxies.server_for(&url.parse().expect("a URL")).is_none()
        };
        let host = "https://example.test/";
        let below = "https://sub.example.test/";
        for (no_proxy, url, expected) in [
            ("*", host, true),
            ("x,*", host, true), // curl: no
            ("example.test", host, true),
            ("example.test", below, true),
            (".example.test", host, true),
            (".example.test", below, true),
            ("*.example.test", host, false),
            ("*.example.test", below, true), // curl: no
            ("EXAMPLE.Test", host, true),
            ("example.test.", host, true),
            ("example.test", "https://example.test./", true),
            ("example.test:443", host, true), // curl: no
            ("example.test:443", "https://example.test:8443/", false),
            ("example.test:8443", "https://example.test:8443/", true), // curl: no
            ("a, example.test", host, true),
            ("a example.test", host, true),
            ("a\texample.test ,", host, true),
            ("a;example.test", host, false),
            ("ample.test", host, false),
            ("www.example.test", host, false),
            ("test", host, true),
            ("", host, false),
            (",,.,*.", host, false),
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.1.2.3:443", "https://10.1.2.3/", true), // curl: no
            ("10.1.2.3:80", "https://10.1.2.3/", false),
            ("10.", "https://10.1.2.3/", false),
            (".2.3", "https://10.1.2.3/", false),
            ("10.0.0.0/33", "https://10.0.0.1/", false),
            ("2001:db8::/32", "https://[2001:db8::1]/", true), // curl before 7.89: no
            ("2001:DB8:0::1", "https://[2001:db8::1]/", true), // curl before 7.89: no
            ("[2001:db8::1]", "https://[2001:db8::1]/", true),
            ("[2001:db8::1]:443", "https://[2001:db8::1]/", true),
            ("[2001:db8::1]:444", "https://[2001:db8::1]/", false),
        ] {
            assert_eq!(goes_directly(no_proxy, url), expected, "{no_proxy:?} and {url}");
        }
        let either = |variables: &[(&str, &str)]| {
            let all = [&[("HTTPS_PROXY", "proxy.test")], variables].concat();
            proxies(&all).expect("readable").server_for(&host.parse().expect("a URL")).is_none()
        };
        assert!(either(&[("NO_PROXY", ""), ("no_proxy", "example.test")]));
        assert!(either(&[("NO_PROXY", "example.test"), ("no_proxy", "")]));
        assert!(!either(&[("NO_PROXY", "example.test"), ("no_proxy", "other")]));
    }

    proptest! {
        #[test]
        fn any_value_is_parsed_or_rejected_without_its_password(before in "\\PC{0,12}", after in "\\PC{0,12}") {
            let value = format!("{before}http://user:hunter2@{after}");
            match server(&value) {
                Ok(server) => {
                    let shown = format!("{server} {server:?}");
                    prop_assert!(!shown.contains("hunter2"));
                }
                Err(reason) => prop_assert!(!reason.contains("hunter2")),
            }
        }

        #[test]
        fn any_list_of_exceptions_is_parsed(text in "\\PC{0,40}") {
            let _ = exceptions(&text);
        }
    }
}
