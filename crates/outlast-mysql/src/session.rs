//! Sessions with known settings, and a pool of them on one server.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use mysql_async::{
    Conn, Params, Row,
    prelude::{FromRow, Queryable},
};
use outlast_core::{Error, ErrorKind, Result, Server, ServerUuid};

use crate::{
    classify::classify,
    connector::{Connector, Purpose},
    fitness::check_product,
};

/// Set in every session.
///
/// * The server's own `sql_mode`, so that values are converted as by the server's own ALTER, less what changes how
///   statements are read and values are shown; plus NO_AUTO_VALUE_ON_ZERO, so that a row with id 0 keeps it.
/// * READ COMMITTED, at which INSERT … SELECT takes no lock on the source (invariant I4).
/// * No limit on the range optimizer's memory: beyond it a list of keys becomes a scan of the table.
/// * English messages: which index has a duplicate is read from one.
/// * Invisible indexes are used: one may be the only key.
/// * No limit on what is read, whatever the server's own: rows of `information_schema` are columns of the table.
/// * Short lock waits: whoever waits for a lock of the application holds others up.
const SETTINGS: &str = "SET SESSION \
    sql_mode = CONCAT_WS(',', REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(@@GLOBAL.sql_mode, 'ANSI_QUOTES', ''), \
        'ANSI', ''), 'PIPES_AS_CONCAT', ''), 'IGNORE_SPACE', ''), 'NO_BACKSLASH_ESCAPES', ''), \
        'PAD_CHAR_TO_FULL_LENGTH', ''), 'NO_AUTO_VALUE_ON_ZERO'), \
    transaction_isolation = 'READ-COMMITTED', \
    autocommit = 1, \
    completion_type = 0, \
    foreign_key_checks = 1, \
    unique_checks = 1, \
    range_optimizer_max_mem_size = 0, \
    optimizer_switch = 'use_invisible_indexes=on', \
    information_schema_stats_expiry = 0, \
    innodb_lock_wait_timeout = 5, \
    lock_wait_timeout = 10, \
    lc_messages = 'en_US', \
    max_execution_time = 0, \
    sql_safe_updates = 0, \
    sql_select_limit = 18446744073709551615, \
    max_join_size = 18446744073709551615, \
    sql_big_selects = 1, \
    wait_timeout = 31536000";

fn settings(version: (u16, u16, u16)) -> String {
    let mut settings = SETTINGS.to_owned();
    if version >= (8, 0, 30) {
        // A generated invisible primary key that nobody sees would be lost.
        settings.push_str(", show_gipk_in_create_table_and_information_schema = ON");
    }
    settings
}

/// MySQL's number for a system variable that it does not have (`ER_UNKNOWN_SYSTEM_VARIABLE`). What has no `server_uuid` is no MySQL.
const UNKNOWN_VARIABLE: u16 = 1193;

/// A connection with the settings that Outlast relies on.
pub struct Session {
    conn: Conn,
    address: String,
    /// Ends when this session is lost.
    life: Option<Arc<Life>>,
}

/// What the sessions of a pool that ends with the first lost one have in common.
#[derive(Default)]
struct Life {
    /// When the server's process was started.
    started: OnceLock<i64>,
    is_over: AtomicBool,
}

