//! What there is to say about each server before there is a migration: all that a failover needs of it.
//!
//! Servers are asked here; what follows from their settings is decided in `settings`, from their replication in `replication`.

mod replication;
mod settings;

use std::time::Duration;

use futures_util::future::join_all;
use outlast_core::{
    ErrorKind, Result, Server,
    check_up::{Check, Wanted},
    topology::Finding,
};
use outlast_mysql::{Connector, Purpose, Session, unfit};

use self::settings::{Settings, agreement};
use crate::{
    audit::{filtered, filtered_binlog, nameless_replicas, out_of_order, unprotected_replica},
    errant,
    inspect::clock_skew_ms,
    probe::Probe,
    servers::Servers,
    verdict::{Answer, primaries, probes, with_root_cause},
};

/// Limit for all questions to one server.
const PATIENCE: Duration = Duration::from_secs(10);
/// Outlast's own tables, which any filter must let pass.
const OWN: (&str, &str) = ("_outlast", "migrations");

/// What one server has answered.
struct Seen {
    checks: Vec<Check>,
    settings: Option<Settings>,
}

/// Asks all servers of the cluster that can be found from the known ones. With what was found, the servers that were reached.
pub(crate) async fn check_up(servers: &Servers, wanted: &Wanted) -> (Vec<Server>, Vec<Check>) {
    let answers = servers.find_all().await;
    let reached: Vec<Server> = probes(&answers).map(|probe| probe.server.clone()).collect();
    let primaries = primaries(&answers);
    let mut checks = vec![primary_of(&primaries)];
    checks.extend(answers.iter().filter_map(unreached));
    let primary = match primaries.as_slice() {
        [primary] => Some(*primary),
        _ => None,
    };
    let connector = servers.connector();
    let looks = probes(&answers).map(|probe| look_at(connector, probe, primary, &reached, wanted));
    let seen = join_all(looks).await;
    let settings: Vec<(&str, &Settings)> = reached
        .iter()
        .zip(&seen)
        .filter_map(|(server, seen)| Some((server.address.as_str(), seen.settings.as_ref()?)))
        .collect();
    checks.extend(agreement(&settings));
    if let Some(primary) = primary.filter(|_| reached.len() > 1) {
        let own = settings.iter().find(|(address, _)| *address == primary.server.address);
        checks.extend(own.map(|(address, settings)| {
            let check = settings.acknowledged(primary.is_managed_by_group());
            Check::of(*address, "acknowledged commits", check.0, check.1)
        }));
    }
    checks.extend(seen.into_iter().flat_map(|seen| seen.checks));
    (reached, checks)
}

fn primary_of(primaries: &[&Probe]) -> Check {
    let names: Vec<&str> = primaries.iter().map(|probe| probe.server.address.as_str()).collect();
    let (state, finding) = match names.as_slice() {
        [primary] => ((*primary).to_owned(), None),
        [] => (
            String::new(),
            Some(Finding::refusal(
                "no server takes writes: no migration can be submitted, and those that run wait. Promote one: SET PERSIST \
                 super_read_only = OFF; SET PERSIST read_only = OFF",
            )),
        ),
        several => (
            String::new(),
            Some(Finding::refusal(format!(
                "split brain: {} take writes. Nothing is written by Outlast until one is left. Run on the others: SET PERSIST \
                 super_read_only = ON",
                several.join(" and ")
            ))),
        ),
    };
    Check::of("", "primary", state, finding)
}

fn unreached(answer: &Answer) -> Option<Check> {
    let error = answer.result.as_ref().err()?;
    let finding = match error.kind() {
        ErrorKind::Refused | ErrorKind::AccessDenied => Finding::refusal(with_root_cause(error)),
        _ => Finding::refusal(format!(
            "it does not answer, so nothing is known of it ({}). Don't promote it before it has been checked",
            with_root_cause(error)
        )),
    };
    Some(Check::bad(&answer.address, "connection", finding))
}

async fn look_at(
    connector: &Connector,
    probe: &Probe,
    primary: Option<&Probe>,
    reached: &[Server],
    wanted: &Wanted,
) -> Seen {
    let address = &probe.server.address;
    let asking = async {
        let mut session = connector.connect(&probe.server, &Purpose::default()).await?;
        ask(&mut session, connector, probe, primary, reached, wanted).await
    };
    let why = match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(seen)) => return seen,
        Ok(Err(error)) => with_root_cause(&error),
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    let finding = Finding::refusal(format!("it could not be checked to the end ({why})"));
    Seen {
        checks: vec![Check::bad(address, "connection", finding)],
        settings: None,
    }
}

async fn ask(
    session: &mut Session,
    connector: &Connector,
    probe: &Probe,
    primary: Option<&Probe>,
    reached: &[Server],
    wanted: &Wanted,
) -> Result<Seen> {
    let address = probe.server.address.as_str();
    let settings = Settings::read(session).await?;
    let channels = replication::channels(session).await?;
    let replicates = !channels.is_empty();
    let refusals = |found: Option<String>| found.map(Finding::refusal);
    let mut checks = Vec::new();
    let mut add = |subject, (state, finding): (String, Option<Finding>)| {
        checks.push(Check::of(address, subject, state, finding));
    };
    add("server", (settings.described(), refusals(unfit(session).await?)));
    add("durability", settings.durability());
    add("binlog retention", settings.retention(wanted.expected));
    add("clock", settings::clock(clock_skew_ms(session).await?));
    add("performance_schema", settings.instruments());
    add(
        "commit order",
        ("kept".to_owned(), out_of_order(session, address, replicates).await?),
    );

    let mut filters: Vec<Finding> = filtered_binlog(session, address, OWN.0).await?.into_iter().collect();
    filters.extend(filtered(session, address, replicates, OWN.0, OWN.1).await?);
    add(
        "filters",
        (
            "none that leaves out what Outlast writes".to_owned(),
            filters.into_iter().next(),
        ),
    );

    let is_primary = primary.is_some_and(|primary| primary.server == probe.server);
    add("replication", replication::state(&channels, probe, is_primary));
    if let Some(primary) = primary.filter(|_| !is_primary) {
        let writable = unprotected_replica(probe, &primary.server);
        add("read-only", ("takes no writes".to_owned(), writable));
        let errant = errant::look_for(connector, &probe.server, &primary.server).await?;
        add("transactions", ("none that the primary lacks".to_owned(), errant));
    }
    for nameless in nameless_replicas(session, address, reached).await? {
        add("its replicas", (String::new(), Some(nameless)));
    }
    Ok(Seen {
        checks,
        settings: Some(settings),
    })
}
