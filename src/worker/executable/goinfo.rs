//! The build information that Go's linker stores in a program.

use thiserror::Error;

/// Why the build information is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoGoInfo {
    /// There is none: not a Go program, or it was removed or packed.
    #[error("it has no Go build information")]
    Absent,
    /// It is in the format of linkers before Go 1.18, with pointers instead of inline strings. The worker needs Go 1.24, so no
    /// worker was ever built that way.
    #[error("it was built with Go older than 1.18")]
    OlderThanGo118,
    /// It exists but is inconsistent.
    #[error("its Go build information is damaged: {0}")]
    Malformed(&'static str),
}

/// How a Go program was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoBuildInfo {
    /// The toolchain, such as `go1.24.11`.
    pub go_version: String,
    /// The import path of the main package; `command-line-arguments` if it was built from single files.
    pub package_path: Option<String>,
    /// The module of the main package.
    pub module_path: Option<String>,
    /// Its version: a tag, a pseudo-version, or `(devel)`.
    pub module_version: Option<String>,
    /// The build settings.
    pub settings: GoSettings,
}

/// The build settings that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoSettings {
    /// `GOOS`.
    pub goos: Option<String>,
    /// `GOARCH`.
    pub goarch: Option<String>,
    /// Whether C code could be linked in.
    pub cgo_enabled: Option<bool>,
    /// The build tags.
    pub tags: Vec<String>,
    /// Whether local paths were removed.
    pub trimpath: bool,
    /// The commit of the source.
    pub vcs_revision: Option<String>,
    /// Whether the source was modified.
    pub vcs_modified: Option<bool>,
    /// The commit's time as written by Go (RFC 3339).
    pub vcs_time: Option<String>,
}

/// The length of each of the two marks around the module information.
const MARK: usize = 16;

impl GoBuildInfo {
    /// Parses the toolchain version and the framed module information. If the latter is missing (a build without modules),
    /// its fields are empty.
    pub(super) fn parse(go_version: &[u8], framed: &[u8]) -> Result<Self, NoGoInfo> {
        let go_version = text(go_version)?;
        if go_version.is_empty() || go_version.len() > 200 || go_version.contains(char::is_control) {
            return Err(NoGoInfo::Malformed("it contains no Go version"));
        }
        let mut info = Self { go_version: go_version.to_owned(), ..Self::default() };
        if !framed.is_empty() {
            text(unframed(framed)?)?.lines().for_each(|line| info.take(line));
        }
        Ok(info)
    }

    /// Parses one line. Dependencies and unknown lines are ignored.
    fn take(&mut self, line: &str) {
        let mut words = line.split('\t');
        match (words.next(), words.next()) {
            (Some("path"), Some(path)) => self.package_path = Some(path.to_owned()),
            (Some("mod"), Some(path)) => {
                self.module_path = Some(path.to_owned());
                self.module_version = words.next().filter(|version| !version.is_empty()).map(str::to_owned);
            }
            (Some("build"), Some(setting)) => {
                if let Some((key, value)) = setting.split_once('=') {
                    self.settings.take(key, unquoted(value));
                }
            }
            (Some(_) | None, _) => {}
        }
    }
}

