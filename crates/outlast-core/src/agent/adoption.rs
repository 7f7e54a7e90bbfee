//! Whether a server may be adopted on, and adopting (invariant I7).
//!
//! [`check`] is public for programs that adopt without an [`Agent`](super::Agent).

use futures_util::future::{join, try_join};

use super::{Round, is_active};
use crate::{
    checkpoint::Checkpoint,
    engine,
    error::{Error, ErrorKind, Result},
    gtid::GtidSet,
    guard::Guard,
    ids::Server,
    scheduler::{Adoption, Lease, Migration, Phase},
    topology::{self, ServerState},
};

/// What stands against continuing a stream on a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Passes by itself, or by what an operator does: wait.
    NotYet(String),
    /// No waiting mends it: the migration fails.
    Never(String),
}

/// Checks that nothing which a server has received can still overwrite what is written there now.
///
/// To be asked before anything is decided about a migration on the server: adoption, staleness, a user's request.
///
/// # Errors
/// [`ErrorKind::NotYet`] if the server takes no writes, or takes them before it has executed its relay log.
pub fn settled(server: &Server, state: &ServerState) -> Result<()> {
    if !state.writable && Guard::AdoptWritable.holds() {
        return Err(Error::new(
            ErrorKind::NotYet,
            format!("{server} does not take writes any more"),
        ));
    }
    match state.unapplied.first().filter(|_| Guard::AdoptRelay.holds()) {
        None => Ok(()),
        Some((channel, missing)) => Err(Error::new(
            ErrorKind::NotYet,
            format!(
                "{server} takes writes, but replication channel '{channel}' has {} received transactions that are not applied \
                 and would overwrite what is written now; this waits until they are, or the channel is reset",
                missing.count()
            ),
        )),
    }
}

/// Checks that the stream can go on from `checkpoint` on a server in `state`, where `last` is the last adoption that the server
/// knows of.
///
/// # Errors
/// The [`Obstacle`], with a text for people.
pub fn check(
    server: &Server,
    state: &ServerState,
    checkpoint: Option<&Checkpoint>,
    last: Option<&Adoption>,
) -> Result<(), Obstacle> {
    settled(server, state).map_err(|error| Obstacle::NotYet(error.message().to_owned()))?;
    let Some(checkpoint) = checkpoint else {
        return Ok(());
    };
    let ahead = checkpoint.position.minus(&state.executed);
    if !ahead.is_empty() && Guard::AdoptGaps.holds() {
        return Err(Obstacle::Never(format!(
            "the checkpoint on {server} accounts for transactions that this server never executed ({}): its replication did \
             not keep the commit order (replica_preserve_commit_order). The copy can't be trusted; clean this migration up \
             and submit it anew",
            ahead.shown()
        )));
    }
    // A server that was made anew begins anew, too, and has its donor's transactions as purged ones.
    let began_anew = |last: &&Adoption| {
        last.server == server.uuid
            && topology::is_before(&state.binlog_end, &last.binlog_end)
            && !last.executed.is_subset(&state.purged)
    };
    if let Some(last) = last.filter(began_anew) {
        return Err(Obstacle::Never(format!(
            "{server} had written its binlogs up to {} when this migration was adopted there, and is at {} now: its binlogs \
             and GTIDs were reset. What was written since then can't be told from what was copied; the source table is \
             untouched. Clean this migration up and submit it anew",
            last.binlog_end, state.binlog_end
        )));
    }
    // A chunk that overtook what it had seen holds rows that this server's source never had.
    let overtaken = last.map_or_else(GtidSet::new, |last| overtaken(server, state, last));
    if !overtaken.is_empty() && Guard::AdoptGaps.holds() {
        return Err(Obstacle::Never(format!(
            "{server} was promoted without transactions that came before others that it has executed ({}): its replication \
             did not keep the commit order (replica_preserve_commit_order), and the missing ones are lost. Copied rows may \
             show what they changed, so the copy can't be trusted; the source table is untouched. Clean this migration up \
             and submit it anew",
            overtaken.shown()
        )));
    }
    // Not even those of the server's own, from before the migration, may be taken for done: rows that they changed here, and
    // nowhere else, were copied on another server without that change.
    let purged = state.purged.minus(&checkpoint.position);
    if !purged.is_empty() && Guard::AdoptPurged.holds() {
        return Err(Obstacle::Never(format!(
            "{server} has executed transactions that the copy does not account for, and has purged the binlogs that tell what \
             they changed: {}. {}. The source table is untouched. If another server still has these binlogs, make it the \
             primary and run `outlast retry`: it goes on from the checkpoint. Else clean this migration up and submit it anew; \
             keep binlogs longer (binlog_expire_logs_seconds)",
            purged.shown(),
            whose(server, &purged, last)
        )));
    }
    Ok(())
}

