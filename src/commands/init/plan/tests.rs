//! The plan for projects in every state.

use super::*;
use crate::django::DjangoSetting;
use crate::django::NamedValues;
use crate::django::RegisteredTasks;
use crate::django::TaskBackend;

fn django() -> DjangoFacts {
    DjangoFacts {
        python: "/p/.venv/bin/python".into(),
        python_version: "3.12.1".to_owned(),
        django_version: "6.0".to_owned(),
        settings_module: "shop.settings".to_owned(),
        setting: DjangoSetting::Unset,
        environment: None,
        package: Some("/s/reproq_django".into()),
        package_version: None,
        manage_problem: None,
        manage_variables: Vec::new(),
        installed_apps: vec!["reproq_django".to_owned()],
        databases: Vec::new(),
        task_backends: vec![TaskBackend {
            alias: "default".to_owned(),
            backend: "reproq_django.backend.ReproqBackend".to_owned(),
            queues: vec!["default".to_owned(), "high".to_owned()],
            options: NamedValues::default(),
        }],
        queue_databases: Vec::new(),
        settings: NamedValues::default(),
        tasks: TaskModules::Found(RegisteredTasks {
            paths: vec!["shop.tasks.one".to_owned()],
            ..RegisteredTasks::default()
        }),
    }
}

/// A project in which everything is to be done.
fn fresh() -> InitFacts {
    InitFacts {
        pyproject: Some("[project]\nname = \"shop\"\n".to_owned()),
        has_settings: false,
        worker_file: None,
        gitignore: None,
        is_work_tree: true,
        django: django(),
        django_database: Ok(()),
        local_python: Some(".venv/bin/python".to_owned()),
        migrations: vec!["0001_baseline".to_owned()],
        worker: WorkerState::Needed("nothing is installed yet".to_owned()),
        database: DatabaseState::Read {
            place: "shop".to_owned(),
            recorded: Vec::new(),
            has_tables: false,
            pending: 12,
        },
    }
}

/// The same with everything done.
fn finished() -> InitFacts {
    InitFacts {
        has_settings: true,
        worker_file: Some(WorkerFile { path: "reproq.yaml".to_owned(), has_dsn: false }),
        gitignore: Some("/.reproq/\n".to_owned()),
        worker: WorkerState::UpToDate("v0.0.144".to_owned()),
        database: DatabaseState::Read {
            place: "shop".to_owned(),
            recorded: vec!["0001_baseline".to_owned()],
            has_tables: true,
            pending: 0,
        },
        ..fresh()
    }
}

const ALL: InitOptions = InitOptions { format: ConfigFormat::Yaml, skip_install: false, skip_migrate: false };

fn shown(facts: &InitFacts, options: InitOptions) -> String {
    let lines = decide(facts, options).into_iter().map(|step| {
        let text = step.text.map(|text| format!("\n    {}", text.trim().replace('\n', "\n    "))).unwrap_or_default();
        format!("{:<9} {:<15} {}{text}", step.state.as_str(), step.step.as_str(), step.summary)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_fresh_project_and_a_finished_one() {
    insta::assert_snapshot!([shown(&fresh(), ALL), shown(&finished(), ALL)].join("\n\n"));
    assert!(decide(&finished(), ALL).iter().all(|step| step.work.is_none()));
}

#[test]
fn nothing_is_done_to_the_database_before_django_knows_the_app() {
    let mut facts = fresh();
    facts.django.installed_apps.clear();
    facts.django.task_backends.clear();
    let steps = decide(&facts, ALL);
    let of_database = |step: &&InitStep| matches!(step.step, StepName::DjangoMigrate | StepName::DbMigrate);
    assert!(steps.iter().filter(of_database).all(|step| step.state == StepState::Waiting && step.work.is_none()));
    facts.django.package = None;
    insta::assert_snapshot!(shown(&facts, ALL));
}

#[test]
fn every_obstacle_has_its_reason() {
    let place = || "shop".to_owned();
    let read = |recorded: &[&str], has_tables, pending| DatabaseState::Read {
        place: place(),
        recorded: recorded.iter().map(|it| (*it).to_owned()).collect(),
        has_tables,
        pending,
    };
    let scenes = [
        (
            "not reachable",
            InitFacts { database: DatabaseState::Unreachable("connection refused".to_owned()), ..finished() },
            ALL,
        ),
        (
            "no database",
            InitFacts { database: DatabaseState::Unusable("no database is configured".to_owned()), ..finished() },
            ALL,
        ),
        ("offline", InitFacts { database: DatabaseState::NotRead, ..finished() }, ALL),
        ("tables without a record", InitFacts { database: read(&[], true, 3), ..finished() }, ALL),
        ("a newer migration", InitFacts { database: read(&["0000_old"], true, 0), ..finished() }, ALL),
        ("indexes are missing", InitFacts { database: read(&["0001_baseline"], true, 3), ..finished() }, ALL),
        ("not locked", InitFacts { worker: WorkerState::NotLocked("v0.0.144".to_owned()), ..finished() }, ALL),
        ("left out", fresh(), InitOptions { skip_install: true, skip_migrate: true, format: ConfigFormat::Toml }),
        ("no files of git or Python", InitFacts { pyproject: None, is_work_tree: false, ..finished() }, ALL),
        (
            "a file with a URL",
            InitFacts {
                has_settings: false,
                worker_file: Some(WorkerFile { path: "reproq.toml".to_owned(), has_dsn: true }),
                ..finished()
            },
            ALL,
        ),
        (
            "tool in one line",
            InitFacts { has_settings: false, pyproject: Some("tool = { x = 1 }\n".to_owned()), ..finished() },
            ALL,
        ),
    ];
    let shown: Vec<String> =
        scenes.iter().map(|(name, facts, options)| format!("# {name}\n{}", shown(facts, *options))).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}
