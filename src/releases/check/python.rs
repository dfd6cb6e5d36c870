//! The version of a Python project: `pyproject.toml`, `__version__`, `uv.lock`. Pure.

use std::io::BufRead;
use std::io::Read;

use toml::Table;
use toml::Value;

/// The maximum size of a `pyproject.toml`, and of one entry of a `uv.lock`, in bytes.
const LONGEST_PARSED: usize = 96 * 1024;

/// A version and its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceVersion {
    /// The file, relative to the checkout.
    pub place: String,
    /// The version.
    pub version: String,
}

/// The name and version of a project in its `pyproject.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PythonProject {
    /// Its name.
    pub(super) name: Option<String>,
    /// The location of its version.
    pub(super) version: StatedVersion,
}

/// Where a project's version is. A version that a tool computes, for example from git tags, is nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum StatedVersion {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In `pyproject.toml` itself.
    Here(String),
    /// `__version__` or `VERSION` of a file, by its path.
    Assigned(String),
    /// The entire content of a file, by its path.
    File(String),
    /// A variable of a module: `package.module`, `variable`.
    Attribute(String, String),
}

/// The name and version of a project: `[project]`, Poetry's table, and the locations where setuptools, hatch and PDM
/// read a `dynamic` version.
pub(super) fn of_pyproject(text: &str) -> PythonProject {
    if text.len() > LONGEST_PARSED {
        return PythonProject::default();
    }
    let Ok(document) = toml::from_str::<Table>(text) else { return PythonProject::default() };
    let at = |path: &[&str]| {
        path.iter()
            .try_fold(document.get(path[0])?, |value, key| if *key == path[0] { Some(value) } else { value.get(key) })
    };
    let string = |path: &[&str]| at(path).and_then(Value::as_str).map(str::to_owned);
    let name = string(&["project", "name"]).or_else(|| string(&["tool", "poetry", "name"]));
    let stated = string(&["project", "version"]).or_else(|| string(&["tool", "poetry", "version"]));
    let dynamic = || {
        let assigned =
            string(&["tool", "hatch", "version", "path"]).or_else(|| string(&["tool", "pdm", "version", "path"]));
        assigned
            .map(StatedVersion::Assigned)
            .or_else(|| of_setuptools(at(&["tool", "setuptools", "dynamic", "version"])?))
    };
    PythonProject { name, version: stated.map(StatedVersion::Here).or_else(dynamic).unwrap_or_default() }
}

/// `{ attr = "package.__version__" }` or `{ file = "VERSION" }`.
fn of_setuptools(version: &Value) -> Option<StatedVersion> {
    if let Some((module, variable)) = version.get("attr").and_then(Value::as_str).and_then(|attr| attr.rsplit_once('.'))
    {
        return Some(StatedVersion::Attribute(module.to_owned(), variable.to_owned()));
    }
    let file = version.get("file")?;
    let first = file.as_array().and_then(|files| files.first()).unwrap_or(file);
    Some(StatedVersion::File(first.as_str()?.to_owned()))
}

/// The version that hatch and PDM read from a file.
pub(super) fn of_assignment(text: &str) -> Option<String> {
    let version = ["__version__", "VERSION", "version"].iter().find_map(|name| of_variable(text, name))?;
    Some(version.strip_prefix('v').map(str::to_owned).unwrap_or(version))
}

/// `__version__ = "…"` at the start of a line.
pub(super) fn of_init(text: &str) -> Option<String> {
    of_variable(text, "__version__")
}

