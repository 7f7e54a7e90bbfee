//! What follows from a server's settings for failovers, and for telling what goes on.

use std::{collections::BTreeMap, time::Duration};

use outlast_core::{
    Result,
    check_up::{Check, Outcome, unless},
    policy::CONSERVATIVE_CUTOFF_MS,
    topology::Finding,
};
use outlast_mysql::Session;

/// Some of them exist in a part of the versions only, or with a plugin.
const QUERY: &str = "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME IN \
    ('version', 'performance_schema', 'sync_binlog', 'innodb_flush_log_at_trx_commit', 'binlog_expire_logs_seconds', \
    'binlog_expire_logs_auto_purge', 'expire_logs_days', 'datadir', 'lower_case_table_names', 'rpl_semi_sync_source_enabled', \
    'rpl_semi_sync_source_wait_point', 'rpl_semi_sync_master_enabled', 'rpl_semi_sync_master_wait_point') \
    UNION ALL SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME IN \
    ('Rpl_semi_sync_source_clients', 'Rpl_semi_sync_master_clients', \
    'Rpl_semi_sync_source_status', 'Rpl_semi_sync_master_status') \
    UNION ALL SELECT 'system zone', CAST(TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), \
        CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS CHAR) FROM DUAL WHERE @@GLOBAL.time_zone = 'SYSTEM' \
    UNION ALL SELECT 'mdl', ENABLED FROM performance_schema.setup_instruments WHERE NAME = 'wait/lock/metadata/sql/mdl'";

/// Clocks that differ by less are told from the time that a question takes by chance only.
const SAME_TIME_MS: u64 = 1000;
/// A tenth of the time after which a migration is stale.
const OTHER_TIME_MS: u64 = STALE.as_millis() as u64 / 10;
/// After this time without its owner, a migration is stale, where no policy says otherwise.
const STALE: Duration = Duration::from_millis(CONSERVATIVE_CUTOFF_MS);

/// In seconds.
const DAY: u64 = 86_400;

/// Where Amazon RDS has its data.
const RDS: &str = "/rdsdbdata/";

