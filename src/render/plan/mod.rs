//! The plan: one fate and one reason for each variable, and the changes that follow. Pure.

mod reason;

#[cfg(test)]
mod properties;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeStruct;
use thiserror::Error;

use crate::model::secret::Secret;
use crate::render::EnvKey;
use crate::render::EnvOwner;
use crate::render::FileVariable;
use crate::render::LinkedGroup;
use crate::render::LiveVariables;
use crate::render::ValueDigest;
use crate::render::VariableSource;

pub(crate) use reason::VariableFate;
pub(super) use reason::VariableReason;

/// What a plan is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvPlanInput<'a> {
    /// The service or group.
    pub owner: &'a EnvOwner,
    /// Its variables in the file.
    pub declared: &'a [FileVariable],
    /// Its variables on Render.
    pub live: &'a LiveVariables,
    /// The groups that are linked to it.
    pub groups: &'a [LinkedGroup],
    /// The keys to remove.
    pub remove: &'a [EnvKey],
}

/// The fate of every variable of a service or group. Created only by [`EnvPlan::compute`].
#[derive(Debug, Clone)]
#[must_use]
pub(crate) struct EnvPlan {
    owner: EnvOwner,
    rows: Vec<PlannedVariable>,
    changes: Vec<EnvChange>,
    /// The number of declared variables.
    declared: usize,
}

/// A variable with its reason, which determines its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedVariable {
    /// The key.
    pub key: String,
    /// The reason.
    pub reason: VariableReason,
}

/// One change of one variable: one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvChange {
    /// The key.
    pub key: EnvKey,
    /// What happens to it.
    pub action: EnvAction,
}

/// What happens to a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnvAction {
    /// It is set to a value.
    Set(Secret<String>),
    /// Render generates its value.
    Generate,
    /// It is removed.
    Remove,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum EnvPlanRefusal {
    /// A key to remove is declared, so Render would set it again.
    #[error("`{key}` cannot be removed, because line {line} of the file declares it")]
    RemoveDeclared {
        /// The key.
        key: EnvKey,
        /// The line.
        line: usize,
    },
}

impl EnvPlan {
    /// Gives every variable one fate: those in the file, those on Render, those that a group provides, and those to
    /// remove.
    pub(crate) fn compute(input: EnvPlanInput<'_>) -> Result<Self, EnvPlanRefusal> {
        let mut reasons: BTreeMap<&str, VariableReason> = BTreeMap::new();
        let mut changes = Vec::new();
        for variable in input.declared {
            let (reason, action) = declared(variable, &input);
            reasons.insert(variable.key.as_str(), reason);
            changes.extend(action.map(|action| EnvChange { key: variable.key.clone(), action }));
        }
        for key in input.remove {
            if let Some(variable) = input.declared.iter().find(|variable| variable.key == *key) {
                return Err(EnvPlanRefusal::RemoveDeclared { key: key.clone(), line: variable.at.line });
            }
            let is_live = input.live.0.contains_key(key.as_str());
            let reason = if is_live { VariableReason::RemovalRequested } else { VariableReason::AlreadyRemoved };
            // A key can be named twice.
            if reasons.insert(key.as_str(), reason).is_none() && is_live {
                changes.push(EnvChange { key: key.clone(), action: EnvAction::Remove });
            }
        }
        for key in input.live.0.keys() {
            reasons.entry(key).or_insert(VariableReason::Unmanaged);
        }
        for group in input.groups {
            for key in &group.keys {
                reasons.entry(key).or_insert_with(|| VariableReason::InGroup { group: group.name.clone() });
            }
        }
        changes.sort_by(|one, other| order(one).cmp(&order(other)));
        let rows = reasons.into_iter().map(|(key, reason)| PlannedVariable { key: key.to_owned(), reason });
        let declared = input.declared.len();
        Ok(Self { owner: input.owner.clone(), rows: rows.collect(), changes, declared })
    }

    /// The service or group.
    pub(crate) const fn owner(&self) -> &EnvOwner {
        &self.owner
    }

