//! Services for Compose.

use crate::worker::service::ServiceFile;
use crate::worker::service::ServicePlan;
use crate::worker::service::words;

/// Commands are lists, so that no shell is between Compose and the worker. `init` reaps what tasks leave behind.
pub(crate) fn compose(plan: &ServicePlan) -> ServiceFile {
    let service = |command: &str, with_arguments| {
        let command_line = std::iter::once("reproq".to_owned()).chain(words(plan, command, with_arguments));
        // A JSON string is a YAML string; Compose replaces `$NAME` even in quotes.
        let quoted = command_line.map(|word| serde_json::Value::from(word).to_string().replace('$', "$$"));
        format!(
            "  {command}:\n    build: .\n    command: [{}]\n    env_file: [.env]\n    init: true\n    restart: unless-stopped\n    \
             stop_grace_period: 30s\n",
            quoted.collect::<Vec<_>>().join(", ")
        )
    };
    let text = format!("services:\n{}{}", service("worker", true), service("beat", false));
    ServiceFile { name: "compose.reproq.yaml".to_owned(), text }
}
