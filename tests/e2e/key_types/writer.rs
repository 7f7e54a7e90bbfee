//! A writer that uses transactions of every shape.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use mysql_async::{Conn, prelude::Queryable};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{PACE, ROWS, kind::Kind};

/// How a transaction is run, and how it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `BEGIN … COMMIT`.
    Plain,
    /// `BEGIN … ROLLBACK`.
    TakenBack,
    /// The first change is undone by `ROLLBACK TO SAVEPOINT`.
    Savepoint,
    /// `XA COMMIT … ONE PHASE`.
    OnePhase,
    /// `XA PREPARE`; it ends some transactions later, by XA COMMIT or XA ROLLBACK.
    Prepared,
}

/// An XA transaction that waits for its end.
pub(super) struct Pending {
    pub(super) xid: String,
    /// The rows it has locked.
    pub(super) rows: BTreeSet<u64>,
    /// Which rows exist if it is committed, among those.
    pub(super) present: BTreeSet<u64>,
    pub(super) transactions_left: u32,
}

/// Writes to one table, and knows which of its rows exist.
pub(super) struct Writer {
    pub(super) kind: Kind,
    pub(super) conn: Conn,
    pub(super) rng: StdRng,
    pub(super) present: BTreeSet<u64>,
    pub(super) pending: Option<Pending>,
    pub(super) serial: u64,
    pub(super) committed: Arc<AtomicU64>,
}

/// Changes that are to be made in one transaction.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) statements: Vec<String>,
    /// Rows it touches.
    pub(super) rows: BTreeSet<u64>,
    /// Which rows exist after it.
    pub(super) present: BTreeSet<u64>,
}

impl Writer {
    pub(super) async fn new(kind: Kind, mut conn: Conn, seed: u64) -> Result<Self> {
        conn.query_drop("SET SESSION transaction_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 5")
            .await?;
        Ok(Self {
            kind,
            conn,
            rng: StdRng::seed_from_u64(seed),
            present: (1..=2 * ROWS).step_by(2).collect(),
            pending: None,
            serial: 0,
            committed: Arc::default(),
        })
    }

    /// Writes until told to stop; no XA transaction is left open.
    pub(super) async fn run(mut self, stop: Arc<AtomicBool>) -> Result<()> {
        let mut pace = tokio::time::interval(PACE);
        while !stop.load(Ordering::SeqCst) {
            pace.tick().await;
            self.transaction()
                .await
                .with_context(|| format!("the writer of {}", self.kind.name))?;
            self.committed.fetch_add(1, Ordering::SeqCst);
        }
        self.end_pending().await
    }

    pub(super) async fn transaction(&mut self) -> Result<()> {
        if let Some(pending) = &mut self.pending {
            match pending.transactions_left {
                0 => return self.end_pending().await,
                _ => pending.transactions_left -= 1,
            }
        }
        self.choose_logging().await?;
        let shape = match self.rng.random_range(0..10) {
            0 => Shape::TakenBack,
            1 => Shape::Savepoint,
            2 => Shape::OnePhase,
            3 if self.pending.is_none() => Shape::Prepared,
            _ => Shape::Plain,
        };
        let mut draft = Draft {
            present: self.present.clone(),
            ..Draft::default()
        };
        let changes = self.rng.random_range(1..=4);
        let mut savepoint = None;
        for nth in 0..changes {
            if shape == Shape::Savepoint && nth == 0 {
                draft.statements.push("SAVEPOINT before_it".to_owned());
                let before = draft.present.clone();
                self.change(&mut draft);
                draft.statements.push("ROLLBACK TO SAVEPOINT before_it".to_owned());
                savepoint = Some(before);
            } else {
                self.change(&mut draft);
            }
            if let Some(before) = savepoint.take() {
                draft.present = before;
            }
        }
        self.serial += 1;
        let xid = format!("'{}','branch-{}',{}", self.kind.name, self.serial, 1 + self.serial % 3);
        let (begin, end): (String, Vec<String>) = match shape {
            Shape::Plain | Shape::Savepoint => ("BEGIN".to_owned(), vec!["COMMIT".to_owned()]),
            Shape::TakenBack => ("BEGIN".to_owned(), vec!["ROLLBACK".to_owned()]),
            Shape::OnePhase => (
                format!("XA START {xid}"),
                vec![format!("XA END {xid}"), format!("XA COMMIT {xid} ONE PHASE")],
            ),
            Shape::Prepared => (
                format!("XA START {xid}"),
                vec![format!("XA END {xid}"), format!("XA PREPARE {xid}")],
            ),
        };
        for sql in [begin].iter().chain(&draft.statements).chain(&end) {
            self.conn.query_drop(sql).await.with_context(|| sql.clone())?;
        }
        match shape {
            Shape::TakenBack => {}
            Shape::Prepared => {
                let present = draft.rows.intersection(&draft.present).copied().collect();
                let transactions_left = self.rng.random_range(0..15);
                self.pending = Some(Pending {
                    xid,
                    rows: draft.rows,
                    present,
                    transactions_left,
                });
            }
            _ => self.present = draft.present,
        }
        Ok(())
    }

