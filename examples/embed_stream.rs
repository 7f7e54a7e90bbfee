//! Embeds the stream and the checkpoint store, and neither scheduler nor topology nor agent: one table is changed on the
//! one server that the caller names. For programs that have a scheduler of their own.
//!
//! ```sh
//! cargo run -p outlast-examples --example embed_stream -- \
//!     --server 127.0.0.1:3306 --user outlast --schema shop --table orders "ADD COLUMN note TEXT"
//! ```
//!
//! Whatever ends this program, running it again with `--id` goes on from the checkpoint, and a copy of it that still
//! runs somewhere writes nothing any more. What it does not do is to find the primary, to retry, and to work in parallel:
//! that is what `outlast_core::Agent` and `outlast_core::engine` are for.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use outlast_checkpoint_mysql::MySqlCheckpoints;
use outlast_core::{
    AgentId, CheckpointStore, Clock, Epoch, ErrorKind, GtidSet, Incarnation, KeyRange, Lease, Ledger, Migration,
    MigrationId, Phase, Server, Status, Stream, SystemClock,
    scheduler::Options,
    stream::{Applier, Changes, Copied, CutOver, Examination, OpenStream, SwapState},
};
use outlast_mysql::{Connector, Purpose, Session, Tables, quote};
use outlast_stream_mysql::MySqlStream;

/// Rows of a chunk. The engine adapts the size to a target time.
const CHUNK_ROWS: u64 = 1000;
/// Keys that are applied in one transaction.
const BATCH_KEYS: usize = 500;
/// How long the application may be held up by the cut-over.
const LOCK_TIME: Duration = Duration::from_secs(2);
/// How often the cut-over is tried.
const CUT_OVER_ATTEMPTS: u32 = 60;

