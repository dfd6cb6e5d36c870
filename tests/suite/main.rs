//! The one test binary that runs the real program, against a GitHub on loopback and real directories.
#![expect(clippy::print_stderr, reason = "some tests count what they did, for the log")]
#![expect(clippy::disallowed_methods, reason = "tests make directories, start programs and read what they left")]

#[cfg(unix)]
mod action;
#[cfg(feature = "attestation")]
mod attestation;
#[cfg(feature = "attestation")]
mod attested;
mod build;
mod bundle;
mod bundle_damage;
#[cfg(unix)]
mod bundle_source;
mod completions;
mod concurrency;
mod config_show;
mod config_worker;
mod crash;
#[cfg(unix)]
mod db;
#[cfg(unix)]
mod django;
mod doctor;
mod documented;
mod dry_run;
mod faults;
mod github;
mod github_attestations;
#[cfg(unix)]
mod help;
mod hostile;
#[cfg(unix)]
mod init;
mod install;
#[cfg(unix)]
mod install_to;
#[cfg(unix)]
mod interrupted;
mod lock;
mod login;
mod mirror;
mod mirror_damage;
mod offline;
mod output;
mod periodic_next;
#[cfg(target_os = "linux")]
mod prefork;
mod progress;
#[cfg(unix)]
mod queue;
mod release_check;
mod release_crash;
mod release_faults;
mod release_hostile;
mod release_list;
mod release_many;
mod release_prune;
mod release_races;
#[cfg(unix)]
mod release_repository;
mod release_restore;
mod render;
#[cfg(unix)]
mod run;
mod schemas;
mod self_version;
#[cfg(unix)]
mod serve;
mod several;
mod support;
#[cfg(unix)]
mod systemd;
mod task_hash;
#[cfg(unix)]
mod terminal;
mod tokens;
#[cfg(unix)]
mod top;
mod trust;
#[cfg(feature = "attestation")]
mod trust_roots;
#[cfg(not(feature = "attestation"))]
mod unattested;
mod upgrade;
#[cfg(unix)]
mod upstream;
mod verify;
mod which;
mod which_django;
#[cfg(unix)]
mod which_upstream;
