//! What happens in a round: all of it follows from the seed and the round's number, but for the timing.

use std::fmt;

use outlast_testbed::Topology;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::table::Change;

/// A round, thought out before it begins.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) number: u64,
    pub(crate) topology: Topology,
    pub(crate) rows: u64,
    pub(crate) change: Change,
    /// Whether MySQL may make the change itself.
    pub(crate) may_be_instant: bool,
    /// Arguments of `outlast submit` besides the statement.
    pub(crate) options: Vec<String>,
    pub(crate) agents: usize,
    pub(crate) transactions_per_second: f64,
    /// Completion is postponed until this many of the faults have happened.
    pub(crate) complete_after: Option<usize>,
    pub(crate) faults: Vec<PlannedFault>,
    /// For choices that are made on the way.
    pub(crate) rng: StdRng,
}

/// A fault, and when.
#[derive(Debug, Clone)]
pub(crate) struct PlannedFault {
    pub(crate) moment: Moment,
    pub(crate) fault: Fault,
}

/// When something happens; if it can't come to that any more, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So many of a hundred rows are copied.
    Copied(u64),
    /// All is copied and caught up.
    Ready,
    /// The intent to swap is written.
    CuttingOver,
    /// So many milliseconds after what was before.
    After(u64),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copied(percent) => write!(f, "@{percent}%"),
            Self::Ready => f.write_str("@ready"),
            Self::CuttingOver => f.write_str("@cutting-over"),
            Self::After(ms) => write!(f, "@+{ms}ms"),
        }
    }
}

/// What happens to servers, agents and wires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of the agent that owns the migration; it is started again after so many milliseconds.
    KillAgent { restart_after: u64 },
    /// `kill -9` of the primary; after so many milliseconds the best replica is promoted, or the group elects one.
    KillPrimary { promote_after: u64 },
    /// Both of them.
    KillBoth { promote_after: u64 },
    /// `kill -9` of the primary, which is started again and stays the primary.
    CrashAndRestart,
    /// SIGSTOP of the owner's agent, and CONT so many seconds later, while other things happen.
    FreezeAgent { seconds: u64 },
    /// SIGSTOP of the primary, and CONT so many seconds later.
    FreezePrimary { seconds: u64 },
    /// SIGSTOP of the primary, promotion of another, CONT: for a moment there are two.
    FreezeAndPromote { seconds: u64 },
    /// A planned switchover.
    Switchover,
    /// The primary is killed, and a replica is promoted that lags; if lossy, it has not even received the last transactions.
    PromoteLagging { lossy: bool },
}

impl Fault {
    /// A name for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::KillAgent { .. } => "kill -9 agent",
            Self::KillPrimary { .. } => "kill -9 primary",
            Self::KillBoth { .. } => "kill -9 agent and primary",
            Self::CrashAndRestart => "crash and restart of the primary",
            Self::FreezeAgent { .. } => "SIGSTOP agent",
            Self::FreezePrimary { .. } => "SIGSTOP primary",
            Self::FreezeAndPromote { .. } => "SIGSTOP primary and promotion",
            Self::Switchover => "switchover",
            Self::PromoteLagging { lossy: false } => "promotion of a lagging replica",
            Self::PromoteLagging { lossy: true } => "lossy promotion",
        }
    }

    /// Whether it does something to a server, and so to the application.
    pub(crate) fn touches_servers(&self) -> bool {
        !matches!(self, Self::KillAgent { .. } | Self::FreezeAgent { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FreezeAgent { seconds } | Self::FreezePrimary { seconds } | Self::FreezeAndPromote { seconds } => {
                write!(f, "{} {seconds} s", self.name())
            }
            _ => f.write_str(self.name()),
        }
    }
}

impl Plan {
    /// The plan of a round.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        // Neighbouring seeds must not share rounds.
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
        let topology = topology(&mut rng);
        let rows = rng.random_range(3_000..=10_000);
        let may_be_instant = rng.random_bool(0.1);
        let change = match rng.random_range(0..100) {
            0..6 => Change::unfit(&mut rng),
            _ if may_be_instant => Change::instant(&mut rng),
            _ => Change::copied(&mut rng),
        };
        let faults: Vec<PlannedFault> = match may_be_instant {
            // Soon after the submission, as there is no copy.
            true => (0..rng.random_range(1..=2))
                .map(|_| PlannedFault {
                    moment: Moment::After(rng.random_range(0..1500)),
                    fault: fault(&mut rng, topology),
                })
                .collect(),
            false => faults(&mut rng, topology),
        };
        let complete_after = rng.random_bool(0.5).then(|| rng.random_range(0..=faults.len()));
        let mut plan = Self {
            seed,
            number,
            topology,
            rows,
            change,
            may_be_instant,
            options: options(&mut rng, rows),
            agents: rng.random_range(1..=2),
            transactions_per_second: *[30.0, 100.0, 200.0].choose(&mut rng).unwrap_or(&100.0),
            complete_after,
            faults,
            rng,
        };
        plan.fit_moments();
        plan
    }

    /// Moments that the postponement leaves possible, as far as it can be known.
    fn fit_moments(&mut self) {
        if self.may_be_instant {
            return;
        }
        let postponed_until = self.complete_after.unwrap_or(0);
        for (index, planned) in self.faults.iter_mut().enumerate() {
            if index >= postponed_until {
                if planned.moment == Moment::Ready {
                    planned.moment = Moment::CuttingOver;
                }
            } else if planned.moment == Moment::CuttingOver {
                planned.moment = Moment::Ready;
            }
        }
    }

    /// How to have this round again.
    pub(crate) fn replay(&self) -> String {
        format!("cargo xtask chaos --seed {} --round {}", self.seed, self.number)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} rows, {}", shown(self.topology), self.rows, self.change.short)
    }
}

