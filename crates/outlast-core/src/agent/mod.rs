//! The agent: finds the primary, adopts migrations and runs their streams, until it is stopped.
//!
//! The agent keeps no truth of its own. In each round it looks at the cluster, compares the migrations stored there with
//! the runs it has, and mends the difference:
//!
//! * a run whose server is no longer the primary, or whose lease was taken over, is dropped, with all its memory;
//! * a queued migration is adopted (the first epoch) and run;
//! * a running one without a live owner on this primary is adopted if it is safe ([`adoption`]) and the policies agree;
//! * a stale one is marked failed.

pub mod adoption;
mod judge;
mod policies;

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::policies::{NativePolicies, PolicyLoader};
use crate::{
    checkpoint::CheckpointStore,
    engine::{self, Services, Snapshot},
    error::{Error, ErrorKind, Response, Result},
    failures::Failures,
    guard::Guard,
    ids::{AgentId, Epoch, Incarnation, MigrationId, Server},
    policy::{Policies, RetryVerdict},
    scheduler::{Ending, Lease, Migration, Status},
    topology::{Sight, Topology},
};

/// What an agent is made of.
pub struct Parts {
    /// Finds the primary.
    pub topology: Arc<dyn Topology>,
    /// Scheduler, stream, clock and limits.
    pub services: Services,
    /// Tells positions before an adoption.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The policies of migrations that bring none of their own.
    pub policies: Policies,
    /// Loads policies that migrations bring.
    pub loader: Arc<dyn PolicyLoader>,
}

/// A running scheduler process, or a part of one.
pub struct Agent {
    parts: Parts,
    id: AgentId,
    incarnation: Incarnation,
    only: Option<MigrationId>,
    snapshots: Snapshots,
}

/// What the agent's own runs show, by migration.
pub type Snapshots = Arc<Mutex<BTreeMap<MigrationId, Snapshot>>>;

/// How an agent's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was told to stop. Its migrations go on when an agent adopts them.
    Told,
    /// The one migration it was made for has reached its final status.
    Finished,
    /// The one migration it was made for is not on the primary: it was lost with the server it was submitted to.
    Vanished,
}

/// What an agent knows of a migration besides what is stored.
#[derive(Default)]
struct Local {
    lease: Option<Lease>,
    task: Option<tokio::task::AbortHandle>,
    /// The migration as the run was given it.
    running: Option<Migration>,
    failures: Failures,
    not_before: Duration,
    begun: Duration,
    last_note: String,
    policies: Option<Policies>,
    /// The youngest sign of life that was ever seen: when, on this machine's clock, and how old it was then.
    sign_of_life: Option<(Duration, Duration)>,
}

impl Local {
    /// Time since the last sign of life. What a server's clock says of it matters as far as nothing better is known: after a
    /// failover, it may be another clock than that which wrote it. An age of zero is one in the clock's future, and no news.
    fn silence(&mut self, now: Duration, said: Duration) -> Duration {
        let known = self.sign_of_life.map(|(seen, age)| now.saturating_sub(seen) + age);
        match known.filter(|known| *known <= said || said.is_zero()) {
            Some(known) => known,
            None => {
                self.sign_of_life = Some((now, said));
                said
            }
        }
    }
}

/// Longest time for one look at the cluster, adoptions included.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two looks when the primary has just been lost.
const LEAST_PAUSE: Duration = Duration::from_millis(5);

/// A migration that is not on the primary for so long was lost with another server.
const VANISHED_AFTER: Duration = Duration::from_secs(10);

/// Pause after a migration was to be marked failed.
const AFTER_GIVING_UP: Duration = Duration::from_secs(30);

/// A run that lasted this long was no failure in a row.
const LASTING_RUN: Duration = Duration::from_secs(30);

/// A run that ended, with the lease it had.
type Finished = (Migration, Lease, Result<Ending>);

impl Agent {
    /// An agent with a name for people. Its incarnation is random.
    pub fn new(parts: Parts, id: AgentId) -> Self {
        let clock = &parts.services.clock;
        let incarnation = Incarnation::new(format!("{:016x}{:016x}", clock.random(), clock.random()));
        Self {
            parts,
            id,
            incarnation,
            only: None,
            snapshots: Snapshots::default(),
        }
    }

