//! Table tests for every candidate, verdict and rule of the decision.

use std::ffi::OsString;
use std::time::Duration;

use super::*;
use crate::django::DjangoFacts;
use crate::django::NamedValues;
use crate::django::TaskModules;
use crate::worker::which::Packaged;

pub(super) fn world() -> WhichFacts {
    let nothing = |path: &str| PathProbe { path: path.into(), found: Found::Nothing };
    WhichFacts {
        target: "linux-amd64".parse().expect("a target"),
        root: "/p".into(),
        cwd: "/p".into(),
        home: Some("/home/me".into()),
        django: answered(DjangoSetting::Unset),
        setting: None,
        environment: EnvironmentValue::Unset,
        environment_changed_by_project: false,
        project: nothing("/p/.reproq/bin/reproq"),
        packaged: Some(Packaged {
            documented: nothing("/s/reproq_django/bin/reproq"),
            management: nothing("/s/reproq_django/management/bin/reproq"),
        }),
        path_directories: 2,
        on_path: Vec::new(),
    }
}

pub(super) fn answered(setting: DjangoSetting) -> DjangoAnswer {
    DjangoAnswer::Answered(Box::new(DjangoFacts {
        python: "/v/bin/python".into(),
        python_version: "3.12.1".to_owned(),
        django_version: "6.0".to_owned(),
        settings_module: "shop.settings".to_owned(),
        setting,
        environment: None,
        package: Some("/s/reproq_django".into()),
        package_version: None,
        manage_problem: None,
        manage_variables: Vec::new(),
        installed_apps: Vec::new(),
        databases: Vec::new(),
        task_backends: Vec::new(),
        queue_databases: Vec::new(),
        settings: NamedValues::default(),
        tasks: TaskModules::NotRequested,
    }))
}

pub(super) fn file(path: &str, executable: bool, likeness: Likeness, identity: CandidateIdentity) -> PathProbe {
    let facts = FileFacts { executable, size: 9, real_path: path.into(), likeness, identity };
    PathProbe { path: path.into(), found: Found::File(Box::new(facts)) }
}

pub(super) fn worker(path: &str) -> PathProbe {
    file(path, true, Likeness::Different, CandidateIdentity::Worker { version: Some("0.0.144".to_owned()) })
}

pub(super) fn stranger(path: &str) -> PathProbe {
    file(path, true, Likeness::Different, CandidateIdentity::NotWorker { reason: "a text".to_owned() })
}

pub(super) fn ourselves(path: &str) -> PathProbe {
    file(path, true, Likeness::SameFile, CandidateIdentity::Unknown { reason: "us".to_owned() })
}

pub(super) fn locked(path: &str) -> PathProbe {
    file(path, false, Likeness::Different, CandidateIdentity::Worker { version: None })
}

pub(super) fn directory(path: &str) -> PathProbe {
    PathProbe { path: path.into(), found: Found::NotAFile }
}

pub(super) fn named(written: &str, aim: Aim, probe: Option<PathProbe>) -> Override {
    Override { written: written.into(), aim, probe }
}

pub(super) fn set(world: &mut WhichFacts, named: Override) {
    world.django = answered(DjangoSetting::Set(named.written.clone()));
    world.setting = Some(named);
}

pub(super) fn hits(probes: Vec<PathProbe>) -> Vec<PathHit> {
    let hit = |(index, probe)| PathHit { index, directory: format!("/path/{index}").into(), probe };
    probes.into_iter().enumerate().map(hit).collect()
}

fn verdicts(resolution: &Resolution) -> Vec<Verdict> {
    resolution.candidates.iter().map(|candidate| candidate.verdict.clone()).collect()
}

#[test]
fn with_nothing_anywhere_there_is_no_winner_and_every_reason() {
    let resolution = decide(&world());
    assert_eq!(resolution.winner(), None);
    assert_eq!(resolution.django_takes, None);
    let (not_set, missing) = (Verdict::NotSet, Verdict::Missing);
    let expected = [not_set.clone(), not_set, missing.clone(), missing.clone(), missing.clone(), missing];
    assert_eq!(verdicts(&resolution), expected);
    assert_eq!(resolution.warnings, []);
}

