//! GraphQL: one request, its response, and the meaning of its `errors`. GitHub returns most of them with status 200.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::config::Server;
use crate::io::net::Retry;
use crate::io::net::api::Answer;
use crate::io::net::api::at_most;
use crate::io::net::retrying;
use crate::model::progress::Progress;
use crate::sources::github::ApiError;
use crate::sources::github::GitHub;
use crate::sources::github::api::error_of;
use crate::sources::github::api::read_json;

/// Why a query failed.
#[derive(Debug, Error)]
pub(super) enum GraphQlError {
    /// As a REST call fails.
    #[error(transparent)]
    Api(ApiError),
    /// GraphQL is not available, or not without an accepted token.
    #[error("GraphQL is not available")]
    Off,
    /// The server does not support this field yet.
    #[error("the server does not support the field `{field}`")]
    UnknownField {
        /// The field.
        field: String,
    },
    /// GitHub refuses it, with these errors.
    #[error("GitHub refuses the query")]
    Refused(Vec<Problem>),
}

/// One entry of `errors`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Problem {
    /// GitHub's error type, such as `NOT_FOUND`.
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    /// GitHub's message.
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    field_name: Option<String>,
}

/// Placeholder for the token's variable: a token is always sent here, and these messages do not name its variable.
const SENT: &str = "";

impl Problem {
    /// Whether it refuses the token: GitHub may do that with status 200.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self.kind.as_deref(), Some("FORBIDDEN" | "INSUFFICIENT_SCOPES"))
    }

    /// Whether the server's schema is older than the query.
    pub(super) fn is_unknown_to_the_server(&self) -> bool {
        let codes = ["undefinedField", "argumentNotAccepted", "undefinedType", "argumentLiteralsIncompatible"];
        self.extensions.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether it is a rate limit.
    pub(super) fn is_limit(&self) -> bool {
        self.kind.as_deref() == Some("RATE_LIMITED") || self.message.to_ascii_lowercase().contains("rate limit")
    }
}

#[derive(Debug, Deserialize)]
struct Body<'a> {
    /// Raw, so that it is not parsed before its type is known.
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "at_most::<100, _, _>")]
    errors: Vec<Problem>,
}

impl GitHub {
    /// Sends a document once, without retries; for mutations, whose responses are classified separately.
    pub(super) async fn graphql_once(
        &self,
        document: &str,
        variables: &Value,
        what: &str,
    ) -> Result<Answer, GraphQlError> {
        let Some(clients) = self.authorized().map_err(|error| GraphQlError::Api(error.into()))? else {
            return Err(GraphQlError::Off);
        };
        let body = json!({ "query": document, "variables": variables });
        self.exchange(&clients.graphql, Method::POST, "/graphql", Some(&body), what).await.map_err(GraphQlError::Api)
    }

    /// Sends a query; returns its data and the size of the response. Timeouts, resets and 5xx are retried, which is safe
    /// because a query changes nothing.
    pub(super) async fn graphql_query<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: &Value,
        what: &str,
        progress: &dyn Progress,
    ) -> Result<(T, usize), GraphQlError> {
        let attempt = async || {
            let answer = self.graphql_once(document, variables, what).await?;
            let data = data_of(&answer, what, self.server())?;
            let read = read_json(data.get().as_bytes(), what).map_err(GraphQlError::Api)?;
            Ok((read, answer.body.len()))
        };
        retrying(|line| progress.note(line), attempt, GraphQlError::retry).await
    }
}

/// The data of a complete response. Data with errors next to it is refused: a missing entry and a failed one look the same.
fn data_of<'a>(answer: &'a Answer, what: &str, server: &Server) -> Result<&'a RawValue, GraphQlError> {
    if answer.status != http::StatusCode::OK {
        // The REST API tells a refused token from a missing page, and can use the next token or none.
        return Err(match error_of(answer, what, Some(SENT), server) {
            ApiError::BadToken { .. }
            | ApiError::Forbidden { .. }
            | ApiError::SingleSignOn { .. }
            | ApiError::NotFound { .. } => GraphQlError::Off,
            error @ (ApiError::Net(_) | ApiError::RateLimited { .. } | ApiError::Shape { .. }) => {
                GraphQlError::Api(error)
            }
        });
    }
    let body: Body<'_> = read_json(&answer.body, what).map_err(GraphQlError::Api)?;
    let unknown = body.errors.iter().find(|problem| problem.is_unknown_to_the_server());
    if let Some(field) = unknown.and_then(|problem| problem.extensions.field_name.clone()) {
        return Err(GraphQlError::UnknownField { field });
    }
    if body.errors.iter().any(Problem::is_limit) {
        return Err(GraphQlError::Api(ApiError::limited(&answer.headers, true)));
    }
    match body.data {
        Some(data) if body.errors.is_empty() => Ok(data),
        Some(_) | None => Err(GraphQlError::Refused(body.errors)),
    }
}

