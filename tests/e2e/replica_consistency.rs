//! Every replica holds a consistent state of the migration, however far it lags: a replica is stopped at random moments, as if
//! it were promoted there and then, and what it holds is checked against the promise of the checkpoint on it.
//!
//! The promise: the position is a subset of `gtid_executed`; the shadow has no row outside of the finished ranges; and within
//! them source and shadow differ only in rows that transactions outside the position have changed. Which rows those are is
//! read from the binlog by the driver's own decoder, not by Outlast's.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use mysql_async::{
    BinlogStreamRequest, Conn, Value,
    binlog::{
        events::{EventData, RowsEventData, TableMapEvent},
        row::BinlogRow,
        value::BinlogValue,
    },
    prelude::Queryable,
};
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{CheckpointStore, GtidSet, Key, KeyRange, Server, ServerUuid, checkpoint::Checkpoint};
use outlast_mysql::Connector;
use outlast_testbed::{Node, RelayLog, Topology, accounts, eventually};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::scene::{PATIENCE, Scene, Setup};

/// What is in a row of either table, as one text; the columns that the scene's changes add or rename included.
const SOURCE_ROW: &str = "CONCAT_WS('|', HEX(CAST(writer AS CHAR)), HEX(CAST(version AS CHAR)), HEX(email), \
    COALESCE(HEX(payload), 'NULL'), COALESCE(HEX(CAST(amount AS CHAR)), 'NULL'), HEX(CAST(updated_at AS CHAR)), HEX('none'))";
const SHADOW_ROW: &str = "CONCAT_WS('|', HEX(CAST(writer AS CHAR)), HEX(CAST(version AS CHAR)), HEX(email), \
    COALESCE(HEX(payload), 'NULL'), COALESCE(HEX(CAST(total AS CHAR)), 'NULL'), HEX(CAST(updated_at AS CHAR)), HEX(note))";

/// What a server holds of a migration on which nobody works there at this moment.
#[derive(Debug)]
struct Holding {
    /// Phase of the migration, as this server knows it.
    phase: String,
    /// Transactions of the position that the server has not executed.
    ahead: GtidSet,
    /// Rows of the source within finished ranges.
    compared: u64,
    /// Rows of the shadow outside of all finished ranges.
    stray: BTreeSet<u64>,
    /// Keys within finished ranges whose rows differ, or are in one table only.
    differing: BTreeSet<u64>,
    /// Keys changed by executed transactions outside the position.
    unaccounted: BTreeSet<u64>,
}

impl Holding {
    /// Reads it. The application may go on writing to the server; an agent must not.
    async fn of(node: &Node, scene: &Scene) -> Result<Self> {
        let checkpoint = checkpoint(node, scene).await?;
        let finished = finished_ranges(&checkpoint)?;
        let shadow = format!("`_outlast_new_{}`.customers", scene.id);
        let source = &scene.table;
        let mut conn = node.connect().await?;
        let phase: Option<String> = conn
            .exec_first("SELECT phase FROM _outlast.migrations WHERE id = ?", (&scene.id,))
            .await?;
        conn.query_drop("SET SESSION time_zone = '+00:00', transaction_isolation = 'REPEATABLE-READ'")
            .await?;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
        let compared: Option<u64> = conn
            .query_first(format!("SELECT COUNT(*) FROM {source} WHERE {finished}"))
            .await?;
        let differing: Vec<u64> = conn
            .query(format!(
                "SELECT DISTINCT id FROM (SELECT id, {SOURCE_ROW} AS content FROM {source} WHERE {finished} \
                 UNION ALL SELECT id, {SHADOW_ROW} FROM {shadow} WHERE {finished}) AS both_tables \
                 GROUP BY id, content HAVING COUNT(*) <> 2"
            ))
            .await?;
        let stray: Vec<u64> = conn
            .query(format!("SELECT id FROM {shadow} WHERE NOT ({finished})"))
            .await?;
        conn.query_drop("COMMIT").await?;
        // Read after the snapshot: whatever that shows is executed by now.
        let executed: GtidSet = node.gtid_executed().await?.parse()?;
        Ok(Self {
            phase: phase.context("the server does not know the migration")?,
            ahead: checkpoint.position.minus(&executed),
            compared: compared.unwrap_or(0),
            stray: stray.into_iter().collect(),
            differing: differing.into_iter().collect(),
            unaccounted: changed_keys(conn, &checkpoint.position, scene).await?,
        })
    }

