//! The pages of sign-in: one form each, without scripts, with the style of the page for people. Pure.

use maud::Markup;
use maud::html;
use reproq_token::PairCode;
use reproq_token::PairState;

use crate::page::document;

/// What these pages may do: load the style sheet, and send forms to this server.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A person, on a page.
pub(super) struct ShownPerson<'a> {
    pub(super) name: &'a str,
    /// Whether the person can sign out here.
    pub(super) has_session: bool,
}

/// The page where to sign in. `prefix` is the path of the public URL.
pub(super) fn login(prefix: &str, next: &str, field: &str, problem: Option<&str>, provider: Option<&str>) -> String {
    let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    page(
        prefix,
        "Sign in",
        &html! {
            @if let Some(host) = provider {
                p { a.button href={ (prefix) "/reproq/tui/oidc/?next=" (query) } { "Sign in with " (host) } }
                p { "Or enter the token of this server, " code { "METRICS_AUTH_TOKEN" } "." }
            } @else {
                p { "Enter the token of this server, " code { "METRICS_AUTH_TOKEN" } "." }
            }
            @if let Some(problem) = problem {
                p.warning role="alert" { (problem) }
            }
            form method="post" action={ (prefix) "/reproq/tui/login/" } {
                input type="hidden" name="form" value=(field);
                input type="hidden" name="next" value=(next);
                label for="token" { "Token" }
                input id="token" type="password" name="token" autocomplete="current-password" required autofocus
                    aria-invalid=[problem.map(|_| "true")];
                button type="submit" { "Sign in" }
            }
        },
    )
}

/// The page after signing in at a provider, which leads on by itself. `next` is a path of this server.
pub(super) fn welcome(prefix: &str, next: &str, name: &str) -> String {
    let head = html! { meta http-equiv="refresh" content={ "0; url=" (next) }; };
    let body = html! {
        p role="status" { "You are signed in as " strong { (name) } "." }
        p { a href=(next) { "Continue" } }
    };
    page_with(prefix, "Signed in", &head, &body)
}

/// A page about a sign-in at a provider that failed.
pub(super) fn provider_refusal(prefix: &str, text: &str) -> String {
    let body = html! {
        p.warning role="alert" { (text) }
        p { a href={ (prefix) "/reproq/tui/login/" } { "Sign in again" } }
    };
    page(prefix, "Sign in", &body)
}

/// The page where a code is approved.
pub(super) fn authorize(
    prefix: &str,
    code: Option<PairCode>,
    state: PairState,
    field: &str,
    person: &ShownPerson<'_>,
) -> String {
    let body = match (state, code) {
        (PairState::Approved, _) => html! {
            p role="status" { "Approved. Return to the terminal; this page can be closed." }
        },
        (PairState::Pending { .. }, Some(code)) => html! {
            p { "A terminal asks to read the queue as " strong { (person.name) } ". Compare the code with the one that it shows:" }
            p.code { (code) }
            form method="post" action={ (prefix) "/reproq/tui/authorize/" } {
                input type="hidden" name="form" value=(field);
                input type="hidden" name="code" value=(code);
                button type="submit" { "Approve" }
            }
            p.note { "If you did not start reproq-tui or " code { "reproq login" } ", close this page." }
        },
        (PairState::Pending { .. } | PairState::Expired, _) => html! {
            p role="status" { "This code expired. Return to the terminal and start again." }
        },
    };
    let body = html! {
        (body)
        @if person.has_session {
            p.note { a href={ (prefix) "/reproq/tui/logout/" } { "Sign out" } }
        }
    };
    page(prefix, "Approve a terminal", &body)
}

/// The page where to sign out.
pub(super) fn logout(prefix: &str, name: &str, field: &str) -> String {
    let body = html! {
        p { "You are signed in as " strong { (name) } "." }
        form method="post" action={ (prefix) "/reproq/tui/logout/" } {
            input type="hidden" name="form" value=(field);
            button type="submit" { "Sign out" }
        }
        p.note { "Terminals that you approved stay signed in until their tokens expire." }
    };
    page(prefix, "Sign out", &body)
}

/// The same for a person whom a proxy names in every request.
pub(super) fn logout_at_proxy(prefix: &str, name: &str) -> String {
    let body = html! {
        p role="status" { "The proxy in front of this server signed you in as " strong { (name) } ". Sign out there." }
    };
    page(prefix, "Sign out", &body)
}

/// A page with a sentence.
pub(super) fn refusal(prefix: &str, text: &str) -> String {
    page(prefix, "Sign in", &html! { p.warning role="alert" { (text) } })
}

fn page(prefix: &str, title: &str, body: &Markup) -> String {
    page_with(prefix, title, &html! {}, body)
}

fn page_with(prefix: &str, title: &str, head: &Markup, body: &Markup) -> String {
    let body = html! {
        header { h1 { (title) } }
        main.sign-in { (body) }
    };
    document(&format!("{title} · Reproq"), &format!("{prefix}/page.css"), head, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        let evil = "\"><script>alert(1)</script>";
        let pending = PairState::Pending { expires_at: 0 };
        let code = Some(PairCode::new([1; 8]));
        let person = ShownPerson { name: evil, has_session: true };
        for page in [
            login(evil, evil, evil, Some(evil), Some(evil)),
            welcome(evil, evil, evil),
            provider_refusal(evil, evil),
            authorize(evil, code, pending, evil, &person),
            logout(evil, evil, evil),
            logout_at_proxy(evil, evil),
            refusal(evil, evil),
        ] {
            assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
            assert!(!page.contains("\"\"&gt;"), "{page}");
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = refusal("/ops", "x");
        assert!(
            page.contains("href=\"/ops/page.css\"") && !page.contains("style=\"") && !page.contains("http"),
            "{page}"
        );
    }
}
