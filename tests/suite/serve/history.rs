//! Samples of the depth, in the table that `db migrate --history` creates.

use serde_json::Value;

use super::Served;
use super::until;
use crate::queue::rows::database;
use crate::queue::rows::project;

#[test]
fn the_depth_is_kept_for_a_month_and_the_trend_uses_it() {
    let Some(database) = database("b") else { return };
    let context = project(&database.url());
    let created = context.succeed(&["db", "migrate", "--history", "--yes"]).stdout;
    assert!(created.contains("create table reproq_depth_history"), "{created}");
    let again = context.succeed(&["db", "migrate", "--history", "--yes"]).stdout;
    assert!(again.contains("Nothing to do"), "{again}");
    let sample = |age: &str, ready: i64| {
        database.sql(&format!(
            "insert into reproq_depth_history values (now() - interval '{age}', '', {ready}, 1, 2, 3), \
             (now() - interval '{age}', 'default', {ready}, 1, 2, 3)"
        ));
    };
    sample("2 hours", 500);
    sample("40 days", 1);
    let served = Served::ready(&context, &[]);
    let new = "select count(*) from reproq_depth_history where sampled_at > now() - interval '10 minutes'";
    until("a sample", || database.as_superuser(new) != "0");
    let all = "select ready, scheduled, running, waiting from reproq_depth_history where queue_name = '' order by sampled_at desc limit 1";
    assert_eq!(database.as_superuser(all), "7|1|4|2");
    assert_eq!(
        database
            .as_superuser("select count(*) from reproq_depth_history where sampled_at < now() - interval '31 days'"),
        "0"
    );
    let trend: Value =
        serde_json::from_str(&context.succeed(&["stats", "trend", "--json"]).stdout).expect("a document");
    let depths: Vec<i64> =
        trend["buckets"].as_array().expect("buckets").iter().filter_map(|bucket| bucket["depth"].as_i64()).collect();
    assert!(depths.contains(&506), "{trend:#}");
    assert!(trend["sampled_buckets"].as_i64() >= Some(1), "{trend:#}");
    let shown = context.succeed(&["stats", "trend"]).stdout;
    assert!(shown.contains("buckets was sampled by `reproq serve`"), "{shown}");
    assert!(served.lines().iter().all(|line| !line.contains("is not kept")), "{:?}", served.lines());
}

#[test]
fn a_table_that_this_user_cannot_write_is_left_alone() {
    let Some(database) = database("b") else { return };
    let context = project(&database.url());
    database.as_superuser(
        "create table reproq_depth_history (sampled_at timestamptz, queue_name text, ready int8, scheduled int8, running int8, waiting int8)",
    );
    let served = Served::ready(&context, &[]);
    assert_eq!(database.as_superuser("select count(*) from reproq_depth_history"), "0");
    assert!(served.lines().iter().all(|line| !line.contains("is not kept")), "{:?}", served.lines());
    // Nor can it be read.
    let trend: Value =
        serde_json::from_str(&context.succeed(&["stats", "trend", "--json"]).stdout).expect("a document");
    assert_eq!(trend["sampled_buckets"], 0);
}
