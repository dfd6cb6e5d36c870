//! Which page a request is for. Pure.

use http::Method;

use crate::sign_in::SignInPage;

/// What is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The page for people.
    Page,
    /// A file that the page loads.
    Asset(Asset),
    /// Whether the process runs.
    Alive,
    /// Whether every database was observed lately.
    Ready,
    /// Whether every database was observed lately, in the worker's words.
    TuiHealth,
    /// Metrics.
    Metrics,
    /// Django's statistics.
    Stats,
    /// Everything that is known.
    Observation,
    /// Where the TUI finds the other pages.
    TuiConfig,
    /// What happens to tasks.
    Events(EventQuery),
    /// Signing in. Its methods are checked there.
    SignIn(SignInPage),
}

/// The files of the page. They say nothing about the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asset {
    Style,
    Script,
    Icon,
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct EventQuery {
    pub(crate) queue: Option<String>,
    pub(crate) worker_id: Option<String>,
    pub(crate) task_id: Option<i64>,
    /// Whether each new observation is announced too.
    pub(crate) observations: bool,
}

/// Why a request has no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// There is no such page.
    Unknown,
    /// The page is there, and only read.
    Method,
    /// The query is not valid.
    Query(&'static str),
}

/// The page of a path, with or without the slash at its end.
pub(crate) fn route(method: &Method, path: &str, query: Option<&str>) -> Result<Route, NoRoute> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_events = matches!(path, "/events" | "/reproq/tui/events");
    let route = match path {
        "" => Route::Page,
        "/page.css" => Route::Asset(Asset::Style),
        "/page.js" => Route::Asset(Asset::Script),
        "/icon.svg" => Route::Asset(Asset::Icon),
        "/healthz" => Route::Alive,
        "/readyz" => Route::Ready,
        "/metrics" | "/reproq/tui/metrics" => Route::Metrics,
        "/reproq/stats" => Route::Stats,
        "/reproq/observation" => Route::Observation,
        "/reproq/tui/config" => Route::TuiConfig,
        "/reproq/tui/healthz" => Route::TuiHealth,
        "/events" | "/reproq/tui/events" => Route::Events(EventQuery::default()),
        _ => return SignInPage::of(path).map(Route::SignIn).ok_or(NoRoute::Unknown),
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(NoRoute::Method);
    }
    if is_events { EventQuery::parse(query.unwrap_or_default()).map(Route::Events) } else { Ok(route) }
}

impl EventQuery {
    /// Of a name that is given twice, the first counts; unknown names are ignored, as the worker does.
    fn parse(query: &str) -> Result<Self, NoRoute> {
        let value = |wanted: &str| {
            let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted)?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let task_id = value("task_id").map(|id| id.parse().map_err(|_| NoRoute::Query("invalid task_id")));
        Ok(Self {
            queue: value("queue"),
            worker_id: value("worker_id"),
            task_id: task_id.transpose()?,
            observations: value("observations").is_some_and(|value| value == "1"),
        })
    }

    /// Whether an event is wanted.
    pub(crate) fn matches(&self, queue: Option<&str>, worker_id: Option<&str>, task_id: Option<i64>) -> bool {
        let is_or_any = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is_or_any(&self.queue, queue)
            && is_or_any(&self.worker_id, worker_id)
            && (self.task_id.is_none() || self.task_id == task_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_with_and_without_the_last_slash() {
        let get = |path: &str| route(&Method::GET, path, None);
        let events = || Ok(Route::Events(EventQuery::default()));
        for (path, expected) in [
            ("/", Ok(Route::Page)),
            ("/page.js", Ok(Route::Asset(Asset::Script))),
            ("/healthz", Ok(Route::Alive)),
            ("/readyz/", Ok(Route::Ready)),
            ("/metrics", Ok(Route::Metrics)),
            ("/reproq/tui/metrics/", Ok(Route::Metrics)),
            ("/reproq/stats/", Ok(Route::Stats)),
            ("/reproq/stats", Ok(Route::Stats)),
            ("/reproq/observation/", Ok(Route::Observation)),
            ("/reproq/tui/config/", Ok(Route::TuiConfig)),
            ("/reproq/tui/healthz/", Ok(Route::TuiHealth)),
            ("/events", events()),
            ("/reproq/tui/events/", events()),
            ("/reproq/tui/pair/", Ok(Route::SignIn(SignInPage::Pair))),
            ("/reproq/tui/pair/x", Ok(Route::SignIn(SignInPage::Poll(None)))),
            ("/reproq/tui/pair/x/y", Err(NoRoute::Unknown)),
            ("/reproq/tui/login", Ok(Route::SignIn(SignInPage::Login))),
            ("/reproq/tui/authorize/", Ok(Route::SignIn(SignInPage::Authorize))),
            ("/reproq/stats//", Err(NoRoute::Unknown)),
            ("/Metrics", Err(NoRoute::Unknown)),
            ("/reproq/../metrics", Err(NoRoute::Unknown)),
            ("/%6detrics", Err(NoRoute::Unknown)),
            ("//", Err(NoRoute::Unknown)),
        ] {
            assert_eq!(get(path), expected, "{path}");
        }
        for (method, path, expected) in [
            (Method::HEAD, "/metrics", Ok(Route::Metrics)),
            (Method::POST, "/reproq/stats/", Err(NoRoute::Method)),
            (Method::DELETE, "/nothing", Err(NoRoute::Unknown)),
            (Method::OPTIONS, "/events", Err(NoRoute::Method)),
        ] {
            assert_eq!(route(&method, path, None), expected, "{method} {path}");
        }
    }

    #[test]
    fn events_are_filtered_by_their_fields() {
        let parse = |query: &str| route(&Method::GET, "/events", Some(query));
        assert_eq!(parse("task_id=x"), Err(NoRoute::Query("invalid task_id")));
        assert_eq!(parse("task_id=9223372036854775808"), Err(NoRoute::Query("invalid task_id")));
        assert_eq!(parse("task_id=&other=1"), Ok(Route::Events(EventQuery::default())));
        let Ok(Route::Events(query)) = parse("queue=a%20b&worker_id=+w1+&task_id=7&observations=1") else {
            panic!("events")
        };
        assert!(query.observations);
        assert!(query.matches(Some("a b"), Some("w1"), Some(7)));
        assert!(!query.matches(Some("a"), Some("w1"), Some(7)));
        assert!(!query.matches(Some("a b"), None, Some(7)));
        assert!(!query.matches(Some("a b"), Some("w1"), None));
        assert!(EventQuery::default().matches(None, None, None));
    }
}
