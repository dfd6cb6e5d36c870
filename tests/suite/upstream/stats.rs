//! `stats --format api` and `serve` beside the stats page of the real package, on the same rows.

use serde_json::Value;

use super::shop::Shop;
use super::shop::real_worker;
use crate::queue::rows;
use crate::serve::Served;

const PAGE: &str = "
from django.test import Client
response = Client().get('/reproq/stats/', HTTP_AUTHORIZATION='Bearer token')
assert response.status_code == 200, response
print(response.content.decode())
";

/// Django sorts no list but the last; the order of rows is the server's.
fn sorted(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            let mut ordered: Vec<Value> = items.drain(..).map(sorted).collect();
            ordered.sort_by_key(ToString::to_string);
            *items = ordered;
        }
        Value::Object(entries) => {
            for entry in entries.values_mut() {
                *entry = sorted(entry.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

#[test]
fn the_stats_page_of_the_real_package_is_the_document_of_this_program() {
    for origin in ["a", "b", "c", "d"] {
        if real_worker().is_none() {
            return;
        }
        let Some(shop) = rows::database(origin).and_then(Shop::beside) else { return };
        let theirs = sorted(shop.python(PAGE));
        let ours = shop.context.succeed(&["stats", "--format", "api"]).stdout;
        let ours = sorted(serde_json::from_str(&ours).expect("a document"));
        assert_eq!(ours, theirs, "{origin}");
        let served = Served::ready(&shop.context, &[]).get("/reproq/stats/").json();
        assert_eq!(sorted(served), theirs, "{origin}");
        assert!(theirs["tasks"].as_object().is_some_and(|tasks| tasks.len() == 6), "{theirs:#}");
    }
}
