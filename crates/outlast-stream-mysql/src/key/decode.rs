//! Key columns out of binlog row events. All other columns are stepped over; their values are never looked at.
//!
//! The layout is that of MySQL's `Rows_event` (`libbinlogevents`), the sizes those of its `calc_field_size`.

use mysql_async::binlog::events::{RowsEventData, TableMapEvent};
use outlast_core::{Error, ErrorKind, Result};

use super::{CopyKey, KeyKind, KeyValue};

/// Column types as the binlog numbers them (`enum_field_types`).
mod types {
    pub(super) const TINY: u8 = 1;
    pub(super) const SHORT: u8 = 2;
    pub(super) const LONG: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const DOUBLE: u8 = 5;
    pub(super) const NULL: u8 = 6;
    pub(super) const TIMESTAMP: u8 = 7;
    pub(super) const LONGLONG: u8 = 8;
    pub(super) const INT24: u8 = 9;
    pub(super) const DATE: u8 = 10;
    pub(super) const TIME: u8 = 11;
    pub(super) const DATETIME: u8 = 12;
    pub(super) const YEAR: u8 = 13;
    pub(super) const NEWDATE: u8 = 14;
    pub(super) const VARCHAR: u8 = 15;
    pub(super) const BIT: u8 = 16;
    pub(super) const TIMESTAMP2: u8 = 17;
    pub(super) const DATETIME2: u8 = 18;
    pub(super) const TIME2: u8 = 19;
    pub(super) const VECTOR: u8 = 242;
    pub(super) const JSON: u8 = 245;
    pub(super) const NEWDECIMAL: u8 = 246;
    pub(super) const ENUM: u8 = 247;
    pub(super) const SET: u8 = 248;
    pub(super) const TINY_BLOB: u8 = 249;
    pub(super) const MEDIUM_BLOB: u8 = 250;
    pub(super) const LONG_BLOB: u8 = 251;
    pub(super) const BLOB: u8 = 252;
    pub(super) const VAR_STRING: u8 = 253;
    pub(super) const STRING: u8 = 254;
    pub(super) const GEOMETRY: u8 = 255;
}

/// The key columns of one row image; `None` for a column that the image does not hold.
type KeyImage = Vec<Option<KeyValue>>;

/// Reads keys from the row events of the source, as its table map describes them.
pub(crate) struct Decoder {
    key: CopyKey,
    /// What follows the table's id in the table map's event: the same in each transaction.
    described: Vec<u8>,
    /// Binlog type and metadata of each column.
    columns: Vec<(u8, Vec<u8>)>,
}

/// Bytes of the table's id, with which a table map's event begins.
const TABLE_ID_BYTES: usize = 6;

impl Decoder {
    /// A decoder for a table map of the source, whose event has these bytes. To find a column in a map takes time in proportion to
    /// the columns before it, so a decoder is kept as long as it [is the right one](Decoder::is_for).
    ///
    /// # Errors
    /// `SourceChanged` if it has another number of columns than the source had when the stream was opened.
    pub(crate) fn new(key: &CopyKey, map: &TableMapEvent<'_>, event: &[u8], columns_expected: usize) -> Result<Self> {
        let count = map.columns_count() as usize;
        if count != columns_expected {
            return Err(Error::new(
                ErrorKind::SourceChanged,
                format!(
                    "the source has {count} columns in the binlog, and had {columns_expected} before: it was altered"
                ),
            ));
        }
        let columns = (0..count)
            .map(|i| {
                let kind = map
                    .get_raw_column_type(i)
                    .ok()
                    .flatten()
                    .ok_or_else(|| broken("a column's type is unknown"))?;
                Ok((kind as u8, map.get_column_metadata(i).unwrap_or_default().to_vec()))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            key: key.clone(),
            described: described(event).to_vec(),
            columns,
        })
    }

    /// Whether the table map whose event has these bytes is the one that this decoder was made for, but for its table id.
    pub(crate) fn is_for(&self, event: &[u8]) -> bool {
        self.described == described(event)
    }

