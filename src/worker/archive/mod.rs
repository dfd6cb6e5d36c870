//! Extracts the one executable from a verified archive, and refuses the whole archive if any entry is hostile.
//! [`read_tar`] reads a plain tar archive just as strictly, for callers that know its expected contents.
//!
//! Only the executable is ever written, so a hostile entry could do no harm; but no legitimate release contains one, so the
//! archive is refused and the entry reported. `limits` checks names, kinds and sizes for both formats; `tar_gz` and `zip`
//! read their format to the last byte: an archive is accepted only if every byte is accounted for and every checksum
//! matches.
#![expect(clippy::disallowed_methods, reason = "archives are opened here")]

mod error;
mod limits;
mod output;
mod stream;
mod tar_file;
mod tar_gz;
mod tar_stream;
mod zip;
mod zip_directory;

use std::fs::File;
use std::path::Path;

use crate::io::fs::hashing_writer::Written;
use crate::model::AssetForm;
use crate::model::progress::Progress;

pub use error::ArchiveError;
pub(crate) use limits::EntryName;
pub use limits::Limits;
pub(crate) use limits::judge_names;
pub(crate) use tar_file::TarMember;
pub(crate) use tar_file::read_tar;

use limits::Budget;
use limits::Census;
use output::ExtractedFile;
use stream::Watched;

/// The supported archive formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveForm {
    /// A gzip-compressed tar archive.
    TarGz,
    /// A zip archive.
    Zip,
}

impl ArchiveForm {
    /// The archive format of an asset; `None` if the asset is the executable itself.
    pub const fn of(form: AssetForm) -> Option<Self> {
        match form {
            AssetForm::Raw => None,
            AssetForm::TarGz => Some(Self::TarGz),
            AssetForm::Zip => Some(Self::Zip),
        }
    }
}

/// The extracted executable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Unpacked {
    /// The new file, with size and digest.
    pub written: Written,
    /// Its path in the archive.
    pub member: String,
}

