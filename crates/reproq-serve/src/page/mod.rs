//! The page for people: everything that was observed, as HTML that needs no JavaScript. A script replaces its parts when the
//! server announces a new observation. Pure.

mod chart;
mod format;
mod live;
mod past;
mod sections;
mod table;

use chrono::DateTime;
use chrono::Utc;
use maud::DOCTYPE;
use maud::Markup;
use maud::html;

use crate::state::Observation;

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("page.css");

/// The script.
pub(crate) const SCRIPT: &str = include_str!("page.js");

/// What the page and its script may do: load these two files, and read from this server.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page at a moment. It is the same for everybody, so it does not name who is signed in.
pub(crate) fn page(observation: &Observation, now: DateTime<Utc>, has_sign_in: bool) -> String {
    let head = html! {
        link rel="icon" href="icon.svg" type="image/svg+xml";
        script src="page.js" defer {}
    };
    let body = html! {
        a.skip href="#main" { "Skip to the numbers" }
        header {
            h1 { "Reproq" }
            (sections::freshness(observation, now))
            (controls())
            @if has_sign_in { a href="reproq/tui/logout/" { "Sign out" } }
        }
        main id="main" { (sections::all(observation, now)) }
    };
    document(&title(observation), "page.css", &head, &body)
}

/// A document in the style of the pages. `style` is the URL of the style sheet.
pub(crate) fn document(title: &str, style: &str, head: &Markup, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(style);
                (head)
            }
            body { (body) }
        }
    }
    .into_string()
}

/// The icon of a browser's tab.
pub(crate) fn icon() -> String {
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" {
            rect width="16" height="16" rx="3" fill="#1a5fb4" {}
            path d="M4 12V9M8 12V4M12 12V7" stroke="#fff" stroke-width="2" stroke-linecap="round" {}
        }
    }
    .into_string()
}

/// The tab shows whether somebody should look.
fn title(observation: &Observation) -> String {
    let ready: i64 = observation
        .databases
        .iter()
        .filter_map(|it| it.live.as_ref())
        .flat_map(|it| &it.queues)
        .map(|it| it.ready)
        .sum();
    let is_away = observation.databases.iter().any(|database| database.outage.is_some());
    let sign = if is_away { "⚠ " } else { "" };
    format!("{sign}{} ready · Reproq", format::number(ready))
}

/// They work with the script alone, which shows them.
fn controls() -> Markup {
    html! {
        form.controls id="controls" hidden role="search" {
            label for="filter" { "Filter rows" }
            input id="filter" type="search" autocomplete="off" spellcheck="false";
            button id="pause" type="button" aria-pressed="false" { "Pause updates" }
            span id="link" role="status" { "Connecting" }
        }
        noscript { p { "Reload this page for new numbers." } }
    }
}

#[cfg(test)]
mod tests;
