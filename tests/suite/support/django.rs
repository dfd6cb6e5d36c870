//! Django projects with a real Django, and a package `reproq_django` that has the shape of upstream's: an app with the tables of
//! the queue, a backend, and the registry of schedules.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::Context;
use super::skip;

/// As `django-admin startproject` writes it.
pub const MANAGE: &str = r#"#!/usr/bin/env python
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError("Couldn't import Django.") from exc
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
"#;

/// The Python with Django. Recorded as skipped if there is none.
pub fn python() -> Option<PathBuf> {
    let named = env::var_os("REPROQ_TEST_DJANGO_PYTHON").filter(|value| !value.is_empty());
    if named.is_none() {
        let remedy = "name a Python that can import Django and psycopg in REPROQ_TEST_DJANGO_PYTHON; `cargo xtask test` makes one";
        assert!(env::var_os("CI").is_none_or(|ci| ci.is_empty()), "in CI, {remedy}");
        skip::record("a project with a real Django", remedy);
    }
    named.map(PathBuf::from)
}

/// Makes the project of the context a Django project with these settings, and the package importable.
pub fn project(context: &mut Context, settings: &str) -> Option<()> {
    let python = python()?;
    let environment = python.parent().and_then(Path::parent).expect("it is in a virtual environment");
    context.set("VIRTUAL_ENV", environment.to_str().expect("UTF-8"));
    let site = context.root().join("site");
    package(&site);
    context.set("PYTHONPATH", site.to_str().expect("UTF-8"));
    write(&context.project().join("manage.py"), MANAGE);
    write(&context.project().join("shop/__init__.py"), "");
    write(&context.project().join("shop/settings.py"), &format!("SECRET_KEY = 'x'\n{settings}\n"));
    Some(())
}

fn package(site: &Path) {
    let tables = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/crates/test-postgres/schema/django.sql"));
    let tables = tables.expect("a fixture");
    // Django creates its own table of migrations.
    let tables = &tables[tables.find("create table periodic_tasks").expect("a table of the queue")..];
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reproq-django"), site);
    write(&site.join("reproq_django/migrations/baseline.sql"), tables);
}

/// Copies a directory with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, text).expect("written");
}

/// A worker that prints its arguments and its database.
pub fn stub_worker(context: &mut Context) {
    use std::os::unix::fs::PermissionsExt;

    let worker = context.root().join("stub-worker");
    write(&worker, "#!/bin/sh\nprintf '%s\\n' \"$@\" \"$DATABASE_URL\"\n");
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).expect("executable");
    context.set("REPROQ_WORKER_BIN", worker.to_str().expect("UTF-8"));
}
