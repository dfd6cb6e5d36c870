//! Incidents of other pruning tools, each reproduced as far as a plan could have caused or prevented it.

use crate::model::AssetState;
use crate::releases::prune::Completeness;
use crate::releases::prune::Delete;
use crate::releases::prune::GuardRefusal;
use crate::releases::prune::Inventory;
use crate::releases::prune::PlanRefusal;
use crate::releases::prune::Prerelease;
use crate::releases::prune::PrunePlan;
use crate::releases::prune::VersionOrder;
use crate::releases::prune::parse_keep;
use crate::releases::prune::parse_min_age;
use crate::releases::prune::shrink;
use crate::releases::prune::testing::bare;
use crate::releases::prune::testing::day;
use crate::releases::prune::testing::deleted_names;
use crate::releases::prune::testing::draft_of;
use crate::releases::prune::testing::keeping;
use crate::releases::prune::testing::plan;
use crate::releases::prune::testing::reason_of;
use crate::releases::prune::testing::released;
use crate::releases::prune::testing::tagless;
use crate::releases::prune::testing::undated;
use crate::releases::prune::testing::world;

/// Releases `v1.1.0` to `v1.N.0`, one per day.
fn line(number: u64) -> Inventory {
    world((1..=number).map(|n| released(n, &format!("v1.{n}.0"), i64::try_from(n).expect("small"))))
}

#[test]
fn delete_older_releases_14_and_15_the_last_listed_is_not_the_oldest() {
    let mut inventory = line(5);
    inventory.releases.reverse();
    inventory.tags.swap(0, 3);
    assert_eq!(deleted_names(&plan(&inventory, &keeping(3))), ["v1.1.0", "v1.2.0"]);
}

#[test]
fn delete_older_releases_21_and_vanilla_dpup_2_commit_dates_tie() {
    let mut inventory = line(4);
    for release in &mut inventory.releases {
        release.created_at = Some(day(1));
    }
    assert_eq!(deleted_names(&plan(&inventory, &keeping(1))), ["v1.1.0", "v1.2.0", "v1.3.0"]);
    // The same with reversed commit dates, as after a rebase.
    for (release, backwards) in inventory.releases.iter_mut().zip([9, 8, 7, 6]) {
        release.created_at = Some(day(backwards));
    }
    assert_eq!(deleted_names(&plan(&inventory, &keeping(1))), ["v1.1.0", "v1.2.0", "v1.3.0"]);
}

#[test]
fn delete_older_releases_17_and_27_more_than_one_page_is_planned() {
    let plan = plan(&line(250), &keeping(3));
    assert_eq!((plan.delete().len(), plan.keep().len()), (247, 3));
    assert_eq!(plan.delete()[0].name, "v1.1.0");
}

#[test]
fn delete_older_releases_44_and_46_releases_without_assets_are_releases() {
    let parts = (1..=4).map(|n| {
        released(n, &format!("v1.{n}.0"), i64::try_from(n).expect("small")).with(|release| release.assets.clear())
    });
    assert_eq!(deleted_names(&plan(&world(parts), &keeping(2))), ["v1.1.0", "v1.2.0"]);
}

#[test]
fn delete_older_releases_10_and_45_names_are_compared_exactly() {
    let inventory = world([
        released(1, "v1.0.0+build#8", 1),
        released(2, "v1.0.0", 1),
        bare("a#8", 1),
        bare("a", 1),
        bare("v1%2e0", 1),
        bare("v1/../v2", 1),
        bare("r\u{e9}sum\u{e9}", 1),
        released(3, "v0.9.0+build.5", 1),
        released(4, "v2.0.0", 4),
    ]);
    let plan = plan(&inventory, &keeping(1));
    // `+build#8` is not build metadata: the name is not managed and does not affect `v1.0.0+build`.
    assert_eq!(deleted_names(&plan), ["v0.9.0+build.5", "v1.0.0"]);
    assert_eq!(reason_of(&plan, "v1/../v2"), "not a valid git tag name");
    for name in ["v1.0.0+build#8", "a#8", "a", "v1%2e0", "r\u{e9}sum\u{e9}"] {
        assert_eq!(reason_of(&plan, name), "not a version such as v1.2.3", "{name}");
    }
}

