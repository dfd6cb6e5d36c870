//! What the project's Django answers, with a real Django: databases as URLs, tasks, schedules; and what goes wrong.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use reproq::internals::django::DjangoAnswer;
use reproq::internals::django::DjangoFacts;
use reproq::internals::django::DjangoQuestion;
use reproq::internals::django::DjangoScope;
use reproq::internals::django::TaskModules;
use reproq::internals::django::ask;
use reproq_queue::dsn::Dsn;
use reproq_queue::dsn::FileContent;
use reproq_queue::dsn::Surroundings;
use serde_json::Value;
use test_postgres::Database;
use test_postgres::OWNER;

use crate::support::Context;
use crate::support::django;
use crate::support::django::project;
use crate::support::django::stub_worker;
use crate::support::django::write;

const PASSWORD: &str = "p@ss/w:rd#?%&+ é";

/// Entries of `DATABASES`, as Python: engine and password are added.
const SHAPES: [&str; 30] = [
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'db.example', 'PORT': '5433'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'db.example', 'PORT': 5433",
    "'NAME': 'shop', 'USER': 'me', 'HOST': '/var/run/postgresql'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': '/var/run/postgresql', 'PORT': '5433'",
    "'NAME': 'shop', 'USER': 'm:e@x/y?z#', 'HOST': 'h'",
    "'NAME': 'shop', 'USER': 'us er', 'HOST': 'h'",
    "'NAME': 'a/b?c#d e', 'USER': 'me', 'HOST': 'h'",
    "'NAME': '/slash', 'USER': 'me', 'HOST': 'h'",
    "'NAME': 'größe', 'USER': 'jürgen', 'HOST': 'h'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': '127.0.0.1'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': '::1', 'PORT': '5433'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'fe80::1'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'a,b', 'PORT': '1,2'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'a,b', 'PORT': '7'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'a,/tmp', 'PORT': '7'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': '::1,b', 'PORT': '7,8'",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'sslmode': 'require'}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'connect_timeout': 7}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'connect_timeout': 7.0, 'application_name': 'a b&c'}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'options': '-c search_path=x,public -c geqo=off'}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'target_session_attrs': 'read-write'}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'keepalives': 1, 'keepalives_idle': 30}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'isolation_level': 4, 'server_side_binding': True}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'pool': False, 'assume_role': None}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'hostaddr': '10.0.0.1', 'channel_binding': 'disable'}",
    "'NAME': 'shop', 'USER': 'me', 'HOST': 'h', 'OPTIONS': {'user': 'other', 'dbname': 'elsewhere'}",
    "'NAME': 'shop', 'USER': '', 'HOST': 'h', 'OPTIONS': {'user': 'other'}",
    "'NAME': '', 'USER': 'me', 'OPTIONS': {'service': 'main'}",
    "'NAME': None, 'USER': 'me', 'HOST': 'h'",
    "'NAME': 'shop', 'USER': SimpleLazyObject(lambda: 'me'), 'HOST': pathlib.Path('/tmp')",
];

/// What Django itself would connect with.
const PARAMETERS: &str = "
import json, os, django
os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'
from django.db import connections
found = {}
for alias in connections:
    try:
        parameters = connections[alias].get_connection_params()
    except Exception as error:
        continue
    found[alias] = {key: str(value) for key, value in parameters.items() if value is not None}
print(json.dumps(found))
";

fn facts(context: &Context, scope: DjangoScope) -> DjangoFacts {
    let environment = environment(context);
    let answer = ask(&DjangoQuestion {
        root: &context.project(),
        environment: &environment,
        scope,
        limit: Duration::from_secs(60),
    });
    let DjangoAnswer::Answered(facts) = answer else { panic!("expected an answer, found {answer:?}") };
    *facts
}

