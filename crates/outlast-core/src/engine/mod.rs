//! Runs one migration's stream, from preparation to cut-over, on the server of one lease.
//!
//! Seven loops work at once on one [`Ledger`], in one task, so that dropping the engine's future stops all of them:
//!
//! * `copy`: lanes copy key ranges in parallel;
//! * `follow`: a reader records the source's changes, appliers bring them to the shadow;
//! * `liveness`: commits liveness and position, folds ranges, hears users' requests;
//! * `pace`: looks how much the cluster suffers, and slows copy and catch-up down;
//! * `courtesy`: looks how much longer the statements of applications take while rows are copied, and slows the copy down;
//! * `cut_over`: waits until everything is copied, has the `indexes` built that were left for then, waits until the shadow is caught up,
//!   and swaps.
//!
//! Where the server can change the table itself, nothing is copied, and `instant` takes the place of all but `liveness`.
//!
//! The first loop that ends, ends the run, but for one rule: while the cut-over holds its locks, whether the swap happened
//! is open, and nobody else may conclude anything. Everything that writes the shadow outside the copy, and every
//! conclusion, therefore takes the run's turn.
//!
//! The engine keeps nothing between two runs. After a failover, an error of unknown effect or an adoption it is started
//! anew and loads what the checkpoint says.

mod backoff;
mod copy;
mod courtesy;
mod cut_over;
mod duplicates;
mod follow;
mod indexes;
mod instant;
mod lanes;
mod liveness;
mod pace;
mod preparation;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, join3, select, select_all, try_join};
use tokio::sync::Notify;

use self::{
    courtesy::Courtesy,
    preparation::{Found, Prepared},
};
use crate::{
    checkpoint::Checkpoint,
    clock::Clock,
    error::{Error, ErrorKind, Response, Result},
    guard::Guard,
    intent::{Intent, IntentState},
    ledger::Ledger,
    policy::Policies,
    scheduler::{Ending, Lease, Migration, Phase, Scheduler},
    stream::{OpenStream, Stream, SwapState},
    throttle::{Gauge, Pace},
};

/// Limits and intervals of the engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two commits of liveness.
    pub liveness_interval: Duration,
    /// Time between two looks for users' requests.
    pub request_interval: Duration,
    /// Time between two looks at how much the cluster suffers.
    pub gauge_interval: Duration,
    /// Time that a chunk should take.
    pub chunk_time: Duration,
    /// Most rows of a chunk.
    pub max_chunk_rows: u64,
    /// Most lanes that copy, where the user did not say how many.
    pub max_lanes: u32,
    /// Most keys that an applier applies in one transaction.
    pub max_batch: usize,
    /// Most appliers.
    pub appliers: usize,
    /// Keys for which a further applier is worth its transaction; at least 1.
    pub keys_per_applier: usize,
    /// Number of waiting keys at which the cut-over takes its locks: what it has to apply while the application waits. It
    /// doubles with every second in which there are more, up to a whole batch.
    pub max_keys_to_drain: usize,
    /// Number of waiting keys above which reading pauses. One that several transactions have changed counts for each of them.
    pub max_backlog: usize,
    /// How long the cut-over may hold its locks before it lets the application go on and tries later.
    pub max_lock_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            liveness_interval: Duration::from_secs(5),
            request_interval: Duration::from_millis(500),
            gauge_interval: Duration::from_secs(1),
            chunk_time: Duration::from_millis(250),
            max_chunk_rows: 20_000,
            max_lanes: 4,
            max_batch: 1000,
            appliers: 4,
            keys_per_applier: 500,
            max_keys_to_drain: 200,
            max_backlog: 200_000,
            max_lock_time: Duration::from_secs(2),
        }
    }
}

/// What the engine works with.
#[derive(Clone)]
pub struct Services {
    /// Opens the stream.
    pub stream: Arc<dyn Stream>,
    /// Hears of liveness, phases and the end.
    pub scheduler: Arc<dyn Scheduler>,
    /// Tells how much the cluster suffers.
    pub gauge: Arc<dyn Gauge>,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// Limits and intervals.
    pub settings: Settings,
}

