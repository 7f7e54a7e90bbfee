//! Foreign keys from the table to its parents (or to itself).
//!
//! While rows are copied the shadow has none: its writes would lock parents, and its rows, which lag behind, would keep the
//! application from deleting parents. They are added under the cut-over lock, right before the RENAME, and those of the
//! retired table are dropped right after it. The source is never without its own.
//!
//! The statement itself is run on an empty shadow that has them, bound to empty stand-ins for the parents, so that MySQL
//! accepts and refuses what it would on the source, and nobody waits for a lock on a parent.

use std::{ops::Range, sync::Arc, time::Duration};

use outlast_core::{Error, ErrorKind, Lease, Migration, Result};
use outlast_mysql::{Session, SessionPool, check_fence, failpoint, quote};

use crate::{
    cut_over::run_or_kill,
    lexer::{Spanned, Token},
    open::preparation_lock,
    statement::AlterStatement,
    table::{Index, Table, elements},
};

/// How often [`mend`] tries to get the parents' metadata locks, and how long it lets the application go on in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// How long [`wait_for_quiet`] waits, and how often it looks. Nothing is applied meanwhile, and what piles up is left to the drain.
const QUIET: Duration = Duration::from_millis(400);
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A foreign key, as SHOW CREATE TABLE tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    name: String,
    columns: Vec<String>,
    /// Schema and table.
    parent: (String, String),
    parent_columns: Vec<String>,
    /// ` ON DELETE … ON UPDATE …`, as the server writes it; empty if nothing is said.
    actions: String,
}

/// The foreign keys of a migration's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ForeignKeys {
    /// Those of the source.
    source: Vec<ForeignKey>,
    /// Those that the new table is to have. One that refers to its own table names the source here.
    wanted: Vec<ForeignKey>,
}

impl ForeignKeys {
    /// Reads the source's from its SHOW CREATE TABLE, and derives those that the statement leaves.
    ///
    /// # Errors
    /// `Refused` if the definition is not understood.
    pub(crate) fn new(definition: &str, schema: &str, table: &str, statement: &AlterStatement) -> Result<Self> {
        let (source, _) = split(definition, schema)?;
        let renamed = |names: &[String]| -> Vec<String> {
            let target = |name: &String| statement.target_of(name).unwrap_or_else(|| name.clone());
            names.iter().map(target).collect()
        };
        let kept = source.iter().filter(|key| !statement.drops_constraint(&key.name));
        let wanted = kept
            .map(|key| ForeignKey {
                columns: renamed(&key.columns),
                parent_columns: match key.is_of(schema, table) {
                    true => renamed(&key.parent_columns),
                    false => key.parent_columns.clone(),
                },
                ..key.clone()
            })
            .collect();
        Ok(Self { source, wanted })
    }

    /// Whether neither table has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// The tables that are referred to, besides the source itself.
    pub(crate) fn parents(&self, source: &Table) -> Vec<(String, String)> {
        parents(&self.source, &source.schema, &source.name)
    }

    /// The statement that adds the wanted ones to the shadow; only metadata if `foreign_key_checks` is off. `None` if there are
    /// none.
    pub(crate) fn add_to(&self, shadow: &Table, source: &Table) -> Option<String> {
        let clauses: Vec<String> = self
            .wanted
            .iter()
            .map(|key| match key.is_of(&source.schema, &source.name) {
                // The RENAME carries this on to the table's new name.
                true => key.add(&shadow.schema, &shadow.name),
                false => key.add(&key.parent.0, &key.parent.1),
            })
            .collect();
        let alter = |c: &[String]| format!("ALTER TABLE {} {}, ALGORITHM=INPLACE", shadow.quoted(), c.join(", "));
        (!clauses.is_empty()).then(|| alter(&clauses))
    }

    /// The statement that drops the source's, once it is the retired table of this name; `None` if there are none.
    pub(crate) fn drop_from_retired(&self, retired: &str) -> Option<String> {
        drop_all(retired, self.source.iter().map(|key| key.name.as_str()))
    }

