//! What the test programs of this package share: the program `outlast`, run as users run it, the format of the cases
//! that `alters` plays, and how a program without Rust's own harness tells its result.

pub mod case;
pub mod outlast;
pub mod result;
