//! Reads what is on Render for the services and groups of a blueprint.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use thiserror::Error;

use crate::render::Blueprint;
use crate::render::BlueprintService;
use crate::render::EnvOwner;
use crate::render::FileVariable;
use crate::render::LinkedGroup;
use crate::render::LiveVariables;
use crate::render::OwnerKind;
use crate::render::ServiceKind;
use crate::render::api::GroupRecord;
use crate::render::api::RenderApi;
use crate::render::api::RenderApiError;
use crate::render::api::ServiceRecord;

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SurveyScope<'a> {
    /// Only this service and the groups it uses.
    pub(crate) service: Option<&'a str>,
    /// Only in this workspace.
    pub(crate) workspace: Option<&'a str>,
}

/// The services and groups of a blueprint, with their variables on Render.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    /// Groups first, because services use them.
    pub(crate) targets: Vec<SurveyTarget<'a>>,
    /// What the blueprint uses and Render does not have.
    pub(crate) gaps: Vec<SurveyGap>,
}

/// A service or group with its variables in the file and on Render.
#[derive(Debug)]
pub(crate) struct SurveyTarget<'a> {
    pub(crate) owner: EnvOwner,
    pub(crate) declared: &'a [FileVariable],
    pub(crate) live: LiveVariables,
    pub(crate) groups: Vec<LinkedGroup>,
}

/// Something that only syncing the blueprint can repair.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SurveyGap {
    /// A group does not exist.
    #[error("the group {group} is not on Render")]
    NoGroup {
        /// The group.
        group: String,
    },
    /// A group exists, but the service does not use it.
    #[error("the group {group} is not linked to the service {service}")]
    NotLinked {
        /// The group.
        group: String,
        /// The service.
        service: String,
    },
}

/// Why there is no survey.
#[derive(Debug, Error)]
pub(crate) enum SurveyError {
    /// The API failed.
    #[error(transparent)]
    Api(#[from] RenderApiError),
    /// The file has no such service.
    #[error("the file has no service `{name}`; it has {}", listed(.has))]
    NotDeclared {
        /// The requested name.
        name: String,
        /// The names in the file.
        has: Vec<String>,
    },
    /// Render has no such service.
    #[error("Render has no {kind} service `{name}` that this API key can access")]
    NoService {
        /// The name.
        name: String,
        /// The type.
        kind: &'static str,
    },
    /// Several services or groups have the name.
    #[error("Render has several of the name `{name}`: {}", .ids.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their IDs.
        ids: Vec<String>,
    },
    /// The services of the file are in several workspaces, each of which has groups of its own.
    #[error("the services of the file are in different workspaces: {first}, {other}")]
    SeveralWorkspaces {
        /// A service and its workspace.
        first: String,
        /// A service of another workspace.
        other: String,
    },
    /// Neither services nor groups are in the file.
    #[error("the file declares no service or group with environment variables")]
    Nothing,
}

/// Reads everything in scope.
pub(crate) async fn survey<'a>(
    api: &RenderApi<'_>,
    blueprint: &'a Blueprint,
    scope: SurveyScope<'_>,
) -> Result<Survey<'a>, SurveyError> {
    let services = selected(blueprint, scope)?;
    let mut found = Vec::new();
    for service in &services {
        found.push(find(api, service, scope.workspace).await?);
    }
    let workspace = scope.workspace.or(only_workspace(&found)?);
    let groups = api.groups(workspace).await?;
    let mut reader = GroupReader { api, groups: &groups, read: BTreeMap::new() };
    let mut survey = Survey { targets: Vec::new(), gaps: Vec::new() };
    for group in &blueprint.groups {
        let is_used = services.iter().any(|service| service.groups.iter().any(|used| used.name == group.name));
        if scope.service.is_some() && !is_used {
            continue;
        }
        match reader.named(&group.name)? {
            Some(record) => {
                let owner = owner_of(record);
                let live = reader.variables(record).await?;
                survey.targets.push(SurveyTarget { owner, declared: &group.variables, live, groups: Vec::new() });
            }
            None => survey.gap(SurveyGap::NoGroup { group: group.name.clone() }),
        }
    }
    for (service, record) in services.into_iter().zip(found) {
        let mut linked = Vec::new();
        for group in groups.iter().filter(|group| group.services.contains(&record.id)) {
            let keys: BTreeSet<String> = reader.variables(group).await?.0.into_keys().collect();
            linked.push(LinkedGroup { name: group.name.clone(), keys });
        }
        for used in &service.groups {
            match reader.named(&used.name)? {
                None => survey.gap(SurveyGap::NoGroup { group: used.name.clone() }),
                Some(group) if !group.services.contains(&record.id) => {
                    survey.gap(SurveyGap::NotLinked { group: used.name.clone(), service: service.name.clone() });
                }
                Some(_) => {}
            }
        }
        let owner = EnvOwner { kind: OwnerKind::Service, id: record.id, name: record.name };
        let live = api.variables(&owner).await?;
        survey.targets.push(SurveyTarget { owner, declared: &service.variables, live, groups: linked });
    }
    Ok(survey)
}