/// `NAME = "…"` at the start of a line.
pub(super) fn of_variable(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.trim_start();
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

/// The version in the project's own entry of a `uv.lock`. Entries are read and parsed one by one, because the file may have
/// megabytes and parsing takes many times that in memory.
pub(super) fn of_uv_lock(mut lock: impl BufRead, name: &str) -> Option<String> {
    let (mut entry, mut line) = (String::new(), Vec::new());
    loop {
        line.clear();
        // A longer line is read in parts, which make its entry too long.
        if lock.by_ref().take(LONGEST_PARSED as u64).read_until(b'\n', &mut line).ok()? == 0 {
            return of_entry(&entry, name);
        }
        let line = String::from_utf8_lossy(&line);
        if line.trim() == "[[package]]" {
            if let Some(version) = of_entry(&entry, name) {
                return Some(version);
            }
            entry.clear();
        } else if entry.len() <= LONGEST_PARSED {
            entry.push_str(&line);
        }
    }
}

fn of_entry(entry: &str, name: &str) -> Option<String> {
    if entry.len() > LONGEST_PARSED {
        return None;
    }
    let package = toml::from_str::<Table>(entry).ok()?;
    let is_named = normal(package.get("name")?.as_str()?) == normal(name);
    is_named.then(|| package.get("version")?.as_str().map(str::to_owned)).flatten()
}

/// Package names are compared without case, with `-`, `_` and `.` equal.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_of_the_version_is_found() {
        let dynamic = "[project]\nname = \"x\"\ndynamic = [\"version\"]\n";
        let assigned = |path: &str| StatedVersion::Assigned(path.to_owned());
        let attribute = StatedVersion::Attribute("x.about".to_owned(), "VERSION".to_owned());
        for (table, expected) in [
            ("[project]\nname = \"x\"\nversion = \"0.0.144\"\n".to_owned(), StatedVersion::Here("0.0.144".to_owned())),
            ("[tool.poetry]\nname = \"x\"\nversion = \"1.0\"\n".to_owned(), StatedVersion::Here("1.0".to_owned())),
            (format!("{dynamic}[tool.poetry]\nversion = \"1.0\"\n"), StatedVersion::Here("1.0".to_owned())),
            (format!("{dynamic}[tool.hatch.version]\npath = \"src/x/about.py\"\n"), assigned("src/x/about.py")),
            (format!("{dynamic}[tool.pdm.version]\nsource = \"file\"\npath = \"x.py\"\n"), assigned("x.py")),
            (format!("{dynamic}[tool.setuptools.dynamic]\nversion = {{ attr = \"x.about.VERSION\" }}\n"), attribute),
            (
                format!("{dynamic}[tool.setuptools.dynamic.version]\nfile = [\"VERSION\"]\n"),
                StatedVersion::File("VERSION".to_owned()),
            ),
            (format!("{dynamic}[tool.hatch.version]\nsource = \"vcs\"\n"), StatedVersion::Nowhere),
            (dynamic.to_owned(), StatedVersion::Nowhere),
        ] {
            let found = of_pyproject(&table);
            assert_eq!((found.name.as_deref(), found.version), (Some("x"), expected), "{table}");
        }
        assert_eq!(of_assignment("VERSION = 'v1.0'\n").as_deref(), Some("1.0"));
        for text in ["__version__ = \"1.0\"\n", "x = 1\n__version__='1.0'  # why\n", "__version__: str = \"1.0\""] {
            assert_eq!(of_init(text).as_deref(), Some("1.0"), "{text}");
        }
        for text in ["# __version__ = \"1.0\"", "__version__ = VERSION", "__versions__ = \"1.0\""] {
            assert_eq!(of_init(text), None, "{text}");
        }
        let lock = "[[package]]\nname = \"django\"\nversion = \"6.0\"\n[[package]]\nname = \"reproq-django\"\nversion = \"0.0.144\"\n";
        assert_eq!(of_uv_lock(lock.as_bytes(), "Reproq_Django").as_deref(), Some("0.0.144"));
        assert_eq!(of_uv_lock(&b""[..], "x"), None);
        // An entry that is too long is passed over, also one of a single line.
        let long =
            format!("[[package]]\nname = \"x\"\nversion = \"1\"\ny = \"{}\"\n{lock}", "z".repeat(3 * LONGEST_PARSED));
        assert_eq!(of_uv_lock(long.as_bytes(), "x"), None);
        assert_eq!(of_uv_lock(long.as_bytes(), "reproq-django").as_deref(), Some("0.0.144"));
    }
}