/// The fence: the one table that every writer of a migration reads in its own transactions. It is defined as the scheduler
/// crate defines it, so that both can use one server.
const FENCE: Tables = Tables {
    part: "embed_stream",
    version: 1,
    definitions: &["CREATE TABLE IF NOT EXISTS _outlast.fence (
      migration CHAR(16) NOT NULL,
      epoch BIGINT UNSIGNED NOT NULL,
      incarnation VARCHAR(64) NOT NULL COMMENT 'empty: nobody may write for this migration',
      server_uuid VARCHAR(36) NOT NULL,
      PRIMARY KEY (migration)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
      COMMENT='who may write for a migration'"],
};

/// Changes one table on one server.
#[derive(Parser)]
struct Arguments {
    /// The primary, as HOST:PORT.
    #[arg(long)]
    server: String,
    /// MySQL user.
    #[arg(long)]
    user: String,
    /// Its password.
    #[arg(long, env = "OUTLAST_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Schema of the table, spelled as the server spells it.
    #[arg(long)]
    schema: String,
    /// The table, likewise.
    #[arg(long)]
    table: String,
    /// Goes on with this migration, which an earlier run began with the same arguments.
    #[arg(long)]
    id: Option<MigrationId>,
    /// What follows ALTER TABLE and the table's name.
    changes: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let clock = SystemClock::shared();
    let connector = Connector::new(&arguments.user, arguments.password);
    let (mut session, uuid) = connector
        .connect_address(&arguments.server, &Purpose::default())
        .await?;
    let server = Server {
        uuid,
        address: arguments.server,
    };
    let checkpoints: Arc<dyn CheckpointStore> = Arc::new(MySqlCheckpoints::new(connector.clone()));
    let backend = MySqlStream::new(connector, Arc::clone(&checkpoints));

    let table = quote::table(&arguments.schema, &arguments.table);
    let statement = format!("ALTER TABLE {table} {}", arguments.changes);
    let id = match arguments.id {
        Some(id) => id,
        None => {
            // Finds out, before anything is changed, whether the table can be migrated at all. Not asked again later: after
            // the swap, the statement may not fit the table any more.
            let examination = Examination {
                allow_direct: false,
                ..Examination::of(&statement, None)
            };
            let examined = backend.examine(&server, &examination).await?;
            ensure!(
                (&examined.schema, &examined.table) == (&arguments.schema, &arguments.table),
                "the table is called `{}`.`{}`",
                examined.schema,
                examined.table
            );
            MigrationId::from_random(clock.random())
        }
    };
    eprintln!("migration {id}");
    FENCE.install(&mut session).await?;
    checkpoints.install(&server).await?;
    let migration = migration(&id, statement, arguments.schema, arguments.table);

    // May this server go on from the checkpoint? The agent asks the same, in `agent::adoption`, and more besides.
    if let Some(checkpoint) = checkpoints.load(&server, &id).await? {
        let (executed, purged) = gtids(&mut session).await?;
        let position = &checkpoint.position;
        ensure!(position.is_subset(&executed), "the checkpoint is ahead of this server");
        ensure!(purged.is_subset(position), "binlogs that the stream needs were purged");
    }
    let lease = take_over(&mut session, &server, &id, &*clock).await?;

    let stream = backend.open(&lease, &migration).await?;
    run(&*stream)
        .await
        .with_context(|| format!("stopped; nothing is lost: run it again with --id {id}"))?;

    checkpoints.forget(&server, &id).await?;
    session
        .run_with("DELETE FROM _outlast.fence WHERE migration = ?", (id.as_str(),))
        .await?;
    println!(
        "Complete. The old table is kept as {}.",
        quote::table(&migration.retired_schema(), &migration.table)
    );
    Ok(())
}

/// One migration from wherever it is to its end.
async fn run(stream: &dyn OpenStream) -> Result<()> {
    // Which tables exist tells whether an earlier run has swapped them, whatever it could still report.
    let swap_state = stream.swap_state().await?;
    // An attempt that was broken off may have left foreign keys where they do not belong.
    stream.mend().await?;
    if swap_state == SwapState::Swapped {
        return Ok(());
    }
    let checkpoint = match stream.checkpoint().await? {
        Some(checkpoint) => checkpoint,
        None => {
            stream.prepare().await?;
            stream.checkpoint().await?.context("no checkpoint was begun")?
        }
    };
    let mut ledger = Ledger::restore(checkpoint)?;
    let mut changes = stream.changes(ledger.position()).await?;

    while let Some(gap) = ledger.first_gap() {
        copy_chunk(stream, &mut ledger, gap).await?;
        catch_up(stream, &mut ledger, &mut *changes).await?;
        eprint!("\r{} rows copied", ledger.rows_copied());
    }
    eprintln!();

    for _ in 0..CUT_OVER_ATTEMPTS {
        catch_up(stream, &mut ledger, &mut *changes).await?;
        match stream.lock().await {
            Ok(mut locked) => {
                let draining = drain(&mut *locked, &mut ledger, &mut *changes);
                // If the time is up, everything is dropped, and with the session the locks.
                tokio::time::timeout(LOCK_TIME, draining)
                    .await
                    .context("the last changes were not applied in time; the application goes on")??;
                locked.swap().await.context("whether it was done, the next run sees")?;
                return stream.mend().await.context("the next run does the rest");
            }
            // A transaction of the application uses the table: let it go on, and try again.
            Err(error) if error.kind() == ErrorKind::Passing => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the table was in use at every attempt to lock it")
}

/// Copies the beginning of a gap. The range is begun in the ledger before its snapshot is taken.
async fn copy_chunk(stream: &dyn OpenStream, ledger: &mut Ledger, gap: KeyRange) -> Result<()> {
    let upto = stream.boundary(&gap, CHUNK_ROWS).await?.or(gap.upto);
    let range = KeyRange { after: gap.after, upto };
    ledger.begin_chunk(&range)?;
    match stream.copy(&range).await? {
        Copied::Rows(rows) => ledger.finish_chunk(&range, rows)?,
        // The engine brings the rows in the way up to date and tries again, for as long as the user allows.
        Copied::Collision(collision) => bail!("a unique value is there already: {}", collision.message),
    }
    if let Some((range, chunks)) = ledger.foldable() {
        stream.fold(range.upto.as_ref(), &chunks).await?;
        ledger.folded(&chunks);
    }
    Ok(())
}

/// Brings the shadow to the state of the source at some moment after this call.
async fn catch_up(stream: &dyn OpenStream, ledger: &mut Ledger, changes: &mut dyn Changes) -> Result<()> {
    let executed = stream.executed().await?;
    read_up_to(&executed, ledger, changes).await?;
    while let Some(batch) = ledger.take_batch(BATCH_KEYS) {
        stream.apply(Applier::Alone, &batch.keys, &batch.position).await?;
        ledger.batch_applied(batch);
    }
    stream.advance(ledger.position()).await?;
    Ok(())
}

/// The same under the lock, with everything that was executed before it.
async fn drain(locked: &mut dyn CutOver, ledger: &mut Ledger, changes: &mut dyn Changes) -> Result<()> {
    let executed = locked.executed().await?;
    read_up_to(&executed, ledger, changes).await?;
    while let Some(batch) = ledger.take_batch(BATCH_KEYS) {
        locked.drain(&batch.keys).await?;
        ledger.batch_applied(batch);
    }
    ensure!(ledger.is_drained(&executed), "something is left to be applied");
    Ok(())
}

/// Reads changes until `executed` is read. Every transaction of the server is reported, so this ends.
async fn read_up_to(executed: &GtidSet, ledger: &mut Ledger, changes: &mut dyn Changes) -> Result<()> {
    while !executed.is_subset(ledger.processed()) {
        for change in changes.next().await? {
            ledger.record(change);
        }
    }
    Ok(())
}

/// Raises the epoch in one transaction, so that whoever held an earlier one can't write any more.
async fn take_over(session: &mut Session, server: &Server, id: &MigrationId, clock: &dyn Clock) -> Result<Lease> {
    let incarnation = Incarnation::new(format!("{:016x}", clock.random()));
    session.run("START TRANSACTION").await?;
    let raise = "INSERT INTO _outlast.fence (migration, epoch, incarnation, server_uuid) VALUES (?, 1, ?, ?) AS new \
                 ON DUPLICATE KEY UPDATE epoch = fence.epoch + 1, incarnation = new.incarnation, \
                 server_uuid = new.server_uuid";
    let values = (id.as_str(), incarnation.as_str(), server.uuid.as_str());
    session.run_with(raise, values).await?;
    let epoch: Option<u64> = session
        .first_with("SELECT epoch FROM _outlast.fence WHERE migration = ?", (id.as_str(),))
        .await?;
    session.run("COMMIT").await?;
    Ok(Lease {
        migration: id.clone(),
        epoch: Epoch(epoch.context("the fence is gone")?),
        agent: AgentId::new(format!("embed_stream/{}", std::process::id())),
        incarnation,
        server: server.clone(),
    })
}

async fn gtids(session: &mut Session) -> Result<(GtidSet, GtidSet)> {
    let (executed, purged): (String, String) = session
        .value("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")
        .await?;
    Ok((executed.parse()?, purged.parse()?))
}

/// What the stream looks at in a migration is its id, its statement and its table; the rest belongs to schedulers.
fn migration(id: &MigrationId, statement: String, schema: String, table: String) -> Migration {
    Migration {
        id: id.clone(),
        statement,
        schema,
        table,
        options: Options::default(),
        status: Status::Running,
        phase: Phase::Preparing,
        path: None,
        owner: None,
        epoch: Epoch(0),
        failovers: 0,
        retries: 0,
        liveness_age: Duration::ZERO,
        complete_requested: true,
        cancel_requested: false,
        message: String::new(),
        rows_copied: 0,
        table_rows: 0,
        eta_seconds: None,
        submitted_at: String::new(),
        ended_at: None,
    }
}
