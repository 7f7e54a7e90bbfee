//! At which points a fault is to befall a migration, and which of them can be reached at the same time.

use outlast_mysql::failpoints::{Point, Side, Step};

use super::faults::Fault;

/// Migrations that are brought to their points together. More would take longer than the server lets a silent session hold locks.
const MOST_AT_ONCE: usize = 6;

/// Set, it makes faults happen at both points of every step, also where two points are the same to the server.
const EVERY_POINT: &str = "OUTLAST_E2E_EVERY_POINT";

/// How a migration changes its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Copy and swap.
    Copy,
    /// MySQL changes the table at once.
    Instant,
}

impl Way {
    /// Where a migration can be held before it locks anything: what is written meanwhile is left for the drain.
    pub(crate) fn before_the_lock(self) -> Point {
        let step = match self {
            Self::Copy => Step::CutOverLock,
            Self::Instant => Step::InstantLock,
        };
        Point {
            step,
            side: Side::Before,
        }
    }

    /// All steps from the intent to the final status, in their order.
    fn steps(self) -> Vec<Step> {
        let own = |step: &Step| match self {
            // The last two are not on the way to a swap that succeeds.
            Self::Copy => {
                step.name().starts_with("cut-over.") && ![Step::CutOverUndoKeys, Step::CutOverRelease].contains(step)
            }
            // The trial is dropped before anything is intended.
            Self::Instant => {
                [Step::PathCommit, Step::CutOverIntent].contains(step)
                    || step.name().starts_with("instant.") && *step != Step::InstantDropTrial
            }
        };
        let steps = Step::ALL.iter().copied().filter(own);
        steps.chain([Step::FinishCommit]).collect()
    }
}

/// What a migration at a point does to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It has not locked anything.
    BeforeLock,
    /// It holds table locks.
    Locked,
    /// It has released them.
    AfterLock,
    /// It has written its fence row in an open transaction, which keeps others from locking the fence table.
    HoldsFence,
}

fn reach(way: Way, point: Point) -> Reach {
    let (lock, unlock) = match way {
        Way::Copy => (Step::CutOverLock, Step::CutOverUnlock),
        Way::Instant => (Step::InstantLock, Step::InstantUnlock),
    };
    match point {
        Point {
            step: Step::FinishCommit,
            side: Side::Before,
        } => Reach::HoldsFence,
        // The list is in the order of what happens, but for these.
        Point {
            step: Step::FinishCommit,
            ..
        } => Reach::AfterLock,
        Point {
            step: Step::PathCommit | Step::CutOverIntent,
            ..
        } => Reach::BeforeLock,
        Point { step, side } if (step, side) <= (lock, Side::Before) => Reach::BeforeLock,
        Point { step, side } if (step, side) <= (unlock, Side::Before) => Reach::Locked,
        _ => Reach::AfterLock,
    }
}

/// Whether a session that holds locks waits at the point.
pub(crate) fn is_locked(way: Way, point: Point) -> bool {
    reach(way, point) == Reach::Locked
}

/// Whether nothing happens between the point and the one before the next step, or what happens makes no difference: both are one
/// state of the server. Those that remain are where the intent, the swap or the end is done and other work follows.
fn is_as_before_the_next(point: Point) -> bool {
    let followed = [Step::CutOverIntent, Step::CutOverDropSchema, Step::FinishCommit];
    point.side == Side::After && !followed.contains(&point.step)
}

/// Whether the migration has ended: an agent that looks just then drops its run, and nobody can be held there for sure.
fn is_over(point: Point) -> bool {
    point.step == Step::FinishCommit && point.side == Side::After
}

/// The points at which this fault is to happen, all of them if asked for.
fn points(fault: Fault) -> Vec<(Way, Point)> {
    let every = std::env::var_os(EVERY_POINT).is_some();
    let wanted = |point: Point| match fault {
        _ if fault.holds() && is_over(point) => false,
        _ if every => true,
        // A statement that was not sent has been the death of the server.
        Fault::LostReply => point.side == Side::After,
        Fault::AgentDies | Fault::PrimaryDies | Fault::Switchover => !is_as_before_the_next(point),
    };
    let mut all = Vec::new();
    for way in [Way::Copy, Way::Instant] {
        for step in way.steps() {
            let both = [Side::Before, Side::After].map(|side| Point { step, side });
            all.extend(
                both.into_iter()
                    .filter(|point| wanted(*point))
                    .map(|point| (way, point)),
            );
        }
    }
    all
}

/// The points of a fault, in groups that can be reached together.
pub(crate) fn batches(fault: Fault) -> Vec<Vec<(Way, Point)>> {
    let all = points(fault);
    // Whoever dies or errs at once is in nobody's way.
    if !fault.holds() {
        return all.chunks(MOST_AT_ONCE).map(<[_]>::to_vec).collect();
    }
    let of = |wanted: Reach| {
        all.iter()
            .copied()
            .filter(move |(way, point)| reach(*way, *point) == wanted)
    };
    let mut batches = Vec::new();
    for together in [Reach::BeforeLock, Reach::Locked, Reach::AfterLock] {
        let points: Vec<_> = of(together).collect();
        batches.extend(points.chunks(MOST_AT_ONCE).map(<[_]>::to_vec));
    }
    batches.extend(of(Reach::HoldsFence).map(|alone| vec![alone]));
    batches
}
