//! A project in which the program is killed repeatedly: its tasks, and the permitted results.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::Context;
use crate::support::store::assert_runs;
use crate::support::store::assert_tidy;
use crate::support::workers;

/// The task of the killed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Install where nothing is.
    First,
    /// Repair a modified binary.
    Repair,
    /// Restore a removed binary.
    PutBack,
    /// Replace the version with another one.
    Replace,
}

/// A project, and two versions to install there.
pub struct World {
    pub context: Context,
    job: Job,
    /// The binary before the kill.
    before: Option<Vec<u8>>,
    /// The version that is to be installed.
    wanted: &'static str,
}

impl World {
    pub fn new(job: Job) -> Self {
        let mut context = Context::released();
        context.release("v0.0.145");
        // Every round downloads, so that it makes the same steps.
        context.without_cache();
        let mut world = Self { context, job, before: None, wanted: "0.0.145" };
        if job != Job::First {
            world.context.succeed(&["install", "--tag", "v0.0.145"]);
        }
        world.next();
        world
    }

    /// Resets the project for the next round.
    pub fn next(&mut self) {
        let binary = self.context.binary();
        let home = self.context.project().join(".reproq");
        match self.job {
            Job::First => {
                let _ = fs::remove_dir_all(&home);
                let _ = fs::remove_file(self.context.lockfile());
            }
            Job::Repair => {
                fs::remove_file(&binary).expect("removed");
                fs::write(&binary, "half a worker").expect("written");
                fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).expect("executable");
            }
            Job::PutBack if binary.exists() => fs::remove_file(&binary).expect("removed"),
            Job::PutBack => {}
            Job::Replace => {
                let is_first = fs::read(&binary).expect("installed") == workers::bytes("0.0.144");
                self.wanted = if is_first { "0.0.145" } else { "0.0.144" };
            }
        }
        self.before = fs::read(&binary).ok();
    }

    /// The command for the task.
    pub fn arguments(&self) -> [&'static str; 3] {
        ["install", "--tag", if self.wanted == "0.0.145" { "v0.0.145" } else { "v0.0.144" }]
    }

    /// After a kill the complete old binary or the complete new one is in place; it starts, and `which` names it. Returns
    /// whether it is the new one.
    pub fn assert_whole(&self, name: &str) -> bool {
        let found = fs::read(self.context.binary()).ok();
        if found.as_ref().is_some_and(|found| *found == workers::bytes(self.wanted)) {
            assert_runs(&self.context, self.wanted, name);
            return true;
        }
        assert_eq!(found, self.before, "{name}: neither the old binary nor the new one");
        let other = if self.wanted == "0.0.145" { "0.0.144" } else { "0.0.145" };
        match self.job {
            Job::Replace => assert_runs(&self.context, other, name),
            Job::First | Job::PutBack => assert_eq!(self.context.run(&["which", "--no-django"]).code, 4, "{name}"),
            // A foreign binary is not started.
            Job::Repair => {}
        }
        false
    }

    /// The same command finishes the task and cleans up.
    pub fn assert_finishes(&self, name: &str) {
        self.context.succeed(&self.arguments());
        assert_tidy(&self.context, self.wanted, name);
    }

    /// `install` without a version keeps a valid binary and cleans up; otherwise it does the work.
    pub fn assert_clears(&self, name: &str) {
        self.context.succeed(&["install"]);
        let versions = ["0.0.144", "0.0.145"];
        let found = fs::read(self.context.binary()).expect("installed");
        let version = versions.into_iter().find(|version| workers::bytes(version) == found);
        assert_tidy(&self.context, version.expect("one of the versions"), name);
    }
}
