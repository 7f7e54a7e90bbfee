//! Source and shadow under LOCK TABLES, and the swap (invariant I8).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use outlast_core::{Error, ErrorKind, GtidSet, Key, Lease, Migration, Result, stream::CutOver};
use outlast_mysql::{STATE_SCHEMA, Session, SessionPool, check_locked_fence, failpoint, quote};
use tokio::time::Instant;

use crate::{
    foreign_keys::{self, ForeignKeys},
    in_the_way,
    notes::Notes,
    open::executed,
    plan::{Counter, Plan},
    reread::{InTheWay, reread},
    shadow,
    table::{Table, auto_increment_of, bound_to, definition},
};

/// How long the application may be held up by waiting for the lock. `lock_wait_timeout` can't be below one second.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(250);

/// How long the statements of a swap may take. They wait for nobody, once the parents are locked too; but each is a change of
/// definitions, which a disk, and a semi-synchronous replica, has to confirm.
const SWAP_PATIENCE: Duration = Duration::from_secs(1);

/// MySQL's number for what an observer of transactions refused (`ER_RUN_HOOK_ERROR`).
const HOOK_FAILED: u16 = 3100;

/// A session that holds the locks. Dropped, it ends, and the server releases them.
pub(crate) struct LockedTables {
    session: Session,
    pool: Arc<SessionPool>,
    lease: Lease,
    migration: Migration,
    plan: Plan,
    definition: String,
    keys: ForeignKeys,
}

impl LockedTables {
    /// Locks source, shadow, the parents that the source's foreign keys refer to, and the fence.
    ///
    /// Adding, moving and dropping foreign keys takes exclusive metadata locks on the parents. MySQL would get them under a READ
    /// lock too, or under none, but by waiting for the parents' readers between one statement and the next.
    ///
    /// # Errors
    /// As [`lock_tables`].
    pub(crate) async fn lock(
        pool: &Arc<SessionPool>,
        lease: &Lease,
        migration: &Migration,
        plan: &Plan,
        notes: &Notes,
        definition: &str,
        keys: &ForeignKeys,
    ) -> Result<Self> {
        let mut side = pool.session().await?;
        let parents = keys.parents(&plan.source);
        let tables: Vec<String> = [plan.source.quoted(), plan.shadow.quoted()]
            .into_iter()
            .chain(parents.iter().map(|(schema, table)| quote::table(schema, table)))
            .map(|table| format!("{table} WRITE"))
            .collect();
        let keys_of = Some((keys, &plan.source));
        let mut session = lock_tables(pool, &mut side, lease, None, &tables.join(", "), keys_of).await?;
        session.run(&notes.settings_for_definitions()).await?;
        if !keys.is_empty() {
            // What is added is what holds for the source already, or what the application chose to violate there.
            session.run("SET SESSION foreign_key_checks = 0").await?;
        }
        side.give_back();
        Ok(Self {
            session,
            pool: Arc::clone(pool),
            lease: lease.clone(),
            migration: migration.clone(),
            plan: plan.clone(),
            definition: definition.to_owned(),
            keys: keys.clone(),
        })
    }

    async fn check_definition(&mut self) -> Result<()> {
        let (schema, table) = (&self.migration.schema, &self.migration.table);
        let now = definition(&mut self.session, schema, table).await?;
        if now != self.definition {
            return Err(Error::new(
                ErrorKind::SourceChanged,
                "the source table's definition changed during the migration; cancel, clean up and submit it anew",
            ));
        }
        match bound_to(&mut self.session, schema, table).await? {
            None => Ok(()),
            Some(what) => Err(Error::new(
                ErrorKind::SourceChanged,
                format!("{what} was created on the source during the migration; drop it and retry"),
            )),
        }
    }

