//! Errors of the network and of GitHub.

use std::path::Path;

use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::flows::install::InstallRequest;
use crate::io::net::NetError;
use crate::sources::github::ApiError;
use crate::sources::source::SourceError;

pub(super) fn source(error: &SourceError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        SourceError::Api(error) => api(error, request),
        SourceError::Net(error) => net(error),
        SourceError::Mirror { mirror, problem } => super::mirror::advice(problem, mirror),
        SourceError::Bundle { bundle, source } => super::bundle::advice(source, bundle),
    }
}

pub(super) fn api(error: &ApiError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    let hints = match error {
        ApiError::Net(error) => return net(error),
        ApiError::RateLimited { authenticated, .. } => {
            let hint = if *authenticated {
                "wait until then, or use another token"
            } else {
                "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN: without a token, all users of this IP address share 60 requests per hour"
            };
            vec![hint.to_owned()]
        }
        ApiError::NotFound { server, .. } => {
            let mut hints = Vec::new();
            if !server.is_github_com() {
                hints.push(super::lock::other_server(server));
            }
            if request.decided.spec.is_some() {
                let repository = &request.options.repository;
                let page = server.page(&[repository.owner(), repository.name(), "releases"]);
                hints.push(format!(
                    "the tag may have no release, be a draft, or have been pruned (only the newest releases are kept); see {page}"
                ));
            } else {
                hints.push(
                    "the repository may have no release yet, or only prereleases; choose one with `--tag`".to_owned(),
                );
            }
            hints.push("if the repository is private, set REPROQ_GITHUB_TOKEN".to_owned());
            hints
        }
        ApiError::BadToken { variable } => {
            vec![format!("renew the token in {variable}, or unset it if the repository is public")]
        }
        ApiError::SingleSignOn { url, .. } => {
            let hint = match url {
                Some(url) => format!("authorize the token for the organization at {url}"),
                None => "authorize the token for the organization in GitHub's settings".to_owned(),
            };
            vec![hint]
        }
        ApiError::Forbidden { needed, variable, .. } => {
            vec![reading(needed.as_deref(), *variable)]
        }
        ApiError::Shape { .. } => {
            vec!["a proxy may have responded instead of GitHub; check the proxy and REPROQ_GITHUB_API_URL".to_owned()]
        }
    };
    (api_status(error), hints)
}

/// The class of an API error, which decides the exit code: the same for every command, which adds its own hints.
pub(in crate::commands) fn api_status(error: &ApiError) -> ExitStatus {
    match error {
        ApiError::Net(error) => network_status(error),
        ApiError::RateLimited { .. } | ApiError::Shape { .. } => ExitStatus::Unavailable,
        ApiError::NotFound { .. } => ExitStatus::NotFound,
        ApiError::BadToken { .. } | ApiError::SingleSignOn { .. } | ApiError::Forbidden { .. } => {
            ExitStatus::NotPermitted
        }
    }
}

/// The class of a network error: the same for every command.
pub(in crate::commands) fn network_status(error: &NetError) -> ExitStatus {
    net(error).0
}

/// The hint for a read that is not permitted. GitHub may list write permissions too, but a read never needs them.
pub(in crate::commands) fn reading(needed: Option<&str>, variable: Option<&str>) -> String {
    let permission = needed.into_iter().flat_map(|needed| needed.split([';', ','])).map(str::trim);
    let permission = permission.filter(|permission| permission.ends_with("=read")).collect::<Vec<_>>().join(", ");
    match (permission.as_str(), variable) {
        ("", Some(variable)) => {
            format!("use a token that can read the repository, or unset {variable} if the repository is public")
        }
        ("", None) => "set REPROQ_GITHUB_TOKEN to a token that can read the repository".to_owned(),
        (permission, _) => format!("give the token the permission `{permission}`"),
    }
}

pub(super) fn net(error: &NetError) -> (ExitStatus, Vec<String>) {
    let again = "run the same command again; nothing was changed";
    let hint = |text: &str| vec![text.to_owned()];
    match error {
        NetError::Dns { .. } => (ExitStatus::Unavailable, hint("check the network and DNS")),
        NetError::Refused { .. } => (ExitStatus::Unavailable, hint("check the network and the URL")),
        NetError::Timeout { .. } => (
            ExitStatus::Unavailable,
            vec![again.to_owned(), "on a slow connection, wait longer with REPROQ_HTTP_TIMEOUT=120".to_owned()],
        ),
        NetError::Lost { .. } | NetError::Cut { .. } | NetError::Signature { .. } => {
            (ExitStatus::Unavailable, hint(again))
        }
        NetError::Tls { .. } => (
            ExitStatus::Unavailable,
            hint("if your network uses an intercepting proxy, set SSL_CERT_FILE to its certificate"),
        ),
        NetError::Proxy { variable, .. } => (
            ExitStatus::Unavailable,
            vec![format!("check {variable}, or add the host to NO_PROXY to bypass the proxy")],
        ),
        NetError::Variable { variable, .. } => (ExitStatus::Usage, vec![format!("correct {variable}, or unset it")]),
        NetError::Status { status: 404 | 410, .. } => (
            ExitStatus::NotFound,
            hint("the release lists the file, but it does not exist; it may have just been removed"),
        ),
        NetError::Status { status: 401 | 403, .. } => {
            (ExitStatus::NotPermitted, hint("if the repository is private, set REPROQ_GITHUB_TOKEN"))
        }
        NetError::Status { .. } => (ExitStatus::Unavailable, hint(again)),
        NetError::WebPage { .. } => (
            ExitStatus::Unavailable,
            hint(
                "a login page or a proxy may have responded instead; open the URL in a browser, then run the same command again",
            ),
        ),
        NetError::Redirect { .. } | NetError::Encoded { .. } => {
            (ExitStatus::Unavailable, hint("a proxy may modify the responses of GitHub; check the proxy"))
        }
        NetError::WrongLength { .. } | NetError::TooLong { .. } => (
            ExitStatus::Unverified,
            hint("the file differs from what the release describes; if it happens again, report it to the maintainers"),
        ),
        NetError::Write(source) => super::of_ours(Path::new(".reproq/staging"), source),
        NetError::System { source, .. } => io_advice(source, None),
        NetError::Setup(_) => (
            ExitStatus::Failure,
            hint("install the system's certificates (ca-certificates), or set SSL_CERT_FILE to a file"),
        ),
        NetError::Other { .. } => (ExitStatus::Unavailable, hint(again)),
    }
}
