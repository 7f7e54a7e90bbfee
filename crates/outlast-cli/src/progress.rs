//! Shows a migration's progress while it runs: a bar on a terminal, a line now and then elsewhere, or JSON events.

use std::{
    io::IsTerminal,
    sync::PoisonError,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use outlast_core::{Migration, MigrationId, agent::Snapshots, engine::Snapshot};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    cli::Format,
    cluster::Cluster,
    display::{age, count, share},
};

/// Between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Between two looks at the stored migration.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// A running display.
pub(crate) struct Progress {
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<Migration>>,
}

impl Progress {
    /// Starts to show `id`: what the agent's own run says if there is one, else what is stored.
    pub(crate) fn start(cluster: Cluster, id: MigrationId, snapshots: Snapshots, format: Format) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(show(cluster, id, snapshots, format, stopped));
        Self { stop, task }
    }

    /// Ends the display; returns the migration as it was stored last.
    pub(crate) async fn finish(self) -> Option<Migration> {
        // The receiver lives in the task, which ends by this.
        let _ = self.stop.send(true);
        self.task.await.ok().flatten()
    }
}

async fn show(
    cluster: Cluster,
    id: MigrationId,
    snapshots: Snapshots,
    format: Format,
    mut stopped: watch::Receiver<bool>,
) -> Option<Migration> {
    let mut screen = Screen::new(&id, format);
    let mut stored: Option<Migration> = None;
    loop {
        let last = *stopped.borrow();
        let situation = match cluster.find(id.as_str()).await {
            Ok(found) => {
                stored = Some(found.migration);
                found.situation
            }
            Err(error) => error.to_string(),
        };
        if last {
            screen.close();
            return stored;
        }
        let snapshot = snapshots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(stored) = &stored {
            screen.show(stored, snapshot.as_ref(), &situation);
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
}

enum Screen {
    Bar(ProgressBar),
    Lines { last: Option<Instant>, phase: String },
    Json,
}

impl Screen {
    fn new(id: &MigrationId, format: Format) -> Self {
        if format == Format::Json {
            return Self::Json;
        }
        if !std::io::stderr().is_terminal() {
            eprintln!("migration {id}");
            return Self::Lines {
                last: None,
                phase: String::new(),
            };
        }
        let bar = ProgressBar::new(1000);
        let style = ProgressStyle::with_template("{prefix:<12} [{bar:32}] {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.println(format!("migration {id}"));
        Self::Bar(bar)
    }

    fn show(&mut self, stored: &Migration, run: Option<&Snapshot>, situation: &str) {
        let (phase, rows, total) = match run {
            Some(run) => (run.phase, run.rows_copied, run.table_rows),
            None => (stored.phase, stored.rows_copied, stored.table_rows),
        };
        let eta = run.map_or(stored.eta_seconds, |run| run.eta_seconds);
        let rate = run.map_or(0.0, |run| run.rows_per_second);
        let message = match (situation, run) {
            ("", Some(run)) => run.message.as_str(),
            ("", None) => stored.message.as_str(),
            (situation, _) => situation,
        };
        let text = || {
            let owner = stored
                .owner
                .as_ref()
                .map_or("nobody yet".to_owned(), |o| o.agent.to_string());
            let mut text = format!(
                "{} / {} rows  {}/s  ETA {}  owner {owner}, epoch {}, {} failovers",
                count(rows),
                count(total.max(rows)),
                count(rate as u64),
                eta.map_or("-".to_owned(), |s| age(Duration::from_secs(s))),
                stored.epoch,
                stored.failovers
            );
            if !message.is_empty() {
                text.push_str("  ");
                text.push_str(&message.chars().take(200).collect::<String>());
            }
            text
        };
        match self {
            Self::Bar(bar) => {
                bar.set_prefix(phase.name());
                bar.set_position((share(rows, total) * 1000.0) as u64);
                bar.set_message(text());
            }
            Self::Lines { last, phase: shown } => {
                if shown != phase.name() || last.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
                    phase.name().clone_into(shown);
                    *last = Some(Instant::now());
                    eprintln!("{phase}  {}", text());
                }
            }
            Self::Json => println!(
                "{}",
                json!({ "event": "progress", "migration": stored.id, "status": stored.status, "phase": phase,
                        "rows_copied": rows, "table_rows": total, "rows_per_second": rate, "eta_seconds": eta,
                        "epoch": stored.epoch, "failovers": stored.failovers, "message": message })
            ),
        }
    }

    fn close(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