/// What a run shows of itself while it works.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Phase.
    pub phase: Phase,
    /// Rows copied so far.
    pub rows_copied: u64,
    /// Estimate of the source's rows.
    pub table_rows: u64,
    /// Rows copied per second, since this run began.
    pub rows_per_second: f64,
    /// Seconds until the copy is done; `None` if unknown.
    pub eta_seconds: Option<u64>,
    /// Changed keys that wait to be applied.
    pub backlog: usize,
    /// Why it waits or retries; empty if it just works.
    pub message: String,
}

/// Receives snapshots. Called often; must return at once.
pub type Observer = Arc<dyn Fn(&Snapshot) + Send + Sync>;

/// One run of a migration's stream under one lease.
pub(crate) struct Run {
    services: Services,
    policies: Policies,
    migration: Migration,
    lease: Lease,
    stream: Arc<dyn OpenStream>,
    ledger: Mutex<Ledger>,
    /// Told whenever the ledger changed.
    changed: Notify,
    /// Held by whoever writes the shadow outside the copy, by the cut-over, and by whoever concludes.
    turn: tokio::sync::Mutex<()>,
    /// Most keys of a batch; smaller once a batch was too big for the server.
    batch: AtomicUsize,
    /// What limits on the load allow.
    pace: Mutex<Pace>,
    /// What is due to applications beyond that.
    courtesy: Mutex<Courtesy>,
    complete_requested: AtomicBool,
    /// A loop has ended, and the run ends with it, unless the swap was begun before.
    is_ending: AtomicBool,
    view: Mutex<View>,
    observer: Observer,
}

/// What is shown, besides the ledger.
struct View {
    phase: Phase,
    table_rows: u64,
    message: String,
    started: Duration,
    rows_at_start: u64,
    progressed: bool,
}

/// Runs the migration until it ends or an error ends the run.
///
/// Ends the migration in the scheduler when it is complete, cancelled, or fails for good. Returns an error when somebody
/// has to look again first: for the primary, for the owner.
///
/// # Errors
/// Those whose [`Response`] is not [`Response::Fail`]; of these, the message says what happened.
pub async fn run(
    services: &Services,
    policies: &Policies,
    migration: &Migration,
    lease: &Lease,
    observer: Observer,
) -> Result<Ending> {
    match conduct(services, policies, migration, lease, observer).await {
        Ok(ending) => finish(services, migration, lease, ending, "").await,
        Err(error) if error.kind().response() == Response::Fail => fail(services, migration, lease, error).await,
        Err(error) => Err(error),
    }
}

/// Ends a migration as failed, unless the new definition is in place, whatever went wrong since: then it is complete.
///
/// # Errors
/// Those of the server: somebody has to look again.
pub async fn fail(services: &Services, migration: &Migration, lease: &Lease, error: Error) -> Result<Ending> {
    let intent = services.scheduler.intent(&lease.server, &lease.migration).await?;
    let looked = async {
        let in_place = is_in_place(services, migration, lease, intent.as_ref()).await?;
        // What may yet be mended is not given up.
        match services.stream.open(lease, migration).await?.mend().await {
            Err(other) if other.kind().response() != Response::Fail => Err(other),
            mended => Ok((in_place, mended.err())),
        }
    };
    let failure = failure_message(&error, intent.as_ref());
    let (ending, message) = match looked.await {
        Ok((true, unmended)) => (Ending::Complete, unmended.map_or_else(String::new, |e| e.to_string())),
        Ok((false, Some(unmended))) => (Ending::Failed, format!("{failure}. {unmended}")),
        Ok((false, None)) => (Ending::Failed, failure),
        Err(other) if other.kind().response() == Response::Fail => (Ending::Failed, failure),
        Err(other) => return Err(other),
    };
    finish(services, migration, lease, ending, &message).await
}

/// Ends the migration in the scheduler. Complete it is only where the tables say so to the very end: a server that was lost
/// after the swap may be back without it.
async fn finish(
    services: &Services,
    migration: &Migration,
    lease: &Lease,
    ending: Ending,
    message: &str,
) -> Result<Ending> {
    let proof = Box::pin(async {
        if ending != Ending::Complete || !Guard::Proof.holds() {
            return Ok(());
        }
        let intent = services.scheduler.intent(&lease.server, &lease.migration).await?;
        match is_in_place(services, migration, lease, intent.as_ref()).await? {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::ServerGone,
                format!(
                    "{} has lost the new definition of the table since it came into place",
                    lease.server
                ),
            )),
        }
    });
    services.scheduler.finish(lease, ending, message, proof).await?;
    Ok(ending)
}

