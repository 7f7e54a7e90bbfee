//! Changing a table in memory without a copy: swapping the names of its two columns.

use crate::{
    error::{Error, ErrorKind, Result},
    intent::{Altered, Choice, Intent, IntentState},
    scheduler::{Lease, Path},
};

use super::{
    cluster::{Cluster, Session},
    cut_over::{lock, require_lock, unlock},
    data::{Table, TableName},
    log::Write,
    session::by,
    stream::SWAP,
};

/// What an empty clone shows.
pub(super) fn propose(name: &TableName, source: &Table, swaps_columns: bool) -> Choice {
    if !swaps_columns {
        let reason = "the statement is none that the server can do at once".to_owned();
        return Choice::Copy { reason };
    }
    let swapped = Table {
        swaps: source.swaps + 1,
        ..Table::default()
    };
    Choice::Direct(Intent {
        path: Path::Instant,
        statement: format!("ALTER TABLE {name} ALGORITHM=INSTANT, RENAME COLUMN a TO b, RENAME COLUMN b TO a"),
        before: source.definition().to_owned(),
        after: swapped.definition().to_owned(),
    })
}

pub(super) fn state(source: &Table, intent: &Intent) -> Result<IntentState> {
    match source.definition() {
        now if now == intent.after => Ok(IntentState::Done),
        now if now == intent.before => Ok(IntentState::Pending),
        now => Err(Error::new(
            ErrorKind::SourceChanged,
            format!(
                "the source is {now:?}, neither {:?} nor {:?}",
                intent.before, intent.after
            ),
        )),
    }
}

/// Under a lock that keeps adopters out: an adoption ends the session that holds it.
pub(super) async fn alter(
    cluster: &Cluster,
    session: &Session,
    lease: &Lease,
    source: &TableName,
    intent: &Intent,
) -> Result<Altered> {
    lock(cluster, session, lease, std::slice::from_ref(source)).await?;
    // Released also if the future is dropped, as the end of the session does.
    let _lock = Unlock { cluster, session };
    cluster.pause().await;
    let now = cluster.clock().now();
    let state = cluster.in_session(session, |node| {
        require_lock(node, session, now)?;
        node.check_fence(lease)?;
        state(node.data.table(source)?, intent)
    })?;
    if state == IntentState::Done {
        return Ok(Altered::Done);
    }
    cluster.pause().await;
    let now = cluster.clock().now();
    cluster.commit_in(session, |node, _| {
        require_lock(node, session, now)?;
        if node.data.table(source)?.is_rigid || !intent.statement.contains(SWAP) {
            let reason = "ALGORITHM=INSTANT is not supported for this table".to_owned();
            return Ok((vec![], Altered::Impossible(reason)));
        }
        Ok((vec![Write::SwapColumns(source.clone()), by(lease)], Altered::Done))
    })
}

struct Unlock<'a> {
    cluster: &'a Cluster,
    session: &'a Session,
}

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        unlock(self.cluster, self.session);
    }
}
