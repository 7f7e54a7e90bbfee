//! What statements in the binlog mean for the stream: ends of transactions, XA, and other people's DDL.

use outlast_core::ledger::{Outcome, Xid};

use crate::lexer::{Token, tokens};

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

/// Whether a statement within a transaction leaves tables alone: savepoints, the end of an XA branch, DDL of temporary
/// tables, and the CREATE TABLE … SELECT whose rows are logged behind it.
pub(crate) fn is_harmless_in_transaction(text: &str) -> bool {
    let Ok(all) = tokens(text, true) else {
        return false;
    };
    let word = |at: usize, words: &[&str]| all.get(at).is_some_and(|t| words.iter().any(|w| t.token.is(w)));
    word(0, &["SAVEPOINT", "RELEASE", "CREATE"])
        || (word(0, &["ROLLBACK"]) && word(1, &["TO"]))
        || (word(0, &["XA"]) && word(1, &["END"]))
        || (word(0, &["DROP"]) && word(1, &["TEMPORARY"]))
}

/// Whether a statement alters, empties, renames or drops `table` (schema, name), or binds a trigger or a foreign key to it.
/// `default_schema` is the one it ran in. A statement that can't be split into words but contains the name counts: better
/// to stop than to miss a TRUNCATE.
pub(crate) fn changes_definition(text: &str, default_schema: &str, table: (&str, &str)) -> bool {
    let (schema, name) = table;
    let Ok(all) = tokens(text, true) else {
        return text.to_lowercase().contains(&name.to_lowercase());
    };
    // A conditional comment begins with a version number.
    let all: Vec<Token> = all
        .into_iter()
        .map(|t| t.token)
        .skip_while(|t| *t == Token::Literal)
        .collect();
    let is = |at: usize, words: &[&str]| all.get(at).is_some_and(|t| words.iter().any(|w| t.is(w)));
    // Where names of tables stand, by the word in front of them.
    let leads: &[&str] = match () {
        () if is(0, &["DROP"]) && is(1, &["DATABASE", "SCHEMA"]) => {
            return all.iter().any(|t| t.name().is_some_and(|n| same(n, schema)));
        }
        () if is(1, &["TEMPORARY"]) => return false,
        () if is(0, &["ALTER"]) => &["TABLE", "REFERENCES"],
        () if is(0, &["TRUNCATE"]) => &["TRUNCATE", "TABLE"],
        () if is(0, &["RENAME", "DROP"]) => &["TABLE", "TABLES", "EXISTS", "TO", "ON", ","],
        // CREATE TABLE … LIKE or SELECT, CREATE VIEW … only read it.
        () if is(0, &["CREATE"]) => &["ON", "REFERENCES"],
        () => return false,
    };
    let leads = |token: &Token| match token {
        Token::Symbol(symbol) => leads.contains(&symbol.to_string().as_str()),
        word => leads.iter().any(|lead| word.is(lead)),
    };
    let mut is_first_on = true;
    for (i, lead) in all.iter().enumerate().filter(|(_, t)| leads(t)) {
        // Of a trigger's words, only the first ON names its table.
        if lead.is("ON") && !std::mem::take(&mut is_first_on) {
            continue;
        }
        let qualified = all.get(i + 2) == Some(&Token::Symbol('.'));
        let (at, table) = (all.get(i + 1), if qualified { all.get(i + 3) } else { all.get(i + 1) });
        let named_schema = if qualified {
            at.and_then(Token::name).unwrap_or_default()
        } else {
            default_schema
        };
        if table.and_then(Token::name).is_some_and(|n| same(n, name)) && same(named_schema, schema) {
            return true;
        }
    }
    false
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn on_t(text: &str) -> bool {
        changes_definition(text, "shop", ("shop", "t"))
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
            assert!(on_t(text), "{text}");
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
            assert!(!on_t(text), "{text}");
        }
        assert!(!changes_definition("TRUNCATE t", "other", ("shop", "t")));
    }

    #[test]
    fn statements_that_only_mention_the_name_are_not_noticed() {
        for text in [
            "ALTER TABLE u ADD COLUMN t INT",
            "CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW UPDATE t SET a = 1",
            "DROP TEMPORARY TABLE t",
            "CREATE TEMPORARY TABLE t (a INT)",
        ] {
            assert!(!on_t(text), "{text}");
        }
    }

    #[test]
    fn statements_that_stand_for_rows_are_told_from_harmless_ones() {
        for text in [
            "SAVEPOINT `s`",
            "ROLLBACK TO `s`",
            "XA END X'61',X'',1",
            "CREATE TABLE `c` (`a` int) START TRANSACTION",
            "DROP TEMPORARY TABLE IF EXISTS `x`",
        ] {
            assert!(is_harmless_in_transaction(text), "{text}");
        }
        for text in [
            "UPDATE v SET a = 1",
            "WITH z AS (SELECT 1) UPDATE t SET a = 1",
            "INSERT INTO t VALUES (1)",
            "CALL p()",
        ] {
            assert!(!is_harmless_in_transaction(text), "{text}");
        }
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
