//! `--from`: opens a bundle by path or URL.

use std::path::Path;
use std::path::PathBuf;

use url::Url;

use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::flows::install;
use crate::flows::install::FetchedBundle;
use crate::flows::install::InstallContext;
use crate::model::Tool;
use crate::model::secret::SafeUrl;
use crate::model::url_policy::may_be_fetched;
use crate::sources::bundle::Bundle;
use crate::sources::bundle::BundleError;
use crate::worker::archive::ArchiveError;
use crate::worker::executable;
use crate::worker::executable::FileContent;

/// Smaller than any archive.
const MIN_ARCHIVE_SIZE: u64 = 512;

/// An opened bundle. A downloaded file is removed when this value is dropped.
pub(super) struct Named {
    pub(super) bundle: Box<Bundle>,
    _fetched: Option<FetchedBundle>,
}

enum BundleLocation {
    Local(PathBuf),
    Remote(Url),
}

/// Opens a bundle, and downloads it first if it is a URL.
pub(super) fn named(text: &Path, session: &Session<'_>, context: &InstallContext<'_>) -> Result<Named, CommandError> {
    match location(text, session)? {
        BundleLocation::Local(path) => {
            let name = text.to_string_lossy().into_owned();
            Ok(Named { bundle: Box::new(open(&path, &name)?), _fetched: None })
        }
        BundleLocation::Remote(url) => {
            let name = SafeUrl(&url).to_string();
            if session.settings.offline.value {
                let message = format!("`--from {name}` needs network access, and --offline forbids it");
                return Err(CommandError::message(ExitStatus::Usage, message)
                    .hint("download the file manually and use its path"));
            }
            let fetched = install::fetch_file(&url, context).map_err(hints::fetching)?;
            let bundle = Box::new(open(&fetched.path, &name)?);
            Ok(Named { bundle, _fetched: Some(fetched) })
        }
    }
}

/// Opens a local bundle. The error for another file says what it is.
pub(super) fn open(path: &Path, name: &str) -> Result<Bundle, CommandError> {
    if path.is_dir() {
        let message = format!("`{name}` is a directory, not a bundle");
        return Err(
            CommandError::message(ExitStatus::Usage, message).hint("specify a file created by `reproq bundle create`")
        );
    }
    // Opening a pipe would block until a writer opens it.
    if path.exists() && !path.is_file() {
        return Err(CommandError::message(ExitStatus::Usage, format!("`{name}` is not a regular file")));
    }
    Bundle::open(path, name, &Tool::WORKER).map_err(|error| explain(error, path, name))
}

fn location(text: &Path, session: &Session<'_>) -> Result<BundleLocation, CommandError> {
    let url = text.to_str().filter(|text| text.contains("://")).map(Url::parse);
    let url = match url {
        None => return Ok(BundleLocation::Local(session.env.cwd.join(text))),
        Some(Ok(url)) => url,
        Some(Err(error)) => {
            return Err(CommandError::message(ExitStatus::Usage, format!("--from is not a valid URL: {error}")));
        }
    };
    if url.scheme() == "file"
        && let Ok(path) = url.to_file_path()
    {
        return Ok(BundleLocation::Local(path));
    }
    if may_be_fetched(&url) {
        return Ok(BundleLocation::Remote(url));
    }
    let message = format!("cannot download a bundle from {}: only https: URLs and files are supported", SafeUrl(&url));
    Err(CommandError::message(ExitStatus::Usage, message).hint("download it manually and use its path"))
}

/// For a file that is not a bundle, the error says what it is instead.
fn explain(error: BundleError, path: &Path, name: &str) -> CommandError {
    let inspection = executable::inspect(path).ok();
    let is_tiny = inspection.as_ref().is_some_and(|inspection| inspection.size < MIN_ARCHIVE_SIZE);
    let is_cut = matches!(error, BundleError::Archive(ArchiveError::Truncated));
    let found = match inspection.map(|inspection| inspection.content) {
        Some(content) if error.is_of_another_kind() || (is_tiny && is_cut) => content,
        Some(_) | None => return hints::bundle(error, name),
    };
    match found {
        FileContent::Program(program) => {
            let machine = program.slices.first().map(|slice| format!(" for {}", slice.machine)).unwrap_or_default();
            let message =
                format!("`{name}` is not a bundle: it is a program in the {} format{machine}", program.format);
            CommandError::message(ExitStatus::Unverified, message)
                .hint("a single program cannot be verified; create a bundle with `reproq bundle create`")
                .hint("to build the worker here: `reproq install --build --source DIR`")
                .hint(format!("to run this file without verification, set REPROQ_WORKER_BIN={name}"))
        }
        FileContent::Other(what) => {
            let detail =
                if let BundleError::NotABundle(detail) = &error { format!("; {detail}") } else { String::new() };
            let message = format!("`{name}` is not a bundle: it is {what}{detail}");
            CommandError::message(ExitStatus::Unverified, message)
                .hint("a bundle is a plain .tar file created by `reproq bundle create`")
        }
    }
}
