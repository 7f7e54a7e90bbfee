//! Plans that lead to what pure chance seldom meets: each story sets up the one situation that a guard is for.

use std::time::Duration;

use outlast_core::guard::Guard;
use rand::{Rng, rngs::SmallRng};

use crate::plan::{Act, Change, Crash, Moment, Old, Plan, Rest, up_to};

type Story = fn(&mut Plan, &mut SmallRng) -> Vec<(Moment, Act)>;

/// All stories, each with the guards that chance alone seldom needs.
const STORIES: [(&[Guard], Story); 14] = [
    (&[Guard::OneApplier], long_followed),
    (&[Guard::FenceIncarnation], boomerang),
    (&[Guard::FenceServer], led_elsewhere),
    (&[Guard::LockProof], frozen_under_the_lock),
    (&[Guard::AdoptGaps], promoted_with_holes),
    (&[], promoted_with_old_holes),
    (&[Guard::AdoptServer], two_crashes),
    (&[Guard::AdoptWritable], switched_over_while_adopting),
    (&[Guard::SplitBrain], split),
    (&[], late_commits),
    (&[], deaf),
    (&[Guard::Intent], swapped_and_silent),
    (&[Guard::Proof], swapped_and_lost),
    (&[], swapped_and_purged),
];

/// Turns the plan into one of the stories, told with some chance.
pub(crate) fn tell(plan: &mut Plan, random: &mut SmallRng) {
    let (_, story) = STORIES[random.random_range(0..STORIES.len())];
    plan.acts = story(plan, random);
}

/// Turns the plan into the story for one guard; whether there is one.
pub(crate) fn tell_of(guard: Guard, plan: &mut Plan, random: &mut SmallRng) -> bool {
    let Some((_, story)) = STORIES.iter().find(|(guards, _)| guards.contains(&guard)) else {
        return false;
    };
    plan.acts = story(plan, random);
    true
}

/// Where nothing else goes wrong.
fn calm(plan: &mut Plan) {
    plan.reply_loss = 0.0;
    plan.late_effects = 0.0;
}

fn crash(random: &mut SmallRng, rest: Rest, executed: usize) -> Crash {
    Crash {
        to: random.random_range(0..8),
        received: usize::MAX,
        executed,
        rest,
        outage: up_to(random, 500),
        old: Old::Rebuilt,
    }
}

/// The application writes the same few rows for long before the swap is asked for.
fn long_followed(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    plan.postponed = true;
    plan.pace = 2;
    vec![(Moment::Steps(random.random_range(300..1500)), Act::Complete)]
}

/// The primary is lost with all that the owner did, its successor, too, and the first one is primary again, made anew:
/// another agent adopts in the epoch that the frozen owner believes to have.
fn boomerang(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    (plan.servers, plan.agents) = (2, 2);
    (plan.lagging, plan.proxied, plan.postponed) = (true, true, true);
    plan.change = Change::Copied;
    let owner = Act::FreezeAgent {
        agent: 0,
        time: Duration::from_millis(random.random_range(2500..7000)),
    };
    let other = Act::KillAgent {
        agent: 1,
        down: up_to(random, 2000),
    };
    let mut there = crash(random, Rest::Executed, usize::MAX);
    (there.received, there.outage) = (0, Duration::ZERO);
    let mut back = crash(random, Rest::Executed, usize::MAX);
    back.outage = Duration::ZERO;
    vec![
        (Moment::Steps(random.random_range(20..300)), owner),
        (Moment::Steps(0), other),
        (Moment::Steps(0), Act::Crash(there)),
        (Moment::Steps(0), Act::Crash(back)),
    ]
}

/// Two servers take writes, and a proxy leads the owner's next session from the old one to the new one, which lacks what the owner has
/// read.
fn led_elsewhere(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    let acts = split(plan, random);
    (plan.proxied, plan.agents, plan.chunk_rows) = (true, 1, 1);
    plan.change = Change::Copied;
    plan.pace = 2;
    acts
}

/// The owner freezes in the middle of the cut-over, longer than its session lives, and goes on as if nothing had been.
fn frozen_under_the_lock(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    plan.agents = 1;
    plan.pace = 2;
    let freeze = Act::FreezeAgent {
        agent: 0,
        time: Duration::from_millis(random.random_range(2000..9000)),
    };
    vec![(Moment::Locked(random.random_range(0..10)), freeze)]
}

