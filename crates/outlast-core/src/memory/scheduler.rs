//! [`Scheduler`] of the cluster in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    error::{Error, ErrorKind, Result},
    guard::Guard,
    ids::{AgentId, Epoch, Incarnation, MigrationId, Server, ServerUuid},
    intent::{Choice, Intent},
    scheduler::{
        Adoption, Ending, Event, Lease, Migration, Owner, Phase, PolicyComponent, Proof, Report, Request, Requests,
        Scheduler, Status, Submission,
    },
    throttle::Limits,
};

use super::{
    cluster::Cluster,
    data::{Data, StoredMigration, TableName, fenced},
    log::{Fence, Part, Write},
    server::Node,
    session::by,
    utc::timestamp,
};

/// Most characters of a message or an event's detail; longer ones are cut.
const MESSAGE_LIMIT: usize = 4000;

/// Migrations beside the data.
pub struct MemoryScheduler {
    cluster: Arc<Cluster>,
}

impl MemoryScheduler {
    /// The scheduler of `cluster`.
    pub fn new(cluster: &Arc<Cluster>) -> Self {
        Self {
            cluster: Arc::clone(cluster),
        }
    }

    /// One transaction under a lease.
    async fn fenced<T>(
        &self,
        lease: &Lease,
        body: impl FnOnce(&mut Node, Duration, StoredMigration) -> Result<(Vec<Write>, T)> + Send,
    ) -> Result<T> {
        let checked = |node: &mut Node, utc| {
            node.check_fence(lease)?;
            let stored = node.data.migration(&lease.migration)?.clone();
            let (mut writes, result) = body(node, utc, stored)?;
            if !writes.is_empty() {
                writes.push(by(lease));
            }
            Ok((writes, result))
        };
        self.cluster.transact(&lease.server, checked).await
    }
}

#[async_trait]
impl Scheduler for MemoryScheduler {
    async fn install(&self, primary: &Server) -> Result<()> {
        self.cluster
            .transact(primary, |node, _| {
                let installed = node.data.installed.contains(&Part::Scheduler);
                Ok((
                    if installed {
                        vec![]
                    } else {
                        vec![Write::Install(Part::Scheduler)]
                    },
                    (),
                ))
            })
            .await
    }

    async fn submit(&self, primary: &Server, submission: &Submission) -> Result<()> {
        self.cluster
            .transact(primary, |node, utc| {
                require_installed(node)?;
                if let Some(stored) = node.data.migrations.get(&submission.id) {
                    if stored.migration.statement == submission.statement {
                        return Ok((vec![], ()));
                    }
                    let message = format!("{} is the id of another migration", submission.id);
                    return Err(Error::new(ErrorKind::Refused, message));
                }
                let table = TableName::new(&submission.schema, &submission.table);
                refuse_second(&node.data, &table, &submission.id)?;
                let migration = queued(submission, utc);
                let event = event(node, utc, &migration, "", "submitted", &submission.statement);
                let stored = StoredMigration {
                    migration,
                    alive_at: utc,
                    number: node.data.migrations.len(),
                    last_adoption: None,
                };
                let mut writes: Vec<Write> = submission.components.iter().cloned().map(Write::Component).collect();
                writes.extend([Write::Migration(Box::new(stored)), event]);
                Ok((writes, ()))
            })
            .await
    }

    async fn list(&self, server: &Server) -> Result<Vec<Migration>> {
        self.cluster
            .query(server, |node, utc| {
                let mut all: Vec<&StoredMigration> = node.data.migrations.values().collect();
                all.sort_by_key(|stored| (stored.number, &stored.migration.submitted_at, &stored.migration.id));
                Ok(all.into_iter().map(|stored| seen(stored, utc)).collect())
            })
            .await
    }

    async fn get(&self, server: &Server, id: &MigrationId) -> Result<Migration> {
        self.cluster
            .query(server, |node, utc| Ok(seen(node.data.migration(id)?, utc)))
            .await
    }