/// What the last owner's server had executed before something that has come from it to this server, and this server has not:
/// what was executed before the adoption, and since then the numbers that are missing between that server's own. (A group
/// numbers its transactions in blocks, but its members keep the order.)
fn overtaken(server: &Server, state: &ServerState, last: &Adoption) -> GtidSet {
    if last.server == server.uuid {
        return GtidSet::new();
    }
    let of_its_own = state
        .executed
        .clone()
        .without(|source| issuer(source) != last.server.as_str());
    let mut overtaken = of_its_own.gaps_above(&last.executed);
    overtaken.extend(&last.executed.minus(&state.executed));
    overtaken
}

/// The server, or group, that a tagged or untagged source of GTIDs belongs to.
fn issuer(source: &str) -> &str {
    source.split_once(':').map_or(source, |(issuer, _tag)| issuer)
}

/// Where purged transactions come from, for people.
fn whose(server: &Server, purged: &GtidSet, last: Option<&Adoption>) -> String {
    let own = |source: &str| issuer(source) == server.uuid.as_str();
    let of_its_own: u64 = purged
        .intervals()
        .filter(|(source, ..)| own(source))
        .map(|(_, first, end)| end - first)
        .sum();
    match of_its_own {
        0 => "They came from other servers".to_owned(),
        _ if last.is_some_and(|last| last.server == server.uuid) => {
            "It has been the primary all the time: its binlogs were purged before the migration had read them"
                .to_owned()
        }
        all if all == purged.count() => {
            "They are its own: somebody wrote to it, not to the primary (errant transactions)".to_owned()
        }
        some => format!(
            "{some} of them are its own (errant transactions, if somebody wrote to it while it was a replica), the others \
             came from other servers"
        ),
    }
}

