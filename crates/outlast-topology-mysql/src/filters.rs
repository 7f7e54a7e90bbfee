//! Replication filters, and whether all that a migration writes passes them.
//!
//! The rules are the server's own: databases first (`db_ok`), then tables (`tables_ok`), and for CREATE and DROP DATABASE
//! the patterns alone (`db_ok_with_wild_table`).

use std::collections::{BTreeMap, BTreeSet};

use outlast_mysql::{STATE_SCHEMA, STATE_TABLES, quote};

/// Stands in a name for a hexadecimal digit that is not known yet.
const DIGIT: char = '\0';

/// Matches all of Outlast's schemas.
const OWN: &str = r"\_outlast%.%";

/// A filter on one channel, or the one for new channels: rules by the name of their list, without `REPLICATE_`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    rules: BTreeMap<String, Vec<String>>,
}

/// What a filter would do to a migration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Harm {
    /// The lists that do it, as in `REPLICATE_DO_DB = a,b`.
    pub(crate) by: String,
    /// What CHANGE REPLICATION FILTER must be told instead.
    pub(crate) instead: String,
}

/// A table of a migration, or, without one, a schema as CREATE DATABASE names it.
struct Name {
    schema: String,
    table: Option<String>,
}

impl Filter {
    /// The filter for new channels: rows of `replication_applier_global_filters`, in the server's order.
    ///
    /// A list that was emptied (seen on MySQL 9.7) is shown with the rules of the row before it. No list that does anything
    /// has the same rules as the one before it: DO_DB leaves IGNORE_DB without effect, and so on.
    pub(crate) fn global(rows: Vec<(String, String)>) -> Self {
        let mut filter = Self::default();
        let mut last = String::new();
        for (list, rule) in rows {
            if rule != last {
                filter.add(list.trim_start_matches("REPLICATE_"), &rule);
                last = rule;
            }
        }
        filter
    }

    /// The filter on a channel, by what SHOW REPLICA STATUS has in its columns.
    pub(crate) fn of_channel(rule: impl Fn(&str) -> String) -> Self {
        let mut filter = Self::default();
        for list in [
            "DO_DB",
            "IGNORE_DB",
            "DO_TABLE",
            "IGNORE_TABLE",
            "WILD_DO_TABLE",
            "WILD_IGNORE_TABLE",
            "REWRITE_DB",
        ] {
            filter.add(list, &rule(list));
        }
        filter
    }

    fn add(&mut self, list: &str, rule: &str) {
        let rules: Vec<String> = match list {
            _ if rule.is_empty() => return,
            "REWRITE_DB" => rule.split("),").map(|pair| pair.replace(['(', ')'], "")).collect(),
            _ => rule.split(',').map(|rule| rule.trim().to_owned()).collect(),
        };
        self.rules.insert(list.to_owned(), rules);
    }

    fn list(&self, list: &str) -> &[String] {
        self.rules.get(list).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the filter does to a migration of `schema`.`table`; `None` if all of it passes.
    pub(crate) fn harm(&self, schema: &str, table: &str) -> Option<Harm> {
        let names = names(schema, table);
        let mut by: BTreeSet<&str> = names.iter().flat_map(|name| self.stopped_by(name)).collect();
        if self.list("REWRITE_DB").iter().any(|pair| touches(pair, &names)) {
            by.insert("REWRITE_DB");
        }
        if by.is_empty() {
            return None;
        }
        let shown = by
            .iter()
            .map(|list| format!("REPLICATE_{list} = {}", self.list(list).join(",")));
        Some(Harm {
            by: shown.collect::<Vec<_>>().join(" and "),
            instead: self.mended(&by, &names, schema, table),
        })
    }

    /// The lists because of which a replica leaves out the name.
    fn stopped_by(&self, name: &Name) -> Vec<&'static str> {
        let mut stopped_by: Vec<&'static str> = self.by_database(name).into_iter().collect();
        stopped_by.extend(self.by_table(name));
        stopped_by
    }

