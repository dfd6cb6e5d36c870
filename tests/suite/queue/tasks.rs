//! `reproq task list`, `show`, `why`, `logs`.

use std::fs;

use super::rows::database;
use super::rows::json;
use super::rows::project;

fn ids(document: &serde_json::Value) -> Vec<i64> {
    document["tasks"].as_array().expect("a list").iter().map(|task| task["id"].as_i64().expect("an id")).collect()
}

#[test]
fn tasks_are_filtered_and_paged_on_every_origin() {
    let cases: &[(&[&str], &[i64])] = &[
        (&["--status", "failed"], &[13, 10, 9]),
        (&["--status", "running,waiting"], &[17, 16, 14, 7, 6, 4]),
        (&["--queue", "mail"], &[2]),
        (&["--task", "shop.tasks.add"], &[18, 12, 1]),
        (&["--task", "*.[al]*", "--status", "READY"], &[18, 8, 5, 3, 1]),
        (&["--task", "other.*"], &[19]),
        (&["--task", "shop.task?.r[!x]port"], &[11]),
        (&["--task", "shop%"], &[]),
        (&["--older-than", "8h", "--status", "failed"], &[13, 10]),
        (&["--newer-than", "6h", "--status", "failed"], &[9]),
        (&["--error", "CARD"], &[9]),
        (&["--error", "not allowed"], &[10]),
        (&["--expired"], &[7, 6]),
        (&["--workflow", "00000000000000000000000000000002"], &[17, 16, 15]),
        (&["--limit", "3"], &[20, 19, 18]),
        (&["--limit", "3", "--after", "18"], &[17, 16, 15]),
        (&["--after", "2"], &[1]),
    ];
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        for (arguments, expected) in cases {
            let document = json(&context, &[&["task", "list"], *arguments].concat());
            assert_eq!(ids(&document), *expected, "{origin} {arguments:?}");
            let next = document["next_after"].as_i64();
            assert_eq!(next.is_some(), arguments.contains(&"--limit"), "{arguments:?}: {next:?}");
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_list", context.shown(&["task", "list", "--limit", "17"]));
        }
    }
}

#[test]
fn a_task_is_shown_with_numbers_as_they_are_stored() {
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let context = project(&database.url());
        insta::allow_duplicates! {
            insta::assert_snapshot!("task_show_failed", context.shown(&["task", "show", "9"]));
            insta::assert_snapshot!("task_show_successful", context.shown(&["task", "show", "11"]));
        }
        let output = context.succeed(&["task", "show", "11", "--json"]).stdout;
        for part in ["\"total\": 1.50", "12345678901234567890", "\"progress\": 40.0", "[11, 1.0]"] {
            assert!(output.contains(part), "{part}: {output}");
        }
        let document = json(&context, &["task", "show", "13"]);
        assert_eq!(document["children"][0]["id"], 14);
        let has_index = origin != "a";
        assert_eq!(document["workflow"]["state"].as_str(), has_index.then_some("stopped"), "{document:#}");
        database.sql(&format!(
            "update task_runs set errors_json = jsonb_build_array(repeat('x', {})) where result_id = 9",
            2 << 20
        ));
        let large = json(&context, &["task", "show", "9"]);
        assert!(large["errors"]["value"].is_null() && large["errors"]["bytes"].as_i64() > Some(2 << 20), "{large:#}");
        let missing = context.run(&["task", "show", "999"]);
        assert_eq!(missing.code, 4, "{missing:#?}");
    }
}

#[test]
fn each_task_says_what_it_waits_for() {
    let expected: &[(i64, &[&str])] = &[
        (1, &["tasks_ahead"]),
        (2, &["queue_paused"]),
        (3, &["run_after"]),
        (4, &["running"]),
        (5, &["lock_held"]),
        (6, &["lease_expired"]),
        (7, &["lease_missing"]),
        (8, &["concurrency_full"]),
        (9, &["finished"]),
        (14, &["parent_failed"]),
        (18, &["no_worker"]),
        (19, &["not_allowed", "cancel_requested", "expired"]),
    ];
    for origin in ["a", "b", "c", "d"] {
        let Some(database) = database(origin) else { return };
        let mut context = project(&database.url());
        context.set("ALLOWED_TASK_MODULES", "shop.tasks.,");
        // Of those enqueued at the same time, none comes first.
        database.sql("update task_runs set priority = -1 where result_id = 1");
        let causes = |id: i64| -> Vec<String> {
            let document = json(&context, &["task", "why", &id.to_string()]);
            let causes = document["causes"].as_array().expect("a list").iter();
            causes.map(|cause| cause["cause"].as_str().expect("a name").to_owned()).collect()
        };
        for (id, names) in expected {
            let found = causes(*id);
            assert_eq!(
                found.iter().filter(|name| names.contains(&name.as_str())).count(),
                names.len(),
                "{origin} {id}: {found:?}"
            );
            assert!(found.len() <= names.len() + usize::from(*id == 3), "{origin} {id}: {found:?}");
        }
        let has_tables = origin != "a";
        assert_eq!(causes(20), [if has_tables { "rate_limited" } else { "nothing" }], "{origin}");
        assert_eq!(causes(17), [if has_tables { "members_active" } else { "parent_gone" }], "{origin}");
        if origin == "d" {
            for id in ["5", "9", "14", "17", "18"] {
                insta::assert_snapshot!(format!("task_why_{id}"), context.shown(&["task", "why", id]));
            }
        }
    }
}

