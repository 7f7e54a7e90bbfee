//! `outlast run` and `outlast resume`: a migration in the foreground.

use std::process::ExitCode;

use outlast_core::{Error, Migration, MigrationId, Status, agent::Stopped, scheduler::Path};
use serde_json::json;

use crate::{
    agent::{build, stop_on_signal, wait_for_signal},
    cli::{AgentOptions, Format, ResumeOptions, RunOptions},
    cluster::Cluster,
    display::{count, in_words},
    exit::{COMPLETE, FAILED, Failure, STOPPED},
    hooks, plan, policies,
    progress::Progress,
    show::{OwnTables, as_json},
    submission::{prepare, store, warn},
};

pub(crate) async fn run(cluster: Cluster, options: RunOptions) -> Result<ExitCode, Failure> {
    if let Some(folder) = &options.agent.hooks {
        hooks::check(folder)?;
    }
    let dry_run = options.dry_run || options.migration.gh_ost.is_rehearsal();
    // They are compiled while the servers are looked at, and kept for the agent.
    let compiled = (!dry_run).then(|| tokio::task::spawn_blocking(policies::defaults));
    let prepared = prepare(&cluster, &options.migration).await?;
    warn(&prepared);
    if dry_run {
        plan::show(&prepared, options.format)?;
        if !options.dry_run {
            eprintln!("As with gh-ost, --alter without --execute changes nothing. Add --execute to do it.");
        }
        return Ok(ExitCode::from(COMPLETE));
    }
    store(&cluster, &prepared).await?;
    if let Some(compiled) = compiled {
        // Should they have failed, the agent finds out.
        let _ = compiled.await;
    }
    follow(
        cluster,
        prepared.submission.id,
        &options.agent,
        options.format,
        "submitted",
    )
    .await
}

pub(crate) async fn resume(cluster: Cluster, options: ResumeOptions) -> Result<ExitCode, Failure> {
    let migration = cluster.find(&options.id).await?.migration;
    if migration.status.is_final() {
        let advice = match migration.status {
            Status::Complete => String::new(),
            _ => format!("; `outlast retry {}` queues it again", migration.id),
        };
        return Err(Failure::refused(format!(
            "migration {} is {} already{advice}",
            migration.id, migration.status
        )));
    }
    follow(cluster, migration.id, &options.agent, options.format, "resumed").await
}

/// Works on one migration until it has ended, or a signal stops this process.
async fn follow(
    cluster: Cluster,
    id: MigrationId,
    options: &AgentOptions,
    format: Format,
    event: &str,
) -> Result<ExitCode, Failure> {
    if format == Format::Json {
        println!("{}", json!({ "event": event, "migration": id }));
    }
    let (agent, hooks) = build(&cluster, options)?;
    let agent = agent.only(id.clone());
    let stop = stop_on_signal();
    let progress = Progress::start(cluster.clone(), id.clone(), agent.snapshots(), format);
    let stopped = agent.run(stop).await;
    cluster.finish().await;
    let last = progress.finish().await;
    let code = tell(&cluster, &id, stopped, last, format).await;
    if let Some(hooks) = hooks {
        hooks.finish(wait_for_signal()).await;
    }
    code
}

/// Tells how a run has ended; `last` is the migration as it was seen last.
async fn tell(
    cluster: &Cluster,
    id: &MigrationId,
    stopped: Stopped,
    last: Option<Migration>,
    format: Format,
) -> Result<ExitCode, Failure> {
    match stopped {
        Stopped::Told => {
            stopped_by_user(id, format);
            Ok(ExitCode::from(STOPPED))
        }
        Stopped::Vanished => {
            eprintln!(
                "outlast: migration {id} is not on the primary: it was lost with the server it was submitted to. The source \
                 table is untouched; run the statement again"
            );
            Ok(ExitCode::from(FAILED))
        }
        Stopped::Finished => {
            let migration = match last.filter(|m| m.status.is_final()) {
                Some(migration) => migration,
                None => cluster.find(id.as_str()).await?.migration,
            };
            let own = match format {
                Format::Json => own_tables(cluster, id).await,
                Format::Text => OwnTables::default(),
            };
            Ok(ended(&migration, &own, format))
        }
    }
}

fn stopped_by_user(id: &MigrationId, format: Format) {
    if format == Format::Json {
        println!("{}", json!({ "event": "stopped", "migration": id }));
    }
    eprintln!("Stopped; nothing is lost. Any agent goes on from here, or run: outlast resume {id}");
}

/// What is left of an ended migration. Not to see that is no reason to report another end than it had.
async fn own_tables(cluster: &Cluster, id: &MigrationId) -> OwnTables {
    let looked = async {
        let found = cluster.find(id.as_str()).await?;
        let all = cluster.stream.own_tables(&found.server).await?;
        Ok::<_, Error>(OwnTables::of(&found.migration, &all))
    };
    looked.await.unwrap_or_else(|error| {
        eprintln!("outlast: which tables are left can't be seen: {error}");
        OwnTables::default()
    })
}

fn ended(migration: &Migration, own: &OwnTables, format: Format) -> ExitCode {
    if format == Format::Json {
        let mut event = as_json(migration, "", own);
        event["event"] = json!(migration.status);
        event["migration"] = json!(migration.id);
        println!("{event}");
    }
    match migration.status {
        Status::Complete => {
            if let (Format::Text, Some(path @ (Path::Instant | Path::InPlace))) = (format, migration.path) {
                println!(
                    "Complete, {}; nothing was copied, {} failovers.",
                    in_words(path),
                    migration.failovers
                );
            } else if format == Format::Text {
                println!(
                    "Complete: {} rows copied, {} failovers. The old table is kept as `{}`.`{}`.",
                    count(migration.rows_copied),
                    migration.failovers,
                    migration.retired_schema(),
                    migration.table
                );
            }
            ExitCode::from(COMPLETE)
        }
        status => {
            let why = migration.message.replace('\n', " ");
            let why = if why.is_empty() { why } else { format!(": {why}") };
            eprintln!("outlast: migration {} {status}{why}", migration.id);
            ExitCode::from(FAILED)
        }
    }
}
