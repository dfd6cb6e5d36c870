//! A runner: it executes jobs of the workflow on this machine, with stand-ins for GitHub's own actions and for builds that this
//! machine cannot make.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use xtask::root;
use xtask::target_directory;

use crate::builds::Builds;
use crate::stage::REPOSITORY;
use crate::stage::Stage;
use crate::stage::TOKEN;
use crate::workflow::Job;
use crate::workflow::Step;
use crate::workflow::Workflow;
use crate::workflow::expand;

/// Jobs whose commands need a service that is not on this machine; their actions run.
const ELSEWHERE: [(&str, &str); 1] = [("pypi", "PyPI and its trusted publisher")];

/// Variables of a developer's or a runner's own session.
const FOREIGN: [&str; 6] = ["ACTIONS_", "GH_", "GITHUB_", "REPROQ_", "RUNNER_", "XDG_"];

/// Executes jobs for one tag.
pub struct Runner<'a> {
    /// The workflow.
    pub workflow: &'a Workflow,
    /// The GitHub.
    pub stage: &'a Stage,
    /// The tag that starts the workflow.
    pub tag: String,
    /// How programs are built.
    pub builds: &'a Builds,
    /// What this rehearsal may write to; artifacts and the user's home directory are in it.
    pub directory: PathBuf,
}

/// The machine of one job.
#[derive(Debug)]
pub struct Machine {
    /// The name of its job.
    pub job: String,
    /// Its working directory.
    pub workspace: PathBuf,
    /// `RUNNER_TEMP`.
    pub temp: PathBuf,
    /// The outputs of its steps, as `steps.ID.outputs.NAME`.
    pub outputs: BTreeMap<String, String>,
    matrix: BTreeMap<String, String>,
}