    /// Every variable, by key.
    pub(crate) fn rows(&self) -> &[PlannedVariable] {
        &self.rows
    }

    /// The changes, in the order in which they are made: additions, changes, removals.
    pub(crate) fn changes(&self) -> &[EnvChange] {
        &self.changes
    }

    /// The number of declared variables that the service or group has, or that a group provides.
    pub(crate) fn present(&self) -> usize {
        self.declared - self.missing().count()
    }

    /// The declared variables that the service or group does not have.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &PlannedVariable> {
        self.rows.iter().filter(|row| row.reason.is_absent())
    }
}

/// The reason for a declared variable, and the change it needs.
fn declared(variable: &FileVariable, input: &EnvPlanInput<'_>) -> (VariableReason, Option<EnvAction>) {
    let key = variable.key.as_str();
    let live = input.live.0.get(key);
    let group = input.groups.iter().find(|group| group.keys.contains(key));
    match (&variable.source, live, group) {
        (VariableSource::Value(value), Some(live), _) if ValueDigest::of(value.expose()) == *live => {
            (VariableReason::SameValue, None)
        }
        (VariableSource::Value(value), Some(_), _) => (VariableReason::OtherValue, Some(EnvAction::Set(value.clone()))),
        (VariableSource::Value(value), None, _) => (VariableReason::NoValue, Some(EnvAction::Set(value.clone()))),
        (VariableSource::Generated, Some(_), _) => (VariableReason::Generated, None),
        (VariableSource::Dashboard, Some(_), _) => (VariableReason::Dashboard, None),
        (VariableSource::Database { name }, Some(_), _) => (VariableReason::FromDatabase { name: name.clone() }, None),
        (VariableSource::Service { name }, Some(_), _) => (VariableReason::FromService { name: name.clone() }, None),
        (
            VariableSource::Generated
            | VariableSource::Dashboard
            | VariableSource::Database { .. }
            | VariableSource::Service { .. },
            None,
            Some(group),
        ) => (VariableReason::InGroup { group: group.name.clone() }, None),
        (VariableSource::Generated, None, None) => (VariableReason::NotGenerated, Some(EnvAction::Generate)),
        (VariableSource::Dashboard, None, None) => (VariableReason::NotEntered, None),
        (VariableSource::Database { name }, None, None) => {
            (VariableReason::NotFromDatabase { name: name.clone() }, None)
        }
        (VariableSource::Service { name }, None, None) => (VariableReason::NotFromService { name: name.clone() }, None),
    }
}

/// What is added comes first and what is removed last, so that a run that is interrupted leaves more rather than less.
fn order(change: &EnvChange) -> (u8, &EnvKey) {
    let rank = match change.action {
        EnvAction::Set(_) | EnvAction::Generate => 0,
        EnvAction::Remove => 1,
    };
    (rank, &change.key)
}

impl EnvAction {
    /// The word in reports.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Generate => "generate",
            Self::Remove => "remove",
        }
    }
}

impl Serialize for PlannedVariable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("PlannedVariable", 3)?;
        row.serialize_field("key", &self.key)?;
        row.serialize_field("fate", &self.reason.fate())?;
        row.serialize_field("reason", &self.reason.to_string())?;
        row.end()
    }
}

impl fmt::Display for EnvChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.word(), self.key)
    }
}

#[cfg(test)]
mod tests {
    use crate::render::Blueprint;
    use crate::render::OwnerKind;

    use super::*;

    const FILE: &str = "\
services:
- type: web
  name: shop
  envVars:
  - {key: SAME, value: a}
  - {key: OTHER, value: b}
  - {key: NEW, value: c}
  - {key: GENERATED, generateValue: true}
  - {key: UNGENERATED, generateValue: true}
  - {key: ENTERED, sync: false}
  - {key: NOT_ENTERED, sync: false}
  - {key: ENTERED_IN_GROUP, sync: false}
  - {key: DATABASE_URL, fromDatabase: {name: db, property: connectionString}}
  - {key: NO_DATABASE_URL, fromDatabase: {name: db, property: connectionString}}
  - {key: CACHE, fromService: {type: keyvalue, name: cache, property: connectionString}}
  - {key: NO_CACHE, fromService: {type: keyvalue, name: cache, property: connectionString}}
  - fromGroup: shared
";

