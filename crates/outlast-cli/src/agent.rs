//! `outlast agent`, and what `run` shares with it.

use std::{process::ExitCode, sync::Arc, time::Duration};

use outlast_core::{Agent, AgentId};
use tokio_util::sync::CancellationToken;

use crate::{
    announcing::Announcing,
    cli::AgentOptions,
    cluster::Cluster,
    exit::{COMPLETE, Failure},
    hooks::Hooks,
    policies,
};

/// An agent on the cluster, and the hooks that it tells what has happened.
pub(crate) fn build(cluster: &Cluster, options: &AgentOptions) -> Result<(Agent, Option<Arc<Hooks>>), Failure> {
    let liveness = Duration::from_millis(options.liveness_interval.max(100));
    let mut parts = cluster.parts(policies::defaults(), liveness);
    let mut hooks = None;
    if let Some(folder) = &options.hooks {
        let limit = Duration::from_millis(options.hook_timeout.max(1));
        let scheduler = Arc::clone(&parts.services.scheduler);
        let started = Hooks::start(folder.clone(), limit, Arc::clone(&scheduler))?;
        hooks = Some(Arc::clone(&started));
        parts.services.scheduler = Arc::new(Announcing {
            scheduler,
            hooks: started,
        });
    }
    let agent = Agent::new(parts, AgentId::new(options.agent.clone().unwrap_or_else(default_name)));
    Ok((agent, hooks))
}

fn default_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "agent",
        host => host,
    };
    format!("{host}/{}", std::process::id())
}

/// A token that SIGINT or SIGTERM cancels. A second signal ends the process at once.
pub(crate) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        cancelled.cancel();
        wait_for_signal().await;
        #[expect(clippy::disallowed_methods, reason = "the user insists; what is committed is safe")]
        std::process::exit(i32::from(crate::exit::STOPPED));
    });
    stop
}

/// Until somebody wants this process to end.
pub(crate) async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// `outlast agent`.
pub(crate) async fn serve(cluster: Cluster, options: AgentOptions) -> Result<ExitCode, Failure> {
    let (agent, hooks) = build(&cluster, &options)?;
    let stop = stop_on_signal();
    tracing::info!("agent started");
    agent.run(stop).await;
    cluster.finish().await;
    if let Some(hooks) = hooks {
        hooks.finish(wait_for_signal()).await;
    }
    tracing::info!("agent stopped; what it had committed is what the next owner goes on from");
    Ok(ExitCode::from(COMPLETE))
}
