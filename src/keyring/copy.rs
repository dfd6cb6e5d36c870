//! Writes what an update was verified by as a repository again, for machines without a network.
#![expect(clippy::disallowed_methods, reason = "the copy is written here")]

use std::fs;
use std::path::Path;

use crate::keyring::KeyringError;
use crate::keyring::Updated;

impl Updated {
    /// Writes the files of its repository that led to it into a folder. Whoever reads them verifies them again.
    pub fn save(&self, folder: &Path) -> Result<(), KeyringError> {
        let targets = folder.join("targets");
        fs::create_dir_all(&targets).map_err(KeyringError::io("create the folder", &targets))?;
        for (name, text) in self.files() {
            let path = folder.join(name);
            fs::write(&path, text).map_err(KeyringError::io("write", &path))?;
        }
        Ok(())
    }

    /// Each file under the names a repository may have it by; the timestamp, which leads to all others, last.
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
