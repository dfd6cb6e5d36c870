//! Reads the databases at intervals: for each, what is live on one connection and the history on another, so that a long count
//! does not delay the rest. The number of statements does not depend on the number of clients.
#![expect(clippy::disallowed_methods, reason = "the time of an observation is read here")]

use core::net::IpAddr;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use chrono::DateTime;
use chrono::Utc;
use futures_util::future::join;
use futures_util::future::join_all;
use reproq_queue::pg::Limits;
use reproq_queue::pg::PgError;
use reproq_queue::pg::Session;
use reproq_queue::pg::Transaction;
use reproq_queue::read;
use reproq_queue::stats::queue_depths;
use reproq_queue::tasks::TaskObservation;

use crate::events::OBSERVED;
use crate::events::SeenTasks;
use crate::keep::DepthKeeper;
use crate::options::ServedDatabase;
use crate::shared::Shared;
use crate::sign_in::SignInNews;
use crate::state::HistoryView;
use crate::state::LiveView;
use crate::state::Observation;
use crate::state::ObservedDatabase;
use crate::state::Outage;
use crate::stats_document::TOP_OF_EACH;

/// The time that is looked back.
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// Tasks of the heatmap, failures with their cause, and rows that the trend reads.
const TASKS: i64 = 10;
const FAILURES: i64 = 50;
const TREND_ROWS: i64 = 200_000;

/// A count of a large table may take longer than other statements.
const HISTORY_LIMITS: Limits =
    Limits { statement: Duration::from_secs(120), lock: Duration::from_secs(5), idle: Duration::from_secs(60) };

/// Reading what is live takes a fifth of the time at most, reading the history a twentieth.
const LIVE_PAUSE: u32 = 4;
const HISTORY_PAUSE: u32 = 20;

/// How long to wait after the first failure of a database; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// News for the log: about a database, or about sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServeNotice {
    /// It cannot be read.
    Away {
        /// Its alias.
        alias: String,
        /// The error.
        reason: String,
    },
    /// It can be read again.
    Back {
        /// Its alias.
        alias: String,
        /// How long it could not be read.
        seconds: i64,
    },
    /// The depth of its queues cannot be kept in its table.
    DepthNotKept {
        /// Its alias.
        alias: String,
        /// The error.
        reason: String,
    },
    /// Its history cannot be read.
    HistoryAway {
        /// Its alias.
        alias: String,
        /// The error.
        reason: String,
    },
    /// Somebody signed in or out, approved a terminal, or could not sign in.
    SignIn {
        /// The address of the client.
        client: IpAddr,
        /// What happened.
        news: SignInNews,
    },
}

/// What the observers know together.
struct Board<'a> {
    shared: &'a Shared,
    observation: RefCell<Observation>,
    notice: &'a dyn Fn(ServeNotice),
}

/// Observes all databases until the user interrupts.
pub(crate) async fn observe(databases: &[ServedDatabase], shared: &Shared, notice: &dyn Fn(ServeNotice)) {
    let observed =
        databases.iter().map(|it| ObservedDatabase { alias: it.alias.clone(), ..ObservedDatabase::default() });
    let observation = Observation { databases: observed.collect(), ..Observation::default() };
    shared.publish(observation.clone());
    let board = Board { shared, observation: RefCell::new(observation), notice };
    let each = databases
        .iter()
        .enumerate()
        .map(|(index, database)| join(observe_live(index, database, &board), observe_history(index, database, &board)));
    join_all(each).await;
}

impl Board<'_> {
    /// Changes what is known of a database, and publishes it.
    fn change(&self, index: usize, change: impl FnOnce(&mut ObservedDatabase)) {
        let mut observation = self.observation.borrow_mut();
        if let Some(database) = observation.databases.get_mut(index) {
            change(database);
        }
        let now = now();
        if let Some(depth) = observation.depth.sampled(&observation.databases, now) {
            observation.depth = Arc::new(depth);
        }
        observation.number += 1;
        observation.at = Some(now);
        self.shared.publish(observation.clone());
    }

    fn live(&self, index: usize) -> Option<Arc<LiveView>> {
        self.observation.borrow().databases.get(index)?.live.clone()
    }

    fn is_stopped(&self) -> bool {
        (self.shared.options.interrupted)()
    }
}

