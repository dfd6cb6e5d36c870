//! `reproq release checksums`: SHA256SUMS for a folder of assets.

use serde::Serialize;

use crate::cli::ChecksumsArgs;
use crate::commands::hints;
use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::failure::io_advice;
use crate::hygiene;
use crate::hygiene::Sum;
use crate::hygiene::SumsError;
use crate::session::Session;
use crate::text::count;
use crate::ui::Paper;
use crate::ui::Report;

/// The report of `release checksums`.
#[derive(Debug, Serialize)]
struct ChecksumsReport {
    path: String,
    assets: Vec<Sum>,
}

/// Writes.
pub(super) fn checksums(arguments: &ChecksumsArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let folder = session.env.cwd.join(&arguments.folder);
    let (path, assets) = hygiene::write_sums(&folder).map_err(|error| {
        let status = match error {
            SumsError::File(error) => return hints::output(error),
            SumsError::Io { ref source, .. } => io_advice(source, None).0,
            SumsError::Empty { .. } => ExitStatus::NotFound,
            SumsError::Name { .. } => ExitStatus::Failure,
        };
        CommandError::new(status, error)
    })?;
    session.ui.report(&ChecksumsReport { path: path.to_string_lossy().into_owned(), assets })?;
    Ok(ExitStatus::Success)
}

impl Report for ChecksumsReport {
    const SCHEMA: &'static str = "reproq.checksums/1";

    fn human(&self, paper: &mut Paper) {
        if paper.is_quiet() {
            return paper.line(&self.path);
        }
        paper.strong(&format!("{} written for {}.", self.path, count(self.assets.len(), "asset")));
        for sum in &self.assets {
            paper.line(&format!("{}  {}", sum.sha256, sum.name));
        }
    }
}
