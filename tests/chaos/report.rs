//! What is printed: a line a round, the totals, and the result in the form of Rust's own tests; and a file with the totals.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use outlast_tests::result::Results;
use serde_json::{Value, json};

use crate::{
    plan::shown,
    round::{Outcome, Played},
};

/// How often something happened, and how often while a migration was running.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: u64,
    in_flight: u64,
}

/// The results so far.
pub(crate) struct Report {
    seed: u64,
    wanted: u64,
    results: Results,
    complete: u64,
    failed: u64,
    refused: u64,
    violations: u64,
    in_flight: u64,
    failovers: u64,
    adoptions: u64,
    deaths: u64,
    looks: u64,
    compared_rows: u64,
    promised_rows: u64,
    prepared: u64,
    faults: BTreeMap<&'static str, Count>,
    phases: BTreeMap<String, u64>,
    topologies: BTreeMap<String, u64>,
    paths: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn begin(seed: u64, wanted: u64, results: Results) -> Self {
        Self {
            seed,
            wanted,
            results,
            complete: 0,
            failed: 0,
            refused: 0,
            violations: 0,
            in_flight: 0,
            failovers: 0,
            adoptions: 0,
            deaths: 0,
            looks: 0,
            compared_rows: 0,
            promised_rows: 0,
            prepared: 0,
            faults: BTreeMap::new(),
            phases: BTreeMap::new(),
            topologies: BTreeMap::new(),
            paths: BTreeMap::new(),
        }
    }

    /// Prints how a round ended, and counts it.
    pub(crate) fn add(&mut self, played: &Played) {
        println!("{}", line(played));
        let plan = &played.plan;
        match &played.outcome {
            Outcome::Complete => self.complete += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Violation(violations) => {
                for violation in violations {
                    for (number, line) in violation.lines().enumerate() {
                        println!("    {}{line}", if number == 0 { "" } else { "  " });
                    }
                }
                if let Some(kept) = &played.kept {
                    println!("    the servers' files: {kept}");
                }
                println!(
                    "    logs: target/chaos/{}-{}; again: {}",
                    plan.seed,
                    plan.number,
                    plan.replay()
                );
                self.violations += 1;
            }
        }
        let is_right = !matches!(played.outcome, Outcome::Violation(_));
        self.results.add(&plan.replay(), is_right);
        self.in_flight += u64::from(played.was_in_flight());
        self.failovers += played.failovers;
        self.adoptions += played.adoptions;
        self.deaths += played.deaths;
        self.looks += played.looks;
        self.compared_rows += played.compared_rows;
        self.promised_rows += played.promised_rows;
        self.prepared += played.prepared;
        for injected in &played.injected {
            let count = self.faults.entry(injected.fault.name()).or_default();
            count.all += 1;
            count.in_flight += u64::from(injected.in_flight);
            *self.phases.entry(injected.phase.clone()).or_default() += 1;
        }
        *self.topologies.entry(shown(plan.topology)).or_default() += 1;
        if !played.path.is_empty() {
            *self.paths.entry(played.path.clone()).or_default() += 1;
        }
    }

    /// Counts the check of the checks.
    pub(crate) fn add_check(&mut self, name: &str, passed: bool) {
        println!("{name}: {}", if passed { "ok" } else { "FAILED" });
        self.results.add(name, passed);
    }

    fn rounds(&self) -> u64 {
        self.complete + self.failed + self.refused + self.violations
    }

    /// Prints the totals, and writes them into `target/chaos/`. Whether all is well.
    pub(crate) fn end(self, folder: &Path) -> Result<bool> {
        let totals = self.totals();
        println!("\n{totals}");
        let name = format!("summary-{}-{}", self.seed, self.wanted);
        fs::write(folder.join(format!("{name}.md")), &totals).context("writing the summary")?;
        fs::write(
            folder.join(format!("{name}.json")),
            serde_json::to_string_pretty(&self.as_json())?,
        )?;
        Ok(self.results.end())
    }

    fn totals(&self) -> String {
        let mut text = format!(
            "{} rounds of seed {}: {} complete, {} failed as they had to, {} refused as they had to, {} violations; {:.0} s\n\
             {} rounds had a migration running when something happened; {} failovers, {} adoptions, {} deaths at failpoints\n\
             {} rows compared with MySQL's own ALTER, {} with what the application was promised, {} looks at positions, {} XA transactions\n",
            self.rounds(),
            self.seed,
            self.complete,
            self.failed,
            self.refused,
            self.violations,
            self.results.took().as_secs_f64(),
            self.in_flight,
            self.failovers,
            self.adoptions,
            self.deaths,
            self.compared_rows,
            self.promised_rows,
            self.looks,
            self.prepared,
        );
        text.push_str("\n| Fault | Times | While the migration was running |\n|---|---:|---:|\n");
        for (name, count) in &self.faults {
            // Writing to a String does not fail.
            let _ = writeln!(text, "| {name} | {} | {} |", count.all, count.in_flight);
        }
        for (title, counts) in [
            ("Phase at the fault", &self.phases),
            ("Topology", &self.topologies),
            ("Path", &self.paths),
        ] {
            let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let _ = writeln!(text, "\n{title}: {}", counts.join(", "));
        }
        text
    }

    fn as_json(&self) -> Value {
        let faults: BTreeMap<&str, Value> = self
            .faults
            .iter()
            .map(|(name, count)| (*name, json!({ "all": count.all, "in_flight": count.in_flight })))
            .collect();
        json!({
            "seed": self.seed,
            "rounds": self.rounds(),
            "complete": self.complete,
            "failed": self.failed,
            "refused": self.refused,
            "violations": self.results.failed(),
            "rounds_in_flight": self.in_flight,
            "failovers": self.failovers,
            "adoptions": self.adoptions,
            "deaths_at_failpoints": self.deaths,
            "rows_compared": self.compared_rows,
            "rows_promised": self.promised_rows,
            "looks": self.looks,
            "xa_transactions": self.prepared,
            "faults": faults,
            "phases": self.phases,
            "topologies": self.topologies,
            "paths": self.paths,
            "seconds": self.results.took().as_secs_f64(),
        })
    }
}

/// A round in a line.
fn line(played: &Played) -> String {
    let plan = &played.plan;
    let faults: Vec<String> = played
        .injected
        .iter()
        .map(|injected| format!("{} ({})", injected.fault, injected.phase))
        .collect();
    let outcome = match &played.outcome {
        Outcome::Complete => "complete".to_owned(),
        Outcome::Failed(message) => format!("failed as it had to: {}", message.chars().take(60).collect::<String>()),
        Outcome::Refused => "refused as it had to be".to_owned(),
        Outcome::Violation(_) => "VIOLATION".to_owned(),
    };
    format!(
        "round {:>3} of seed {}: {plan} | {} | {outcome}{}, {} failovers, {} adoptions, {:.1} s",
        plan.number,
        plan.seed,
        faults.join(", "),
        if played.was_in_flight() {
            ""
        } else {
            " (nothing in flight)"
        },
        played.failovers,
        played.adoptions,
        played.duration.as_secs_f64()
    )
}
