//! Tests of the survey with real directories, links and permissions.

use std::cell::Cell;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use super::*;
use crate::worker::which::CandidateSource;
use crate::worker::which::Resolution;
use crate::worker::which::Verdict;
use crate::worker::which::decide;

/// A project, a copy of this command and directories for `PATH`, on the real file system.
struct TestPlace {
    directory: tempfile::TempDir,
    variables: Vec<(OsString, OsString)>,
    identified: Cell<usize>,
}

impl TestPlace {
    fn new(directories: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Self { directory, variables: Vec::new(), identified: Cell::new(0) };
        place.write("own/reproq", "this very command", 0o755);
        let directories: Vec<PathBuf> = directories.iter().map(|directory| place.at(directory)).collect();
        place.setting("PATH", std::env::join_paths(directories).expect("no colon"))
    }

    fn setting(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(key, _)| key != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("inside the directory")).expect("a directory");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
    }

    fn link(&self, path: &str, target: &Path) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("inside the directory")).expect("a directory");
        symlink(target, path).expect("a link");
    }

    fn survey(&self, django: DjangoAnswer) -> WhichFacts {
        let root = self.at("project");
        fs::create_dir_all(&root).expect("a directory");
        let own = self.at("own/reproq");
        let target = "linux-amd64".parse().expect("a target");
        let around = SurveyInput { target, root: &root, cwd: &root, environment: &self.variables, own: Some(&own) };
        survey(&around, django, &|path| {
            self.identified.set(self.identified.get() + 1);
            match fs::read_to_string(path) {
                Ok(text) if text.starts_with("worker") => CandidateIdentity::Worker { version: None },
                Ok(_) => CandidateIdentity::NotWorker { reason: "another text".to_owned() },
                Err(error) => CandidateIdentity::Unknown { reason: error.to_string() },
            }
        })
    }

    fn resolve(&self) -> Resolution {
        decide(&self.survey(DjangoAnswer::NoProject))
    }

    fn on_path(&self) -> Vec<Verdict> {
        let is_path = |source: &CandidateSource| matches!(source, CandidateSource::Path { .. });
        let all = self.resolve().candidates;
        all.into_iter().filter(|candidate| is_path(&candidate.source)).map(|candidate| candidate.verdict).collect()
    }
}

#[test]
fn this_command_is_recognized_under_any_name_and_as_a_copy() {
    let place = TestPlace::new(&["a", "b", "c", "own", "d", "e"]);
    place.link("a/reproq", &place.at("own/reproq"));
    fs::create_dir_all(place.at("b")).expect("a directory");
    fs::hard_link(place.at("own/reproq"), place.at("b/reproq")).expect("a hard link");
    place.write("c/reproq", "this very command", 0o755);
    place.write("d/reproq", "that other command", 0o755);
    place.write("e/reproq", "worker", 0o755);
    let expected = [
        Verdict::Ourselves { how: Likeness::SameFile },
        Verdict::Ourselves { how: Likeness::SameFile },
        Verdict::Ourselves { how: Likeness::SameHash },
        Verdict::Ourselves { how: Likeness::SameFile },
        Verdict::NotTheWorker { reason: "another text".to_owned() },
        Verdict::Winner,
    ];
    assert_eq!(place.on_path(), expected);
    assert_eq!(place.resolve().django_takes, Some(place.at("a/reproq")));
}

#[test]
fn the_same_size_is_not_the_same_file() {
    let place = TestPlace::new(&["a"]);
    place.write("a/reproq", "worker of a size!", 0o755);
    let size = |path: &str| fs::metadata(place.at(path)).expect("there").len();
    assert_eq!(size("a/reproq"), size("own/reproq"));
    assert_eq!(place.on_path(), [Verdict::Winner]);
}

#[test]
fn entries_on_path_that_cannot_run_are_skipped() {
    let place = TestPlace::new(&["a", "b", "c", "empty", "missing", "d"]);
    place.write("a/reproq/file-in-a-directory", "", 0o644);
    place.write("b/reproq", "worker", 0o644);
    place.link("c/reproq", Path::new("gone"));
    fs::create_dir(place.at("empty")).expect("a directory");
    place.write("d/reproq", "worker", 0o755);
    let expected = [Verdict::NotAFile, Verdict::NotExecutable, Verdict::Missing, Verdict::Winner];
    assert_eq!(place.on_path(), expected);
    let resolution = place.resolve();
    assert_eq!(resolution.runnable(), Some(place.at("d/reproq").as_path()));
    assert!(resolution.candidates[7].notes[0].contains("a link to gone"), "{resolution:?}");
}

