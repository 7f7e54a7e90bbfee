//! Definitions of tables, as `information_schema` tells them.

use std::ops::Range;

use mysql_async::Row;
use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, quote};

use crate::lexer::{LexError, Spanned, Token, tokens};

/// A table's columns and indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// In the order of the table, hence of the binlog.
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    /// Whether every moment has one name in the session's time zone: no daylight saving.
    pub(crate) has_fixed_zone: bool,
    /// Whether the session's sql_mode makes a value that does not fit an error, instead of changing it.
    pub(crate) is_strict: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `int`, `varchar`, …
    pub(crate) data_type: String,
    /// `int unsigned`, `varchar(20)`, …
    pub(crate) column_type: String,
    pub(crate) charset: Option<String>,
    pub(crate) collation: Option<String>,
    /// Length in characters, for character columns.
    pub(crate) characters: Option<u64>,
    /// Length in bytes, for these and binary columns.
    pub(crate) bytes: Option<u64>,
    /// Whether the collation compares as if values were padded with spaces.
    pub(crate) pads: bool,
    pub(crate) nullable: bool,
    pub(crate) generated: Option<Generated>,
    pub(crate) auto_increment: bool,
    /// NOT NULL, and nothing says what it is if no value is given.
    pub(crate) lacks_default: bool,
    /// Its default is an expression, such as the time of the statement.
    pub(crate) default_is_computed: bool,
}

/// How a generated column comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generated {
    pub(crate) expression: String,
    pub(crate) stored: bool,
}

impl Column {
    /// Least and largest value of an integer type; `None` for other types.
    pub(crate) fn integer_range(&self) -> Option<(i128, i128)> {
        let bits = match self.data_type.as_str() {
            "tinyint" => 8,
            "smallint" => 16,
            "mediumint" => 24,
            "int" => 32,
            "bigint" => 64,
            _ => return None,
        };
        Some(match self.column_type.contains("unsigned") {
            true => (0, (1 << bits) - 1),
            false => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        })
    }

    /// The number in parentheses behind the type: decimals of a second, bits; 0 if there is none.
    pub(crate) fn size(&self) -> u64 {
        self.sizes().next().unwrap_or(0)
    }

    /// Precision and scale of a DECIMAL.
    pub(crate) fn decimal_size(&self) -> Option<(u32, u32)> {
        let mut sizes = self.sizes().map(|n| n as u32);
        Some((sizes.next()?, sizes.next().unwrap_or(0)))
    }

    fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        let inner = self
            .column_type
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        inner
            .map_or("", |(sizes, _)| sizes)
            .split(',')
            .filter_map(|n| n.trim().parse().ok())
    }

    /// The members of an ENUM or SET, in their order.
    pub(crate) fn members(&self) -> Vec<String> {
        let mut members = Vec::new();
        let mut characters = self.column_type.chars().skip_while(|c| *c != '\'').peekable();
        while characters.next_if_eq(&'\'').is_some() {
            let mut member = String::new();
            while let Some(c) = characters.next() {
                match c {
                    '\'' if characters.next_if_eq(&'\'').is_none() => break,
                    '\\' => member.extend(characters.next().map(unescaped)),
                    c => member.push(c),
                }
            }
            members.push(member);
            characters.next_if_eq(&',');
        }
        members
    }
}

/// What stands behind a backslash in a column's type.
fn unescaped(c: char) -> char {
    match c {
        '0' => '\0',
        'n' => '\n',
        'r' => '\r',
        c => c,
    }
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    /// Whether it is a FULLTEXT or SPATIAL index.
    pub(crate) is_special: bool,
    pub(crate) parts: Vec<Part>,
}

/// A part of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Name of the column; `None` for an expression or a prefix of a column.
    pub(crate) column: Option<String>,
    pub(crate) descending: bool,
}

