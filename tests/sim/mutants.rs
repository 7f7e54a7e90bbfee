//! Is the simulator harsh enough? Without any one guard of the product, it must find a violation.

use std::{sync::PoisonError, time::Instant};

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use outlast_core::guard::Guard;
use outlast_tests::result::Results;

use crate::{
    arguments::Arguments,
    plan::Plan,
    seeds::{Count, search},
};

/// Within so many seeds the loss of a guard must be noticed.
const WITHIN: u64 = 10_000;

/// Switches off one guard after the other, and prints which violation is found. Each is a test, which fails if none is.
///
/// # Errors
/// If no guard has the name that is asked for.
pub(crate) fn run(arguments: &Arguments, results: &mut Results) -> Result<()> {
    let asked_for = |guard: &&Guard| {
        arguments
            .guard
            .as_ref()
            .is_none_or(|name| guard.name().contains(name.as_str()))
    };
    let mut guards: Vec<Guard> = Guard::ALL.iter().filter(asked_for).copied().collect();
    ensure!(!guards.is_empty(), "no guard has such a name");
    guards.retain(|guard| results.wants(&name(*guard)));
    if !guards.is_empty() {
        println!("without the guard      invariant  seeds  violation");
    }
    for guard in guards {
        let switched_off = Instant::now();
        let count = Count::default();
        let plan = |seed| Plan::directed_to(guard, seed);
        let within = |runs: &mut dyn FnMut()| guard.without(runs);
        search(arguments, WITHIN, plan, within, &count, &ProgressBar::hidden());
        let violation = count.violation.lock().unwrap_or_else(PoisonError::into_inner).take();
        results.add(&name(guard), violation.is_some());
        let (after, what) = match violation {
            Some((seed, what)) => (format!("{}", seed - arguments.first + 1), what.replace('\n', " ")),
            None => (format!(">{WITHIN}"), "NONE FOUND".to_owned()),
        };
        let seconds = switched_off.elapsed().as_secs_f64();
        println!(
            "{:<22} {:<9} {after:>6}  {what:.140} ({seconds:.1} s)",
            guard.name(),
            guard.invariant()
        );
    }
    Ok(())
}

fn name(guard: Guard) -> String {
    format!("the_loss_of_any_guard_is_noticed/{}", guard.name())
}
