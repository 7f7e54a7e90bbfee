//! What on the servers of a cluster speaks against a migration.
//!
//! Any of them may be the primary when the migration ends, so all are looked at alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use mysql_async::Row;
use outlast_core::{ErrorKind, Result, Server, topology::Finding};
use outlast_mysql::{Connector, Purpose, Session, unfit};

use crate::{
    errant,
    filters::{Filter, binlog_harm},
    probe::{Probe, address_of},
    servers::Servers,
    verdict::{Answer, primaries, probes, with_root_cause},
};

/// Limit for all questions to one server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks all servers of the cluster that can be found from the known ones, those behind one address included.
pub(crate) async fn audit(servers: &Servers, schema: &str, table: &str) -> Vec<Finding> {
    let answers = servers.find_all().await;
    let reached: Vec<Server> = probes(&answers).map(|probe| probe.server.clone()).collect();
    let primary = match primaries(&answers).as_slice() {
        [primary] => Some(&primary.server),
        _ => None,
    };
    let connector = servers.connector();
    let mut findings: Vec<Finding> = Vec::new();
    for found in join_all(
        reached
            .iter()
            .map(|server| look_at(connector, server, primary, &reached, schema, table)),
    )
    .await
    {
        findings.extend(found);
    }
    findings.extend(unprotected(&answers, primary));
    for answer in &answers {
        match &answer.result {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Refused => findings.push(Finding::refusal(error.to_string())),
            Err(error) => findings.push(unchecked(&answer.address, &with_root_cause(error))),
        }
    }
    findings
}

/// Replicas of the primary that take writes from anybody.
fn unprotected(answers: &[Answer], primary: Option<&Server>) -> Vec<Finding> {
    let Some(primary) = primary else {
        return Vec::new();
    };
    let replicas = probes(answers).filter(|probe| probe.server != *primary);
    replicas
        .filter_map(|probe| unprotected_replica(probe, primary))
        .collect()
}

/// Whether a replica of the primary takes writes from anybody. A group sees to that for its members itself.
pub(crate) fn unprotected_replica(probe: &Probe, primary: &Server) -> Option<Finding> {
    if probe.is_managed_by_group() || probe.read_only || probe.super_read_only {
        return None;
    }
    let (here, there) = (&probe.server.address, &primary.address);
    Some(Finding::warning(format!(
        "{here} is a replica of the primary {there} and takes writes: what is written to it by mistake is missing on the primary, and \
         if its replication stops, it looks like a second primary, and the migration waits. Run there: SET PERSIST super_read_only \
         = ON"
    )))
}

fn unchecked(which: &str, why: &str) -> Finding {
    Finding::warning(format!(
        "{which} could not be checked for settings and replication filters that harm a migration; don't promote it before \
         they are ({why})"
    ))
}

/// All findings about one server.
async fn look_at(
    connector: &Connector,
    server: &Server,
    primary: Option<&Server>,
    reached: &[Server],
    schema: &str,
    table: &str,
) -> Vec<Finding> {
    let asking = async {
        let mut session = connector.connect(server, &Purpose::default()).await?;
        ask(&mut session, &server.address, reached, schema, table).await
    };
    let mut findings = within_patience(server, asking).await;
    if let Some(primary) = primary.filter(|primary| *primary != server) {
        findings.extend(within_patience(server, errant::look_for(connector, server, primary)).await);
    }
    findings
}

/// What was found, or that it was not found out.
async fn within_patience<F: IntoIterator<Item = Finding>>(
    server: &Server,
    asking: impl Future<Output = Result<F>>,
) -> Vec<Finding> {
    match answered(asking).await {
        Ok(findings) => findings.into_iter().collect(),
        Err(why) => vec![unchecked(&server.address, &why)],
    }
}

/// What a server answers, or why it has not, in time.
pub(crate) async fn answered<T>(asking: impl Future<Output = Result<T>>) -> std::result::Result<T, String> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| with_root_cause(&error)),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

