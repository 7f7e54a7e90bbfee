//! The ledger under everything that can happen to a stream, in random order.
//!
//! Each seed is one migration on a cluster in memory: an application that writes (transactions that are in the binlog before
//! they are visible, XA transactions that end late or not at all), chunks and batches whose transactions are in any state
//! when the next thing happens, owners that die, hang and come back as zombies, replies that are lost, promotions that lose
//! transactions. After every step, invariant I5 is checked on every server; at the end, the shadow equals the source.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::*;
use crate::{
    checkpoint::CheckpointStore,
    clock::Clock,
    ids::{AgentId, Epoch, Incarnation, MigrationId, Server},
    memory::{Cluster, ManualClock, MemoryCheckpoints, MemoryScheduler, MemoryStream, TableName, key_number},
    scheduler::{Lease, Options, Scheduler, Submission},
    stream::{Applier, Changes, Copied, OpenStream, Stream},
};

const SEEDS: u64 = 2000;
/// Rows have keys below this.
const KEYS: u64 = 12;

#[test]
fn whatever_happens_the_shadow_becomes_the_source() {
    let only = std::env::var("OUTLAST_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let run = std::panic::catch_unwind(|| World::new(seed).run());
        let violation = match run {
            Ok(Ok(())) => continue,
            Ok(Err(violation)) => violation,
            Err(_) => "a panic, told above".to_owned(),
        };
        panic!("seed {seed}: {violation}\nto see it again: OUTLAST_SEED={seed}");
    }
}

/// Polls once: until the next place where others may go ahead.
fn poll<T>(future: &mut BoxFuture<'static, T>) -> Option<T> {
    future.now_or_never()
}

/// Polls to the end, with nobody going ahead.
fn complete<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..10_000 {
        if let Some(result) = future.as_mut().now_or_never() {
            return result;
        }
    }
    panic!("it waits for something that never happens");
}

