//! What migrations need of a server besides its settings: privileges, and room on its disk.

use outlast_core::{
    ErrorKind, Result,
    check_up::{Check, Wanted},
    topology::Finding,
};
use outlast_mysql::Session;

use crate::{
    privileges::Privileges,
    space::{free_for_data, shown},
};

/// With less than this left, hardly any table can be copied.
const LITTLE: u64 = 1 << 30;

/// Looks at both.
///
/// # Errors
/// Those of the server.
pub(crate) async fn check_up(session: &mut Session, wanted: &Wanted) -> Result<Vec<Check>> {
    Ok(vec![privileges(session, wanted).await?, disk(session).await?])
}

async fn privileges(session: &mut Session, wanted: &Wanted) -> Result<Check> {
    let privileges = Privileges::read(session).await?;
    let (granted, state) = match &wanted.schema {
        Some(schema) => (
            privileges.expect_for(schema),
            format!("all that migrations of tables of {schema} take"),
        ),
        None => (
            privileges.expect_for_any(),
            "all that every migration takes; --database also checks those on a schema".to_owned(),
        ),
    };
    let outcome = match granted {
        Ok(()) => Ok(state),
        Err(error) if error.kind() == ErrorKind::AccessDenied => Err(Finding::refusal(error.message())),
        Err(error) => return Err(error),
    };
    Ok(Check::of(session.address(), "privileges", outcome))
}

async fn disk(session: &mut Session) -> Result<Check> {
    let outcome = match free_for_data(session).await? {
        None => Ok("what is free can't be known from here, where the server's files are not".to_owned()),
        Some(free) if free < LITTLE => Err(Finding::warning(format!(
            "{} are free for data: a copy takes as much as the table and its indexes, and their binlog. A full disk stops the server. Make \
             room",
            shown(free)
        ))),
        Some(free) => Ok(format!("{} are free for data", shown(free))),
    };
    Ok(Check::of(session.address(), "disk", outcome))
}
