//! A request that changes one variable. It is sent once: whether it is repeated is decided after reading the variables
//! again. A server may repeat a value in its message, so none of its messages are kept.

use std::time::Duration;

use http::Method;
use http::StatusCode;
use serde_json::json;
use thiserror::Error;

use crate::io::net::NetError;
use crate::io::net::Retry;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::route_of;
use crate::render::EnvAction;
use crate::render::EnvChange;
use crate::render::EnvOwner;
use crate::render::OwnerKind;
use crate::render::ValueDigest;
use crate::render::api::RenderApi;
use crate::render::api::documents::GroupDocument;
use crate::render::api::documents::VariableDocument;

/// Why a change was not made, or may not have been made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ChangeError {
    /// There was no usable response, so the change may have been made.
    #[error("{reason}")]
    Unknown {
        /// What happened to the response.
        reason: String,
    },
    /// Too many requests. The change was not made.
    #[error("Render limits requests")]
    Limited {
        /// The wait that Render requests.
        wait: Option<Duration>,
    },
    /// The token is not accepted.
    #[error("Render does not accept the API key")]
    Unauthorized,
    /// The token may not do it.
    #[error("the API key does not permit this change")]
    Forbidden,
    /// The service, the group or the variable does not exist.
    #[error("Render did not find it")]
    NotFound,
    /// Any other refusal.
    #[error("Render refused the change (HTTP {status}); its message is not shown, because it may contain the value")]
    Refused {
        /// The status.
        status: u16,
    },
}

impl RenderApi<'_> {
    /// Changes one variable. Returns the digest of the value that it has now.
    pub(crate) async fn change(
        &self,
        owner: &EnvOwner,
        change: &EnvChange,
    ) -> Result<Option<ValueDigest>, ChangeError> {
        let collection = match owner.kind {
            OwnerKind::Service => "services",
            OwnerKind::Group => "env-groups",
        };
        let route = route_of([collection, &owner.id, "env-vars", change.key.as_str()]);
        let what = format!("{} of {owner}", change.key);
        let request = match &change.action {
            EnvAction::Set(value) => {
                ApiRequest::new(Method::PUT, &route, &what).json(&json!({ "value": value.expose() }))
            }
            EnvAction::Generate => ApiRequest::new(Method::PUT, &route, &what).json(&json!({ "generateValue": true })),
            EnvAction::Remove => ApiRequest::new(Method::DELETE, &route, &what),
        };
        let answer = self.api.once(&request).await.map_err(|error| failure(&error))?;
        let reported = match owner.kind {
            OwnerKind::Service => answer.json::<VariableDocument>().ok(),
            OwnerKind::Group => {
                let group = answer.json::<GroupDocument>().ok();
                group.into_iter().flat_map(|group| group.variables).find(|now| now.key == change.key.as_str())
            }
        };
        let reported = reported.filter(|now| now.key == change.key.as_str()).map(|now| now.value.0);
        match (&change.action, reported) {
            (EnvAction::Set(value), Some(digest)) if digest == ValueDigest::of(value.expose()) => Ok(Some(digest)),
            (EnvAction::Generate, Some(digest)) => Ok(Some(digest)),
            (EnvAction::Remove, _) if answer.status == StatusCode::NO_CONTENT => Ok(None),
            (EnvAction::Set(_) | EnvAction::Generate | EnvAction::Remove, _) => {
                Err(ChangeError::Unknown { reason: "the response does not confirm the change".to_owned() })
            }
        }
    }
}

fn failure(error: &JsonApiError) -> ChangeError {
    match error {
        JsonApiError::Net(NetError::Redirect { .. }) => ChangeError::Refused { status: 302 },
        // A status of a server error has no message of the server in it.
        JsonApiError::Net(error) => ChangeError::Unknown { reason: error.to_string() },
        JsonApiError::RateLimited { .. } => match error.retry() {
            Retry::After(wait) => ChangeError::Limited { wait },
            Retry::Never => ChangeError::Limited { wait: None },
        },
        JsonApiError::Unauthorized { .. } => ChangeError::Unauthorized,
        JsonApiError::Forbidden { .. } => ChangeError::Forbidden,
        JsonApiError::NotFound { .. } => ChangeError::NotFound,
        JsonApiError::Conflict { .. } => ChangeError::Refused { status: 409 },
        JsonApiError::Refused { status, .. } => ChangeError::Refused { status: *status },
        JsonApiError::Malformed { reason, .. } => ChangeError::Unknown { reason: reason.clone() },
    }
}
