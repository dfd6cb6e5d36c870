//! The state behind the server, which a test sets up and inspects.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use fake_http::lifecycle::Lifecycle;

use crate::Fault;
use crate::Matcher;
use crate::fault::Script;
use crate::world::World;

type Change = Box<dyn FnOnce(&Render) + Send>;
type Hook = Arc<Mutex<Option<Change>>>;

/// One request and its result.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// Path and query as sent, undecoded.
    pub path: String,
    /// Header names as sent, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The status of the response; `None` if no status line was ever sent.
    pub status: Option<u16>,
}

impl Request {
    /// Whether it is a write.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// The value of a header; its name is case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// One Render: a handle that can be cloned and used from any thread.
#[derive(Clone)]
pub struct Render {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) faults: Mutex<Script<Fault>>,
    pub(crate) hooks: Mutex<Script<Hook>>,
    pub(crate) log: Mutex<Vec<Request>>,
    pub(crate) lifecycle: Arc<Lifecycle>,
}

impl std::fmt::Debug for Render {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Render").finish_non_exhaustive()
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Render {
    pub(crate) fn new() -> Render {
        Render {
            shared: Arc::new(Shared {
                world: Mutex::new(World::new()),
                faults: Mutex::new(Script::default()),
                hooks: Mutex::new(Script::default()),
                log: Mutex::new(Vec::new()),
                lifecycle: Arc::default(),
            }),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.shared.world)
    }

    /// Adds a service of the workspace `tea-1` and returns its ID. The type is that of the API, such as `web_service`.
    #[must_use]
    pub fn add_service(&self, name: &str, kind: &str) -> String {
        self.world().add_service(name, kind, "tea-1")
    }

    /// Adds a service of another workspace and returns its ID.
    #[must_use]
    pub fn add_service_of(&self, workspace: &str, name: &str, kind: &str) -> String {
        self.world().add_service(name, kind, workspace)
    }

    /// Adds a group of the workspace `tea-1` that is linked to services, and returns its ID.
    #[must_use]
    pub fn add_group(&self, name: &str, services: &[&str]) -> String {
        self.world().add_group(name, services)
    }

    /// Removes a service or a group.
    pub fn remove_owner(&self, id: &str) {
        self.world().owners.remove(id);
    }

    /// Sets a variable of a service or a group, as a user in the dashboard does.
    ///
    /// # Panics
    /// If there is no such service or group.
    pub fn set(&self, id: &str, key: &str, value: &str) {
        let mut world = self.world();
        let owner = world.owners.get_mut(id).expect("a known ID");
        owner.variables.insert(key.to_owned(), value.to_owned());
    }

    /// Removes a variable, as a user in the dashboard does.
    pub fn unset(&self, id: &str, key: &str) {
        if let Some(owner) = self.world().owners.get_mut(id) {
            owner.variables.remove(key);
        }
    }

    /// All variables of a service or a group, by key.
    #[must_use]
    pub fn variables(&self, id: &str) -> Vec<(String, String)> {
        let world = self.world();
        let owner = world.owners.get(id);
        owner.map(|owner| owner.variables.clone().into_iter().collect()).unwrap_or_default()
    }

    /// The number of deploys that were requested for a service.
    #[must_use]
    pub fn deploys(&self, id: &str) -> usize {
        self.world().owners.get(id).map_or(0, |owner| owner.deploys)
    }

    /// The most entries of a page, whatever limit is requested. 20 at first.
    pub fn set_page_size(&self, most: usize) {
        self.world().page_size = most;
    }

    /// Deploys are queued from now on: 202 without a body instead of 201 with a document.
    pub fn queue_deploys(&self) {
        self.world().queues_deploys = true;
    }

    /// The token that is accepted. `rnd_test` at first.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.world().token);
    }

    /// Scripts a fault.
    pub fn fault(&self, matcher: Matcher, fault: Fault) {
        locked(&self.shared.faults).add(matcher, fault);
    }

    /// Runs something when a request has arrived, before it is executed: a concurrent change.
    pub fn before(&self, matcher: Matcher, change: impl FnOnce(&Render) + Send + 'static) {
        let hook: Change = Box::new(change);
        locked(&self.shared.hooks).add(matcher, Arc::new(Mutex::new(Some(hook))));
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.log).clone()
    }

    /// Waits until this many requests have arrived; returns whether they did.
    #[must_use]
    pub fn wait_for_requests(&self, count: usize, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while locked(&self.shared.log).len() < count {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        *locked(&self.shared.faults) = Script::default();
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        locked(&self.shared.log).clear();
    }

    /// The number of requests that replaced all variables at once.
    #[must_use]
    pub fn full_replacements(&self) -> usize {
        self.world().full_replacements
    }

    /// Accepts that all variables were replaced at once: dropping the fake does not panic.
    pub fn allow_full_replacements(&self) {
        self.world().full_replacements = 0;
    }
}
