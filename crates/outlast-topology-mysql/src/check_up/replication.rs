//! Whether a server follows its source, and how.

use std::collections::BTreeMap;

use mysql_async::Row;
use outlast_core::{Result, check_up::Outcome, topology::Finding};
use outlast_mysql::Session;

use crate::{
    audit::{for_channel, text_of},
    probe::{Member, Probe},
};

/// A channel, as SHOW REPLICA STATUS has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) name: String,
    /// State of the thread that receives: `Yes`, `Connecting` or `No`.
    pub(super) receives: String,
    /// Of the one that executes: `Yes` or `No`.
    pub(super) executes: String,
    /// The last error of either.
    pub(super) error: String,
    pub(super) delay_seconds: u64,
    /// As the server itself says; `None` if it does not know.
    pub(super) lag_seconds: Option<u64>,
    /// Whether it finds its position by GTIDs.
    pub(super) auto_position: bool,
}

/// A replica that lags by more, in seconds, is not the one to promote.
const MUCH_LAG: u64 = 60;
/// Most characters of an error.
const MOST_SAID: usize = 400;

/// Channels from other servers; those of a group are not among them.
pub(super) async fn channels(session: &mut Session) -> Result<Vec<Channel>> {
    let rows: Vec<Row> = session.rows("SHOW REPLICA STATUS").await?;
    // There, the error of a worker is one that only says where to look.
    let of_workers: BTreeMap<String, String> = session
        .rows::<(String, String)>(
            "SELECT CHANNEL_NAME, MAX(LAST_ERROR_MESSAGE) FROM performance_schema.replication_applier_status_by_worker \
             WHERE LAST_ERROR_NUMBER <> 0 GROUP BY CHANNEL_NAME",
        )
        .await?
        .into_iter()
        .collect();
    let channels = rows.iter().map(|row| {
        let text = |column| text_of(row, column).unwrap_or_default();
        let name = text("Channel_Name");
        let worker = of_workers.get(&name).cloned().unwrap_or_default();
        let errors = [text("Last_IO_Error"), worker, text("Last_SQL_Error")];
        let error = errors.into_iter().find(|error| !error.is_empty()).unwrap_or_default();
        Channel {
            name,
            receives: text("Replica_IO_Running"),
            executes: text("Replica_SQL_Running"),
            error: presentable(&error),
            delay_seconds: text("SQL_Delay").parse().unwrap_or(0),
            lag_seconds: text("Seconds_Behind_Source").parse().ok(),
            auto_position: text("Auto_Position") == "1",
        }
    });
    Ok(channels
        .filter(|channel| !channel.name.starts_with("group_replication"))
        .collect())
}

/// What its channels are doing, and what its group says of it.
pub(super) fn state(channels: &[Channel], probe: &Probe, is_primary: bool) -> Outcome {
    if let Some(group) = &probe.group {
        in_group(probe, &group.members)?;
    }
    if let Some(broken) = channels.iter().find(|channel| !channel.is_running()) {
        return Err(broken.stopped(is_primary));
    }
    if let Some(finding) = channels.iter().find_map(Channel::complaint) {
        return Err(finding);
    }
    match (channels.len(), is_primary, probe.is_managed_by_group()) {
        (0, _, true) => Ok("member of a group".to_owned()),
        (0, true, false) => Ok("primary".to_owned()),
        (0, false, false) => Err(Finding::warning(
            "it replicates from nobody: if it is promoted, it will not have the migration. Build it as a replica if it belongs to this \
             cluster, else leave it out of --server",
        )),
        (_, true, _) => Ok("primary, and follows another server".to_owned()),
        (_, false, _) => Ok("follows its source".to_owned()),
    }
}

