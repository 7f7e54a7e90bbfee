//! What happens in one schedule, drawn from its seed.

use std::time::Duration;

use outlast_core::guard::Guard;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

use crate::stories;

/// Rows have keys below this.
pub(crate) const KEYS: u64 = 10;

/// In one of so many schedules, statements take time; in the others, only what waits on purpose does.
const LATENT: u64 = 7;

/// One schedule: a migration, and what fate does to it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) change: Change,
    pub(crate) servers: usize,
    pub(crate) agents: usize,
    pub(crate) chunk_rows: u64,
    pub(crate) lanes: Option<u32>,
    /// The swap waits until it is asked for.
    pub(crate) postponed: bool,
    /// Clients reach the servers through a proxy that leads them elsewhere unasked.
    pub(crate) proxied: bool,
    /// Replicas receive nothing until the primary is lost.
    pub(crate) lagging: bool,
    /// Probability that a COMMIT's reply is lost, and that a COMMIT arrives after it was given up.
    pub(crate) reply_loss: f64,
    pub(crate) late_effects: f64,
    /// Share of the application's transactions, in percent, that are XA.
    pub(crate) xa: u32,
    /// What a statement takes at most.
    pub(crate) latency: Duration,
    /// Steps between two doings of application and replication, at most.
    pub(crate) pace: u64,
    pub(crate) acts: Vec<(Moment, Act)>,
}

/// What the migration does to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Copies all rows.
    Copied,
    /// Copies all rows into a table whose values are unique; they move between the rows of the source all the time.
    Unique,
    /// The server does it at once. Done twice, it is undone.
    Instant,
    /// An empty clone shows that it can be done at once, and then it can't.
    SeeminglyInstant,
}

impl Change {
    pub(crate) fn statement(self) -> &'static str {
        match self {
            Self::Copied => "ALTER TABLE shop.orders ADD COLUMN note INT",
            Self::Unique => "ALTER TABLE shop.orders ADD UNIQUE (value)",
            Self::Instant | Self::SeeminglyInstant => {
                "ALTER TABLE shop.orders RENAME COLUMN a TO b, RENAME COLUMN b TO a"
            }
        }
    }
}

/// When an act happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// So many waits for a server after the act before.
    Steps(u64),
    /// So many after a table was locked for the cut-over.
    Locked(u64),
    /// So many after the new definition came into place.
    Altered(u64),
}

/// What fate does. Agents and servers are chosen when it happens, by these numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// An agent dies, and another life of it begins later. Other acts go on meanwhile.
    KillAgent { agent: usize, down: Duration },
    /// All agents die.
    KillAgents { down: Duration },
    /// An agent stops as if by SIGSTOP, and goes on later.
    FreezeAgent { agent: usize, time: Duration },
    /// The network between an agent and the primary is cut.
    CutAgent { agent: usize, time: Duration },
    /// All sessions on the primary end.
    Disconnect,
    /// The next COMMIT has its effect and no reply.
    LoseReply,
    /// A planned switchover.
    SwitchOver { to: usize },
    /// The primary dies, and a replica is promoted by somebody else.
    Crash(Crash),
    /// A replica is promoted while the primary lives on and takes writes, too, for a while.
    SplitBrain { to: usize, received: usize, time: Duration },
    /// The primary loses its oldest binlogs.
    Purge { transactions: usize },
    /// The user cancels, and thinks better of it.
    Cancel { time: Duration },
    /// The user asks for the swap.
    Complete,
    /// A replica's clock goes ahead.
    Clock { server: usize, ahead: Duration },
    /// A replica is set up to commit in any order.
    AnyOrder { server: usize },
}

/// How a primary is lost and another one made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) to: usize,
    /// Transactions that the replica receives of those it lacks; the others are lost.
    pub(crate) received: usize,
    /// Of what it has received, how many it executes before it is made writable.
    pub(crate) executed: usize,
    pub(crate) rest: Rest,
    pub(crate) outage: Duration,
    pub(crate) old: Old,
}

/// What becomes of transactions that are received and not executed when a server is made writable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    Executed,
    ExecutedLater,
    ThrownAway,
}

/// How the old primary comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Old {
    /// At once, made anew from the new one.
    Rebuilt,
    /// Later; until then, a virtual address leads to the new one.
    Away(Duration),
    /// As it was, writable, with what only it has; for a while.
    Writable(Duration),
}

