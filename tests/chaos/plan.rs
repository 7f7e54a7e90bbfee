//! What happens in a round: all of it follows from the seed and the round's number, but for the timing.

use std::fmt;

use outlast_mysql::failpoints::Point;
use outlast_testbed::{SmallDisk, Topology};
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
    /// Whether the application has distributed transactions, too.
    pub(crate) is_distributed: bool,
    pub(crate) agents: usize,
    pub(crate) transactions_per_second: f64,
    /// Completion is postponed until this many of the faults have happened.
    pub(crate) complete_after: Option<usize>,
    pub(crate) faults: Vec<PlannedFault>,
    /// What lies on a small disk, if that is to be full.
    pub(crate) small_disk: Option<SmallDisk>,
    /// For each agent's first life, a point at which it dies or loses a reply.
    pub(crate) failpoints: Vec<Option<String>>,
    /// For choices that are made on the way.
    pub(crate) rng: StdRng,
}

/// What this machine allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// File systems can be mounted, so that a disk can be full.
    pub(crate) has_small_disks: bool,
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
    /// The connections of agents to the primary, or to all servers, are cut, or answers get lost, for so many seconds.
    CutAgents { wire: Wire, everywhere: bool, seconds: u64 },
    /// The connections of replicas to the primary are cut, for so many seconds.
    CutReplication { wire: Wire, seconds: u64 },
    /// The primary's disk is full for so many seconds. If the primary does not get over it, it is killed and replaced.
    DiskFull { seconds: u64 },
    /// Agents are killed, binlogs are purged up to the last, on the primary or on all servers, and agents are started again.
    Purge { everywhere: bool },
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// It is closed, and new ones are refused.
    Cut,
    /// Nothing arrives any more, and nobody says so.
    Frozen,
    /// What is sent arrives, and no answer comes back.
    Muted,
}

