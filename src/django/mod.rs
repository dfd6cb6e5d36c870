//! What the project's Django knows: one process of the project's own Python, one answer. Nothing is cached, because the answer
//! depends on everything that a settings module may read: other files, the environment, the network.
//!
//! [`ask`] runs the process; its answer is read by a pure parser, and [`DjangoDatabase::url`] makes a database URL of an entry of
//! `DATABASES`.

mod answer;
mod ask;
mod database;
mod facts;
mod manage_py;
mod tasks;

pub use ask::DjangoQuestion;
pub use ask::ask;
pub(crate) use ask::settings_module_in;
pub use database::DatabaseProblem;
pub use database::DjangoDatabase;
pub use database::DjangoUrl;
pub use facts::DjangoAnswer;
pub use facts::DjangoFacts;
pub use facts::DjangoScope;
pub use facts::DjangoSetting;
pub use facts::NamedValues;
pub use facts::TaskBackend;
pub(crate) use facts::time_is_over;
pub use tasks::RecurringSchedule;
pub use tasks::RegisteredTasks;
pub(crate) use tasks::TaskAttributes;
pub use tasks::TaskModules;

/// The app of the queue in `INSTALLED_APPS`, and the package of its backends.
pub(crate) const APP: &str = "reproq_django";
