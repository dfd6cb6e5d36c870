//! One connection: opened on the first usable server, used for transactions, closed.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;
use tokio_postgres::CancelToken;
use tokio_postgres::Client;
use tokio_postgres::Config;
use tokio_postgres::Connection;
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;
use tokio_postgres::config::SslNegotiation;

use super::dial::Dialed;
use super::dial::dial;
use super::error::PgError;
use super::error::Startup;
use super::target::ChannelBinding;
use super::target::Encryption;
use super::target::Host;
use super::target::SessionKind;
use super::target::Target;
use super::target::Verification;
use super::tls::Starter;
use super::transaction::Transaction;

/// The oldest major version that is supported.
pub(super) const OLDEST: u32 = 13;

/// How often a command checks whether it was interrupted.
const INTERRUPT_POLL: Duration = Duration::from_millis(20);

/// How long a cancellation and the closing of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How much longer than the server's own limit this side waits for an answer.
const MARGIN: Duration = Duration::from_secs(10);

/// The longest time limit of the server, in milliseconds: about 24 days.
const LONGEST_TIMEOUT: u128 = 2_147_483_647;

/// Whether the user has asked the command to stop.
pub type Interrupted = fn() -> bool;

/// The time limits of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For each statement.
    pub statement: Duration,
    /// For each lock.
    pub lock: Duration,
    /// Between two statements.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { statement: Duration::from_secs(30), lock: Duration::from_secs(5), idle: Duration::from_secs(60) }
    }
}

