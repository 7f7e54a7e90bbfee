//! Random columns: their types, and the values that go into them.

use super::choices::Choices;

/// What a column's values are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Integers { low: i64, count: u64 },
    Fractions,
    Texts,
    Bytes,
    Dates,
    Moments,
    Times,
    Years,
    Members,
    Sets,
    Documents,
}

use Values::{Bytes, Dates, Documents, Fractions, Integers, Members, Moments, Sets, Texts, Times, Years};

/// Types, their values, and whether they can be (part of) a key.
const TYPES: [(&str, Values, bool); 36] = [
    (
        "INT",
        Integers {
            low: -50_000,
            count: 100_000,
        },
        true,
    ),
    (
        "BIGINT",
        Integers {
            low: -5_000_000_000,
            count: 4_294_967_295,
        },
        true,
    ),
    (
        "BIGINT UNSIGNED",
        Integers {
            low: 0,
            count: 4_294_967_295,
        },
        true,
    ),
    (
        "SMALLINT",
        Integers {
            low: -300,
            count: 1_000,
        },
        true,
    ),
    ("MEDIUMINT UNSIGNED", Integers { low: 0, count: 100_000 }, true),
    ("TINYINT", Integers { low: -128, count: 256 }, true),
    ("INT UNSIGNED ZEROFILL", Integers { low: 0, count: 5_000 }, true),
    ("DECIMAL(10, 2)", Fractions, true),
    ("DECIMAL(20, 6)", Fractions, true),
    ("FLOAT", Fractions, false),
    ("DOUBLE", Fractions, false),
    ("BIT(10)", Integers { low: 0, count: 1_024 }, false),
    ("VARCHAR(20)", Texts, true),
    ("VARCHAR(30) CHARACTER SET latin1", Texts, true),
    ("VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_bin", Texts, true),
    ("VARCHAR(25) CHARACTER SET utf8mb3", Texts, true),
    ("VARCHAR(25) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", Texts, true),
    (
        "VARCHAR(25) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        Texts,
        true,
    ),
    (
        "VARCHAR(25) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs",
        Texts,
        true,
    ),
    ("CHAR(12)", Texts, true),
    ("CHAR(16) CHARACTER SET latin1", Texts, true),
    ("TEXT", Texts, false),
    ("MEDIUMTEXT CHARACTER SET latin1", Texts, false),
    ("VARBINARY(16)", Bytes, true),
    ("BINARY(8)", Bytes, true),
    ("BLOB", Bytes, false),
    ("DATE", Dates, true),
    ("DATETIME", Moments, true),
    ("DATETIME(6)", Moments, true),
    ("TIMESTAMP(3)", Moments, true),
    ("TIME", Times, true),
    ("TIME(2)", Times, true),
    ("YEAR", Years, true),
    ("ENUM('a', 'b', 'c', 'd')", Members, false),
    ("SET('a', 'b', 'c', 'd')", Sets, false),
    ("JSON", Documents, false),
];

/// A column of a random table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: &'static str,
    pub(super) is_nullable: bool,
    pub(super) can_be_key: bool,
    values: Values,
}

impl Column {
    pub(super) fn random(choices: &mut Choices, name: String) -> Self {
        let (type_name, values, can_be_key) = *choices.pick(&TYPES);
        Self {
            name,
            type_name,
            is_nullable: choices.percent(50),
            can_be_key,
            values,
        }
    }

    /// A column that most tables have as their key.
    pub(super) fn ordinary_key(choices: &mut Choices, name: String) -> Self {
        let (type_name, values, can_be_key) = TYPES[choices.below(2)];
        Self {
            name,
            type_name,
            is_nullable: false,
            can_be_key,
            values,
        }
    }

    /// The column's definition after its name, with another type if it shall have one.
    pub(super) fn definition(&self, type_name: &str, is_nullable: bool) -> String {
        let null = if is_nullable { "NULL" } else { "NOT NULL" };
        format!("{type_name} {null}")
    }

