//! Changes of the primary, made from outside: nobody tells the application or Outlast.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::cluster::Cluster;
use crate::eventually::eventually;
use crate::node::Node;
use crate::topology::Topology;
use crate::{group_replication, replication, semi_sync};

const LIMIT: Duration = Duration::from_secs(60);

/// What an emergency promotion does with transactions the node has received and not yet applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayLog {
    /// The careful way: all received transactions are applied, then the channel is removed, then the node is writable.
    AppliedFirst,
    /// The careless way: the node is writable at once. Its channel stays configured, its receiver is stopped, and its applier
    /// goes on through its backlog while the application writes.
    LeftUnapplied,
    /// What is not applied is thrown away, as if it had never been received.
    Lost,
}

/// How an old primary came back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a node with errant transactions holds data the primary lacks"]
pub struct Rejoined {
    /// Transactions that the node executed and the primary never received: what a lossy promotion lost. Empty if none.
    pub errant_gtids: String,
}

impl Rejoined {
    /// Whether the node has nothing that the primary lacks.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errant_gtids.is_empty()
    }
}

impl Cluster {
    /// A planned switchover, without loss: the old primary becomes read-only, `to` catches up and becomes writable, all
    /// others replicate from it. In a group, the group is asked to do it.
    ///
    /// # Errors
    ///
    /// When either isn't reachable or `to` doesn't catch up within 60 s. The old primary may then be read-only already.
    pub async fn switchover(&self, to: usize) -> Result<()> {
        let old = self.primary_index();
        ensure!(to != old, "node {to} is the primary already");
        if self.topology().is_group() {
            return self.switch_group_primary(to, LIMIT).await;
        }
        let (from, next) = (self.primary(), self.node(to));
        from.execute("SET GLOBAL super_read_only = ON").await?;
        replication::wait_until_applied(next, &from.gtid_executed().await?, LIMIT)
            .await
            .context("switching over")?;
        next.execute("STOP REPLICA").await?;
        next.execute("RESET REPLICA ALL").await?;
        if matches!(self.topology(), Topology::SemiSync { .. }) {
            semi_sync::set_waiting(from, false).await?;
        }
        self.take_over(to, true).await
    }

    /// An emergency promotion, after the old primary was killed, suspended or cut off: it isn't asked. All other nodes
    /// that answer replicate from `to`. Under semi-synchronous replication, commits wait for them again (if there are any).
    ///
    /// # Errors
    ///
    /// When `to` isn't reachable, or doesn't apply what it received within 60 s; when the cluster is a group, which
    /// elects by itself.
    pub async fn promote(&self, to: usize, relay_log: RelayLog) -> Result<()> {
        ensure!(
            !self.topology().is_group(),
            "a group elects its primary by itself: wait_for_new_group_primary"
        );
        ensure!(to != self.primary_index(), "node {to} is the primary already");
        let next = self.node(to);
        match relay_log {
            RelayLog::AppliedFirst => {
                // A delayed applier must not wait any longer, nor a paused one.
                replication::set_delay(next, 0).await?;
                next.execute("STOP REPLICA IO_THREAD").await?;
                let received = replication::received(next).await?;
                replication::wait_until_applied(next, &received, LIMIT)
                    .await
                    .context("applying the relay log")?;
                next.execute("STOP REPLICA").await?;
                next.execute("RESET REPLICA ALL").await?;
            }
            RelayLog::LeftUnapplied => next.execute("STOP REPLICA IO_THREAD").await?,
            RelayLog::Lost => {
                next.execute("STOP REPLICA").await?;
                next.execute("RESET REPLICA ALL").await?;
            }
        }
        self.take_over(to, false).await
    }

