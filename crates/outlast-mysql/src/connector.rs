//! How servers are reached.

use std::{path::PathBuf, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use outlast_core::{Error, ErrorKind, Incarnation, MigrationId, Result, Server, ServerUuid};
use tokio_util::task::TaskTracker;

use crate::{Session, classify::classify, quote};

/// Credentials and limits, the same for every server of a cluster.
#[derive(Clone)]
pub struct Connector {
    user: String,
    password: Option<String>,
    tls: Tls,
    timeout: Duration,
    last_duties: TaskTracker,
}

/// Whether and how connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain text.
    #[default]
    Off,
    /// Encrypted; the server's certificate is not verified.
    Required,
    /// Encrypted; the certificate must be signed by a certificate authority in this PEM file, and name the host.
    Verified(PathBuf),
}

/// What a session is for. Shown by the server as connection attributes (`performance_schema.session_connect_attrs`), by
/// which an adopter finds its predecessor's sessions.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// The migration it writes for.
    pub migration: Option<MigrationId>,
    /// The agent's life.
    pub incarnation: Option<Incarnation>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Connects as `user`, unencrypted, giving each connection attempt 2 s.
    pub fn new(user: impl Into<String>, password: Option<String>) -> Self {
        Self {
            user: user.into(),
            password,
            tls: Tls::Off,
            timeout: Duration::from_secs(2),
            last_duties: TaskTracker::new(),
        }
    }

    /// Chooses encryption.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Limits the time for one connection attempt, login included.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The limit for one connection attempt.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Has something done that is still to be done when the process is told to stop: [`Connector::finish`] waits for it.
    pub fn do_last(&self, duty: impl Future<Output = ()> + Send + 'static) {
        self.last_duties.spawn(duty);
    }

    /// To be called at the end of the process: waits for what [`Connector::do_last`] began, but no longer than `patience`.
    pub async fn finish(&self, patience: Duration) {
        self.last_duties.close();
        if tokio::time::timeout(patience, self.last_duties.wait()).await.is_err() {
            tracing::warn!("statements may go on at the server that nobody waits for any more");
        }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A session on `server`, whose uuid is verified.
    ///
    /// # Errors
    /// `ServerGone`, `AccessDenied`; `Fenced` if the address answers with another uuid.
    pub async fn connect(&self, server: &Server, purpose: &Purpose) -> Result<Session> {
        let (session, uuid) = self.connect_address(&server.address, purpose).await?;
        if uuid != server.uuid {
            return Err(Error::new(
                ErrorKind::Fenced,
                format!(
                    "{} answers as server {uuid}, expected was {}; nothing was written there",
                    server.address, server.uuid
                ),
            ));
        }
        Ok(session)
    }

    /// A session on whatever server answers at `address` (`host:port`), with its uuid.
    ///
    /// # Errors
    /// `ServerGone`, `AccessDenied`; `Refused` if the server is MariaDB.
    pub async fn connect_address(&self, address: &str, purpose: &Purpose) -> Result<(Session, ServerUuid)> {
        let opening = async {
            let conn = Conn::new(self.options(address, purpose)?)
                .await
                .map_err(|e| classify(e).context(format_args!("connecting to {address}")))?;
            Session::prepare(conn, address).await
        };
        tokio::time::timeout(self.timeout, opening).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::ServerGone,
                format!("connecting to {address}: no answer within {:?}", self.timeout),
            ))
        })
    }

    fn options(&self, address: &str, purpose: &Purpose) -> Result<Opts> {
        let (host, port) = split_address(address)?;
        let mut options = OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(port)
            .user(Some(&self.user))
            .pass(self.password.as_ref())
            .prefer_socket(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(10)))
            .stmt_cache_size(Some(64))
            // The largest that MySQL knows: an event of the binlog may be larger than what this server accepts itself.
            .max_allowed_packet(Some(1 << 30))
            .wait_timeout(Some(31_536_000))
            .connect_attribute("program_name", "outlast");
        if let Some(migration) = &purpose.migration {
            options = options.connect_attribute("outlast_migration", migration.as_str());
        }
        if let Some(incarnation) = &purpose.incarnation {
            options = options.connect_attribute("outlast_incarnation", incarnation.as_str());
        }
        let tls = match &self.tls {
            Tls::Off => None,
            Tls::Required => Some(
                SslOpts::default()
                    .with_danger_accept_invalid_certs(true)
                    .with_danger_skip_domain_validation(true),
            ),
            Tls::Verified(authority) => Some(
                SslOpts::default()
                    .with_disable_built_in_roots(true)
                    .with_root_certs(vec![authority.clone().into()]),
            ),
        };
        Ok(options.ssl_opts(tls).into())
    }
}

/// Splits `host:port`, `host` (port 3306) or `[v6]:port`.
fn split_address(address: &str) -> Result<(String, u16)> {
    let invalid = || {
        Error::new(
            ErrorKind::Refused,
            format!("{address:?} is no server address; write HOST:PORT, as in db1.example:3306"),
        )
    };
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| invalid())?)
        }
        _ => (address, 3306),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(invalid());
    }
    Ok((host.to_owned(), port))
}

impl Session {
    /// Ids of the sessions on this server that other incarnations than this one have opened for a migration.
    ///
    /// Best effort: sees the sessions of all accounts, or those of its own account without the privilege for it.
    ///
    /// # Errors
    /// `ServerGone`.
    pub async fn sessions_of_others(&mut self, migration: &MigrationId, incarnation: &Incarnation) -> Result<Vec<u64>> {
        // The second table may be read by everybody, and holds the sessions of the reader's account.
        for table in ["session_connect_attrs", "session_account_connect_attrs"] {
            let sql = format!(
                "SELECT m.PROCESSLIST_ID FROM performance_schema.{table} m \
                 JOIN performance_schema.{table} i ON i.PROCESSLIST_ID = m.PROCESSLIST_ID \
                 WHERE m.ATTR_NAME = 'outlast_migration' AND m.ATTR_VALUE = {} \
                 AND i.ATTR_NAME = 'outlast_incarnation' AND i.ATTR_VALUE <> {}",
                quote::text(migration.as_str()),
                quote::text(incarnation.as_str()),
            );
            match self.rows(&sql).await {
                Ok(ids) => return Ok(ids),
                Err(e) if e.kind() == ErrorKind::ServerGone => return Err(e),
                Err(e) => tracing::debug!(error = %e, table, "the previous owner's sessions can't be listed"),
            }
        }
        Ok(Vec::new())
    }

    /// Kills sessions by id. Returns how many; those that ended meanwhile, or that may not be killed, are left out.
    ///
    /// # Errors
    /// `ServerGone`.
    pub async fn kill(&mut self, sessions: &[u64]) -> Result<u64> {
        let mut killed = 0;
        for id in sessions {
            match self.run(&format!("KILL {id}")).await {
                Ok(_) => killed += 1,
                Err(e) if e.kind() == ErrorKind::ServerGone => return Err(e),
                Err(e) => tracing::debug!(session = id, error = %e, "a session is not killed"),
            }
        }
        Ok(killed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!(split_address("db1:3307").unwrap(), ("db1".to_owned(), 3307));
        assert_eq!(split_address("db1").unwrap(), ("db1".to_owned(), 3306));
        assert_eq!(split_address("[::1]:3308").unwrap(), ("::1".to_owned(), 3308));
        assert!(split_address("db1:x").is_err());
        assert!(split_address("").is_err());
    }

    #[test]
    fn a_password_never_shows_in_debug_output() {
        let connector = Connector::new("u", Some("s3cret".to_owned()));
        assert!(!format!("{connector:?}").contains("s3cret"));
    }
}