impl Round<'_> {
    /// Adopts a migration on a primary that is checked first, and starts its run.
    pub(super) async fn adopt(&mut self, primary: &Server, migration: &Migration, words: Option<String>) -> Result<()> {
        debug_assert!(is_active(migration));
        let parts = &self.agent.parts;
        let scheduler = &parts.services.scheduler;
        // The checkpoint first: what is in its position has been executed by the time the server is asked.
        let looked = Box::pin(async {
            let stored = try_join(
                parts.checkpoints.load(primary, &migration.id),
                scheduler.last_adoption(primary, &migration.id),
            );
            let (checkpoint, last) = stored.await?;
            Ok::<_, Error>((checkpoint, last, parts.topology.inspect(primary).await?))
        });
        let (looked, ()) = join(looked, Box::pin(self.note(primary, migration, words))).await;
        let (checkpoint, last, state) = looked?;
        match check(primary, &state, checkpoint.as_ref(), last.as_ref()) {
            Ok(()) => {}
            // The previous owner is alive and commits: what was read of the two belongs to different moments.
            Err(Obstacle::Never(reason)) if parts.checkpoints.load(primary, &migration.id).await? != checkpoint => {
                let reason = format!("its previous owner was writing while {primary} was looked at; then, {reason}");
                return Err(Error::new(ErrorKind::NotYet, reason));
            }
            // A finished swap needs no binlogs any more; it only has to be reported.
            Err(Obstacle::Never(_)) if self.must_be_concluded(primary, migration).await? => {}
            Err(Obstacle::NotYet(reason)) => return Err(Error::new(ErrorKind::NotYet, reason)),
            Err(Obstacle::Never(reason)) => {
                let agent = &self.agent.id;
                return scheduler
                    .fail_stale(primary, &migration.id, migration.epoch, agent, &reason)
                    .await;
            }
        }
        let (id, incarnation) = (&self.agent.id, &self.agent.incarnation);
        let lease = scheduler
            .adopt(primary, &migration.id, migration.epoch, id, incarnation)
            .await?;
        tracing::info!(migration = %migration.id, epoch = %lease.epoch, server = %primary, "adopted");
        // Read again under the new epoch: what the previous owner wrote last is in it.
        let migration = scheduler.get(primary, &migration.id).await?;
        self.start(migration, lease);
        Ok(())
    }

    /// Whether somebody has to adopt a migration to conclude it, because its owner did not come to that: the tables say that the
    /// new definition is in place, or neither that nor the old one.
    pub(super) async fn must_be_concluded(&self, primary: &Server, migration: &Migration) -> Result<bool> {
        if migration.phase != Phase::CuttingOver {
            return Ok(false);
        }
        // Only looks: nothing is written under this lease.
        let lease = Lease {
            migration: migration.id.clone(),
            epoch: migration.epoch,
            agent: self.agent.id.clone(),
            incarnation: self.agent.incarnation.clone(),
            server: primary.clone(),
        };
        let services = &self.agent.parts.services;
        let intent = services.scheduler.intent(primary, &migration.id).await?;
        match engine::is_in_place(services, migration, &lease, intent.as_ref()).await {
            // Whoever adopts it fails it, with this reason.
            Err(error) if intent.is_some() && error.kind() == ErrorKind::SourceChanged => Ok(true),
            told => told,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ids::ServerUuid;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(intervals: &str) -> GtidSet {
        format!("{A}:{intervals}").parse().unwrap()
    }

    fn server() -> Server {
        Server {
            uuid: ServerUuid::new(A),
            address: "db1:3306".to_owned(),
        }
    }

    fn state() -> ServerState {
        ServerState {
            writable: true,
            executed: set("1-100"),
            purged: set("1-10"),
            ..ServerState::default()
        }
    }

    fn at(position: &str) -> Checkpoint {
        Checkpoint {
            position: set(position),
            ..Checkpoint::default()
        }
    }

    #[test]
    fn a_server_with_all_of_the_position_and_its_binlogs_is_fit() {
        assert_eq!(check(&server(), &state(), Some(&at("1-50")), None), Ok(()));
        assert_eq!(check(&server(), &state(), None, None), Ok(()));
    }

    #[test]
    fn adoption_waits_for_the_relay_log() {
        let state = ServerState {
            unapplied: vec![("".to_owned(), set("101-103"))],
            ..state()
        };
        let obstacle = check(&server(), &state, Some(&at("1-50")), None);
        assert!(matches!(obstacle, Err(Obstacle::NotYet(reason)) if reason.contains("3 received")));
    }

    #[test]
    fn adoption_waits_for_a_writable_server() {
        let state = ServerState {
            writable: false,
            ..state()
        };
        assert!(matches!(check(&server(), &state, None, None), Err(Obstacle::NotYet(_))));
    }

    #[test]
    fn a_position_ahead_of_the_server_is_never_continued() {
        assert!(matches!(
            check(&server(), &state(), Some(&at("1-101")), None),
            Err(Obstacle::Never(_))
        ));
    }

    #[test]
    fn what_was_overtaken_and_lost_is_never_passed_over() {
        const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";
        let promoted = Server {
            uuid: ServerUuid::new(B),
            address: "db2:3306".to_owned(),
        };
        let state = |executed: &str| ServerState {
            executed: executed.parse().unwrap(),
            purged: GtidSet::new(),
            ..state()
        };
        let adopted_after = |executed: &str| Adoption {
            server: ServerUuid::new(A),
            executed: executed.parse().unwrap(),
            binlog_end: String::new(),
        };
        let check = |server: &Server, executed: &str, position: &str, before: &str| {
            check(
                server,
                &state(executed),
                Some(&at(position)),
                Some(&adopted_after(before)),
            )
        };
        let refuses = |executed: &str, position: &str, before: &str, missing: &str| {
            let refused = check(&promoted, executed, position, before);
            assert!(matches!(refused, Err(Obstacle::Never(reason)) if reason.contains(missing)));
        };
        let (gap, before) = (format!("{A}:1-50:53-60"), format!("{A}:1-40"));
        refuses(&gap, "1-40", &before, ":51-52");
        // The hole is one of the position's, too: what a chunk saw that was still being held.
        refuses(&gap, "1-50:53-55", &before, ":51-52");
        // The first of a server that had issued none before it became the primary.
        refuses(&format!("{B}:1-9,{A}:3-5"), "3", &format!("{B}:1-9"), ":1-2");
        // The last of an earlier primary, which the owner's server had.
        let earlier = "5e11fa47-71ca-11e1-9e33-c80aa9429562";
        refuses(
            &format!("{A}:1-60,{earlier}:1-7"),
            "1-40",
            &format!("{A}:1-40,{earlier}:1-9"),
            ":8-9",
        );
        // On the server that issues them, they are being committed.
        assert_eq!(check(&server(), &gap, "1-40", &before), Ok(()));
        // An XA transaction is prepared: its hole is in the position, not in what was executed.
        assert_eq!(check(&promoted, &format!("{A}:1-60"), "1-40:42-50", &before), Ok(()));
        // The end of what was executed is lost with all that saw it.
        assert_eq!(check(&promoted, &format!("{A}:1-45"), "1-40", &before), Ok(()));
        // A group's numbers come in blocks, and somebody else's need not begin with 1.
        assert_eq!(
            check(&promoted, &format!("{A}:1-60,{earlier}:7:1000"), "1-40", &before),
            Ok(())
        );
    }

    #[test]
    fn binlogs_that_begin_anew_end_a_migration() {
        let last = |server: &str| Adoption {
            server: ServerUuid::new(server),
            executed: set("1-40"),
            binlog_end: "binlog.000042:1000".to_owned(),
        };
        let check = |now: &str, last: &Adoption| {
            let state = ServerState {
                binlog_end: now.to_owned(),
                ..state()
            };
            check(&server(), &state, Some(&at("1-50")), Some(last))
        };
        for anew in ["binlog.000001:2000", "binlog.000042:999"] {
            let refused = check(anew, &last(A));
            assert!(matches!(refused, Err(Obstacle::Never(reason)) if reason.contains("were reset")));
        }
        for goes_on in [
            "binlog.000042:1000",
            "binlog.000043:4",
            "binlog.000100:4",
            "other.000001:4",
            "",
        ] {
            assert_eq!(check(goes_on, &last(A)), Ok(()), "{goes_on}");
        }
        let made_anew = Adoption {
            executed: set("1-10"),
            ..last(A)
        };
        assert_eq!(check("binlog.000001:4", &made_anew), Ok(()));
        // Another server numbers its own.
        let elsewhere = Adoption {
            executed: GtidSet::new(),
            ..last("4e11fa47-71ca-11e1-9e33-c80aa9429562")
        };
        assert_eq!(check("binlog.000001:4", &elsewhere), Ok(()));
    }

    #[test]
    fn a_position_before_the_purged_binlogs_is_never_continued() {
        assert!(matches!(
            check(&server(), &state(), Some(&at("1-9")), None),
            Err(Obstacle::Never(_))
        ));
    }

    #[test]
    fn purged_transactions_of_the_server_itself_are_never_taken_for_done() {
        let errant: GtidSet = "4e11fa47-71ca-11e1-9e33-c80aa9429562:1-3".parse().unwrap();
        let mut state = state();
        state.executed.extend(&errant);
        state.purged.extend(&errant);
        let why = |server: &Server, position: &str| match check(server, &state, Some(&at(position)), None) {
            Err(Obstacle::Never(reason)) => reason,
            other => panic!("{other:?}"),
        };
        let promoted = Server {
            uuid: ServerUuid::new("4e11fa47-71ca-11e1-9e33-c80aa9429562"),
            ..server()
        };
        let reason = why(&promoted, "1-50");
        assert!(
            reason.contains("4e11fa47-71ca-11e1-9e33-c80aa9429562:1-3. They are its own"),
            "{reason}"
        );
        assert!(why(&promoted, "1-9").contains("3 of them are its own"));
        assert!(why(&server(), "1-50").contains("They came from other servers"));
        let mut accounted = at("1-50");
        accounted.position.extend(&errant);
        assert_eq!(check(&promoted, &state, Some(&accounted), None), Ok(()));
    }
}
