//! Which worker binary will run, and why each candidate won or lost.
//!
//! [`survey`] takes what Django answered, inspects the file system and collects the facts, and [`decide`] turns these into a
//! [`Resolution`] without side effects.
//!
//! The result is what Django starts when its command is run in the project's root:
//!
//! 1. `settings.REPROQ_WORKER_BIN`, then the environment variable `REPROQ_WORKER_BIN`. A value set there is used even if the
//!    file is missing or cannot run: Django does not try the next candidate, but fails. Such a candidate is therefore
//!    the winner here too, with a [`Fault`] that says why it will not run.
//! 2. `.reproq/bin/reproq`, if it exists, executable or not.
//! 3. `management/bin/reproq` in the installed `reproq_django`, if it exists. The documented path, `bin/reproq`, is
//!    listed as a candidate, but Django does not use it, so it never wins here either.
//! 4. The first `reproq` on `PATH`. Here the result differs from Django's on purpose: this command has the same name, and the
//!    answer to "which worker will run" must not be "this command". Copies of this command and programs known not to be the
//!    worker are skipped; if Django would have started one of them, [`Resolution::django_takes`] names it and a [`Warning`]
//!    says what to do.

mod candidates;
mod facts;
mod notes;
mod path;
mod resolution;
mod survey;

pub use candidates::decide;
pub(crate) use facts::Aim;
pub use facts::CandidateIdentity;
pub(crate) use facts::EnvironmentValue;
pub(crate) use facts::FileFacts;
pub(crate) use facts::Found;
pub(crate) use facts::Likeness;
pub(crate) use facts::Override;
pub(crate) use facts::Packaged;
pub(crate) use facts::PathHit;
pub(crate) use facts::PathProbe;
pub(crate) use facts::WhichFacts;
pub(crate) use notes::Warning;
pub(crate) use resolution::Candidate;
pub use resolution::CandidateSource;
pub use resolution::Fault;
pub use resolution::Resolution;
pub(crate) use resolution::Verdict;
pub use survey::SurveyInput;
pub use survey::survey;
