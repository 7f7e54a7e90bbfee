//! A stream of one migration, open under a lease.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::join;
use outlast_core::{
    CheckpointStore, Error, ErrorKind, GtidSet, Key, KeyRange, Lease, Migration, Result,
    checkpoint::{Checkpoint, Progress, Transaction},
    intent::{Altered, Choice, Intent, IntentState},
    ledger::Chunk,
    stream::{Applier, Changes, Collision, Copied, CutOver, OpenStream, SwapState},
    topology::is_before,
};
use outlast_mysql::{FencedTransaction, Session, SessionPool, check_fence, failpoint, quote};
use tokio::sync::OnceCell;

use crate::{
    changes::BinlogChanges,
    collision,
    cut_over::{LockedTables, expect_no_backup},
    foreign_keys::{self, ForeignKeys},
    indexes, instant,
    notes::Notes,
    plan::Plan,
    prepared_xa,
    privileges::Privileges,
    rejected,
    reread::{InTheWay, reread},
    shadow::{self, Shadow},
    statement::AlterStatement,
    table::definition,
};

pub(crate) struct OpenMySqlStream {
    pool: Arc<SessionPool>,
    checkpoints: Arc<dyn CheckpointStore>,
    lease: Lease,
    migration: Migration,
    statement: AlterStatement,
    prepared: OnceCell<Prepared>,
    /// Up to where the binlog was written when it was last looked at.
    binlog_end: Mutex<String>,
}

/// What is known once the shadow exists.
struct Prepared {
    plan: Plan,
    /// The source's definition when the stream was opened.
    definition: String,
    keys: ForeignKeys,
    notes: Notes,
}

impl OpenMySqlStream {
    pub(crate) fn new(
        pool: Arc<SessionPool>,
        checkpoints: Arc<dyn CheckpointStore>,
        lease: &Lease,
        migration: &Migration,
    ) -> Result<Self> {
        Ok(Self {
            pool,
            checkpoints,
            lease: lease.clone(),
            migration: migration.clone(),
            statement: AlterStatement::parse(&migration.statement)?,
            binlog_end: Mutex::default(),
            prepared: OnceCell::new(),
        })
    }

    async fn prepared(&self) -> Result<&Prepared> {
        let read = async || {
            let mut session = self.pool.session().await?;
            let (schema, table) = (&self.migration.schema, &self.migration.table);
            let shadow_schema = self.migration.shadow_schema();
            let moment = &self.migration.submitted_at;
            let notes = Notes::read(&mut session, &shadow_schema).await?;
            session.run(&notes.settings_for_definitions()).await?;
            let definition = definition(&mut session, schema, table).await?;
            let keys = ForeignKeys::new(&definition, schema, table, &self.statement)?;
            foreign_keys::check_still(&mut session, &keys).await?;
            let (source, statement) = ((schema.as_str(), table.as_str()), &self.statement);
            let prepared = Prepared {
                plan: Plan::read(&mut session, source, &shadow_schema, statement, moment, &notes).await?,
                definition,
                keys,
                notes,
            };
            session.give_back();
            Ok(prepared)
        };
        self.prepared.get_or_try_init(read).await
    }

    /// Up to where the binlog is known to be written.
    fn binlog_end(&self) -> MutexGuard<'_, String> {
        self.binlog_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn plan(&self) -> Result<&Plan> {
        Ok(&self.prepared().await?.plan)
    }

    async fn begin(&self) -> Result<Box<FencedTransaction>> {
        FencedTransaction::begin(&self.pool, &self.lease).await.map(Box::new)
    }

    /// Records progress in the transaction and commits both.
    async fn commit(&self, mut transaction: Box<FencedTransaction>, progress: Progress<'_>) -> Result<()> {
        let recorded = self.checkpoints.record(&mut *transaction, progress).await?;
        transaction.commit(recorded).await
    }

    /// The keys of a range, as many as a chunk may have.
    async fn keys_in(&self, range: &KeyRange) -> Result<Vec<Key>> {
        let plan = self.plan().await?;
        let mut session = self.pool.session().await?;
        let rows: Vec<mysql_async::Row> = session.rows(&plan.keys_in(range)?).await?;
        session.give_back();
        rows.into_iter().map(|row| plan.key.read_row(row)).collect()
    }

    /// Names the row in an error about a row's data.
    async fn named(&self, keys: Vec<Key>, error: Error) -> Error {
        let (Ok(plan), Ok(mut session)) = (self.plan().await, self.pool.session().await) else {
            return error;
        };
        // Dropped afterwards: should a try be cut off, its transaction ends with the session.
        rejected::name_row(&mut session, plan, keys, error).await
    }
}