impl Survey<'_> {
    fn gap(&mut self, gap: SurveyGap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}

/// The groups of the workspace; each is read once.
struct GroupReader<'a, 'p> {
    api: &'a RenderApi<'p>,
    groups: &'a [GroupRecord],
    read: BTreeMap<String, LiveVariables>,
}

impl<'a> GroupReader<'a, '_> {
    /// The only group with a name.
    fn named(&self, name: &str) -> Result<Option<&'a GroupRecord>, SurveyError> {
        let all: Vec<&GroupRecord> = self.groups.iter().filter(|group| group.name == name).collect();
        match all[..] {
            [] => Ok(None),
            [group] => Ok(Some(group)),
            _ => Err(ambiguous(name, all.iter().map(|group| group.id.clone()))),
        }
    }

    async fn variables(&mut self, group: &GroupRecord) -> Result<LiveVariables, SurveyError> {
        if let Some(variables) = self.read.get(&group.id) {
            return Ok(variables.clone());
        }
        let variables = self.api.variables(&owner_of(group)).await?;
        self.read.insert(group.id.clone(), variables.clone());
        Ok(variables)
    }
}

fn owner_of(group: &GroupRecord) -> EnvOwner {
    EnvOwner { kind: OwnerKind::Group, id: group.id.clone(), name: group.name.clone() }
}

/// The services in scope.
fn selected<'a>(blueprint: &'a Blueprint, scope: SurveyScope<'_>) -> Result<Vec<&'a BlueprintService>, SurveyError> {
    if let Some(name) = scope.service {
        let has = || blueprint.services.iter().map(|service| service.name.clone()).collect();
        let not_declared = || SurveyError::NotDeclared { name: name.to_owned(), has: has() };
        return Ok(vec![blueprint.service(name).ok_or_else(not_declared)?]);
    }
    if blueprint.services.is_empty() && blueprint.groups.is_empty() {
        return Err(SurveyError::Nothing);
    }
    Ok(blueprint.services.iter().collect())
}

/// The only service on Render with the name and type of the file.
async fn find(
    api: &RenderApi<'_>,
    service: &BlueprintService,
    workspace: Option<&str>,
) -> Result<ServiceRecord, SurveyError> {
    let kinds = api_kinds(service.kind);
    let mut all = api.services(&service.name, workspace).await?;
    all.retain(|record| kinds.contains(&record.kind.as_str()));
    match all.len() {
        0 => Err(SurveyError::NoService { name: service.name.clone(), kind: kinds[0] }),
        1 => Ok(all.remove(0)),
        _ => Err(ambiguous(
            &service.name,
            all.into_iter().map(|record| format!("{} in {}", record.id, record.workspace)),
        )),
    }
}

/// The workspace of all services; `None` if there are no services.
fn only_workspace(found: &[ServiceRecord]) -> Result<Option<&str>, SurveyError> {
    let Some(first) = found.first() else { return Ok(None) };
    let placed = |record: &ServiceRecord| format!("{} in {}", record.name, record.workspace);
    match found.iter().find(|record| record.workspace != first.workspace) {
        None => Ok(Some(&first.workspace)),
        Some(other) => Err(SurveyError::SeveralWorkspaces { first: placed(first), other: placed(other) }),
    }
}

/// The API's names for a type of the file.
const fn api_kinds(kind: ServiceKind) -> &'static [&'static str] {
    match kind {
        ServiceKind::Web => &["web_service", "static_site"],
        ServiceKind::Private => &["private_service"],
        ServiceKind::Worker => &["background_worker"],
        ServiceKind::Cron => &["cron_job"],
    }
}

fn ambiguous(name: &str, ids: impl Iterator<Item = String>) -> SurveyError {
    SurveyError::Ambiguous { name: name.to_owned(), ids: ids.collect() }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no service".to_owned() } else { names.join(", ") }
}
