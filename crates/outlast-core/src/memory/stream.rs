//! [`Stream`] of a table in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;

use crate::{
    checkpoint::{Checkpoint, CheckpointStore, Progress, Transaction},
    error::{Error, ErrorKind, Result},
    gtid::GtidSet,
    ids::Server,
    intent::{Altered, Choice, Intent, IntentState},
    key::{Key, KeyRange},
    ledger::Chunk,
    scheduler::{Lease, Migration, Path},
    stream::{Applier, Changes, Collision, Copied, CutOver, Examination, Examined, OpenStream, Stream, SwapState},
};

use super::{
    changes::MemoryChanges,
    cluster::{Cluster, Session},
    cut_over::MemoryCutOver,
    data::{Data, Table, TableName},
    instant,
    log::Write,
    row_key::{key, key_number},
    session::{MemoryTransaction, by},
};

/// Streams between tables in memory.
pub struct MemoryStream {
    cluster: Arc<Cluster>,
    store: Arc<dyn CheckpointStore>,
}

impl MemoryStream {
    /// Streams on `cluster`, recording in `store`, which must be one that knows [`MemoryTransaction`].
    pub fn new(cluster: &Arc<Cluster>, store: Arc<dyn CheckpointStore>) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            store,
        }
    }
}

/// The three tables of a migration.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) source: TableName,
    pub(super) shadow: TableName,
    pub(super) retired: TableName,
}

#[async_trait]
impl Stream for MemoryStream {
    fn target(&self, request: &Examination) -> Result<(String, String)> {
        let name = table_of(&request.statement, request.default_schema.as_deref())?;
        Ok((name.schema, name.table))
    }

    async fn examine(&self, primary: &Server, request: &Examination) -> Result<Examined> {
        let name = table_of(&request.statement, request.default_schema.as_deref())?;
        self.cluster
            .query(primary, |node, _| {
                let table = node.data.table(&name)?;
                let is_direct = request.allow_direct && contains(&request.statement, SWAP);
                Ok(Examined {
                    path: if is_direct { Path::Instant } else { Path::Copy },
                    table_rows: table.rows.len() as u64,
                    schema: name.schema.clone(),
                    table: name.table.clone(),
                    why_copied: match is_direct {
                        true => String::new(),
                        false => "the change is about rows".to_owned(),
                    },
                    direct: is_direct.then(|| request.statement.clone()),
                    key: "PRIMARY".to_owned(),
                    key_columns: vec!["id".to_owned()],
                    columns: Vec::new(),
                    space: None,
                })
            })
            .await
    }

    async fn open(&self, lease: &Lease, migration: &Migration) -> Result<Arc<dyn OpenStream>> {
        self.cluster.pause().await;
        Ok(Arc::new(Open {
            session: self.cluster.connect(&lease.server)?,
            cluster: Arc::clone(&self.cluster),
            store: Arc::clone(&self.store),
            lease: lease.clone(),
            unique_values: contains(&migration.statement, "ADD UNIQUE"),
            swaps_columns: contains(&migration.statement, SWAP),
            names: Names {
                source: TableName::source(migration),
                shadow: TableName::shadow(migration),
                retired: TableName::retired(migration),
            },
        }))
    }

    async fn own_tables(&self, server: &Server) -> Result<BTreeSet<(String, String)>> {
        let is_own = |name: &&TableName| name.schema.starts_with("_outlast_");
        self.cluster
            .query(server, |node, _| {
                let own = node.data.tables.keys().filter(is_own);
                Ok(own.map(|name| (name.schema.clone(), name.table.clone())).collect())
            })
            .await
    }

