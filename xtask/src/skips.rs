//! Skipped tests: they record what they could not check on this machine, and the end of a run lists it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context;
use xtask::target_directory;

/// An empty directory for the records of this run, and the environment variable that passes it to the tests.
pub fn begin() -> anyhow::Result<(&'static str, PathBuf)> {
    let directory = directory();
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context("failed to remove the records of skipped tests")
        }
        Ok(()) | Err(_) => {
            fs::create_dir_all(&directory).context("failed to create the directory for records of skipped tests")?;
            Ok(("REPROQ_TEST_SKIPS", directory))
        }
    }
}

/// Prints what was skipped, and what each skipped test needs.
pub fn print() -> anyhow::Result<()> {
    let mut records = Vec::new();
    for entry in fs::read_dir(directory()).context("failed to read the records of skipped tests")? {
        records.push(fs::read_to_string(entry?.path())?);
    }
    print!("{}", summary(&records));
    Ok(())
}

fn directory() -> PathBuf {
    target_directory().join("tmp/skips")
}

/// One line for each reason, with the number of tests it skipped.
fn summary(records: &[String]) -> String {
    let mut tests: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for record in records {
        let mut parts = record.trim_end().split('\t').skip(1);
        let (Some(unseen), Some(remedy)) = (parts.next(), parts.next()) else { continue };
        *tests.entry((remedy, unseen)).or_default() += 1;
    }
    if tests.is_empty() {
        return "Nothing was skipped on this machine.\n".to_owned();
    }
    let lines = tests.iter().map(|((remedy, unseen), count)| {
        let tests = if *count == 1 { "1 test".to_owned() } else { format!("{count} tests") };
        format!("  {unseen} ({tests})\n    needs: {remedy}\n")
    });
    format!("Skipped on this machine:\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_skip_is_listed_once_with_its_requirement() {
        let record = |text: &str| text.to_owned();
        let records = [
            record("a::one\ta real server\tinstall nginx\n"),
            record("a::two\ta real server\tinstall nginx\n"),
            record("b\tanother user\trun as root\n"),
        ];
        assert_eq!(
            summary(&records),
            "Skipped on this machine:\n  a real server (2 tests)\n    needs: install nginx\n  another user (1 test)\n    needs: run as root\n"
        );
        assert_eq!(summary(&[]), "Nothing was skipped on this machine.\n");
    }
}
