//! The parts that the reports on a database share.

use reproq_queue::schema::SchemaOrigin;
use reproq_queue::schema::SchemaSnapshot;
use serde::Serialize;

use crate::commands::database::Database;
use crate::ui::TextReport;

/// The database, and how it was reached.
#[derive(Debug, Serialize)]
pub(super) struct DatabaseFacts {
    name: String,
    server: String,
    user: String,
    from: String,
    encrypted: bool,
    server_version: String,
    origin: SchemaOrigin,
}

impl DatabaseFacts {
    pub(super) fn new(database: &Database, snapshot: &SchemaSnapshot) -> Self {
        let server = &snapshot.catalog.server;
        Self {
            name: server.database.clone(),
            server: database.session.server().to_owned(),
            user: server.user.clone(),
            from: database.from.clone(),
            encrypted: database.session.is_encrypted(),
            server_version: server.version.clone(),
            origin: SchemaOrigin::of(&snapshot.catalog),
        }
    }

    /// The name and the server, for a question.
    pub(super) fn place(&self) -> String {
        format!("{} on {}", self.name, self.server)
    }

    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let version = self.server_version.split(" (").next().unwrap_or_default();
        let how = if self.encrypted { "encrypted" } else { "not encrypted" };
        vec![
            ("Database", format!("{} as {} (from {})", self.place(), self.user, self.from)),
            ("Server", format!("PostgreSQL {version}, connection {how}")),
            ("Schema", self.origin.describe().to_owned()),
        ]
    }

    pub(super) fn human(&self, out: &mut TextReport) {
        if !out.is_quiet() {
            out.pairs(&self.pairs());
            out.blank();
        }
    }
}