    /// The statement that drops the wanted ones from the shadow again; `None` if there are none.
    pub(crate) fn drop_from_shadow(&self, shadow: &Table) -> Option<String> {
        drop_all(&shadow.quoted(), self.wanted.iter().map(|key| key.name.as_str()))
    }
}

impl ForeignKey {
    fn is_of(&self, schema: &str, table: &str) -> bool {
        self.parent.0 == schema && self.parent.1 == table
    }

    /// Whether a change of a parent's row changes rows of the table.
    fn cascades(&self) -> bool {
        self.actions.contains("CASCADE") || self.actions.contains("SET NULL") || self.actions.contains("SET DEFAULT")
    }

    fn add(&self, parent_schema: &str, parent: &str) -> String {
        let list = |names: &[String]| {
            names
                .iter()
                .map(|n| quote::identifier(n))
                .collect::<Vec<_>>()
                .join(", ")
        };
        format!(
            "ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
            quote::identifier(&self.name),
            list(&self.columns),
            quote::table(parent_schema, parent),
            list(&self.parent_columns),
            self.actions,
        )
    }
}

fn drop_all<'a>(table: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let clauses: Vec<String> = names
        .map(|n| format!("DROP FOREIGN KEY {}", quote::identifier(n)))
        .collect();
    (!clauses.is_empty()).then(|| format!("ALTER TABLE {table} {}, ALGORITHM=INPLACE", clauses.join(", ")))
}

fn parents(keys: &[ForeignKey], schema: &str, table: &str) -> Vec<(String, String)> {
    let others = keys.iter().filter(|key| !key.is_of(schema, table));
    let mut parents: Vec<_> = others.map(|key| key.parent.clone()).collect();
    parents.sort();
    parents.dedup();
    parents
}

/// The foreign keys in the SHOW CREATE TABLE of a table of `schema`, and the statement without them.
///
/// # Errors
/// `Refused` if it is not understood.
pub(crate) fn split(create: &str, schema: &str) -> Result<(Vec<ForeignKey>, String)> {
    let (all, elements) = elements(create).map_err(|_| not_understood("it can't be split into words"))?;
    let mut keys = Vec::new();
    let mut rest = String::new();
    let mut written = 0;
    for Range { start, end } in elements {
        if let Some(key) = read(create, &all[start..end], schema)? {
            keys.push(key);
            // With the comma in front: a table has columns first.
            rest.push_str(&create[written..all[start - 1].start]);
            written = all[end - 1].end;
        }
    }
    rest.push_str(&create[written..]);
    Ok((keys, rest))
}

/// ``CONSTRAINT `name` FOREIGN KEY (`a`, …) REFERENCES [`schema`.]`table` (`b`, …) [ON …]``; `None` for any other definition.
fn read(create: &str, definition: &[Spanned], schema: &str) -> Result<Option<ForeignKey>> {
    let is = |at: usize, word: &str| definition.get(at).is_some_and(|t| t.token.is(word));
    if !(is(0, "CONSTRAINT") && is(2, "FOREIGN") && is(3, "KEY")) {
        return Ok(None);
    }
    let key = || {
        let name = |at: usize| definition.get(at)?.token.name().map(str::to_owned);
        // The names in parentheses, and where the parentheses end.
        let list = |from: usize| {
            (definition.get(from)?.token == Token::Symbol('(')).then_some(())?;
            let length = definition[from..].iter().position(|t| t.token == Token::Symbol(')'))?;
            let names = definition[from + 1..from + length].iter();
            let names = names.filter_map(|t| t.token.name().map(str::to_owned));
            Some((names.collect::<Vec<String>>(), from + length + 1))
        };
        let (columns, at) = list(4)?;
        is(at, "REFERENCES").then_some(())?;
        let is_qualified = definition.get(at + 2)?.token == Token::Symbol('.');
        let (parent, at) = match is_qualified {
            true => ((name(at + 1)?, name(at + 3)?), at + 4),
            false => ((schema.to_owned(), name(at + 1)?), at + 2),
        };
        let (parent_columns, end) = list(at)?;
        Some(ForeignKey {
            name: name(1)?,
            columns,
            parent,
            parent_columns,
            actions: create[definition[end - 1].end..definition.last()?.end].to_owned(),
        })
    };
    match key() {
        Some(key) => Ok(Some(key)),
        None => Err(not_understood("a foreign key is written in an unknown way")),
    }
}