    /// The keys of all rows of an event: one for an inserted or deleted row, two for an updated one.
    ///
    /// # Errors
    /// `KeyMissing` if the row image leaves a key column out; `Unknown` if the event can't be read.
    pub(crate) fn keys(&self, rows: &RowsEventData<'_>) -> Result<Vec<Vec<KeyValue>>> {
        let before: Option<Vec<bool>> = rows.columns_before_image().map(|bits| bits.iter().by_vals().collect());
        let after: Option<Vec<bool>> = rows.columns_after_image().map(|bits| bits.iter().by_vals().collect());
        let partial = matches!(rows, RowsEventData::PartialUpdateRowsEvent(_));
        let mut reader = Reader {
            bytes: rows.rows_data(),
        };
        let mut keys = Vec::new();
        while !reader.bytes.is_empty() {
            let old = before
                .as_ref()
                .map(|present| self.image(&mut reader, present, false))
                .transpose()?;
            let new = after
                .as_ref()
                .map(|present| self.image(&mut reader, present, partial))
                .transpose()?;
            // A MINIMAL after-image leaves out what did not change.
            let new = new.map(|new| match &old {
                Some(old) => new
                    .into_iter()
                    .zip(old)
                    .map(|(new, old)| new.or_else(|| old.clone()))
                    .collect(),
                None => new,
            });
            for image in old.into_iter().chain(new) {
                keys.push(self.complete(image)?);
            }
        }
        Ok(keys)
    }

    fn complete(&self, image: KeyImage) -> Result<Vec<KeyValue>> {
        let values: Option<Vec<KeyValue>> = image.into_iter().collect();
        values.ok_or_else(|| {
            Error::new(
                ErrorKind::KeyMissing,
                format!(
                    "a change in the binlog does not hold the columns of key `{}`, by which rows are copied, because \
                     binlog_row_image is MINIMAL and the key is not the primary key. Set binlog_row_image=FULL (in all \
                     sessions that write the table) and retry",
                    self.key.index
                ),
            )
        })
    }

    fn image(&self, reader: &mut Reader<'_>, present: &[bool], partial: bool) -> Result<KeyImage> {
        if partial && reader.length_encoded()? & 1 != 0 {
            let json_columns = self.columns.iter().filter(|(kind, _)| *kind == types::JSON).count();
            reader.take(json_columns.div_ceil(8))?;
        }
        let held = present.iter().filter(|p| **p).count();
        let nulls = reader.take(held.div_ceil(8))?;
        let mut image: KeyImage = vec![None; self.key.columns.len()];
        let mut nth = 0;
        for (position, (kind, meta)) in self.columns.iter().enumerate() {
            if !present.get(position).copied().unwrap_or(false) {
                continue;
            }
            let is_null = nulls[nth / 8] >> (nth % 8) & 1 == 1;
            nth += 1;
            if is_null {
                continue;
            }
            let bytes = reader.value(*kind, meta)?;
            if let Some(at) = self.key.columns.iter().position(|c| c.position == position) {
                image[at] = Some(decode(*kind, meta, bytes, &self.key.columns[at].kind)?);
            }
        }
        Ok(image)
    }
}

fn described(event: &[u8]) -> &[u8] {
    event.get(TABLE_ID_BYTES..).unwrap_or_default()
}

