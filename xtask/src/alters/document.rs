//! docs/alters.md, written from the cases: what can be altered, and what comes of it.

use std::{collections::BTreeMap, fmt::Write, fs};

use anyhow::{Context, Result};

use crate::cargo::root;

/// Where the cases are, and the page made of them.
const CASES: &str = "tests/alters/cases/";
pub(crate) const PAGE: &str = "docs/alters.md";

const INTRODUCTION: &str = "\
# What can be altered

Each line is a test: a table, an ALTER, and an application that writes while the table is migrated. *Same as native* means that afterwards
SHOW CREATE TABLE and every byte of every row are what MySQL's own ALTER makes of the same table. *Fails as native does* means that MySQL's own ALTER
fails on these rows, too, and the source is left as it was.

The column *Others* says what the documentation of other programs says of the same change; they were not run.

This page is written from the files in [tests/alters/cases](../tests/alters/cases/) by `cargo xtask alters --document`. `cargo xtask alters` plays them.
";

/// Writes the page.
///
/// # Errors
///
/// When the cases can't be read, or the page can't be written.
pub(crate) fn write() -> Result<()> {
    let cases = root().join(CASES);
    let mut files = Vec::new();
    for group in fs::read_dir(&cases).with_context(|| format!("reading {CASES}"))? {
        let group = group?;
        for file in fs::read_dir(group.path()).with_context(|| format!("reading {}", group.path().display()))? {
            let path = file?.path();
            let name = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
            files.push((name, text));
        }
    }
    files.sort();
    let page = page(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let path = root().join(PAGE);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, page).with_context(|| format!("writing {PAGE}"))?;
    println!("{PAGE}: {} cases", files.len());
    Ok(())
}

/// The page for these files (names and texts), in their order. Files that are no cases are left out.
pub(crate) fn page<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut groups: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    for (name, text) in files {
        let Some((group, _)) = name
            .strip_prefix(CASES)
            .and_then(|name| name.strip_suffix(".sql")?.split_once('/'))
        else {
            continue;
        };
        groups.entry(group).or_default().push(Entry::read(text));
    }
    let mut page = INTRODUCTION.to_owned();
    for (group, entries) in groups {
        // Writing to a String does not fail.
        let _ = write!(page, "\n## {}\n\n", title(group));
        page.push_str("| What is altered | Result | Others |\n|---|---|---|\n");
        for entry in entries {
            let _ = writeln!(
                page,
                "| {} | {} | {} |",
                cell(&entry.description),
                cell(&entry.result),
                cell(entry.peers)
            );
        }
    }
    page
}

/// What a case says for readers; the player reads the rest.
struct Entry<'a> {
    description: String,
    result: String,
    peers: &'a str,
}

impl<'a> Entry<'a> {
    fn read(text: &'a str) -> Self {
        let comments = text.lines().take_while(|line| !line.starts_with("-- @"));
        let description: Vec<&str> = comments
            .filter_map(|line| Some(line.strip_prefix("--")?.trim()))
            .collect();
        let word = |word: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix("-- @")?.strip_prefix(word))
                .find(|rest| rest.is_empty() || rest.starts_with(' '))
                .map(str::trim)
        };
        let (end, why) = word("expect").unwrap_or("same").split_once(' ').unwrap_or(("same", ""));
        let mut result = match end {
            "refused" => format!("refused: {why}"),
            "fails" => format!("fails as native does: {why}"),
            "stops" => format!("stops, with the source as it was: {why}"),
            _ => "same as native".to_owned(),
        };
        if word("path") == Some("instant") {
            result.push_str(", at once");
        }
        Self {
            description: description.join(" ").trim().to_owned(),
            result,
            peers: word("peers").unwrap_or_default(),
        }
    }
}

/// A group's folder as a heading.
fn title(group: &str) -> String {
    let words = group.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// A text that stays in its cell, and is no markup by accident.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in text.chars() {
        if matches!(letter, '|' | '<' | '*' | '_' | '[' | ']' | '`' | '\\') {
            cell.push('\\');
        }
        cell.push(letter);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_becomes_a_line_of_its_group() {
        let refused = "-- A | B\n-- of `c`.\n-- @expect refused it can't\n-- @peers x: works\n-- @create\nSELECT 1;\n";
        let same = "-- Another.\n-- @create\n-- not this\n";
        let page = page(
            [
                ("tests/alters/cases/other_keys/a.sql", refused),
                ("tests/alters/cases/other_keys/b.sql", same),
                ("tests/alters/README.md", ""),
            ]
            .into_iter(),
        );
        let table = page.strip_prefix(INTRODUCTION).unwrap();
        assert_eq!(
            table,
            "\n## Other keys\n\n| What is altered | Result | Others |\n|---|---|---|\n\
             | A \\| B of \\`c\\`. | refused: it can't | x: works |\n| Another. | same as native |  |\n"
        );
    }
}
