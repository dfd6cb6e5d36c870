//! Each fault at a read, at a write and at the last read: nothing is lost, and what can be retried is.

use fake_render::Fault;
use fake_render::Matcher;

use super::world::RenderWorld;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;

const APPLY: [&str; 4] = ["render", "env", "apply", "--yes"];

/// A fault that passes, and whether the run survives it at a write.
fn passing() -> Vec<(&'static str, Fault)> {
    vec![
        ("500", Fault::status(500)),
        ("502 after the change", Fault::BadGatewayAfter),
        ("503", Fault::status(503)),
        ("429 with Retry-After", Fault::Limited { retry_after: Some(0), reset: None }),
        ("429 with Ratelimit-Reset", Fault::Limited { retry_after: None, reset: Some(0) }),
        ("a reset before the request is executed", Fault::ResetBefore),
        ("a reset after it was executed", Fault::ResetAfter),
        ("a body that is cut", Fault::CutBody),
    ]
}

#[test]
fn a_fault_that_passes_is_survived_wherever_it_occurs() {
    for (name, fault) in passing() {
        for matcher in [
            Matcher::any().method("GET").nth(1),
            Matcher::any().method("GET").path("/env-vars").nth(9),
            Matcher::any().method("PUT").nth(1),
            Matcher::any().method("PUT").nth(5),
        ] {
            let world = RenderWorld::new();
            let unplanned = world.unplanned();
            world.render.fault(matcher.clone(), fault.clone());
            let output = world.run(&APPLY);
            assert_eq!(output.code, 0, "{name} at {matcher:?}: {output:#?}");
            assert_eq!(world.unplanned(), unplanned, "{name}");
            world.assert_done();
        }
    }
}

#[test]
fn a_fault_that_stays_ends_the_run_and_the_next_one_finishes() {
    for (name, fault, code) in [
        ("401", Fault::status(401), 9),
        ("403", Fault::status(403), 9),
        ("404", Fault::status(404), 8),
        ("409", Fault::status(409), 7),
        ("400 that repeats the value", Fault::Echo, 7),
        ("503", Fault::status(503), 6),
        ("429 for an hour", Fault::Limited { retry_after: Some(3600), reset: None }, 6),
        ("a redirect", Fault::Redirect("https://elsewhere.example/".to_owned()), 7),
        ("a web page", Fault::WebPage, 6),
        ("half a document", Fault::HalfJson, 0),
        ("a document of another shape", Fault::WrongShape, 0),
    ] {
        let world = RenderWorld::new();
        let unplanned = world.unplanned();
        // The first change is made, all others meet the fault.
        world.render.fault(Matcher::any().method("PUT").nth(2).always(), fault.clone());
        let output = world.run(&APPLY);
        // Without a response that confirms a write, the next reading shows whether it was made.
        assert_eq!(output.code, code, "{name}: {output:#?}");
        assert_eq!(world.unplanned(), unplanned, "{name}");
        world.render.clear_faults();
        world.succeed(&APPLY);
        assert_eq!(world.unplanned(), unplanned, "{name}");
        world.assert_done();
    }
    let left = "every variable that the plan does not name, unchanged; the next run makes the other changes";
    record_as(Part::Network, "render env apply: a write fails", "6, 7, 8 or 9", "why, and what to do", left);
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_is_not_used() {
    for (name, fault, code) in [
        ("half a document", Fault::HalfJson, 6),
        ("a document of another shape", Fault::WrongShape, 6),
        ("a web page", Fault::WebPage, 6),
        ("an endless document", Fault::Endless, 6),
        ("a redirect", Fault::Redirect("https://elsewhere.example/".to_owned()), 6),
        ("403", Fault::status(403), 9),
        ("404", Fault::status(404), 8),
    ] {
        let world = RenderWorld::new();
        let before = world.variables();
        // The second page.
        world.render.fault(Matcher::any().path("cursor=").path("/env-vars").nth(2).always(), fault);
        let output = world.run(&APPLY);
        assert_eq!(output.code, code, "{name}: {output:#?}");
        assert_eq!(world.variables(), before, "{name}");
    }
}

#[test]
fn what_stops_a_run_is_explained() {
    for (name, fault) in [
        ("unauthorized", Fault::status(401)),
        ("forbidden", Fault::status(403)),
        ("refused", Fault::Echo),
        ("limited", Fault::Limited { retry_after: Some(3600), reset: None }),
    ] {
        let world = RenderWorld::new();
        world.render.fault(Matcher::any().method("PUT").nth(2).always(), fault.clone());
        insta::assert_snapshot!(format!("write_{name}"), world.shown_once(&APPLY));
        let world = RenderWorld::new();
        world.render.fault(Matcher::any().always(), fault);
        insta::assert_snapshot!(format!("read_{name}"), world.shown_once(&["render", "env", "plan"]));
    }
}
