//! Indexes of the shadow that are built once all rows are in it, by sorting, instead of row by row with the copy.
//!
//! Which they are stands in the shadow's notes, as the definition that it is to have in the end; which of them are missing, the
//! shadow itself tells. So a build that was broken off, or lost with its server, is simply begun again.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, SessionPool, failpoint, quote};

use crate::{
    lexer::{Spanned, Token},
    table::{definition, elements},
};

/// An index as SHOW CREATE TABLE writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexDefinition {
    pub(crate) name: String,
    text: String,
}

/// Time between two looks at whether somebody waits for a build to end.
const LOOK: Duration = Duration::from_millis(250);

/// Takes the indexes off an empty table that can be built later, and that are not the one by which its rows are found. Returns the
/// table's definition before; `None` if there are none.
///
/// # Errors
/// `Refused` if the table would not get the same definition again.
pub(crate) async fn take_off(session: &mut Session, schema: &str, table: &str, needed: &str) -> Result<Option<String>> {
    let whole = definition(session, schema, table).await?;
    let deferred = deferrable(&whole, needed)?;
    if deferred.is_empty() {
        return Ok(None);
    }
    let name = quote::table(schema, table);
    let drops: Vec<String> = deferred
        .iter()
        .map(|index| format!("DROP INDEX {}", quote::identifier(&index.name)))
        .collect();
    let drop = format!("ALTER TABLE {name} {}", drops.join(", "));
    // That it comes out the same is tried while the table is empty.
    for sql in [&drop, &addition(&name, &deferred)] {
        session.run(sql).await.map_err(|e| {
            e.if_about_the_statement(ErrorKind::Refused, "its indexes can't be built later (--defer-indexes)")
        })?;
    }
    if definition(session, schema, table).await? != whole {
        return Err(Error::new(
            ErrorKind::Refused,
            "with its indexes built later the table would get another definition than from MySQL's own ALTER; leave --defer-indexes out",
        ));
    }
    failpoint!(session, Step::ShadowDefer, session.run(&drop).await)?;
    Ok(Some(whole))
}

/// What a table lacks of the indexes in `whole`, its definition in the end.
///
/// # Errors
/// Those of the server.
pub(crate) async fn missing(
    session: &mut Session,
    schema: &str,
    table: &str,
    whole: &str,
) -> Result<Vec<IndexDefinition>> {
    let there = plain_indexes(&definition(session, schema, table).await?)?;
    let mut missing = plain_indexes(whole)?;
    missing.retain(|index| there.iter().all(|other| other.name != index.name));
    Ok(missing)
}

/// Builds them in a session of `pool`. As long as that takes, nobody may write the table. Dropping the future ends it.
///
/// A change of a definition keeps the server from becoming read-only, and from a backup's lock; and who waits for these keeps all
/// others from writing. So the build gives way, and what was built is lost.
///
/// # Errors
/// `Passing` if it gave way; those of the server.
pub(crate) async fn build(
    pool: &Arc<SessionPool>,
    session: &mut Session,
    schema: &str,
    table: &str,
    missing: &[IndexDefinition],
) -> Result<()> {
    let sql = addition(&quote::table(schema, table), missing);
    // In the end it waits for whoever reads the new table. To give up would be to build everything again.
    session.run("SET SESSION lock_wait_timeout = 31536000").await?;
    let building = KillOnDrop::new(pool, session.id());
    let built = failpoint!(session, Step::IndexesBuild, run_giving_way(pool, session, &sql).await);
    // Without a connection, nobody knows whether it goes on.
    if !matches!(&built, Err(error) if error.kind() == ErrorKind::ServerGone) {
        building.has_ended();
    }
    built.map_err(|e| e.context("building the new table's indexes"))
}

