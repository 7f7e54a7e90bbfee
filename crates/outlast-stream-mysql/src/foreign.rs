//! What statements in the binlog mean for the stream: ends of transactions, XA, and other people's DDL.

use outlast_core::ledger::{Outcome, Xid};

use crate::lexer::{Token, tokens};

/// What a statement does to the source without leaving row events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It altered, emptied, renamed or dropped the table, or put a trigger on it.
    Definition,
    /// It changed rows, logged as a statement.
    UnloggedRows,
}

/// Whether the statement begins a transaction of several events.
pub(crate) fn begins_transaction(text: &str) -> bool {
    let text = text.trim_start();
    starts_with(text, "BEGIN") || starts_with(text, "XA START") || starts_with(text, "XA BEGIN")
}

/// Whether the statement ends a transaction that a BEGIN began. ROLLBACK TO a savepoint does not.
pub(crate) fn ends_transaction(text: &str) -> bool {
    matches!(text.trim().to_ascii_uppercase().as_str(), "COMMIT" | "ROLLBACK")
}

/// The outcome of an earlier XA PREPARE, if the statement tells one: `XA COMMIT X'67',X'62',1`.
pub(crate) fn xa_outcome(text: &str) -> Option<Outcome> {
    let text = text.trim();
    let (outcome, xid): (fn(Xid) -> Outcome, &str) = match () {
        () if starts_with(text, "XA COMMIT") => (Outcome::XaCommitted, &text["XA COMMIT".len()..]),
        () if starts_with(text, "XA ROLLBACK") => (Outcome::XaRolledBack, &text["XA ROLLBACK".len()..]),
        () => return None,
    };
    Some(outcome(normalised_xid(xid)))
}