/// An open connection.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
    notified: Arc<Notify>,
    canceller: Canceller,
    interrupted: Interrupted,
    server: String,
    version: String,
    local_port: Option<u16>,
    is_encrypted: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("server", &self.server).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects to the first server that can be used. Must be called within a tokio runtime.
    pub async fn open(target: &Target, interrupted: Interrupted) -> Result<Self, PgError> {
        let mut failures = Vec::new();
        let rounds: &[SessionKind] = match target.session {
            SessionKind::PreferStandby => &[SessionKind::Standby, SessionKind::Any],
            SessionKind::Any
            | SessionKind::ReadWrite
            | SessionKind::ReadOnly
            | SessionKind::Primary
            | SessionKind::Standby => std::slice::from_ref(&target.session),
        };
        for kind in rounds {
            failures.clear();
            for host in &target.hosts {
                match unless_interrupted(interrupted, Self::open_host(target, host, *kind, interrupted)).await {
                    Some(Ok(session)) => return Ok(session),
                    Some(Err(failure)) => failures.push(failure),
                    None => return Err(PgError::Interrupted),
                }
            }
        }
        match (failures.len(), failures.pop()) {
            (1, Some(only)) => Err(only),
            (_, last) => {
                failures.extend(last);
                Err(PgError::NoneUsable { failures })
            }
        }
    }

    async fn open_host(
        target: &Target,
        host: &Host,
        kind: SessionKind,
        interrupted: Interrupted,
    ) -> Result<Self, PgError> {
        let mut failure = None;
        for attempt in attempts(target, host) {
            let opening = attempt.open(target, host, interrupted);
            let opened = tokio::time::timeout(target.connect_timeout, opening).await.unwrap_or_else(|_| {
                Err(PgError::NoAnswer { server: host.to_string(), seconds: target.connect_timeout.as_secs() })
            });
            match opened {
                Ok(session) => return session.of_kind(kind).await,
                // `prefer` tries again without encryption, as libpq does.
                Err(error @ (PgError::Tls { .. } | PgError::NotAdmitted { .. })) => {
                    failure.get_or_insert(error);
                }
                Err(error) => return Err(failure.unwrap_or(error)),
            }
        }
        Err(failure.unwrap_or(PgError::Interrupted))
    }

    async fn of_kind(self, kind: SessionKind) -> Result<Self, PgError> {
        if kind == SessionKind::Any {
            return Ok(self);
        }
        let found = self
            .read(Limits::default(), async |tx| {
                let sql = "select pg_is_in_recovery() as standby, \
                           current_setting('default_transaction_read_only') = 'on' as read_only";
                let row = tx.one(sql, &[]).await?;
                Ok::<_, PgError>((row.read::<bool>("standby")?, row.read::<bool>("read_only")?))
            })
            .await?;
        if kind.accepts(found.0, found.1) {
            return Ok(self);
        }
        let server = self.server.clone();
        self.close().await;
        Err(PgError::WrongKind { server, wanted: kind.describe() })
    }

    /// The server, as errors name it.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether the connection is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The port on this side; `None` for a Unix socket.
    pub const fn local_port(&self) -> Option<u16> {
        self.local_port
    }

    /// Reads in one transaction that can change nothing, and sees one state of the database throughout.
    pub async fn read<T, E: From<PgError>>(
        &self,
        limits: Limits,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.within(limits, async |tx| {
            // The first statement does not wait for the response to this: it changes nothing, whatever the response is.
            let (begun, worked) = join(tx.begin(begin, limits), work(tx)).await;
            begun?;
            worked
        })
        .await
    }

    /// Reads and writes in one transaction, unless the server or its settings make it read-only. It is committed if the closure
    /// succeeds, and rolled back otherwise. Each statement sees what was committed before it.
    pub async fn write<T, E: From<PgError>>(
        &self,
        limits: Limits,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.within(limits, async |tx| {
            tx.begin("BEGIN ISOLATION LEVEL READ COMMITTED", limits).await?;
            work(tx).await
        })
        .await
    }

    async fn within<T, E: From<PgError>>(
        &self,
        limits: Limits,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let running = async {
            let tx = Transaction { client: &self.client, response_limit: limits.statement.saturating_add(MARGIN) };
            let worked = work(&tx).await;
            if worked.is_err() {
                // The error of the work is what matters; a lost connection rolls back too.
                let _ = tx.batch("ROLLBACK").await;
                return worked;
            }
            let commit = tokio::time::timeout(tx.response_limit, self.client.batch_execute("COMMIT")).await;
            commit
                .map_err(|_| PgError::Lost { committing: true, reason: Some("no response".to_owned()) })?
                .map_err(|error| PgError::of_commit(&error))?;
            worked
        };
        match unless_interrupted(self.interrupted, running).await {
            Some(result) => result,
            None => {
                self.canceller.cancel().await;
                Err(PgError::Interrupted.into())
            }
        }
    }

    /// Runs one statement outside of a transaction, for `CREATE INDEX CONCURRENTLY`. It is cancelled after the limit, which replaces
    /// the time limits of the role and the database. A pooler would give these settings to other clients too, so that theirs apply
    /// if one is in front of the server.
    pub async fn concurrently(&self, sql: &str, limit: Duration, is_pooled: bool) -> Result<(), PgError> {
        let work = async {
            if !is_pooled {
                // Of the last one, older servers know nothing. This side cancels first, with the better message.
                let milliseconds = limit.saturating_add(MARGIN).as_millis().min(LONGEST_TIMEOUT);
                let settings = format!(
                    "select set_config(name, '{milliseconds}', false) from pg_settings \
                     where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout')"
                );
                self.client.batch_execute(&settings).await?;
            }
            self.client.batch_execute(sql).await
        };
        let running = tokio::time::timeout(limit, work);
        match unless_interrupted(self.interrupted, running).await {
            Some(Ok(result)) => result.map_err(|error| PgError::of_statement(&error)),
            Some(Err(_)) => {
                self.canceller.cancel().await;
                Err(PgError::StatementTimeout { message: format!("cancelled after {} s", limit.as_secs()) })
            }
            None => {
                self.canceller.cancel().await;
                Err(PgError::Interrupted)
            }
        }
    }

    /// Listens on a channel, if this is the only user of the server's connection. A pooler shares it, or gives the next transaction
    /// another one; it has another port than this side.
    pub async fn listen(&self, channel: &str) -> Result<bool, PgError> {
        let read = async |tx: &Transaction<'_>| tx.one("select inet_client_port() as port", &[]).await?.read("port");
        let port: Option<i32> = self.read(Limits::default(), read).await?;
        if port.is_none() || port != self.local_port.map(i32::from) {
            return Ok(false);
        }
        let statement = format!("LISTEN {channel}");
        match tokio::time::timeout(MARGIN, self.client.batch_execute(&statement)).await {
            Ok(listening) => listening.map(|()| true).map_err(|error| PgError::of_statement(&error)),
            Err(_) => Err(PgError::Lost { committing: false, reason: Some("no response".to_owned()) }),
        }
    }

    /// Waits for a notification since the last one that was waited for. Never returns on a connection that does not listen.
    pub async fn notified(&self) {
        self.notified.notified().await;
    }

    /// Waits, unless the user interrupts.
    pub async fn pause(&self, duration: Duration) -> Result<(), PgError> {
        unless_interrupted(self.interrupted, tokio::time::sleep(duration)).await.ok_or(PgError::Interrupted)
    }

    /// Closes the connection, so that the server does not have to find out.
    pub async fn close(self) {
        drop(self.client);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.driver).await;
    }
}

/// Keeps a connection going until it ends.
async fn drive<S, T>(mut connection: Connection<S, T>, notified: Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if matches!(message, AsyncMessage::Notification(_)) {
            notified.notify_one();
        }
    }
}

/// The result of some work; `None` if the user interrupted it.
async fn unless_interrupted<T>(interrupted: Interrupted, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut tick: Pin<Box<tokio::time::Sleep>> = Box::pin(tokio::time::sleep(INTERRUPT_POLL));
    poll_fn(|context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        while tick.as_mut().poll(context).is_ready() {
            if interrupted() {
                return Poll::Ready(None);
            }
            tick = Box::pin(tokio::time::sleep(INTERRUPT_POLL));
        }
        Poll::Pending
    })
    .await
}

