//! Failures of the network and of GitHub.

use std::path::Path;

use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::flows::install::InstallRequest;
use crate::io::net::NetError;
use crate::sources::github::ApiError;
use crate::sources::source::OriginError;

pub(super) fn origin(error: &OriginError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        OriginError::Api(error) => api(error, request),
        OriginError::Net(error) => net(error),
        OriginError::Mirror { mirror, problem } => super::mirror::judge(problem, mirror),
        OriginError::Bundle { bundle, source } => super::bundle::judge(source, bundle),
    }
}

pub(super) fn api(error: &ApiError, request: &InstallRequest) -> (ExitStatus, Vec<String>) {
    match error {
        ApiError::Net(error) => net(error),
        ApiError::RateLimited { authenticated, .. } => {
            let hint = if *authenticated {
                "wait until then, or use another token"
            } else {
                "set REPROQ_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN: without a token everybody behind this address shares 60 requests an hour"
            };
            (ExitStatus::Unavailable, vec![hint.to_owned()])
        }
        ApiError::NotFound { server, .. } => {
            let mut hints = Vec::new();
            if !server.is_github_com() {
                hints.push(super::lock::other_server(server));
            }
            if request.spec.is_some() {
                let repository = &request.repository;
                let page = server.page(&[repository.owner(), repository.name(), "releases"]);
                hints.push(format!(
                    "the tag may have no release, be a draft, or have been pruned (only the newest releases are kept); see {page}"
                ));
            } else {
                hints.push(
                    "the repository may have no release yet, or only prereleases; name one with `--tag`".to_owned(),
                );
            }
            hints.push("if the repository is private, set REPROQ_GITHUB_TOKEN".to_owned());
            (ExitStatus::NotFound, hints)
        }
        ApiError::BadToken { variable } => (
            ExitStatus::NotPermitted,
            vec![format!("renew the token in {variable}, or unset it if the repository is public")],
        ),
        ApiError::SingleSignOn { url, .. } => {
            let hint = match url {
                Some(url) => format!("authorize the token for the organization at {url}"),
                None => "authorize the token for the organization in GitHub's settings".to_owned(),
            };
            (ExitStatus::NotPermitted, vec![hint])
        }
        ApiError::Forbidden { needed, variable, .. } => {
            (ExitStatus::NotPermitted, vec![reading(needed.as_deref(), *variable)])
        }
        ApiError::Shape { .. } => (
            ExitStatus::Unavailable,
            vec![
                "something between here and GitHub may answer in its place; check the proxy and REPROQ_GITHUB_API_URL"
                    .to_owned(),
            ],
        ),
    }
}

/// What a read that is not permitted needs. Whatever else GitHub lists, reading needs no permission to write.
pub(in crate::commands) fn reading(needed: Option<&str>, variable: Option<&str>) -> String {
    let permission = needed.into_iter().flat_map(|needed| needed.split([';', ','])).map(str::trim);
    let permission = permission.filter(|permission| permission.ends_with("=read")).collect::<Vec<_>>().join(", ");
    match (permission.as_str(), variable) {
        ("", Some(variable)) => {
            format!("use a token that may read the repository, or unset {variable} if the repository is public")
        }
        ("", None) => "set REPROQ_GITHUB_TOKEN to a token that may read the repository".to_owned(),
        (permission, _) => format!("give the token the permission `{permission}`"),
    }
}

pub(super) fn net(error: &NetError) -> (ExitStatus, Vec<String>) {
    let again = "run the same command again; nothing was changed";
    let hint = |text: &str| vec![text.to_owned()];
    match error {
        NetError::Dns { .. } => (ExitStatus::Unavailable, hint("check the network and its name server")),
        NetError::Refused { .. } => (ExitStatus::Unavailable, hint("check the network and the URL")),
        NetError::Timeout { .. } => (
            ExitStatus::Unavailable,
            vec![again.to_owned(), "on a slow line, allow more time with REPROQ_HTTP_TIMEOUT=120".to_owned()],
        ),
        NetError::Lost { .. } | NetError::Cut { .. } | NetError::Signature { .. } => {
            (ExitStatus::Unavailable, hint(again))
        }
        NetError::Tls { .. } => (
            ExitStatus::Unavailable,
            hint("if a proxy of your network signs its traffic, name its certificate with SSL_CERT_FILE"),
        ),
        NetError::Proxy { variable, .. } => (
            ExitStatus::Unavailable,
            vec![format!("check {variable}, or name the host in NO_PROXY to go around the proxy")],
        ),
        NetError::Variable { variable, .. } => (ExitStatus::Usage, vec![format!("correct {variable}, or unset it")]),
        NetError::Status { status: 404 | 410, .. } => (
            ExitStatus::NotFound,
            hint("the release lists the file, and it is not there; it may have been removed a moment ago"),
        ),
        NetError::Status { status: 401 | 403, .. } => {
            (ExitStatus::NotPermitted, hint("if the repository is private, set REPROQ_GITHUB_TOKEN"))
        }
        NetError::Status { .. } => (ExitStatus::Unavailable, hint(again)),
        NetError::WebPage { .. } => (
            ExitStatus::Unavailable,
            hint(
                "a login page or a proxy may stand in between; open the address in a browser, then run the command again",
            ),
        ),
        NetError::Redirect { .. } | NetError::Encoded { .. } => {
            (ExitStatus::Unavailable, hint("something between here and GitHub changes the answers; check the proxy"))
        }
        NetError::WrongLength { .. } | NetError::TooLong { .. } => (
            ExitStatus::Unverified,
            hint("the file is not the one the release describes; if it stays so, tell the maintainers"),
        ),
        NetError::Write(source) => super::of_ours(Path::new(".reproq/staging"), source),
        NetError::System { source, .. } => io_advice(source, None),
        NetError::Setup(_) => (
            ExitStatus::Failure,
            hint("install the certificates of this system (ca-certificates), or name a file with SSL_CERT_FILE"),
        ),
        NetError::Other { .. } => (ExitStatus::Unavailable, hint(again)),
    }
}
