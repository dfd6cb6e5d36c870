//! `reproq top`: queues, tasks, workers, schedules and failures, live in a terminal.
//!
//! Keys, sizes, the clock and the databases are events. A pure function changes the model by each of them and returns what is to
//! be done; another draws the model. Changes are planned and carried out by the same code as the commands of their names.

mod feed;
mod help;
mod layout;
mod model;
mod read;
mod rows;
mod run;
#[cfg(test)]
mod samples;
mod update;
mod view;

use std::time::Duration;

use crate::cli::TopArgs;
use crate::commands::database::Database;
use crate::commands::database::DatabaseAddress;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;

/// Reading more often would only load the server.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(200);

/// A database that is shown: how it is reached, or why that is unknown.
type ShownDatabase = (Option<String>, Result<DatabaseAddress, String>);

pub(super) fn top(arguments: &TopArgs, session: &Session<'_>) -> Result<ExitStatus, CommandError> {
    refuse_without_terminal(session)?;
    let databases = databases(arguments, session)?;
    run::run(databases, arguments.interval.max(SHORTEST_INTERVAL), arguments.read_only, session)
}

fn refuse_without_terminal(session: &Session<'_>) -> Result<(), CommandError> {
    let env = &session.env;
    let reason = match () {
        () if session.ui.is_json() => "`top` draws on a terminal and has no JSON document",
        () if !env.stdin_is_terminal || !env.stdout_is_terminal => "`top` needs a terminal for its keys and its screen",
        () if env.var("TERM").is_some_and(|term| term == "dumb") => "this terminal cannot be drawn on (TERM=dumb)",
        () => return Ok(()),
    };
    Err(CommandError::message(ExitStatus::Usage, reason).hint("`reproq stats --json` prints the state once"))
}

/// The URLs are found before the terminal is taken: that may start Django. One of several databases without a URL does not hide
/// the others.
fn databases(arguments: &TopArgs, session: &Session<'_>) -> Result<Vec<ShownDatabase>, CommandError> {
    let wanted = if arguments.all_databases { Database::all(session) } else { vec![arguments.database.clone()] };
    if let [only] = &wanted[..] {
        return Ok(vec![(only.database.clone(), Ok(DatabaseAddress::find(only, session)?))]);
    }
    let found = wanted.into_iter().map(|it| {
        let address = DatabaseAddress::find(&it, session).map_err(|error| feed::sentence(&error));
        (it.database, address)
    });
    Ok(found.collect())
}