/// One way to connect to a host.
#[derive(Debug)]
struct Attempt {
    tls: Option<Starter>,
    mode: SslMode,
    negotiation: SslNegotiation,
}

/// The ways to connect to a host, in order.
fn attempts(target: &Target, host: &Host) -> Vec<Attempt> {
    let plain = || Attempt { tls: None, mode: SslMode::Disable, negotiation: SslNegotiation::Postgres };
    let Host::Tcp { name, .. } = host else { return vec![plain()] };
    let starter = |verification: &Verification, client, direct| Starter {
        name: name.clone(),
        verification: verification.clone(),
        client,
        direct,
        reached: Arc::new(AtomicBool::new(false)),
    };
    match &target.encryption {
        Encryption::Disabled => vec![plain()],
        Encryption::Preferred => vec![
            Attempt {
                tls: Some(starter(&Verification::Nothing, None, false)),
                mode: SslMode::Prefer,
                negotiation: SslNegotiation::Postgres,
            },
            plain(),
        ],
        Encryption::Required { verification, client, direct } => vec![Attempt {
            tls: Some(starter(verification, client.clone(), *direct)),
            mode: SslMode::Require,
            negotiation: if *direct { SslNegotiation::Direct } else { SslNegotiation::Postgres },
        }],
    }
}

impl Attempt {
    async fn open(&self, target: &Target, host: &Host, interrupted: Interrupted) -> Result<Session, PgError> {
        let server = host.to_string();
        let Dialed { socket, local_port } = dial(host, target.keepalive, target.connect_timeout)
            .await
            .map_err(|source| PgError::Unreachable { server: server.clone(), source })?;
        let config = self.config(target, host);
        let reached = || self.tls.as_ref().is_some_and(|tls| tls.reached.load(Ordering::Relaxed));
        let failed = |error: tokio_postgres::Error| {
            PgError::of_startup(
                &error,
                Startup {
                    server: &server,
                    user: &target.user,
                    database: &target.database,
                    has_password: host.password().is_some(),
                    requires_tls: self.mode == SslMode::Require,
                    has_reached_tls: reached(),
                },
            )
        };
        let notified = Arc::new(Notify::new());
        let (client, driver, version) = match self.tls.clone() {
            Some(tls) => {
                let (client, connection) = config.connect_raw(socket, tls).await.map_err(failed)?;
                let version = connection.parameter("server_version").unwrap_or_default().to_owned();
                (client, tokio::spawn(drive(connection, Arc::clone(&notified))), version)
            }
            None => {
                let (client, connection) = config.connect_raw(socket, NoTls).await.map_err(failed)?;
                let version = connection.parameter("server_version").unwrap_or_default().to_owned();
                (client, tokio::spawn(drive(connection, Arc::clone(&notified))), version)
            }
        };
        let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST) {
            return Err(PgError::TooOld { server, version });
        }
        let canceller = Canceller {
            token: client.cancel_token(),
            host: host.clone(),
            tls: self.tls.clone(),
            keepalive: target.keepalive,
        };
        let is_encrypted = reached();
        Ok(Session { client, driver, notified, canceller, interrupted, server, version, local_port, is_encrypted })
    }

    fn config(&self, target: &Target, host: &Host) -> Config {
        let mut config = Config::new();
        config
            .user(&target.user)
            .dbname(&target.database)
            .application_name(&target.application_name)
            .ssl_mode(self.mode)
            .ssl_negotiation(self.negotiation)
            .channel_binding(match target.channel_binding {
                ChannelBinding::Disabled => tokio_postgres::config::ChannelBinding::Disable,
                ChannelBinding::Preferred => tokio_postgres::config::ChannelBinding::Prefer,
                ChannelBinding::Required => tokio_postgres::config::ChannelBinding::Require,
            })
            // Without a password an empty one is sent if the server asks, so that the server's own error names the cause.
            .password(host.password().map_or("", |password| password.expose()));
        if let Some(options) = &target.options {
            config.options(options);
        }
        config
    }
}

/// Asks a server to stop the statement of a connection.
struct Canceller {
    token: CancelToken,
    host: Host,
    tls: Option<Starter>,
    keepalive: Option<Duration>,
}

impl Canceller {
    /// The request is made on a connection of its own, and its outcome is not reported by the server.
    async fn cancel(&self) {
        let request = async {
            let Ok(dialed) = dial(&self.host, self.keepalive, CLOSE_TIMEOUT).await else { return };
            let _ = match self.tls.clone() {
                Some(tls) => self.token.cancel_query_raw(dialed.socket, tls).await,
                None => self.token.cancel_query_raw(dialed.socket, NoTls).await,
            };
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, request).await;
    }
}
