//! Killed after every visible step: at each system call that changes something below `.reproq`, once. This needs no list of
//! steps, so none can be forgotten.

use super::world::Job;
use super::world::World;
use crate::support::strace;

fn walk(job: Job) {
    if !strace::is_there() {
        return;
    }
    let mut world = World::new(job);
    let moments = strace::moments(&world.context, &world.arguments());
    let (mut killed, mut placed) = (0, 0);
    for moment in &moments {
        world.next();
        let name = format!("{job:?}, about to make {moment:?}");
        // A thread may have nothing to do if another thread was first.
        killed += usize::from(strace::killed_at(&world.context, moment, &world.arguments()));
        placed += usize::from(world.assert_whole(&name));
        world.assert_clears(&name);
        world.assert_finishes(&name);
    }
    eprintln!("{job:?}: {killed} of {} moments, {placed} after the binary was placed", moments.len());
    assert!(killed * 10 >= moments.len() * 9, "{killed} kills at {} moments", moments.len());
    assert!(placed > 3 && placed + 10 < killed, "kills on both sides of the rename");
}

#[test]
fn killed_at_every_step_of_a_first_install() {
    walk(Job::First);
}

#[test]
fn killed_at_every_step_of_a_repair() {
    walk(Job::Repair);
}

#[test]
fn killed_at_every_step_of_restoring_a_binary() {
    walk(Job::PutBack);
}

#[test]
fn killed_at_every_step_of_a_replacement() {
    walk(Job::Replace);
}
