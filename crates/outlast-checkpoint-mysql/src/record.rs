//! Recording a step.

use outlast_core::{Error, ErrorKind, GtidSet, MigrationId, Result, checkpoint::Progress, ledger::Chunk};
use outlast_mysql::Session;

use crate::{
    fold::fold,
    stored_key::{StoredBound, digest, to_columns},
};

/// Writes `progress` in the session's open transaction.
pub(crate) async fn record(session: &mut Session, id: &MigrationId, progress: Progress<'_>) -> Result<()> {
    match progress {
        Progress::Begin { position } => begin(session, id, position).await,
        Progress::Copied(chunk) => copied(session, id, chunk).await,
        Progress::Applied { applier, position } => applied(session, id, applier, position).await,
        Progress::Advanced { position } => advanced(session, id, position).await,
        Progress::Folded { upto, chunks } => fold(session, id, upto, chunks).await,
    }
}

/// The first call's position stays: what was done since is relative to it.
async fn begin(session: &mut Session, id: &MigrationId, position: &GtidSet) -> Result<()> {
    let watermark = "INSERT INTO _outlast.watermarks (migration, is_complete, folded_rows) VALUES (?, FALSE, 0) \
                     ON DUPLICATE KEY UPDATE migration = watermarks.migration";
    session.run_with(watermark, (id.as_str(),)).await?;
    let first = "INSERT INTO _outlast.positions (migration, applier, position, updated_at) \
                 VALUES (?, 0, ?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE migration = positions.migration";
    session.run_with(first, (id.as_str(), position.to_string())).await?;
    Ok(())
}

async fn applied(session: &mut Session, id: &MigrationId, applier: u32, position: &GtidSet) -> Result<()> {
    let position = position.to_string();
    let sql = "INSERT INTO _outlast.positions (migration, applier, position, updated_at) \
               SELECT migration, ?, ?, UTC_TIMESTAMP(6) FROM _outlast.watermarks WHERE migration = ? \
               ON DUPLICATE KEY UPDATE position = ?, updated_at = UTC_TIMESTAMP(6)";
    let values = (applier, position.as_str(), id.as_str(), position.as_str());
    match session.run_with(sql, values).await? {
        0 => require_begun(session, id).await,
        _ => Ok(()),
    }
}

async fn advanced(session: &mut Session, id: &MigrationId, position: &GtidSet) -> Result<()> {
    let sql = "UPDATE _outlast.positions SET position = ?, updated_at = UTC_TIMESTAMP(6) WHERE migration = ?";
    match session.run_with(sql, (position.to_string(), id.as_str())).await? {
        0 => require_begun(session, id).await,
        _ => Ok(()),
    }
}

/// The watermark's row is only looked at, without a lock: chunks stay independent of each other.
async fn copied(session: &mut Session, id: &MigrationId, chunk: &Chunk) -> Result<()> {
    let (lower_order, lower_value) = to_columns(chunk.range.after.as_ref());
    let (upper_order, upper_value) = to_columns(chunk.range.upto.as_ref());
    let sql = "INSERT INTO _outlast.copied_ranges (migration, range_digest, lower_order, lower_value, upper_order, \
               upper_value, rows_copied) \
               SELECT migration, ?, ?, ?, ?, ?, ? FROM _outlast.watermarks WHERE migration = ?";
    let values = (
        digest(&chunk.range),
        lower_order,
        lower_value,
        upper_order,
        upper_value,
        chunk.rows,
        id.as_str(),
    );
    match session.run_with(sql, values).await {
        Ok(0) => require_begun(session, id).await,
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Duplicate => same_as_recorded(session, id, chunk, error).await,
        Err(error) => Err(error),
    }
}

async fn require_begun(session: &mut Session, id: &MigrationId) -> Result<()> {
    let sql = "SELECT migration FROM _outlast.watermarks WHERE migration = ?";
    let begun: Option<String> = session.first_with(sql, (id.as_str(),)).await?;
    begun.map(drop).ok_or_else(|| not_begun(id))
}

/// Progress relative to nothing.
pub(crate) fn not_begun(id: &MigrationId) -> Error {
    Error::new(
        ErrorKind::Inconsistent,
        format!(
            "progress was to be recorded for migration {id}, whose beginning is not recorded; the transaction is to be \
             rolled back, and the checkpoint loaded again"
        ),
    )
}

/// Another range with the same lower bound overlaps this one: two lanes have copied the same rows.
async fn same_as_recorded(session: &mut Session, id: &MigrationId, chunk: &Chunk, error: Error) -> Result<()> {
    let sql = "SELECT upper_order, upper_value FROM _outlast.copied_ranges WHERE migration = ? AND range_digest = ?";
    let upper: Option<StoredBound> = session.first_with(sql, (id.as_str(), digest(&chunk.range))).await?;
    if upper == Some(to_columns(chunk.range.upto.as_ref())) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Inconsistent,
        format!(
            "a chunk of migration {id} that begins like {:?} but ends elsewhere is recorded already; the transaction is to \
             be rolled back, and the checkpoint loaded again",
            chunk.range
        ),
    )
    .with_source(error))
}
