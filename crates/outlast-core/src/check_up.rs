//! A check-up of a cluster: what each backend looks at on each server, and what it thinks of it.

use std::time::Duration;

use crate::topology::{Finding, Severity};

/// What a check-up is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The schema of the tables that are to be migrated; `None`: what holds for any table.
    pub schema: Option<String>,
    /// How long a migration may take.
    pub expected: Duration,
}

/// What is the case, in a few words, or what is wrong.
pub type Outcome = std::result::Result<String, Finding>;

/// One thing that was looked at on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its address; empty if it is about the cluster as a whole.
    pub server: String,
    /// What was looked at, in the same words each time.
    pub subject: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

impl Check {
    /// A look at one server, or, if that is empty, at the cluster.
    pub fn of(server: impl Into<String>, subject: &'static str, outcome: Outcome) -> Self {
        Self {
            server: server.into(),
            subject,
            outcome,
        }
    }

    /// What follows from it; `None` if nothing is wrong.
    pub fn severity(&self) -> Option<Severity> {
        self.outcome.as_ref().err().map(|finding| finding.severity)
    }
}

/// What is the case, unless something was found.
///
/// # Errors
/// What was found.
pub fn unless(found: Option<Finding>, state: impl Into<String>) -> Outcome {
    match found {
        None => Ok(state.into()),
        Some(finding) => Err(finding),
    }
}
