//! One schedule from its beginning to the last check.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use outlast_core::{
    Status,
    scheduler::{Path, Request},
};
use outlast_tests::result::Results;

use crate::{
    fate,
    plan::{Act, Change, Plan},
    world::World,
};

/// Virtual time within which a migration must have ended once nothing disturbs it any more.
const BOUND: Duration = Duration::from_secs(240);

/// Waits for a server in a whole schedule. Whoever waits more often goes round in circles.
const MOST_STEPS: u64 = 200_000;

/// How a schedule without a violation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Complete,
    /// With a reason that fits what happened, and the source intact.
    Failed,
}

/// What went wrong, and what led to it.
pub(crate) struct Violation {
    pub(crate) what: String,
    pub(crate) journal: Vec<String>,
}

thread_local! {
    /// Whether this thread plays a schedule, the seed of that or of its last one, and the first panic in it.
    static PLAYS: Cell<bool> = const { Cell::new(false) };
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Seeds that some thread plays.
static ALL_PLAYED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// A panic in a schedule is a violation, and told with it. Any other is a bug of this program, which ends then: else nobody would
/// hear of it where it ends only a thread.
pub(crate) fn catch_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let seed = SEED.get();
        if !PLAYS.get() {
            usual(panic);
            let seeds: BTreeSet<u64> = all_played().iter().copied().chain(seed).collect();
            eprintln!("this was in no schedule; seeds that were being played: {seeds:?}");
            #[expect(clippy::disallowed_methods, reason = "simulated servers leave nothing behind")]
            process::exit(101);
        }
        PANIC.with_borrow_mut(|first| match first {
            None => *first = Some(panic.to_string()),
            // One that comes of another may be about to abort the process.
            Some(first) => eprintln!("seed {seed:?}: {first}\nand then: {panic}"),
        });
    }));
}

/// Runs the schedule of a seed. The same plan always ends in the same way, with the same journal.
pub(crate) fn schedule(seed: u64, plan: impl FnOnce() -> Plan, keep_journal: bool) -> Result<Ended, Violation> {
    PLAYS.set(true);
    SEED.set(Some(seed));
    all_played().insert(seed);
    // Also what is dropped at the end may panic, which has to be within.
    let result = panic::catch_unwind(AssertUnwindSafe(|| play(&plan(), keep_journal)));
    all_played().remove(&seed);
    PLAYS.set(false);
    match (PANIC.take(), result) {
        (None, Ok(result)) => result,
        (panic, result) => Err(Violation {
            what: panic.unwrap_or_else(|| "a panic that told nothing".to_owned()),
            journal: result
                .ok()
                .and_then(Result::err)
                .map(|violation| violation.journal)
                .unwrap_or_default(),
        }),
    }
}

fn all_played() -> MutexGuard<'static, BTreeSet<u64>> {
    ALL_PLAYED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a panic ends a schedule as a violation.
pub(crate) fn check_panics(results: &mut Results) {
    const NAME: &str = "a_panic_is_a_violation";
    const PLANTED: &str = "a planted panic";
    if results.wants(NAME) {
        let ended = schedule(0, || panic!("{PLANTED}"), false);
        results.add(NAME, ended.is_err_and(|violation| violation.what.contains(PLANTED)));
    }
}

fn play(plan: &Plan, keep_journal: bool) -> Result<Ended, Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Violation {
            what: error.to_string(),
            journal: Vec::new(),
        })?;
    runtime.block_on(live(plan, keep_journal))
}

async fn live(plan: &Plan, keep_journal: bool) -> Result<Ended, Violation> {
    let world = World::begin(plan, keep_journal).await.map_err(|error| Violation {
        what: error.to_string(),
        journal: Vec::new(),
    })?;
    let environment = tokio::spawn(Arc::clone(&world).environment());
    let checked = async {
        fate::strike(&world).await;
        fate::heal(&world);
        world.cluster.tell(|| "fate is done, and everything healed".to_owned());
        let ended = end(&world).await?;
        world.stop_environment();
        // A panic of the environment is told by its hook.
        let _ = environment.await;
        compare(&world)?;
        if ended == Ended::Complete {
            check_path(&world)?;
        }
        Ok(ended)
    };
    let ended = tokio::select! {
        biased;
        ended = checked => ended,
        () = world.cluster.step(MOST_STEPS) => Err(format!("no end within {MOST_STEPS} waits for a server")),
    };
    match (world.violation(), ended) {
        (None, Ok(ended)) => Ok(ended),
        (Some(what), _) | (None, Err(what)) => Err(Violation {
            what,
            journal: world.cluster.journal(),
        }),
    }
}

