//! The default adoption policy.
//!
//! The owner's own agent adopts at once. After a promotion another agent waits until the stream's liveness is `adopt_grace`
//! (3 s) old; on the same primary, until it is `takeover_after` (15 s) old.

wit_bindgen::generate!({ world: "adoption-policy", path: "../wit/0.1.0" });

use exports::outlast::policy::adoption::{AdoptionVerdict, AdoptionView, Guest};
use outlast::policy::types::Param;

/// How long a promotion is left to the previous owner's own agent: the default of parameter `adopt_grace`.
const ADOPT_GRACE_MS: u64 = 3_000;
/// How long an owner on the very same primary may be silent: the default of parameter `takeover_after`.
const TAKEOVER_AFTER_MS: u64 = 15_000;
/// The shortest wait between two looks at another owner's stream.
const MIN_RECHECK_MS: u64 = 50;
/// The longest wait between two looks at a promoted server.
const PROMOTED_RECHECK_MS: u64 = 500;
/// The longest wait between two looks at an owner on the same primary.
const SAME_SERVER_RECHECK_MS: u64 = 1_000;

struct DefaultAdoption;

export!(DefaultAdoption);

impl Guest for DefaultAdoption {
    fn adopt(view: AdoptionView) -> AdoptionVerdict {
        if view.owned_by_this_agent {
            return AdoptionVerdict::Adopt;
        }
        let (silence_ms, recheck_ms) = if view.server_changed {
            (
                duration(&view.params, "adopt_grace", ADOPT_GRACE_MS),
                PROMOTED_RECHECK_MS,
            )
        } else {
            (
                duration(&view.params, "takeover_after", TAKEOVER_AFTER_MS),
                SAME_SERVER_RECHECK_MS,
            )
        };
        match silence_ms.saturating_sub(view.liveness_age_ms) {
            0 => AdoptionVerdict::Adopt,
            remaining => AdoptionVerdict::Wait(remaining.clamp(MIN_RECHECK_MS, recheck_ms)),
        }
    }
}

/// The last parameter of this name as a duration, or the default if there is none that can be read.
fn duration(params: &[Param], name: &str, default_ms: u64) -> u64 {
    let param = params.iter().rev().find(|param| param.name == name);
    param.and_then(|param| duration_ms(&param.value)).unwrap_or(default_ms)
}

/// Reads durations such as `250ms`, `90s`, `10m`; `None` for anything else.
fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}
