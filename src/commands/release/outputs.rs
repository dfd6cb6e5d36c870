//! What a job in GitHub Actions gets besides the report: the summary of the job and the outputs of the step.
#![expect(clippy::disallowed_methods, reason = "the job's files are written here")]

use std::fs::OpenOptions;
use std::io::Write;

use crate::commands::session::Session;

/// GitHub drops a summary above one mebibyte, the whole of it.
const MOST: usize = 900 * 1024;

/// Adds to the summary of the job, if there is a job.
pub(super) fn summary(markdown: &str, session: &Session<'_>) {
    let mut text = markdown.to_owned();
    if text.len() > MOST {
        let mut end = MOST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(text[..end].rfind('\n').unwrap_or(end));
        text.push_str("\n\n(cut: the rest is longer than a summary may be)\n");
    }
    append("GITHUB_STEP_SUMMARY", &text, session);
}

/// Sets outputs of the step, if there is a step.
pub(super) fn outputs(values: &[(&str, String)], session: &Session<'_>) {
    append("GITHUB_OUTPUT", &lines(values), session);
}

/// One line for each value. A line feed in one would begin another output, so there is none.
fn lines(values: &[(&str, String)]) -> String {
    values.iter().map(|(name, value)| format!("{name}={}\n", value.replace(['\r', '\n'], " "))).collect()
}

/// These files are a courtesy; that one cannot be written stops no work.
fn append(variable: &str, text: &str, session: &Session<'_>) {
    let Some(path) = session.env.var_os(variable) else { return };
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // A FIFO that nobody reads is not waited for.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed(),
    );
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        session.ui.warn(&format!("failed to write the file of {variable}: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_begin_another_output() {
        assert_eq!(lines(&[("kept", "a\nevil=1\r".to_owned()), ("n", "1".to_owned())]), "kept=a evil=1 \nn=1\n");
    }
}