    fn by_database(&self, name: &Name) -> Option<&'static str> {
        if !self.list("DO_DB").is_empty() {
            return (!self.list("DO_DB").contains(&name.schema)).then_some("DO_DB");
        }
        let ignores = |schema: &String| may_be(schema, &name.schema);
        self.list("IGNORE_DB").iter().any(ignores).then_some("IGNORE_DB")
    }

    fn by_table(&self, name: &Name) -> Option<&'static str> {
        let whole = name.whole();
        if name.table.is_some() {
            if self.list("DO_TABLE").contains(&whole) {
                return None;
            }
            if self.list("IGNORE_TABLE").iter().any(|rule| may_be(rule, &whole)) {
                return Some("IGNORE_TABLE");
            }
        }
        if self
            .list("WILD_DO_TABLE")
            .iter()
            .any(|pattern| must_match(pattern, &whole))
        {
            return None;
        }
        if self
            .list("WILD_IGNORE_TABLE")
            .iter()
            .any(|pattern| may_match(pattern, &whole))
        {
            return Some("WILD_IGNORE_TABLE");
        }
        if !self.list("WILD_DO_TABLE").is_empty() {
            Some("WILD_DO_TABLE")
        } else if name.table.is_some() && !self.list("DO_TABLE").is_empty() {
            Some("DO_TABLE")
        } else {
            None
        }
    }

    /// The lists that do harm, so that they do no more. A list that names what is replicated becomes one of patterns: only
    /// those can name schemas that don't exist yet.
    fn mended(&self, by: &BTreeSet<&str>, names: &[Name], schema: &str, table: &str) -> String {
        let mut lists = Vec::new();
        let named = ["DO_DB", "DO_TABLE", "WILD_DO_TABLE"];
        if named.iter().any(|list| by.contains(list)) {
            let mut patterns = self.list("WILD_DO_TABLE").to_vec();
            if by.contains("DO_DB") {
                lists.push("REPLICATE_DO_DB = ()".to_owned());
                if patterns.is_empty() && self.list("DO_TABLE").is_empty() {
                    patterns.extend(self.list("DO_DB").iter().map(|db| format!("{}.%", escaped(db))));
                }
            }
            let source = format!("{schema}.{table}");
            let is_in = patterns.iter().any(|pattern| must_match(pattern, &source));
            if !is_in && !self.list("DO_TABLE").contains(&source) {
                patterns.push(format!("{}.{}", escaped(schema), escaped(table)));
            }
            patterns.push(OWN.to_owned());
            lists.push(format!("REPLICATE_WILD_DO_TABLE = ({})", listed(&patterns, text)));
        }
        let is_harmless_rule = |list: &str, rule: &str| match list {
            "IGNORE_DB" => !names.iter().any(|name| may_be(rule, &name.schema)),
            "IGNORE_TABLE" => !names.iter().any(|name| may_be(rule, &name.whole())),
            "WILD_IGNORE_TABLE" => !names.iter().any(|name| may_match(rule, &name.whole())),
            _ => !touches(rule, names),
        };
        for list in ["IGNORE_DB", "IGNORE_TABLE", "WILD_IGNORE_TABLE", "REWRITE_DB"] {
            if by.contains(list) {
                let harmless = self.list(list).iter().filter(|rule| is_harmless_rule(list, rule));
                let rest: Vec<String> = harmless.cloned().collect();
                let quoted = match list {
                    "IGNORE_DB" => quote::identifier,
                    "IGNORE_TABLE" => qualified,
                    "WILD_IGNORE_TABLE" => text,
                    _ => pair,
                };
                lists.push(format!("REPLICATE_{list} = ({})", listed(&rest, quoted)));
            }
        }
        lists.join(", ")
    }
}

impl Name {
    fn whole(&self) -> String {
        format!("{}.{}", self.schema, self.table.as_deref().unwrap_or_default())
    }
}

/// All that a migration writes.
fn names(schema: &str, table: &str) -> Vec<Name> {
    let digits = |count| DIGIT.to_string().repeat(count);
    let mut names = vec![Name {
        schema: schema.to_owned(),
        table: Some(table.to_owned()),
    }];
    let mut own = vec![(STATE_SCHEMA.to_owned(), STATE_TABLES.map(str::to_owned).to_vec())];
    for (kind, count) in [("new", 16), ("old", 16), ("try", 8)] {
        own.push((
            format!("{STATE_SCHEMA}_{kind}_{}", digits(count)),
            vec![table.to_owned()],
        ));
    }
    for (schema, tables) in own {
        let tables = tables.into_iter().map(Some).chain([None]);
        names.extend(tables.map(|table| Name {
            schema: schema.clone(),
            table,
        }));
    }
    names
}

/// Why a binlog with these two lists lacks a part of a migration of tables in `schema`; `None` if it has all.
pub(crate) fn binlog_harm(do_db: &str, ignore_db: &str, schema: &str) -> Option<String> {
    if !do_db.is_empty() {
        return Some(format!("binlog_do_db = {do_db}"));
    }
    let harmful = |ignored: &&str| {
        let ignored = ignored.trim().to_lowercase();
        ignored == schema.to_lowercase() || ignored.starts_with(STATE_SCHEMA)
    };
    let found = ignore_db.split(',').find(harmful)?;
    Some(format!("binlog_ignore_db = {}", found.trim()))
}

