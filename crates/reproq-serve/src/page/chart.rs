//! Charts as SVG, drawn on the server: the page needs no library, and shows them without JavaScript. Pure.

use std::fmt::Write;

use maud::Markup;
use maud::html;

/// The size of a sparkline in its own units; the style sheet scales it.
const SPARK: (usize, usize) = (120, 24);

/// The same of a bar chart.
const BARS: (usize, usize) = (720, 120);

/// One series of a bar chart: stacked on the ones before it.
pub(super) struct Series {
    /// Its name in the legend, and the class of its bars.
    pub(super) name: &'static str,
    /// One value for each bar.
    pub(super) values: Vec<i64>,
}

/// A line through these values, oldest first. It has no axis: its numbers are in the label.
pub(super) fn sparkline(values: &[i64], label: &str) -> Markup {
    let (width, height) = SPARK;
    let largest = values.iter().copied().max().unwrap_or(0).max(1);
    let points = values.iter().enumerate().fold(String::new(), |mut points, (index, value)| {
        let x = scaled(index, values.len().saturating_sub(1).max(1), width);
        let y = height as f64 - 1.0 - share(*value, largest) * (height as f64 - 2.0);
        let _ = write!(points, "{x:.1},{y:.1} ");
        points
    });
    html! {
        svg.spark viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @if values.len() > 1 {
                polyline points=(points.trim_end()) {}
            }
        }
    }
}

/// A part of a bar.
struct Part {
    name: &'static str,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Bars of stacked series. The numbers are in the table below it, so the picture is one image to a screen reader.
pub(super) fn bars(series: &[Series], label: &str) -> Markup {
    let (width, height) = BARS;
    html! {
        svg.bars viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @for part in parts(series) {
                rect class=(part.name) x=(format!("{:.1}", part.left)) y=(format!("{:.1}", part.top))
                    width=(format!("{:.1}", part.width)) height=(format!("{:.1}", part.height)) {}
            }
        }
    }
}

fn parts(series: &[Series]) -> Vec<Part> {
    let (width, height) = BARS;
    let number = series.iter().map(|it| it.values.len()).max().unwrap_or(0);
    let total = |index: usize| -> i64 { series.iter().filter_map(|it| it.values.get(index)).sum() };
    let largest = (0..number).map(total).max().unwrap_or(0).max(1);
    let step = width as f64 / number.max(1) as f64;
    let mut parts = Vec::new();
    for index in 0..number {
        let mut top = height as f64;
        for each in series {
            let value = each.values.get(index).copied().unwrap_or(0);
            if value > 0 {
                // Anything above 0 is visible.
                let tall = (share(value, largest) * (height as f64 - 1.0)).max(1.0);
                top = (top - tall).max(0.0);
                let left = step * index as f64 + 1.0;
                parts.push(Part { name: each.name, left, top, width: (step - 2.0).max(1.0), height: tall });
            }
        }
    }
    parts
}

/// The shade of a cell: 0 for none, then 1 to 4 by its share of the largest.
pub(super) fn shade(value: i64, largest: i64) -> usize {
    if value <= 0 {
        return 0;
    }
    // A value above 0 is never invisible.
    ((share(value, largest.max(1)) * 4.0).ceil() as usize).clamp(1, 4)
}

fn share(value: i64, largest: i64) -> f64 {
    (value.max(0) as f64 / largest.max(1) as f64).min(1.0)
}

fn scaled(index: usize, last: usize, width: usize) -> f64 {
    index as f64 / last as f64 * width as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::proptest;

    use super::*;

    #[test]
    fn a_line_begins_at_the_left_and_ends_at_the_right() {
        let line = sparkline(&[0, 5, 10], "ready").into_string();
        assert!(line.contains(r#"points="0.0,23.0 60.0,12.0 120.0,1.0""#), "{line}");
        assert!(!sparkline(&[3], "ready").into_string().contains("polyline"));
    }

    #[test]
    fn bars_are_stacked_and_nothing_is_drawn_for_nothing() {
        let series = |name, values: &[i64]| Series { name, values: values.to_vec() };
        let drawn = bars(&[series("good", &[3, 0]), series("bad", &[1, 0])], "throughput").into_string();
        assert_eq!(drawn.matches("<rect").count(), 2, "{drawn}");
        assert!(drawn.contains(r#"y="1.0""#), "{drawn}");
    }

    #[test]
    fn a_single_failure_is_visible_beside_a_thousand() {
        assert_eq!([0, 1, 250, 251, 1000, 5000].map(|value| shade(value, 1000)), [0, 1, 1, 2, 4, 4]);
        assert_eq!(shade(1, 0), 4);
    }

    proptest! {
        #[test]
        fn no_values_leave_the_picture(values in proptest::collection::vec(any::<i64>(), 0..40)) {
            let drawn = sparkline(&values, "x").into_string();
            let points = drawn.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            for point in points.split(' ').filter(|point| !point.is_empty()) {
                let (x, y) = point.split_once(',').expect("a pair");
                prop_assert!((0.0..=120.0).contains(&x.parse::<f64>().expect("a number")));
                prop_assert!((0.0..=24.0).contains(&y.parse::<f64>().expect("a number")));
            }
            prop_assert!(values.iter().all(|value| shade(*value, 7) <= 4));
        }
    }
}
