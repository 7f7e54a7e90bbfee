//! Which server is the primary, by what the servers answered: asynchronous and semi-synchronous replication.

use std::error::Error as _;

use outlast_core::{Error, ErrorKind, Result, topology::Sight};

use crate::probe::Probe;

/// What became of asking one address.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) address: String,
    pub(crate) result: Result<Probe>,
}

/// The primary is the one server that takes writes.
///
/// A writable server that replicates from another writable one is a replica that nobody has protected, not a primary;
/// unless they replicate from each other.
pub(crate) fn by_writability(answers: Vec<Answer>) -> Result<Sight> {
    match primaries(&answers).as_slice() {
        [] => nobody(answers, |probe| {
            let why = probe
                .refuses_writes()
                .unwrap_or("replicates from another server, which is writable or does not answer");
            format!("{} {why}", probe.server.address)
        }),
        [primary] => primary_if_usable(primary),
        several => Ok(Sight::SplitBrain(
            several.iter().map(|probe| probe.server.clone()).collect(),
        )),
    }
}

/// The servers that take writes and follow no other that does, or that may do: one that is connected to its source, which does
/// not answer us, is a replica that nobody has protected. The source may only be slow.
pub(crate) fn primaries(answers: &[Answer]) -> Vec<&Probe> {
    let writable: Vec<&Probe> = probes(answers)
        .filter(|probe| probe.refuses_writes().is_none())
        .collect();
    let silent: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.result.is_err())
        .map(|answer| answer.address.as_str())
        .collect();
    let follows = |probe: &&Probe| follows_another(probe, &writable) || probe.hears_from_one_of(&silent);
    writable.iter().copied().filter(|probe| !follows(probe)).collect()
}

/// All that answered.
pub(crate) fn probes(answers: &[Answer]) -> impl Iterator<Item = &Probe> {
    answers.iter().filter_map(|answer| answer.result.as_ref().ok())
}

/// Whether a chain of running channels leads from the server to a writable one that replicates from no writable server.
fn follows_another(probe: &Probe, writable: &[&Probe]) -> bool {
    let sources_of = |probe: &Probe| {
        let running: Vec<String> = probe
            .channels
            .iter()
            .filter(|channel| channel.is_running())
            .filter_map(|channel| channel.source.clone())
            .collect();
        writable
            .iter()
            .copied()
            .filter(move |other| running.iter().any(|source| source == other.server.uuid.as_str()))
    };
    let mut reached: Vec<&Probe> = sources_of(probe).collect();
    let mut next = 0;
    while let Some(source) = reached.get(next).copied() {
        let further: Vec<&Probe> = sources_of(source).collect();
        if further.is_empty() {
            return true;
        }
        for other in further {
            if !reached.iter().any(|known| known.server == other.server) {
                reached.push(other);
            }
        }
        next += 1;
    }
    false
}

/// The server as primary.
pub(crate) fn primary_if_usable(probe: &Probe) -> Result<Sight> {
    if probe.gtid_mode != "ON" {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "{} runs with gtid_mode={}; a migration survives failovers only with GTIDs; on every server, run SET \
                 PERSIST enforce_gtid_consistency = ON, then SET PERSIST gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE and ON, \
                 each on all servers before the next",
                probe.server, probe.gtid_mode
            ),
        ));
    }
    Ok(Sight::Primary(probe.server.clone()))
}

/// No server is the primary: the reasons, server by server.
///
/// It is an error, because no waiting mends it, if no server answered and at least one turned us away for good (wrong
/// password, MariaDB).
pub(crate) fn nobody(answers: Vec<Answer>, why_not: impl Fn(&Probe) -> String) -> Result<Sight> {
    let reasons: Vec<String> = answers
        .iter()
        .map(|answer| match &answer.result {
            Ok(probe) => why_not(probe),
            Err(error) => with_root_cause(error),
        })
        .collect();
    if probes(&answers).next().is_none() {
        let errors = answers.into_iter().filter_map(|answer| answer.result.err());
        let for_good = |error: &Error| matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Refused);
        if let Some(error) = errors.into_iter().find(for_good) {
            return Err(error);
        }
    }
    Ok(Sight::NoPrimary {
        reason: reasons.join("; "),
    })
}

