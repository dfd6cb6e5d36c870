//! The documents of the API, as far as they are used. A value becomes its digest while it is read.

use serde::Deserialize;
use serde::Deserializer;

use crate::render::ValueDigest;
use crate::render::api::RenderApiError;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The API's name for the type, such as `web_service`.
    pub(crate) kind: String,
    /// The ID of the workspace.
    pub(crate) workspace: String,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The IDs of the services that use it.
    pub(crate) services: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct ServiceEntry {
    pub(super) cursor: String,
    pub(super) service: ServiceDocument,
}

#[derive(Deserialize)]
pub(super) struct ServiceDocument {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "ownerId")]
    workspace: String,
}

#[derive(Deserialize)]
pub(super) struct VariableEntry {
    pub(super) cursor: String,
    #[serde(rename = "envVar")]
    pub(super) variable: VariableDocument,
}

#[derive(Deserialize)]
pub(super) struct VariableDocument {
    pub(super) key: String,
    pub(super) value: DigestedValue,
}

/// A value that is forgotten as soon as its digest is known.
pub(super) struct DigestedValue(pub(super) ValueDigest);

impl<'de> Deserialize<'de> for DigestedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|value| Self(ValueDigest::of(&value)))
    }
}

/// A group in the list: bare, as Render describes it, or with a cursor like the entries of all other lists.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum GroupEntry {
    Bare(GroupSummary),
    Wrapped {
        #[serde(rename = "envGroup")]
        group: GroupSummary,
    },
}

#[derive(Deserialize)]
pub(super) struct GroupSummary {
    id: String,
    name: String,
    #[serde(rename = "serviceLinks", default)]
    links: Vec<LinkDocument>,
}

#[derive(Deserialize)]
struct LinkDocument {
    id: String,
}

#[derive(Deserialize)]
pub(super) struct GroupDocument {
    #[serde(rename = "envVars")]
    pub(super) variables: Vec<VariableDocument>,
}

#[derive(Deserialize)]
pub(super) struct DeployDocument {
    pub(super) id: String,
}

impl ServiceDocument {
    pub(super) fn record(self) -> Result<ServiceRecord, RenderApiError> {
        let Self { id, name, kind, workspace } = self;
        Ok(ServiceRecord { id: checked(id)?, name, kind, workspace })
    }
}

impl GroupEntry {
    pub(super) fn record(self) -> Result<GroupRecord, RenderApiError> {
        let (Self::Bare(group) | Self::Wrapped { group }) = self;
        let services = group.links.into_iter().map(|link| link.id).collect();
        Ok(GroupRecord { id: checked(group.id)?, name: group.name, services })
    }
}

/// An ID becomes part of URLs. An empty one, or one with dots, would name another resource.
fn checked(id: String) -> Result<String, RenderApiError> {
    let is_of_an_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !id.is_empty() && id.chars().all(is_of_an_id) { Ok(id) } else { Err(RenderApiError::Id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_name_another_resource_are_refused() {
        assert!(checked("srv-abc_1".to_owned()).is_ok());
        for id in ["", ".", "..", "a/b", "a?b", "a b", "srv-\u{e9}"] {
            assert!(checked(id.to_owned()).is_err(), "{id}");
        }
    }

    #[test]
    fn groups_are_read_in_both_forms() {
        let bare = r#"{"id":"evg-1","name":"a","serviceLinks":[{"id":"srv-1","name":"x","type":"web"}]}"#;
        let group = GroupRecord { id: "evg-1".into(), name: "a".into(), services: vec!["srv-1".into()] };
        for text in [bare.to_owned(), format!(r#"{{"envGroup":{bare},"cursor":"c"}}"#)] {
            let entry: GroupEntry = serde_json::from_str(&text).expect("a group");
            assert_eq!(entry.record().expect("a group"), group);
        }
    }
}
