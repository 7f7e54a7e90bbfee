//! The list of all steps that change state.

macro_rules! steps {
    ($($(#[$doc:meta])+ $step:ident = $name:literal,)+) => {
        /// A statement that changes state, or a few that belong together. Its name stands in rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Step {
            $($(#[$doc])+ $step,)+
        }

        impl Step {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$step,)+];

            /// Its name, the first part of its points' names.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$step => $name,)+
                }
            }
        }
    };
}

steps! {
    /// The state schema and its tables are created.
    InstallTables = "install.tables",
    /// A submission drops the schema in which it has tried the statement.
    SubmitDropTrial = "submit.drop-trial",
    /// A new migration is committed, with its fence and policies.
    SubmitCommit = "submit.commit",
    /// A user's request (complete, cancel, retry) is committed.
    RequestCommit = "request.commit",
    /// Limits that a user sets are committed.
    LimitsCommit = "limits.commit",
    /// A line of history is written outside of a transaction.
    HistoryNote = "history.note",

    /// An adopter raises the fence to its own epoch, not committed yet.
    AdoptFence = "adopt.fence",
    /// An adopter kills the sessions of its predecessor.
    AdoptKill = "adopt.kill",
    /// An adoption is committed.
    AdoptCommit = "adopt.commit",
    /// A stale migration is committed as failed.
    StaleCommit = "stale.commit",
    /// Liveness and progress for people are committed.
    LivenessCommit = "liveness.commit",
    /// A phase is committed, but for the one that is the intent of the cut-over.
    PhaseCommit = "phase.commit",
    /// The path of a migration is committed, with the intent of one that copies nothing.
    PathCommit = "path.commit",
    /// The final status is committed, and the fence given up.
    FinishCommit = "finish.commit",

    /// A schema for a shadow or for a trial is created empty.
    ShadowSchema = "shadow.schema",
    /// A shadow is created from the source's definition, in a trial too.
    ShadowTable = "shadow.table",
    /// An empty stand-in for a parent is created beside a shadow, in a trial too.
    ShadowStandIn = "shadow.stand-in",
    /// A shadow gets the source's foreign keys, bound to the stand-ins.
    ShadowBind = "shadow.bind",
    /// MySQL runs the ALTER on a shadow, in a trial too.
    ShadowAlter = "shadow.alter",
    /// A shadow loses its foreign keys again.
    ShadowUnbind = "shadow.unbind",
    /// A stand-in is dropped.
    ShadowDropStandIn = "shadow.drop-stand-in",
    /// What MySQL makes of indexes that it once made for foreign keys is tried on an empty table beside a shadow, which is dropped again.
    ShadowProbe = "shadow.probe",
    /// A shadow loses such indexes that another one stands in for.
    ShadowDropIndexes = "shadow.drop-indexes",
    /// A shadow loses the indexes that are built later.
    ShadowDefer = "shadow.defer",
    /// What a later owner has to know of a shadow is written beside it.
    ShadowNotes = "shadow.notes",
    /// The schema of the retired table is created.
    PrepareRetired = "prepare.retired",
    /// The first position is committed: the preparation is done.
    PrepareCommit = "prepare.commit",

    /// Rows of a range are copied, not committed yet.
    ChunkRows = "chunk.rows",
    /// A range is committed with its rows.
    ChunkCommit = "chunk.commit",
    /// Changed keys are read again, not committed yet.
    ApplyRows = "apply.rows",
    /// Changed keys are committed with the position.
    ApplyCommit = "apply.commit",
    /// A position is committed without rows.
    AdvanceCommit = "advance.commit",
    /// Finished ranges are committed as part of the one open below.
    FoldCommit = "fold.commit",

    /// A shadow gets the indexes that it still lacks, once all rows are in it.
    IndexesBuild = "indexes.build",

    /// The phase `cutting-over`, which is the intent, is committed; on the path without a copy, too.
    CutOverIntent = "cut-over.intent",
    /// Source, shadow, parents and fence are locked.
    CutOverLock = "cut-over.lock",
    /// Changed keys are read again under the lock, not committed yet.
    CutOverDrain = "cut-over.drain",
    /// A drain is committed.
    CutOverDrainCommit = "cut-over.drain-commit",
    /// The shadow gets the source's next AUTO_INCREMENT value.
    CutOverAutoIncrement = "cut-over.auto-increment",
    /// The proof that the lock still holds; changes nothing.
    CutOverProof = "cut-over.proof",
    /// Both tables are renamed, with their foreign keys.
    CutOverRename = "cut-over.rename",
    /// The locks are released after the swap.
    CutOverUnlock = "cut-over.unlock",
    /// The schema of the shadow is dropped after the swap.
    CutOverDropSchema = "cut-over.drop-schema",
    /// The shadow loses the foreign keys again that a failed swap gave it.
    CutOverUndoKeys = "cut-over.undo-keys",
    /// The locks are released without a swap.
    CutOverRelease = "cut-over.release",

    /// The schema in which a path without a copy was tried is dropped.
    InstantDropTrial = "instant.drop-trial",
    /// Source and fence are locked.
    InstantLock = "instant.lock",
    /// The proof that the lock still holds; changes nothing.
    InstantProof = "instant.proof",
    /// MySQL changes the source.
    InstantAlter = "instant.alter",
    /// The locks are released.
    InstantUnlock = "instant.unlock",

    /// Foreign keys that a broken-off swap has left are dropped.
    MendDropKeys = "mend.drop-keys",
    /// The empty schema of a shadow is dropped after a swap that nobody had tidied up after.
    MendDropSchema = "mend.drop-schema",

    /// A clean-up drops the schemas of shadow and retired table, one after the other.
    CleanupDrop = "cleanup.drop",
    /// A clean-up drops the schemas of trials.
    CleanupDropTrials = "cleanup.drop-trials",
    /// A clean-up commits that the checkpoint is forgotten.
    CleanupForget = "cleanup.forget",
}