#[test]
fn only_log_files_below_the_directory_are_read() {
    let Some(database) = database("d") else { return };
    let context = project(&database.url());
    let logs = context.project().join("logs");
    fs::create_dir(&logs).expect("created");
    let lines: String = (1..=500).map(|number| format!("line {number}\n")).collect();
    fs::write(logs.join("task-9-attempt-3.log"), lines).expect("written");

    let unknown = context.run(&["task", "logs", "9"]);
    assert_eq!(unknown.code, 2, "{unknown:#?}");
    assert!(unknown.stderr.contains("--logs-dir"), "{unknown:#?}");
    let shown = context.succeed(&["task", "logs", "9", "--logs-dir", "logs", "--tail", "2"]).stdout;
    assert_eq!(shown, "line 499\nline 500\n");
    let cut = json(&context, &["task", "logs", "9", "--logs-dir", "logs", "--max-bytes", "1KiB"]);
    let kept = cut["lines"].as_array().expect("a list");
    assert!(cut["truncated"] == true && kept.len() > 50 && kept.len() < 200, "{cut:#}");

    // What the database names may be anything.
    fs::write(context.project().join("secret"), "password\n").expect("written");
    std::os::unix::fs::symlink(context.project().join("secret"), logs.join("link")).expect("linked");
    let refused = |uri: &str, code: i32| {
        database.sql(&format!("update task_runs set logs_uri = '{uri}' where result_id = 9"));
        let output = context.run(&["task", "logs", "9", "--logs-dir", "logs"]);
        assert_eq!(output.code, code, "{uri}: {output:#?}");
        assert!(!output.stdout.contains("password"), "{uri}: {output:#?}");
    };
    refused("logs/../secret", 9);
    refused("logs/link", 9);
    refused(&format!("file://{}", context.project().join("secret").display()), 9);
    refused("https://logs.example/9", 9);
    refused("logs/none", 4);
    refused("", 4);
    refused("logs", 1);
    database.sql("update task_runs set logs_uri = 'secret' where result_id = 9");
    let trusted = context.succeed(&["task", "logs", "9", "--any-path"]).stdout;
    assert_eq!(trusted, "password\n");
}

/// PostgreSQL has times without end, and Django's admin or a person with psql may write one.
#[test]
fn infinite_times_are_shown_and_nothing_fails() {
    for origin in ["a", "d"] {
        let Some(database) = database(origin) else { return };
        let columns = "select format('update %I set %I = ', table_name, column_name) from information_schema.columns \
                       where table_schema = 'public' and data_type = 'timestamp with time zone' \
                       and table_name <> 'django_migrations' order by 1";
        let updates = database.sql(columns);
        let context = project(&database.url());
        for time in ["infinity", "-infinity"] {
            for update in updates.lines() {
                database.sql(&format!("{update} '{time}'"));
            }
            let commands: [&[&str]; 15] = [
                &["task", "list"],
                &["task", "show", "1"],
                &["task", "why", "1"],
                &["task", "why", "3"],
                &["task", "why", "4"],
                &["task", "why", "9"],
                &["stats"],
                &["stats", "heatmap"],
                &["stats", "trend"],
                &["queue", "list"],
                &["workers", "list"],
                &["limit", "list"],
                &["workflow", "list"],
                &["periodic", "list"],
                &["db", "status"],
            ];
            for command in commands {
                for format in [&[][..], &["--json"]] {
                    let output = context.run(&[command, format].concat());
                    assert_eq!(output.code, 0, "{origin} {time} {command:?}: {output:#?}");
                }
            }
        }
    }
}
