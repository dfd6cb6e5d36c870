//! GitHub Actions output besides the report: the job summary and the step outputs.
#![expect(clippy::disallowed_methods, reason = "the files of GitHub Actions are written here")]

use std::fs::OpenOptions;
use std::io::Write;

use crate::commands::session::Session;

/// GitHub drops a summary larger than 1 MiB.
const MAX_SUMMARY: usize = 900 * 1024;

/// Appends to the job summary, if there is one.
pub(super) fn summary(markdown: &str, session: &Session<'_>) {
    let mut text = markdown.to_owned();
    if text.len() > MAX_SUMMARY {
        let mut end = MAX_SUMMARY;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(text[..end].rfind('\n').unwrap_or(end));
        text.push_str("\n\n(truncated: the rest exceeds the size limit of a summary)\n");
    }
    append("GITHUB_STEP_SUMMARY", &text, session);
}

/// Sets step outputs, if there is a step.
pub(super) fn outputs(values: &[(&str, String)], session: &Session<'_>) {
    append("GITHUB_OUTPUT", &lines(values), session);
}

/// One line per value. Line breaks are replaced, because they would start another output.
fn lines(values: &[(&str, String)]) -> String {
    values.iter().map(|(name, value)| format!("{name}={}\n", value.replace(['\r', '\n'], " "))).collect()
}

/// Failing to write these files is only a warning.
fn append(variable: &str, text: &str, session: &Session<'_>) {
    let Some(path) = session.env.var_os(variable) else { return };
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Do not block on a FIFO without a reader.
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
    fn a_value_cannot_start_another_output() {
        assert_eq!(lines(&[("kept", "a\nevil=1\r".to_owned()), ("n", "1".to_owned())]), "kept=a evil=1 \nn=1\n");
    }
}