    async fn clean_up(&self, primary: &Server, migration: &Migration) -> Result<()> {
        if !migration.status.is_final() {
            let message = format!("migration {} has not ended", migration.id);
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
        let session = self.cluster.connect(primary)?;
        let tables = [TableName::shadow(migration), TableName::retired(migration)];
        self.cluster
            .commit_in(&session, |_, _| Ok((tables.map(Write::Drop).into(), ())))
    }
}

/// In a statement, what swaps the names of the two columns.
pub(super) const SWAP: &str = "RENAME COLUMN";

fn contains(statement: &str, words: &str) -> bool {
    statement.to_ascii_uppercase().contains(words)
}

/// The table that `ALTER TABLE [schema.]table …` names.
fn table_of(statement: &str, default_schema: Option<&str>) -> Result<TableName> {
    let rejected =
        |why: &str| Error::new(ErrorKind::StatementRejected, format!("{why}: {statement:.200}")).with_code(1064);
    let mut words = statement.split_whitespace();
    let is = |word: Option<&str>, keyword: &str| word.is_some_and(|w| w.eq_ignore_ascii_case(keyword));
    if !is(words.next(), "ALTER") || !is(words.next(), "TABLE") {
        return Err(rejected("not an ALTER TABLE statement"));
    }
    let name = words
        .next()
        .ok_or_else(|| rejected("no table is named"))?
        .replace('`', "");
    match (name.split_once('.'), default_schema) {
        (Some((schema, table)), _) => Ok(TableName::new(schema, table)),
        (None, Some(schema)) => Ok(TableName::new(schema, name)),
        (None, None) => Err(rejected("No database selected")),
    }
}

struct Open {
    cluster: Arc<Cluster>,
    /// The first session; when it is lost, so are all others.
    session: Session,
    store: Arc<dyn CheckpointStore>,
    lease: Lease,
    names: Names,
    unique_values: bool,
    swaps_columns: bool,
}

impl Open {
    async fn connect(&self) -> Result<Session> {
        self.cluster.pause().await;
        self.cluster.connect_beside(&self.session)
    }

    async fn begin(&self) -> Result<Box<MemoryTransaction>> {
        let session = self.connect().await?;
        Ok(Box::new(MemoryTransaction::begin_in(
            &self.cluster,
            session,
            &self.lease,
        )?))
    }

    async fn commit(&self, mut transaction: Box<MemoryTransaction>, progress: Progress<'_>) -> Result<()> {
        let recorded = self.store.record(&mut *transaction, progress.clone()).await?;
        transaction.commit(recorded).await?;
        self.cluster.memory.committed(&progress);
        Ok(())
    }

    /// DDL is a transaction of its own.
    async fn statement(&self, write: Write) -> Result<()> {
        let session = self.connect().await?;
        self.cluster.commit_in(&session, |node, _| {
            node.check_fence(&self.lease)?;
            Ok((vec![write, by(&self.lease)], ()))
        })
    }

    async fn query<T>(&self, ask: impl FnOnce(&Data) -> Result<T> + Send) -> Result<T> {
        let session = self.connect().await?;
        self.cluster.in_session(&session, |node| ask(&node.data))
    }

    /// Refuses the chunk if its rows meet rows of the shadow on the copy key; tells whom they meet on the unique key.
    fn meets(&self, shadow: &Table, rows: &BTreeMap<u64, u64>) -> Result<Option<Collision>> {
        if let Some(number) = rows.keys().find(|number| shadow.rows.contains_key(number)) {
            let message = format!("row {number} of {} was copied before", self.names.shadow);
            return Err(Error::new(ErrorKind::Inconsistent, message).with_code(1062));
        }
        let held = |value: &u64| Some((*value, shadow.holder(*value, &BTreeSet::new())?));
        let held: BTreeMap<u64, u64> = rows.values().filter_map(held).collect();
        let keys: Vec<Key> = held
            .values()
            .copied()
            .collect::<BTreeSet<u64>>()
            .into_iter()
            .map(key)
            .collect();
        let (value, message) = if let Some(value) = held.keys().next() {
            let message = format!("rows {keys:?} of {} hold values of the chunk", self.names.shadow);
            (*value, message)
        } else if let Some((value, one, other)) = twice(shadow, rows.iter()) {
            (value, duplicate(value, one, other).message().to_owned())
        } else {
            return Ok(None);
        };
        Ok(Some(Collision {
            keys,
            duplicate: value.to_string(),
            message,
        }))
    }
}

#[async_trait]
impl OpenStream for Open {
    async fn swap_state(&self) -> Result<SwapState> {
        let Names {
            source,
            shadow,
            retired,
        } = &self.names;
        self.query(|data| {
            let exists = |name| data.tables.contains_key(name);
            match (exists(source), exists(shadow), exists(retired)) {
                (true, false, false) => Ok(SwapState::Unprepared),
                (true, true, false) => Ok(SwapState::Shadowed),
                (true, false, true) => Ok(SwapState::Swapped),
                (is_source, is_shadow, is_retired) => Err(Error::new(
                    ErrorKind::Inconsistent,
                    format!("{source}: {is_source}, {shadow}: {is_shadow}, {retired}: {is_retired} fit no state"),
                )),
            }
        })
        .await
    }

