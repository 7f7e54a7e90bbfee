//! What happens to the world.

use std::{sync::Arc, time::Duration};

use outlast_core::{Server, Status, scheduler::Request};

use crate::{
    plan::{Act, Crash, Moment, Old, Rest},
    world::World,
};

/// Within this time every agent looks at the cluster.
const LOOK: Duration = Duration::from_secs(2);

/// An act that waits for something that does not come is left out after this time.
const PATIENCE: Duration = Duration::from_secs(15);

/// Performs the plan's acts, one after the other.
pub(crate) async fn strike(world: &Arc<World>) {
    for (moment, act) in world.plan.acts.clone() {
        tokio::select! {
            biased;
            () = reach(world, moment) => {}
            () = world.clock.sleep(PATIENCE) => continue,
        }
        world.cluster.tell(|| format!("fate: {act:?}"));
        perform(world, act).await;
        world.servers.iter().for_each(|server| world.check(server));
    }
    // What was begun also ends, as an outage that is longer than the cutoff.
    world
        .pause(world.expected_until().saturating_sub(world.clock.now()))
        .await;
}

async fn reach(world: &World, moment: Moment) {
    // A swap that is waited for is also wanted.
    if world.plan.postponed && !matches!(moment, Moment::Steps(_)) {
        world.request(Request::Complete).await;
    }
    let steps = match moment {
        Moment::Steps(steps) => steps,
        Moment::Locked(steps) => {
            while !world.cluster.is_locked(&world.primary()) {
                world.cluster.changed().await;
            }
            steps
        }
        Moment::Altered(steps) => {
            while !world.cluster.is_altered(&world.primary(), &world.id) {
                world.cluster.changed().await;
            }
            steps
        }
    };
    world.cluster.step(world.cluster.steps() + steps).await;
}

async fn perform(world: &Arc<World>, act: Act) {
    let cluster = &world.cluster;
    match act {
        Act::KillAgent { agent, down } => {
            world.kill_agent(agent);
            later(world, down, move |world| world.start_agent(agent));
        }
        Act::KillAgents { down } => {
            for agent in 0..world.number_of_agents() {
                world.kill_agent(agent);
                later(world, down, move |world| world.start_agent(agent));
            }
        }
        Act::FreezeAgent { agent, time } => {
            let handle = world.handle_of(agent);
            handle.set_frozen(true);
            later(world, time, move |_| handle.set_frozen(false));
        }
        Act::CutAgent { agent, time } => {
            let (handle, primary) = (world.handle_of(agent), world.primary());
            handle.set_cut(&primary, true);
            later(world, time, move |_| handle.set_cut(&primary, false));
        }
        Act::Disconnect => cluster.disconnect(&world.primary()),
        Act::LoseReply => cluster.lose_next_reply(),
        Act::SwitchOver { to } => {
            let (from, to) = (world.primary(), world.replica(to));
            cluster.switch_over(&from, &to);
            promoted(world, &from, &to);
        }
        Act::Crash(crash) => lose_primary(world, crash).await,
        Act::SplitBrain { to, received, time } => {
            let (old, new) = (world.primary(), world.replica(to));
            cluster.replicate(&old, &new, received);
            cluster.promote(&new);
            promoted(world, &old, &new);
            watch_the_split(world, &old, &new, time).await;
            rebuild(world, &old);
        }
        Act::Purge { transactions } => cluster.purge(&world.primary(), transactions),
        Act::Cancel { time } => {
            world.request(Request::Cancel).await;
            world.pause(time).await;
            if status(world) == Some(Status::Cancelled) {
                world.request(Request::Retry).await;
            }
        }
        Act::Complete => world.request(Request::Complete).await,
        Act::Clock { server, ahead } => {
            cluster.set_clock_ahead(&world.replica(server), ahead);
        }
        Act::AnyOrder { server } => cluster.set_commit_order(&world.replica(server), false),
    }
}

