//! One migration that is brought to a point.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use outlast_mysql::failpoints::{Point, Step};
use outlast_testbed::{Cluster, LoadReport, WriteLoad, eventually};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

use super::{PATIENCE, points::Way};
use crate::{outlast, twin::Twins};

/// The application goes on with the names it knows.
const COPIED: &str =
    "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300), ADD INDEX (amount)";
/// Done twice, it would be undone.
const SWAPPED: &str = "RENAME COLUMN one TO two, RENAME COLUMN two TO one";

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) twins: Twins,
    pub(crate) id: String,
    pub(crate) way: Way,
    pub(crate) point: Point,
    /// Where it says that it is held, and is let go.
    directory: PathBuf,
    load: Option<WriteLoad>,
    run: Child,
}

impl Case {
    /// Tables, an application, and `outlast run` that stops at the point: by `action`, or by being held where there is none.
    pub(crate) async fn begin(
        cluster: &Cluster,
        logs: &Path,
        number: usize,
        (way, point): (Way, Point),
        action: Option<&str>,
    ) -> Result<Self> {
        let twins = Twins::create(cluster, number).await?;
        let load = twins.write(cluster).await?;
        let name = format!("{number:02} {way:?} {}", point.name());
        let directory = logs.join(format!("{number:02}-{way:?}-{}", point.name()));
        if directory.exists() {
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        let hold = format!("hold:{}", directory.display());
        let barrier = way.before_the_lock();
        let mut rules = vec![outlast::recording()];
        if is_after_barrier(way, point) {
            rules.push(format!("{}={hold}", barrier.name()));
        }
        if action.is_some() || point != barrier {
            rules.push(format!("{}={}", point.name(), action.unwrap_or(&hold)));
        }
        let statement = format!("ALTER TABLE {} {}", twins.migrated, changes(way));
        let mut arguments = vec!["run", statement.as_str(), "--format", "json"];
        arguments.extend(["--liveness-interval", "300ms", "--policy-param", "takeover_after=600ms"]);
        arguments.extend(["--policy-param", "adopt_grace=600ms"]);
        // Many migrations on one busy machine: how far its replicas lag is not what is tried here.
        arguments.extend(["--max-lag", "off"]);
        if way == Way::Copy {
            arguments.push("--no-instant");
        }
        let run = async || start(cluster, &arguments, &rules.join(";"), &directory).await;
        // On a busy machine, servers may not answer within a second: then it is refused.
        let (id, run) = eventually("a migration begins", PATIENCE, run).await?;
        Ok(Self {
            name,
            twins,
            id,
            way,
            point,
            directory,
            load: Some(load),
            run,
        })
    }

    /// Where it has stopped before the lock, has the application write what only the drain can bring over, and lets it go on.
    pub(crate) async fn prime(&self, cluster: &Cluster) -> Result<()> {
        if !is_after_barrier(self.way, self.point) {
            return Ok(());
        }
        let barrier = self.way.before_the_lock();
        self.wait_until_held_at(barrier).await?;
        let load = self.load.as_ref().context("no load")?;
        load.wait_for_progress(3, PATIENCE).await?;
        self.twins.raise_counter(cluster).await
    }

    /// Lets it go on from where [`Case::prime`] met it, if its point is another one.
    pub(crate) fn pass_barrier(&self, is_held: bool) -> Result<()> {
        let barrier = self.way.before_the_lock();
        match is_after_barrier(self.way, self.point) && !(is_held && self.point == barrier) {
            true => self.let_go_from(barrier),
            false => Ok(()),
        }
    }

    /// Waits until it is held at its point. Says since when.
    pub(crate) async fn wait_until_held(&self) -> Result<SystemTime> {
        self.wait_until_held_at(self.point).await
    }

    async fn wait_until_held_at(&self, point: Point) -> Result<SystemTime> {
        let file = self.directory.join(format!("{}.reached", point.name()));
        let waited = eventually("it is held there", PATIENCE, || async {
            Ok(std::fs::metadata(&file)?.modified()?)
        });
        waited.await.with_context(|| {
            format!(
                "{}: {} was not reached; see {}",
                self.name,
                point.name(),
                self.directory.display()
            )
        })
    }

    /// Lets it go on.
    pub(crate) fn let_go(&self) -> Result<()> {
        self.let_go_from(self.point)
    }

    fn let_go_from(&self, point: Point) -> Result<()> {
        std::fs::write(self.directory.join(format!("{}.go", point.name())), "").context("letting it go")
    }

    /// Waits until it has killed itself.
    pub(crate) async fn wait_until_dead(&mut self) -> Result<()> {
        use std::os::unix::process::ExitStatusExt;
        let ended = tokio::time::timeout(PATIENCE, self.run.wait()).await;
        let ended = ended.with_context(|| format!("{}: its process never came to its point", self.name))??;
        ensure!(
            ended.signal() == Some(9),
            "{}: it did not die but end: {ended}",
            self.name
        );
        Ok(())
    }

    /// Waits for the end of its process, which must be content.
    pub(crate) async fn wait_until_ended(&mut self) -> Result<()> {
        let ended = tokio::time::timeout(PATIENCE, self.run.wait()).await;
        let ended = ended.with_context(|| {
            format!(
                "{}: its process does not end, see {}",
                self.name,
                self.directory.display()
            )
        })??;
        ensure!(
            ended.code() == Some(0),
            "{}: its process ended with {ended}, see {}",
            self.name,
            self.directory.display()
        );
        Ok(())
    }

    /// The application goes on, and has lost nothing; the table is right; the end was reported once.
    pub(crate) async fn expect_right(&mut self, cluster: &Cluster) -> Result<()> {
        let report = self.stop_writing().await?;
        let context = || format!("{}, migration {}", self.name, self.id);
        let mut conn = cluster.primary().connect().await?;
        report
            .verify_acknowledged(&mut conn)
            .await?
            .expect_no_loss()
            .with_context(context)?;
        self.twins
            .expect_migrated(&mut conn, changes(self.way))
            .await
            .with_context(context)?;
        if is_after_barrier(self.way, self.point) {
            self.twins.expect_counter(&mut conn).await.with_context(context)?;
        }
        let sql = format!(
            "SELECT status, (SELECT COUNT(*) FROM _outlast.events WHERE migration = m.id AND kind = 'complete') \
             FROM _outlast.migrations m WHERE id = '{}'",
            self.id
        );
        let (status, ends): (String, u64) = cluster.primary().query_one(&sql).await?;
        ensure!(
            status == "complete" && ends == 1,
            "{}: it is {status}, and was completed {ends} times; see {}",
            self.name,
            self.directory.display()
        );
        Ok(())
    }

    async fn stop_writing(&mut self) -> Result<LoadReport> {
        let load = self.load.take().context("no load")?;
        // Whatever was locked is not locked any more.
        load.wait_for_progress(5, Duration::from_secs(10))
            .await
            .with_context(|| format!("{}: the application does not go on", self.name))?;
        let report = load.stop().await?;
        let unexplained = report.unexplained_errors();
        ensure!(
            unexplained.is_empty(),
            "{}: the application's statements failed: {unexplained:?}",
            self.name
        );
        Ok(report)
    }

    /// How the statement begins that puts the new definition in place; it is executed once, whatever happens.
    pub(crate) fn decisive_statement(&self) -> String {
        match self.way {
            Way::Copy => format!("RENAME TABLE {} TO", self.twins.migrated),
            Way::Instant => format!("ALTER TABLE {} ALGORITHM=INSTANT", self.twins.migrated),
        }
    }
}

/// `outlast run` in the background, and its migration's id.
async fn start(cluster: &Cluster, arguments: &[&str], rules: &str, directory: &Path) -> Result<(String, Child)> {
    let log = std::fs::File::create(directory.join("run.log"))?;
    let mut command = outlast::command(&cluster.addresses(), arguments)?;
    command
        .env("OUTLAST_FAILPOINTS", rules)
        .env("OUTLAST_LOG", "info,outlast_core=debug")
        .env("NO_COLOR", "1");
    let mut run = command.stdout(Stdio::piped()).stderr(log).spawn()?;
    let mut lines = BufReader::new(run.stdout.take().context("no stdout")?).lines();
    let first = lines.next_line().await?;
    let first = first.with_context(|| format!("it printed nothing, see {}", directory.display()))?;
    let event: Value = serde_json::from_str(&first)?;
    let id = event["migration"].as_str().context("no migration")?.to_owned();
    // Somebody has to read on, or the program would wait for room in the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((id, run))
}

fn changes(way: Way) -> &'static str {
    match way {
        Way::Copy => COPIED,
        Way::Instant => SWAPPED,
    }
}

/// Whether the way to the point leads past the place before the lock, or ends there.
fn is_after_barrier(way: Way, point: Point) -> bool {
    let barrier = way.before_the_lock();
    point.step != Step::PathCommit
        && point.step != Step::CutOverIntent
        && (point.step, point.side) >= (barrier.step, barrier.side)
        || point.step == Step::FinishCommit
}