    async fn propose(&self) -> Result<Choice> {
        let source = &self.names.source;
        let swaps_columns = self.swaps_columns;
        self.query(|data| Ok(instant::propose(source, data.table(source)?, swaps_columns)))
            .await
    }

    async fn intent_state(&self, intent: &Intent) -> Result<IntentState> {
        self.query(|data| instant::state(data.table(&self.names.source)?, intent))
            .await
    }

    async fn alter(&self, intent: &Intent) -> Result<Altered> {
        let session = self.connect().await?;
        instant::alter(&self.cluster, &session, &self.lease, &self.names.source, intent).await
    }

    async fn prepare(&self) -> Result<()> {
        let Names { source, shadow, .. } = &self.names;
        let session = self.connect().await?;
        let (is_begun, is_left_over) = self.cluster.in_session(&session, |node| {
            node.check_fence(&self.lease)?;
            node.data.table(source)?;
            let is_begun = node.data.checkpoints.contains_key(&self.lease.migration);
            Ok((is_begun, node.data.tables.contains_key(shadow)))
        })?;
        if is_begun {
            return Ok(());
        }
        if is_left_over {
            self.statement(Write::Drop(shadow.clone())).await?;
        }
        let create = Write::Create {
            table: shadow.clone(),
            unique_values: self.unique_values,
        };
        self.statement(create).await?;
        if self.swaps_columns {
            self.statement(Write::SwapColumns(shadow.clone())).await?;
        }
        let transaction = self.begin().await?;
        let position = transaction.read(|node| {
            // The keys of a transaction that is prepared before the position would never be read again: its PREPARE is in
            // the position, and its COMMIT names no keys.
            if node.data.is_xa_locked(source, None) {
                let message = format!("a prepared XA transaction has changed {source}; it must end first");
                return Err(Error::new(ErrorKind::Passing, message));
            }
            Ok(node.executed.clone())
        })?;
        self.commit(transaction, Progress::Begin { position: &position }).await
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let checkpoint = match self.cluster.memory.instead() {
            None => self.store.load(&self.lease.server, &self.lease.migration).await?,
            remembered => remembered,
        };
        // What a server holds after it was lost and came back is not this stream's any more.
        self.connect().await?;
        Ok(checkpoint)
    }

    async fn table_rows(&self) -> Result<u64> {
        self.query(|data| Ok(data.table(&self.names.source)?.rows.len() as u64))
            .await
    }

    async fn executed(&self) -> Result<GtidSet> {
        let session = self.connect().await?;
        self.cluster.in_session(&session, |node| Ok(node.executed.clone()))
    }

    async fn boundary(&self, range: &KeyRange, rows: u64) -> Result<Option<Key>> {
        let nth = usize::try_from(rows.saturating_sub(1)).unwrap_or(usize::MAX);
        self.query(|data| {
            let rows = &data.table(&self.names.source)?.rows;
            Ok(rows
                .keys()
                .map(|number| key(*number))
                .filter(|key| range.contains(key))
                .nth(nth))
        })
        .await
    }

    async fn copy(&self, range: &KeyRange) -> Result<Copied> {
        let mut transaction = self.begin().await?;
        self.cluster.pause().await;
        // The snapshot; what the application commits from here on is not in it.
        let (rows, collision) = transaction.read(|node| {
            let source = &node.data.table(&self.names.source)?.rows;
            let in_range = source.iter().filter(|(number, _)| range.contains(&key(**number)));
            let rows: BTreeMap<u64, u64> = in_range.map(|(number, value)| (*number, *value)).collect();
            let collision = self.meets(node.data.table(&self.names.shadow)?, &rows)?;
            Ok((rows, collision))
        })?;
        if let Some(collision) = collision {
            transaction.rollback().await?;
            return Ok(Copied::Collision(collision));
        }
        for (number, value) in &rows {
            transaction.set_row(&self.names.shadow, *number, Some(*value));
        }
        let chunk = Chunk {
            range: range.clone(),
            rows: rows.len() as u64,
        };
        self.commit(transaction, Progress::Copied(&chunk)).await?;
        Ok(Copied::Rows(chunk.rows))
    }