impl Session {
    pub(crate) async fn prepare(conn: Conn, address: &str) -> Result<(Self, ServerUuid)> {
        let mut session = Self {
            conn,
            address: address.to_owned(),
            life: None,
        };
        let who: Result<(String, String)> = session.value("SELECT @@version, @@server_uuid").await;
        let uuid = match who {
            Ok((version, uuid)) => {
                check_product(address, &version)?;
                uuid
            }
            Err(error) if error.code() == Some(UNKNOWN_VARIABLE) => {
                let version: String = session.value("SELECT @@version").await?;
                check_product(address, &version)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        session.run(&settings(session.server_version())).await?;
        Ok((session, ServerUuid::new(uuid)))
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The server's id of this session, as in the process list.
    pub fn id(&self) -> u32 {
        self.conn.id()
    }

    /// The server's version as (major, minor, patch).
    pub fn server_version(&self) -> (u16, u16, u16) {
        self.conn.server_version()
    }

    /// `SHOW BINARY LOG STATUS`, whatever this version of the server calls it: `File`, `Position`, `Binlog_Do_DB`, …; `None`
    /// where no binlog is written.
    ///
    /// # Errors
    /// Classified; `AccessDenied` without REPLICATION CLIENT.
    pub async fn binlog_status(&mut self) -> Result<Option<Row>> {
        self.first(match self.server_version() >= (8, 2, 0) {
            true => "SHOW BINARY LOG STATUS",
            false => "SHOW MASTER STATUS",
        })
        .await
    }

    /// Up to where the binlog is written, as `binlog.000042:1563886` (bytes); empty where none is.
    ///
    /// # Errors
    /// As of [`Session::binlog_status`].
    pub async fn binlog_end(&mut self) -> Result<String> {
        let end = self.binlog_status().await?.and_then(|row| {
            let (file, position): (String, u64) = (row.get("File")?, row.get("Position")?);
            Some(format!("{file}:{position}"))
        });
        Ok(end.unwrap_or_default())
    }

    /// Runs a statement; returns the number of affected rows.
    ///
    /// # Errors
    /// Classified.
    pub async fn run(&mut self, sql: &str) -> Result<u64> {
        self.conn.query_drop(sql).await.map_err(|error| self.failed(error))?;
        Ok(self.conn.affected_rows())
    }

    /// Runs a prepared statement; returns the number of affected rows.
    ///
    /// # Errors
    /// Classified.
    pub async fn run_with(&mut self, sql: &str, params: impl Into<Params> + Send) -> Result<u64> {
        self.conn
            .exec_drop(sql, params)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(self.conn.affected_rows())
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// Classified.
    pub async fn rows<T: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Vec<T>> {
        let rows: Vec<Row> = self.conn.query(sql).await.map_err(|error| self.failed(error))?;
        rows.into_iter().map(convert).collect()
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// Classified.
    pub async fn first<T: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Option<T>> {
        let row: Option<Row> = self.conn.query_first(sql).await.map_err(|error| self.failed(error))?;
        row.map(convert).transpose()
    }

    /// The first row of a prepared query, if there is one.
    ///
    /// # Errors
    /// Classified.
    pub async fn first_with<T: FromRow + Send + 'static>(
        &mut self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Result<Option<T>> {
        let row: Option<Row> = self
            .conn
            .exec_first(sql, params)
            .await
            .map_err(|error| self.failed(error))?;
        row.map(convert).transpose()
    }

    /// The one row of a query that always has one.
    ///
    /// # Errors
    /// Classified; `Unknown` if there is none.
    pub async fn value<T: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<T> {
        self.first(sql)
            .await?
            .ok_or_else(|| Error::new(ErrorKind::Unknown, format!("no row came back from: {sql}")))
    }

    /// Tells the session's pool that a session of it is lost, one that was taken away by [`Session::into_conn`].
    pub fn declare_lost(&self) {
        if let Some(life) = &self.life {
            life.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// Translates an error; the loss of the session ends its pool.
    fn failed(&self, error: mysql_async::Error) -> Error {
        let error = classify(error);
        if error.kind() == ErrorKind::ServerGone {
            self.declare_lost();
        }
        error
    }

    /// The driver's connection, for what this type does not offer (the binlog).
    pub fn into_conn(self) -> Conn {
        self.conn
    }
}

/// A row as the caller's types. The driver's own conversion would panic on a value that does not fit.
fn convert<T: FromRow>(row: Row) -> Result<T> {
    mysql_async::from_row_opt(row).map_err(|error| {
        let columns: Vec<_> = error
            .0
            .columns_ref()
            .iter()
            .map(|c| c.name_str().into_owned())
            .collect();
        Error::new(
            ErrorKind::Inconsistent,
            format!(
                "the server answered with values of other types than asked for, in columns {}; nothing was written",
                columns.join(", ")
            ),
        )
    })
}

/// Sessions on one server for one purpose.
pub struct SessionPool {
    connector: Connector,
    server: Server,
    purpose: Purpose,
    idle: Mutex<Vec<Session>>,
    life: Option<Arc<Life>>,
}

impl SessionPool {
    /// An empty pool.
    pub fn new(connector: Connector, server: Server, purpose: Purpose) -> Arc<Self> {
        Self::with_life(connector, server, purpose, None)
    }

    /// An empty pool that ends with the first of its sessions that is lost, and with its server's process: from then on it
    /// gives no more sessions.
    ///
    /// A server may have been restored from a copy meanwhile, under the same uuid and with the same fence; whoever
    /// remembers what it had before must begin anew (invariant I6: a lost session ends all of them).
    pub fn for_one_life(connector: Connector, server: Server, purpose: Purpose) -> Arc<Self> {
        Self::with_life(connector, server, purpose, Some(Arc::default()))
    }

    fn with_life(connector: Connector, server: Server, purpose: Purpose, life: Option<Arc<Life>>) -> Arc<Self> {
        Arc::new(Self {
            connector,
            server,
            purpose,
            idle: Mutex::new(Vec::new()),
            life,
        })
    }

    /// An empty pool on the same server whose life does not end with this one's: to tidy up afterwards.
    pub fn outliving(&self) -> Arc<Self> {
        Self::new(self.connector.clone(), self.server.clone(), self.purpose.clone())
    }

    /// Kills a session whose statement nobody waits for any more: the server would go on with it. The process does not end before
    /// that is tried ([`Connector::finish`]).
    pub fn abandon(&self, session: u32) {
        // This pool may be ending because its sessions have.
        let pool = self.outliving();
        self.connector.do_last(async move {
            let killed = async { pool.fresh().await?.kill(&[u64::from(session)]).await };
            if let Err(error) = killed.await {
                tracing::warn!(session, %error, "a statement goes on although nobody waits for it");
            }
        });
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// An idle session, or a new one.
    ///
    /// # Errors
    /// As [`Connector::connect`]; `ServerGone` once a pool for one life has ended.
    pub async fn session(self: &Arc<Self>) -> Result<PooledSession> {
        self.check_life()?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let session = match idle {
            Some(session) => session,
            None => self.fresh().await?,
        };
        Ok(PooledSession {
            session,
            pool: Arc::clone(self),
        })
    }

    /// A session that has just answered, and whether its server takes writes; idle sessions that died, or that a proxy
    /// has moved to another server, are closed.
    pub(crate) async fn live_session(self: &Arc<Self>) -> Result<(PooledSession, bool)> {
        let limit = self.connector.timeout();
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let is_fresh = idle.is_none();
            let mut session = match idle {
                Some(session) => session,
                None => self.fresh().await?,
            };
            let asked = session.value("SELECT @@server_uuid, @@GLOBAL.read_only OR @@GLOBAL.super_read_only");
            let answer: Result<(String, bool)> = tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::ServerGone,
                    format!("{} does not answer within {limit:?}", self.server),
                ))
            });
            match answer {
                Ok((uuid, read_only)) if uuid == self.server.uuid.as_str() => {
                    let pool = Arc::clone(self);
                    return Ok((PooledSession { session, pool }, !read_only));
                }
                Err(error) if is_fresh => return Err(error),
                // Between the login and the query the server can hardly have changed; a proxy may send them apart.
                Ok((uuid, _)) if is_fresh => {
                    return Err(Error::new(
                        ErrorKind::Fenced,
                        format!(
                            "{} answers as server {uuid}, expected was {}; nothing was written there",
                            self.server.address, self.server.uuid
                        ),
                    ));
                }
                _ => {}
            }
        }
    }

    /// A new session that does not belong to the pool.
    ///
    /// # Errors
    /// As [`SessionPool::session`].
    pub async fn fresh(&self) -> Result<Session> {
        self.check_life()?;
        let mut session = self.connector.connect(&self.server, &self.purpose).await?;
        session.life.clone_from(&self.life);
        if let Some(life) = &self.life {
            let started = started_at(&mut session).await?;
            // Both clocks count whole seconds.
            if (life.started.get_or_init(|| started) - started).abs() > 2 {
                session.declare_lost();
                return Err(Error::new(
                    ErrorKind::ServerGone,
                    format!(
                        "{} was restarted; what was remembered of it is worth nothing",
                        self.server
                    ),
                ));
            }
        }
        Ok(session)
    }

    /// Ends the pool as the loss of one of its sessions does.
    #[cfg(feature = "failpoints")]
    pub fn declare_lost(&self) {
        if let Some(life) = &self.life {
            life.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn check_life(&self) -> Result<()> {
        match &self.life {
            Some(life) if life.is_over.load(Ordering::Relaxed) => Err(Error::new(
                ErrorKind::ServerGone,
                format!(
                    "a session on {} was lost; what was remembered of the server is worth nothing",
                    self.server
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// When the server's process was started, in seconds since 1970 by its own clock.
async fn started_at(session: &mut Session) -> Result<i64> {
    session
        .value(
            "SELECT UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED) FROM performance_schema.global_status \
             WHERE VARIABLE_NAME = 'Uptime'",
        )
        .await
}

/// A session of a pool. Dropped, it is closed; only [`PooledSession::give_back`] keeps it, so that a session in an
/// unknown state (a cancelled statement, an open transaction) is never used again.
pub struct PooledSession {
    session: Session,
    pool: Arc<SessionPool>,
}

impl PooledSession {
    /// Returns the session to its pool. To be called only when no transaction is open and no setting was changed.
    pub fn give_back(self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.session);
    }
}

impl std::ops::Deref for PooledSession {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl std::ops::DerefMut for PooledSession {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