/// Extracts the one executable of an archive to `destination`, which must not exist, and removes it again if the archive is
/// refused. `member_names` are its possible names, at the top level, in exactly one directory, or in the `bin` of that
/// directory.
/// The archive must already be verified.
///
/// # Errors
///
/// Each reason to refuse an archive is its own [`ArchiveError`].
pub fn unpack(
    form: ArchiveForm,
    archive: &Path,
    member_names: &[String],
    destination: &Path,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Unpacked, ArchiveError> {
    let opened = File::open(archive).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (packed, file) = opened.map_err(|error| ArchiveError::Open(archive.to_owned(), error))?;
    let mut budget = Budget::new(limits, packed);
    let mut output = ExtractedFile::new(destination);
    let name = archive.file_name().unwrap_or_default();
    progress.begin(&format!("Unpacking {}", EntryName::escaped(name.as_encoded_bytes())), Some(packed));
    let census = Census::new(member_names, limits);
    let unpacked = match form {
        ArchiveForm::TarGz => tar_gz::unpack(Watched { inner: file, progress }, census, &mut budget, &mut output),
        ArchiveForm::Zip => zip::unpack(&file, progress, census, &mut budget, &mut output),
    };
    let unpacked = unpacked.and_then(|member| Ok(Unpacked { written: output.finish()?, member }));
    progress.end();
    if unpacked.is_err() {
        output.discard();
    }
    unpacked
}

#[cfg(test)]
#[path = "../../../tests/suite/support/samples/mod.rs"]
mod samples;

#[cfg(test)]
mod refusals;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::process::Command;

    use proptest::prelude::*;
    use sha2::Digest;
    use sha2::Sha256;

    use super::output::PIECE;
    use super::samples::Sample;
    use super::*;
    use crate::model::Sha256Digest;
    use crate::model::progress::NoProgress;

    const NAME: &str = "reproq-linux-amd64";

    fn accepted() -> [String; 2] {
        ["reproq".to_owned(), NAME.to_owned()]
    }

    /// Unpacks an archive in a temporary directory. If it is refused, nothing may be left behind.
    pub(super) fn unpacked(
        form: ArchiveForm,
        archive: &[u8],
        limits: &Limits,
    ) -> Result<(String, Vec<u8>), ArchiveError> {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, destination) = (directory.path().join("archive"), directory.path().join("new"));
        fs::write(&path, archive).expect("written");
        match unpack(form, &path, &accepted(), &destination, limits, &NoProgress) {
            Ok(Unpacked { written, member }) => {
                let bytes = fs::read(&written.path).expect("readable");
                assert_eq!(written.path, destination);
                assert_eq!(written.size, bytes.len() as u64);
                assert_eq!(written.sha256, Sha256Digest::from_bytes(Sha256::digest(&bytes).into()));
                Ok((member, bytes))
            }
            Err(error) => {
                assert!(!destination.exists(), "{error} left a file behind");
                Err(error)
            }
        }
    }

    /// Compares a corpus with a table of expected errors, given as `Variant: start of the message`. No sample may be missing.
    pub(super) fn assert_refused(form: ArchiveForm, corpus: &[Sample], table: &[(&str, &str)]) {
        let body = samples::body(3000);
        let names: Vec<_> = corpus.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, table.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for ((name, build), (_, expected)) in corpus.iter().zip(table) {
            let Err(error) = unpacked(form, &build("reproq", &body), &Limits::default()) else {
                panic!("{name}: accepted");
            };
            assert!(error.is_refusal(), "{name}");
            let debug = format!("{error:?}");
            let variant = debug.split('(').next().expect("a first part");
            let said = format!("{variant}: {error}");
            assert!(said.starts_with(expected), "{name}: {said}");
        }
    }

    #[test]
    fn valid_archives_yield_their_executable() {
        let both = [(ArchiveForm::TarGz, samples::HONEST_TAR_GZ), (ArchiveForm::Zip, samples::HONEST_ZIP)];
        for (form, corpus) in both {
            for (sample, build) in corpus {
                // Less than a block, one piece, and enough pieces to reuse the first ones.
                for (name, length) in [("reproq", 5), (NAME, PIECE), ("reproq", 9 * PIECE + 1)] {
                    let body = samples::body(length);
                    let (member, bytes) = unpacked(form, &build(name, &body), &Limits::default()).expect(sample);
                    assert_eq!(member.rsplit('/').next(), Some(name), "{sample}");
                    assert!(bytes == body, "{sample} of {length} bytes");
                }
            }
        }
    }

    #[test]
    fn archives_of_real_tools_are_accepted() {
        let python = |code: &str| ["python3".to_owned(), "-c".to_owned(), code.to_owned()].to_vec();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let commands = [
            (ArchiveForm::TarGz, words("tar czf made worker")),
            (ArchiveForm::TarGz, words("tar czf made -C worker .")),
            (ArchiveForm::TarGz, words("tar czf made --format=posix worker")),
            (ArchiveForm::TarGz, words("tar czf made --format=ustar worker")),
            (
                ArchiveForm::TarGz,
                python("import tarfile; made = tarfile.open('made', 'w:gz'); made.add('worker'); made.close()"),
            ),
            (ArchiveForm::Zip, words("zip -q -r made.zip worker")),
            (ArchiveForm::Zip, words("zip -q -j made.zip worker/reproq worker/README.md")),
            (ArchiveForm::Zip, python("import shutil; shutil.make_archive('made', 'zip', base_dir='worker')")),
        ];
        let body = samples::body(300_000);
        for (form, command) in commands {
            let directory = tempfile::tempdir().expect("a directory");
            fs::create_dir(directory.path().join("worker")).expect("created");
            fs::write(directory.path().join("worker/reproq"), &body).expect("written");
            fs::write(directory.path().join("worker/README.md"), "read me").expect("written");
            let made = Command::new(&command[0]).args(&command[1..]).current_dir(directory.path()).output();
            // A tool may be missing or lack the option.
            if !made.is_ok_and(|made| made.status.success()) {
                continue;
            }
            let made = fs::read(directory.path().join("made")).or_else(|_| fs::read(directory.path().join("made.zip")));
            let (_, bytes) = unpacked(form, &made.expect("made"), &Limits::default()).expect("an honest archive");
            assert!(bytes == body, "{command:?}");
        }
    }

    #[test]
    fn an_existing_file_is_neither_overwritten_nor_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, destination) = (directory.path().join("archive"), directory.path().join("mine"));
        fs::write(&path, samples::tar_gz("reproq", b"new")).expect("written");
        fs::write(&destination, "mine").expect("written");
        let refused = unpack(ArchiveForm::TarGz, &path, &accepted(), &destination, &Limits::default(), &NoProgress);
        let error = refused.expect_err("it is there");
        assert!(matches!(error, ArchiveError::Write(_, _)) && !error.is_refusal(), "{error:?}");
        assert_eq!(fs::read(&destination).expect("readable"), b"mine");
    }

    #[test]
    fn a_missing_archive_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("absent.zip");
        let refused = unpack(ArchiveForm::Zip, &path, &accepted(), &path, &Limits::default(), &NoProgress);
        assert!(matches!(refused, Err(ArchiveError::Open(missing, _)) if missing == path));
    }

    #[test]
    fn limits_hold_exactly() {
        let body = samples::body(2048);
        for (form, archive, entries, unpacked_size) in [
            (ArchiveForm::TarGz, samples::tar_gz("reproq", &body), 1, 512 + 2048 + 1024),
            (ArchiveForm::Zip, samples::zip("reproq", &body), 1, 2048),
        ] {
            let limits = Limits { max_entries: entries, max_unpacked: unpacked_size, max_name: 6, ..Limits::default() };
            unpacked(form, &archive, &limits).expect("exactly within");
            let refused = |limits| unpacked(form, &archive, &limits).expect_err("too much");
            assert!(matches!(refused(Limits { max_entries: 0, ..limits.clone() }), ArchiveError::TooManyEntries(0)));
            let less = Limits { max_unpacked: unpacked_size - 1, ..limits.clone() };
            assert!(matches!(refused(less), ArchiveError::TooLarge(_)));
            assert!(matches!(refused(Limits { max_name: 5, ..limits }), ArchiveError::NameTooLong(_, 5)));
        }
    }

    #[derive(Default)]
    struct Watcher {
        begun: Cell<u64>,
        advanced: Cell<u64>,
        ended: Cell<u64>,
    }

    impl Progress for Watcher {
        fn begin(&self, label: &str, total: Option<u64>) {
            assert_eq!(label, "Unpacking archive");
            self.begun.set(total.expect("a total"));
        }
        fn advance(&self, bytes: u64) {
            self.advanced.set(self.advanced.get() + bytes);
        }
        fn restart(&self) {}
        fn end(&self) {
            self.ended.set(self.ended.get() + 1);
        }
        fn note(&self, _line: &str) {}
    }

    #[test]
    fn progress_covers_the_whole_archive() {
        let body = samples::body(1_000_000);
        for (form, archive) in [
            (ArchiveForm::TarGz, samples::tar_gz("reproq", &body)),
            (ArchiveForm::Zip, samples::zip("reproq", &body)),
            (ArchiveForm::Zip, b"no archive".to_vec()),
        ] {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("archive");
            fs::write(&path, &archive).expect("written");
            let watcher = Watcher::default();
            let destination = directory.path().join("new");
            let outcome = unpack(form, &path, &accepted(), &destination, &Limits::default(), &watcher);
            assert_eq!(watcher.begun.get(), archive.len() as u64);
            assert_eq!(watcher.ended.get(), 1);
            let seen = watcher.advanced.get();
            assert!(seen <= archive.len() as u64 && (outcome.is_err() || seen + 200 > archive.len() as u64), "{seen}");
        }
    }

    #[test]
    fn no_truncated_archive_is_accepted() {
        let body = samples::body(60);
        for (form, corpus) in [(ArchiveForm::TarGz, samples::HONEST_TAR_GZ), (ArchiveForm::Zip, samples::HONEST_ZIP)] {
            for (position, (sample, build)) in corpus.iter().enumerate() {
                let archive = build("reproq", &body);
                // Plain archives are cut everywhere; the others at some positions and near the end.
                let step = if position == 0 { 1 } else { 17 };
                let last = archive.len().saturating_sub(24)..archive.len();
                for length in (0..archive.len()).step_by(step).chain(last) {
                    assert!(
                        unpacked(form, &archive[..length], &Limits::default()).is_err(),
                        "{sample} cut at {length}"
                    );
                }
            }
        }
    }

    fn any_form() -> impl Strategy<Value = ArchiveForm> {
        prop_oneof![Just(ArchiveForm::TarGz), Just(ArchiveForm::Zip)]
    }

    proptest! {
        #[test]
        fn arbitrary_archive_bytes_are_refused_without_panic(form in any_form(), bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(unpacked(form, &bytes, &Limits::default()).is_err());
        }

        #[test]
        fn arbitrary_tar_streams_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(unpacked(ArchiveForm::TarGz, &samples::gzip(&bytes), &Limits::default()).is_err());
        }

        #[test]
        fn a_changed_archive_never_gives_other_bytes(
            form in any_form(),
            sample in any::<prop::sample::Index>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let corpus = if form == ArchiveForm::TarGz { samples::HONEST_TAR_GZ } else { samples::HONEST_ZIP };
            let body = samples::body(700);
            let mut archive = sample.get(corpus).1("reproq", &body);
            for (at, value) in changes {
                let at = at.index(archive.len());
                archive[at] = value;
            }
            if let Ok((member, bytes)) = unpacked(form, &archive, &Limits::default()) {
                prop_assert!(bytes == body, "other bytes as {member}");
            }
        }

        #[test]
        fn changed_headers_inside_a_tar_archive_do_no_harm(
            changes in proptest::collection::vec((0..512_usize, any::<u8>()), 1..4),
        ) {
            let body = samples::body(700);
            let mut header = samples::executable("reproq", &body);
            for (at, value) in changes {
                header[at] = value;
            }
            // With a valid checksum, so that the code behind the check is reached.
            header[148..156].fill(b' ');
            let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            if let Ok((_, bytes)) = unpacked(ArchiveForm::TarGz, &samples::gzip_tar(&[header]), &Limits::default()) {
                prop_assert!(body.starts_with(&bytes) || bytes.starts_with(&body));
            }
        }
    }
}