/// A connection that is kept, opened again when it is lost, and less often after each failure.
struct Link<'a> {
    database: &'a ServedDatabase,
    board: &'a Board<'a>,
    session: Option<Session>,
    wait: Duration,
}

impl<'a> Link<'a> {
    const fn new(database: &'a ServedDatabase, board: &'a Board<'a>) -> Self {
        Self { database, board, session: None, wait: FIRST_WAIT }
    }

    /// Reads. A pooler may have closed an idle connection, or the server may have restarted: then it is read on a new one.
    async fn read<T>(&mut self, work: impl AsyncFn(&Session) -> Result<T, PgError>) -> Result<T, PgError> {
        let was_open = self.session.is_some();
        match self.read_once(&work).await {
            Err(PgError::Lost { .. }) if was_open && !self.board.is_stopped() => self.read_once(&work).await,
            result => result,
        }
    }

    async fn read_once<T>(&mut self, work: &impl AsyncFn(&Session) -> Result<T, PgError>) -> Result<T, PgError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.database.target, self.board.shared.options.interrupted).await?,
        };
        let read = work(&session).await?;
        (self.session, self.wait) = (Some(session), FIRST_WAIT);
        Ok(read)
    }

    /// How long to wait after a failure. Servers that lost the same database do not all come back at the same time.
    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(LAST_WAIT);
        wait.mul_f64(0.75 + fastrand::f64() / 4.0)
    }

    async fn close(self) {
        if let Some(session) = self.session {
            session.close().await;
        }
    }
}

async fn observe_live(index: usize, database: &ServedDatabase, board: &Board<'_>) {
    let mut link = Link::new(database, board);
    let mut seen = SeenTasks::default();
    while !board.is_stopped() {
        let began = Instant::now();
        let wait = match link.read(async |session| read_live(session, &seen).await).await {
            Ok((live, tasks)) => {
                seen = live_succeeded(index, board, &seen, live, &tasks);
                board.shared.options.interval.max(began.elapsed() * LIVE_PAUSE)
            }
            Err(PgError::Interrupted) => return,
            Err(error) => {
                live_failed(index, board, &error);
                link.next_wait()
            }
        };
        tokio::time::sleep(wait).await;
    }
    link.close().await;
}

fn live_succeeded(
    index: usize,
    board: &Board<'_>,
    seen: &SeenTasks,
    live: LiveView,
    tasks: &TaskObservation,
) -> SeenTasks {
    let (mut events, mut next, mut back) = (Vec::new(), SeenTasks::default(), None);
    board.change(index, |database| {
        (events, next) = seen.advance(tasks, &database.alias, live.at, &mut database.counters);
        if let Some(outage) = database.outage.take() {
            let seconds = (live.at - outage.since).num_seconds();
            back = Some(ServeNotice::Back { alias: database.alias.clone(), seconds });
        }
        database.live = Some(Arc::new(live));
    });
    board.shared.add_events(events);
    back.into_iter().for_each(board.notice);
    next
}

fn live_failed(index: usize, board: &Board<'_>, error: &PgError) {
    let reason = sentence(error);
    let mut news = None;
    board.change(index, |database| {
        // Reported once, however often it is tried again.
        if database.outage.is_none() {
            news = Some(ServeNotice::Away { alias: database.alias.clone(), reason: reason.clone() });
        }
        let since = database.outage.as_ref().map_or_else(now, |outage| outage.since);
        database.outage = Some(Outage { since, reason });
    });
    news.into_iter().for_each(board.notice);
}

