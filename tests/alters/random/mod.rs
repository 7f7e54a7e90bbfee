//! Random tables, ALTERs and applications. Whatever they are: where the migration is complete, the table is what MySQL's own ALTER
//! makes of it; where it fails, MySQL's own ALTER fails.

mod choices;
mod column;
mod generate;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use outlast_tests::case::Case;

use crate::{
    oracle::{self, Rows},
    player::{Play, Stand},
    verdict::{self, COMPLETE, FAILED, REFUSED},
};
use generate::RandomCase;

/// The name under which it is reported whether too much is refused.
pub(crate) const FEW_REFUSED: &str = "random/most are not refused";
/// For fewer cases, the share of refused ones says nothing.
const ENOUGH: usize = 50;
/// How many cases that failed are made simpler: that takes long.
const MOST_SIMPLIFIED: usize = 3;

/// How a random case ended, if it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Same,
    FailedAsNative,
    /// A row did not fit that was gone or changed when the application had stopped; then it was the same.
    FailedForARowThatIsGone,
    RejectedByMysql,
    Refused,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "the same as native",
            Self::FailedAsNative => "failed as native",
            Self::FailedForARowThatIsGone => "failed for a row that was gone later, and then the same",
            Self::RejectedByMysql => "rejected by MySQL and refused",
            Self::Refused => "refused",
        })
    }
}

/// The random cases of one run.
pub(crate) struct Random {
    seed: u64,
    ends: Mutex<BTreeMap<End, usize>>,
    simplified: AtomicUsize,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ends: Mutex::default(),
            simplified: AtomicUsize::new(0),
        }
    }

    /// What the cases are made from.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Plays one case. One that fails is shown as a case file, after parts that don't matter were left out.
    pub(crate) async fn play(&self, stand: &Stand, index: u64) -> Result<()> {
        let random = RandomCase::new(self.seed, index)?;
        let error = match judge(stand, &random.case()).await {
            Ok(end) => {
                *self
                    .ends
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(end)
                    .or_default() += 1;
                return Ok(());
            }
            Err(error) => error,
        };
        let (random, error) = match self.simplified.fetch_add(1, Ordering::Relaxed) < MOST_SIMPLIFIED {
            true => simplify(stand, random, error).await,
            false => (random, error),
        };
        Err(anyhow!(
            "{error:#}\nas --random={} --seed={} has it, or as a case file:\n\n{}",
            index + 1,
            self.seed,
            random.case()
        ))
    }

    /// How the cases ended that did not fail.
    pub(crate) fn summary(&self) -> String {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        format!("random cases of seed {}: {}", self.seed, ends.join("; "))
    }

    /// A program that refuses all is never wrong, and of no use. None if too few cases were played.
    pub(crate) fn few_are_refused(&self) -> Option<Result<()>> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = ends.values().sum();
        let refused: usize = [End::Refused, End::RejectedByMysql]
            .iter()
            .filter_map(|end| ends.get(end))
            .sum();
        let verdict = match 2 * refused < all {
            true => Ok(()),
            false => Err(anyhow!("{refused} of {all} random ALTERs were refused")),
        };
        (all >= ENOUGH).then_some(verdict)
    }
}

/// A seed always makes the same cases, and what is printed of one is a case file.
pub(crate) fn check_replay() -> Result<()> {
    for index in 0..200 {
        let case = RandomCase::new(1, index)?.case();
        ensure!(
            case == RandomCase::new(1, index)?.case(),
            "case {index} is another one each time"
        );
        let mut saved = Case::parse(&case.to_string()).with_context(|| case.to_string())?;
        (saved.group, saved.name) = (case.group.clone(), case.name.clone());
        ensure!(saved == case, "case {index} is another one when it was saved:\n{case}");
    }
    let (one, other) = (RandomCase::new(1, 0)?.case(), RandomCase::new(2, 0)?.case());
    ensure!(one.create != other.create, "the seed does not matter");
    Ok(())
}

/// Plays a case; fails if it ends in a way that is never right.
async fn judge(stand: &Stand, case: &Case) -> Result<End> {
    // The same without an application that works at the same time.
    let calm = Case {
        round: Vec::new(),
        ..case.clone()
    };
    let schema = stand.new_schema();
    let mut play = Play::begin(stand, case, &schema, &case.full_name()).await?;
    let node = stand.node();
    oracle::clone_schema(node, &schema, &play.native(), Rows::None).await?;
    let accepted = oracle::alter_natively(node, &play.native(), &case.alter).await?;
    play.before().await?;
    let ended = play.migrate().await?;
    let end = match (ended.code, accepted) {
        (REFUSED, accepted) => {
            verdict::nothing_is_left(&play).await?;
            if accepted.is_err() {
                End::RejectedByMysql
            } else {
                End::Refused
            }
        }
        (code, Err(error)) => bail!(
            "MySQL rejects it ({error}), but it was not refused: exit code {code}\n{}",
            ended.log
        ),
        (COMPLETE, Ok(())) => {
            verdict::same(&mut play, &ended).await?;
            End::Same
        }
        (FAILED, Ok(())) => {
            verdict::source_is_untouched(&mut play).await?;
            match verdict::native_alter(&play).await? {
                Err(_) => End::FailedAsNative,
                Ok(()) => {
                    play.case = &calm;
                    let again = play.migrate().await?;
                    let context = || format!("it failed, though MySQL's own ALTER does not: {}", ended.message);
                    ensure!(
                        again.code == COMPLETE,
                        "{}\nand so it did with nobody writing:\n{}",
                        context(),
                        again.log
                    );
                    verdict::same(&mut play, &again).await.with_context(context)?;
                    End::FailedForARowThatIsGone
                }
            }
        }
        (code, _) => bail!("it ended with code {code}:\n{}", ended.log),
    };
    play.clean_up().await?;
    Ok(end)
}

/// Leaves out what can be left out of a case that fails.
async fn simplify(stand: &Stand, mut random: RandomCase, mut error: anyhow::Error) -> (RandomCase, anyhow::Error) {
    loop {
        let mut found = None;
        for simpler in random.simpler() {
            if let Err(error) = judge(stand, &simpler.case()).await {
                found = Some((simpler, error));
                break;
            }
        }
        match found {
            Some(simpler) => (random, error) = simpler,
            None => return (random, error),
        }
    }
}
