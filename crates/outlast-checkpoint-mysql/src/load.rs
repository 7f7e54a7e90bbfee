//! Reading a checkpoint.

use outlast_core::{Error, ErrorKind, GtidSet, KeyRange, MigrationId, Result, checkpoint::Checkpoint, ledger::Chunk};
use outlast_mysql::{Session, is_missing, quote};

use crate::{fold::Watermark, stored_key::from_columns};

type WatermarkRow = (Option<Vec<u8>>, Option<String>, bool, u64);
type RangeRow = (Option<Vec<u8>>, Option<String>, Option<Vec<u8>>, Option<String>, u64);

/// The checkpoint, its three tables read from one snapshot; `None` if it was not begun.
pub(crate) async fn load(session: &mut Session, id: &MigrationId) -> Result<Option<Checkpoint>> {
    // For the next transaction only: at READ COMMITTED every statement would have a snapshot of its own.
    session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    session
        .run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        .await?;
    let checkpoint = match read(session, id).await {
        Err(error) if is_missing(&error) => None,
        read => read?,
    };
    session.run("COMMIT").await?;
    Ok(checkpoint)
}

async fn read(session: &mut Session, id: &MigrationId) -> Result<Option<Checkpoint>> {
    let id_text = quote::text(id.as_str());
    let watermark: Option<WatermarkRow> = session
        .first(&format!(
            "SELECT upto_order, upto_value, is_complete, folded_rows FROM _outlast.watermarks WHERE migration = {id_text}"
        ))
        .await?;
    let Some((order, value, is_complete, folded_rows)) = watermark else {
        return Ok(None);
    };
    let positions: Vec<String> = session
        .rows(&format!(
            "SELECT position FROM _outlast.positions WHERE migration = {id_text}"
        ))
        .await?;
    let ranges: Vec<RangeRow> = session
        .rows(&format!(
            "SELECT lower_order, lower_value, upper_order, upper_value, rows_copied FROM _outlast.copied_ranges \
             WHERE migration = {id_text}"
        ))
        .await?;
    let folded = match Watermark::from_columns((order, value), is_complete)? {
        Watermark::Nothing => None,
        Watermark::Upto(key) => Some(KeyRange {
            after: None,
            upto: Some(key),
        }),
        Watermark::All => Some(KeyRange::ALL),
    };
    let mut chunks = ranges.into_iter().map(chunk).collect::<Result<Vec<_>>>()?;
    // The server would compare no more than `max_sort_length` bytes.
    chunks.sort_by(|a, b| a.range.after.cmp(&b.range.after));
    Ok(Some(Checkpoint {
        position: common(id, &positions)?,
        folded,
        folded_rows,
        chunks,
    }))
}

/// What all appliers have accounted for.
fn common(id: &MigrationId, positions: &[String]) -> Result<GtidSet> {
    let mut common: Option<GtidSet> = None;
    for text in positions {
        let position: GtidSet = text.parse().map_err(|error| {
            let what = format!("a stored position of migration {id} can't be read; the checkpoint is not used");
            Error::new(ErrorKind::Inconsistent, what).with_source(error)
        })?;
        common = Some(match common {
            None => position,
            Some(common) => common.intersection(&position),
        });
    }
    common.ok_or_else(|| {
        let what = format!("migration {id} has a watermark but no position; the checkpoint is not used");
        Error::new(ErrorKind::Inconsistent, what)
    })
}

fn chunk((lower_order, lower_value, upper_order, upper_value, rows): RangeRow) -> Result<Chunk> {
    Ok(Chunk {
        range: KeyRange {
            after: from_columns((lower_order, lower_value))?,
            upto: from_columns((upper_order, upper_value))?,
        },
        rows,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SOURCE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn common_of(positions: &[&str]) -> Result<GtidSet> {
        let positions: Vec<String> = positions.iter().map(|p| format!("{SOURCE}:{p}")).collect();
        common(&MigrationId::from_random(1), &positions)
    }

    #[test]
    fn the_position_is_what_all_appliers_have_done() {
        let position = common_of(&["1-5", "1-3:5-9"]).unwrap();
        assert_eq!(position, format!("{SOURCE}:1-3:5").parse().unwrap());
    }

    #[test]
    fn a_checkpoint_without_a_position_is_not_used() {
        assert_eq!(common_of(&[]).unwrap_err().kind(), ErrorKind::Inconsistent);
        assert_eq!(common_of(&["5-3"]).unwrap_err().kind(), ErrorKind::Inconsistent);
    }
}
