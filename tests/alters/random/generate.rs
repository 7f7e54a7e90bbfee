//! Random tables, ALTERs, and rounds of an application.

use anyhow::Result;
use outlast_tests::case::{Case, Statement};

use super::{choices::Choices, column::Column};

const ROWS: usize = 120;
/// What the application's statements may meet: duplicates, and values that don't fit.
const DATA_ERRORS: [u16; 8] = [1048, 1062, 1264, 1265, 1292, 1366, 1406, 1690];

/// A case in parts that can be left out one by one.
#[derive(Debug, Clone)]
pub(super) struct RandomCase {
    name: String,
    description: String,
    create: Vec<String>,
    clauses: Vec<String>,
    round: Vec<String>,
}

impl RandomCase {
    pub(super) fn new(seed: u64, index: u64) -> Result<Self> {
        let mut choices = Choices::new(seed, index)?;
        let table = Table::random(&mut choices);
        Ok(Self {
            name: index.to_string(),
            description: format!("Random case {index} of seed {seed}."),
            create: table.create(),
            clauses: table.clauses(&mut choices),
            round: table.round(&mut choices),
        })
    }

    /// As the player wants it.
    pub(super) fn case(&self) -> Case {
        let statements = |all: &[String]| {
            let statement = |sql: &String| Statement {
                sql: sql.clone(),
                line: 0,
            };
            all.iter().map(statement).collect()
        };
        // Duplicates that last make it fail soon, and long after any that don't last.
        let mut options = "--chunk-rows 7 --chunk-pause 10ms --duplicate-grace 1s".to_owned();
        if self.name.ends_with(['1', '3', '5', '7', '9']) {
            options.push_str(" --defer-indexes");
        }
        Case {
            group: "random".to_owned(),
            name: self.name.clone(),
            description: self.description.clone(),
            create: statements(&self.create),
            alter: format!("ALTER TABLE t {}", self.clauses.join(", ")),
            round: statements(&self.round),
            errors: DATA_ERRORS.to_vec(),
            options: Some(options.split(' ').map(str::to_owned).collect()),
            ..Case::default()
        }
    }

    /// Cases that are simpler by one clause or one of the application's statements.
    pub(super) fn simpler(&self) -> Vec<Self> {
        let without = |all: &[String], index: usize| {
            let mut all = all.to_vec();
            all.remove(index);
            all
        };
        let mut simpler = Vec::new();
        if self.clauses.len() > 1 {
            simpler.extend((0..self.clauses.len()).map(|index| Self {
                clauses: without(&self.clauses, index),
                ..self.clone()
            }));
        }
        if self.round.len() > 1 {
            simpler.extend((0..self.round.len()).map(|index| Self {
                round: without(&self.round, index),
                ..self.clone()
            }));
        }
        simpler
    }
}

struct Table {
    columns: Vec<Column>,
    /// The columns of the key that rows are chosen by; may be empty.
    primary: Vec<String>,
    keys: Vec<String>,
    suffix: &'static str,
}

impl Table {
    fn random(choices: &mut Choices) -> Self {
        let count = 1 + choices.below(8);
        let mut columns: Vec<Column> = (0..count).map(|i| Column::random(choices, format!("c{i}"))).collect();
        if choices.percent(60) {
            columns[0] = Column::ordinary_key(choices, "c0".to_owned());
        }
        let mut primary = Vec::new();
        let wanted = 1 + choices.below(4) / 3;
        for column in columns.iter_mut().filter(|c| c.can_be_key).take(wanted) {
            column.is_nullable = false;
            primary.push(column.name.clone());
        }
        let mut keys = Vec::new();
        match primary.is_empty() {
            true => {}
            // Some tables have a unique key in place of a primary key.
            false if choices.percent(15) => keys.push(format!("UNIQUE KEY only_key ({})", primary.join(", "))),
            false => keys.push(format!("PRIMARY KEY ({})", primary.join(", "))),
        }
        let able: Vec<&Column> = columns.iter().filter(|c| c.can_be_key).collect();
        if !able.is_empty() {
            for number in 0..choices.below(3) {
                let (first, second) = (&choices.pick(&able).name, &choices.pick(&able).name);
                let unique = if choices.percent(30) { "UNIQUE " } else { "" };
                let descending = if choices.percent(20) { " DESC" } else { "" };
                let second = match first != second && choices.percent(40) {
                    true => format!(", {second}"),
                    false => String::new(),
                };
                keys.push(format!("{unique}KEY k{number} ({first}{descending}{second})"));
            }
        }
        let suffixes = [
            "",
            "",
            " CHARACTER SET latin1",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        ];
        Self {
            columns,
            primary,
            keys,
            suffix: *choices.pick(&suffixes),
        }
    }