async fn ask(
    session: &mut Session,
    address: &str,
    reached: &[Server],
    schema: &str,
    table: &str,
) -> Result<Vec<Finding>> {
    let channels: Vec<String> = session
        .rows("SELECT CHANNEL_NAME FROM performance_schema.replication_connection_configuration")
        .await?;
    // Those of a group can be neither stopped nor filtered.
    let replicates = channels.iter().any(|channel| !channel.starts_with("group_replication"));
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(
        unfit(session)
            .await?
            .map(|why| Finding::refusal(format!("{address}: {why}"))),
    );
    findings.extend(out_of_order(session, address, replicates).await?);
    findings.extend(filtered_binlog(session, address, schema).await?);
    findings.extend(filtered(session, address, replicates, schema, table).await?);
    findings.extend(nameless_replicas(session, address, reached).await?);
    Ok(findings)
}

/// Transactions that commit out of order: the replica may have a checkpoint without rows committed before it.
pub(crate) async fn out_of_order(session: &mut Session, address: &str, replicates: bool) -> Result<Option<Finding>> {
    // Before 8.0.26 they had the second names; since then they have both.
    let settings: Vec<(String, String)> = session
        .rows(
            "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME IN \
             ('replica_preserve_commit_order', 'slave_preserve_commit_order', 'replica_parallel_workers', \
             'slave_parallel_workers', 'replica_parallel_type', 'slave_parallel_type')",
        )
        .await?;
    let settings: BTreeMap<String, String> = settings.into_iter().collect();
    let setting = |name: &str| {
        let names = [format!("replica_{name}"), format!("slave_{name}")];
        names.into_iter().find_map(|name| settings.get_key_value(&name))
    };
    let (Some((order, "OFF")), Some((workers, count))) = (
        setting("preserve_commit_order").map(|(name, value)| (name, value.as_str())),
        setting("parallel_workers"),
    ) else {
        return Ok(None);
    };
    if count.parse::<u32>().is_ok_and(|count| count < 2) {
        return Ok(None);
    }
    // Workers by schema can't keep the order.
    let by_schema = setting("parallel_type").filter(|(_, kind)| *kind == "DATABASE");
    let first = by_schema.map_or(String::new(), |(name, _)| {
        format!("SET PERSIST {name} = LOGICAL_CLOCK; ")
    });
    let change = format!("{first}SET PERSIST {order} = ON");
    Ok(Some(Finding::refusal(format!(
        "{address} may commit replicated transactions out of order ({order} is OFF, {workers} is {count}); promoted, it \
         could have a checkpoint without the rows it counts. Run there: {}",
        while_stopped(replicates, &change)
    ))))
}

/// The statement, with replication stopped around it if there is any.
fn while_stopped(replicates: bool, change: &str) -> String {
    match replicates {
        true => format!("STOP REPLICA SQL_THREAD; {change}; START REPLICA SQL_THREAD"),
        false => change.to_owned(),
    }
}

pub(crate) async fn filtered_binlog(session: &mut Session, address: &str, schema: &str) -> Result<Option<Finding>> {
    let Some(row) = session.binlog_status().await? else {
        return Ok(None);
    };
    let list = |name: &str| text_of(&row, name).unwrap_or_default();
    let harm = binlog_harm(&list("Binlog_Do_DB"), &list("Binlog_Ignore_DB"), schema);
    Ok(harm.map(|option| {
        Finding::refusal(format!(
            "{address} leaves changes of {schema}, or what Outlast writes, out of its binlog ({option}): they would be lost \
             at a failover. Take the option out of its configuration, and restart it"
        ))
    }))
}

