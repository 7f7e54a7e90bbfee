//! The accounts every node has from the start. They are made for loopback and tests, not for anything else.

use std::collections::BTreeSet;

/// An account that may do everything, with an empty password.
pub const ROOT_USER: &str = "root";
/// The account replicas connect as.
pub const REPLICATION_USER: &str = "repl";
/// The password of [`REPLICATION_USER`]: Group Replication's recovery refuses an empty one.
pub const REPLICATION_PASSWORD: &str = "repl-secret";
/// The account meant for Outlast itself. It has what Outlast's documentation asks for and no more: [`GLOBAL`], [`OWN`], and
/// [`SCHEMA`] and [`PARENTS`] on the [`SCHEMAS`] of the application.
pub const OUTLAST_USER: &str = "outlast";
/// The password of [`OUTLAST_USER`].
pub const OUTLAST_PASSWORD: &str = "outlast-secret";

/// Privileges on everything that Outlast's documentation asks for.
pub const GLOBAL: [&str; 4] = ["PROCESS", "REPLICATION SLAVE", "REPLICATION CLIENT", "XA_RECOVER_ADMIN"];
/// Privileges on each schema with tables to migrate.
pub const SCHEMA: [&str; 7] = ["SELECT", "INSERT", "ALTER", "CREATE", "DROP", "LOCK TABLES", "TRIGGER"];
/// Privileges on each schema with tables that foreign keys of migrated ones refer to, and on those ones' own.
pub const PARENTS: [&str; 3] = ["SELECT", "LOCK TABLES", "REFERENCES"];
/// Privileges on Outlast's own schemas, [`OWN_SCHEMAS`].
pub const OWN: [&str; 9] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "ALTER",
    "CREATE",
    "DROP",
    "LOCK TABLES",
    "CREATE TEMPORARY TABLES",
];
/// Privileges on Outlast's own schemas, if tables have foreign keys.
pub const OWN_PARENTS: [&str; 1] = ["REFERENCES"];
/// Outlast's own schemas, as a grant names them.
pub const OWN_SCHEMAS: &str = "`\\_outlast%`.*";
/// Patterns of the application's schemas in which Outlast's account may migrate tables, those with foreign keys included.
pub const SCHEMAS: [&str; 3] = ["test", "shop", "case%"];

/// What gives an account the privileges that a migration of tables in `schema` (a pattern) takes, foreign keys included.
#[must_use]
pub fn grant_on(schema: &str, user: &str) -> String {
    let privileges: BTreeSet<&str> = SCHEMA.into_iter().chain(PARENTS).collect();
    let privileges = privileges.into_iter().collect::<Vec<_>>().join(", ");
    format!(
        "GRANT {privileges} ON `{}`.* TO '{user}'@'%'",
        schema.replace('`', "``")
    )
}

/// What the server executes once, as an init file (one statement per line); it ends by shutting itself down.
pub(crate) fn creation_script() -> String {
    format!(
        "CREATE USER {ROOT_USER}@'%' IDENTIFIED BY '';\n\
         GRANT ALL ON *.* TO {ROOT_USER}@'%' WITH GRANT OPTION;\n\
         CREATE USER {REPLICATION_USER}@'%' IDENTIFIED BY '{REPLICATION_PASSWORD}';\n\
         GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO {REPLICATION_USER}@'%';\n\
         CREATE USER {OUTLAST_USER}@'%' IDENTIFIED BY '{OUTLAST_PASSWORD}';\n\
         GRANT {} ON *.* TO {OUTLAST_USER}@'%';\n\
         GRANT SELECT ON performance_schema.* TO {OUTLAST_USER}@'%';\n\
         GRANT {} ON {OWN_SCHEMAS} TO {OUTLAST_USER}@'%';\n\
         {}\
         SHUTDOWN;\n",
        GLOBAL.join(", "),
        OWN.into_iter().chain(OWN_PARENTS).collect::<Vec<_>>().join(", "),
        SCHEMAS
            .map(|schema| format!("{};\n", grant_on(schema, OUTLAST_USER)))
            .concat(),
    )
}
