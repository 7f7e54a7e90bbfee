//! Shows that the comparison finds what it is there for: planted differences, each as small as can be.

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use crate::{
    oracle::{self, Rows},
    player::Stand,
};

pub(crate) const NAME: &str = "self-check/planted differences are found, random cases are replayed";

const CREATE: [&str; 3] = [
    "CREATE TABLE p (id INT PRIMARY KEY)",
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, n INT DEFAULT 1, \
     p INT, CONSTRAINT positive CHECK (n > 0), CONSTRAINT parent FOREIGN KEY (p) REFERENCES p (id), KEY v (v))",
    "INSERT INTO t (v) VALUES ('a'), ('b'), ('b'), (NULL)",
];

/// A change, and what the difference that is found must show.
const PLANTED: [(&str, &str); 10] = [
    // One byte that the collation takes for the same.
    ("UPDATE t SET v = 'A' WHERE id = 1", "x41"),
    ("UPDATE t SET v = '' WHERE id = 4", "v=NULL"),
    // As many rows, but another one is there twice.
    ("UPDATE t SET id = -9 WHERE id = 3", "id=-9"),
    ("DELETE FROM t WHERE id = 4", "4 rows against 3"),
    ("ALTER TABLE t AUTO_INCREMENT = 6", "AUTO_INCREMENT=6"),
    (
        "ALTER TABLE t DROP CHECK positive, ADD CONSTRAINT positiv CHECK (n > 0)",
        "CONSTRAINT `positiv`",
    ),
    (
        "ALTER TABLE t DROP FOREIGN KEY parent, ADD CONSTRAINT parents FOREIGN KEY (p) REFERENCES p (id)",
        "CONSTRAINT `parents`",
    ),
    ("ALTER TABLE t RENAME INDEX v TO w", "KEY `w`"),
    ("ALTER TABLE t ALTER COLUMN n SET DEFAULT 2", "DEFAULT '2'"),
    ("DROP TABLE t", "the tables are"),
];

/// Plants each difference in a clone of its own.
pub(crate) async fn run(stand: &Stand) -> Result<()> {
    let (schema, clone) = (stand.new_schema(), stand.new_schema());
    let node = stand.node();
    let mut conn = node.connect().await?;
    conn.query_drop(format!("CREATE DATABASE {schema}")).await?;
    conn.query_drop(format!("USE {schema}")).await?;
    for sql in CREATE {
        conn.query_drop(sql).await?;
    }
    for (change, shows) in PLANTED {
        oracle::clone_schema(node, &schema, &clone, Rows::All).await?;
        oracle::expect_same(node, &schema, &clone)
            .await
            .context("a clone differs")?;
        conn.query_drop(format!("USE {clone}")).await?;
        conn.query_drop(change).await.with_context(|| change.to_owned())?;
        let Err(found) = oracle::expect_same(node, &schema, &clone).await else {
            bail!("this was not found: {change}");
        };
        let found = format!("{found:#}");
        ensure!(found.contains(shows), "{change}: {shows:?} is not shown, but\n{found}");
    }
    oracle::clone_schema(node, &schema, &clone, Rows::None).await?;
    let found = oracle::expect_same(node, &schema, &clone).await;
    ensure!(found.is_err(), "a clone without rows is taken for the same");
    for name in [schema, clone] {
        conn.query_drop(format!("DROP DATABASE {name}")).await?;
    }
    conn.disconnect().await?;
    Ok(())
}
