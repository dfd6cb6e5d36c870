//! The pages of sign-in: one form each, without scripts, with the style of the page for people. Pure.

use maud::Markup;
use maud::html;
use reproq_token::PairCode;
use reproq_token::PairState;

use crate::page::document;

/// What these pages may do: load the style sheet, and send forms to this server.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page where to sign in. `prefix` is the path of the public URL.
pub(super) fn login(prefix: &str, next: &str, field: &str, problem: Option<&str>) -> String {
    page(
        prefix,
        "Sign in",
        &html! {
            p { "Enter the token of this server, " code { "METRICS_AUTH_TOKEN" } "." }
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

/// The page where a code is approved.
pub(super) fn authorize(prefix: &str, code: Option<PairCode>, state: PairState, field: &str, name: &str) -> String {
    let body = match (state, code) {
        (PairState::Approved, _) => html! {
            p role="status" { "Approved. Return to the terminal; this page can be closed." }
        },
        (PairState::Pending { .. }, Some(code)) => html! {
            p { "A terminal asks to read the queue as " strong { (name) } ". Compare the code with the one that it shows:" }
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
    page(prefix, "Approve a terminal", &body)
}

/// A page with a sentence.
pub(super) fn refusal(prefix: &str, text: &str) -> String {
    page(prefix, "Sign in", &html! { p.warning role="alert" { (text) } })
}

fn page(prefix: &str, title: &str, body: &Markup) -> String {
    let body = html! {
        header { h1 { (title) } }
        main.sign-in { (body) }
    };
    document(&format!("{title} · Reproq"), &format!("{prefix}/page.css"), &html! {}, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        let evil = "\"><script>alert(1)</script>";
        let pending = PairState::Pending { expires_at: 0 };
        let code = Some(PairCode::new([1; 8]));
        for page in
            [login(evil, evil, evil, Some(evil)), authorize(evil, code, pending, evil, evil), refusal(evil, evil)]
        {
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
