//! Killed while it writes output files, at every step and at random times: the files are complete, and the next command leaves
//! nothing else.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use fake_github::Fault;
use fake_github::Hold;
use fake_github::Matcher;

use crate::bundle::release;
use crate::hostile::World;
use crate::hostile::world;
use crate::support::Context;
use crate::support::context::wait;
use crate::support::fault_table::Part;
use crate::support::fault_table::record_as;
use crate::support::strace;

/// The number of kills at random times.
const ROUNDS: u32 = 16;

/// The prefixes of unfinished files' names.
const UNFINISHED: [&str; 3] = [".reproq-tmp-", ".reproq-sync-", ".part-"];

/// A command that writes.
struct Job {
    context: Context,
    arguments: &'static [&'static str],
    /// What it writes, below the root.
    output: &'static str,
    /// A part of the paths that it changes.
    mark: &'static str,
    /// The files it leaves when it has finished.
    whole: World,
}

impl Job {
    fn new(arguments: &'static [&'static str], output: &'static str, mark: &'static str) -> Self {
        let mut context = Context::new();
        release(&context, "v0.0.144");
        context.set("REPROQ_TRUST_DIR", context.root().join("trust").to_str().expect("UTF-8"));
        let root = fake_sigstore::Instance::new("acme", "acme authority").root(true).to_string();
        fs::write(context.project().join("root.json"), root).expect("written");
        let mut job = Self { context, arguments, output, mark, whole: World::new() };
        job.context.succeed(arguments);
        job.whole = job.found();
        assert!(job.whole.keys().any(|path| path.starts_with(job.context.root().join(output))), "it writes");
        job
    }

    /// All files except the log of the kills.
    fn found(&self) -> World {
        let mut found = world(self.context.root());
        found.retain(|path, _| path.file_name().is_some_and(|name| name != "strace.log"));
        found
    }

    /// Removes the output and the cache, so that every round makes the same steps.
    fn next(&self) {
        for path in [self.context.root().join(self.output), self.context.root().join("home/.cache")] {
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }

    /// Files with final names are complete.
    fn assert_whole(&self, name: &str) {
        let is_other = |path: &Path| {
            let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
            parts.into_iter().any(|part| {
                UNFINISHED.iter().any(|start| part.starts_with(start))
                    || part.ends_with(".lock") && part.starts_with('.')
            })
        };
        for (path, found) in self.found().iter().filter(|(path, _)| !is_other(path)) {
            assert!(self.whole.get(path) == Some(found), "{name}: {} is not whole", path.display());
        }
    }

    /// The same command then succeeds as usual, and leaves nothing else.
    fn assert_finishes(&self, name: &str) {
        self.context.succeed(self.arguments);
        let found = self.found();
        let all = self.whole.keys().chain(found.keys());
        let differs: Vec<&PathBuf> = all.filter(|path| self.whole.get(*path) != found.get(*path)).collect();
        assert!(differs.is_empty(), "{name}: {differs:#?}");
    }

    fn kill_at_every_step(&self) -> usize {
        if !strace::is_there() {
            return 0;
        }
        self.next();
        let moments = strace::moments_about(&self.context, self.arguments, self.mark);
        let mut killed = 0;
        for moment in &moments {
            self.next();
            let name = format!("{:?}, about to make {moment:?}", self.arguments);
            killed += usize::from(strace::killed_at(&self.context, moment, self.arguments));
            self.assert_whole(&name);
            self.assert_finishes(&name);
        }
        assert!(killed * 10 >= moments.len() * 8, "{killed} kills at {} moments", moments.len());
        killed
    }

    fn kill_at_random(&self) {
        self.next();
        let began = Instant::now();
        self.context.succeed(self.arguments);
        let whole = began.elapsed();
        for round in 0..ROUNDS {
            self.next();
            let fraction = (f64::from(round) * 0.618_033_988_75).fract();
            let mut child = self.context.spawn(self.arguments);
            sleep(whole.mul_f64(fraction));
            child.kill().expect("killed");
            child.wait().expect("ended");
            let name = format!("{:?}, round {round}, {fraction:.3} of {whole:?}", self.arguments);
            self.assert_whole(&name);
            self.assert_finishes(&name);
        }
    }
}

fn killed(job: &Job, fault: &str, left: &str) {
    let steps = job.kill_at_every_step();
    job.kill_at_random();
    eprintln!("{:?}: {steps} kills at every step, {ROUNDS} at random", job.arguments);
    record_as(Part::Crash, fault, "137", "nothing", left);
}

#[test]
fn killed_while_it_locks() {
    let job = Job::new(&["lock"], "work/project/reproq.lock", ".reproq-tmp-");
    killed(&job, "SIGKILL at any moment of `lock`", "no lock or the new one, whole; the next run clears away");
}

#[test]
fn killed_while_it_creates_a_bundle() {
    let arguments = &["bundle", "create", "--target", "all", "-o", "worker.tar"];
    let job = Job::new(arguments, "work/project/worker.tar", ".reproq-tmp-");
    let left = "no bundle or the new one, whole; the next run clears away, in the cache too";
    killed(&job, "SIGKILL at any moment of `bundle create`", left);
}

#[test]
fn killed_while_it_syncs_a_mirror() {
    let job = Job::new(&["mirror", "sync", "../../mirror"], "mirror", "/mirror");
    let left = "files that the index does not name yet, or all of it, whole; the next run clears away";
    killed(&job, "SIGKILL at any moment of `mirror sync`", left);
}

#[cfg(feature = "attestation")]
#[test]
fn killed_while_it_accepts_a_root() {
    let job = Job::new(&["trust", "accept", "root.json"], "trust", "/trust");
    let left = "the root is accepted or it is not; the next run clears away";
    killed(&job, "SIGKILL at any moment of `trust accept`", left);
}

/// Files of a killed process are removed, and those of a running one are kept.
#[test]
fn files_of_a_running_process_are_not_removed() {
    let context = Context::new();
    release(&context, "v0.0.144");
    context
        .github
        .fault(Matcher::objects(), Fault::StallBody { after: 50_000, hold: Hold::For(Duration::from_secs(4)) });
    let slow = context.spawn(&["bundle", "create", "-o", "slow.tar"]);
    assert!(context.github.wait_for(&Matcher::objects(), 1, Duration::from_secs(20)), "the download began");
    for name in ["quick.tar", "again.tar"] {
        context.succeed(&["bundle", "create", "-o", name]);
    }
    context.succeed(&["lock"]);
    let output = wait(slow);
    assert_eq!(output.code, 0, "{output:#?}");
    let bundle = |name: &str| fs::read(context.project().join(name)).expect("a bundle");
    assert!(bundle("slow.tar") == bundle("quick.tar"));
    assert_eq!(unfinished(&context), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupted_bundle_leaves_nothing() {
    let context = Context::new();
    release(&context, "v0.0.144");
    context
        .github
        .fault(Matcher::objects(), Fault::StallBody { after: 50_000, hold: Hold::For(Duration::from_secs(60)) });
    let child = context.spawn(&["bundle", "create", "-o", "worker.tar"]);
    assert!(context.github.wait_for(&Matcher::objects(), 1, Duration::from_secs(20)), "the download began");
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(wait(child).code, 130);
    assert_eq!(unfinished(&context), Vec::<PathBuf>::new());
    assert!(!context.project().join("worker.tar").exists());
}

fn unfinished(context: &Context) -> Vec<PathBuf> {
    let is_unfinished = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        UNFINISHED.iter().any(|start| name.starts_with(start))
    };
    world(context.root()).into_keys().filter(is_unfinished).collect()
}
