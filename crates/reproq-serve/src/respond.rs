//! The response to a request, as a value. Pure.

use bytes::Bytes;
use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;
use http::HeaderValue;
use http::StatusCode;
use serde::Serialize;

use crate::exposition;
use crate::metrics::metrics;
use crate::observation_document::ObservationDocument;
use crate::page;
use crate::route::Asset;
use crate::route::NoRoute;
use crate::state::Observation;
use crate::stats_document::SchedulerSettings;
use crate::stats_document::StatsDocument;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// On every response: it is not stored, it is what its type says, and nothing in it may run or be embedded, unless it has its own
/// policy.
pub(crate) const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// A response that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::new(status, JSON, serde_json::to_vec(value).unwrap_or_default())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// A web page.
    pub(crate) fn html(status: StatusCode, text: String) -> Self {
        Self::new(status, HTML, text)
    }

    /// An error in the form of Django's.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": message }))
    }

    /// Why there is no page.
    pub(crate) fn no_route(reason: &NoRoute) -> Self {
        match reason {
            NoRoute::Unknown => Self::error(StatusCode::NOT_FOUND, "not found"),
            NoRoute::Method => {
                Self::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").with("allow", "GET, HEAD")
            }
            NoRoute::Query(message) => Self::error(StatusCode::BAD_REQUEST, message),
        }
    }

    /// No token, or a wrong one.
    pub(crate) fn unauthorized() -> Self {
        Self::error(StatusCode::UNAUTHORIZED, "Unauthorized").with("www-authenticate", "Bearer")
    }

    /// Too many wrong tokens.
    pub(crate) fn too_many_attempts(retry_after: i64) -> Self {
        Self::error(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens")
            .with("retry-after", &retry_after.to_string())
    }

    /// More readers of events than are served.
    pub(crate) fn too_many_readers() -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "too many readers of events").with("retry-after", "10")
    }

    /// The process runs.
    pub(crate) fn alive() -> Self {
        Self::new(StatusCode::OK, TEXT, "ok")
    }

    /// Whether every database was observed lately; otherwise with the reasons.
    pub(crate) fn ready(observation: &Observation) -> Self {
        let reasons: Vec<_> = observation
            .databases
            .iter()
            .filter_map(|database| {
                let reason = database.not_ready()?;
                Some(serde_json::json!({ "database": database.alias, "reason": reason }))
            })
            .collect();
        let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let word = if reasons.is_empty() { "ready" } else { "not ready" };
        Self::json(status, &serde_json::json!({ "status": word, "reasons": reasons }))
    }

    /// The same in the worker's words.
    pub(crate) fn tui_health(observation: &Observation) -> Self {
        if observation.databases.iter().all(crate::state::ObservedDatabase::is_ready) {
            Self::alive()
        } else {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, TEXT, "unhealthy")
        }
    }

    /// The page for people.
    pub(crate) fn page(observation: &Observation, now: DateTime<Utc>, has_sign_in: bool) -> Self {
        Self::new(StatusCode::OK, HTML, page::page(observation, now, has_sign_in))
            .with("content-security-policy", page::CONTENT_SECURITY_POLICY)
    }

    /// A file that the page loads.
    pub(crate) fn asset(asset: Asset) -> Self {
        match asset {
            Asset::Style => Self::new(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
            Asset::Script => Self::new(StatusCode::OK, "text/javascript; charset=utf-8", page::SCRIPT),
            Asset::Icon => Self::new(StatusCode::OK, "image/svg+xml", page::icon()),
        }
    }

    /// The metrics.
    pub(crate) fn metrics(observation: &Observation) -> Self {
        Self::new(StatusCode::OK, exposition::CONTENT_TYPE, metrics(observation))
    }

    /// Django's statistics of the databases that were read, with the times of the oldest of their parts.
    pub(crate) fn stats(observation: &Observation, settings: SchedulerSettings) -> Self {
        let document = StatsDocument::of_observed(&observation.databases, settings);
        if document.is_empty() {
            return Self::error(StatusCode::SERVICE_UNAVAILABLE, "no database has been read yet")
                .with("retry-after", "2");
        }
        let live = observation.databases.iter().filter_map(|database| database.live.as_ref()).map(|live| live.at).min();
        let history =
            observation.databases.iter().filter_map(|database| database.history.as_ref()).map(|it| it.at).min();
        let away: Vec<&str> =
            observation.databases.iter().filter(|it| !it.is_ready()).map(|it| it.alias.as_str()).collect();
        let mut reply = Self::json(StatusCode::OK, &document);
        for (name, at) in [("x-reproq-observed-at", live), ("x-reproq-history-at", history)] {
            if let Some(at) = at {
                reply = reply.with(name, &at.to_rfc3339_opts(SecondsFormat::Millis, true));
            }
        }
        if away.is_empty() { reply } else { reply.with("x-reproq-unavailable", &away.join(", ")) }
    }

    /// Everything that is known.
    pub(crate) fn observation(observation: &Observation) -> Self {
        Self::json(StatusCode::OK, &ObservationDocument::new(observation))
    }

    /// Where the TUI finds the other pages; `base` is the URL of this server.
    pub(crate) fn tui_config(base: &str) -> Self {
        Self::json(StatusCode::OK, &tui_links(base))
    }

    /// There is no sign-in without a token.
    pub(crate) fn sign_in_disabled() -> Self {
        Self::error(StatusCode::NOT_FOUND, "tui auth disabled")
    }

    /// The request is for another server.
    pub(crate) fn wrong_host() -> Self {
        let message = "the Host header names another server; allow it with --allowed-host";
        Self::error(StatusCode::MISDIRECTED_REQUEST, message)
    }
}

