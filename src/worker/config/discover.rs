//! Finds and reads the configuration file as the worker does.
#![expect(clippy::disallowed_methods, reason = "the worker's configuration file is looked for here")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::io::fs::bounded_read;
use crate::model::yaml::MAX_YAML_BYTES;

/// The names in the worker's directory, in the order in which it looks for them.
const NAMES: [&str; 6] = ["reproq.yaml", "reproq.yml", "reproq.toml", ".reproq.yaml", ".reproq.yml", ".reproq.toml"];

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    /// Its path as it was given, relative to the worker's directory.
    pub path: PathBuf,
    pub reason: ConfigFileReason,
    pub is_toml: bool,
    pub text: String,
}

/// Why this file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigFileReason {
    /// The flag `--config`.
    Flag,
    /// The variable `REPROQ_CONFIG`.
    Variable,
    /// Its name, in the directory of the worker.
    Name,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub(crate) enum ConfigFileError {
    #[error("the flag `--config` needs a value")]
    MissingValue,
    #[error("the worker does not know the extension of `{}`", .0.display())]
    Extension(PathBuf),
    #[error("failed to read the worker's configuration `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// The file that the worker reads when it is started in this directory; `None` if there is none.
pub(crate) fn find(
    directory: &Path,
    arguments: &[String],
    variable: Option<&str>,
) -> Result<Option<ConfigFile>, ConfigFileError> {
    let found = if let Some(path) = flag(arguments)? {
        (PathBuf::from(path), ConfigFileReason::Flag)
    } else if let Some(path) = variable {
        (PathBuf::from(path), ConfigFileReason::Variable)
    } else {
        // Everything but a directory counts, as in the worker.
        let is_there = |name: &&&str| fs::metadata(directory.join(name)).is_ok_and(|found| !found.is_dir());
        match NAMES.iter().find(is_there) {
            Some(name) => (PathBuf::from(name), ConfigFileReason::Name),
            None => return Ok(None),
        }
    };
    let (path, reason) = found;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let is_toml = match extension.as_deref() {
        Some("toml") => true,
        Some("yaml" | "yml") => false,
        Some(_) | None => return Err(ConfigFileError::Extension(path)),
    };
    match bounded_read::read_text(&directory.join(&path), MAX_YAML_BYTES as u64) {
        Ok(text) => Ok(Some(ConfigFile { path, reason, is_toml, text })),
        Err(source) => Err(ConfigFileError::Read { path, source }),
    }
}

/// The worker looks at all arguments, also at values of other flags, and does not see `-config=FILE`.
fn flag(arguments: &[String]) -> Result<Option<&str>, ConfigFileError> {
    for (index, argument) in arguments.iter().enumerate() {
        let value = match argument.as_str() {
            "--config" | "-config" => arguments.get(index + 1).map_or("", String::as_str),
            other => match other.strip_prefix("--config=") {
                Some(value) => value,
                None => continue,
            },
        };
        return if value.is_empty() { Err(ConfigFileError::MissingValue) } else { Ok(Some(value)) };
    }
    Ok(None)
}
