//! GitHub's errors, with GitHub's messages if they are known.

use serde_json::json;

use crate::effects::Refusal;
use crate::http::Reply;

const DOCS: &str = "https://docs.github.com/rest";

pub(crate) fn problem(status: u16, message: &str) -> Reply {
    let body = json!({ "message": message, "documentation_url": DOCS, "status": status.to_string() });
    Reply::json(status, &body)
}

pub(crate) fn not_found() -> Reply {
    problem(404, "Not Found")
}

pub(crate) fn bad_credentials() -> Reply {
    problem(401, "Bad credentials")
}

pub(crate) fn requires_authentication() -> Reply {
    problem(401, "Requires authentication")
}

pub(crate) fn not_accessible() -> Reply {
    problem(403, "Resource not accessible by integration").with("X-Accepted-GitHub-Permissions", "contents=write")
}

pub(crate) fn archived() -> Reply {
    problem(403, "Repository was archived so is read-only.")
}

pub(crate) fn sso_required() -> Reply {
    let url = "https://github.com/orgs/acme/sso?authorization_request=AAAA";
    let message = "Resource protected by organization SAML enforcement. \
        You must grant your Personal Access token access to this organization.";
    problem(403, message).with("X-GitHub-SSO", format!("required; url={url}"))
}

pub(crate) fn no_user_agent() -> Reply {
    let message = "\r\nRequest forbidden by administrative rules. \
        Please make sure your request has a User-Agent header.\r\n";
    Reply::new(403).with("Content-Type", "text/html").body(message)
}

pub(crate) fn only_the_first_thousand() -> Reply {
    problem(422, "Only the first 1000 results are available.")
}

/// The message for an exhausted hourly budget.
pub(crate) fn budget_text(authenticated: bool) -> &'static str {
    if authenticated {
        "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the \
         request ID and timestamp."
    } else {
        "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate \
         limit. Check out the documentation for more details.)"
    }
}

pub(crate) fn secondary_limit(status: u16) -> Reply {
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. \
        If you reach out to GitHub Support for help, please include the request ID and timestamp.";
    let docs = "https://docs.github.com/free-pro-team@latest/rest/overview/\
        rate-limits-for-the-rest-api#about-secondary-rate-limits";
    Reply::json(status, &json!({ "message": message, "documentation_url": docs, "status": status.to_string() }))
}

/// The message for a ref that is not changed. GitHub's message for an immutable release is unknown, so this one is invented.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    let violation = |what: &str| format!("Repository rule violations found\n\n{what}\n\n");
    match refusal {
        Refusal::Missing => "Reference does not exist".into(),
        Refusal::Exists => "Reference already exists".into(),
        Refusal::UnknownObject => "Object does not exist".into(),
        Refusal::Rule => violation("Cannot delete this protected ref."),
        Refusal::Immutable => violation("Cannot delete this tag, it belongs to an immutable release."),
        Refusal::Burned => violation("Cannot create ref due to creations being restricted."),
        Refusal::Moved { actual } => match actual {
            Some(oid) => format!("Reference was expected elsewhere but is at {oid}"),
            None => "Reference was expected but does not exist".into(),
        },
        Refusal::NeedsForce => "Update is not a fast forward".into(),
    }
}

pub(crate) fn refused(refusal: &Refusal) -> Reply {
    problem(422, &refusal_text(refusal))
}
