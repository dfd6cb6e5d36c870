//! The entry point to the file system: inspects every possible location of the worker, and changes nothing.
#![expect(clippy::disallowed_methods, reason = "the places where the worker may be are looked at here")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::django::DjangoAnswer;
use crate::django::DjangoSetting;
use crate::io::fs::hashing_writer::hash_file;
use crate::model::Sha256Digest;
use crate::model::Target;
use crate::model::variables::non_empty;
use crate::model::variables::variable;
use crate::platform::is_executable;
use crate::worker::which::Aim;
use crate::worker::which::CandidateIdentity;
use crate::worker::which::EnvironmentValue;
use crate::worker::which::FileFacts;
use crate::worker::which::Found;
use crate::worker::which::Likeness;
use crate::worker::which::Override;
use crate::worker::which::Packaged;
use crate::worker::which::PathHit;
use crate::worker::which::PathProbe;
use crate::worker::which::WhichFacts;
use crate::worker::which::path;
use crate::worker::which::path::PathDirectory;

/// The worker's installed name, without `.exe`; also the name looked up on `PATH`.
const NAME: &str = "reproq";

/// The context of this command.
#[derive(Debug, Clone, Copy)]
pub struct SurveyInput<'a> {
    /// The platform.
    pub target: Target,
    /// The project's root, absolute.
    pub root: &'a Path,
    /// The current directory, absolute.
    pub cwd: &'a Path,
    /// The environment, as captured.
    pub environment: &'a [(OsString, OsString)],
    /// The path of this command's executable, if the system provides it.
    pub own: Option<&'a Path>,
}

/// Inspects every candidate. Unreadable files are part of the result, so this never fails. `identify` is called for files that
/// are not this command; it may read them but must not run them.
pub fn survey(
    around: &SurveyInput<'_>,
    django: DjangoAnswer,
    identify: &dyn Fn(&Path) -> CandidateIdentity,
) -> WhichFacts {
    let SurveyInput { target, root, cwd, environment, own } = *around;
    let mut prober = Prober { own: own.map(Own::new), identify, known: HashMap::new() };
    let directories = path::directories(variable(environment, "PATH"), root, target.os);
    let pathext = variable(environment, "PATHEXT");
    let mut lookup = Lookup { prober: &mut prober, root, directories: &directories, pathext, target };

    let facts = if let DjangoAnswer::Answered(facts) = &django { Some(facts.as_ref()) } else { None };
    let setting = facts.and_then(|facts| match &facts.setting {
        DjangoSetting::Set(written) => Some(lookup.follow(written)),
        DjangoSetting::Unset | DjangoSetting::Empty | DjangoSetting::WrongType(_) => None,
    });
    let seen_here = variable(environment, "REPROQ_WORKER_BIN");
    let seen_by_django = facts.map_or(seen_here, |facts| facts.environment.as_deref());
    let environment_value = match seen_by_django {
        None => EnvironmentValue::Unset,
        Some(written) if written.is_empty() => EnvironmentValue::Empty,
        Some(written) => EnvironmentValue::Set(lookup.follow(written)),
    };
    let on_path = lookup.on_path(OsStr::new(NAME));

    let executable = format!("{NAME}{}", target.os.exe_suffix());
    let packaged = facts.and_then(|facts| facts.package.as_deref()).map(|package| Packaged {
        documented: prober.probe(&package.join("bin").join(&executable)),
        management: prober.probe(&package.join("management").join("bin").join(&executable)),
    });
    let home = non_empty(environment, if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    WhichFacts {
        target,
        root: root.to_owned(),
        cwd: cwd.to_owned(),
        home,
        setting,
        environment: environment_value,
        environment_changed_by_project: seen_by_django != seen_here,
        project: prober.probe(&root.join(".reproq").join("bin").join(&executable)),
        packaged,
        path_directories: directories.len(),
        on_path,
        django,
    }
}

/// Resolves values and names as Django's Python does.
struct Lookup<'a, 'b> {
    prober: &'a mut Prober<'b>,
    root: &'a Path,
    directories: &'a [PathDirectory],
    pathext: Option<&'a OsStr>,
    target: Target,
}

impl Lookup<'_, '_> {
    fn follow(&mut self, written: &OsStr) -> Override {
        let aim = path::aim(written);
        let probe = match aim {
            Aim::Absolute => Some(self.prober.probe(Path::new(written))),
            Aim::Relative => Some(self.relative(&self.root.join(written))),
            Aim::Bare => self.on_path(written).into_iter().map(|hit| hit.probe).find(PathProbe::executable),
        };
        Override { written: written.to_owned(), aim, probe }
    }

    /// A path with a directory is tried with the extensions of `PATHEXT` as well; if none is a program, the plain path is reported.
    fn relative(&mut self, plain: &Path) -> PathProbe {
        let (Some(directory), Some(name)) = (plain.parent(), plain.file_name()) else {
            return self.prober.probe(plain);
        };
        let spellings = path::spellings(name, self.pathext, self.target.os);
        let found =
            spellings.iter().map(|spelling| self.prober.probe(&directory.join(spelling))).find(PathProbe::executable);
        found.unwrap_or_else(|| self.prober.probe(plain))
    }

    fn on_path(&mut self, name: &OsStr) -> Vec<PathHit> {
        let spellings = path::spellings(name, self.pathext, self.target.os);
        let probe = |path: &Path| {
            // One call shows for nearly every directory that it has no such file; only the rest is inspected.
            fs::symlink_metadata(path).is_ok().then(|| self.prober.probe(path))
        };
        path::search(self.directories, &spellings, probe)
            .into_iter()
            .map(|(directory, probe)| PathHit { index: directory.index, directory: directory.path.clone(), probe })
            .collect()
    }
}

/// Inspects files, each path once.
struct Prober<'a> {
    own: Option<Own>,
    identify: &'a dyn Fn(&Path) -> CandidateIdentity,
    known: HashMap<PathBuf, PathProbe>,
}

