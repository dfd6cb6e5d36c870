//! The text of the progress line, limited to the width of the terminal: a line that wraps cannot be cleared.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

use crate::model::text::size;

/// Columns left free at the end: an echoed `^C` must not wrap to another row, which could not be cleared.
const FREE: usize = 3;

/// After this long without data, that is shown instead of a speed.
const STALLED: Duration = Duration::from_secs(3);

/// The minimum and maximum width of the bar, without brackets.
const BAR: std::ops::RangeInclusive<usize> = 10..=40;

/// The progress of a step of known size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// In bytes.
    pub done: u64,
    /// In bytes.
    pub total: u64,
    /// In bytes.
    pub per_second: f64,
    pub since_last_byte: Duration,
}

impl Amount {
    /// The remaining time at this speed; `None` without a speed.
    fn left(&self) -> Option<Duration> {
        let seconds = self.total.saturating_sub(self.done) as f64 / self.per_second;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// The line of a step of known size: the label and as many details as fit.
pub(super) fn of_known_size(label: &str, amount: &Amount, columns: usize) -> String {
    let room = columns.saturating_sub(FREE);
    let percent =
        format!("{}%", amount.done.min(amount.total).saturating_mul(100).checked_div(amount.total).unwrap_or(100));
    let bytes = format!("{}/{}", size(amount.done), size(amount.total));
    let is_stalled = amount.since_last_byte >= STALLED;
    let speed = if is_stalled {
        vec![format!("no data for {}", duration(amount.since_last_byte))]
    } else {
        let speed = format!("{}/s", size(amount.per_second as u64));
        [speed].into_iter().chain(amount.left().map(duration)).collect()
    };
    let longest = [&[bytes.clone()][..], &speed].concat().join(" ");
    let left_for_bar = room.saturating_sub(label.width() + longest.width() + 4);
    if left_for_bar >= *BAR.start() {
        return format!("{label} [{}] {longest}", bar(amount, left_for_bar.min(*BAR.end())));
    }
    let (shorter, shortest) = if is_stalled {
        // That nothing arrives matters more than how much has arrived.
        (vec![longest], &speed[0])
    } else {
        (vec![longest, format!("{bytes} {}", speed[0]), bytes], &percent)
    };
    let fits = shorter.into_iter().find(|details| label.width() + 1 + details.width() <= room);
    fits.map_or_else(|| with_label_cut(label, shortest, room), |details| format!("{label} {details}"))
}

/// The line of a step of unknown size, with the elapsed time.
pub(super) fn of_unknown_size(label: &str, frame: usize, elapsed: Duration, columns: usize) -> String {
    const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    let room = columns.saturating_sub(FREE);
    let label = format!("{} {label}", FRAMES[frame % FRAMES.len()]);
    with_label_cut(&label, &duration(elapsed), room)
}

fn bar(amount: &Amount, width: usize) -> String {
    let filled = (amount.done.min(amount.total) as f64 / amount.total.max(1) as f64 * width as f64) as usize;
    let head = if filled < width { ">" } else { "" };
    format!("{}{head}{}", "=".repeat(filled), " ".repeat(width - filled - head.len()))
}

/// The label and the details; the label is truncated if they do not fit, and omitted on very narrow terminals.
fn with_label_cut(label: &str, details: &str, room: usize) -> String {
    let room_of_label = room.saturating_sub(details.width() + 1);
    if label.width() + 1 + details.width() <= room {
        return format!("{label} {details}");
    }
    let mut cut = String::new();
    for c in label.chars() {
        if cut.width() + c.width().unwrap_or(0) + 1 > room_of_label {
            break;
        }
        cut.push(c);
    }
    if cut.is_empty() { details.chars().take(room).collect() } else { format!("{cut}… {details}") }
}

/// `12s`, `3m 20s`, `2h 5m`.
fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        seconds @ 3600..360_000 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => "over 99h".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LABEL: &str = "Downloading reproq-linux-amd64 v0.0.144";

    fn amount(since_last_byte: u64) -> Amount {
        Amount {
            done: 3 << 20,
            total: 12 << 20,
            per_second: 1_500_000.0,
            since_last_byte: Duration::from_secs(since_last_byte),
        }
    }

    #[test]
    fn details_are_dropped_to_fit_narrow_terminals() {
        let lines = [120, 100, 80, 60, 45, 40, 20, 3].map(|columns| of_known_size(LABEL, &amount(0), columns));
        let expected = [
            "Downloading reproq-linux-amd64 v0.0.144 [==========>                             ] 3.0 MiB/12.0 MiB 1.4 MiB/s 6s",
            "Downloading reproq-linux-amd64 v0.0.144 [======>                  ] 3.0 MiB/12.0 MiB 1.4 MiB/s 6s",
            "Downloading reproq-linux-amd64 v0.0.144 3.0 MiB/12.0 MiB 1.4 MiB/s 6s",
            "Downloading reproq-linux-amd64 v0.0.144 3.0 MiB/12.0 MiB",
            "Downloading reproq-linux-amd64 v0.0.1… 25%",
            "Downloading reproq-linux-amd64 v… 25%",
            "Downloading … 25%",
            "",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_stalled_download_shows_no_speed() {
        assert_eq!(
            of_known_size(LABEL, &amount(75), 80),
            "Downloading reproq-linux-amd64 v0.0.144 3.0 MiB/12.0 MiB no data for 1m 15s"
        );
        assert_eq!(of_known_size(LABEL, &amount(5), 60), "Downloading reproq-linux-amd64 v0.0.144 no data for 5s");
        assert_eq!(of_known_size(LABEL, &amount(5), 40), "Downloading reproq-li… no data for 5s");
    }

    #[test]
    fn a_step_of_unknown_size_shows_the_elapsed_time() {
        assert_eq!(of_unknown_size("Waiting for x", 0, Duration::from_secs(7300), 40), "⠋ Waiting for x 2h 1m");
        assert_eq!(of_unknown_size("Waiting for x", 11, Duration::from_secs(2), 12), "⠙ Wai… 2s");
    }

    proptest! {
        #[test]
        fn every_line_leaves_the_last_columns_free(
            label in "\\PC{0,60}", columns in 0_usize..200, done in any::<u64>(), total in any::<u64>(),
            per_second in any::<f64>(), seconds in any::<u64>(), since in 0_u64..1_000_000, frame in any::<usize>(),
        ) {
            let left = Duration::from_secs(seconds);
            let amount = Amount { done, total, per_second, since_last_byte: Duration::from_secs(since) };
            for line in [of_known_size(&label, &amount, columns), of_unknown_size(&label, frame, left, columns)] {
                prop_assert!(line.width() + FREE <= columns.max(FREE), "{line:?} in {columns}");
            }
        }
    }
}