    async fn adopt(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        incarnation: &Incarnation,
    ) -> Result<Lease> {
        self.cluster
            .transact(primary, |node, utc| {
                let mut stored = adoptable(&node.data, id, expected)?;
                // The previous owner's sessions end, and with them its table locks.
                let migration = &stored.migration;
                let tables = [TableName::source(migration), TableName::shadow(migration)];
                node.locks
                    .retain(|lock| !lock.tables.iter().any(|locked| tables.contains(locked)));

                let before = stored.migration.owner.replace(Owner {
                    agent: agent.clone(),
                    incarnation: incarnation.clone(),
                    server: node.server.uuid.clone(),
                });
                let was_running = stored.migration.status == Status::Running;
                if let Some(before) = &before {
                    let moved = before.server != node.server.uuid;
                    stored.migration.failovers += u32::from(moved);
                    stored.migration.retries += u32::from(was_running && !moved && before.incarnation == *incarnation);
                }
                stored.migration.epoch = expected.next();
                stored.migration.status = Status::Running;
                stored.alive_at = utc;
                stored.last_adoption = Some(Adoption {
                    server: node.server.uuid.clone(),
                    executed: node.executed.clone(),
                    binlog_end: String::new(),
                });
                let lease = Lease {
                    migration: id.clone(),
                    epoch: stored.migration.epoch,
                    agent: agent.clone(),
                    incarnation: incarnation.clone(),
                    server: primary.clone(),
                };
                let fence = Fence {
                    epoch: lease.epoch,
                    holder: Some((incarnation.clone(), node.server.uuid.clone())),
                };
                let detail = before.map_or_else(
                    || "first owner".to_owned(),
                    |before| format!("from {} on {}", before.agent, before.server),
                );
                let event = event(node, utc, &stored.migration, agent.as_str(), "adopted", &detail);
                Ok((
                    vec![
                        Write::Fence(id.clone(), fence),
                        Write::Migration(Box::new(stored)),
                        event,
                    ],
                    lease,
                ))
            })
            .await
    }

    async fn last_adoption(&self, server: &Server, id: &MigrationId) -> Result<Option<Adoption>> {
        let ask = |node: &Node, _| Ok(node.data.migration(id)?.last_adoption.clone());
        self.cluster.query(server, ask).await
    }

    async fn beat(&self, lease: &Lease, report: &Report) -> Result<()> {
        self.fenced(lease, |_, utc, mut stored| {
            stored.alive_at = utc;
            stored.migration.rows_copied = report.rows_copied;
            stored.migration.table_rows = report.table_rows;
            stored.migration.eta_seconds = report.eta_seconds;
            stored.migration.message = cut(&report.message);
            Ok((vec![Write::Migration(Box::new(stored))], ()))
        })
        .await
    }

    async fn requests(&self, lease: &Lease) -> Result<Requests> {
        self.cluster
            .query(&lease.server, |node, _| {
                let migration = &node.data.migration(&lease.migration)?.migration;
                if migration.epoch != lease.epoch {
                    let message = format!("migration {} is in epoch {}", lease.migration, migration.epoch);
                    return Err(fenced(message));
                }
                Ok(Requests {
                    complete: migration.complete_requested,
                    cancel: migration.cancel_requested,
                })
            })
            .await
    }

    async fn enter(&self, lease: &Lease, phase: Phase) -> Result<()> {
        self.fenced(lease, |node, utc, mut stored| {
            if stored.migration.phase == phase {
                return Ok((vec![], ()));
            }
            stored.migration.phase = phase;
            stored.alive_at = utc;
            let event = event(
                node,
                utc,
                &stored.migration,
                lease.agent.as_str(),
                "phase",
                phase.name(),
            );
            Ok((vec![Write::Migration(Box::new(stored)), event], ()))
        })
        .await
    }

    async fn choose(&self, lease: &Lease, choice: &Choice) -> Result<()> {
        self.fenced(lease, |node, utc, stored| {
            if node.data.choices.get(&lease.migration) == Some(choice) {
                return Ok((vec![], ()));
            }
            let path = choice.path().name();
            let event = event(node, utc, &stored.migration, lease.agent.as_str(), "path", path);
            let chosen = Write::Chosen(lease.migration.clone(), Box::new(choice.clone()));
            Ok((vec![chosen, event], ()))
        })
        .await
    }

    async fn intent(&self, server: &Server, id: &MigrationId) -> Result<Option<Intent>> {
        self.cluster
            .query(server, |node, _| {
                Ok(match node.data.choices.get(id) {
                    Some(Choice::Direct(intent)) => Some(intent.clone()),
                    Some(Choice::Copy { .. }) | None => None,
                })
            })
            .await
    }

    async fn limits_of(&self, server: &Server, scope: Option<&MigrationId>) -> Result<Limits> {
        self.cluster
            .query(server, |node, _| {
                let stored = node.data.limits.get(&scope.cloned());
                Ok(stored.cloned().unwrap_or_default())
            })
            .await
    }

