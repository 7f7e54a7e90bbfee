//! Whatever a component does, the decision is safe, in time, and says what went wrong.

mod guest;

use std::sync::Arc;
use std::time::{Duration, Instant};

use outlast_core::policy::{
    AdoptionVerdict, AdoptionView, CONSERVATIVE_WAIT_MS, FailureView, LivenessView, MAX_REASON_BYTES, Policies, Policy,
    PolicyFault, RetryVerdict,
};
use outlast_policy::{Component, LoadError, WasmPolicy};

fn load(bytes: Vec<u8>) -> WasmPolicy {
    WasmPolicy::new(Component::load("hostile", bytes).expect("it is a valid component"))
}

fn view() -> AdoptionView {
    AdoptionView {
        migration: "0198".into(),
        agent: "a".into(),
        owner_agent: "b".into(),
        ..AdoptionView::default()
    }
}

/// Asks for an adoption, demands the conservative verdict, and returns the fault.
fn fault_of(bytes: Vec<u8>) -> PolicyFault {
    let policy: Arc<dyn Policy> = Arc::new(load(bytes));
    let policies = Policies::native_defaults().with_policy(&policy);
    let start = Instant::now();
    let decision = policies.adopt(view());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "a decision took {:?}",
        start.elapsed()
    );
    assert_eq!(
        decision.verdict,
        AdoptionVerdict::Wait {
            ms: CONSERVATIVE_WAIT_MS
        }
    );
    assert_eq!(decision.policy.name, "hostile");
    assert_eq!(decision.policy.digest.len(), 64);
    decision.fault.expect("a replaced verdict says why")
}

#[test]
fn a_well_behaved_component_is_followed() {
    let policy = load(guest::adoption("", "(i32.const 16)"));
    assert_eq!(policy.adopt(&view()), Ok(AdoptionVerdict::Adopt));
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    assert_eq!(
        fault_of(guest::adoption("", "(loop $l (br $l)) (unreachable)")),
        PolicyFault::OutOfFuel
    );
}

#[test]
fn filling_memory_over_and_over_ends() {
    let body = "(drop (memory.grow (i32.const 250)))
        (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 16000000)) (br $l)) (unreachable)";
    let fault = fault_of(guest::adoption("", body));
    assert!(
        matches!(fault, PolicyFault::Deadline | PolicyFault::OutOfFuel),
        "{fault:?}"
    );
}

#[test]
fn a_memory_bomb_meets_its_limit() {
    let body = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    assert_eq!(fault_of(guest::adoption("", body)), PolicyFault::Memory);
}

#[test]
fn a_table_bomb_meets_its_limit() {
    let body = "(loop $l (br_if $l
        (i32.ne (table.grow (ref.null func) (i32.const 10000)) (i32.const -1)))) (unreachable)";
    assert_eq!(
        fault_of(guest::adoption("(table 1 funcref)", body)),
        PolicyFault::Memory
    );
}

#[test]
fn a_trap_is_contained() {
    let PolicyFault::Trap(text) = fault_of(guest::adoption("", "(unreachable)")) else {
        panic!("not a trap")
    };
    assert_eq!(text, "wasm trap: wasm `unreachable` instruction executed");
}

#[test]
fn endless_recursion_is_contained() {
    let extra =
        "(func $f (param i64) (result i64) (i64.add (call $f (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))";
    let fault = fault_of(guest::adoption(extra, "(drop (call $f (i64.const 0))) (i32.const 16)"));
    assert!(
        matches!(&fault, PolicyFault::Trap(text) if text.contains("stack")),
        "{fault:?}"
    );
}

#[test]
fn an_access_out_of_bounds_is_contained() {
    let fault = fault_of(guest::adoption("", "(i32.load (i32.const 0x7ffffff0))"));
    assert!(
        matches!(&fault, PolicyFault::Trap(text) if text.contains("out of bounds")),
        "{fault:?}"
    );
}

/// `decline` with a reason of `len` bytes from address 4096 on.
fn decline(len: usize) -> Vec<u8> {
    let body = format!(
        "(i32.store8 (i32.const 512) (i32.const 2)) (i32.store (i32.const 520) (i32.const 4096))
         (i32.store (i32.const 524) (i32.const {len})) (i32.const 512)"
    );
    guest::adoption("", &body)
}

#[test]
fn a_huge_reason_is_never_copied() {
    let fault = fault_of(decline(100_000));
    assert!(
        matches!(&fault, PolicyFault::Nonsense(text) if text.contains("too much data")),
        "{fault:?}"
    );
}

#[test]
fn a_reason_outside_the_memory_is_nonsense() {
    assert!(matches!(fault_of(decline(0x7fff_ffff)), PolicyFault::Nonsense(_)));
}

#[test]
fn a_reason_of_a_gigabyte_is_nonsense() {
    assert!(matches!(fault_of(decline(1 << 30)), PolicyFault::Nonsense(_)));
}

/// What the process holds in memory, in bytes, now or at most so far.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find(|l| l.starts_with(line)).expect("it is told");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<usize>().expect("a number") * 1024
}

