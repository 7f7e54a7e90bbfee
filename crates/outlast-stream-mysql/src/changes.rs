//! The binlog reader: which keys of the source each transaction changed.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use mysql_async::{
    BinlogStream, BinlogStreamRequest,
    binlog::{
        EventType,
        events::{Event, EventData, GtidEvent, QueryEvent, RowsEventData, TransactionPayloadEvent},
    },
};
use outlast_core::{
    Error, ErrorKind, Gtid, GtidSet, Result,
    ledger::{Change, Outcome},
    stream::Changes,
};
use outlast_mysql::{Session, classify::classify, quote};

use crate::{
    foreign,
    key::{Decoder, KeyValue},
    plan::Plan,
    turn::Turn,
};

/// The server sends a heartbeat when it has had nothing to send for this long.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A connection without even a heartbeat for this long is given up.
const SILENCE: Duration = Duration::from_secs(10);
/// Most transactions returned at once.
const MOST_TRANSACTIONS: usize = 1000;
/// Keys after which no further transaction is added to a batch.
const MANY_KEYS: usize = 5000;

/// Reads the source's changes from the binlog of the server that holds it.
pub(crate) struct BinlogChanges {
    binlog: BinlogStream,
    /// For the wait until transactions are visible, and for the weights of texts.
    side: Session,
    plan: Plan,
    /// Schemas of the shadow and the retired table: statements on them are our own.
    own_schemas: [String; 2],
    /// Whether a table id is the source's.
    tables: HashMap<u64, bool>,
    /// For the source's rows, since its first table map.
    decoder: Option<Decoder>,
    open: Option<Open>,
}

/// A transaction whose end has not been read.
struct Open {
    gtid: Gtid,
    keys: Vec<Vec<KeyValue>>,
    /// Whether BEGIN or XA START was read; a statement outside of them is a transaction by itself.
    begun: bool,
}

/// A transaction that was read to its end.
struct Read {
    gtid: Gtid,
    keys: Vec<Vec<KeyValue>>,
    outcome: Outcome,
}

