//! What the primary's binlog says has happened, read by the driver's own decoder and not by Outlast's.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use mysql_async::{
    BinlogStreamRequest, Value,
    binlog::{
        events::{EventData, RowsEventData, TableMapEvent},
        row::BinlogRow,
        value::BinlogValue,
    },
};

use crate::stage::Stage;

/// What happened, in the order of the binlog.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    /// RENAMEs that put the source away.
    pub(crate) swaps: usize,
    /// ALTERs of the table itself, since the migration was submitted.
    pub(crate) alters: usize,
    /// Ids of rows that were changed after the swap.
    pub(crate) changed_after_swap: BTreeSet<u64>,
    /// Transactions that were read: source and number.
    seen: BTreeSet<([u8; 16], u64)>,
    /// Epochs and owners (agent's life and server), as the fence was written.
    pub(crate) owners: Vec<(u64, String, String)>,
}

impl History {
    /// Reads the binlog of the primary to its end, after what was read of it before it was purged.
    pub(crate) async fn read(stage: &Stage) -> Result<Self> {
        let node = stage.cluster.primary();
        let id_column: u64 = node
            .query_one(
                "SELECT ORDINAL_POSITION - 1 FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = 'test' AND TABLE_NAME = 'customers' AND COLUMN_NAME = 'id'",
            )
            .await?;
        // As the table is now; before a swap, no rows are looked at.
        let id_column = usize::try_from(id_column)?;
        let purged: String = node.query_one("SELECT @@GLOBAL.gtid_purged").await?;
        let sids = purged.split(',').map(str::trim).filter(|sid| !sid.is_empty());
        let sids = sids
            .map(|sid| sid.parse().map_err(anyhow::Error::from))
            .collect::<Result<Vec<_>>>()?;
        let request = BinlogStreamRequest::new(4_000_000_002)
            .with_gtid()
            .with_gtid_set(sids)
            .with_non_blocking();
        let mut binlog = node.connect().await?.get_binlog_stream(request).await?;
        let mut history = stage.remembered_history();
        let mut maps: HashMap<u64, TableMapEvent<'static>> = HashMap::new();
        let mut is_new = true;
        while let Some(event) = binlog.next().await {
            match event?.read_data()? {
                Some(EventData::GtidEvent(gtid)) => is_new = history.seen.insert((gtid.sid(), gtid.gno())),
                _ if !is_new => {}
                Some(EventData::QueryEvent(query)) => history.statement(stage, &query.query()),
                Some(EventData::TableMapEvent(map)) => {
                    maps.insert(map.table_id(), map.into_owned());
                }
                Some(EventData::RowsEvent(rows)) => {
                    let map = maps.get(&rows.table_id()).context("rows of an unknown table")?;
                    history.rows(stage, &rows, map, id_column)?;
                }
                _ => {}
            }
        }
        Ok(history)
    }

    fn statement(&mut self, stage: &Stage, sql: &str) {
        let sql = sql.trim_start();
        if sql.starts_with("RENAME TABLE") && sql.contains(&format!("_outlast_old_{}", stage.id)) {
            self.swaps += 1;
        }
        // The one that gave the table its columns is the round's own.
        let is_of_table =
            sql.starts_with("ALTER TABLE `test`.`customers`") || sql.starts_with("ALTER TABLE test.customers");
        if is_of_table && !sql.contains(crate::table::MORE_COLUMNS) {
            self.alters += 1;
        }
    }

    fn rows(
        &mut self,
        stage: &Stage,
        rows: &RowsEventData<'_>,
        map: &TableMapEvent<'_>,
        id_column: usize,
    ) -> Result<()> {
        let (schema, table) = (map.database_name(), map.table_name());
        let is_source = schema == stage.table.schema && table == stage.table.table;
        let is_fence = schema == "_outlast" && table == "fence";
        for row in rows.rows(map) {
            let (before, after) = row?;
            if is_source && self.swaps > 0 {
                for image in before.iter().chain(&after) {
                    self.changed_after_swap.insert(number(image, id_column)?);
                }
            }
            if is_fence && let Some(image) = &after {
                self.owners.push((number(image, 1)?, text(image, 2)?, text(image, 3)?));
            }
        }
        Ok(())
    }

    /// That each epoch had one owner, and none came back.
    pub(crate) fn expect_one_owner_of_each_epoch(&self) -> Result<()> {
        let mut last = 0;
        for (epoch, agent, server) in &self.owners {
            // Taken from its owner by a user's request or by the end, an epoch has nobody.
            if agent.is_empty() {
                continue;
            }
            ensure!(
                *epoch > last,
                "epoch {epoch} came after epoch {last}, for {agent} on {server}: {:?}",
                self.owners
            );
            last = *epoch;
        }
        Ok(())
    }
}

fn number(image: &BinlogRow, column: usize) -> Result<u64> {
    match image.as_ref(column) {
        Some(BinlogValue::Value(Value::UInt(number))) => Ok(*number),
        Some(BinlogValue::Value(Value::Int(number))) => Ok(u64::try_from(*number)?),
        other => bail!("column {column} is no number: {other:?}"),
    }
}

fn text(image: &BinlogRow, column: usize) -> Result<String> {
    match image.as_ref(column) {
        Some(BinlogValue::Value(Value::Bytes(bytes))) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => bail!("column {column} is no text: {other:?}"),
    }
}
