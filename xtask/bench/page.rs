//! Figures as a table: for the terminal, and for docs/bench/latest.md.

use std::fmt::Write;

use crate::{
    report::{Part, Report},
    stage::PartName,
};

/// Aligned columns, a title above each part.
pub(crate) fn terminal<'a>(parts: impl Iterator<Item = (&'a String, &'a Part)>) -> String {
    let mut text = String::new();
    for (name, part) in parts {
        let (runs, profile) = (part.runs, &part.profile);
        line(&mut text, &format!("\n{name} ({runs} runs, {profile})"));
        let widest = part.measurements.iter().map(|m| m.name.chars().count()).max();
        let width = widest.unwrap_or(0);
        for m in &part.measurements {
            let (value, bar, verdict) = (m.shown_value(), m.shown_bar(), m.verdict());
            let row = format!(
                "  {:<width$}  {value:>14}  {bar:>14}  {verdict:<7}  {}",
                m.name,
                m.spread()
            );
            line(&mut text, row.trim_end());
        }
        for remark in &part.remarks {
            line(&mut text, &format!("  note: {remark}"));
        }
        if let Some(failure) = &part.failure {
            line(&mut text, &format!("  NOT MEASURED TO ITS END: {failure}"));
        }
    }
    text
}

/// The page of the documentation.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    for paragraph in [
        "# Benchmark",
        "Written by `cargo xtask bench`. Each figure is a median over the runs (the longest stalls: the greatest), with the least and the \
         greatest sample beside it. What is compared was measured in turn, in the same run, on fresh servers with MySQL's default durability.",
        &format!(
            "{}, {} cores, {:.0} GiB of memory, {}; MySQL {}.",
            machine.processor, machine.cores, machine.memory_gib, machine.system, machine.mysql
        ),
        "![each figure against its bar](latest.svg)",
    ] {
        line(&mut text, &format!("{paragraph}\n"));
    }
    for (name, part) in report.in_order() {
        section(&mut text, name, part);
    }
    // One line feed at the end.
    format!("{}\n", text.trim_end())
}

fn section(text: &mut String, name: &str, part: &Part) {
    use clap::ValueEnum;
    let promise = PartName::from_str(name, false).map_or("", PartName::promise);
    line(text, &format!("## {name}: {promise}\n"));
    line(
        text,
        &format!(
            "{} runs of a {} build of commit {}, {}.\n",
            part.runs, part.profile, part.commit, part.date
        ),
    );
    if !part.measurements.is_empty() {
        line(text, "| | measured | bar | | samples |\n|---|---:|---:|---|---|");
        for m in &part.measurements {
            let (value, bar, verdict) = (m.shown_value(), m.shown_bar(), m.verdict());
            line(
                text,
                &format!("| {} | {value} | {bar} | {verdict} | {} |", cell(&m.name), m.spread()),
            );
        }
        line(text, "");
    }
    for remark in &part.remarks {
        line(text, &format!("* {remark}"));
    }
    if !part.remarks.is_empty() {
        line(text, "");
    }
    if let Some(failure) = &part.failure {
        line(text, &format!("**Not measured to its end:** {}\n", cell(failure)));
    }
}

/// What may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}
