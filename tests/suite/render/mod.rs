//! `reproq render env` against a Render on loopback: what is shown, what is changed, and what is never lost.

mod crash;
mod failures;
mod random;
mod refusals;
mod secrets;
pub mod world;

use fake_render::Matcher;

use world::RenderWorld;

#[test]
fn the_plan_gives_every_variable_a_fate_and_changes_nothing() {
    let world = RenderWorld::new();
    let before = world.variables();
    insta::assert_snapshot!(world.shown(&["render", "env", "plan"]));
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--json"]));
    assert_eq!(world.run(&["render", "env", "plan", "--exit-code"]).code, 3);
    assert_eq!(world.run(&["render", "env", "plan", "-q"]).stdout, world.planned_keys());
    assert_eq!(world.variables(), before);
    assert!(world.render.requests().iter().all(|request| !request.is_write()));
    assert!(!world.context.project().join(".reproq").exists(), "a plan leaves no trace");
}

#[test]
fn forty_five_variables_are_read_in_three_pages_and_only_the_plan_is_changed() {
    let world = RenderWorld::new();
    assert_eq!(world.render.variables(&world.shop).len(), 45);
    insta::assert_snapshot!(world.shown_once(&["render", "env", "apply", "--yes"]));
    world.assert_done();
    let list = format!("/services/{}/env-vars?", world.shop);
    let reads = world.render.requests().iter().filter(|request| request.path.contains(&list)).count();
    // The survey, before each of four changes, and at the end: three pages and an empty one each.
    assert_eq!(reads, 6 * 4);
    insta::assert_snapshot!(world.shown(&["render", "env", "apply", "--yes"]));
    assert_eq!(world.run(&["render", "env", "plan", "--exit-code"]).code, 0);
}

#[test]
fn each_change_is_one_request_for_one_variable() {
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes"]);
    let writes: Vec<String> = world
        .render
        .requests()
        .iter()
        .filter(|request| request.is_write())
        .map(|request| {
            format!("{} {}", request.method, request.path.replace(&world.shop, "SHOP").replace(&world.shared, "SHARED"))
        })
        .collect();
    assert_eq!(
        writes,
        [
            "PUT /v1/env-groups/SHARED/env-vars/LOG_LEVEL",
            "PUT /v1/services/SHOP/env-vars/ADDED",
            "PUT /v1/services/SHOP/env-vars/CHANGED",
            "PUT /v1/services/SHOP/env-vars/SECRET_KEY",
            "PUT /v1/services/SHOP/env-vars/WEB_CONCURRENCY",
        ]
    );
    assert_eq!(world.render.full_replacements(), 0);
}

#[test]
fn an_unmanaged_variable_is_removed_only_if_it_is_named() {
    let world = RenderWorld::new();
    let remove = ["--service", "shop", "--remove", "KEY_00", "--remove", "KEY_00", "--remove", "GONE"];
    let apply = [&["render", "env", "apply", "--yes"][..], &remove].concat();
    let plan = world.run(&[&["render", "env", "plan"][..], &remove].concat());
    assert!(plan.stdout.contains("remove     KEY_00"), "{plan:#?}");
    assert!(plan.stdout.contains("unchanged  GONE"), "{plan:#?}");
    let mut expected = world.unplanned();
    assert!(expected.remove("KEY_00").is_some());
    world.succeed(&apply);
    assert_eq!(world.unplanned(), expected);
    world.succeed(&apply);
    assert_eq!(world.unplanned(), expected);
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--service", "shop", "--remove", "DATABASE_URL"]));
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--service", "shop", "--remove", ".."]));
}

#[test]
fn verify_fails_until_every_declared_variable_exists() {
    let world = RenderWorld::new();
    insta::assert_snapshot!(world.shown(&["render", "env", "verify"]));
    insta::assert_snapshot!(world.shown(&["render", "env", "verify", "--json"]));
    world.succeed(&["render", "env", "apply", "--yes"]);
    assert_eq!(world.run(&["render", "env", "verify"]).code, 3, "STRIPE_KEY must be entered by a user");
    world.render.set(&world.shop, "STRIPE_KEY", "canary-entered");
    insta::assert_snapshot!(world.shown(&["render", "env", "verify"]));
    // Values are not compared.
    world.render.set(&world.shop, "ADDED", "canary-other");
    world.succeed(&["render", "env", "verify"]);
}

