//! Which server is the primary, by what the servers answered: Group Replication.

use outlast_core::{Error, ErrorKind, Result, topology::Sight};

use crate::{
    probe::{Group, Member, Probe},
    verdict::{Answer, nobody, primary_if_usable, probes},
};

/// The primary is the member that the group has elected, as long as it sees a majority of the group.
///
/// A member that lost the majority, but has not noticed that the others elected another, is known by its older view.
pub(crate) fn by_election(answers: Vec<Answer>) -> Result<Sight> {
    if let Some(multi) = probes(&answers).find(|probe| is_multi_primary(probe)) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "{} is a member of a multi-primary group; LOCK TABLES and the definition of a table hold on one member \
                 only there, so that no cut-over is safe; run SELECT group_replication_switch_to_single_primary_mode()",
                multi.server
            ),
        ));
    }
    let elected: Vec<(&Probe, &Group)> = probes(&answers)
        .filter(|probe| why_not_primary(probe).is_none())
        .filter_map(|probe| Some((probe, probe.group.as_ref()?)))
        .collect();
    let current: Vec<&Probe> = elected
        .iter()
        .filter(|(_, group)| !elected.iter().any(|(_, other)| other.supersedes(group)))
        .map(|(probe, _)| *probe)
        .collect();
    match current.as_slice() {
        [] => nobody(answers, |probe| {
            let why = why_not_primary(probe).unwrap_or_else(|| "has an outdated view of its group".to_owned());
            format!("{} {why}", probe.server.address)
        }),
        [primary] => primary_if_usable(primary),
        several => Ok(Sight::SplitBrain(
            several.iter().map(|probe| probe.server.clone()).collect(),
        )),
    }
}

/// Whether a group's rule holds for the server: it belongs to a group, or would if Group Replication were started on it.
///
/// A member that was restarted may take writes before it has joined again; by its settings alone it would be a primary.
pub(crate) fn is_member(probe: &Probe) -> bool {
    probe.group.is_some()
}

/// Why the server is not its group's primary; `None` if it is.
pub(crate) fn why_not_primary(probe: &Probe) -> Option<String> {
    let Some(group) = &probe.group else {
        return Some("is no member of a group (group_replication_group_name is not set)".to_owned());
    };
    let Some(own) = group
        .members
        .iter()
        .find(|member| member.uuid == probe.server.uuid.as_str())
    else {
        return Some(format!(
            "is configured for the group {}, but not started (START GROUP_REPLICATION)",
            group.name
        ));
    };
    if own.state != "ONLINE" {
        return Some(format!("is {} in the group {}", own.state, group.name));
    }
    if !group.has_majority() {
        return Some(format!("sees no majority of the group {}", group.name));
    }
    if own.role != "PRIMARY" {
        return Some(match group.members.iter().find(|member| member.role == "PRIMARY") {
            Some(primary) => format!("is a secondary, its primary is {}", primary.shown()),
            None => "is a secondary of a group without a primary".to_owned(),
        });
    }
    probe.refuses_writes().map(str::to_owned)
}

fn is_multi_primary(probe: &Probe) -> bool {
    probe.group.as_ref().is_some_and(|group| {
        let is_online = |member: &&Member| member.state == "ONLINE";
        let online = group.members.iter().filter(is_online);
        let own_is_online = online.clone().any(|member| member.uuid == probe.server.uuid.as_str());
        let primaries = online.filter(|member| member.role == "PRIMARY").count();
        own_is_online && (primaries > 1 || !group.is_single_primary)
    })
}

impl Group {
    /// Whether more than half of the members can be reached. One that is still recovering counts for the group's majority.
    fn has_majority(&self) -> bool {
        let reached = |member: &&Member| matches!(member.state.as_str(), "ONLINE" | "RECOVERING");
        self.members.iter().filter(reached).count() * 2 > self.members.len()
    }

