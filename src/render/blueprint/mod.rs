//! What a blueprint (`render.yaml`) declares about environment variables. Pure.

mod entry;
mod read;

use crate::model::secret::Secret;
use crate::model::yaml::LinePosition;
use crate::model::yaml::YamlError;
use crate::render::EnvKey;

/// The services and groups of a file, wherever they are in it.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The services that can have variables, in the order of the file.
    pub services: Vec<BlueprintService>,
    /// The groups of variables, in the order of the file.
    pub groups: Vec<BlueprintGroup>,
}

/// A service.
#[derive(Debug, Clone)]
pub struct BlueprintService {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: ServiceKind,
    /// Where it begins.
    pub at: LinePosition,
    /// Its variables, in the order of the file. Keys are unique.
    pub variables: Vec<FileVariable>,
    /// The groups that it uses, in the order of the file.
    pub groups: Vec<GroupUse>,
}

/// The types of services that have variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// `web`, or a static site.
    Web,
    /// `pserv`.
    Private,
    /// `worker`.
    Worker,
    /// `cron`.
    Cron,
}

/// A group of variables.
#[derive(Debug, Clone)]
pub struct BlueprintGroup {
    /// The name.
    pub name: String,
    /// Where it begins.
    pub at: LinePosition,
    /// Its variables, in the order of the file. Keys are unique.
    pub variables: Vec<FileVariable>,
}

/// A variable of a service or a group.
#[derive(Debug, Clone)]
pub struct FileVariable {
    /// The key.
    pub key: EnvKey,
    /// Where its entry begins.
    pub at: LinePosition,
    /// Where its value comes from.
    pub source: VariableSource,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableSource {
    /// `value`.
    Value(Secret<String>),
    /// `generateValue: true`: Render generates it once.
    Generated,
    /// `sync: false`: a user enters it in Render's dashboard.
    Dashboard,
    /// `fromDatabase`.
    Database {
        /// The database.
        name: String,
    },
    /// `fromService`.
    Service {
        /// The service.
        name: String,
    },
}

/// A group that a service uses (`fromGroup`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupUse {
    /// The name of the group.
    pub name: String,
    /// Where the entry begins.
    pub at: LinePosition,
}

impl Blueprint {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, YamlError> {
        read::read(text)
    }

    /// The service with a name.
    pub fn service(&self, name: &str) -> Option<&BlueprintService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The group with a name, if this file declares it.
    pub fn group(&self, name: &str) -> Option<&BlueprintGroup> {
        self.groups.iter().find(|group| group.name == name)
    }
}
