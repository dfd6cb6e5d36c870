//! Which worker binary will run, and why each candidate won or lost.
//!
//! The order of the flow: [`ask`] lets the project's own Python tell what Django's settings say (skipped where there is no
//! Django project), [`survey`] looks at the file system and puts everything into a [`World`], and [`decide`] turns that
//! value into a [`Resolution`] without touching anything.
//!
//! The answer is what the Django side will start when its command is run in the project's root:
//!
//! 1. `settings.REPROQ_WORKER_BIN`, then the environment variable `REPROQ_WORKER_BIN`. Whatever is set there is used, even
//!    if it is missing or cannot run: the Django side does not go on to the next place, it fails. So such a candidate is
//!    the winner here too, with a [`Fault`] that says why it will not run.
//! 2. `.reproq/bin/reproq`, if it exists, runnable or not.
//! 3. `management/bin/reproq` inside the installed `reproq_django`, if it exists. The documented place, `bin/reproq`, is
//!    shown as a candidate, but the Django side never looks there; so it never wins here either.
//! 4. The first `reproq` on `PATH`. Here the answer departs from the Django side on purpose: this very command has that
//!    name too, and whoever asks which *worker* will run must not be told "this command". Copies of this command and
//!    programs that are known not to be the worker are passed over; when the Django side would have taken one of them,
//!    [`Resolution::django_takes`] names it and a [`Warning`] tells the way out.

mod answer;
mod candidates;
mod django;
mod environment;
mod facts;
mod manage_py;
mod notes;
mod path;
mod resolution;
mod survey;

pub use candidates::decide;
pub use django::DEFAULT_TIME_LIMIT;
pub use django::DjangoQuestion;
pub use django::ask;
pub use facts::Aim;
pub use facts::CandidateIdentity;
pub use facts::DjangoAnswer;
pub use facts::DjangoFacts;
pub use facts::DjangoSetting;
pub use facts::EnvironmentValue;
pub use facts::FileFacts;
pub use facts::Found;
pub use facts::Likeness;
pub use facts::Override;
pub use facts::Packaged;
pub use facts::PathHit;
pub use facts::PathProbe;
pub use facts::WhichFacts;
pub use notes::Warning;
pub use resolution::Candidate;
pub use resolution::CandidateSource;
pub use resolution::Fault;
pub use resolution::Resolution;
pub use resolution::Verdict;
pub use survey::SurveyInput;
pub use survey::survey;
