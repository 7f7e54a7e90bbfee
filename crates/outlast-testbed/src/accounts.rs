//! The accounts every node has from the start. They are made for loopback and tests, not for anything else.

/// An account that may do everything, with an empty password.
pub const ROOT_USER: &str = "root";
/// The account replicas connect as.
pub const REPLICATION_USER: &str = "repl";
/// The password of [`REPLICATION_USER`]: Group Replication's recovery refuses an empty one.
pub const REPLICATION_PASSWORD: &str = "repl-secret";
/// The account meant for Outlast itself; it may do everything.
pub const OUTLAST_USER: &str = "outlast";
/// The password of [`OUTLAST_USER`].
pub const OUTLAST_PASSWORD: &str = "outlast-secret";

/// What the server executes once, as an init file (one statement per line); it ends by shutting itself down.
pub(crate) fn creation_script() -> String {
    format!(
        "CREATE USER {ROOT_USER}@'%' IDENTIFIED BY '';\n\
         GRANT ALL ON *.* TO {ROOT_USER}@'%' WITH GRANT OPTION;\n\
         CREATE USER {REPLICATION_USER}@'%' IDENTIFIED BY '{REPLICATION_PASSWORD}';\n\
         GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO {REPLICATION_USER}@'%';\n\
         CREATE USER {OUTLAST_USER}@'%' IDENTIFIED BY '{OUTLAST_PASSWORD}';\n\
         GRANT ALL ON *.* TO {OUTLAST_USER}@'%' WITH GRANT OPTION;\n\
         SHUTDOWN;\n"
    )
}