/// How many names of faults there are.
pub(crate) const KINDS: usize = 17;

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
            Self::CutAgents { wire: Wire::Cut, .. } => "agents cut off",
            Self::CutAgents { wire: Wire::Frozen, .. } => "agents' connections frozen",
            Self::CutAgents { wire: Wire::Muted, .. } => "answers to agents lost",
            Self::CutReplication { wire: Wire::Cut, .. } => "replicas cut off",
            Self::CutReplication { .. } => "replicas' connections frozen",
            Self::DiskFull { .. } => "disk full",
            Self::Purge { .. } => "binlogs purged",
        }
    }

    /// Whether a migration may fail with this message because of it.
    pub(crate) fn explains(&self, message: &str) -> bool {
        let message = message.to_lowercase();
        match self {
            Self::Purge { .. } => message.contains("purged"),
            Self::DiskFull { .. } => ["full", "space"].iter().any(|word| message.contains(word)),
            _ => false,
        }
    }

    /// Whether it does something to a server, and so to the application.
    pub(crate) fn touches_servers(&self) -> bool {
        !matches!(
            self,
            Self::KillAgent { .. } | Self::FreezeAgent { .. } | Self::CutAgents { .. } | Self::Purge { .. }
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FreezeAgent { seconds }
            | Self::FreezePrimary { seconds }
            | Self::FreezeAndPromote { seconds }
            | Self::CutReplication { seconds, .. }
            | Self::DiskFull { seconds } => write!(f, "{} {seconds} s", self.name()),
            Self::CutAgents {
                everywhere, seconds, ..
            } => {
                let of = if *everywhere { "all servers" } else { "the primary" };
                write!(f, "{} of {of} {seconds} s", self.name())
            }
            Self::Purge { everywhere: true } => write!(f, "{} everywhere", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl Plan {
    /// The plan of a round.
    pub(crate) fn new(seed: u64, number: u64, machine: &Machine) -> Self {
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
        let agents = rng.random_range(1..=2);
        let mut faults = faults(&mut rng, topology, may_be_instant);
        let small_disk = rng.random_bool(0.08).then(|| {
            let planned = PlannedFault {
                moment: moment(&mut rng, may_be_instant, 0),
                fault: Fault::DiskFull {
                    seconds: rng.random_range(1..=4),
                },
            };
            let at = rng.random_range(0..faults.len());
            faults[at] = planned;
            *[SmallDisk::Binlogs, SmallDisk::Data]
                .choose(&mut rng)
                .unwrap_or(&SmallDisk::Binlogs)
        });
        let small_disk = small_disk.filter(|_| machine.has_small_disks && can_lose_one(topology));
        if small_disk.is_none() {
            // Another fault takes the place of what this machine doesn't allow.
            for planned in &mut faults {
                if matches!(planned.fault, Fault::DiskFull { .. }) {
                    planned.fault = fault(&mut rng, topology);
                }
            }
        }
        if rng.random_bool(0.08) {
            // The last: a server that is made anew needs all binlogs.
            faults.push(PlannedFault {
                moment: moment(&mut rng, may_be_instant, 0),
                fault: Fault::Purge {
                    everywhere: rng.random_bool(0.7),
                },
            });
        }
        // Mostly late, so that the migration is still there when things happen.
        let complete_after = rng.random_bool(0.75).then(|| match rng.random_range(0..10) {
            0..4 => faults.len(),
            4..8 => faults.len() - 1,
            _ => rng.random_range(0..=faults.len()),
        });
        let failpoints = (0..agents).map(|_| failpoint(&mut rng)).collect();
        let mut plan = Self {
            seed,
            number,
            topology,
            rows,
            change,
            may_be_instant,
            options: options(&mut rng, rows),
            is_distributed: rng.random_bool(0.4) && !matches!(topology, Topology::GroupReplication { .. }),
            agents,
            transactions_per_second: *[30.0, 100.0, 200.0].choose(&mut rng).unwrap_or(&100.0),
            complete_after,
            faults,
            small_disk,
            failpoints,
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
        let Some(postponed_until) = self.complete_after else {
            return;
        };
        for (index, planned) in self.faults.iter_mut().enumerate() {
            if index < postponed_until {
                if planned.moment == Moment::CuttingOver {
                    planned.moment = Moment::Ready;
                }
            } else if index == postponed_until {
                // Completion is asked for at this very moment.
                planned.moment = match self.rng.random_range(0..10) {
                    0..6 => Moment::CuttingOver,
                    _ => Moment::After(self.rng.random_range(0..2500)),
                };
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
    let seconds = rng.random_range(3..=8);
    let pause = seconds * 1000 * lanes * chunk / rows;
    let takeover = ["3s", "5s"].choose(rng).unwrap_or(&"3s");
    let grace = ["0s", "1s", "3s"].choose(rng).unwrap_or(&"3s");
    let mut options: Vec<String> = [
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
    .into();
    // Half of the rounds. Not drawn: seeds keep their plans.
    if chunk >= 200 {
        options.push("--defer-indexes".to_owned());
    }
    options
}

fn faults(rng: &mut StdRng, topology: Topology, may_be_instant: bool) -> Vec<PlannedFault> {
    let count = match may_be_instant {
        true => rng.random_range(1..=2),
        false => *[1, 2, 2, 2, 3, 3, 4].choose(rng).unwrap_or(&2),
    };
    let mut copied = 0;
    (0..count)
        .map(|_| {
            let moment = moment(rng, may_be_instant, copied);
            if let Moment::Copied(percent) = moment {
                copied = percent;
            }
            PlannedFault {
                moment,
                fault: fault(rng, topology),
            }
        })
        .collect()
}

fn moment(rng: &mut StdRng, may_be_instant: bool, copied: u64) -> Moment {
    if may_be_instant {
        // Soon after the submission, as there is no copy.
        return Moment::After(rng.random_range(0..1500));
    }
    match rng.random_range(0..10) {
        0..5 => Moment::Copied(rng.random_range(copied..=95)),
        5..7 => Moment::Ready,
        7..8 => Moment::CuttingOver,
        _ => Moment::After(rng.random_range(0..2000)),
    }
}

/// Two agents in five are armed, if this build has points to arm.
fn failpoint(rng: &mut StdRng) -> Option<String> {
    // Others are reached by commands, or not in a round.
    let of_agents = |point: &Point| {
        !["install.", "submit.", "request.", "cleanup.", "stale."]
            .iter()
            .any(|of| point.name().starts_with(of))
    };
    let points: Vec<Point> = Point::all().filter(of_agents).collect();
    let point = points.choose(rng)?;
    let action = *["die", "die", "lose-reply"].choose(rng)?;
    // Points of the copy are reached often, others once.
    let nth = *[1, 1, 1, 1, 2, 7].choose(rng)?;
    rng.random_bool(0.25)
        .then(|| format!("{}={action}@{nth}", point.name()))
}

/// A group of two that loses one has no majority, and a person has to mend it.
fn can_lose_one(topology: Topology) -> bool {
    !matches!(topology, Topology::GroupReplication { nodes: 2 })
}

fn fault(rng: &mut StdRng, topology: Topology) -> Fault {
    let is_group = matches!(topology, Topology::GroupReplication { .. });
    loop {
        let fault = any_fault(rng, topology);
        let needs_survivors = fault.touches_servers() && fault != Fault::Switchover;
        // An election can't be held back or done by hand, and members talk to each other directly.
        let is_for_replicas = matches!(
            fault,
            Fault::FreezeAndPromote { .. }
                | Fault::PromoteLagging { .. }
                | Fault::CrashAndRestart
                | Fault::CutReplication { .. }
        );
        if (needs_survivors && !can_lose_one(topology)) || (is_for_replicas && is_group) {
            continue;
        }
        return fault;
    }
}

fn any_fault(rng: &mut StdRng, topology: Topology) -> Fault {
    let delay = *[0, 0, 300, 1000, 3000].choose(rng).unwrap_or(&0);
    let seconds = *[5, 5, 5, 5, 5, 12, 12, 12, 30].choose(rng).unwrap_or(&5);
    let wire = *[Wire::Cut, Wire::Frozen, Wire::Muted].choose(rng).unwrap_or(&Wire::Cut);
    match rng.random_range(0..26) {
        0..3 => Fault::KillAgent { restart_after: delay },
        3..7 => Fault::KillPrimary { promote_after: delay },
        7..9 => Fault::KillBoth { promote_after: delay },
        9..11 => Fault::CrashAndRestart,
        11..13 => Fault::FreezeAgent { seconds },
        13 => Fault::FreezePrimary { seconds },
        14 => Fault::FreezeAndPromote { seconds },
        15..19 => Fault::Switchover,
        19..21 => Fault::PromoteLagging {
            lossy: rng.random_bool(0.5) && matches!(topology, Topology::AsyncGtid { .. }),
        },
        21..24 => Fault::CutAgents {
            wire,
            everywhere: rng.random_bool(0.5),
            seconds: rng.random_range(1..=12),
        },
        _ => Fault::CutReplication {
            wire: if wire == Wire::Muted { Wire::Frozen } else { wire },
            seconds: rng.random_range(1..=8),
        },
    }
}
