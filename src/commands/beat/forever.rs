//! `beat` without `--once`: sleeps until a schedule is due, outlives its database, and ends between two batches after a signal.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;
use std::time::Instant;

use futures_util::future::Either;
use futures_util::future::select;
use futures_util::future::try_join_all;
use reproq_queue::pg;
use reproq_queue::pg::PgError;
use reproq_queue::text::span;
use reproq_queue::write::SCHEDULES_CHANGED;

use crate::commands::beat::BeatDatabase;
use crate::commands::beat::pass;
use crate::commands::beat::pass::FailedSchedules;
use crate::commands::beat::report;
use crate::commands::beat::report::BeatReport;
use crate::commands::beat::report::DatabaseBeat;
use crate::commands::hints;
use crate::commands::session::Session;
use crate::failure::CommandError;
use crate::failure::exit::ExitStatus;
use crate::io::net::runtime;
use crate::platform;

/// How long to wait after the first failure of a database. It doubles with each failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long to wait at most.
const LAST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait if what is due is in the hands of another beat.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(1);

/// A timer may end a little early.
const AFTER_THE_TICK: Duration = Duration::from_millis(10);

pub(super) fn forever(
    databases: &[BeatDatabase],
    interval: Duration,
    session: &Session<'_>,
) -> Result<ExitStatus, CommandError> {
    platform::watch_signals();
    platform::end_after_signal();
    let runtime = runtime().map_err(|error| CommandError::system("start the network runtime", error))?;
    // Systemd hears of a start only when every database has been seen.
    let unseen = Cell::new(databases.len());
    let beats = databases.iter().map(|database| Beat::new(database, interval, &unseen, session).run());
    let databases = runtime.block_on(try_join_all(beats))?;
    tell_supervisor("STOPPING=1", session);
    session.ui.report(&BeatReport { dry_run: false, databases })?;
    Ok(ExitStatus::Success)
}

fn tell_supervisor(state: &str, session: &Session<'_>) {
    if let Some(socket) = session.env.var_os("NOTIFY_SOCKET")
        && let Err(error) = platform::notify_supervisor(socket, state)
    {
        session.ui.debug(&format!("cannot send {state} to {}: {error}", socket.display()));
    }
}

/// The beat of one database.
struct Beat<'a> {
    database: &'a BeatDatabase,
    interval: Duration,
    unseen: &'a Cell<usize>,
    session: &'a Session<'a>,
    connection: Option<pg::Session>,
    failed: FailedSchedules,
    total: DatabaseBeat,
    has_worked: bool,
    /// Whether the last connection was closed by the other side.
    was_closed: bool,
    outage: Option<Outage>,
}

/// A database that cannot be used.
struct Outage {
    since: Instant,
    reason: String,
    wait: Duration,
}

impl<'a> Beat<'a> {
    fn new(database: &'a BeatDatabase, interval: Duration, unseen: &'a Cell<usize>, session: &'a Session<'a>) -> Self {
        Self {
            database,
            interval,
            unseen,
            session,
            connection: None,
            failed: FailedSchedules::default(),
            total: DatabaseBeat::counter(database.alias.clone()),
            has_worked: false,
            was_closed: false,
            outage: None,
        }
    }

    async fn run(mut self) -> Result<DatabaseBeat, CommandError> {
        while !platform::is_interrupted() {
            let was_open = self.connection.is_some();
            let wait = match self.look().await {
                Ok(Some(wait)) => self.after_success(wait),
                // Stopped before there was a connection.
                Ok(None) => break,
                // A server that restarted, or a pooler that closed an idle connection.
                Err(PgError::Lost { .. }) if was_open && self.outage.is_none() => {
                    self.was_closed = true;
                    continue;
                }
                Err(error) if !self.has_worked && !error.is_transient() => return Err(hints::database(error)),
                Err(error) => self.after_failure(&error),
            };
            unless_stopped(self.sleep(wait)).await;
        }
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        Ok(self.total)
    }

    /// Sleeps until it is time, or a command of this program has changed a schedule.
    async fn sleep(&self, wait: Duration) {
        let sleep = pin!(tokio::time::sleep(wait));
        match &self.connection {
            Some(connection) => {
                select(sleep, pin!(connection.notified())).await;
            }
            None => sleep.await,
        }
    }

    /// Enqueues what is due, and returns how long nothing else is. A batch is not interrupted.
    async fn look(&mut self) -> Result<Option<Duration>, PgError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let opening = pg::Session::open(&self.database.target, || false);
                let Some(opened) = unless_stopped(opening).await else { return Ok(None) };
                let opened = opened?;
                // Before the first look, so that no change is missed between the two.
                opened.listen(SCHEDULES_CHANGED).await?;
                opened
            }
        };
        let (database, ui, total) = (self.database, self.session.ui, &mut self.total);
        pass::pass(&connection, &mut self.failed, platform::is_interrupted, |result, is_news| {
            let line = report::line(&result);
            let warning = total.add(&result);
            if let Some(line) = line {
                ui.status(&database.prefixed(&line));
            }
            if let Some(warning) = warning.filter(|_| is_news) {
                ui.warn(&database.prefixed(&warning));
            }
        })
        .await?;
        let next = pass::time_to_next(&connection, &self.failed).await?;
        self.connection = Some(connection);
        Ok(Some(match next {
            Some(Duration::ZERO) => WAIT_FOR_OTHERS.min(self.interval),
            Some(next) => next.saturating_add(AFTER_THE_TICK).min(self.interval),
            None => self.interval,
        }))
    }

    fn after_success(&mut self, wait: Duration) -> Duration {
        if let Some(outage) = self.outage.take() {
            let seconds = i64::try_from(outage.since.elapsed().as_secs()).unwrap_or(i64::MAX);
            self.say(&format!("the database can be used again after {}", span(seconds)));
        } else if self.was_closed {
            self.say("the connection to the database was closed; there is a new one");
        }
        self.was_closed = false;
        if !self.has_worked {
            self.has_worked = true;
            self.unseen.set(self.unseen.get().saturating_sub(1));
            if self.unseen.get() == 0 {
                tell_supervisor("READY=1\nSTATUS=Waiting for schedules", self.session);
            }
        }
        wait
    }

    /// Reports an outage once, however often it is tried again.
    fn after_failure(&mut self, error: &PgError) -> Duration {
        let reason = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let (since, is_news, wait) = match self.outage.take() {
            Some(outage) => (outage.since, outage.reason != reason && !error.is_transient(), outage.wait * 2),
            None => (Instant::now(), true, FIRST_WAIT),
        };
        let wait = wait.min(LAST_WAIT);
        if is_news {
            self.session.ui.warn(&self.database.prefixed(&format!("{reason}; trying again until it works")));
        } else {
            self.session.ui.debug(&self.database.prefixed(&reason));
        }
        self.outage = Some(Outage { since, reason, wait });
        // Beats that lost the same server do not all come back at the same time.
        wait.mul_f64(0.75 + fastrand::f64() / 4.0)
    }

    fn say(&self, message: &str) {
        self.session.ui.status(&self.database.prefixed(message));
    }
}

/// The result of some work; `None` if a signal came first.
async fn unless_stopped<T>(work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(platform::interruption())).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}
