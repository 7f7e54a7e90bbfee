//! How much a cluster suffers: the lag of its replicas, and the load of its primary.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mysql_async::Row;
use outlast_core::{
    Error, ErrorKind, Result, Server, ServerUuid,
    throttle::{Activity, Gauge, Limits, Pressure},
};
use outlast_mysql::{Connector, PooledSession, SessionPools};

use crate::{
    lag::Samples,
    probe::{Probe, address_of, gtids},
    servers::Servers,
    verdict::{Answer, probes},
};

/// Migrations that ask within this time share one look at the servers.
const SHARED: Duration = Duration::from_millis(700);
/// For so long a replica counts that does not answer, and is not connected to the primary any more, or has never answered. Then it
/// is taken for one that is gone, or for a program that reads binlogs.
const MISSED: Duration = Duration::from_secs(60);
/// Looks at what is under way in one watch, and the least time between two of them.
const LOOKS: u32 = 25;
const LEAST_BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long a user's query may take.
const QUERY_LIMIT: Duration = Duration::from_secs(1);

/// Statements that clients have sent since the server's start, those of migrations among them.
const STATEMENTS_BY_NOW: &str = "SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status \
                                 WHERE VARIABLE_NAME = 'Questions'";
/// Those of migrations, session by session.
const OWN_STATEMENTS: &str = "SELECT s.THREAD_ID, CAST(s.VARIABLE_VALUE AS UNSIGNED) \
     FROM performance_schema.session_connect_attrs a \
     JOIN performance_schema.threads t ON t.PROCESSLIST_ID = a.PROCESSLIST_ID \
     JOIN performance_schema.status_by_thread s ON s.THREAD_ID = t.THREAD_ID AND s.VARIABLE_NAME = 'Questions' \
     WHERE a.ATTR_NAME = 'program_name' AND a.ATTR_VALUE = 'outlast'";
/// Statements of clients that are under way, but those of migrations.
const STATEMENTS_UNDER_WAY: &str = "SELECT COUNT(*) FROM performance_schema.threads t \
     WHERE t.TYPE = 'FOREGROUND' AND t.PROCESSLIST_COMMAND IN ('Query', 'Execute') AND NOT EXISTS \
     (SELECT 1 FROM performance_schema.session_connect_attrs a \
      WHERE a.PROCESSLIST_ID = t.PROCESSLIST_ID AND a.ATTR_NAME = 'program_name' AND a.ATTR_VALUE = 'outlast')";

/// [`Gauge`] of a cluster whose servers are discovered as [`MySqlTopology`](crate::MySqlTopology) discovers them.
///
/// The lag of a replica is the age of the last state of the primary that it has executed, as this program saw both. The delay that a
/// replica was given (`SOURCE_DELAY`) is not counted. A replica that is connected to the primary and does not answer counts as
/// lagging; so does one that has not even executed what the primary had when this program began to look.
pub struct MySqlGauge {
    servers: Servers,
    sessions: SessionPools,
    lags: tokio::sync::Mutex<Lags>,
    commits: tokio::sync::Mutex<Option<Commits>>,
}

/// The COMMIT statements of a server.
struct Commits {
    of: ServerUuid,
    looked: Instant,
    count: u64,
    picoseconds: u64,
    /// Mean time of those between the last two looks.
    mean: Option<Duration>,
}

#[derive(Default)]
struct Lags {
    samples: Samples,
    looked: Option<(Instant, Vec<Lag>)>,
    /// Servers that have answered as replicas, by address: which, and when they did the last time.
    answered: BTreeMap<String, (ServerUuid, Instant)>,
    /// Since when addresses of connected replicas that never did are known.
    silent: BTreeMap<String, Instant>,
}

/// What is connected to the primary and says that it replicates: replicas, and programs that read binlogs as replicas do.
#[derive(Default)]
struct Connected {
    uuids: BTreeSet<ServerUuid>,
    addresses: BTreeSet<String>,
}

#[derive(Clone)]
struct Lag {
    replica: String,
    /// `None`: it is not known.
    lag: Option<Duration>,
}

