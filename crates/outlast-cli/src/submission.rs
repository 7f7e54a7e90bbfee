//! Submitting a migration: examine, then store it as queued.

use std::process::ExitCode;

use outlast_core::{
    MigrationId, Server,
    scheduler::{Options, Submission},
    stream::{Examination, Examined},
    topology::{Finding, Severity},
};
use serde_json::json;

use crate::{
    cli::{Format, MigrationOptions, SubmitOptions},
    cluster::Cluster,
    exit::{COMPLETE, Failure},
    policies,
};

/// A migration that was examined and can be stored.
pub(crate) struct Prepared {
    pub(crate) primary: Server,
    pub(crate) examined: Examined,
    pub(crate) submission: Submission,
    /// What could not be checked.
    pub(crate) warnings: Vec<String>,
}

/// Checks everything; changes nothing.
pub(crate) async fn prepare(cluster: &Cluster, options: &MigrationOptions) -> Result<Prepared, Failure> {
    let chosen = policies::chosen(&options.policies)?;
    let statement = options.statement()?;
    let primary = cluster.primary().await?;
    let examination = Examination {
        statement: statement.clone(),
        default_schema: cluster.database.clone(),
        allow_direct: !options.no_instant,
        ignore_disk_space: options.ignore_disk_space,
        defer_indexes: options.defer_indexes,
    };
    let (schema, table) = cluster.stream.target(&examination)?;
    let warnings = audit(cluster, &schema, &table).await?;
    let examined = cluster.stream.examine(&primary, &examination).await?;
    let defaults = Options::default();
    let (bits, _) = uuid::Uuid::new_v4().as_u64_pair();
    let submission = Submission {
        id: MigrationId::from_random(bits),
        statement,
        schema: examined.schema.clone(),
        table: examined.table.clone(),
        options: Options {
            postpone_completion: options.postpone_completion,
            chunk_rows: options.chunk_rows,
            lanes: options.lanes,
            duplicate_grace_ms: options.duplicate_grace.unwrap_or(defaults.duplicate_grace_ms),
            chunk_pause_ms: options.chunk_pause.unwrap_or(defaults.chunk_pause_ms),
            defer_indexes: options.defer_indexes,
            no_instant: options.no_instant,
            limits: options.limits.clone().given(),
            policies: chosen.choice,
            policy_params: chosen.params,
        },
        components: chosen.components,
    };
    Ok(Prepared {
        primary,
        examined,
        submission,
        warnings,
    })
}

/// Looks at all servers of the cluster: each may be the primary before the migration ends. Returns what could not be checked.
async fn audit(cluster: &Cluster, schema: &str, table: &str) -> Result<Vec<String>, Failure> {
    let findings = cluster.topology.audit(schema, table).await?;
    let (refusals, warnings): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Refusal);
    let messages = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>();
    match refusals.is_empty() {
        true => Ok(messages(warnings)),
        false => Err(Failure::refused(messages(refusals).join(". "))),
    }
}

/// Tells what was examined for people: what could not be checked, and the disk space where nobody knows whether it is there.
pub(crate) fn warn(prepared: &Prepared) {
    for warning in &prepared.warnings {
        eprintln!("outlast: warning: {warning}");
    }
    if let Some(space) = prepared.examined.space {
        tracing::info!(
            space.table,
            space.binlog,
            space.free,
            "bytes of disk that the copy takes, by estimate"
        );
    }
}

/// Stores the migration as queued.
pub(crate) async fn store(cluster: &Cluster, prepared: &Prepared) -> Result<(), Failure> {
    cluster.scheduler.install(&prepared.primary).await?;
    cluster.checkpoints.install(&prepared.primary).await?;
    cluster
        .scheduler
        .submit(&prepared.primary, &prepared.submission)
        .await?;
    Ok(())
}

/// `outlast submit`.
pub(crate) async fn submit(cluster: &Cluster, options: SubmitOptions) -> Result<ExitCode, Failure> {
    if options.migration.gh_ost.is_rehearsal() {
        return Err(Failure::usage(
            "--alter without --execute changes nothing, as with gh-ost: add --execute, or see `outlast plan`",
        ));
    }
    let prepared = prepare(cluster, &options.migration).await?;
    warn(&prepared);
    store(cluster, &prepared).await?;
    let id = &prepared.submission.id;
    match options.format {
        Format::Json => println!("{}", json!({ "event": "submitted", "migration": id })),
        Format::Text => {
            println!("{id}");
            eprintln!("Queued. An agent runs it; `outlast status {id}` shows how far it is.");
        }
    }
    Ok(ExitCode::from(COMPLETE))
}
