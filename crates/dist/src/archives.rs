//! One archive for each program: the program under its plain name, man pages, completions and licenses.

use std::fs;
use std::io::Cursor;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::GzBuilder;
use zip::write::SimpleFileOptions;

use crate::platforms::PLATFORMS;
use crate::platforms::Platform;
use crate::share;

/// Files of the repository that every archive contains.
const BESIDE: &[&str] = &["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

struct Entry {
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

/// Packs every program in the directory; a missing one is an error, so that no release lacks a platform.
pub(crate) fn write(directory: &Path, epoch: u64) -> anyhow::Result<()> {
    for platform in PLATFORMS {
        let program = directory.join(platform.asset);
        let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
        let (name, archive) = pack(*platform, bytes, epoch)?;
        let path = directory.join(name);
        fs::write(&path, archive).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The archive's name and bytes: a zip file for Windows, a gzip-compressed tar file for every other platform.
pub(crate) fn pack(platform: Platform, program: Vec<u8>, epoch: u64) -> anyhow::Result<(String, Vec<u8>)> {
    let stem = format!("reproq-{}-{}", env!("CARGO_PKG_VERSION"), platform.triple);
    let entries = entries(platform, &stem, program, epoch)?;
    if platform.is_windows() {
        Ok((format!("{stem}.zip"), zip(&entries)?))
    } else {
        Ok((format!("{stem}.tar.gz"), tar_gz(&entries, epoch)?))
    }
}

fn entries(platform: Platform, stem: &str, program: Vec<u8>, epoch: u64) -> anyhow::Result<Vec<Entry>> {
    let name = if platform.is_windows() { "reproq.exe" } else { "reproq" };
    let mut entries = vec![Entry { path: format!("{stem}/{name}"), mode: 0o755, bytes: program }];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in BESIDE {
        let bytes = fs::read(root.join(name)).with_context(|| format!("cannot read {name}"))?;
        entries.push(Entry { path: format!("{stem}/{name}"), mode: 0o644, bytes });
    }
    for (name, bytes) in share::files(epoch)? {
        entries.push(Entry { path: format!("{stem}/share/{name}"), mode: 0o644, bytes });
    }
    Ok(entries)
}

fn tar_gz(entries: &[Entry], epoch: u64) -> anyhow::Result<Vec<u8>> {
    // No name and no time in the gzip header.
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(entry.mode);
        header.set_mtime(epoch);
        header.set_size(u64::try_from(entry.bytes.len())?);
        tar.append_data(&mut header, &entry.path, entry.bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

fn zip(entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        // The format's earliest time: zip stores local times without a zone.
        let options =
            SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).unix_permissions(entry.mode);
        zip.start_file(entry.path.as_str(), options)?;
        zip.write_all(&entry.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::pack;
    use crate::platforms::PLATFORMS;

    #[test]
    fn an_archive_holds_the_program_its_pages_scripts_and_licences() {
        let (name, archive) = pack(PLATFORMS[2], b"program".to_vec(), 1_796_000_000).expect("packed");
        assert_eq!(name, format!("reproq-{}-x86_64-unknown-linux-musl.tar.gz", env!("CARGO_PKG_VERSION")));
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
        let mut names = Vec::new();
        for entry in tar.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            assert_eq!(entry.header().mtime().expect("a time"), 1_796_000_000);
            if path.ends_with("/reproq") && !path.contains("/share/") {
                assert_eq!(entry.header().mode().expect("a mode"), 0o755);
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).expect("read");
                assert_eq!(bytes, b"program");
            }
            names.push(path.split_once('/').expect("one directory").1.to_owned());
        }
        for name in ["reproq", "LICENSE-MIT", "share/man/man1/reproq-install.1", "share/zsh/site-functions/_reproq"] {
            assert!(names.iter().any(|it| it == name), "{name} is missing from {names:?}");
        }
    }

    #[test]
    fn the_same_program_gives_the_same_archive() {
        for platform in [PLATFORMS[0], PLATFORMS[6]] {
            let first = pack(platform, b"program".to_vec(), 7).expect("packed");
            assert_eq!(first, pack(platform, b"program".to_vec(), 7).expect("packed"));
        }
    }

    #[test]
    fn windows_gets_a_zip_file() {
        let (name, archive) = pack(PLATFORMS[6], b"program".to_vec(), 0).expect("packed");
        assert!(name.ends_with("-x86_64-pc-windows-msvc.zip"));
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("a zip file");
        let program = name.replace(".zip", "/reproq.exe");
        assert_eq!(zip.by_name(&program).expect("the program").size(), 7);
    }
}