    async fn set_limits(&self, primary: &Server, scope: Option<&MigrationId>, limits: &Limits) -> Result<()> {
        self.cluster
            .transact(primary, |node, utc| {
                let mut writes = vec![Write::Limits(scope.cloned(), Box::new(limits.clone()))];
                if let Some(id) = scope {
                    let migration = &node.data.migration(id)?.migration;
                    writes.push(event(node, utc, migration, "", "limits", &format!("{limits:?}")));
                }
                Ok((writes, ()))
            })
            .await
    }

    async fn finish(&self, lease: &Lease, ending: Ending, message: &str, proof: Proof<'_>) -> Result<()> {
        let status = match ending {
            Ending::Complete => Status::Complete,
            Ending::Failed => Status::Failed,
            Ending::Cancelled => Status::Cancelled,
        };
        let checked = |node: &mut Node| {
            let stored = node.data.migration(&lease.migration)?.clone();
            let is_mine = |owner: &Owner| owner.incarnation == lease.incarnation && owner.server == lease.server.uuid;
            let migration = &stored.migration;
            let ended_by_me = migration.epoch == lease.epoch.next() && migration.owner.as_ref().is_some_and(is_mine);
            if ended_by_me && migration.status == status {
                return Ok(None);
            }
            node.check_fence(lease)?;
            Ok(Some(stored))
        };
        self.cluster.pause().await;
        let session = self.cluster.connect(&lease.server)?;
        self.cluster.pause().await;
        if self.cluster.in_session(&session, checked)?.is_none() {
            return Ok(());
        }
        proof.await?;
        self.cluster.pause().await;
        self.cluster.commit_in(&session, |node, utc| {
            let writes = match checked(node)? {
                Some(stored) => end(node, utc, stored, status, lease.agent.as_str(), message),
                None => Vec::new(),
            };
            Ok((writes, ()))
        })
    }

    async fn fail_stale(
        &self,
        primary: &Server,
        id: &MigrationId,
        expected: Epoch,
        agent: &AgentId,
        message: &str,
    ) -> Result<()> {
        self.cluster
            .transact(primary, |node, utc| {
                let stored = adoptable(&node.data, id, expected)?;
                Ok((end(node, utc, stored, Status::Failed, agent.as_str(), message), ()))
            })
            .await
    }

    async fn request(&self, primary: &Server, id: &MigrationId, request: Request) -> Result<()> {
        self.cluster
            .transact(primary, |node, utc| {
                let mut stored = node.data.migration(id)?.clone();
                let migration = &mut stored.migration;
                let kind = match (request, migration.status) {
                    (Request::Complete, Status::Queued | Status::Running) => {
                        if std::mem::replace(&mut migration.complete_requested, true) {
                            return Ok((vec![], ()));
                        }
                        "complete requested"
                    }
                    (Request::Cancel, Status::Running) => {
                        if std::mem::replace(&mut migration.cancel_requested, true) {
                            return Ok((vec![], ()));
                        }
                        "cancel requested"
                    }
                    (Request::Cancel, Status::Queued) => {
                        return Ok((
                            end(node, utc, stored, Status::Cancelled, "", "cancelled before it began"),
                            (),
                        ));
                    }
                    (Request::Retry, Status::Failed | Status::Cancelled) => {
                        refuse_second(&node.data, &TableName::source(migration), id)?;
                        migration.status = Status::Queued;
                        migration.cancel_requested = false;
                        migration.retries += 1;
                        migration.message.clear();
                        migration.ended_at = None;
                        stored.alive_at = utc;
                        "retry requested"
                    }
                    // What was asked for is the case already: the earlier reply was lost.
                    (Request::Complete, Status::Complete)
                    | (Request::Cancel, Status::Cancelled)
                    | (Request::Retry, Status::Queued) => return Ok((vec![], ())),
                    (request, status) => {
                        let message = format!("migration {id} is {status}, which {request:?} does not fit");
                        return Err(Error::new(ErrorKind::BadRequest, message));
                    }
                };
                let event = event(node, utc, &stored.migration, "", kind, "");
                Ok((vec![Write::Migration(Box::new(stored)), event], ()))
            })
            .await
    }

    async fn note(&self, primary: &Server, id: &MigrationId, agent: &AgentId, kind: &str, detail: &str) -> Result<()> {
        self.cluster
            .transact(primary, |node, utc| {
                let migration = &node.data.migration(id)?.migration;
                Ok((vec![event(node, utc, migration, agent.as_str(), kind, detail)], ()))
            })
            .await
    }

