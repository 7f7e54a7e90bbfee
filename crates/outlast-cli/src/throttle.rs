//! `outlast throttle` and `unthrottle`, and the limits that a migration is submitted with.

use std::process::ExitCode;

use clap::Args;
use outlast_core::{MigrationId, throttle::Limits};

use crate::{
    cluster::Cluster,
    exit::{COMPLETE, Failure},
};

/// What a migration must not add to.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// Most lag of any replica, as in 10s (the default); `off` for none. A replica whose lag is not known counts as lagging.
    #[arg(long, value_name = "DURATION|off", value_parser = duration_or_off)]
    max_lag: Option<u64>,
    /// Most `Threads_running` of the primary, those of this migration included; `off` (the default) for none.
    #[arg(long, value_name = "N|off", value_parser = number_or_off)]
    max_threads_running: Option<u64>,
    /// Longest history list of InnoDB (transactions whose undo is not purged); `off` (the default) for none.
    #[arg(long, value_name = "N|off", value_parser = number_or_off)]
    max_history_length: Option<u64>,
    /// Longest mean time of a COMMIT on the primary, as in 50ms; `off` (the default) for none.
    #[arg(long, value_name = "DURATION|off", value_parser = duration_or_off)]
    max_commit_time: Option<u64>,
    /// Query that gives a number; above 0, nothing is copied. Empty (the default) for none.
    #[arg(long, value_name = "SELECT …")]
    throttle_query: Option<String>,
    /// While the agent's machine has this file, nothing is copied. Empty (the default) for none.
    #[arg(long, value_name = "FILE")]
    throttle_file: Option<String>,
}

impl LimitOptions {
    /// These limits, and where an option is not given, those that are there.
    pub(crate) fn over(self, stored: Limits) -> Limits {
        let given = Limits {
            stopped: false,
            max_lag_ms: self.max_lag,
            max_threads_running: self.max_threads_running,
            max_history_length: self.max_history_length,
            max_commit_ms: self.max_commit_time,
            query: self.throttle_query,
            flag_file: self.throttle_file,
        };
        given.within(&stored)
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
    let scope = Scope::of(cluster, options.id.as_deref()).await?;
    let primary = cluster.settled_primary().await?;
    let stored = cluster.scheduler.limits_of(&primary, scope.id()).await?;
    let given = options.limits.over(Limits::default());
    let stops = given == Limits::default();
    let limits = match stops {
        true => Limits {
            stopped: true,
            ..stored
        },
        false => given.within(&stored),
    };
    scope.set(cluster, &limits).await?;
    match stops {
        true => eprintln!(
            "Throttled: {} stands still, and stays alive, until `outlast unthrottle{}`.",
            scope.shown(),
            scope.argument()
        ),
        false => eprintln!(
            "The limits of {} are changed; its owner heeds them within seconds.",
            scope.shown()
        ),
    }
    Ok(ExitCode::from(COMPLETE))
}

/// Takes back what `throttle` has set.
pub(crate) async fn unthrottle(cluster: &Cluster, options: UnthrottleOptions) -> Result<ExitCode, Failure> {
    let scope = Scope::of(cluster, options.id.as_deref()).await?;
    scope.set(cluster, &Limits::default()).await?;
    eprintln!(
        "What `outlast throttle` had set for {} is taken back; other limits, as of replicas' lag, hold.",
        scope.shown()
    );
    Ok(ExitCode::from(COMPLETE))
}

/// What limits are about.
enum Scope {
    Cluster,
    Migration(MigrationId),
}

impl Scope {
    async fn of(cluster: &Cluster, prefix: Option<&str>) -> Result<Self, Failure> {
        Ok(match prefix {
            None => Self::Cluster,
            Some(prefix) => Self::Migration(cluster.find_id(prefix).await?),
        })
    }

    fn id(&self) -> Option<&MigrationId> {
        match self {
            Self::Cluster => None,
            Self::Migration(id) => Some(id),
        }
    }

    fn shown(&self) -> String {
        self.id().map_or("every migration of this cluster".to_owned(), |id| {
            format!("migration {id}")
        })
    }

    fn argument(&self) -> String {
        self.id().map_or(String::new(), |id| format!(" {id}"))
    }

    async fn set(&self, cluster: &Cluster, limits: &Limits) -> Result<(), Failure> {
        let primary = cluster.settled_primary().await?;
        cluster.scheduler.install(&primary).await?;
        Ok(cluster.scheduler.set_limits(&primary, self.id(), limits).await?)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_stays() {
        let stored = Limits {
            stopped: true,
            max_lag_ms: Some(5000),
            max_threads_running: Some(9),
            ..Limits::default()
        };
        let options = LimitOptions {
            max_lag: Some(0),
            ..LimitOptions::default()
        };
        let limits = options.over(stored);
        assert_eq!((limits.max_lag_ms, limits.max_threads_running), (Some(0), Some(9)));
        assert!(limits.stopped, "only `outlast unthrottle` lets it go on");
    }

    #[test]
    fn off_is_no_limit() {
        assert_eq!((duration_or_off("off"), number_or_off("off")), (Ok(0), Ok(0)));
        assert_eq!((duration_or_off("1500ms"), number_or_off("7")), (Ok(1500), Ok(7)));
        assert!(duration_or_off("of").is_err() && number_or_off("seven").is_err());
    }
}
