//! What a change of type does to a key column: whether a key's row can still be found in the shadow, and how.
//!
//! A key column may change its type as long as each value of the source becomes a value of its own. Where information is
//! lost (fewer decimals, another rounding), two rows could become one, and which of them a row of the shadow came from
//! could not be told: such a key is not used.

use outlast_core::Result;
use outlast_mysql::quote;

use super::{KeyKind, KeyValue};
use crate::table::Column;

/// How a key column's values look in the shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// The same literal names the same value.
    Same,
    /// The same literal, but read back it has other digits than in the source's type; the type to cast it to.
    Widened { cast: String },
    /// The same text in another character set (`None`: bytes) or collation.
    Text { target: Option<(String, String)> },
    /// Bytes read as text.
    Bytes { charset: String, collation: String },
    /// An integer as its digits.
    Digits { charset: String, collation: String },
    /// BINARY of more bytes: zeros are appended.
    Padded { from: usize, to: usize },
    /// An ENUM's members have other numbers, or none.
    Members,
}

impl Conversion {
    /// The value as SQL, to be compared with the shadow's column.
    pub(super) fn literal(&self, value: &KeyValue, kind: &KeyKind) -> String {
        match (self, value) {
            (Self::Text { target: None }, KeyValue::Text(bytes)) => quote::hex(bytes),
            (
                Self::Text {
                    target: Some((charset, collation)),
                },
                KeyValue::Text(bytes),
            ) => match kind {
                KeyKind::Text { charset: from, .. } if from != charset => {
                    format!(
                        "CONVERT(_{from} {} USING {charset}) COLLATE {collation}",
                        quote::hex(bytes)
                    )
                }
                _ => format!("_{charset} {} COLLATE {collation}", quote::hex(bytes)),
            },
            (Self::Bytes { charset, collation }, KeyValue::Binary(bytes)) => {
                format!("_{charset} {} COLLATE {collation}", quote::hex(bytes))
            }
            (Self::Digits { charset, collation }, value) => {
                let digits = quote::text(&value.to_text());
                format!("CONVERT({digits} USING {charset}) COLLATE {collation}")
            }
            (Self::Padded { to, .. }, KeyValue::Binary(bytes)) => {
                let mut padded = bytes.clone();
                padded.resize(padded.len().max(*to), 0);
                quote::hex(&padded)
            }
            _ => value.literal(kind),
        }
    }

    /// An expression of the source's type, for a column of the shadow.
    pub(super) fn reversed(&self, column: &str, kind: &KeyKind) -> String {
        match (self, kind) {
            (Self::Same, _) => column.to_owned(),
            (Self::Widened { cast }, _) => format!("CAST({column} AS {cast})"),
            (Self::Text { .. }, KeyKind::Text { charset, collation, .. }) => {
                format!("(CONVERT({column} USING {charset}) COLLATE {collation})")
            }
            (Self::Bytes { .. }, _) => format!("CAST({column} AS BINARY)"),
            (Self::Digits { .. }, KeyKind::Unsigned) => format!("CAST({column} AS UNSIGNED)"),
            (Self::Digits { .. }, _) => format!("CAST({column} AS SIGNED)"),
            (Self::Padded { from, .. }, _) => format!("LEFT({column}, {from})"),
            (Self::Members, KeyKind::Enum { members }) => {
                let names: Vec<String> = members.iter().map(|m| quote::text(m)).collect();
                format!("FIELD({column}, {})", names.join(", "))
            }
            (Self::Text { .. } | Self::Members, _) => column.to_owned(),
        }
    }

