//! By which path a migration goes, and the written intent of one that copies nothing (invariant I8).
//!
//! Where the server can change the table without touching its rows, it is let: one statement, run under a lock of the
//! source and of the fence. What it was before and what the statement makes of it are written down first, so that whoever
//! comes after a crash or a failover compares the table with both and knows whether it has happened.

use crate::scheduler::Path;

/// What a change without a copy is going to do; replicates with the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which of the paths without a copy.
    pub path: Path,
    /// The statement to be run on the source; the backend made it such that the server runs it without copying, or not at all.
    pub statement: String,
    /// The source's definition before.
    pub before: String,
    /// The source's definition afterwards; differs from the one before, or it could not be told whether it has happened.
    pub after: String,
}

/// By which path a migration goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The server changes the source itself.
    Direct(Intent),
    /// Rows are copied to a new table.
    Copy {
        /// Why, for people.
        reason: String,
    },
}

impl Choice {
    /// The path's name.
    pub fn path(&self) -> Path {
        match self {
            Self::Direct(intent) => intent.path,
            Self::Copy { .. } => Path::Copy,
        }
    }
}

/// What has become of an [`Intent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentState {
    /// The source is what it was before.
    Pending,
    /// The source is what the statement makes of it.
    Done,
}

/// What came of running an [`Intent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Altered {
    /// The source is what the statement makes of it, by this call or by an earlier one.
    Done,
    /// The server does not do it without a copy after all, for this reason. The source is what it was.
    Impossible(String),
}
