//! What is refused before anything is changed, most of it before any request.

use super::world::RenderWorld;

const PLAN: [&str; 3] = ["render", "env", "plan"];
const APPLY: [&str; 3] = ["render", "env", "apply"];

#[test]
fn a_file_that_is_not_a_blueprint_is_refused_with_its_line() {
    let cases = [
        (
            "services:\n  - type: web\n    name: shop\n    envVars:\n      - key: A\n        value: 3.10\n",
            "line 6, column 16",
        ),
        (
            "services:\n  - type: web\n    name: shop\n    envVars:\n      - key: ..\n        value: canary\n",
            "line 5, column 14",
        ),
        ("services: [", "line 2, column 1"),
        ("databases: []\n", "no service or group"),
    ];
    for (text, expected) in cases {
        let world = RenderWorld::empty(text);
        let output = world.run(&PLAN);
        assert_eq!(output.code, 2, "{output:#?}");
        assert!(output.stderr.contains(expected), "{output:#?}");
        assert!(world.render.requests().is_empty());
    }
    insta::assert_snapshot!(RenderWorld::empty(cases[0].0).shown(&PLAN));
}

#[test]
fn a_missing_file_is_named() {
    let world = RenderWorld::new();
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--file", "other.yaml"]));
}

#[test]
fn what_is_not_there_is_named() {
    let world = RenderWorld::new();
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--service", "other"]));
    world.render.remove_owner(&world.shop);
    insta::assert_snapshot!(world.shown(&PLAN));
}

#[test]
fn a_service_of_another_workspace_is_not_mistaken() {
    let world = RenderWorld::new();
    let other = world.render.add_service_of("tea-2", "shop", "web_service");
    // Another type is another service.
    let _ = world.render.add_service("shop", "background_worker");
    insta::assert_snapshot!(world.shown(&PLAN));
    world.succeed(&["render", "env", "apply", "--yes", "--workspace", "tea-1"]);
    world.assert_done();
    assert!(world.render.variables(&other).is_empty());
}

#[test]
fn services_in_different_workspaces_are_refused() {
    let two = "services:\n- {type: web, name: shop}\n- {type: worker, name: jobs}\n";
    let world = RenderWorld::empty(two);
    let _ = world.render.add_service_of("tea-2", "jobs", "background_worker");
    let output = world.run(&PLAN);
    assert_eq!(output.code, 8, "{output:#?}");
    assert!(output.stderr.contains("different workspaces: shop in tea-1, jobs in tea-2"), "{output:#?}");
    assert!(output.stderr.contains("hint: choose the workspace with `--workspace ID`"), "{output:#?}");
    // One of them can be chosen.
    world.succeed(&[&PLAN[..], &["--service", "jobs"]].concat());
}

#[test]
fn a_group_that_only_render_can_link_is_reported() {
    let world = RenderWorld::new();
    world.render.remove_owner(&world.shared);
    insta::assert_snapshot!(world.shown(&PLAN));
    let _ = world.render.add_group("shared", &[]);
    let output = world.run(&["render", "env", "verify"]);
    assert_eq!(output.code, 3, "{output:#?}");
    assert!(output.stdout.contains("the group shared is not linked to the service shop"), "{output:#?}");
}

#[test]
fn the_key_comes_from_the_environment_and_goes_nowhere_else() {
    let mut world = RenderWorld::new();
    world.context.set("RENDER_API_KEY", "");
    insta::assert_snapshot!(world.shown(&PLAN));
    world.context.set("RENDER_API_KEY", "canary with spaces");
    insta::assert_snapshot!(world.shown(&PLAN));
    world.context.set("RENDER_API_KEY", super::world::API_KEY);
    for url in [
        "http://api.render.com/v1",
        "http://10.0.0.1/v1",
        "not a URL",
        "https://user:canary@api.render.com/v1",
        "ftp://localhost/",
    ] {
        world.context.set("RENDER_API_URL", url);
        let output = world.run(&PLAN);
        assert_eq!(output.code, 2, "{url}: {output:#?}");
    }
    for url in ["mailto:canary", "localhost:8080", "ftp://localhost/"] {
        world.context.set("RENDER_API_URL", url);
        let output = world.run(&PLAN);
        assert_eq!(output.code, 2, "{url}: {output:#?}");
        assert!(output.stderr.contains("it is not an http or https URL"), "{url}: {output:#?}");
    }
    assert!(world.render.requests().is_empty());
    insta::assert_snapshot!(world.shown(&["render", "env", "plan", "--offline"]));
}

#[test]
fn without_a_terminal_and_outside_ci_it_needs_yes() {
    let mut world = RenderWorld::new();
    let before = world.variables();
    insta::assert_snapshot!(world.shown(&APPLY));
    assert_eq!(world.variables(), before);
    world.context.set("CI", "true");
    world.succeed(&APPLY);
    world.assert_done();
}

#[test]
fn what_to_remove_must_be_clear() {
    let two = "services:\n- {type: web, name: shop}\n- {type: worker, name: jobs}\n";
    let world = RenderWorld::empty(two);
    let output = world.run(&["render", "env", "plan", "--remove", "A"]);
    assert_eq!(output.code, 2, "{output:#?}");
    assert!(output.stderr.contains("`--remove` needs `--service`"), "{output:#?}");
    assert!(world.render.requests().is_empty());
}

#[test]
fn without_an_audit_record_nothing_is_changed() {
    let world = RenderWorld::new();
    std::fs::create_dir(world.context.project().join("record.jsonl")).expect("made");
    let output = world.run(&["render", "env", "apply", "--yes", "--audit", "record.jsonl"]);
    assert_ne!(output.code, 0, "{output:#?}");
    assert!(world.render.requests().iter().all(|request| !request.is_write()));
}
