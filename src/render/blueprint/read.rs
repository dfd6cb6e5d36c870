//! Finds the services and groups of a blueprint: at its top level, under `ungrouped`, and in each environment of each
//! project. Fields that do not concern variables are Render's business and are not checked.

use crate::model::yaml::LinePosition;
use crate::model::yaml::YamlEntry;
use crate::model::yaml::YamlError;
use crate::model::yaml::YamlNode;
use crate::render::Blueprint;
use crate::render::BlueprintGroup;
use crate::render::BlueprintService;
use crate::render::ServiceKind;
use crate::render::blueprint::entry;
use crate::render::blueprint::entry::Entries;

pub(super) fn read(text: &str) -> Result<Blueprint, YamlError> {
    let document = YamlNode::read(text)?;
    let fields = document.as_map("a blueprint")?;
    let mut blueprint = Blueprint { services: Vec::new(), groups: Vec::new() };
    blueprint.add(fields)?;
    if let Some(ungrouped) = field(fields, "ungrouped") {
        blueprint.add(ungrouped.as_map("`ungrouped`")?)?;
    }
    if let Some(previews) = field(fields, "previews") {
        previews.as_map("`previews`")?;
    }
    for project in list(fields, "projects")? {
        for environment in list(project.as_map("a project")?, "environments")? {
            blueprint.add(environment.as_map("an environment")?)?;
        }
    }
    Ok(blueprint)
}

impl Blueprint {
    /// Adds the services and groups of one level.
    fn add(&mut self, fields: &[YamlEntry]) -> Result<(), YamlError> {
        for node in list(fields, "services")? {
            let Some(service) = service(node)? else { continue };
            if let Some(first) = self.service(&service.name) {
                return Err(twice(service.at, "service", &service.name, first.at));
            }
            self.services.push(service);
        }
        for node in list(fields, "envVarGroups")? {
            let group = group(node)?;
            if let Some(first) = self.group(&group.name) {
                return Err(twice(group.at, "group", &group.name, first.at));
            }
            self.groups.push(group);
        }
        Ok(())
    }
}

/// A service; `None` if its type has no variables.
fn service(node: &YamlNode) -> Result<Option<BlueprintService>, YamlError> {
    let fields = node.as_map("a service")?;
    let kind = required(node, fields, "type", "a service")?;
    let kind = match kind.as_name("the type of a service")? {
        "web" | "static" => ServiceKind::Web,
        "pserv" => ServiceKind::Private,
        "worker" => ServiceKind::Worker,
        "cron" => ServiceKind::Cron,
        "keyvalue" | "redis" => return Ok(None),
        _ => {
            let problem = "the type of a service must be web, pserv, worker, cron, static, keyvalue or redis";
            return Err(YamlError::new(kind.at, problem));
        }
    };
    let name = required(node, fields, "name", "a service")?.as_name("the name of a service")?.to_owned();
    let Entries { variables, groups } = entry::entries(list(fields, "envVars")?)?;
    Ok(Some(BlueprintService { name, kind, at: node.at, variables, groups }))
}

fn group(node: &YamlNode) -> Result<BlueprintGroup, YamlError> {
    let fields = node.as_map("a group")?;
    let name = required(node, fields, "name", "a group")?.as_name("the name of a group")?.to_owned();
    let Entries { variables, groups } = entry::entries(list(fields, "envVars")?)?;
    match groups.first() {
        Some(nested) => Err(YamlError::new(nested.at, "a group cannot use another group")),
        None => Ok(BlueprintGroup { name, at: node.at, variables }),
    }
}

/// The value of a field.
pub(super) fn field<'a>(fields: &'a [YamlEntry], name: &str) -> Option<&'a YamlNode> {
    fields.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
}

/// The value of a field that must be there.
pub(super) fn required<'a>(
    node: &YamlNode,
    fields: &'a [YamlEntry],
    name: &str,
    what: &str,
) -> Result<&'a YamlNode, YamlError> {
    field(fields, name).ok_or_else(|| YamlError::new(node.at, format!("{what} needs `{name}`")))
}

/// The items of a list that may be missing.
fn list<'a>(fields: &'a [YamlEntry], name: &str) -> Result<&'a [YamlNode], YamlError> {
    field(fields, name).map_or(Ok(&[]), |node| node.as_list(&format!("`{name}`")))
}

fn twice(at: LinePosition, what: &str, name: &str, first: LinePosition) -> YamlError {
    YamlError::new(at, format!("the {what} `{name}` is already in line {}", first.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All kinds of services and places.
    const EVERYWHERE: &str = "\
previews: {generation: automatic}
services:
  - {type: web, name: top, runtime: python}
  - {type: keyvalue, name: cache, ipAllowList: []}
envVarGroups:
  - name: shared
    envVars: [{key: A, value: b}]
ungrouped:
  services: [{type: cron, name: nightly, schedule: '0 0 * * *'}]
databases: [{name: db}]
projects:
  - name: shop
    environments:
      - name: production
        services: [{type: worker, name: jobs}, {type: pserv, name: inner}]
        envVarGroups: [{name: secrets}]
      - name: empty
";

    #[test]
    fn services_and_groups_are_found_at_every_level() {
        let blueprint = read(EVERYWHERE).expect("a blueprint");
        let services: Vec<_> = blueprint.services.iter().map(|service| (service.name.as_str(), service.kind)).collect();
        assert_eq!(
            services,
            [
                ("top", ServiceKind::Web),
                ("nightly", ServiceKind::Cron),
                ("jobs", ServiceKind::Worker),
                ("inner", ServiceKind::Private)
            ]
        );
        let groups: Vec<_> = blueprint.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(groups, ["shared", "secrets"]);
        assert_eq!(blueprint.group("shared").map(|group| group.variables.len()), Some(1));
        assert!(read("").expect("an empty file").services.is_empty());
    }

    #[test]
    fn mistakes_are_located() {
        let cases = [
            ("- a", "line 1, column 1: a blueprint must be a map"),
            ("services: x", "line 1, column 11: `services` must be a list"),
            ("services: [x]", "line 1, column 12: a service must be a map"),
            ("services: [{name: a}]", "line 1, column 12: a service needs `type`"),
            ("services: [{type: web}]", "line 1, column 12: a service needs `name`"),
            (
                "services: [{type: web, name: 3}]",
                "line 1, column 30: the name of a service must be a string that is not empty",
            ),
            (
                "services: [{type: lambda, name: a}]",
                "line 1, column 19: the type of a service must be web, pserv, worker, cron, static, keyvalue or redis",
            ),
            (
                "services:\n- {type: web, name: a}\nungrouped:\n  services: [{type: cron, name: a}]\n",
                "line 4, column 14: the service `a` is already in line 2",
            ),
            ("envVarGroups: [{name: a}, {name: a}]", "line 1, column 27: the group `a` is already in line 1"),
            (
                "envVarGroups: [{name: a, envVars: [{fromGroup: b}]}]",
                "line 1, column 36: a group cannot use another group",
            ),
            ("projects: [{environments: [x]}]", "line 1, column 28: an environment must be a map"),
            ("previews: 3", "line 1, column 11: `previews` must be a map"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).expect_err(text).to_string(), expected, "{text}");
        }
    }
}
