//! TCP ports that stay ours while a server is down.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use rand::Rng;

/// Below the range from which systems take the local ports of outgoing connections: such a connection could otherwise sit
/// on the port of a killed server and keep it from coming back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const ATTEMPTS: usize = 200;

/// A free TCP port of 127.0.0.1, kept from other testbed processes until dropped.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    number: u16,
    _lock: File,
}

impl ReservedPort {
    pub(crate) fn take() -> Result<Self> {
        let directory = env::temp_dir().join(format!("outlast-ports-{}", rustix::process::geteuid().as_raw()));
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        for _ in 0..ATTEMPTS {
            let number = rand::rng().random_range(RANGE);
            let path = directory.join(number.to_string());
            let lock = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
            // Held by another testbed, or used by a stranger: try the next.
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("found no free port of {RANGE:?} on 127.0.0.1 in {ATTEMPTS} attempts")
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