impl Runner<'_> {
    /// Runs a job for each entry of its matrix; returns the last machine.
    ///
    /// # Errors
    /// The first step that fails. As at GitHub, later steps run only if they say so.
    pub fn run_job(&self, name: &str) -> Result<Machine> {
        let job = self.workflow.job(name)?;
        let mut last = None;
        for entry in job.entries() {
            let mut machine = self.machine(name, entry)?;
            let mut outcome = Ok(());
            for step in &job.steps {
                match step.condition.as_deref() {
                    None if outcome.is_err() => continue,
                    None | Some("always()") => {}
                    Some(other) => bail!("the rehearsal does not know the condition `{other}`"),
                }
                let done = self.step(&mut machine, job, step);
                outcome = outcome.and(done.map(drop));
            }
            outcome?;
            last = Some(machine);
        }
        last.with_context(|| format!("the job {name} has an empty matrix"))
    }

    /// A new machine with an empty working directory.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn machine(&self, job: &str, matrix: BTreeMap<String, String>) -> Result<Machine> {
        let number = fs::read_dir(&self.directory)?.count();
        let at = self.directory.join(format!("{job}-{number}"));
        let machine = Machine {
            job: job.to_owned(),
            workspace: at.join("workspace"),
            temp: at.join("temp"),
            outputs: BTreeMap::new(),
            matrix,
        };
        for directory in [&machine.workspace, &machine.temp, &self.directory.join("home"), &self.artifacts()] {
            fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        }
        Ok(machine)
    }

    /// Where artifacts are kept between jobs, a directory for each.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.directory.join("artifacts")
    }

    /// Runs the one step of the machine's job whose command contains this.
    ///
    /// # Errors
    /// If there is no such step, or it fails.
    pub fn only(&self, machine: &mut Machine, part: &str) -> Result<String> {
        let job = self.workflow.job(&machine.job)?;
        let step = job.steps.iter().find(|step| step.run.as_ref().is_some_and(|run| run.contains(part)));
        self.step(machine, job, step.with_context(|| format!("{} has no step with {part}", machine.job))?)
    }

    /// Runs a step; returns what its command printed.
    fn step(&self, machine: &mut Machine, job: &Job, step: &Step) -> Result<String> {
        let expanded = |text: &str| expand(text, &|expression| self.value_of(expression, machine));
        if let Some(action) = &step.uses {
            let mut inputs = BTreeMap::new();
            for (name, value) in &step.with {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                inputs.insert(name.clone(), expanded(&text)?);
            }
            let name = action.split('@').next().unwrap_or(action);
            let outputs = self.action(machine, name, &inputs).with_context(|| format!("{}: {name}", machine.job))?;
            let id = step.id.as_deref().unwrap_or_default();
            machine
                .outputs
                .extend(outputs.into_iter().map(|(key, value)| (format!("steps.{id}.outputs.{key}"), value)));
            return Ok(String::new());
        }
        let script = step.run.as_deref().context("a step is an action or a command")?;
        let mut variables = BTreeMap::new();
        for (name, value) in self.workflow.variables(job, step) {
            variables.insert(name, expanded(&value)?);
        }
        let title = script.lines().next().unwrap_or_default();
        if let Some((_, what)) = ELSEWHERE.iter().find(|(job, _)| *job == machine.job) {
            println!("   {}: not run, it needs {what}", machine.job);
            return Ok(String::new());
        }
        if self.builds.stand_in(script, &variables, &machine.workspace)? {
            let asset = variables.get("ASSET").map(|asset| format!(" ({asset})")).unwrap_or_default();
            println!("   {}: stand-in for {title}{asset}", machine.job);
            return Ok(String::new());
        }
        let began = Instant::now();
        let shown = self.command(machine, script, &variables)?;
        println!("   {}: {title} ({:.1} s)", machine.job, began.elapsed().as_secs_f64());
        Ok(shown)
    }

    /// Runs a command as GitHub does; its output is a part of the error.
    ///
    /// # Errors
    /// If it fails.
    pub fn command(&self, machine: &Machine, script: &str, more: &BTreeMap<String, String>) -> Result<String> {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        for (name, _) in env::vars_os() {
            if FOREIGN.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                bash.env_remove(name);
            }
        }
        bash.envs(self.environment(machine)).envs(more).current_dir(&machine.workspace).stdin(Stdio::null());
        let output = bash.output().context("failed to start bash")?;
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        if !output.status.success() {
            bail!("`{}` ended with {}:\n{shown}", script.trim(), output.status);
        }
        Ok(shown)
    }

    fn environment(&self, machine: &Machine) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let users = |variable: &str, name: &str| match env::var_os(variable) {
            Some(path) => text(Path::new(&path)),
            None => text(&env::home_dir().unwrap_or_default().join(name)),
        };
        let github = &self.stage.github;
        vec![
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_API_URL", github.api_url()),
            ("GITHUB_SERVER_URL", github.web_url()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GITHUB_REF_TYPE", "tag".to_owned()),
            ("GITHUB_REF_NAME", self.tag.clone()),
            ("RUNNER_TEMP", text(&machine.temp)),
            // The toolchain is the user's, everything else is not.
            ("CARGO_HOME", users("CARGO_HOME", ".cargo")),
            ("RUSTUP_HOME", users("RUSTUP_HOME", ".rustup")),
            ("CARGO_TARGET_DIR", text(&target_directory())),
            ("HOME", text(&self.directory.join("home"))),
            ("NO_PROXY", "127.0.0.1".to_owned()),
            ("no_proxy", "127.0.0.1".to_owned()),
        ]
    }

    fn value_of(&self, expression: &str, machine: &Machine) -> Option<String> {
        match expression {
            "github.ref_name" => Some(self.tag.clone()),
            "github.repository" => Some(REPOSITORY.to_owned()),
            "github.token" => Some(TOKEN.to_owned()),
            "runner.temp" => Some(machine.temp.to_string_lossy().into_owned()),
            other => match other.strip_prefix("matrix.") {
                Some(name) => machine.matrix.get(name).cloned(),
                None => machine.outputs.get(other).cloned(),
            },
        }
    }
}

/// The workflow of this project.
///
/// # Errors
/// If it cannot be read.
pub fn workflow() -> Result<Workflow> {
    let path = root().join(".github/workflows/release.yml");
    Workflow::parse(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?)
}