/// Steps over the bytes of a row event.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| broken("it ends within a value"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn little_endian(&mut self, count: usize) -> Result<usize> {
        Ok(self.take(count)?.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b)))
    }

    fn length_encoded(&mut self) -> Result<usize> {
        match self.little_endian(1)? {
            0xFC => self.little_endian(2),
            0xFD => self.little_endian(3),
            0xFE => self.little_endian(8),
            small => Ok(small),
        }
    }

    /// The bytes of one value, without the length in front of it.
    fn value(&mut self, kind: u8, meta: &[u8]) -> Result<&'a [u8]> {
        let m = |i: usize| usize::from(meta.get(i).copied().unwrap_or(0));
        let length = match kind {
            types::NULL => 0,
            types::TINY | types::YEAR => 1,
            types::SHORT => 2,
            types::INT24 | types::DATE | types::NEWDATE | types::TIME => 3,
            types::LONG | types::FLOAT | types::TIMESTAMP => 4,
            types::LONGLONG | types::DOUBLE | types::DATETIME => 8,
            types::TIMESTAMP2 => 4 + m(0).div_ceil(2),
            types::TIME2 => 3 + m(0).div_ceil(2),
            types::DATETIME2 => 5 + m(0).div_ceil(2),
            types::NEWDECIMAL => decimal_size(m(0), m(1)),
            types::BIT => m(1) + usize::from(m(0) > 0),
            types::ENUM | types::SET => m(1),
            types::VARCHAR | types::VAR_STRING => match m(0) | m(1) << 8 {
                0..=255 => self.little_endian(1)?,
                _ => self.little_endian(2)?,
            },
            types::STRING => {
                let (real_kind, max) = string_type(meta);
                match real_kind {
                    types::ENUM | types::SET => max,
                    _ if max > 255 => self.little_endian(2)?,
                    _ => self.little_endian(1)?,
                }
            }
            types::BLOB
            | types::TINY_BLOB
            | types::MEDIUM_BLOB
            | types::LONG_BLOB
            | types::JSON
            | types::GEOMETRY
            | types::VECTOR => self.little_endian(m(0))?,
            other => return Err(broken(&format!("column type {other} is unknown"))),
        };
        self.take(length)
    }
}

/// Real type and length of a STRING column: MySQL hides two bits of the length in the type (`Field_string`).
fn string_type(meta: &[u8]) -> (u8, usize) {
    let (first, second) = (meta.first().copied().unwrap_or(0), meta.get(1).copied().unwrap_or(0));
    if first & 0x30 == 0x30 {
        (first, usize::from(second))
    } else {
        (
            first | 0x30,
            usize::from(second) | usize::from((first & 0x30) ^ 0x30) << 4,
        )
    }
}

const DIGITS_TO_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

fn decimal_size(precision: usize, scale: usize) -> usize {
    let integer = precision.saturating_sub(scale);
    integer / 9 * 4 + DIGITS_TO_BYTES[integer % 9] + scale / 9 * 4 + DIGITS_TO_BYTES[scale % 9]
}

fn decode(kind: u8, meta: &[u8], bytes: &[u8], key_kind: &KeyKind) -> Result<KeyValue> {
    let little = || bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let big = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let decimals = usize::from(meta.first().copied().unwrap_or(0));
    Ok(match (key_kind, kind) {
        (KeyKind::Signed, types::TINY | types::SHORT | types::INT24 | types::LONG | types::LONGLONG) => {
            let unused = 64 - 8 * bytes.len() as u32;
            KeyValue::Signed((little() << unused) as i64 >> unused)
        }
        (KeyKind::Unsigned, types::YEAR) => KeyValue::Unsigned(match little() {
            0 => 0,
            year => 1900 + year,
        }),
        (KeyKind::Unsigned, types::TINY | types::SHORT | types::INT24 | types::LONG | types::LONGLONG) => {
            KeyValue::Unsigned(little())
        }
        (KeyKind::Unsigned, types::BIT) => KeyValue::Unsigned(big(bytes)),
        // Their own type stands in the metadata of a STRING.
        (KeyKind::Enum { .. } | KeyKind::Set { .. }, types::STRING | types::ENUM | types::SET) => {
            KeyValue::Unsigned(little())
        }
        (KeyKind::Float, types::FLOAT) => KeyValue::Float(f64::from(f32::from_bits(little() as u32))),
        (KeyKind::Float, types::DOUBLE) => KeyValue::Float(f64::from_bits(little())),
        (KeyKind::Decimal, types::NEWDECIMAL) => {
            let scale = usize::from(meta.get(1).copied().unwrap_or(0));
            KeyValue::Decimal(decimal_text(bytes, decimals, scale))
        }
        (KeyKind::DateTime, types::DATE | types::NEWDATE) => {
            let packed = little();
            KeyValue::DateTime(format!("{:04}-{:02}-{:02}", packed >> 9, packed >> 5 & 15, packed & 31))
        }
        (KeyKind::DateTime, types::DATETIME2) => {
            let (whole, fraction) = bytes.split_at(5);
            // 1 bit sign (always 1), 17 bits year·13+month, 5 day, 5 hour, 6 minute, 6 second.
            let packed = big(whole) & 0x7F_FFFF_FFFF;
            let (days, time) = (packed >> 17, packed & 0x1_FFFF);
            let months = days >> 5;
            let mut text = format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                months / 13,
                months % 13,
                days & 31,
                time >> 12,
                time >> 6 & 63,
                time & 63
            );
            if decimals > 0 {
                let micros = fraction_micros(fraction);
                text.push_str(&format!(".{micros:06}")[..=decimals]);
            }
            KeyValue::DateTime(text)
        }
        (KeyKind::Timestamp, types::TIMESTAMP2) => {
            let (whole, fraction) = bytes.split_at(4);
            KeyValue::Timestamp(big(whole) as i64 * 1_000_000 + fraction_micros(fraction))
        }
        (KeyKind::Time, types::TIME2) => KeyValue::Time(time2_micros(bytes)),
        (KeyKind::Binary { pad_to }, types::VARCHAR | types::VAR_STRING | types::STRING) => {
            let mut value = bytes.to_vec();
            // The binlog leaves trailing zeros of BINARY(n) out.
            value.resize(pad_to.unwrap_or(0).max(value.len()), 0);
            KeyValue::Binary(value)
        }
        (KeyKind::Text { .. }, types::VARCHAR | types::VAR_STRING | types::STRING) => KeyValue::Text(bytes.to_vec()),
        (expected, found) => {
            return Err(Error::new(
                ErrorKind::SourceChanged,
                format!("a key column is of binlog type {found}, expected was {expected:?}: the source was altered"),
            ));
        }
    })
}

