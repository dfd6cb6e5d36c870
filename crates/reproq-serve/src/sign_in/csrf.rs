//! Whether a form was sent from a page of this server. Pure.
//!
//! The form has the signature of a cookie and of the session. Another site can read neither, and a host next door that plants a
//! cookie does not know the session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use reproq_token::TokenKey;

/// How long a page with a form can be used, in seconds.
pub(super) const FORM_SECONDS: i64 = 60 * 60;

/// The field of a form. `person` is the session and the name of the person who is signed in.
pub(super) fn field(key: &TokenKey, cookie: &str, person: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(message(cookie, person).as_bytes()))
}

/// Whether a field is the one of this cookie and person; compared in constant time.
pub(super) fn is_valid(key: &TokenKey, field: &str, cookie: &str, person: &str) -> bool {
    let signature = URL_SAFE_NO_PAD.decode(field);
    signature.is_ok_and(|signature| key.has_signed(message(cookie, person).as_bytes(), &signature))
}

/// A browser says whether another site caused the request. Clients that are not browsers say nothing.
pub(super) fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    site.is_some_and(|site| site != b"same-origin" && site != b"none")
}

fn message(cookie: &str, person: &str) -> String {
    // A cookie has no line break, so no two pairs give the same message.
    format!("{cookie}\n{person}")
}
