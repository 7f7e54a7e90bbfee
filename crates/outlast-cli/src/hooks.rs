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
/// Most bytes of a value in a hook's environment, of which the system takes no more than 128 KiB.
const MOST_BYTES: usize = 64 << 10;
/// What a hook is not given although the agent has it: it may tell others all that it has.
const KEPT_BACK: [&str; 2] = ["OUTLAST_PASSWORD", "OUTLAST_HOOKS"];

/// What hooks hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An agent has taken on a migration that was nobody's yet.
    Started,
    /// An agent has taken over a migration from another one, on another server, or after a retry.
    Adopted,
    /// It waits for `outlast complete`. One whose completion is not postponed does not.
    Ready,
    Complete,
    Failed,
    Cancelled,
    /// Marked failed by an agent that found it without an owner for too long.
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
        }))
    }

    /// Has the hooks of an event run. Returns at once.
    pub(crate) fn tell(&self, happened: Happened) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else {
            return;
        };
        let (event, migration) = (happened.event.name(), happened.migration.clone());
        if let Err(error) = queue.try_send(happened) {
            tracing::warn!(event, %migration, %error, "hooks are too slow: an event is passed over");
        }
    }

    /// To be called at the end of the process: waits for the hooks of all that has happened, unless `enough` comes first.
    pub(crate) async fn finish(&self, enough: impl Future<Output = ()>) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(mut worker) = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        tokio::select! {
            _ = &mut worker => {}
            () = enough => {
                tracing::warn!("hooks that have not ended are killed; others are not run");
                worker.abort();
                // Its end kills the one that runs.
                let _ = worker.await;
            }
        }
    }
}

/// Refuses a folder without hooks, and one with hooks that would never be run.
pub(crate) fn check(folder: &Path) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::usage(format!(
            "the folder of hooks {} can't be read: {error}",
            folder.display()
        ))
    })?;
    let names: Vec<String> = Event::ALL.iter().map(|event| format!("on-{}", event.name())).collect();
    let mut count = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("on-") {
            continue;
        }
        count += 1;
        if !Event::ALL.iter().any(|event| is_for(&name, *event)) {
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
    match count {
        0 => Err(Failure::usage(format!(
            "there is no hook in {}; hooks are named {}",
            folder.display(),
            names.join(", ")
        ))),
        _ => Ok(()),
    }
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
    let mut command = Command::new(hook);
    for name in KEPT_BACK {
        command.env_remove(name);
    }
    let spawned = command
        .envs(environment(happened, facts))
        .stdin(Stdio::null())
        // On stdout, there may be events for a program.
        .stdout(std::io::stderr())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return tracing::warn!(hook = %shown, %error, "a hook can't be started"),
    };
    let group = Group::of(&child);
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(ended) => {
            group.let_go();
            match ended {
                Ok(status) if status.success() => tracing::info!(hook = %shown, "a hook was run"),
                Ok(status) => tracing::warn!(hook = %shown, %status, "a hook has failed"),
                Err(error) => tracing::warn!(hook = %shown, %error, "a hook can't be waited for"),
            }
        }
        Err(_) => {
            tracing::warn!(hook = %shown, "a hook is killed: it takes longer than {limit:?}");
            drop(group);
            if let Err(error) = child.wait().await {
                tracing::debug!(%error, "a killed hook can't be waited for");
            }
        }
    }
}

/// The processes of a hook, which are killed when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// The hook has ended by itself; what it has left running is its own matter.
    fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a hook's processes are gone already");
        }
    }
}

/// What hooks find in their environment.
const FACTS: [&str; 14] = [
    "OUTLAST_EVENT",
    "OUTLAST_MIGRATION",
    "OUTLAST_EPOCH",
    "OUTLAST_PRIMARY",
    "OUTLAST_STATEMENT",
    "OUTLAST_SCHEMA",
    "OUTLAST_TABLE",
    "OUTLAST_STATUS",
    "OUTLAST_PHASE",
    "OUTLAST_ROWS_COPIED",
    "OUTLAST_TABLE_ROWS",
    "OUTLAST_FAILOVERS",
    "OUTLAST_RETRIES",
    "OUTLAST_MESSAGE",
];

/// The facts in their order; empty where they can't be read, because the server is gone again.
fn environment(happened: &Happened, facts: Option<&Migration>) -> impl Iterator<Item = (&'static str, String)> {
    let of = |fact: fn(&Migration) -> String| facts.map(fact).unwrap_or_default();
    let values = [
        happened.event.name().to_owned(),
        happened.migration.to_string(),
        happened.epoch.to_string(),
        happened.primary.address.clone(),
        of(|m| m.statement.clone()),
        of(|m| m.schema.clone()),
        of(|m| m.table.clone()),
        of(|m| m.status.to_string()),
        of(|m| m.phase.to_string()),
        of(|m| m.rows_copied.to_string()),
        of(|m| m.table_rows.to_string()),
        of(|m| m.failovers.to_string()),
        of(|m| m.retries.to_string()),
        of(|m| m.message.clone()),
    ];
    FACTS.into_iter().zip(values.map(short))
}

fn short(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MOST_BYTES));
    text
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
    fn a_long_value_is_cut_where_a_character_ends() {
        let long = "ä".repeat(MOST_BYTES);
        assert_eq!(short(long).len(), MOST_BYTES);
        assert_eq!(short("ä".to_owned()), "ä");
    }

    #[test]
    fn a_folder_with_a_hook_that_would_never_run_is_refused() {
        let folder = std::env::temp_dir().join(format!("outlast-hooks-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("README"), "").unwrap();
        assert!(check(&folder).is_err(), "it has no hook");
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
