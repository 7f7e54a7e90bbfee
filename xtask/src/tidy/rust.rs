//! What Rust sources must not do, by the part of the repository they are in.

use super::repository::{Repository, TextFile};

/// The longest file that can still be read as one story.
const MOST_LINES: usize = 750;

/// Crates with a library that others embed. The testbed is no such thing: it looks for a server on this machine.
const EMBEDDED: [&str; 7] = [
    "crates/outlast-core/src/",
    "crates/outlast-mysql/src/",
    "crates/outlast-stream-mysql/src/",
    "crates/outlast-checkpoint-mysql/src/",
    "crates/outlast-topology-mysql/src/",
    "crates/outlast-scheduler-mysql/src/",
    "crates/outlast-policy/src/",
];
const ENVIRONMENT: [&str; 4] = ["env::var", "env::args", "env::current_dir", "env::home_dir"];

/// Parts of the core that are for tests, or the clock itself.
const CORE_EXEMPT: [&str; 4] = ["clock.rs", "contract.rs", "contract/", "memory/"];
const CLOCK_OR_CHANCE: [&str; 5] = [
    "SystemTime::now",
    "Instant::now",
    "tokio::time::",
    "rand::rng(",
    "rand::random",
];

/// Sleeps of fewer milliseconds are part of a loop that looks at something.
const LOOKING_AGAIN_MS: u64 = 100;

pub(super) fn environment(repository: &Repository) -> Vec<String> {
    let embedded = |file: &&TextFile| EMBEDDED.iter().any(|folder| file.name.starts_with(folder));
    let lines = repository
        .rust()
        .filter(embedded)
        .flat_map(|file| lines(file).filter(|line| !line.is_test));
    lines
        .filter(|line| ENVIRONMENT.iter().any(|call| line.code().contains(call)))
        .map(|line| line.place())
        .collect()
}

pub(super) fn clock_or_chance(repository: &Repository) -> Vec<String> {
    let deciding = |file: &&TextFile| {
        let inside = file.name.strip_prefix("crates/outlast-core/src/");
        inside.is_some_and(|name| !CORE_EXEMPT.iter().any(|exempt| name.starts_with(exempt)))
    };
    let lines = repository
        .rust()
        .filter(deciding)
        .flat_map(|file| lines(file).filter(|line| !line.is_test));
    lines
        .filter(|line| CLOCK_OR_CHANCE.iter().any(|call| line.code().contains(call)))
        .map(|line| line.place())
        .collect()
}

pub(super) fn fixed_sleeps(repository: &Repository) -> Vec<String> {
    let tests = repository
        .rust()
        .flat_map(|file| lines(file).filter(|line| line.is_test));
    tests
        .filter(|line| !line.is_explained && sleeps_long(line.code()))
        .map(|line| line.place())
        .collect()
}

pub(super) fn too_long(repository: &Repository) -> Vec<String> {
    let lengths = repository.rust().map(|file| (file, file.text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > MOST_LINES);
    long.map(|(file, length)| format!("{}: {length} lines, at most {MOST_LINES}", file.name))
        .collect()
}

/// Whether code sleeps for a time that is written there as a number, and not a short one.
fn sleeps_long(code: &str) -> bool {
    let Some((_, duration)) = code.split_once("sleep(Duration::from_") else {
        return false;
    };
    match duration.split_once('(') {
        Some(("millis", rest)) => {
            let number: String = rest
                .chars()
                .filter(|c| *c != '_')
                .take_while(char::is_ascii_digit)
                .collect();
            number.parse().is_ok_and(|ms: u64| ms >= LOOKING_AGAIN_MS)
        }
        Some(("secs" | "secs_f64" | "mins", _)) => true,
        _ => false,
    }
}

struct Line<'a> {
    file: &'a str,
    number: usize,
    text: &'a str,
    is_test: bool,
    /// There is a comment on it or above it.
    is_explained: bool,
}

impl<'a> Line<'a> {
    /// Without its comment.
    fn code(&self) -> &'a str {
        match self.text.trim_start() {
            comment if comment.starts_with("//") => "",
            code => code.split_once(" // ").map_or(code, |(code, _)| code),
        }
    }

    fn place(&self) -> String {
        format!("{}:{}: {}", self.file, self.number, self.text.trim())
    }
}

