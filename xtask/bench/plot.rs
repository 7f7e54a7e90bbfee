//! The figures that have a bar, as an SVG: how much of it each one uses.

use std::fmt::Write;

use crate::report::{Measurement, Report};

const ROW: f64 = 26.0;
const TOP: f64 = 64.0;
const LABELS: f64 = 520.0;
/// How long a bar is that uses all that is allowed.
const FULL: f64 = 180.0;
/// Longer bars are cut off here.
const MOST: f64 = 2.0;
const VALUES: f64 = 230.0;

/// Draws all figures with a bar.
pub(crate) fn draw(report: &Report) -> String {
    let parts = report.in_order();
    let figures: Vec<(&String, &Measurement)> = parts
        .flat_map(|(name, part)| part.measurements.iter().map(move |figure| (name, figure)))
        .filter(|(_, figure)| figure.bar.is_some())
        .collect();
    let width = LABELS + FULL * MOST + VALUES;
    let height = TOP + ROW * figures.len() as f64 + 20.0;
    let mut svg = String::new();
    let mut put = |line: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(svg, "{line}");
    };
    put(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">"#
    ));
    put(&format!(r#"<rect width="{width}" height="{height}" fill="white"/>"#));
    put(r#"<text x="12" y="24" font-size="16" font-weight="bold">Outlast against its bars</text>"#);
    put(
        r##"<text x="12" y="44" fill="#666">The share of what is allowed that is used: shorter is better, and up to the line the bar is met.</text>"##,
    );
    for (index, (part, figure)) in figures.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let middle = y + ROW * 0.66;
        put(&format!(
            r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#,
            LABELS - 10.0,
            escaped(&format!("{part}: {}", figure.name))
        ));
        let used = figure
            .bar
            .zip(figure.value)
            .map_or(0.0, |(bar, value)| bar.used_by(value));
        let colour = if figure.is_met == Some(true) {
            "#2e8b57"
        } else {
            "#c0392b"
        };
        let length = FULL * used.min(MOST);
        put(&format!(
            r#"<rect x="{LABELS}" y="{}" width="{length:.1}" height="{}" fill="{colour}"/>"#,
            y + 4.0,
            ROW - 8.0
        ));
        put(&format!(
            r#"<text x="{:.1}" y="{middle}">{}</text>"#,
            LABELS + length.max(FULL) + 8.0,
            escaped(&format!("{} ({})", figure.shown_value(), figure.shown_bar()))
        ));
    }
    let line = LABELS + FULL;
    put(&format!(
        r##"<line x1="{line}" y1="{}" x2="{line}" y2="{}" stroke="#333" stroke-dasharray="4 3"/>"##,
        TOP - 6.0,
        height - 12.0
    ));
    put("</svg>");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
