//! The version as Python projects state it: `pyproject.toml`, `__version__`, `uv.lock`. Pure.

use toml::Table;
use toml::Value;

/// No honest `pyproject.toml` and no entry of a lock comes near this many bytes.
const LONGEST_PARSED: usize = 192 * 1024;

/// A version and where it is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceVersion {
    /// The file, below the checkout.
    pub place: String,
    /// What it says.
    pub version: String,
}

/// The name and version of a project; a version that a tool computes is none.
pub(super) fn of_pyproject(text: &str) -> (Option<String>, Option<String>) {
    if text.len() > LONGEST_PARSED {
        return (None, None);
    }
    let Ok(document) = toml::from_str::<Table>(text) else { return (None, None) };
    let text = |key: &str| {
        let value = document.get("project").and_then(|project| project.get(key));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    (text("name"), text("version"))
}

/// `__version__ = "…"` at the beginning of a line.
pub(super) fn of_init(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix("__version__")?.trim_start();
        let rest = match rest.strip_prefix(':') {
            Some(annotated) => annotated.split_once('=')?.1,
            None => rest.strip_prefix('=')?,
        };
        let rest = rest.trim();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (version, _) = rest[1..].split_once(quote)?;
        Some(version.to_owned())
    })
}

/// The project's own entry in the lock. Its entries are parsed one by one: a lock may have megabytes, and parsing takes many
/// times as much memory as the text.
pub(super) fn of_uv_lock(text: &str, name: &str) -> Option<String> {
    let entries = text.split("[[package]]").skip(1).filter(|entry| entry.len() <= LONGEST_PARSED);
    let mut packages = entries.filter_map(|entry| toml::from_str::<Table>(entry).ok());
    let same = |package: &Table| {
        let found = package.get("name").and_then(Value::as_str).unwrap_or_default();
        normal(found) == normal(name)
    };
    packages.find(same)?.get("version")?.as_str().map(str::to_owned)
}

/// Python compares names of packages without case, and `-`, `_` and `.` as one.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_they_are_stated() {
        let project = "[project]\nname = \"reproq-django\"\nversion = \"0.0.144\"\n";
        assert_eq!(of_pyproject(project), (Some("reproq-django".to_owned()), Some("0.0.144".to_owned())));
        assert_eq!(of_pyproject("[project]\nname = \"x\"\ndynamic = [\"version\"]\n").1, None);
        for text in ["__version__ = \"1.0\"\n", "x = 1\n__version__='1.0'  # why\n", "__version__: str = \"1.0\""] {
            assert_eq!(of_init(text).as_deref(), Some("1.0"), "{text}");
        }
        for text in ["# __version__ = \"1.0\"", "__version__ = VERSION", "__versions__ = \"1.0\""] {
            assert_eq!(of_init(text), None, "{text}");
        }
        let lock = "[[package]]\nname = \"django\"\nversion = \"6.0\"\n[[package]]\nname = \"reproq-django\"\nversion = \"0.0.144\"\n";
        assert_eq!(of_uv_lock(lock, "Reproq_Django").as_deref(), Some("0.0.144"));
        assert_eq!(of_uv_lock("", "x"), None);
    }
}
