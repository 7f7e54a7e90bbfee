//! Hooks: executables that are run when something has happened to a migration.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outlast_core::{Epoch, Migration, MigrationId, Scheduler, Server};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
};

use crate::exit::Failure;

/// Events that wait for the hooks of earlier ones; further ones are passed over, with a line in the log.
const MOST_WAITING: usize = 1000;
/// How long a process that ends waits for hooks besides the one that runs.
const LAST_HOOKS: Duration = Duration::from_secs(5);

/// What hooks hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An agent has taken on a migration that was nobody's yet.
    Started,
    /// An agent has taken over a migration from another one, or on another server.
    Adopted,
    /// All rows are copied, and changes are applied as they come: it waits for its completion, or completes at once.
    Ready,
    Complete,
    Failed,
    Cancelled,
    /// Marked failed by an agent that found it without an owner for too long, or where it can't go on.
    Stale,
}

impl Event {
    pub(crate) const ALL: [Self; 7] = [
        Self::Started,
        Self::Adopted,
        Self::Ready,
        Self::Complete,
        Self::Failed,
        Self::Cancelled,
        Self::Stale,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Adopted => "adopted",
            Self::Ready => "ready",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stale => "stale",
        }
    }
}

/// Something that has happened.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) event: Event,
    pub(crate) migration: MigrationId,
    /// The epoch in which it has.
    pub(crate) epoch: Epoch,
    pub(crate) primary: Server,
}

/// The hooks of a folder, run one after the other in the background: whatever they do, no migration waits for them.
pub(crate) struct Hooks {
    queue: Mutex<Option<mpsc::Sender<Happened>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    limit: Duration,
}

impl Hooks {
    /// Hooks in a folder, each of which gets so long. Facts are read from `scheduler`.
    pub(crate) fn start(folder: PathBuf, limit: Duration, scheduler: Arc<dyn Scheduler>) -> Result<Arc<Self>, Failure> {
        check(&folder)?;
        let (queue, mut waiting) = mpsc::channel::<Happened>(MOST_WAITING);
        let worker = tokio::spawn(async move {
            while let Some(happened) = waiting.recv().await {
                // Facts may be gone with the server; the event is not.
                let facts = scheduler.get(&happened.primary, &happened.migration).await.ok();
                for hook in of_event(&folder, happened.event) {
                    run(&hook, &happened, facts.as_ref(), limit).await;
                }
            }
        });
        Ok(Arc::new(Self {
            queue: Mutex::new(Some(queue)),
            worker: Mutex::new(Some(worker)),
            limit,
        }))
    }

    /// Has the hooks of an event run. Returns at once.
    pub(crate) fn tell(&self, happened: Happened) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else {
            return;
        };
        if let Err(error) = queue.try_send(happened) {
            tracing::warn!(%error, "hooks are too slow: an event is passed over");
        }
    }

    /// To be called at the end of the process: waits for the hooks of what has happened.
    pub(crate) async fn finish(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && tokio::time::timeout(self.limit + LAST_HOOKS, worker).await.is_err()
        {
            tracing::warn!("some hooks were not run before the end of this process");
        }
    }
}

/// Refuses a folder in which no hook would ever be run.
pub(crate) fn check(folder: &Path) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::usage(format!(
            "the folder of hooks {} can't be read: {error}",
            folder.display()
        ))
    })?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("on-") {
            continue;
        }
        if !Event::ALL.iter().any(|event| is_for(&name, *event)) {
            let names: Vec<String> = Event::ALL.iter().map(|event| format!("on-{}", event.name())).collect();
            return Err(Failure::usage(format!(
                "hook {name} in {} is for no event; hooks are named {}, or so with -ANYTHING behind",
                folder.display(),
                names.join(", ")
            )));
        }
        if !is_executable(&entry.path()) {
            return Err(Failure::usage(format!(
                "hook {} can't be executed; run chmod +x on it",
                entry.path().display()
            )));
        }
    }
    Ok(())
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// `on-EVENT`, or that with `-ANYTHING` behind.
fn is_for(name: &str, event: Event) -> bool {
    let rest = name
        .strip_prefix("on-")
        .and_then(|rest| rest.strip_prefix(event.name()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// In the order of their names. Read each time, so that hooks can be changed while an agent runs.
fn of_event(folder: &Path, event: Event) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        tracing::warn!(folder = %folder.display(), "the folder of hooks can't be read any more");
        return Vec::new();
    };
    let mut hooks: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| is_for(&entry.file_name().to_string_lossy(), event))
        .map(|entry| entry.path())
        .filter(|path| is_executable(path))
        .collect();
    hooks.sort();
    hooks
}