pub(crate) async fn filtered(
    session: &mut Session,
    address: &str,
    replicates: bool,
    schema: &str,
    table: &str,
) -> Result<Vec<Finding>> {
    let global: Vec<(String, String)> = session
        .rows("SELECT FILTER_NAME, FILTER_RULE FROM performance_schema.replication_applier_global_filters")
        .await?;
    let channels: Vec<Row> = session.rows("SHOW REPLICA STATUS").await?;
    let mut findings = Vec::new();
    let mut report = |filter: &Filter, channel: Option<&str>| {
        let Some(harm) = filter.harm(schema, table) else {
            return false;
        };
        let (on, clause) = match channel {
            Some(channel) => (format!(" on channel {channel:?}"), for_channel(channel)),
            None => Default::default(),
        };
        let change = format!("CHANGE REPLICATION FILTER {}{clause}", harm.instead);
        findings.push(Finding::refusal(format!(
            "{address} filters replication{on} ({}); promoted, it would lack rows of {schema}.{table} or the migration's \
             state. If it lacks no rows yet, run there: {}; and change its configuration file if that has the filter; else build it \
             anew without",
            harm.by,
            while_stopped(replicates, &change)
        )));
        true
    };
    // Without a channel, CHANGE REPLICATION FILTER changes those of all channels along.
    if report(&Filter::global(global), None) {
        return Ok(findings);
    }
    for row in &channels {
        let rule = |list: &str| text_of(row, &format!("Replicate_{list}")).unwrap_or_default();
        let channel = text_of(row, "Channel_Name").unwrap_or_default();
        report(&Filter::of_channel(rule), Some(&channel));
    }
    Ok(findings)
}

/// Replicas that don't tell where they are, and that were not reached otherwise.
pub(crate) async fn nameless_replicas(
    session: &mut Session,
    address: &str,
    reached: &[Server],
) -> Result<Vec<Finding>> {
    let rows: Vec<Row> = session.rows("SHOW REPLICAS").await?;
    let mut nameless = BTreeSet::new();
    for row in rows {
        let host = text_of(&row, "Host").unwrap_or_default();
        let port = row
            .get_opt::<u64, _>("Port")
            .and_then(|port| port.ok())
            .unwrap_or_default();
        let uuid = text_of(&row, "Replica_UUID").unwrap_or_default();
        // Other readers of the binlog, Outlast's own among them, register without an identity.
        if uuid.is_empty() {
            continue;
        }
        if address_of(&host, port).is_none() && !reached.iter().any(|server| server.uuid.as_str() == uuid) {
            nameless.insert(uuid);
        }
    }
    let warned = |uuid: &String| {
        let which = format!("the replica {uuid} of {address}");
        unchecked(&which, "it has no report_host; name its address with --server")
    };
    Ok(nameless.iter().map(warned).collect())
}

/// The clause that names a channel; the default one has an empty name. Without it, statements are about all channels.
pub(crate) fn for_channel(name: &str) -> String {
    format!(" FOR CHANNEL '{}'", name.replace('\'', "''"))
}

pub(crate) fn text_of(row: &Row, column: &str) -> Option<String> {
    let at = row
        .columns_ref()
        .iter()
        .position(|found| found.name_str().eq_ignore_ascii_case(column))?;
    row.get_opt::<String, _>(at)?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::made_up::{replica, server, writable};

    fn answered(probe: Probe) -> Answer {
        Answer {
            address: probe.server.address.clone(),
            result: Ok(probe),
        }
    }

    fn warned(answers: Vec<Probe>) -> Vec<String> {
        let answers: Vec<Answer> = answers.into_iter().map(answered).collect();
        let findings = unprotected(&answers, Some(&server(1)));
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_replica_that_takes_writes_is_warned_of_with_what_mends_it() {
        let unprotected = writable(3).replicating_from(1, "ON");
        let half = Probe {
            super_read_only: false,
            ..replica(4)
        };
        let warned = warned(vec![writable(1), replica(2), unprotected, half]);
        let [warning] = warned.as_slice() else {
            panic!("{warned:?}");
        };
        assert!(
            warning.starts_with("db3:3306") && warning.ends_with("SET PERSIST super_read_only = ON"),
            "{warning}"
        );
    }

    #[test]
    fn a_member_of_a_group_is_left_to_the_group() {
        let member = |state| writable(2).in_group("1:1", &[(1, "ONLINE", "PRIMARY"), (2, state, "SECONDARY")]);
        assert!(warned(vec![writable(1), member("ONLINE")]).is_empty());
        assert!(warned(vec![writable(1), member("RECOVERING")]).is_empty());
        // The plugin is there, but the group is not.
        assert_eq!(warned(vec![writable(1), member("OFFLINE")]).len(), 1);
    }
}
