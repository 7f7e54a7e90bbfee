//! What no text file of the repository may hold.

use super::repository::{Repository, TextFile};
use crate::alters::document;

/// Written in two parts, so that this file passes.
const LEFTOVERS: [&str; 8] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
    concat!("dbg", "!"),
    concat!("<<<<", "<<<"),
];
/// Absolute paths below folders that only one machine has.
const PATHS: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];
/// Where packages come from, if not from crates.io.
const REGISTRIES: [&str; 4] = [
    concat!("replace", "-with"),
    concat!("[regis", "tries"),
    concat!("sparse", "+http"),
    concat!("proxy", ".golang"),
];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn leftovers(repository: &Repository) -> Vec<String> {
    places(repository, |_, line| {
        LEFTOVERS.iter().any(|word| holds_word(line, word))
    })
}

pub(super) fn outdated_page(repository: &Repository) -> Vec<String> {
    let files = repository.files.iter();
    let mut files: Vec<(&str, &str)> = files.map(|file| (file.name.as_str(), file.text.as_str())).collect();
    files.sort_unstable();
    let page = document::page(files.into_iter());
    match repository.file(document::PAGE) {
        Some(file) if file.text == page => Vec::new(),
        _ => vec![document::PAGE.to_owned()],
    }
}

pub(super) fn white_space(repository: &Repository) -> Vec<String> {
    let mut found = places(repository, |_, line| line.contains('\t') || line.ends_with([' ', '\r']));
    for file in &repository.files {
        if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
            found.push(format!("{}: must end with one line feed", file.name));
        }
    }
    found
}

pub(super) fn machines(repository: &Repository) -> Vec<String> {
    places(repository, |file, line| {
        let foreign = file.name.ends_with("Cargo.lock") && line.starts_with("source = ") && !line.contains(CRATES_IO);
        foreign
            || PATHS.iter().any(|path| begins_a_path(line, path))
            || REGISTRIES.iter().any(|setting| line.contains(setting))
    })
}

fn places(repository: &Repository, is_bad: impl Fn(&TextFile, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in &repository.files {
        // Not `lines`, which would hide carriage returns.
        for (index, line) in file.text.split('\n').enumerate() {
            if is_bad(file, line) {
                found.push(format!("{}:{}: {}", file.name, index + 1, line.trim()));
            }
        }
    }
    found
}

/// Whether the word stands by itself, not within a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let goes_on_before = line[..at].ends_with(is_part);
        let goes_on_after = word.ends_with(is_part) && line[at + word.len()..].starts_with(is_part);
        !goes_on_before && !goes_on_after
    })
}

/// Whether an absolute path begins so, and not only its middle.
fn begins_a_path(line: &str, path: &str) -> bool {
    let is_within = |c: char| c.is_alphanumeric() || "_-./}$".contains(c);
    line.match_indices(path)
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(is_within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_whole_words() {
        assert!(holds_word(concat!("// TO", "DO: finish"), concat!("TO", "DO")));
        assert!(holds_word(concat!("todo", "!()"), concat!("todo", "!")));
        assert!(!holds_word("mktemp -d name.XXXXXX", concat!("XX", "X")));
    }

    #[test]
    fn white_space_is_tidy() {
        let files = [
            ("tab.rs", "a\tb\n"),
            ("space.md", "a \n"),
            ("windows.toml", "a\r\n"),
            ("end.rs", "a"),
            ("lines.rs", "a\n\n"),
            ("good.rs", "a\n\nb\n"),
        ];
        let found = white_space(&Repository::of(&files));
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(!found.iter().any(|place| place.starts_with("good")));
    }

    #[test]
    fn machines_are_not_named() {
        let of = |name: &str, text: &str| machines(&Repository::of(&[(name, text)])).len();
        assert_eq!(of("a.rs", concat!("open(\"/ro", "ot/x\")\n")), 1);
        assert_eq!(of("a.rs", concat!("see docs/ro", "ot/x and {dir}/wo", "rk/y\n")), 0);
        assert_eq!(
            of("Cargo.lock", "source = \"registry+https://mirror.example/index\"\n"),
            1
        );
        assert_eq!(
            of(
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
            ),
            0
        );
    }
}
