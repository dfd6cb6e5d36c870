//! Requests that change something. Each is sent once and follows no redirect, and its response is classified here.

use std::fmt;
use std::time::Duration;

use http::Method;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::io::net::api::Answer;
use crate::io::net::api::ApiRequest;
use crate::model::Tag;
use crate::sources::github::GitHub;
use crate::sources::github::graphql::GraphQlError;
use crate::sources::github::graphql::Problem;
use crate::sources::github::graphql::problems_of;
use crate::sources::github::refusal::MutationRefusal;
use crate::sources::github::refusal::requests_left;
use crate::sources::github::refusal::wait_of;

/// The name of a request in messages.
const CHANGE: &str = "the change";

/// The object id that means "does not exist".
const NOTHING: &str = "0000000000000000000000000000000000000000";

const UPDATE_REFS: &str = "mutation($repository: ID!, $updates: [RefUpdate!]!) {
  updateRefs(input: { repositoryId: $repository, refUpdates: $updates }) { clientMutationId }
}";

/// GitHub's id of a release. Created from a number only, never from a tag: deletions by tag have deleted other releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReleaseId(u64);

/// The object a tag points at; only the fields in use.
#[derive(Debug, Deserialize)]
struct RefAnswer {
    #[serde(rename = "ref")]
    name: String,
    object: ObjectAnswer,
}

#[derive(Debug, Deserialize)]
struct ObjectAnswer {
    sha: String,
}

impl ReleaseId {
    /// The release with this id.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A tag and the object it must point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagAt {
    /// The tag; only names allowed by git can be sent.
    pub tag: Tag,
    pub object_id: String,
}

/// The response to one request that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutationResponse {
    /// Done, or why not.
    pub outcome: Result<(), MutationRefusal>,
    /// The status, if there was a response.
    pub status: Option<u16>,
    /// GitHub's id of the request, for its support.
    pub request_id: Option<String>,
    /// The remaining requests of this hour.
    pub remaining: Option<u64>,
    /// The time until they are reset.
    pub reset_in: Duration,
}

/// Sends changes. Everything else in this directory only reads.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    github: &'a GitHub,
}

impl<'a> Writer<'a> {
    /// Creating one declares the intent to change the repository.
    pub const fn new(github: &'a GitHub) -> Self {
        Self { github }
    }

    /// Deletes a release and its assets by id; its tag is kept.
    pub async fn delete_release(&self, id: ReleaseId) -> MutationResponse {
        let route = self.github.route(&["releases", &id.to_string()]);
        self.rest(ApiRequest::new(Method::DELETE, &route, CHANGE), StatusCode::NO_CONTENT).await
    }

    /// Deletes tags, all or none, each only if it still points at the expected object.
    pub async fn delete_tags(&self, repository: &str, tags: &[TagAt]) -> MutationResponse {
        let updates = tags.iter().map(|at| update(&at.tag, &at.object_id, NOTHING)).collect();
        self.update_refs(repository, updates).await
    }

    /// Creates tags, all or none, each only if it does not exist.
    pub async fn create_tags(&self, repository: &str, tags: &[TagAt]) -> MutationResponse {
        let updates = tags.iter().map(|at| update(&at.tag, NOTHING, &at.object_id)).collect();
        self.update_refs(repository, updates).await
    }

    /// Deletes one tag through the REST API, which does not compare; its target is therefore read immediately before.
    pub async fn delete_tag_alone(&self, at: &TagAt) -> MutationResponse {
        match self.tag_points_at(&at.tag).await {
            Ok(Some(found)) if found == at.object_id => {}
            Ok(Some(found)) => {
                let message = format!("the tag now points at {found}");
                return MutationResponse::without_answer(MutationRefusal::Rejected { status: 409, message });
            }
            Ok(None) => return MutationResponse::without_answer(MutationRefusal::Gone),
            Err(told) => return *told,
        }
        let route = self.github.route(&["git", "refs", "tags", at.tag.as_str()]);
        self.rest(ApiRequest::new(Method::DELETE, &route, CHANGE), StatusCode::NO_CONTENT).await
    }

    /// Creates one tag through the REST API, which never overwrites.
    pub async fn create_tag_alone(&self, at: &TagAt) -> MutationResponse {
        let body = json!({ "ref": format!("refs/tags/{}", at.tag), "sha": at.object_id });
        let route = self.github.route(&["git", "refs"]);
        self.rest(ApiRequest::new(Method::POST, &route, CHANGE).json(&body), StatusCode::CREATED).await
    }

