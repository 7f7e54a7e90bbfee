//! Whether a migration ended as its case expects.

use anyhow::{Context, Result, bail, ensure};
use outlast_testbed::{Node, eventually};
use outlast_tests::case::{Expect, Stage};

use crate::{
    oracle::{self, Rows},
    player::{Ended, PATIENCE, Play},
};

/// Exit codes of `outlast run`.
pub(crate) const COMPLETE: i32 = 0;
pub(crate) const REFUSED: i32 = 3;
pub(crate) const FAILED: i32 = 4;

/// Runs the migration, and compares its end with what is expected.
pub(crate) async fn expect(play: &mut Play<'_>) -> Result<()> {
    match &play.case.expect {
        Expect::Same => {
            let ended = play.migrate().await?;
            same(play, &ended).await?;
            play.after().await
        }
        Expect::Refused(text) => refused(play, text).await,
        Expect::Fails(text) => {
            let ended = play.migrate().await?;
            expect_message(&ended, text)?;
            // A few rows are tried beforehand: where the reason shows in them, the migration does not even begin.
            match ended.code {
                REFUSED => nothing_is_left(play).await?,
                _ => {
                    expect_code(&ended, FAILED)?;
                    source_is_untouched(play).await?;
                }
            }
            ensure!(native_alter(play).await?.is_err(), "MySQL's own ALTER does not fail");
            Ok(())
        }
        Expect::Stops(text) => {
            let ended = play.migrate().await?;
            expect_code(&ended, FAILED)?;
            expect_message(&ended, text)?;
            source_is_untouched(play).await
        }
    }
}

/// It is complete, and the table is what MySQL's own ALTER makes of it.
pub(crate) async fn same(play: &mut Play<'_>, ended: &Ended) -> Result<()> {
    expect_code(ended, COMPLETE)?;
    ensure!(ended.was_completed, "it was complete before anybody asked for that");
    play.expect_work_while_copying()?;
    let node = play.stand.node();
    let native = play.native();
    if let Err(error) = oracle::alter_natively(node, &native, &play.case.alter).await? {
        bail!("the migration is complete, but MySQL's own ALTER fails: {error}");
    }
    oracle::expect_same(node, &native, &play.schema).await?;
    let triggers = oracle::triggers(node, &play.schema).await?;
    ensure!(
        triggers == ended.triggers,
        "the triggers were {:?}, and are {triggers:?}",
        ended.triggers
    );
    let id = play.migration().await?.context("the migration vanished")?.id;
    let shadow = schemas_like(node, &format!("_outlast_new_{id}")).await?;
    ensure!(shadow.is_empty(), "the shadow's schema is left");
    no_locks(node, &play.schema).await?;
    match play.case.instant {
        true => instant_path(node, &id).await,
        false => Ok(()),
    }
}

async fn refused(play: &mut Play<'_>, text: &str) -> Result<()> {
    let node = play.stand.node();
    let before = play.native();
    oracle::clone_schema(node, &play.schema, &before, Rows::All).await?;
    let ended = play.migrate().await?;
    expect_code(&ended, REFUSED)?;
    expect_message(&ended, text)?;
    nothing_is_left(play).await?;
    oracle::expect_same(node, &before, &play.schema)
        .await
        .context("the source is not what it was")?;
    play.one_more_round(Stage::Before).await
}

/// A refused migration left nothing.
pub(crate) async fn nothing_is_left(play: &Play<'_>) -> Result<()> {
    let node = play.stand.node();
    let migration = play.migration().await?;
    ensure!(migration.is_none(), "it was refused, and is stored: {migration:?}");
    // Schemas in which other migrations are tried are gone soon. This one's program has ended, so its own would stay.
    let trials = schemas_like(node, "_outlast_try_%").await?;
    for trial in trials {
        eventually(&format!("schema {trial} is dropped"), PATIENCE, || async {
            ensure!(schemas_like(node, &trial).await?.is_empty(), "it is there");
            Ok(())
        })
        .await?;
    }
    no_locks(node, &play.schema).await
}

/// Failed or stopped: the source is in its place and works.
pub(crate) async fn source_is_untouched(play: &mut Play<'_>) -> Result<()> {
    let node = play.stand.node();
    let definition = play.current_definition().await?;
    ensure!(
        definition == play.definition,
        "the source is defined differently now:\n{}\nand was\n{}",
        definition.unwrap_or_default(),
        play.definition.clone().unwrap_or_default()
    );
    let id = play.migration().await?.context("the migration vanished")?.id;
    let retired: u64 = node
        .query_one(&format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '_outlast_old_{id}'"
        ))
        .await?;
    ensure!(retired == 0, "the source was retired");
    no_locks(node, &play.schema).await?;
    play.one_more_round(Stage::Ready)
        .await
        .context("after the migration failed")
}

/// What MySQL's own ALTER says to the source as it is now.
pub(crate) async fn native_alter(play: &Play<'_>) -> Result<Result<(), mysql_async::ServerError>> {
    let node = play.stand.node();
    oracle::clone_schema(node, &play.schema, &play.native(), Rows::All).await?;
    oracle::alter_natively(node, &play.native(), &play.case.alter).await
}

fn expect_code(ended: &Ended, code: i32) -> Result<()> {
    ensure!(
        ended.code == code,
        "outlast exited with code {}, not {code}; its last words:\n{}",
        ended.code,
        ended.log
    );
    Ok(())
}

fn expect_message(ended: &Ended, text: &str) -> Result<()> {
    ensure!(
        text.split(" | ").any(|text| ended.message.contains(text)),
        "the message does not contain {text:?}:\n{}",
        ended.message
    );
    Ok(())
}

/// Sessions of outlast hold no metadata lock on the schema's tables; those of a program that has ended are gone soon.
async fn no_locks(node: &Node, schema: &str) -> Result<()> {
    let sql = format!(
        "SELECT CONCAT_WS(' ', l.OBJECT_NAME, l.LOCK_TYPE, t.PROCESSLIST_ID, t.PROCESSLIST_INFO) \
         FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID \
         WHERE l.OBJECT_SCHEMA = '{schema}' AND t.PROCESSLIST_USER = '{}'",
        outlast_testbed::accounts::OUTLAST_USER
    );
    eventually("sessions of outlast hold no lock", PATIENCE, || async {
        let locks: Vec<String> = node.query(&sql).await?;
        ensure!(locks.is_empty(), "{locks:?}");
        Ok(())
    })
    .await
}

async fn schemas_like(node: &Node, pattern: &str) -> Result<Vec<String>> {
    let pattern = pattern.replace('_', "\\\\_");
    node.query(&format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{pattern}'"
    ))
    .await
}

/// The migration took the instant path, or the one in place: nothing was copied.
async fn instant_path(node: &Node, id: &str) -> Result<()> {
    let path: Option<String> = node
        .query(&format!("SELECT path FROM _outlast.paths WHERE migration = '{id}'"))
        .await?
        .pop();
    ensure!(
        matches!(path.as_deref(), Some("instant" | "in-place")),
        "its path was {path:?}"
    );
    Ok(())
}