/// Whether the new definition is in place, told by the tables. Only looks: nothing is written under the lease.
pub(crate) async fn is_in_place(
    services: &Services,
    migration: &Migration,
    lease: &Lease,
    intent: Option<&Intent>,
) -> Result<bool> {
    let stream = services.stream.open(lease, migration).await?;
    match intent {
        Some(intent) => Ok(stream.intent_state(intent).await? == IntentState::Done),
        None => Ok(told_by_tables(&*stream).await? == SwapState::Swapped),
    }
}

/// How far the swap is: the tables tell, not what anybody remembers.
async fn told_by_tables(stream: &dyn OpenStream) -> Result<SwapState> {
    Ok(match stream.swap_state().await? {
        SwapState::Swapped if !Guard::SwapState.holds() => SwapState::Unprepared,
        told => told,
    })
}

fn failure_message(error: &Error, intent: Option<&Intent>) -> String {
    match intent {
        _ if error.kind() == ErrorKind::SourceChanged => format!("{error}. The source table is in service"),
        None => format!(
            "{error}. The source table is untouched and in service; copied rows and checkpoint are kept: `outlast retry` goes \
             on from there, `outlast cleanup` removes them"
        ),
        Some(_) => format!("{error}. Nothing was copied, and the table is in service; `outlast retry` tries it again"),
    }
}

async fn conduct(
    services: &Services,
    policies: &Policies,
    migration: &Migration,
    lease: &Lease,
    observer: Observer,
) -> Result<Ending> {
    let stream = services.stream.open(lease, migration).await?;
    let run = |ledger: Ledger, phase: Phase, table_rows: u64| Run {
        view: Mutex::new(View {
            phase,
            table_rows,
            message: String::new(),
            started: services.clock.now(),
            rows_at_start: ledger.rows_copied(),
            progressed: false,
        }),
        services: services.clone(),
        policies: policies.clone(),
        migration: migration.clone(),
        lease: lease.clone(),
        stream: Arc::clone(&stream),
        ledger: Mutex::new(ledger),
        changed: Notify::new(),
        turn: tokio::sync::Mutex::new(()),
        batch: AtomicUsize::new(services.settings.max_batch),
        pace: Mutex::default(),
        courtesy: Mutex::default(),
        complete_requested: AtomicBool::new(migration.may_complete()),
        is_ending: AtomicBool::new(false),
        observer: Arc::clone(&observer),
    };
    if let Some(intent) = instant::intent(services, migration, lease, &*stream).await? {
        let nothing_copied = Ledger::restore(Checkpoint::default())?;
        let run = run(nothing_copied, migration.phase, stream.table_rows().await?);
        if let Some(ending) = run.change_directly(&intent).await? {
            return Ok(ending);
        }
    }
    let checkpoint = match preparation::found(&*stream).await? {
        Found::Swapped => return Ok(Ending::Complete),
        Found::Checkpoint(checkpoint) => checkpoint,
        Found::Nothing => {
            services.scheduler.enter(lease, Phase::Preparing).await?;
            let nothing_copied = Ledger::restore(Checkpoint::default())?;
            let run = run(nothing_copied, Phase::Preparing, stream.table_rows().await?);
            match run.prepare().await? {
                Prepared::Begun(checkpoint) => checkpoint,
                Prepared::Ended(ending) => return Ok(ending),
            }
        }
    };
    let ledger = Ledger::restore(checkpoint)?;
    let phase = if ledger.copy_is_complete() {
        Phase::Following
    } else {
        Phase::Copying
    };
    let run = run(ledger, phase, migration.table_rows);
    let known = async {
        let rows = stream.table_rows().await?;
        run.view().table_rows = rows;
        Ok(())
    };
    let (begun, (), ()) = join3(try_join(run.enter(phase), known), run.heed_stops(), stream.read_ahead()).await;
    begun?;
    run.work().await
}

