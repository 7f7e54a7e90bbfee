//! Who holds the metadata lock that a session waits for: for people.

use mysql_async::Row;
use outlast_core::{ErrorKind, Result};
use outlast_mysql::{Session, quote};

use crate::prepared_xa;

/// What is wanted and held, and by whom. While somebody waits for a global read lock, nobody else gets a lock for writing.
///
/// The lock that is waited for holds the application up, so the look is given 100 ms at most.
const QUERY: &str = "SELECT /*+ MAX_EXECUTION_TIME(100) */ held.OBJECT_TYPE, held.OBJECT_SCHEMA, held.OBJECT_NAME, \
    holder.PROCESSLIST_ID, CONCAT(holder.PROCESSLIST_USER, '@', holder.PROCESSLIST_HOST) \
    FROM performance_schema.threads AS waiter \
    JOIN performance_schema.metadata_locks AS wanted \
        ON wanted.OWNER_THREAD_ID = waiter.THREAD_ID AND wanted.LOCK_STATUS = 'PENDING' \
    JOIN performance_schema.metadata_locks AS held \
        ON held.OBJECT_TYPE = wanted.OBJECT_TYPE AND held.OBJECT_SCHEMA <=> wanted.OBJECT_SCHEMA \
        AND held.OBJECT_NAME <=> wanted.OBJECT_NAME AND held.OWNER_THREAD_ID <> wanted.OWNER_THREAD_ID \
        AND IF(held.OBJECT_TYPE = 'GLOBAL', held.LOCK_TYPE = 'SHARED', held.LOCK_STATUS = 'GRANTED') \
    LEFT JOIN performance_schema.threads AS holder ON holder.THREAD_ID = held.OWNER_THREAD_ID";

/// Who keeps the session with this id waiting; `None` if that can't be told: nobody does any more, looking is not allowed, or takes
/// too long.
///
/// # Errors
/// `ServerGone`.
pub(crate) async fn of(session: &mut Session, waiter: u32) -> Result<Option<String>> {
    match look(session, waiter).await {
        Err(error) if error.kind() != ErrorKind::ServerGone => {
            tracing::debug!(%error, "what stands in the way can't be seen");
            Ok(None)
        }
        found => found,
    }
}

async fn look(session: &mut Session, waiter: u32) -> Result<Option<String>> {
    let sql = format!("{QUERY} WHERE waiter.PROCESSLIST_ID = {waiter} ORDER BY held.LOCK_STATUS LIMIT 1");
    let Some(row) = session.first::<Row>(&sql).await? else {
        return Ok(None);
    };
    let text = |column: usize| row.get::<Option<String>, _>(column).flatten().unwrap_or_default();
    let id: Option<u64> = row.get::<Option<u64>, _>(3).flatten();
    let (kind, name) = (text(0), quote::table(&text(1), &text(2)));
    let holder = match id {
        Some(id) => format!("connection {id} ({}; if it was forgotten: KILL {id})", text(4)),
        None => "a session that is gone".to_owned(),
    };
    if kind == "GLOBAL" {
        return Ok(Some(format!("{holder} holds FLUSH TABLES WITH READ LOCK")));
    }
    if kind != "TABLE" {
        return Ok(Some(format!("{holder} holds the {kind} lock")));
    }
    // The lock of a prepared transaction still bears the name of the connection that has prepared it, whatever that does now.
    Ok(Some(match prepared_xa::one_of_those_prepared(session).await? {
        None => format!("{holder} uses {name}"),
        Some(prepared) => format!("{holder} uses {name}, or prepared XA {prepared}"),
    }))
}
