//! The default retry policy.
//!
//! 100 to 500 ms if the server went away; else a random delay whose upper bound triples from 600 ms to 30 s (2 s after a lock
//! wait outside of the cut-over). Only an error of kind `unknown` gives up, after `max_attempts` (30).

wit_bindgen::generate!({ world: "retry-policy", path: "../wit/0.1.0" });

use exports::outlast::policy::retry::{FailureView, Guest, RetryVerdict};

/// The shortest delay after an ordinary failure.
const BACKOFF_BASE_MS: u64 = 200;
/// The longest delay after an ordinary failure.
const BACKOFF_CAP_MS: u64 = 30_000;
/// The longest delay after a lock wait or a deadlock outside of the cut-over: changes pile up meanwhile.
const PASSING_CAP_MS: u64 = 2_000;
/// Delays after the server went away: a promotion should be noticed at once.
const SERVER_GONE_MS: (u64, u64) = (100, 500);
/// Attempts at something that failed for an unknown reason: the default of parameter `max_attempts`.
const MAX_ATTEMPTS: u64 = 30;

struct DefaultRetry;

export!(DefaultRetry);

impl Guest for DefaultRetry {
    fn backoff(view: FailureView) -> RetryVerdict {
        if view.kind == "unknown" {
            let param = view.params.iter().rev().find(|param| param.name == "max_attempts");
            let max = param.and_then(|param| param.value.parse().ok()).unwrap_or(MAX_ATTEMPTS);
            if u64::from(view.attempts) >= max {
                return RetryVerdict::GiveUp(format!("failed {} times in a row for an unknown reason", view.attempts));
            }
        }
        let (low, high) = if view.kind == "server-gone" {
            SERVER_GONE_MS
        } else {
            let piles_up = matches!(view.kind.as_str(), "passing" | "duplicate") && view.phase != "cutting-over";
            let cap = if piles_up { PASSING_CAP_MS } else { BACKOFF_CAP_MS };
            let ceiling = 3_u64
                .saturating_pow(view.attempts.max(1))
                .saturating_mul(BACKOFF_BASE_MS);
            (BACKOFF_BASE_MS, ceiling.min(cap))
        };
        // From the seed, so that migrations that failed together don't return together.
        RetryVerdict::After(low + mix(view.seed ^ u64::from(view.attempts)) % (high - low + 1))
    }
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of the seed.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
