//! Turns facts into findings.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use crate::flows::doctor::Area;
use crate::flows::doctor::DoctorFinding;
use crate::flows::integrity::Difference;
use crate::model::text::size;

/// A larger clock difference breaks certificates and the waits for rate limits.
const MAX_SKEW: i64 = 5 * 60;

/// Fewer remaining requests are soon used up by others behind the same IP address.
const FEW_REQUESTS: u64 = 10;

/// The probe of one host that a release is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostProbe {
    /// Its role: `API`, `release pages`, `files`.
    pub role: &'static str,
    /// The host name.
    pub name: String,
    /// The requested URL, without secrets.
    pub url: String,
    /// The number of IP addresses the name resolves to, or why it does not resolve.
    pub addresses: Result<usize, String>,
    /// The proxy in use, without its password.
    pub proxy: Option<String>,
    /// The issuer of its certificate.
    pub issuer: Option<String>,
    /// The status of the response, or why there was none, with a hint.
    pub outcome: Result<u16, (String, String)>,
    /// The response time.
    pub took: Duration,
}

/// The rate limit of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Requests per hour.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When it resets.
    pub reset: Option<DateTime<Utc>>,
}

/// The installation, as `verify` compares it. Having none is not a problem.
pub(crate) fn installed(
    label: Option<&str>,
    differences: &[Difference],
    hint: impl Fn(&Difference) -> String,
) -> Vec<DoctorFinding> {
    if differences.is_empty() {
        let label = label.unwrap_or("the binary");
        return vec![DoctorFinding::fine(
            Area::Installed,
            format!("{label}: the binary, its receipt and the lockfile agree"),
        )];
    }
    let finding = |difference: &Difference| match difference {
        Difference::NotInstalled => DoctorFinding::warning(Area::Installed, difference.to_string(), hint(difference)),
        Difference::Removed { .. }
        | Difference::NotAFile { .. }
        | Difference::Changed { .. }
        | Difference::Foreign { .. }
        | Difference::NotExecutable
        | Difference::OtherTarget { .. }
        | Difference::OtherRelease { .. }
        | Difference::OtherBytes { .. }
        | Difference::NotLocked { .. }
        | Difference::BelowRequired { .. }
        | Difference::AttestationsMissing { .. }
        | Difference::AttestationsInvalid { .. }
        | Difference::ChangedOnGitHub { .. }
        | Difference::NotQueried { .. } => {
            DoctorFinding::problem(Area::Installed, difference.to_string(), hint(difference))
        }
    };
    differences.iter().map(finding).collect()
}

/// The toolchain for local builds, which is optional while releases are available.
pub(crate) fn go(found: Result<&str, &str>, checkout: Option<&str>) -> Vec<DoctorFinding> {
    let mut findings = vec![match found {
        Ok(version) => DoctorFinding::fine(Area::Build, version),
        Err(why) => DoctorFinding::fine(Area::Build, format!("{why}; needed only for local builds")),
    }];
    findings.push(match checkout {
        Some(path) => DoctorFinding::fine(Area::Build, format!("a checkout of the worker is at {path}")),
        None => DoctorFinding::fine(Area::Build, "no checkout of the worker was found; needed only for local builds"),
    });
    findings
}

/// The cache: its size, or why it cannot be used.
pub(crate) fn cache(directory: &str, used: Result<u64, String>, limit: u64) -> DoctorFinding {
    match used {
        Ok(used) => DoctorFinding::fine(Area::Cache, format!("{} of {} used in {directory}", size(used), size(limit))),
        Err(error) => DoctorFinding::warning(
            Area::Cache,
            format!("cannot use {directory}: {error}"),
            "set REPROQ_CACHE_DIR to another directory; without a cache every asset is downloaded again",
        ),
    }
}

/// A cache this user cannot write to, usually because a command was run as root.
pub(crate) fn cache_of_others(directory: &str) -> DoctorFinding {
    DoctorFinding::warning(
        Area::Cache,
        format!("{directory} is not writable by this user, so nothing is cached"),
        "change its owner with `chown -R`, or set REPROQ_CACHE_DIR to another directory",
    )
}

/// A directory of the store on a file system of its own.
pub(crate) fn elsewhere(directory: &str, holds_the_worker: bool) -> DoctorFinding {
    let consequence = if holds_the_worker { "; a copy of the project does not include the worker" } else { "" };
    DoctorFinding::warning(
        Area::Project,
        format!("{directory} is on another file system than the project{consequence}"),
        "if that is not intended, mount the volume at the project's directory",
    )
}

