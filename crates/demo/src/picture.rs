//! The pictures of the README: real runs, recorded in a terminal, as SVG. `--check` compares what the program prints today with
//! the text of the committed pictures, allowing for numbers, sizes, times and platforms.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use fake_github::Fault;
use fake_github::Matcher;

use crate::Demo;
use crate::LARGE;
use crate::recording;
use crate::screen::Screen;
use crate::svg;

/// Where the project of a picture is, instead of a temporary directory of this machine.
const PROJECT: &str = "/srv/app";

/// At most this many screens of a download are in a picture.
const MOST_MOVING: usize = 8;

/// Writes the pictures, or compares their text.
pub fn pictures(root: &Path, check: bool) -> anyhow::Result<()> {
    let demo = Demo::prepare(root)?;
    demo.release_five_versions();
    let size = demo.worker_size("v0.0.144")?;
    // A download of about two seconds.
    demo.github
        .fault(Matcher::objects(), Fault::Trickle { bytes: size.div_ceil(20), every: Duration::from_millis(100) });
    let prune = ["release", "prune", "--repo", LARGE, "--keep", "3", "--dry-run"];
    let runs = [
        ("install", "reproq install downloads, verifies and locks the worker", &["install"][..]),
        ("prune", "reproq release prune shows which releases it would delete", &prune),
    ];
    let mut stale = Vec::new();
    for (name, title, arguments) in runs {
        let file = root.join("docs/images").join(format!("{name}.svg"));
        let screens = chosen(recorded(&demo, arguments)?);
        ensure!(!screens.is_empty(), "`reproq {}` printed nothing", arguments.join(" "));
        if check {
            let old = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let (old, new) = (comparable(&svg::rows(&old)), comparable(&texts(&screens)));
            if old != new {
                stale.push(format!("{}:\n{old:#?}\nthe program prints today:\n{new:#?}", file.display()));
            }
        } else {
            fs::create_dir_all(file.parent().context("a file is in a directory")?)?;
            fs::write(&file, svg::animated(title, &screens))?;
            println!("{}", file.display());
        }
    }
    ensure!(stale.is_empty(), "a picture is stale; run `cargo xtask picture`\n{}", stale.join("\n"));
    Ok(())
}

/// The distinct screens of a run, with names that do not depend on this machine.
fn recorded(demo: &Demo, arguments: &[&str]) -> anyhow::Result<Vec<Screen>> {
    let captured = recording::record(&demo.program, arguments, demo.project(), &demo.variables()?)?;
    let project = demo.project().display().to_string();
    let host = demo.github.web_url();
    let adapted =
        |text: String| text.replace(&project, PROJECT).replace(host.trim_end_matches('/'), "https://github.com");
    Ok(captured.into_iter().map(|text| Screen::parse(&adapted(text))).collect())
}

/// Some screens of the download, evenly spaced, and the last one.
fn chosen(mut screens: Vec<Screen>) -> Vec<Screen> {
    let last = screens.pop();
    let mut moving: Vec<Screen> =
        screens.into_iter().filter(|screen| screen.texts().any(|row| is_moving(&row))).collect();
    let step = moving.len().div_ceil(MOST_MOVING).max(1);
    let mut index = 0;
    moving.retain(|_| {
        index += 1;
        (index - 1) % step == 0
    });
    moving.into_iter().chain(last).collect()
}

fn is_moving(row: &str) -> bool {
    row.starts_with("Downloading ")
}

fn texts(screens: &[Screen]) -> Vec<Vec<String>> {
    screens.iter().map(|screen| screen.texts().collect()).collect()
}

/// The distinct screens without what differs from run to run, from version to version and from machine to machine.
fn comparable(screens: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut distinct: Vec<Vec<String>> = Vec::new();
    for screen in screens {
        let screen: Vec<String> = screen.iter().map(|row| without_numbers(row)).collect();
        if distinct.last() != Some(&screen) {
            distinct.push(screen);
        }
    }
    distinct
}

fn without_numbers(row: &str) -> String {
    let words = row.split_whitespace();
    // How far a download is, how fast, and what is left.
    let words = if is_moving(row) { words.take(3).collect::<Vec<_>>() } else { words.collect() };
    let row = words.into_iter().map(without_number).collect::<Vec<_>>().join(" ");
    // 1.2 MiB and 900 KiB.
    row.replace("N.N SIZE", "N SIZE")
}

fn without_number(word: &str) -> String {
    if ["KiB", "MiB", "bytes"].iter().any(|unit| word.starts_with(unit)) {
        return "SIZE".to_owned();
    }
    let mut text = word.to_owned();
    for os in ["linux", "darwin", "windows"] {
        for architecture in ["amd64", "arm64"] {
            text = text.replace(&format!("{os}-{architecture}"), "PLATFORM");
        }
    }
    let is_digest = |part: &str| part.len() >= 8 && part.chars().all(|c| c.is_ascii_hexdigit());
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| is_digest(part)).map(str::to_owned);
    for digest in parts.collect::<Vec<_>>() {
        text = text.replace(&digest, "N");
    }
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if shown.ends_with('N') => {}
            '0'..='9' => shown.push('N'),
            _ => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_sizes_and_platforms_may_differ() {
        for (one, other) in [
            (
                "Downloading reproq-linux-amd64 v0.0.144 [==>  ] 1.0 MiB/2.0 MiB 1.0 MiB/s 3s",
                "Downloading reproq-darwin-arm64 v0.1.7 12%",
            ),
            ("  sha256    1234abcd5678ef", "  sha256   99887766"),
            ("  size      1.2 MiB", "  size   900 KiB"),
        ] {
            assert_eq!(without_numbers(one), without_numbers(other));
        }
        assert_ne!(without_numbers("Installed v0.0.144."), without_numbers("Placed v0.0.144."));
        assert_ne!(without_numbers("  path  /srv/app"), without_numbers("  path  /srv/shop"));
    }

    #[test]
    fn the_text_of_a_written_picture_is_the_text_of_its_screens() {
        let screens = [
            Screen::parse("$ reproq a\nDownloading x v1 [=>  ] 1"),
            Screen::parse("$ reproq a\n\x1b[1mDone\x1b[0m & <b>  2"),
        ];
        let written = svg::animated("a title", &screens);
        assert_eq!(svg::rows(&written), texts(&screens));
        let changed = written.replace("Done", "Gone");
        assert_ne!(comparable(&svg::rows(&changed)), comparable(&texts(&screens)));
    }
}
