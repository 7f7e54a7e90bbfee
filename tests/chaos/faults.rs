//! Doing to servers and agents what the plan says, and what their operators would do afterwards.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, Node, RelayLog, Topology, eventually};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    history::History,
    plan::{Fault, Moment, PlannedFault, Wire},
    stage::{PATIENCE, Stage, State},
};

/// How long a primary whose disk has space again has for a write.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// How long a moment is waited for, before the fault happens anyway.
const MOMENT_LIMIT: Duration = Duration::from_secs(12);

/// A fault that has happened.
#[derive(Debug, Clone)]
pub(crate) struct Injected {
    pub(crate) fault: Fault,
    /// What the migration was doing.
    pub(crate) phase: String,
    /// Whether it was running at that moment.
    pub(crate) in_flight: bool,
}

/// Waits for the moment, and lets it happen. A migration that may be queued is not waited for to begin.
pub(crate) async fn inject(
    stage: &mut Stage,
    planned: &PlannedFault,
    rows: u64,
    may_be_queued: bool,
    rng: &mut StdRng,
) -> Result<Option<Injected>> {
    if planned.fault.touches_servers() || matches!(planned.fault, Fault::Purge { .. }) {
        // What an earlier fault broke is mended only now: until here there was one server less.
        heal(stage).await?;
    }
    let state = wait_for(stage, planned.moment, rows, may_be_queued).await?;
    let injected = Injected {
        fault: planned.fault.clone(),
        phase: match &state {
            Some(state) if state.is_in_flight() => state.phase.clone(),
            Some(state) => state.status.clone(),
            None => "unknown".to_owned(),
        },
        in_flight: state.as_ref().is_some_and(State::is_in_flight),
    };
    stage.note(&format!("{} {}: {}", planned.fault, planned.moment, injected.phase));
    let happened = act(stage, &planned.fault, rng)
        .await
        .with_context(|| format!("{} could not be carried out", planned.fault))?;
    if !happened {
        stage.note("nothing has happened: the agent is dead or frozen already");
        return Ok(None);
    }
    stage.note(&format!(
        "{} is over; the primary is {}",
        planned.fault,
        stage.cluster.primary_index()
    ));
    Ok(Some(injected))
}

/// Waits for a moment; not for one that can't come any more. Returns what is known of the migration then.
async fn wait_for(stage: &mut Stage, moment: Moment, rows: u64, may_be_queued: bool) -> Result<Option<State>> {
    let begun = Instant::now();
    loop {
        stage.revive_agents()?;
        let state = stage.state().await?;
        let has_come = match (&state, moment) {
            (None, _) => true,
            (Some(state), _) if state.has_ended() => true,
            (Some(state), _) if !state.is_in_flight() && !may_be_queued => false,
            (_, Moment::After(ms)) => begun.elapsed() >= Duration::from_millis(ms),
            (Some(state), Moment::Ready) => ["ready", "cutting-over"].contains(&state.phase.as_str()),
            (Some(state), Moment::CuttingOver) => state.phase == "cutting-over",
            (Some(state), Moment::Copied(percent)) => {
                !["queued", "preparing", "copying"].contains(&state.phase.as_str())
                    || (state.is_in_flight() && stage.copied_rows().await? * 100 >= percent * rows)
            }
        };
        if has_come || begun.elapsed() > MOMENT_LIMIT {
            return Ok(state);
        }
        sleep(Duration::from_millis(8)).await;
    }
}

