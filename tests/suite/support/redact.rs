//! Redacts outputs for comparison: directories, ports, digests, times and versions of tools.

use super::Context;

/// Replaces varying values with placeholders.
pub fn redact(text: &str, context: &Context) -> String {
    let root = context.root().to_str().expect("UTF-8");
    let real = std::fs::canonicalize(context.root()).expect("the directory exists");
    let mut text = text
        .replace(root, "[ROOT]")
        .replace(real.to_str().expect("UTF-8"), "[ROOT]")
        .replace(&context.github.api_url(), "[API]")
        .replace(&context.github.web_url(), "[WEB]")
        .replace(&context.github.objects_url(), "[OBJECTS]")
        .replace(&super::workers::host(), "[TARGET]")
        .replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    for (length, name) in [(64, "[SHA256]"), (40, "[COMMIT]"), (12, "[SHA]")] {
        text = replace_hex(&text, length, name);
    }
    replace_patterns(&replace_moments(&replace_staging(&text)))
}

/// As shown, with two spaces between columns: column widths depend on the platform's name and on sizes.
pub fn narrow(shown: &str) -> String {
    let narrowed = shown.lines().map(|line| {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        let cells = words.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        format!("{indent}{}\n", cells.collect::<Vec<_>>().join("  "))
    });
    narrowed.collect()
}

/// Replaces the times of this run (`2026-01-31T12:00:00.123Z`, and `20260131T120000Z` in file names); those of the samples are
/// in 2024 and stay.
fn replace_moments(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("20") {
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | '.' | 'Z')))
            .unwrap_or(rest.len());
        let word = rest[..length].trim_end_matches('.');
        // A second audit file of the same second has a number appended.
        let word = word.find('Z').map_or(word, |end| &word[..=end]);
        let is_moment = word.ends_with('Z') && word.contains('T') && word.len() >= 16 && !word.starts_with("2024");
        shown.push_str(if is_moment { "[TIME]" } else { word });
        rest = &rest[word.len()..];
    }
    shown.push_str(rest);
    shown.replace("[TIME]-2.", "[TIME].")
}

/// Replaces the random name of a staging directory.
fn replace_staging(text: &str) -> String {
    let mut parts = text.split("/install-");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        shown.push_str("/install-[NAME]");
        shown.push_str(rest);
    }
    shown
}

/// Replaces every run of exactly `length` lower-case hexadecimal digits.
fn replace_hex(text: &str, length: usize, name: &str) -> String {
    let mut shown = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() || ('a'..='f').contains(&c) {
            run.push(c);
            continue;
        }
        let looks_like_a_digest = run.len() == length && run.chars().any(|c| c.is_ascii_digit());
        shown.push_str(if looks_like_a_digest { name } else { &run });
        run.clear();
        if c != '\0' {
            shown.push(c);
        }
    }
    shown
}

/// Sizes, Go versions, process numbers, times.
fn replace_patterns(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let mut shown = String::new();
    let mut previous = "";
    for word in words {
        let bare = word.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | '"' | '.' | ';' | ':'));
        let core = bare.trim_start_matches(['(', '"']);
        let replaced = if is_decimal(core) && text_after(text, word).trim_start().starts_with("MiB") {
            word.replace(core, "[N]")
        } else if core.starts_with("go1.") && core.len() > 4 {
            word.replace(core, "[GO]")
        } else if previous == "process" && core.parse::<u32>().is_ok() {
            word.replace(core, "[PID]")
        } else if core.len() == 20 && core.ends_with('Z') && core.contains('T') {
            word.replace(core, "[TIME]")
        } else if core.len() == 8 && core.bytes().filter(|byte| *byte == b':').count() == 2 {
            word.replace(core, "[CLOCK]")
        } else if previous == "\"size\":" && core.parse::<u64>().is_ok() {
            word.replace(core, "[SIZE]")
        } else {
            word.to_owned()
        };
        shown.push_str(&replaced);
        previous = word.trim();
    }
    shown
}

fn is_decimal(word: &str) -> bool {
    word.contains('.') && word.parse::<f64>().is_ok()
}

fn text_after<'a>(text: &'a str, word: &str) -> &'a str {
    // `word` is a slice of `text`, so its distance from the beginning is known.
    let offset = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
    &text[offset..]
}
