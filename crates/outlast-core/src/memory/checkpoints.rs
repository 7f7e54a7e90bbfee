//! [`CheckpointStore`] of the cluster in memory.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    checkpoint::{Checkpoint, CheckpointStore, Progress, Recorded, Transaction},
    error::{Error, ErrorKind, Result},
    ids::{MigrationId, Server},
    key::KeyRange,
};

use super::{
    cluster::Cluster,
    log::{Part, Write},
    server::Node,
    session::MemoryTransaction,
};

/// Checkpoints beside the data.
pub struct MemoryCheckpoints {
    cluster: Arc<Cluster>,
}

impl MemoryCheckpoints {
    /// The checkpoints of `cluster`.
    pub fn new(cluster: &Arc<Cluster>) -> Self {
        Self {
            cluster: Arc::clone(cluster),
        }
    }
}

#[async_trait]
impl CheckpointStore for MemoryCheckpoints {
    async fn install(&self, primary: &Server) -> Result<()> {
        self.cluster
            .transact(primary, |node, _| {
                let installed = node.data.installed.contains(&Part::Checkpoints);
                Ok((
                    if installed {
                        vec![]
                    } else {
                        vec![Write::Install(Part::Checkpoints)]
                    },
                    (),
                ))
            })
            .await
    }

    async fn load(&self, server: &Server, id: &MigrationId) -> Result<Option<Checkpoint>> {
        let read = |node: &Node| node.data.checkpoints.get(id).map(|stored| stored.checkpoint());
        let loaded = self.cluster.query(server, |node, _| Ok(read(node))).await?;
        self.cluster.memory.loaded(loaded.as_ref());
        Ok(loaded)
    }

    async fn record(&self, transaction: &mut dyn Transaction, progress: Progress<'_>) -> Result<Recorded> {
        let transaction = downcast(transaction)?;
        let id = transaction.lease().migration.clone();
        self.cluster.pause().await;
        let stored = transaction.read(|node| {
            if !node.data.installed.contains(&Part::Checkpoints) {
                let message = format!("no checkpoints are installed on {}", node.server);
                return Err(Error::new(ErrorKind::Unknown, message).with_code(1146));
            }
            Ok(node.data.checkpoints.get(&id).map(|stored| stored.checkpoint()))
        })?;
        transaction.push(match (progress, stored) {
            (Progress::Begin { position }, _) => {
                let begun = Checkpoint {
                    position: position.clone(),
                    ..Checkpoint::default()
                };
                Write::Begun(id, Box::new(begun))
            }
            (_, None) => {
                let message = format!("progress of migration {id}, whose beginning is not recorded");
                return Err(Error::new(ErrorKind::Inconsistent, message));
            }
            (Progress::Copied(chunk), _) => Write::Chunk(id, chunk.clone()),
            (Progress::Applied { applier, position }, _) => Write::Applied {
                id,
                applier,
                position: position.clone(),
            },
            (Progress::Advanced { position }, _) => Write::Advanced {
                id,
                position: position.clone(),
            },
            (Progress::Folded { upto, chunks }, Some(stored)) => {
                // Chunks that an earlier call has folded are counted already.
                let fresh = chunks.iter().filter(|chunk| stored.chunks.contains(chunk));
                Write::Folded {
                    id,
                    range: KeyRange {
                        after: None,
                        upto: upto.cloned(),
                    },
                    rows: stored.folded_rows + fresh.map(|chunk| chunk.rows).sum::<u64>(),
                    chunks: chunks.to_vec(),
                }
            }
        });
        Ok(Recorded::within(transaction))
    }

    async fn forget(&self, primary: &Server, id: &MigrationId) -> Result<()> {
        self.cluster
            .transact(primary, |node, _| {
                let known = node.data.checkpoints.contains_key(id);
                Ok((
                    if known {
                        vec![Write::Forgotten(id.clone())]
                    } else {
                        vec![]
                    },
                    (),
                ))
            })
            .await
    }
}

fn downcast(transaction: &mut dyn Transaction) -> Result<&mut MemoryTransaction> {
    let message = "a transaction of another backend family can't hold progress in memory";
    let found = transaction.as_any_mut().downcast_mut::<MemoryTransaction>();
    found.ok_or_else(|| Error::new(ErrorKind::Inconsistent, message))
}