#[test]
fn delete_older_releases_12_and_13_a_tag_whose_release_is_deleted_is_still_listed() {
    let mut inventory = line(5);
    inventory.releases.remove(0);
    let plan = plan(&inventory, &keeping(3));
    assert_eq!(deleted_names(&plan), ["v1.1.0", "v1.2.0"]);
    assert!(plan.delete()[0].releases.is_empty() && plan.delete()[0].tag.is_some());
}

#[test]
fn delete_older_releases_7_and_11_betas_do_not_displace_stable_versions_when_counted_separately() {
    let inventory = world([
        released(1, "v1.0.0", 1),
        released(2, "v1.1.0", 2),
        released(3, "v1.2.0-beta.1", 3),
        released(4, "v1.2.0-beta.2", 4),
        released(5, "v1.2.0-beta.3", 5),
    ]);
    let mut policy = keeping(2);
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.0.0", "v1.2.0-beta.1"]);
    policy.prerelease = Prerelease::Separate("1".parse().ok());
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.2.0-beta.1", "v1.2.0-beta.2"]);
    policy.prerelease = Prerelease::Separate(None);
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.2.0-beta.1"]);
    policy.prerelease = Prerelease::Ignore;
    let ignoring = plan(&inventory, &policy);
    assert_eq!(deleted_names(&ignoring), [""; 0]);
    assert_eq!(reason_of(&ignoring, "v1.2.0-beta.1"), "prerelease, ignored by --prerelease");
}

#[test]
fn delete_older_releases_and_sgpublic_invalid_numbers_are_errors() {
    for text in ["0", "-1", "", " ", "NaN", "undefined"] {
        assert!(parse_keep(text).is_err(), "{text:?}");
    }
}

#[test]
fn delete_tag_and_release_13_a_draft_does_not_delete_published_releases() {
    let mut inventory = line(23);
    let without = deleted_names(&plan(&inventory, &keeping(23))).len();
    inventory.releases.extend(draft_of(99, "v1.24.0").release);
    let with = plan(&inventory, &keeping(23));
    assert_eq!((without, deleted_names(&with).len(), with.drafts().len()), (0, 0, 1));
    // Even if a plan contained all but one of them, the limit per run would stop it.
    let most = plan(&inventory, &keeping(1));
    assert_eq!(most.guard(10), Err(GuardRefusal::TooMany { planned: 22, limit: 10 }));
}

#[test]
fn delete_tag_and_release_29_the_tag_of_the_job_is_recognized_in_either_spelling() {
    for spelling in ["v1.1.0", "refs/tags/v1.1.0"] {
        let mut policy = keeping(1);
        policy.protected_tags = vec![spelling.to_owned()];
        let plan = plan(&line(3), &policy);
        assert_eq!(deleted_names(&plan), ["v1.2.0"]);
        assert_eq!(reason_of(&plan, "v1.1.0"), "the tag this job runs for");
    }
}

#[test]
fn delete_tag_and_release_and_ophub_a_list_with_a_missing_page_is_never_pruned() {
    let mut inventory = line(5);
    inventory.complete =
        Completeness::Incomplete { why: "page 2 of the releases did not come".to_owned(), is_final: false };
    let refusal = PrunePlan::compute(&inventory, &keeping(1), day(100));
    assert_eq!(
        refusal,
        Err(PlanRefusal::Incomplete { why: "page 2 of the releases did not come".to_owned(), is_final: false })
    );
}

#[test]
fn ophub_and_keptn_3355_a_draft_has_no_date_and_is_not_the_oldest() {
    let mut inventory = line(4);
    inventory.releases.extend([draft_of(9, "v1.5.0").release, draft_of(10, "v1.1.0").release].into_iter().flatten());
    inventory.tags.extend(bare("v1.5.0", 1).tag);
    let plan = plan(&inventory, &keeping(1));
    assert_eq!(deleted_names(&plan), ["v1.2.0", "v1.3.0"]);
    assert_eq!(plan.drafts().len(), 2);
    assert_eq!(reason_of(&plan, "v1.1.0"), "a draft names this tag");
    let ids: Vec<u64> = plan.delete().iter().flat_map(Delete::release_ids).collect();
    assert_eq!(ids, [2, 3]);
}

