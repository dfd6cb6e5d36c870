//! Killed at random times, several hundred times, often repeatedly before a cleanup.

use std::fs;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use super::world::Job;
use super::world::World;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::store::layout;

const ROUNDS: u32 = 80;

/// The number of successive kills before a complete run.
const BETWEEN: u32 = 4;

fn kill_at_random(job: Job, fault: &str, left: &str) {
    let mut world = World::new(job);
    let began = Instant::now();
    world.context.succeed(&world.arguments());
    let whole = began.elapsed();
    let mut placed = 0;
    for round in 0..ROUNDS {
        world.next();
        // The golden ratio distributes any number of times evenly; runs vary in speed anyway.
        let fraction = (f64::from(round) * 0.618_033_988_75).fract();
        let mut child = world.context.spawn(&world.arguments());
        if round % 2 == 0 {
            sleep(whole.mul_f64(fraction));
        } else {
            wait_for_the_commit(&world, whole * 4);
            sleep(Duration::from_millis(12).mul_f64(fraction));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        let name = format!("{job:?}, round {round}, {fraction:.3} of {whole:?}");
        placed += usize::from(world.assert_whole(&name));
        if round % BETWEEN == BETWEEN - 1 {
            if round % (2 * BETWEEN) < BETWEEN {
                world.assert_clears(&name);
            }
            world.assert_finishes(&name);
        }
    }
    eprintln!("{job:?}: {placed} of {ROUNDS} after the binary was placed");
    assert!(placed > 0 && placed < ROUNDS as usize, "{placed} of {ROUNDS} kills after the rename");
    record_as(Part::Crash, fault, "137", "nothing", left);
}

/// Most of a run is the download; the changes to the store take a few milliseconds after it, starting with a receipt.
fn wait_for_the_commit(world: &World, limit: Duration) {
    let began = Instant::now();
    let directory = layout(&world.context).receipts();
    let changed = || fs::metadata(&directory).and_then(|metadata| metadata.modified()).ok();
    let before = changed();
    while changed() == before && began.elapsed() < limit {
        sleep(Duration::from_micros(200));
    }
}

#[test]
fn killed_at_random_during_a_first_install() {
    kill_at_random(
        Job::First,
        "SIGKILL at any moment of a first install",
        "no binary or the new one, whole; the next run finishes and clears away",
    );
}

#[test]
fn killed_at_random_during_a_repair() {
    kill_at_random(
        Job::Repair,
        "SIGKILL at any moment of a repair",
        "the changed binary or the repaired one, whole; the next run finishes and clears away",
    );
}

#[test]
fn killed_at_random_during_restoring_a_binary() {
    kill_at_random(
        Job::PutBack,
        "SIGKILL at any moment of putting a removed binary back",
        "no binary or the one put back, whole; the next run finishes and clears away",
    );
}

#[test]
fn killed_at_random_during_a_replacement() {
    kill_at_random(
        Job::Replace,
        "SIGKILL at any moment of putting another version in place",
        "the old binary or the new one, whole, and `which` names it; the next run finishes and clears away",
    );
}