    fn owner() -> EnvOwner {
        EnvOwner { kind: OwnerKind::Service, id: "srv-1".to_owned(), name: "shop".to_owned() }
    }

    fn live(pairs: &[(&str, &str)]) -> LiveVariables {
        LiveVariables(pairs.iter().map(|(key, value)| ((*key).to_owned(), ValueDigest::of(value))).collect())
    }

    fn plan(remove: &[&str]) -> Result<EnvPlan, EnvPlanRefusal> {
        let blueprint = Blueprint::read(FILE).expect("a blueprint");
        let live = live(&[
            ("SAME", "a"),
            ("OTHER", "x"),
            ("GENERATED", "g"),
            ("ENTERED", "e"),
            ("DATABASE_URL", "d"),
            ("CACHE", "r"),
            ("PYTHON_VERSION", "3"),
            ("OLD", "o"),
            ("odd key", "z"),
        ]);
        let keys = ["ENTERED_IN_GROUP", "SHARED", "NEW"].map(str::to_owned);
        let groups = [LinkedGroup { name: "shared".to_owned(), keys: keys.into() }];
        let remove: Vec<EnvKey> = remove.iter().map(|key| key.parse().expect("a key")).collect();
        EnvPlan::compute(EnvPlanInput {
            owner: &owner(),
            declared: &blueprint.services[0].variables,
            live: &live,
            groups: &groups,
            remove: &remove,
        })
    }

    #[test]
    fn every_variable_has_one_fate_and_one_reason() {
        let plan = plan(&["OLD", "OLD", "GONE"]).expect("a plan");
        let rows: Vec<String> =
            plan.rows().iter().map(|row| format!("{} {} {}", row.key, row.reason.fate().word(), row.reason)).collect();
        assert_eq!(
            rows,
            [
                "CACHE keep from service cache",
                "DATABASE_URL keep from database db",
                "ENTERED keep entered in the dashboard (sync: false)",
                "ENTERED_IN_GROUP in group provided by the group shared",
                "GENERATED keep generated by Render",
                "GONE unchanged already removed",
                "NEW add not on Render",
                "NOT_ENTERED missing must be entered in the dashboard (sync: false)",
                "NO_CACHE missing Render sets it from service cache when it syncs the blueprint",
                "NO_DATABASE_URL missing Render sets it from database db when it syncs the blueprint",
                "OLD remove removal requested",
                "OTHER change the value differs",
                "PYTHON_VERSION unmanaged not in the file; kept",
                "SAME unchanged same value",
                "SHARED in group provided by the group shared",
                "UNGENERATED add Render generates it",
                "odd key unmanaged not in the file; kept",
            ]
        );
        let changes: Vec<String> = plan.changes().iter().map(ToString::to_string).collect();
        assert_eq!(changes, ["set NEW", "set OTHER", "generate UNGENERATED", "remove OLD"]);
        let missing: Vec<&str> = plan.missing().map(|row| row.key.as_str()).collect();
        assert_eq!(missing, ["NEW", "NOT_ENTERED", "NO_CACHE", "NO_DATABASE_URL", "UNGENERATED"]);
    }

    #[test]
    fn a_declared_key_is_not_removed() {
        let refusal = plan(&["SAME"]).expect_err("refused");
        assert_eq!(refusal.to_string(), "`SAME` cannot be removed, because line 5 of the file declares it");
    }

    #[test]
    fn neither_a_plan_nor_its_document_shows_values() {
        let plan = plan(&[]).expect("a plan");
        let document = serde_json::to_string(plan.rows()).expect("a document");
        assert!(document.contains(r#"{"key":"NEW","fate":"add","reason":"not on Render"}"#), "{document}");
        assert!(format!("{plan:?}").contains("Set([redacted])"), "{plan:?}");
    }
}