#[test]
fn the_order_is_djangos() {
    let mut world = world();
    world.on_path = hits(vec![worker("/path/0/reproq"), worker("/path/1/reproq")]);
    let step = |world: &WhichFacts| {
        let resolution = decide(world);
        let winner = resolution.winner().expect("a winner");
        assert_eq!(resolution.django_takes, winner.path);
        assert_eq!(resolution.runnable(), winner.path.as_deref());
        let shadowed = resolution
            .candidates
            .iter()
            .filter(|c| c.verdict == Verdict::Shadowed { by: resolution.winner.unwrap_or(99) });
        assert_eq!(shadowed.filter_map(|c| c.path.clone()).collect::<Vec<_>>(), winner.shadows);
        (winner.source.clone(), winner.shadows.len())
    };
    assert_eq!(step(&world), (CandidateSource::Path { index: Some(0), directory: Some("/path/0".into()) }, 1));
    world.packaged.as_mut().expect("packaged").documented = worker("/s/reproq_django/bin/reproq");
    assert_eq!(step(&world), (CandidateSource::Path { index: Some(0), directory: Some("/path/0".into()) }, 1));
    world.packaged.as_mut().expect("packaged").management = worker("/s/reproq_django/management/bin/reproq");
    assert_eq!(step(&world), (CandidateSource::PackageManagementBin, 2));
    world.project = worker("/p/.reproq/bin/reproq");
    assert_eq!(step(&world), (CandidateSource::Project, 3));
    world.environment = EnvironmentValue::Set(named("/e", Aim::Absolute, Some(worker("/e"))));
    assert_eq!(step(&world), (CandidateSource::Environment, 4));
    set(&mut world, named("/s", Aim::Absolute, Some(worker("/s"))));
    assert_eq!(step(&world), (CandidateSource::Setting, 5));
}

#[test]
fn a_configured_value_wins_even_if_it_cannot_run() {
    let nothing = PathProbe { path: "/x".into(), found: Found::Nothing };
    let dangling = PathProbe { path: "/x".into(), found: Found::DanglingLink { target: "/y".into() } };
    let takes = |path: &str| Some(PathBuf::from(path));
    let us = Fault::Ourselves { how: Likeness::SameFile };
    let cases = [
        (named("/x", Aim::Absolute, Some(nothing)), Some(Fault::Missing), takes("/x")),
        (named("/x", Aim::Absolute, Some(dangling)), Some(Fault::Missing), takes("/x")),
        (named("/x", Aim::Absolute, Some(directory("/x"))), Some(Fault::NotAFile), takes("/x")),
        (named("/x", Aim::Absolute, Some(locked("/x"))), Some(Fault::NotExecutable), takes("/x")),
        (named("/x", Aim::Absolute, Some(ourselves("/x"))), Some(us.clone()), takes("/x")),
        (named("/x", Aim::Absolute, Some(stranger("/x"))), None, takes("/x")),
        (named("b/x", Aim::Relative, Some(worker("/p/b/x"))), None, takes("/p/b/x")),
        (named("b/x", Aim::Relative, Some(locked("/p/b/x"))), Some(Fault::NotExecutable), None),
        (named("b/x", Aim::Relative, Some(directory("/p/b/x"))), Some(Fault::NotAFile), None),
        (named("x", Aim::Bare, Some(worker("/bin/x"))), None, takes("/bin/x")),
        (named("x", Aim::Bare, Some(ourselves("/bin/x"))), Some(us), takes("/bin/x")),
        (named("x", Aim::Bare, None), Some(Fault::Missing), None),
    ];
    for (named, fault, django_takes) in cases {
        for by_setting in [true, false] {
            let mut world = world();
            world.project = worker("/p/.reproq/bin/reproq");
            if by_setting {
                set(&mut world, named.clone());
            } else {
                world.environment = EnvironmentValue::Set(named.clone());
            }
            let resolution = decide(&world);
            let winner = resolution.winner().expect("a winner");
            assert_eq!(winner.source == CandidateSource::Setting, by_setting, "{named:?}");
            assert_eq!((&winner.fault, &resolution.django_takes), (&fault, &django_takes), "{named:?}");
            assert_eq!(resolution.runnable().is_some(), fault.is_none(), "{named:?}");
            let is_warned = resolution.warnings.iter().any(|warning| warning.message.contains("will fail"));
            assert_eq!(is_warned, fault.is_some(), "{:?}", resolution.warnings);
        }
    }
}

