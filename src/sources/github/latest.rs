//! Polls the latest release. An unchanged response does not count against the rate limit.

use http::HeaderValue;
use http::StatusCode;
use http::header;
use serde::Deserialize;

use crate::io::net::api::ApiRequest;
use crate::sources::github::GitHub;
use crate::sources::github::MutationRefusal;

#[derive(Debug, Deserialize)]
struct LatestAnswer {
    id: u64,
}

/// The id of the latest release, and the ETag of the response.
#[derive(Debug)]
pub(crate) struct LatestRelease<'a> {
    github: &'a GitHub,
    known: Option<(HeaderValue, u64)>,
}

impl<'a> LatestRelease<'a> {
    /// Makes no request yet.
    pub(crate) const fn new(github: &'a GitHub) -> Self {
        Self { github, known: None }
    }

    /// The latest release as of now, if there is one.
    pub(crate) async fn now(&mut self) -> Result<Option<u64>, MutationRefusal> {
        let route = self.github.route(&["releases", "latest"]);
        let mut request = ApiRequest::get(&route, "the latest release");
        if let Some((tag, _)) = &self.known {
            request = request.with_header(header::IF_NONE_MATCH, tag.clone());
        }
        let answer = match self.github.exchange_with_token(&request).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(MutationRefusal::Unknown { reason: "GitHub refused the token".to_owned() }),
            Err(error) => return Err(MutationRefusal::of_lost(&error)),
        };
        match (answer.status, &self.known) {
            (StatusCode::NOT_MODIFIED, Some((_, id))) => Ok(Some(*id)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (StatusCode::OK, _) => {
                let Ok(LatestAnswer { id }) = serde_json::from_slice(&answer.body) else {
                    return Err(MutationRefusal::Unknown {
                        reason: "the response for the latest release is invalid".to_owned(),
                    });
                };
                self.known = answer.headers.get(header::ETAG).map(|tag| (tag.clone(), id));
                Ok(Some(id))
            }
            _ => Err(MutationRefusal::of_answer(answer.status.as_u16(), &answer.headers, &answer.body)),
        }
    }
}
