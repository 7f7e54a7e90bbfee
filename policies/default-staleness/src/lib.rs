//! The default staleness policy: ten minutes, or what the parameter `cutoff` says.

wit_bindgen::generate!({ world: "staleness-policy", path: "../wit/0.1.0" });

use exports::outlast::policy::staleness::{Guest, LivenessView};

/// The default of parameter `cutoff`.
const CUTOFF_MS: u64 = 600_000;

struct DefaultStaleness;

export!(DefaultStaleness);

impl Guest for DefaultStaleness {
    fn cutoff(view: LivenessView) -> u64 {
        let param = view.params.iter().rev().find(|param| param.name == "cutoff");
        param.and_then(|param| duration_ms(&param.value)).unwrap_or(CUTOFF_MS)
    }
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
