//! Numbers as blocks of characters, for a terminal. Each is shown next to its number, so nothing depends on seeing them.

/// Eighths of a character, from the left.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Heights of a character.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Densities of a character.
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

/// A bar whose length is proportional to a value. A value above 0 is visible.
pub(crate) fn bar(value: i64, largest: i64, columns: usize) -> String {
    let Some(eighths) = scaled(value, largest, columns * EIGHTHS.len()) else { return String::new() };
    let (whole, rest) = (eighths / EIGHTHS.len(), eighths % EIGHTHS.len());
    let mut bar = "█".repeat(whole);
    if rest > 0 {
        bar.push(EIGHTHS[rest]);
    }
    bar
}

/// A character for each value, as high as it is large; a space for 0.
pub(crate) fn sparkline(values: &[i64]) -> String {
    let largest = values.iter().copied().max().unwrap_or(0);
    values
        .iter()
        .map(|value| scaled(*value, largest, HEIGHTS.len()).map_or(' ', |height| HEIGHTS[height - 1]))
        .collect()
}

/// A character for each value, as dense as it is large; a dot for 0.
pub(crate) fn shades(values: &[i64], largest: i64) -> String {
    values.iter().map(|value| scaled(*value, largest, SHADES.len()).map_or('·', |shade| SHADES[shade - 1])).collect()
}

/// From 1 to `steps`; `None` for 0.
fn scaled(value: i64, largest: i64, steps: usize) -> Option<usize> {
    if value <= 0 || largest <= 0 || steps == 0 {
        return None;
    }
    let steps_wide = i128::try_from(steps).unwrap_or(1);
    let step = (i128::from(value.min(largest)) * steps_wide + i128::from(largest) - 1) / i128::from(largest);
    usize::try_from(step).ok().map(|step| step.clamp(1, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_fills_the_columns_and_the_smallest_is_visible() {
        assert_eq!(bar(100, 100, 4), "████");
        assert_eq!(bar(50, 100, 4), "██");
        assert_eq!(bar(45, 100, 4), "█▉");
        assert_eq!(bar(1, 1_000_000, 4), "▏");
        assert_eq!([bar(0, 100, 4), bar(-1, 100, 4), bar(5, 0, 4), bar(5, 5, 0)], ["", "", "", ""]);
        assert_eq!(bar(i64::MAX, i64::MAX, 2), "██");
    }

    #[test]
    fn zero_is_not_drawn_as_a_value() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(shades(&[0, 1, 50, 75, 100, 200], 100), "·░▒▓██");
    }
}