/// The `errors` of a mutation's response. A response that cannot be read is an error, because its outcome is unknown.
pub(super) fn problems_of(answer: &Answer, what: &str) -> Result<Vec<Problem>, ApiError> {
    let body: Body<'_> = read_json(&answer.body, what)?;
    let fields =
        body.data.and_then(|data| serde_json::from_str::<BTreeMap<String, Option<IgnoredAny>>>(data.get()).ok());
    let is_done = fields.is_some_and(|fields| fields.values().any(Option::is_some));
    match (is_done, body.errors.is_empty()) {
        (true, true) => Ok(Vec::new()),
        (_, false) => Ok(body.errors),
        (false, true) => {
            Err(ApiError::Shape { what: what.to_owned(), reason: "it contains neither data nor errors".into() })
        }
    }
}

impl GraphQlError {
    /// Whether another attempt may succeed. The caller waits for a rate limit.
    fn retry(&self) -> Retry {
        match self {
            Self::Api(ApiError::Net(error)) => error.retry(),
            Self::Api(
                ApiError::RateLimited { .. }
                | ApiError::NotFound { .. }
                | ApiError::BadToken { .. }
                | ApiError::SingleSignOn { .. }
                | ApiError::Forbidden { .. }
                | ApiError::Shape { .. },
            )
            | Self::Off
            | Self::UnknownField { .. }
            | Self::Refused(_) => Retry::Never,
        }
    }

    /// As a REST error, for callers without an alternative.
    pub(super) fn into_api(self, what: &str, server: &Server) -> ApiError {
        match self {
            Self::Api(error) => error,
            Self::Off => ApiError::NotFound { what: "GraphQL".to_owned(), server: Box::new(server.clone()) },
            Self::UnknownField { field } => ApiError::Shape {
                what: what.to_owned(),
                reason: format!("the server does not support the field `{field}`"),
            },
            Self::Refused(problems) => refused(&problems, what, server),
        }
    }
}

fn refused(problems: &[Problem], what: &str, server: &Server) -> ApiError {
    let first = problems.first();
    let message = first.map_or("no reason given", |problem| problem.message.as_str());
    match first.and_then(|problem| problem.kind.as_deref()) {
        Some("NOT_FOUND") => ApiError::NotFound { what: what.to_owned(), server: Box::new(server.clone()) },
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => {
            ApiError::Forbidden { message: message.chars().take(300).collect(), needed: None, variable: None }
        }
        Some(_) | None => ApiError::Shape { what: what.to_owned(), reason: message.chars().take(300).collect() },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use http::StatusCode;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::from_iter([(
                http::HeaderName::from_static("x-ratelimit-reset"),
                http::HeaderValue::from_static("1700000000"),
            )]),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn responses_are_classified() {
        let read =
            |status, body| data_of(&answer(status, body), "x", &Server::default()).map(|data| data.get().to_owned());
        assert!(read(200, r#"{"data":{"a":1}}"#).is_ok());
        assert!(matches!(read(404, "{}"), Err(GraphQlError::Off)));
        assert!(matches!(read(401, "{}"), Err(GraphQlError::Off)));
        let limited = r#"{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#;
        assert!(matches!(
            read(200, limited),
            Err(GraphQlError::Api(ApiError::RateLimited { reset: Some(_), authenticated: true, .. }))
        ));
        let unknown = r#"{"errors":[{"message":"Field 'immutable' doesn't exist on type 'Release'",
            "extensions":{"code":"undefinedField","typeName":"Release","fieldName":"immutable"}}]}"#;
        assert!(matches!(read(200, unknown), Err(GraphQlError::UnknownField { field }) if field == "immutable"));
        assert!(matches!(read(502, "<html>"), Err(GraphQlError::Api(ApiError::Net(_)))));
    }

    #[test]
    fn partial_data_is_refused() {
        let partial = r#"{"data":{"repository":{"releases":null}},"errors":[{"message":"timeout"}]}"#;
        let error = data_of(&answer(200, partial), "the releases", &Server::default()).expect_err("refused");
        assert_eq!(
            error.into_api("the releases", &Server::default()).to_string(),
            "GitHub's response for the releases cannot be read: timeout"
        );
    }
}
