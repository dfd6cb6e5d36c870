//! `reproq limit remove`.

use reproq_queue::write;
use reproq_queue::write::Written;

use super::changed_meanwhile;
use super::limit_set::LimitReport;
use super::limit_set::LimitValues;
use crate::cli::LimitRemoveArgs;
use crate::commands::database::Database;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

pub(super) fn remove(arguments: &LimitRemoveArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    let key = &arguments.key;
    let (state, written) =
        Database::write(&arguments.database, session, async |tx| write::remove_limit(tx, key).await)?;
    let removed = match written {
        Written::Changed(row) => row,
        Written::Unchanged => {
            return Err(CommandError::message(ExitStatus::NotFound, format!("there is no limit {key}"))
                .hint("`reproq limit list` lists the limits"));
        }
        Written::Conflict => return Err(changed_meanwhile(&format!("the limit {key}"))),
    };
    session.ui.report(&LimitReport {
        key: key.to_string(),
        changed: true,
        before: Some(LimitValues::of(&removed)),
        after: None,
        ready: state.governed,
        narrower: state.narrower,
    })?;
    Ok(ExitStatus::Success)
}