fn not_understood(what: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("the table's definition is not understood: {what}; nothing was changed"),
    )
}

/// The schemas of a table's parents, after a look whether the server lets changes be followed that come from parents.
///
/// # Errors
/// `Refused`.
pub(crate) async fn examine(session: &mut Session, schema: &str, table: &str) -> Result<Vec<String>> {
    let definition = crate::table::definition(session, schema, table).await?;
    let (keys, _) = split(&definition, schema)?;
    check_server(session, &keys).await?;
    let mut schemas: Vec<String> = parents(&keys, schema, table).into_iter().map(|(s, _)| s).collect();
    schemas.extend(keys.iter().map(|_| schema.to_owned()));
    schemas.sort();
    schemas.dedup();
    Ok(schemas)
}

/// As [`check_server`], for a stream that goes on, maybe at another server than it began.
///
/// # Errors
/// `Refused`.
pub(crate) async fn check_still(session: &mut Session, keys: &ForeignKeys) -> Result<()> {
    check_server(session, &keys.source).await.map_err(|error| {
        error.context(
            "this server became the primary during the migration, and changes may be missing in the new table already: do not \
             retry it, but clean it up and submit it anew",
        )
    })
}

/// What InnoDB changes by itself for ON DELETE or ON UPDATE is not in the binlog, and would be missing in the new table,
/// unless the server does it above InnoDB.
async fn check_server(session: &mut Session, keys: &[ForeignKey]) -> Result<()> {
    let Some(key) = keys.iter().find(|key| key.cascades()) else {
        return Ok(());
    };
    let way_out = format!(
        "so rows that foreign key `{}` changes when parents change (`{}`) would be missing in the new table. Drop that \
         key, migrate, and add it again",
        key.name,
        key.actions.trim()
    );
    let version = session.server_version();
    if version < (9, 6, 0) {
        let (major, minor, patch) = version;
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "MySQL {major}.{minor}.{patch} does not log cascaded changes row by row (9.6 and later do), {way_out}; or \
                 upgrade the servers first"
            ),
        ));
    }
    let native: Option<String> = session
        .first(
            "SELECT VARIABLE_VALUE FROM performance_schema.global_variables \
             WHERE VARIABLE_NAME = 'innodb_native_foreign_keys'",
        )
        .await?;
    match native.as_deref() {
        Some("ON" | "1") => Err(Error::new(
            ErrorKind::Refused,
            format!(
                "innodb_native_foreign_keys is ON, with which cascaded changes are not logged, {way_out}; or restart the \
                 servers with innodb_native_foreign_keys=OFF"
            ),
        )),
        _ => Ok(()),
    }
}

/// Adds the source's foreign keys to the empty shadow, bound to empty stand-ins for the parents.
///
/// # Errors
/// `Refused` with the server's words.
pub(crate) async fn bind_to_stand_ins(
    session: &mut Session,
    source: &Table,
    shadow: &str,
    keys: &ForeignKeys,
) -> Result<()> {
    let parents = keys.parents(source);
    for (n, (schema, table)) in parents.iter().enumerate() {
        let like = format!(
            "CREATE TABLE {} LIKE {}",
            stand_in(shadow, n),
            quote::table(schema, table)
        );
        let created = failpoint!(session, Step::ShadowStandIn, session.run(&like).await);
        created.map_err(|error| {
            error.if_about_the_statement(
                ErrorKind::Refused,
                format_args!(
                    "{} is a parent of the table and can't be copied (empty, for a trial). Bring it back, or drop the foreign key",
                    quote::table(schema, table)
                ),
            )
        })?;
    }
    let clauses = keys
        .source
        .iter()
        .map(|key| match parents.iter().position(|p| *p == key.parent) {
            Some(n) => key.add(shadow, &stand_in_name(n)),
            None => key.add(shadow, &source.name),
        });
    let clauses: Vec<String> = clauses.collect();
    if clauses.is_empty() {
        return Ok(());
    }
    let alter = format!(
        "ALTER TABLE {} {}",
        quote::table(shadow, &source.name),
        clauses.join(", ")
    );
    let bound = failpoint!(session, Step::ShadowBind, session.run(&alter).await);
    bound.map(|_| ()).map_err(|error| {
        error.if_about_the_statement(
            ErrorKind::Refused,
            "the table's foreign keys can't be created on a copy of it; drop them, migrate, and add them again",
        )
    })
}

