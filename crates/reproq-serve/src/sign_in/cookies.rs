//! Cookies of the browser. Pure.

use http::HeaderMap;
use http::header::COOKIE;

/// The session.
pub(super) const SESSION: &str = "reproq_session";

/// The secret that forms are bound to.
pub(super) const FORM: &str = "reproq_form";

/// A sign-in that was started at the provider.
pub(super) const FLOW: &str = "reproq_oidc";

/// The value of a cookie. A name that is sent twice has no value: one of them may have been planted by a neighboring host.
pub(super) fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut values = all.flat_map(|header| header.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    });
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// The value of `Set-Cookie`. Scripts cannot read it, and no request that another site causes has it.
pub(super) fn set(name: &str, value: &str, prefix: &str, seconds: i64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={value}; Path={prefix}/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The same for the cookie that is read when the provider sends the person back: only the page for that gets it. `Lax`, because
/// another site causes that request.
pub(super) fn set_for_callback(value: &str, prefix: &str, seconds: i64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    let path = format!("{prefix}/reproq/tui/callback/");
    format!("{FLOW}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_that_is_sent_twice_has_no_value() {
        let found = |all: &[&str]| {
            let mut headers = HeaderMap::new();
            for header in all {
                headers.append(COOKIE, HeaderValue::from_str(header).expect("a value"));
            }
            value(&headers, SESSION)
        };
        assert_eq!(found(&["a=b; reproq_session=x=y;c=d"]).as_deref(), Some("x=y"));
        assert_eq!(found(&["reproq_session=x", "a=b"]).as_deref(), Some("x"));
        assert_eq!(found(&["reproq_session=x; reproq_session=y"]), None);
        assert_eq!(found(&["reproq_session=x", "reproq_session=x"]), None);
        assert_eq!(found(&["xreproq_session=x", "reproq_session"]), None);
    }

    #[test]
    fn cookies_are_out_of_reach() {
        assert_eq!(
            set(SESSION, "v", "/ops", 5, true),
            "reproq_session=v; Path=/ops/; Max-Age=5; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!set(SESSION, "v", "", 5, false).contains("Secure"));
        assert_eq!(
            set_for_callback("v", "/ops", 5, true),
            "reproq_oidc=v; Path=/ops/reproq/tui/callback/; Max-Age=5; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
