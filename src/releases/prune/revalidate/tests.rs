//! Changes between a plan and its execution.

use crate::releases::prune::Inventory;
use crate::releases::prune::PrunePolicy;
use crate::releases::prune::testing::after;
use crate::releases::prune::testing::bare;
use crate::releases::prune::testing::keeping;
use crate::releases::prune::testing::plan;
use crate::releases::prune::testing::released;
use crate::releases::prune::testing::tagless;
use crate::releases::prune::testing::world;

use super::*;

fn five() -> Inventory {
    world([
        released(1, "v1.0.0", 1),
        released(2, "v1.1.0", 2),
        tagless(3, "v1.2.0", 3),
        released(4, "v1.3.0", 4),
        released(5, "v1.4.0", 5),
    ])
}

/// The names that may still be deleted after the repository and the policy changed.
fn later(change: impl FnOnce(&mut Inventory, &mut PrunePolicy)) -> Result<Vec<Delete>, WorldMoved> {
    let file = PlanFile::new(&plan(&five(), &keeping(2)), "1.0.0");
    let (mut inventory, mut policy) = (five(), file.policy.clone());
    change(&mut inventory, &mut policy);
    still_allowed(&file, &plan(&inventory, &policy))
}

fn names(allowed: &[Delete]) -> Vec<&str> {
    allowed.iter().map(|unit| unit.name.as_str()).collect()
}

#[test]
fn an_unchanged_repository_allows_everything() {
    let allowed = later(|_, _| {}).expect("nothing moved");
    assert_eq!(allowed, plan(&five(), &keeping(2)).delete);
}

#[test]
fn deleted_units_are_left_out_and_partly_deleted_ones_are_finished() {
    let allowed = later(|world, _| {
        world.releases.retain(|release| release.id != 1 && release.id != 2);
        world.tags.retain(|tag| tag.name != "v1.0.0");
    })
    .expect("deletions are no surprise");
    assert_eq!(names(&allowed), ["v1.1.0", "v1.2.0"]);
    assert_eq!(allowed[0].release_ids(), [] as [u64; 0]);
    assert!(allowed[0].tag.is_some());
}

#[test]
fn a_release_published_in_the_meantime_is_not_affected() {
    let allowed = later(|world, _| {
        let newer = released(6, "v1.5.0", 6);
        world.releases.extend(newer.release);
        world.tags.extend(newer.tag);
    })
    .expect("v1.3.0 could go now, but was not planned");
    assert_eq!(names(&allowed), ["v1.0.0", "v1.1.0", "v1.2.0"]);
}

#[test]
fn every_change_is_reported() {
    type Change = fn(&mut Inventory, &mut PrunePolicy);
    let changes: [(Change, &str); 11] = [
        (|world, _| world.tags[0].object_id = "f".repeat(40), "tag v1.0.0 moved from "),
        (|world, _| world.latest = Some(2), "v1.1.0 is now kept (GitHub's latest release)"),
        (|_, policy| policy.protected_tags.push("v1.1.0".to_owned()), "v1.1.0 is now kept (the tag this job runs for)"),
        (|_, policy| policy.protect.push("v1.0.*".parse().expect("a pattern")), "v1.0.0 is now kept (protected by"),
        (|world, _| world.releases[0].immutable = Some(true), "v1.0.0 is now kept (immutable"),
        (|world, _| world.releases.extend(tagless(9, "v1.0.0", 1).release), "v1.0.0 has a new release (9)"),
        (|world, _| world.tags.extend(bare("v1.2.0", 3).tag), "tag v1.2.0 was created at "),
        (|world, _| world.releases[0].draft = true, "release 1 of v1.0.0 is now a draft"),
        (|world, _| world.releases[0].tag = "v0.1.0".to_owned(), "release 1 moved from v1.0.0 to v0.1.0"),
        (
            |world, _| world.releases[0].assets[0].digest = Some(format!("sha256:{:064x}", 99)),
            "v1.0.0 has a new or changed asset (reproq-linux-amd64)",
        ),
        (
            |world, _| world.repository.full_name = "acme/renamed".parse().expect("a repository"),
            "the plan is for acme/tool (id 7), but this is acme/renamed (id 7)",
        ),
    ];
    for (change, sentence) in changes {
        let moved = later(change).expect_err(sentence).to_string();
        assert!(moved.starts_with("the repository has changed since the plan was made: "), "{moved}");
        assert!(moved.contains(sentence), "wanted {sentence}; found {moved}");
    }
}

#[test]
fn another_repository_of_the_same_name_is_refused() {
    let moved = later(|world, _| world.repository.id = 8).expect_err("a transferred or recreated repository");
    assert_eq!(moved.differences.len(), 1);
    assert!(later(|world, _| world.repository.full_name = "Acme/Tool".parse().expect("a repository")).is_ok());
}

#[test]
fn all_differences_are_reported_together() {
    let moved = later(|world, _| {
        world.tags[0].object_id = "f".repeat(40);
        world.latest = Some(2);
    })
    .expect_err("two things moved");
    assert_eq!(moved.differences.len(), 2);
}

#[test]
fn a_planned_release_that_became_a_draft_is_not_gone() {
    // Another user deleted the tag first, which turns the release into a draft that no tag lookup finds.
    let moved = later(|world, _| {
        world.tags.retain(|tag| tag.name != "v1.0.0");
        world.releases[0].draft = true;
        world.releases[0].tag = "untagged-8f3a".to_owned();
    });
    let expected = ChangeSincePlan::BecameDraft { name: "v1.0.0".to_owned(), id: 1 };
    assert_eq!(moved, Err(WorldMoved { differences: vec![expected] }));
}

#[test]
fn during_a_run_one_change_does_not_stop_the_others() {
    let before = plan(&five(), &keeping(2));
    let mut world = after(&five(), &before);
    let again = five();
    world.releases.extend(again.releases[1..3].to_vec());
    world.tags.extend(again.tags[1..2].to_vec());
    world.latest = Some(2);
    let shrunk = shrink(before.delete(), &plan(&world, &keeping(2)));
    assert_eq!(names(&shrunk.proceed), ["v1.2.0"]);
    let why: Vec<_> = shrunk.dropped.iter().map(|(unit, why)| format!("{}: {why}", unit.name)).collect();
    assert_eq!(why, ["v1.0.0: already gone", "v1.1.0: v1.1.0 is now kept (GitHub's latest release)"]);
}