#[test]
fn a_deploy_is_started_only_when_it_is_asked_for() {
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes"]);
    assert_eq!(world.render.deploys(&world.shop), 0);
    world.render.unset(&world.shop, "ADDED");
    insta::assert_snapshot!(world.shown(&["render", "env", "apply", "--yes", "--deploy"]));
    assert_eq!(world.render.deploys(&world.shop), 1);
    world.succeed(&["render", "env", "apply", "--yes", "--deploy"]);
    assert_eq!(world.render.deploys(&world.shop), 1, "nothing changed");
    world.succeed(&["render", "env", "apply", "--yes", "--deploy=always"]);
    assert_eq!(world.render.deploys(&world.shop), 2);
    // A change of the group concerns the service that uses it.
    world.render.set(&world.shared, "LOG_LEVEL", "canary-other");
    world.succeed(&["render", "env", "apply", "--yes", "--deploy"]);
    assert_eq!(world.render.deploys(&world.shop), 3);
}

#[test]
fn a_deploy_that_fails_is_reported_and_the_changes_stay() {
    let world = RenderWorld::new();
    world.render.fault(Matcher::any().method("POST"), fake_render::Fault::status(409));
    insta::assert_snapshot!(world.shown_once(&["render", "env", "apply", "--yes", "--deploy"]));
    world.assert_done();
}

#[test]
fn a_refused_deploy_after_changes_is_partial_and_explains_what_to_do() {
    for (status, code, hint) in [
        (422, 7, "start it with `--deploy=always`"),
        (401, 9, "set RENDER_API_KEY to a valid API key"),
        (403, 9, "use an API key of a user who may manage the service"),
    ] {
        let world = RenderWorld::new();
        world.render.fault(Matcher::any().method("POST"), fake_render::Fault::status(status));
        let output = world.run(&["render", "env", "apply", "--yes", "--deploy"]);
        assert_eq!(output.code, code, "{output:#?}");
        assert!(output.stderr.contains(hint), "{output:#?}");
        assert!(output.stderr.contains("the variables are set"), "{output:#?}");
        world.assert_done();
    }
    // Nothing was changed, so nothing is done in part.
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes"]);
    world.render.fault(Matcher::any().method("POST"), fake_render::Fault::status(422));
    assert_eq!(world.run(&["render", "env", "apply", "--yes", "--deploy=always"]).code, 1);
}

#[test]
fn a_deploy_that_is_queued_has_no_id() {
    let world = RenderWorld::new();
    world.render.queue_deploys();
    let output = world.succeed(&["render", "env", "apply", "--yes", "--deploy"]);
    assert!(output.stdout.contains("Deploy of shop queued"), "{output:#?}");
    assert_eq!(world.render.deploys(&world.shop), 1);
    let output = world.succeed(&["render", "env", "apply", "--yes", "--deploy=always", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(document["deploys"], serde_json::json!([{ "service": "shop", "id": null }]));
    assert_eq!(document["deploy_needed"], false);
}

#[test]
fn the_headline_counts_the_changes_that_were_never_started() {
    let world = RenderWorld::new();
    world.render.fault(Matcher::any().method("PUT").always(), fake_render::Fault::status(401));
    let output = world.run(&["render", "env", "apply", "--yes"]);
    assert_eq!(output.code, 9, "{output:#?}");
    assert!(output.stdout.starts_with("0 of 5 changes made."), "{output:#?}");
}

#[test]
fn a_variable_that_disappears_while_the_limit_is_waited_for_is_removed() {
    let world = RenderWorld::new();
    let limited = fake_render::Fault::Limited { retry_after: Some(0), reset: None };
    world.render.fault(Matcher::any().method("DELETE"), limited);
    let shop = world.shop.clone();
    world.render.before(Matcher::any().method("DELETE").nth(2), move |render| render.unset(&shop, "KEY_00"));
    let remove = ["render", "env", "apply", "--yes", "--service", "shop", "--remove", "KEY_00"];
    let output = world.succeed(&remove);
    assert!(output.stdout.contains("removed"), "{output:#?}");
    assert!(!output.stderr.contains("in 0 s"), "{output:#?}");
    assert!(output.stderr.contains("remove KEY_00: Render did not find it; reading again"), "{output:#?}");
}

#[test]
fn the_audit_record_has_every_change_and_no_value() {
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes", "--audit", "record.jsonl"]);
    let text = std::fs::read_to_string(world.context.project().join("record.jsonl")).expect("a record");
    assert!(!text.contains("canary"), "{text}");
    insta::assert_snapshot!(world.redacted(&text));
}
