//! x
/// x
pub struct Agent;
