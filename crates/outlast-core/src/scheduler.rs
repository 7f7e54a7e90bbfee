//! Migrations, who owns them, and the contract of every scheduler backend.

use std::{fmt, pin::Pin, str::FromStr, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    check_up::Check,
    error::Result,
    gtid::GtidSet,
    ids::{AgentId, Epoch, Incarnation, MigrationId, Server, ServerUuid},
    intent::{Choice, Intent},
    throttle::Limits,
};

macro_rules! named_states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// The name that is stored and shown.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;
            fn from_str(text: &str) -> Result<Self, UnknownState> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownState { what: stringify!($name), text: text.chars().take(80).collect() }),
                }
            }
        }
    };
}

/// A stored state that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} that this version knows")]
pub struct UnknownState {
    what: &'static str,
    text: String,
}

named_states! {
    /// Where a migration stands.
    ///
    /// `queued → running → complete | failed | cancelled`; `failed` and `cancelled` go back to `queued` by a retry.
    Status {
        /// Accepted; waits for an agent, or for another migration of the same table.
        Queued = "queued",
        /// Owned by an agent, or waiting to be adopted.
        Running = "running",
        /// The new table is in place.
        Complete = "complete",
        /// Given up; the source is untouched, shadow and checkpoint are kept.
        Failed = "failed",
        /// Given up by request; the source is untouched, shadow and checkpoint are kept.
        Cancelled = "cancelled",
    }
}

named_states! {
    /// What a running migration is doing.
    Phase {
        /// Creating the shadow table.
        Preparing = "preparing",
        /// Copying rows, and following the changes to copied ones.
        Copying = "copying",
        /// Everything is copied; catching up.
        Following = "following",
        /// Caught up; waits for `complete` because completion was postponed.
        Ready = "ready",
        /// The intent is written; whether it has happened is told by which tables exist, or by the source's definition.
        CuttingOver = "cutting-over",
    }
}

named_states! {
    /// How the new definition gets into place.
    Path {
        /// The server changes the table's metadata at once (`ALGORITHM=INSTANT`).
        Instant = "instant",
        /// The server changes the table's metadata (`ALGORITHM=INPLACE`, without touching rows or building indexes).
        InPlace = "in-place",
        /// Rows are copied to a new table, which is swapped in.
        Copy = "copy",
    }
}

impl Status {
    /// Whether nothing further happens to the migration by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Cancelled)
    }
}

/// Who runs a migration's stream, and on which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The agent.
    pub agent: AgentId,
    /// Its life.
    pub incarnation: Incarnation,
    /// The primary it works on.
    pub server: ServerUuid,
}

/// The right to write for a migration: what the fence row must hold (invariant I6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The migration.
    pub migration: MigrationId,
    /// The epoch this owner was given.
    pub epoch: Epoch,
    /// Who holds it.
    pub agent: AgentId,
    /// The holder's life.
    pub incarnation: Incarnation,
    /// The server it is valid on, and no other.
    pub server: Server,
}

/// What a user can choose for a migration. Stored with it, so that an adopting agent does the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Stop before the cut-over until `complete` is asked for.
    pub postpone_completion: bool,
    /// Most rows of a chunk. `None`: the chunk size follows the target time.
    pub chunk_rows: Option<u64>,
    /// Copy lanes. `None`: as many as make the copy faster.
    pub lanes: Option<u32>,
    /// How long a duplicate key may last before it is held to be real, in milliseconds.
    pub duplicate_grace_ms: u64,
    /// Pause between chunks of a lane, in milliseconds; 0 is none.
    pub chunk_pause_ms: u64,
    /// Build those indexes of the new table that can wait once its rows are copied.
    pub defer_indexes: bool,
    /// Copy even where the server could change the table at once.
    pub no_instant: bool,
    /// What the migration must not add to, as it was submitted. What is set for it later counts instead.
    pub limits: Limits,
    /// Policy components by digest (SHA-256, hexadecimal); `None` is the agent's own.
    pub policies: PolicyChoice,
    /// Parameters handed to every policy.
    pub policy_params: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            postpone_completion: false,
            chunk_rows: None,
            lanes: None,
            duplicate_grace_ms: 60_000,
            chunk_pause_ms: 0,
            defer_indexes: false,
            no_instant: false,
            limits: Limits::default(),
            policies: PolicyChoice::default(),
            policy_params: Vec::new(),
        }
    }
}

