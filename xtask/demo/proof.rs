//! That the result is right: compared with what MySQL's own ALTER makes, and with what the application was promised.

use anyhow::{Context, Result, ensure};
use outlast_testbed::{Cluster, LoadReport, TableName, compare, compare_definitions};

use crate::screen::{Ink, Screen, grouped};

/// What was found to be right.
pub(crate) struct Proof {
    rows: u64,
    acknowledged: u64,
    verified: usize,
}

/// Compares all of it.
pub(crate) async fn prove(
    cluster: &Cluster,
    expected: &TableName,
    migrated: &TableName,
    application: &LoadReport,
) -> Result<Proof> {
    let mut conn = cluster.primary().connect().await?;
    let definitions = compare_definitions(&mut conn, expected, migrated).await?;
    ensure!(
        definitions.is_empty(),
        "the new definition differs from MySQL's own: {}",
        definitions.join("; ")
    );
    let comparison = compare(&mut conn, expected, migrated).await?;
    comparison
        .expect_same()
        .context("the rows differ from those of MySQL's own ALTER")?;
    let verification = application.verify_acknowledged(&mut conn).await?;
    verification.expect_no_loss()?;
    let errors = application.unexplained_errors();
    ensure!(errors.is_empty(), "statements of the application failed: {errors:?}");
    Ok(Proof {
        rows: comparison.right_rows,
        acknowledged: application.acknowledged,
        verified: verification.rows,
    })
}

impl Proof {
    pub(crate) fn print(&self, screen: &Screen) {
        let (rows, acknowledged, verified) = (
            grouped(self.rows),
            grouped(self.acknowledged),
            grouped(self.verified as u64),
        );
        for line in [
            format!("{rows} rows compared with MySQL's own ALTER: 0 differences"),
            format!("{acknowledged} acknowledged writes, checked in {verified} rows: 0 lost"),
            "no statement of the application failed because of the migration".to_owned(),
        ] {
            screen.line(&format!("  {} {line}", screen.paint(Ink::Good, "✔")));
        }
    }
}