/// The error and, unless a server reported it in its own words, what is at the bottom of it.
pub(crate) fn with_root_cause(error: &Error) -> String {
    let Some(mut root) = error.source().filter(|_| error.code().is_none()) else {
        return error.to_string();
    };
    while let Some(cause) = root.source() {
        root = cause;
    }
    format!("{error}: {root}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::probe::made_up::{replica, server, writable};

    fn answered(probe: Probe) -> Answer {
        Answer {
            address: probe.server.address.clone(),
            result: Ok(probe),
        }
    }

    fn failed(n: u32, kind: ErrorKind) -> Answer {
        Answer {
            address: server(n).address,
            result: Err(Error::new(kind, format!("connecting to db{n}:3306: {}", kind.name()))),
        }
    }

    fn sight(probes: impl IntoIterator<Item = Probe>) -> Sight {
        by_writability(probes.into_iter().map(answered).collect()).unwrap()
    }

    #[test]
    fn the_one_writable_server_is_the_primary() {
        let seen = sight([replica(1), writable(2), replica(3).replicating_from(2, "ON")]);
        assert_eq!(seen, Sight::Primary(server(2)));
    }

    #[test]
    fn unreachable_servers_do_not_hide_the_primary() {
        for kind in [ErrorKind::ServerGone, ErrorKind::AccessDenied, ErrorKind::Refused] {
            let seen = by_writability(vec![failed(1, kind), answered(writable(2))]).unwrap();
            assert_eq!(seen, Sight::Primary(server(2)));
        }
    }

    #[test]
    fn two_writable_servers_are_a_split_brain() {
        let seen = sight([writable(1), writable(2), replica(3)]);
        assert_eq!(seen, Sight::SplitBrain(vec![server(1), server(2)]));
    }

    #[test]
    fn a_replica_that_nobody_protected_from_writes_is_no_primary() {
        for state in ["ON", "CONNECTING"] {
            let seen = sight([writable(1).replicating_from(2, state), writable(2)]);
            assert_eq!(seen, Sight::Primary(server(2)), "{state}");
        }
    }

    #[test]
    fn a_chain_of_unprotected_replicas_leads_to_the_primary() {
        let seen = sight([
            writable(1).replicating_from(2, "ON"),
            writable(2).replicating_from(3, "ON"),
            writable(3),
        ]);
        assert_eq!(seen, Sight::Primary(server(3)));
    }

    #[test]
    fn a_promoted_replica_whose_channel_still_looks_for_the_dead_primary_is_the_primary() {
        let promoted = answered(writable(2).replicating_from(1, "CONNECTING"));
        let seen = by_writability(vec![failed(1, ErrorKind::ServerGone), promoted]).unwrap();
        assert_eq!(seen, Sight::Primary(server(2)));
        let demoted = sight([replica(1), writable(2).replicating_from(1, "ON")]);
        assert_eq!(demoted, Sight::Primary(server(2)));
    }

    #[test]
    fn an_unprotected_replica_is_no_primary_while_it_is_connected_to_a_source_that_does_not_answer_us() {
        for kind in [ErrorKind::ServerGone, ErrorKind::AccessDenied] {
            let connected = answered(writable(2).replicating_from(1, "ON"));
            let Sight::NoPrimary { reason } = by_writability(vec![failed(1, kind), connected]).unwrap() else {
                panic!("a primary was seen");
            };
            assert!(reason.contains("db2:3306 replicates from another server"), "{reason}");
        }
        let stopped = answered(writable(2).replicating_from(1, "OFF"));
        let seen = by_writability(vec![failed(1, ErrorKind::ServerGone), stopped]).unwrap();
        assert_eq!(seen, Sight::Primary(server(2)));
    }

    #[test]
    fn a_stopped_channel_does_not_make_a_replica() {
        let seen = sight([writable(1), writable(2).replicating_from(1, "OFF")]);
        assert_eq!(seen, Sight::SplitBrain(vec![server(1), server(2)]));
    }

    #[test]
    fn two_primaries_that_replicate_from_each_other_are_a_split_brain() {
        let seen = sight([
            writable(1).replicating_from(2, "ON"),
            writable(2).replicating_from(1, "ON"),
        ]);
        assert_eq!(seen, Sight::SplitBrain(vec![server(1), server(2)]));
    }

    #[test]
    fn a_server_in_offline_mode_is_no_primary() {
        let offline = Probe {
            offline_mode: true,
            ..writable(1)
        };
        assert!(matches!(sight([offline]), Sight::NoPrimary { .. }));
    }

    #[test]
    fn without_a_primary_every_server_has_its_reason() {
        let answers = vec![
            answered(replica(1)),
            failed(2, ErrorKind::ServerGone),
            failed(3, ErrorKind::AccessDenied),
        ];
        let Sight::NoPrimary { reason } = by_writability(answers).unwrap() else {
            panic!("a primary was seen");
        };
        assert_eq!(
            reason,
            "db1:3306 is read-only (super_read_only); connecting to db2:3306: server-gone; connecting to db3:3306: \
             access-denied"
        );
    }

    #[test]
    fn servers_that_turn_us_away_for_good_are_an_error_when_no_other_answers() {
        for kind in [ErrorKind::AccessDenied, ErrorKind::Refused] {
            let answers = vec![failed(1, ErrorKind::ServerGone), failed(2, kind)];
            assert_eq!(by_writability(answers).unwrap_err().kind(), kind);
        }
        assert!(by_writability(vec![failed(1, ErrorKind::ServerGone)]).is_ok());
    }

    #[test]
    fn a_primary_without_gtids_is_refused_with_the_way_out() {
        let without = Probe {
            gtid_mode: "ON_PERMISSIVE".to_owned(),
            ..writable(1)
        };
        let error = by_writability(vec![answered(without)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("SET PERSIST gtid_mode"), "{error}");
    }

    #[test]
    fn a_replica_without_gtids_does_not_matter_while_it_is_a_replica() {
        let without = Probe {
            gtid_mode: "OFF".to_owned(),
            ..replica(1)
        };
        assert_eq!(sight([without, writable(2)]), Sight::Primary(server(2)));
    }
}