    /// How the next transaction is logged.
    pub(super) async fn choose_logging(&mut self) -> Result<()> {
        let compression = if self.rng.random_bool(0.3) { "ON" } else { "OFF" };
        let has_primary_key = self.kind.key.starts_with("PRIMARY");
        let image = match self.rng.random_range(0..4) {
            0 if has_primary_key => "MINIMAL",
            1 if has_primary_key => "NOBLOB",
            _ => "FULL",
        };
        let sql = format!("SET SESSION binlog_transaction_compression = {compression}, binlog_row_image = {image}");
        self.conn.query_drop(sql).await.context("choosing how to log")
    }

    pub(super) async fn end_pending(&mut self) -> Result<()> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        if self.rng.random_bool(0.7) {
            self.conn
                .query_drop(format!("XA COMMIT {}", pending.xid))
                .await
                .context("XA COMMIT")?;
            self.present = self
                .present
                .difference(&pending.rows)
                .chain(&pending.present)
                .copied()
                .collect();
        } else {
            self.conn
                .query_drop(format!("XA ROLLBACK {}", pending.xid))
                .await
                .context("XA ROLLBACK")?;
        }
        Ok(())
    }

    /// A row that exists (or does not), that no prepared transaction has locked.
    pub(super) fn pick(&mut self, draft: &mut Draft, exists: bool) -> u64 {
        loop {
            let n = self.rng.random_range(1..=2 * ROWS);
            let is_locked = self.pending.as_ref().is_some_and(|pending| pending.rows.contains(&n));
            if !is_locked && draft.present.contains(&n) == exists {
                draft.rows.insert(n);
                return n;
            }
        }
    }

    /// Adds one change to the transaction.
    pub(super) fn change(&mut self, draft: &mut Draft) {
        let (kind, table) = (self.kind, self.kind.table());
        self.serial += 1;
        let serial = self.serial;
        let insert = |n: u64| {
            let values = kind.values(&n.to_string()).join(", ");
            format!(
                "INSERT INTO {table} ({}, v, code, note) VALUES ({values}, {serial}, 'new-{serial}', 'inserted')",
                kind.names()
            )
        };
        let update = |n: u64, assignment: &str| format!("UPDATE {table} SET {assignment} WHERE {}", kind.is(n));
        let delete = |n: u64| format!("DELETE FROM {table} WHERE {}", kind.is(n));
        match self.rng.random_range(0..9) {
            0 | 1 => {
                let n = self.pick(draft, false);
                draft.statements.push(insert(n));
                draft.present.insert(n);
            }
            2 | 3 => {
                let n = self.pick(draft, true);
                draft
                    .statements
                    .push(update(n, &format!("v = v + {serial}, note = 'updated {serial}'")));
            }
            4 => {
                let (from, to) = (self.pick(draft, true), self.pick(draft, false));
                draft
                    .statements
                    .push(update(from, &format!("{}, note = 'moved'", kind.becomes(to))));
                draft.present.remove(&from);
                draft.present.insert(to);
            }
            5 => {
                let n = self.pick(draft, true);
                draft.statements.push(delete(n));
                draft.present.remove(&n);
            }
            6 => {
                let n = self.pick(draft, true);
                draft.statements.extend([delete(n), insert(n)]);
            }
            7 => {
                let respell = kind.respell.unwrap_or("note = 'respelled'");
                let n = self.pick(draft, true);
                draft.statements.push(update(n, respell));
            }
            // Two rows swap their keys and their unique values.
            _ => {
                let (a, b, free) = (self.pick(draft, true), self.pick(draft, true), self.pick(draft, false));
                if a == b {
                    return;
                }
                let code = |n: u64, into: &str| format!("SELECT code INTO @{into} FROM {table} WHERE {}", kind.is(n));
                draft.statements.extend([
                    code(a, "a"),
                    code(b, "b"),
                    update(a, &format!("{}, code = NULL", kind.becomes(free))),
                    update(b, &format!("{}, code = @a", kind.becomes(a))),
                    update(free, &format!("{}, code = @b", kind.becomes(b))),
                ]);
            }
        }
    }
}