    /// Whether what source and shadow call equal may differ, so that only equal bytes are one key.
    pub(super) fn needs_bytes(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Bytes { .. })
    }

    /// The conversion from one column to the other, or why there is none.
    ///
    /// `strict` says whether values that do not fit are errors; where they are not, they would be changed silently.
    pub(super) fn between(before: &Column, after: &Column, strict: bool) -> Result<Self, String> {
        if before.column_type == after.column_type && before.collation == after.collation {
            return Ok(Self::Same);
        }
        let fits = |fits: bool, conversion: Self| match fits || strict {
            true => Ok(conversion),
            false => Err(format!(
                "the change turns column `{}` from {} into {}, and the server's sql_mode is not strict, so values that do \
                 not fit would be changed silently",
                before.name, before.column_type, after.column_type
            )),
        };
        let lossy = || {
            Err(format!(
                "the change turns column `{}` from {} into {}, in which different values may become one",
                before.name, before.column_type, after.column_type
            ))
        };
        let (from, to) = (before.data_type.as_str(), after.data_type.as_str());
        if let (Some(from), Some(to)) = (before.integer_range(), after.integer_range()) {
            return fits(to.0 <= from.0 && from.1 <= to.1, Self::Same);
        }
        let longer = match to {
            "varbinary" => before.bytes <= after.bytes,
            _ => before.characters <= after.characters,
        };
        match (from, to) {
            ("char" | "varchar", "char" | "varchar" | "varbinary") => {
                text(before, after, longer).map_or_else(lossy, |c| {
                    let same_repertoire = to == "varbinary" || after.charset == before.charset || holds_all(after);
                    fits(longer && same_repertoire, c)
                })
            }
            ("enum" | "set", "enum" | "set") if from == to => {
                let (old, new) = (before.members(), after.members());
                match new.starts_with(&old) {
                    true => Ok(Self::Same),
                    false if from == "set" => lossy(),
                    false if before.collation != after.collation => lossy(),
                    false => fits(old.iter().all(|member| new.contains(member)), Self::Members),
                }
            }
            ("enum", "varchar") if before.collation == after.collation => {
                let longest = before.members().iter().map(|m| m.chars().count() as u64).max();
                fits(longest <= after.characters && holds_all(after), Self::Members)
            }
            ("tinyint" | "smallint" | "mediumint" | "int" | "bigint", "char" | "varchar")
                if !before.column_type.contains("zerofill") =>
            {
                match (&after.charset, &after.collation) {
                    (Some(charset), Some(collation)) => fits(
                        after.characters >= Some(20),
                        Self::Digits {
                            charset: charset.clone(),
                            collation: collation.clone(),
                        },
                    ),
                    _ => lossy(),
                }
            }
            ("year", _) if after.integer_range().is_some_and(|(_, most)| most >= 2155) => Ok(Self::Same),
            ("bit", "bit") => fits(before.size() <= after.size(), Self::Same),
            ("bit", _) if after.integer_range().is_some() => {
                let most = 1i128.checked_shl(before.size() as u32).unwrap_or(i128::MAX) - 1;
                fits(after.integer_range().is_some_and(|(_, max)| most <= max), Self::Same)
            }
            (_, "decimal") if from == "decimal" || before.integer_range().is_some() => {
                let read_back = integer(before).map_or(Self::Same, |cast| Self::Widened { cast });
                decimal(before, after).map_or_else(lossy, |f| fits(f && keeps_sign(before, after), read_back))
            }
            ("tinyint" | "smallint" | "mediumint" | "int", "double")
            | ("tinyint" | "smallint" | "mediumint", "float") => match after.column_type.contains('(') {
                true => lossy(),
                false => fits(
                    keeps_sign(before, after),
                    integer(before).map_or(Self::Same, |cast| Self::Widened { cast }),
                ),
            },
            ("float", "double") if !before.column_type.contains('(') && !after.column_type.contains('(') => {
                fits(keeps_sign(before, after), Self::Same)
            }
            ("date", "datetime") => Ok(Self::Widened {
                cast: "DATE".to_owned(),
            }),
            ("datetime", "datetime") if before.size() <= after.size() => Ok(Self::Widened {
                cast: format!("DATETIME({})", before.size()),
            }),
            ("timestamp", "timestamp" | "datetime") | ("time", "time") if before.size() <= after.size() => {
                Ok(Self::Same)
            }
            ("binary", "binary") if longer => Ok(Self::Padded {
                from: before.characters.unwrap_or(0) as usize,
                to: after.characters.unwrap_or(0) as usize,
            }),
            // Bytes that are no text of the character set are an error only for a strict server.
            ("varbinary", "varchar") if longer && !is_wide(after) => match (&after.charset, &after.collation) {
                (Some(charset), Some(collation)) => fits(
                    false,
                    Self::Bytes {
                        charset: charset.clone(),
                        collation: collation.clone(),
                    },
                ),
                _ => lossy(),
            },
            ("binary" | "varbinary", "varbinary") => fits(longer, Self::Same),
            _ => lossy(),
        }
    }
}

/// Between texts, `None` if trailing spaces that tell values apart would be lost.
fn text(before: &Column, after: &Column, longer: bool) -> Option<Conversion> {
    // Also what is too long is cut without an error, if it is spaces.
    let loses_spaces =
        before.data_type == "varchar" && (after.data_type == "char" || (!longer && after.data_type == "varchar"));
    if before.collation == after.collation {
        return (!loses_spaces || before.pads).then_some(Conversion::Same);
    }
    if loses_spaces || (after.data_type == "varbinary" && !longer) {
        return None;
    }
    let target = match (&after.charset, &after.collation) {
        (Some(charset), Some(collation)) => Some((charset.clone(), collation.clone())),
        _ => None,
    };
    Some(Conversion::Text { target })
}

/// Whether the column's character set writes each character in two bytes at least: odd ones are filled up.
fn is_wide(column: &Column) -> bool {
    matches!(column.charset.as_deref(), Some("ucs2" | "utf16" | "utf16le" | "utf32"))
}

/// What reads a number back as the integer that it was; `None` if it was none.
fn integer(before: &Column) -> Option<String> {
    let cast = if before.column_type.contains("unsigned") {
        "UNSIGNED"
    } else {
        "SIGNED"
    };
    before.integer_range().map(|_| cast.to_owned())
}

/// Whether negative numbers stay negative.
fn keeps_sign(before: &Column, after: &Column) -> bool {
    before.column_type.contains("unsigned") || !after.column_type.contains("unsigned")
}

/// Whether the column's character set has every character there is.
fn holds_all(column: &Column) -> bool {
    matches!(
        column.charset.as_deref(),
        Some("utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030")
    )
}

/// Whether numbers fit into a DECIMAL with at least as many decimals; `None` if it has fewer.
fn decimal(before: &Column, after: &Column) -> Option<bool> {
    let (precision, scale) = after.decimal_size()?;
    let (digits, decimals) = match before.integer_range() {
        Some((min, max)) => (min.abs().max(max).to_string().len() as u32, 0),
        None => {
            let (precision, scale) = before.decimal_size()?;
            (precision - scale, scale)
        }
    };
    (decimals <= scale).then(|| digits <= precision - scale)
}