    /// Gives the shadow the next AUTO_INCREMENT value that MySQL's ALTER gives: the statement's, the source's, or, for a column
    /// that becomes AUTO_INCREMENT, the one above the highest. The shadow's own counter has seen rows that are gone.
    async fn carry_auto_increment(&mut self) -> Result<()> {
        let source = self.plan.source.quoted();
        let value = match &self.plan.counter {
            Counter::None => return Ok(()),
            Counter::Given(value) => *value,
            // The server raises it to what the rows need.
            Counter::New => 1,
            Counter::Carried => match self.counter_of(&source).await? {
                Some(value) => value,
                None => return Ok(()),
            },
        };
        let shadow = self.plan.shadow.quoted();
        if self.counter_of(&shadow).await? == Some(value) {
            return Ok(());
        }
        let sql = format!("ALTER TABLE {shadow} AUTO_INCREMENT = {value}");
        failpoint!(
            self.session,
            Step::CutOverAutoIncrement,
            self.session.run(&sql).await.map(drop)
        )
    }

    /// The next AUTO_INCREMENT value of a table; `None` if it never gave one.
    async fn counter_of(&mut self, table: &str) -> Result<Option<u64>> {
        let (_, create): (String, String) = self.session.value(&format!("SHOW CREATE TABLE {table}")).await?;
        Ok(auto_increment_of(&create))
    }

