//! No value, no part of one and no API key is shown: in stdout, stderr, JSON, `-v`, the audit record, or a panic. Every
//! run of the other tests is searched too.

use std::fs;

use fake_render::Fault;
use fake_render::Matcher;

use super::world::API_KEY;
use super::world::RenderWorld;

#[test]
fn no_value_is_shown_whatever_happens() {
    let faults = [
        None,
        Some(Fault::Echo),
        Some(Fault::WrongShape),
        Some(Fault::HalfJson),
        Some(Fault::status(403)),
        Some(Fault::BadGatewayAfter),
        Some(Fault::CutBody),
    ];
    for fault in faults {
        for arguments in [
            &["render", "env", "plan", "-v"][..],
            &["render", "env", "plan", "--json"],
            &["render", "env", "apply", "--yes", "-v"],
            &["render", "env", "apply", "--yes", "--json"],
            &["render", "env", "verify", "-v", "--json"],
        ] {
            for matcher in [Matcher::any().path("/env-vars?"), Matcher::any().method("PUT").nth(2)] {
                let world = RenderWorld::new();
                if let Some(fault) = &fault {
                    world.render.fault(matcher.always(), fault.clone());
                }
                // Searches stdout and stderr.
                world.run(arguments);
                for entry in fs::read_dir(world.context.project().join(".reproq/audit")).into_iter().flatten() {
                    let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
                    assert!(!text.contains("canary"), "{text}");
                }
            }
        }
    }
}

#[test]
fn the_key_is_sent_to_the_api_and_to_nothing_else() {
    let world = RenderWorld::new();
    world.succeed(&["render", "env", "apply", "--yes"]);
    assert!(world.context.github.requests().is_empty());
    for request in world.render.requests() {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {API_KEY}").as_str()));
        assert!(!request.path.contains("canary"));
    }
    let elsewhere = RenderWorld::new();
    world.render.clear_requests();
    world.render.fault(Matcher::any().always(), Fault::Redirect(elsewhere.render.api_url()));
    assert_ne!(world.run(&["render", "env", "plan"]).code, 0);
    assert!(elsewhere.render.requests().is_empty(), "a redirect is not followed");
}
