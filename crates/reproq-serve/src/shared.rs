//! What the observers write and the connections read.

use core::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Instant;

use reproq_token::AttemptLimit;
use reproq_token::Attempts;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::access::WRONG_TOKENS;
use crate::events::MOST_EVENTS;
use crate::events::TaskEvent;
use crate::identity_provider::IdentityProvider;
use crate::observe::ServeNotice;
use crate::observe::now;
use crate::options::ServeOptions;
use crate::respond::Reply;
use crate::ring::EventRing;
use crate::sign_in::SignIn;
use crate::sign_in::SignInNews;
use crate::state::Observation;

/// Addresses whose wrong tokens are counted one by one.
const ADDRESSES: usize = 4096;

/// Refusals of an address that are logged.
const LOGGED_REFUSALS: AttemptLimit = AttemptLimit { attempts: 1, window: 60 };

/// An observation, with the responses that many clients request; each is made once.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) observation: Observation,
    stats: OnceLock<Reply>,
    metrics: OnceLock<Reply>,
    document: OnceLock<Reply>,
    page: OnceLock<Reply>,
}

/// What the observers write and the connections read.
pub(crate) struct Shared {
    pub(crate) options: ServeOptions,
    published: watch::Sender<Arc<Published>>,
    ring: Mutex<EventRing>,
    /// Wakes readers of events.
    news: watch::Sender<()>,
    /// Whether the server ends.
    ending: watch::Sender<bool>,
    /// `None` without a token.
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) provider: Option<IdentityProvider>,
    /// Wrong tokens by address.
    attempts: Mutex<Attempts>,
    /// Refusals in the log, by address.
    logged_refusals: Mutex<Attempts>,
    /// News for the log.
    notices: mpsc::Sender<ServeNotice>,
    began: Instant,
    pub(crate) readers: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(
        options: ServeOptions,
        epoch: String,
        databases: usize,
        notices: mpsc::Sender<ServeNotice>,
    ) -> Self {
        // A reader that is not slow must not lose events because every database has many at the same time.
        let events = options.limits.events.max(2 * MOST_EVENTS * databases);
        let ring = EventRing::new(epoch, events);
        let readers = Arc::new(Semaphore::new(options.limits.readers));
        let (identity, url) = (options.identity.clone(), options.public_url.as_deref());
        let sign_in = options.token.as_ref().and_then(|token| SignIn::new(token, identity, url));
        let oidc = options.oidc.clone().filter(|_| sign_in.is_some() && url.is_some());
        Self {
            sign_in: match &oidc {
                Some(settings) => sign_in.map(|sign_in| sign_in.with_provider(settings)),
                None => sign_in,
            },
            provider: oidc.map(IdentityProvider::new),
            options,
            published: watch::Sender::default(),
            ring: Mutex::new(ring),
            news: watch::Sender::default(),
            ending: watch::Sender::new(false),
            attempts: Mutex::new(Attempts::new(WRONG_TOKENS, ADDRESSES)),
            logged_refusals: Mutex::new(Attempts::new(LOGGED_REFUSALS, ADDRESSES)),
            notices,
            began: Instant::now(),
            readers,
        }
    }

    pub(crate) fn publish(&self, observation: Observation) {
        self.published.send_replace(Arc::new(Published { observation, ..Published::default() }));
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    pub(crate) fn observations(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    pub(crate) fn add_events(&self, events: Vec<TaskEvent>) {
        if !events.is_empty() {
            self.ring().push(events);
            self.news.send_replace(());
        }
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, EventRing> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Seconds since the start, for limits that must not follow changes of the clock.
    pub(crate) fn seconds(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    pub(crate) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs what happened in sign-in. An attacker does not fill the log: an address has one refusal a minute in it.
    pub(crate) fn note(&self, client: IpAddr, news: SignInNews) {
        let mut logged = self.logged_refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(news, SignInNews::Refused { .. }) && logged.take(self.seconds(), client).is_err() {
            return;
        }
        // The log is written by the same thread; it is only full if thousands sign in at the same moment.
        let _ = self.notices.try_send(ServeNotice::SignIn { client, news });
    }
}

impl Published {
    pub(crate) fn stats(&self, options: &ServeOptions) -> Reply {
        self.stats.get_or_init(|| Reply::stats(&self.observation, options.scheduler)).clone()
    }

    /// The page, with ages as of its first request.
    pub(crate) fn page(&self, has_sign_in: bool) -> Reply {
        self.page.get_or_init(|| Reply::page(&self.observation, now(), has_sign_in)).clone()
    }

    pub(crate) fn document(&self) -> Reply {
        self.document.get_or_init(|| Reply::observation(&self.observation)).clone()
    }

    pub(crate) fn metrics(&self) -> Reply {
        self.metrics.get_or_init(|| Reply::metrics(&self.observation)).clone()
    }
}