impl Run {
    async fn work(&self) -> Result<Ending> {
        let cut_over = Box::pin(self.cut_over());
        let others = Box::pin(async {
            let first = {
                let mut loops = vec![
                    Box::pin(self.copy_all()) as futures_util::future::BoxFuture<'_, Result<Ending>>,
                    Box::pin(self.read_changes()),
                    Box::pin(self.apply_changes()),
                    Box::pin(self.keep_alive()),
                    Box::pin(self.watch_load()),
                    Box::pin(self.watch_applications()),
                ];
                if !Guard::OneApplier.holds() {
                    loops.push(Box::pin(self.apply_changes()));
                }
                let (first, _, others) = select_all(loops).await;
                // The others may be in the middle of a batch, of which nobody will know whether it was applied. With them
                // goes the turn, if one of them holds it; whoever waits for that must not go by the ledger any more.
                self.is_ending.store(true, Ordering::Relaxed);
                self.changed.notify_waiters();
                drop(others);
                match first {
                    // Whoever begins anew does not know what was read.
                    Err(error) => Err(self.forgotten_history().await.unwrap_or(error)),
                    ending => ending,
                }
            };
            let _turn = self.turn.lock().await;
            first
        });
        match select(cut_over, others).await {
            Either::Left((ending, _)) | Either::Right((ending, _)) => ending,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the other loops that the ledger changed.
    fn ledger_changed(&self) {
        self.changed.notify_waiters();
        self.show();
    }

    /// Waits until `condition` holds of the ledger.
    async fn until<T>(&self, mut condition: impl FnMut(&mut Ledger) -> Option<T>) -> T {
        loop {
            // Registered before the look, so that a change in between is not missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(value) = condition(&mut self.ledger()) {
                return value;
            }
            changed.await;
        }
    }

    async fn enter(&self, phase: Phase) -> Result<()> {
        self.services.scheduler.enter(&self.lease, phase).await?;
        self.view().phase = phase;
        self.show();
        Ok(())
    }

    fn say(&self, message: impl Into<String>) {
        self.view().message = message.into();
        self.show();
    }

    fn show(&self) {
        (self.observer)(&self.snapshot());
    }

    fn snapshot(&self) -> Snapshot {
        let (rows_copied, backlog, complete) = {
            let ledger = self.ledger();
            (ledger.rows_copied(), ledger.backlog(), ledger.copy_is_complete())
        };
        // What rows are copied at is of no interest any more once they all are.
        let pace = if complete { self.pace_of_load() } else { self.pace() };
        let view = self.view();
        let elapsed = (self.services.clock.now() - view.started).as_secs_f64();
        let rate = (rows_copied - view.rows_at_start) as f64 / elapsed.max(0.001);
        let left = view.table_rows.saturating_sub(rows_copied);
        let eta_seconds = match complete {
            true => Some(0),
            false => (rate > 0.0).then(|| (left as f64 / rate).ceil() as u64),
        };
        Snapshot {
            phase: view.phase,
            rows_copied,
            table_rows: if complete {
                rows_copied
            } else {
                view.table_rows.max(rows_copied)
            },
            rows_per_second: rate,
            eta_seconds,
            backlog,
            message: match (view.message.as_str(), pace) {
                ("", pace) if pace.is_stopped() => format!("throttled: {}", pace.reason),
                ("", Pace { share, reason, .. }) if share < 1.0 => {
                    format!("slowed down to {:.0} %: {reason}", share * 100.0)
                }
                (message, _) => message.to_owned(),
            },
        }
    }

    /// Notes in the history that rows of the shadow were committed under this lease for the first time. The line has the epoch.
    async fn progressed(&self) {
        if std::mem::replace(&mut self.view().progressed, true) {
            return;
        }
        let detail = format!("first rows committed on {}", self.lease.server);
        let (lease, scheduler) = (&self.lease, &self.services.scheduler);
        let noted = scheduler.note(&lease.server, &lease.migration, &lease.agent, "progress", &detail);
        if let Err(error) = noted.await {
            tracing::debug!(%error, "a line of history is missing");
        }
    }
}

/// A transaction of a single row can't be made smaller.
fn one_row_is_too_big(error: Error) -> Error {
    error
        .context("one row alone exceeds the server's limit for a transaction")
        .into_kind(ErrorKind::DataRejected)
}