impl Plan {
    /// Whatever chance brings.
    pub(crate) fn of(seed: u64) -> Self {
        let random = &mut SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut plan = Self::calm(seed, random);
        if random.random_ratio(1, 4) {
            stories::tell(&mut plan, random);
            return plan;
        }
        if seed.is_multiple_of(LATENT) {
            plan.latency = Duration::from_millis(20);
        }
        for _ in 0..random.random_range(0..6) {
            let act = plan.act(random);
            plan.acts.push((plan.moment(random), act));
        }
        plan
    }

    /// One that leads to where a guard is needed, if there is a story of it; else whatever chance brings.
    pub(crate) fn directed_to(guard: Guard, seed: u64) -> Self {
        let random = &mut SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut plan = Self::calm(seed, random);
        match stories::tell_of(guard, &mut plan, random) {
            true => plan,
            false => Self::of(seed),
        }
    }

    /// A migration to which nothing happens.
    fn calm(seed: u64, random: &mut SmallRng) -> Self {
        let change = match random.random_range(0..20) {
            0..12 => Change::Copied,
            12..15 => Change::Unique,
            15..18 => Change::Instant,
            _ => Change::SeeminglyInstant,
        };
        Self {
            seed,
            change,
            servers: random.random_range(2..=3),
            agents: random.random_range(1..=2),
            chunk_rows: random.random_range(1..=4),
            lanes: Some(random.random_range(0..=3)).filter(|lanes| *lanes > 0),
            postponed: random.random_ratio(1, 4),
            proxied: random.random_ratio(1, 6),
            lagging: random.random_ratio(1, 10),
            reply_loss: *[0.0, 0.0, 0.01, 0.05].choose(random).unwrap_or(&0.0),
            late_effects: *[0.0, 0.0, 0.01, 0.1].choose(random).unwrap_or(&0.0),
            xa: *[0, 5, 30].choose(random).unwrap_or(&0),
            latency: Duration::ZERO,
            pace: *[2, 6, 20].choose(random).unwrap_or(&6),
            acts: Vec::new(),
        }
    }

    fn moment(&self, random: &mut SmallRng) -> Moment {
        match random.random_range(0..10) {
            0 | 1 => Moment::Locked(random.random_range(0..12)),
            2 => Moment::Altered(random.random_range(0..8)),
            3..6 => Moment::Steps(random.random_range(0..20)),
            _ => Moment::Steps(random.random_range(0..150)),
        }
    }

    fn act(&self, random: &mut SmallRng) -> Act {
        let (agent, server) = (random.random_range(0..8), random.random_range(0..8));
        match random.random_range(0..40) {
            0..4 => Act::KillAgent {
                agent,
                down: up_to(random, 2_000),
            },
            4..6 => Act::KillAgents {
                down: match random.random_ratio(1, 5) {
                    true => Duration::from_secs(660),
                    false => up_to(random, 20_000),
                },
            },
            6..9 => Act::FreezeAgent {
                agent,
                time: up_to(random, 8_000),
            },
            9..12 => Act::CutAgent {
                agent,
                time: up_to(random, 20_000),
            },
            12 => Act::Disconnect,
            13..15 => Act::LoseReply,
            15..19 => Act::SwitchOver { to: server },
            19..31 => Act::Crash(Crash {
                to: server,
                received: *[0, 1, 3, 10, usize::MAX].choose(random).unwrap_or(&0),
                executed: *[0, 1, 3, 10, usize::MAX, usize::MAX].choose(random).unwrap_or(&0),
                rest: *[
                    Rest::Executed,
                    Rest::ExecutedLater,
                    Rest::ExecutedLater,
                    Rest::ThrownAway,
                ]
                .choose(random)
                .unwrap_or(&Rest::Executed),
                outage: up_to(random, 3_000),
                old: match random.random_range(0..5) {
                    0 => Old::Writable(up_to(random, 4_000)),
                    1 => Old::Away(up_to(random, 4_000)),
                    _ => Old::Rebuilt,
                },
            }),
            31..33 => Act::SplitBrain {
                to: server,
                received: *[5, usize::MAX].choose(random).unwrap_or(&5),
                time: up_to(random, 8_000),
            },
            33 => Act::Purge {
                transactions: random.random_range(0..60),
            },
            34..36 => Act::Cancel {
                time: up_to(random, 3_000),
            },
            36 => Act::Complete,
            37 => Act::Clock {
                server,
                ahead: up_to(random, 1_500_000),
            },
            _ => Act::AnyOrder { server },
        }
    }
}

pub(crate) fn up_to(random: &mut SmallRng, milliseconds: u64) -> Duration {
    Duration::from_millis(random.random_range(0..milliseconds))
}