async fn run_giving_way(pool: &Arc<SessionPool>, session: &mut Session, sql: &str) -> Result<()> {
    let id = session.id();
    let mut side = pool.session().await?;
    let build = Box::pin(session.run(sql));
    let build = match select(build, Box::pin(somebody_waits_for_all(&mut side))).await {
        Either::Left((built, _)) => return built.map(drop),
        Either::Right(((), build)) => build,
    };
    side.run(&format!("KILL QUERY {id}")).await?;
    side.give_back();
    // Perhaps it was over before.
    build.await.map(drop).map_err(|error| {
        error.context("it gave way to a statement that waits for all others (SET GLOBAL read_only, FLUSH TABLES WITH READ LOCK, a backup)")
    })
}

/// Ends when a statement waits for the end of all that change anything; never where that may not be looked at.
async fn somebody_waits_for_all(side: &mut Session) {
    loop {
        tokio::time::sleep(LOOK).await;
        let waiting: Result<u64> = side
            .value(
                "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE IN ('GLOBAL', 'COMMIT', 'BACKUP LOCK') \
                 AND LOCK_TYPE = 'SHARED' AND LOCK_STATUS = 'PENDING'",
            )
            .await;
        match waiting {
            Ok(0) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, "the build of indexes gives way to nobody");
                return std::future::pending().await;
            }
        }
    }
}

/// Kills the session of a long statement that nobody waits for any more: the server would go on with it.
struct KillOnDrop {
    pool: Arc<SessionPool>,
    session: Option<u32>,
}

impl KillOnDrop {
    fn new(pool: &Arc<SessionPool>, session: u32) -> Self {
        Self {
            pool: Arc::clone(pool),
            session: Some(session),
        }
    }

    fn has_ended(mut self) {
        self.session = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(session) = self.session {
            self.pool.abandon(session);
        }
    }
}

fn addition(table: &str, indexes: &[IndexDefinition]) -> String {
    let adds: Vec<String> = indexes.iter().map(|index| format!("ADD {}", index.text)).collect();
    format!("ALTER TABLE {table} {}", adds.join(", "))
}

/// The indexes that may be built later. They are neither unique, since a duplicate has to show while the source can still be
/// looked at, nor of expressions or virtual columns, which the session's settings would go into; nor is one among them that
/// AUTO_INCREMENT needs, or `needed`, by which rows are found.
///
/// The order of indexes is the order in which they were made. To come out the same, only the last plain ones can be made later.
fn deferrable(whole: &str, needed: &str) -> Result<Vec<IndexDefinition>> {
    let definitions = definitions(whole)?;
    let counted = columns_with(&definitions, "AUTO_INCREMENT").next();
    let computed: Vec<&str> = columns_with(&definitions, "VIRTUAL").collect();
    let is_computed = |tokens: &[Spanned]| {
        let mut names = tokens.iter().skip(2).filter_map(|t| t.token.name());
        names.any(|name| computed.contains(&name))
    };
    let mut deferrable = Vec::new();
    for (tokens, text) in definitions.iter().rev() {
        match plain_index(tokens, text) {
            Some((index, first)) if Some(first.as_str()) != counted && index.name != needed && !is_computed(tokens) => {
                deferrable.push(index);
            }
            // They stand behind all others anyway.
            None if tokens
                .first()
                .is_some_and(|t| ["FULLTEXT", "CONSTRAINT"].iter().any(|w| t.token.is(w))) => {}
            _ => break,
        }
    }
    deferrable.reverse();
    Ok(deferrable)
}

fn plain_indexes(create: &str) -> Result<Vec<IndexDefinition>> {
    let definitions = definitions(create)?;
    let plain = definitions
        .iter()
        .filter_map(|(tokens, text)| plain_index(tokens, text));
    Ok(plain.map(|(index, _)| index).collect())
}

/// ``KEY `name` (`column`…)``, and its first column; `None` for any other definition, and for one with an expression.
fn plain_index(tokens: &[Spanned], text: &str) -> Option<(IndexDefinition, String)> {
    let mut spanned = tokens.iter().map(|spanned| &spanned.token);
    spanned.next().filter(|token| token.is("KEY"))?;
    let name = spanned.next()?.name()?.to_owned();
    (*spanned.next()? == Token::Symbol('(')).then_some(())?;
    let first = spanned.next()?.name()?.to_owned();
    let is_expression = |pair: &[Spanned]| pair[0].token == Token::Symbol(',') && pair[1].token == Token::Symbol('(');
    if tokens.windows(2).any(is_expression) {
        return None;
    }
    let text = text.to_owned();
    Some((IndexDefinition { name, text }, first))
}