impl MySqlGauge {
    /// A gauge of the cluster of the servers at these addresses (`host:port`).
    pub fn new(connector: Connector, addresses: impl IntoIterator<Item = String>) -> Self {
        Self {
            servers: Servers::discovering(connector.clone(), addresses),
            sessions: SessionPools::new(connector),
            lags: tokio::sync::Mutex::default(),
            commits: tokio::sync::Mutex::default(),
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
        lags.samples.take(&primary.uuid, Instant::now(), executed);
        // What comes back later is no older.
        let asked = Instant::now();
        let answers = self.servers.ask_all().await;
        let replicas = replicas_of(primary, &answers);
        let mut found = Vec::new();
        for answer in answers {
            found.extend(lags.lag_of(asked, &replicas, &connected, answer));
        }
        lags.looked = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Mean time of the primary's COMMITs since the last look; `None` before the second look, and while there are none.
    async fn commit_time(&self, primary: &Server, session: &mut PooledSession) -> Result<Option<Duration>> {
        let mut last = self.commits.lock().await;
        let before = last.take().filter(|commits| commits.of == primary.uuid);
        if let Some(commits) = before.as_ref().filter(|commits| commits.looked.elapsed() < SHARED) {
            let mean = commits.mean;
            *last = before;
            return Ok(mean);
        }
        let sql = "SELECT COUNT_STAR, SUM_TIMER_WAIT FROM performance_schema.events_statements_summary_global_by_event_name \
                   WHERE EVENT_NAME = 'statement/sql/commit'";
        let (count, picoseconds) = session.value(sql).await?;
        let mean = before.and_then(|before| {
            let commits = u64::checked_sub(count, before.count).filter(|commits| *commits > 0)?;
            let taken = u64::checked_sub(picoseconds, before.picoseconds)?;
            Some(Duration::from_nanos(taken / commits / 1000))
        });
        *last = Some(Commits {
            of: primary.uuid.clone(),
            looked: Instant::now(),
            count,
            picoseconds,
            mean,
        });
        Ok(mean)
    }
}

impl Lags {
    /// The lag of the server that gave this answer; `None` if it is none of the replicas.
    fn lag_of(
        &mut self,
        asked: Instant,
        replicas: &BTreeSet<ServerUuid>,
        connected: &Connected,
        answer: Answer,
    ) -> Option<Lag> {
        let replica = answer.address;
        match answer.result {
            Ok(probe) => {
                let uuid = probe.server.uuid;
                if !replicas.contains(&uuid) {
                    return None;
                }
                self.answered.insert(replica.clone(), (uuid, asked));
                let delay = Duration::from_secs(probe.delay_seconds);
                let lag = match self.samples.lag(asked, &probe.executed) {
                    // Whoever is meant to lag has none of the samples at first.
                    None if !delay.is_zero() => Some(Duration::ZERO),
                    lag => lag.map(|lag| lag.saturating_sub(delay)),
                };
                Some(Lag { replica, lag })
            }
            Err(error) => {
                let is_new = |since: Instant| asked.saturating_duration_since(since) < MISSED;
                let counts = match self.answered.get(&replica) {
                    Some((uuid, at)) => connected.uuids.contains(uuid) || is_new(*at),
                    None if connected.addresses.contains(&replica) => {
                        let first = *self.silent.entry(replica.clone()).or_insert_with(|| {
                            tracing::warn!(%replica, %error, "it replicates from the primary, and its lag can't be read");
                            asked
                        });
                        is_new(first)
                    }
                    None => false,
                };
                counts.then_some(Lag { replica, lag: None })
            }
        }
    }
}

/// The servers (by uuid) that replicate from the primary, or from one of these servers, even if they have stopped doing so; and the
/// active members of its group. An old primary that is back and was not made a replica yet is none.
fn replicas_of(primary: &Server, answers: &[Answer]) -> BTreeSet<ServerUuid> {
    let mut sources = BTreeSet::from([primary.uuid.clone()]);
    loop {
        let before = sources.len();
        for probe in probes(answers) {
            let mut of = probe.channels.iter().filter_map(|channel| channel.source.as_deref());
            if of.any(|source| sources.contains(&ServerUuid::new(source))) || is_active_beside(probe, primary) {
                sources.insert(probe.server.uuid.clone());
            }
        }
        if sources.len() == before {
            sources.remove(&primary.uuid);
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

/// What is connected to the server as a replica, as it reports itself.
async fn connected_replicas(session: &mut PooledSession) -> Result<Connected> {
    let mut connected = Connected::default();
    let rows: Vec<Row> = session.rows("SHOW REPLICAS").await?;
    for row in rows {
        if let Some(Ok(uuid)) = row.get_opt::<String, _>("Replica_UUID") {
            connected.uuids.insert(ServerUuid::new(uuid));
        }
        if let (Some(Ok(host)), Some(Ok(port))) = (row.get_opt::<String, _>("Host"), row.get_opt::<u64, _>("Port")) {
            connected.addresses.extend(address_of(&host, port));
        }
    }
    Ok(connected)
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
            && let Some(time) = self.commit_time(primary, &mut session).await?
        {
            let milliseconds = time.as_secs_f64() * 1000.0;
            pressures.push(Pressure {
                ratio: milliseconds / limit as f64,
                cause: "time of a COMMIT".to_owned(),
                reason: format!("a COMMIT takes {milliseconds:.1} ms on the primary, limit {limit} ms"),
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
                cause: format!("the file {file:?}"),
                reason: format!("there is a file {file:?} on the agent's machine"),
            });
        }
        Ok(pressures)
    }

    async fn activity(&self, primary: &Server, over: Duration) -> Result<Option<Activity>> {
        let mut session = self.sessions.session(primary).await?;
        if !session.value::<bool>("SELECT @@GLOBAL.performance_schema").await? {
            session.give_back();
            return Ok(None);
        }
        let begun = Instant::now();
        let before: u64 = session.value(STATEMENTS_BY_NOW).await?;
        let own_before: BTreeMap<u64, u64> = session.rows::<(u64, u64)>(OWN_STATEMENTS).await?.into_iter().collect();
        let (mut looks, mut under_way): (u64, u64) = (0, 0);
        while begun.elapsed() < over {
            tokio::time::sleep((over / LOOKS).max(LEAST_BETWEEN_LOOKS)).await;
            under_way += session.value::<u64>(STATEMENTS_UNDER_WAY).await?;
            looks += 1;
        }
        let own_after: BTreeMap<u64, u64> = session.rows::<(u64, u64)>(OWN_STATEMENTS).await?.into_iter().collect();
        let after: u64 = session.value(STATEMENTS_BY_NOW).await?;
        let seconds = begun.elapsed().as_secs_f64();
        session.give_back();
        let own = sent_between(&own_before, &own_after);
        Ok(Some(Activity {
            per_second: after.saturating_sub(before).saturating_sub(own) as f64 / seconds,
            under_way: under_way as f64 / looks.max(1) as f64,
        }))
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
            // Prepared, it is one statement and no more: several could switch that off again.
            session.first_with::<Option<f64>>(query, ()).await
        };
        let answer = tokio::time::timeout(QUERY_LIMIT * 2, asked).await.unwrap_or_else(|_| {
            let what = format!("no answer within {:?}", QUERY_LIMIT * 2);
            Err(Error::new(ErrorKind::Passing, what))
        });
        let (is_above, reason) = match answer {
            Ok(value) => {
                let value = value.flatten().unwrap_or(0.0);
                (value > 0.0, format!("the throttle query gives {value}"))
            }
            Err(error) => (true, format!("the throttle query fails: {error}")),
        };
        Pressure {
            ratio: f64::from(u8::from(is_above)),
            cause: "the throttle query".to_owned(),
            reason,
        }
    }
}

/// How many statements sessions have sent between two looks at each. What one has sent that has ended meanwhile is not known, and hardly
/// much.
fn sent_between(before: &BTreeMap<u64, u64>, after: &BTreeMap<u64, u64>) -> u64 {
    let sent = |(session, now): (&u64, &u64)| now.saturating_sub(before.get(session).copied().unwrap_or(0));
    after.iter().map(sent).sum()
}

fn counted(what: &str, count: u64, limit: u64) -> Pressure {
    Pressure {
        ratio: count as f64 / limit as f64,
        cause: what.to_owned(),
        reason: format!("{count} {what}, limit {limit}"),
    }
}

fn lag_pressure(lag: &Lag, limit_ms: u64) -> Pressure {
    let limit = limit_ms as f64 / 1000.0;
    let cause = format!("lag of replica {}", lag.replica);
    match lag.lag {
        Some(lag) => Pressure {
            ratio: lag.as_secs_f64() / limit,
            reason: format!("{cause} is {:.1} s, limit {limit} s", lag.as_secs_f64()),
            cause,
        },
        None => Pressure {
            ratio: 1.0,
            reason: format!("{cause} is not known, limit {limit} s"),
            cause,
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

    /// The lag that counts for an answer; the replicas of these numbers are connected to the primary.
    fn counts(lags: &mut Lags, connected: &[u32], answer: Answer) -> Option<Option<Duration>> {
        counts_at(Instant::now(), lags, connected, answer)
    }

    fn counts_later(lags: &mut Lags, connected: &[u32], answer: Answer) -> Option<Option<Duration>> {
        counts_at(Instant::now() + MISSED * 2, lags, connected, answer)
    }

    fn counts_at(asked: Instant, lags: &mut Lags, connected: &[u32], answer: Answer) -> Option<Option<Duration>> {
        let connected = Connected {
            uuids: connected.iter().map(|number| server(*number).uuid).collect(),
            addresses: connected.iter().map(|number| server(*number).address).collect(),
        };
        let replicas = replicas_of(&server(1), std::slice::from_ref(&answer));
        let lag = lags.lag_of(asked, &replicas, &connected, answer);
        lag.map(|lag| lag.lag)
    }

    fn replicating(number: u32) -> Answer {
        answer(number, Ok(replica(number).replicating_from(1, "ON")))
    }

    #[test]
    fn a_session_that_ends_takes_none_of_its_earlier_statements_with_it() {
        let before = BTreeMap::from([(1, 100), (2, 500_000)]);
        let after = BTreeMap::from([(1, 130), (3, 7)]);
        assert_eq!(sent_between(&before, &after), 37);
        assert_eq!(sent_between(&after, &before), 500_000);
    }

    #[test]
    fn the_primary_and_servers_that_replicate_nothing_have_no_lag() {
        let mut lags = Lags::default();
        assert_eq!(counts(&mut lags, &[], answer(1, Ok(writable(1)))), None);
        assert_eq!(counts(&mut lags, &[], answer(2, Ok(replica(2)))), None);
        assert_eq!(counts(&mut lags, &[], replicating(2)), Some(Some(Duration::ZERO)));
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
        assert_eq!(found, BTreeSet::from([2, 3].map(|number| server(number).uuid)));
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
        let expected = BTreeSet::from([2, 3].map(|number| server(number).uuid));
        assert_eq!(replicas_of(&server(1), &answers), expected);
    }

    #[test]
    fn a_replica_that_is_connected_and_does_not_answer_any_more_counts_as_lagging() {
        let mut lags = Lags::default();
        assert!(counts(&mut lags, &[2], replicating(2)).is_some());
        assert_eq!(counts_later(&mut lags, &[2], silent(2)), Some(None));
        let unknown = Lag {
            replica: "db2:3306".to_owned(),
            lag: None,
        };
        let pressure = lag_pressure(&unknown, 10_000);
        assert!(
            pressure.ratio >= 1.0 && pressure.reason.contains("db2:3306"),
            "{pressure:?}"
        );
    }

    #[test]
    fn a_program_that_reads_binlogs_as_a_replica_does_holds_nobody_up_for_ever() {
        let mut lags = Lags::default();
        assert_eq!(counts(&mut lags, &[2], silent(2)), Some(None));
        assert_eq!(counts_later(&mut lags, &[2], silent(2)), None);
    }

    #[test]
    fn a_server_that_is_gone_holds_nobody_up_for_ever() {
        let mut lags = Lags::default();
        // As the old primary after a failover: never seen as a replica.
        assert_eq!(counts(&mut lags, &[], silent(2)), None);
        assert!(counts(&mut lags, &[], replicating(2)).is_some());
        assert_eq!(counts(&mut lags, &[], silent(2)), Some(None));
        assert_eq!(counts_later(&mut lags, &[], silent(2)), None);
    }

    #[test]
    fn a_delay_that_a_replica_was_given_is_no_lag() {
        let mut lags = Lags::default();
        let set = |to: u64| gtids(&format!("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{to}")).unwrap_or_default();
        let begun = Instant::now();
        for second in 0..9 {
            lags.samples
                .take(&server(1).uuid, begun + Duration::from_secs(second), set(1 + second));
        }
        let mut lag = |delay_seconds| {
            let probe = Probe {
                delay_seconds,
                executed: set(5),
                ..replica(2).replicating_from(1, "ON")
            };
            let asked = begun + Duration::from_secs(3610);
            counts_at(asked, &mut lags, &[], answer(2, Ok(probe)))
                .flatten()
                .map(|lag| lag.as_secs())
        };
        assert_eq!((lag(0), lag(3600)), (Some(3605), Some(5)));
    }
}
