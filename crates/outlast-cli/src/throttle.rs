//! `outlast throttle` and `unthrottle`, and the limits that a migration is submitted with.

use std::process::ExitCode;

use clap::Args;
use outlast_core::{MigrationId, throttle::Limits};

use crate::{
    cluster::Cluster,
    exit::{COMPLETE, Failure},
    gh_ost,
};

/// What a migration must not add to.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// Most lag of any replica, as in 10s (the default); `off` for none. A replica whose lag is not known counts as lagging.
    #[arg(long, value_name = "DURATION|off", value_parser = duration_or_off)]
    max_lag: Option<u64>,
    /// The same in milliseconds, as gh-ost takes it.
    #[arg(long, value_name = "N", hide = true, conflicts_with = "max_lag")]
    max_lag_millis: Option<u64>,
    /// Most `Threads_running` of the primary, those of this migration included; `off` (the default) for none.
    #[arg(long, value_name = "N|off", value_parser = number_or_off)]
    max_threads_running: Option<u64>,
    /// The same as gh-ost takes it: Threads_running=N.
    #[arg(long, value_name = "LOAD", hide = true, value_parser = gh_ost::max_load, conflicts_with = "max_threads_running")]
    max_load: Option<u64>,
    /// Longest history list of InnoDB (transactions whose undo is not purged); `off` (the default) for none.
    #[arg(long, value_name = "N|off", value_parser = number_or_off)]
    max_history_length: Option<u64>,
    /// Longest mean time of a COMMIT on the primary, as in 50ms; `off` (the default) for none.
    #[arg(long, value_name = "DURATION|off", value_parser = duration_or_off)]
    max_commit_time: Option<u64>,
    /// By how much longer statements of applications may take because rows are copied, as in 20%; `off` (the default) for none. The
    /// copy rests for a moment now and then to compare, and works at least 5 % of the time.
    #[arg(long, value_name = "PERCENT|off", value_parser = percent_or_off)]
    max_slowdown: Option<u64>,
    /// Query that gives a number; above 0, nothing is copied. Empty (the default) for none.
    #[arg(long, value_name = "SELECT …")]
    throttle_query: Option<String>,
    /// While the agent's machine has this file, nothing is copied. Empty (the default) for none.
    #[arg(long, alias = "throttle-flag-file", value_name = "FILE")]
    throttle_file: Option<String>,
}

impl LimitOptions {
    /// The limits that were given.
    pub(crate) fn given(self) -> Limits {
        Limits {
            stopped: false,
            max_lag_ms: self.max_lag.or(self.max_lag_millis),
            max_threads_running: self.max_threads_running.or(self.max_load),
            max_history_length: self.max_history_length,
            max_commit_ms: self.max_commit_time,
            max_slowdown: self.max_slowdown,
            query: self.throttle_query,
            flag_file: self.throttle_file,
        }
    }
}

/// What `outlast throttle` takes.
#[derive(Args)]
pub(crate) struct ThrottleOptions {
    /// The migration's id, or the beginning of it; without it, all migrations of the cluster.
    id: Option<String>,
    #[command(flatten)]
    limits: LimitOptions,
}

/// What `outlast unthrottle` takes.
#[derive(Args)]
pub(crate) struct UnthrottleOptions {
    /// The migration's id, or the beginning of it; without it, what was set for all migrations of the cluster.
    id: Option<String>,
}

