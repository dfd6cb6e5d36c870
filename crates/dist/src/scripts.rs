//! The installers, the Homebrew formula and the container recipe: templates of `packaging/`, filled with a release's digests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::bail;

use crate::platforms::PLATFORMS;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const TEMPLATES: &[(&str, &str)] = &[
    ("install.sh", include_str!("../../../packaging/install.sh")),
    ("install.ps1", include_str!("../../../packaging/install.ps1")),
    ("reproq.rb", include_str!("../../../packaging/homebrew/reproq.rb")),
    ("Dockerfile", include_str!("../../../packaging/container/Dockerfile")),
];

/// Fills every template with the digests of the directory's SHA256SUMS.
pub(crate) fn write(directory: &Path) -> anyhow::Result<()> {
    let sums = directory.join("SHA256SUMS");
    let text = fs::read_to_string(&sums).with_context(|| format!("cannot read {}", sums.display()))?;
    let digests = parse(&text)?;
    for (name, template) in TEMPLATES {
        let path = directory.join(name);
        let filled = fill(template, &digests).with_context(|| format!("cannot make {name}"))?;
        fs::write(&path, filled).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let path = directory.join("digests.txt");
    fs::write(&path, action_table(&digests)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The content of `packaging/action/digests.txt` after this release: its version, and the digest of every program.
pub(crate) fn action_table(digests: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut table = format!("version {VERSION}\n");
    for platform in PLATFORMS {
        let digest = digests.get(platform.asset).with_context(|| format!("SHA256SUMS has no {}", platform.asset))?;
        table.push_str(&format!("{digest}  {}\n", platform.asset));
    }
    Ok(table)
}

/// The digest of each name.
pub(crate) fn parse(sums: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").with_context(|| format!("SHA256SUMS has the line `{line}`"))?;
        digests.insert(name.to_owned(), digest.to_owned());
    }
    Ok(digests)
}

/// Replaces every placeholder; a missing digest or a remaining placeholder is an error.
pub(crate) fn fill(template: &str, digests: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let digest = |name: &str| digests.get(name).with_context(|| format!("SHA256SUMS has no {name}"));
    let mut table = Vec::new();
    for platform in PLATFORMS {
        table.push(format!("{}  {}", digest(platform.asset)?, platform.asset));
    }
    let mut text = template
        .replace("@VERSION@", VERSION)
        .replace("@URL@", &format!("https://github.com/adpena/reproq/releases/download/v{VERSION}"))
        .replace("@DIGESTS@", &table.join("\n"));
    for platform in PLATFORMS {
        let placeholder = format!("@SHA256:{}@", platform.triple);
        if text.contains(&placeholder) {
            text = text.replace(&placeholder, digest(&format!("reproq-{VERSION}-{}.tar.gz", platform.triple))?);
        }
    }
    match text.lines().find(|line| line.contains("@SHA256") || line.contains("@VERSION") || line.contains("@DIGESTS")) {
        Some(line) => bail!("the line `{}` has a placeholder that is not filled", line.trim()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::TEMPLATES;
    use super::VERSION;
    use super::action_table;
    use super::fill;
    use crate::platforms::PLATFORMS;

    fn digests() -> BTreeMap<String, String> {
        let assets = PLATFORMS.iter().map(|platform| platform.asset.to_owned());
        let archives = PLATFORMS.iter().map(|platform| format!("reproq-{VERSION}-{}.tar.gz", platform.triple));
        assets.chain(archives).enumerate().map(|(index, name)| (name, format!("{index:064x}"))).collect()
    }

    #[test]
    fn every_placeholder_is_filled() {
        for (name, template) in TEMPLATES {
            let filled = fill(template, &digests()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert!(filled.contains(VERSION), "{name} names the version");
        }
    }

    #[test]
    fn a_platform_without_a_digest_is_an_error() {
        for missing in
            ["reproq-cli-linux-amd64-musl".to_owned(), format!("reproq-{VERSION}-aarch64-apple-darwin.tar.gz")]
        {
            let mut digests = digests();
            digests.remove(&missing);
            let failures = TEMPLATES.iter().filter(|(_, template)| fill(template, &digests).is_err()).count();
            assert!(failures > 0, "{missing} may be missing");
        }
    }

    #[test]
    fn the_table_of_the_action_has_the_version_and_every_program() {
        let table = action_table(&digests()).expect("a table");
        assert!(table.starts_with(&format!("version {VERSION}\n")));
        assert_eq!(table.lines().count(), PLATFORMS.len() + 1);
    }

    #[test]
    fn an_unfilled_placeholder_is_an_error() {
        assert!(fill("x @SHA256:riscv64gc-unknown-linux-gnu@", &digests()).is_err());
    }
}