/// Digests of the policy components a migration uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyChoice {
    /// For adoption.
    pub adoption: Option<String>,
    /// For retries.
    pub retry: Option<String>,
    /// For staleness.
    pub staleness: Option<String>,
}

/// A migration to be submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Identifier, chosen by the caller, so that submitting again after a lost reply has no further effect.
    pub id: MigrationId,
    /// The whole statement, as the user wrote it.
    pub statement: String,
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Options.
    pub options: Options,
    /// Policy components that `options.policies` names, as (name, bytes), to be stored by digest.
    pub components: Vec<PolicyComponent>,
}

/// A stored policy component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyComponent {
    /// Name for people.
    pub name: String,
    /// SHA-256 of `bytes`, hexadecimal.
    pub digest: String,
    /// The component.
    pub bytes: Vec<u8>,
}

/// A migration as it is stored.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Identifier.
    pub id: MigrationId,
    /// The statement.
    pub statement: String,
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Options.
    pub options: Options,
    /// Status.
    pub status: Status,
    /// Phase; kept when the migration fails, as the phase it failed in.
    pub phase: Phase,
    /// How the new definition gets into place; `None` until that is found out.
    pub path: Option<Path>,
    /// Owner, `None` before the first adoption.
    pub owner: Option<Owner>,
    /// Current epoch.
    pub epoch: Epoch,
    /// Number of times the owner's server changed.
    pub failovers: u32,
    /// Number of times an owner began again after an error or a user's retry.
    pub retries: u32,
    /// Age of the last committed liveness, by the UTC clock of the server that was asked; zero if it lies in that clock's future,
    /// as after a failover to a server whose clock is behind.
    pub liveness_age: Duration,
    /// The user has asked to complete (or never postponed).
    pub complete_requested: bool,
    /// The user has asked to cancel.
    pub cancel_requested: bool,
    /// Last message: why it waits, failed, or retries.
    pub message: String,
    /// Rows copied so far.
    pub rows_copied: u64,
    /// Estimate of the source's rows.
    pub table_rows: u64,
    /// Seconds until the copy is done, estimated by the owner; `None` if unknown.
    pub eta_seconds: Option<u64>,
    /// When it was submitted, UTC, `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub submitted_at: String,
    /// When it reached its final status, likewise.
    pub ended_at: Option<String>,
}

/// What must hold at the moment in which a migration ends.
pub type Proof<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Where an owner took over, and what that server had executed by then (`gtid_executed`): all that its copy could see beside
/// the server's own later transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The server.
    pub server: ServerUuid,
    /// What it had executed.
    pub executed: GtidSet,
    /// Up to where its binlog was written then, as `binlog.000042:1563886` (bytes); empty where that is not known.
    pub binlog_end: String,
}

impl Migration {
    /// Schema of the shadow table. The table itself bears the source's name, so that every name that MySQL derives from it
    /// (CHECK constraints, …) comes out as in a native ALTER.
    pub fn shadow_schema(&self) -> String {
        format!("_outlast_new_{}", self.id)
    }

    /// Schema of the retired table.
    pub fn retired_schema(&self) -> String {
        format!("_outlast_old_{}", self.id)
    }

    /// Schema in which an owner of this epoch tries the statement on an empty clone. Begins with [`Migration::trial_schemas`].
    pub fn trial_schema(&self, epoch: Epoch) -> String {
        format!("{}{epoch}", self.trial_schemas())
    }

    /// What the names of all owners' trial schemas begin with.
    pub fn trial_schemas(&self) -> String {
        format!("_outlast_try_{}_", self.id)
    }

    /// Whether there is, or may come to be, a shadow and then a retired table: not if the server changes the table itself.
    pub fn may_copy(&self) -> bool {
        !matches!(self.path, Some(Path::Instant | Path::InPlace))
    }

