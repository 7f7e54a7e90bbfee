//! What there is to say about each server before there is a migration: all that a failover needs of it.
//!
//! Servers are asked here; what follows from their settings is decided in `settings`, from their replication in `replication`.

mod replication;
mod settings;

use std::time::Duration;

use futures_util::future::join_all;
use outlast_core::{
    ErrorKind, Result, Server,
    check_up::{Check, Outcome, Wanted, unless},
    topology::Finding,
};
use outlast_mysql::{Connector, Purpose, unfit};

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

/// What was found out about one server; whatever could not be asked is among the checks.
#[derive(Default)]
struct Seen {
    checks: Vec<Check>,
    settings: Option<Settings>,
}

/// The cluster, as far as it was reached.
struct Cluster<'a> {
    connector: &'a Connector,
    reached: &'a [Server],
    primaries: &'a [&'a Probe],
}

/// Asks all servers of the cluster that can be found from the known ones. With what was found, the servers that were reached.
pub(crate) async fn check_up(servers: &Servers, wanted: &Wanted) -> (Vec<Server>, Vec<Check>) {
    let answers = servers.find_all().await;
    let reached: Vec<Server> = probes(&answers).map(|probe| probe.server.clone()).collect();
    let primaries = primaries(&answers);
    let cluster = Cluster {
        connector: servers.connector(),
        reached: &reached,
        primaries: &primaries,
    };
    let mut checks = vec![Check::of("", "primary", cluster.primary())];
    checks.extend(answers.iter().filter_map(unreached));
    let seen = join_all(probes(&answers).map(|probe| cluster.look_at(probe, wanted))).await;
    let settings: Vec<(&str, &Settings)> = reached
        .iter()
        .zip(&seen)
        .filter_map(|(server, seen)| Some((server.address.as_str(), seen.settings.as_ref()?)))
        .collect();
    if settings.len() > 1 {
        checks.extend(agreement(&settings));
    }
    checks.extend(seen.into_iter().flat_map(|seen| seen.checks));
    (reached, checks)
}

fn unreached(answer: &Answer) -> Option<Check> {
    let error = answer.result.as_ref().err()?;
    let why = with_root_cause(error);
    let finding = match error.kind() {
        ErrorKind::Refused | ErrorKind::AccessDenied => Finding::refusal(why),
        _ => Finding::refusal(format!(
            "it does not answer, so nothing is known of it ({why}). Don't promote it before it has been checked"
        )),
    };
    Some(Check::of(&answer.address, "connection", Err(finding)))
}

impl Cluster<'_> {
    fn primary(&self) -> Outcome {
        let names: Vec<&str> = self
            .primaries
            .iter()
            .map(|probe| probe.server.address.as_str())
            .collect();
        match names.as_slice() {
            [primary] => Ok((*primary).to_owned()),
            [] => Err(Finding::refusal(
                "no server that answers takes writes: no migration can be submitted, and those that run wait until one does",
            )),
            several => Err(Finding::refusal(format!(
                "split brain: {} take writes. Outlast writes nothing where it can't tell which of them is right, until one is left. On those \
                 that are not to be the primary, run: SET PERSIST super_read_only = ON",
                several.join(" and ")
            ))),
        }
    }

    async fn look_at(&self, probe: &Probe, wanted: &Wanted) -> Seen {
        let mut seen = Seen::default();
        let address = &probe.server.address;
        let asked = within_patience(self.ask(probe, wanted, &mut seen)).await;
        seen.checks.extend(
            asked
                .err()
                .map(|finding| Check::of(address, "connection", Err(finding))),
        );
        if let [primary] = self.primaries
            && primary.server != probe.server
        {
            let found = within_patience(errant::look_for(self.connector, &probe.server, &primary.server)).await;
            let outcome = found.and_then(|found| unless(found, "none that the primary lacks"));
            seen.checks.push(Check::of(address, "transactions", outcome));
        }
        seen
    }

    /// # Errors
    /// Those of the server; what was asked before is in `seen`.
    async fn ask(&self, probe: &Probe, wanted: &Wanted, seen: &mut Seen) -> Result<()> {
        let address = probe.server.address.as_str();
        let session = &mut self.connector.connect(&probe.server, &Purpose::default()).await?;
        let mut add = |subject, outcome| seen.checks.push(Check::of(address, subject, outcome));
        let settings = Settings::read(session).await?;
        let channels = replication::channels(session).await?;
        let replicates = !channels.is_empty();
        let is_primary = self.primaries.iter().any(|primary| primary.server == probe.server);

        let unfit = unfit(session).await?.map(Finding::refusal);
        add("server", unless(unfit, settings.described()));
        add("durability", settings.durability());
        add("binlog retention", settings.retention(wanted.expected));
        add("clock", settings::clock(clock_skew_ms(session).await?));
        add("performance_schema", settings.instruments());
        add(
            "commit order",
            unless(out_of_order(session, address, replicates).await?, "kept"),
        );
        let mut filters = filtered(session, address, replicates, OWN.0, OWN.1).await?;
        let schema = wanted.schema.as_deref().unwrap_or(OWN.0);
        filters.extend(filtered_binlog(session, address, schema).await?);
        if filters.is_empty() {
            add("filters", Ok("none that leaves out what Outlast writes".to_owned()));
        }
        for filter in filters {
            add("filters", Err(filter));
        }
        add("replication", replication::state(&channels, probe, is_primary));
        if is_primary && self.reached.len() > 1 {
            add(
                "acknowledged commits",
                settings.acknowledged(probe.is_managed_by_group()),
            );
        }
        if let [primary] = self.primaries
            && !is_primary
        {
            add(
                "read-only",
                unless(unprotected_replica(probe, &primary.server), "takes no writes"),
            );
        }
        for nameless in nameless_replicas(session, address, self.reached).await? {
            add("its replicas", Err(nameless));
        }
        seen.settings = Some(settings);
        Ok(())
    }
}

/// What was asked, or that it was not found out.
async fn within_patience<T>(asking: impl Future<Output = Result<T>>) -> std::result::Result<T, Finding> {
    let why = match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => with_root_cause(&error),
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    Err(Finding::refusal(format!("it could not be checked to the end ({why})")))
}
