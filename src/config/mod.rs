//! The source of every setting: flag, then environment, then `[tool.reproq]` in `pyproject.toml`, then the default.

mod env;
mod file;
mod mirrors;
mod project;
mod server;
mod settings;

pub use env::Env;
pub use file::FileSettings;
pub use file::SettingsFileError;
pub use file::parse as parse_pyproject;
pub use file::read as read_pyproject;
pub use project::Project;
pub use project::RootReason;
pub use server::Server;
pub use server::ServerPurpose;
pub use server::base_url;
pub use settings::EffectiveSetting;
pub use settings::Provenance;
pub use settings::Setting;
pub use settings::SettingError;
pub use settings::Settings;
pub use settings::SettingsInput;
pub use settings::Token;
pub use settings::VARIABLES;