    /// Whether the cut-over may begin once the stream has caught up.
    pub fn may_complete(&self) -> bool {
        self.complete_requested || !self.options.postpone_completion
    }
}

/// What users have asked of a running migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Begin the cut-over.
    pub complete: bool,
    /// Stop.
    pub cancel: bool,
}

/// What a user asks of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Do the cut-over of a postponed migration.
    Complete,
    /// Stop; keep shadow and checkpoint.
    Cancel,
    /// Queue a failed or cancelled migration again; it goes on from its checkpoint.
    Retry,
}

/// What an owner reports with its liveness.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows copied so far.
    pub rows_copied: u64,
    /// Estimate of the source's rows.
    pub table_rows: u64,
    /// Seconds until the copy is done.
    pub eta_seconds: Option<u64>,
    /// Why it waits or retries; empty if it just works.
    pub message: String,
}

/// How an owner ends a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The swap has happened.
    Complete,
    /// It can't go on.
    Failed,
    /// By request.
    Cancelled,
}

/// One line of a migration's history. One that [repeats](crate::history) has taken the place of the earlier ones, and counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// UTC, `YYYY-MM-DD HH:MM:SS.ffffff`, by the server that wrote it.
    pub at: String,
    /// Epoch at that time.
    pub epoch: Epoch,
    /// Agent that wrote it; empty for a user's request.
    pub agent: String,
    /// Server it was written on.
    pub server: ServerUuid,
    /// A short name: `submitted`, `adopted`, `phase`, `error`, `verdict`, `complete` …
    pub kind: String,
    /// The rest, for people.
    pub detail: String,
}

