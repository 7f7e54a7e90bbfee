//! Whatever schemas, tables, columns, keys and constraints are called, and whatever stands in their keys: it is a name or a value, and
//! nothing else.

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use mysql_async::prelude::Queryable;
use outlast_mysql::quote;
use outlast_testbed::{Cluster, Node, TableName, Topology, accounts, expect_identical, native_copy};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::outlast;

/// What ends names, statements and comments, or is replaced in templates, patterns and paths.
const PIECES: [&str; 36] = [
    "`",
    "``",
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "\\`",
    "-- ",
    "#",
    "/*",
    "*/",
    "/*!50000 ",
    ";",
    "; DROP TABLE canary.t; -- ",
    "?",
    ":a",
    "%",
    "%s",
    "_",
    "\\_",
    "{}",
    "$1",
    "@@x",
    "(",
    ")",
    ",",
    ".",
    "..",
    "/",
    " ",
    " TO ",
    " ON ",
    "\u{1}",
    "\n",
    "日本ß\u{ffdc}",
];

/// Names by themselves.
const NAMES: [&str; 12] = [
    "`",
    "a`b",
    "a'b\"c",
    "a\\",
    "x` ADD COLUMN y INT, RENAME TO `z",
    "select",
    "1",
    "-- x",
    "a.b",
    "%",
    "_outlas",
    "t?:a",
];

/// A seeded maker of names of at most 64 characters. Each is another one, and ends with a letter: MySQL takes none that ends with a space.
struct Names(StdRng, u32);

impl Names {
    fn next(&mut self) -> String {
        self.1 += 1;
        let (mut name, end) = (String::new(), format!("{}z", self.1));
        match self.0.random_range(0..4) {
            0 => name.push_str(NAMES.choose(&mut self.0).copied().unwrap_or_default()),
            _ => {
                for _ in 0..self.0.random_range(1..9) {
                    name.push_str(PIECES.choose(&mut self.0).copied().unwrap_or_default());
                    if self.0.random_bool(0.3) {
                        name.push(self.0.random_range('a'..='z'));
                    }
                }
            }
        }
        let room = 64 - end.len();
        let mut name: String = name.chars().take(room).collect();
        if self.0.random_bool(0.2) {
            name.extend(std::iter::repeat_n('x', room.saturating_sub(name.chars().count())));
        }
        name + &end
    }

    /// A schema's name, and how a grant has to write it: that may not be longer than a name either.
    fn schema(&mut self) -> (String, String) {
        loop {
            let name = self.next();
            let pattern = name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
            if pattern.chars().count() <= 64 {
                return (name, pattern);
            }
        }
    }

    fn quoted(&mut self) -> String {
        quote::identifier(&self.next())
    }
}

/// A table all of whose names are odd, in a schema of its own.
struct Odd {
    table: TableName,
    changes: String,
}

impl Odd {
    async fn create(node: &Node, names: &mut Names) -> Result<Self> {
        let (schema, pattern) = names.schema();
        let table = TableName::new(schema, names.next());
        let [id, text, number, index] = [(); 4].map(|()| names.quoted());
        let mut conn = node.connect().await?;
        for sql in [
            format!("CREATE DATABASE {}", quote::identifier(&table.schema)),
            accounts::grant_on(&pattern, accounts::OUTLAST_USER),
            format!(
                "CREATE TABLE {table} ({id} VARCHAR(40) NOT NULL, {text} VARCHAR(100) COMMENT 'it''s; -- `', {number} INT, \
                 PRIMARY KEY ({id}), KEY {index} ({number}))"
            ),
        ] {
            conn.query_drop(&sql).await.with_context(|| sql.clone())?;
        }
        for (number, piece) in PIECES.iter().chain(&NAMES).enumerate() {
            let insert = format!("INSERT INTO {table} VALUES (CONCAT(?, {number}), ?, {number})");
            conn.exec_drop(insert, (*piece, *piece)).await?;
        }
        let [renamed, added, key, limit] = [(); 4].map(|()| names.quoted());
        let changes = format!(
            "RENAME COLUMN {number} TO {renamed}, ADD COLUMN {added} VARCHAR(60) NOT NULL DEFAULT 'a`\\'b' COMMENT '/* \\\\ ''', \
             MODIFY {text} TEXT, ADD KEY {key} ({renamed}, {added}), ADD CONSTRAINT {limit} CHECK ({renamed} < 1000)"
        );
        Ok(Self { table, changes })
    }

    fn statement(&self) -> String {
        format!("ALTER TABLE {} {}", self.table, self.changes)
    }
}

/// Everything that nobody may touch: all schemas but Outlast's, and the canary.
async fn surroundings(node: &Node) -> Result<(Vec<String>, u64)> {
    let tables = node
        .query(
            "SELECT HEX(CONCAT_WS('/', SCHEMA_NAME, TABLE_NAME)) FROM information_schema.SCHEMATA s \
             LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME AND t.TABLE_TYPE = 'BASE TABLE' \
             WHERE SCHEMA_NAME NOT LIKE '\\_outlast%' ORDER BY 1",
        )
        .await?;
    let (_, checksum): (String, u64) = node.query_one("CHECKSUM TABLE canary.t").await?;
    Ok((tables, checksum))
}

