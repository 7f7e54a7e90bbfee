//! A table that must be right at every moment, whatever the application writes and the servers lose.

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, prelude::Queryable};
use outlast_testbed::{Cluster, LoadOptions, TableName, WriteLoad, create_and_fill, expect_identical, native_copy};

const ROWS: u64 = 1_500;
/// Above all that the application uses.
const HIGH_ID: u64 = 900_000;
const COLUMNS: [&str; 7] = ["id", "writer", "version", "email", "payload", "amount", "updated_at"];

/// Two tables of the same rows. The application writes the second one, whose triggers write the first: in every transaction, on
/// every server, both are the same, so that the second tells what the first has to be after its migration. (The first
/// has no triggers itself; tables with some can't be migrated.)
pub(crate) struct Twins {
    pub(crate) migrated: TableName,
    pub(crate) written: TableName,
}

impl Twins {
    /// `test.c<number>` and `test.w<number>`, filled.
    pub(crate) async fn create(cluster: &Cluster, number: usize) -> Result<Self> {
        let twins = Self {
            migrated: TableName::new("test", format!("c{number}")),
            written: TableName::new("test", format!("w{number}")),
        };
        let mut conn = cluster.primary().connect().await?;
        let Self { migrated, written } = &twins;
        create_and_fill(&mut conn, written, ROWS).await?;
        let new = COLUMNS.map(|c| format!("NEW.{c}")).join(", ");
        let set = COLUMNS.map(|c| format!("{c} = NEW.{c}")).join(", ");
        let columns = COLUMNS.join(", ");
        for sql in [
            format!("ALTER TABLE {written} ADD one INT NOT NULL DEFAULT 1, ADD two INT NOT NULL DEFAULT 2"),
            format!("CREATE TABLE {migrated} LIKE {written}"),
            format!("INSERT INTO {migrated} SELECT * FROM {written}"),
            format!(
                "CREATE TRIGGER test.i{number} AFTER INSERT ON {written} FOR EACH ROW \
                 INSERT INTO {migrated} ({columns}) VALUES ({new})"
            ),
            format!(
                "CREATE TRIGGER test.u{number} AFTER UPDATE ON {written} FOR EACH ROW UPDATE {migrated} SET {set} WHERE id = OLD.id"
            ),
            format!(
                "CREATE TRIGGER test.d{number} AFTER DELETE ON {written} FOR EACH ROW DELETE FROM {migrated} WHERE id = OLD.id"
            ),
        ] {
            conn.query_drop(&sql).await.with_context(|| sql.clone())?;
        }
        Ok(twins)
    }

    /// An application that writes.
    pub(crate) async fn write(&self, cluster: &Cluster) -> Result<WriteLoad> {
        let options = LoadOptions {
            writers: 2,
            transactions_per_second: Some(20.0),
            ..LoadOptions::default()
        };
        WriteLoad::start(cluster.primary_watch(), &self.written, options).await
    }

    /// Raises the next AUTO_INCREMENT value of the migrated table alone, by a row that nobody keeps: the shadow never sees it.
    pub(crate) async fn raise_counter(&self, cluster: &Cluster) -> Result<()> {
        let mut conn = cluster.primary().connect().await?;
        let migrated = &self.migrated;
        let insert = format!("INSERT INTO {migrated} (id, writer, version, email) VALUES ({HIGH_ID}, 0, 0, 'high')");
        let delete = format!("DELETE FROM {migrated} WHERE id = {HIGH_ID}");
        for sql in ["BEGIN", &insert, &delete, "COMMIT"] {
            conn.query_drop(sql).await?;
        }
        Ok(())
    }

    /// Whether no id that the migrated table has had can be given again.
    pub(crate) async fn expect_counter(&self, conn: &mut Conn) -> Result<()> {
        let next = counter(conn, &self.migrated).await?;
        ensure!(next > HIGH_ID, "the next id of {} is {next}", self.migrated);
        Ok(())
    }

    /// Whether the migrated table is what MySQL's own ALTER makes of its twin, once nobody writes any more.
    pub(crate) async fn expect_migrated(&self, conn: &mut Conn, changes: &str) -> Result<()> {
        let expected = TableName::new("test", format!("e_{}", self.migrated.table));
        native_copy(conn, &self.written, &expected, changes).await?;
        expect_identical(conn, &expected, &self.migrated).await?;
        // Not in the binlog, as it was not created there.
        conn.query_drop("SET SESSION sql_log_bin = OFF").await?;
        conn.query_drop(format!("DROP TABLE {expected}")).await?;
        conn.query_drop("SET SESSION sql_log_bin = ON").await?;
        Ok(())
    }
}

/// The next AUTO_INCREMENT value.
async fn counter(conn: &mut Conn, table: &TableName) -> Result<u64> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    let (_, create) = row.with_context(|| format!("{table} is no table"))?;
    let (_, rest) = create.rsplit_once("AUTO_INCREMENT=").context("it counts nothing")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().context("no number")
}