    async fn apply(&self, applier: Applier, keys: &[Key], position: &GtidSet) -> Result<Vec<Key>> {
        let numbers: Vec<u64> = keys.iter().map(key_number).collect::<Result<_>>()?;
        let mut transaction = self.begin().await?;
        self.cluster.pause().await;
        let Reread { writes, displaced } = transaction.read(|node| reread(&node.data, &self.names, &numbers))?;
        if let Applier::OneOf(_) = applier
            && !displaced.is_empty()
        {
            let message = "values of these rows are held by rows that another applier may have";
            return Err(Error::new(ErrorKind::Duplicate, message).with_code(1062));
        }
        for write in writes {
            transaction.push(write);
        }
        let progress = match applier {
            Applier::Alone => Progress::Advanced { position },
            Applier::OneOf(applier) => Progress::Applied { applier, position },
        };
        self.commit(transaction, progress).await?;
        Ok(displaced)
    }

    async fn advance(&self, position: &GtidSet) -> Result<()> {
        let transaction = self.begin().await?;
        self.commit(transaction, Progress::Advanced { position }).await
    }

    async fn fold(&self, upto: Option<&Key>, chunks: &[Chunk]) -> Result<()> {
        let transaction = self.begin().await?;
        self.commit(transaction, Progress::Folded { upto, chunks }).await
    }

    async fn changes(&self, position: &GtidSet) -> Result<Box<dyn Changes>> {
        let session = self.connect().await?;
        let Names { source, retired, .. } = self.names.clone();
        Ok(Box::new(MemoryChanges::open(
            &self.cluster,
            session,
            source,
            retired,
            position,
        )?))
    }

    async fn missing_indexes(&self) -> Result<Vec<String>> {
        // Tables in memory have none.
        Ok(Vec::new())
    }

    async fn build_indexes(&self) -> Result<()> {
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        // Tables in memory are bound to nothing.
        Ok(())
    }

    async fn lock(&self) -> Result<Box<dyn CutOver>> {
        let cut_over = MemoryCutOver::lock(&self.cluster, self.connect().await?, &self.lease, &self.names).await?;
        Ok(Box::new(cut_over))
    }
}

/// What makes rows of the shadow equal to the source.
pub(super) struct Reread {
    pub(super) writes: Vec<Write>,
    /// Rows that are deleted because they stand in the way with old values.
    pub(super) displaced: Vec<Key>,
}

/// Reads these rows of the source again.
pub(super) fn reread(data: &Data, names: &Names, numbers: &[u64]) -> Result<Reread> {
    let source = &data.table(&names.source)?.rows;
    let shadow = data.table(&names.shadow)?;
    let numbers: BTreeSet<u64> = numbers.iter().copied().collect();
    let rows = numbers.iter().filter_map(|number| source.get_key_value(number));
    if let Some((value, one, other)) = twice(shadow, rows.clone()) {
        return Err(duplicate(value, one, other));
    }
    let write = |number: u64, value: Option<u64>| Write::Row {
        table: names.shadow.clone(),
        key: number,
        value,
    };
    let (mut writes, mut displaced) = (Vec::new(), Vec::new());
    for (number, value) in rows {
        if let Some(holder) = shadow.holder(*value, &numbers) {
            if source.get(&holder) == Some(value) {
                return Err(duplicate(*value, *number, holder));
            }
            writes.push(write(holder, None));
            displaced.push(key(holder));
        }
    }
    writes.extend(numbers.iter().map(|number| write(*number, source.get(number).copied())));
    Ok(Reread { writes, displaced })
}

/// A value that two of these rows have, and both rows, if values are unique in the shadow.
fn twice<'a>(shadow: &Table, rows: impl Iterator<Item = (&'a u64, &'a u64)>) -> Option<(u64, u64, u64)> {
    let mut holders: BTreeMap<u64, u64> = BTreeMap::new();
    let mut rows = rows.filter(|_| shadow.unique_values);
    rows.find_map(|(number, value)| Some((*value, holders.insert(*value, *number)?, *number)))
}

fn duplicate(value: u64, one: u64, other: u64) -> Error {
    let message = format!("value {value} of a unique key is in both rows {one} and {other}");
    Error::new(ErrorKind::Duplicate, message).with_code(1062)
}