#[test]
fn webviz_2839_and_sgpublic_untagged_drafts_without_a_title_stay() {
    let inventory = world([released(1, "v1.0.0", 1), draft_of(2, "untagged-8f3a"), draft_of(3, "untagged-8f3a")]);
    let plan = plan(&inventory, &keeping(1));
    assert_eq!((deleted_names(&plan), plan.drafts().len()), (vec![], 2));
}

#[test]
fn delete_package_versions_13_21_and_97_equal_dates_are_ordered_by_id_and_the_newest_is_kept() {
    let mut policy = keeping(1);
    policy.order = VersionOrder::Published;
    // Three nightlies with equal dates; precedence would order them differently.
    let inventory = world([
        released(3, "v1.0.0-nightly.1", 5),
        released(1, "v1.0.0-nightly.3", 5),
        released(2, "v1.0.0-nightly.2", 5),
    ]);
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.0.0-nightly.3", "v1.0.0-nightly.2"]);
}

#[test]
fn delete_package_versions_6_and_terrapod_1374_latest_is_kept_at_any_age() {
    let mut inventory = line(6);
    inventory.latest = Some(1);
    let plan = plan(&inventory, &keeping(2));
    assert_eq!(deleted_names(&plan), ["v1.2.0", "v1.3.0", "v1.4.0"]);
    assert_eq!(reason_of(&plan, "v1.1.0"), "GitHub's latest release");
    assert_eq!(plan.over_quota(), 1);
    let quota = "3 are kept, 1 more than the 2 requested: 2 are among the newest and 1 is kept for another reason";
    assert_eq!(plan.warnings(), [quota]);
}

#[test]
fn delete_package_versions_111_and_116_only_versions_count() {
    let mut inventory = line(3);
    for name in ["v1", "v1.3", "latest", "nightly", "reproq-v9.9.9"] {
        inventory.tags.extend(bare(name, 90).tag);
    }
    inventory.releases.extend(draft_of(9, "v9.0.0").release);
    let plan = plan(&inventory, &keeping(2));
    assert_eq!(deleted_names(&plan), ["v1.1.0"]);
    assert_eq!((plan.keep().len(), plan.unmanaged().len(), plan.drafts().len()), (2, 5, 1));
}

#[test]
fn kernel_ai_assistant_1468_a_rolling_release_is_not_old() {
    let inventory = world([released(1, "debug-latest", 1), released(2, "v1.0.0", 50)]);
    let plan = plan(&inventory, &keeping(1));
    assert_eq!(deleted_names(&plan), [""; 0]);
    assert_eq!(plan.unmanaged().len(), 1);
}

#[test]
fn isle_buildkit_532_near_versions_do_not_match_and_no_match_does_not_mean_all() {
    let nearly = ["1.2", "2024.01.05", "1.2.3.4", "1.0.0-alpha.01", "V1.2.3", "v1", "vv1.2.3", "app@1.2.3"];
    let inventory = world(nearly.map(|name| bare(name, 1)));
    let refusal = PrunePlan::compute(&inventory, &keeping(1), day(100));
    assert!(matches!(refusal, Err(PlanRefusal::NothingManaged { examples, .. }) if examples.len() == 5));
    let empty = PrunePlan::compute(&world([]), &keeping(1), day(100));
    assert!(matches!(empty, Err(PlanRefusal::NothingManaged { examples, .. }) if examples.is_empty()));
}

#[test]
fn elephc_867_a_reused_name_is_not_the_planned_one() {
    let before = plan(&line(3), &keeping(1));
    let mut inventory = line(3);
    inventory.tags[0].object_id = "f".repeat(40);
    let shrunk = shrink(before.delete(), &plan(&inventory, &keeping(1)));
    assert_eq!(shrunk.proceed.len(), 1);
    assert!(shrunk.dropped[0].1.to_string().starts_with("tag v1.1.0 moved from "));
}

#[test]
fn symaira_vault_742_and_sungrow_hass_444_two_releases_of_one_tag_have_the_same_outcome() {
    let twins = |latest: Option<u64>| {
        let mut inventory = line(3);
        inventory.releases.extend(tagless(77, "v1.1.0", 1).release);
        inventory.latest = latest;
        plan(&inventory, &keeping(1))
    };
    let both = twins(None);
    assert_eq!(both.delete()[0].release_ids(), [1, 77]);
    assert!(both.warnings()[0].starts_with("tag v1.1.0 has 2 releases"), "{:?}", both.warnings());
    assert_eq!(deleted_names(&twins(Some(77))), ["v1.2.0"]);
}