/// Changes limits, or, if none are given, stops all copying.
pub(crate) async fn throttle(cluster: &Cluster, options: ThrottleOptions) -> Result<ExitCode, Failure> {
    let scope = scope(cluster, options.id.as_deref()).await?;
    let primary = cluster.settled_primary().await?;
    cluster.scheduler.install(&primary).await?;
    if let Some(id) = &scope {
        let status = cluster.scheduler.get(&primary, id).await?.status;
        if status.is_final() {
            return Err(Failure::usage(format!("migration {id} is {status} already")));
        }
    }
    let stored = cluster.scheduler.limits_of(&primary, scope.as_ref()).await?;
    let given = options.limits.given();
    let stops = given == Limits::default();
    let limits = match stops {
        true => Limits {
            stopped: true,
            ..stored
        },
        false => given.within(&stored),
    };
    cluster.scheduler.set_limits(&primary, scope.as_ref(), &limits).await?;
    if limits.stopped && !stops {
        eprintln!(
            "The limits are changed, but all stands still as before: `outlast unthrottle` lets it go on, and takes them back."
        );
        return Ok(ExitCode::from(COMPLETE));
    }
    match (stops, scope) {
        (true, Some(id)) => {
            eprintln!("Throttled: migration {id} stands still, and stays alive, until `outlast unthrottle {id}`.");
        }
        (true, None) => {
            eprintln!(
                "Throttled: all migrations of this cluster stand still, and stay alive, until `outlast unthrottle`."
            );
        }
        (false, Some(id)) => {
            eprintln!("The limits of migration {id} are changed; its owner heeds them within seconds.");
        }
        (false, None) => eprintln!(
            "The limits of this cluster are changed; owners heed them within seconds, but where a migration has limits of its own."
        ),
    }
    Ok(ExitCode::from(COMPLETE))
}

/// Takes back what `throttle` has set.
pub(crate) async fn unthrottle(cluster: &Cluster, options: UnthrottleOptions) -> Result<ExitCode, Failure> {
    let scope = scope(cluster, options.id.as_deref()).await?;
    let primary = cluster.settled_primary().await?;
    cluster.scheduler.install(&primary).await?;
    let nothing = Limits::default();
    cluster.scheduler.set_limits(&primary, scope.as_ref(), &nothing).await?;
    match scope {
        None => eprintln!(
            "What `outlast throttle` had set for the whole cluster is taken back; limits of single migrations stay."
        ),
        Some(id) => {
            eprintln!(
                "What `outlast throttle {id}` had set is taken back; it has the limits that it was submitted with."
            );
            if cluster.scheduler.limits_of(&primary, None).await?.stopped {
                eprintln!(
                    "All migrations of this cluster are stopped nevertheless: `outlast unthrottle`, without an ID, lets them go on."
                );
            }
        }
    }
    Ok(ExitCode::from(COMPLETE))
}

/// What limits are about: a migration, or (`None`) the whole cluster.
async fn scope(cluster: &Cluster, prefix: Option<&str>) -> Result<Option<MigrationId>, Failure> {
    Ok(match prefix {
        None => None,
        Some(prefix) => Some(cluster.find_id(prefix).await?),
    })
}

fn duration_or_off(text: &str) -> Result<u64, String> {
    match text {
        "off" => Ok(0),
        text => outlast_core::policy::parse_duration_ms(text).ok_or_else(|| {
            format!("{text:?} is no duration; write a number and a unit, as in 500ms, 90s, 10m, or off")
        }),
    }
}

fn number_or_off(text: &str) -> Result<u64, String> {
    match text {
        "off" => Ok(0),
        text => text
            .parse()
            .map_err(|_| format!("{text:?} is neither a number nor off")),
    }
}

fn percent_or_off(text: &str) -> Result<u64, String> {
    number_or_off(text.trim_end_matches('%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_no_limit() {
        assert_eq!((duration_or_off("off"), number_or_off("off")), (Ok(0), Ok(0)));
        assert_eq!((duration_or_off("1500ms"), number_or_off("7")), (Ok(1500), Ok(7)));
        assert_eq!(
            (percent_or_off("20%"), percent_or_off("5"), percent_or_off("off")),
            (Ok(20), Ok(5), Ok(0))
        );
        assert!(percent_or_off("%").is_err());
        assert!(duration_or_off("of").is_err() && number_or_off("seven").is_err());
    }
}
