//! Which ruleset forbids deleting a tag; queried only after GitHub refused, because the refusal does not name it.

use serde::Deserialize;

use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApiError;
use crate::model::progress::NoProgress;
use crate::sources::github::GitHub;

#[derive(Debug, Deserialize)]
struct Summary {
    id: u64,
    name: String,
    #[serde(default)]
    enforcement: String,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    conditions: Option<Conditions>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Conditions {
    #[serde(default)]
    ref_name: Option<Patterns>,
}

#[derive(Debug, Deserialize)]
struct Patterns {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
}

impl GitHub {
    /// The names of the rulesets that forbid deleting this tag, as far as visible to the token.
    pub async fn rulesets_against_deleting(&self, tag: &str) -> Result<Vec<String>, JsonApiError> {
        let Some(clients) = self.authorized()? else { return Ok(Vec::new()) };
        let what = format!("rulesets of {}", self.repo());
        let route = format!("{}?targets=tag&includes_parents=true&per_page=100", self.route(&["rulesets"]));
        let all = clients.json.linked::<Summary, 100>(&route, &what, &NoProgress).await?;
        let mut names = Vec::new();
        for ruleset in all.into_iter().filter(|ruleset| ruleset.enforcement != "disabled").take(20) {
            let route = self.route(&["rulesets", &ruleset.id.to_string()]);
            let detail: Detail = clients.json.call(&ApiRequest::get(&route, &what), &NoProgress).await?;
            if detail.rules.iter().any(|rule| rule.kind == "deletion") && detail.covers(tag) {
                names.push(ruleset.name);
            }
        }
        Ok(names)
    }
}

impl Detail {
    fn covers(&self, tag: &str) -> bool {
        let Some(patterns) = self.conditions.as_ref().and_then(|conditions| conditions.ref_name.as_ref()) else {
            return true;
        };
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tag));
        any(&patterns.include) && !any(&patterns.exclude)
    }
}

/// A pattern of a ruleset: `~ALL`, or a glob over the full ref name.
fn matches(pattern: &str, tag: &str) -> bool {
    let reference = format!("refs/tags/{tag}");
    pattern == "~ALL" || glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(&reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_refs() {
        assert!(matches("~ALL", "v1.0.0"));
        assert!(matches("refs/tags/v1.*", "v1.0.0"));
        assert!(!matches("refs/tags/v1.*", "v2.0.0"));
        assert!(!matches("v1.*", "v1.0.0"));
    }
}