#[test]
fn femto_car_launcher_287_a_release_without_a_tag_is_deleted_by_id() {
    let inventory = world([tagless(5, "v1.0.0", 1), released(6, "v1.1.0", 2)]);
    let plan = plan(&inventory, &keeping(1));
    assert_eq!((plan.delete()[0].release_ids(), &plan.delete()[0].tag), (vec![5], &None));
}

#[test]
fn gh_aw_30848_a_version_others_pin_is_protected_by_name() {
    let mut policy = keeping(1);
    policy.protect = ["v1.2.*", "v9.*"].map(|text| text.parse().expect("a pattern")).to_vec();
    let plan = plan(&line(4), &policy);
    assert_eq!(deleted_names(&plan), ["v1.1.0", "v1.3.0"]);
    assert_eq!(reason_of(&plan, "v1.2.0"), "protected by `v1.2.*`");
    assert_eq!(plan.warnings()[0], "--protect `v9.*` matches no tag");
}

#[test]
fn a_backport_after_the_new_major_deletes_neither() {
    let inventory = world([
        released(1, "v1.0.0", 1),
        released(2, "v2.0.0", 2),
        released(3, "v1.0.1", 3),
        released(4, "v1.0.2", 4),
        released(5, "v1.0.3", 5),
    ]);
    let mut policy = keeping(2);
    let both = plan(&inventory, &policy);
    assert_eq!(deleted_names(&both), ["v1.0.0", "v1.0.1"]);
    let conflict = both.order_conflict().expect("the orders disagree");
    assert_eq!(
        (&conflict.only_semver[..], &conflict.only_published[..]),
        (&["v2.0.0".into()][..], &["v1.0.2".into()][..])
    );
    // By date alone v2.0.0 would be deleted if it were not the newest stable version.
    policy.order = VersionOrder::Published;
    let by_time = plan(&inventory, &policy);
    assert_eq!((deleted_names(&by_time), by_time.order_conflict()), (vec!["v1.0.0", "v1.0.1"], None));
    assert_eq!(reason_of(&by_time, "v2.0.0"), "newest stable version");
    policy.order = VersionOrder::Semver;
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.0.0", "v1.0.1", "v1.0.2"]);
}

#[test]
fn a_tag_of_unknown_age_may_be_a_release_in_preparation() {
    let mut inventory = line(3);
    inventory.tags.extend(undated("v1.0.7").tag);
    let mut policy = keeping(2);
    let both = plan(&inventory, &policy);
    assert_eq!(
        (deleted_names(&both), reason_of(&both, "v1.0.7")),
        (vec!["v1.1.0"], "no date, so it may be new".to_owned())
    );
    policy.order = VersionOrder::Semver;
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.0.7", "v1.1.0"]);
}

#[test]
fn a_release_with_an_unfinished_upload_is_kept() {
    let mut inventory = line(3);
    inventory.releases[0].assets[0].state = AssetState::Incomplete;
    let plan = plan(&inventory, &keeping(1));
    assert_eq!(deleted_names(&plan), ["v1.2.0"]);
    assert_eq!(reason_of(&plan, "v1.1.0"), "the upload of reproq-linux-amd64 is not finished");
}

#[test]
fn spellings_of_one_version_count_once_and_are_kept_together() {
    let inventory = world([
        released(1, "1.2.3", 1),
        released(2, "v1.2.3", 2),
        released(3, "v1.2.3+build.5", 3),
        released(4, "v1.3.0", 4),
        released(5, "v1.1.0", 5),
    ]);
    let two = plan(&inventory, &keeping(2));
    assert_eq!(deleted_names(&two), [""; 0]);
    assert_eq!(reason_of(&two, "1.2.3"), "same version as v1.2.3+build.5, which is kept");
    assert!(two.warnings()[0].contains("1.2.3, v1.2.3, v1.2.3+build.5 are one version"), "{:?}", two.warnings());
    let mut inventory = inventory;
    inventory.latest = Some(1);
    let one = plan(&inventory, &keeping(1));
    assert_eq!(reason_of(&one, "v1.2.3"), "same version as 1.2.3, which is kept");
    inventory.latest = None;
    assert_eq!(deleted_names(&plan(&inventory, &keeping(1))), ["1.2.3", "v1.2.3", "v1.2.3+build.5"]);
}