/// Takes the foreign keys off the shadow again, and drops the stand-ins. What the statement made of the keys must be what it was
/// understood to make.
///
/// # Errors
/// `Refused` if it is not.
pub(crate) async fn unbind(session: &mut Session, source: &Table, shadow: &str, keys: &ForeignKeys) -> Result<()> {
    let definition = crate::table::definition(session, shadow, &source.name).await?;
    let (mut have, _) = split(&definition, shadow)?;
    let parents = keys.parents(source);
    for key in &mut have {
        let n = (0..parents.len()).find(|n| key.is_of(shadow, &stand_in_name(*n)));
        key.parent = match n {
            Some(n) => parents[n].clone(),
            None if key.is_of(shadow, &source.name) => (source.schema.clone(), source.name.clone()),
            None => key.parent.clone(),
        };
    }
    let mut want: Vec<&ForeignKey> = keys.wanted.iter().collect();
    want.sort_by_key(|key| &key.name);
    have.sort_by(|a, b| a.name.cmp(&b.name));
    if have.len() != want.len() || have.iter().zip(want).any(|(have, want)| !have.is_same_as(want)) {
        return Err(Error::new(
            ErrorKind::Refused,
            "the statement adds or changes a foreign key in a way that is not supported. Nothing was copied. Change columns, \
             migrate, and add the foreign key by an ALTER TABLE of its own afterwards",
        ));
    }
    let names = have.iter().map(|key| key.name.as_str());
    if let Some(alter) = drop_all(&quote::table(shadow, &source.name), names) {
        failpoint!(session, Step::ShadowUnbind, session.run(&alter).await)?;
    }
    for n in 0..parents.len() {
        let drop = format!("DROP TABLE {}", stand_in(shadow, n));
        failpoint!(session, Step::ShadowDropStandIn, session.run(&drop).await)?;
    }
    Ok(())
}

impl ForeignKey {
    /// Equal but for the case of columns' names, which a statement may write as it likes.
    fn is_same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.parent == other.parent
            && self.actions == other.actions
            && same_names(&self.columns, &other.columns)
            && same_names(&self.parent_columns, &other.parent_columns)
    }
}

fn same_names(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.to_lowercase() == b.to_lowercase())
}

fn stand_in_name(n: usize) -> String {
    format!("_outlast_parent_{n}")
}

fn stand_in(shadow: &str, n: usize) -> String {
    quote::table(shadow, &stand_in_name(n))
}

