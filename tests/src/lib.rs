//! What the test programs of this package share: the program `outlast`, run as users run it, and the format of the cases
//! that `alters` plays.

pub mod case;
pub mod outlast;
