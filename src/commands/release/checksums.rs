//! `reproq release checksums`: writes SHA256SUMS for a directory of assets.

use serde::Serialize;

use crate::cli::ChecksumsArgs;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::failure::io_advice;
use crate::model::text::count;
use crate::releases::check;
use crate::releases::check::LeftOut;
use crate::releases::check::Sum;
use crate::releases::check::Sums;
use crate::releases::check::SumsError;
use crate::ui::Report;
use crate::ui::TextReport;

/// The report of `release checksums`.
#[derive(Debug, Serialize)]
struct ChecksumsReport {
    path: String,
    assets: Vec<Sum>,
    /// Files in the directory that were not included.
    left_out: Vec<LeftOut>,
}

pub(super) fn checksums(arguments: &ChecksumsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let directory = session.env.cwd.join(&arguments.assets);
    let written = check::write_sums(&directory).map_err(|error| {
        let status = match error {
            SumsError::File(error) => return hints::output(error),
            SumsError::Io { ref source, .. } => io_advice(source, None).0,
            SumsError::Empty { .. } => ExitStatus::NotFound,
            SumsError::Names { .. } => {
                return CommandError::new(ExitStatus::Usage, error).hint(
                    "nothing was written; rename the files to use only letters, digits and `.`, `_`, `-`, `+`, `@`, because GitHub replaces all other characters with periods",
                );
            }
        };
        CommandError::new(status, error)
    })?;
    let Sums { path, assets, left_out } = written;
    session.ui.report(&ChecksumsReport { path: path.to_string_lossy().into_owned(), assets, left_out })?;
    Ok(ExitStatus::Success)
}

impl Report for ChecksumsReport {
    const SCHEMA: &'static str = "reproq.checksums/1";

    fn human(&self, out: &mut TextReport) {
        if out.is_quiet() {
            return out.line(&self.path);
        }
        out.strong(&format!("{} written for {}.", self.path, count(self.assets.len(), "asset")));
        for sum in &self.assets {
            out.line(&format!("{}  {}", sum.sha256, sum.name));
        }
        if !self.left_out.is_empty() {
            out.blank();
            out.line("Not included:");
            for other in &self.left_out {
                out.line(&format!("  {}: {}", other.name, other.reason));
            }
        }
    }
}