/// Rolls back after `error`, so that the session can be used again; a lost session needs none.
async fn rolled_back(transaction: Box<FencedTransaction>, error: &Error) -> Result<()> {
    match error.kind() {
        ErrorKind::ServerGone => Ok(()),
        _ => transaction.rollback().await,
    }
}

#[async_trait]
impl OpenStream for OpenMySqlStream {
    async fn swap_state(&self) -> Result<SwapState> {
        let mut session = self.pool.session().await?;
        let migration = &self.migration;
        // They may have been revoked since the migration was submitted; tables that may not be seen would be taken for missing.
        Privileges::read(&mut session).await?.expect_for(&migration.schema)?;
        let schemas = [
            migration.schema.clone(),
            migration.shadow_schema(),
            migration.retired_schema(),
        ];
        let present: Vec<String> = session
            .rows(&format!(
                "SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = {} AND TABLE_SCHEMA IN ({})",
                quote::text(&migration.table),
                schemas.iter().map(|s| quote::text(s)).collect::<Vec<_>>().join(", "),
            ))
            .await?;
        session.give_back();
        let has = |schema: &String| present.iter().any(|p| p.eq_ignore_ascii_case(schema));
        match (has(&schemas[0]), has(&schemas[1]), has(&schemas[2])) {
            (true, true, false) => Ok(SwapState::Shadowed),
            (true, false, true) => Ok(SwapState::Swapped),
            (true, false, false) => Ok(SwapState::Unprepared),
            (source, shadow, retired) => Err(Error::new(
                ErrorKind::Inconsistent,
                format!(
                    "the tables of migration {} are in no state that Outlast leaves them in: source {} {}, shadow {} {}, \
                     retired {} {}. Nothing was changed; find out who dropped or renamed them",
                    migration.id,
                    quote::table(&schemas[0], &migration.table),
                    there(source),
                    quote::table(&schemas[1], &migration.table),
                    there(shadow),
                    quote::table(&schemas[2], &migration.table),
                    there(retired),
                ),
            )),
        }
    }

    async fn propose(&self) -> Result<Choice> {
        let mut session = self.pool.fresh().await?;
        check_fence(&mut session, &self.lease).await?;
        Privileges::read(&mut session)
            .await?
            .expect_for(&self.migration.schema)?;
        instant::drop_trials(&mut session, &self.migration).await?;
        // Of this owner alone: a predecessor that is not dead yet may still be at its own.
        let trial = self.migration.trial_schema(self.lease.epoch);
        let (schema, table) = (&self.migration.schema, &self.migration.table);
        instant::propose(&mut session, &trial, schema, table, &self.statement).await
    }

    async fn intent_state(&self, intent: &Intent) -> Result<IntentState> {
        let mut session = self.pool.session().await?;
        let state = instant::state(&mut session, &self.migration, intent).await?;
        session.give_back();
        Ok(state)
    }

    async fn alter(&self, intent: &Intent) -> Result<Altered> {
        instant::alter(&self.pool, &self.lease, &self.migration, &self.statement, intent).await
    }

    async fn prepare(&self) -> Result<()> {
        let mut session = self.pool.fresh().await?;
        preparation_lock(&mut session, &self.lease).await?;
        if self.checkpoint().await?.is_some() {
            return Ok(());
        }
        prepared_xa::wait_before_preparation(&mut session).await?;
        let (schema, table) = (&self.migration.schema, &self.migration.table);
        let Shadow { plan, made_of, notes } = shadow::create(
            &mut session,
            &self.migration.shadow_schema(),
            schema,
            table,
            &self.statement,
            &self.migration.submitted_at,
            self.migration.options.defer_indexes,
        )
        .await?;
        let retired = quote::identifier(&self.migration.retired_schema());
        let create = format!("CREATE DATABASE IF NOT EXISTS {retired}");
        failpoint!(session, Step::PrepareRetired, session.run(&create).await)?;
        let position = executed(&mut session).await?;
        prepared_xa::wait_for_end(&mut session).await?;
        shadow::check_unaltered(&mut session, schema, table, &made_of).await?;
        let keys = ForeignKeys::new(&made_of, schema, table, &self.statement)?;
        let transaction = self.begin().await?;
        let begun = Progress::Begin { position: &position };
        failpoint!(self.pool, Step::PrepareCommit, self.commit(transaction, begun).await)?;
        // Only now: an attempt that fails is followed by another one, which makes another shadow. Nothing prepares after this one, so
        // the cell is empty.
        let _ = self.prepared.set(Prepared {
            plan,
            keys,
            definition: made_of,
            notes,
        });
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        self.checkpoints.load(&self.lease.server, &self.lease.migration).await
    }