    /// Starts a former primary if it doesn't run, and makes it a replica of the present one, or a member of the group again.
    /// In a group, a node with errant transactions is started and not joined: the group would refuse it. What it executed and the
    /// primary never received is returned, not hidden: such a node may hold other data, and may stop replicating;
    /// [`rebuild`](Self::rebuild) makes it anew.
    ///
    /// # Errors
    ///
    /// When it doesn't start, or can't replicate or join its group.
    pub async fn rejoin(&self, index: usize) -> Result<Rejoined> {
        let (node, primary) = (self.node(index), self.primary());
        ensure!(
            index != self.primary_index(),
            "node {index} is the primary: promote another first"
        );
        node.start().await?;
        let errant_gtids = self.errant_gtids(node).await?;
        if self.topology().is_group() {
            if errant_gtids.is_empty() {
                group_replication::join(node).await?;
            }
            return Ok(Rejoined { errant_gtids });
        }
        node.execute("SET GLOBAL super_read_only = ON").await?;
        if matches!(self.topology(), Topology::SemiSync { .. }) {
            semi_sync::set_waiting(node, false).await?;
        }
        replication::point(node, &self.source_address(primary.index())).await?;
        if matches!(self.topology(), Topology::SemiSync { .. }) {
            replication::wait_until_connected(node, LIMIT).await?;
            semi_sync::set_waiting(primary, true).await?;
        }
        Ok(Rejoined { errant_gtids })
    }

    /// Throws a node's data away and lets it replicate everything from the primary's first binlog on, as a new server with
    /// another `server_uuid` and `server_id`.
    ///
    /// # Errors
    ///
    /// When it can't start or replicate: for one because the primary's binlogs were purged.
    pub async fn rebuild(&self, index: usize) -> Result<Rejoined> {
        ensure!(
            index != self.primary_index(),
            "node {index} is the primary: promote another first"
        );
        let node = self.node(index);
        node.wipe()?;
        if self.topology().is_group() {
            node.start().await?;
            group_replication::prepare(node).await?;
        }
        self.rejoin(index).await
    }

    /// Makes a node writable whatever the others are: two primaries at once. The known primary stays the same.
    ///
    /// # Errors
    ///
    /// When it isn't reachable.
    pub async fn make_writable(&self, index: usize) -> Result<()> {
        self.node(index).execute("SET GLOBAL super_read_only = OFF").await?;
        self.node(index).execute("SET GLOBAL read_only = OFF").await
    }

    /// Makes a replica a primary of its own, with what it has applied: what it has received beyond that is thrown away, and
    /// nobody follows it. The known primary stays the same.
    ///
    /// # Errors
    ///
    /// When it isn't reachable.
    pub async fn promote_alone(&self, index: usize) -> Result<()> {
        let node = self.node(index);
        node.execute("STOP REPLICA").await?;
        node.execute("RESET REPLICA ALL").await?;
        self.make_writable(index).await
    }

    /// Waits until a replica has received, applied or not, all that the primary has executed now.
    ///
    /// # Errors
    ///
    /// When it hasn't within `limit`, or either doesn't answer.
    pub async fn wait_until_received(&self, index: usize, limit: Duration) -> Result<()> {
        let executed = self.primary().gtid_executed().await?;
        eventually(&format!("node {index} receives"), limit, || async {
            let node = self.node(index);
            let missing = missing(node, &executed, &known_gtids(node).await?).await?;
            ensure!(missing.is_empty(), "{missing} are missing");
            Ok(())
        })
        .await
    }

    /// Lets a replica whose applier is paused go on as far as `until` says, an `UNTIL` clause of `START REPLICA`, and waits until it has
    /// stopped there.
    ///
    /// # Errors
    ///
    /// When it isn't reachable, or does not stop within `limit`.
    pub async fn apply_until(&self, index: usize, until: &str, limit: Duration) -> Result<()> {
        let node = self.node(index);
        node.execute(&format!("START REPLICA SQL_THREAD UNTIL {until}")).await?;
        eventually(&format!("node {index} stops at {until}"), limit, || async {
            let state: String = node
                .query_one("SELECT SERVICE_STATE FROM performance_schema.replication_applier_status")
                .await?;
            ensure!(state == "OFF", "its applier is {state}");
            Ok(())
        })
        .await
    }

