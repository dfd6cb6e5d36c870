//! The modules required by a source, as a `vendor/` directory: its own if complete, else one created in a copy.
#![expect(clippy::disallowed_methods, reason = "a copy of the source is made here")]

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::model::Target;
use crate::model::progress::Progress;
use crate::worker::local_build::BuildError;
use crate::worker::local_build::Environment;
use crate::worker::local_build::Go;
use crate::worker::local_build::GoFacts;
use crate::worker::local_build::SourceFacts;
use crate::worker::local_build::TreeError;
use crate::worker::local_build::TreeFile;
use crate::worker::local_build::TreeRequest;
use crate::worker::local_build::apply::run;
use crate::worker::local_build::go::ask;
use crate::worker::local_build::plan::check_go;
use crate::worker::local_build::plan::settings;
use crate::worker::local_build::plan::with_settings;
use crate::worker::local_build::tree::Tree;
use crate::worker::local_build::tree::VENDOR;

/// The module lists, which vendoring must not change.
const LISTS: [&str; 2] = ["go.mod", "go.sum"];

/// The files of the modules; `None` if the source requires none.
pub(super) fn vendored(
    request: &TreeRequest<'_>,
    facts: &SourceFacts,
    files: &[TreeFile],
    environment: &Environment,
    progress: &dyn Progress,
    given_up: &dyn Fn() -> bool,
) -> Result<Option<Vec<TreeFile>>, TreeError> {
    if !facts.go_mod.requires {
        return Ok(None);
    }
    let failed = |source: BuildError| TreeError::Modules { directory: facts.directory.clone(), source };
    let found = GoFacts::find(environment).map_err(|error| failed(BuildError::Process(error)))?;
    // The target does not matter: only the required Go version is checked.
    let target = Target::all().next().expect("there are targets");
    let go = check_go(target, facts, &found)?;
    let mut modules = Vec::new();
    let own = facts.directory.join(VENDOR);
    if facts.vendored {
        match complaint(request, facts, go, environment) {
            None => {
                tree(request, &facts.directory)?.walk(&own, &format!("{VENDOR}/"), &mut modules)?;
                return Ok(Some(modules));
            }
            Some(complaint) => {
                progress.note(&format!("{} is incomplete ({complaint}); creating a new one", own.display()));
            }
        }
    }
    if request.preview {
        return Ok(Some(modules));
    }
    let copy = request.staging.join("copy");
    copy_files(files, &copy)?;
    progress.begin(&format!("Collecting the modules required by {}", facts.directory.display()), None);
    let arguments = ["mod", "vendor"].map(OsString::from);
    let environment = with_settings(environment, &settings(target, request.offline, go));
    let outcome = run(&go.program, &arguments, &copy, &environment, progress, given_up);
    progress.end();
    let (status, output) = outcome.map_err(failed)?;
    if !status.success() {
        return Err(failed(output.into_vendor_error(facts.directory.clone(), status)));
    }
    if LISTS.iter().any(|list| fs::read(copy.join(list)).ok() != fs::read(facts.directory.join(list)).ok()) {
        return Err(TreeError::Untidy { directory: facts.directory.clone() });
    }
    tree(request, &copy)?.walk(&copy.join(VENDOR), &format!("{VENDOR}/"), &mut modules)?;
    Ok(Some(modules))
}

fn tree<'a>(request: &TreeRequest<'a>, directory: &Path) -> Result<Tree<'a>, TreeError> {
    Tree::of(directory, request.leave_out, &request.tool)
}

/// Why Go could not build from the source's own `vendor/` for every platform, if it could not.
fn complaint(request: &TreeRequest<'_>, facts: &SourceFacts, go: &Go, environment: &Environment) -> Option<String> {
    let question = ["list", "-mod=vendor", "-deps", "-tags", request.tool.go_tags, request.tool.go_package];
    Target::all().find_map(|target| {
        let environment = with_settings(environment, &settings(target, true, go));
        match ask(&go.program, &question, Some(&facts.directory), &environment) {
            Ok(answer) if answer.status.success() => None,
            Ok(answer) => Some(answer.complaint()),
            Err(error) => Some(error.line()),
        }
    })
}

fn copy_files(files: &[TreeFile], to: &Path) -> Result<(), TreeError> {
    for TreeFile { path, file, .. } in files {
        let target = to.join(path);
        let made = fs::create_dir_all(target.parent().unwrap_or(to));
        made.and_then(|()| fs::copy(file, &target))
            .map_err(|source| TreeError::Unreadable { path: file.clone(), source })?;
    }
    Ok(())
}
