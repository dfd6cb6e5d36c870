//! The platforms of a release's programs.

/// One program of a release.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform {
    /// Its name among the assets.
    pub(crate) asset: &'static str,
    /// The Rust target triple, which archives and package managers use.
    pub(crate) triple: &'static str,
}

impl Platform {
    pub(crate) fn is_windows(&self) -> bool {
        self.triple.contains("windows")
    }
}

/// Every program, as `.github/workflows/release.yml` builds it; a test compares the two.
pub(crate) const PLATFORMS: &[Platform] = &[
    Platform { asset: "reproq-cli-linux-amd64", triple: "x86_64-unknown-linux-gnu" },
    Platform { asset: "reproq-cli-linux-arm64", triple: "aarch64-unknown-linux-gnu" },
    Platform { asset: "reproq-cli-linux-amd64-musl", triple: "x86_64-unknown-linux-musl" },
    Platform { asset: "reproq-cli-linux-arm64-musl", triple: "aarch64-unknown-linux-musl" },
    Platform { asset: "reproq-cli-darwin-amd64", triple: "x86_64-apple-darwin" },
    Platform { asset: "reproq-cli-darwin-arm64", triple: "aarch64-apple-darwin" },
    Platform { asset: "reproq-cli-windows-amd64.exe", triple: "x86_64-pc-windows-msvc" },
    Platform { asset: "reproq-cli-windows-arm64.exe", triple: "aarch64-pc-windows-msvc" },
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::PLATFORMS;

    fn workspace_file(name: &str) -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        fs::read_to_string(format!("{path}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    #[test]
    fn the_release_workflow_builds_every_platform_and_no_other() {
        let workflow = workspace_file(".github/workflows/release.yml");
        let (build, then) = workflow.split_once("\n  smoke:").expect("a job that tests the programs");
        for platform in PLATFORMS {
            let line = build.lines().find(|line| line.contains(&format!("asset: {},", platform.asset)));
            let line = line.unwrap_or_else(|| panic!("release.yml does not build {}", platform.asset));
            assert!(line.contains(&format!("target: {}", platform.triple)), "{line}");
        }
        let count = |job: &str| job.lines().filter(|line| line.contains("{ asset: reproq-cli-")).count();
        assert_eq!(count(build), PLATFORMS.len(), "release.yml builds what `dist` does not know");
        let on_linux = || PLATFORMS.iter().filter(|platform| platform.triple.contains("-linux-"));
        assert!(on_linux().all(|it| then.contains(&format!("asset: {},", it.asset))), "a program is not tested");
        assert_eq!(count(then), on_linux().count(), "release.yml tests what is not built");
    }

    #[test]
    fn the_action_builds_with_the_compiler_of_the_releases() {
        let toolchain = |path: &str| {
            let line = workspace_file(path).lines().find(|line| line.starts_with("toolchain=")).map(str::to_owned);
            line.unwrap_or_else(|| panic!("{path} pins no compiler"))
        };
        assert_eq!(toolchain("packaging/release/build.sh"), toolchain("packaging/action/get.sh"));
    }

    /// `cargo binstall` expands these templates; a wrong one is a 404 for every user of that platform.
    #[test]
    fn binstall_finds_the_program_of_every_platform() {
        let manifest = workspace_file("Cargo.toml");
        for platform in PLATFORMS {
            let section = format!("[package.metadata.binstall.overrides.{}]", platform.triple);
            let at = manifest.find(&section).unwrap_or_else(|| panic!("Cargo.toml has no {section}"));
            let url = manifest[at..].lines().nth(1).unwrap_or_default();
            assert!(url.ends_with(&format!("/v{{ version }}/{}\"", platform.asset)), "{url}");
        }
    }
}
