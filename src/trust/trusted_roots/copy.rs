//! Writes the verified metadata of an update as a repository, for machines without a network.
#![expect(clippy::disallowed_methods, reason = "the copy is written here")]

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::io::fs::Dir;
use crate::io::fs::OutputFile;
use crate::io::fs::finished;
use crate::trust::trusted_roots::TrustedRootsError;
use crate::trust::trusted_roots::Updated;

/// The directory of targets in a repository.
const TARGETS: &str = "targets";

impl Updated {
    /// Writes the verified files of its repository to a directory. Readers of the copy verify them again.
    pub(crate) fn save(&self, directory: &Path) -> Result<(), TrustedRootsError> {
        fs::create_dir_all(directory).map_err(TrustedRootsError::io("create the directory", directory))?;
        let missing = || TrustedRootsError::io("open the directory", directory)(io::ErrorKind::NotFound.into());
        let top = Rc::new(Dir::open(directory)?.ok_or_else(missing)?);
        let targets = Rc::new(top.make_subdirectory(TARGETS)?);
        for (name, text) in self.files() {
            let (dir, name) = match name.strip_prefix(TARGETS).and_then(|below| below.strip_prefix('/')) {
                Some(name) => (&targets, name),
                None => (&top, name.as_str()),
            };
            finished(OutputFile::create_in(Rc::clone(dir), name)?, text.as_bytes())?;
        }
        Ok(())
    }

    /// Each file under all names that a repository may use; the timestamp, which leads to all others, last.
    fn files(&self) -> Vec<(String, &str)> {
        let root = self.root_text();
        let mut files = vec![
            (format!("targets/{}.trusted_root.json", self.sha256()), root),
            ("targets/trusted_root.json".to_owned(), root),
        ];
        for (name, text) in self.metadata.iter().filter(|(name, _)| *name != "timestamp.json") {
            files.push((name.trim_start_matches("root_history/").to_owned(), text));
        }
        for (name, version) in [("snapshot.json", self.versions.snapshot), ("targets.json", self.versions.targets)] {
            files.extend(self.metadata.get(name).map(|text| (format!("{version}.{name}"), text.as_str())));
        }
        files.extend(self.metadata.get_key_value("timestamp.json").map(|(name, text)| (name.clone(), text.as_str())));
        files
    }
}