/// # Errors
/// What is wrong with the member, or with others as it sees them.
fn in_group(probe: &Probe, members: &[Member]) -> std::result::Result<(), Finding> {
    match probe.member_state() {
        Some("ONLINE") => {}
        Some("RECOVERING") => {
            return Err(Finding::warning(
                "it is RECOVERING in its group: it has not everything yet, and can't be elected until it is ONLINE",
            ));
        }
        None | Some("OFFLINE") => {
            return Err(Finding::refusal(
                "it is set up for a group, and has not joined it: it gets nothing. Run there: START GROUP_REPLICATION",
            ));
        }
        Some(state) => {
            return Err(Finding::refusal(format!(
                "it is {state} in its group: it gets nothing any more. See its error log for the reason; mend that, then run there: STOP \
                 GROUP_REPLICATION; START GROUP_REPLICATION"
            )));
        }
    }
    let lost: Vec<String> = members
        .iter()
        .filter(|member| member.state == "UNREACHABLE")
        .map(Member::shown)
        .collect();
    match lost.is_empty() {
        true => Ok(()),
        false => Err(Finding::warning(format!(
            "it does not reach {} of its group: with no more than half of the members left, the group takes no writes",
            lost.join(", ")
        ))),
    }
}

impl Channel {
    /// One that tries to connect again and again, without an error yet, is one whose source has just gone.
    fn is_running(&self) -> bool {
        let receives = self.receives == "Yes" || (self.receives == "Connecting" && self.error.is_empty());
        receives && self.executes == "Yes"
    }

    /// What is wrong although it runs.
    fn complaint(&self) -> Option<Finding> {
        let channel = for_channel(&self.name);
        if self.delay_seconds > 0 {
            let seconds = self.delay_seconds;
            return Some(Finding::warning(format!(
                "it is meant to lag by {seconds} s (SOURCE_DELAY). Promoted, it first executes what it has received, and the migration \
                 waits for that; its lag does not hold migrations back. To end that: STOP REPLICA SQL_THREAD{channel}; CHANGE REPLICATION \
                 SOURCE TO SOURCE_DELAY = 0{channel}; START REPLICA SQL_THREAD{channel}"
            )));
        }
        if let Some(lag) = self.lag_seconds.filter(|lag| *lag > MUCH_LAG) {
            return Some(Finding::warning(format!(
                "it lags by {lag} s: promoted now, it first executes what it has received, and migrations hold back for it (--max-lag)"
            )));
        }
        (!self.auto_position).then(|| {
            Finding::warning(format!(
                "it does not find its position by GTIDs: it can't simply be pointed at a new primary. Run there: STOP REPLICA{channel}; CHANGE \
                 REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 1{channel}; START REPLICA{channel}"
            ))
        })
    }

    fn stopped(&self, is_primary: bool) -> Finding {
        let channel = for_channel(&self.name);
        let threads = format!("receiving: {}, executing: {}", self.receives, self.executes);
        match (is_primary, self.error.as_str()) {
            (true, _) => Finding::warning(format!(
                "it is the primary, and has a channel from another server that does not run ({threads}). If that is left over from a \
                 promotion, and its source is not to be followed again: STOP REPLICA{channel}; RESET REPLICA ALL{channel}"
            )),
            (false, "") => Finding::refusal(format!(
                "replication is stopped ({threads}): promoted now, it would lack what came since. Unless somebody has stopped it on \
                 purpose, run there: START REPLICA{channel}"
            )),
            (false, error) => Finding::refusal(format!(
                "replication is broken ({threads}): {error}. Promoted now, it would lack what came since. Mend what the error says, then run \
                 there: START REPLICA{channel}; or build it anew"
            )),
        }
    }
}

