//! Letting MySQL change the table itself, where that touches no row: trial on an empty clone, and the statement on the
//! source, under a lock.

use std::{collections::BTreeSet, sync::Arc};

use outlast_core::{
    Error, ErrorKind, Lease, Migration, Result,
    intent::{Altered, Choice, Intent, IntentState},
    scheduler::Path,
};
use outlast_mysql::{Session, SessionPool, failpoint, quote};

use crate::{
    cut_over::{LOCK_PATIENCE, lock_tables, prove_lock, run_or_kill},
    foreign_keys, shadow,
    statement::AlterStatement,
    table::definition,
};

/// Tries on an empty clone in `trial_schema` which path the statement can go; the schema is dropped again.
///
/// # Errors
/// `StatementRejected` or `Refused` if the statement asks for ALGORITHM=INSTANT, and can't go that way.
pub(crate) async fn propose(
    session: &mut Session,
    trial_schema: &str,
    schema: &str,
    table: &str,
    statement: &AlterStatement,
) -> Result<Choice> {
    let (candidates, is_bound) = match candidates(statement) {
        Ok(candidates) => candidates,
        Err(reason) => return Ok(Choice::Copy { reason }),
    };
    let mut trial = Trial {
        session,
        clone: quote::table(trial_schema, table),
        at: (trial_schema, table),
        source: (schema, table),
    };
    let found = trial.first_possible(candidates).await;
    let drop = format!("DROP DATABASE IF EXISTS {}", quote::identifier(trial_schema));
    let dropped = failpoint!(session, Step::InstantDropTrial, session.run(&drop).await);
    let found = found?;
    dropped?;
    match found {
        Choice::Copy { reason } if is_bound => Err(Error::new(
            ErrorKind::StatementRejected,
            format!("MySQL does not accept the change by ALGORITHM=INSTANT, which the statement asks for: {reason}"),
        )),
        found => Ok(found),
    }
}

/// The statement says ALGORITHM=INSTANT: it is to fail rather than to be copied.
pub(crate) fn is_bound_to_instant(statement: &AlterStatement) -> bool {
    statement.modifiers.algorithm.as_deref() == Some("INSTANT")
}

/// What follows ALTER TABLE and the name, by path, the first to be tried first; and whether there is no other way.
type Candidates = (Vec<(Path, String)>, bool);

/// Which paths may be tried, or why none.
fn candidates(statement: &AlterStatement) -> Result<Candidates, String> {
    let modifiers = &statement.modifiers;
    if is_bound_to_instant(statement) {
        return Ok((vec![(Path::Instant, statement.changes.clone())], true));
    }
    let Some(bare) = &modifiers.bare else {
        return Err("the statement says more about how it is to be carried out than is understood here".to_owned());
    };
    if let Some(lock) = modifiers.lock.as_ref().filter(|lock| *lock != "NONE") {
        return Err(format!("the statement asks for LOCK={lock}"));
    }
    let instant = (Path::Instant, format!("ALGORITHM=INSTANT, {bare}"));
    let in_place = (Path::InPlace, format!("ALGORITHM=INPLACE, LOCK=NONE, {bare}"));
    match modifiers.algorithm.as_deref() {
        None => Ok((vec![instant, in_place], false)),
        Some("INPLACE") => Ok((vec![in_place], false)),
        Some(other) => Err(format!("the statement asks for ALGORITHM={other}")),
    }
}

/// An empty clone of the source, made anew for each attempt.
struct Trial<'a> {
    session: &'a mut Session,
    clone: String,
    /// Schema and name of the clone.
    at: (&'a str, &'a str),
    source: (&'a str, &'a str),
}

/// Tables (of which a partitioned one has several) and indexes of InnoDB. A table that is rebuilt gets another number.
#[derive(PartialEq, Eq)]
struct Numbers {
    tables: BTreeSet<u64>,
    indexes: BTreeSet<u64>,
}

