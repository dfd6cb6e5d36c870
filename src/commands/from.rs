//! `--from`: a bundle that is named by its path or its address.

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

/// Less than the smallest archive has.
const SMALLER_THAN_ANY: u64 = 512;

/// A bundle somebody named. One from the network goes with this value.
pub(super) struct Named {
    pub(super) bundle: Box<Bundle>,
    _fetched: Option<FetchedBundle>,
}

/// Where a bundle is.
enum BundleLocation {
    Here(PathBuf),
    There(Url),
}

/// Opens it; what is behind an address is fetched first.
pub(super) fn named(text: &Path, session: &Session<'_>, door: &InstallContext<'_>) -> Result<Named, CommandError> {
    match place(text, session)? {
        BundleLocation::Here(path) => {
            let name = text.to_string_lossy().into_owned();
            Ok(Named { bundle: Box::new(open(&path, &name)?), _fetched: None })
        }
        BundleLocation::There(url) => {
            let name = SafeUrl(&url).to_string();
            if session.settings.offline.value {
                let message = format!("`--from {name}` needs the network, and --offline forbids it");
                return Err(
                    CommandError::message(ExitStatus::Usage, message).hint("bring the file here and name its path")
                );
            }
            let fetched = install::fetch_file(&url, door).map_err(hints::fetching)?;
            let bundle = Box::new(open(&fetched.path, &name)?);
            Ok(Named { bundle, _fetched: Some(fetched) })
        }
    }
}

/// Opens a bundle on this machine, or says what the file is instead.
pub(super) fn open(path: &Path, name: &str) -> Result<Bundle, CommandError> {
    if path.is_dir() {
        let message = format!("`{name}` is a directory, and a bundle is one file");
        return Err(
            CommandError::message(ExitStatus::Usage, message).hint("name the file that `reproq bundle create` made")
        );
    }
    // Opening a pipe would wait for whoever writes into it.
    if path.exists() && !path.is_file() {
        return Err(CommandError::message(ExitStatus::Usage, format!("`{name}` is no regular file")));
    }
    Bundle::open(path, name, &Tool::WORKER).map_err(|error| explain(error, path, name))
}

fn place(text: &Path, session: &Session<'_>) -> Result<BundleLocation, CommandError> {
    let url = text.to_str().filter(|text| text.contains("://")).map(Url::parse);
    let url = match url {
        None => return Ok(BundleLocation::Here(session.env.cwd.join(text))),
        Some(Ok(url)) => url,
        Some(Err(error)) => {
            return Err(CommandError::message(ExitStatus::Usage, format!("--from is no address: {error}")));
        }
    };
    if url.scheme() == "file"
        && let Ok(path) = url.to_file_path()
    {
        return Ok(BundleLocation::Here(path));
    }
    if may_be_fetched(&url) {
        return Ok(BundleLocation::There(url));
    }
    let message = format!("a bundle is not fetched from {}: only https: and files are", SafeUrl(&url));
    Err(CommandError::message(ExitStatus::Usage, message).hint("download it by hand and name its path"))
}

/// Of a file that is no bundle at all, what it is says more than what it is not.
fn explain(error: BundleError, path: &Path, name: &str) -> CommandError {
    let inspection = executable::inspect(path).ok();
    let is_tiny = inspection.as_ref().is_some_and(|inspection| inspection.size < SMALLER_THAN_ANY);
    let is_cut = matches!(error, BundleError::Archive(ArchiveError::Truncated));
    let found = match inspection.map(|inspection| inspection.content) {
        Some(content) if error.is_of_another_kind() || (is_tiny && is_cut) => content,
        Some(_) | None => return hints::bundle(error, name),
    };
    match found {
        FileContent::Program(program) => {
            let machine = program.slices.first().map(|slice| format!(" for {}", slice.machine)).unwrap_or_default();
            let message = format!("`{name}` is no bundle: it is a program in the {} format{machine}", program.format);
            CommandError::message(ExitStatus::Unverified, message)
                .hint("nothing proves a lone program; `reproq bundle create` makes bundles, with everything that does")
                .hint("to build one here: `reproq install --build --source DIR`")
                .hint(format!("to run this very file, unproven, set REPROQ_WORKER_BIN={name}"))
        }
        FileContent::Other(what) => {
            let detail =
                if let BundleError::NotABundle(detail) = &error { format!("; {detail}") } else { String::new() };
            let message = format!("`{name}` is no bundle: it is {what}{detail}");
            CommandError::message(ExitStatus::Unverified, message)
                .hint("a bundle is the plain .tar that `reproq bundle create` makes")
        }
    }
}