    /// Restricts the agent to one migration; [`Agent::run`] then returns once that has ended.
    #[must_use]
    pub fn only(mut self, migration: MigrationId) -> Self {
        self.only = Some(migration);
        self
    }

    /// What the agent's own runs show. Stays valid while the agent runs.
    pub fn snapshots(&self) -> Snapshots {
        Arc::clone(&self.snapshots)
    }

    /// Works until `stop` is cancelled, or until the one migration it is restricted to has ended.
    ///
    /// Stopping drops all runs; what they had committed is what the next owner goes on from.
    pub async fn run(&self, stop: CancellationToken) -> Stopped {
        let mut round = Round {
            agent: self,
            runs: JoinSet::new(),
            locals: HashMap::new(),
            primary_lost: None,
            outage: None,
            missing_since: None,
            complaint: String::new(),
        };
        let stopped = self.go_round(&mut round, stop).await;
        round.runs.shutdown().await;
        stopped
    }

    async fn go_round(&self, round: &mut Round<'_>, stop: CancellationToken) -> Stopped {
        loop {
            let look = Box::pin(round.look());
            let pause = match select(look, Box::pin(stop.cancelled())).await {
                Either::Left((Look::Again(pause), _)) => pause,
                Either::Left((Look::Done(stopped), _)) => return stopped,
                Either::Right(_) => return Stopped::Told,
            };
            let runs = &mut round.runs;
            let wait = self.parts.services.clock.sleep(pause);
            let finished = tokio::select! {
                biased;
                () = stop.cancelled() => return Stopped::Told,
                Some(finished) = runs.join_next_with_id() => finished,
                () = wait => continue,
            };
            let finished = match finished {
                Ok((_, finished)) => Some(finished),
                Err(error) => round.crashed(error),
            };
            if let Some((migration, lease, result)) = finished {
                let ended = round.ended(&migration, &lease, result);
                // Given up, it is judged anew in the next look: its lease is cleared first of all.
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Stopped::Told,
                    () = ended => {}
                    () = self.parts.services.clock.sleep(LOOK_LIMIT) => {}
                }
            }
        }
    }
}

/// What a look at the cluster leads to.
enum Look {
    /// Look again after this time, or when a run ends.
    Again(Duration),
    /// Nothing is left to do.
    Done(Stopped),
}

/// The agent at work.
struct Round<'a> {
    agent: &'a Agent,
    runs: JoinSet<Finished>,
    locals: HashMap<MigrationId, Local>,
    /// Since when no primary is seen.
    primary_lost: Option<Duration>,
    /// How long the last time without a primary was.
    outage: Option<Duration>,
    /// Since when the one migration of this agent is not on the primary.
    missing_since: Option<Duration>,
    /// The last trouble that was logged, so that it is logged once.
    complaint: String,
}

/// The pause until the next look where there has been no primary for a while: so much of that while that looking for the next one makes an
/// outage little longer, and never more than `most`.
fn pause_without_primary(lost_for: Duration, most: Duration) -> Duration {
    (lost_for / 10).max(LEAST_PAUSE).min(most)
}

