//! Values of key columns: their text form, in which they are stored, and their SQL literal.

use outlast_core::Result;
use outlast_mysql::quote;

use super::{KeyKind, kind::set_literal, order, unreadable};

/// A value of one key column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyValue {
    Signed(i64),
    /// Also the bits of a BIT or SET, and the number of an ENUM's member.
    Unsigned(u64),
    Float(f64),
    /// `-12.50`
    Decimal(String),
    /// `2024-02-29` or `2024-02-29 23:59:59.123456`
    DateTime(String),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    /// Microseconds.
    Time(i64),
    Binary(Vec<u8>),
    /// In the column's character set.
    Text(Vec<u8>),
}

impl KeyValue {
    /// Reads the text form.
    ///
    /// # Errors
    /// `Inconsistent` if it is none of this kind.
    pub(super) fn from_text(text: &str, kind: &KeyKind) -> Result<Self> {
        let bad = || unreadable(&format!("{text:.100?} is no value of kind {kind:?}"));
        Ok(match kind {
            KeyKind::Signed => Self::Signed(text.parse().map_err(|_| bad())?),
            KeyKind::Unsigned | KeyKind::Enum { .. } | KeyKind::Set { .. } => {
                Self::Unsigned(text.parse().map_err(|_| bad())?)
            }
            KeyKind::Float => match text.parse() {
                Ok(number) if f64::is_finite(number) => Self::Float(number),
                _ => return Err(bad()),
            },
            KeyKind::Decimal if is_made_of(text, "+-.0123456789") => Self::Decimal(text.to_owned()),
            KeyKind::DateTime if is_made_of(text, "-: .0123456789") => Self::DateTime(text.to_owned()),
            KeyKind::Timestamp => Self::Timestamp(micros(text).ok_or_else(bad)?),
            KeyKind::Time => Self::Time(time_micros(text).ok_or_else(bad)?),
            KeyKind::Binary { .. } => Self::Binary(unhex(text)?),
            KeyKind::Text { .. } => Self::Text(unhex(text)?),
            KeyKind::Decimal | KeyKind::DateTime => return Err(bad()),
        })
    }

    /// The text form: what the server gives for [`CopyKey::select_list`](super::CopyKey::select_list).
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Signed(n) => n.to_string(),
            Self::Unsigned(n) => n.to_string(),
            // The shortest text that is this number and no other.
            Self::Float(n) => format!("{n:e}"),
            Self::Decimal(text) | Self::DateTime(text) => text.clone(),
            Self::Timestamp(micros) => format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000),
            Self::Time(micros) => time_text(*micros),
            Self::Binary(bytes) | Self::Text(bytes) => hex(bytes),
        }
    }

    /// The value in SQL.
    pub(super) fn literal(&self, kind: &KeyKind) -> String {
        match (self, kind) {
            (Self::Text(bytes), KeyKind::Text { charset, collation, .. }) => {
                format!("_{charset} {} COLLATE {collation}", quote::hex(bytes))
            }
            (Self::Text(bytes) | Self::Binary(bytes), _) => quote::hex(bytes),
            // No instant but '0000-00-00', which FROM_UNIXTIME does not give, and which a strict server takes as a number only.
            (Self::Timestamp(0), _) => "0".to_owned(),
            (Self::Timestamp(_), _) => format!("FROM_UNIXTIME({})", self.to_text()),
            // Typed: in a list of one row, MySQL compares an untyped text with the column's text, decimals and all.
            (Self::Time(_), _) => format!("TIME'{}'", self.to_text()),
            (Self::DateTime(text), _) => format!("'{text}'"),
            (Self::Unsigned(bits), KeyKind::Set { members }) => set_literal(*bits, members),
            (Self::Signed(_) | Self::Unsigned(_) | Self::Float(_) | Self::Decimal(_), _) => self.to_text(),
        }
    }

    /// For messages to people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
            Self::Binary(bytes) => format!("x'{}'", hex(bytes)),
            Self::DateTime(_) | Self::Time(_) => format!("'{}'", self.to_text()),
            other => other.to_text(),
        }
    }

    /// Appends bytes that compare as the server orders the values; not for texts, which the server weighs.
    pub(super) fn push_order(&self, to: &mut Vec<u8>) {
        match self {
            Self::Signed(n) | Self::Timestamp(n) | Self::Time(n) => order::push_signed(to, *n),
            Self::Unsigned(n) => order::push_unsigned(to, *n),
            Self::Float(n) => order::push_float(to, *n),
            Self::Decimal(text) => order::push_decimal(to, text),
            Self::DateTime(text) => order::push_bytes(to, text.as_bytes()),
            Self::Binary(bytes) | Self::Text(bytes) => order::push_bytes(to, bytes),
        }
    }
}

fn is_made_of(text: &str, characters: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| characters.contains(c))
}

/// `12.5` → 12 500 000.
fn micros(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: i64 = format!("{fraction:0<6.6}").parse().ok()?;
    seconds
        .parse::<i64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(fraction)
}

/// `-838:59:59.000001` → microseconds.
fn time_micros(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut parts = text.splitn(3, ':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    Some(sign * ((hours * 3600 + minutes * 60) * 1_000_000 + micros(parts.next()?)?))
}

fn time_text(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    format!(
        "{sign}{:02}:{:02}:{:02}.{micros:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn hex(bytes: &[u8]) -> String {
    let literal = quote::hex(bytes);
    literal[2..literal.len() - 1].to_owned()
}

/// Reads hexadecimal digits.
///
/// # Errors
/// `Inconsistent` if there are other characters.
pub(super) fn unhex(text: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()),
        _ => Err(unreadable(&format!("{text:.100?} is not hexadecimal"))),
    }
}
