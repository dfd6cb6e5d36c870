//! `cargo xtask site`: builds the documentation site from `docs` with mdBook, and checks its links with lychee.
//!
//! The pages are written for GitHub, where links are relative to the file. A copy with adapted links is built: a link to a file
//! that is no page of the site leads to GitHub.

use std::collections::BTreeMap;
use std::fs;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use xtask::python;
use xtask::root;
use xtask::target_directory;

/// Where files of the repository are that are no pages of the site.
const REPOSITORY: &str = "https://github.com/adpena/reproq/blob/main";

/// Pictures, which the site contains.
const IMAGES: &str = "docs/images";

/// The table of contents; it lists every page.
const SUMMARY: &str = "docs/SUMMARY.md";

/// The pages: path in the repository → path in the site.
type Pages = BTreeMap<PathBuf, PathBuf>;

/// Builds the site in the target directory and checks it; with `--external` also the links to other hosts.
pub fn site(arguments: &[&str]) -> Result<()> {
    let directory = target_directory().join("site");
    let pages = pages()?;
    stage(&pages, &directory)?;
    let Some(tools) = python::tools("site")? else {
        println!("site: without Python 3.11, mdBook and the link checker do not run");
        return Ok(());
    };
    python::run(Command::new(tools.program("mdbook")).arg("build").arg(&directory))?;
    let book = directory.join("book");
    let lychee = || {
        let mut lychee = Command::new(tools.program("lychee"));
        lychee.args(["--no-progress", "--include-fragments=anchor-only"]).current_dir(root());
        if !arguments.contains(&"--external") {
            lychee.arg("--offline");
        }
        lychee
    };
    // The page for missing files assumes the root of a host.
    python::run(lychee().args(["--exclude-path", "404\\.html$"]).arg(&book))?;
    // The same pages as GitHub shows them.
    python::run(lychee().args(pages.keys().filter(|page| !page.ends_with("CHANGELOG.md"))))?;
    println!("site: {}", book.join("index.html").display());
    Ok(())
}

/// The pages that the table of contents lists; an error if it lacks a page below `docs`.
fn pages() -> Result<Pages> {
    let summary = read(Path::new(SUMMARY))?;
    let mut pages = Pages::from([(SUMMARY.into(), "SUMMARY.md".into())]);
    for target in targets(&summary) {
        let page = joined(Path::new("docs"), target).with_context(|| format!("{SUMMARY} has a link to `{target}`"))?;
        // A site opens with its index.
        let in_site = if page == Path::new("README.md") { Path::new("index.md") } else { &*page };
        let in_site = in_site.strip_prefix("docs").unwrap_or(in_site).to_owned();
        pages.insert(page, in_site);
    }
    for directory in ["docs", "docs/reference"] {
        for entry in fs::read_dir(root().join(directory))? {
            let page = Path::new(directory).join(entry?.file_name());
            let is_listed = page.extension().is_none_or(|extension| extension != "md") || pages.contains_key(&page);
            ensure!(is_listed, "{SUMMARY} does not list {}", page.display());
        }
    }
    Ok(pages)
}

/// Writes what mdBook reads.
fn stage(pages: &Pages, directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    let source = directory.join("src");
    for (page, in_site) in pages {
        let text = adapted(&read(page)?, page, pages).with_context(|| page.display().to_string())?;
        write(&source.join(in_site), &text)?;
    }
    for image in fs::read_dir(root().join(IMAGES))? {
        let image = Path::new(IMAGES).join(image?.file_name());
        write(&source.join(image.strip_prefix("docs")?), &read(&image)?)?;
    }
    write(&source.join("llms.txt"), &read(Path::new("docs/llms.txt"))?)?;
    write(&directory.join("book.toml"), &read(Path::new("docs/book.toml"))?)
}

fn read(page: &Path) -> Result<String> {
    fs::read_to_string(root().join(page)).with_context(|| format!("cannot read {}", page.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().context("a file is in a directory")?;
    fs::create_dir_all(directory)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The page with links that are right in the site. Code blocks stay as they are.
fn adapted(text: &str, page: &Path, pages: &Pages) -> Result<String> {
    let mut adapted = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            adapted.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, following)) = after.split_once(')') else { break };
            adapted.push_str(before);
            adapted.push_str("](");
            adapted.push_str(&link(target, page, pages)?);
            adapted.push(')');
            rest = following;
        }
        adapted.push_str(rest);
    }
    Ok(adapted)
}

/// The target of a link as it is in the site.
fn link(target: &str, page: &Path, pages: &Pages) -> Result<String> {
    if target.contains("://") || target.starts_with('#') || target.starts_with("mailto:") {
        return Ok(target.to_owned());
    }
    let (file, fragment) = target.split_once('#').map_or((target, None), |(file, fragment)| (file, Some(fragment)));
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    let file = joined(page.parent().unwrap_or(Path::new("")), file)?;
    let in_site = pages.get(&file).map(PathBuf::as_path);
    let in_site = in_site.or_else(|| file.starts_with(IMAGES).then(|| file.strip_prefix("docs").ok()).flatten());
    let Some(in_site) = in_site else {
        ensure!(root().join(&file).exists(), "the link to `{target}` leads nowhere");
        return Ok(format!("{REPOSITORY}/{}{fragment}", slashes(&file)));
    };
    let up = pages[page].components().count() - 1;
    Ok(format!("{}{}{fragment}", "../".repeat(up), slashes(in_site)))
}

/// A relative path, from a directory of the repository.
fn joined(directory: &Path, path: &str) -> Result<PathBuf> {
    let mut joined = directory.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::ParentDir if joined.pop() => {}
            Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) | Component::RootDir => bail!("`{path}` leaves the repository"),
        }
    }
    Ok(joined)
}

fn slashes(path: &Path) -> String {
    path.components().map(|component| component.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The targets of all links of a page.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Pages {
        [("README.md", "index.md"), ("docs/install.md", "install.md"), ("docs/reference/json.md", "reference/json.md")]
            .map(|(page, in_site)| (page.into(), in_site.into()))
            .into()
    }

    fn link_from(page: &str, target: &str) -> String {
        link(target, Path::new(page), &example()).expect("a link")
    }

    #[test]
    fn links_between_pages_follow_the_layout_of_the_site() {
        assert_eq!(link_from("README.md", "docs/install.md#x"), "install.md#x");
        assert_eq!(link_from("docs/install.md", "../README.md"), "index.md");
        assert_eq!(link_from("docs/reference/json.md", "../install.md"), "../install.md");
        assert_eq!(link_from("docs/install.md", "#x"), "#x");
        assert_eq!(link_from("README.md", "docs/images/install.svg"), "images/install.svg");
        assert_eq!(link_from("docs/reference/json.md", "../images/install.svg"), "../images/install.svg");
    }

    #[test]
    fn other_files_of_the_repository_are_on_github() {
        assert_eq!(link_from("docs/install.md", "../CONTRIBUTING.md"), format!("{REPOSITORY}/CONTRIBUTING.md"));
        assert!(link("no-such-page.md", Path::new("README.md"), &example()).is_err());
        assert!(link("../../etc/passwd", Path::new("docs/install.md"), &example()).is_err());
    }

    #[test]
    fn code_is_not_changed() {
        let text = "[a](install.md)\n```\n[a](nothing.md)\n```\n";
        assert_eq!(adapted(text, Path::new("docs/install.md"), &example()).expect("adapted"), text);
    }
}
