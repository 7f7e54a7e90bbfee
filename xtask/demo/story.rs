//! What happens, in order.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use outlast_testbed::{Cluster, LoadOptions, TableName, WriteLoad, create_and_fill, native_copy};
use tokio::time::{Instant, sleep};

use crate::{
    cast::{Outlast, Status, name, start_cluster},
    failover::Failover,
    history::{Timeline, first},
    proof::prove,
    screen::{Ink, Screen, grouped, now_ms},
};

const ROWS: u64 = 300_000;
const CHANGES: &str = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300), \
                       RENAME COLUMN amount TO total, ADD INDEX total (total)";
/// Slow enough for two failovers in one copy.
const PACE: [&str; 6] = ["--chunk-rows", "1000", "--chunk-pause", "150ms", "--lanes", "2"];
const CRASH_AT: f64 = 0.4;
const SWITCH_OVER_AT: f64 = 0.7;
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) async fn tell(screen: &Screen) -> Result<()> {
    screen.line(&screen.paint(
        Ink::Bold,
        "Outlast: one ALTER TABLE, one kill -9, one switchover, no user action\n",
    ));
    let cluster = start_cluster(screen).await?;
    let table = TableName::new("shop", "customers");
    create_and_fill(&mut cluster.primary().connect().await?, &table, ROWS).await?;
    let load = LoadOptions {
        transactions_per_second: Some(150.0),
        ..LoadOptions::default()
    };
    let load = WriteLoad::start(cluster.primary_watch(), &table, load).await?;
    screen.say(
        Ink::Plain,
        &format!(
            "{} rows in shop.customers; an application writes to them",
            grouped(ROWS)
        ),
    );

    let outlast = Outlast::new(&cluster)?;
    let _agents = [outlast.start_agent("agent-1")?, outlast.start_agent("agent-2")?];
    let act = Act {
        screen,
        cluster: &cluster,
        migration: outlast
            .submit(&format!("ALTER TABLE shop.customers {CHANGES}"), &PACE)
            .await?,
        outlast: &outlast,
        load: &load,
    };
    let mut timeline = Timeline::default();
    timeline.note(
        now_ms(),
        "submitted",
        Ink::Plain,
        "ALTER TABLE shop.customers, 4 changes".to_owned(),
    );
    screen.say(
        Ink::Outlast,
        &format!(
            "outlast submit \"ALTER TABLE shop.customers …\": migration {}",
            act.migration
        ),
    );
    act.play(&mut timeline)
        .await
        .with_context(|| format!("(the agents' logs are in {})", outlast.logs()))?;
    let migration = act.migration;

    let application = load.stop().await?;
    let expected = TableName::new("shop", "expected");
    screen.say(
        Ink::Plain,
        "the application pauses; MySQL's own ALTER on a copy of the table, to compare with",
    );
    native_copy(&mut cluster.primary().connect().await?, &table, &expected, CHANGES).await?;
    screen.say(Ink::Outlast, &format!("outlast complete {migration}"));
    outlast.complete(&migration).await?;
    wait(&outlast, &migration, |_| {}, |status| status.status == "complete").await?;
    let complete = first(cluster.primary(), &migration, "complete").await?;
    timeline.note(
        complete.at,
        "complete",
        Ink::Good,
        format!("on {}", name(cluster.primary_index())),
    );
    screen.say(Ink::Good, "complete: the new table is in service; comparing every row");
    let proof = prove(&cluster, &expected, &table, &application).await?;

    let title = format!("One migration on three primaries, {:.0} s", screen.seconds(now_ms()));
    screen.line("");
    screen.rule(&title);
    timeline.print(screen);
    screen.rule("");
    proof.print(screen);
    Ok(())
}

/// The part of the story in which rows are copied.
struct Act<'a> {
    screen: &'a Screen,
    cluster: &'a Cluster,
    outlast: &'a Outlast,
    load: &'a WriteLoad,
    migration: String,
}

impl Act<'_> {
    async fn play(&self, timeline: &mut Timeline) -> Result<()> {
        let started = self.copied(0.01).await?;
        let start = first(self.cluster.primary(), &self.migration, "adopted").await?;
        let owner = started.owner.map_or(String::new(), |owner| owner.agent);
        timeline.note(
            start.at,
            "started",
            Ink::Outlast,
            format!("{owner} on db1, epoch {}", start.epoch),
        );
        timeline.part();

        let status = self.copied(CRASH_AT).await?;
        self.failover(&status)?.crash(timeline).await?;

        let status = self.copied(SWITCH_OVER_AT).await?;
        let to = self
            .cluster
            .replicas()
            .into_iter()
            .find(|index| self.cluster.node(*index).is_running());
        let to = to.context("no replica is left to switch over to")?;
        self.failover(&status)?.switch_over(to, timeline).await?;

        self.wait(|status| status.phase == "ready").await?;
        self.screen.say(
            Ink::Outlast,
            "all rows are copied and all changes caught up with: ready to complete",
        );
        Ok(())
    }

    /// A failover now, in mid-copy.
    fn failover(&self, status: &Status) -> Result<Failover<'_>> {
        ensure!(
            status.phase == "copying",
            "the copy was over before the failover: {status:?}"
        );
        Ok(Failover {
            screen: self.screen,
            cluster: self.cluster,
            migration: &self.migration,
            rows_copied: status.rows_copied,
        })
    }

    async fn copied(&self, share: f64) -> Result<Status> {
        self.wait(|status| status.progress >= share).await
    }

    async fn wait(&self, reached: impl Fn(&Status) -> bool) -> Result<Status> {
        let show = |status: &Status| {
            let doing = match (&status.owner, status.phase.as_str()) {
                (None, _) => "queued".to_owned(),
                (Some(owner), phase) => format!("{phase} by {}", owner.agent),
            };
            self.screen.progress(&format!(
                "primary {}: {doing}, {:.0} %, {} rows; application: {} transactions",
                name(self.cluster.primary_index()),
                status.progress * 100.0,
                grouped(status.rows_copied),
                grouped(self.load.acknowledged()),
            ));
        };
        wait(self.outlast, &self.migration, show, reached).await
    }
}

/// Looks at a migration again and again until it is as wanted.
async fn wait(
    outlast: &Outlast,
    migration: &str,
    show: impl Fn(&Status),
    reached: impl Fn(&Status) -> bool,
) -> Result<Status> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = outlast.status(migration).await?;
        show(&status);
        if reached(&status) {
            return Ok(status);
        }
        if ["failed", "cancelled"].contains(&status.status.as_str()) {
            bail!("the migration ended as {}: {}", status.status, status.message);
        }
        ensure!(Instant::now() < deadline, "no end within {PATIENCE:?}: {status:?}");
        sleep(LOOK_INTERVAL).await;
    }
}