/// While two servers take writes in the same epoch, nobody writes for the migration on either, once all agents have looked.
async fn watch_the_split(world: &World, old: &Server, new: &Server, time: Duration) {
    let epoch = |server| world.cluster.state_of(server, &world.id).map(|(_, _, epoch)| epoch);
    let written = |server| world.cluster.written_by_backends(server);
    let troubled = |(_, act): &(Moment, Act)| matches!(act, Act::FreezeAgent { .. } | Act::CutAgent { .. });
    let look = time.min(LOOK);
    world.pause(look).await;
    let before = (written(old), written(new));
    let settled = [old, new].iter().all(|server| world.cluster.relay_len(server) == 0);
    let equal = settled && epoch(old) == epoch(new);
    world.pause(time - look).await;
    // Agents that are late to look, or see one of the two only, know no better.
    let all_see = !world.plan.proxied && world.plan.late_effects == 0.0 && !world.plan.acts.iter().any(troubled);
    if equal && all_see && before != (written(old), written(new)) {
        world.violate(format!(
            "{old} and {new} took writes in the same epoch, and were written to"
        ));
    }
}

async fn lose_primary(world: &Arc<World>, crash: Crash) {
    let cluster = &world.cluster;
    let (old, new) = (world.primary(), world.replica(crash.to));
    cluster.receive(&old, &new, crash.received);
    cluster.kill(&old);
    // Not even for a moment: somebody may be between looking at a server and adopting on it.
    if !crash.outage.is_zero() {
        world.pause(crash.outage).await;
    }
    cluster.apply_relay(&new, crash.executed);
    match crash.rest {
        Rest::Executed => cluster.apply_relay(&new, usize::MAX),
        // By and by, as the environment does. Only a swap must not wait: what the application writes to the old table while
        // the swap stands in the relay log stays in the retired table. No owner can prevent that, and the README says so.
        // Neither can anybody mend that a server gives out numbers twice.
        Rest::ExecutedLater => cluster.apply_what_must_not_wait(&new),
        Rest::ThrownAway => cluster.reset_relay(&new),
    }
    cluster.promote(&new);
    promoted(world, &old, &new);
    match crash.old {
        Old::Rebuilt => {}
        Old::Away(time) => world.pause(time).await,
        Old::Writable(time) => {
            cluster.revive(&old);
            world.pause(time).await;
        }
    }
    rebuild(world, &old);
}

/// The application writes to the new primary from now on, and a virtual address follows it.
fn promoted(world: &World, old: &Server, new: &Server) {
    world.set_primary(new);
    if world.plan.proxied {
        world.cluster.move_address(&old.address, new);
    }
    if let Err(violation) = world.cluster.check_history(new, &world.id) {
        world.violate(violation);
    }
    // Replicas of the old one that have something that the new one lacks can't follow it.
    for server in world.servers.iter().filter(|server| *server != new && *server != old) {
        let errant = world.cluster.received(server).minus(&world.cluster.received(new));
        match errant.is_empty() {
            true => world.cluster.follow(server, new),
            false => world.cluster.rebuild(server, new),
        }
    }
}

/// Makes a server a replica of the primary, from a copy of it.
fn rebuild(world: &World, server: &Server) {
    let primary = world.primary();
    world.cluster.move_address(&server.address, server);
    if *server != primary {
        world.cluster.rebuild(server, &primary);
    }
}

fn later(world: &Arc<World>, time: Duration, what: impl FnOnce(&World) + Send + 'static) {
    let world = Arc::clone(world);
    world.expect_until(world.clock.now() + time);
    tokio::spawn(async move {
        world.pause(time).await;
        what(&world);
    });
}

pub(crate) fn status(world: &World) -> Option<Status> {
    let (status, _, _) = world.cluster.state_of(&world.primary(), &world.id)?;
    Some(status)
}

/// Everything that fate did is over: one primary with all its replicas, agents that live, no network trouble.
pub(crate) fn heal(world: &World) {
    let cluster = &world.cluster;
    cluster.set_reply_loss(0.0);
    cluster.set_late_effects(0.0);
    cluster.set_proxied(false);
    let primary = world.primary();
    cluster.apply_relay(&primary, usize::MAX);
    // If the applier was stopped by an error.
    cluster.reset_relay(&primary);
    for server in &world.servers {
        rebuild(world, server);
        cluster.set_commit_order(server, true);
    }
    for agent in 0..world.number_of_agents() {
        let handle = world.handle_of(agent);
        handle.set_frozen(false);
        for server in &world.servers {
            handle.set_cut(server, false);
        }
        world.start_agent(agent);
    }
}
