//! Moves rows from a source table to its shadow on MySQL: row copy by key ranges, catch-up from the binlog, cut-over.
//!
//! The binlog says which keys changed, and the server moves the rows (invariant I2): a chunk is one `INSERT … SELECT` over a
//! key range, a change is a `DELETE` and an `INSERT … SELECT` of its key. Values never pass through this program; only key
//! columns are ever decoded.
//!
//! Usable without the scheduler: open a [`Stream`] under a lease whose fence row you wrote, and drive
//! it with [`outlast_core::engine`] or step by step.

mod changes;
mod check_up;
mod collision;
mod convert;
mod cut_over;
mod examine;
mod foreign;
mod foreign_keys;
mod in_the_way;
mod indexes;
mod instant;
mod key;
mod lexer;
mod modifiers;
mod notes;
mod open;
mod plan;
mod prepared_xa;
mod privileges;
mod rehearsal;
mod rejected;
mod reread;
mod shadow;
mod space;
mod statement;
mod table;
mod turn;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use outlast_core::{
    CheckpointStore, Error, ErrorKind, Lease, Migration, Result, Server,
    check_up::{Check, Wanted},
    stream::{Examination, Examined, OpenStream, Stream},
};
use outlast_mysql::{Connector, Purpose, SessionPool, failpoint, quote};

use crate::statement::AlterStatement;

/// Streams on MySQL.
pub struct MySqlStream {
    connector: Connector,
    checkpoints: Arc<dyn CheckpointStore>,
}

impl MySqlStream {
    /// A stream backend that records its progress in `checkpoints`, which must write in
    /// [`FencedTransaction`](outlast_mysql::FencedTransaction)s.
    pub fn new(connector: Connector, checkpoints: Arc<dyn CheckpointStore>) -> Self {
        Self { connector, checkpoints }
    }
}

#[async_trait]
impl Stream for MySqlStream {
    fn target(&self, request: &Examination) -> Result<(String, String)> {
        examine::target(&AlterStatement::parse(&request.statement)?, request)
    }

    async fn examine(&self, primary: &Server, request: &Examination) -> Result<Examined> {
        let mut session = self.connector.connect(primary, &Purpose::default()).await?;
        let random: u32 = session.value("SELECT FLOOR(RAND() * 4000000000)").await?;
        let trial = format!("_outlast_try_{random:08x}");
        let examined = examine::examine(&mut session, request, &trial).await;
        // A session that was lost could not tidy up.
        if let Err(error) = &examined
            && error.kind() == ErrorKind::ServerGone
            && let Ok(mut another) = self.connector.connect(primary, &Purpose::default()).await
        {
            examine::drop_trial(&mut another, &trial).await?;
        }
        examined
    }

    async fn check_up(&self, server: &Server, wanted: &Wanted) -> Result<Vec<Check>> {
        let mut session = self.connector.connect(server, &Purpose::default()).await?;
        check_up::check_up(&mut session, wanted).await
    }

    async fn open(&self, lease: &Lease, migration: &Migration) -> Result<Arc<dyn OpenStream>> {
        let purpose = Purpose {
            migration: Some(lease.migration.clone()),
            incarnation: Some(lease.incarnation.clone()),
        };
        let pool = SessionPool::for_one_life(self.connector.clone(), lease.server.clone(), purpose);
        // Whoever opens a stream learns at once that the server is gone, or is another one.
        pool.session().await?.give_back();
        let checkpoints = Arc::clone(&self.checkpoints);
        Ok(Arc::new(open::OpenMySqlStream::new(
            pool,
            checkpoints,
            lease,
            migration,
        )?))
    }

    async fn own_tables(&self, server: &Server) -> Result<BTreeSet<(String, String)>> {
        let mut session = self.connector.connect(server, &Purpose::default()).await?;
        let tables: Vec<(String, String)> = session
            .rows(
                "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
                 WHERE LEFT(TABLE_SCHEMA, 13) IN ('_outlast_new_', '_outlast_old_')",
            )
            .await?;
        let is_table = |(_, name): &(String, String)| name != notes::TABLE;
        Ok(tables.into_iter().filter(is_table).collect())
    }

    async fn clean_up(&self, primary: &Server, migration: &Migration) -> Result<()> {
        if !migration.status.is_final() {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!(
                    "migration {} is {}; cancel it before it is cleaned up",
                    migration.id, migration.status
                ),
            ));
        }
        let mut session = self.connector.connect(primary, &Purpose::default()).await?;
        for schema in [migration.shadow_schema(), migration.retired_schema()] {
            let drop = format!("DROP DATABASE IF EXISTS {}", quote::identifier(&schema));
            failpoint!(session, Step::CleanupDrop, session.run(&drop).await)?;
        }
        failpoint!(
            session,
            Step::CleanupDropTrials,
            instant::drop_trials(&mut session, migration).await
        )?;
        Ok(())
    }
}