async fn with_canary() -> Result<Cluster> {
    let cluster = Cluster::start(Topology::Single).await?;
    for sql in [
        "CREATE DATABASE canary",
        "CREATE TABLE canary.t (id INT PRIMARY KEY)",
        "INSERT INTO canary.t VALUES (1), (2)",
    ] {
        cluster.primary().execute(sql).await?;
    }
    Ok(cluster)
}

/// Seeded; `OUTLAST_NAMES_SEED` runs other names.
#[tokio::test]
async fn odd_names_and_odd_keys_are_names_and_keys_and_nothing_else() -> Result<()> {
    let seed = std::env::var("OUTLAST_NAMES_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(7);
    println!("seed {seed}");
    let mut names = Names(StdRng::seed_from_u64(seed), 0);
    let cluster = with_canary().await?;
    let node = cluster.primary();
    let servers = [node.address()];
    let mut tables = Vec::new();
    for _ in 0..40 {
        tables.push(Odd::create(node, &mut names).await?);
    }
    let before = surroundings(node).await?;
    let checked = stream::iter(&tables).map(async |odd| {
        let statement = odd.statement();
        let dry_run = ["run", "--dry-run", "--no-instant", &statement];
        outlast::succeed(&servers, &dry_run)
            .await
            .map(drop)
            .with_context(|| format!("seed {seed}"))
    });
    checked.buffer_unordered(3).try_collect::<Vec<()>>().await?;
    ensure!(
        surroundings(node).await? == before,
        "a dry run changed something, seed {seed}"
    );

    let mut conn = node.connect().await?;
    for odd in &tables[..6] {
        // In another schema: names of constraints are unique in one.
        let expected = TableName::new("canary", "expected");
        native_copy(&mut conn, &odd.table, &expected, &odd.changes).await?;
        let statement = odd.statement();
        // Chunks of three rows: the odd keys are in the checkpoint.
        let run = [
            "run",
            &statement,
            "--no-instant",
            "--chunk-rows",
            "3",
            "--format",
            "json",
        ];
        let events = outlast::succeed(&servers, &run)
            .await
            .with_context(|| format!("seed {seed}"))?;
        let first: serde_json::Value = serde_json::from_str(events.lines().next().unwrap_or_default())?;
        expect_identical(&mut conn, &expected, &odd.table)
            .await
            .with_context(|| format!("seed {seed}: {statement}"))?;
        conn.query_drop(format!("DROP TABLE {expected}")).await?;
        let id = first["migration"].as_str().context("no id")?;
        for command in ["status", "events", "cleanup"] {
            outlast::succeed(&servers, &[command, id]).await?;
        }
        // An id is a text, too.
        for id in ["'", "x' OR '1'='1", "%", "\\", "`"] {
            let output = outlast::output(&servers, &["cleanup", id]).await?;
            ensure!(output.status.code() == Some(2), "cleanup {id}: {output:?}");
        }
    }
    let instant = format!("ALTER TABLE {} ADD COLUMN {} INT", tables[6].table, names.quoted());
    outlast::succeed(&servers, &["run", &instant]).await?;
    ensure!(
        surroundings(node).await? == before,
        "something else was changed, seed {seed}"
    );
    let left: Vec<String> = node
        .query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '\\_outlast\\_%'")
        .await?;
    ensure!(left.is_empty(), "these schemas are left: {left:?}");
    Ok(())
}

/// The server reads every quoted name and text as what it was, under every `sql_mode`.
#[tokio::test]
async fn the_server_reads_quoted_names_and_texts_as_they_were() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    let mut conn = cluster.primary().connect().await?;
    let mut names = Names(StdRng::seed_from_u64(11), 0);
    for mode in [
        "",
        "ANSI_QUOTES",
        "NO_BACKSLASH_ESCAPES",
        "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT",
    ] {
        conn.query_drop(format!("SET SESSION sql_mode = '{mode}'")).await?;
        for _ in 0..300 {
            // MySQL cuts control characters off the beginning of an alias, and only there.
            let name = format!("n{}", names.next());
            let sql = format!("SELECT {} AS {}", quote::text(&name), quote::identifier(&name));
            let row: mysql_async::Row = conn.query_first(&sql).await?.context("no row")?;
            ensure!(
                row.columns_ref()[0].name_str() == name.as_str(),
                "the name is {name:?} in {sql}"
            );
            ensure!(
                row.get::<String, _>(0).as_deref() == Some(name.as_str()),
                "the text is {name:?} in {sql}"
            );
            let bytes: Vec<u8> = (0..names.0.random_range(0..20)).map(|_| names.0.random()).collect();
            let back: Option<Vec<u8>> = conn.query_first(format!("SELECT {}", quote::hex(&bytes))).await?;
            ensure!(back.as_ref() == Some(&bytes), "{bytes:?} came back as {back:?}");
        }
    }
    Ok(())
}