impl Prober<'_> {
    fn probe(&mut self, path: &Path) -> PathProbe {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let probe = PathProbe { path: path.to_owned(), found: self.look(path) };
        self.known.insert(path.to_owned(), probe.clone());
        probe
    }

    fn look(&mut self, path: &Path) -> Found {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return nothing(path, &error),
        };
        if !metadata.is_file() {
            return Found::NotAFile;
        }
        let likeness = self.own.as_mut().map_or(Likeness::Different, |own| own.compare(path, &metadata));
        let identity = match likeness {
            Likeness::Different => (self.identify)(path),
            Likeness::SameFile | Likeness::SameHash => {
                CandidateIdentity::NotWorker { reason: "this command".to_owned() }
            }
        };
        Found::File(Box::new(FileFacts {
            executable: is_executable(path),
            size: metadata.len(),
            real_path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            likeness,
            identity,
        }))
    }
}

fn nothing(path: &Path, error: &io::Error) -> Found {
    match (error.kind(), fs::read_link(path)) {
        (io::ErrorKind::NotFound, Ok(target)) => Found::DanglingLink { target },
        // A value that contains a NUL is not the name of a file either.
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput, _) => Found::Nothing,
        (_, _) => Found::Unreadable { reason: error.to_string() },
    }
}

/// This command's executable, hashed only if there is a file of the same size.
struct Own {
    path: PathBuf,
    size: Option<u64>,
    sha256: Option<Sha256Digest>,
}

impl Own {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), size: fs::metadata(path).ok().map(|metadata| metadata.len()), sha256: None }
    }

    fn compare(&mut self, path: &Path, metadata: &Metadata) -> Likeness {
        if self.size != Some(metadata.len()) {
            return Likeness::Different;
        }
        if same_file::is_same_file(&self.path, path).unwrap_or(false) {
            return Likeness::SameFile;
        }
        if self.sha256.is_none() {
            self.sha256 = hash_file(&self.path).ok();
        }
        // Two unreadable files are not considered equal.
        let is_copy = self.sha256.is_some() && hash_file(path).ok() == self.sha256;
        if is_copy { Likeness::SameHash } else { Likeness::Different }
    }
}

#[cfg(all(test, unix))]
mod tests;
