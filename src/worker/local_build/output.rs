//! Keeps the relevant part of a build's output: its last lines, and the modules that Go could not get.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::worker::local_build::apply::BuildError;
use crate::worker::local_build::plan::BuildPlan;
use crate::worker::local_build::plan::ModuleOrigin;

/// How many of the last lines are kept.
pub(super) const LINES_KEPT: usize = 40;

/// Go's message for a module or package it may not look up, after or instead of its name.
const LOOKUP_DISABLED: &str = ": module lookup disabled by GOPROXY=off";

/// Go's message before it fetches a module; name and version follow.
const DOWNLOADING: &str = "go: downloading ";

/// The kept part of a build's output.
#[derive(Default)]
pub(super) struct BuildOutput {
    last: VecDeque<String>,
    missing: BTreeSet<String>,
    lookup_disabled: bool,
}

impl BuildOutput {
    pub(super) fn remember(&mut self, line: String) {
        self.missing.extend(missing_module(&line));
        self.lookup_disabled |= line.contains(LOOKUP_DISABLED);
        if self.last.len() == LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(super) fn into_error(self, plan: &BuildPlan, status: ExitStatus) -> BuildError {
        let directory = plan.directory().to_owned();
        if plan.modules() == ModuleOrigin::CacheOnly && self.lookup_disabled {
            return self.modules_missing(directory);
        }
        BuildError::Failed { directory, status, lines: self.last.into() }
    }

    /// The same for `go mod vendor`, which needs every module regardless of its use.
    pub(super) fn into_vendor_error(self, directory: PathBuf, status: ExitStatus) -> BuildError {
        if self.lookup_disabled {
            return self.modules_missing(directory);
        }
        BuildError::VendorFailed { directory, status, lines: self.last.into() }
    }

    fn modules_missing(self, directory: PathBuf) -> BuildError {
        BuildError::ModulesMissing { directory, missing: self.missing.into_iter().collect(), lines: self.last.into() }
    }
}

/// The missing module or package named by a line. Go often names only the file in its error, and the module only when it
/// starts fetching it, which cannot succeed offline.
fn missing_module(line: &str) -> Option<String> {
    if let Some(module) = line.strip_prefix(DOWNLOADING) {
        return Some(module.trim().replace(' ', "@"));
    }
    let (before, _) = line.split_once(LOOKUP_DISABLED)?;
    let name = before.rsplit(' ').next()?;
    let is_name = name.contains('@') || before.ends_with(&format!(" package {name}"));
    is_name.then(|| name.to_owned())
}

/// The first three of a list, and the number of the others.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "modules it requires".to_owned();
    }
    let (first, more) = names.split_at(names.len().min(3));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_modules_are_parsed_from_gos_output() {
        let cases = [
            (
                "cmd/x/main.go:5:2: a.test/b/v5@v5.8.0: module lookup disabled by GOPROXY=off",
                Some("a.test/b/v5@v5.8.0"),
            ),
            ("go: a.test/b@v1.0.0: module lookup disabled by GOPROXY=off", Some("a.test/b@v1.0.0")),
            ("x.go:1:1: cannot find module providing package a/b: module lookup disabled by GOPROXY=off", Some("a/b")),
            ("go: downloading a.test/b v1.0.0", Some("a.test/b@v1.0.0")),
            ("cmd/x/main.go:5:2: module lookup disabled by GOPROXY=off", None),
            (": module lookup disabled by GOPROXY=off", None),
            ("cmd/x/main.go:5:2: undefined: x", None),
        ];
        for (line, expected) in cases {
            assert_eq!(missing_module(line).as_deref(), expected, "{line}");
        }
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(listed(&[]), "modules it requires");
        assert_eq!([listed(&names[..1]), listed(&names[..3]), listed(&names)], ["a", "a, b, c", "a, b, c and 2 more"]);
    }
}
