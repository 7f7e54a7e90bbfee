//! Group Replication: the group decides who the primary is.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use crate::accounts::{REPLICATION_PASSWORD, REPLICATION_USER};
use crate::cluster::Cluster;
use crate::eventually::eventually;
use crate::node::{ExtraArguments, Node};
use crate::port::ReservedPort;

const ONLINE_LIMIT: Duration = Duration::from_secs(60);
const JOIN_ATTEMPTS: usize = 3;
const GROUP_NAME: &str = "6f75746c-6173-7400-0000-000000000001";

pub(crate) fn arguments(ports: &[ReservedPort], index: usize) -> ExtraArguments {
    let address = |port: &ReservedPort| format!("127.0.0.1:{}", port.number());
    let seeds: Vec<String> = ports.iter().map(address).collect();
    let always = vec![
        "--plugin-load-add=group_replication.so".to_owned(),
        format!("--loose-group-replication-group-name={GROUP_NAME}"),
        "--loose-group-replication-start-on-boot=OFF".to_owned(),
        // The members talk over the servers' own ports.
        "--loose-group-replication-communication-stack=MYSQL".to_owned(),
        format!("--loose-group-replication-local-address={}", seeds[index]),
        format!("--loose-group-replication-group-seeds={}", seeds.join(",")),
        "--loose-group-replication-member-expel-timeout=0".to_owned(),
        "--loose-group-replication-recovery-get-public-key=ON".to_owned(),
    ];
    ExtraArguments {
        always,
        ..ExtraArguments::default()
    }
}

/// Makes a group of fresh nodes; the first is its primary.
pub(crate) async fn bootstrap(nodes: &[Node]) -> Result<()> {
    for node in nodes {
        prepare(node).await?;
    }
    let (first, others) = nodes.split_first().context("a group needs members")?;
    let mut conn = first.connect().await?;
    conn.query_drop("SET GLOBAL group_replication_bootstrap_group = ON")
        .await?;
    let started = conn.query_drop("START GROUP_REPLICATION").await;
    conn.query_drop("SET GLOBAL group_replication_bootstrap_group = OFF")
        .await?;
    started.with_context(|| format!("starting the group:\n{}", first.error_log_tail()))?;
    wait_until_online(first).await?;
    for node in others {
        join(node).await?;
    }
    Ok(())
}

/// Tells a fresh member how to fetch what it missed from another.
pub(crate) async fn prepare(node: &Node) -> Result<()> {
    node.execute(&format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_USER='{REPLICATION_USER}', SOURCE_PASSWORD='{REPLICATION_PASSWORD}' \
         FOR CHANNEL 'group_replication_recovery'"
    ))
    .await
}

/// Joins a prepared node to the running group and waits until it is online.
///
/// On a busy machine members expel a slow newcomer, or its donor doesn't answer: then it leaves, and joins once more.
pub(crate) async fn join(node: &Node) -> Result<()> {
    for attempt in 1..=JOIN_ATTEMPTS {
        let joined = match node.execute("START GROUP_REPLICATION").await {
            Ok(()) => wait_until_online(node).await,
            Err(error) => Err(error),
        };
        match joined {
            Ok(()) => return Ok(()),
            Err(error) if attempt < JOIN_ATTEMPTS => {
                tracing::info!("node {} joins again: {error:#}", node.index());
                node.execute("STOP GROUP_REPLICATION").await?;
            }
            Err(error) => {
                let log = node.error_log_tail();
                return Err(error.context(format!("node {} can't join:\n{log}", node.index())));
            }
        }
    }
    Ok(())
}

async fn wait_until_online(node: &Node) -> Result<()> {
    eventually(
        &format!("node {} is online in its group", node.index()),
        ONLINE_LIMIT,
        || async {
            let state: String = node
            .query_one(
                "SELECT MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid",
            )
            .await?;
            ensure!(state == "ONLINE", "it is {state}");
            Ok(())
        },
    )
    .await
    .with_context(|| node.error_log_tail())
}

