//! A database URL, split as Go's `net/url` and pgx split it.

use core::net::IpAddr;
use core::net::Ipv6Addr;

use crate::dsn::error::DsnError;
use crate::dsn::settings::Settings;

const fn problem(part: &'static str, problem: &'static str) -> DsnError {
    DsnError::Url { part, problem }
}

/// The settings of a URL. `rest` is what follows the scheme and `://`.
pub(super) fn parse(rest: &str) -> Result<Settings, DsnError> {
    if rest.contains(|c: char| c.is_ascii_control()) {
        return Err(problem("text", "contains a control character"));
    }
    // Go splits off the fragment and the query first, even if the password contains their marks.
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let mut settings = Settings::default();
    let host = match authority.rsplit_once('@') {
        Some((account, host)) => {
            read_account(account, &mut settings)?;
            host
        }
        None => authority,
    };
    read_hosts(&decoded_host(host)?, &mut settings)?;
    let database = decoded(path, false).ok_or(problem("database", "has an invalid percent-encoding"))?;
    let database = database.trim_start_matches('/');
    if !database.is_empty() {
        settings.set("database", database);
    }
    read_query(query, &mut settings);
    Ok(settings)
}

fn read_account(account: &str, settings: &mut Settings) -> Result<(), DsnError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !account.chars().all(is_allowed) {
        return Err(problem("user or password", "contains a character that must be percent-encoded"));
    }
    let (user, password) = account.split_once(':').map_or((account, None), |(user, password)| (user, Some(password)));
    settings.set("user", &decoded(user, false).ok_or(problem("user", "has an invalid percent-encoding"))?);
    if let Some(password) = password {
        let password = decoded(password, false).ok_or(problem("password", "has an invalid percent-encoding"))?;
        settings.set("password", &password);
    }
    Ok(())
}

/// Checks the port and decodes the names. Only bytes outside of ASCII may be encoded in a host.
fn decoded_host(host: &str) -> Result<String, DsnError> {
    let behind = if let Some(open) = host.rfind('[') {
        // Go allows brackets around the first host only.
        let end = host.rfind(']').filter(|_| open == 0).ok_or(problem("host", "has a bracket in the wrong place"))?;
        if host[1..end].parse::<Ipv6Addr>().is_err() {
            return Err(problem("host", "has brackets around something that is not an IPv6 address"));
        }
        &host[end + 1..]
    } else {
        host.rfind(':').map_or("", |colon| &host[colon..])
    };
    let is_port =
        |text: &str| text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if !behind.is_empty() && !is_port(behind) {
        return Err(problem("port", "is not a number"));
    }
    let is_allowed = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
    if !host.chars().all(is_allowed) {
        return Err(problem("host", "contains a character that is not allowed there"));
    }
    let encodes_ascii = host.split('%').skip(1).any(|code| matches!(code.as_bytes(), [b'0'..=b'7', ..]));
    if encodes_ascii {
        return Err(problem("host", "is percent-encoded, which the worker does not read"));
    }
    decoded(host, false).ok_or(problem("host", "has an invalid percent-encoding"))
}

fn read_hosts(list: &str, settings: &mut Settings) -> Result<(), DsnError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for host in list.split(',').filter(|host| !host.is_empty()) {
        let bare = host.trim_matches(['[', ']']);
        if bare.parse::<IpAddr>().is_ok() || !host.contains(':') {
            hosts.push(bare);
            continue;
        }
        let (name, port) = host_and_port(host).ok_or(problem("host", "is not HOST or HOST:PORT"))?;
        hosts.extend(Some(name).filter(|name| !name.is_empty()));
        ports.extend(Some(port).filter(|port| !port.is_empty()));
    }
    if !hosts.is_empty() {
        settings.set("host", &hosts.join(","));
    }
    if !ports.is_empty() {
        settings.set("port", &ports.join(","));
    }
    Ok(())
}

fn host_and_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let name = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let has_brackets = name.contains(['[', ']']) || port.contains(['[', ']']);
    (!has_brackets).then_some((name, port))
}

/// Pairs that are not well-formed are ignored, and of equal keys the first one counts: pgx does both.
fn read_query(query: &str, settings: &mut Settings) {
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (decoded(key, true), decoded(value, true)) else { continue };
        if !seen.contains(&key) {
            settings.set(&key, &value);
            seen.push(key);
        }
    }
}

/// Percent-decoded. `None` if a code is not complete or the result is not UTF-8.
fn decoded(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?,
            b'+' if plus_is_blank => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
