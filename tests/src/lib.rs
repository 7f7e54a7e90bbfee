//! What the test programs of this package share: the program `outlast`, run as users run it, the format of the cases
//! that `alters` plays, and what a program without Rust's own harness needs in its place: arguments, and how it tells its result.

pub mod arguments;
pub mod case;
pub mod outlast;
pub mod result;
