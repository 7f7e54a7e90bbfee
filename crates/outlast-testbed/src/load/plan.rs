//! One transaction of the application, thought out before it is sent.

use mysql_async::{Params, Value};

use super::ledger::RowState;
use crate::table::TableName;

/// Statements in order, and what they leave behind if they are committed.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) effects: Vec<(u64, Option<RowState>)>,
    pub(crate) end: End,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// One statement that commits by itself.
    #[default]
    Autocommit,
    Commit,
    Rollback,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) sql: String,
    pub(crate) params: Params,
    pub(crate) kind: StepKind,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    /// Inserts this row under a key the server chooses; `kept` unless a savepoint takes it back.
    Insert { row: RowState, kept: bool },
    /// Changes exactly one row, this one.
    Change { id: u64 },
    /// Says something about the transaction.
    Control,
}

/// Writes the steps of a [`Plan`].
pub(crate) struct Planner<'a> {
    table: &'a TableName,
    plan: Plan,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(table: &'a TableName, end: End) -> Self {
        Self {
            table,
            plan: Plan { end, ..Plan::default() },
        }
    }

    pub(crate) fn finish(self) -> Plan {
        self.plan
    }

    pub(crate) fn insert(&mut self, row: RowState, kept: bool) {
        let sql = format!(
            "INSERT INTO {} (writer, version, email, payload, amount) VALUES (?, ?, ?, ?, ?)",
            self.table
        );
        let params = vec![
            row.writer.into(),
            row.version.into(),
            row.email.clone().into(),
            payload(row.version).into(),
            amount(row.version).into(),
        ];
        self.step(sql, params, StepKind::Insert { row, kept });
    }

    /// Inserts under a key whose row was deleted before.
    pub(crate) fn insert_at(&mut self, id: u64, row: RowState) {
        let sql = format!(
            "INSERT INTO {} (id, writer, version, email, payload, amount) VALUES (?, ?, ?, ?, ?, ?)",
            self.table
        );
        let params = vec![
            id.into(),
            row.writer.into(),
            row.version.into(),
            row.email.clone().into(),
            payload(row.version).into(),
            amount(row.version).into(),
        ];
        self.step(sql, params, StepKind::Change { id });
        self.plan.effects.push((id, Some(row)));
    }

    /// Writes a row anew; `kept` unless a savepoint takes it back.
    pub(crate) fn update(&mut self, id: u64, row: RowState, kept: bool) {
        let sql = format!(
            "UPDATE {} SET writer = ?, version = ?, email = ?, payload = ?, amount = ? WHERE id = ?",
            self.table
        );
        let params = vec![
            row.writer.into(),
            row.version.into(),
            row.email.clone().into(),
            payload(row.version).into(),
            amount(row.version).into(),
            id.into(),
        ];
        self.step(sql, params, StepKind::Change { id });
        if kept {
            self.plan.effects.push((id, Some(row)));
        }
    }

    pub(crate) fn change_key(&mut self, from: u64, to: u64, row: RowState) {
        let sql = format!(
            "UPDATE {} SET id = ?, writer = ?, version = ?, email = ? WHERE id = ?",
            self.table
        );
        let params = vec![
            to.into(),
            row.writer.into(),
            row.version.into(),
            row.email.clone().into(),
            from.into(),
        ];
        self.step(sql, params, StepKind::Change { id: from });
        self.plan.effects.push((from, None));
        self.plan.effects.push((to, Some(row)));
    }

    pub(crate) fn delete(&mut self, id: u64) {
        let sql = format!("DELETE FROM {} WHERE id = ?", self.table);
        self.step(sql, vec![id.into()], StepKind::Change { id });
        self.plan.effects.push((id, None));
    }

    /// Gives each of two rows the other's unique value, by way of a third value. The rows stand in their states to be.
    pub(crate) fn swap_emails(&mut self, (a, a_row): (u64, RowState), (b, b_row): (u64, RowState)) {
        let between = RowState {
            email: format!("swap-{}", a_row.version),
            ..a_row.clone()
        };
        self.update(a, between, false);
        self.update(
            b,
            RowState {
                version: b_row.version - 1,
                ..b_row.clone()
            },
            false,
        );
        self.update(a, a_row, true);
        self.update(b, b_row, true);
    }

    pub(crate) fn control(&mut self, sql: &str) {
        self.step(sql.to_owned(), Vec::new(), StepKind::Control);
    }

    fn step(&mut self, sql: String, params: Vec<Value>, kind: StepKind) {
        let params = if params.is_empty() {
            Params::Empty
        } else {
            Params::Positional(params)
        };
        self.plan.steps.push(Step { sql, params, kind });
    }
}

fn payload(version: i64) -> String {
    format!("payload of version {version} — naïve ≠ ASCII")
}

fn amount(version: i64) -> String {
    format!("{}.{:02}", version % 1_000_000, version % 100)
}
