//! The backend itself.

use async_trait::async_trait;
use outlast_core::{
    CheckpointStore, Error, ErrorKind, MigrationId, Result, Server,
    check_up::Check,
    checkpoint::{Checkpoint, Progress, Recorded, Transaction},
};
use outlast_mysql::{Connector, FencedTransaction, SessionPools, failpoint, is_missing, quote};

use crate::{load, record, schema};

/// [`CheckpointStore`] on the tables `positions`, `watermarks` and `copied_ranges` of the schema `_outlast`.
///
/// Records in a [`FencedTransaction`] and in no other.
pub struct MySqlCheckpoints {
    sessions: SessionPools,
}

impl MySqlCheckpoints {
    /// A store that reaches servers through `connector`. Connects when it is first asked something.
    pub fn new(connector: Connector) -> Self {
        Self {
            sessions: SessionPools::new(connector),
        }
    }
}

#[async_trait]
impl CheckpointStore for MySqlCheckpoints {
    async fn install(&self, primary: &Server) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        schema::TABLES.install(&mut session).await?;
        session.give_back();
        Ok(())
    }

    async fn check_up(&self, server: &Server) -> Result<Vec<Check>> {
        let mut session = self.sessions.session(server).await?;
        let check = schema::TABLES.check_up(&mut session).await?;
        session.give_back();
        Ok(vec![check])
    }

    async fn load(&self, server: &Server, id: &MigrationId) -> Result<Option<Checkpoint>> {
        let mut session = self.sessions.session(server).await?;
        let checkpoint = load::load(&mut session, id).await?;
        session.give_back();
        Ok(checkpoint)
    }

    async fn record(&self, transaction: &mut dyn Transaction, progress: Progress<'_>) -> Result<Recorded> {
        let id = transaction.lease().migration.clone();
        let Some(fenced) = transaction.as_any_mut().downcast_mut::<FencedTransaction>() else {
            return Err(Error::new(
                ErrorKind::Inconsistent,
                "progress was to be recorded on MySQL in a transaction of another kind of backend; nothing was written; \
                 combine the MySQL checkpoint store with the MySQL stream",
            ));
        };
        record::record(fenced.session(), &id, progress).await?;
        Ok(Recorded::within(fenced))
    }

    async fn forget(&self, primary: &Server, id: &MigrationId) -> Result<()> {
        let mut session = self.sessions.writable(primary).await?;
        session.run("START TRANSACTION").await?;
        for table in ["watermarks", "copied_ranges", "positions"] {
            let sql = format!(
                "DELETE FROM _outlast.{table} WHERE migration = {}",
                quote::text(id.as_str())
            );
            match session.run(&sql).await {
                Err(error) if is_missing(&error) => {}
                deleted => drop(deleted?),
            }
        }
        failpoint!(session, Step::CleanupForget, session.run("COMMIT").await)?;
        session.give_back();
        Ok(())
    }
}