/// An error of replication without what may be secret: the statement that failed, which may set a password.
fn presentable(error: &str) -> String {
    let said = error.split(". Query: ").next().unwrap_or_default();
    let said: String = said
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST_SAID)
        .collect();
    said.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use outlast_core::topology::Severity;

    use super::*;
    use crate::probe::made_up::{replica, writable};

    fn running() -> Channel {
        Channel {
            receives: "Yes".to_owned(),
            executes: "Yes".to_owned(),
            auto_position: true,
            ..Channel::default()
        }
    }

    fn judged(channel: Channel, is_primary: bool) -> Option<(Severity, String)> {
        let finding = state(&[channel], &replica(2), is_primary).err()?;
        Some((finding.severity, finding.message))
    }

    #[test]
    fn a_replica_that_follows_is_well() {
        assert_eq!(judged(running(), false), None);
        let connecting = Channel {
            receives: "Connecting".to_owned(),
            ..running()
        };
        assert_eq!(judged(connecting, false), None);
    }

    #[test]
    fn a_replica_that_is_stopped_or_broken_must_not_be_promoted() {
        let stopped = Channel {
            executes: "No".to_owned(),
            name: "it's".to_owned(),
            ..running()
        };
        let Some((Severity::Refusal, message)) = judged(stopped.clone(), false) else {
            panic!("{stopped:?}");
        };
        assert!(message.ends_with("START REPLICA FOR CHANNEL 'it''s'"), "{message}");
        let broken = Channel {
            error: "error 1062".to_owned(),
            ..stopped
        };
        let Some((Severity::Refusal, message)) = judged(broken, false) else {
            panic!("it is taken for well");
        };
        assert!(message.contains("error 1062"), "{message}");
        let cut_off = Channel {
            receives: "Connecting".to_owned(),
            error: "can't connect".to_owned(),
            ..running()
        };
        assert!(matches!(judged(cut_off, false), Some((Severity::Refusal, _))));
    }

    #[test]
    fn what_is_left_over_of_a_promotion_is_no_more_than_a_warning() {
        let left = Channel {
            receives: "No".to_owned(),
            ..running()
        };
        assert!(matches!(judged(left, true), Some((Severity::Warning, _))));
    }

    #[test]
    fn a_delayed_replica_and_one_that_follows_nobody_are_warned_of() {
        let delayed = Channel {
            delay_seconds: 3600,
            name: "a".to_owned(),
            ..running()
        };
        let Some((Severity::Warning, message)) = judged(delayed, false) else {
            panic!("it is not warned of");
        };
        assert!(
            message.contains("3600 s") && message.matches("FOR CHANNEL 'a'").count() == 3,
            "{message}"
        );
        assert!(state(&[], &replica(2), false).is_err());
        assert_eq!(state(&[], &writable(1), true), Ok("primary".to_owned()));
    }

    #[test]
    fn a_replica_far_behind_or_without_auto_position_is_warned_of() {
        let late = Channel {
            lag_seconds: Some(61),
            ..running()
        };
        assert!(judged(late, false).is_some_and(|(_, message)| message.contains("lags by 61 s")));
        let by_hand = Channel {
            auto_position: false,
            ..running()
        };
        assert!(judged(by_hand, false).is_some_and(|(_, message)| message.contains("SOURCE_AUTO_POSITION = 1")));
    }

    #[test]
    fn a_member_is_well_when_it_is_online_and_reaches_the_others() {
        let member = |own, other| writable(1).in_group("1:1", &[(1, own, "PRIMARY"), (2, other, "SECONDARY")]);
        let judged = |own, other| {
            let outcome = state(&[], &member(own, other), true);
            outcome.err().map(|finding| finding.severity)
        };
        assert_eq!(judged("ONLINE", "ONLINE"), None);
        assert_eq!(judged("ONLINE", "UNREACHABLE"), Some(Severity::Warning));
        assert_eq!(judged("RECOVERING", "ONLINE"), Some(Severity::Warning));
        for lost in ["ERROR", "OFFLINE"] {
            assert_eq!(judged(lost, "ONLINE"), Some(Severity::Refusal));
        }
    }

    #[test]
    fn the_statement_that_failed_is_not_told() {
        let error =
            "Error 'denied' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED AS '$A$005$\u{1}''";
        assert_eq!(presentable(error), "Error 'denied' on query. Default database: ''");
        assert_eq!(presentable("two\nlines."), "two lines");
    }
}
