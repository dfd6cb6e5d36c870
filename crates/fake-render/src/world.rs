//! Services and groups, and their variables.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

/// When everything was created.
const CREATED: &str = "2026-01-01T00:00:00Z";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) owners: BTreeMap<String, Owner>,
    pub(crate) token: String,
    pub(crate) page_size: usize,
    /// Whether a deploy is accepted without a document, because another one is running.
    pub(crate) queues_deploys: bool,
    pub(crate) full_replacements: usize,
    next: usize,
}

/// A service or a group.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) workspace: String,
    pub(crate) kind: OwnerKind,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) deploys: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum OwnerKind {
    /// The type of the service.
    Service(String),
    /// The services that use the group.
    Group(Vec<String>),
}

impl World {
    pub(crate) fn new() -> World {
        World {
            owners: BTreeMap::new(),
            token: "rnd_test".to_owned(),
            page_size: 20,
            queues_deploys: false,
            full_replacements: 0,
            next: 1,
        }
    }

    pub(crate) fn add_service(&mut self, name: &str, kind: &str, workspace: &str) -> String {
        self.add("srv", name, workspace, OwnerKind::Service(kind.to_owned()))
    }

    pub(crate) fn add_group(&mut self, name: &str, services: &[&str]) -> String {
        let services = services.iter().map(|id| (*id).to_owned()).collect();
        self.add("evg", name, "tea-1", OwnerKind::Group(services))
    }

    fn add(&mut self, prefix: &str, name: &str, workspace: &str, kind: OwnerKind) -> String {
        let id = format!("{prefix}-{:04}", self.next);
        self.next += 1;
        let owner = Owner {
            id: id.clone(),
            name: name.to_owned(),
            workspace: workspace.to_owned(),
            kind,
            variables: BTreeMap::new(),
            deploys: 0,
        };
        self.owners.insert(id.clone(), owner);
        id
    }

    /// A value that nobody knows in advance.
    pub(crate) fn generated(&mut self) -> String {
        self.next += 1;
        format!("generated-{:040}", self.next)
    }

    /// The document of a service.
    pub(crate) fn service_json(&self, owner: &Owner) -> Value {
        let kind = match &owner.kind {
            OwnerKind::Service(kind) => kind.as_str(),
            OwnerKind::Group(_) => "",
        };
        json!({
            "id": owner.id,
            "autoDeploy": "yes",
            "createdAt": CREATED,
            "dashboardUrl": format!("https://dashboard.render.com/web/{}", owner.id),
            "name": owner.name,
            "notifyOnFail": "default",
            "ownerId": owner.workspace,
            "rootDir": "",
            "serviceDetails": {},
            "slug": owner.name,
            "suspended": "not_suspended",
            "suspenders": [],
            "type": kind,
            "updatedAt": CREATED,
        })
    }

    /// The document of a group, without its variables.
    pub(crate) fn group_meta(&self, owner: &Owner) -> Value {
        let OwnerKind::Group(services) = &owner.kind else { return Value::Null };
        let links: Vec<Value> = services
            .iter()
            .filter_map(|id| self.owners.get(id))
            .map(|service| json!({ "id": service.id, "name": service.name, "type": "web" }))
            .collect();
        json!({
            "id": owner.id,
            "name": owner.name,
            "ownerId": owner.workspace,
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "serviceLinks": links,
        })
    }

    /// The document of a group with its variables.
    pub(crate) fn group_json(&self, owner: &Owner) -> Value {
        let mut group = self.group_meta(owner);
        let variables = owner.variables.iter().map(|(key, value)| json!({ "key": key, "value": value }));
        group["envVars"] = variables.collect();
        group["secretFiles"] = json!([]);
        group
    }
}
