//! The user's ALTER TABLE: which table it names, and what becomes of the columns' names.
//!
//! MySQL itself runs the statement, on the shadow. Here only those clauses are read that decide which column of the source
//! goes to which column of the shadow; what is not understood is refused, never guessed. The result is checked against
//! the shadow's columns afterwards.

use std::collections::HashMap;

use outlast_core::{Error, ErrorKind, Result};

use crate::{
    lexer::{LexError, Spanned, Token, tokens},
    modifiers::Modifiers,
};

/// An ALTER TABLE statement, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlterStatement {
    /// The schema it names, if it does.
    pub(crate) schema: Option<String>,
    /// The table it names.
    pub(crate) table: String,
    /// Everything behind the table's name.
    pub(crate) changes: String,
    /// What it says about how it is to be carried out.
    pub(crate) modifiers: Modifiers,
    /// Source columns that get another name, by lower-case old name. Columns that are dropped map to `None`.
    columns: HashMap<String, Option<String>>,
    /// Lower-case names of columns that are added.
    added: Vec<String>,
    /// Lower-case names of foreign keys and other constraints that are dropped.
    dropped_constraints: Vec<String>,
    /// Whether it sets the table's AUTO_INCREMENT counter.
    pub(crate) sets_auto_increment: bool,
}

impl AlterStatement {
    /// Reads a statement.
    ///
    /// # Errors
    /// `Refused`, saying what is not understood or can't be done.
    pub(crate) fn parse(sql: &str) -> Result<Self> {
        let all = tokens(sql, false).map_err(|error| match error {
            LexError::Unclosed => refused("the statement ends within a quote or a comment"),
            LexError::ConditionalComment => refused(
                "the statement holds a conditional comment (/*! … */), whose meaning depends on the server's version; write \
                 its content without the comment",
            ),
        })?;
        let mut all = all.as_slice();
        while let [rest @ .., last] = all
            && last.token == Token::Symbol(';')
        {
            all = rest;
        }
        let mut at = all.iter().peekable();
        let mut keyword = |word: &str| at.next_if(|t| t.token.is(word)).is_some();
        if !keyword("ALTER") || !keyword("TABLE") {
            return Err(refused(
                "it is no ALTER TABLE statement; Outlast runs those and nothing else",
            ));
        }
        let mut name = || at.next().and_then(|t| Some((t.token.name()?.to_owned(), t.end)));
        let (mut table, mut end) = name().ok_or_else(|| refused("the table's name is missing"))?;
        let mut schema = None;
        if at.next_if(|t| t.token == Token::Symbol('.')).is_some() {
            let (second, behind) = at
                .next()
                .and_then(|t| Some((t.token.name()?.to_owned(), t.end)))
                .ok_or_else(|| refused("the table's name is missing behind the schema's"))?;
            schema = Some(std::mem::replace(&mut table, second));
            end = behind;
        }
        let rest: Vec<Spanned> = at.cloned().collect();
        let Some(last) = rest.last() else {
            return Err(refused("it changes nothing: no clause follows the table's name"));
        };
        if rest.iter().any(|t| t.token == Token::Symbol(';')) {
            return Err(refused(
                "there is more than one statement; submit one ALTER TABLE at a time",
            ));
        }
        let mut statement = Self {
            schema,
            table,
            changes: sql[end..last.end].trim().to_owned(),
            modifiers: Modifiers::read(sql, &rest),
            columns: HashMap::new(),
            added: Vec::new(),
            dropped_constraints: Vec::new(),
            sets_auto_increment: false,
        };
        for clause in clauses(&rest)? {
            statement.read_clause(&clause)?;
        }
        Ok(statement)
    }

    /// The shadow's name for a column of the source; `None` if it is dropped.
    pub(crate) fn target_of(&self, column: &str) -> Option<String> {
        match self.columns.get(&column.to_lowercase()) {
            Some(target) => target.clone(),
            None => Some(column.to_owned()),
        }
    }

    /// Whether the statement adds a column of this name.
    pub(crate) fn adds(&self, column: &str) -> bool {
        self.added.contains(&column.to_lowercase())
    }

    /// Whether the statement drops a foreign key of this name.
    pub(crate) fn drops_constraint(&self, name: &str) -> bool {
        self.dropped_constraints.contains(&name.to_lowercase())
    }

