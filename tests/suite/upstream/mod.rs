//! Beside the real programs of upstream: its Django package, its worker, its beat.
//!
//! They run only where they are named: `REPROQ_DJANGO_SOURCE` is a checkout of reproq-django, `REPROQ_TEST_WORKER` the worker's
//! binary, `REPROQ_TEST_DJANGO_PYTHON` a Python with Django, psycopg, PyYAML and croniter.

mod beats;
mod config;
#[cfg(target_os = "linux")]
mod executor;
mod hashes;
mod init;
mod moves;
mod operate;
#[cfg(target_os = "linux")]
mod prefork;
mod rows;
mod run;
mod schedules;
mod shop;
mod stats;
mod sync;
mod tokens;
mod workflows;
