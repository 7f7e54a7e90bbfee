//! Scenarios on real MySQL servers, each with a topology of its own, under write load, and each ending with a row-exact
//! comparison with what MySQL's own ALTER makes of the source.
//!
//! A test's name is the promise it keeps. Run them with `cargo xtask e2e [FILTER]`.

#![allow(clippy::unwrap_used)]

mod agents;
mod bad_input;
mod configuration;
mod cut_over_steps;
mod deaths;
mod deferred_indexes;
mod doctor;
mod encryption;
mod errant_gtids;
mod failover;
mod foreign_keys;
mod from_gh_ost;
mod hooks;
mod in_the_way;
mod instant;
mod key_types;
mod lossy_promotion;
mod names;
mod ordinary_alters;
mod plan;
mod policies;
mod privileges;
mod refusals;
mod replica_consistency;
mod scene;
mod secrets;
mod server_settings;
mod split_brain;
mod throttle;
mod timing;
mod twin;

use outlast_tests::outlast;
