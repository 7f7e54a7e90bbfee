//! The ways in which a policy fails to answer.

use super::Slot;

/// Why a policy's answer could not be used as it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// It trapped: an unreachable instruction, a panic, an access out of bounds, a stack overflow.
    #[error("the policy trapped: {0}")]
    Trap(String),
    /// It used up the instructions that one decision may take.
    #[error("the policy ran out of fuel: it loops, or computes too much for one decision")]
    OutOfFuel,
    /// It ran past the wall-clock limit of one decision.
    #[error("the policy exceeded the time that one decision may take")]
    Deadline,
    /// It asked for more memory than one decision may have.
    #[error("the policy exceeded its memory limit")]
    Memory,
    /// It answered something that no caller could follow literally.
    #[error("the policy answered nonsense: {0}")]
    Nonsense(String),
    /// It was asked a question that it doesn't answer.
    #[error("the policy doesn't fill the slot `{0}`")]
    SlotMissing(Slot),
    /// The sandbox could not be set up; the policy itself never ran.
    #[error("the policy could not be started: {0}")]
    Unavailable(String),
}