    /// Keys whose rows differ, and that no transaction outside the position has changed.
    fn unexplained(&self) -> BTreeSet<u64> {
        self.differing.difference(&self.unaccounted).copied().collect()
    }

    fn expect_consistent(&self) -> Result<()> {
        ensure!(
            self.ahead.is_empty(),
            "the position holds transactions that were not executed: {}",
            self.ahead
        );
        ensure!(
            self.stray.is_empty(),
            "the shadow has rows outside of the finished ranges: {:?}",
            self.stray
        );
        let unexplained = self.unexplained();
        let shown: Vec<&u64> = unexplained.iter().take(10).collect();
        ensure!(
            unexplained.is_empty(),
            "source and shadow differ in {} rows that the position accounts for, such as {shown:?}; {} rows were compared, \
             {} keys are not accounted for",
            unexplained.len(),
            self.compared,
            self.unaccounted.len()
        );
        ensure!(self.compared > 0, "there was nothing to compare");
        Ok(())
    }
}

async fn checkpoint(node: &Node, scene: &Scene) -> Result<Checkpoint> {
    let connector = Connector::new(accounts::OUTLAST_USER, Some(accounts::OUTLAST_PASSWORD.to_owned()));
    let server = Server {
        uuid: ServerUuid::new(node.server_uuid().await?),
        address: node.address(),
    };
    let loaded = MySqlCheckpoints::new(connector)
        .load(&server, &scene.id.parse()?)
        .await?;
    loaded.context("the server has no checkpoint of the migration yet")
}

/// The condition for ids in finished ranges.
fn finished_ranges(checkpoint: &Checkpoint) -> Result<String> {
    let bound = |key: &Key| {
        key.value()
            .parse::<u64>()
            .with_context(|| format!("the key {key:?} is no id"))
    };
    let condition = |range: &KeyRange| -> Result<String> {
        Ok(match (&range.after, &range.upto) {
            (None, None) => "TRUE".to_owned(),
            (None, Some(upto)) => format!("id <= {}", bound(upto)?),
            (Some(after), None) => format!("id > {}", bound(after)?),
            (Some(after), Some(upto)) => format!("id > {} AND id <= {}", bound(after)?, bound(upto)?),
        })
    };
    let ranges = checkpoint
        .folded
        .iter()
        .chain(checkpoint.chunks.iter().map(|chunk| &chunk.range));
    let conditions: Vec<String> = ranges.map(condition).collect::<Result<_>>()?;
    Ok(match conditions.is_empty() {
        true => "FALSE".to_owned(),
        false => format!("({})", conditions.join(" OR ")),
    })
}

/// Ids of all rows of the source that transactions in the server's binlog outside `position` have inserted, updated or
/// deleted, up to the end of the binlog.
async fn changed_keys(conn: Conn, position: &GtidSet, scene: &Scene) -> Result<BTreeSet<u64>> {
    let position = position.to_string();
    let sids = position.split(',').filter(|sid| !sid.is_empty());
    let sids = sids
        .map(|sid| sid.parse().map_err(anyhow::Error::from))
        .collect::<Result<Vec<_>>>()?;
    let request = BinlogStreamRequest::new(4_000_000_001)
        .with_gtid()
        .with_gtid_set(sids)
        .with_non_blocking();
    let mut binlog = conn.get_binlog_stream(request).await?;
    let mut source_maps: HashMap<u64, TableMapEvent<'static>> = HashMap::new();
    let mut keys = BTreeSet::new();
    while let Some(event) = binlog.next().await {
        match event?.read_data()? {
            Some(EventData::TableMapEvent(map)) => {
                let is_source = map.database_name() == scene.table.schema && map.table_name() == scene.table.table;
                match is_source {
                    true => source_maps.insert(map.table_id(), map.into_owned()),
                    false => source_maps.remove(&map.table_id()),
                };
            }
            Some(EventData::RowsEvent(rows)) => {
                if let Some(map) = source_maps.get(&rows.table_id()) {
                    keys.extend(ids_of(&rows, map)?);
                }
            }
            _ => {}
        }
    }
    Ok(keys)
}

