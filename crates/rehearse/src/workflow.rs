//! The part of a workflow file that the rehearsal executes: jobs, their order, their steps, and `${{ … }}`.

use std::collections::BTreeMap;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use serde::Deserialize;
use serde_json::Value;

/// A workflow.
#[derive(Debug, Deserialize)]
pub struct Workflow {
    #[serde(default)]
    env: BTreeMap<String, String>,
    jobs: BTreeMap<String, Job>,
}

/// A job, which runs once for each entry of its matrix.
#[derive(Debug, Deserialize)]
pub struct Job {
    #[serde(default)]
    needs: Needs,
    strategy: Option<Strategy>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One step: an action or a command.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// The name by which later steps read its outputs.
    pub id: Option<String>,
    /// An action, `owner/name@commit`.
    pub uses: Option<String>,
    /// A command.
    pub run: Option<String>,
    /// When it runs after a failure.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The inputs of an action.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Needs {
    #[default]
    Nothing,
    One(String),
    All(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Strategy {
    matrix: Matrix,
}

#[derive(Debug, Deserialize)]
struct Matrix {
    include: Vec<BTreeMap<String, String>>,
}

impl Workflow {
    /// Reads a workflow file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn parse(text: &str) -> Result<Self> {
        serde_saphyr::from_str(text).context("cannot read the workflow")
    }

    /// The job of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn job(&self, name: &str) -> Result<&Job> {
        self.jobs.get(name).with_context(|| format!("the workflow has no job {name}"))
    }

    /// The jobs, each after those it needs.
    ///
    /// # Errors
    /// If a job needs itself or one that does not exist.
    pub fn in_order(&self) -> Result<Vec<&str>> {
        let mut order: Vec<&str> = Vec::new();
        while order.len() < self.jobs.len() {
            let is_ready = |name: &str, job: &Job| {
                !order.contains(&name) && job.needs().iter().all(|needed| order.contains(&needed.as_str()))
            };
            match self.jobs.iter().find(|(name, job)| is_ready(name, job)) {
                Some((name, _)) => order.push(name),
                None => bail!("the jobs after {order:?} wait for each other"),
            }
        }
        Ok(order)
    }

    /// The variables of a step, unexpanded: the step's override the job's, which override the workflow's.
    #[must_use]
    pub fn variables(&self, job: &Job, step: &Step) -> BTreeMap<String, String> {
        let all = self.env.iter().chain(&job.env).chain(&step.env);
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl Job {
    fn needs(&self) -> &[String] {
        match &self.needs {
            Needs::Nothing => &[],
            Needs::One(one) => std::slice::from_ref(one),
            Needs::All(all) => all,
        }
    }

    /// The entries of its matrix; a single empty one without a matrix.
    #[must_use]
    pub fn entries(&self) -> Vec<BTreeMap<String, String>> {
        self.strategy.as_ref().map_or_else(|| vec![BTreeMap::new()], |strategy| strategy.matrix.include.clone())
    }
}

/// Replaces every `${{ … }}`.
///
/// # Errors
/// If the value of one is unknown: the rehearsal fails, because it would not do what GitHub does.
pub fn expand(text: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (expression, after) = behind.split_once("}}").with_context(|| format!("`{text}` has no end"))?;
        let expression = expression.trim();
        let value = value_of(expression).with_context(|| format!("the rehearsal has no value for `{expression}`"))?;
        expanded.push_str(before);
        expanded.push_str(&value);
        rest = after;
    }
    Ok(expanded + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
on:
  push:
    tags: [\"v*\"]
env: { A: workflow, B: workflow }
jobs:
  last:
    needs: [first, middle]
    steps: [{ run: c, env: { B: step } }]
  middle:
    needs: first
    env: { B: job }
    strategy:
      matrix:
        include:
          - { asset: x }
          - { asset: y }
    steps: [{ uses: a/b@c, with: { merge-multiple: true } }]
  first:
    steps: [{ run: \"a\\nb\" }]
";

    #[test]
    fn jobs_run_after_those_they_need_with_their_variables() {
        let workflow = Workflow::parse(SAMPLE).expect("a workflow");
        assert_eq!(workflow.in_order().expect("an order"), ["first", "middle", "last"]);
        let job = workflow.job("last").expect("a job");
        let variables = workflow.variables(job, &job.steps[0]);
        assert_eq!((variables["A"].as_str(), variables["B"].as_str()), ("workflow", "step"));
        assert_eq!(workflow.job("middle").expect("a job").entries().len(), 2);
        assert_eq!(job.entries(), [BTreeMap::new()]);
    }

    #[test]
    fn jobs_that_wait_for_each_other_are_an_error() {
        let text = SAMPLE.replace("  first:\n", "  first:\n    needs: last\n");
        assert!(Workflow::parse(&text).expect("a workflow").in_order().is_err());
    }

    #[test]
    fn expressions_are_replaced_and_unknown_ones_refused() {
        let value_of = |name: &str| (name == "github.ref_name").then(|| "v1".to_owned());
        assert_eq!(expand("a ${{ github.ref_name }}/${{github.ref_name}} b", &value_of).expect("known"), "a v1/v1 b");
        assert!(expand("${{ secrets.KEY }}", &value_of).is_err());
        assert!(expand("${{ github.ref_name", &value_of).is_err());
    }
}
