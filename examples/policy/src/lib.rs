//! A policy that leaves the adoption of a migration to chosen agents: those in the primary's own data centre, say.
//!
//! ```sh
//! cargo build --release --target wasm32-unknown-unknown
//! wasm-tools component new target/wasm32-unknown-unknown/release/chosen_agents.wasm -o chosen-agents.wasm
//! outlast submit --policy-adoption chosen-agents.wasm --policy-param agents=dc1- \
//!     "ALTER TABLE shop.orders ADD COLUMN note TEXT"
//! ```

wit_bindgen::generate!({ world: "adoption-policy", path: "../../policies/wit/0.1.0" });

use exports::outlast::policy::adoption::{AdoptionVerdict, AdoptionView, Guest};

/// Silence after which another agent takes over on the same primary, in milliseconds.
const SILENCE_MS: u64 = 15_000;
/// Time between two questions, in milliseconds.
const RECHECK_MS: u64 = 1_000;

struct ChosenAgents;

export!(ChosenAgents);

impl Guest for ChosenAgents {
    /// Only agents whose name begins like the parameter `agents` adopt what another one ran.
    fn adopt(view: AdoptionView) -> AdoptionVerdict {
        let agents = view.params.iter().rev().find(|param| param.name == "agents");
        if let Some(agents) = agents
            && !view.agent.starts_with(&agents.value)
        {
            return AdoptionVerdict::Decline(format!("only agents named {}… adopt this migration", agents.value));
        }
        if view.owned_by_this_agent || view.server_changed || view.liveness_age_ms >= SILENCE_MS {
            AdoptionVerdict::Adopt
        } else {
            AdoptionVerdict::Wait(RECHECK_MS)
        }
    }
}