/// The transaction that an XA_PREPARE_LOG_EVENT prepares, and whether it commits at once (`ONE PHASE`).
///
/// Layout: one byte for one-phase, format id, length of the global and of the branch part (4 bytes each), their bytes.
pub(crate) fn prepared_xid(data: &[u8]) -> Option<(Xid, bool)> {
    let number = |at: usize| Some(i32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
    let one_phase = *data.first()? != 0;
    let (format, global, branch) = (number(1)?, number(5)? as usize, number(9)? as usize);
    let bytes = data.get(13..13 + global + branch)?;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let text = format!("X'{}',X'{}',{format}", hex(&bytes[..global]), hex(&bytes[global..]));
    Some((normalised_xid(&text), one_phase))
}

/// An XID as the binlog writes it, without the differences in case and spacing.
fn normalised_xid(text: &str) -> Xid {
    Xid(text
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .into_bytes())
}

fn starts_with(text: &str, words: &str) -> bool {
    text.get(..words.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(words))
}

/// What a statement does to `table` (schema, name), if it names it in a way that matters. `default_schema` is the one it
/// ran in. A statement that can't be split into words but contains the name counts as changing the definition: better to
/// stop than to miss a TRUNCATE.
pub(crate) fn effect(text: &str, default_schema: &str, table: (&str, &str)) -> Option<Effect> {
    let (schema, name) = table;
    let Ok(all) = tokens(text, true) else {
        return text
            .to_lowercase()
            .contains(&name.to_lowercase())
            .then_some(Effect::Definition);
    };
    let all: Vec<Token> = all.into_iter().map(|t| t.token).collect();
    let first = all.first()?;
    let is = |words: &[&str]| words.iter().any(|w| first.is(w));
    if is(&["DROP"]) && all.get(1).is_some_and(|t| t.is("DATABASE") || t.is("SCHEMA")) {
        return all
            .iter()
            .any(|t| t.name().is_some_and(|n| same(n, schema)))
            .then_some(Effect::Definition);
    }
    if !names(&all, default_schema, schema, name) {
        return None;
    }
    if is(&["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD"]) {
        return Some(Effect::UnloggedRows);
    }
    if is(&["ALTER", "TRUNCATE", "RENAME"]) {
        return Some(Effect::Definition);
    }
    let creates = |words: &[&str]| all.iter().take(8).any(|t| words.iter().any(|w| t.is(w)));
    if is(&["DROP"]) && creates(&["TABLE", "INDEX"]) {
        return Some(Effect::Definition);
    }
    // CREATE TABLE … LIKE or SELECT, CREATE VIEW … only read it; a foreign key of another table binds it.
    if is(&["CREATE"]) {
        let references = all.iter().any(|t| t.is("REFERENCES"));
        return (references || creates(&["INDEX", "TRIGGER"])).then_some(Effect::Definition);
    }
    None
}

/// Whether `schema`.`name` occurs, qualified or in its default schema.
fn names(all: &[Token], default_schema: &str, schema: &str, name: &str) -> bool {
    (0..all.len()).any(|i| {
        let here = all[i].name().is_some_and(|n| same(n, name));
        let qualifier = (i >= 2 && all[i - 1] == Token::Symbol('.'))
            .then(|| all[i - 2].name())
            .flatten();
        here && same(qualifier.unwrap_or(default_schema), schema)
    })
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn on_t(text: &str) -> Option<Effect> {
        effect(text, "shop", ("shop", "t"))
    }

    #[test]
    fn statements_that_change_the_table_are_noticed_in_every_spelling() {
        for text in [
            "TRUNCATE t",
            "truncate table shop.t",
            "/* x */ TRUNCATE `shop` . `t`",
            "/*!40000 ALTER TABLE `t` DISABLE KEYS */",
            "ALTER TABLE T ADD x INT",
            "RENAME TABLE a TO b, shop.t TO c",
            "DROP TABLE IF EXISTS a, t",
            "CREATE UNIQUE INDEX i ON t (a)",
            "DROP INDEX i ON t",
            "CREATE DEFINER=`root`@`%` TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
            "CREATE TABLE c (a INT, FOREIGN KEY (a) REFERENCES t (id))",
            "DROP DATABASE shop",
        ] {
            assert_eq!(on_t(text), Some(Effect::Definition), "{text}");
        }
    }

    #[test]
    fn statements_on_other_tables_and_harmless_ones_are_not() {
        for text in [
            "TRUNCATE other.t",
            "ALTER TABLE u ADD t2 INT",
            "ANALYZE TABLE t",
            "OPTIMIZE TABLE t",
            "CREATE VIEW v AS SELECT * FROM t",
            "CREATE TABLE c LIKE t",
            "GRANT SELECT ON shop.t TO u",
            "DROP DATABASE other",
        ] {
            assert_eq!(on_t(text), None, "{text}");
        }
        assert_eq!(effect("TRUNCATE t", "other", ("shop", "t")), None);
    }

    #[test]
    fn rows_logged_as_statements_are_noticed() {
        assert_eq!(on_t("INSERT INTO t VALUES (1)"), Some(Effect::UnloggedRows));
        assert_eq!(on_t("DELETE FROM u"), None);
    }

    #[test]
    fn prepare_and_commit_of_one_xa_transaction_meet() {
        let mut data = vec![0];
        data.extend(1i32.to_le_bytes());
        data.extend(2i32.to_le_bytes());
        data.extend(1i32.to_le_bytes());
        data.extend(b"gxb");
        let (xid, one_phase) = prepared_xid(&data).unwrap();
        assert!(!one_phase);
        assert_eq!(
            xa_outcome("XA COMMIT X'6778',X'62',1"),
            Some(Outcome::XaCommitted(xid.clone()))
        );
        assert_eq!(
            xa_outcome("xa rollback x'6778', x'62', 1"),
            Some(Outcome::XaRolledBack(xid))
        );
        assert_eq!(xa_outcome("XA END X'6778',X'62',1"), None);
    }

    #[test]
    fn a_savepoint_does_not_end_a_transaction() {
        assert!(!ends_transaction("ROLLBACK TO `s`"));
        assert!(!ends_transaction("SAVEPOINT `s`"));
        assert!(ends_transaction("COMMIT") && ends_transaction("ROLLBACK"));
        assert!(begins_transaction("BEGIN") && begins_transaction("XA START X'61',X'',1"));
    }
}