    /// A type that values might be converted to.
    pub(super) fn other_type(&self, choices: &mut Choices) -> &'static str {
        // Some conversions make no sense, and MySQL or the values are to say so.
        if choices.percent(8) {
            return choices.pick(&TYPES).0;
        }
        let related: &[&str] = match self.values {
            Integers { .. } => &[
                "INT",
                "BIGINT",
                "SMALLINT",
                "INT UNSIGNED",
                "DECIMAL(14, 1)",
                "VARCHAR(20)",
                "DOUBLE",
            ],
            Fractions => &[
                "DECIMAL(12, 3)",
                "DECIMAL(8, 1)",
                "DOUBLE",
                "FLOAT",
                "INT",
                "VARCHAR(30)",
            ],
            Texts => &[
                "VARCHAR(40)",
                "VARCHAR(8)",
                "VARCHAR(40) CHARACTER SET latin1",
                "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                "TEXT",
                "CHAR(30)",
                "VARBINARY(200)",
            ],
            Bytes => &["VARBINARY(30)", "BLOB", "BINARY(16)", "VARBINARY(4)"],
            Dates | Moments => &["DATE", "DATETIME", "DATETIME(3)", "TIMESTAMP(6)", "VARCHAR(30)"],
            Times => &["TIME", "TIME(4)", "VARCHAR(20)"],
            Years => &["YEAR", "SMALLINT", "INT", "CHAR(4)"],
            Members => &[
                "ENUM('a', 'b', 'c', 'd', 'e')",
                "ENUM('d', 'c', 'b', 'a')",
                "ENUM('a', 'b', 'c')",
                "VARCHAR(5)",
            ],
            Sets => &["SET('a', 'b', 'c', 'd', 'e')", "VARCHAR(10)"],
            Documents => &["JSON", "TEXT"],
        };
        choices.pick::<&str>(related)
    }

    /// An SQL expression for a value, in which `n` is a number: the same value for the same number.
    pub(super) fn value(&self, n: &str) -> String {
        let chance = format!("CRC32(CONCAT('{}', {n}))", self.name);
        let value = match self.values {
            Integers { low, count } => format!("CAST({chance} % {count} AS SIGNED) + {low}"),
            Fractions => format!("(CAST({chance} % 80000 AS SIGNED) - 40000) / 16"),
            Texts => {
                format!("CONCAT(ELT(1 + {chance} % 7, 'a', 'A', 'b', 'ä', '', 'x y', 'ß'), {chance} DIV 8 % 10000)")
            }
            Bytes => format!("UNHEX(LPAD(HEX({chance}), 8, '0'))"),
            Dates => format!("DATE '2020-01-01' + INTERVAL {chance} % 3000 DAY"),
            Moments => format!("TIMESTAMP '2020-01-01 00:00:00.123456' + INTERVAL {chance} % 90000000 SECOND"),
            Times => format!("SEC_TO_TIME(CAST({chance} % 200000 AS SIGNED) - 100000 + 0.25)"),
            Years => format!("1950 + {chance} % 150"),
            Members => format!("ELT(1 + {chance} % 4, 'a', 'b', 'c', 'd')"),
            Sets => format!("MAKE_SET({chance} % 16, 'a', 'b', 'c', 'd')"),
            Documents => format!("JSON_OBJECT('k', {chance} % 100, 'n', {n})"),
        };
        match self.is_nullable {
            true => format!("IF({chance} % 11 = 0, NULL, {value})"),
            false => value,
        }
    }

    /// Whether a text column is meant, which a default may be given as text.
    pub(super) fn default_value(&self) -> Option<&'static str> {
        match self.values {
            Integers { .. } => Some("5"),
            Fractions => Some("1.5"),
            Texts if !self.type_name.contains("TEXT") => Some("'dflt'"),
            Dates => Some("'2021-03-04'"),
            Members => Some("'b'"),
            _ => None,
        }
    }
}
