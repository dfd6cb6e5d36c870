//! What is served where.

use std::net::SocketAddr;

use reproq_serve::ServedDatabase;
use serde::Serialize;

use crate::model::text::count;
use crate::ui::Report;
use crate::ui::TextReport;

/// The document that `serve --json` prints at its start.
#[derive(Debug, Serialize)]
pub(super) struct ServeReport {
    /// With the real port.
    url: String,
    /// Whether clients have to send the token.
    needs_token: bool,
    databases: Vec<String>,
}

impl ServeReport {
    pub(super) fn new(address: SocketAddr, databases: &[ServedDatabase], needs_token: bool) -> Self {
        let databases = databases.iter().map(|database| database.alias.clone()).collect();
        Self { url: format!("http://{address}"), needs_token, databases }
    }

    /// The same for people.
    pub(super) fn sentence(&self) -> String {
        let databases = match self.databases.as_slice() {
            [only] => format!("database `{only}`"),
            several => format!("{}: {}", count(several.len(), "database"), several.join(", ")),
        };
        let access = if self.needs_token { "clients need the token" } else { "without a token" };
        format!("listening on {} ({databases}; {access})", self.url)
    }
}

impl Report for ServeReport {
    const SCHEMA: &'static str = "reproq.serve/1";

    fn human(&self, out: &mut TextReport) {
        out.line(&self.sentence());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_the_url_and_the_databases() {
        let address = "127.0.0.1:9180".parse().expect("an address");
        let mut report = ServeReport::new(address, &[], true);
        report.databases = vec!["default".to_owned()];
        assert_eq!(
            report.sentence(),
            "listening on http://127.0.0.1:9180 (database `default`; clients need the token)"
        );
        report.databases.push("mail".to_owned());
        assert!(report.sentence().contains("2 databases: default, mail"), "{}", report.sentence());
    }
}