impl Trial<'_> {
    async fn first_possible(&mut self, candidates: Vec<(Path, String)>) -> Result<Choice> {
        let mut reason = String::new();
        for (path, changes) in candidates {
            match self.attempt(path, &changes).await? {
                Ok(intent) => return Ok(Choice::Direct(intent)),
                Err(why) => reason = why,
            }
        }
        Ok(Choice::Copy { reason })
    }

    /// The intent, or why it can't be.
    async fn attempt(&mut self, path: Path, changes: &str) -> Result<Result<Intent, String>> {
        let before = match self.make_clone().await? {
            Ok(before) => before,
            Err(why) => return Ok(Err(why)),
        };
        let (schema, table) = self.source;
        if definition(self.session, schema, table).await? != before {
            return Ok(Err(
                "an empty table of its definition is described in other words".to_owned()
            ));
        }
        let numbers = self.numbers().await?;
        if let Err(error) = self.session.run(&format!("ALTER TABLE {} {changes}", self.clone)).await {
            return match error.kind().is_about_the_statement() {
                true => Ok(Err(error.message().to_owned())),
                false => Err(error),
            };
        }
        let now = self.numbers().await?;
        if !now.tables.is_subset(&numbers.tables) {
            return Ok(Err("MySQL would rebuild the table".to_owned()));
        }
        if !now.indexes.is_subset(&numbers.indexes) {
            return Ok(Err("MySQL would build an index".to_owned()));
        }
        if path == Path::InPlace && !self.is_formatted_alike().await? {
            // What leaves the clone in place may rebuild the source.
            return Ok(Err(
                "the table's row format is not the one that its definition gives on this server".to_owned(),
            ));
        }
        let after = definition(self.session, self.at.0, self.at.1).await?;
        if after == before {
            return Ok(Err(
                "the table's definition does not show whether it has been done, which has to be known after a failover"
                    .to_owned(),
            ));
        }
        Ok(Ok(Intent {
            path,
            statement: format!("ALTER TABLE {} {changes}", quote::table(schema, table)),
            before,
            after,
        }))
    }

    /// Returns its definition, or why it can't be made.
    async fn make_clone(&mut self) -> Result<Result<String, String>> {
        let (schema, table) = self.source;
        shadow::create_schema(self.session, self.at.0, schema).await?;
        let (_, create): (String, String) = self
            .session
            .value(&format!("SHOW CREATE TABLE {}", quote::table(schema, table)))
            .await?;
        // A clone with them would be bound to the parents, and lock them.
        if !foreign_keys::split(&create, schema)?.0.is_empty() {
            return Ok(Err("it has foreign keys".to_owned()));
        }
        match shadow::create_as_defined(self.session, &create).await {
            Ok(()) => definition(self.session, self.at.0, self.at.1).await.map(Ok),
            Err(error) if error.kind().is_about_the_statement() => {
                Ok(Err(format!("an empty clone can't be made: {error}")))
            }
            Err(error) => Err(error),
        }
    }

    async fn numbers(&mut self) -> Result<Numbers> {
        // Names are `schema/table`, and the schema's is ours: plain letters, digits and underscores.
        let of_trial = format!("LEFT(t.NAME, {}) = '{}/'", self.at.0.len() + 1, self.at.0);
        let rows: Vec<(u64, Option<u64>)> = self
            .session
            .rows(&format!(
                "SELECT t.TABLE_ID, i.INDEX_ID FROM information_schema.INNODB_TABLES t \
                 LEFT JOIN information_schema.INNODB_INDEXES i ON i.TABLE_ID = t.TABLE_ID WHERE {of_trial}"
            ))
            .await?;
        Ok(Numbers {
            tables: rows.iter().map(|(table, _)| *table).collect(),
            indexes: rows.iter().filter_map(|(_, index)| *index).collect(),
        })
    }

    /// Whether source and clone have one row format. It need not be in the definition: then it was the server's default.
    async fn is_formatted_alike(&mut self) -> Result<bool> {
        let (schema, table) = self.source;
        let formats: u64 = self
            .session
            .value(&format!(
                "SELECT COUNT(DISTINCT ROW_FORMAT) FROM information_schema.TABLES \
                 WHERE TABLE_NAME = {} AND TABLE_SCHEMA IN ({}, {})",
                quote::text(table),
                quote::text(schema),
                quote::text(self.at.0)
            ))
            .await?;
        Ok(formats == 1)
    }
}