    /// A row with 0 in a column that becomes AUTO_INCREMENT would get another number from MySQL's ALTER.
    async fn check_newly_counted(&mut self) -> Result<()> {
        let Some(column) = &self.plan.newly_counted else {
            return Ok(());
        };
        let keeps_zero: bool = self
            .session
            .value("SELECT @@GLOBAL.sql_mode LIKE '%NO_AUTO_VALUE_ON_ZERO%'")
            .await?;
        let column = quote::identifier(column);
        let zero: Option<u64> = self
            .session
            .first(&format!(
                "SELECT 1 FROM {} WHERE {column} = 0 LIMIT 1",
                self.plan.shadow.quoted()
            ))
            .await?;
        match zero {
            Some(_) if !keeps_zero => Err(Error::new(
                ErrorKind::DataRejected,
                format!(
                    "a row has 0 in column {column}, which becomes AUTO_INCREMENT: MySQL's own ALTER would give it another \
                     number. Give that row another value, or add NO_AUTO_VALUE_ON_ZERO to the global sql_mode to keep it"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Renames both tables, with the foreign keys that each is to have afterwards.
    ///
    /// The server gets all statements at once: it goes on with them even if this program dies, and stops at the first that
    /// fails. The time in which the shadow has foreign keys, and is not the source, is as short as can be.
    async fn rename(&mut self) -> Result<()> {
        let retired = quote::table(&self.migration.retired_schema(), &self.migration.table);
        let (source, shadow) = (self.plan.source.quoted(), self.plan.shadow.quoted());
        let rename = format!("RENAME TABLE {source} TO {retired}, {shadow} TO {source}");
        let mut side = self.pool.session().await?;
        if self.keys.is_empty() {
            failpoint!(
                self.session,
                Step::CutOverRename,
                run_or_kill(&mut self.session, &mut side, &rename, SWAP_PATIENCE).await
            )?;
            side.give_back();
            return Ok(());
        }
        let add = self.keys.add_to(&self.plan.shadow, &self.plan.source);
        let drop = self.keys.drop_from_retired(&retired);
        let all: Vec<String> = add.into_iter().chain([rename]).chain(drop).collect();
        let all = all.join("; ");
        let done = failpoint!(
            self.session,
            Step::CutOverRename,
            run_or_kill(&mut self.session, &mut side, &all, SWAP_PATIENCE).await
        );
        side.give_back();
        match done {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::ServerGone => Err(error),
            Err(error) => self.stopped_in_between(error).await,
        }
    }

    /// After one of the statements of [`LockedTables::rename`] has failed: it was the last one, or the shadow gets rid of its
    /// foreign keys again, while the locks still hold. Where that does not work out, `mend` does it.
    async fn stopped_in_between(&mut self, error: Error) -> Result<()> {
        let renamed: u64 = self
            .session
            .value(&format!(
                "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                quote::text(&self.migration.retired_schema()),
                quote::text(&self.migration.table)
            ))
            .await?;
        if renamed > 0 {
            tracing::warn!(migration = %self.migration.id, %error, "the retired table still has its foreign keys");
            return Ok(());
        }
        if let Some(undo) = self.keys.drop_from_shadow(&self.plan.shadow)
            && let Err(undone) = failpoint!(self.session, Step::CutOverUndoKeys, self.session.run(&undo).await)
        {
            tracing::debug!(migration = %self.migration.id, %undone, "the shadow got none, or still has its foreign keys");
        }
        Err(error)
    }
}

/// Locks `tables` (as LOCK TABLES names them) and the fence, in a session of its own, and checks the fence
/// under that lock. With foreign keys of a source, it looks for a moment in which nobody uses the tables.
///
/// The session never says BEGIN: that would release the locks silently. With autocommit off, COMMIT and ROLLBACK keep
/// them. Its wait_timeout is small, so that an agent that freezes here does not freeze the application.
///
/// # Errors
/// `Passing` if the locks are not granted within [`LOCK_PATIENCE`].
pub(crate) async fn lock_tables(
    pool: &SessionPool,
    side: &mut Session,
    lease: &Lease,
    default_schema: Option<&str>,
    tables: &str,
    keys: Option<(&ForeignKeys, &Table)>,
) -> Result<Session> {
    expect_no_backup(side).await?;
    let mut session = pool.fresh().await?;
    if let Some(schema) = default_schema {
        session.run(&format!("USE {schema}")).await?;
    }
    session
        .run("SET SESSION autocommit = 0, wait_timeout = 5, lock_wait_timeout = 1")
        .await?;
    let sql = format!("LOCK TABLES {tables}, {STATE_SCHEMA}.fence READ");
    let mut what = ("the source", "it");
    if let Some((keys, source)) = keys.filter(|(keys, source)| !keys.parents(source).is_empty()) {
        what = (
            "the source and its parents",
            "one of them, or another child of a parent",
        );
        foreign_keys::wait_for_quiet(side, keys, source).await?;
    }
    let granted = run_or_stop(&mut session, side, &sql, LOCK_PATIENCE).await;
    granted.map_err(|Stopped { error, by }| match error.kind() {
        ErrorKind::Passing => {
            let by = by.unwrap_or_else(|| format!("somebody used {}", what.1));
            let what = format!(
                "{} could not be locked within {LOCK_PATIENCE:?}, because {by}; nothing was changed, the application goes on",
                what.0
            );
            Error::new(ErrorKind::Passing, what).with_source(error)
        }
        _ => error,
    })?;
    // Whoever locked before an adoption must not go on after it.
    check_locked_fence(&mut session, lease).await?;
    Ok(session)
}

/// Checks that the session holds its LOCK TABLES: under it, a table that was not locked can't be read (error 1100).
///
/// # Errors
/// `Passing` if it does not.
pub(crate) async fn prove_lock(session: &mut Session) -> Result<()> {
    match session
        .run(&format!("SELECT 1 FROM {STATE_SCHEMA}.migrations LIMIT 0"))
        .await
    {
        Err(error) if error.code() == Some(1100) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::new(
            ErrorKind::Passing,
            "the table locks were lost; nothing was changed under them",
        )),
    }
}

/// Runs a statement that may wait for metadata locks; a waiting one is killed when patience ends, and the error then says who kept it
/// waiting. What it returns is what became of it: a killed statement that was done already is done.
pub(crate) async fn run_or_kill(
    session: &mut Session,
    side: &mut Session,
    sql: &str,
    patience: Duration,
) -> Result<u64> {
    let done = run_or_stop(session, side, sql, patience).await;
    done.map_err(|stopped| match stopped.by {
        Some(by) => stopped.error.context(by),
        None => stopped.error,
    })
}

/// A statement that has failed, and who kept it waiting, if it was killed and that is known.
struct Stopped {
    error: Error,
    by: Option<String>,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self { error, by: None }
    }
}

async fn run_or_stop(session: &mut Session, side: &mut Session, sql: &str, patience: Duration) -> Result<u64, Stopped> {
    let (id, begun) = (session.id(), Instant::now());
    let waiting = Box::pin(session.run(sql));
    let waiting = match select(waiting, Box::pin(tokio::time::sleep(patience * 4 / 5))).await {
        Either::Left((done, _)) => return Ok(done?),
        Either::Right(((), waiting)) => waiting,
    };
    // As long as it waits: afterwards, nobody can tell.
    let by = in_the_way::of(side, id).await?;
    let left = patience.saturating_sub(begun.elapsed());
    match select(waiting, Box::pin(tokio::time::sleep(left))).await {
        Either::Left((done, _)) => Ok(done?),
        Either::Right(((), waiting)) => {
            side.run(&format!("KILL QUERY {id}")).await?;
            waiting.await.map_err(|error| Stopped {
                error: as_killed(error, patience),
                by,
            })
        }
    }
}

/// Where a plugin observes transactions (semi-synchronous replication, Group Replication), a statement that is killed while it commits
/// is rolled back with an error of the observer, which elsewhere says that the server is no primary.
fn as_killed(error: Error, patience: Duration) -> Error {
    match error.code() {
        Some(HOOK_FAILED) => error
            .context(format_args!(
                "a statement was stopped because it took more than {patience:?}"
            ))
            .into_kind(ErrorKind::Passing),
        _ => error,
    }
}

/// Looks whether LOCK INSTANCE FOR BACKUP is held: LOCK TABLES would be granted, and whatever changes a definition would wait.
///
/// # Errors
/// `Passing` if it is.
pub(crate) async fn expect_no_backup(session: &mut Session) -> Result<()> {
    let held: Result<u64> = session
        .value(
            "SELECT COUNT(*) FROM performance_schema.metadata_locks \
             WHERE OBJECT_TYPE = 'BACKUP LOCK' AND LOCK_TYPE = 'SHARED' AND LOCK_STATUS = 'GRANTED'",
        )
        .await;
    match held {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::Passing,
            "a backup holds LOCK INSTANCE FOR BACKUP, under which no table can be altered or renamed; the migration waits \
             for its end",
        )),
        // Without the privilege to look, the statement itself finds out.
        Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl CutOver for LockedTables {
    async fn executed(&mut self) -> Result<GtidSet> {
        // Whoever locked before an adoption must not swap after it.
        check_locked_fence(&mut self.session, &self.lease).await?;
        executed(&mut self.session).await
    }

    async fn drain(&mut self, keys: &[Key]) -> Result<Vec<Key>> {
        let reread = failpoint!(
            self.session,
            Step::CutOverDrain,
            reread(&mut self.session, &self.plan, keys, InTheWay::Displace).await
        );
        match reread {
            Ok(displaced) => failpoint!(
                self.session,
                Step::CutOverDrainCommit,
                self.session.run("COMMIT").await.map(|_| displaced)
            ),
            Err(error) if error.kind() == ErrorKind::ServerGone => Err(error),
            Err(error) => {
                self.session.run("ROLLBACK").await?;
                Err(error)
            }
        }
    }

    async fn swap(&mut self) -> Result<()> {
        self.check_definition().await?;
        self.check_newly_counted().await?;
        self.carry_auto_increment().await?;
        failpoint!(self.session, Step::CutOverProof, prove_lock(&mut self.session).await)?;
        self.rename().await?;
        // The swap is done, whatever becomes of the rest.
        let tidied = async {
            failpoint!(
                self.session,
                Step::CutOverUnlock,
                self.session.run("UNLOCK TABLES").await
            )?;
            let schema = self.migration.shadow_schema();
            failpoint!(
                self.session,
                Step::CutOverDropSchema,
                shadow::drop_if_empty(&mut self.session, &schema).await
            )
        };
        if let Err(error) = tidied.await {
            tracing::warn!(migration = %self.migration.id, %error, "the empty shadow schema is left behind");
        }
        Ok(())
    }

    async fn release(mut self: Box<Self>) -> Result<()> {
        failpoint!(
            self.session,
            Step::CutOverRelease,
            self.session.run("UNLOCK TABLES").await.map(drop)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_was_killed_while_it_committed_is_tried_again() {
        let error = |code| Error::new(ErrorKind::NotPrimary, "Error on observer").with_code(code);
        let killed = as_killed(error(HOOK_FAILED), SWAP_PATIENCE);
        assert_eq!(killed.kind(), ErrorKind::Passing);
        assert_eq!(
            killed.message(),
            "a statement was stopped because it took more than 1s: Error on observer"
        );
        assert_eq!(as_killed(error(1290), SWAP_PATIENCE).kind(), ErrorKind::NotPrimary);
    }
}
