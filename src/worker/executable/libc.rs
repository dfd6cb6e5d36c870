//! Detects the installed C library by reading files; does not run `ldd`.
#![expect(clippy::disallowed_methods, reason = "the C library's files are looked for and read here")]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use object::ReadCache;

use crate::model::Arch;
use crate::model::Os;
use crate::model::Target;
use crate::worker::executable::elf::defined_glibc;
use crate::worker::executable::inspection::GlibcVersion;
use crate::worker::executable::window::FileWindow;
use crate::worker::executable::window::Meter;

/// The GNU C library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glibc {
    /// The newest symbol version it defines; absent if it could not be read, as with a replacement such as gcompat.
    pub version: Option<GlibcVersion>,
    /// Its loader, as programs name it.
    pub loader: &'static str,
}

/// The musl C library, as on Alpine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Musl {
    /// Its version, if its file contains it.
    pub version: Option<String>,
    /// Its loader, as programs name it.
    pub loader: &'static str,
}

/// The installed C libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Libc {
    /// glibc alone.
    Glibc(Glibc),
    /// musl alone.
    Musl(Musl),
    /// Both: musl on a glibc system, or a glibc replacement on a musl system.
    Both(Glibc, Musl),
    /// None in the usual directories: a minimal container, or a system that keeps its libraries elsewhere.
    Neither,
    /// Not Linux; the C library does not vary there.
    NotLinux,
}

impl Libc {
    /// The installed glibc, if any.
    pub const fn glibc(&self) -> Option<&Glibc> {
        match self {
            Self::Glibc(glibc) | Self::Both(glibc, _) => Some(glibc),
            Self::Musl(_) | Self::Neither | Self::NotLinux => None,
        }
    }

    /// The installed musl, if any.
    pub const fn musl(&self) -> Option<&Musl> {
        match self {
            Self::Musl(musl) | Self::Both(_, musl) => Some(musl),
            Self::Glibc(_) | Self::Neither | Self::NotLinux => None,
        }
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glibc(glibc) => glibc.fmt(f),
            Self::Musl(musl) => musl.fmt(f),
            Self::Both(glibc, musl) => write!(f, "{glibc} and {musl}"),
            Self::Neither => f.write_str("no C library in the usual directories"),
            Self::NotLinux => f.write_str("not Linux"),
        }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "glibc {version}"),
            None => f.write_str("glibc of an unknown version"),
        }
    }
}

impl fmt::Display for Musl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "musl {version}"),
            None => f.write_str("musl of an unknown version"),
        }
    }
}

/// Finds the C libraries below `root`, which is `/` except in tests, for programs of the current target.
pub(crate) fn detect_libc(root: &Path, machine: Target) -> Libc {
    match machine.os {
        Os::Linux => {}
        Os::Darwin | Os::Windows => return Libc::NotLinux,
    }
    match (detect_glibc(root, machine.arch), detect_musl(root, machine.arch)) {
        (Some(glibc), Some(musl)) => Libc::Both(glibc, musl),
        (Some(glibc), None) => Libc::Glibc(glibc),
        (None, Some(musl)) => Libc::Musl(musl),
        (None, None) => Libc::Neither,
    }
}

/// Whether the loader required by a program exists below `root`.
pub(crate) fn existing_loader(root: &Path, interpreter: &str) -> bool {
    below(root, interpreter).is_file()
}

fn below(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

/// The loader's name is part of the processor's ABI; directories vary by distribution.
const fn glibc_places(arch: Arch) -> (&'static str, [&'static str; 6]) {
    match arch {
        Arch::Amd64 => (
            "/lib64/ld-linux-x86-64.so.2",
            ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
        ),
        Arch::Arm64 => (
            "/lib/ld-linux-aarch64.so.1",
            ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"],
        ),
    }
}

fn detect_glibc(root: &Path, arch: Arch) -> Option<Glibc> {
    let (loader, directories) = glibc_places(arch);
    let real_loader = fs::canonicalize(below(root, loader)).ok()?;
    // A loader uses the library next to it; the usual directories are for loaders installed alone.
    let beside = real_loader.parent().map(Path::to_owned);
    let directories = beside.into_iter().chain(directories.iter().map(|directory| below(root, directory)));
    let version = directories.map(|directory| directory.join("libc.so.6")).find_map(|library| glibc_version(&library));
    Some(Glibc { version, loader })
}

fn glibc_version(library: &Path) -> Option<GlibcVersion> {
    let (cache, meter) = (ReadCache::new(open_file(library)?), Meter::default());
    defined_glibc(FileWindow::whole(&cache, &meter).ok()?)
}

fn detect_musl(root: &Path, arch: Arch) -> Option<Musl> {
    let loader = match arch {
        Arch::Amd64 => "/lib/ld-musl-x86_64.so.1",
        Arch::Arm64 => "/lib/ld-musl-aarch64.so.1",
    };
    let file = open_file(&below(root, loader))?;
    // musl is one file of about 600 KiB: loader and library.
    let mut bytes = Vec::new();
    let version = file.take(2 << 20).read_to_end(&mut bytes).ok().and_then(|_| musl_version(&bytes));
    Some(Musl { version, loader })
}