#[test]
fn hve_core_554_an_immutable_release_is_deleted_only_on_request() {
    let mut inventory = line(3);
    inventory.releases[0].immutable = Some(true);
    let mut policy = keeping(1);
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.2.0"]);
    policy.allow_immutable = true;
    let allowed = plan(&inventory, &policy);
    assert_eq!(deleted_names(&allowed), ["v1.1.0", "v1.2.0"]);
    assert_eq!(allowed.warnings(), ["immutable, so these tag names can never be used again: v1.1.0"]);
}

#[test]
fn a_version_without_assets_does_not_delete_the_last_installable_one() {
    let assetless = released(3, "v2.0.0", 3).with(|release| release.assets.clear());
    let inventory = world([released(1, "v1.0.0", 1), released(2, "v1.1.0", 2), assetless, bare("v3.0.0", 4)]);
    let plan = plan(&inventory, &keeping(1));
    assert_eq!(deleted_names(&plan), ["v1.0.0"]);
    assert_eq!(reason_of(&plan, "v2.0.0"), "newest stable version");
    assert_eq!(reason_of(&plan, "v1.1.0"), "newest stable version with an installable asset");
    assert_eq!(plan.guard(1), Ok(()));
}

#[test]
fn without_a_stable_release_the_newest_version_by_name_is_kept() {
    let mut policy = keeping(1);
    policy.order = VersionOrder::Published;
    let inventory = world([bare("v1.0.0", 3), bare("v2.0.0", 1), bare("v0.9.0", 2), bare("v3.0.0-rc.1", 1)]);
    let plan = plan(&inventory, &policy);
    assert_eq!(deleted_names(&plan), ["v3.0.0-rc.1", "v0.9.0"]);
    assert_eq!(reason_of(&plan, "v2.0.0"), "newest stable version");
}

#[test]
fn a_tag_whose_prerelease_was_just_deleted_is_not_the_newest_stable_version() {
    let marked = |id, name, day| released(id, name, day).with(|release| release.prerelease = true);
    let mut inventory = world([marked(1, "v1.1.0", 1), marked(2, "v1.2.0", 2), marked(3, "v1.3.0", 3)]);
    inventory.releases.remove(0);
    assert_eq!(deleted_names(&plan(&inventory, &keeping(2))), ["v1.1.0"]);
    inventory.releases.extend(released(4, "v0.1.0", 4).release);
    assert_eq!(deleted_names(&plan(&inventory, &keeping(2))), ["v1.1.0"]);
}

#[test]
fn a_unit_with_the_version_of_an_ignored_prerelease_is_kept() {
    let marked = released(1, "v1.0.0", 1).with(|release| release.prerelease = true);
    let inventory = world([marked, released(2, "1.0.0", 1), released(3, "v0.9.0", 1), released(4, "v2.0.0", 4)]);
    let mut policy = keeping(1);
    policy.prerelease = Prerelease::Ignore;
    let plan = plan(&inventory, &policy);
    assert_eq!(deleted_names(&plan), ["v0.9.0"]);
    assert_eq!(reason_of(&plan, "1.0.0"), "same version as v1.0.0, which is kept");
}

#[test]
fn a_minimum_age_keeps_recent_and_future_dates() {
    let inventory = world([
        released(1, "v1.0.0", 200),
        released(2, "v1.1.0", 99),
        released(3, "v1.2.0", 97),
        released(4, "v1.3.0", 201),
    ]);
    let mut policy = keeping(1);
    assert_eq!(deleted_names(&plan(&inventory, &policy)), ["v1.0.0", "v1.1.0", "v1.2.0"]);
    policy.min_age = parse_min_age("36h").expect("an age");
    let plan = plan(&inventory, &policy);
    assert_eq!(deleted_names(&plan), ["v1.2.0"]);
    assert_eq!(reason_of(&plan, "v1.1.0"), "24 hours old, below the minimum age");
}
