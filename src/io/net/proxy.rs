//! The proxy that the environment names, read as curl reads it. Nothing is guessed: a value that cannot be read is an error
//! that names its variable, because a request that goes around a proxy shows what the proxy was to hide.

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

/// In curl's order; the first that is not empty counts. There is none for plain http: only this machine is asked without
/// TLS, and it is never asked through a proxy.
const NAMING: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTING: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// curl's port where a proxy's URL has none.
const DEFAULT_PORT: u16 = 1080;

/// The proxy variables as they are set. They are read when a client is made, so that a command without requests does not
/// depend on them.
#[derive(Debug, Clone, Default)]
pub struct ProxyVariables {
    named: Option<(&'static str, Secret<OsString>)>,
    excepted: Option<String>,
}

impl ProxyVariables {
    /// Takes what counts out of an environment in which empty variables are not set.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let named = NAMING.iter().find_map(|name| Some((*name, Secret::new(variable(name)?))));
        let excepted = EXCEPTING.iter().find_map(|name| variable(name));
        Self { named, excepted: excepted.map(|value| value.to_string_lossy().into_owned()) }
    }
}

/// Which requests go through a proxy, and which one.
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

    /// The proxy for a URL. This machine is asked directly, whatever the variables say: a token that is sent to it in clear
    /// would otherwise be sent to the proxy in clear.
    pub(super) fn server_for(&self, url: &Url) -> Option<&ProxyServer> {
        let is_direct = is_loopback(url) || self.excepted.iter().any(|exception| exception.covers(url));
        self.server.as_ref().filter(|_| !is_direct)
    }

    /// For the client: the same decision, and what logs in at the proxy.
    pub(super) fn for_client(&self) -> reqwest::Proxy {
        let proxies = self.clone();
        #[cfg(any(windows, target_os = "macos"))]
        let system = hyper_util::client::proxy::matcher::Matcher::from_system();
        let proxy = reqwest::Proxy::custom(move |url| {
            let named = proxies.server_for(url).map(|server| server.url.expose().clone());
            // Where no variable names a proxy, the one of the system's settings counts.
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

/// A proxy.
#[derive(Debug, Clone)]
pub(super) struct ProxyServer {
    /// The variable that names it.
    pub(super) variable: &'static str,
    /// As it can be shown: scheme, host and port.
    shown: String,
    /// As the client takes it; a SOCKS proxy's with what logs in there.
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
    /// Reads `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`. The reasons repeat nothing of the value but its scheme: any part of
    /// it may belong to a password.
    fn parse(variable: &'static str, text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("it contains white space; write a space in a password as %20".to_owned());
        }
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = &rest[..end];
        // curl refuses an `@` in a password; what it means is plain, because no host has one.
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

    /// Whether the way to the proxy itself is encrypted, so that a certificate may be its own.
    pub(super) fn has_certificate(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// What logs in at an HTTP proxy. Made here and not by the client, which takes a password for UTF-8.
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

/// URLs allow more in a name than any host has, such as quotes.
fn is_plain(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    }
}

fn unreadable(what: &str) -> String {
    format!("{what}; in a password, write `/` as %2F, `#` as %23 and `?` as %3F")
}

/// One to three slashes, as curl has it; without any it is a host and perhaps a port.
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

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; an empty port is none.
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
    /// Hosts, on one port where the entry has one.
    Hosts(Hosts, Option<u16>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Network(IpNet),
    /// A domain and what is below it.
    Domain(String),
    /// What is below a domain.
    Below(String),
}

/// Reads `NO_PROXY`: entries between commas or white space. What has no host covers none.
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

/// An address or a network, an IPv6 one with or without brackets.
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
            // As the environment is read here: empty is not set.
            (!value.is_empty()).then(|| OsString::from(value))
        };
        Proxies::read(&ProxyVariables::of(variable)).map_err(|error| error.to_string())
    }

    fn server(value: &str) -> Result<ProxyServer, String> {
        proxies(&[("HTTPS_PROXY", value)]).map(|proxies| proxies.server.expect("a proxy"))
    }

    /// What logs in, as the header says it to an HTTP proxy and the URL to a SOCKS proxy.
    fn account(server: &ProxyServer) -> Option<Vec<u8>> {
        let (user, password) = server.account.as_ref()?.expose();
        Some([user, b":".as_slice(), password].concat())
    }

    /// Each line was compared with curl 7.88, which refuses only the line that says so.
    #[test]
    fn values_are_read_as_curl_reads_them() {
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
            // curl refuses this one.
            ("http://u:p@ss@proxy.test:1", "http://proxy.test:1", Some(b"u:p@ss")),
            ("http://u:p%40s%E9@proxy.test:1", "http://proxy.test:1", Some(b"u:p@s\xe9")),
            ("http://u:p%zz%@proxy.test:1", "http://proxy.test:1", Some(b"u:p%zz%")),
            ("http://u:p\\w@proxy.test:1", "http://proxy.test:1", Some(b"u:p\\w")),
            ("http://u:p\"'|^{}`<>@proxy.test:1", "http://proxy.test:1", Some(b"u:p\"'|^{}`<>")),
            ("http://u:p;w&=@proxy.test:1", "http://proxy.test:1", Some(b"u:p;w&=")),
            ("http://u:p\u{e9}@proxy.test:1", "http://proxy.test:1", Some("u:p\u{e9}".as_bytes())),
            ("http://u:p%20w@proxy.test:1", "http://proxy.test:1", Some(b"u:p w")),
            // A line's end is left over from a file.
            (" http://proxy.test:1\n", "http://proxy.test:1", None),
        ];
        for (value, shown, login) in cases {
            let server = server(value).unwrap_or_else(|reason| panic!("{value:?}: {reason}"));
            assert_eq!(server.to_string(), shown, "{value:?}");
            assert_eq!(account(&server).as_deref(), login, "{value:?}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused_by_its_variable_and_not_repeated() {
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
    fn the_first_variable_that_is_not_empty_counts() {
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
        // What does not count is not read either.
        assert!(proxies(&[("https_proxy", "a"), ("HTTPS_PROXY", "http://")]).is_ok());
    }

    #[test]
    fn this_machine_is_never_asked_through_a_proxy() {
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

    /// As curl 7.88 has it; the lines that say so are what people write all the same, and curl takes for nothing.
    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
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
        fn any_value_is_read_or_refused_without_its_password(before in "\\PC{0,12}", after in "\\PC{0,12}") {
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
        fn any_list_of_exceptions_is_read(text in "\\PC{0,40}") {
            let _ = exceptions(&text);
        }
    }
}
