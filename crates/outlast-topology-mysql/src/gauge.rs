//! How much a cluster suffers: the lag of its replicas, and the load of its primary.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mysql_async::Row;
use outlast_core::{
    Error, ErrorKind, GtidSet, Result, Server,
    throttle::{Gauge, Limits, Pressure},
};
use outlast_mysql::{Connector, PooledSession, SessionPools};

use crate::{
    lag::Samples,
    probe::{Probe, address_of},
    servers::Servers,
    verdict::{Answer, probes},
};

/// Migrations that ask within this time share one look at the servers.
const SHARED: Duration = Duration::from_millis(700);
/// For so long a replica that does not answer, and is not connected to the primary, counts. Then it is taken for one that is gone.
const MISSED: Duration = Duration::from_secs(60);
/// How long a user's query may take.
const QUERY_LIMIT: Duration = Duration::from_secs(1);

/// [`Gauge`] of a cluster whose servers are discovered as [`MySqlTopology`](crate::MySqlTopology) discovers them.
///
/// The lag of a replica is the age of the last state of the primary that it has executed, as this program saw both; beside that what
/// `performance_schema` tells of the transactions that it is executing. The delay that a replica was given (`SOURCE_DELAY`) is not
/// counted. A replica that is connected to the primary and does not answer counts as lagging.
pub struct MySqlGauge {
    servers: Servers,
    sessions: SessionPools,
    lags: tokio::sync::Mutex<Lags>,
    /// COMMITs so far, and the picoseconds that they took.
    commits: Mutex<Option<(u64, u64)>>,
}

#[derive(Default)]
struct Lags {
    samples: Samples,
    looked: Option<(Instant, Vec<Lag>)>,
    /// When replicas last answered, by address.
    answered: BTreeMap<String, Instant>,
}

#[derive(Clone)]
struct Lag {
    replica: String,
    /// `None`: it does not answer.
    lag: Option<Duration>,
}

impl MySqlGauge {
    /// A gauge of the cluster of the servers at these addresses (`host:port`).
    pub fn new(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self {
            servers: Servers::discovering(connector.clone(), addresses),
            sessions: SessionPools::new(connector),
            lags: tokio::sync::Mutex::default(),
            commits: Mutex::default(),
        }
    }