    async fn table_rows(&self) -> Result<u64> {
        let mut session = self.pool.session().await?;
        let rows = crate::examine::estimated_rows(&mut session, &self.migration.schema, &self.migration.table).await?;
        session.give_back();
        Ok(rows)
    }

    async fn read_ahead(&self) {
        if let Err(error) = self.prepared().await {
            tracing::debug!(%error, "the tables can't be read yet");
        }
    }

    async fn executed(&self) -> Result<GtidSet> {
        // Several loops ask at once, and hear their answers in any order: each knows only that its own is later than this.
        let last = self.binlog_end().clone();
        let mut session = self.pool.session().await?;
        let set = executed(&mut session).await?;
        let end = session.binlog_end().await?;
        session.give_back();
        if is_before(&end, &last) {
            let what = format!(
                "{} had written its binlogs up to {last}, and is at {end} now: somebody has reset its binlogs and GTIDs. What was \
                 written since then can't be told from what was copied; clean this migration up and submit it anew",
                self.lease.server
            );
            return Err(Error::new(ErrorKind::Inconsistent, what));
        }
        let mut last = self.binlog_end();
        if !is_before(&end, &last) {
            *last = end;
        }
        drop(last);
        Ok(set)
    }

    async fn boundary(&self, range: &KeyRange, rows: u64) -> Result<Option<Key>> {
        let plan = self.plan().await?;
        let mut session = self.pool.session().await?;
        let row: Option<mysql_async::Row> = session.first(&plan.boundary(range, rows)?).await?;
        session.give_back();
        row.map(|row| plan.key.read_row(row)).transpose()
    }

    async fn copy(&self, range: &KeyRange) -> Result<Copied> {
        let plan = self.plan().await?;
        let mut transaction = self.begin().await?;
        let sql = plan.copy(range)?;
        let copied = failpoint!(self.pool, Step::ChunkRows, transaction.session().run(&sql).await);
        let error = match copied {
            Ok(rows) => {
                let chunk = Chunk {
                    range: range.clone(),
                    rows,
                };
                let progress = Progress::Copied(&chunk);
                return failpoint!(self.pool, Step::ChunkCommit, self.commit(transaction, progress).await)
                    .map(|()| Copied::Rows(rows));
            }
            Err(error) => error,
        };
        rolled_back(transaction, &error).await?;
        match error.kind() {
            ErrorKind::Duplicate => {}
            ErrorKind::DataRejected => return Err(self.named(self.keys_in(range).await?, error).await),
            _ => return Err(error),
        }
        let condition = plan.key.in_range(range)?;
        let mut session = self.pool.session().await?;
        let blocking = collision::blocking(&mut session, plan, &error, &condition).await?;
        session.give_back();
        let rows = blocking.as_ref().and_then(|blocking| blocking.rows(plan));
        // The server names value and key.
        let duplicate = error.message().to_owned();
        Ok(Copied::Collision(Collision {
            keys: blocking.map(|blocking| blocking.keys).unwrap_or_default(),
            duplicate,
            message: collision::about(error, rows).message().to_owned(),
        }))
    }

    async fn apply(&self, applier: Applier, keys: &[Key], position: &GtidSet) -> Result<Vec<Key>> {
        let plan = self.plan().await?;
        let (progress, in_the_way) = match applier {
            Applier::Alone => (Progress::Advanced { position }, InTheWay::Displace),
            // They may be another applier's.
            Applier::OneOf(applier) => (Progress::Applied { applier, position }, InTheWay::Leave),
        };
        let mut transaction = self.begin().await?;
        let written = failpoint!(
            self.pool,
            Step::ApplyRows,
            reread(transaction.session(), plan, keys, in_the_way).await
        );
        let error = match written {
            Ok(displaced) => {
                failpoint!(self.pool, Step::ApplyCommit, self.commit(transaction, progress).await)?;
                return Ok(displaced);
            }
            Err(error) => error,
        };
        rolled_back(transaction, &error).await?;
        match error.kind() {
            ErrorKind::Duplicate => Err(error),
            _ => Err(self.named(keys.to_vec(), error).await),
        }
    }

    async fn advance(&self, position: &GtidSet) -> Result<()> {
        let transaction = self.begin().await?;
        let progress = Progress::Advanced { position };
        failpoint!(self.pool, Step::AdvanceCommit, self.commit(transaction, progress).await)
    }