impl BinlogChanges {
    /// Asks the server for all transactions that are not in `position`.
    ///
    /// # Errors
    /// `BinlogPurged` comes with the first read.
    pub(crate) async fn open(
        mut session: Session,
        side: Session,
        plan: Plan,
        own_schemas: [String; 2],
        position: &GtidSet,
        server_id: u32,
    ) -> Result<Self> {
        let period = HEARTBEAT.as_nanos();
        // Reading may pause for long, and the server is not to take that for a lost connection.
        session
            .run(&format!(
                "SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}, SESSION net_write_timeout = 31536000"
            ))
            .await?;
        let sids = position
            .to_string()
            .split(',')
            .filter(|sid| !sid.is_empty())
            .map(|sid| {
                sid.parse()
                    .map_err(|e| unreadable(&format!("the position can't be sent: {e}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let request = BinlogStreamRequest::new(server_id).with_gtid().with_gtid_set(sids);
        let binlog = session.into_conn().get_binlog_stream(request).await.map_err(classify)?;
        Ok(Self {
            binlog,
            side,
            plan,
            own_schemas,
            tables: HashMap::new(),
            decoder: None,
            open: None,
        })
    }

    /// The next event; `None` if `wait` is false and none is at hand.
    async fn event(&mut self, wait: bool) -> Result<Option<Event>> {
        let next = match wait {
            true => tokio::time::timeout(SILENCE, self.binlog.next())
                .await
                .map_err(|_| gone(&format!("the binlog connection was silent for {SILENCE:?}")))?,
            false => match self.binlog.next().now_or_never() {
                Some(next) => next,
                None => return Ok(None),
            },
        };
        match next {
            Some(event) => event
                .map(Some)
                .map_err(|error| classify(error).context("reading the binlog")),
            None => Err(gone("the server ended the binlog connection")),
        }
    }

    /// Takes one event; returns the transaction that it ends, if it ends one.
    fn take(&mut self, event: &Event) -> Result<Option<Read>> {
        let kind = event.header().event_type_raw();
        if kind == EventType::GTID_EVENT as u8 || kind == EventType::GTID_TAGGED_LOG_EVENT as u8 {
            let gtid = gtid_of(&event.read_event().map_err(|e| unreadable(&e.to_string()))?);
            return match self.open.replace(Open {
                gtid,
                keys: Vec::new(),
                begun: false,
            }) {
                None => Ok(None),
                Some(open) => Err(unreadable(&format!("transaction {} has no end", open.gtid))),
            };
        }
        if kind == EventType::ANONYMOUS_GTID_EVENT as u8 {
            return Err(Error::new(
                ErrorKind::Refused,
                "the binlog holds a transaction without GTID; gtid_mode was changed during the migration",
            ));
        }
        if kind == EventType::TRANSACTION_PAYLOAD_EVENT as u8 {
            // The driver hands out what is in it, and drops it silently if it can't decompress it.
            let payload: TransactionPayloadEvent<'_> = event.read_event().map_err(|e| unreadable(&e.to_string()))?;
            let size = payload.uncompressed_size();
            return match payload.danger_decompress().len() as u64 {
                whole if whole == size || size == 0 => Ok(None),
                _ => Err(unreadable("a compressed transaction can't be decompressed")),
            };
        }
        if kind == EventType::XID_EVENT as u8 {
            return self.end(Outcome::Committed).map(Some);
        }
        if kind == EventType::XA_PREPARE_LOG_EVENT as u8 {
            let (xid, one_phase) = foreign::prepared_xid(event.data()).ok_or_else(|| unreadable("XA PREPARE"))?;
            let outcome = if one_phase {
                Outcome::Committed
            } else {
                Outcome::Prepared(xid)
            };
            return self.end(outcome).map(Some);
        }
        if [EventType::BEGIN_LOAD_QUERY_EVENT, EventType::EXECUTE_LOAD_QUERY_EVENT]
            .map(|k| k as u8)
            .contains(&kind)
        {
            return Err(unlogged_rows("LOAD DATA"));
        }
        if kind == EventType::INCIDENT_EVENT as u8 {
            return Err(Error::new(
                ErrorKind::SourceChanged,
                "the binlog says that it lost events (an incident); changes of the source may be missing. Clean this \
                 migration up and submit it anew",
            ));
        }
        match event.read_data().map_err(|e| unreadable(&e.to_string()))? {
            Some(EventData::QueryEvent(query)) => self.take_query(&query),
            Some(EventData::TableMapEvent(map)) => {
                let is_source = map.database_name_raw() == self.plan.source.schema.as_bytes()
                    && map.table_name_raw() == self.plan.source.name.as_bytes();
                self.tables.insert(map.table_id(), is_source);
                if is_source
                    && self
                        .decoder
                        .as_ref()
                        .is_none_or(|decoder| !decoder.is_for(event.data()))
                {
                    let columns = self.plan.source.columns.len();
                    self.decoder = Some(Decoder::new(&self.plan.key, &map, event.data(), columns)?);
                }
                Ok(None)
            }
            Some(EventData::RowsEvent(rows)) => self.take_rows(&rows).map(|()| None),
            _ => Ok(None),
        }
    }

    fn take_rows(&mut self, rows: &RowsEventData<'_>) -> Result<()> {
        let decoder = match (self.tables.get(&rows.table_id()), &self.decoder) {
            (Some(false), _) => return Ok(()),
            (Some(true), Some(decoder)) => decoder,
            _ => return Err(unreadable("rows without a table map")),
        };
        let keys = decoder.keys(rows)?;
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| unreadable("rows outside of a transaction"))?;
        open.keys.extend(keys);
        Ok(())
    }

    fn take_query(&mut self, query: &QueryEvent<'_>) -> Result<Option<Read>> {
        let text = query.query();
        let begun = match &mut self.open {
            // The format description and rotation at the beginning of a stream bring none.
            None => return Ok(None),
            Some(open) => {
                let starts = foreign::begins_transaction(&text);
                open.begun |= starts;
                if starts {
                    return Ok(None);
                }
                open.begun
            }
        };
        if begun && foreign::ends_transaction(&text) {
            return self.end(Outcome::Committed).map(Some);
        }
        if !begun && let Some(outcome) = foreign::xa_outcome(&text) {
            return self.end(outcome).map(Some);
        }
        if begun {
            // In row format, statements within a transaction change no rows.
            return match foreign::is_harmless_in_transaction(&text) {
                true => Ok(None),
                false => Err(unlogged_rows(&text)),
            };
        }
        let ours = self.own_schemas.iter().any(|schema| text.contains(schema.as_str()));
        let (schema, name) = (self.plan.source.schema.as_str(), self.plan.source.name.as_str());
        // The client's character set may write the name in bytes that are not read here.
        let is_legible = std::str::from_utf8(query.query_raw()).is_ok() || (schema.is_ascii() && name.is_ascii());
        if !ours && (!is_legible || foreign::changes_definition(&text, &query.schema(), (schema, name))) {
            let shown: String = text.chars().take(200).collect();
            return Err(Error::new(
                ErrorKind::SourceChanged,
                format!("the source table was changed by another statement during the migration: {shown}"),
            ));
        }
        self.end(Outcome::Committed).map(Some)
    }

    fn end(&mut self, outcome: Outcome) -> Result<Read> {
        self.tables.clear();
        let open = self
            .open
            .take()
            .ok_or_else(|| unreadable("a transaction ends that has not begun"))?;
        Ok(Read {
            gtid: open.gtid,
            keys: open.keys,
            outcome,
        })
    }

    /// Waits until the transactions are visible on this server: received is not yet visible (invariant I3).
    async fn wait_visible(&mut self, gtids: &GtidSet) -> Result<()> {
        let sql = format!(
            "SELECT WAIT_FOR_EXECUTED_GTID_SET({}, 1)",
            quote::text(&gtids.to_string())
        );
        loop {
            let timed_out: Option<i64> = self.side.value(&sql).await?;
            if timed_out == Some(0) {
                return Ok(());
            }
        }
    }

    /// The next transactions, as they are returned.
    async fn visible_changes(&mut self) -> Result<Vec<Change>> {
        let mut transactions: Vec<Read> = Vec::new();
        let mut keys = 0;
        let mut turn = Turn::begin();
        while transactions.len() < MOST_TRANSACTIONS && keys < MANY_KEYS {
            let Some(event) = self.event(transactions.is_empty()).await? else {
                break;
            };
            if let Some(transaction) = self.take(&event)? {
                keys += transaction.keys.len();
                transactions.push(transaction);
            }
            turn.give_others_theirs().await;
        }
        let gtids: GtidSet = transactions.iter().map(|t| t.gtid.clone()).collect();
        self.wait_visible(&gtids).await?;
        let mut changes = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            changes.push(Change {
                gtid: transaction.gtid,
                keys: self.plan.key.keys(&mut self.side, transaction.keys).await?,
                outcome: transaction.outcome,
            });
        }
        Ok(changes)
    }
}

#[async_trait]
impl Changes for BinlogChanges {
    async fn next(&mut self) -> Result<Vec<Change>> {
        let changes = self.visible_changes().await;
        if let Err(error) = &changes
            && error.kind() == ErrorKind::ServerGone
        {
            self.side.declare_lost();
        }
        changes
    }
}

fn gtid_of(event: &GtidEvent) -> Gtid {
    let uuid = event.sid();
    let hex: String = uuid.iter().map(|b| format!("{b:02x}")).collect();
    let mut source = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    if let Some(tag) = event.tag() {
        source.push(':');
        source.push_str(tag.as_ref());
    }
    Gtid::new(source, event.gno())
}

fn unlogged_rows(statement: &str) -> Error {
    let shown: String = statement.chars().take(200).collect();
    Error::new(
        ErrorKind::SourceChanged,
        format!(
            "a statement was logged instead of the rows it changed, so whether it changed the source can't be told: \
             {shown}. Some session has binlog_format other than ROW: end it, clean this migration up and submit it anew"
        ),
    )
}

fn gone(why: &str) -> Error {
    Error::new(ErrorKind::ServerGone, why)
}

fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Unknown, format!("the binlog can't be read: {what}"))
}
