//! The kinds of key columns: how values are shown by the server and written in SQL.

use outlast_mysql::quote;

use crate::table::Column;

/// How values of a key column are read, written and ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Any signed integer type.
    Signed,
    /// Any unsigned integer type, YEAR, BIT.
    Unsigned,
    /// FLOAT, DOUBLE.
    Float,
    /// DECIMAL.
    Decimal,
    /// DATE, DATETIME.
    DateTime,
    /// TIMESTAMP: seconds since 1970, with decimals.
    Timestamp,
    /// TIME.
    Time,
    /// VARBINARY, and BINARY of the given length.
    Binary { pad_to: Option<usize> },
    /// CHAR, VARCHAR. Ordered by the server (`WEIGHT_STRING`).
    Text {
        charset: String,
        collation: String,
        /// Length in characters if the collation pads.
        pad_to: Option<u64>,
    },
    /// ENUM of so many members: values are their numbers, from 1; 0 stands for a value that was none.
    Enum { members: u64 },
    /// SET: a bit for each member that is in the value.
    Set { members: Vec<String> },
}

impl KeyKind {
    /// The kind of a column, `None` if it can't be part of a copy key.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let unsigned = column.column_type.contains("unsigned");
        Some(match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if unsigned => Self::Unsigned,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Self::Signed,
            "year" | "bit" => Self::Unsigned,
            "float" | "double" => Self::Float,
            "decimal" => Self::Decimal,
            "date" | "datetime" => Self::DateTime,
            "timestamp" => Self::Timestamp,
            "time" => Self::Time,
            "varbinary" => Self::Binary { pad_to: None },
            "binary" => Self::Binary {
                pad_to: column.characters.map(|n| n as usize),
            },
            "char" | "varchar" => Self::Text {
                charset: column.charset.clone()?,
                collation: column.collation.clone()?,
                pad_to: column.characters.filter(|_| column.pads),
            },
            "enum" => Self::Enum {
                members: column.members().len() as u64,
            },
            "set" => Self::Set {
                members: column.members(),
            },
            _ => return None,
        })
    }

    /// What to SELECT of an expression of this kind, so that [`CopyKey::read_row`](super::CopyKey::read_row) reads it: its
    /// value as text, and for texts its weight.
    pub(super) fn select(&self, expression: &str) -> Vec<String> {
        match self {
            Self::Signed | Self::Decimal | Self::DateTime | Self::Time => vec![format!("CAST({expression} AS CHAR)")],
            // BIT, ENUM and SET are texts unless they are asked for their number.
            Self::Unsigned | Self::Enum { .. } | Self::Set { .. } => {
                vec![format!("CAST(CAST({expression} AS UNSIGNED) AS CHAR)")]
            }
            // As FLOAT, it would be shown with six digits.
            Self::Float => vec![format!("CAST(CAST({expression} AS DOUBLE) AS CHAR)")],
            Self::Timestamp => vec![format!("CAST(UNIX_TIMESTAMP({expression}) AS CHAR)")],
            Self::Binary { .. } => vec![format!("HEX({expression})")],
            Self::Text { pad_to, .. } => vec![format!("HEX({expression})"), weight(expression, *pad_to)],
        }
    }
}

/// The bytes by which the server orders a text. A collation that pads compares values as if they had the column's length.
pub(super) fn weight(expression: &str, pad_to: Option<u64>) -> String {
    match pad_to {
        Some(length) if length > 0 => format!("HEX(WEIGHT_STRING({expression} AS CHAR({length})))"),
        _ => format!("HEX(WEIGHT_STRING({expression}))"),
    }
}

/// The members of a SET value, in SQL. As a number, it would be compared with 53 bits of precision.
pub(super) fn set_literal(bits: u64, members: &[String]) -> String {
    let chosen = members
        .iter()
        .enumerate()
        .filter(|(nth, _)| bits >> nth & 1 == 1)
        .map(|(_, member)| member.as_str());
    quote::text(&chosen.collect::<Vec<_>>().join(","))
}