    fn read_clause(&mut self, clause: &[Token]) -> Result<()> {
        let word = |at: usize, word: &str| clause.get(at).is_some_and(|t| t.is(word));
        let name = |at: usize| {
            let token = clause.get(at).and_then(Token::name);
            token
                .map(str::to_owned)
                .ok_or_else(|| refused("a column's name is missing in one of its clauses"))
        };
        self.sets_auto_increment |= sets_auto_increment(clause);
        let column_at = if word(1, "COLUMN") { 2 } else { 1 };
        if PARTITION_MAINTENANCE.iter().any(|verb| word(0, verb)) && word(1, "PARTITION") {
            return Err(refused(
                "it drops, empties, exchanges or maintains partitions, which a copy can't do: run this statement directly",
            ));
        }
        if (word(0, "DISCARD") || word(0, "IMPORT")) && word(1, "TABLESPACE") {
            return Err(refused(
                "it replaces the table's file, which a copy can't do: run this statement directly",
            ));
        }
        if word(0, "ADD") {
            if word(column_at, "PARTITION") || (column_at == 1 && ADDS_NO_COLUMN.iter().any(|w| word(1, w))) {
                if clause.iter().any(|t| t.is("FOREIGN")) {
                    return Err(foreign_key());
                }
                return Ok(());
            }
            if clause.iter().any(|t| t.is("REFERENCES")) {
                return Err(foreign_key());
            }
            if clause.get(column_at) == Some(&Token::Symbol('(')) {
                for definition in split(&clause[column_at + 1..clause.len().saturating_sub(1)]) {
                    let first = definition.first().cloned().unwrap_or(Token::Literal);
                    if !ADDS_NO_COLUMN.iter().any(|w| first.is(w)) {
                        let added = first
                            .name()
                            .ok_or_else(|| refused("a column's name is missing in ADD (…)"))?;
                        self.added.push(added.to_lowercase());
                    }
                }
                return Ok(());
            }
            self.added.push(name(column_at)?.to_lowercase());
            return Ok(());
        }
        if word(0, "DROP") {
            if column_at == 1 && DROPS_NO_COLUMN.iter().any(|w| word(1, w)) {
                let at = if word(1, "FOREIGN") { 3 } else { 2 };
                if word(1, "FOREIGN") || word(1, "CONSTRAINT") {
                    self.dropped_constraints.extend(name(at).map(|n| n.to_lowercase()));
                }
                return Ok(());
            }
            return self.map(&name(column_at)?, None);
        }
        if word(0, "CHANGE") {
            return self.map(&name(column_at)?, Some(name(column_at + 1)?));
        }
        if word(0, "RENAME") {
            if word(1, "INDEX") || word(1, "KEY") {
                return Ok(());
            }
            if word(1, "COLUMN") && word(3, "TO") {
                return self.map(&name(2)?, Some(name(4)?));
            }
            return Err(refused(
                "it renames the table; rename it by a RENAME TABLE of its own, before or after the migration",
            ));
        }
        Ok(())
    }

    fn map(&mut self, column: &str, target: Option<String>) -> Result<()> {
        match self.columns.insert(column.to_lowercase(), target) {
            None => Ok(()),
            Some(_) => Err(refused(&format!("column `{column}` is changed twice"))),
        }
    }
}

/// `ALTER TABLE … <verb> PARTITION …` that is about rows or files of partitions.
const PARTITION_MAINTENANCE: [&str; 10] = [
    "DROP", "TRUNCATE", "EXCHANGE", "DISCARD", "IMPORT", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR",
];

/// Words behind ADD that begin something else than a column. Unquoted, they are reserved, or can't begin a column there.
const ADDS_NO_COLUMN: [&str; 10] = [
    "INDEX",
    "KEY",
    "FULLTEXT",
    "SPATIAL",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "FOREIGN",
    "CHECK",
    "PARTITION",
];

/// Words behind DROP that begin something else than a column.
const DROPS_NO_COLUMN: [&str; 7] = ["INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "CONSTRAINT", "PARTITION"];

/// The clauses of an ALTER TABLE: what stands between commas outside of parentheses.
fn clauses(rest: &[Spanned]) -> Result<Vec<Vec<Token>>> {
    let tokens: Vec<Token> = rest.iter().map(|t| t.token.clone()).collect();
    let mut depth = 0i64;
    for token in &tokens {
        depth += match token {
            Token::Symbol('(') => 1,
            Token::Symbol(')') => -1,
            _ => 0,
        };
        if depth < 0 {
            break;
        }
    }
    if depth != 0 {
        return Err(refused("its parentheses do not match"));
    }
    // Partitioning stands last and has commas of its own.
    let end = (0..tokens.len())
        .find(|&i| tokens[i].is("PARTITION") && tokens.get(i + 1).is_some_and(|t| t.is("BY")))
        .unwrap_or(tokens.len());
    Ok(split(&tokens[..end])
        .into_iter()
        .map(<[Token]>::to_vec)
        .filter(|c| !c.is_empty())
        .collect())
}

/// Splits at commas outside of parentheses.
fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    tokens
        .split(move |token| {
            depth += match token {
                Token::Symbol('(') => 1,
                Token::Symbol(')') => -1,
                _ => 0,
            };
            depth == 0 && *token == Token::Symbol(',')
        })
        .collect()
}

