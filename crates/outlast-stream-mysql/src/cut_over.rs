//! Source and shadow under LOCK TABLES, and the swap (invariant I8).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use outlast_core::{Error, ErrorKind, GtidSet, Key, Lease, Migration, Result, stream::CutOver};
use outlast_mysql::{STATE_SCHEMA, Session, SessionPool, check_locked_fence, quote};

use crate::{
    open::{executed, reread},
    plan::Plan,
    shadow,
    table::{auto_increment_of, bound_to, definition},
};

/// How long the application may be held up by waiting for the lock. `lock_wait_timeout` can't be below one second.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(250);

/// A session that holds the locks. Dropped, it ends, and the server releases them.
pub(crate) struct LockedTables {
    session: Session,
    pool: Arc<SessionPool>,
    lease: Lease,
    migration: Migration,
    plan: Plan,
    definition: String,
}

impl LockedTables {
    /// Locks source, shadow and fence.
    ///
    /// # Errors
    /// As [`lock_tables`].
    pub(crate) async fn lock(
        pool: &Arc<SessionPool>,
        lease: &Lease,
        migration: &Migration,
        plan: &Plan,
        definition: &str,
    ) -> Result<Self> {
        let mut side = pool.session().await?;
        let tables = format!("{} WRITE, {} WRITE", plan.source.quoted(), plan.shadow.quoted());
        let session = lock_tables(pool, &mut side, lease, None, &tables).await?;
        side.give_back();
        Ok(Self {
            session,
            pool: Arc::clone(pool),
            lease: lease.clone(),
            migration: migration.clone(),
            plan: plan.clone(),
            definition: definition.to_owned(),
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

    /// Gives the shadow the source's next AUTO_INCREMENT value, where they differ.
    async fn carry_auto_increment(&mut self) -> Result<()> {
        if self.plan.sets_auto_increment {
            return Ok(());
        }
        let mut counters = [None, None];
        for (counter, table) in counters.iter_mut().zip([&self.plan.source, &self.plan.shadow]) {
            let (_, create): (String, String) = self
                .session
                .value(&format!("SHOW CREATE TABLE {}", table.quoted()))
                .await?;
            *counter = auto_increment_of(&create);
        }
        match counters {
            [Some(source), shadow] if shadow != Some(source) => {
                let sql = format!("ALTER TABLE {} AUTO_INCREMENT = {source}", self.plan.shadow.quoted());
                self.session.run(&sql).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

/// Locks `tables` (as LOCK TABLES names them) and the fence, in a session of its own, and checks the fence
/// under that lock.
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
) -> Result<Session> {
    if is_being_backed_up(side).await? {
        return Err(Error::new(
            ErrorKind::Passing,
            "a backup holds LOCK INSTANCE FOR BACKUP, under which no table can be altered or renamed; the migration waits \
             for its end",
        ));
    }
    let mut session = pool.fresh().await?;
    if let Some(schema) = default_schema {
        session.run(&format!("USE {schema}")).await?;
    }
    session
        .run("SET SESSION autocommit = 0, wait_timeout = 5, lock_wait_timeout = 1")
        .await?;
    let sql = format!("LOCK TABLES {tables}, {STATE_SCHEMA}.fence READ");
    let granted = run_or_kill(&mut session, side, &sql).await;
    granted.map_err(|error| match error.kind() {
        ErrorKind::Passing => Error::new(
            ErrorKind::Passing,
            format!(
                "the source could not be locked within {LOCK_PATIENCE:?}, because a transaction uses it; nothing was \
                 changed, the application goes on"
            ),
        )
        .with_source(error),
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

/// Runs a statement that may wait for metadata locks; a waiting one is killed after [`LOCK_PATIENCE`]. What it returns is
/// what became of it: a killed statement that was done already is done.
pub(crate) async fn run_or_kill(session: &mut Session, side: &mut Session, sql: &str) -> Result<u64> {
    let id = session.id();
    let waiting = Box::pin(session.run(sql));
    match select(waiting, Box::pin(tokio::time::sleep(LOCK_PATIENCE))).await {
        Either::Left((done, _)) => done,
        Either::Right(((), waiting)) => {
            side.run(&format!("KILL QUERY {id}")).await?;
            waiting.await
        }
    }
}

/// Whether LOCK INSTANCE FOR BACKUP is held: LOCK TABLES would be granted, and RENAME would wait.
async fn is_being_backed_up(session: &mut Session) -> Result<bool> {
    let held: Result<u64> = session
        .value(
            "SELECT COUNT(*) FROM performance_schema.metadata_locks \
             WHERE OBJECT_TYPE = 'BACKUP LOCK' AND LOCK_TYPE = 'SHARED' AND LOCK_STATUS = 'GRANTED'",
        )
        .await;
    match held {
        Ok(held) => Ok(held > 0),
        // Without the privilege to look, the RENAME finds out.
        Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(false),
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

    async fn drain(&mut self, keys: &[Key]) -> Result<()> {
        match reread(&mut self.session, &self.plan, keys).await {
            Ok(()) => self.session.run("COMMIT").await.map(|_| ()),
            Err(error) if error.kind() == ErrorKind::ServerGone => Err(error),
            Err(error) => {
                self.session.run("ROLLBACK").await?;
                // A unique value that moved between rows: outside of the locks, the applier sorts it out.
                match error.kind() {
                    ErrorKind::Duplicate => Err(error.into_kind(ErrorKind::Passing)),
                    _ => Err(error),
                }
            }
        }
    }

    async fn swap(&mut self) -> Result<()> {
        self.check_definition().await?;
        self.carry_auto_increment().await?;
        prove_lock(&mut self.session).await?;
        let source = self.plan.source.quoted();
        let retired = quote::table(&self.migration.retired_schema(), &self.migration.table);
        let shadow = self.plan.shadow.quoted();
        let rename = format!("RENAME TABLE {source} TO {retired}, {shadow} TO {source}");
        let mut side = self.pool.session().await?;
        run_or_kill(&mut self.session, &mut side, &rename).await?;
        side.give_back();
        // The swap is done, whatever becomes of the rest.
        let tidied = async {
            self.session.run("UNLOCK TABLES").await?;
            shadow::drop_if_empty(&mut self.session, &self.migration.shadow_schema()).await
        };
        if let Err(error) = tidied.await {
            tracing::warn!(migration = %self.migration.id, %error, "the empty shadow schema is left behind");
        }
        Ok(())
    }

    async fn release(mut self: Box<Self>) -> Result<()> {
        self.session.run("UNLOCK TABLES").await.map(|_| ())
    }
}