    /// Whether this is a later view of the same group. `VIEW_ID` is `<when the group was bootstrapped>:<number>`.
    fn supersedes(&self, other: &Group) -> bool {
        let parts = |group: &Group| {
            let (bootstrap, number) = group.view_id.as_deref()?.rsplit_once(':')?;
            Some((group.name.clone(), bootstrap.to_owned(), number.parse::<u64>().ok()?))
        };
        match (parts(self), parts(other)) {
            (Some((name, bootstrap, number)), Some((other_name, other_bootstrap, other_number))) => {
                name == other_name && bootstrap == other_bootstrap && number > other_number
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::probe::made_up::{replica, server, writable};

    const ALL: &[(u32, &str, &str)] = &[
        (1, "ONLINE", "PRIMARY"),
        (2, "ONLINE", "SECONDARY"),
        (3, "ONLINE", "SECONDARY"),
    ];

    fn decide(answers: impl IntoIterator<Item = Probe>) -> Result<Sight> {
        let answered = |probe: Probe| Answer {
            address: probe.server.address.clone(),
            result: Ok(probe),
        };
        by_election(answers.into_iter().map(answered).collect())
    }

    fn reason(answers: impl IntoIterator<Item = Probe>) -> String {
        match decide(answers).unwrap() {
            Sight::NoPrimary { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_elected_member_is_the_primary() {
        let seen = decide([replica(2).in_group("1:3", ALL), writable(1).in_group("1:3", ALL)]);
        assert_eq!(seen.unwrap(), Sight::Primary(server(1)));
    }

    #[test]
    fn an_elected_member_that_can_not_be_reached_is_named() {
        let reason = reason([replica(2).in_group("1:3", ALL)]);
        assert_eq!(reason, "db2:3306 is a secondary, its primary is db1:3306");
    }

    #[test]
    fn an_elected_member_that_is_still_read_only_is_no_primary_yet() {
        assert!(reason([replica(1).in_group("1:3", ALL)]).contains("super_read_only"));
    }

    #[test]
    fn a_primary_without_the_majority_is_none() {
        let alone = &[
            (1, "ONLINE", "PRIMARY"),
            (2, "UNREACHABLE", "SECONDARY"),
            (3, "UNREACHABLE", "SECONDARY"),
        ];
        assert!(reason([writable(1).in_group("1:3", alone)]).contains("no majority"));
    }

    #[test]
    fn members_that_recover_count_for_the_majority() {
        let starting = &[
            (1, "ONLINE", "PRIMARY"),
            (2, "RECOVERING", "SECONDARY"),
            (3, "RECOVERING", "SECONDARY"),
        ];
        let seen = decide([writable(1).in_group("1:3", starting)]);
        assert_eq!(seen.unwrap(), Sight::Primary(server(1)));
    }

    #[test]
    fn a_writable_member_that_is_not_online_is_no_primary() {
        for state in ["RECOVERING", "ERROR", "OFFLINE"] {
            let view = &[(1, state, "PRIMARY")];
            assert!(reason([writable(1).in_group("1:3", view)]).contains(state), "{state}");
        }
        assert!(reason([writable(1).in_group("", &[])]).contains("not started"));
    }

    #[test]
    fn an_old_primary_that_has_not_noticed_the_election_is_known_by_its_older_view() {
        let elected = &[(2, "ONLINE", "PRIMARY"), (3, "ONLINE", "SECONDARY")];
        let seen = decide([writable(1).in_group("1:3", ALL), writable(2).in_group("1:4", elected)]);
        assert_eq!(seen.unwrap(), Sight::Primary(server(2)));
    }

    #[test]
    fn a_group_that_was_bootstrapped_twice_is_a_split_brain() {
        let seen = decide([
            writable(1).in_group("1:3", &[(1, "ONLINE", "PRIMARY")]),
            writable(2).in_group("2:1", &[(2, "ONLINE", "PRIMARY")]),
        ]);
        assert_eq!(seen.unwrap(), Sight::SplitBrain(vec![server(1), server(2)]));
    }

    #[test]
    fn multi_primary_mode_is_refused_even_with_one_member() {
        let mut lonely = writable(1).in_group("1:1", &[(1, "ONLINE", "PRIMARY")]);
        lonely.group.as_mut().unwrap().is_single_primary = false;
        assert_eq!(decide([lonely]).unwrap_err().kind(), ErrorKind::Refused);
        let both = &[(1, "ONLINE", "PRIMARY"), (2, "ONLINE", "PRIMARY")];
        assert_eq!(
            decide([writable(1).in_group("1:2", both)]).unwrap_err().kind(),
            ErrorKind::Refused
        );
    }
}
