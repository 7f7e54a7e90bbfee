//! `cargo xtask tidy`: what must hold in this repository and no compiler checks. Each check says why it is there.

mod crates;
mod dependencies;
mod links;
mod repository;
mod rust;
mod text;

use anyhow::{Result, ensure};

use repository::Repository;

/// Something that must not be.
struct Check {
    /// What was found, if something was.
    finding: &'static str,
    /// Why it must not be.
    why: &'static str,
    /// Where it is: one entry for each place.
    find: fn(&Repository) -> Vec<String>,
}

const CHECKS: &[Check] = &[
    Check {
        finding: "a crate depends on one that it must not know",
        why: "crates are for picking one by one: ARCHITECTURE.md says who may know whom",
        find: dependencies::find,
    },
    Check {
        finding: "a crate has no documentation (`//!`) at its top",
        why: "it is the first thing one reads of it",
        find: crates::undocumented,
    },
    Check {
        finding: "a package doesn't take the workspace's lints",
        why: "without `[lints] workspace = true` it is silently not linted",
        find: crates::unlinted,
    },
    Check {
        finding: "a crate's folder has another name than the crate",
        why: "who reads one name must find the other",
        find: crates::misplaced,
    },
    Check {
        finding: "a library reads the environment",
        why: "who embeds a library decides on its settings; only outlast-cli reads environment and configuration files",
        find: rust::environment,
    },
    Check {
        finding: "the core asks for time or chance by itself",
        why: "it gets a clock and a seed, so that a whole cluster can be simulated and replayed",
        find: rust::clock_or_chance,
    },
    Check {
        finding: "a test sleeps for a fixed time, with no comment on why",
        why: "a sleep for luck is too short on a busy machine and too long on all others: wait for a condition with \
              `eventually`; where time itself is what is tested, say so in a comment above",
        find: rust::fixed_sleeps,
    },
    Check {
        finding: "a file is too long",
        why: "it hides its story: split it where a part can be named",
        find: rust::too_long,
    },
    Check {
        finding: "something is left over from working on it",
        why: "what is not done belongs into an issue, where it is seen",
        find: text::leftovers,
    },
    Check {
        finding: "untidy white space",
        why: "it makes differences where there are none",
        find: text::white_space,
    },
    Check {
        finding: "a path or registry of one machine",
        why: "nobody else has it",
        find: text::machines,
    },
    Check {
        finding: "docs/alters.md is not what the cases say",
        why: "it is what users read; `cargo xtask alters --document` writes it",
        find: text::outdated_page,
    },
    Check {
        finding: "a link leads nowhere",
        why: "a reader follows it",
        find: links::dead,
    },
];

/// Runs all checks.
///
/// # Errors
///
/// When the repository can't be read, or one of them finds something; all findings are printed.
pub(crate) fn run() -> Result<()> {
    let repository = Repository::load()?;
    let mut count = 0;
    for check in CHECKS {
        let found = (check.find)(&repository);
        if found.is_empty() {
            continue;
        }
        count += found.len();
        println!("{}\n({})", check.finding, check.why);
        for place in found {
            println!("  {place}");
        }
        println!();
    }
    ensure!(count == 0, "tidy: {count} findings");
    println!(
        "tidy: {} checks of {} files, no findings",
        CHECKS.len(),
        repository.files.len()
    );
    Ok(())
}