/// Whether it has happened: an agent that is frozen can't be frozen again.
async fn act(stage: &mut Stage, fault: &Fault, rng: &mut StdRng) -> Result<bool> {
    let seconds = Duration::from_secs;
    let millis = Duration::from_millis;
    match *fault {
        Fault::KillAgent { restart_after } => {
            let owner = stage.owner().await;
            stage.kill_agent(owner).await?;
            sleep(millis(restart_after)).await;
            stage.start_agent(owner)?;
        }
        Fault::KillPrimary { promote_after } => {
            stage.cluster.primary().kill9();
            replace_primary(stage, millis(promote_after)).await?;
        }
        Fault::KillBoth { promote_after } => {
            let owner = stage.owner().await;
            stage.cluster.primary().kill9();
            stage.kill_agent(owner).await?;
            replace_primary(stage, millis(promote_after)).await?;
            stage.start_agent(owner)?;
        }
        Fault::CrashAndRestart => {
            stage.cluster.primary().kill9();
            stage.cluster.primary().start().await?;
        }
        Fault::FreezeAgent { seconds: time } => {
            let owner = stage.owner().await;
            return stage.freeze_agent(owner, seconds(time)).await;
        }
        Fault::FreezePrimary { seconds: time } => freeze_primary(stage, seconds(time)).await?,
        Fault::FreezeAndPromote { seconds: time } => freeze_and_promote(stage, seconds(time), rng).await?,
        Fault::Switchover => {
            let to = a_replica(stage, rng)?;
            switch_over(stage, to).await?;
        }
        Fault::PromoteLagging { lossy } => promote_lagging(stage, lossy, rng).await?,
        Fault::CutAgents {
            wire,
            everywhere,
            seconds: time,
        } => {
            let primary = stage.cluster.primary_index();
            let all = 0..stage.cluster.nodes().len();
            let nodes: Vec<usize> = all.filter(|index| everywhere || *index == primary).collect();
            disturb(stage, Side::Clients, nodes, wire, seconds(time)).await?;
        }
        Fault::CutReplication { wire, seconds: time } => {
            let primary = stage.cluster.primary_index();
            disturb(stage, Side::Replicas, vec![primary], wire, seconds(time)).await?;
        }
        Fault::DiskFull { seconds: time } => fill_disk(stage, seconds(time), rng).await?,
        Fault::Purge { everywhere } => purge(stage, everywhere).await?,
    }
    Ok(true)
}

/// A distributed transaction that is ended on the old primary after that became read-only, which MySQL allows, is ended a second
/// time by its manager on the new one, and replication stops. So whoever switches over lets none be open.
async fn switch_over(stage: &mut Stage, to: usize) -> Result<()> {
    if !stage.is_distributed {
        return stage.cluster.switchover(to).await;
    }
    stage.stop_errands().await?;
    stage.cluster.switchover(to).await?;
    stage.start_errands();
    Ok(())
}

fn a_replica(stage: &Stage, rng: &mut StdRng) -> Result<usize> {
    let replicas = stage.cluster.replicas();
    replicas.choose(rng).copied().context("there is no replica")
}

fn is_group(stage: &Stage) -> bool {
    matches!(stage.cluster.topology(), Topology::GroupReplication { .. })
}

/// Whether an emergency promotion of the best replica may lose what was acknowledged.
fn loses_by_nature(stage: &Stage) -> bool {
    matches!(stage.cluster.topology(), Topology::AsyncGtid { .. })
}

/// The primary is gone: another one is promoted or elected, and the old one comes back.
async fn replace_primary(stage: &mut Stage, promote_after: Duration) -> Result<()> {
    if is_group(stage) {
        stage.cluster.wait_for_new_group_primary(PATIENCE).await?;
    } else {
        // Whoever promotes takes a while to notice.
        sleep(promote_after).await;
        let to = stage.cluster.best_candidate().await?;
        stage.cluster.promote(to, RelayLog::AppliedFirst).await?;
        if loses_by_nature(stage) {
            stage.begin_new_chapter().await?;
        }
    }
    stage.is_hurt = true;
    Ok(())
}

/// Which of a node's wires.
#[derive(Debug, Clone, Copy)]
enum Side {
    Clients,
    Replicas,
}

/// Disturbs wires now, and mends them later, while other things happen.
async fn disturb(stage: &mut Stage, side: Side, nodes: Vec<usize>, wire: Wire, time: Duration) -> Result<()> {
    let cluster = Arc::clone(&stage.cluster);
    change_wires(&cluster, side, &nodes, wire, true).await?;
    stage.meanwhile(async move {
        // This is the fault: it lasts as long as the plan says.
        sleep(time).await;
        change_wires(&cluster, side, &nodes, wire, false).await
    });
    Ok(())
}

