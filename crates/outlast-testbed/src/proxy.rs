//! A TCP endpoint whose other end can be moved, cut, frozen or muted while clients use it.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::port::ReservedPort;

const BUFFER_BYTES: usize = 64 * 1024;

/// A proxy on 127.0.0.1: a virtual address for a primary that moves, or the wire of a partition.
///
/// Its port stays the same as long as it exists. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    port: ReservedPort,
    wire: Arc<watch::Sender<Wire>>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Clone)]
struct Wire {
    upstream: String,
    /// A connection lives as long as this is what it was when the connection was made.
    generation: u64,
    frozen: bool,
    muted: bool,
}

impl Wire {
    fn carries(&self, way: Way) -> bool {
        match way {
            Way::ToServer => !self.frozen,
            Way::ToClient => !self.frozen && !self.muted,
        }
    }
}

/// A direction on the wire.
#[derive(Debug, Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

impl Proxy {
    /// Starts a proxy to `upstream` (`host:port`).
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(upstream: impl Into<String>) -> Result<Self> {
        let wire = Wire {
            upstream: upstream.into(),
            generation: 0,
            frozen: false,
            muted: false,
        };
        let proxy = Self {
            port: ReservedPort::take()?,
            wire: Arc::new(watch::Sender::new(wire)),
            acceptor: Mutex::new(None),
        };
        proxy.restore().await?;
        Ok(proxy)
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `127.0.0.1:PORT`, where clients connect to.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Leads new connections to `upstream`; existing ones keep theirs.
    pub fn point_to(&self, upstream: impl Into<String>) {
        self.wire.send_modify(|wire| wire.upstream = upstream.into());
    }

    /// Leads new connections to `upstream`, and closes the existing ones.
    pub fn point_to_and_cut(&self, upstream: impl Into<String>) {
        self.wire.send_modify(|wire| {
            wire.upstream = upstream.into();
            wire.generation += 1;
        });
    }

    /// Closes all connections and refuses new ones, until [`restore`](Self::restore).
    pub async fn cut(&self) {
        if let Some(acceptor) = self.acceptor.lock().await.take() {
            acceptor.abort();
            // It ends as cancelled; once it has, its listening socket is closed.
            let _ = acceptor.await;
        }
        self.wire.send_modify(|wire| wire.generation += 1);
    }

    /// Accepts connections again after [`cut`](Self::cut).
    ///
    /// # Errors
    ///
    /// When a stranger has taken the port meanwhile.
    pub async fn restore(&self) -> Result<()> {
        let mut acceptor = self.acceptor.lock().await;
        if acceptor.is_none() {
            let address = self.address();
            let listener = TcpListener::bind(&address)
                .await
                .with_context(|| format!("listening on {address}"))?;
            *acceptor = Some(tokio::spawn(accept(listener, Arc::clone(&self.wire))));
        }
        Ok(())
    }

    /// Delivers nothing any more, without closing anything, like a network that lost its packets; new connections are
    /// accepted and hang.
    pub fn freeze(&self) {
        self.wire.send_modify(|wire| wire.frozen = true);
    }

    /// Delivers what [`freeze`](Self::freeze) held back, and all that follows.
    pub fn thaw(&self) {
        self.wire.send_modify(|wire| wire.frozen = false);
    }

    /// Delivers what clients send, and no answer any more; new connections are accepted and hang.
    pub fn mute(&self) {
        self.wire.send_modify(|wire| wire.muted = true);
    }

    /// Delivers the answers that [`mute`](Self::mute) held back, and all that follow.
    pub fn unmute(&self) {
        self.wire.send_modify(|wire| wire.muted = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(acceptor) = self.acceptor.get_mut().take() {
            acceptor.abort();
        }
        self.wire.send_modify(|wire| wire.generation += 1);
    }
}

async fn accept(listener: TcpListener, wire: Arc<watch::Sender<Wire>>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(serve(client, wire.subscribe()));
            }
            Err(error) => tracing::warn!("proxy: accepting a connection: {error}"),
        }
    }
}

/// One connection: ends when either side closes it, or with the wire's generation.
async fn serve(client: TcpStream, mut wire: watch::Receiver<Wire>) {
    let generation = wire.borrow().generation;
    let traffic = relay(client, wire.clone());
    tokio::select! {
        outcome = traffic => {
            if let Err(error) = outcome {
                tracing::debug!("proxy: a connection ended: {error:#}");
            }
        }
        _ = wire.wait_for(|now| now.generation != generation) => {}
    }
}

async fn relay(mut client: TcpStream, mut wire: watch::Receiver<Wire>) -> Result<()> {
    let upstream = wire.wait_for(|now| !now.frozen).await?.upstream.clone();
    let mut server = TcpStream::connect(&upstream)
        .await
        .with_context(|| format!("connecting to {upstream}"))?;
    // Packets of the protocol are small, and each waits for an answer.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        pump(from_client, to_server, Way::ToServer, wire.clone()),
        pump(from_server, to_client, Way::ToClient, wire)
    )?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    mut wire: watch::Receiver<Wire>,
) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        wire.wait_for(|now| now.carries(way)).await?;
        if length == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}
