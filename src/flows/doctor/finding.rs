//! One thing that was looked at, and how it is.

use std::fmt;

use serde::Serialize;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The machine.
    Machine,
    /// The project's directory.
    Project,
    /// A setting and where it comes from.
    Settings,
    /// The lock, the receipt and the binary.
    Installed,
    /// Which binary will run.
    Which,
    /// Go and a checkout, for local builds.
    Build,
    /// The user's cache.
    Cache,
    /// Whose keys proofs are verified with.
    Trust,
    /// The token.
    Token,
    /// A host.
    Network,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "machine",
            Self::Project => "project",
            Self::Settings => "settings",
            Self::Installed => "installed",
            Self::Which => "which",
            Self::Build => "build",
            Self::Cache => "cache",
            Self::Trust => "trust",
            Self::Token => "token",
            Self::Network => "network",
        })
    }
}

/// How it is. Only a problem fails the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be, or simply so.
    Fine,
    /// Works, and may surprise.
    Warning,
    /// Keeps something from working.
    Problem,
}

impl Grade {
    /// The word before a finding, so that meaning does not depend on colour.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorFinding {
    /// What it is about.
    pub area: Area,
    /// How it is.
    pub grade: Grade,
    /// What was found.
    pub sentence: String,
    /// What to do next; every problem and warning has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl DoctorFinding {
    /// Something that is as it should be.
    pub fn fine(area: Area, sentence: impl Into<String>) -> Self {
        Self { area, grade: Grade::Fine, sentence: sentence.into(), hint: None }
    }

    /// Something that works and may surprise.
    pub fn warning(area: Area, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { area, grade: Grade::Warning, sentence: sentence.into(), hint: Some(hint.into()) }
    }

    /// Something that keeps something from working.
    pub fn problem(area: Area, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { area, grade: Grade::Problem, sentence: sentence.into(), hint: Some(hint.into()) }
    }
}
