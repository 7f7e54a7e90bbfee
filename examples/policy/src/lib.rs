//! A policy that leaves adoption to chosen agents, and is patient about outages that all of them shared.
//!
//! ```sh
//! cargo build --release --target wasm32-unknown-unknown
//! wasm-tools component new target/wasm32-unknown-unknown/release/night_shift.wasm -o night-shift.wasm
//! outlast submit --policy-adoption night-shift.wasm --policy-staleness night-shift.wasm \
//!     --policy-param agents=dc1- "ALTER TABLE shop.orders ADD COLUMN note TEXT"
//! ```

wit_bindgen::generate!({
    inline: "
        package night:shift;
        world policy {
            export outlast:policy/adoption@0.1.0;
            export outlast:policy/staleness@0.1.0;
        }
    ",
    path: "../../policies/wit/0.1.0",
    world: "night:shift/policy",
});

use exports::outlast::policy::{adoption, staleness};

/// Silence after which another agent takes over, in milliseconds.
const SILENCE_MS: u64 = 15_000;
/// Silence after which a migration is stale, in milliseconds, outages not counted.
const CUTOFF_MS: u64 = 600_000;

struct NightShift;

export!(NightShift);

impl adoption::Guest for NightShift {
    /// Only agents whose name begins like the parameter `agents` adopt what another one ran.
    fn adopt(view: adoption::AdoptionView) -> adoption::AdoptionVerdict {
        use adoption::AdoptionVerdict::{Adopt, Decline, Wait};
        let mut params = view.params.iter().rev();
        let agents = params.find(|param| param.name == "agents");
        if let Some(agents) = agents
            && !view.agent.starts_with(&agents.value)
        {
            return Decline(format!("only agents named {}… adopt this migration", agents.value));
        }
        if view.owned_by_this_agent || view.server_changed || view.liveness_age_ms >= SILENCE_MS {
            return Adopt;
        }
        Wait(1_000)
    }
}

impl staleness::Guest for NightShift {
    /// While no primary was seen, nobody could give a sign of life.
    fn cutoff(view: staleness::LivenessView) -> u64 {
        CUTOFF_MS + view.outage_ms.unwrap_or(0)
    }
}