/// Drops the indexes of the shadow that MySQL's ALTER would have dropped: those that it had once made by itself for a foreign key,
/// and that another index can stand in for now.
///
/// The shadow was created from a text, in which such an index looks like any other.
///
/// # Errors
/// Those of the server.
pub(crate) async fn drop_superseded_indexes(
    session: &mut Session,
    source: &Table,
    shadow: &str,
    keys: &ForeignKeys,
    statement: &AlterStatement,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let now = Table::read(session, shadow, &source.name).await?;
    let candidates: Vec<&Index> = source
        .indexes
        .iter()
        .filter(|index| is_superseded(index, keys, &now, statement))
        .collect();
    if candidates.is_empty() {
        return Ok(());
    }
    let left = failpoint!(
        session,
        Step::ShadowProbe,
        probe(session, source, shadow, &candidates).await
    )?;
    let gone = candidates
        .iter()
        .filter(|c| left.iter().all(|index| index.name != c.name));
    let mut drops = Vec::new();
    for index in gone {
        drops.push(format!("DROP INDEX {}", quote::identifier(&index.name)));
        // The index that stands in for it would have got its name, if the statement gave it none.
        let second = format!("{}_2", index.name);
        let is_new = source.indexes.iter().all(|i| i.name != second) && now.indexes.iter().any(|i| i.name == second);
        if is_new && !statement.changes.contains(&second) {
            drops.push(format!(
                "RENAME INDEX {} TO {}",
                quote::identifier(&second),
                quote::identifier(&index.name)
            ));
        }
    }
    if drops.is_empty() {
        return Ok(());
    }
    let alter = format!("ALTER TABLE {} {}", now.quoted(), drops.join(", "));
    failpoint!(session, Step::ShadowDropIndexes, session.run(&alter).await).map(|_| ())
}

/// The indexes that are left of a clone of the source that gets the candidates' columns as indexes once more: one that MySQL made
/// disappears as soon as somebody adds the same.
async fn probe(session: &mut Session, source: &Table, shadow: &str, candidates: &[&Index]) -> Result<Vec<Index>> {
    let probe = quote::table(shadow, "_outlast_probe");
    session
        .run(&format!("CREATE TABLE {probe} LIKE {}", source.quoted()))
        .await?;
    let clauses = candidates.iter().enumerate().map(|(n, index)| {
        let columns: Vec<String> = index
            .parts
            .iter()
            .filter_map(|p| p.column.as_deref())
            .map(quote::identifier)
            .collect();
        format!("ADD INDEX `_outlast_probe_{n}` ({})", columns.join(", "))
    });
    let clauses: Vec<String> = clauses.collect();
    session
        .run(&format!("ALTER TABLE {probe} {}", clauses.join(", ")))
        .await?;
    let left = Table::read(session, shadow, "_outlast_probe").await?.indexes;
    session.run(&format!("DROP TABLE {probe}")).await?;
    Ok(left)
}

/// Whether the index has just a foreign key's columns, is still there, and is the beginning of another one.
fn is_superseded(index: &Index, keys: &ForeignKeys, now: &Table, statement: &AlterStatement) -> bool {
    let Some(columns) = index
        .parts
        .iter()
        .map(|p| p.column.clone())
        .collect::<Option<Vec<String>>>()
        .filter(|c| keys.source.iter().any(|key| same_names(&key.columns, c)))
    else {
        return false;
    };
    let target: Option<Vec<String>> = columns.iter().map(|c| statement.target_of(c)).collect();
    let Some(target) = target.filter(|_| !index.unique) else {
        return false;
    };
    let begins_with = |other: &Index| {
        let parts = other.parts.iter().take(target.len()).map(|p| p.column.clone());
        let parts: Option<Vec<String>> = parts.collect();
        parts.is_some_and(|parts| same_names(&parts, &target))
    };
    let is_there = |other: &Index| other.name == index.name && other.parts.len() == target.len() && begins_with(other);
    now.indexes.iter().any(is_there) && now.indexes.iter().any(|i| i.name != index.name && begins_with(i))
}