impl Round<'_> {
    /// A look that takes too long is given up: a server that froze in the middle of it must not hide a promotion.
    async fn look(&mut self) -> Look {
        let clock = Arc::clone(&self.agent.parts.services.clock);
        let looked = match select(Box::pin(self.look_or_fail()), clock.sleep(LOOK_LIMIT)).await {
            Either::Left((looked, _)) => looked,
            Either::Right(_) => Err(Error::new(
                ErrorKind::ServerGone,
                format!("looking at the cluster took longer than {LOOK_LIMIT:?}; trying again"),
            )),
        };
        looked.unwrap_or_else(|error| {
            self.complain(&error.to_string());
            Look::Again(self.agent.parts.topology.probe_interval())
        })
    }

    async fn look_or_fail(&mut self) -> Result<Look> {
        let topology = &self.agent.parts.topology;
        let scheduler = Arc::clone(&self.agent.parts.services.scheduler);
        let sight = topology.observe().await?;
        let split = matches!(sight, Sight::SplitBrain(_));
        let migrations = match sight {
            Sight::Primary(primary) => {
                let migrations = scheduler.list(&primary).await?;
                migrations.into_iter().map(|m| (primary.clone(), m)).collect()
            }
            Sight::NoPrimary { reason } => {
                self.complain(&format!("no primary: {reason}"));
                let now = self.now();
                let lost_for = now - *self.primary_lost.get_or_insert(now);
                return Ok(Look::Again(pause_without_primary(lost_for, topology.probe_interval())));
            }
            Sight::SplitBrain(servers) => self.highest_epochs(&servers).await?,
        };
        if let Some(lost) = self.primary_lost.take() {
            self.outage = Some(self.now() - lost);
        }
        if let Some(only) = &self.agent.only {
            let present = is_listed(&migrations, only);
            let now = self.agent.parts.services.clock.now();
            let since = *self.missing_since.get_or_insert(now);
            if present || split {
                self.missing_since = None;
            } else if now - since > VANISHED_AFTER {
                return Ok(Look::Done(Stopped::Vanished));
            }
        }
        let gone: Vec<MigrationId> = self
            .locals
            .keys()
            .filter(|id| !is_listed(&migrations, id))
            .cloned()
            .collect();
        for id in gone {
            self.forget(&id, "it is not on the primary");
        }
        let mut pause = Duration::from_secs(1);
        let mut complaint = String::new();
        for (primary, migration) in migrations {
            if self.agent.only.as_ref().is_some_and(|only| *only != migration.id) {
                continue;
            }
            if migration.status.is_final() {
                self.forget(&migration.id, "it is over");
                if self.agent.only.is_some() {
                    return Ok(Look::Done(Stopped::Finished));
                }
                continue;
            }
            match self.attend(&primary, &migration).await {
                Ok(wait) => pause = pause.min(wait),
                Err(error) => {
                    complaint = format!("migration {}: {error}", migration.id);
                    pause = pause.min(topology.probe_interval());
                }
            }
        }
        if !split {
            self.complain(&complaint);
        }
        Ok(Look::Again(pause))
    }

    /// In a split brain: each migration on the server where its epoch is strictly the highest. The others are left alone,
    /// and their runs here are dropped.
    async fn highest_epochs(&mut self, servers: &[Server]) -> Result<Vec<(Server, Migration)>> {
        let scheduler = &self.agent.parts.services.scheduler;
        let mut by_id: BTreeMap<MigrationId, Vec<(Server, Migration)>> = BTreeMap::new();
        for server in servers {
            for migration in scheduler.list(server).await? {
                by_id
                    .entry(migration.id.clone())
                    .or_default()
                    .push((server.clone(), migration));
            }
        }
        let mut decided = Vec::new();
        for (id, mut candidates) in by_id {
            let highest = candidates.iter().map(|(_, m)| m.epoch).max().unwrap_or_default();
            candidates.retain(|(_, m)| m.epoch == highest);
            if !Guard::SplitBrain.holds() {
                candidates.truncate(1);
            }
            match candidates.len() {
                1 => decided.append(&mut candidates),
                _ => {
                    self.forget(&id, "more than one server takes writes");
                    self.complain(&split_brain_message(&id, highest, servers));
                }
            }
        }
        Ok(decided)
    }

    /// Does what one unfinished migration needs. Returns how soon it wants to be looked at again.
    async fn attend(&mut self, primary: &Server, migration: &Migration) -> Result<Duration> {
        let probe = self.agent.parts.topology.probe_interval();
        let now = self.now();
        let local = self.locals.entry(migration.id.clone()).or_default();
        let silence = local.silence(now, migration.liveness_age);
        if let Some(lease) = &local.lease {
            if lease.server.uuid == primary.uuid && lease.epoch == migration.epoch {
                return Ok(Duration::from_secs(1));
            }
            // The primary changed, or somebody else adopted: the run works for nothing, and its memory is worth nothing.
            self.forget_run(&migration.id, "it goes on elsewhere");
        }
        let local = self.locals.entry(migration.id.clone()).or_default();
        if now < local.not_before {
            return Ok(local.not_before - now);
        }
        self.load_policies(primary, migration).await?;
        match self.judge(primary, migration, silence).await? {
            judge::Judgement::Adopt(words) => {
                self.adopt(primary, migration, words).await?;
                Ok(Duration::from_secs(1))
            }
            judge::Judgement::Wait(wait) => {
                let local = self.locals.entry(migration.id.clone()).or_default();
                local.not_before = now + wait;
                Ok(wait.max(probe))
            }
            judge::Judgement::Leave => Ok(Duration::from_secs(1)),
        }
    }

    fn start(&mut self, migration: Migration, lease: Lease) {
        let now = self.now();
        let local = self.locals.entry(migration.id.clone()).or_default();
        local.lease = Some(lease.clone());
        local.running = Some(migration.clone());
        local.begun = now;
        let policies = local
            .policies
            .clone()
            .unwrap_or_else(|| self.agent.parts.policies.clone());
        let services = self.agent.parts.services.clone();
        let snapshots = self.agent.snapshots();
        let id = migration.id.clone();
        let observer: engine::Observer = Arc::new(move |snapshot: &Snapshot| {
            let mut all = snapshots.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(id.clone(), snapshot.clone());
        });
        local.task = Some(self.runs.spawn(async move {
            let result = engine::run(&services, &policies, &migration, &lease, observer).await;
            (migration, lease, result)
        }));
    }

    /// A run has ended: by its own end, or by an error after which the next round looks again.
    async fn ended(&mut self, migration: &Migration, lease: &Lease, result: Result<Ending>) {
        let id = &migration.id;
        let local = self.locals.entry(id.clone()).or_default();
        if local.lease.as_ref() != Some(lease) {
            return;
        }
        self.run_is_over(id);
        let error = match result {
            Ok(ending) => {
                tracing::info!(migration = %id, ?ending, "migration ended");
                return;
            }
            Err(error) => error,
        };
        tracing::warn!(migration = %id, server = %lease.server, kind = error.kind().name(), %error, "run ended");
        if let Err(error) = self.plan_next_attempt(migration, lease, error).await {
            self.complain(&format!("migration {id}: {error}"));
        }
    }

    /// A run was dropped, which has nothing to say, or it panicked: its memory is gone, and the retry policy says when it is begun
    /// anew, and how often.
    fn crashed(&mut self, error: JoinError) -> Option<Finished> {
        let now = self.now();
        let is_its = |local: &&mut Local| local.task.as_ref().is_some_and(|task| task.id() == error.id());
        let local = self.locals.values_mut().find(is_its)?;
        let (migration, lease) = (local.running.take()?, local.lease.clone()?);
        // However long it lasted, it is a failure in a row: where it crashed once, it does so again.
        local.begun = now;
        Some((migration, lease, Err(crash(error))))
    }

    async fn plan_next_attempt(&mut self, migration: &Migration, lease: &Lease, error: Error) -> Result<()> {
        let now = self.now();
        let bounded = error.kind().response() == Response::RetryBounded;
        let policies = self.policies_of(&migration.id);
        let local = self.locals.entry(migration.id.clone()).or_default();
        if now - local.begun > LASTING_RUN {
            local.failures.clear();
        }
        let clock = &self.agent.parts.services.clock;
        let decision = local
            .failures
            .judge(&**clock, &policies, &migration.id, migration.phase, &error);
        match decision.verdict {
            RetryVerdict::After { ms } => {
                // A primary that is gone is looked for at once; the backoff is for one that is there and fails.
                let same_server = error.kind() != ErrorKind::ServerGone && error.kind() != ErrorKind::NotPrimary;
                let attempts = local.failures.attempts();
                local.not_before = if same_server || attempts > 1 {
                    now + Duration::from_millis(ms)
                } else {
                    now
                };
                if !bounded {
                    return Ok(());
                }
                // Somebody may be able to mend it. The same words each time, so that they are one line with a count.
                let detail = format!("{error}; it is tried again");
                let (scheduler, agent) = (&self.agent.parts.services.scheduler, &self.agent.id);
                scheduler
                    .note(&lease.server, &migration.id, agent, "failure", &detail)
                    .await
            }
            RetryVerdict::GiveUp { reason } if bounded => {
                // Should even that fail, it is not tried again at once.
                local.not_before = now + AFTER_GIVING_UP;
                let attempts = local.failures.attempts();
                let policy = &decision.policy;
                let error = error.context(format_args!(
                    "policy {policy} gave up after {attempts} attempts ({reason})"
                ));
                let failing = engine::fail(&self.agent.parts.services, migration, lease, error);
                // What crashes runs may crash this, too, and must not end the agent.
                let failed = AssertUnwindSafe(failing).catch_unwind().await;
                failed.unwrap_or_else(|panic| Err(crash_of(&*panic))).map(|_| ())
            }
            RetryVerdict::GiveUp { reason } => {
                tracing::warn!(policy = %decision.policy, reason, "giving up is no answer to a lost server; looking again");
                local.not_before = now + Duration::from_secs(1);
                Ok(())
            }
        }
    }

    /// Drops a run with all its memory, if there is one.
    fn forget_run(&mut self, id: &MigrationId, why: &str) {
        if let Some(task) = self.run_is_over(id) {
            tracing::info!(migration = %id, "run ended: {why}");
            task.abort();
        }
    }

    /// Forgets the lease and what the run showed.
    fn run_is_over(&mut self, id: &MigrationId) -> Option<tokio::task::AbortHandle> {
        self.agent
            .snapshots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        let local = self.locals.get_mut(id)?;
        local.lease = None;
        local.running = None;
        local.task.take()
    }

    /// Forgets everything but when the migration was last alive: a promotion may bring back what is over.
    fn forget(&mut self, id: &MigrationId, why: &str) {
        self.forget_run(id, why);
        if let Some(local) = self.locals.get_mut(id) {
            *local = Local {
                sign_of_life: local.sign_of_life,
                ..Local::default()
            };
        }
    }

    fn now(&self) -> Duration {
        self.agent.parts.services.clock.now()
    }

    fn policies_of(&self, id: &MigrationId) -> Policies {
        let own = self.locals.get(id).and_then(|local| local.policies.clone());
        own.unwrap_or_else(|| self.agent.parts.policies.clone())
    }

    /// Logs a trouble once, until another one or none comes.
    fn complain(&mut self, complaint: &str) {
        if self.complaint != complaint {
            complaint.clone_into(&mut self.complaint);
            if !complaint.is_empty() {
                tracing::warn!("{complaint}");
            }
        }
    }
}