impl Cluster {
    /// Waits until the group has elected a primary other than the last known one and that can be written to; from then on
    /// it is [`primary`](Self::primary). Call it after killing or suspending the primary.
    ///
    /// # Errors
    ///
    /// When there is none within `limit`, or the cluster isn't a group.
    pub async fn wait_for_new_group_primary(&self, limit: Duration) -> Result<usize> {
        ensure!(self.topology().is_group(), "only Group Replication elects a primary");
        let old = self.primary_index();
        let elected = eventually("the group elects another primary", limit, || self.elected_primary(old)).await?;
        self.set_primary(elected);
        Ok(elected)
    }

    /// Waits until most of all nodes name the same writable primary, whoever it is; from then on it is
    /// [`primary`](Self::primary). Call it when nobody knows whether the group has elected another.
    ///
    /// # Errors
    ///
    /// When there is none within `limit`, or the cluster isn't a group.
    pub async fn follow_group(&self, limit: Duration) -> Result<usize> {
        ensure!(self.topology().is_group(), "only Group Replication elects a primary");
        let primary = eventually("most members name one primary", limit, || self.primary_of_most()).await?;
        if primary != self.primary_index() {
            self.set_primary(primary);
        }
        Ok(primary)
    }

    async fn primary_of_most(&self) -> Result<usize> {
        let mut votes = vec![0; self.nodes().len()];
        for node in self.nodes().iter().filter(|node| node.is_running()) {
            if let Ok(primary) = self.primary_by(node).await {
                votes[primary] += 1;
            }
        }
        let most = votes.iter().position(|count| 2 * count > votes.len());
        most.with_context(|| format!("votes: {votes:?}"))
    }

    /// Whether a node is online in its group, as both it and the primary see it. One that was frozen does not know at once that it
    /// was expelled.
    ///
    /// # Errors
    ///
    /// When either doesn't answer.
    pub async fn is_online_member(&self, index: usize) -> Result<bool> {
        let uuid = self.node(index).server_uuid().await?;
        for witness in [self.node(index), self.primary()] {
            let states: Vec<String> = witness
                .query(&format!(
                    "SELECT MEMBER_STATE FROM performance_schema.replication_group_members WHERE MEMBER_ID = '{uuid}'"
                ))
                .await?;
            if states != ["ONLINE"] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The primary that a survivor names and that is writable.
    async fn elected_primary(&self, old: usize) -> Result<usize> {
        let mut reason = None;
        for survivor in self
            .nodes()
            .iter()
            .filter(|node| node.index() != old && node.is_running())
        {
            match self.primary_by(survivor).await {
                Ok(primary) if primary != old => return Ok(primary),
                Ok(_) => {}
                Err(error) => reason = Some(error),
            }
        }
        match reason {
            Some(error) => Err(error),
            None => bail!("the survivors still name node {old}"),
        }
    }

    async fn primary_by(&self, member: &Node) -> Result<usize> {
        let ports: Vec<u16> = member
            .query(
                "SELECT MEMBER_PORT FROM performance_schema.replication_group_members \
                 WHERE MEMBER_ROLE = 'PRIMARY' AND MEMBER_STATE = 'ONLINE'",
            )
            .await?;
        let node = self
            .nodes()
            .iter()
            .find(|node| ports.contains(&node.reported_port()))
            .context("no primary is online")?;
        let read_only: bool = node.query_one("SELECT @@GLOBAL.super_read_only").await?;
        ensure!(!read_only, "node {} is elected and not yet writable", node.index());
        Ok(node.index())
    }

    /// Asks the group to make a member its primary, and waits until it is writable.
    pub(crate) async fn switch_group_primary(&self, to: usize, limit: Duration) -> Result<()> {
        let uuid = self.node(to).server_uuid().await?;
        self.primary()
            .execute(&format!("DO group_replication_set_as_primary('{uuid}')"))
            .await?;
        eventually(&format!("node {to} is the group's writable primary"), limit, || async {
            let primary = self.primary_by(self.node(to)).await?;
            ensure!(primary == to, "it is node {primary}");
            Ok(())
        })
        .await?;
        self.set_primary(to);
        Ok(())
    }
}