/// The URLs that the TUI reads.
pub(crate) fn tui_links(base: &str) -> serde_json::Value {
    let page = |name: &str| format!("{base}/reproq/tui/{name}/");
    serde_json::json!({
        "worker_metrics_url": page("metrics"),
        "worker_health_url": page("healthz"),
        "events_url": page("events"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples;
    use crate::state::ObservedDatabase;
    use crate::state::Outage;

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(it, _)| *it == name).and_then(|(_, value)| value.to_str().ok())
    }

    fn settings() -> SchedulerSettings {
        SchedulerSettings::of_variables(|_| None)
    }

    #[test]
    fn a_database_that_is_away_is_named_and_the_others_are_served() {
        let read = ObservedDatabase {
            alias: "default".to_owned(),
            live: Some(Arc::new(samples::live())),
            history: Some(Arc::new(samples::history())),
            ..ObservedDatabase::default()
        };
        let outage = Outage { since: samples::now(), reason: "cannot reach the server".to_owned() };
        let away = ObservedDatabase { alias: "mail".to_owned(), outage: Some(outage), ..ObservedDatabase::default() };
        let observation = |databases: &[&ObservedDatabase]| Observation {
            databases: databases.iter().map(|database| (*database).clone()).collect(),
            ..Observation::default()
        };
        let both = observation(&[&read, &away]);
        let ready = Reply::ready(&both);
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&ready.body).expect("JSON")["reasons"],
            serde_json::json!([{"database": "mail", "reason": "cannot reach the server"}])
        );
        assert_eq!(Reply::tui_health(&both).body, "unhealthy");
        let stats = Reply::stats(&both, settings());
        assert_eq!((stats.status, header(&stats, "x-reproq-unavailable")), (StatusCode::OK, Some("mail")));
        assert_eq!(header(&stats, "x-reproq-history-at"), Some("2026-01-31T12:00:00.000Z"));
        let only = observation(&[&read]);
        assert_eq!(Reply::ready(&only).status, StatusCode::OK);
        assert_eq!(Reply::tui_health(&only).body, "ok");
        assert_eq!(header(&Reply::stats(&only, settings()), "x-reproq-unavailable"), None);
        assert_eq!(Reply::stats(&observation(&[&away]), settings()).status, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let method = Reply::no_route(&NoRoute::Method);
        assert_eq!((method.status.as_u16(), header(&method, "allow")), (405, Some("GET, HEAD")));
        assert_eq!(Reply::no_route(&NoRoute::Unknown).body, r#"{"error":"not found"}"#);
        assert_eq!(Reply::no_route(&NoRoute::Query("invalid task_id")).status.as_u16(), 400);
        let wait = Reply::too_many_attempts(1);
        assert_eq!((wait.status.as_u16(), header(&wait, "retry-after")), (429, Some("1")));
        assert_eq!(header(&Reply::unauthorized(), "www-authenticate"), Some("Bearer"));
    }
}