/// The ids of all row images of an event; `id` is the first column.
fn ids_of(rows: &RowsEventData<'_>, map: &TableMapEvent<'_>) -> Result<Vec<u64>> {
    let id = |image: &BinlogRow| match image.as_ref(0) {
        Some(BinlogValue::Value(Value::UInt(id))) => Ok(*id),
        Some(BinlogValue::Value(Value::Int(id))) => Ok(u64::try_from(*id)?),
        other => bail!("a row image has no id: {other:?}"),
    };
    let mut ids = Vec::new();
    for row in rows.rows(map) {
        let (before, after) = row?;
        for image in before.iter().chain(&after) {
            ids.push(id(image)?);
        }
    }
    Ok(ids)
}

/// A scene with one replica, in the middle of a copy with such pauses between chunks.
async fn mid_copy(name: &str, chunk_pause: &str) -> Result<Scene> {
    let setup = Setup {
        topology: Topology::AsyncGtid { nodes: 2 },
        transactions_per_second: 300.0,
        submit: ["--chunk-rows", "200", "--chunk-pause", chunk_pause]
            .map(str::to_owned)
            .to_vec(),
        ..Setup::default()
    };
    let scene = Scene::start(name, setup).await?;
    scene.wait_for_mid_copy().await?;
    scene.cluster.wait_for_catch_up(1, PATIENCE).await?;
    Ok(scene)
}

/// Stops the replica where it is, after some more transactions of the application, and looks at it.
async fn look_at_a_random_moment(scene: &Scene, rng: &mut StdRng) -> Result<Holding> {
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(rng.random_range(1..150), PATIENCE).await?;
    scene.cluster.pause_applier(1).await?;
    let holding = Holding::of(scene.cluster.node(1), scene).await?;
    scene.cluster.resume_applier(1).await?;
    println!(
        "{}: {} rows compared, {} of them differ, {} keys not accounted for",
        holding.phase,
        holding.compared,
        holding.differing.len(),
        holding.unaccounted.len()
    );
    Ok(holding)
}

#[tokio::test]
async fn every_replica_holds_a_consistent_state_of_the_migration() -> Result<()> {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let scene = mid_copy("replica_consistency", "250ms").await?;
    let mut holdings = Vec::new();
    for _ in 0..10 {
        holdings.push(look_at_a_random_moment(&scene, &mut rng).await?);
    }
    scene.wait_for_phase("ready").await?;
    scene.cluster.wait_for_catch_up(1, PATIENCE).await?;
    for _ in 0..6 {
        holdings.push(look_at_a_random_moment(&scene, &mut rng).await?);
    }
    for holding in &holdings {
        holding
            .expect_consistent()
            .with_context(|| format!("seed {seed}, phase {}", holding.phase))?;
    }
    // The moments were such that the promise could have been broken.
    let copying = holdings.iter().filter(|holding| holding.phase == "copying").count();
    ensure!(
        (5..=10).contains(&copying),
        "{copying} of 16 moments were in the middle of the copy"
    );
    ensure!(
        holdings.iter().any(|holding| !holding.unaccounted.is_empty()),
        "everything was always accounted for"
    );
    scene.finish().await
}

#[tokio::test]
async fn a_replica_stopped_between_two_batches_of_changes_holds_a_consistent_state() -> Result<()> {
    /// Rows that one transaction of the application changes: several times what one batch holds.
    const MANY: u64 = 4_000;
    let scene = mid_copy("replica_between_batches", "60ms").await?;
    let primary = scene.cluster.primary();
    eventually("many copied rows", PATIENCE, || async {
        let copied = Holding::of(scene.cluster.node(1), &scene).await?.compared;
        ensure!(copied >= MANY, "{copied} rows");
        Ok(())
    })
    .await?;
    scene.cluster.pause_applier(1).await?;
    primary
        .execute(&format!(
            "UPDATE {} SET payload = 'changed with many' WHERE id <= {MANY}",
            scene.table
        ))
        .await?;
    let first = last_transaction(primary).await?;
    let source = primary.server_uuid().await?;
    let sql = format!(
        "SELECT GTID_SUBSET('{source}:{first}', position) FROM _outlast.positions WHERE migration = '{}'",
        scene.id
    );
    eventually("all of it is applied on the primary", PATIENCE, || async {
        let applied: u64 = primary.query_one(&sql).await?;
        ensure!(applied == 1, "the position is older");
        Ok(())
    })
    .await?;
    let last = last_transaction(primary).await?;

    let mut between_batches = 0;
    for number in (first..=last).step_by(((last - first) / 60).max(1) as usize) {
        let until = format!("SQL_AFTER_GTIDS = '{source}:{number}'");
        scene.cluster.apply_until(1, &until, PATIENCE).await?;
        let holding = Holding::of(scene.cluster.node(1), &scene).await?;
        holding
            .expect_consistent()
            .with_context(|| format!("after transaction {number} of {first} to {last}"))?;
        let some_are_applied = holding.differing.len() as u64 + 500 < MANY;
        between_batches += u32::from(some_are_applied && holding.differing.len() > 500);
    }
    ensure!(between_batches > 0, "no stop was between two batches");
    scene.cluster.resume_applier(1).await?;
    scene.finish().await
}