/// Runs one hook to its end, or to the end of its time. Whatever comes of it is logged.
async fn run(hook: &Path, happened: &Happened, facts: Option<&Migration>, limit: Duration) {
    let shown = hook.display();
    let spawned = Command::new(hook)
        .envs(environment(happened, facts))
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return tracing::warn!(hook = %shown, %error, "a hook can't be started"),
    };
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => tracing::info!(hook = %shown, "a hook was run"),
        Ok(Ok(status)) => tracing::warn!(hook = %shown, %status, "a hook has failed"),
        Ok(Err(error)) => tracing::warn!(hook = %shown, %error, "a hook can't be waited for"),
        Err(_) => {
            tracing::warn!(hook = %shown, "a hook is killed: it takes longer than {limit:?}");
            kill(&mut child).await;
        }
    }
}

/// With all that it has started.
async fn kill(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group
        && let Err(error) = kill_process_group(group, Signal::KILL)
    {
        tracing::debug!(%error, "a hook's processes are gone already");
    }
    if let Err(error) = child.wait().await {
        tracing::debug!(%error, "a killed hook can't be waited for");
    }
}

fn environment(happened: &Happened, facts: Option<&Migration>) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("OUTLAST_EVENT", happened.event.name().to_owned()),
        ("OUTLAST_MIGRATION", happened.migration.to_string()),
        ("OUTLAST_EPOCH", happened.epoch.to_string()),
        ("OUTLAST_PRIMARY", happened.primary.address.clone()),
    ];
    if let Some(migration) = facts {
        all.extend([
            ("OUTLAST_STATEMENT", migration.statement.clone()),
            ("OUTLAST_SCHEMA", migration.schema.clone()),
            ("OUTLAST_TABLE", migration.table.clone()),
            ("OUTLAST_STATUS", migration.status.to_string()),
            ("OUTLAST_PHASE", migration.phase.to_string()),
            ("OUTLAST_ROWS_COPIED", migration.rows_copied.to_string()),
            ("OUTLAST_TABLE_ROWS", migration.table_rows.to_string()),
            ("OUTLAST_FAILOVERS", migration.failovers.to_string()),
            ("OUTLAST_RETRIES", migration.retries.to_string()),
            ("OUTLAST_MESSAGE", migration.message.clone()),
        ]);
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_named_for_its_event() {
        assert!(is_for("on-ready", Event::Ready) && is_for("on-ready-page", Event::Ready));
        assert!(!is_for("on-readyness", Event::Ready) && !is_for("ready", Event::Ready));
        assert!(!is_for("on-ready", Event::Complete));
    }

    #[test]
    fn a_folder_with_a_hook_that_would_never_run_is_refused() {
        let folder = std::env::temp_dir().join(format!("outlast-hooks-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("README"), "").unwrap();
        assert!(check(&folder).is_ok());
        for (name, mode) in [("on-redy", 0o755), ("on-ready", 0o644)] {
            let hook = folder.join(name);
            std::fs::write(&hook, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&hook, PermissionsExt::from_mode(mode)).unwrap();
            assert!(check(&folder).is_err(), "{name}");
            std::fs::remove_file(&hook).unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(check(&folder).is_err());
    }
}
