//! What a policy answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether to take over a stream that another owner ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum AdoptionVerdict {
    /// Take it over now.
    Adopt,
    /// Not yet; ask again after this time.
    Wait {
        /// Milliseconds until the question is asked again.
        ms: u64,
    },
    /// Not this agent. The question is asked again when the owner, the server or the policy changes.
    Decline {
        /// For people, in the migration's history.
        reason: String,
    },
}

impl fmt::Display for AdoptionVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adopt => f.write_str("adopt"),
            Self::Wait { ms } => write!(f, "wait {ms} ms"),
            Self::Decline { reason } => write!(f, "decline: {reason}"),
        }
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum RetryVerdict {
    /// Try again after this time.
    After {
        /// Milliseconds until the next attempt.
        ms: u64,
    },
    /// Stop trying: the migration fails, and keeps its copied rows.
    GiveUp {
        /// For people, in the migration's message.
        reason: String,
    },
}

impl fmt::Display for RetryVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After { ms } => write!(f, "retry after {ms} ms"),
            Self::GiveUp { reason } => write!(f, "give up: {reason}"),
        }
    }
}