/// Keeps migrations and their owners on the cluster that is being migrated.
///
/// The primary's own transactions are the only arbiter (no lock service, no consensus of its own):
///
/// * **Adoption is a compare-and-swap** of the epoch in one transaction; of several agents exactly one wins.
/// * **Fencing**: everything that takes a [`Lease`] checks it in its own transaction and fails with
///   [`ErrorKind::Fenced`](crate::ErrorKind::Fenced) once another owner has adopted.
/// * **Idempotence**: calling again after a lost reply has no further effect, but for `adopt`, which then reports
///   `Fenced`: the caller looks again and finds itself as owner.
/// * **Bounds**: messages and details are cut to what the columns hold; a message never makes its own transaction fail. Lines of
///   history that repeat are one line with a count, as [`history::repeated`](crate::history::repeated) says.
/// * **Errors** are those of the server, classified; a read-only server gives `NotPrimary`.
/// * **Cancellation**: a dropped future may or may not have taken effect.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Creates what the scheduler needs on `primary`. Idempotent, and cheap when it is there.
    ///
    /// # Errors
    /// `AccessDenied` with the missing privilege.
    async fn install(&self, primary: &Server) -> Result<()>;

    /// What the scheduler needs of `server` (primary or replica), and whether it is there. Changes nothing. Default: it needs nothing.
    ///
    /// # Errors
    /// Those of the server, classified.
    async fn check_up(&self, server: &Server) -> Result<Vec<Check>> {
        let _ = server;
        Ok(Vec::new())
    }

    /// Stores a migration as queued; with the same id and statement as an earlier one, does nothing.
    ///
    /// # Errors
    /// `Refused` if an unfinished migration of the same table exists; its id is in the message.
    async fn submit(&self, primary: &Server, submission: &Submission) -> Result<()>;

    /// All migrations that `server` (primary or replica) knows, oldest first; none if nothing is installed there.
    ///
    /// # Errors
    /// Those of the server.
    async fn list(&self, server: &Server) -> Result<Vec<Migration>>;

    /// One migration.
    ///
    /// # Errors
    /// `BadRequest` if there is none of this id.
    async fn get(&self, server: &Server, id: &MigrationId) -> Result<Migration>;

    /// Takes ownership: epoch `expected` + 1, new owner, status running, fence row, event, what the server has executed; in one
    /// transaction on a server whose uuid is verified in it and which takes writes. Sessions of the previous owner on this server are killed
    /// afterwards, so that their transactions end.
    ///
    /// # Errors
    /// `Fenced` if the epoch is not `expected` any more or the migration is final; `NotPrimary`.
    async fn adopt(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        incarnation: &Incarnation,
    ) -> Result<Lease>;

    /// The last adoption, as `server` (primary or replica) holds it; `None` before the first.
    ///
    /// # Errors
    /// Those of the server; `Inconsistent` if what is stored can't be read.
    async fn last_adoption(&self, server: &Server, id: &MigrationId) -> Result<Option<Adoption>>;

    /// Commits liveness and progress.
    ///
    /// # Errors
    /// `Fenced`.
    async fn beat(&self, lease: &Lease, report: &Report) -> Result<()>;

    /// What users have asked for. Reads only.
    ///
    /// # Errors
    /// `Fenced` if the stored epoch is another one.
    async fn requests(&self, lease: &Lease) -> Result<Requests>;

    /// Stores limits, of one migration or (`None`) of the whole cluster, in place of those of that scope. `Limits::default()`
    /// says nothing any more. With a line in the migration's history.
    ///
    /// # Errors
    /// `BadRequest` if there is no such migration; `NotPrimary`.
    async fn set_limits(&self, primary: &Server, scope: Option<&MigrationId>, limits: &Limits) -> Result<()>;

    /// The limits that were stored for this scope and no other, as `server` (primary or replica) holds them. Reads only.
    ///
    /// # Errors
    /// Those of the server; `Inconsistent` if what is stored can't be read.
    async fn limits_of(&self, server: &Server, scope: Option<&MigrationId>) -> Result<Limits>;

    /// Enters a phase.
    ///
    /// # Errors
    /// `Fenced`.
    async fn enter(&self, lease: &Lease, phase: Phase) -> Result<()>;

    /// Records by which path the migration goes, and in the same transaction a line of history. What was chosen before is
    /// replaced: a change that turned out to need a copy. Choosing the same again has no further effect.
    ///
    /// # Errors
    /// `Fenced`.
    async fn choose(&self, lease: &Lease, choice: &Choice) -> Result<()>;

    /// The intent of a migration that goes by a path without a copy, as `server` (primary or replica) holds it; `None` if it
    /// copies, or nothing is chosen yet.
    ///
    /// # Errors
    /// Those of the server; `Inconsistent` if what is stored can't be read.
    async fn intent(&self, server: &Server, id: &MigrationId) -> Result<Option<Intent>>;

    /// Ends the migration. The epoch grows, so that nothing of this owner can follow, but for the same call again after a lost
    /// reply, which changes nothing.
    ///
    /// `proof` is awaited in the middle of the transaction, after the fence was compared and before anything is written, so
    /// that what it looks at is as of a moment at which the server that commits is the one that was looked at: a server that
    /// was lost meanwhile, and came back with less, commits nothing.
    ///
    /// # Errors
    /// `Fenced`; those of `proof`.
    async fn finish(&self, lease: &Lease, ending: Ending, message: &str, proof: Proof<'_>) -> Result<()>;

    /// Marks a migration failed that nobody owns any more: a compare-and-swap like `adopt`.
    ///
    /// # Errors
    /// As `adopt`.
    async fn fail_stale(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        message: &str,
    ) -> Result<()>;

    /// A user's request.
    ///
    /// # Errors
    /// `BadRequest` if the migration is not in a state that the request fits; the message says which it is in.
    async fn request(&self, primary: &Server, id: &MigrationId, request: Request) -> Result<()>;

    /// Appends to the history. Not fenced: a note changes nothing.
    ///
    /// # Errors
    /// Those of the server.
    async fn note(&self, primary: &Server, id: &MigrationId, agent: &AgentId, kind: &str, detail: &str) -> Result<()>;

    /// The history, oldest first.
    ///
    /// # Errors
    /// Those of the server.
    async fn events(&self, server: &Server, id: &MigrationId) -> Result<Vec<Event>>;

    /// A stored policy component.
    ///
    /// # Errors
    /// `BadRequest` if there is none of this digest.
    async fn component(&self, server: &Server, digest: &str) -> Result<PolicyComponent>;
}
