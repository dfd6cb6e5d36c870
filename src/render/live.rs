//! What is on Render: variables by digest, and what a group provides to a service.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::render::ValueDigest;

/// All variables of a service or a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LiveVariables(pub BTreeMap<String, ValueDigest>);

/// A service or a group on Render, which has variables of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct EnvOwner {
    /// The type.
    pub kind: OwnerKind,
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
}

/// What has variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OwnerKind {
    /// A group.
    Group,
    /// A service.
    Service,
}

/// A group that is linked to a service, and the keys it provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkedGroup {
    /// The name.
    pub name: String,
    /// The keys.
    pub keys: BTreeSet<String>,
}

impl fmt::Display for EnvOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            OwnerKind::Group => "group",
            OwnerKind::Service => "service",
        };
        write!(f, "{kind} {}", self.name)
    }
}