/// Settings by their names.
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(super) async fn read(session: &mut Session) -> Result<Self> {
        let rows: Vec<(String, String)> = session.rows(QUERY).await?;
        Ok(Self(
            rows.into_iter()
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect(),
        ))
    }

    /// The first of these that the server has.
    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    /// A variable of the plugin for sources of semi-synchronous replication, under its newer or its older name.
    fn semi_sync(&self, what: &str) -> Option<&str> {
        let names = ["source", "master"].map(|role| format!("rpl_semi_sync_{role}_{what}"));
        self.get(&names.each_ref().map(String::as_str))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(&[name])?.parse().ok()
    }

    /// The server in a few words, if it is fit.
    pub(super) fn described(&self) -> String {
        let version = self.get(&["version"]).unwrap_or_default();
        format!("MySQL {version}, with GTIDs and a binlog of rows that holds what it replicates")
    }

    /// Whether what is committed survives a crash of the machine.
    pub(super) fn durability(&self) -> Outcome {
        let is_lax = |name: &&str| self.number(name) != Some(1);
        let lax: Vec<&str> = ["sync_binlog", "innodb_flush_log_at_trx_commit"]
            .into_iter()
            .filter(is_lax)
            .collect();
        if lax.is_empty() {
            return Ok("every commit is on disk".to_owned());
        }
        let set: Vec<String> = lax.iter().map(|name| format!("SET PERSIST {name} = 1")).collect();
        let are = if lax.len() == 1 { "is" } else { "are" };
        Err(Finding::warning(format!(
            "{} {are} not 1: if the machine crashes, the server may lack transactions that its replicas have, and must not be used again as \
             it is. Run there: {}",
            lax.join(" and "),
            set.join("; ")
        )))
    }

    /// Whether an agent finds the binlogs that it goes on from, after as long as a migration may take.
    pub(super) fn retention(&self, expected: Duration) -> Outcome {
        if self.get(&["datadir"]).is_some_and(|path| path.starts_with(RDS)) {
            return Err(Finding::warning(format!(
                "Amazon RDS purges binlogs by a setting of its own, which can't be seen here, and which keeps none by default. Run there: CALL \
                 mysql.rds_set_configuration('binlog retention hours', {})",
                (expected.as_secs() * 2).div_ceil(3600).max(24)
            )));
        }
        // The older setting counts while the other is 0.
        let days = self.number("expire_logs_days").unwrap_or(0);
        let seconds = match self.number("binlog_expire_logs_seconds").unwrap_or(0) {
            0 => days * DAY,
            seconds => seconds,
        };
        if seconds == 0 || self.get(&["binlog_expire_logs_auto_purge"]) == Some("OFF") {
            return Ok("binlogs are kept until somebody purges them".to_owned());
        }
        let kept = Duration::from_secs(seconds);
        let shown = in_words(kept);
        if kept >= expected {
            return Ok(format!("{shown}, or until somebody purges them"));
        }
        let enough = (expected.as_secs() * 2).max(DAY);
        let first = if days > 0 {
            "SET PERSIST expire_logs_days = 0; "
        } else {
            ""
        };
        let mend = format!("Run there: {first}SET PERSIST binlog_expire_logs_seconds = {enough}");
        Err(match kept < STALE {
            true => Finding::refusal(format!(
                "binlogs are kept for {shown} only: after a pause that long, a migration can't go on, because the changes meanwhile are \
                 not to be found any more. {mend}"
            )),
            false => Finding::warning(format!(
                "binlogs are kept for {shown}, less than a migration may take ({}): if its agents are away, or throttled, for that long, it \
                 can't go on. {mend}",
                in_words(expected)
            )),
        })
    }

    /// Whether the server tells what is needed for throttling, and who stands in the way.
    pub(super) fn instruments(&self) -> Outcome {
        let lacking = "who holds up a cut-over can't be told, and a build of indexes does not give way to others";
        if self.get(&["performance_schema"]) == Some("OFF") {
            return Err(Finding::warning(format!(
                "performance_schema is OFF: {lacking}; --max-slowdown has no effect, and --max-commit-time stops the copy. Restart the server \
                 with performance_schema=ON"
            )));
        }
        if self.get(&["mdl"]) != Some("YES") {
            return Err(Finding::warning(format!(
                "the instrument wait/lock/metadata/sql/mdl is off: {lacking}. Run there: UPDATE performance_schema.setup_instruments SET \
                 ENABLED = 'YES' WHERE NAME = 'wait/lock/metadata/sql/mdl'; and put performance_schema_instrument = \
                 'wait/lock/metadata/sql/mdl=ON' into its configuration"
            )));
        }
        Ok("on, with metadata locks".to_owned())
    }

    /// Whether what applications were told is committed survives the loss of this primary.
    pub(super) fn acknowledged(&self, in_group: bool) -> Outcome {
        if in_group {
            return Ok("received by a majority of the group".to_owned());
        }
        let loss = "if the primary is lost, so are transactions that applications were told are committed. Outlast takes the new primary \
                    as it is: it loses no more, and can't bring them back";
        if self.semi_sync("enabled") != Some("ON") {
            return Err(Finding::warning(format!(
                "replication is asynchronous: {loss}. If that matters, set up semi-synchronous replication: the plugins rpl_semi_sync_source \
                 on the primary and rpl_semi_sync_replica on the replicas, both enabled on all of them, since roles change"
            )));
        }
        if self.semi_sync("clients") == Some("0") || self.semi_sync("status") == Some("OFF") {
            return Err(Finding::warning(format!(
                "semi-synchronous replication is on, but commits don't wait for any replica now, because too few take part or one was too slow: \
                 {loss}. Look whether replicas have rpl_semi_sync_replica_enabled = ON, and were started (STOP REPLICA IO_THREAD; START \
                 REPLICA IO_THREAD) since"
            )));
        }
        if self.semi_sync("wait_point") == Some("AFTER_COMMIT") {
            let role = if self.0.contains_key("rpl_semi_sync_source_wait_point") {
                "source"
            } else {
                "master"
            };
            return Err(Finding::warning(format!(
                "semi-synchronous replication waits after the commit: others may have seen transactions that a failover loses. Run there: \
                 SET PERSIST rpl_semi_sync_{role}_wait_point = AFTER_SYNC"
            )));
        }
        Ok("received by a replica, before applications are told (semi-sync)".to_owned())
    }
}