    fn create(&self) -> Vec<String> {
        let columns = self
            .columns
            .iter()
            .map(|c| format!("{} {}", c.name, c.definition(c.type_name, c.is_nullable)));
        let lines: Vec<String> = columns
            .chain(self.keys.iter().cloned())
            .map(|line| format!("  {line}"))
            .collect();
        let values: Vec<String> = self.columns.iter().map(|c| c.value("n")).collect();
        vec![
            format!("CREATE TABLE t (\n{}\n){}", lines.join(",\n"), self.suffix),
            format!(
                "INSERT IGNORE INTO t ({})\n  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})\n  \
                 SELECT {} FROM n",
                self.names().join(", "),
                values.join(",\n    ")
            ),
        ]
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// The clauses of an ALTER. Each is about a column of its own, or else MySQL would reject most of them.
    fn clauses(&self, choices: &mut Choices) -> Vec<String> {
        let wanted = 1 + choices.below(4);
        let mut untouched: Vec<&Column> = self.columns.iter().collect();
        let mut clauses = Vec::new();
        for number in 0..wanted.min(untouched.len()) {
            let column = untouched.remove(choices.below(untouched.len()));
            let position = match (choices.below(6), untouched.first()) {
                (0, _) => " FIRST".to_owned(),
                (1, Some(other)) => format!(" AFTER {}", other.name),
                _ => String::new(),
            };
            clauses.push(match choices.percent(60) {
                true => change_of_column(choices, column, &position, number),
                false => self.change_of_table(choices, column, &untouched, &position, number),
            });
            if position.contains(" AFTER ") {
                untouched.remove(0);
            }
            if untouched.is_empty() {
                break;
            }
        }
        clauses
    }

    /// A clause that changes no column, though it may be about one.
    fn change_of_table(
        &self,
        choices: &mut Choices,
        column: &Column,
        untouched: &[&Column],
        position: &str,
        number: usize,
    ) -> String {
        let name = &column.name;
        let is_primary = self.keys.first().is_some_and(|key| key.starts_with("PRIMARY"));
        let second = untouched.iter().find(|c| c.can_be_key);
        match choices.below(14) {
            0..=3 => {
                let new = Column::random(choices, format!("new{number}"));
                let default = match new.default_value() {
                    Some(value) if choices.percent(50) => format!(" DEFAULT {value}"),
                    _ => String::new(),
                };
                let definition = new.definition(new.type_name, new.is_nullable);
                format!("ADD COLUMN {} {definition}{default}{position}", new.name)
            }
            4 | 5 if column.can_be_key => match second {
                Some(second) => format!("ADD INDEX added{number} ({name}, {} DESC)", second.name),
                None => format!("ADD INDEX added{number} ({name})"),
            },
            6 if column.can_be_key => format!("ADD UNIQUE INDEX added{number} ({name})"),
            7 if self.keys.iter().any(|key| key.contains("KEY k0 ")) => "DROP INDEX k0".to_owned(),
            8 | 9 => {
                let sets = ["utf8mb4", "latin1", "utf8mb4 COLLATE utf8mb4_bin", "utf8mb3"];
                format!("CONVERT TO CHARACTER SET {}", choices.pick(&sets))
            }
            10 if self.primary.is_empty() && column.can_be_key => format!("ADD PRIMARY KEY ({name})"),
            10 | 11 if is_primary && column.can_be_key && !self.primary.contains(name) => {
                format!(
                    "DROP PRIMARY KEY, ADD PRIMARY KEY ({}, {name})",
                    self.primary.join(", ")
                )
            }
            _ => {
                let options = [
                    "ROW_FORMAT = COMPRESSED",
                    "COMMENT = 'altered'",
                    "FORCE",
                    "DEFAULT CHARACTER SET latin1",
                ];
                (*choices.pick(&options)).to_owned()
            }
        }
    }

    /// One round: inserts, updates, of keys too, deletes, and the two statements that are several of these.
    fn round(&self, choices: &mut Choices) -> Vec<String> {
        let names = self.names();
        let values = |n: &str| self.columns.iter().map(|c| c.value(n)).collect::<Vec<_>>().join(", ");
        let all = names.join(", ");
        // A few rows, and others in each round.
        let chosen = match self.primary.is_empty() {
            true => &names,
            false => &self.primary,
        };
        let some = |modulus: usize| {
            let chosen = chosen
                .iter()
                .map(|name| format!("HEX({name})"))
                .collect::<Vec<_>>()
                .join(", ");
            format!("CRC32(CONCAT_WS(',', {chosen})) % {modulus} = @round % {modulus}")
        };
        let mut round = vec![
            format!("INSERT INTO t ({all}) VALUES ({})", values("1000 + @round")),
            format!("DELETE FROM t WHERE {} LIMIT 2", some(61)),
        ];
        for number in 0..1 + choices.below(5) {
            let column = choices.pick(&self.columns);
            let key = self.primary.first().unwrap_or(&column.name);
            let key = self.columns.iter().find(|c| c.name == *key).unwrap_or(column);
            let value = column.value(&format!("{} + @round", 2000 + 500 * number));
            round.push(match choices.below(6) {
                0 | 1 => format!("UPDATE t SET {} = {value} WHERE {}", column.name, some(29)),
                2 => format!(
                    "UPDATE t SET {} = {} WHERE {} LIMIT 1",
                    key.name,
                    key.value("5000 + @round"),
                    some(31)
                ),
                3 => format!(
                    "REPLACE INTO t ({all}) VALUES ({})",
                    values(&format!("1 + @round * 7 % {ROWS}"))
                ),
                4 => format!(
                    "INSERT INTO t ({all}) VALUES ({}) AS new ON DUPLICATE KEY UPDATE {} = {value}",
                    values(&format!("1 + @round * 11 % {ROWS}")),
                    column.name
                ),
                _ => format!("DELETE FROM t WHERE {} LIMIT 1", some(23)),
            });
        }
        if choices.percent(40) {
            round.insert(0, "BEGIN".to_owned());
            round.push("COMMIT".to_owned());
        }
        round
    }
}

/// A clause that changes a column.
fn change_of_column(choices: &mut Choices, column: &Column, position: &str, number: usize) -> String {
    let name = &column.name;
    let same = column.definition(column.type_name, column.is_nullable);
    let is_nullable = column.is_nullable != choices.percent(15);
    let changed = column.definition(column.other_type(choices), is_nullable);
    match choices.below(10) {
        0 => format!("DROP COLUMN {name}"),
        1..=4 => format!("MODIFY COLUMN {name} {changed}{position}"),
        5 => format!("CHANGE COLUMN {name} renamed{number} {changed}{position}"),
        6 => format!("CHANGE COLUMN {name} renamed{number} {same}{position}"),
        7 => format!("RENAME COLUMN {name} TO renamed{number}"),
        _ => format!("MODIFY COLUMN {name} {same}{position}"),
    }
}
