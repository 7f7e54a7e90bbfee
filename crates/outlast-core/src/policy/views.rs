//! What a policy gets to see. Every age and delay is in milliseconds.

use serde::Serialize;

/// The user's settings for the policies, name and value, in the order in which they were given; the last one of a name counts.
pub type Params = Vec<(String, String)>;

/// The facts about a stream whose owner is not the asking agent on this server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AdoptionView {
    /// The migration's id.
    pub migration: String,
    /// The phase it was in when its owner last wrote: preparing, copying, following, ready, cutting-over.
    pub phase: String,
    /// The id of the agent that asks.
    pub agent: String,
    /// The id of the agent that owns the stream, as stored.
    pub owner_agent: String,
    /// The owner is an earlier life, or another connection, of the asking agent (the ids are equal).
    pub owned_by_this_agent: bool,
    /// The `server_uuid` of the primary that the owner worked on.
    pub owner_server_uuid: String,
    /// The `server_uuid` of the primary that the asking agent sees now.
    pub this_server_uuid: String,
    /// The two differ: there was a promotion.
    pub server_changed: bool,
    /// The stored epoch; adopting makes it one greater.
    pub epoch: u64,
    /// Changes of server so far, the present one not counted.
    pub failovers: u32,
    /// Age of the last committed liveness, by the UTC clock of the writable primary.
    pub liveness_age_ms: u64,
    /// How often a healthy owner commits a sign of life.
    pub liveness_interval_ms: u64,
    /// What the staleness policy answered for this stream.
    pub cutoff_ms: u64,
    /// Clock of the present primary minus clock of the asking agent.
    pub clock_skew_ms: i64,
    /// How long the asking agent saw no primary before it saw this one; `None` if it never lost sight of it.
    pub outage_ms: Option<u64>,
    /// How far this server's applier lagged when it was last seen as a replica; `None` if that is not known.
    pub replica_lag_ms: Option<u64>,
    /// Rows copied so far.
    pub rows_copied: u64,
    /// The server's estimate of the table's rows; 0 if there is none.
    pub table_rows: u64,
    /// The only randomness a policy may use.
    pub seed: u64,
    /// Filled in by [`Policies`](super::Policies).
    pub params: Params,
}

/// The facts about a failure that may be worth another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FailureView {
    /// The migration's id.
    pub migration: String,
    /// The phase in which it failed.
    pub phase: String,
    /// The kind of error, in kebab case: `server-gone`, `passing`, `too-big`, `unknown`, ….
    pub kind: String,
    /// The MySQL error code, if the server gave one.
    pub code: Option<u16>,
    /// The error's text.
    pub message: String,
    /// Consecutive failures, this one included: 1 is the first.
    pub attempts: u32,
    /// Time since the first of these failures.
    pub failing_for_ms: u64,
    /// The only randomness a policy may use.
    pub seed: u64,
    /// Filled in by [`Policies`](super::Policies).
    pub params: Params,
}

/// The facts about how long ago a stream gave its last sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LivenessView {
    /// The migration's id.
    pub migration: String,
    /// The phase it was in when its owner last wrote.
    pub phase: String,
    /// Age of the last committed liveness, by the UTC clock of the writable primary.
    pub liveness_age_ms: u64,
    /// Clock of the present primary minus clock of the asking agent.
    pub clock_skew_ms: i64,
    /// How long the asking agent saw no primary before it saw this one; `None` if it never lost sight of it.
    pub outage_ms: Option<u64>,
    /// How far this server's applier lagged when it was last seen as a replica; `None` if that is not known.
    pub replica_lag_ms: Option<u64>,
    /// Changes of server so far.
    pub failovers: u32,
    /// Rows copied so far.
    pub rows_copied: u64,
    /// The server's estimate of the table's rows; 0 if there is none.
    pub table_rows: u64,
    /// The only randomness a policy may use.
    pub seed: u64,
    /// Filled in by [`Policies`](super::Policies).
    pub params: Params,
}
