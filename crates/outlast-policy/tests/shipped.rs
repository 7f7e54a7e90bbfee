//! The shipped components decide what their native versions decide, and fast enough to be asked at any time.

use std::time::{Duration, Instant};

use outlast_core::policy::{
    AdoptionView, FailureView, LivenessView, NativeDefaults, Params, Policies, Policy as _, Slot,
};
use outlast_policy::{default_policies, shipped_components};

/// Parameters that mean something, that can't be read, and that others own.
fn params() -> Vec<Params> {
    let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let mut all = vec![Params::new(), one("region", "x")];
    for value in [
        "0s",
        "250ms",
        "7s",
        "10m",
        "2h",
        "1d",
        "",
        "10",
        "-1s",
        "1.5s",
        "99999999999999999999s",
        "ünï",
    ] {
        for name in ["adopt_grace", "takeover_after", "cutoff", "max_attempts"] {
            all.push(one(name, value));
        }
    }
    for value in ["0", "1", "5", "+5", "18446744073709551615", "18446744073709551616"] {
        all.push(one("max_attempts", value));
    }
    all.push([one("cutoff", "1s"), one("cutoff", "2s")].concat());
    all.push([one("adopt_grace", "nonsense"), one("adopt_grace", "2s")].concat());
    all
}

fn both(params: &Params) -> [Policies; 2] {
    [default_policies(), Policies::native_defaults()].map(|policies| policies.with_params(params.clone()))
}

#[test]
fn the_shipped_policies_are_components_and_fill_every_slot() {
    let policies = default_policies();
    for slot in Slot::ALL {
        let id = policies.policy(slot).id();
        assert_eq!(id.name, format!("default-{slot}"));
        assert_eq!(id.digest.len(), 64, "not a component: {id}");
    }
    assert_eq!(NativeDefaults::new().id().digest, "native");
}

#[test]
fn adoption_is_decided_as_natively() {
    for params in params() {
        let [wasm, native] = both(&params);
        for bits in 0..4 {
            for liveness_age_ms in [
                0,
                1,
                249,
                250,
                2_550,
                2_950,
                2_999,
                3_000,
                6_999,
                14_999,
                15_000,
                600_000,
                u64::MAX,
            ] {
                let view = AdoptionView {
                    migration: "0198f".into(),
                    owned_by_this_agent: bits & 1 != 0,
                    server_changed: bits & 2 != 0,
                    liveness_age_ms,
                    outage_ms: Some(liveness_age_ms),
                    clock_skew_ms: i64::MIN,
                    ..AdoptionView::default()
                };
                let (wasm, native) = (wasm.adopt(view.clone()), native.adopt(view.clone()));
                assert_eq!(
                    (&wasm.verdict, &wasm.fault),
                    (&native.verdict, &native.fault),
                    "{view:?} {params:?}"
                );
                assert_eq!(wasm.fault, None, "{view:?} {params:?}");
            }
        }
    }
}

#[test]
fn retries_are_decided_as_natively() {
    for params in params() {
        let [wasm, native] = both(&params);
        for kind in ["server-gone", "passing", "too-big", "unknown", "", "another"] {
            for attempts in [0, 1, 2, 4, 5, 6, 29, 30, 31, u32::MAX] {
                let view = FailureView {
                    kind: kind.into(),
                    code: Some(1_205),
                    message: "Lock wait timeout exceeded".into(),
                    attempts,
                    seed: u64::from(attempts).wrapping_mul(0x1234_5678_9abc_def1),
                    ..FailureView::default()
                };
                let (wasm, native) = (wasm.backoff(view.clone()), native.backoff(view.clone()));
                assert_eq!(
                    (&wasm.verdict, &wasm.fault),
                    (&native.verdict, &native.fault),
                    "{view:?} {params:?}"
                );
                assert_eq!(wasm.fault, None, "{view:?} {params:?}");
            }
        }
    }
}

#[test]
fn staleness_is_decided_as_natively() {
    for params in params() {
        let [wasm, native] = both(&params);
        let view = LivenessView {
            replica_lag_ms: Some(7),
            ..LivenessView::default()
        };
        let (wasm, native) = (wasm.cutoff(view.clone()), native.cutoff(view));
        assert_eq!((wasm.verdict, wasm.fault), (native.verdict, native.fault), "{params:?}");
    }
}

#[test]
fn ten_minutes_is_the_default_cutoff() {
    assert_eq!(default_policies().cutoff(LivenessView::default()).verdict, 600_000);
}

#[test]
fn a_decision_takes_less_than_the_network_does() {
    const DECISIONS: u32 = 500;
    let start = Instant::now();
    let policies = default_policies();
    let loaded = start.elapsed();
    let view = AdoptionView {
        migration: "0198f".into(),
        agent: "agent-1".into(),
        ..AdoptionView::default()
    };
    let start = Instant::now();
    for seed in 0..DECISIONS {
        let decision = policies.adopt(AdoptionView {
            seed: seed.into(),
            ..view.clone()
        });
        assert_eq!(decision.fault, None);
    }
    let each = start.elapsed() / DECISIONS;
    println!("{each:?} for a decision; {loaded:?} for loading the three shipped components");
    assert!(each < Duration::from_millis(20), "{each:?} for a decision");
}

#[test]
fn loading_the_same_bytes_again_compiles_nothing() {
    shipped_components().expect("the shipped components load");
    let start = Instant::now();
    for _ in 0..20 {
        shipped_components().expect("the shipped components load");
    }
    assert!(
        start.elapsed() / 20 < Duration::from_millis(50),
        "{:?}",
        start.elapsed() / 20
    );
}