    async fn events(&self, server: &Server, id: &MigrationId) -> Result<Vec<Event>> {
        self.cluster
            .query(server, |node, _| {
                let events = node.data.events.iter().filter(|(of, _)| of == id);
                Ok(events.map(|(_, event)| event.clone()).collect())
            })
            .await
    }

    async fn component(&self, server: &Server, digest: &str) -> Result<PolicyComponent> {
        self.cluster
            .query(server, |node, _| {
                node.data
                    .components
                    .get(digest)
                    .cloned()
                    .ok_or_else(|| Error::new(ErrorKind::BadRequest, format!("no policy component {digest} is stored")))
            })
            .await
    }
}

fn require_installed(node: &Node) -> Result<()> {
    if node.data.installed.contains(&Part::Scheduler) {
        return Ok(());
    }
    let message = format!("no scheduler is installed on {}", node.server);
    Err(Error::new(ErrorKind::Unknown, message).with_code(1146))
}

fn refuse_second(data: &Data, table: &TableName, id: &MigrationId) -> Result<()> {
    let unfinished = |stored: &&StoredMigration| !stored.migration.status.is_final() && stored.migration.id != *id;
    let mut others = data.migrations.values().filter(unfinished);
    match others.find(|stored| TableName::source(&stored.migration) == *table) {
        None => Ok(()),
        Some(other) => {
            let other = &other.migration.id;
            let message = format!("migration {other} of {table} is unfinished; wait for it, or cancel it");
            Err(Error::new(ErrorKind::Refused, message))
        }
    }
}

/// The migration, if its epoch is still `expected` and it is not over: the compare of the compare-and-swap.
fn adoptable(data: &Data, id: &MigrationId, expected: Epoch) -> Result<StoredMigration> {
    let stored = data.migration(id)?;
    let Migration { epoch, status, .. } = stored.migration;
    if (epoch == expected || !Guard::AdoptEpoch.holds()) && !status.is_final() {
        return Ok(stored.clone());
    }
    let message = format!("migration {id} is {status} in epoch {epoch}, not unfinished in epoch {expected}");
    Err(fenced(message))
}

/// Everything that ends a migration, and the lease of its owner.
fn end(node: &Node, utc: Duration, mut stored: StoredMigration, status: Status, agent: &str, text: &str) -> Vec<Write> {
    let migration = &mut stored.migration;
    migration.epoch = migration.epoch.next();
    migration.status = status;
    migration.message = cut(text);
    migration.ended_at = Some(timestamp(utc));
    let fence = Fence {
        epoch: migration.epoch,
        holder: None,
    };
    let event = event(node, utc, migration, agent, status.name(), text);
    vec![
        Write::Fence(migration.id.clone(), fence),
        Write::Migration(Box::new(stored)),
        event,
    ]
}

fn queued(submission: &Submission, utc: Duration) -> Migration {
    Migration {
        id: submission.id.clone(),
        statement: submission.statement.clone(),
        schema: submission.schema.clone(),
        table: submission.table.clone(),
        options: submission.options.clone(),
        status: Status::Queued,
        phase: Phase::Preparing,
        path: None,
        owner: None,
        epoch: Epoch::default(),
        failovers: 0,
        retries: 0,
        liveness_age: Duration::ZERO,
        complete_requested: !submission.options.postpone_completion,
        cancel_requested: false,
        message: String::new(),
        rows_copied: 0,
        table_rows: 0,
        eta_seconds: None,
        submitted_at: timestamp(utc),
        ended_at: None,
    }
}

fn seen(stored: &StoredMigration, utc: Duration) -> Migration {
    let mut migration = stored.migration.clone();
    // Something passes between two statements; zero is the future.
    let age = utc.checked_sub(stored.alive_at);
    migration.liveness_age = age.map_or(Duration::ZERO, |age| age.max(Duration::from_micros(1)));
    migration
}

fn event(node: &Node, utc: Duration, migration: &Migration, agent: &str, kind: &str, detail: &str) -> Write {
    let event = Event {
        at: timestamp(utc),
        epoch: migration.epoch,
        agent: agent.to_owned(),
        server: ServerUuid::clone(&node.server.uuid),
        kind: cut(kind),
        detail: cut(detail),
    };
    Write::Event(migration.id.clone(), event)
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_LIMIT).collect()
}