/// A replica that commits in any order is promoted in the middle of that, and what it had not executed is thrown away.
fn promoted_with_holes(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    plan.lagging = true;
    plan.servers = 2;
    plan.pace = 2;
    let executed = random.random_range(4..60);
    vec![
        (Moment::Steps(random.random_range(0..20)), Act::AnyOrder { server: 0 }),
        (
            Moment::Steps(random.random_range(30..300)),
            Act::Crash(crash(random, Rest::ThrownAway, executed)),
        ),
    ]
}

/// As before, once there are transactions of an earlier primary: all of the last of them may be missing.
fn promoted_with_old_holes(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    let holes = promoted_with_holes(plan, random);
    plan.servers = 3;
    let first = crash(random, Rest::Executed, usize::MAX);
    let mut acts = vec![(Moment::Steps(random.random_range(5..100)), Act::Crash(first))];
    acts.extend(holes);
    acts
}

/// The new primary is lost as soon as it is looked at, and its address leads to a third one that is not as far.
fn two_crashes(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    plan.servers = 3;
    (plan.lagging, plan.proxied) = (true, true);
    let executed = random.random_range(4..12);
    let first = crash(random, Rest::Executed, usize::MAX);
    let mut second = crash(random, Rest::ExecutedLater, executed);
    second.outage = Duration::ZERO;
    second.old = Old::Away(Duration::from_secs(3));
    vec![
        (Moment::Steps(random.random_range(20..200)), Act::Crash(first)),
        (Moment::Steps(random.random_range(0..16)), Act::Crash(second)),
    ]
}

/// A switchover hits an adoption.
fn switched_over_while_adopting(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    let first = crash(random, Rest::Executed, usize::MAX);
    vec![
        (Moment::Steps(random.random_range(20..200)), Act::Crash(first)),
        (
            Moment::Steps(random.random_range(0..20)),
            Act::SwitchOver {
                to: random.random_range(0..8),
            },
        ),
    ]
}

/// Two servers take writes, and all agents see both.
fn split(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    plan.proxied = false;
    plan.postponed = random.random_bool(0.5);
    let split = Act::SplitBrain {
        to: random.random_range(0..8),
        received: usize::MAX,
        time: Duration::from_millis(random.random_range(4000..9000)),
    };
    vec![(Moment::Steps(random.random_range(5..250)), split)]
}

/// Commits arrive while their client, which has given them up, adopts again.
fn late_commits(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    plan.reply_loss = 0.0;
    plan.late_effects = 0.3;
    plan.lanes = Some(1);
    plan.agents = random.random_range(1..=2);
    Vec::new()
}

/// The swap is asked for under a load that always leaves something to apply, while replies to commits are lost.
fn deaf(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    plan.late_effects = 0.0;
    plan.reply_loss = 0.1;
    plan.change = Change::Copied;
    (plan.agents, plan.servers, plan.xa) = (1, 2, 0);
    (plan.postponed, plan.proxied, plan.lagging) = (true, false, true);
    plan.pace = 2;
    vec![(Moment::Steps(random.random_range(200..2000)), Act::Complete)]
}

/// Whoever swapped dies before it could say so, and nobody looks for longer than the cutoff.
fn swapped_and_silent(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    let down = Duration::from_secs(random.random_range(1..1300));
    vec![(Moment::Altered(random.random_range(0..6)), Act::KillAgents { down })]
}

/// Whoever swapped freezes before it could say so; the server is lost with the swap, and soon back as the primary without it.
fn swapped_and_lost(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    (plan.servers, plan.agents) = (2, 1);
    (plan.lagging, plan.proxied) = (true, false);
    let owner = Act::FreezeAgent {
        agent: 0,
        time: Duration::from_millis(random.random_range(2500..7000)),
    };
    let mut there = crash(random, Rest::Executed, usize::MAX);
    (there.received, there.outage) = (random.random_range(5..40), Duration::ZERO);
    let mut back = crash(random, Rest::Executed, usize::MAX);
    back.outage = Duration::ZERO;
    vec![
        (Moment::Altered(random.random_range(0..3)), owner),
        (Moment::Steps(0), Act::Crash(there)),
        (Moment::Steps(0), Act::Crash(back)),
    ]
}

/// Whoever swapped dies before it could say so, and the binlogs that led there go.
fn swapped_and_purged(plan: &mut Plan, random: &mut SmallRng) -> Vec<(Moment, Act)> {
    calm(plan);
    let down = up_to(random, 3000);
    vec![
        (Moment::Altered(random.random_range(0..6)), Act::KillAgents { down }),
        (
            Moment::Steps(0),
            Act::Purge {
                transactions: random.random_range(5..200),
            },
        ),
    ]
}