#[test]
fn pitfalls_of_a_value_are_noted() {
    let mut world = world();
    set(
        &mut world,
        named("~/bin/reproq", Aim::Relative, Some(PathProbe { path: "/p/~/bin/reproq".into(), found: Found::Nothing })),
    );
    let notes = decide(&world).candidates[0].notes.join("\n");
    assert!(notes.contains("write /home/me/bin/reproq"), "{notes}");
    assert!(notes.contains("assumed to be /p"), "{notes}");
    world.environment = EnvironmentValue::Empty;
    world.environment_changed_by_project = true;
    let resolution = decide(&world);
    assert_eq!(resolution.candidates[1].verdict, Verdict::NotSet);
    assert_eq!(resolution.candidates[1].notes, [notes::EMPTY, notes::CHANGED_BY_PROJECT]);
}

#[test]
fn a_setting_that_is_not_a_path_stops_django() {
    let mut world = world();
    world.django = answered(DjangoSetting::WrongType("int".to_owned()));
    world.project = worker("/p/.reproq/bin/reproq");
    let resolution = decide(&world);
    assert_eq!(resolution.winner, Some(0));
    assert_eq!(resolution.candidates[0].fault, Some(Fault::WrongType { found: "int".to_owned() }));
    assert_eq!((resolution.runnable(), resolution.django_takes.as_deref()), (None, None));
    assert!(resolution.warnings[0].hint.contains("absolute path"), "{:?}", resolution.warnings);
}

#[test]
fn the_project_wins_as_soon_as_it_exists() {
    for (probe, fault) in [
        (locked("/p/.reproq/bin/reproq"), Fault::NotExecutable),
        (directory("/p/.reproq/bin/reproq"), Fault::NotAFile),
        (ourselves("/p/.reproq/bin/reproq"), Fault::Ourselves { how: Likeness::SameFile }),
    ] {
        let mut world = world();
        world.project = probe;
        world.on_path = hits(vec![worker("/path/0/reproq")]);
        let resolution = decide(&world);
        let winner = resolution.winner().expect("a winner");
        assert_eq!((&winner.source, &winner.fault), (&CandidateSource::Project, &Some(fault)));
        assert_eq!(resolution.warnings.len(), 1, "{:?}", resolution.warnings);
    }
}

#[test]
fn outside_the_root_the_project_candidate_has_a_note() {
    let mut world = world();
    world.cwd = "/p/shop".into();
    let note = &decide(&world).candidates[2].notes[0];
    assert!(note.contains("/p/shop"), "{note}");
}

#[test]
fn this_command_and_other_programs_on_path_are_skipped() {
    let mut world = world();
    let unknown =
        file("/path/5/reproq", true, Likeness::Different, CandidateIdentity::Unknown { reason: "a script".to_owned() });
    world.on_path = hits(vec![
        directory("/path/0/reproq"),
        locked("/path/1/reproq"),
        ourselves("/path/2/reproq"),
        stranger("/path/3/reproq"),
        PathProbe { path: "/path/4/reproq".into(), found: Found::DanglingLink { target: "/gone".into() } },
        unknown,
        worker("/path/6/reproq"),
    ]);
    let resolution = decide(&world);
    let expected = [
        Verdict::NotAFile,
        Verdict::NotExecutable,
        Verdict::Ourselves { how: Likeness::SameFile },
        Verdict::NotTheWorker { reason: "a text".to_owned() },
        Verdict::Missing,
        Verdict::Winner,
        Verdict::Shadowed { by: 10 },
    ];
    assert_eq!(verdicts(&resolution)[5..], expected);
    assert_eq!(resolution.django_takes, Some("/path/2/reproq".into()));
    let warning = &resolution.warnings[0];
    assert!(warning.message.contains("/path/2/reproq from PATH, which is this command"), "{warning:?}");
    assert!(warning.hint.contains("REPROQ_WORKER_BIN=/path/5/reproq"), "{warning:?}");
}

#[test]
fn this_command_alone_on_path_is_a_warning() {
    let mut world = world();
    world.on_path = hits(vec![ourselves("/path/0/reproq")]);
    let resolution = decide(&world);
    assert_eq!((resolution.winner, resolution.warnings.len()), (None, 1));
    assert!(resolution.warnings[0].hint.contains("reproq install"));
    // If something wins before PATH, the first entry of PATH does not matter.
    world.project = worker("/p/.reproq/bin/reproq");
    assert_eq!(decide(&world).warnings, []);
}

#[test]
fn the_documented_place_of_the_package_never_wins() {
    let mut world = world();
    world.packaged.as_mut().expect("packaged").documented = worker("/s/reproq_django/bin/reproq");
    let resolution = decide(&world);
    assert_eq!((resolution.winner, resolution.django_takes.as_ref()), (None, None));
    assert!(matches!(resolution.candidates[3].verdict, Verdict::Skipped { .. }));
    assert!(resolution.warnings[0].hint.contains("REPROQ_WORKER_BIN=/s/reproq_django/bin/reproq"));
}

