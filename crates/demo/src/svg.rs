//! Screens as an SVG: text that can be selected, in the fonts of the reader's system, on a background of its own for light and
//! for dark pages. Several screens are shown one after the other; without animation only the last one is.

use std::fmt::Write;

use crate::screen::Screen;
use crate::screen::Style;

/// The width of a character and the height of a row, in pixels.
const CELL: (f64, f64) = (8.4, 20.0);

/// The space around the text.
const MARGIN: f64 = 20.0;

/// How long a screen is shown, and the last one, in seconds.
const TIMES: (f64, f64) = (0.35, 6.0);

const STYLE: &str = "\
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328; white-space: pre; }
.card { fill: #f6f8fa; stroke: #d1d9e0; }
.b { font-weight: 600; }
.d { fill: #59636e; }
.c1 { fill: #cf222e; } .c2 { fill: #1a7f37; } .c3 { fill: #9a6700; } .c4 { fill: #0969da; } .c5 { fill: #8250df; } .c6 { fill: #1b7c83; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.card { fill: #151b23; stroke: #3d444d; }
.d { fill: #9198a1; }
.c1 { fill: #ff7b72; } .c2 { fill: #3fb950; } .c3 { fill: #d29922; } .c4 { fill: #58a6ff; } .c5 { fill: #bc8cff; } .c6 { fill: #39c5cf; }
}
";

/// The picture; `title` describes it for those who do not see it.
pub fn animated(title: &str, screens: &[Screen]) -> String {
    let rows = screens.iter().map(|screen| screen.0.len()).max().unwrap_or(0);
    let columns = screens.iter().flat_map(Screen::texts).map(|row| row.chars().count()).max().unwrap_or(0);
    let (width, height) = (columns as f64 * CELL.0 + 2.0 * MARGIN, rows as f64 * CELL.1 + 2.0 * MARGIN);
    let title = escaped(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         <!-- Written by `cargo xtask picture` from a run of the program. -->\n<title>{title}</title>\n\
         <style>\n{STYLE}{}</style>\n\
         <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\"/>\n",
        animation(screens.len()),
        width - 1.0,
        height - 1.0,
    );
    for (index, screen) in screens.iter().enumerate() {
        let _ = writeln!(svg, "<g class=\"screen s{index}\">");
        screen.0.iter().enumerate().for_each(|(number, row)| svg.push_str(&text(number, row)));
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Which screen is visible when.
fn animation(screens: usize) -> String {
    let Some(last) = screens.checked_sub(1).filter(|last| *last > 0) else { return String::new() };
    let mut css = format!(".screen {{ visibility: hidden; }}\n.s{last} {{ visibility: visible; }}\n");
    let total = TIMES.0 * last as f64 + TIMES.1;
    css.push_str("@media (prefers-reduced-motion: no-preference) {\n");
    for index in 0..screens {
        let at = |index: usize| TIMES.0 * index as f64 / total * 100.0;
        let _ = writeln!(css, ".s{index} {{ animation: s{index} {total:.2}s step-end infinite; }}");
        let before = if index == 0 { "" } else { "0% { visibility: hidden; } " };
        let after = if index == last {
            String::new()
        } else {
            format!(" {:.2}%, 100% {{ visibility: hidden; }}", at(index + 1))
        };
        let _ = writeln!(css, "@keyframes s{index} {{ {before}{:.2}% {{ visibility: visible; }}{after} }}", at(index));
    }
    css.push_str("}\n");
    css
}

/// A row; one that is empty is written too, for [`rows`].
fn text(number: usize, row: &[(Style, String)]) -> String {
    let length: usize = row.iter().map(|(_, text)| text.chars().count()).sum();
    let y = MARGIN + CELL.1 * (number as f64 + 0.72);
    let mut text = format!("<text x=\"{MARGIN}\" y=\"{y:.1}\"");
    if length > 0 {
        // Any font takes the width that the card was made for.
        let _ = write!(text, " textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\"", length as f64 * CELL.0);
    }
    text.push_str(" xml:space=\"preserve\">");
    for (style, part) in row {
        match classes(*style) {
            classes if classes.is_empty() => text.push_str(&escaped(part)),
            classes => {
                let _ = write!(text, "<tspan class=\"{classes}\">{}</tspan>", escaped(part));
            }
        }
    }
    text.push_str("</text>\n");
    text
}

fn classes(style: Style) -> String {
    let color = style.color.map(|color| format!("c{color}"));
    let classes = [style.is_bold.then(|| "b".to_owned()), style.is_dim.then(|| "d".to_owned()), color];
    classes.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The text of each row of each screen of a picture that [`animated`] wrote.
pub fn rows(svg: &str) -> Vec<Vec<String>> {
    let screens = svg.split("<g class=\"screen").skip(1).map(|screen| screen.split("</g>").next().unwrap_or_default());
    let row = |line: &str| {
        let tags = line.split('<').filter_map(|part| part.split_once('>'));
        let text: String = tags.map(|(_, text)| text).collect();
        text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    screens.map(|screen| screen.lines().filter(|line| line.starts_with("<text")).map(row).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_screen_has_its_time_and_the_last_one_is_there_without_animation() {
        let screens = [Screen::parse("a"), Screen::parse("b\n\nc")];
        let svg = animated("x", &screens);
        assert!(svg.contains(".s1 { visibility: visible; }"), "{svg}");
        assert!(
            svg.contains("@keyframes s0 { 0.00% { visibility: visible; } 5.51%, 100% { visibility: hidden; } }"),
            "{svg}"
        );
        assert!(svg.contains("@keyframes s1 { 0% { visibility: hidden; } 5.51% { visibility: visible; } }"), "{svg}");
        assert_eq!(rows(&svg), [vec!["a"], vec!["b", "", "c"]]);
        assert!(!animated("x", &screens[..1]).contains("animation"));
    }
}