/// A topology in a word.
pub(crate) fn shown(topology: Topology) -> String {
    match topology {
        Topology::Single => "single".to_owned(),
        Topology::AsyncGtid { nodes } => format!("async×{nodes}"),
        Topology::SemiSync { nodes } => format!("semi-sync×{nodes}"),
        Topology::GroupReplication { nodes } => format!("group×{nodes}"),
    }
}

fn topology(rng: &mut StdRng) -> Topology {
    match rng.random_range(0..100) {
        0..20 => Topology::AsyncGtid { nodes: 2 },
        20..42 => Topology::AsyncGtid { nodes: 3 },
        42..57 => Topology::SemiSync { nodes: 2 },
        57..77 => Topology::SemiSync { nodes: 3 },
        77..81 => Topology::GroupReplication { nodes: 2 },
        _ => Topology::GroupReplication { nodes: 3 },
    }
}

/// A copy that takes some seconds, so that something can happen to it.
fn options(rng: &mut StdRng, rows: u64) -> Vec<String> {
    let lanes = rng.random_range(1..=3);
    let chunk = *[50, 100, 200, 400].choose(rng).unwrap_or(&100);
    let seconds = rng.random_range(2..=6);
    let pause = seconds * 1000 * lanes * chunk / rows;
    let takeover = ["3s", "5s"].choose(rng).unwrap_or(&"3s");
    let grace = ["0s", "1s", "3s"].choose(rng).unwrap_or(&"3s");
    [
        "--lanes".to_owned(),
        lanes.to_string(),
        "--chunk-rows".to_owned(),
        chunk.to_string(),
        "--chunk-pause".to_owned(),
        format!("{pause}ms"),
        "--duplicate-grace".to_owned(),
        "5s".to_owned(),
        "--policy-param".to_owned(),
        format!("takeover_after={takeover}"),
        "--policy-param".to_owned(),
        format!("adopt_grace={grace}"),
    ]
    .into()
}

fn faults(rng: &mut StdRng, topology: Topology) -> Vec<PlannedFault> {
    let count = *[1, 2, 2, 2, 3, 3, 4].choose(rng).unwrap_or(&2);
    let mut copied = 0;
    (0..count)
        .map(|_| {
            let moment = match rng.random_range(0..10) {
                0..5 => {
                    copied = rng.random_range(copied..=95);
                    Moment::Copied(copied)
                }
                5..7 => Moment::Ready,
                7..8 => Moment::CuttingOver,
                _ => Moment::After(rng.random_range(0..2000)),
            };
            PlannedFault {
                moment,
                fault: fault(rng, topology),
            }
        })
        .collect()
}

fn fault(rng: &mut StdRng, topology: Topology) -> Fault {
    let delay = |rng: &mut StdRng| *[0, 0, 300, 1000, 3000].choose(rng).unwrap_or(&0);
    let seconds = |rng: &mut StdRng| *[5, 5, 5, 5, 5, 12, 12, 12, 30].choose(rng).unwrap_or(&5);
    let is_group = matches!(topology, Topology::GroupReplication { .. });
    // A group of two that loses one has no majority, and a person has to mend it.
    let can_lose_one = !matches!(topology, Topology::GroupReplication { nodes: 2 });
    loop {
        let fault = match rng.random_range(0..21) {
            0..3 => Fault::KillAgent {
                restart_after: delay(rng),
            },
            3..7 => Fault::KillPrimary {
                promote_after: delay(rng),
            },
            7..9 => Fault::KillBoth {
                promote_after: delay(rng),
            },
            9..11 => Fault::CrashAndRestart,
            11..13 => Fault::FreezeAgent { seconds: seconds(rng) },
            13 => Fault::FreezePrimary { seconds: seconds(rng) },
            14 => Fault::FreezeAndPromote { seconds: seconds(rng) },
            15..19 => Fault::Switchover,
            _ => Fault::PromoteLagging {
                lossy: rng.random_bool(0.5) && matches!(topology, Topology::AsyncGtid { .. }),
            },
        };
        let needs_survivors = !matches!(
            fault,
            Fault::KillAgent { .. } | Fault::FreezeAgent { .. } | Fault::Switchover
        );
        let is_elected_by_hand = matches!(
            fault,
            Fault::FreezeAndPromote { .. } | Fault::PromoteLagging { .. } | Fault::CrashAndRestart
        );
        if (needs_survivors && !can_lose_one) || (is_elected_by_hand && is_group) {
            continue;
        }
        return fault;
    }
}