/// The columns with this word in their definition.
fn columns_with<'a>(definitions: &'a [(Vec<Spanned>, &str)], word: &'static str) -> impl Iterator<Item = &'a str> {
    let has_word = move |tokens: &&(Vec<Spanned>, &str)| tokens.0.iter().skip(1).any(|t| t.token.is(word));
    let found = definitions.iter().filter(has_word);
    found.filter_map(|(tokens, _)| tokens.first()?.token.name())
}

/// Columns, indexes and constraints, each as tokens and as text.
fn definitions(create: &str) -> Result<Vec<(Vec<Spanned>, &str)>> {
    let unread = || {
        Error::new(
            ErrorKind::Refused,
            "the new table's definition can't be split into words",
        )
    };
    let (all, elements) = elements(create).map_err(|_| unread())?;
    let text = |range: &Range<usize>| create[all[range.start].start..all[range.end].start].trim_end();
    let parted = elements.iter().map(|range| (all[range.clone()].to_vec(), text(range)));
    Ok(parted.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "CREATE TABLE `t` (\n  `id` bigint NOT NULL AUTO_INCREMENT COMMENT 'KEY `no` (`no`)',\n  \
        `a` int DEFAULT NULL,\n  `b` varchar(9) DEFAULT (concat(_utf8mb4'x',_utf8mb4',')),\n  `g` geometry NOT NULL,\n  \
        PRIMARY KEY (`a`,`id`),\n  UNIQUE KEY `u` (`a`),\n  KEY `count` (`id`),\n  SPATIAL KEY `s` (`g`),\n  KEY `a, b` (`a`,`b`(3) DESC) \
        COMMENT 'x, ''y'')' /*!80000 INVISIBLE */,\n  KEY `last` (`b`),\n  FULLTEXT KEY `f` (`b`),\n  CONSTRAINT `c` CHECK ((`a` > 0))\n) \
        ENGINE=InnoDB";

    fn names(indexes: &[IndexDefinition]) -> Vec<&str> {
        indexes.iter().map(|index| index.name.as_str()).collect()
    }

    #[test]
    fn an_index_is_told_from_all_else_and_keeps_its_options() {
        let plain = plain_indexes(CREATE).expect("it can be read");
        assert_eq!(names(&plain), ["count", "a, b", "last"]);
        assert_eq!(
            plain[1].text,
            "KEY `a, b` (`a`,`b`(3) DESC) COMMENT 'x, ''y'')' /*!80000 INVISIBLE */"
        );
        assert_eq!(
            addition("`s`.`t`", &plain[2..]),
            "ALTER TABLE `s`.`t` ADD KEY `last` (`b`)"
        );
    }

    #[test]
    fn what_stands_before_an_index_that_has_to_stay_is_not_deferred() {
        assert_eq!(
            names(&deferrable(CREATE, "PRIMARY").expect("it can be read")),
            ["a, b", "last"]
        );
        let needed = CREATE.replace("KEY `last` (`b`)", "KEY `last` (`id`)");
        assert_eq!(names(&deferrable(&needed, "PRIMARY").expect("it can be read")), [""; 0]);
        let computed = CREATE.replace("KEY `last` (`b`)", "KEY `last` (`a`,(lower(`b`)))");
        assert_eq!(
            names(&deferrable(&computed, "PRIMARY").expect("it can be read")),
            [""; 0]
        );
        let finds_rows = deferrable(CREATE, "a, b").expect("it can be read");
        assert_eq!(names(&finds_rows), ["last"]);
        let of_virtual = CREATE.replace("`a` int DEFAULT NULL", "`a` int GENERATED ALWAYS AS (`id`) VIRTUAL");
        assert_eq!(
            names(&deferrable(&of_virtual, "PRIMARY").expect("it can be read")),
            ["last"]
        );
    }
}
