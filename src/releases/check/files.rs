//! Reads versions and migrations from a checkout.
#![expect(clippy::disallowed_methods, reason = "a checkout is read here")]

use std::collections::BTreeSet;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::io::fs::bounded_read;
use crate::releases::check::SourceVersion;
use crate::releases::check::python::StatedVersion;
use crate::releases::check::python::of_assignment;
use crate::releases::check::python::of_init;
use crate::releases::check::python::of_pyproject;
use crate::releases::check::python::of_uv_lock;
use crate::releases::check::python::of_variable;
use crate::worker::local_build::version_constant;

/// The maximum size of a source file that is read, in bytes.
const MAX_SOURCE: u64 = 1024 * 1024;

/// The bytes of a `uv.lock` that are read. Only one entry of it is in memory.
const MAX_LOCK: u64 = 64 * 1024 * 1024;

/// Every version in a checkout: Go's `const Version`, `pyproject.toml` or the file it references, `__init__.py` and
/// `uv.lock`.
pub(crate) fn source_versions(directory: &Path) -> io::Result<Vec<SourceVersion>> {
    let mut found = Vec::new();
    let mut add = |path: &Path, version: Option<String>| {
        let place = path.strip_prefix(directory).unwrap_or(path).to_string_lossy().replace('\\', "/");
        found.extend(version.map(|version| SourceVersion { place, version }));
    };
    std::fs::read_dir(directory)?;
    for path in go_files(directory) {
        let version = read(&path).and_then(|text| version_constant(&text));
        add(&path, version);
    }
    let project = directory.join("pyproject.toml");
    let python = read(&project).map(|text| of_pyproject(&text)).unwrap_or_default();
    let named = stated(directory, project, python.version);
    let named_path = named.as_ref().map(|(path, _)| path.clone());
    if let Some((path, version)) = named {
        add(&path, version);
    }
    for path in packages(directory).into_iter().filter(|path| Some(path) != named_path.as_ref()) {
        let version = read(&path).and_then(|text| of_init(&text));
        add(&path, version);
    }
    let lock = directory.join("uv.lock");
    if let Some(name) = python.name {
        let file = bounded_read::open_regular(&lock).map(|(file, _)| BufReader::new(file.take(MAX_LOCK)));
        add(&lock, file.ok().and_then(|file| of_uv_lock(file, &name)));
    }
    Ok(found)
}

/// The file with a project's version, and the version. Only files below the checkout are read.
fn stated(directory: &Path, project: PathBuf, version: StatedVersion) -> Option<(PathBuf, Option<String>)> {
    let below = |path: &str| {
        let path = Path::new(path);
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        is_below.then(|| directory.join(path))
    };
    match version {
        StatedVersion::Nowhere => None,
        StatedVersion::Here(version) => Some((project, Some(version))),
        StatedVersion::Assigned(path) => {
            let path = below(&path)?;
            let version = read(&path).and_then(|text| of_assignment(&text));
            Some((path, version))
        }
        StatedVersion::File(path) => {
            let path = below(&path)?;
            let version = read(&path).map(|text| text.trim().to_owned());
            Some((path, version))
        }
        StatedVersion::Attribute(module, variable) => {
            let module = module.replace('.', "/");
            ["", "src/"]
                .into_iter()
                .flat_map(|place| [format!("{place}{module}.py"), format!("{place}{module}/__init__.py")])
                .filter_map(|path| below(&path))
                .find_map(|path| Some((of_variable(&read(&path)?, &variable)?, path)))
                .map(|(version, path)| (path, Some(version)))
        }
    }
}

/// The names of the migrations in a directory; a pair of `.up.sql` and `.down.sql` counts as one.
pub(crate) fn migrations(directory: &Path) -> io::Result<Vec<String>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_file() || name.starts_with(['.', '_']) {
            continue;
        }
        if let Some(stem) = name.strip_suffix(".py").or_else(|| name.strip_suffix(".sql")) {
            let stem = stem.strip_suffix(".up").or_else(|| stem.strip_suffix(".down")).unwrap_or(stem);
            found.insert(stem.to_owned());
        }
    }
    Ok(found.into_iter().collect())
}

fn go_files(directory: &Path) -> Vec<PathBuf> {
    let mut directories = vec![directory.to_owned()];
    directories.extend(children(&directory.join("cmd")).into_iter().filter(|path| path.is_dir()));
    let mut files: Vec<PathBuf> = directories.iter().flat_map(|directory| children(directory)).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".go") && !name.ends_with("_test.go")
    });
    files
}

fn packages(directory: &Path) -> Vec<PathBuf> {
    let places = [directory.to_owned(), directory.join("src")];
    let directories = places.iter().flat_map(|place| children(place)).filter(|path| path.is_dir());
    directories.map(|path| path.join("__init__.py")).filter(|path| path.is_file()).collect()
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Option<String> {
    bounded_read::read_text(path, MAX_SOURCE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_every_location() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        write("cmd/reproq/main.go", "package main\nconst Version = \"1.0.0\"\n");
        write("cmd/reproq/main_test.go", "package main\nconst Version = \"9\"\n");
        write("pyproject.toml", "[project]\nname = \"tool\"\nversion = \"1.0.1\"\n");
        write("src/tool/__init__.py", "__version__ = \"1.0.2\"\n");
        write("uv.lock", "[[package]]\nname = \"tool\"\nversion = \"1.0.3\"\n");
        let found = source_versions(directory.path()).expect("read");
        let found: Vec<_> = found.iter().map(|found| (found.place.as_str(), found.version.as_str())).collect();
        assert_eq!(
            found,
            [
                ("cmd/reproq/main.go", "1.0.0"),
                ("pyproject.toml", "1.0.1"),
                ("src/tool/__init__.py", "1.0.2"),
                ("uv.lock", "1.0.3"),
            ]
        );
        assert!(source_versions(&directory.path().join("nowhere")).is_err());
        let dynamic = "[project]\nname = \"tool\"\ndynamic = [\"version\"]\n";
        for (table, path, text) in [
            ("[tool.hatch.version]\npath = \"src/tool/about.py\"\n", "src/tool/about.py", "VERSION = \"1.0.4\"\n"),
            (
                "[tool.setuptools.dynamic]\nversion = { attr = \"tool.v.NUMBER\" }\n",
                "src/tool/v.py",
                "NUMBER = '1.0.4'\n",
            ),
            ("[tool.setuptools.dynamic]\nversion = { file = \"VERSION\" }\n", "VERSION", "1.0.4\n"),
        ] {
            write("pyproject.toml", &format!("{dynamic}{table}"));
            write(path, text);
            let found = source_versions(directory.path()).expect("read");
            assert!(
                found.iter().any(|found| (found.place.as_str(), found.version.as_str()) == (path, "1.0.4")),
                "{found:?}"
            );
            assert!(found.iter().all(|found| found.place != "pyproject.toml"), "{found:?}");
        }
        write("pyproject.toml", &format!("{dynamic}[tool.hatch.version]\npath = \"../../etc/passwd\"\n"));
        assert!(source_versions(directory.path()).expect("read").iter().all(|found| !found.place.contains("..")));
    }

    #[test]
    fn migrations_are_counted_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["0001_initial.py", "__init__.py", ".hidden.sql", "notes.md", "2_x.up.sql", "2_x.down.sql"] {
            std::fs::write(directory.path().join(name), "").expect("written");
        }
        assert_eq!(migrations(directory.path()).expect("read"), ["0001_initial", "2_x"]);
    }
}