/// Drops the trial schemas of all owners of a migration: one may have died in the middle of its trial.
///
/// # Errors
/// Those of the server.
pub(crate) async fn drop_trials(session: &mut Session, migration: &Migration) -> Result<()> {
    let prefix = migration.trial_schemas();
    let left: Vec<String> = session
        .rows(&format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE LEFT(SCHEMA_NAME, {}) = {}",
            prefix.len(),
            quote::text(&prefix)
        ))
        .await?;
    for schema in left {
        session
            .run(&format!("DROP DATABASE IF EXISTS {}", quote::identifier(&schema)))
            .await?;
    }
    Ok(())
}

/// What the source's definition says about an intent.
///
/// # Errors
/// `SourceChanged` if it is neither the one before nor the one after.
pub(crate) async fn state(session: &mut Session, migration: &Migration, intent: &Intent) -> Result<IntentState> {
    match definition(session, &migration.schema, &migration.table).await? {
        now if now == intent.after => Ok(IntentState::Done),
        now if now == intent.before => Ok(IntentState::Pending),
        _ => Err(Error::new(
            ErrorKind::SourceChanged,
            format!(
                "the definition of {} is neither what it was when this migration began nor what it would make of it: somebody \
                 altered the table, or this server describes it in other words. Compare SHOW CREATE TABLE with \
                 definition_before and definition_after in _outlast.paths, and submit anew what is missing",
                quote::table(&migration.schema, &migration.table)
            ),
        )),
    }
}

/// Runs an intent's statement under LOCK TABLES of source and fence, unless it has been run.
///
/// # Errors
/// As [`OpenStream::alter`](outlast_core::stream::OpenStream::alter).
pub(crate) async fn alter(
    pool: &Arc<SessionPool>,
    lease: &Lease,
    migration: &Migration,
    statement: &AlterStatement,
    intent: &Intent,
) -> Result<Altered> {
    let source = quote::table(&migration.schema, &migration.table);
    let mut side = pool.session().await?;
    // Replication filters by schema go by the session's.
    let schema = quote::identifier(&migration.schema);
    let tables = format!("{source} WRITE");
    let mut session = failpoint!(
        pool,
        Step::InstantLock,
        lock_tables(pool, &mut side, lease, Some(&schema), &tables, None).await
    )?;
    let altered = match state(&mut session, migration, intent).await {
        Ok(IntentState::Done) => Ok(Altered::Done),
        Ok(IntentState::Pending) => run(&mut session, &mut side, migration, intent).await,
        Err(error) => Err(error),
    };
    // Its end releases the locks, too: what has happened is not unsaid by an error here.
    if let Err(error) = failpoint!(session, Step::InstantUnlock, session.run("UNLOCK TABLES").await) {
        tracing::debug!(%error, "the locks end with the session");
    }
    side.give_back();
    match altered? {
        Altered::Impossible(reason) if is_bound_to_instant(statement) => Err(Error::new(
            ErrorKind::StatementRejected,
            format!("the statement asks for ALGORITHM=INSTANT, which MySQL does not do on this table: {reason}"),
        )),
        altered => Ok(altered),
    }
}

async fn run(session: &mut Session, side: &mut Session, migration: &Migration, intent: &Intent) -> Result<Altered> {
    failpoint!(session, Step::InstantProof, prove_lock(session).await)?;
    let altered = failpoint!(
        session,
        Step::InstantAlter,
        run_or_kill(session, side, &intent.statement, LOCK_PATIENCE).await
    );
    let Err(error) = altered else {
        return Ok(Altered::Done);
    };
    if error.kind() == ErrorKind::ServerGone {
        return Err(error);
    }
    // Still under the lock: whatever was said, this tells what was done.
    match state(session, migration, intent).await? {
        IntentState::Done => Ok(Altered::Done),
        // Nobody uses the table, and still it takes long: it is not metadata only that would change.
        IntentState::Pending if intent.path == Path::InPlace && error.kind() == ErrorKind::Passing => {
            let reason = format!("MySQL did not do it within {LOCK_PATIENCE:?} while nobody used the table: {error}");
            Ok(Altered::Impossible(reason))
        }
        IntentState::Pending if error.kind().is_about_the_statement() => {
            Ok(Altered::Impossible(error.message().to_owned()))
        }
        IntentState::Pending => Err(error),
    }
}