/// Waits until the migration has ended, and judges how.
async fn end(world: &Arc<World>) -> Result<Ended, String> {
    let begun = world.clock.now();
    let mut retried = false;
    loop {
        end_xas(world);
        match world.cluster.message_of(&world.primary(), &world.id) {
            Some((Status::Complete, _)) => return Ok(Ended::Complete),
            Some((Status::Cancelled, _)) => world.request(Request::Retry).await,
            Some((Status::Failed, message)) => {
                if !may_fail(world, &message) {
                    return Err(format!("it failed for no good reason: {message}"));
                }
                // What can't be gone on with fails again.
                if std::mem::replace(&mut retried, true) {
                    return Ok(Ended::Failed);
                }
                world.request(Request::Retry).await;
            }
            Some((Status::Queued | Status::Running, _)) => world.request(Request::Complete).await,
            None => return Err("the migration is not on the primary".to_owned()),
        }
        if world.clock.now() - begun > BOUND {
            let state = world.cluster.message_of(&world.primary(), &world.id);
            return Err(format!("no end within {BOUND:?} of quiet: {state:?}"));
        }
        world.pause(Duration::from_millis(500)).await;
    }
}

fn end_xas(world: &World) {
    let primary = world.primary();
    for xid in world.cluster.xa_recover(&primary) {
        // The primary lives and takes writes.
        let _ = world.cluster.xa_commit(&primary, &xid);
    }
}

/// Whether something happened that may end a migration with this message.
fn may_fail(world: &World, message: &str) -> bool {
    let acts = &world.plan.acts;
    // An agent that sees a migration for the first time knows no better than the clocks.
    let begins_anew = |act: &Act| matches!(act, Act::KillAgent { .. } | Act::KillAgents { .. });
    let began_anew = world.plan.agents > 1 || acts.iter().any(|(_, act)| begins_anew(act));
    acts.iter().any(|(_, act)| match act {
        Act::Clock { ahead, .. } => began_anew && ahead.as_secs() >= 500 && message.starts_with("stale"),
        Act::Purge { .. } => message.contains("purged"),
        Act::KillAgents { down } => down.as_secs() >= 600 && message.starts_with("stale"),
        Act::AnyOrder { .. } => message.contains("commit order"),
        _ => false,
    })
}

/// The last check: every server, when all have everything.
fn compare(world: &World) -> Result<(), String> {
    world.cluster.settle(&world.primary());
    world.cluster.replicate_all();
    for server in &world.servers {
        world.check(server);
        world.cluster.check_history(server, &world.id)?;
    }
    Ok(())
}

/// What the server can do at once is not copied, what it only seems to is; and the columns that a statement swaps are swapped once.
fn check_path(world: &World) -> Result<(), String> {
    let (path, swaps) = match world.plan.change {
        Change::Copied | Change::Unique => (Path::Copy, 0),
        Change::Instant => (Path::Instant, 1),
        Change::SeeminglyInstant => (Path::Copy, 1),
    };
    let primary = world.primary();
    let recorded = world.cluster.path_of(&primary, &world.id);
    let swapped = world.cluster.swaps(&primary, &world.table);
    // Whoever goes by a path without having written it down is found by what it does.
    match recorded.is_none_or(|recorded| recorded == path) && swapped == Some(swaps) {
        true => Ok(()),
        false => Err(format!(
            "it went by {recorded:?} instead of {path:?}, and the columns were swapped {swapped:?} times instead of {swaps}"
        )),
    }
}