impl Table {
    /// Reads a table's definition.
    ///
    /// # Errors
    /// `SourceChanged` if there is no such table.
    pub(crate) async fn read(session: &mut Session, schema: &str, name: &str) -> Result<Self> {
        let at = format!(
            "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            quote::text(schema),
            quote::text(name)
        );
        let rows: Vec<Row> = session
            .rows(&format!(
                "SELECT c.COLUMN_NAME, c.DATA_TYPE, CAST(c.COLUMN_TYPE AS CHAR), c.CHARACTER_SET_NAME, c.COLLATION_NAME, \
                 c.CHARACTER_MAXIMUM_LENGTH, l.PAD_ATTRIBUTE = 'PAD SPACE', c.IS_NULLABLE = 'YES', \
                 c.EXTRA LIKE '%STORED GENERATED%', c.EXTRA LIKE '%auto_increment%', \
                 c.IS_NULLABLE = 'NO' AND c.COLUMN_DEFAULT IS NULL AND c.EXTRA NOT LIKE '%auto_increment%' AND \
                 c.EXTRA NOT LIKE '%GENERATED%', \
                 CAST(c.GENERATION_EXPRESSION AS CHAR), c.EXTRA LIKE '%DEFAULT_GENERATED%', \
                 c.CHARACTER_OCTET_LENGTH \
                 FROM information_schema.COLUMNS c \
                 LEFT JOIN information_schema.COLLATIONS l ON l.COLLATION_NAME = c.COLLATION_NAME \
                 WHERE c.{} ORDER BY c.ORDINAL_POSITION",
                at.replace("AND ", "AND c.")
            ))
            .await?;
        let columns: Vec<Column> = rows.into_iter().map(column).collect::<Result<_>>()?;
        if columns.is_empty() {
            return Err(Error::new(
                ErrorKind::SourceChanged,
                format!("table {} is not there", quote::table(schema, name)),
            ));
        }
        let parts: Vec<(String, bool, bool, Option<String>, bool)> = session
            .rows(&format!(
                "SELECT INDEX_NAME, NON_UNIQUE = 0, INDEX_TYPE <> 'BTREE', \
                 IF(SUB_PART IS NULL, COLUMN_NAME, NULL), COALESCE(COLLATION = 'D', FALSE) \
                 FROM information_schema.STATISTICS WHERE {at} ORDER BY INDEX_NAME, SEQ_IN_INDEX"
            ))
            .await?;
        let mut indexes: Vec<Index> = Vec::new();
        for (name, unique, is_special, column, descending) in parts {
            let part = Part { column, descending };
            match indexes.last_mut() {
                Some(index) if index.name == name => index.parts.push(part),
                _ => indexes.push(Index {
                    name,
                    unique,
                    is_special,
                    parts: vec![part],
                }),
            }
        }
        Ok(Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns,
            indexes,
            has_fixed_zone: has_fixed_zone(session).await?,
            is_strict: session
                .value("SELECT @@SESSION.sql_mode LIKE '%STRICT_%_TABLES%'")
                .await?,
        })
    }

    /// The column of this name, whatever its case.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|c| c.name.to_lowercase() == name.to_lowercase())
    }

    /// Whether it has TIMESTAMP columns.
    pub(crate) fn has_moments(&self) -> bool {
        self.columns.iter().any(|c| c.data_type == "timestamp")
    }

    /// `schema`.`table`.
    pub(crate) fn quoted(&self) -> String {
        quote::table(&self.schema, &self.name)
    }
}

async fn has_fixed_zone(session: &mut Session) -> Result<bool> {
    let (zone, system): (String, String) = session.value("SELECT @@session.time_zone, @@system_time_zone").await?;
    // A number is an offset only in `time_zone` itself; as a system zone's abbreviation it may change with the seasons.
    let name = if zone == "SYSTEM" { &system } else { &zone };
    Ok(zone.starts_with(['+', '-']) || matches!(name.as_str(), "UTC" | "Etc/UTC" | "GMT" | "Universal"))
}

fn column(mut row: Row) -> Result<Column> {
    let bad = || Error::new(ErrorKind::Unknown, "information_schema.COLUMNS has an unexpected shape");
    let mut text = |at: usize| {
        row.take_opt::<Option<String>, _>(at)
            .and_then(|v| v.ok())
            .ok_or_else(bad)
    };
    let name = text(0)?.ok_or_else(bad)?;
    let data_type = text(1)?.ok_or_else(bad)?.to_lowercase();
    let column_type = text(2)?.ok_or_else(bad)?;
    let charset = text(3)?;
    let collation = text(4)?;
    let expression = text(11)?.unwrap_or_default();
    let mut number = |at: usize| row.take_opt::<Option<u64>, _>(at).and_then(|v| v.ok()).ok_or_else(bad);
    Ok(Column {
        name,
        data_type,
        column_type,
        charset,
        collation,
        characters: number(5)?,
        bytes: number(13)?,
        pads: number(6)? == Some(1),
        nullable: number(7)? == Some(1),
        generated: match expression.is_empty() {
            true => None,
            false => Some(Generated {
                expression,
                stored: number(8)? == Some(1),
            }),
        },
        auto_increment: number(9)? == Some(1),
        lacks_default: number(10)? == Some(1),
        default_is_computed: number(12)? == Some(1),
    })
}

