//! The program is killed at every request, before and after Render executed it, and others change variables between any two
//! requests. No variable that the plan does not name is lost or changed, and the next run finishes.

use std::time::Duration;

use fake_render::Fault;
use fake_render::Hold;
use fake_render::Matcher;
use fake_render::Render;

use super::world::RenderWorld;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;

const APPLY: [&str; 4] = ["render", "env", "apply", "--yes"];

/// The requests of a whole run.
fn requests() -> usize {
    let world = RenderWorld::new();
    world.succeed(&APPLY);
    world.render.requests().len()
}

#[test]
fn killed_at_any_request_nothing_is_lost_and_the_next_run_finishes() {
    let all = requests();
    for nth in 1..=all {
        for is_executed in [false, true] {
            let world = RenderWorld::new();
            let unplanned = world.unplanned();
            let hold = Hold::UntilDropped;
            let fault = if is_executed { Fault::StallAfter(hold) } else { Fault::Stall(hold) };
            world.render.fault(Matcher::any().nth(nth as u64), fault);
            let mut child = world.context.spawn(&APPLY);
            let name = format!("request {nth}, executed: {is_executed}");
            assert!(world.render.wait_for_requests(nth, Duration::from_secs(60)), "{name} never came");
            // A request that is executed before the delay has been executed by now.
            std::thread::sleep(Duration::from_millis(5));
            child.kill().expect("killed");
            child.wait().expect("ended");
            assert_eq!(world.unplanned(), unplanned, "{name}");
            world.render.clear_faults();
            world.succeed(&APPLY);
            assert_eq!(world.unplanned(), unplanned, "{name}");
            world.assert_done();
        }
    }
    let left = "every variable that the plan does not name, unchanged; the next run makes the other changes";
    record_as(Part::Crash, "SIGKILL at any request of render env apply, carried out or not", "137", "nothing", left);
}

/// What somebody else does, and what it does to the variables that the plan does not name.
type Meddling = (&'static str, fn(&Render, &str), fn(&mut std::collections::BTreeMap<String, String>));

const MEDDLING: [Meddling; 4] = [
    (
        "adds",
        |render, shop| render.set(shop, "A_NEW_ONE", "canary"),
        |variables| {
            variables.insert("A_NEW_ONE".to_owned(), "canary".to_owned());
        },
    ),
    (
        "changes",
        |render, shop| render.set(shop, "PYTHON_VERSION", "canary"),
        |variables| {
            variables.insert("PYTHON_VERSION".to_owned(), "canary".to_owned());
        },
    ),
    (
        "removes",
        |render, shop| render.unset(shop, "KEY_38"),
        |variables| {
            variables.remove("KEY_38");
        },
    ),
    ("changes what the plan names", |render, shop| render.set(shop, "CHANGED", "canary"), |_| {}),
];

#[test]
fn concurrent_changes_lose_nothing() {
    let all = requests();
    let mut refused = 0;
    for nth in 1..=all {
        let (name, meddle, effect) = MEDDLING[nth % MEDDLING.len()];
        let world = RenderWorld::new();
        let mut unplanned = world.unplanned();
        effect(&mut unplanned);
        let shop = world.shop.clone();
        world.render.before(Matcher::any().nth(nth as u64), move |render| meddle(render, &shop));
        let output = world.run(&APPLY);
        assert!(matches!(output.code, 0 | 8), "before request {nth} somebody {name}: {output:#?}");
        refused += usize::from(output.code == 8);
        assert_eq!(world.unplanned(), unplanned, "before request {nth} somebody {name}");
        if output.code == 8 {
            assert!(output.stderr.contains("changed in the meantime"), "{output:#?}");
            world.succeed(&APPLY);
            assert_eq!(world.unplanned(), unplanned, "before request {nth} somebody {name}");
        }
    }
    // Before the survey and after the last reading nobody can notice.
    assert!(refused * 2 > all, "{refused} of {all}");
}

#[test]
fn a_change_of_somebody_else_stops_the_run_before_the_next_write() {
    let world = RenderWorld::new();
    let shop = world.shop.clone();
    // The group has its change, and the service its first.
    let second = Matcher::any().method("PUT").path("/services/").nth(1);
    world.render.before(second, move |render| render.set(&shop, "KEY_07", "canary"));
    insta::assert_snapshot!(world.shown_once(&APPLY));
    let written: Vec<String> = world
        .render
        .requests()
        .iter()
        .filter(|request| request.is_write())
        .map(|request| request.path.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(written, ["LOG_LEVEL", "ADDED"]);
}
