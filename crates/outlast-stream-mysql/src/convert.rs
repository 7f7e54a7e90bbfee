//! How a column's values are selected, so that the server makes of them what its own ALTER makes.
//!
//! An ALTER hands values from field to field, an `INSERT … SELECT` assigns them, and between some types these differ: an ALTER
//! turns a number into a text as it is shown (zero-filled, a FLOAT with its own digits), and anything into a date, an ENUM, a
//! SET or a JSON by way of that text.

use crate::table::Column;

/// Texts of types with more characters are read otherwise when they become bits.
const MOST_DIGITS: u64 = 255;

/// The expression that is selected for `name`, the quoted column `before`, when it becomes `after`.
pub(crate) fn expression(before: &Column, after: &Column, name: &str) -> String {
    let as_text = format!("CAST({name} AS CHAR)");
    let as_number = format!("CAST({name} AS SIGNED)");
    match (Sort::of(before), Sort::of(after)) {
        _ if before.column_type == after.column_type && before.charset == after.charset => name.to_owned(),
        // The number 0 stands for a value that was no member; as a text, '0' is read as that number.
        (Sort::Enum, Sort::Enum) if !after.members().iter().any(|member| member == "0") => {
            format!("IF({name} + 0 = 0, '0', {as_text})")
        }
        (Sort::Enum | Sort::Set, Sort::Enum | Sort::Set) => as_text,
        (Sort::Integer | Sort::Decimal | Sort::Real | Sort::Year, Sort::Text | Sort::Enum | Sort::Set | Sort::Json)
        | (Sort::Integer | Sort::Decimal | Sort::Real, Sort::Temporal)
        | (Sort::Json, Sort::Integer | Sort::Real | Sort::Year | Sort::Temporal) => as_text,
        (Sort::Temporal, Sort::Year) if before.data_type == "date" => as_text,
        (Sort::Temporal, Sort::Bits) if before.data_type == "date" => as_number,
        (Sort::Decimal | Sort::Real | Sort::Json, Sort::Bits) | (Sort::Real, Sort::Year) => as_number,
        (Sort::Text, Sort::Bits) if holds_short_numbers(before) => as_number,
        (Sort::Real, Sort::Integer) if after.data_type == "bigint" => as_number,
        _ => name.to_owned(),
    }
}

/// Why a conversion can't be done as an ALTER does it, if so.
pub(crate) fn objection(before: &Column, after: &Column) -> Option<&'static str> {
    let becomes_bits = Sort::of(after) == Sort::Bits && Sort::of(before) != Sort::Bits;
    match Sort::of(before) {
        Sort::Text if becomes_bits && !holds_short_numbers(before) => {
            Some("MySQL's ALTER reads long texts as zero bits")
        }
        Sort::Other if becomes_bits => Some("MySQL's ALTER makes zero bits of it"),
        _ => None,
    }
}

/// Whether it is a text short enough to be a number, in a character set that writes digits in one byte.
fn holds_short_numbers(column: &Column) -> bool {
    let wide = ["ucs2", "utf16", "utf16le", "utf32"];
    let is_wide = column.charset.as_deref().is_some_and(|charset| wide.contains(&charset));
    column.characters <= Some(MOST_DIGITS) && !is_wide
}

/// Types that are converted alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Integer,
    Decimal,
    Real,
    Bits,
    Year,
    Temporal,
    /// Characters or bytes.
    Text,
    Enum,
    Set,
    Json,
    Other,
}

impl Sort {
    fn of(column: &Column) -> Self {
        match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Self::Integer,
            "decimal" => Self::Decimal,
            "float" | "double" => Self::Real,
            "bit" => Self::Bits,
            "year" => Self::Year,
            "date" | "datetime" | "timestamp" | "time" => Self::Temporal,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "binary" | "varbinary"
            | "tinyblob" | "blob" | "mediumblob" | "longblob" => Self::Text,
            "enum" => Self::Enum,
            "set" => Self::Set,
            "json" => Self::Json,
            _ => Self::Other,
        }
    }
}