    /// The object a tag points at; `None` if there is no such tag.
    async fn tag_points_at(&self, tag: &Tag) -> Result<Option<String>, Box<MutationResponse>> {
        let route = self.github.route(&["git", "ref", "tags", tag.as_str()]);
        let answer = match self.send(&ApiRequest::get(&route, CHANGE)).await {
            Ok(answer) => answer,
            Err(refusal) => return Err(Box::new(MutationResponse::without_answer(refusal))),
        };
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(Box::new(MutationResponse::of(&answer, Err(refusal_of(&answer))))),
        }
        let found = serde_json::from_slice::<RefAnswer>(&answer.body).ok();
        match found.filter(|found| found.name == format!("refs/tags/{tag}")) {
            Some(found) => Ok(Some(found.object.sha)),
            None => {
                let refusal =
                    MutationRefusal::Unknown { reason: "the response for the tag describes another ref".to_owned() };
                Err(Box::new(MutationResponse::of(&answer, Err(refusal))))
            }
        }
    }

    async fn rest(&self, request: ApiRequest<'_>, wanted: StatusCode) -> MutationResponse {
        match self.send(&request).await {
            Ok(answer) if answer.status == wanted => MutationResponse::of(&answer, Ok(())),
            Ok(answer) if answer.status.is_success() => {
                let reason = format!("GitHub returned HTTP {} instead of {wanted}", answer.status.as_u16());
                MutationResponse::of(&answer, Err(MutationRefusal::Unknown { reason }))
            }
            Ok(answer) => MutationResponse::of(&answer, Err(refusal_of(&answer))),
            Err(refusal) => MutationResponse::without_answer(refusal),
        }
    }

    /// Sends a request once: whether a change may be repeated is decided by what a new listing shows.
    async fn send(&self, request: &ApiRequest<'_>) -> Result<Answer, MutationRefusal> {
        match self.github.exchange_with_token(request).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                let message = "changes require a token".to_owned();
                Err(MutationRefusal::Forbidden { message, needed: Some("contents=write".to_owned()) })
            }
            Err(error) => Err(MutationRefusal::of_lost(&error)),
        }
    }

    async fn update_refs(&self, repository: &str, updates: Value) -> MutationResponse {
        let variables = json!({ "repository": repository, "updates": updates });
        let answer = match self.github.graphql_once(UPDATE_REFS, &variables, CHANGE).await {
            Ok(answer) => answer,
            Err(GraphQlError::Api(error)) => return MutationResponse::without_answer(MutationRefusal::of_lost(&error)),
            Err(GraphQlError::Off | GraphQlError::UnknownField { .. } | GraphQlError::Refused(_)) => {
                return MutationResponse::without_answer(MutationRefusal::Unsupported);
            }
        };
        let outcome = match answer.status {
            StatusCode::OK => match problems_of(&answer, CHANGE) {
                Ok(problems) => verdict(&problems, &answer),
                Err(error) => Err(MutationRefusal::of_lost(&error)),
            },
            StatusCode::NOT_FOUND => Err(MutationRefusal::Unsupported),
            _ => Err(refusal_of(&answer)),
        };
        MutationResponse::of(&answer, outcome)
    }
}

fn update(tag: &Tag, before: &str, after: &str) -> Value {
    json!({ "name": format!("refs/tags/{tag}"), "beforeOid": before, "afterOid": after })
}

/// The meaning of a mutation's `errors`; none means success. GitHub does not document its message for a tag that points
/// elsewhere, so unknown messages count as rejected, and a new listing shows the actual state.
fn verdict(problems: &[Problem], answer: &Answer) -> Result<(), MutationRefusal> {
    let Some(first) = problems.first() else { return Ok(()) };
    if problems.iter().any(Problem::is_limit) {
        return Err(MutationRefusal::Limited { wait: wait_of(&answer.headers) });
    }
    if problems.iter().any(Problem::is_unknown_to_the_server) {
        return Err(MutationRefusal::Unsupported);
    }
    Err(match first.kind.as_deref() {
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => {
            let needed = answer.header("x-accepted-github-permissions").map(str::to_owned);
            MutationRefusal::Forbidden { message: first.message.chars().take(300).collect(), needed }
        }
        Some(_) | None => MutationRefusal::of_words(&first.message, 200),
    })
}

fn refusal_of(answer: &Answer) -> MutationRefusal {
    MutationRefusal::of_answer(answer.status.as_u16(), &answer.headers, &answer.body)
}

impl MutationResponse {
    fn of(answer: &Answer, outcome: Result<(), MutationRefusal>) -> Self {
        let (remaining, reset_in) = requests_left(&answer.headers);
        let request_id = answer.header("x-github-request-id").map(str::to_owned);
        Self { outcome, status: Some(answer.status.as_u16()), request_id, remaining, reset_in }
    }

    fn without_answer(refusal: MutationRefusal) -> Self {
        Self { outcome: Err(refusal), status: None, request_id: None, remaining: None, reset_in: Duration::ZERO }
    }
}
