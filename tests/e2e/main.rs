//! Scenarios on real MySQL servers, each with a topology of its own, under write load, and each ending with a row-exact
//! comparison with what MySQL's own ALTER makes of the source.
//!
//! A test's name is the promise it keeps. Run them with `cargo xtask e2e [FILTER]`.

#![allow(clippy::unwrap_used)]

mod failover;
mod outlast;
mod scene;
mod timing;