/// Whether a schema or table that is ignored is, or may turn out to be, the name. Whether case counts depends on the server:
/// here it does not.
fn may_be(ignored: &str, name: &str) -> bool {
    let same = |(a, b): (char, char)| b == DIGIT && a.is_ascii_hexdigit() || a.to_lowercase().eq(b.to_lowercase());
    ignored.chars().count() == name.chars().count() && ignored.chars().zip(name.chars()).all(same)
}

/// Whether a rule `from,to` takes rows away from a schema of the migration, or brings others there.
fn touches(pair: &str, names: &[Name]) -> bool {
    pair.split(',')
        .any(|schema| names.iter().any(|name| may_be(schema.trim(), &name.schema)))
}

fn may_match(pattern: &str, name: &str) -> bool {
    wild(pattern, name, true)
}

fn must_match(pattern: &str, name: &str) -> bool {
    wild(pattern, name, false)
}

/// As the server matches patterns, without regard to case. A digit that is not known yet is `unknown_digit` to a literal.
fn wild(pattern: &str, name: &str, unknown_digit: bool) -> bool {
    fn at(pattern: &[char], name: &[char], unknown_digit: bool) -> bool {
        let is = |literal: char, c: char| match c {
            DIGIT => unknown_digit && literal.is_ascii_hexdigit(),
            c => literal == c,
        };
        match pattern {
            [] => name.is_empty(),
            ['%', rest @ ..] => (0..=name.len()).any(|n| at(rest, &name[n..], unknown_digit)),
            ['_', rest @ ..] => matches!(name, [_, others @ ..] if at(rest, others, unknown_digit)),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                matches!(name, [c, others @ ..] if is(*literal, *c) && at(rest, others, unknown_digit))
            }
        }
    }
    let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    at(&chars(pattern), &chars(name), unknown_digit)
}

/// A name as a pattern that matches nothing else.
fn escaped(name: &str) -> String {
    name.replace('\\', r"\\").replace('_', r"\_").replace('%', r"\%")
}

fn listed(rules: &[String], quoted: fn(&str) -> String) -> String {
    rules.iter().map(|rule| quoted(rule)).collect::<Vec<_>>().join(", ")
}

/// A pattern as a literal; a server leaves `\_` and `\%` in literals as they are.
fn text(pattern: &str) -> String {
    format!("'{}'", pattern.replace('\'', "''"))
}

fn qualified(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, table)) => quote::table(schema, table),
        None => quote::identifier(name),
    }
}

