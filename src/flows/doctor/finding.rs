//! A finding of `doctor`: what was checked, and the result.

use std::fmt;

use serde::Serialize;

/// The subject of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Area {
    /// The platform.
    Platform,
    /// The project's directory.
    Project,
    /// A setting and its source.
    Settings,
    /// The lockfile, the receipt and the binary.
    Installed,
    /// Which binary will run.
    Which,
    /// Django's settings.
    Django,
    /// Whether tasks can be forked.
    Prefork,
    /// The database of the queue.
    Database,
    /// Go and a checkout, for local builds.
    Build,
    /// The user's cache.
    Cache,
    /// The keys used to verify attestations.
    Trust,
    /// The token.
    Token,
    /// A host.
    Network,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "platform",
            Self::Project => "project",
            Self::Settings => "settings",
            Self::Installed => "installed",
            Self::Which => "which",
            Self::Django => "django",
            Self::Prefork => "prefork",
            Self::Database => "database",
            Self::Build => "build",
            Self::Cache => "cache",
            Self::Trust => "trust",
            Self::Token => "token",
            Self::Network => "network",
        })
    }
}

/// The severity of a finding. Only a problem fails the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grade {
    /// Correct, or merely informative.
    Fine,
    /// Works, but may cause surprises.
    Warning,
    /// Prevents something from working.
    Problem,
}

impl Grade {
    /// The word shown before a finding, so that its meaning does not depend on colour.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DoctorFinding {
    /// Its subject.
    pub area: Area,
    /// Its severity.
    pub grade: Grade,
    /// The finding as a sentence.
    pub sentence: String,
    /// The next step; present for every problem and warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl DoctorFinding {
    /// A finding without a problem.
    pub(crate) fn fine(area: Area, sentence: impl Into<String>) -> Self {
        Self { area, grade: Grade::Fine, sentence: sentence.into(), hint: None }
    }

    /// A finding that may cause surprises.
    pub(crate) fn warning(area: Area, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { area, grade: Grade::Warning, sentence: sentence.into(), hint: Some(hint.into()) }
    }

    /// A finding that prevents something from working.
    pub(crate) fn problem(area: Area, sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { area, grade: Grade::Problem, sentence: sentence.into(), hint: Some(hint.into()) }
    }
}
