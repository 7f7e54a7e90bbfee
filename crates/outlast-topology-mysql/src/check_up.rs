//! What there is to say about each server before there is a migration: all that a failover needs of it.
//!
//! Servers are asked here; what follows from their settings is decided in `settings`, from their replication in `replication`.

mod replication;
mod settings;

use futures_util::future::join_all;
use outlast_core::{
    ErrorKind, Result, Server,
    check_up::{Check, Outcome, Wanted, unless},
    topology::{Finding, Sight},
};
use outlast_mysql::{Connector, Purpose, unfit};

use self::settings::{Settings, agreement, successors};
use crate::{
    audit::{answered, filtered, filtered_binlog, nameless_replicas, out_of_order, unprotected_replica},
    errant,
    inspect::clock_skew_ms,
    probe::Probe,
    servers::Servers,
    verdict::{Answer, probes, with_root_cause},
};

/// Outlast's own tables, which any filter must let pass.
const OWN: (&str, &str) = ("_outlast", "migrations");
/// Stands for any table of a schema.
const ANY_TABLE: &str = "any_table";

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
    /// By the rule that migrations go by.
    primaries: Vec<Server>,
}

/// Asks all servers of the cluster that can be found from the known ones. `sight` is what the topology sees of it. With what was found,
/// the servers that were reached.
pub(crate) async fn check_up(servers: &Servers, sight: Result<Sight>, wanted: &Wanted) -> (Vec<Server>, Vec<Check>) {
    let answers = servers.find_all().await;
    let reached: Vec<Server> = probes(&answers).map(|probe| probe.server.clone()).collect();
    let mut checks = vec![Check::of("", "primary", primary(&sight))];
    let cluster = Cluster {
        connector: servers.connector(),
        reached: &reached,
        primaries: match sight {
            Ok(Sight::Primary(primary)) => vec![primary],
            Ok(Sight::SplitBrain(several)) => several,
            Ok(Sight::NoPrimary { .. }) | Err(_) => Vec::new(),
        },
    };
    checks.extend(
        answers
            .iter()
            .filter_map(|answer| unreached(answer, servers.is_given(&answer.address))),
    );
    let seen = join_all(probes(&answers).map(|probe| cluster.look_at(probe, wanted))).await;
    let settings: Vec<(&str, &Settings)> = reached
        .iter()
        .zip(&seen)
        .filter_map(|(server, seen)| Some((server.address.as_str(), seen.settings.as_ref()?)))
        .collect();
    if settings.len() > 1 {
        checks.extend(agreement(&settings));
    }
    if let [primary] = cluster.primaries.as_slice() {
        checks.extend(successors(&settings, &primary.address));
    }
    checks.extend(seen.into_iter().flat_map(|seen| seen.checks));
    (reached, checks)
}

fn primary(sight: &Result<Sight>) -> Outcome {
    match sight {
        Ok(Sight::Primary(primary)) => Ok(primary.address.clone()),
        Ok(Sight::NoPrimary { reason }) => Err(Finding::refusal(format!(
            "no server takes writes, as far as they answer: no migration can be submitted, and those that run wait ({reason})"
        ))),
        Ok(Sight::SplitBrain(several)) => {
            let names: Vec<&str> = several.iter().map(|server| server.address.as_str()).collect();
            Err(Finding::refusal(format!(
                "several servers take writes: {}. If they are one cluster, this is a split brain, and Outlast writes nothing before all but \
                 one are read-only. If they are clusters of their own that have a replica in common, name the primary that is meant, with \
                 --single-endpoint",
                names.join(" and ")
            )))
        }
        Err(error) => Err(Finding::refusal(with_root_cause(error))),
    }
}

fn unreached(answer: &Answer, is_given: bool) -> Option<Check> {
    let error = answer.result.as_ref().err()?;
    let why = with_root_cause(error);
    let finding = match (error.kind(), is_given) {
        (ErrorKind::Refused | ErrorKind::AccessDenied, _) => Finding::refusal(why),
        (_, true) => Finding::refusal(format!(
            "it does not answer, so nothing is known of it ({why}). Don't promote it before it has been checked"
        )),
        (_, false) => Finding::warning(format!(
            "other servers know one under this name, which does not answer here ({why}). If it is none of those that were reached under \
             another name, don't promote it before it has been checked"
        )),
    };
    Some(Check::of(&answer.address, "connection", Err(finding)))
}

impl Cluster<'_> {
    async fn look_at(&self, probe: &Probe, wanted: &Wanted) -> Seen {
        let mut seen = Seen::default();
        let address = &probe.server.address;
        let asked = within_patience(self.ask(probe, wanted, &mut seen)).await;
        seen.checks.extend(
            asked
                .err()
                .map(|finding| Check::of(address, "connection", Err(finding))),
        );
        if let [primary] = self.primaries.as_slice()
            && *primary != probe.server
        {
            let found = within_patience(errant::look_for(self.connector, &probe.server, primary)).await;
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
        let unfit = unfit(session).await?.map(Finding::refusal);
        add("server", unless(unfit, settings.described()));
        add("durability", settings.durability());
        add("binlog retention", settings.retention(wanted.expected));
        add("clock", settings::clock(clock_skew_ms(session).await?));
        add("performance_schema", settings.instruments());
        let channels = replication::channels(session).await?;
        let replicates = !channels.is_empty();
        let is_primary = self.primaries.contains(&probe.server);
        add(
            "commit order",
            unless(out_of_order(session, address, replicates).await?, "kept"),
        );
        let mut filters = filtered(session, address, replicates, OWN.0, OWN.1).await?;
        if let Some(schema) = &wanted.schema {
            let found = filtered(session, address, replicates, schema, ANY_TABLE).await?;
            filters.extend(found.into_iter().map(by_table_is_a_warning));
        }
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
        if let [primary] = self.primaries.as_slice()
            && !is_primary
        {
            add(
                "read-only",
                unless(unprotected_replica(probe, primary), "takes no writes"),
            );
        }
        for nameless in nameless_replicas(session, address, self.reached).await? {
            add("its replicas", Err(nameless));
        }
        seen.settings = Some(settings);
        Ok(())
    }
}

/// A filter that names tables may let pass the ones that are to be migrated.
fn by_table_is_a_warning(finding: Finding) -> Finding {
    match finding.message.contains("_TABLE = ") {
        true => Finding::warning(finding.message),
        false => finding,
    }
}

/// What was asked, or that it was not found out.
async fn within_patience<T>(asking: impl Future<Output = Result<T>>) -> std::result::Result<T, Finding> {
    answered(asking)
        .await
        .map_err(|why| Finding::refusal(format!("it could not be checked to the end ({why})")))
}