/// One owner's stream.
struct Owner {
    stream: Arc<dyn OpenStream>,
    ledger: Ledger,
    reader: Reader,
    copies: Vec<(KeyRange, BoxFuture<'static, Result<Copied>>)>,
    batch: Option<(Batch, BoxFuture<'static, Result<()>>)>,
}

type Read = (Box<dyn Changes>, Result<Vec<Change>>);

/// The reader of changes is either idle or being waited for.
enum Reader {
    Idle(Box<dyn Changes>),
    Waiting(BoxFuture<'static, Read>),
    Ended,
}

impl Owner {
    fn open(stream: Arc<dyn OpenStream>) -> Result<Self> {
        let checkpoint = complete(stream.checkpoint())?.expect("it was prepared");
        let changes = complete(stream.changes(&checkpoint.position))?;
        Ok(Self {
            stream,
            ledger: Ledger::restore(checkpoint)?,
            reader: Reader::Idle(changes),
            copies: Vec::new(),
            batch: None,
        })
    }

    /// Does or continues one thing, a little or for long. An error ends the owner.
    fn step(&mut self, random: &mut StdRng) -> Result<()> {
        let what = random.random_range(0..20);
        for _ in 0..*[1, 1, 3, 9].choose(random).unwrap_or(&1) {
            match what {
                0..6 => self.read()?,
                6..8 => self.begin_copy(random)?,
                8..12 => self.copy(random)?,
                12..17 => self.apply(random)?,
                17 => return complete(self.stream.advance(self.ledger.position())),
                18 => return self.shrink(random),
                _ => return self.fold(),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        self.reader = match std::mem::replace(&mut self.reader, Reader::Ended) {
            Reader::Idle(mut changes) => Reader::Waiting(
                async move {
                    let next = changes.next().await;
                    (changes, next)
                }
                .boxed(),
            ),
            Reader::Waiting(mut waiting) => match poll(&mut waiting) {
                None => Reader::Waiting(waiting),
                Some((changes, next)) => {
                    for change in next? {
                        self.ledger.record(change);
                    }
                    Reader::Idle(changes)
                }
            },
            Reader::Ended => Reader::Ended,
        };
        Ok(())
    }

    fn begin_copy(&mut self, random: &mut StdRng) -> Result<()> {
        let Some(gap) = self.ledger.first_gap().filter(|_| self.copies.len() < 3) else {
            return Ok(());
        };
        let above = gap.after.as_ref().map_or(Ok(0), key_number)?;
        let upto = above + random.random_range(1..4);
        let inside = |upto: &u64| *upto < KEYS && gap.upto.as_ref().is_none_or(|end| key(*upto) < *end);
        let range = KeyRange {
            after: gap.after.clone(),
            upto: Some(upto).filter(inside).map(key).or_else(|| gap.upto.clone()),
        };
        self.ledger.begin_chunk(&range)?;
        self.start_copy(range);
        Ok(())
    }

    fn start_copy(&mut self, range: KeyRange) {
        let (stream, copied) = (Arc::clone(&self.stream), range.clone());
        self.copies
            .push((range, async move { stream.copy(&copied).await }.boxed()));
    }

    fn copy(&mut self, random: &mut StdRng) -> Result<()> {
        if self.copies.is_empty() {
            return Ok(());
        }
        let at = random.random_range(0..self.copies.len());
        if let Some(copied) = poll(&mut self.copies[at].1) {
            let (range, _) = self.copies.swap_remove(at);
            match copied? {
                Copied::Rows(rows) => self.ledger.finish_chunk(&range, rows)?,
                Copied::Collision(collision) => panic!("{collision:?} without a unique key"),
            }
        }
        Ok(())
    }

    /// A chunk turns out to be too big and is rolled back; a smaller one begins.
    fn shrink(&mut self, random: &mut StdRng) -> Result<()> {
        let Some(at) = (0..self.copies.len()).collect::<Vec<_>>().choose(random).copied() else {
            return Ok(());
        };
        let range = &self.copies[at].0;
        let upto = key(range.after.as_ref().map_or(Ok(0), key_number)? + 1);
        if range.upto.as_ref().is_some_and(|end| *end <= upto) {
            return Ok(());
        }
        let (range, _) = self.copies.swap_remove(at);
        let smaller = self.ledger.shrink_chunk(&range, upto);
        self.start_copy(smaller);
        Ok(())
    }

    fn apply(&mut self, random: &mut StdRng) -> Result<()> {
        match self.batch.take() {
            None => {
                if let Some(batch) = self.ledger.take_batch(random.random_range(1..4)) {
                    let (stream, keys, position) =
                        (Arc::clone(&self.stream), batch.keys.clone(), batch.position.clone());
                    self.batch = Some((
                        batch,
                        async move { stream.apply(Applier::Alone, &keys, &position).await.map(drop) }.boxed(),
                    ));
                }
            }
            // A deadlock: it is rolled back and tried again.
            Some((batch, _)) if random.random_ratio(1, 30) => self.ledger.batch_returned(batch),
            Some((batch, mut applying)) => match poll(&mut applying) {
                None => self.batch = Some((batch, applying)),
                Some(applied) => {
                    applied?;
                    self.ledger.batch_applied(batch);
                }
            },
        }
        Ok(())
    }

    fn fold(&mut self) -> Result<()> {
        if let Some((range, chunks)) = self.ledger.foldable() {
            complete(self.stream.fold(range.upto.as_ref(), &chunks))?;
            self.ledger.folded(&chunks);
        }
        Ok(())
    }
}

struct World {
    random: StdRng,
    cluster: Arc<Cluster>,
    scheduler: MemoryScheduler,
    streams: MemoryStream,
    table: TableName,
    id: MigrationId,
    primary: Server,
    replica: Server,
    owner: Option<Owner>,
    /// Owners that have not noticed that they are none any more.
    zombies: Vec<Owner>,
    writes: u64,
    adoptions: u64,
    failures_left: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let clock: Arc<dyn Clock> = ManualClock::seeded(seed);
        let (cluster, servers) = Cluster::with_servers(clock, 2);
        let store: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new(&cluster));
        let table = TableName::new("app", "t");
        let initial: Vec<(u64, u64)> = (0..KEYS)
            .filter(|_| random.random_ratio(2, 3))
            .map(|key| (key, 0))
            .collect();
        cluster.create_table(&servers[0], &table, initial);
        let mut world = Self {
            scheduler: MemoryScheduler::new(&cluster),
            streams: MemoryStream::new(&cluster, Arc::clone(&store)),
            id: MigrationId::from_random(seed),
            primary: servers[0].clone(),
            replica: servers[1].clone(),
            owner: None,
            zombies: Vec::new(),
            writes: 0,
            adoptions: 0,
            failures_left: random.random_range(0..8),
            random,
            cluster,
            table,
        };
        world.prepare(&*store).expect("nothing happens yet");
        world
    }

    /// From here on, every server knows the migration.
    fn prepare(&mut self, store: &dyn CheckpointStore) -> Result<()> {
        complete(self.scheduler.install(&self.primary))?;
        complete(store.install(&self.primary))?;
        let submission = Submission {
            id: self.id.clone(),
            statement: format!("ALTER TABLE {} ENGINE=InnoDB", self.table),
            schema: self.table.schema.clone(),
            table: self.table.table.clone(),
            options: Options::default(),
            components: Vec::new(),
        };
        complete(self.scheduler.submit(&self.primary, &submission))?;
        let stream = self.open()?;
        complete(stream.prepare())?;
        self.cluster.replicate_all();
        self.owner = Some(Owner::open(stream)?);
        self.cluster.set_reply_loss(0.01);
        Ok(())
    }

    fn run(mut self) -> Result<(), String> {
        for _ in 0..self.random.random_range(50..200) {
            self.step();
            self.check()?;
        }
        self.finish()
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..25 => self.write(),
            25..31 => self.end_xa(),
            31..35 => self.cluster.settle_one(&self.primary),
            35..40 => {
                let count = self.random.random_range(1..5);
                self.cluster.replicate(&self.primary, &self.replica, count);
            }
            40..85 => self.step_owner(),
            85..95 => self.step_zombie(),
            _ if self.failures_left > 0 => {
                self.failures_left -= 1;
                self.fail();
            }
            _ => {}
        }
    }

    /// The application. What it may not write because of a lock, it does not write.
    fn write(&mut self) {
        self.writes += 1;
        let value = self.writes;
        let mut rows = Vec::new();
        for _ in 0..self.random.random_range(1..4) {
            let key = self.random.random_range(0..KEYS);
            rows.push((key, (!self.random.random_ratio(1, 3)).then_some(value)));
        }
        let _ = match self.random.random_range(0..10) {
            0..2 => {
                let xid = Xid(format!("xa-{value}").into_bytes());
                self.cluster.xa_prepare(&self.primary, &xid, &self.table, &rows)
            }
            2 => self.cluster.write(&self.primary, &self.table, &rows),
            _ => self.cluster.flush(&self.primary, &self.table, &rows),
        };
    }

    fn end_xa(&mut self) {
        if let Some(xid) = self.cluster.xa_recover(&self.primary).choose(&mut self.random) {
            let ended = match self.random.random_ratio(2, 3) {
                true => self.cluster.xa_commit(&self.primary, xid),
                false => self.cluster.xa_rollback(&self.primary, xid),
            };
            ended.expect("it is prepared");
        }
    }

    fn step_owner(&mut self) {
        match self.owner.take() {
            Some(mut owner) => match owner.step(&mut self.random) {
                Ok(()) => self.owner = Some(owner),
                Err(error) => assert!(ends_an_owner(&error), "{error:?}"),
            },
            None => match self.open().and_then(Owner::open) {
                Ok(owner) => self.owner = Some(owner),
                Err(error) => assert!(ends_an_owner(&error), "{error:?}"),
            },
        }
    }

    fn step_zombie(&mut self) {
        if !self.zombies.is_empty() {
            let at = self.random.random_range(0..self.zombies.len());
            if let Err(error) = self.zombies[at].step(&mut self.random) {
                assert!(ends_an_owner(&error), "{error:?}");
                self.zombies.swap_remove(at);
            }
        }
    }

    /// The owner hangs or dies, or connections break, or the primary is lost; perhaps the next one, too, before anybody noticed.
    fn fail(&mut self) {
        match self.random.random_range(0..10) {
            0..3 => self.zombies.extend(self.owner.take()),
            3 => self.owner = None,
            4 => self.cluster.disconnect(&self.primary),
            _ => {
                for _ in 0..self.random.random_range(1..3) {
                    self.lose_primary();
                }
                if self.random.random() {
                    self.zombies.extend(self.owner.take());
                }
            }
        }
    }

    /// A promotion that may lose what the replica had not received. The old primary comes back as a replica of the new one.
    fn lose_primary(&mut self) {
        let received = self.random.random_range(0..8);
        self.cluster.replicate(&self.primary, &self.replica, received);
        self.cluster.kill(&self.primary);
        self.cluster.promote(&self.replica);
        std::mem::swap(&mut self.primary, &mut self.replica);
        self.cluster.rebuild(&self.replica, &self.primary);
    }

    /// Adopts, as invariant I7 wants it.
    fn open(&mut self) -> Result<Arc<dyn OpenStream>> {
        self.adoptions += 1;
        let epoch = complete(self.scheduler.get(&self.primary, &self.id))?.epoch;
        let lease = self.adopt(epoch)?;
        let migration = complete(self.scheduler.get(&self.primary, &self.id))?;
        complete(self.streams.open(&lease, &migration))
    }

    fn adopt(&self, expected: Epoch) -> Result<Lease> {
        let (agent, incarnation) = (
            AgentId::new("random"),
            Incarnation::new(format!("life {}", self.adoptions)),
        );
        complete(
            self.scheduler
                .adopt(&self.primary, &self.id, expected, &agent, &incarnation),
        )
    }

    fn check(&self) -> Result<(), String> {
        self.cluster.check(&self.primary)?;
        self.cluster.check(&self.replica)
    }

    /// Nothing happens any more but the rest of the work.
    fn finish(mut self) -> Result<(), String> {
        self.cluster.set_reply_loss(0.0);
        for xid in self.cluster.xa_recover(&self.primary) {
            self.cluster.xa_commit(&self.primary, &xid).expect("it is prepared");
        }
        self.cluster.settle(&self.primary);
        for _ in 0..20_000 {
            self.step_owner();
            let executed = self.cluster.executed(&self.primary);
            if self
                .owner
                .as_ref()
                .is_some_and(|owner| owner.batch.is_none() && owner.ledger.is_drained(&executed))
            {
                break;
            }
        }
        self.check()?;
        self.compare()?;
        let mut owner = self.owner.ok_or("there is no owner at the end")?;
        let position = owner.ledger.position().clone();
        if position != *owner.ledger.processed() {
            return Err(format!(
                "the position {position} never reached {}",
                owner.ledger.processed()
            ));
        }
        if !owner.ledger.copy_is_complete() {
            return Err("the copy never became complete".to_owned());
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), String> {
        let migration = complete(self.scheduler.get(&self.primary, &self.id)).map_err(|error| error.to_string())?;
        let source = self.cluster.rows(&self.primary, &self.table);
        let shadow = self.cluster.rows(&self.primary, &TableName::shadow(&migration));
        if source != shadow {
            return Err(format!("the source is {source:?}\nand the shadow {shadow:?}"));
        }
        Ok(())
    }
}

/// Whether an owner may meet this: all else is a violation.
fn ends_an_owner(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ServerGone | ErrorKind::NotPrimary | ErrorKind::Fenced
    )
}
