//! `outlast plan`, and `outlast run --dry-run`: what a migration would do, and why.

use std::{process::ExitCode, time::Duration};

use indicatif::BinaryBytes;
use outlast_core::{
    policy::{AdoptionVerdict, AdoptionView, LivenessView, Policies, Slot},
    scheduler::Path,
    stream::{ColumnChange, Examined, Space},
};
use serde_json::{Value, json};

use crate::{
    cli::{Format, PlanOptions},
    cluster::Cluster,
    display::{age, count, in_words, table},
    exit::{COMPLETE, Failure},
    policies,
    submission::{Prepared, prepare, warn},
};

/// Bytes of table that are copied in a second: between a small machine with slow commits and a large one that has nothing else to do.
const SLOW: u64 = 5 << 20;
const FAST: u64 = 50 << 20;
/// A sign of life so long ago is one of an owner that has just lost its server.
const JUST_GONE: Duration = Duration::from_secs(1);

pub(crate) async fn plan(cluster: &Cluster, options: PlanOptions) -> Result<ExitCode, Failure> {
    let prepared = prepare(cluster, &options.migration).await?;
    warn(&prepared);
    show(&prepared, options.format)?;
    Ok(ExitCode::from(COMPLETE))
}

/// Prints what was examined.
pub(crate) fn show(prepared: &Prepared, format: Format) -> Result<(), Failure> {
    let failover = Failover::by(&policies::of(&prepared.submission)?, &prepared.examined);
    match format {
        Format::Json => println!("{}", as_json(prepared, &failover)),
        Format::Text => print!("{}", as_text(prepared, &failover)),
    }
    Ok(())
}

/// What the policies would say after a failover at half-time.
struct Failover {
    adoption: String,
    /// After so long without an owner, the migration is stale.
    cutoff: Duration,
    /// The policies that say so.
    by: String,
}

impl Failover {
    fn by(policies: &Policies, examined: &Examined) -> Self {
        let (rows_copied, table_rows) = (examined.table_rows / 2, examined.table_rows);
        let liveness_age_ms = JUST_GONE.as_millis() as u64;
        let cutoff = policies.cutoff(LivenessView {
            phase: "copying".to_owned(),
            liveness_age_ms,
            rows_copied,
            table_rows,
            ..LivenessView::default()
        });
        let adoption = policies.adopt(AdoptionView {
            phase: "copying".to_owned(),
            server_changed: true,
            epoch: 1,
            liveness_age_ms,
            liveness_interval_ms: 5000,
            cutoff_ms: cutoff.verdict,
            rows_copied,
            table_rows,
            ..AdoptionView::default()
        });
        let said = match adoption.verdict {
            AdoptionVerdict::Adopt => "another agent goes on at once".to_owned(),
            AdoptionVerdict::Wait { ms } => format!(
                "the owner goes on at once, another agent when it has seen no sign of life for about {}",
                age(JUST_GONE + Duration::from_millis(ms))
            ),
            AdoptionVerdict::Decline { reason } => format!("another agent does not go on: {reason}"),
        };
        let name = |slot| policies.policy(slot).id().name.clone();
        let (adopts, cuts) = (name(Slot::Adoption), name(Slot::Staleness));
        Self {
            adoption: said,
            cutoff: Duration::from_millis(cutoff.verdict),
            by: match adopts == cuts {
                true => adopts,
                false => format!("{adopts}, {cuts}"),
            },
        }
    }
}

/// How long a copy of so many bytes takes, at least and at most.
fn time_for(space: &Space) -> (Duration, Duration) {
    let at = |speed| Duration::from_secs(space.table.div_ceil(speed));
    (at(FAST), at(SLOW))
}

fn as_json(prepared: &Prepared, failover: &Failover) -> Value {
    let examined = &prepared.examined;
    let columns: Vec<Value> = examined
        .columns
        .iter()
        .map(|change| json!({ "before": change.before, "after": change.after }))
        .collect();
    let space = examined.space.map(|space| {
        let (least, most) = time_for(&space);
        json!({
            "table_bytes": space.table,
            "binlog_bytes": space.binlog,
            "free_bytes": space.free,
            "seconds_at_least": least.as_secs(),
            "seconds_at_most": most.as_secs(),
        })
    });
    json!({
        "event": "examined",
        "server": prepared.primary.address,
        "schema": examined.schema,
        "table": examined.table,
        "table_rows": examined.table_rows,
        "path": examined.path,
        "why_copied": examined.why_copied,
        "direct_statement": examined.direct,
        "key": examined.key,
        "key_columns": examined.key_columns,
        "columns": columns,
        "space": space,
        "failover": { "adoption": failover.adoption, "cutoff_ms": failover.cutoff.as_millis() as u64, "policies": failover.by },
        "warnings": prepared.warnings,
    })
}

fn as_text(prepared: &Prepared, failover: &Failover) -> String {
    let examined = &prepared.examined;
    let how = match examined.path {
        Path::Copy => format!("about {} rows, copied by key", count(examined.table_rows)),
        path => format!("{}, nothing is copied", in_words(path)),
    };
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut add = |what: &str, said: String| {
        if !said.is_empty() {
            rows.push([format!("  {what}"), said]);
        }
    };
    add("why a copy", examined.why_copied.replace('\n', " "));
    add("MySQL is told", examined.direct.clone().unwrap_or_default());
    if !examined.key.is_empty() {
        add("key", format!("{} ({})", examined.key, examined.key_columns.join(", ")));
    }
    for (number, change) in examined.columns.iter().enumerate() {
        add(if number == 0 { "columns" } else { "" }, said_of(change));
    }
    if let Some(space) = examined.space {
        let server = &prepared.primary.address;
        let free = match space.free {
            Some(free) => format!("{} are free", BinaryBytes(free)),
            None => "what is free there can't be known from here".to_owned(),
        };
        let (table, binlog) = (BinaryBytes(space.table), BinaryBytes(space.binlog));
        add(
            "disk",
            format!("{table} on every server, and {binlog} of binlog; on {server} {free}"),
        );
        let (least, most) = time_for(&space);
        let (fast, slow) = (BinaryBytes(FAST), BinaryBytes(SLOW));
        add(
            "time",
            format!(
                "{} to {}, at {fast} to {slow} in a second; longer where it is throttled",
                age(least),
                age(most)
            ),
        );
    }
    let swap = match (prepared.submission.options.postpone_completion, examined.path) {
        (true, _) => "after `outlast complete ID`",
        (false, Path::Copy) => "as soon as all is copied, under a lock of the table for a moment",
        (false, _) => "at once, under a lock of the table for a moment",
    };
    add("takes effect", swap.to_owned());
    add(
        "failover",
        format!(
            "{}; after {} without an owner it is stale ({})",
            failover.adoption,
            age(failover.cutoff),
            failover.by
        ),
    );
    format!(
        "`{}`.`{}` on {} can be migrated: {how}. Nothing was changed.\n{}",
        examined.schema,
        examined.table,
        prepared.primary.address,
        table(&rows)
    )
}

fn said_of(change: &ColumnChange) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{before} becomes {after}"),
        (Some(before), None) => format!("{before} is dropped"),
        (None, Some(after)) => format!("{after} is added"),
        (None, None) => String::new(),
    }
}