#[test]
fn without_djangos_answer_the_rest_decides() {
    let failed = DjangoAnswer::Failed {
        reason: "no Python was found".to_owned(),
        stderr: vec!["last words".to_owned()],
        hint: None,
    };
    let late = DjangoAnswer::TimedOut { limit: Duration::from_millis(2500), stderr: Vec::new() };
    let skipped = DjangoAnswer::Skipped { reason: "--no-django was given".to_owned() };
    let cases = [
        (failed, Verdict::Unusable { reason: "no Python was found".to_owned() }, 1),
        (late, Verdict::Unusable { reason: "Django did not respond within 2.5 s".to_owned() }, 1),
        (skipped, Verdict::Skipped { reason: "--no-django was given".to_owned() }, 0),
        (DjangoAnswer::NoProject, Verdict::Skipped { reason: "no Django project here".to_owned() }, 0),
    ];
    for (django, verdict, warnings) in cases {
        let mut world = WhichFacts { django, packaged: None, ..world() };
        world.project = worker("/p/.reproq/bin/reproq");
        let resolution = decide(&world);
        assert_eq!(resolution.candidates[0].verdict, verdict);
        assert!(matches!(resolution.candidates[3].verdict, Verdict::Skipped { .. }));
        assert_eq!(resolution.winner, Some(2));
        assert_eq!(resolution.warnings.len(), warnings, "{:?}", resolution.warnings);
    }
}

#[test]
fn another_winner_than_the_binary_just_placed_is_found() {
    let mut world = world();
    world.project = worker("/p/.reproq/bin/reproq");
    let placed = PathBuf::from("/p/.reproq/bin/reproq");
    assert_eq!(decide(&world).wins_over(&placed), None);
    let mut link = worker("/p/.reproq/bin/reproq");
    link.path = "/e".into();
    world.environment = EnvironmentValue::Set(named("/e", Aim::Absolute, Some(link)));
    assert_eq!(decide(&world).wins_over(&placed), None, "a link to it is no other binary");
    world.environment = EnvironmentValue::Set(named("/e", Aim::Absolute, Some(worker("/e"))));
    let source = decide(&world).wins_over(&placed).map(|winner| winner.source.clone());
    assert_eq!(source, Some(CandidateSource::Environment));
}

#[test]
fn the_json_form_is_stable() {
    let mut world = world();
    world.project = locked("/p/.reproq/bin/reproq");
    world.on_path = hits(vec![ourselves("/path/0/reproq"), worker("/path/1/reproq")]);
    let json = serde_json::to_value(decide(&world)).expect("serialised");
    let project = serde_json::json!({
        "source": "project", "written": null, "path": "/p/.reproq/bin/reproq", "real_path": "/p/.reproq/bin/reproq",
        "found": true, "executable": false, "size": 9, "identity": {"kind": "worker", "version": null},
        "verdict": "winner", "fault": {"kind": "not_executable"}, "notes": [], "shadows": ["/path/1/reproq"],
    });
    assert_eq!(json["candidates"][2], project);
    assert_eq!(json["winner"], 2);
    assert_eq!(json["django_takes"], "/p/.reproq/bin/reproq");
    let on_path = &json["candidates"][5];
    assert_eq!(
        (&on_path["source"], &on_path["index"], &on_path["directory"]),
        (&"path".into(), &0.into(), &"/path/0".into())
    );
    assert_eq!((&on_path["verdict"], &on_path["how"]), (&"ourselves".into(), &"same_file".into()));
    assert_eq!((&json["candidates"][6]["verdict"], &json["candidates"][6]["by"]), (&"shadowed".into(), &2.into()));
    assert!(json["warnings"][0]["hint"].is_string());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_does_not_break_the_report() {
    let odd: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"/od\xffd\x1b".to_vec());
    let mut world = world();
    world.environment = EnvironmentValue::Set(Override {
        written: odd.clone(),
        aim: Aim::Absolute,
        probe: Some(PathProbe { path: odd.into(), found: Found::Nothing }),
    });
    let resolution = decide(&world);
    assert!(serde_json::to_string(&resolution).is_ok());
    assert!(resolution.warnings.iter().all(|warning| !warning.message.contains('\u{1b}')));
}