#[test]
fn memory_that_hostile_policies_took_is_given_back() {
    let bomb = load(guest::adoption(
        "",
        "(drop (memory.grow (i32.const 250))) (memory.fill (i32.const 0) (i32.const 7) (i32.const 16000000)) (unreachable)",
    ));
    let ask = |times: usize| {
        for _ in 0..times {
            assert!(matches!(bomb.adopt(&view()), Err(PolicyFault::Trap(_))));
        }
    };
    ask(4);
    let (before, peak_before) = (memory("VmRSS:"), memory("VmHWM:"));
    ask(100);
    let (after, peak) = (memory("VmRSS:"), memory("VmHWM:"));
    println!("100 decisions of 16 MB each: {before} → {after} bytes, at most {peak_before} → {peak}");
    // Other tests of this process run at the same time.
    assert!(after < before + 200_000_000, "{before} → {after} bytes");
    assert!(peak < peak_before + 400_000_000, "{peak_before} → {peak} bytes");
}

#[test]
fn a_long_reason_is_cut_and_followed() {
    let policy: Arc<dyn Policy> = Arc::new(load(decline(20_000)));
    let decision = Policies::native_defaults().with_policy(&policy).adopt(view());
    let AdoptionVerdict::Decline { reason } = decision.verdict else {
        panic!("declining is a verdict to follow")
    };
    assert!(reason.len() <= MAX_REASON_BYTES);
    assert_eq!(decision.fault, None);
}

#[test]
fn a_verdict_that_doesnt_exist_is_nonsense() {
    let body = "(i32.store8 (i32.const 512) (i32.const 9)) (i32.const 512)";
    assert!(matches!(fault_of(guest::adoption("", body)), PolicyFault::Nonsense(_)));
}

#[test]
fn an_allocator_that_lies_is_contained() {
    let lying = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x7fffff00))
        (func (export "outlast:policy/adoption@0.1.0#adopt") (param i32) (result i32) (i32.const 16)))"#;
    fault_of(guest::component(&guest::wit(), "adoption-policy", lying));
}

#[test]
fn nothing_is_remembered_between_two_decisions() {
    // Answers `adopt` the first time, and traps the second.
    let body = "(if (global.get $asked) (then unreachable)) (global.set $asked (i32.const 1)) (i32.const 16)";
    let policy = load(guest::adoption("(global $asked (mut i32) (i32.const 0))", body));
    for _ in 0..3 {
        assert_eq!(policy.adopt(&view()), Ok(AdoptionVerdict::Adopt));
    }
}

#[test]
fn a_component_that_doesnt_start_is_refused_when_it_is_loaded() {
    for (body, fault) in [
        ("unreachable", "the policy trapped"),
        ("(loop $l (br $l))", "ran out of fuel"),
    ] {
        let extra = format!("(func $start {body}) (start $start)");
        let error = Component::load("stuck", guest::adoption(&extra, "(i32.const 16)")).expect_err("it never starts");
        assert!(matches!(error, LoadError::DoesNotStart(_)), "{error:?}");
        assert!(error.to_string().contains(fault), "{error}");
    }
}

#[test]
fn a_component_that_starts_with_too_much_memory_is_refused_when_it_is_loaded() {
    let greedy = r#"(module (memory (export "memory") 4096)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "outlast:policy/adoption@0.1.0#adopt") (param i32) (result i32) (i32.const 16)))"#;
    let bytes = guest::component(&guest::wit(), "adoption-policy", greedy);
    let error = Component::load("greedy", bytes).expect_err("256 MiB are too much");
    assert_eq!(
        error.to_string(),
        "the policy doesn't start: the policy exceeded its memory limit"
    );
}

#[test]
fn the_trap_fixture_is_contained_in_every_slot() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/prebuilt/trap.wasm");
    let policy: Arc<dyn Policy> = Arc::new(WasmPolicy::new(Component::from_file(path).expect("a valid component")));
    let policies = Policies::native_defaults().with_policy(&policy);
    let adoption = policies.adopt(view());
    assert_eq!(
        adoption.verdict,
        AdoptionVerdict::Wait {
            ms: CONSERVATIVE_WAIT_MS
        }
    );
    assert!(matches!(adoption.fault, Some(PolicyFault::Trap(_))));
    let retry = policies.backoff(FailureView {
        kind: "unknown".into(),
        attempts: 1_000,
        ..FailureView::default()
    });
    assert!(
        matches!(retry.verdict, RetryVerdict::After { ms: 200..=30_000 }),
        "{:?}",
        retry.verdict
    );
    assert_eq!(policies.cutoff(LivenessView::default()).verdict, 600_000);
}

#[test]
fn the_decline_fixture_declines_with_its_reason() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/prebuilt/decline.wasm");
    let policy = WasmPolicy::new(Component::from_file(path).expect("a valid component"));
    let reason = "this policy declines every adoption".to_owned();
    assert_eq!(policy.adopt(&view()), Ok(AdoptionVerdict::Decline { reason }));
    assert!(!policy.slots().retry);
    assert!(matches!(
        policy.backoff(&FailureView::default()),
        Err(PolicyFault::SlotMissing(_))
    ));
}

#[test]
fn many_threads_decide_at_once() {
    let policy = load(guest::adoption("", "(i32.const 16)"));
    let spin = load(guest::adoption("", "(loop $l (br $l)) (unreachable)"));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(policy.adopt(&view()), Ok(AdoptionVerdict::Adopt));
                }
            });
            scope.spawn(|| {
                assert!(matches!(
                    spin.adopt(&view()),
                    Err(PolicyFault::OutOfFuel | PolicyFault::Deadline)
                ))
            });
        }
    });
}