    async fn fold(&self, upto: Option<&Key>, chunks: &[Chunk]) -> Result<()> {
        let transaction = self.begin().await?;
        let progress = Progress::Folded { upto, chunks };
        failpoint!(self.pool, Step::FoldCommit, self.commit(transaction, progress).await)
    }

    async fn changes(&self, position: &GtidSet) -> Result<Box<dyn Changes>> {
        let plan = self.plan().await?.clone();
        let own_schemas = [self.migration.shadow_schema(), self.migration.retired_schema()];
        let mut side = self.pool.fresh().await?;
        // Replicas have small server ids; two readers with one id would end each other.
        let random: u32 = side.value("SELECT FLOOR(RAND() * 1000000000)").await?;
        let server_id = 3_000_000_000 + random;
        let session = self.pool.fresh().await?;
        Ok(Box::new(
            BinlogChanges::open(session, side, plan, own_schemas, position, server_id).await?,
        ))
    }

    async fn missing_indexes(&self) -> Result<Vec<String>> {
        let Some(whole) = &self.prepared().await?.notes.whole else {
            return Ok(Vec::new());
        };
        let mut session = self.pool.session().await?;
        let (schema, table) = (self.migration.shadow_schema(), &self.migration.table);
        let missing = indexes::missing(&mut session, &schema, table, whole).await?;
        session.give_back();
        Ok(missing.into_iter().map(|index| index.name).collect())
    }

    async fn build_indexes(&self) -> Result<()> {
        let prepared = self.prepared().await?;
        let Some(whole) = &prepared.notes.whole else {
            return Ok(());
        };
        let mut session = self.pool.fresh().await?;
        expect_no_backup(&mut session).await?;
        preparation_lock(&mut session, &self.lease).await?;
        session.run(&prepared.notes.settings_for_definitions()).await?;
        let (schema, table) = (self.migration.shadow_schema(), &self.migration.table);
        let missing = indexes::missing(&mut session, &schema, table, whole).await?;
        if missing.is_empty() {
            return Ok(());
        }
        indexes::build(&self.pool, &mut session, &schema, table, &missing).await
    }

    async fn lock(&self) -> Result<Box<dyn CutOver>> {
        let prepared = self.prepared().await?;
        let missing = self.missing_indexes().await?;
        if !missing.is_empty() {
            return Err(Error::new(
                ErrorKind::Inconsistent,
                format!(
                    "the new table lacks indexes that it had ({}): somebody dropped them",
                    missing.join(", ")
                ),
            ));
        }
        let tables = LockedTables::lock(
            &self.pool,
            &self.lease,
            &self.migration,
            &prepared.plan,
            &prepared.notes,
            &prepared.definition,
            &prepared.keys,
        );
        Ok(Box::new(failpoint!(self.pool, Step::CutOverLock, tables.await)?))
    }

    async fn mend(&self) -> Result<()> {
        let keys = foreign_keys::mend(&self.pool, &self.lease, &self.migration);
        // Neither is broken off because of the other.
        let (state, keys) = join(self.swap_state(), keys).await;
        keys?;
        if state? == SwapState::Swapped {
            let mut session = self.pool.session().await?;
            let schema = self.migration.shadow_schema();
            failpoint!(
                session,
                Step::MendDropSchema,
                shadow::drop_if_empty(&mut session, &schema).await
            )?;
            session.give_back();
        }
        Ok(())
    }
}

/// Lets this session alone do DDL on the migration's own schemas.
///
/// DDL commits by itself and can't be fenced row by row. A server-wide lock keeps two such sessions apart: whoever gets it
/// after an adoption finds the fence changed.
///
/// # Errors
/// `Passing` if another session has it; `Fenced`.
pub(crate) async fn preparation_lock(session: &mut Session, lease: &Lease) -> Result<()> {
    let lock = quote::text(&format!("outlast/prepare/{}", lease.migration));
    let locked: Option<i64> = session.value(&format!("SELECT GET_LOCK({lock}, 2)")).await?;
    if locked != Some(1) {
        return Err(Error::new(
            ErrorKind::Passing,
            "another session still changes the definition of this migration's new table",
        ));
    }
    check_fence(session, lease).await
}

/// `@@gtid_executed`.
///
/// # Errors
/// Those of the server.
pub(crate) async fn executed(session: &mut Session) -> Result<GtidSet> {
    let text: String = session.value("SELECT @@GLOBAL.gtid_executed").await?;
    text.parse()
        .map_err(|e| Error::new(ErrorKind::Inconsistent, "@@gtid_executed can't be read").with_source(e))
}

fn there(present: bool) -> &'static str {
    if present { "is there" } else { "is missing" }
}
