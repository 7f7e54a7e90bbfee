//! Transactions that a replica has executed and the primary has not.
//!
//! Should the replica be promoted, the migration has to learn what they changed, and only that replica's binlogs tell.

use std::time::Duration;

use outlast_core::{GtidSet, Result, Server, topology::Finding};
use outlast_mysql::{Connector, Purpose, Session};

use crate::inspect::parsed;

/// How long the primary is waited for: a replica may execute a transaction a moment before the primary itself has.
const PATIENCE: Duration = Duration::from_secs(1);

/// Warns of the transactions that `server` has and `primary` lacks, if there are any.
///
/// # Errors
/// Those of either server.
pub(crate) async fn look_for(connector: &Connector, server: &Server, primary: &Server) -> Result<Option<Finding>> {
    let mut session = connector.connect(server, &Purpose::default()).await?;
    let (executed, purged): (String, String) = session
        .value("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")
        .await?;
    let mut session = connector.connect(primary, &Purpose::default()).await?;
    let executed = parsed(&executed)?;
    let suspects = executed.minus(&executed_on(&mut session).await?);
    if suspects.is_empty() {
        return Ok(None);
    }
    let wait = format!(
        "SELECT WAIT_FOR_EXECUTED_GTID_SET('{suspects}', {})",
        PATIENCE.as_secs()
    );
    let _: Option<i64> = session.value(&wait).await?;
    let errant = suspects.minus(&executed_on(&mut session).await?);
    let purged = parsed(&purged)?.intersection(&errant);
    Ok((!errant.is_empty()).then(|| Finding::warning(said(server, primary, &errant, &purged))))
}

async fn executed_on(session: &mut Session) -> Result<GtidSet> {
    let executed: String = session.value("SELECT @@GLOBAL.gtid_executed").await?;
    parsed(&executed)
}

fn said(server: &Server, primary: &Server, errant: &GtidSet, purged: &GtidSet) -> String {
    let (here, there, errant) = (&server.address, &primary.address, errant.shown());
    let begin =
        format!("{here} has executed transactions that the primary {there} has not ({errant}). If it is promoted");
    match purged.is_empty() {
        true => format!(
            "{begin} while the migration runs, what they changed is read from its binlogs; keep those until the migration has ended"
        ),
        false => format!(
            "{begin} while the migration runs, that fails there, because the binlogs that tell what they changed are purged ({}). \
             Build {here} anew; or, if they changed nothing of the table, run this on the primary for each of them: SET gtid_next \
             = 'UUID:NUMBER'; BEGIN; COMMIT; SET gtid_next = 'AUTOMATIC'",
            purged.shown()
        ),
    }
}