fn environment(context: &Context) -> Vec<(OsString, OsString)> {
    let command = context.command(&[]);
    command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

#[test]
fn thirty_entries_of_databases_are_read_as_django_uses_them() {
    let entries = SHAPES.iter().enumerate().map(|(index, shape)| {
        format!("    'db{index}': {{'ENGINE': 'django.db.backends.postgresql', 'PASSWORD': {PASSWORD:?}, {shape}}},")
    });
    let entries: Vec<String> = entries.collect();
    let settings = format!(
        "import pathlib\nfrom django.utils.functional import SimpleLazyObject\nDATABASES = {{\n    'default': {{}},\n{}\n}}",
        entries.join("\n")
    );
    let mut context = Context::new();
    let Some(()) = project(&mut context, &settings) else { return };
    let mut python = Command::new(django::python().expect("present"));
    python.args(["-B", "-c", PARAMETERS]).current_dir(context.project()).env_clear().envs(environment(&context));
    let output = python.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let facts = facts(&context, DjangoScope::Settings);
    assert_eq!(facts.databases.len(), SHAPES.len() + 1);
    let variables = std::collections::BTreeMap::new();
    let service = b"[main]\nhost=from-service\ndbname=of-service\n".to_vec();
    let files = |path: &str| match path {
        "/home/.pg_service.conf" => FileContent::Present { bytes: service.clone(), is_private: true },
        _ => FileContent::Missing,
    };
    let surroundings = Surroundings {
        variables: &variables,
        system_user: Some("system"),
        home: Some("/home"),
        socket_directory: None,
        files: &files,
    };
    for database in facts.databases.iter().filter(|database| database.alias != "default") {
        let found = database.url(&|_| false).expect("PostgreSQL");
        let url = found.url.expose();
        let dsn = Dsn::read(url, &surroundings).unwrap_or_else(|error| panic!("{url}: {error}"));
        let target = dsn.target("none");
        let expected = &expected[&database.alias];
        let text = |key: &str| expected[key].as_str().unwrap_or_default();
        let is_service = !text("service").is_empty();
        let name = if is_service { "of-service" } else { text("dbname") };
        assert_eq!((target.user.as_str(), target.database.as_str()), (text("user"), name), "{url}");
        let hosts: Vec<&str> = if is_service { vec!["from-service"] } else { text("host").split(',').collect() };
        let ports: Vec<&str> = text("port").split(',').collect();
        for (index, (host, found)) in hosts.iter().zip(&target.hosts).enumerate() {
            let port = ports.get(index).or(ports.first()).filter(|port| !port.is_empty()).copied().unwrap_or("5432");
            let expected = match host {
                host if host.starts_with('/') => format!("{host}/.s.PGSQL.{port}"),
                host if host.contains(':') => format!("[{host}]:{port}"),
                host => format!("{host}:{port}"),
            };
            assert_eq!(found.to_string(), expected, "{url}");
            let (reproq_queue::pg::Host::Tcp { password, .. } | reproq_queue::pg::Host::Unix { password, .. }) = found;
            assert_eq!(password.as_ref().map(|it| it.expose().to_owned()).as_deref(), Some(text("password")), "{url}");
        }
        assert_eq!(hosts.len(), target.hosts.len(), "{url}");
        let name = Some(text("application_name")).filter(|name| !name.is_empty()).unwrap_or("none");
        assert_eq!(target.application_name, name, "{url}");
        assert_eq!(target.options.as_deref().unwrap_or_default(), text("options"), "{url}");
        if !text("connect_timeout").is_empty() {
            assert_eq!(target.connect_timeout, Duration::from_secs(7), "{url}");
        }
        // The worker cannot use what only libpq knows.
        let for_the_worker = database.url(&reproq_queue::dsn::is_refused_from_the_worker).expect("PostgreSQL");
        let read = Dsn::read(for_the_worker.url.expose(), &surroundings).expect("valid");
        let is_refused =
            |note: &reproq_queue::dsn::Note| matches!(note, reproq_queue::dsn::Note::RefusedFromTheWorker(_));
        assert!(!read.notes().iter().any(is_refused), "{url}");
    }
}

#[test]
fn the_database_of_django_is_used_by_every_command() {
    let Some(database) = Database::of_origin("a") else { return };
    let password = "Sécret/@:7 %41";
    database.as_superuser(&format!(
        "create role \"we:ird@{0}\" login password '{password}' in role {1}",
        database.name, OWNER.0
    ));
    let settings = format!(
        "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{0}', 'USER': 'we:ird@{0}', \
         'PASSWORD': '{password}', 'HOST': '127.0.0.1', 'PORT': '{1}', 'OPTIONS': {{'sslmode': 'disable', 'assume_role': '{2}', \
         'keepalives': 1, 'options': '-c lock_timeout=1s'}}}}}}",
        database.name, database.cluster.port, OWNER.0
    );
    let mut context = Context::new();
    let Some(()) = project(&mut context, &settings) else { return };
    stub_worker(&mut context);
    let output = context.succeed(&["db", "status", "-v"]);
    let from = "DATABASES[\"default\"] of Django (shop.settings)";
    assert!(output.stdout.contains(from) && output.stderr.contains(from), "{output:#?}");
    let worker = context.succeed(&["worker"]).stdout;
    let url = worker.lines().last().expect("a URL").to_owned();
    assert!(!url.contains("keepalives"), "the server would refuse it from the worker: {url}");
    let mut elsewhere = Context::new();
    elsewhere.set("DATABASE_URL", url);
    elsewhere.succeed(&["db", "status"]);
    let doctor = context.run(&["doctor", "-v"]);
    assert!(doctor.stdout.contains(from), "{doctor:#?}");
    let config = context.succeed(&["config", "worker", "--explain"]);
    assert!(config.stdout.contains(&format!("`reproq worker`, from {from}")), "{config:#?}");
    let dry = context.succeed(&["worker", "--dry-run", "--json", "-v"]);
    assert!(
        dry.stdout.contains("\"name\": \"DATABASE_URL\"") || dry.stdout.contains("\"name\":\"DATABASE_URL\""),
        "{dry:#?}"
    );
    for output in [&output, &doctor, &config, &dry] {
        let text = format!("{}{}", output.stdout, output.stderr);
        for secret in [password, "S%C3%A9cret", "%2541"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    assert!(!worker.lines().rev().skip(1).any(|argument| argument.contains("cret")), "{worker}");
}

#[test]
fn the_first_source_that_names_a_database_wins_and_django_is_asked_last() {
    let settings = "import pathlib\nwith open('asked', 'a') as file:\n    file.write('x')\n\
        DATABASES = {a: {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'of-django-' + a, 'HOST': 'h'} \
        for a in ['default', 'queue', 'reports']}\nREPROQ_DEFAULT_DB_ALIAS = 'queue'";
    let mut context = Context::new();
    let Some(()) = project(&mut context, settings) else { return };
    stub_worker(&mut context);
    // So that only the database is a reason to ask.
    context.set("ALLOWED_TASK_MODULES", "shop.tasks.");
    let url = |context: &Context, arguments: &[&str]| {
        let output = context.run(&[&["worker"], arguments].concat());
        output.stdout.lines().last().map_or_else(|| output.stderr.clone(), str::to_owned)
    };
    let asked = |context: &Context| {
        let path = context.project().join("asked");
        let asked = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        asked.len()
    };
    assert_eq!(url(&context, &[]), "postgres://h/of%2Ddjango%2Dqueue".replace("%2D", "-"));
    assert_eq!(asked(&context), 1, "one question for the worker and the database");
    assert!(url(&context, &["--no-django"]).contains("no database is configured"));
    assert_eq!(asked(&context), 0);
    assert_eq!(url(&context, &["--database", "reports"]), "postgres://h/of-django-reports");
    assert!(url(&context, &["--database", "x"]).contains("Django has no database `x`; known: default, queue, reports"));
    write(&context.project().join("reproq.yaml"), "dsn: postgres://h/of-the-file\n");
    // The worker reads its own file.
    assert_eq!(url(&context, &["--no-django"]), "shop.tasks.".replace("shop.tasks.", ""));
    let status =
        |context: &Context, arguments: &[&str]| context.run(&[&["db", "status", "-v"], arguments].concat()).stderr;
    let _ = asked(&context);
    assert!(
        status(&context, &[]).contains("of-the-file on h:5432 (from reproq.yaml, line 1: dsn)"),
        "{}",
        status(&context, &[])
    );
    assert_eq!(asked(&context), 0, "the file has the answer");
    let table = "[tool.reproq.databases]\ndefault = \"env:MAIN\"\nconfig = \"config\"\nreports = \"django\"\nnone = \"django\"\n";
    write(&context.project().join("pyproject.toml"), table);
    context.set("MAIN", "postgres://h/of-the-table");
    assert_eq!(url(&context, &["--no-django"]), "postgres://h/of-the-table");
    assert_eq!(url(&context, &["--database", "config", "--no-django"]), "postgres://h/of-the-file");
    assert_eq!(url(&context, &["--database", "reports"]), "postgres://h/of-django-reports");
    assert!(url(&context, &["--database", "reports", "--no-django"]).contains("the Django settings were not read"));
    assert!(url(&context, &["--database", "none"]).contains("Django has no database `none`"));
    context.set("DATABASE_URL", "postgres://h/of-the-variable");
    let _ = asked(&context);
    assert!(status(&context, &[]).contains("of-the-variable on h:5432 (from DATABASE_URL)"));
    assert!(status(&context, &["--database", "config"]).contains("of-the-file on h:5432"));
    assert_eq!(asked(&context), 0);
    write(&context.project().join("pyproject.toml"), "[tool.reproq.databases]\ndefault = \"django\"\n");
    context.set("DATABASE_URL", "");
    assert!(status(&context, &[]).contains("of-django-queue on h:5432"));
    assert!(status(&context, &["--database", "default"]).contains("of-django-default on h:5432"));
}

#[test]
fn all_databases_are_those_that_django_routes_queues_to() {
    let (Some(one), Some(other)) = (Database::of_origin("b"), Database::of_origin("d")) else { return };
    let entry = |alias: &str, database: &Database| {
        format!(
            "'{alias}': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'USER': '{}', 'PASSWORD': '{}', \
             'HOST': '127.0.0.1', 'PORT': {}, 'OPTIONS': {{'sslmode': 'disable'}}}}",
            database.name, OWNER.0, OWNER.1, database.cluster.port
        )
    };
    let settings = format!(
        "DATABASES = {{{}, {}, 'unused': {{}}}}\nREPROQ_QUEUE_DATABASES = {{'mail*': 'mail'}}",
        entry("default", &one),
        entry("mail", &other)
    );
    let mut context = Context::new();
    let Some(()) = project(&mut context, &settings) else { return };
    let output = context.succeed(&["stats", "--all-databases", "--json"]);
    let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let text = document.to_string();
    assert!(text.contains("\"default\"") && text.contains("\"mail\"") && !text.contains("unused"), "{document:#}");
    assert!(!text.contains(OWNER.1), "{document:#}");
}

#[test]
fn a_database_that_is_not_postgresql_is_refused_with_its_engine() {
    let settings = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3', 'PASSWORD': 'hunter2hunter2'},\n\
        'odd': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'd', 'PASSWORD': 'hunter2hunter2', 'OPTIONS': {'passfile': ['x']}}}";
    let mut context = Context::new();
    let Some(()) = project(&mut context, settings) else { return };
    let shown = [context.shown(&["db", "status"]), context.shown(&["db", "status", "--database", "odd"])].join("\n");
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn settings_that_do_not_load_are_an_error_with_a_hint() {
    let cases = [
        ("import", "import environ_of_mine"),
        ("exit", "import sys\nsys.exit('no SECRET')"),
        ("url", "raise ValueError('bad postgres://me:s3cret-s3cret@db/shop')"),
        ("crash", "import os\nprint('noise on stdout', flush=True)\nos._exit(4)"),
    ];
    for (name, settings) in cases {
        let mut context = Context::new();
        let Some(()) = project(&mut context, settings) else { return };
        let shown = context.shown(&["db", "status"]);
        assert!(!shown.contains("s3cret"), "{shown}");
        let python = django::python().expect("present").display().to_string();
        insta::assert_snapshot!(format!("settings_{name}"), shown.replace(&python, "[PYTHON]"));
    }
}

#[test]
fn settings_that_hang_end_at_the_time_limit_and_noise_is_no_answer() {
    let mut context = Context::new();
    let Some(()) = project(&mut context, "import time\ntime.sleep(600)") else { return };
    stub_worker(&mut context);
    let begin = Instant::now();
    let output = context.run(&["worker", "--django-timeout", "1s"]);
    assert!(output.code == 2 && output.stderr.contains("Django did not respond within 1 s"), "{output:#?}");
    assert!(begin.elapsed() < Duration::from_secs(30), "it took {:?}", begin.elapsed());
    let noise = "import os, sys\nfor _ in range(300):\n    sys.stdout.write('settings {\"python\": 1}\\n' * 1000)\n\
        os.system('echo noise of a child')\n\
        DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'd', 'HOST': 'h'}}";
    let Some(()) = project(&mut context, noise) else { return };
    assert_eq!(context.run(&["worker"]).stdout.lines().last(), Some("postgres://h/d"));
}

#[test]
fn the_worker_gets_the_modules_of_the_tasks_unless_something_names_them() {
    let settings = "INSTALLED_APPS = ['shop', 'blog', 'broken', 'plain', 'reproq_django']\n\
        DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'd', 'HOST': 'h'}}\n\
        LOGGING = {'version': 1, 'handlers': {'f': {'class': 'logging.FileHandler', 'filename': 'made.log'}}, 'root': {'handlers': ['f']}}";
    let mut context = Context::new();
    let Some(()) = project(&mut context, settings) else { return };
    stub_worker(&mut context);
    let task = "from django.tasks import task\n\n\n@task\ndef one(x):\n    return x\n";
    let at = |path: &str| context.project().join(path);
    write(
        &at("shop/tasks.py"),
        &format!("{task}\n\nclass Wrapped:\n    task = one\n\n\nwrapped = Wrapped()\nnot_a_task = 'module_path'\n"),
    );
    for package in ["blog", "blog/tasks", "broken", "plain"] {
        write(&at(&format!("{package}/__init__.py")), "");
    }
    write(&at("blog/tasks/mail.py"), task);
    write(&at("blog/tasks/bad.py"), "import no_such_module_of_mine\n");
    write(&at("broken/tasks.py"), "raise RuntimeError('not today')\n");
    let found = facts(&context, DjangoScope::Tasks).tasks;
    let TaskModules::Found(found) = found else { panic!("{found:?}") };
    assert_eq!(found.paths, ["blog.tasks.mail.one", "shop.tasks.one"]);
    assert_eq!(found.recurring, None);
    let output = context.succeed(&["worker", "--queues", "a"]);
    // With those that failed: the worker would otherwise refuse their tasks for good.
    let expected =
        "worker\n--queues=a\n--allowed-task-modules=blog.tasks.bad.,blog.tasks.mail.,broken.tasks.,shop.tasks.\n";
    assert!(output.stdout.starts_with(expected), "{output:#?}");
    for warning in [
        "blog.tasks.bad could not be imported: ModuleNotFoundError",
        "broken.tasks could not be imported: RuntimeError: not today",
    ] {
        assert!(output.stderr.contains(warning), "{output:#?}");
    }
    assert!(!at("made.log").exists() && !at("shop/__pycache__").exists(), "asking must not write");
    let config = context.succeed(&["config", "worker"]).stdout;
    assert!(
        config.contains("blog.tasks.bad., blog.tasks.mail., broken.tasks., shop.tasks.")
            && config.contains("from the tasks of Django's apps"),
        "{config}"
    );
    let has_list =
        |context: &Context, arguments: &[&str]| context.succeed(arguments).stdout.contains("allowed-task-modules=blog");
    assert!(!has_list(&context, &["worker", "--allowed-task-modules", "x."]));
    assert!(!has_list(&context, &["beat", "--exec"]));
    write(&at("reproq.yaml"), "worker:\n  concurrency: 3\n");
    assert!(has_list(&context, &["worker"]), "a file without the list leaves the question open");
    write(&at("reproq.yaml"), "worker:\n  allowed_task_modules: [shop.tasks.]\n");
    assert!(!has_list(&context, &["worker"]));
    fs::remove_file(at("reproq.yaml")).expect("removed");
    context.set("ALLOWED_TASK_MODULES", "x.");
    assert!(!has_list(&context, &["worker"]));
}

#[test]
fn tasks_get_the_settings_and_the_python_of_the_project() {
    let mut context = Context::new();
    let Some(()) = project(&mut context, "INSTALLED_APPS = []") else { return };
    stub_worker(&mut context);
    let worker = context.root().join("stub-worker");
    write(&worker, "#!/bin/sh\necho \"$DJANGO_SETTINGS_MODULE\"\n");
    context.set("DATABASE_URL", "postgres://h/d");
    let output = context.succeed(&["worker", "--queues", "a"]);
    assert_eq!(output.stdout, "shop.settings\n");
    let python = django::python().expect("present");
    let warning = format!("and Django was found with {}", python.display());
    assert!(
        output.stderr.contains("tasks run with `python3` on PATH") && output.stderr.contains(&warning),
        "{output:#?}"
    );
    // From the text of manage.py.
    assert_eq!(context.succeed(&["worker", "--no-django"]).stdout, "shop.settings\n");
    write(&context.project().join("shop/production.py"), "SECRET_KEY = 'x'\n");
    context.set("DJANGO_SETTINGS_MODULE", "shop.production");
    context.set("PATH", format!("{}:/usr/bin:/bin", python.parent().expect("a directory").display()));
    let output = context.succeed(&["worker"]);
    assert_eq!(output.stdout, "shop.production\n");
    assert!(!output.stderr.contains("tasks run with"), "{output:#?}");
    write(&context.project().join("reproq.yaml"), "worker:\n  python_bin: /opt/python\n");
    context.set("PATH", "/usr/bin:/bin");
    assert!(!context.succeed(&["worker"]).stderr.contains("tasks run with"));
}

/// What `manage.py` starts would inherit them; their values may be secrets.
#[test]
fn variables_that_only_manage_py_sets_are_named() {
    let mut context = Context::new();
    let Some(()) = project(&mut context, "INSTALLED_APPS = []") else { return };
    stub_worker(&mut context);
    write(&context.root().join("stub-worker"), "#!/bin/sh\necho \"[$MAIL_KEY]\"\n");
    context.set("DATABASE_URL", "postgres://h/d").set("KNOWN", "same");
    assert!(!context.succeed(&["worker"]).stderr.contains("manage.py sets"));
    let manage = context.project().join("manage.py");
    let text = fs::read_to_string(&manage).expect("Django's");
    let more = "    os.environ['MAIL_KEY'] = 'hunter2hunter2'\n    os.environ['KNOWN'] = 'same'\n    \
                os.environ.update({f'A{n}': 'x' for n in range(5)})\n    try:";
    write(&manage, &text.replacen("    try:", more, 1));
    let output = context.succeed(&["worker"]);
    let warning = "the worker and its tasks do not get what manage.py sets: A0, A1, A2, A3, A4 and 1 more";
    assert!(output.stderr.contains(warning) && output.stdout == "[]\n", "{output:#?}");
    assert!(!format!("{output:?}").contains("hunter2"), "{output:#?}");
    context.set("MAIL_KEY", "hunter2hunter2");
    let output = context.succeed(&["worker"]);
    assert!(output.stderr.contains("A3, A4\n") && output.stdout == "[hunter2hunter2]\n", "{output:#?}");
}

/// The worker fails tasks of modules that are not on its list for good, however often they may be tried.
#[test]
fn the_worker_starts_only_if_the_tasks_are_known() {
    let settings =
        "INSTALLED_APPS = ['shop']\nDATABASES = {'default': {'ENGINE': 'postgis', 'NAME': 'd', 'HOST': 'h'}}";
    let mut context = Context::new();
    let Some(()) = project(&mut context, settings) else { return };
    stub_worker(&mut context);
    let start = ["worker", "--django-timeout", "2s"];
    let output = context.succeed(&start);
    assert_eq!(output.stdout, "worker\npostgres://h/d\n", "{output:#?}");
    let warning = "the apps of Django define no tasks in `tasks` modules; only tasks in `myapp.tasks`";
    assert!(output.stderr.contains(warning), "{output:#?}");

    let tasks = context.project().join("shop/tasks.py");
    let refused = |reason: &str| {
        for arguments in [&start[..], &["worker", "--prefork", "--dry-run", "--django-timeout", "2s"]] {
            let output = context.run(arguments);
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:#?}");
            let unknown = format!("error: the tasks of Django's apps are unknown: {reason}");
            assert!(output.stderr.contains(&unknown) && output.stderr.contains("was not started"), "{output:#?}");
        }
        // If the modules are named, Django is not asked for them.
        let mut named = context.command(&start);
        let output =
            crate::support::context::wait(named.env("ALLOWED_TASK_MODULES", "shop.").spawn().expect("it starts"));
        assert_eq!(output.code, 0, "{output:#?}");
    };
    // The settings were answered before the modules were imported.
    write(&tasks, "import time\ntime.sleep(600)\n");
    refused("the apps did not load within 2 s");
    write(&tasks, "import os\nos._exit(1)\n");
    refused("Python exited while it imported the task modules");
    // Its tasks are tried, and may succeed later.
    write(&tasks, "import none\n");
    let output = context.succeed(&start);
    assert_eq!(output.stdout, "worker\n--allowed-task-modules=shop.tasks.\npostgres://h/d\n", "{output:#?}");
    assert!(output.stderr.contains("shop.tasks could not be imported: ModuleNotFoundError"), "{output:#?}");
    write(
        &context.project().join("shop/settings.py"),
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['none']\nDATABASES = {'default': {'ENGINE': 'postgis', 'NAME': 'd', 'HOST': 'h'}}\n",
    );
    refused("the apps could not be loaded: ModuleNotFoundError: No module named 'none'");
}

#[test]
fn schedules_are_read_only_if_they_are_asked_for() {
    let settings = "INSTALLED_APPS = ['shop', 'reproq_django']\nREPROQ_QUEUE_DATABASES = {'mail*': 'mail'}\n\
        TASKS = {'default': {'BACKEND': 'reproq_django.backend.ReproqBackend', 'QUEUES': ['default', 'high'], 'OPTIONS': {'MAX_ATTEMPTS': 5}}}";
    let mut context = Context::new();
    let Some(()) = project(&mut context, settings) else { return };
    let tasks = "from django.tasks import task\nfrom reproq_django.recurring import recurring\n\n\n@task\ndef one():\n    pass\n\n\n\
        recurring(schedule='*/5 * * * *', key='every five', task_path=one.module_path, args=[1.0, 10**30], queue_name='high')\n";
    write(&context.project().join("shop/tasks.py"), tasks);
    let facts = facts(&context, DjangoScope::Recurring);
    let TaskModules::Found(found) = &facts.tasks else { panic!("{facts:?}") };
    let schedules = found.recurring.clone().expect("asked for").expect("found");
    assert_eq!(schedules.len(), 1);
    assert_eq!((schedules[0].key.as_str(), schedules[0].task_path.as_str()), ("every five", "shop.tasks.one"));
    assert_eq!(schedules[0].payload, "{\"args\": [1.0, 1000000000000000000000000000000], \"kwargs\": {}}");
    assert_eq!(facts.package_version.as_deref(), Some("0.1.529"));
    let backend = &facts.task_backends[0];
    assert_eq!((backend.alias.as_str(), backend.queues.join(",").as_str()), ("default", "default,high"));
    assert_eq!(backend.options.get("MAX_ATTEMPTS"), Some(&Value::from(5)));
    fs::remove_file(context.root().join("site/reproq_django/recurring.py")).expect("removed");
    write(&context.project().join("shop/tasks.py"), "");
    let TaskModules::Found(found) = self::facts(&context, DjangoScope::Recurring).tasks else { panic!("not found") };
    let reason = found.recurring.expect("asked for").expect_err("there is no registry");
    assert!(reason.contains("No module named 'reproq_django.recurring'"), "{reason}");
}

#[test]
fn doctor_reports_what_the_queue_needs_of_django() {
    let mut context = Context::new();
    let Some(()) = project(&mut context, "INSTALLED_APPS = []") else { return };
    let findings = |context: &Context| {
        let document: Value = serde_json::from_str(&context.run(&["doctor", "--json"]).stdout).expect("JSON");
        let findings = document["findings"].as_array().expect("findings").clone();
        let of_django = findings.into_iter().filter(|finding| finding["area"] == "django");
        of_django
            .map(|finding| {
                format!("{}: {}", finding["grade"].as_str().unwrap_or(""), finding["sentence"].as_str().unwrap_or(""))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(findings(&context)[1..], ["warning: `reproq_django` is not in INSTALLED_APPS"]);
    let apps = "SECRET_KEY = 'x'\nINSTALLED_APPS = ['reproq_django.apps.ReproqConfig']\n";
    write(&context.project().join("shop/settings.py"), apps);
    assert_eq!(
        findings(&context)[1..],
        ["fine: reproq_django 0.1.529 is in INSTALLED_APPS", "warning: no backend in TASKS enqueues into the queue"]
    );
    let tasks = "TASKS = {'default': {'BACKEND': 'reproq_django.backend.ReproqBackend', 'QUEUES': []}}\n";
    write(&context.project().join("shop/settings.py"), &format!("{apps}{tasks}"));
    assert_eq!(findings(&context)[2..], ["fine: TASKS has `default` for every queue"]);
    context.set("DATABASE_URL", "postgres://shop@db.example/shop?sslmode=require");
    let output = context.run(&["doctor"]).stdout;
    assert!(output.contains("shop on db.example:5432 as shop (from DATABASE_URL)"), "{output}");
    assert!(output.contains("does not verify the server") && output.contains("add sslmode=verify-full"), "{output}");
    assert_eq!(context.run(&["doctor", "--no-django", "--json"]).stdout.matches("\"django\"").count(), 0);
}
