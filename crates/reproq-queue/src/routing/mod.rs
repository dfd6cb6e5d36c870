//! Which database a queue is in: the setting `REPROQ_QUEUE_DATABASES`, by exact name, then by pattern.

mod pattern;

pub use pattern::matches_pattern;

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use crate::task_ref::TaskRef;

/// The databases of the queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRouting {
    default_alias: String,
    /// In the order of the setting, because the first pattern that matches counts.
    routes: Vec<(String, String)>,
}

/// Where a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The alias of the database.
    pub alias: &'a str,
    /// The entry of `REPROQ_QUEUE_DATABASES` that decides; `None` if none matches.
    pub rule: Option<&'a str>,
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "the database `{}`, by `{rule}` in REPROQ_QUEUE_DATABASES", self.alias),
            None => write!(f, "the database `{}`, because REPROQ_QUEUE_DATABASES does not name it", self.alias),
        }
    }
}

/// A task names a database that the project does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the project has no database `{alias}`; it has {}", .known.join(", "))]
pub struct UnknownAlias {
    /// The alias that was named.
    pub alias: String,
    /// The aliases that the queue uses.
    pub known: Vec<String>,
}

impl QueueRouting {
    /// From the settings `REPROQ_DEFAULT_DB_ALIAS` and `REPROQ_QUEUE_DATABASES`.
    pub fn new(default_alias: &str, routes: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { default_alias: default_alias.to_owned(), routes: routes.into_iter().collect() }
    }

    /// The alias of the database of queues that no rule names.
    pub fn default_alias(&self) -> &str {
        &self.default_alias
    }

    /// The alias of the database that a queue is in. An empty name is the queue `default`.
    pub fn database_of(&self, queue: &str) -> &str {
        self.route_of(queue).alias
    }

    /// The database that a queue is in, and the rule that says so.
    pub fn route_of(&self, queue: &str) -> Route<'_> {
        let queue = if queue.is_empty() { "default" } else { queue };
        let is_pattern = |name: &str| name.contains(['*', '?', '[']);
        let exact = self.routes.iter().find(|(name, _)| name == queue);
        let route =
            exact.or_else(|| self.routes.iter().find(|(name, _)| is_pattern(name) && matches_pattern(queue, name)));
        match route {
            Some((name, alias)) => Route { alias, rule: Some(name) },
            None => Route { alias: &self.default_alias, rule: None },
        }
    }

    /// The aliases of all databases with queues, sorted.
    pub fn aliases(&self) -> Vec<&str> {
        let aliases = self.routes.iter().map(|(_, alias)| alias.as_str());
        let aliases: BTreeSet<&str> = aliases.chain([self.default_alias.as_str()]).collect();
        aliases.into_iter().collect()
    }

    /// The database of a task. `others` are aliases of the project that no queue is routed to.
    pub fn database_of_task<'a>(&'a self, task: &'a TaskRef, others: &[&str]) -> Result<&'a str, UnknownAlias> {
        let Some(alias) = task.alias() else { return Ok(&self.default_alias) };
        let known = self.aliases();
        if known.contains(&alias) || others.contains(&alias) {
            return Ok(alias);
        }
        Err(UnknownAlias { alias: alias.to_owned(), known: known.into_iter().map(str::to_owned).collect() })
    }

    /// How Django writes the id of a task: with its alias where there are several databases, unless the setting
    /// `REPROQ_RESULT_ID_WITH_ALIAS` decides.
    pub fn task_ref(&self, alias: &str, id: i64, with_alias: Option<bool>) -> TaskRef {
        if with_alias.unwrap_or(self.aliases().len() > 1) {
            TaskRef::in_database(alias.to_owned(), id)
        } else {
            TaskRef::new(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing() -> QueueRouting {
        let routes =
            [("mail*", "mail"), ("mail-slow", "slow"), ("m[!a]*", "other"), ("[literal", "odd"), ("mailx", "x")];
        QueueRouting::new("default", routes.map(|(name, alias)| (name.to_owned(), alias.to_owned())))
    }

    #[test]
    fn the_exact_name_comes_first_then_the_first_pattern() {
        let cases = [
            ("", "default"),
            ("default", "default"),
            ("mail", "mail"),
            ("mail-slow", "slow"),
            ("mailx", "x"),
            ("mailxy", "mail"),
            ("medium", "other"),
            ("Mail", "default"),
            ("[literal", "odd"),
        ];
        for (queue, alias) in cases {
            assert_eq!(routing().database_of(queue), alias, "{queue}");
        }
        assert_eq!(routing().aliases(), ["default", "mail", "odd", "other", "slow", "x"]);
    }

    #[test]
    fn the_rule_that_decides_is_named() {
        let cases = [
            ("mail", "the database `mail`, by `mail*` in REPROQ_QUEUE_DATABASES"),
            ("mailx", "the database `x`, by `mailx` in REPROQ_QUEUE_DATABASES"),
            ("high", "the database `default`, because REPROQ_QUEUE_DATABASES does not name it"),
        ];
        for (queue, expected) in cases {
            assert_eq!(routing().route_of(queue).to_string(), expected);
        }
    }

    #[test]
    fn a_task_is_in_a_database_that_the_project_has() {
        let task = |text: &str| text.parse::<TaskRef>().expect("a task");
        assert_eq!(routing().database_of_task(&task("5"), &[]), Ok("default"));
        assert_eq!(routing().database_of_task(&task("slow:5"), &[]), Ok("slow"));
        assert_eq!(routing().database_of_task(&task("replica:5"), &["replica"]), Ok("replica"));
        let error = routing().database_of_task(&task("nope:5"), &[]).expect_err("unknown").to_string();
        assert_eq!(error, "the project has no database `nope`; it has default, mail, odd, other, slow, x");
    }

    #[test]
    fn ids_have_an_alias_where_there_are_several_databases() {
        let one = QueueRouting::new("default", []);
        assert_eq!(one.task_ref("default", 5, None).to_string(), "5");
        assert_eq!(one.task_ref("default", 5, Some(true)).to_string(), "default:5");
        assert_eq!(routing().task_ref("mail", 5, None).to_string(), "mail:5");
        assert_eq!(routing().task_ref("mail", 5, Some(false)).to_string(), "5");
    }
}