/// The number of the last transaction that a server has executed of its own.
pub(crate) async fn last_transaction(node: &Node) -> Result<u64> {
    let executed = node.gtid_executed().await?;
    let number = executed.rsplit(['-', ':']).next().unwrap_or_default();
    number
        .parse()
        .with_context(|| format!("the last transaction of {executed}"))
}

#[tokio::test]
async fn a_promoted_server_holds_a_consistent_state_before_it_is_adopted() -> Result<()> {
    let mut scene = mid_copy("promoted_consistency", "60ms").await?;
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(100, PATIENCE).await?;
    scene.kill_agent("agent-0").await?;
    scene
        .load
        .as_ref()
        .context("no load")?
        .wait_for_progress(100, PATIENCE)
        .await?;
    scene.cluster.primary().kill9();
    scene.cluster.promote(1, RelayLog::AppliedFirst).await?;
    let load = scene.load.as_ref().context("no load")?;
    load.wait_for_progress(50, PATIENCE).await?;

    let holding = Holding::of(scene.cluster.node(1), &scene).await?;
    holding.expect_consistent()?;
    ensure!(
        !holding.differing.is_empty(),
        "nothing was left to catch up with: {holding:?}"
    );

    scene.start_agent("agent-1", &[])?;
    scene.finish().await
}

#[tokio::test]
async fn the_check_of_replicas_finds_what_is_wrong() -> Result<()> {
    let scene = mid_copy("replica_check", "250ms").await?;
    let replica = scene.cluster.node(1);
    scene.cluster.pause_applier(1).await?;
    let honest = Holding::of(replica, &scene).await?;
    honest.expect_consistent()?;

    let shadow = format!("`_outlast_new_{}`.customers", scene.id);
    let ids: Vec<u64> = replica.query(&format!("SELECT id FROM {shadow} ORDER BY id")).await?;
    let mut untouched = ids.into_iter().filter(|id| !honest.unaccounted.contains(id));
    let mut pick = || untouched.next().context("the shadow has too few rows");
    let (missing, changed) = (pick()?, pick()?);
    let mut conn = replica.connect().await?;
    conn.query_drop("SET GLOBAL super_read_only = OFF").await?;
    conn.query_drop("SET SESSION sql_log_bin = OFF").await?;

    conn.query_drop(format!("DELETE FROM {shadow} WHERE id = {missing}"))
        .await?;
    ensure!(Holding::of(replica, &scene).await?.unexplained() == BTreeSet::from([missing]));
    conn.query_drop(format!("UPDATE {shadow} SET note = 'other' WHERE id = {changed}"))
        .await?;
    ensure!(Holding::of(replica, &scene).await?.unexplained() == BTreeSet::from([missing, changed]));

    conn.query_drop(format!("UPDATE {shadow} SET id = 1000000000 WHERE id = {changed}"))
        .await?;
    ensure!(Holding::of(replica, &scene).await?.stray == BTreeSet::from([1_000_000_000]));

    let behind = scene.cluster.primary().gtid_executed().await?;
    conn.exec_drop(
        "UPDATE _outlast.positions SET position = ? WHERE migration = ?",
        (behind, &scene.id),
    )
    .await?;
    let ahead = Holding::of(replica, &scene).await?;
    ensure!(
        !ahead.ahead.is_empty() && ahead.expect_consistent().is_err(),
        "{ahead:?}"
    );
    Ok(())
}