/// One host.
pub(crate) fn host(host: &HostProbe) -> DoctorFinding {
    let HostProbe { role, name, url, addresses, proxy, issuer, outcome, took } = host;
    let through = proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
    if let (Err(error), None) = (addresses, proxy) {
        return DoctorFinding::problem(
            Area::Network,
            format!("{role}: could not resolve {name} ({error})"),
            "check the DNS settings of this machine; behind a proxy, set HTTPS_PROXY",
        );
    }
    match outcome {
        // The API's root only has to respond; the other URLs must exist.
        Ok(status) if *status >= 500 || (*status >= 400 && *role != "API") => DoctorFinding::problem(
            Area::Network,
            format!("{role}: {url} returned HTTP {status}{through}"),
            missing(role, *status),
        ),
        Ok(status) => {
            let addresses = addresses.as_ref().map_or(0, |number| *number);
            let addresses = if addresses == 1 { "1 address".to_owned() } else { format!("{addresses} addresses") };
            let issuer = issuer.as_ref().map(|issuer| format!(", certificate by {issuer}")).unwrap_or_default();
            let took = took.as_millis();
            DoctorFinding::fine(
                Area::Network,
                format!("{role}: {name} responded{through} (HTTP {status}, {took} ms, {addresses}{issuer})"),
            )
        }
        Err((error, hint)) => {
            DoctorFinding::problem(Area::Network, format!("{role}: {name}{through}: {error}"), hint.clone())
        }
    }
}

/// The hint for a URL that does not exist.
fn missing(role: &str, status: u16) -> &'static str {
    match (role, status) {
        ("release pages", 404) => {
            "check the repository's name and the server's URL above; a private repository needs a token: set REPROQ_GITHUB_TOKEN"
        }
        ("mirror", 404) => "the mirror has no index of this repository; make one with `reproq mirror sync DIR`",
        (_, 500..) => "the server reports an internal error; try again later",
        _ => "open the URL in a browser; a proxy or login page may intercept it",
    }
}

/// The remaining requests of the API.
pub(crate) fn quota(quota: &Quota, has_token: bool) -> DoctorFinding {
    let Quota { limit, remaining, reset } = quota;
    let until = reset.map(|reset| format!(" until {}", reset.format("%H:%M:%S UTC"))).unwrap_or_default();
    let sentence = format!("{remaining} of {limit} requests per hour left{until}");
    if *remaining >= FEW_REQUESTS {
        return DoctorFinding::fine(Area::Token, sentence);
    }
    let hint =
        if has_token { "wait, or use another token" } else { "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN" };
    if *remaining == 0 {
        DoctorFinding::problem(Area::Token, sentence, hint)
    } else {
        DoctorFinding::warning(Area::Token, sentence, hint)
    }
}

/// The difference between the server's clock and the local one, if it matters.
pub(crate) fn skew(server: DateTime<Utc>, here: DateTime<Utc>) -> Option<DoctorFinding> {
    let seconds = (here - server).num_seconds();
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    (seconds.abs() > MAX_SKEW).then(|| {
        DoctorFinding::problem(
            Area::Platform,
            format!("this machine's clock is {} minutes {direction} the server's", seconds.abs() / 60),
            "set the clock (for example with `timedatectl set-ntp true`); certificates and rate limits depend on it",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::doctor::Grade;

    fn answering() -> HostProbe {
        HostProbe {
            role: "API",
            name: "api.github.com".to_owned(),
            url: "https://api.github.com/rate_limit".to_owned(),
            addresses: Ok(1),
            proxy: None,
            issuer: Some("CN=A".to_owned()),
            outcome: Ok(200),
            took: Duration::from_millis(45),
        }
    }

    #[test]
    fn each_stage_of_a_request_has_its_finding() {
        let expected = "API: api.github.com responded (HTTP 200, 45 ms, 1 address, certificate by CN=A)";
        assert_eq!(host(&answering()), DoctorFinding::fine(Area::Network, expected));
        let nameless = HostProbe { addresses: Err("no such host".to_owned()), ..answering() };
        assert_eq!(host(&nameless).grade, Grade::Problem);
        let status = |role, status| host(&HostProbe { role, outcome: Ok(status), ..answering() }).grade;
        for (role, code, grade) in [
            ("API", 404, Grade::Fine),
            ("API", 500, Grade::Problem),
            ("release pages", 302, Grade::Fine),
            ("release pages", 404, Grade::Problem),
            ("mirror", 404, Grade::Problem),
            ("files", 403, Grade::Problem),
        ] {
            assert_eq!(status(role, code), grade, "{role} {code}");
        }
        // A proxy resolves names itself.
        let proxied = HostProbe { proxy: Some("http://proxy:3128/".to_owned()), ..nameless };
        assert_eq!(host(&proxied).grade, Grade::Fine);
        let refused = HostProbe { outcome: Err(("refused".to_owned(), "check".to_owned())), ..answering() };
        assert_eq!(host(&refused).hint.as_deref(), Some("check"));
    }

    #[test]
    fn few_requests_are_a_warning_and_none_a_problem() {
        let grade = |remaining| quota(&Quota { limit: 60, remaining, reset: None }, false).grade;
        assert_eq!((grade(60), grade(9), grade(0)), (Grade::Fine, Grade::Warning, Grade::Problem));
    }

    #[test]
    fn a_wrong_clock_is_reported_with_its_direction() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a time");
        assert_eq!(skew(at(0), at(200)), None);
        assert!(skew(at(0), at(3600)).expect("a finding").sentence.contains("60 minutes ahead of"));
        assert!(skew(at(0), at(-3600)).expect("a finding").sentence.contains("60 minutes behind"));
    }
}
