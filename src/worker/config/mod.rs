//! The worker's configuration, exactly as the worker reads it: which file, which value from where, what it ignores and what it
//! refuses. `tests/fixtures/worker-config.jsonl` records what the worker's own loader made of over a hundred cases.

mod discover;
mod effective;
mod fields;
mod file;
mod go;
mod toml;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use discover::ConfigFile;
pub(crate) use discover::ConfigFileError;
pub(crate) use discover::ConfigFileReason;
pub(crate) use discover::find;
pub(crate) use effective::ConfigRefusal;
pub(crate) use effective::ConfigSource;
pub(crate) use effective::ConfigValue;
pub(crate) use effective::DEFAULT_ALLOW_LIST;
pub(crate) use effective::EffectiveConfig;
pub(crate) use file::IgnoredKey;
pub(crate) use go::GoDuration;
pub(crate) use go::boolean as go_boolean;

use crate::model::worker_flags::WorkerCommand;

/// Reads the configuration of a command from its file, the variables and its arguments.
pub(crate) fn read(
    command: WorkerCommand,
    file: Option<&ConfigFile>,
    variable: &dyn Fn(&str) -> Option<String>,
    arguments: &[String],
) -> EffectiveConfig {
    let values = file.map(|file| if file.is_toml { toml::read(&file.text) } else { yaml::read(&file.text) });
    effective::effective(command, values, variable, command.parse(arguments))
}
