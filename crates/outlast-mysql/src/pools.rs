//! Sessions on any server that a backend is asked about.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use outlast_core::{Error, ErrorKind, Result, Server};

use crate::{Connector, PooledSession, Purpose, SessionPool};

/// Servers whose sessions are kept. A cluster is far smaller; an address behind which servers come and go is not bounded.
const MAX_SERVERS: usize = 64;

/// Pools of sessions by server, for backends that are asked about any server at any time.
///
/// Unlike a [`SessionPool`], it hands out no session that has died since its last use, and none that a proxy in between
/// has moved to another server.
pub struct SessionPools {
    connector: Connector,
    pools: Mutex<HashMap<Server, Arc<SessionPool>>>,
}

impl SessionPools {
    /// No sessions yet.
    pub fn new(connector: Connector) -> Self {
        Self {
            connector,
            pools: Mutex::default(),
        }
    }

    /// How servers are reached.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A session on `server`, which answered just now.
    ///
    /// # Errors
    /// As [`Connector::connect`].
    pub async fn session(&self, server: &Server) -> Result<PooledSession> {
        Ok(self.pool(server).live_session().await?.0)
    }

    /// A session on `server`, which took writes just now.
    ///
    /// The server alone would not refuse: `read_only` does not bind a user who is privileged enough.
    ///
    /// # Errors
    /// As [`Connector::connect`]; `NotPrimary` if `read_only` or `super_read_only` is on.
    pub async fn writable(&self, server: &Server) -> Result<PooledSession> {
        let (session, writable) = self.pool(server).live_session().await?;
        if !writable {
            session.give_back();
            return Err(Error::new(
                ErrorKind::NotPrimary,
                format!("{server} is read-only; nothing was written there"),
            ));
        }
        Ok(session)
    }

    fn pool(&self, server: &Server) -> Arc<SessionPool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(server) {
            return Arc::clone(pool);
        }
        if pools.len() >= MAX_SERVERS {
            pools.clear();
        }
        let pool = SessionPool::new(self.connector.clone(), server.clone(), Purpose::default());
        pools.insert(server.clone(), Arc::clone(&pool));
        pool
    }
}