    /// Lets a replica receive everything, and apply it `seconds` late.
    ///
    /// # Errors
    ///
    /// When it isn't reachable or no replica.
    pub async fn set_delay(&self, index: usize, seconds: u32) -> Result<()> {
        replication::set_delay(self.node(index), seconds).await
    }

    /// Ends [`set_delay`](Self::set_delay).
    ///
    /// # Errors
    ///
    /// When it isn't reachable or no replica.
    pub async fn remove_delay(&self, index: usize) -> Result<()> {
        replication::set_delay(self.node(index), 0).await
    }

    /// Stops a replica's applier; its receiver goes on.
    ///
    /// # Errors
    ///
    /// When it isn't reachable.
    pub async fn pause_applier(&self, index: usize) -> Result<()> {
        self.node(index).execute("STOP REPLICA SQL_THREAD").await
    }

    /// Starts the applier again.
    ///
    /// # Errors
    ///
    /// When it isn't reachable.
    pub async fn resume_applier(&self, index: usize) -> Result<()> {
        self.node(index).execute("START REPLICA SQL_THREAD").await
    }

    /// The running replica that has received most, the one to promote after a crash: no other has what it lacks.
    ///
    /// # Errors
    ///
    /// When no replica is reachable, or each lacks something another has.
    pub async fn best_candidate(&self) -> Result<usize> {
        let mut sets = Vec::new();
        for index in self.replicas() {
            let node = self.node(index);
            if node.is_running() {
                sets.push((index, known_gtids(node).await?));
            }
        }
        for (index, set) in &sets {
            let others = sets
                .iter()
                .map(|(_, other)| other.as_str())
                .collect::<Vec<_>>()
                .join(",");
            if missing(self.node(*index), &others, set).await?.is_empty() {
                return Ok(*index);
            }
        }
        bail!("no running replica has all that the others have")
    }

    /// All reachable nodes but `to` replicate from `to`, then it becomes writable. The old primary follows if it was asked
    /// to: after an emergency it isn't.
    async fn take_over(&self, to: usize, old_follows: bool) -> Result<()> {
        let (old, next) = (self.primary_index(), self.node(to));
        let mut followers = 0;
        for node in self
            .nodes()
            .iter()
            .filter(|node| node.index() != to && node.is_running())
        {
            if node.index() == old && !old_follows {
                continue;
            }
            match node.connect().await {
                Ok(_) => replication::point(node, &self.source_address(to)).await?,
                Err(error) => {
                    tracing::warn!("left behind by the promotion of node {to}: {error:#}");
                    continue;
                }
            }
            followers += 1;
        }
        if matches!(self.topology(), Topology::SemiSync { .. }) {
            semi_sync::set_waiting(next, followers > 0).await?;
        }
        self.make_writable(to).await?;
        self.set_primary(to);
        Ok(())
    }

    async fn errant_gtids(&self, node: &Node) -> Result<String> {
        let primary = self.primary();
        missing(primary, &node.gtid_executed().await?, &known_gtids(primary).await?).await
    }
}

/// What a node has executed or at least received.
async fn known_gtids(node: &Node) -> Result<String> {
    let received = replication::received(node).await?;
    let executed = node.gtid_executed().await?;
    Ok([executed, received]
        .into_iter()
        .filter(|set| !set.is_empty())
        .collect::<Vec<_>>()
        .join(","))
}

/// The GTIDs of `all` that are not in `known`; `node` does the arithmetic.
async fn missing(node: &Node, all: &str, known: &str) -> Result<String> {
    let set: String = node
        .query_one(&format!("SELECT GTID_SUBTRACT('{all}', '{known}')"))
        .await?;
    Ok(set.replace('\n', ""))
}