/// A fraction of a second, of 0 to 3 bytes with two digits each.
fn fraction_micros(bytes: &[u8]) -> i64 {
    let value = bytes.iter().fold(0i64, |n, b| n << 8 | i64::from(*b));
    value * [1_000_000, 10_000, 100, 1][bytes.len().min(3)]
}

/// TIME2 in microseconds: an offset binary number of 24 bits (and fraction), negative values in two's complement over all
/// bytes together.
fn time2_micros(bytes: &[u8]) -> i64 {
    let fraction_bytes = bytes.len() - 3;
    let raw = bytes.iter().fold(0i64, |n, b| n << 8 | i64::from(*b)) - (0x80_0000 << (8 * fraction_bytes));
    let magnitude = raw.abs();
    let (whole, fraction) = (
        magnitude >> (8 * fraction_bytes),
        magnitude & ((1 << (8 * fraction_bytes)) - 1),
    );
    let seconds = (whole >> 12 & 0x3FF) * 3600 + (whole >> 6 & 63) * 60 + (whole & 63);
    let micros = fraction * [1_000_000, 10_000, 100, 1][fraction_bytes.min(3)];
    raw.signum() * (seconds * 1_000_000 + if fraction_bytes == 0 { 0 } else { micros })
}

/// A DECIMAL of `precision` digits, `scale` of them behind the point (`bin2decimal`).
fn decimal_text(bytes: &[u8], precision: usize, scale: usize) -> String {
    let negative = bytes.first().is_some_and(|b| b & 0x80 == 0);
    let mut bytes: Vec<u8> = bytes.iter().map(|b| if negative { !b } else { *b }).collect();
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    let integer = precision - scale;
    let mut groups = Vec::new();
    groups.push(integer % 9);
    groups.extend(std::iter::repeat_n(9, integer / 9));
    let integer_groups = groups.len();
    groups.extend(std::iter::repeat_n(9, scale / 9));
    groups.push(scale % 9);
    let mut digits = String::new();
    let mut at = 0;
    for (nth, group) in groups.into_iter().enumerate() {
        if nth == integer_groups {
            let trimmed = digits.trim_start_matches('0');
            digits = if trimmed.is_empty() {
                "0".to_owned()
            } else {
                trimmed.to_owned()
            };
            if scale > 0 {
                digits.push('.');
            }
        }
        let size = DIGITS_TO_BYTES[group];
        let value = bytes[at..at + size].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        at += size;
        if group > 0 {
            digits.push_str(&format!("{value:0group$}"));
        }
    }
    if negative { format!("-{digits}") } else { digits }
}

fn broken(why: &str) -> Error {
    Error::new(
        ErrorKind::Unknown,
        format!("a row event of the binlog can't be read: {why}"),
    )
}
