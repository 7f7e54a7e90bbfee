//! Places at which a test can stop, kill or deceive a running process: before and after every statement that changes state.
//!
//! Only with the cargo feature `failpoints`; without it, [`failpoint!`](crate::failpoint) is nothing but the statement, and this
//! module is not compiled.
//!
//! # Which
//!
//! Every [`Step`] has two points, `<step>.before` and `<step>.after`, such as `cut-over.rename.before`. `after` is reached if the step
//! succeeded. Within a transaction, the steps are what moves rows, and COMMIT: whoever dies between two other statements of a
//! transaction has done nothing.
//!
//! # How they are armed
//!
//! By [`arm`]. The program `outlast` does so with its environment variable `OUTLAST_FAILPOINTS`:
//!
//! ```text
//! OUTLAST_FAILPOINTS = RULE[;RULE…]
//! RULE               = POINT=ACTION[@K]       the K-th time that the point is reached, by default the first; only then
//! POINT              = cut-over.rename.before, … or * for any
//! ACTION             = die                    end as by kill -9
//!                    | hold:DIR               make a file DIR/POINT.reached, and go on once there is a file DIR/POINT.go
//!                    | lose-reply             fail as if the connection was lost: after the effect if the point is `after`
//!                    | record:FILE            every time: append the point's name to FILE, once for each process
//! ```
//!
//! Several rules for one point are all obeyed, in their order. A hold lasts until it is ended: whoever holds, kills.

mod rules;
mod steps;

use std::sync::OnceLock;

use outlast_core::{Error, ErrorKind};

use self::rules::Rules;
pub use self::{rules::BadRules, steps::Step};

static RULES: OnceLock<Rules> = OnceLock::new();

/// Before or after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Nothing of it is done.
    Before,
    /// It is done, and nothing else.
    After,
}

/// One place: `<step>.before` or `<step>.after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Of this step.
    pub step: Step,
    /// On this side of it.
    pub side: Side,
}

impl Point {
    /// All points there are, in the order of the list of steps.
    pub fn all() -> impl Iterator<Item = Self> {
        let both = |step| [Side::Before, Side::After].map(|side| Self { step, side });
        Step::ALL.iter().copied().flat_map(both)
    }

    /// Its name, as rules write it.
    pub fn name(self) -> String {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        format!("{}.{side}", self.step.name())
    }
}

/// Arms points for the rest of this process's life. Nothing is armed by an empty text.
///
/// # Errors
/// If a rule can't be read or names a point that does not exist, or points are armed already.
pub fn arm(rules: &str) -> Result<(), BadRules> {
    RULES.set(rules.parse()?).map_err(|_| BadRules::again())
}

/// What [`failpoint!`](crate::failpoint) calls.
///
/// # Errors
/// `ServerGone`, if a rule says so.
#[doc(hidden)]
pub async fn reach(step: Step, side: Side) -> outlast_core::Result<()> {
    match RULES.get() {
        Some(rules) => rules.obey(Point { step, side }).await,
        None => Ok(()),
    }
}

/// What an application sees that has sent a statement and got no reply.
fn lost_reply(point: Point) -> Error {
    Error::new(
        ErrorKind::ServerGone,
        format!(
            "the connection was lost at {}, as a failpoint wanted it; whether the statement was executed is not known",
            point.name()
        ),
    )
}
