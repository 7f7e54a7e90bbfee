//! What the application does while its table is migrated: sessions that run a case's statements, and count what they change.

use anyhow::{Context, Result, bail, ensure};
use mysql_async::{Conn, Row, prelude::Queryable};
use outlast_testbed::{Node, eventually};
use outlast_tests::case::{Case, Stage, Statement};

use crate::player::PATIENCE;

/// The application's session of one stage.
pub(crate) struct Application<'a> {
    conn: Conn,
    case: &'a Case,
    stage: Stage,
    ran: bool,
    changed: u64,
}

impl<'a> Application<'a> {
    pub(crate) async fn connect(node: &Node, case: &'a Case, schema: &str, stage: Stage) -> Result<Self> {
        let mut conn = node.connect().await?;
        conn.query_drop(format!("USE {schema}")).await?;
        for sql in &case.session {
            conn.query_drop(sql).await.with_context(|| sql.clone())?;
        }
        Ok(Self {
            conn,
            case,
            stage,
            ran: false,
            changed: 0,
        })
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
            match run(&mut self.conn, &statement.sql).await {
                Ok(changed) => self.changed += changed,
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

    /// Ends the session; when this returns, the server has forgotten it. Its statements must have changed something.
    pub(crate) async fn end(self, node: &Node) -> Result<()> {
        let id = self.conn.id();
        self.conn.disconnect().await?;
        let sql = format!("SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_ID = {id}");
        eventually("the end of a session", PATIENCE, || async {
            let sessions: u64 = node.query_one(&sql).await?;
            ensure!(sessions == 0, "it is there still");
            Ok(())
        })
        .await?;
        // A statement that makes a migration stop is mostly DDL.
        let must_change = !matches!(self.case.expect, outlast_tests::case::Expect::Stops(_));
        ensure!(
            !self.ran || self.changed > 0 || !must_change,
            "the statements of stage {} changed no row",
            self.stage
        );
        Ok(())
    }
}

/// Runs a statement; returns how many rows it changed. A procedure's result sets come before the number of its last statement.
pub(crate) async fn run(conn: &mut Conn, sql: &str) -> mysql_async::Result<u64> {
    let mut result = conn.query_iter(sql).await?;
    let mut changed = 0;
    loop {
        if result.columns_ref().is_empty() {
            changed += result.affected_rows();
            if result.is_empty() {
                return Ok(changed);
            }
        }
        result.collect::<Row>().await?;
    }
}