#[test]
fn relative_and_empty_entries_of_path_start_in_the_project() {
    for (path, file) in [("bin", "project/bin/reproq"), ("", "project/reproq"), ("/nowhere:", "project/reproq")] {
        let place = TestPlace::new(&[]).setting("PATH", format!("{path}:/nowhere/else"));
        place.write(file, "worker", 0o755);
        assert_eq!(place.resolve().runnable(), Some(place.at(file).as_path()), "{path}");
    }
    let place = TestPlace::new(&[]).setting("PATH", "");
    place.write("project/reproq", "worker", 0o755);
    assert_eq!(place.resolve().runnable(), None, "an empty PATH names no directory");
}

#[test]
fn a_directory_of_path_need_not_be_utf8() {
    let place = TestPlace::new(&[]);
    let directory = place.directory.path().join(OsString::from_vec(b"od\xffd".to_vec()));
    if fs::create_dir(&directory).is_err() {
        return; // macOS refuses such names.
    }
    fs::write(directory.join("reproq"), "worker").expect("written");
    fs::set_permissions(directory.join("reproq"), fs::Permissions::from_mode(0o755)).expect("set");
    let place = place.setting("PATH", directory.clone());
    assert_eq!(place.resolve().runnable(), Some(directory.join("reproq").as_path()));
}

#[test]
fn values_are_resolved_as_by_django() {
    let place = TestPlace::new(&["bin"]);
    place.write("bin/elsewhere", "worker", 0o755);
    place.write("project/tools/reproq", "worker", 0o755);
    place.write("project/tools/locked", "worker", 0o644);
    let absolute = place.at("project/tools/reproq");
    let cases = [
        (absolute.clone().into_os_string(), Aim::Absolute, Some(absolute.clone())),
        ("tools/reproq".into(), Aim::Relative, Some(absolute)),
        ("./tools/../tools/reproq".into(), Aim::Relative, Some(place.at("project/./tools/../tools/reproq"))),
        ("elsewhere".into(), Aim::Bare, Some(place.at("bin/elsewhere"))),
        ("tools/locked".into(), Aim::Relative, None),
        ("~/tools/reproq".into(), Aim::Relative, None),
        ("nowhere".into(), Aim::Bare, None),
        (".".into(), Aim::Bare, None),
        ("..".into(), Aim::Bare, None),
        ("tools/".into(), Aim::Relative, None),
        ("a\0b".into(), Aim::Bare, None),
    ];
    let mut place = place.setting("HOME", "/nobody");
    for (written, aim, runnable) in cases {
        place = place.setting("REPROQ_WORKER_BIN", written.clone());
        let world = place.survey(DjangoAnswer::NoProject);
        let EnvironmentValue::Set(named) = &world.environment else { panic!("{written:?} is set") };
        assert_eq!(named.aim, aim, "{written:?}");
        assert_eq!(decide(&world).runnable(), runnable.as_deref(), "{written:?}");
    }
    let empty = place.setting("REPROQ_WORKER_BIN", "").survey(DjangoAnswer::NoProject);
    assert_eq!(empty.environment, EnvironmentValue::Empty);
}

#[test]
fn every_file_is_inspected_once() {
    let place = TestPlace::new(&["a", "b"]).setting("PATH", "a:a:b");
    place.write("project/.reproq/bin/reproq", "worker", 0o755);
    let same = place.at("project/.reproq/bin/reproq");
    let place = place.setting("REPROQ_WORKER_BIN", same);
    place.write("project/a/reproq", "worker", 0o755);
    let world = place.survey(DjangoAnswer::NoProject);
    assert_eq!((world.on_path.len(), world.path_directories, place.identified.get()), (1, 2, 2));
}

#[test]
fn without_an_own_executable_nothing_matches_this_command() {
    let place = TestPlace::new(&["own"]);
    fs::remove_file(place.at("own/reproq")).expect("removed");
    place.write("own/reproq", "worker", 0o755);
    let root = place.at("project");
    let target = "linux-amd64".parse().expect("a target");
    let around = SurveyInput { target, root: &root, cwd: &root, environment: &place.variables, own: None };
    let world = survey(&around, DjangoAnswer::NoProject, &|_| CandidateIdentity::Worker { version: None });
    assert_eq!(decide(&world).runnable(), Some(place.at("own/reproq").as_path()));
}