async fn observe_history(index: usize, database: &ServedDatabase, board: &Board<'_>) {
    let mut link = Link::new(database, board);
    let mut keeper = DepthKeeper::default();
    while !board.is_stopped() {
        let began = Instant::now();
        let read =
            link.read(async |session| session.read(HISTORY_LIMITS, async |tx| read_history(tx).await).await).await;
        let wait = match read {
            Ok(history) => {
                let took = began.elapsed();
                history_succeeded(index, board, HistoryView { took_ms: milliseconds(took), at: now(), ..history });
                if let Some(session) = &link.session
                    && let Some(reason) = keeper.keep(board.live(index), session).await
                {
                    (board.notice)(ServeNotice::DepthNotKept { alias: database.alias.clone(), reason });
                }
                board.shared.options.history_interval.max(took * HISTORY_PAUSE)
            }
            Err(PgError::Interrupted) => return,
            Err(error) => {
                history_failed(index, board, &error);
                // What failed after a long time is not tried all the time.
                link.next_wait().max(began.elapsed() * HISTORY_PAUSE)
            }
        };
        tokio::time::sleep(wait).await;
    }
    link.close().await;
}

fn history_succeeded(index: usize, board: &Board<'_>, history: HistoryView) {
    board.change(index, |database| {
        if let Some(before) = &database.history {
            database.counters.add_finished(&before.counts, &history.counts);
        }
        database.history_outage = None;
        database.history = Some(Arc::new(history));
    });
}

fn history_failed(index: usize, board: &Board<'_>, error: &PgError) {
    let reason = sentence(error);
    let mut news = None;
    board.change(index, |database| {
        // If nothing can be read, that is reported already.
        if database.history_outage.is_none() && database.outage.is_none() && database.live.is_some() {
            news = Some(ServeNotice::HistoryAway { alias: database.alias.clone(), reason: reason.clone() });
        }
        let since = database.history_outage.as_ref().map_or_else(now, |outage| outage.since);
        database.history_outage = Some(Outage { since, reason });
    });
    news.into_iter().for_each(board.notice);
}

async fn read_live(session: &Session, seen: &SeenTasks) -> Result<(LiveView, TaskObservation), PgError> {
    let known = seen.known();
    session
        .read(Limits::default(), async |tx: &Transaction<'_>| {
            let snapshot = read::live_snapshot(tx).await?;
            let schedules = read::schedules(tx, None, read::MAX_ROWS).await?;
            let tasks = read::changed_tasks(tx, &known, seen.after_id(), OBSERVED).await?;
            let counts = snapshot.live.iter().filter(|row| row.tasks > 0);
            let counts = counts.map(|row| (row.queue_name.clone(), row.status.clone(), row.tasks)).collect();
            let live = LiveView {
                at: now(),
                queues: queue_depths(&snapshot),
                counts,
                server: snapshot.server,
                controls: snapshot.controls,
                workers: snapshot.workers,
                schedules,
                running: tasks.running.clone(),
            };
            Ok((live, tasks))
        })
        .await
}

async fn read_history(tx: &Transaction<'_>) -> Result<HistoryView, PgError> {
    let counts = read::count_all(tx).await?;
    let failing_ever = read::failing_ever(tx, TOP_OF_EACH).await?;
    let has_pg_cron = read::has_pg_cron(tx).await?;
    let (failing, failures) = read::failing(tx, exactly(DAY), TASKS).await?;
    let (heatmap, window) = read::heatmap(tx, DAY, HOUR, TASKS).await?;
    let (trend, _) = read::trend(tx, DAY, HOUR, TREND_ROWS).await?;
    Ok(HistoryView {
        at: window.now,
        took_ms: 0,
        counts,
        failing_ever,
        failing,
        failures,
        heatmap,
        heatmap_start: window.start,
        trend,
        recent_failures: read::recent_failures(tx, FAILURES).await?,
        blocked: read::blocked_tasks(tx).await?,
        has_pg_cron,
    })
}

/// An error with its cause.
pub(crate) fn sentence(error: &PgError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a day has few seconds")]
const fn exactly(seconds: i64) -> f64 {
    seconds as f64
}
