//! A reverse proxy that has signed people in already, and names them in a header. Pure.

use core::net::IpAddr;

use http::HeaderMap;
use http::HeaderName;
use ipnet::IpNet;
use reproq_token::TokenHolder;

/// Which header is believed, from whom, and about whom.
#[derive(Debug, Clone)]
pub struct ProxyIdentity {
    /// The header with the name of the person; `None` if the proxies only forward addresses.
    pub header: Option<HeaderName>,
    /// The networks of the proxies. The header is ignored in requests from everywhere else.
    pub proxies: Vec<IpNet>,
    /// The people who may approve codes, as the header names them exactly.
    pub names: Vec<String>,
}

impl ProxyIdentity {
    /// The person that a request is from, if a proxy sent it and names exactly one of those who may.
    pub(super) fn holder(&self, headers: &HeaderMap, remote: IpAddr) -> Option<TokenHolder> {
        if !self.is_proxy(remote) {
            return None;
        }
        let mut values = headers.get_all(self.header.as_ref()?).iter();
        let name = std::str::from_utf8(values.next()?.as_bytes()).ok()?;
        let is_only_one = values.next().is_none();
        let may = self.names.iter().any(|allowed| allowed == name);
        (is_only_one && may).then(|| TokenHolder::new(name)).flatten()
    }

    /// The address of the client: the last one that the proxies forward for and that is no proxy itself.
    pub(super) fn client(&self, headers: &HeaderMap, remote: IpAddr) -> IpAddr {
        if !self.is_proxy(remote) {
            return remote;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|header| header.to_str().ok());
        let forwarded: Vec<&str> = forwarded.flat_map(|header| header.split(',')).map(str::trim).collect();
        let mut client = remote;
        for address in forwarded.iter().rev() {
            // What follows an address that cannot be read was written by the client.
            let Ok(address) = address.parse::<IpAddr>() else { return client };
            client = address.to_canonical();
            if !self.is_proxy(client) {
                return client;
            }
        }
        client
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn identity() -> ProxyIdentity {
        ProxyIdentity {
            header: Some(HeaderName::from_static("x-remote-user")),
            proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            names: vec!["ada".to_owned()],
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.expect("a value"));
        }
        headers
    }

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_a_proxy_names_people_and_only_one_who_may() {
        let user = "x-remote-user";
        for (pairs, remote, expected) in [
            (&[(user, "ada")][..], "10.1.2.3", true),
            (&[(user, "ada")], "::ffff:10.1.2.3", true),
            (&[(user, "ada")], "127.0.0.1", false),
            (&[(user, "ada"), ("x-forwarded-for", "10.0.0.1")], "192.0.2.1", false),
            (&[(user, "eve")], "10.1.2.3", false),
            (&[(user, "Ada")], "10.1.2.3", false),
            (&[(user, "ada, eve")], "10.1.2.3", false),
            (&[(user, "ada"), (user, "ada")], "10.1.2.3", false),
            (&[(user, "")], "10.1.2.3", false),
            (&[], "10.1.2.3", false),
        ] {
            assert_eq!(identity().holder(&headers(pairs), at(remote)).is_some(), expected, "{pairs:?} {remote}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy() {
        for (forwarded, remote, expected) in [
            ("192.0.2.7", "10.0.0.1", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7, 10.9.9.9", "10.0.0.1", "192.0.2.7"),
            ("1.1.1.1, what, 10.9.9.9", "10.0.0.1", "10.9.9.9"),
            ("", "10.0.0.1", "10.0.0.1"),
            ("1.1.1.1", "192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(identity().client(&headers(&[("x-forwarded-for", forwarded)]), at(remote)), at(expected));
        }
    }
}
