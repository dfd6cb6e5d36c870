//! The source of every setting: flag, then environment, then `[tool.reproq]` in `pyproject.toml`, then the default.

mod databases;
mod env;
mod file;
mod mirrors;
mod progress;
mod project;
mod server;
mod settings;

pub(crate) use databases::DATABASE_VARIABLE;
pub(crate) use databases::DatabasePlace;
pub(crate) use databases::DatabaseUrl;
pub(crate) use databases::NoDatabaseUrl;
pub(crate) use databases::database_place;
pub use env::Env;
pub(crate) use file::FileSettings;
pub(crate) use file::SettingsFileError;
pub use file::parse as parse_pyproject;
pub(crate) use file::read as read_pyproject;
pub(crate) use progress::progress_style;
pub(crate) use project::Project;
pub(crate) use project::RootReason;
pub use server::Server;
pub(crate) use server::ServerPurpose;
pub(crate) use server::base_url;
pub(crate) use settings::EffectiveSetting;
pub use settings::Provenance;
pub use settings::Setting;
pub(crate) use settings::SettingError;
pub use settings::Settings;
pub use settings::SettingsInput;
pub use settings::Token;
pub use settings::VARIABLES;
