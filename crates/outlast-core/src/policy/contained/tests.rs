use super::*;
use crate::policy::Slots;

/// Answers what it was told to, in every slot.
struct Scripted {
    id: PolicyId,
    adopt: Result<AdoptionVerdict, PolicyFault>,
    backoff: Result<RetryVerdict, PolicyFault>,
    cutoff: Result<u64, PolicyFault>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            id: PolicyId::native("scripted"),
            adopt: Err(PolicyFault::OutOfFuel),
            backoff: Err(PolicyFault::OutOfFuel),
            cutoff: Err(PolicyFault::OutOfFuel),
        }
    }
}

impl Policy for Scripted {
    fn id(&self) -> &PolicyId {
        &self.id
    }
    fn slots(&self) -> Slots {
        Slots::ALL
    }
    fn adopt(&self, _: &AdoptionView) -> Result<AdoptionVerdict, PolicyFault> {
        self.adopt.clone()
    }
    fn backoff(&self, _: &FailureView) -> Result<RetryVerdict, PolicyFault> {
        self.backoff.clone()
    }
    fn cutoff(&self, _: &LivenessView) -> Result<u64, PolicyFault> {
        self.cutoff.clone()
    }
}

fn policies(policy: impl Policy + 'static) -> Policies {
    let policy: Arc<dyn Policy> = Arc::new(policy);
    Policies::native_defaults().with_policy(&policy)
}

fn adopt(answer: AdoptionVerdict) -> Decision<AdoptionVerdict> {
    policies(Scripted {
        adopt: Ok(answer),
        ..Scripted::default()
    })
    .adopt(AdoptionView::default())
}

fn backoff(answer: RetryVerdict) -> Decision<RetryVerdict> {
    policies(Scripted {
        backoff: Ok(answer),
        ..Scripted::default()
    })
    .backoff(FailureView::default())
}

fn cutoff(answer: u64) -> Decision<u64> {
    policies(Scripted {
        cutoff: Ok(answer),
        ..Scripted::default()
    })
    .cutoff(LivenessView::default())
}

#[test]
fn a_policy_that_gives_no_answer_is_replaced_by_a_conservative_verdict_and_named() {
    let policies = policies(Scripted::default());
    let adoption = policies.adopt(AdoptionView::default());
    assert_eq!(adoption.verdict, AdoptionVerdict::Wait { ms: 5_000 });
    assert_eq!(adoption.fault, Some(PolicyFault::OutOfFuel));
    assert_eq!(adoption.policy.name, "scripted");
    assert_eq!(policies.cutoff(LivenessView::default()).verdict, 600_000);
    let view = FailureView {
        kind: "unknown".into(),
        attempts: u32::MAX,
        ..FailureView::default()
    };
    let RetryVerdict::After { ms } = policies.backoff(view).verdict else {
        panic!("a fault must never give up")
    };
    assert!((200..=30_000).contains(&ms), "{ms}");
}

#[test]
fn a_panicking_policy_is_contained() {
    struct Panics(PolicyId);
    impl Policy for Panics {
        fn id(&self) -> &PolicyId {
            &self.0
        }
        fn slots(&self) -> Slots {
            Slots {
                staleness: true,
                ..Slots::default()
            }
        }
        fn cutoff(&self, _: &LivenessView) -> Result<u64, PolicyFault> {
            panic!("on purpose")
        }
    }
    let decision = policies(Panics(PolicyId::native("panics"))).cutoff(LivenessView::default());
    assert_eq!(decision.verdict, 600_000);
    assert_eq!(decision.fault, Some(PolicyFault::Trap("on purpose".into())));
}

#[test]
fn a_wait_is_neither_a_busy_loop_nor_endless() {
    let of = |ms| adopt(AdoptionVerdict::Wait { ms });
    assert_eq!(of(0).verdict, AdoptionVerdict::Wait { ms: 50 });
    assert_eq!(of(u64::MAX).verdict, AdoptionVerdict::Wait { ms: 3_600_000 });
    assert!(matches!(of(u64::MAX).fault, Some(PolicyFault::Nonsense(_))));
    assert_eq!(
        of(700),
        Decision {
            verdict: AdoptionVerdict::Wait { ms: 700 },
            fault: None,
            ..of(700)
        }
    );
}

#[test]
fn a_backoff_is_neither_a_busy_loop_nor_endless() {
    let of = |ms| backoff(RetryVerdict::After { ms });
    assert_eq!(of(0).verdict, RetryVerdict::After { ms: 50 });
    assert_eq!(of(u64::MAX).verdict, RetryVerdict::After { ms: 3_600_000 });
    assert_eq!(of(700).verdict, RetryVerdict::After { ms: 700 });
    assert_eq!(of(700).fault, None);
    let Some(fault) = of(0).fault else {
        panic!("a corrected verdict must say so")
    };
    assert_eq!(
        fault.to_string(),
        "the policy answered nonsense: retry after 0 ms; 50 ms is used"
    );
}

#[test]
fn a_cutoff_below_a_second_is_raised_and_never_means_a_year() {
    assert_eq!(cutoff(0).verdict, 1_000);
    assert!(cutoff(0).fault.is_some());
    assert_eq!(cutoff(u64::MAX).verdict, MAX_CUTOFF_MS);
    assert_eq!(cutoff(u64::MAX).fault, None);
    assert_eq!(cutoff(600_000).verdict, 600_000);
}

#[test]
fn a_reason_fits_its_column_and_its_line() {
    let AdoptionVerdict::Decline { reason } = adopt(AdoptionVerdict::Decline {
        reason: "é\n".repeat(4_000),
    })
    .verdict
    else {
        panic!("declining is a verdict to follow")
    };
    assert!(reason.len() <= MAX_REASON_BYTES);
    assert!(!reason.contains('\n'));
    let RetryVerdict::GiveUp { reason } = backoff(RetryVerdict::GiveUp {
        reason: "\u{1b}\n".into(),
    })
    .verdict
    else {
        panic!("giving up is a verdict to follow")
    };
    assert_eq!(reason, "no reason given");
}

#[test]
fn a_policy_stands_only_in_the_slots_it_fills() {
    struct Nothing(PolicyId);
    impl Policy for Nothing {
        fn id(&self) -> &PolicyId {
            &self.0
        }
        fn slots(&self) -> Slots {
            Slots::default()
        }
    }
    let nothing: Arc<dyn Policy> = Arc::new(Nothing(PolicyId::native("nothing")));
    let native: Arc<dyn Policy> = Arc::new(NativeDefaults::new());
    let refused = Policies::new(Arc::clone(&native), Arc::clone(&nothing), native);
    assert_eq!(refused.map(|_| ()), Err(PolicyFault::SlotMissing(Slot::Retry)));
    let kept = Policies::native_defaults().with_policy(&nothing);
    assert_eq!(kept.policy(Slot::Adoption).id().name, "native-defaults");
    assert_eq!(
        nothing.adopt(&AdoptionView::default()),
        Err(PolicyFault::SlotMissing(Slot::Adoption))
    );
}

#[test]
fn every_policy_sees_the_parameters() {
    let policies = Policies::native_defaults().with_params(vec![("cutoff".into(), "15s".into())]);
    assert_eq!(policies.cutoff(LivenessView::default()).verdict, 15_000);
}
