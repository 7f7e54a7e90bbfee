//! The clauses `ALGORITHM = …` and `LOCK = …` of an ALTER TABLE, which say how MySQL is to work and nothing about the table.

use crate::lexer::{Spanned, Token};

/// What a statement says about how it is to be carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modifiers {
    /// In capitals; `None` if it says nothing, or DEFAULT. Of several, MySQL takes the last one.
    pub(crate) algorithm: Option<String>,
    /// Likewise.
    pub(crate) lock: Option<String>,
    /// The other clauses; `None` if these could not be told apart.
    pub(crate) bare: Option<String>,
}

impl Modifiers {
    /// Reads what follows the table's name in `sql`.
    pub(crate) fn read(sql: &str, rest: &[Spanned]) -> Self {
        let mut modifiers = Self::default();
        let mut bare = Vec::new();
        let mut is_clear = true;
        for clause in clauses(rest) {
            let (Some(first), Some(last)) = (clause.first(), clause.last()) else {
                continue;
            };
            let modifier = match () {
                () if first.token.is("ALGORITHM") => &mut modifiers.algorithm,
                () if first.token.is("LOCK") => &mut modifiers.lock,
                () => {
                    bare.push(&sql[first.start..last.end]);
                    continue;
                }
            };
            let value = match clause {
                [_, value] => value.token.name(),
                [_, equals, value] if equals.token == Token::Symbol('=') => value.token.name(),
                _ => None,
            };
            is_clear &= value.is_some();
            *modifier = value.map(str::to_uppercase).filter(|value| value != "DEFAULT");
        }
        modifiers.bare = (is_clear && !bare.is_empty()).then(|| bare.join(", "));
        modifiers
    }
}

/// What stands between commas outside of parentheses. Behind PARTITION BY, there are none of these clauses, but other commas.
fn clauses(rest: &[Spanned]) -> Vec<&[Spanned]> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0i64, 0);
    for (at, spanned) in rest.iter().enumerate() {
        let next_is_by = || rest.get(at + 1).is_some_and(|next| next.token.is("BY"));
        match &spanned.token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            Token::Symbol(',') if depth == 0 => {
                found.push(&rest[start..at]);
                start = at + 1;
            }
            partition if depth == 0 && partition.is("PARTITION") && next_is_by() => break,
            _ => {}
        }
    }
    found.push(&rest[start..]);
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn read(sql: &str) -> Modifiers {
        Modifiers::read(sql, &tokens(sql, false).unwrap())
    }

    fn told(algorithm: Option<&str>, lock: Option<&str>, bare: Option<&str>) -> Modifiers {
        Modifiers {
            algorithm: algorithm.map(str::to_owned),
            lock: lock.map(str::to_owned),
            bare: bare.map(str::to_owned),
        }
    }

    #[test]
    fn modifiers_are_taken_out_wherever_they_stand() {
        assert_eq!(
            read("ADD a INT DEFAULT (1, 2)"),
            told(None, None, Some("ADD a INT DEFAULT (1, 2)"))
        );
        let expected = told(Some("COPY"), Some("NONE"), Some("ADD a SET('x', 'y'), DROP b"));
        assert_eq!(
            read("ALGORITHM=INSTANT, ADD a SET('x', 'y'), lock none, DROP b, algorithm = copy"),
            expected
        );
        assert_eq!(
            read("ALGORITHM=DEFAULT, ADD a INT"),
            told(None, None, Some("ADD a INT"))
        );
        assert_eq!(
            read("ADD lock INT, ADD `algorithm` INT"),
            told(None, None, Some("ADD lock INT, ADD `algorithm` INT"))
        );
    }

    #[test]
    fn nothing_is_lost_where_partitions_follow() {
        let sql = "ADD a INT, ADD b INT PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (1), PARTITION q VALUES LESS THAN (2))";
        assert_eq!(read(sql), told(None, None, Some(sql)));
        assert_eq!(read("ADD a INT, ALGORITHM=COPY PARTITION BY HASH (a)").bare, None);
        assert_eq!(read("ALGORITHM=INSTANT").bare, None);
    }
}