/// What a run has ended with that did not end by itself.
fn crash(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => crash_of(&*panic),
        Err(error) => Error::new(ErrorKind::Unknown, "the run was stopped from outside").with_source(error),
    }
}

fn crash_of(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let what = format!(
        "Outlast crashed, which is a bug of its own: {}. What was committed is sound, and it begins anew from there",
        text.unwrap_or("it does not say why")
    );
    Error::new(ErrorKind::Unknown, what)
}

fn split_brain_message(id: &MigrationId, epoch: Epoch, servers: &[Server]) -> String {
    let names: Vec<String> = servers.iter().map(|s| s.address.clone()).collect();
    format!(
        "split brain: {} take writes, and migration {id} has epoch {epoch} on more than one of them; nothing is adopted or \
         written until one is left: make the others read-only",
        names.join(" and ")
    )
}

fn is_listed(migrations: &[(Server, Migration)], id: &MigrationId) -> bool {
    migrations.iter().any(|(_, migration)| migration.id == *id)
}

/// Whether a migration waits to be run or runs.
pub(crate) fn is_active(migration: &Migration) -> bool {
    matches!(migration.status, Status::Queued | Status::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn silence_is_what_was_seen_of_it_whatever_another_clock_says() {
        let mut local = Local::default();
        assert_eq!(local.silence(at(100), at(2)), at(2));
        assert_eq!(local.silence(at(101), at(1)), at(1));
        // The promoted server's clock is an hour ahead, or behind.
        assert_eq!(local.silence(at(110), at(3610)), at(10));
        assert_eq!(local.silence(at(120), at(0)), at(20));
        // The next owner lives.
        assert_eq!(local.silence(at(121), at(1)), at(1));
        // Whoever begins anew knows no better.
        assert_eq!(Local::default().silence(at(5), at(3610)), at(3610));
    }
}
