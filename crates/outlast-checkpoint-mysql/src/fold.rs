//! Folding chunks into the range that is open below.

use std::cmp::Ordering;

use outlast_core::{Error, ErrorKind, Key, MigrationId, Result, ledger::Chunk};
use outlast_mysql::{Session, quote};

use crate::{
    record::not_begun,
    stored_key::{StoredBound, digest, from_columns, to_columns},
};

/// Chunks that one statement deletes.
const BATCH: usize = 500;

/// How far everything is copied, from the lowest key on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watermark {
    /// Nothing is folded yet.
    Nothing,
    /// Up to and including this key.
    Upto(Key),
    /// Everything.
    All,
}

impl Watermark {
    /// As stored.
    pub(crate) fn from_columns(upto: StoredBound, is_complete: bool) -> Result<Self> {
        Ok(match (from_columns(upto)?, is_complete) {
            (None, false) => Self::Nothing,
            (Some(key), false) => Self::Upto(key),
            (None, true) => Self::All,
            (Some(key), true) => {
                return Err(Error::new(
                    ErrorKind::Inconsistent,
                    format!("the stored watermark is at {key:?} and at the end at once; the checkpoint is not used"),
                ));
            }
        })
    }

    fn of(upto: Option<&Key>) -> Self {
        upto.map_or(Self::All, |key| Self::Upto(key.clone()))
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Upto(a), Self::Upto(b)) => a.compare(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Upto(_) => 1,
            Self::All => 2,
        }
    }
}

/// Deletes the rows of `chunks`, adds what they counted to the watermark's, and moves it to `upto`.
///
/// Only rows that are still there count, and the watermark never moves back, so that a second call changes nothing.
pub(crate) async fn fold(session: &mut Session, id: &MigrationId, upto: Option<&Key>, chunks: &[Chunk]) -> Result<()> {
    let current = lock(session, id).await?;
    let wanted = Watermark::of(upto);
    let advances = wanted.compare(&current).is_gt();
    if advances && !tiles(&current, chunks, &wanted) {
        return Err(Error::new(
            ErrorKind::Inconsistent,
            format!(
                "the chunks to be folded for migration {id} do not reach without a gap from {current:?} to {wanted:?}; the \
                 transaction is to be rolled back, and the checkpoint loaded again"
            ),
        ));
    }
    let mut found = 0;
    let mut rows = 0;
    for batch in chunks.chunks(BATCH) {
        let (batch_found, batch_rows) = take(session, id, batch).await?;
        found += batch_found;
        rows += batch_rows;
    }
    if advances && found != chunks.len() as u64 {
        return Err(Error::new(
            ErrorKind::Inconsistent,
            format!(
                "{} chunks were to be folded for migration {id}, {found} of them are recorded; the transaction is to be \
                 rolled back, and the checkpoint loaded again",
                chunks.len()
            ),
        ));
    }
    if advances {
        let (order, value) = to_columns(upto);
        let sql = "UPDATE _outlast.watermarks SET upto_order = ?, upto_value = ?, is_complete = ?, \
                   folded_rows = folded_rows + ? WHERE migration = ?";
        session
            .run_with(sql, (order, value, upto.is_none(), rows, id.as_str()))
            .await?;
    } else if rows > 0 {
        let sql = "UPDATE _outlast.watermarks SET folded_rows = folded_rows + ? WHERE migration = ?";
        session.run_with(sql, (rows, id.as_str())).await?;
    }
    Ok(())
}

async fn lock(session: &mut Session, id: &MigrationId) -> Result<Watermark> {
    let sql = format!(
        "SELECT upto_order, upto_value, is_complete FROM _outlast.watermarks WHERE migration = {} FOR UPDATE",
        quote::text(id.as_str())
    );
    let row: Option<(Option<Vec<u8>>, Option<String>, bool)> = session.first(&sql).await?;
    let (order, value, is_complete) = row.ok_or_else(|| not_begun(id))?;
    Watermark::from_columns((order, value), is_complete)
}

/// Deletes those of the chunks that are recorded. Returns their number and that of their rows.
async fn take(session: &mut Session, id: &MigrationId, chunks: &[Chunk]) -> Result<(u64, u64)> {
    let digests: Vec<String> = chunks.iter().map(|chunk| quote::hex(&digest(&chunk.range))).collect();
    let among = format!(
        "FROM _outlast.copied_ranges WHERE migration = {} AND range_digest IN ({})",
        quote::text(id.as_str()),
        digests.join(", ")
    );
    let counted: (u64, u64) = session
        .value(&format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(rows_copied), 0) AS UNSIGNED) {among} FOR UPDATE"
        ))
        .await?;
    session.run(&format!("DELETE {among}")).await?;
    Ok(counted)
}

/// Whether the chunks, in any order, reach from one watermark to the other without a gap.
fn tiles(from: &Watermark, chunks: &[Chunk], to: &Watermark) -> bool {
    let mut sorted: Vec<&Chunk> = chunks.iter().collect();
    sorted.sort_by(|a, b| {
        a.range
            .after
            .as_ref()
            .map(Key::order)
            .cmp(&b.range.after.as_ref().map(Key::order))
    });
    let mut reached = from.clone();
    for chunk in sorted {
        let begins_there = match (&reached, &chunk.range.after) {
            (Watermark::Nothing, None) => true,
            (Watermark::Upto(end), Some(start)) => end.compare(start).is_eq(),
            _ => false,
        };
        if !begins_there {
            return false;
        }
        reached = Watermark::of(chunk.range.upto.as_ref());
    }
    reached.compare(to).is_eq()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outlast_core::KeyRange;

    fn key(n: u8) -> Key {
        Key::new(vec![n], n.to_string())
    }

    fn chunk(after: Option<u8>, upto: Option<u8>) -> Chunk {
        Chunk {
            range: KeyRange {
                after: after.map(key),
                upto: upto.map(key),
            },
            rows: 1,
        }
    }

    #[test]
    fn chunks_without_a_gap_move_the_watermark() {
        let chunks = [chunk(Some(5), Some(9)), chunk(None, Some(5)), chunk(Some(9), None)];
        assert!(tiles(&Watermark::Nothing, &chunks, &Watermark::All));
        assert!(tiles(&Watermark::Upto(key(5)), &chunks[..1], &Watermark::Upto(key(9))));
    }

    #[test]
    fn a_gap_never_gets_below_the_watermark() {
        let gap = [chunk(None, Some(5)), chunk(Some(6), Some(9))];
        assert!(!tiles(&Watermark::Nothing, &gap, &Watermark::Upto(key(9))));
        assert!(!tiles(&Watermark::Nothing, &gap[1..], &Watermark::Upto(key(9))));
        assert!(!tiles(&Watermark::Upto(key(4)), &gap[1..], &Watermark::Upto(key(9))));
        assert!(!tiles(&Watermark::Nothing, &gap[..1], &Watermark::All));
        assert!(!tiles(&Watermark::Nothing, &[], &Watermark::All));
    }

    #[test]
    fn watermarks_are_ordered_from_nothing_to_all() {
        let ordered = [
            Watermark::Nothing,
            Watermark::Upto(key(1)),
            Watermark::Upto(key(2)),
            Watermark::All,
        ];
        for pair in ordered.windows(2) {
            assert!(pair[0].compare(&pair[1]).is_lt(), "{pair:?}");
        }
    }
}
