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

/// One thing that was looked at on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its address; empty if it is about the cluster as a whole.
    pub server: String,
    /// What was looked at, in the same words each time.
    pub subject: &'static str,
    /// What is the case, in a few words; empty if the finding says it.
    pub state: String,
    /// What is wrong; `None` if nothing is.
    pub finding: Option<Finding>,
}

impl Check {
    /// Nothing is wrong.
    pub fn good(server: impl Into<String>, subject: &'static str, state: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            subject,
            state: state.into(),
            finding: None,
        }
    }

    /// Something is.
    pub fn bad(server: impl Into<String>, subject: &'static str, finding: Finding) -> Self {
        Self {
            server: server.into(),
            subject,
            state: String::new(),
            finding: Some(finding),
        }
    }

    /// As found; good if nothing was.
    pub fn of(
        server: impl Into<String>,
        subject: &'static str,
        state: impl Into<String>,
        found: Option<Finding>,
    ) -> Self {
        match found {
            None => Self::good(server, subject, state),
            Some(finding) => Self::bad(server, subject, finding),
        }
    }

    /// What follows from it; `None` if nothing is wrong.
    pub fn severity(&self) -> Option<Severity> {
        self.finding.as_ref().map(|finding| finding.severity)
    }
}
