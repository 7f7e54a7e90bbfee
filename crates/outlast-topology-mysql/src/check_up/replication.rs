//! Whether a server follows its source, and how.

use std::collections::BTreeMap;

use mysql_async::Row;
use outlast_core::{Result, check_up::Outcome, topology::Finding};
use outlast_mysql::Session;

use crate::{
    audit::{for_channel, text_of},
    probe::Probe,
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
}

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
            error: error.trim_end_matches('.').to_owned(),
            delay_seconds: text("SQL_Delay").parse().unwrap_or(0),
        }
    });
    Ok(channels
        .filter(|channel| !channel.name.starts_with("group_replication"))
        .collect())
}

/// What its channels are doing.
pub(super) fn state(channels: &[Channel], probe: &Probe, is_primary: bool) -> Outcome {
    if let Some(broken) = channels.iter().find(|channel| !channel.is_running()) {
        return Err(broken.stopped(is_primary));
    }
    if let Some(delayed) = channels.iter().find(|channel| channel.delay_seconds > 0) {
        let (seconds, channel) = (delayed.delay_seconds, for_channel(&delayed.name));
        return Err(Finding::warning(format!(
            "it is meant to lag by {seconds} s (SOURCE_DELAY). Promoted, it first executes what it has received, and the migration waits \
             for that; its lag does not hold migrations back. To end that: STOP REPLICA SQL_THREAD{channel}; CHANGE REPLICATION SOURCE TO \
             SOURCE_DELAY = 0{channel}; START REPLICA SQL_THREAD{channel}"
        )));
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

impl Channel {
    /// One that tries to connect again and again, without an error yet, is one whose source has just gone.
    fn is_running(&self) -> bool {
        let receives = self.receives == "Yes" || (self.receives == "Connecting" && self.error.is_empty());
        receives && self.executes == "Yes"
    }

    fn stopped(&self, is_primary: bool) -> Finding {
        let channel = for_channel(&self.name);
        let threads = format!("receiving: {}, executing: {}", self.receives, self.executes);
        match (is_primary, self.error.as_str()) {
            (true, _) => Finding::warning(format!(
                "it is the primary, and has a channel from another server that does not run ({threads}). If it is left over from a \
                 promotion, and meant for nothing else: RESET REPLICA ALL{channel}"
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

#[cfg(test)]
mod tests {
    use outlast_core::topology::Severity;

    use super::*;
    use crate::probe::made_up::{replica, writable};

    fn running() -> Channel {
        Channel {
            receives: "Yes".to_owned(),
            executes: "Yes".to_owned(),
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
}