/// musl stores its version as a separate string without a symbol. It is recognized by its form; if several different strings
/// match, the version is unknown.
fn musl_version(bytes: &[u8]) -> Option<String> {
    let is_number = |number: &[u8]| (1..=3).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    let has_shape = |text: &&[u8]| {
        let mut numbers = text.splitn(4, |byte| *byte == b'.');
        text.starts_with(b"1.") && numbers.all(is_number) && text.iter().filter(|byte| **byte == b'.').count() == 2
    };
    let mut versions = bytes.split(|byte| *byte == 0).filter(has_shape).collect::<BTreeSet<_>>();
    let version = versions.pop_first()?;
    if versions.is_empty() { Some(String::from_utf8_lossy(version).into_owned()) } else { None }
}

/// Opens a regular file; anything that could block is refused.
fn open_file(path: &Path) -> Option<File> {
    if fs::metadata(path).ok()?.is_file() { File::open(path).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::executable::samples::ElfSample;

    const AMD64: &str = "linux-amd64";

    fn detect(root: &Path, machine: &str) -> Libc {
        detect_libc(root, machine.parse().expect("a target"))
    }

    /// A root with these files, by their absolute names.
    fn root(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (name, bytes) in files {
            let path = below(root.path(), name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, bytes).expect("written");
        }
        root
    }

    fn libc_so(versions: &[&'static str]) -> Vec<u8> {
        ElfSample { soname: Some("libc.so.6"), versions_defined: versions.to_vec(), ..ElfSample::default() }.build()
    }

    #[test]
    fn glibc_is_read_from_the_usual_directories() {
        let library = libc_so(&["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.31", "GLIBC_2.4", "GLIBC_PRIVATE"]);
        for (machine, loader, library_path) in [
            (AMD64, "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"),
            (AMD64, "/lib64/ld-linux-x86-64.so.2", "/lib64/libc.so.6"),
            (AMD64, "/lib64/ld-linux-x86-64.so.2", "/usr/lib/libc.so.6"),
            ("linux-arm64", "/lib/ld-linux-aarch64.so.1", "/usr/lib/aarch64-linux-gnu/libc.so.6"),
            ("linux-arm64", "/lib/ld-linux-aarch64.so.1", "/lib64/libc.so.6"),
        ] {
            let root = root(&[(loader, b"loader"), (library_path, &library)]);
            let version = Some(GlibcVersion { major: 2, minor: 31 });
            assert_eq!(detect(root.path(), machine), Libc::Glibc(Glibc { version, loader }), "{library_path}");
            assert!(existing_loader(root.path(), loader));
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_library_next_to_the_real_loader_comes_first() {
        let root = root(&[
            ("/opt/glibc/ld-2.39.so", b"loader"),
            ("/opt/glibc/libc.so.6", &libc_so(&["GLIBC_2.39"])),
            ("/lib/x86_64-linux-gnu/libc.so.6", &libc_so(&["GLIBC_2.28"])),
            ("/lib64/keep", b""),
        ]);
        let loader = below(root.path(), "/lib64/ld-linux-x86-64.so.2");
        std::os::unix::fs::symlink("../opt/glibc/ld-2.39.so", loader).expect("linked");
        assert_eq!(detect(root.path(), AMD64).to_string(), "glibc 2.39");
    }

    #[test]
    fn musls_version_is_known_if_only_one_string_matches() {
        let loader = "/lib/ld-musl-x86_64.so.1";
        for (bytes, words) in [
            (&b"\0musl libc (%s)\0Version %s\0\x001.2.4\0rest"[..], "musl 1.2.4"),
            (b"\x001.2.4\0\x001.2.4\0", "musl 1.2.4"),
            (b"\x001.2.4\0\x001.0.0\0", "musl of an unknown version"),
            (b"\x001.2\0\x001.2.3.4\x001.2.x\0", "musl of an unknown version"),
            (b"", "musl of an unknown version"),
        ] {
            let root = root(&[(loader, bytes)]);
            assert_eq!(detect(root.path(), AMD64).to_string(), words);
            assert!(!existing_loader(root.path(), "/lib64/ld-linux-x86-64.so.2"));
        }
    }

    #[test]
    fn a_glibc_replacement_is_reported_with_musl() {
        let root = root(&[("/lib64/ld-linux-x86-64.so.2", b"stub"), ("/lib/ld-musl-x86_64.so.1", b"\x001.2.5\0")]);
        let found = detect(root.path(), AMD64);
        assert_eq!(found.to_string(), "glibc of an unknown version and musl 1.2.5");
        assert!(found.glibc().is_some_and(|glibc| glibc.version.is_none()));
        assert!(found.musl().is_some());
    }

    #[test]
    fn another_processors_libraries_do_not_count() {
        let root = root(&[("/lib/ld-linux-aarch64.so.1", b"loader")]);
        assert_eq!(detect(root.path(), AMD64), Libc::Neither);
        assert_eq!(detect(root.path(), "darwin-arm64"), Libc::NotLinux);
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn this_machine_runs_this_test_so_its_glibc_is_found() {
        let machine = Target::from_names(std::env::consts::OS, std::env::consts::ARCH).expect("a target");
        let found = detect_libc(Path::new("/"), machine);
        let version = found.glibc().and_then(|glibc| glibc.version).expect("a version");
        assert!(version > GlibcVersion { major: 2, minor: 16 }, "{found}");
    }
}