/// `AUTO_INCREMENT = 5` or `AUTO_INCREMENT 5` among table options; a column's definition or a CHECK may hold the word, too.
fn sets_auto_increment(clause: &[Token]) -> bool {
    let verbs = ["ADD", "MODIFY", "CHANGE", "ALTER", "DROP", "RENAME"];
    !verbs.iter().any(|verb| clause.first().is_some_and(|t| t.is(verb)))
        && clause
            .windows(2)
            .any(|pair| pair[0].is("AUTO_INCREMENT") && matches!(pair[1], Token::Symbol('=') | Token::Literal))
}

fn foreign_key() -> Error {
    refused(
        "it adds a foreign key, whose check of all rows would hold the application up at the swap: leave it out here, and add \
         it by an ALTER TABLE of its own after the migration",
    )
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("the statement is refused: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(sql: &str) -> AlterStatement {
        AlterStatement::parse(sql).unwrap()
    }

    fn refusal(sql: &str) -> String {
        AlterStatement::parse(sql).unwrap_err().message().to_owned()
    }

    #[test]
    fn the_table_is_found_in_every_spelling() {
        let s = parse("alter table shop . `or``ders`ADD c INT;");
        assert_eq!(
            (s.schema.as_deref(), s.table.as_str(), s.changes.as_str()),
            (Some("shop"), "or`ders", "ADD c INT")
        );
        let s = parse("ALTER TABLE t ENGINE=InnoDB");
        assert_eq!(
            (s.schema, s.table.as_str(), s.changes.as_str()),
            (None, "t", "ENGINE=InnoDB")
        );
    }

    #[test]
    fn renamed_columns_are_followed() {
        let s = parse(
            "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN B TO `A`, CHANGE `c, d` x INT, CHANGE COLUMN e E BIGINT",
        );
        assert_eq!(s.target_of("a").as_deref(), Some("b"));
        assert_eq!(s.target_of("b").as_deref(), Some("A"));
        assert_eq!(s.target_of("c, d").as_deref(), Some("x"));
        assert_eq!(s.target_of("e").as_deref(), Some("E"));
        assert_eq!(s.target_of("f").as_deref(), Some("f"));
    }

    #[test]
    fn a_column_dropped_and_added_again_is_another_column() {
        let s = parse("ALTER TABLE t DROP a, ADD COLUMN a INT DEFAULT (1 + (2, 3)), ADD (x INT, KEY (x), y INT)");
        assert_eq!(s.target_of("a"), None);
        assert!(s.adds("A") && s.adds("x") && s.adds("y"));
    }

    #[test]
    fn keys_and_constraints_are_no_columns() {
        let s = parse(
            "ALTER TABLE t ADD INDEX i (a), ADD UNIQUE (b), DROP KEY k, DROP PRIMARY KEY, DROP CHECK c, ADD PRIMARY KEY (a), RENAME INDEX i TO j",
        );
        assert!(s.added.is_empty() && s.columns.is_empty());
        assert!(parse("ALTER TABLE t ADD `key` INT").adds("key"));
    }

    #[test]
    fn the_counter_is_told_from_the_column_s_attribute() {
        assert!(parse("ALTER TABLE t ENGINE=InnoDB AUTO_INCREMENT = 5").sets_auto_increment);
        assert!(parse("ALTER TABLE t auto_increment 5").sets_auto_increment);
        assert!(!parse("ALTER TABLE t MODIFY id BIGINT AUTO_INCREMENT, ADD x INT").sets_auto_increment);
    }

    #[test]
    fn what_a_copy_can_not_do_is_refused() {
        assert!(refusal("ALTER TABLE t RENAME TO u").contains("renames the table"));
        assert!(refusal("ALTER TABLE t RENAME u").contains("renames the table"));
        assert!(refusal("ALTER TABLE t DROP PARTITION p0").contains("partitions"));
        assert!(refusal("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (a)").contains("foreign key"));
        assert!(
            refusal("ALTER TABLE t ADD (x INT, CONSTRAINT f FOREIGN KEY (x) REFERENCES u (a))").contains("foreign key")
        );
        assert!(refusal("CREATE TABLE t (a INT)").contains("no ALTER TABLE"));
        assert!(refusal("ALTER TABLE t").contains("changes nothing"));
        assert!(refusal("ALTER TABLE t ADD a INT; DROP TABLE t").contains("more than one statement"));
        assert!(refusal("ALTER TABLE t ADD (a INT").contains("parentheses"));
    }
}