/// The lines of a file formatted by rustfmt: of a module's lines, only its last brace stands at the beginning.
fn lines(file: &TextFile) -> impl Iterator<Item = Line<'_>> {
    let is_test_file = is_test_file(&file.name);
    let mut in_test_module = false;
    let mut is_attributed = false;
    let mut comment_above = false;
    file.text.lines().enumerate().map(move |(index, text)| {
        let trimmed = text.trim();
        in_test_module |= is_attributed && trimmed.starts_with("mod ") && trimmed.ends_with('{');
        in_test_module &= text != "}";
        is_attributed = trimmed == "#[cfg(test)]" || (is_attributed && trimmed.starts_with("#["));
        let is_comment = trimmed.starts_with("//");
        let is_explained = comment_above || trimmed.contains(" // ");
        comment_above = is_comment;
        Line {
            file: &file.name,
            number: index + 1,
            text,
            is_test: is_test_file || in_test_module,
            is_explained,
        }
    })
}

fn is_test_file(name: &str) -> bool {
    let is_test_folder = name.starts_with("tests/") || name.contains("/tests/");
    is_test_folder || name.ends_with("/tests.rs") || name.starts_with("crates/outlast-core/src/contract")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "crates/outlast-mysql/src/lib.rs";
    const CALL: &str = "let home = std::env::var(\"HOME\");";

    #[test]
    fn libraries_do_not_read_the_environment() {
        let found = environment(&Repository::of(&[
            (LIBRARY, CALL),
            ("crates/outlast-cli/src/main.rs", CALL),
        ]));
        assert_eq!(found, [format!("{LIBRARY}:1: {CALL}")]);
    }

    #[test]
    fn tests_and_comments_are_free_to() {
        let test_module = format!("fn f() {{}}\n#[cfg(test)]\n#[allow(x)]\nmod tests {{\n    {CALL}\n}}");
        let comment = format!("// {CALL}\nfn f() {{}} // {CALL}");
        let files = [
            (LIBRARY, test_module.as_str()),
            ("crates/outlast-mysql/src/ledger/tests.rs", CALL),
            ("crates/outlast-mysql/src/quote.rs", comment.as_str()),
        ];
        assert_eq!(environment(&Repository::of(&files)), Vec::<String>::new());
    }

    #[test]
    fn a_test_module_does_not_hide_what_follows() {
        for module in ["mod tests;", "mod tests {\n    fn f() {}\n}"] {
            let text = format!("#[cfg(test)]\n{module}\n{CALL}");
            assert_eq!(environment(&Repository::of(&[(LIBRARY, text.as_str())])).len(), 1);
        }
    }

    #[test]
    fn the_core_is_given_its_time() {
        let call = "let now = Instant::now();";
        let files = [
            ("crates/outlast-core/src/agent/mod.rs", call),
            ("crates/outlast-core/src/clock.rs", call),
            ("crates/outlast-core/src/contract/topology.rs", call),
        ];
        assert_eq!(clock_or_chance(&Repository::of(&files)).len(), 1);
    }

    #[test]
    fn long_sleeps_in_tests_are_explained() {
        // In two parts, so that this file passes.
        let sleep = concat!("tokio::time::sleep", "(Duration::from_millis(1_500)).await;");
        let explained = format!("// Time is what is tested.\n{sleep}");
        let short = "sleep(Duration::from_millis(50)).await;";
        let files = [
            ("tests/e2e/a.rs", sleep),
            ("tests/e2e/b.rs", explained.as_str()),
            ("tests/e2e/c.rs", short),
        ];
        assert_eq!(
            fixed_sleeps(&Repository::of(&files)),
            [format!("tests/e2e/a.rs:1: {sleep}")]
        );
        assert!(sleeps_long(concat!("sleep", "(Duration::from_secs(1))")));
        assert!(!sleeps_long("sleep(probe_interval)"));
    }

    #[test]
    fn length_has_a_limit() {
        let (fits, long) = ("\n".repeat(MOST_LINES), "\n".repeat(MOST_LINES + 1));
        assert_eq!(too_long(&Repository::of(&[("a.rs", &fits), ("b.rs", &long)])).len(), 1);
    }
}
