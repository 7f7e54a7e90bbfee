//! How far a replica falls behind while a table is migrated.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::Topology;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    bed::Bed,
    figures::{grouped, ratios},
    outlast::Outlast,
    report::{Part, Unit},
    stage::Stage,
};

const LIMIT: Duration = Duration::from_secs(2 * 3600);
/// Between two writes of the heartbeat, and two looks at it.
const BEAT_INTERVAL: Duration = Duration::from_millis(50);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long the heartbeat goes before something happens.
const WARM_UP: Duration = Duration::from_secs(2);

/// What is measured in turn.
#[derive(Debug, Clone, Copy)]
enum Way {
    Outlast,
    SingleLane,
    NativeCopy,
}

#[derive(Default)]
struct Samples {
    outlast: Vec<f64>,
    single_lane: Vec<f64>,
    native: Vec<f64>,
}

/// Measures the greatest lag of a replica with four workers, each way.
pub(crate) async fn measure(stage: &Stage, part: &mut Part) -> Result<()> {
    let bed = Bed::start(stage, Topology::AsyncGtid { nodes: 2 }).await?;
    let outlast = Outlast::new(stage, &bed);
    bed.fill(stage, stage.rows()).await?;
    bed.primary()
        .execute("CREATE TABLE test.heart (id INT NOT NULL PRIMARY KEY, beat BIGINT UNSIGNED NOT NULL)")
        .await?;
    bed.primary().execute("INSERT INTO test.heart VALUES (1, 0)").await?;
    let workers: u64 = bed
        .cluster
        .node(1)
        .query_one("SELECT @@replica_parallel_workers")
        .await?;
    let mut samples = Samples::default();
    let outcome = repeat(stage, &bed, &outlast, &mut samples).await;
    for (what, against) in [
        ("MySQL's own ALTER's", &samples.native),
        ("a single lane's", &samples.single_lane),
    ] {
        let name = format!("greatest lag, of {what}, {} rows", grouped(stage.rows()));
        part.median(name, Unit::Ratio, &ratios(&samples.outlast, against));
    }
    for (what, list) in [
        ("outlast run", &samples.outlast),
        ("outlast run --lanes 1", &samples.single_lane),
        ("native ALGORITHM=COPY", &samples.native),
    ] {
        part.median(format!("greatest lag, {what}"), Unit::Seconds, list);
    }
    part.remark(format!(
        "an asynchronous replica on the same machine, with {workers} workers; from the write of a row on the primary every {BEAT_INTERVAL:?} \
         to its visibility on the replica"
    ));
    outcome
}

async fn repeat(stage: &Stage, bed: &Bed, outlast: &Outlast, samples: &mut Samples) -> Result<()> {
    let mut ways = [Way::Outlast, Way::NativeCopy, Way::SingleLane];
    for run in 1..=stage.runs() {
        for way in ways {
            bed.fresh_table().await?;
            let heart = Heart::start(bed).await?;
            tokio::time::sleep(WARM_UP).await;
            match way {
                Way::Outlast => {
                    outlast.run(bed, &format!("lag-{run}"), &[], LIMIT).await?;
                }
                Way::SingleLane => {
                    let name = format!("lag-single-lane-{run}");
                    outlast.run(bed, &name, &["--lanes", "1"], LIMIT).await?;
                }
                Way::NativeCopy => {
                    bed.alter("ALGORITHM=COPY").await?;
                }
            }
            let lag = heart.stop().await?;
            match way {
                Way::Outlast => samples.outlast.push(lag),
                Way::SingleLane => samples.single_lane.push(lag),
                Way::NativeCopy => samples.native.push(lag),
            }
            stage.say(&format!(
                "replica-lag, run {run} of {}: {way:?}: {lag:.2} s",
                stage.runs()
            ));
        }
        // The next run begins with another.
        ways.rotate_left(1);
    }
    Ok(())
}

/// A row that is written all the time on the primary, and looked at on the replica.
struct Heart {
    stop: watch::Sender<bool>,
    beating: JoinHandle<Result<u64>>,
    looking: JoinHandle<Result<Duration>>,
    last: watch::Sender<Option<u64>>,
}

impl Heart {
    async fn start(bed: &Bed) -> Result<Self> {
        let begun = Instant::now();
        let (stop, last) = (watch::Sender::new(false), watch::Sender::new(None));
        let primary = bed.primary().connect().await?;
        let replica = bed.cluster.node(1).connect().await?;
        // What an earlier heart wrote last is no beat of this one.
        bed.primary().execute("UPDATE test.heart SET beat = 0").await?;
        bed.cluster.wait_for_catch_up(1, LIMIT).await?;
        let beating = tokio::spawn(beat(primary, begun, stop.subscribe()));
        let looking = tokio::spawn(look(replica, begun, last.subscribe()));
        Ok(Self {
            stop,
            beating,
            looking,
            last,
        })
    }

    /// Waits until the replica has the last beat; returns the greatest lag, in seconds.
    async fn stop(self) -> Result<f64> {
        self.stop.send_replace(true);
        let last = self.beating.await.context("the heart panicked")??;
        self.last.send_replace(Some(last));
        let looked = tokio::time::timeout(LIMIT, self.looking).await;
        let lag = looked.context("the replica never catches up")?;
        Ok(lag.context("looking panicked")??.as_secs_f64())
    }
}

/// Writes the time until told to stop; returns the last that was written.
async fn beat(mut conn: Conn, begun: Instant, stop: watch::Receiver<bool>) -> Result<u64> {
    loop {
        let is_last = *stop.borrow();
        let now = micros(begun.elapsed());
        conn.exec_drop("UPDATE test.heart SET beat = ?", (now,))
            .await
            .context("writing the heartbeat")?;
        if is_last {
            return Ok(now);
        }
        tokio::time::sleep(BEAT_INTERVAL).await;
    }
}

/// Looks until the last beat is seen; returns how old a beat was, at most, when it was seen first.
async fn look(mut conn: Conn, begun: Instant, last: watch::Receiver<Option<u64>>) -> Result<Duration> {
    let mut greatest = Duration::ZERO;
    let mut seen = 0;
    loop {
        let beat: Option<u64> = conn
            .query_first("SELECT beat FROM test.heart")
            .await
            .context("looking at the heartbeat")?;
        let beat = beat.context("the heartbeat is gone")?;
        if beat > seen {
            seen = beat;
            greatest = greatest.max(begun.elapsed().saturating_sub(Duration::from_micros(beat)));
        }
        if Some(beat) == *last.borrow() {
            return Ok(greatest);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