    /// The lag of every replica.
    async fn lags(&self, primary: &Server) -> Result<Vec<Lag>> {
        let mut lags = self.lags.lock().await;
        if let Some((at, looked)) = &lags.looked
            && at.elapsed() < SHARED
        {
            return Ok(looked.clone());
        }
        let mut session = self.sessions.session(primary).await?;
        let executed = gtids(&session.value::<String>("SELECT @@GLOBAL.gtid_executed").await?)?;
        let connected = connected_replicas(&mut session).await?;
        session.give_back();
        lags.samples.take(primary.uuid.as_str(), Instant::now(), executed);
        let answers = self.servers.ask_all().await;
        let replicas = replicas_of(primary, &answers);
        let mut found = Vec::new();
        for answer in answers {
            found.extend(lags.lag_of(&replicas, &connected, answer)?);
        }
        lags.looked = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    async fn commit_time(&self, session: &mut PooledSession) -> Result<Option<Duration>> {
        let now: Option<(u64, u64)> = session
            .first(
                "SELECT COUNT_STAR, SUM_TIMER_WAIT FROM performance_schema.events_statements_summary_global_by_event_name \
                 WHERE EVENT_NAME = 'statement/sql/commit'",
            )
            .await?;
        let Some(now) = now else { return Ok(None) };
        let before = self.commits.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        Ok(before.and_then(|before| {
            let commits = now.0.checked_sub(before.0).filter(|commits| *commits > 0)?;
            Some(Duration::from_nanos(now.1.checked_sub(before.1)? / commits / 1000))
        }))
    }
}

impl Lags {
    /// The lag of the server that gave this answer; `None` if it is none of the replicas.
    fn lag_of(&mut self, replicas: &BTreeSet<String>, connected: &[String], answer: Answer) -> Result<Option<Lag>> {
        let replica = answer.address;
        let now = Instant::now();
        let lag = match answer.result {
            Ok(probe) if !replicas.contains(probe.server.uuid.as_str()) => return Ok(None),
            Ok(probe) => {
                self.answered.insert(replica.clone(), now);
                let told = Duration::from_micros(probe.applying_since_us.unwrap_or(0));
                let seen = self.samples.lag(now, &gtids(&probe.executed)?);
                Some(seen.max(told).saturating_sub(Duration::from_secs(probe.delay_seconds)))
            }
            Err(_) if connected.contains(&replica) => None,
            Err(_) => match self.answered.get(&replica) {
                Some(at) if now.saturating_duration_since(*at) < MISSED => None,
                _ => return Ok(None),
            },
        };
        Ok(Some(Lag { replica, lag }))
    }
}

/// The servers (by uuid) that replicate from the primary, or from one of these servers, even if they have stopped doing so; and the
/// active members of its group. An old primary that is back and was not made a replica yet is none.
fn replicas_of(primary: &Server, answers: &[Answer]) -> BTreeSet<String> {
    let mut sources = BTreeSet::from([primary.uuid.as_str().to_owned()]);
    loop {
        let before = sources.len();
        for probe in probes(answers) {
            let mut of = probe.channels.iter().filter_map(|channel| channel.source.as_deref());
            if of.any(|source| sources.contains(source)) || is_active_beside(probe, primary) {
                sources.insert(probe.server.uuid.as_str().to_owned());
            }
        }
        if sources.len() == before {
            sources.remove(primary.uuid.as_str());
            return sources;
        }
    }
}

/// Whether it is an active member of a group that the primary belongs to, as it sees the group.
fn is_active_beside(probe: &Probe, primary: &Server) -> bool {
    let state = |uuid: &str| {
        let mut members = probe.group.iter().flat_map(|group| &group.members);
        members
            .find(|member| member.uuid == uuid)
            .map(|member| member.state.as_str())
    };
    matches!(state(probe.server.uuid.as_str()), Some("ONLINE" | "RECOVERING")) && state(primary.uuid.as_str()).is_some()
}

fn gtids(text: &str) -> Result<GtidSet> {
    text.parse()
        .map_err(|error| Error::new(ErrorKind::Inconsistent, "@@gtid_executed can't be read").with_source(error))
}

/// Addresses of the replicas that are connected to the server, as they report them.
async fn connected_replicas(session: &mut PooledSession) -> Result<Vec<String>> {
    let rows: Vec<Row> = session.rows("SHOW REPLICAS").await?;
    let address = |row: &Row| address_of(&row.get::<String, _>("Host")?, row.get::<u64, _>("Port")?);
    Ok(rows.iter().filter_map(address).collect())
}

#[async_trait]
impl Gauge for MySqlGauge {
    async fn pressures(&self, primary: &Server, limits: &Limits) -> Result<Vec<Pressure>> {
        let is_set = |limit: Option<u64>| limit.filter(|limit| *limit > 0);
        let mut pressures = Vec::new();
        if let Some(limit) = is_set(limits.max_lag_ms) {
            pressures.extend(
                self.lags(primary)
                    .await?
                    .into_iter()
                    .map(|lag| lag_pressure(&lag, limit)),
            );
        }
        let mut session = self.sessions.session(primary).await?;
        if let Some(limit) = is_set(limits.max_threads_running) {
            let sql = "SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status \
                       WHERE VARIABLE_NAME = 'Threads_running'";
            pressures.push(counted("threads run on the primary", session.value(sql).await?, limit));
        }
        if let Some(limit) = is_set(limits.max_history_length) {
            let sql = "SELECT CAST(COUNT AS UNSIGNED) FROM information_schema.INNODB_METRICS \
                       WHERE NAME = 'trx_rseg_history_len'";
            pressures.push(counted(
                "transactions are in the history list of the primary",
                session.value(sql).await?,
                limit,
            ));
        }
        if let Some(limit) = is_set(limits.max_commit_ms)
            && let Some(time) = self.commit_time(&mut session).await?
        {
            let (milliseconds, what) = (time.as_secs_f64() * 1000.0, "a COMMIT takes");
            pressures.push(Pressure {
                ratio: milliseconds / limit as f64,
                reason: format!("{what} {milliseconds:.1} ms on the primary, limit {limit} ms"),
            });
        }
        session.give_back();
        if let Some(query) = limits.query.as_deref().filter(|query| !query.is_empty()) {
            pressures.push(self.ask_user(primary, query).await);
        }
        if let Some(file) = limits.flag_file.as_deref().filter(|file| !file.is_empty())
            && tokio::fs::try_exists(file).await.unwrap_or(true)
        {
            pressures.push(Pressure {
                ratio: 1.0,
                reason: format!("there is a file {file:?} on the agent's machine"),
            });
        }
        Ok(pressures)
    }
}

impl MySqlGauge {
    /// Asks a user's query, which must not change anything.
    async fn ask_user(&self, primary: &Server, query: &str) -> Pressure {
        let asked = async {
            // Not given back: it is read-only for good.
            let mut session = self.sessions.session(primary).await?;
            let limit = QUERY_LIMIT.as_millis();
            session
                .run(&format!(
                    "SET SESSION transaction_read_only = ON, max_execution_time = {limit}"
                ))
                .await?;
            session.first::<Option<f64>>(query).await
        };
        let answer = tokio::time::timeout(QUERY_LIMIT * 2, asked).await.unwrap_or_else(|_| {
            let what = format!("no answer within {:?}", QUERY_LIMIT * 2);
            Err(Error::new(ErrorKind::Passing, what))
        });
        let (ratio, reason) = match answer {
            Ok(value) => {
                let value = value.flatten().unwrap_or(0.0);
                let stops = if value > 0.0 { 1.0 } else { 0.0 };
                (stops, format!("the throttle query gives {value}"))
            }
            Err(error) => (1.0, format!("the throttle query fails: {error}")),
        };
        Pressure { ratio, reason }
    }
}

fn counted(what: &str, count: u64, limit: u64) -> Pressure {
    Pressure {
        ratio: count as f64 / limit as f64,
        reason: format!("{count} {what}, limit {limit}"),
    }
}

fn lag_pressure(lag: &Lag, limit_ms: u64) -> Pressure {
    let limit = limit_ms as f64 / 1000.0;
    let replica = &lag.replica;
    match lag.lag {
        Some(lag) => Pressure {
            ratio: lag.as_secs_f64() / limit,
            reason: format!("replica {replica} lags {:.1} s, limit {limit} s", lag.as_secs_f64()),
        },
        None => Pressure {
            ratio: 1.0,
            reason: format!("replica {replica} does not answer, so its lag is not known, limit {limit} s"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::made_up::{replica, server, writable};

    fn answer(number: u32, result: Result<Probe>) -> Answer {
        Answer {
            address: format!("db{number}:3306"),
            result,
        }
    }

    fn silent(number: u32) -> Answer {
        answer(number, Err(Error::new(ErrorKind::ServerGone, "silent")))
    }

    fn counts(lags: &mut Lags, connected: &[&str], answer: Answer) -> Option<Option<Duration>> {
        let connected: Vec<String> = connected.iter().map(|address| (*address).to_owned()).collect();
        let replicas = replicas_of(&server(1), std::slice::from_ref(&answer));
        let lag = lags.lag_of(&replicas, &connected, answer);
        lag.ok().flatten().map(|lag| lag.lag)
    }

    #[test]
    fn the_primary_and_servers_that_replicate_nothing_have_no_lag() {
        let mut lags = Lags::default();
        assert_eq!(counts(&mut lags, &[], answer(1, Ok(writable(1)))), None);
        assert_eq!(counts(&mut lags, &[], answer(2, Ok(replica(2)))), None);
        let replicating = replica(2).replicating_from(1, "ON");
        assert_eq!(
            counts(&mut lags, &[], answer(2, Ok(replicating))),
            Some(Some(Duration::ZERO))
        );
    }

    #[test]
    fn only_who_replicates_from_this_primary_counts() {
        let answers = [
            answer(1, Ok(writable(1))),
            // In a chain, whatever the order of the answers; and one that somebody has stopped.
            answer(2, Ok(replica(2).replicating_from(3, "ON"))),
            answer(3, Ok(replica(3).replicating_from(1, "OFF"))),
            // Still told to follow the old primary, and that one, which is back.
            answer(4, Ok(replica(4).replicating_from(9, "CONNECTING"))),
            answer(9, Ok(writable(9))),
        ];
        let found = replicas_of(&server(1), &answers);
        let expected = [2, 3].map(|number| server(number).uuid.as_str().to_owned());
        assert_eq!(found, BTreeSet::from(expected));
    }

    #[test]
    fn of_a_group_the_active_members_count() {
        let view = [
            (1, "ONLINE", "PRIMARY"),
            (2, "ONLINE", "SECONDARY"),
            (3, "RECOVERING", "SECONDARY"),
        ];
        let answers = [
            answer(1, Ok(writable(1).in_group("1:3", &view))),
            answer(2, Ok(replica(2).in_group("1:3", &view))),
            answer(3, Ok(replica(3).in_group("1:3", &view))),
            // Expelled, it sees itself alone.
            answer(4, Ok(replica(4).in_group("1:2", &[(4, "ERROR", "")]))),
        ];
        let expected = [2, 3].map(|number| server(number).uuid.as_str().to_owned());
        assert_eq!(replicas_of(&server(1), &answers), BTreeSet::from(expected));
    }

    #[test]
    fn a_replica_that_is_connected_and_does_not_answer_counts_as_lagging() {
        let mut lags = Lags::default();
        assert_eq!(counts(&mut lags, &["db2:3306"], silent(2)), Some(None));
        let pressure = lag_pressure(
            &Lag {
                replica: "db2:3306".to_owned(),
                lag: None,
            },
            10_000,
        );
        assert!(
            pressure.ratio >= 1.0 && pressure.reason.contains("db2:3306"),
            "{pressure:?}"
        );
    }

    #[test]
    fn a_server_that_is_gone_holds_nobody_up_for_ever() {
        let mut lags = Lags::default();
        // As the old primary after a failover: never seen as a replica.
        assert_eq!(counts(&mut lags, &[], silent(2)), None);
        let replicating = || answer(2, Ok(replica(2).replicating_from(1, "ON")));
        assert!(counts(&mut lags, &[], replicating()).is_some());
        assert_eq!(counts(&mut lags, &[], silent(2)), Some(None));
        let long_ago = Instant::now().checked_sub(MISSED * 2);
        lags.answered.extend(long_ago.map(|at| ("db2:3306".to_owned(), at)));
        assert_eq!(counts(&mut lags, &[], silent(2)), None);
    }

    #[test]
    fn a_delay_that_a_replica_was_given_is_no_lag() {
        let mut lags = Lags::default();
        let delayed = |delay_seconds| Probe {
            delay_seconds,
            applying_since_us: Some(3_605_000_000),
            ..replica(2).replicating_from(1, "ON")
        };
        let five = Some(Some(Duration::from_secs(5)));
        assert_eq!(counts(&mut lags, &[], answer(2, Ok(delayed(3600)))), five);
    }
}
