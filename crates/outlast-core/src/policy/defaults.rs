//! The shipped policies in plain Rust.
//!
//! The same decisions are shipped as components (`policies/default-*`); a test in `outlast-policy` holds the two equal.

use super::{
    AdoptionVerdict, AdoptionView, FailureView, LivenessView, Params, Policy, PolicyFault, PolicyId, RetryVerdict,
    Slots, parse_duration_ms,
};

/// How long a promotion is left to the previous owner's own agent (parameter `adopt_grace`).
const ADOPT_GRACE_MS: u64 = 3_000;
/// How long an owner on the very same primary may be silent: three liveness intervals (parameter `takeover_after`).
const TAKEOVER_AFTER_MS: u64 = 15_000;
/// The shortest wait between two looks at another owner's stream.
const MIN_RECHECK_MS: u64 = 50;
/// The longest wait between two looks at a promoted server.
const PROMOTED_RECHECK_MS: u64 = 500;
/// The longest wait between two looks at an owner on the same primary.
const SAME_SERVER_RECHECK_MS: u64 = 1_000;
/// The shortest delay after an ordinary failure.
const BACKOFF_BASE_MS: u64 = 200;
/// The longest delay after an ordinary failure.
const BACKOFF_CAP_MS: u64 = 30_000;
/// The longest delay after a lock wait or a deadlock outside of the cut-over: changes pile up meanwhile.
const PASSING_CAP_MS: u64 = 2_000;
/// Delays after the server went away: a promotion should be noticed at once.
const SERVER_GONE_MS: (u64, u64) = (100, 500);
/// Attempts at something that failed for an unknown reason (parameter `max_attempts`).
const MAX_ATTEMPTS: u64 = 30;
/// The default of parameter `cutoff`: ten minutes.
const CUTOFF_MS: u64 = 600_000;

/// The default policies, compiled in: for tests, for simulations, and for programs that want no WebAssembly.
///
/// - **Adoption.** The owner's own agent adopts at once. After a promotion another agent waits until the liveness is
///   `adopt_grace` (3 s) old; on the same primary, until it is `takeover_after` (15 s) old.
/// - **Retry.** 100 to 500 ms if the server went away; else a random delay whose upper bound triples from 600 ms to
///   30 s (2 s after a lock wait outside of the cut-over).
///   Only an error of kind `unknown` gives up, after `max_attempts` (30).
/// - **Staleness.** `cutoff` (10 minutes).
///
/// A parameter that can't be read counts as not given; [`NativeDefaults::check_params`] finds it beforehand.
#[derive(Debug, Clone)]
pub struct NativeDefaults {
    id: PolicyId,
}

