//! What the application does while its table is migrated: sessions that run a case's statements, and count what they change.

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Node, eventually};
use outlast_tests::case::{Case, Stage, Statement};

use crate::player::{AS_CLIENTS_DO, PATIENCE};

/// The application's session of one stage.
pub(crate) struct Application<'a> {
    conn: Conn,
    case: &'a Case,
    stage: Stage,
    ran: bool,
}

impl<'a> Application<'a> {
    pub(crate) async fn connect(node: &Node, case: &'a Case, schema: &str, stage: Stage) -> Result<Self> {
        let mut conn = node.connect().await?;
        conn.query_drop(AS_CLIENTS_DO).await?;
        conn.query_drop(format!("USE {schema}")).await?;
        for sql in &case.session {
            conn.query_drop(sql).await.with_context(|| sql.clone())?;
        }
        Ok(Self {
            conn,
            case,
            stage,
            ran: false,
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// What is done once in this stage.
    pub(crate) async fn once(&mut self) -> Result<()> {
        self.run_all(self.case.once(self.stage), "").await
    }

    /// One round of what is done again and again. The number must never come twice.
    pub(crate) async fn round(&mut self, number: u64) -> Result<()> {
        self.conn.query_drop(format!("SET @round = {number}")).await?;
        self.run_all(&self.case.round, &format!(", round {number}")).await
    }

    async fn run_all(&mut self, statements: &[Statement], round: &str) -> Result<()> {
        for statement in statements {
            self.ran = true;
            match self.conn.query_drop(&statement.sql).await {
                Ok(()) => {}
                Err(mysql_async::Error::Server(error)) if self.case.errors.contains(&error.code) => {}
                Err(error) => bail!(
                    "the application's statement of line {} ({}{round}) failed: {error}\n  {}",
                    statement.line,
                    self.stage,
                    statement.sql
                ),
            }
        }
        Ok(())
    }

    /// Ends the session; when this returns, the server has forgotten it. Returns how many rows its statements changed; none if
    /// it had no statements.
    pub(crate) async fn end(mut self, node: &Node) -> Result<Option<u64>> {
        // The statements of procedures count here, whatever the last of them is.
        let sql = "SELECT SUM(SUM_ROWS_AFFECTED) FROM performance_schema.events_statements_summary_by_thread_by_event_name \
                   WHERE THREAD_ID = PS_CURRENT_THREAD_ID()";
        let changed: Option<u64> = self.conn.query_first(sql).await?;
        let id = self.conn.id();
        self.conn.disconnect().await?;
        let sql = format!("SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_ID = {id}");
        eventually("the end of a session", PATIENCE, || async {
            let sessions: u64 = node.query_one(&sql).await?;
            ensure!(sessions == 0, "it is there still");
            Ok(())
        })
        .await?;
        Ok(changed.filter(|_| self.ran))
    }
}