/// Whether servers agree in what must not change at a failover.
pub(super) fn agreement(all: &[(&str, &Settings)]) -> [Check; 2] {
    let names = differing(all, "lower_case_table_names").map(|shown| {
        Finding::refusal(format!(
            "lower_case_table_names differs ({shown}): names of tables mean something else after a failover. It is set for good when a \
             server is initialised: build those that differ anew"
        ))
    });
    let zones = differing(all, "system zone").map(|shown| {
        Finding::warning(format!(
            "the system's time zone differs ({shown}, in minutes east of UTC), and time_zone is SYSTEM: values that pass between TIMESTAMP and \
             other types are others after a failover. Set the machines to the same zone, or run on all: SET PERSIST time_zone = '+00:00', or \
             whatever suits the application"
        ))
    });
    let same = "the same on all servers that were asked";
    [
        Check::of("", "table names", unless(names, same)),
        Check::of("", "time zone", unless(zones, same)),
    ]
}

/// Servers that would not wait for replicas as the primary does, once they are primary themselves.
pub(super) fn successors(all: &[(&str, &Settings)], primary: &str) -> Vec<Check> {
    let waits = |settings: &Settings| settings.semi_sync("enabled") == Some("ON");
    if !all
        .iter()
        .any(|(address, settings)| *address == primary && waits(settings))
    {
        return Vec::new();
    }
    let others = all
        .iter()
        .filter(|(address, settings)| *address != primary && !waits(settings));
    let warned = |(address, _): &(&str, &Settings)| {
        let finding = Finding::warning(
            "the primary's commits wait for a replica (semi-sync), its own would not after a failover to it: rpl_semi_sync_source_enabled is \
             not ON. Set it, with SET PERSIST; the plugin rpl_semi_sync_source has to be installed first, for which super_read_only has to be \
             OFF for a moment",
        );
        Check::of(*address, "acknowledged commits", Err(finding))
    };
    others.map(warned).collect()
}

/// Who has which value of a setting, if those who have it differ.
fn differing(all: &[(&str, &Settings)], name: &str) -> Option<String> {
    let mut by_value: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (address, settings) in all {
        if let Some(value) = settings.get(&[name]) {
            by_value.entry(value).or_default().push(address);
        }
    }
    let shown = by_value
        .iter()
        .map(|(value, addresses)| format!("{value} on {}", addresses.join(", ")));
    (by_value.len() > 1).then(|| shown.collect::<Vec<_>>().join("; "))
}

/// What follows from the difference between the server's clock and this machine's.
pub(super) fn clock(skew_ms: i64) -> Outcome {
    let off = skew_ms.unsigned_abs();
    if off < SAME_TIME_MS {
        return Ok("the same time as here".to_owned());
    }
    let direction = if skew_ms > 0 { "ahead of" } else { "behind" };
    let shown = format!("its clock is {:.1} s {direction} this machine's", off as f64 / 1000.0);
    let mend = "Have both follow the same time source (NTP)";
    Err(match off < OTHER_TIME_MS {
        true => Finding::warning(format!(
            "{shown}: the age of a migration may be that wrong after a failover to it. {mend}"
        )),
        false => Finding::refusal(format!(
            "{shown}: after a failover to it, a migration may be taken for stale, or not be for long. {mend}"
        )),
    })
}

