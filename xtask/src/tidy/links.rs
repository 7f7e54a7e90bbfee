//! Links between the documents of the repository.

use super::repository::{Repository, TextFile};

/// Links to files or headings that don't exist. What is elsewhere on the web isn't asked for.
pub(super) fn dead(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for file in repository.files.iter().filter(|file| file.name.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            if let Some(why) = broken(repository, file, target) {
                found.push(format!("{}:{line}: {target}: {why}", file.name));
            }
        }
    }
    found
}

/// Why a link leads nowhere, if it does.
fn broken(repository: &Repository, from: &TextFile, target: &str) -> Option<&'static str> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let to = match path {
        "" => from.name.clone(),
        path => match beside(&from.name, path) {
            Some(name) => name,
            None => return Some("is outside the repository"),
        },
    };
    let is_folder = |name: &String| name.starts_with(&format!("{to}/"));
    if !repository.names.contains(&to) && !repository.names.iter().any(is_folder) {
        return Some("there is no such file");
    }
    let document = repository.file(&to).filter(|file| file.name.ends_with(".md"))?;
    let is_there = heading.is_empty() || headings(&document.text).any(|known| known == heading);
    (!is_there).then_some("there is no such heading")
}

/// Relative links of a document, with their lines. Code is not searched.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_local = |target: &&str| !target.contains("://") && !target.starts_with("mailto:");
    prose(text).flat_map(move |(number, line)| {
        let inline = line.match_indices("](").filter_map(|(at, opening)| {
            let target = line[at + opening.len()..].split([')', ' ']).next()?;
            Some(target.trim_start_matches('<').trim_end_matches('>'))
        });
        let definition = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
            .map(|(_, target)| target.trim());
        inline
            .chain(definition)
            .filter(is_local)
            .map(move |target| (number, target))
    })
}

/// A document's headings, as they are written in links.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// Numbered lines that are not in blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((index + 1, line))
    })
}

/// The name of the file that `path` means in the document `from`.
fn beside(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead_links(text: &str) -> Vec<String> {
        let other = ("docs/other.md", "# How it's done: *twice*\n");
        dead(&Repository::of(&[("docs/this.md", text), other, ("src/lib.rs", "")]))
    }

    #[test]
    fn files_and_folders_are_found_from_where_the_document_is() {
        assert!(dead_links("[a](other.md) [b](../src/lib.rs) [c](../src/) [d](./other.md)").is_empty());
        assert_eq!(
            dead_links("[a](lib.rs)"),
            ["docs/this.md:1: lib.rs: there is no such file"]
        );
        assert_eq!(dead_links("[a](../../x)").len(), 1);
        assert_eq!(dead_links("[a]: missing.md").len(), 1);
    }

    #[test]
    fn headings_are_found() {
        assert!(dead_links("# Here\n[a](#here) [b](other.md#how-its-done-twice)").is_empty());
        assert_eq!(dead_links("[b](other.md#elsewhere)").len(), 1);
    }

    #[test]
    fn code_and_the_web_are_left_alone() {
        assert!(dead_links("```\n[a](missing.md)\n```\n[b](https://example.com/missing.md)").is_empty());
    }
}