async fn change_wires(cluster: &Cluster, side: Side, nodes: &[usize], wire: Wire, is_disturbed: bool) -> Result<()> {
    for index in nodes {
        let proxy = match side {
            Side::Clients => cluster.client_wire(*index)?,
            Side::Replicas => cluster.replication_wire(*index)?,
        };
        match (wire, is_disturbed) {
            (Wire::Cut, true) => proxy.cut().await,
            (Wire::Cut, false) => proxy.restore().await?,
            (Wire::Frozen, true) => proxy.freeze(),
            (Wire::Frozen, false) => proxy.thaw(),
            (Wire::Muted, true) => proxy.mute(),
            (Wire::Muted, false) => proxy.unmute(),
        }
    }
    Ok(())
}

/// A disk without space, which is given back before or after the primary's end. A server that waits for space looks again after
/// a minute; no operator waits so long.
async fn fill_disk(stage: &mut Stage, time: Duration, rng: &mut StdRng) -> Result<()> {
    let full = stage.cluster.primary_index();
    stage.cluster.node(full).fill_disk()?;
    // This is the fault: it lasts as long as the plan says.
    sleep(time).await;
    if rng.random_bool(0.5) {
        stage.cluster.node(full).free_disk()?;
        let write = stage
            .cluster
            .node(full)
            .execute("CREATE TABLE IF NOT EXISTS test.probe (id INT PRIMARY KEY)");
        if timeout(PROBE_LIMIT, write).await.is_ok_and(|written| written.is_ok()) {
            stage.note("the primary got over it");
            return Ok(());
        }
    }
    stage.note(&format!(
        "the primary is given up; it runs: {}",
        stage.cluster.node(full).is_running()
    ));
    stage.cluster.node(full).kill9();
    stage.cluster.node(full).free_disk()?;
    replace_primary(stage, Duration::ZERO).await
}

/// All that has been written is applied by replicas and gone from the binlogs, and some of it the migration has not seen.
async fn purge(stage: &mut Stage, everywhere: bool) -> Result<()> {
    stage.all_thawed().await?;
    for number in 0..stage.agents.len() {
        stage.kill_agent(number).await?;
    }
    stage
        .load
        .as_ref()
        .context("no load")?
        .wait_for_progress(20, PATIENCE)
        .await?;
    all_caught_up(stage).await?;
    let primary = stage.cluster.primary_index();
    let nodes = stage.cluster.nodes().iter().map(Node::index);
    for index in nodes.filter(|index| everywhere || *index == primary) {
        let node = stage.cluster.node(index);
        let deadline = Instant::now() + PATIENCE;
        // The connections of killed agents may still be reading the first ones, which are then kept.
        while !purge_all_but_the_last(stage, node).await? {
            ensure!(
                Instant::now() < deadline,
                "binlogs of node {index} are in use all the time"
            );
        }
    }
    for number in 0..stage.agents.len() {
        stage.start_agent(number)?;
    }
    Ok(())
}

/// Whether all but the last binlog are gone.
async fn purge_all_but_the_last(stage: &Stage, node: &Node) -> Result<bool> {
    node.execute("FLUSH BINARY LOGS").await?;
    let logs: Vec<mysql_async::Row> = node.query("SHOW BINARY LOGS").await?;
    let last: String = logs.last().and_then(|log| log.get(0)).context("no binlog")?;
    if node.index() == stage.cluster.primary_index() {
        // Replicas must have read what is to go, and so must this program.
        all_caught_up(stage).await?;
        stage.remember_history(History::read(stage).await?);
    }
    node.execute(&format!("PURGE BINARY LOGS TO '{last}'")).await?;
    let left: Vec<mysql_async::Row> = node.query("SHOW BINARY LOGS").await?;
    let first: String = left.first().and_then(|log| log.get(0)).context("no binlog")?;
    Ok(first == last)
}

