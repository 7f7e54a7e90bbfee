//! Is the simulator harsh enough? Without any one guard of the product, it must find a violation.

use std::{sync::PoisonError, time::Instant};

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use outlast_core::guard::Guard;
use outlast_tests::result::print_result;

use crate::{
    arguments::Arguments,
    plan::Plan,
    seeds::{Count, search},
};

/// Within so many seeds the loss of a guard must be noticed.
const WITHIN: u64 = 10_000;

/// Switches off one guard after the other, and prints which violation is found. Whether one is found for each.
///
/// # Errors
/// If no guard has the name that is asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let wanted = |guard: &&Guard| {
        arguments
            .guard
            .as_ref()
            .is_none_or(|name| guard.name().contains(name.as_str()))
    };
    let guards: Vec<Guard> = Guard::ALL.iter().filter(wanted).copied().collect();
    ensure!(!guards.is_empty(), "no guard has such a name");
    println!("without the guard      invariant  seeds  violation");
    let begun = Instant::now();
    let (mut found, mut missed) = (0, Vec::new());
    for guard in guards {
        let switched_off = Instant::now();
        let count = Count::default();
        let plan = |seed| Plan::directed_to(guard, seed);
        let within = |runs: &mut dyn FnMut()| guard.without(runs);
        search(arguments, WITHIN, plan, within, &count, &ProgressBar::hidden());
        let violation = count.violation.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (after, what) = match violation {
            Some((seed, what)) => {
                found += 1;
                (format!("{}", seed - arguments.first + 1), what.replace('\n', " "))
            }
            None => {
                missed.push(guard.name().to_owned());
                (format!(">{WITHIN}"), "NONE FOUND".to_owned())
            }
        };
        let seconds = switched_off.elapsed().as_secs_f64();
        println!(
            "{:<22} {:<9} {after:>6}  {what:.140} ({seconds:.1} s)",
            guard.name(),
            guard.invariant()
        );
    }
    Ok(print_result(found, &missed, 0, begun.elapsed()))
}
