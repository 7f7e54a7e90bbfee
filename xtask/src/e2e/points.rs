//! Whether the scenarios reach every failpoint there is: one that nobody reaches tests nothing.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::cargo::root;

/// The list of steps, each with its name: `    ChunkRows = "chunk.rows",`.
const STEPS: &str = "crates/outlast-mysql/src/failpoints/steps.rs";

/// Compares what the scenarios have reached, a name in each line of `file`, with the list.
///
/// # Errors
///
/// When points were not reached, naming them.
pub(super) fn judge(file: &Path) -> Result<()> {
    let list = fs::read_to_string(root().join(STEPS)).with_context(|| format!("reading {STEPS}"))?;
    let reached = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let all = points(&list);
    ensure!(!all.is_empty(), "there are no steps in {STEPS}");
    let missing = missing(&all, &reached);
    ensure!(
        missing.is_empty(),
        "no scenario reaches these failpoints: {}",
        missing.join(", ")
    );
    println!("all {} failpoints were reached", all.len());
    Ok(())
}

fn points(list: &str) -> Vec<String> {
    let names = list.lines().filter_map(|line| {
        let (_, name) = line.trim().split_once(" = \"")?;
        name.strip_suffix("\",")
    });
    names
        .flat_map(|name| ["before", "after"].map(|side| format!("{name}.{side}")))
        .collect()
}

fn missing(all: &[String], reached: &str) -> Vec<String> {
    let reached: BTreeSet<&str> = reached.lines().collect();
    all.iter()
        .filter(|point| !reached.contains(point.as_str()))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_nobody_reached_is_named() {
        let all = points("steps! {\n    /// Rows of a range.\n    ChunkRows = \"chunk.rows\",\n}\n");
        assert_eq!(all, ["chunk.rows.before", "chunk.rows.after"]);
        assert_eq!(missing(&all, "other.before\nchunk.rows.before\n"), ["chunk.rows.after"]);
    }
}
