//! The platforms of releases: the one table between Rust's names, Go's names and user input.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

/// An operating system the worker is released for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Os {
    /// Linux, with any libc.
    Linux,
    /// macOS, which Go calls `darwin`.
    Darwin,
    Windows,
}

impl Os {
    /// Every operating system, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Linux, Self::Darwin, Self::Windows];

    /// Go's name (`GOOS`), which asset names use.
    pub const fn go_name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Darwin => "darwin",
            Self::Windows => "windows",
        }
    }

    /// `.exe` on Windows, nothing elsewhere.
    pub const fn exe_suffix(self) -> &'static str {
        match self {
            Self::Windows => ".exe",
            Self::Linux | Self::Darwin => "",
        }
    }
}

/// A processor architecture the worker is released for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86: Rust's `x86_64`, Go's `amd64`.
    Amd64,
    /// 64-bit ARM: Rust's `aarch64`, Go's `arm64`.
    Arm64,
}

impl Arch {
    /// Every architecture, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// Go's name (`GOARCH`), which asset names use.
    pub const fn go_name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Why a platform is not supported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No worker is released for the operating system.
    #[error("no worker is released for the operating system `{0}`; supported are linux, darwin and windows")]
    Os(String),
    /// No worker is released for the architecture.
    #[error("no worker is released for the architecture `{0}`; supported are amd64 and arm64")]
    Arch(String),
    /// The text is not `OS-ARCH`.
    #[error("`{0}` is not a target; write it as OS-ARCH, for example linux-amd64")]
    Shape(String),
}

/// An operating system and an architecture, written `linux-amd64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// The operating system.
    pub os: Os,
    /// The architecture.
    pub arch: Arch,
}

impl Target {
    /// Every combination, released or not.
    pub fn all() -> impl Iterator<Item = Self> {
        Os::ALL.into_iter().flat_map(|os| Arch::ALL.into_iter().map(move |arch| Self { os, arch }))
    }

    /// The target for names in the spelling of Rust (`macos`, `aarch64`), Go, `uname` or Python's `platform`.
    pub fn from_names(os: &str, arch: &str) -> Result<Self, TargetError> {
        let os = match os.to_ascii_lowercase().as_str() {
            "linux" => Os::Linux,
            "darwin" | "macos" => Os::Darwin,
            "windows" | "win32" => Os::Windows,
            _ => return Err(TargetError::Os(os.to_owned())),
        };
        let arch = match arch.to_ascii_lowercase().as_str() {
            "amd64" | "x86_64" | "x64" => Arch::Amd64,
            "arm64" | "aarch64" => Arch::Arm64,
            _ => return Err(TargetError::Arch(arch.to_owned())),
        };
        Ok(Self { os, arch })
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (os, arch) = text
            .split_once(['-', '/'])
            .filter(|(os, arch)| !os.is_empty() && !arch.is_empty())
            .ok_or_else(|| TargetError::Shape(text.to_owned()))?;
        Self::from_names(os, arch)
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os.go_name(), self.arch.go_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_gives_the_same_target() {
        let cases = [
            ("linux", "x86_64", "linux-amd64"),
            ("Linux", "aarch64", "linux-arm64"),
            ("macos", "aarch64", "darwin-arm64"),
            ("Darwin", "x86_64", "darwin-amd64"),
            ("Windows", "AMD64", "windows-amd64"),
            ("win32", "ARM64", "windows-arm64"),
        ];
        for (os, arch, expected) in cases {
            assert_eq!(Target::from_names(os, arch).map(|target| target.to_string()), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn unsupported_platforms_are_named() {
        assert_eq!("freebsd-amd64".parse::<Target>(), Err(TargetError::Os("freebsd".to_owned())));
        assert_eq!("linux-riscv64".parse::<Target>(), Err(TargetError::Arch("riscv64".to_owned())));
        assert_eq!("linux".parse::<Target>(), Err(TargetError::Shape("linux".to_owned())));
        assert_eq!("-amd64".parse::<Target>(), Err(TargetError::Shape("-amd64".to_owned())));
    }

    #[test]
    fn text_round_trips() {
        for target in Target::all() {
            assert_eq!(target.to_string().parse(), Ok(target));
            let json = serde_json::to_string(&target).expect("a text");
            assert_eq!(serde_json::from_str::<Target>(&json).expect("read"), target);
        }
    }
}
