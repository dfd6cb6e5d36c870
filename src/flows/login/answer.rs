//! What the server sends: a code, and later a token. Pure.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use url::Url;

use crate::model::secret::Secret;

/// How long a code is valid if the server's time makes no sense: as long as Django's are.
const USUAL: i64 = 600;

/// A code is not waited for longer than this, whatever the server says.
const LONGEST: i64 = 3600;

/// Longer codes and tokens are not of this protocol.
const LONGEST_CODE: usize = 64;
const LONGEST_TOKEN: usize = 4096;

/// A code that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairOffer {
    /// The code, for the person to compare.
    pub(crate) code: String,
    /// The page where it is approved.
    pub(crate) verify_url: Url,
    /// The server's own host in that page, if it is not the one that was named.
    pub(crate) other_host: Option<String>,
    /// How long it is valid, by the server's clock.
    pub(crate) valid_for: Duration,
}

/// A token, after the approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PollState {
    Pending,
    Approved(Approval),
    Expired,
    /// Neither of them; what of it cannot be used.
    Unusable(&'static str),
}

#[derive(Deserialize)]
pub(super) struct PairDocument {
    code: String,
    #[serde(default)]
    verify_url: Option<String>,
    #[serde(default)]
    expires_at: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct PollDocument {
    #[serde(default)]
    status: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct RefusalDocument {
    #[serde(default)]
    error: String,
    #[serde(default)]
    status: String,
}

impl PairDocument {
    /// The offer of the server at `base`. `None` if the code cannot be one.
    pub(super) fn offer(self, base: &Url, server_time: DateTime<Utc>) -> Option<PairOffer> {
        let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.code.is_empty() || self.code.len() > LONGEST_CODE || !self.code.chars().all(is_code) {
            return None;
        }
        let named = self.verify_url.as_deref().and_then(page);
        let verify_url = named.unwrap_or_else(|| own_page(base, &self.code));
        let other_host =
            (verify_url.host() != base.host()).then(|| verify_url.host_str().unwrap_or_default().to_owned());
        let left = self.expires_at.map_or(USUAL, |at| at.saturating_sub(server_time.timestamp()));
        let left = if left > 0 { left.min(LONGEST) } else { USUAL };
        let valid_for = Duration::from_secs(left.unsigned_abs());
        Some(PairOffer { code: self.code, verify_url, other_host, valid_for })
    }
}

/// A page that a person can be sent to.
fn page(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    is_page.then_some(url)
}

/// The page below the URL that was named.
fn own_page(base: &Url, code: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/reproq/tui/authorize/", base.path().trim_end_matches('/')));
    url.set_query(Some(&format!("code={code}")));
    url
}

impl PollDocument {
    /// The state of the code.
    pub(super) fn state(self) -> PollState {
        let token = self.token.filter(|token| is_token(token));
        let expires_at = self.expires_at.filter(|time| *time > 0).and_then(|time| DateTime::from_timestamp(time, 0));
        match (self.status.as_str(), token, expires_at) {
            ("pending", _, _) => PollState::Pending,
            ("expired", _, _) => PollState::Expired,
            ("approved", Some(token), Some(expires_at)) => {
                PollState::Approved(Approval { token: Secret::new(token), expires_at })
            }
            ("approved", _, _) => PollState::Unusable("a token"),
            (_, _, _) => PollState::Unusable("a state of the code"),
        }
    }
}

/// Whether a text can be sent as a bearer token and has the three parts of one.
pub(super) fn is_token(text: &str) -> bool {
    text.len() <= LONGEST_TOKEN && text.split('.').count() == 3 && text.chars().all(|c| c.is_ascii_graphic())
}

/// Whether a 404 is the one of a server that issues no tokens.
pub(super) fn is_disabled(body: &[u8]) -> bool {
    serde_json::from_slice::<RefusalDocument>(body).is_ok_and(|document| document.error == "tui auth disabled")
}

/// Whether a 404 is the one of a code that expired.
pub(super) fn is_expired(body: &[u8]) -> bool {
    serde_json::from_slice::<RefusalDocument>(body).is_ok_and(|document| document.status == "expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn offer(document: &str) -> Option<PairOffer> {
        let document: PairDocument = serde_json::from_str(document).expect("a document");
        let base = "https://shop.test/app/".parse().expect("a URL");
        document.offer(&base, DateTime::from_timestamp(NOW, 0).expect("a time"))
    }

    #[test]
    fn an_offer_has_a_page_and_a_time() {
        let full = format!(
            r#"{{"code":"00ff00ff","verify_url":"https://shop.test/reproq/tui/authorize/?code=00ff00ff","expires_at":{},"x":1}}"#,
            NOW + 42
        );
        let found = offer(&full).expect("an offer");
        assert_eq!(found.verify_url.as_str(), "https://shop.test/reproq/tui/authorize/?code=00ff00ff");
        assert_eq!((found.other_host, found.valid_for), (None, Duration::from_secs(42)));
        let own = "https://shop.test/app/reproq/tui/authorize/?code=c";
        for (document, page, host, seconds) in [
            (r#"{"code":"c"}"#, own, None, 600),
            (r#"{"code":"c","verify_url":"javascript:alert(1)","expires_at":1}"#, own, None, 600),
            (
                r#"{"code":"c","verify_url":"https://user@shop.test/","expires_at":9223372036854775807}"#,
                own,
                None,
                3600,
            ),
            (r#"{"code":"c","verify_url":"/reproq/","expires_at":-9223372036854775808}"#, own, None, 600),
            (r#"{"code":"c","verify_url":"http://evil.test/"}"#, "http://evil.test/", Some("evil.test"), 600),
        ] {
            let found = offer(document).expect("an offer");
            assert_eq!((found.verify_url.as_str(), found.other_host.as_deref()), (page, host), "{document}");
            assert_eq!(found.valid_for, Duration::from_secs(seconds), "{document}");
        }
        let long = format!(r#"{{"code":"{}"}}"#, "a".repeat(65));
        for document in [r#"{"code":""}"#, r#"{"code":"../x"}"#, r#"{"code":"a b"}"#, long.as_str()] {
            assert_eq!(offer(document), None, "{document}");
        }
    }

    #[test]
    fn a_poll_has_one_of_three_states() {
        let state = |text: &str| serde_json::from_str::<PollDocument>(text).expect("a document").state();
        assert_eq!(state(r#"{"status":"pending"}"#), PollState::Pending);
        assert_eq!(state(r#"{"status":"expired"}"#), PollState::Expired);
        let expires_at = DateTime::from_timestamp(5, 0).expect("a time");
        let approval = Approval { token: Secret::new("a.b.c".to_owned()), expires_at };
        assert_eq!(state(r#"{"status":"approved","token":"a.b.c","expires_at":5}"#), PollState::Approved(approval));
        for text in ["{}", r#"{"status":"denied","token":"a.b.c","expires_at":5}"#] {
            assert_eq!(state(text), PollState::Unusable("a state of the code"), "{text}");
        }
        for text in [
            r#"{"status":"approved"}"#,
            r#"{"status":"approved","token":"a.b.c"}"#,
            r#"{"status":"approved","token":"a.b","expires_at":5}"#,
            r#"{"status":"approved","token":"a.b.c\n","expires_at":5}"#,
            r#"{"status":"approved","token":"a.b.c","expires_at":0}"#,
            r#"{"status":"approved","token":"a.b.c","expires_at":9223372036854775807}"#,
        ] {
            assert_eq!(state(text), PollState::Unusable("a token"), "{text}");
        }
    }

    #[test]
    fn a_404_is_read() {
        assert!(is_disabled(br#"{"error":"tui auth disabled"}"#) && !is_disabled(br#"{"error":"x"}"#));
        assert!(is_expired(br#"{"status":"expired"}"#) && !is_expired(b"<html>"));
    }
}