/// Waits, for a fraction of a second, for a moment in which few transactions use the tables that are to be locked together, best
/// none.
///
/// LOCK TABLES gets one lock after another. A transaction that holds a table it still waits for, and then asks for one that it
/// has got, is in a deadlock with it, and MySQL always lets the application's statement fail (1213). Nothing in MySQL asks for
/// several tables without waiting; so the best is to ask when nobody is there.
///
/// # Errors
/// Those of the server.
pub(crate) async fn wait_for_quiet(session: &mut Session, keys: &ForeignKeys, source: &Table) -> Result<()> {
    let parents = keys.parents(source);
    if parents.is_empty() {
        return Ok(());
    }
    // With a parent, MySQL locks its other children.
    let names: Vec<String> = parents.iter().map(|(s, t)| quote::text(&format!("{s}/{t}"))).collect();
    let siblings: Vec<String> = session
        .rows(&format!(
            "SELECT DISTINCT FOR_NAME FROM information_schema.INNODB_FOREIGN WHERE REF_NAME IN ({})",
            names.join(", ")
        ))
        .await?;
    let siblings = siblings.iter().filter_map(|name| name.split_once('/'));
    let own = (source.schema.as_str(), source.name.as_str());
    let all = parents
        .iter()
        .map(|(s, t)| (s.as_str(), t.as_str()))
        .chain(siblings)
        .chain([own]);
    let pairs: Vec<String> = all
        .map(|(s, t)| format!("({}, {})", quote::text(s), quote::text(t)))
        .collect();
    let users = format!(
        "SELECT COUNT(DISTINCT OWNER_THREAD_ID) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'TABLE' AND \
         LOCK_STATUS = 'GRANTED' AND (OBJECT_SCHEMA, OBJECT_NAME) IN ({})",
        pairs.join(", ")
    );
    let begun = tokio::time::Instant::now();
    let mut fewest = u64::MAX;
    loop {
        let now: u64 = match session.value(&users).await {
            Ok(now) => now,
            // Without the privilege to look, it is left to chance.
            Err(error) if error.kind() == ErrorKind::AccessDenied => return Ok(()),
            Err(error) => return Err(error),
        };
        let waited = begun.elapsed();
        if now == 0 || waited > QUIET || (waited > QUIET / 2 && now <= fewest) {
            return Ok(());
        }
        fewest = fewest.min(now);
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Drops foreign keys that a broken-off cut-over left on the shadow, or on the retired table. Idempotent.
///
/// DDL can't be fenced row by row. But whoever comes late here harms nobody: under the lock of a cut-over this waits, and after
/// its RENAME there is no shadow any more.
///
/// # Errors
/// `Fenced`; `Passing` if a transaction holds a parent, and the keys are still there.
pub(crate) async fn mend(pool: &Arc<SessionPool>, lease: &Lease, migration: &Migration) -> Result<()> {
    let mut look = pool.session().await?;
    let mut left = left_over(&mut look, migration).await?;
    if left.is_empty() {
        look.give_back();
        return Ok(());
    }
    let mut session = pool.fresh().await?;
    preparation_lock(&mut session, lease).await?;
    session.run("SET SESSION lock_wait_timeout = 1").await?;
    let mut outcome = Ok(());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        outcome = drop_left_over(&mut session, &mut look, lease, &left).await;
        // What counts is what is there: a killed statement may be done, another session may have been faster.
        left = left_over(&mut look, migration).await?;
        if left.is_empty() {
            look.give_back();
            return Ok(());
        }
        match &outcome {
            Err(error) if error.kind() != ErrorKind::Passing => break,
            _ => {}
        }
    }
    let why = "foreign keys that a broken-off swap has left on a table of the migration can't be dropped yet; until then \
               they may keep the application from deleting parents' rows (error 1451)";
    match outcome {
        Err(error) => Err(error.context(why)),
        Ok(()) => Err(Error::new(ErrorKind::Passing, why)),
    }
}

/// Tables of ours that have foreign keys, with the statements that drop them.
async fn left_over(session: &mut Session, migration: &Migration) -> Result<Vec<String>> {
    let keys: Vec<(String, String)> = session
        .rows(&format!(
            "SELECT TABLE_SCHEMA, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS \
             WHERE CONSTRAINT_TYPE = 'FOREIGN KEY' AND TABLE_SCHEMA IN ({}, {}) AND TABLE_NAME = {}",
            quote::text(&migration.shadow_schema()),
            quote::text(&migration.retired_schema()),
            quote::text(&migration.table),
        ))
        .await?;
    let statements = [migration.shadow_schema(), migration.retired_schema()].map(|schema| {
        let names = keys.iter().filter(|(s, _)| *s == schema).map(|(_, name)| name.as_str());
        drop_all(&quote::table(&schema, &migration.table), names)
    });
    Ok(statements.into_iter().flatten().collect())
}

async fn drop_left_over(session: &mut Session, side: &mut Session, lease: &Lease, left: &[String]) -> Result<()> {
    check_fence(session, lease).await?;
    for alter in left {
        failpoint!(
            session,
            Step::MendDropKeys,
            run_or_kill(session, side, alter, crate::cut_over::LOCK_PATIENCE).await
        )?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CREATE: &str = "CREATE TABLE `c` (\n  `id` int NOT NULL COMMENT ', CONSTRAINT x FOREIGN KEY (',\n  `a` int DEFAULT NULL,\n  \
        `b` int DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  KEY `a` (`a`,`b`),\n  \
        CONSTRAINT `c_ibfk_1` FOREIGN KEY (`a`, `b`) REFERENCES `p``1` (`x`, `y`),\n  \
        CONSTRAINT `kb` FOREIGN KEY (`b`) REFERENCES `pp`.`p2` (`id`) ON DELETE CASCADE ON UPDATE SET NULL,\n  \
        CONSTRAINT `ks` FOREIGN KEY (`b`) REFERENCES `c` (`id`),\n  \
        CONSTRAINT `zz` CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";

    fn statement(changes: &str) -> AlterStatement {
        AlterStatement::parse(&format!("ALTER TABLE c {changes}")).unwrap()
    }

    #[test]
    fn a_definition_is_parted_from_its_foreign_keys() {
        let (keys, rest) = split(CREATE, "test").unwrap();
        assert_eq!(
            keys.iter()
                .map(|key| key.add(&key.parent.0, &key.parent.1))
                .collect::<Vec<_>>(),
            [
                "ADD CONSTRAINT `c_ibfk_1` FOREIGN KEY (`a`, `b`) REFERENCES `test`.`p``1` (`x`, `y`)",
                "ADD CONSTRAINT `kb` FOREIGN KEY (`b`) REFERENCES `pp`.`p2` (`id`) ON DELETE CASCADE ON UPDATE SET NULL",
                "ADD CONSTRAINT `ks` FOREIGN KEY (`b`) REFERENCES `test`.`c` (`id`)",
            ]
        );
        let lines: Vec<&str> = CREATE
            .lines()
            .filter(|line| !line.starts_with("  CONSTRAINT `k") && !line.contains("ibfk"))
            .collect();
        assert_eq!(rest, lines.join("\n"));
        let (none, same) = split(&rest, "test").unwrap();
        assert_eq!((none, same), (vec![], rest));
    }

    #[test]
    fn a_last_foreign_key_takes_its_comma_along() {
        let create =
            "CREATE TABLE `c` (\n  `a` int,\n  CONSTRAINT `k` FOREIGN KEY (`a`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB";
        assert_eq!(
            split(create, "test").unwrap().1,
            "CREATE TABLE `c` (\n  `a` int\n) ENGINE=InnoDB"
        );
    }

    #[test]
    fn what_the_statement_leaves_follows_renames_and_drops() {
        let changes = "DROP FOREIGN KEY KB, RENAME COLUMN b TO bb, CHANGE id ident INT";
        let keys = ForeignKeys::new(CREATE, "test", "c", &statement(changes)).unwrap();
        assert_eq!(
            keys.wanted
                .iter()
                .map(|key| key.add(&key.parent.0, &key.parent.1))
                .collect::<Vec<_>>(),
            [
                "ADD CONSTRAINT `c_ibfk_1` FOREIGN KEY (`a`, `bb`) REFERENCES `test`.`p``1` (`x`, `y`)",
                "ADD CONSTRAINT `ks` FOREIGN KEY (`bb`) REFERENCES `test`.`c` (`ident`)",
            ]
        );
        assert_eq!(keys.source.len(), 3);
    }
}