impl GoSettings {
    fn take(&mut self, key: &str, value: &str) {
        match key {
            "GOOS" => self.goos = Some(value.to_owned()),
            "GOARCH" => self.goarch = Some(value.to_owned()),
            "CGO_ENABLED" => self.cgo_enabled = Some(value == "1"),
            "-tags" => self.tags = value.split([',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            "-trimpath" => self.trimpath = value == "true",
            "vcs.revision" => self.vcs_revision = Some(value.to_owned()),
            "vcs.modified" => self.vcs_modified = Some(value == "true"),
            "vcs.time" => self.vcs_time = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Removes the marks. The information ends with a line feed, which is how Go itself recognizes the frame.
fn unframed(framed: &[u8]) -> Result<&[u8], NoGoInfo> {
    let description = framed.get(MARK..framed.len().saturating_sub(MARK));
    description.filter(|text| text.last() == Some(&b'\n')).ok_or(NoGoInfo::Malformed("the marks around it are missing"))
}

/// The block consists of lines of text; one with other control characters was not written by Go and is never shown.
fn text(bytes: &[u8]) -> Result<&str, NoGoInfo> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoGoInfo::Malformed("it is not UTF-8"))?;
    // Also excludes bidirectional control characters.
    let foreign = |c: char| !matches!(c, '\t' | '\n' | '"' | '\'' | '\\') && c.escape_debug().len() > 1;
    if text.contains(foreign) { Err(NoGoInfo::Malformed("it contains control characters")) } else { Ok(text) }
}

/// Go quotes values that contain spaces. None of the settings used here contains an escape, so removing the quotes suffices.
fn unquoted(value: &str) -> &str {
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('`')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::worker::executable::samples::framed;

    const DESCRIPTION: &str = "path\treproq-worker/cmd/reproq\nmod\treproq-worker\tv0.0.144\th1:abc=\n\
        dep\tgithub.com/jackc/pgx/v5\tv5.8.0\th1:x=\n=>\t../pgx\t(devel)\t\n\
        build\t-buildmode=exe\nbuild\t-tags=\"prod netgo\"\nbuild\t-trimpath=true\nbuild\tCGO_ENABLED=0\n\
        build\tGOARCH=arm64\nbuild\tGOOS=linux\nbuild\tvcs=git\nbuild\tvcs.revision=544aae0\n\
        build\tvcs.time=2026-01-02T03:04:05Z\nbuild\tvcs.modified=true\n";

    #[test]
    fn a_description_is_read_in_full() {
        let info = GoBuildInfo::parse(b"go1.24.11", &framed(DESCRIPTION)).expect("well formed");
        let expected = GoBuildInfo {
            go_version: "go1.24.11".to_owned(),
            package_path: Some("reproq-worker/cmd/reproq".to_owned()),
            module_path: Some("reproq-worker".to_owned()),
            module_version: Some("v0.0.144".to_owned()),
            settings: GoSettings {
                goos: Some("linux".to_owned()),
                goarch: Some("arm64".to_owned()),
                cgo_enabled: Some(false),
                tags: vec!["prod".to_owned(), "netgo".to_owned()],
                trimpath: true,
                vcs_revision: Some("544aae0".to_owned()),
                vcs_modified: Some(true),
                vcs_time: Some("2026-01-02T03:04:05Z".to_owned()),
            },
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn a_build_without_modules_has_only_a_version() {
        let info = GoBuildInfo::parse(b"devel go1.25-abc", b"").expect("well formed");
        assert_eq!(info, GoBuildInfo { go_version: "devel go1.25-abc".to_owned(), ..GoBuildInfo::default() });
    }

    #[test]
    fn a_block_not_written_by_go_is_malformed() {
        let escape = framed("path\tevil\u{1b}[2J\n");
        let reorder = framed("mod\t\u{202e}evil\n");
        let no_line_feed = framed("path\tx");
        let overwrite = framed("mod\tanother\rreproq-worker\tv1.0.0\n");
        let cases: [(&[u8], &[u8]); 9] = [
            (b"", b""),
            (b"go1.24", &overwrite),
            (b"go1.24\nrm", b""),
            (b"go1.24", b"path\tno marks\n"),
            (b"go1.24", &no_line_feed),
            (b"go1.24", &escape),
            (b"go1.24", &reorder),
            (b"go\xff", b""),
            (b"go\x1b[2J", b""),
        ];
        for (version, module) in cases {
            assert!(
                matches!(GoBuildInfo::parse(version, module), Err(NoGoInfo::Malformed(_))),
                "{version:?} {module:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(version: Vec<u8>, module: Vec<u8>, description in "(path|mod|build|dep)?\t?\\PC*\n?") {
            let _ = GoBuildInfo::parse(&version, &module);
            let _ = GoBuildInfo::parse(b"go1.24", &framed(&description));
        }
    }
}