/// A parameter of the default policies whose value can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy parameter `{name}` is `{value}`; write {expected}")]
pub struct BadParam {
    /// The parameter's name.
    pub name: String,
    /// The value that can't be read.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

impl NativeDefaults {
    /// The default policies, named `native-defaults`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: PolicyId::native("native-defaults"),
        }
    }

    /// Checks the values of the parameters that the default policies know; others are for other policies.
    ///
    /// # Errors
    ///
    /// The first parameter that can't be read.
    pub fn check_params(params: &Params) -> Result<(), BadParam> {
        for (name, value) in params {
            let (ok, expected) = match name.as_str() {
                "adopt_grace" | "takeover_after" | "cutoff" => {
                    (parse_duration_ms(value).is_some(), "a duration such as `90s` or `10m`")
                }
                "max_attempts" => (value.parse::<u64>().is_ok(), "a whole number"),
                _ => continue,
            };
            if !ok {
                return Err(BadParam {
                    name: name.clone(),
                    value: value.clone(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

impl Default for NativeDefaults {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for NativeDefaults {
    fn id(&self) -> &PolicyId {
        &self.id
    }

    fn slots(&self) -> Slots {
        Slots::ALL
    }

    fn adopt(&self, view: &AdoptionView) -> Result<AdoptionVerdict, PolicyFault> {
        if view.owned_by_this_agent {
            return Ok(AdoptionVerdict::Adopt);
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
        Ok(match silence_ms.saturating_sub(view.liveness_age_ms) {
            0 => AdoptionVerdict::Adopt,
            remaining => AdoptionVerdict::Wait {
                ms: remaining.clamp(MIN_RECHECK_MS, recheck_ms),
            },
        })
    }

    fn backoff(&self, view: &FailureView) -> Result<RetryVerdict, PolicyFault> {
        if view.kind == "unknown" {
            let max = param(&view.params, "max_attempts")
                .and_then(|v| v.parse().ok())
                .unwrap_or(MAX_ATTEMPTS);
            if u64::from(view.attempts) >= max {
                let reason = format!("failed {} times in a row for an unknown reason", view.attempts);
                return Ok(RetryVerdict::GiveUp { reason });
            }
        }
        Ok(RetryVerdict::After { ms: backoff_ms(view) })
    }

    fn cutoff(&self, view: &LivenessView) -> Result<u64, PolicyFault> {
        Ok(duration(&view.params, "cutoff", CUTOFF_MS))
    }
}

/// The delay before the next attempt, drawn from the seed so that migrations that failed together don't return together.
pub(super) fn backoff_ms(view: &FailureView) -> u64 {
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
    low + mix(view.seed ^ u64::from(view.attempts)) % (high - low + 1)
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of the seed.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn param<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params
        .iter()
        .rev()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_str())
}

fn duration(params: &Params, name: &str, default_ms: u64) -> u64 {
    param(params, name).and_then(parse_duration_ms).unwrap_or(default_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopt(view: AdoptionView) -> AdoptionVerdict {
        NativeDefaults::new()
            .adopt(&view)
            .expect("the native policy always answers")
    }

    fn backoff(view: FailureView) -> RetryVerdict {
        NativeDefaults::new()
            .backoff(&view)
            .expect("the native policy always answers")
    }

    #[test]
    fn an_agent_takes_up_its_own_stream_at_once() {
        for server_changed in [false, true] {
            let view = AdoptionView {
                owned_by_this_agent: true,
                server_changed,
                ..AdoptionView::default()
            };
            assert_eq!(adopt(view), AdoptionVerdict::Adopt);
        }
    }

    #[test]
    fn after_a_promotion_the_owners_own_agent_goes_first() {
        let view = |liveness_age_ms| AdoptionView {
            server_changed: true,
            liveness_age_ms,
            ..AdoptionView::default()
        };
        assert_eq!(adopt(view(0)), AdoptionVerdict::Wait { ms: 500 });
        assert_eq!(adopt(view(2_900)), AdoptionVerdict::Wait { ms: 100 });
        assert_eq!(adopt(view(3_000)), AdoptionVerdict::Adopt);
    }

    #[test]
    fn an_owner_that_is_alive_on_the_same_primary_is_left_alone() {
        let view = |liveness_age_ms| AdoptionView {
            liveness_age_ms,
            ..AdoptionView::default()
        };
        assert_eq!(adopt(view(5_000)), AdoptionVerdict::Wait { ms: 1_000 });
        assert_eq!(adopt(view(14_999)), AdoptionVerdict::Wait { ms: 50 });
        assert_eq!(adopt(view(15_000)), AdoptionVerdict::Adopt);
    }

    #[test]
    fn parameters_change_the_defaults_and_the_last_one_counts() {
        let params: Params = vec![
            ("takeover_after".into(), "1h".into()),
            ("takeover_after".into(), "2s".into()),
        ];
        let view = AdoptionView {
            liveness_age_ms: 2_000,
            params,
            ..AdoptionView::default()
        };
        assert_eq!(adopt(view), AdoptionVerdict::Adopt);
    }

    #[test]
    fn a_vanished_server_is_looked_for_again_within_half_a_second_for_ever() {
        for attempts in [1, 2, 100, u32::MAX] {
            for seed in 0..200 {
                let view = FailureView {
                    kind: "server-gone".into(),
                    attempts,
                    seed,
                    ..FailureView::default()
                };
                let RetryVerdict::After { ms } = backoff(view) else {
                    panic!("gave up")
                };
                assert!((100..=500).contains(&ms), "{ms}");
            }
        }
    }

    /// The longest of the delays after so many failures, over many seeds.
    fn longest(kind: &str, phase: &str, attempts: u32) -> u64 {
        let delays: Vec<u64> = (0..500)
            .map(|seed| {
                backoff_ms(&FailureView {
                    kind: kind.into(),
                    phase: phase.into(),
                    attempts,
                    seed,
                    ..FailureView::default()
                })
            })
            .collect();
        assert!(delays.iter().all(|ms| (200..=30_000).contains(ms)));
        assert!(delays.iter().collect::<std::collections::HashSet<_>>().len() > 100);
        delays.into_iter().max().unwrap_or(0)
    }

    #[test]
    fn delays_grow_to_thirty_seconds_and_differ_by_seed() {
        assert!(longest("passing", "cutting-over", 1) <= 600);
        assert!(longest("passing", "cutting-over", 2) <= 1_800);
        assert!(longest("passing", "cutting-over", 40) > 25_000);
        assert!(longest("unknown", "copying", 40) > 25_000);
    }

    #[test]
    fn after_a_lock_wait_changes_do_not_pile_up_for_long() {
        for kind in ["passing", "duplicate"] {
            let ms = longest(kind, "following", 40);
            assert!((1_500..=2_000).contains(&ms), "{ms}");
        }
    }

    #[test]
    fn only_an_unknown_error_is_ever_given_up() {
        let view = |kind: &str, attempts| FailureView {
            kind: kind.into(),
            attempts,
            ..FailureView::default()
        };
        assert!(matches!(backoff(view("unknown", 29)), RetryVerdict::After { .. }));
        assert!(matches!(backoff(view("unknown", 30)), RetryVerdict::GiveUp { .. }));
        assert!(matches!(backoff(view("passing", u32::MAX)), RetryVerdict::After { .. }));
    }

    #[test]
    fn an_unreadable_parameter_is_named_before_the_migration_starts() {
        let bad: Params = vec![("cutoff".into(), "10 minutes".into())];
        let error = NativeDefaults::check_params(&bad).expect_err("`10 minutes` is not a duration");
        assert_eq!(
            error.to_string(),
            "policy parameter `cutoff` is `10 minutes`; write a duration such as `90s` or `10m`"
        );
        let view = LivenessView {
            params: bad,
            ..LivenessView::default()
        };
        assert_eq!(NativeDefaults::new().cutoff(&view), Ok(600_000));
        let other: Params = vec![
            ("region".into(), "anything".into()),
            ("max_attempts".into(), "5".into()),
        ];
        assert_eq!(NativeDefaults::check_params(&other), Ok(()));
    }
}