fn pair(pair: &str) -> String {
    let (from, to) = pair.split_once(',').unwrap_or((pair, pair));
    format!("({}, {})", quote::identifier(from.trim()), quote::identifier(to.trim()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn filter(lists: &[(&str, &str)]) -> Filter {
        let mut filter = Filter::default();
        for (list, rule) in lists {
            filter.add(list, rule);
        }
        filter
    }

    #[test]
    fn an_emptied_list_is_empty_whatever_the_server_shows() {
        let rows = [
            ("REPLICATE_IGNORE_DB", "logs"),
            ("REPLICATE_WILD_DO_TABLE", "logs"),
            ("REPLICATE_REWRITE_DB", "(a,b)"),
        ];
        let rows = rows.map(|(list, rule)| (list.to_owned(), rule.to_owned())).to_vec();
        assert_eq!(
            Filter::global(rows),
            filter(&[("IGNORE_DB", "logs"), ("REWRITE_DB", "(a,b)")])
        );
    }

    fn instead(lists: &[(&str, &str)]) -> String {
        filter(lists).harm("shop", "orders").unwrap().instead
    }

    #[test]
    fn filters_that_touch_nothing_of_a_migration_pass() {
        for lists in [
            &[][..],
            &[("IGNORE_DB", "mysql,logs")],
            &[("IGNORE_TABLE", "shop.carts,logs.orders")],
            &[("WILD_IGNORE_TABLE", r"%.tmp\_%,logs.%,my\_outlast.%")],
            &[("WILD_DO_TABLE", r"shop.%,\_outlast%.%")],
            &[
                ("WILD_DO_TABLE", r"shop.%,\_outlast.%,\_outlast\_%.%"),
                ("DO_TABLE", "logs.a"),
            ],
            &[("WILD_DO_TABLE", r"%.%"), ("WILD_IGNORE_TABLE", "shop.%")],
            &[("DO_TABLE", "shop.orders"), ("WILD_DO_TABLE", "_outlast%.%")],
            &[("REWRITE_DB", "(a,b),(c,d)")],
        ] {
            assert_eq!(filter(lists).harm("shop", "orders"), None, "{lists:?}");
        }
    }

    #[test]
    fn filters_that_leave_out_a_part_of_a_migration_are_found() {
        for (lists, by) in [
            (&[("DO_DB", "shop,_outlast")][..], "DO_DB"),
            (&[("IGNORE_DB", "logs,shop")], "IGNORE_DB"),
            (&[("IGNORE_DB", "_outlast")], "IGNORE_DB"),
            (&[("IGNORE_TABLE", "shop.orders")], "IGNORE_TABLE"),
            (&[("IGNORE_TABLE", "_outlast.fence")], "IGNORE_TABLE"),
            (&[("DO_TABLE", "shop.orders")], "DO_TABLE"),
            (&[("WILD_DO_TABLE", "shop.%")], "WILD_DO_TABLE"),
            // The schema of the shadow would not be created.
            (&[("WILD_DO_TABLE", r"shop.%,\_outlast.%,%.orders")], "WILD_DO_TABLE"),
            // Migrations whose ids begin with 0 only.
            (
                &[("WILD_DO_TABLE", r"shop.%,\_outlast.%,\_outlast\_new\_0%.%")],
                "WILD_DO_TABLE",
            ),
            (&[("WILD_IGNORE_TABLE", r"\_outlast\_old\_f%.%")], "WILD_IGNORE_TABLE"),
            (&[("WILD_IGNORE_TABLE", "%.ORD%")], "WILD_IGNORE_TABLE"),
            (&[("WILD_IGNORE_TABLE", "%.fence")], "WILD_IGNORE_TABLE"),
            (&[("REWRITE_DB", "(a,b),(shop,store)")], "REWRITE_DB"),
            (&[("REWRITE_DB", "(store,shop)")], "REWRITE_DB"),
        ] {
            let harm = filter(lists).harm("shop", "orders").unwrap();
            let expected = format!("REPLICATE_{by} = ");
            assert!(harm.by.starts_with(&expected) && !harm.by.contains(" and "), "{harm:?}");
        }
    }

    #[test]
    fn what_mends_a_filter_leaves_the_rest_of_it() {
        for (lists, mended) in [
            (
                &[("DO_DB", "shop,my_logs")][..],
                r"REPLICATE_DO_DB = (), REPLICATE_WILD_DO_TABLE = ('shop.%', 'my\_logs.%', '\_outlast%.%')",
            ),
            (
                &[("DO_TABLE", "logs.a")],
                r"REPLICATE_WILD_DO_TABLE = ('shop.orders', '\_outlast%.%')",
            ),
            (
                &[("WILD_DO_TABLE", "shop.%")],
                r"REPLICATE_WILD_DO_TABLE = ('shop.%', '\_outlast%.%')",
            ),
            (&[("IGNORE_DB", "logs,shop")], "REPLICATE_IGNORE_DB = (`logs`)"),
            (
                &[("IGNORE_TABLE", "shop.orders,a.b")],
                "REPLICATE_IGNORE_TABLE = (`a`.`b`)",
            ),
            (
                &[("WILD_IGNORE_TABLE", r"shop.o%,%.x\_%")],
                r"REPLICATE_WILD_IGNORE_TABLE = ('%.x\_%')",
            ),
            (
                &[("REWRITE_DB", "(a,b),(shop,c)")],
                "REPLICATE_REWRITE_DB = ((`a`, `b`))",
            ),
        ] {
            assert_eq!(instead(lists), mended);
        }
    }

    #[test]
    fn a_binlog_must_have_the_table_and_what_outlast_writes() {
        assert_eq!(binlog_harm("", "", "shop"), None);
        assert_eq!(binlog_harm("", "mysql,logs", "shop"), None);
        assert_eq!(
            binlog_harm("shop,_outlast", "", "shop").unwrap(),
            "binlog_do_db = shop,_outlast"
        );
        assert_eq!(binlog_harm("", "logs,shop", "shop").unwrap(), "binlog_ignore_db = shop");
        assert_eq!(
            binlog_harm("", "_outlast", "shop").unwrap(),
            "binlog_ignore_db = _outlast"
        );
    }
}