async fn freeze_primary(stage: &mut Stage, time: Duration) -> Result<()> {
    let frozen = stage.cluster.primary_index();
    stage.cluster.node(frozen).suspend()?;
    let begun = Instant::now();
    if is_group(stage) && stage.cluster.nodes().len() > 2 {
        // The others may or may not find out in that time.
        if let Err(error) = stage.cluster.wait_for_new_group_primary(time).await {
            stage.note(&format!("nobody else was elected: {error:#}"));
        }
    }
    sleep(time.saturating_sub(begun.elapsed())).await;
    stage.cluster.node(frozen).resume()?;
    if is_group(stage) {
        stage.cluster.follow_group(PATIENCE).await?;
        stage.is_hurt = true;
    }
    Ok(())
}

/// Another one is promoted while the primary is frozen; thawed, that believes to be the primary until somebody ends it.
async fn freeze_and_promote(stage: &mut Stage, time: Duration, rng: &mut StdRng) -> Result<()> {
    let frozen = stage.cluster.primary_index();
    stage.cluster.node(frozen).suspend()?;
    let begun = Instant::now();
    let to = stage.cluster.best_candidate().await?;
    stage.cluster.promote(to, RelayLog::AppliedFirst).await?;
    if loses_by_nature(stage) {
        stage.begin_new_chapter().await?;
    }
    sleep(time.saturating_sub(begun.elapsed())).await;
    stage.cluster.node(frozen).resume()?;
    // For so long, two servers take writes.
    sleep(Duration::from_millis(rng.random_range(0..3000))).await;
    stage.cluster.node(frozen).kill9();
    stage.is_hurt = true;
    Ok(())
}

async fn promote_lagging(stage: &mut Stage, lossy: bool, rng: &mut StdRng) -> Result<()> {
    let lagging = a_replica(stage, rng)?;
    // It lags from a moment on at which it knew the migration: one that is lost with its primary is none.
    stage.cluster.wait_for_catch_up(lagging, PATIENCE).await?;
    let thread = if lossy { "IO_THREAD" } else { "SQL_THREAD" };
    stage
        .cluster
        .node(lagging)
        .execute(&format!("STOP REPLICA {thread}"))
        .await?;
    // As long as it takes to fall behind by this.
    sleep(Duration::from_millis(rng.random_range(500..4000))).await;
    stage.cluster.primary().kill9();
    // What a replica has that the promoted one has not even received is lost.
    let is_best = stage.cluster.best_candidate().await.is_ok_and(|best| best == lagging);
    stage.cluster.promote(lagging, RelayLog::AppliedFirst).await?;
    if loses_by_nature(stage) || !is_best {
        stage.begin_new_chapter().await?;
    }
    stage.is_hurt = true;
    Ok(())
}

/// All other servers replicate from the primary again. One that has what the primary lacks is made anew.
pub(crate) async fn heal(stage: &mut Stage) -> Result<()> {
    if !stage.is_hurt {
        return Ok(());
    }
    stage.note("mending what was broken");
    let cluster = &stage.cluster;
    for index in cluster.replicas() {
        if is_group(stage) {
            let node = cluster.node(index);
            if node.is_running() {
                if cluster.is_online_member(index).await? {
                    continue;
                }
                // One that was expelled has to leave before it can join.
                if let Err(error) = node.execute("STOP GROUP_REPLICATION").await {
                    stage.note(&format!("node {index}: {error:#}"));
                }
            }
        }
        let rejoined = cluster.rejoin(index).await?;
        if !rejoined.is_clean() {
            stage.note(&format!("node {index} is made anew, it has {}", rejoined.errant_gtids));
            let rebuilt = cluster.rebuild(index).await?;
            ensure!(
                rebuilt.is_clean(),
                "a rebuilt server has transactions of its own: {rebuilt:?}"
            );
        }
    }
    // Nobody calls servers mended that lack something.
    all_caught_up(stage).await?;
    stage.is_hurt = false;
    stage.note("mended");
    Ok(())
}

/// All servers replicate, and have what the primary has.
pub(crate) async fn all_caught_up(stage: &Stage) -> Result<()> {
    for index in stage.cluster.replicas() {
        eventually(&format!("node {index} has what the primary has"), PATIENCE, || {
            stage.cluster.wait_for_catch_up(index, Duration::from_secs(5))
        })
        .await?;
    }
    Ok(())
}
