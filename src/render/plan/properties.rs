//! What holds for the plan of any file and any world: nothing that the plan does not name is touched, and a run that ends
//! anywhere can be finished by another.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::yaml::LinePosition;
use crate::render::OwnerKind;

/// A few keys and values, so that files and worlds overlap.
const KEYS: usize = 8;

#[derive(Debug, Clone)]
struct World {
    declared: Vec<FileVariable>,
    live: BTreeMap<String, String>,
    groups: Vec<LinkedGroup>,
    remove: Vec<EnvKey>,
}

fn key(index: usize) -> String {
    format!("KEY_{index}")
}

fn source() -> impl Strategy<Value = VariableSource> {
    prop_oneof![
        3 => (0..3_u8).prop_map(|value| VariableSource::Value(Secret::new(format!("value {value}")))),
        1 => Just(VariableSource::Generated),
        1 => Just(VariableSource::Dashboard),
        1 => Just(VariableSource::Database { name: "db".to_owned() }),
        1 => Just(VariableSource::Service { name: "api".to_owned() }),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let declared = proptest::collection::btree_map(0..KEYS, source(), 0..KEYS);
    let live = proptest::collection::btree_map(0..KEYS, 0..3_u8, 0..KEYS);
    let group = proptest::collection::btree_set(0..KEYS, 0..3);
    let remove = proptest::collection::vec(0..KEYS, 0..3);
    (declared, live, group, remove).prop_map(|(declared, live, group, remove)| {
        let at = LinePosition { line: 1, column: 1 };
        let is_declared: BTreeSet<usize> = declared.keys().copied().collect();
        let name = |index: usize| key(index).parse().expect("a key");
        World {
            declared: declared
                .into_iter()
                .map(|(index, source)| FileVariable { key: name(index), at, source })
                .collect(),
            live: live.into_iter().map(|(index, value)| (key(index), format!("value {value}"))).collect(),
            groups: vec![LinkedGroup { name: "shared".to_owned(), keys: group.into_iter().map(key).collect() }],
            remove: remove.into_iter().filter(|index| !is_declared.contains(index)).map(name).collect(),
        }
    })
}

fn plan(world: &World) -> EnvPlan {
    let owner = EnvOwner { kind: OwnerKind::Service, id: "srv-1".to_owned(), name: "shop".to_owned() };
    let live = world.live.iter().map(|(key, value)| (key.clone(), ValueDigest::of(value)));
    let input = EnvPlanInput {
        owner: &owner,
        declared: &world.declared,
        live: &LiveVariables(live.collect()),
        groups: &world.groups,
        remove: &world.remove,
    };
    EnvPlan::compute(input).expect("no declared key is removed")
}

/// What Render does with a change.
fn make(live: &mut BTreeMap<String, String>, change: &EnvChange) {
    let key = change.key.as_str().to_owned();
    match &change.action {
        EnvAction::Set(value) => drop(live.insert(key, value.expose().clone())),
        EnvAction::Generate => drop(live.insert(key, "generated".to_owned())),
        EnvAction::Remove => drop(live.remove(&key)),
    }
}

proptest! {
    #[test]
    fn no_key_that_the_plan_does_not_change_is_lost_or_changed(world in world(), made in 0..KEYS) {
        let plan = plan(&world);
        let named: BTreeSet<&str> = plan.changes().iter().map(|change| change.key.as_str()).collect();
        prop_assert_eq!(named.len(), plan.changes().len(), "each key is changed once");
        let mut live = world.live.clone();
        plan.changes().iter().take(made).for_each(|change| make(&mut live, change));
        for (key, value) in &world.live {
            if !named.contains(key.as_str()) {
                prop_assert_eq!(live.get(key), Some(value));
            }
        }
        for change in plan.changes() {
            match change.action {
                EnvAction::Remove => prop_assert!(world.remove.contains(&change.key)),
                EnvAction::Set(_) | EnvAction::Generate => {
                    prop_assert!(world.declared.iter().any(|variable| variable.key == change.key));
                }
            }
            // A value that exists is changed only if the file has another one.
            if let EnvAction::Generate = change.action {
                prop_assert!(!world.live.contains_key(change.key.as_str()));
            }
        }
    }

    #[test]
    fn an_interrupted_run_is_finished_by_the_next(world in world(), made in 0..KEYS) {
        let first = plan(&world);
        let mut interrupted = world;
        first.changes().iter().take(made).for_each(|change| make(&mut interrupted.live, change));
        let second = plan(&interrupted);
        prop_assert_eq!(second.changes(), first.changes().get(made..).unwrap_or_default());
        second.changes().iter().for_each(|change| make(&mut interrupted.live, change));
        let third = plan(&interrupted);
        prop_assert_eq!(third.changes().len(), 0);
    }

    #[test]
    fn every_key_has_exactly_one_row(world in world()) {
        let plan = plan(&world);
        let mut keys: BTreeSet<String> = world.live.keys().cloned().collect();
        keys.extend(world.declared.iter().map(|variable| variable.key.to_string()));
        keys.extend(world.remove.iter().map(ToString::to_string));
        keys.extend(world.groups.iter().flat_map(|group| group.keys.iter().cloned()));
        let rows: Vec<String> = plan.rows().iter().map(|row| row.key.clone()).collect();
        prop_assert_eq!(rows, keys.into_iter().collect::<Vec<_>>());
        let changing = |row: &&PlannedVariable| {
            matches!(row.reason.fate(), VariableFate::Add | VariableFate::Change | VariableFate::Remove)
        };
        prop_assert_eq!(plan.rows().iter().filter(changing).count(), plan.changes().len());
    }
}