/// What binds other things to a table so that a swap would part them: a trigger, or another table's foreign key to it.
///
/// # Errors
/// Those of the server.
pub(crate) async fn bound_to(session: &mut Session, schema: &str, table: &str) -> Result<Option<String>> {
    let trigger: Option<String> = session
        .first(&format!(
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = {} AND \
             EVENT_OBJECT_TABLE = {} LIMIT 1",
            quote::text(schema),
            quote::text(table)
        ))
        .await?;
    if let Some(trigger) = trigger {
        return Ok(Some(format!("trigger `{trigger}`")));
    }
    // Not from KEY_COLUMN_USAGE, which shows only what the account may see: a swap would leave the foreign keys of other
    // schemas' tables on the retired table. Names are `schema/name`.
    let name = quote::text(&format!("{schema}/{table}"));
    let key: Option<(String, String, String)> = session
        .first(&format!(
            "SELECT ID, FOR_NAME, REF_NAME FROM information_schema.INNODB_FOREIGN \
             WHERE REF_NAME = {name} AND FOR_NAME <> {name} LIMIT 1"
        ))
        .await?;
    Ok(key.map(|(key, from, to)| {
        let split = |name: &str| {
            name.split_once('/')
                .map_or_else(|| name.to_owned(), |(s, t)| quote::table(s, t))
        };
        let (_, key) = key.split_once('/').unwrap_or(("", &key));
        format!("foreign key `{key}` from {} to {}", split(&from), split(&to))
    }))
}

/// The table's definition as one text, without what changes by itself (the AUTO_INCREMENT counter).
///
/// # Errors
/// `SourceChanged` if there is no such table.
pub(crate) async fn definition(session: &mut Session, schema: &str, name: &str) -> Result<String> {
    let (_, create): (String, String) = session
        .value(&format!("SHOW CREATE TABLE {}", quote::table(schema, name)))
        .await?;
    Ok(without_auto_increment(&create))
}

/// The tokens of a SHOW CREATE TABLE, and which of them are each a column, an index or a constraint. Behind each of these there is
/// one more token: a comma, or the parenthesis that ends them.
///
/// # Errors
/// If it can't be split.
pub(crate) fn elements(create: &str) -> Result<(Vec<Spanned>, Vec<Range<usize>>), LexError> {
    let all = tokens(create, true)?;
    let mut elements = Vec::new();
    let mut depth = 0;
    let mut begin = 0;
    for (at, spanned) in all.iter().enumerate() {
        match spanned.token {
            Token::Symbol('(') => {
                depth += 1;
                if depth == 1 {
                    begin = at + 1;
                }
            }
            Token::Symbol(',') if depth == 1 => {
                elements.push(begin..at);
                begin = at + 1;
            }
            Token::Symbol(')') => {
                depth -= 1;
                if depth == 0 {
                    elements.push(begin..at);
                    break;
                }
            }
            _ => {}
        }
    }
    Ok((all, elements))
}

/// Removes ` AUTO_INCREMENT=n` from the table options.
pub(crate) fn without_auto_increment(create: &str) -> String {
    let Some(options) = create.rfind("\n)") else {
        return create.to_owned();
    };
    let (columns, options) = create.split_at(options);
    match options.find(" AUTO_INCREMENT=") {
        None => create.to_owned(),
        Some(at) => {
            let behind = options[at + 1..].find(' ').map_or("", |end| &options[at + 1 + end..]);
            format!("{columns}{}{behind}", &options[..at])
        }
    }
}

/// The value of `AUTO_INCREMENT=n` in a SHOW CREATE TABLE; `None` if the table has no such column or never used it.
pub(crate) fn auto_increment_of(create: &str) -> Option<u64> {
    let options = &create[create.rfind("\n)")?..];
    let value = &options[options.find(" AUTO_INCREMENT=")? + " AUTO_INCREMENT=".len()..];
    value.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=7 '\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4";

    #[test]
    fn the_counter_is_no_part_of_a_definition() {
        let expected =
            "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=7 '\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        assert_eq!(without_auto_increment(CREATE), expected);
        assert_eq!(without_auto_increment(expected), expected);
    }

    #[test]
    fn the_counter_is_read_from_the_options_only() {
        assert_eq!(auto_increment_of(CREATE), Some(42));
        assert_eq!(auto_increment_of(&without_auto_increment(CREATE)), None);
    }
}