/// `3 d`, `4 h`, `90 s`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        _ if seconds > 0 && seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        _ if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use outlast_core::topology::Severity;

    use super::*;

    const A_DAY: Duration = Duration::from_secs(DAY);

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn severity(outcome: Outcome) -> Option<Severity> {
        outcome.err().map(|finding| finding.severity)
    }

    fn message(outcome: Outcome) -> String {
        outcome.err().map(|finding| finding.message).unwrap_or_default()
    }

    #[test]
    fn binlogs_must_be_kept_for_as_long_as_a_migration_may_take() {
        for (kept, expected) in [
            ("0", None),
            ("86400", None),
            ("86399", Some(Severity::Warning)),
            ("600", Some(Severity::Warning)),
            ("599", Some(Severity::Refusal)),
        ] {
            let found = settings(&[("binlog_expire_logs_seconds", kept)]).retention(A_DAY);
            assert_eq!(severity(found), expected, "{kept}");
        }
        let kept_by_hand = [
            ("binlog_expire_logs_seconds", "5"),
            ("binlog_expire_logs_auto_purge", "OFF"),
        ];
        assert_eq!(severity(settings(&kept_by_hand).retention(A_DAY)), None);
        let older = [("binlog_expire_logs_seconds", "0"), ("expire_logs_days", "1")];
        let two_days = Duration::from_secs(2 * DAY);
        assert_eq!(severity(settings(&older).retention(two_days)), Some(Severity::Warning));
        let message = message(settings(&[("binlog_expire_logs_seconds", "7200")]).retention(A_DAY));
        assert!(
            message.contains("kept for 2 h") && message.ends_with("= 172800"),
            "{message}"
        );
    }

    #[test]
    fn a_clock_that_is_off_is_warned_of_and_one_that_is_far_off_refused() {
        assert_eq!(severity(clock(-999)), None);
        assert_eq!(severity(clock(1000)), Some(Severity::Warning));
        assert_eq!(severity(clock(-59_999)), Some(Severity::Warning));
        assert_eq!(severity(clock(60_000)), Some(Severity::Refusal));
        assert!(message(clock(-5000)).contains("5.0 s behind"));
    }

    #[test]
    fn commits_that_a_crash_may_undo_are_warned_of() {
        let (binlog, redo) = ("sync_binlog", "innodb_flush_log_at_trx_commit");
        assert_eq!(severity(settings(&[(binlog, "1"), (redo, "1")]).durability()), None);
        let one = message(settings(&[(binlog, "0"), (redo, "1")]).durability());
        assert!(
            one.contains("sync_binlog is not 1") && one.ends_with("SET PERSIST sync_binlog = 1"),
            "{one}"
        );
        assert!(message(settings(&[(binlog, "0"), (redo, "2")]).durability()).contains("are not 1"));
    }

    #[test]
    fn only_a_group_or_replicas_that_take_part_keep_what_was_acknowledged() {
        let on = ("rpl_semi_sync_source_enabled", "ON");
        let clients = |count| ("rpl_semi_sync_source_clients", count);
        for (pairs, in_group, is_well) in [
            (vec![], true, true),
            (vec![], false, false),
            (vec![("rpl_semi_sync_source_enabled", "OFF")], false, false),
            (vec![on, clients("0")], false, false),
            (vec![on, clients("1")], false, true),
            (
                vec![on, clients("1"), ("rpl_semi_sync_source_status", "OFF")],
                false,
                false,
            ),
            (
                vec![on, clients("1"), ("rpl_semi_sync_source_wait_point", "AFTER_COMMIT")],
                false,
                false,
            ),
            (vec![("rpl_semi_sync_master_enabled", "ON")], false, true),
        ] {
            let found = severity(settings(&pairs).acknowledged(in_group));
            assert_eq!(found.is_none(), is_well, "{pairs:?}");
        }
    }

    #[test]
    fn servers_that_read_names_or_times_otherwise_are_found() {
        let of = |names, zone| settings(&[("lower_case_table_names", names), ("system zone", zone)]);
        let (one, small, far) = (of("0", "0"), of("1", "0"), of("0", "60"));
        let found = |all: &[(&str, &Settings)]| -> Vec<Option<Severity>> {
            agreement(all).iter().map(Check::severity).collect()
        };
        assert_eq!(found(&[("a:1", &one), ("b:1", &one)]), [None, None]);
        assert_eq!(found(&[("a:1", &one), ("b:1", &far)]), [None, Some(Severity::Warning)]);
        let all = [("a:1", &one), ("b:1", &small), ("c:1", &one)];
        assert_eq!(found(&all), [Some(Severity::Refusal), None]);
        let shown = differing(&all, "lower_case_table_names");
        assert_eq!(shown.as_deref(), Some("0 on a:1, c:1; 1 on b:1"));
    }

    #[test]
    fn a_server_that_does_not_tell_who_waits_for_whom_is_warned_of() {
        assert_eq!(
            severity(settings(&[("performance_schema", "ON"), ("mdl", "YES")]).instruments()),
            None
        );
        for lacking in [
            vec![("performance_schema", "OFF")],
            vec![("performance_schema", "ON"), ("mdl", "NO")],
        ] {
            assert_eq!(severity(settings(&lacking).instruments()), Some(Severity::Warning));
        }
    }

    #[test]
    fn who_would_not_wait_for_replicas_after_a_failover_is_warned_of() {
        let (waits, not) = (settings(&[("rpl_semi_sync_source_enabled", "ON")]), settings(&[]));
        let found = |all: &[(&str, &Settings)]| -> Vec<String> {
            successors(all, "a:1").into_iter().map(|check| check.server).collect()
        };
        assert_eq!(found(&[("a:1", &waits), ("b:1", &waits), ("c:1", &not)]), ["c:1"]);
        assert!(found(&[("a:1", &not), ("b:1", &not)]).is_empty());
    }
}
