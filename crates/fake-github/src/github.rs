//! The state behind the servers, which a test sets up and inspects.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::fault::Fault;
use crate::fault::Matcher;
use crate::fault::Script;
use crate::lifecycle::Lifecycle;
use crate::log::Log;
use crate::log::Request;
use crate::repo::RepoHandle;
use crate::snapshot::Snapshot;
use crate::spec::AssetDelivery;
use crate::spec::BudgetSpec;
use crate::spec::BundleDelivery;
use crate::spec::NoAttestations;
use crate::spec::TokenKind;
use crate::world::Budget;
use crate::world::World;

type Change = Box<dyn FnOnce(&GitHub) + Send>;
pub(crate) type Hook = Arc<Mutex<Option<Change>>>;

/// One GitHub: a handle that can be cloned and used from any thread.
#[derive(Clone)]
pub struct GitHub {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) faults: Mutex<Script<Fault>>,
    pub(crate) hooks: Mutex<Script<Hook>>,
    pub(crate) log: Log,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) failed_handshakes: AtomicU64,
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GitHub").field("urls", &self.world().urls).finish_non_exhaustive()
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GitHub {
    pub(crate) fn new() -> GitHub {
        GitHub {
            shared: Arc::new(Shared {
                world: Mutex::new(World::new()),
                faults: Mutex::new(Script::default()),
                hooks: Mutex::new(Script::default()),
                log: Log::default(),
                lifecycle: Arc::default(),
                failed_handshakes: AtomicU64::new(0),
            }),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.shared.world)
    }

    /// The base URL of REST and GraphQL (`/graphql`), without a trailing slash.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.world().urls.api.clone()
    }

    /// The base URL of the release pages, without a trailing slash; as an Enterprise server it also has `/api/v3` and
    /// `/api/graphql`.
    #[must_use]
    pub fn web_url(&self) -> String {
        self.world().urls.web.clone()
    }

    /// The base URL of the assets, without a trailing slash.
    #[must_use]
    pub fn objects_url(&self) -> String {
        self.world().urls.objects.clone()
    }

    /// The repository of this name (`owner/name`); a new one is public and empty.
    ///
    /// # Panics
    /// If the name has no slash.
    #[must_use]
    pub fn repo(&self, full_name: &str) -> RepoHandle {
        let mut world = self.world();
        let index = world.repo_or_new(full_name);
        let key = world.repos[index].key;
        drop(world);
        RepoHandle::new(self.clone(), key)
    }

    /// Registers a token. All others are refused with 401.
    pub fn token(&self, token: &str, kind: TokenKind) {
        self.world().tokens.insert(token.to_owned(), kind);
    }

    /// Sets the hourly budget of the REST API.
    pub fn rest_budget(&self, budget: BudgetSpec) {
        self.world().core = Budget::new(budget);
    }

    /// Sets the hourly budget of the GraphQL API.
    pub fn graphql_budget(&self, budget: BudgetSpec) {
        self.world().graphql = Budget::new(budget);
    }

    /// Disables GraphQL: its endpoint is 404, as on old Enterprise servers.
    pub fn graphql(&self, is_there: bool) {
        self.world().switches.graphql = is_there;
    }

    /// Removes a field from GraphQL, such as `Release`, `immutable`, and from REST.
    pub fn hide_field(&self, type_name: &str, field: &str) {
        self.world().switches.hidden_fields.insert((type_name.to_owned(), field.to_owned()));
    }

    /// Sets how the API returns an asset's bytes; by default a redirect.
    pub fn asset_delivery(&self, delivery: AssetDelivery) {
        self.world().switches.asset_delivery = delivery;
    }

    /// Sets how the API returns the bundles of attestations; by default inline.
    pub fn bundle_delivery(&self, delivery: BundleDelivery) {
        self.world().switches.bundle_delivery = delivery;
    }

    /// Sets how the API reports that a digest has no attestation; by default 404.
    pub fn no_attestations(&self, answer: NoAttestations) {
        self.world().switches.no_attestations = answer;
    }

    /// Sets how often and how long each new signed URL can be used.
    pub fn signed_urls(&self, uses: u64, lifetime: Duration) {
        let switches = &mut self.world().switches;
        switches.signed_uses = uses;
        switches.signed_lifetime = lifetime;
    }

    /// Sets the status that redirects from a repository's former name to its new one; by default 301.
    pub fn moved_status(&self, status: u16) {
        self.world().switches.moved_status = status;
    }

    /// Sets the clock for the dates of responses and limits, in seconds ahead of the clients'; negative means behind.
    pub fn clock_ahead(&self, seconds: i64) {
        self.world().switches.clock_ahead = seconds;
    }

    /// Delays every response, like a distant network.
    pub fn latency(&self, latency: Duration) {
        self.world().switches.latency = latency;
    }

    /// Makes `matching-refs` return pages of this size with a `Link`; by default it returns everything at once.
    pub fn matching_refs_page(&self, size: usize) {
        self.world().switches.matching_refs_page = Some(size);
    }

    /// Scripts a fault. If several match, the first that is due occurs.
    pub fn fault(&self, matcher: Matcher, fault: Fault) {
        locked(&self.shared.faults).add(matcher, fault);
    }

    /// Removes all scripted faults.
    pub fn clear_faults(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Makes a concurrent change just before a matching request is handled, once.
    pub fn before(&self, matcher: Matcher, change: impl FnOnce(&GitHub) + Send + 'static) {
        let change: Hook = Arc::new(Mutex::new(Some(Box::new(change))));
        locked(&self.shared.hooks).add(matcher.times(1), change);
    }

    /// All requests since the start or the last clearing, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.all()
    }

    /// The requests that match, regardless of the matcher's number.
    #[must_use]
    pub fn requests_to(&self, matcher: &Matcher) -> Vec<Request> {
        self.requests().into_iter().filter(|request| matcher.matches(request)).collect()
    }

    /// How many requests were without a response at the same time, at most, since the start or the last clearing.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.log.most_at_once()
    }

    /// Clears the log of requests.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// Waits until this many matching requests have arrived; false on a timeout.
    #[must_use]
    pub fn wait_for(&self, matcher: &Matcher, count: usize, time: Duration) -> bool {
        let enough = |all: &[Request]| all.iter().filter(|request| matcher.matches(request)).count() >= count;
        self.shared.log.wait_until(time, enough)
    }

    /// How many requests changed something.
    #[must_use]
    pub fn mutations(&self) -> u64 {
        self.world().mutations
    }

    /// How many clients aborted the TLS handshake, for example because they refuse the certificate.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.shared.failed_handshakes.load(Ordering::SeqCst)
    }

    /// The current content of a repository, regardless of delayed listings.
    ///
    /// # Panics
    /// If the repository does not exist.
    #[must_use]
    pub fn snapshot(&self, full_name: &str) -> Snapshot {
        let world = self.world();
        let (index, _) = world.repo_index(full_name).expect("a snapshot is taken of a repository that exists");
        Snapshot::of(&world.repos[index])
    }
}
