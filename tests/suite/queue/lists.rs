//! `reproq workers list`, `periodic list` and `check`, `limit list`, `workflow list` and `show`.

use super::rows::database;
use super::rows::json;
use super::rows::project;

#[test]
fn lists_are_the_same_on_every_origin() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        let checked = context.run(&["periodic", "check"]);
        assert_eq!(checked.code, 1, "{checked:#?}");
        let workers = json(&context, &["workers", "list"]);
        let workers: Vec<(&str, &str, i64)> = workers["workers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| {
                (
                    it["worker_id"].as_str().expect("an id"),
                    it["state"].as_str().expect("a state"),
                    it["running"].as_i64().expect("a number"),
                )
            })
            .collect();
        assert_eq!(workers, [("gone", "unknown", 1), ("w1", "alive", 3), ("w2", "stale", 0)], "{origin}");
        insta::allow_duplicates! {
            insta::assert_snapshot!("periodic_check", context.redact(&checked));
            insta::assert_snapshot!("periodic_list", context.shown(&["periodic", "list"]));
        }
        let page = json(&context, &["periodic", "list", "--limit", "1", "--after", "broken"]);
        assert_eq!((&page["schedules"][0]["name"], &page["next_after"]), (&"nightly".into(), &"nightly".into()));
    }
}

#[test]
fn limits_and_workflows_are_where_their_tables_are() {
    let Some(django) = database("a") else { return };
    let context = project(&django.url());
    for arguments in [&["limit", "list"][..], &["workflow", "list"]] {
        let text = context.succeed(arguments).stdout;
        assert!(text.contains("`reproq db migrate` creates it"), "{text}");
    }
    // One workflow is found all the same.
    let shown = json(&context, &["workflow", "show", "14"]);
    assert_eq!((&shown["kind"], &shown["state"]), (&"chain".into(), &"stopped".into()), "{shown:#}");

    for origin in ["b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        insta::allow_duplicates! {
            insta::assert_snapshot!("workflow_list", context.shown(&["workflow", "list"]));
            insta::assert_snapshot!("workflow_show_chord", context.shown(&["workflow", "show", "17"]));
            insta::assert_snapshot!("workflow_show_chain", context.shown(&["workflow", "show", "00000000-0000-0000-0000-000000000001"]));
        }
        let limits = json(&context, &["limit", "list"]);
        let keys: Vec<(&str, bool)> = limits["limits"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| (it["key"].as_str().expect("a key"), it["active"].as_bool().expect("a value")))
            .collect();
        assert_eq!(keys, [("global", false), ("queue:slow", true)]);
        assert!(context.succeed(&["limit", "list"]).stdout.contains("next in"), "{limits:#}");
        let none = context.run(&["workflow", "show", "1"]);
        assert_eq!(none.code, 4, "{none:#?}");

        // A member succeeded before the row of its workflow existed.
        database.sql("update task_runs set status = 'SUCCESSFUL', leased_until = null where result_id = 16");
        let hanging = json(&context, &["workflow", "show", "17"]);
        assert_eq!(hanging["state"], "hanging", "{hanging:#}");
        assert_eq!(hanging["problems"].as_array().map(Vec::len), Some(2), "{hanging:#}");
    }
}

#[test]
fn an_empty_database_is_no_error() {
    let Some(database) = test_postgres::Database::of_origin("d") else { return };
    let context = project(&database.url());
    for arguments in [
        &["stats"][..],
        &["stats", "heatmap"],
        &["stats", "trend"],
        &["task", "list"],
        &["queue", "list"],
        &["workers", "list"],
        &["periodic", "list"],
        &["periodic", "check"],
        &["limit", "list"],
        &["workflow", "list"],
    ] {
        context.succeed(arguments);
    }
    let Some(nothing) = test_postgres::Database::new() else { return };
    let output = project(&nothing.url()).run(&["stats"]);
    assert!(output.code == 4 && output.stderr.contains("reproq db"), "{output:#?}");
}
