//! What an audit record of releases and tags contains. It is enough to restore every tag.

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::change::AuditError;
use crate::change::ChangeEvent;
use crate::change::ChangeLine;
use crate::change::read_audit_lines;
use crate::releases::prune::PlannedRepository;
use crate::releases::prune::ReleaseRecord;
use crate::releases::prune::TagRecord;

/// An event of a record.
pub type AuditEvent = ChangeEvent<ChangedRepository, Action>;

/// A line of a record.
pub(super) type AuditLine = ChangeLine<ChangedRepository, Action>;

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedRepository {
    /// The repository.
    pub repository: PlannedRepository,
}

/// A request that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Delete a release with its assets.
    DeleteRelease {
        /// The release before the deletion.
        release: Box<ReleaseRecord>,
        /// Its tag before the deletion.
        tag: Option<TagRecord>,
    },
    /// Delete tags.
    DeleteTags {
        /// The tags before the deletion.
        tags: Vec<TagRecord>,
    },
    /// Restore tags.
    CreateTags {
        /// The tags to create.
        tags: Vec<TagRecord>,
    },
}

/// Reads an entire record.
pub fn read_audit(path: &Path) -> Result<Vec<AuditLine>, AuditError> {
    let mut lines = Vec::new();
    read_audit_lines(path, &mut |_, line| {
        lines.push(line);
        Ok(())
    })?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The format of records that earlier versions wrote: it never changes.
    #[test]
    fn records_of_earlier_versions_are_read() {
        let old = [
            r#"{"time":"2026-01-01T00:00:00Z","event":"begin","schema":"reproq.audit/1","tool_version":"0.1.0","command":"prune","repository":{"id":7,"full_name":"acme/tool"},"plan_digest":null,"units":["v1.0.0"]}"#,
            r#"{"time":"2026-01-01T00:00:00Z","event":"intent","request":1,"action":"delete-tags","tags":[{"name":"v1.0.0","object_id":"aa","kind":"lightweight","dated":null}]}"#,
            r#"{"time":"2026-01-01T00:00:00Z","event":"result","request":1,"outcome":"done","status":204,"request_id":"a","message":null}"#,
            r#"{"time":"2026-01-01T00:00:00Z","event":"decided","tag":"v1.0.0","finding":"gone"}"#,
            r#"{"time":"2026-01-01T00:00:00Z","event":"end","status":"finished","deleted":1}"#,
        ];
        for text in old {
            let line: AuditLine = serde_json::from_str(text).expect(text);
            assert_ne!(line.event, AuditEvent::Unknown);
            assert_eq!(
                serde_json::to_string(&line).expect("JSON"),
                text,
                "what is written now is what was written then"
            );
        }
    }
}
