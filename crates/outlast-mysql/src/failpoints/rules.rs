//! What happens at which point.

use std::{
    collections::BTreeSet,
    fmt,
    io::Write,
    path::PathBuf,
    str::FromStr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use outlast_core::{Error, ErrorKind, Result};

use super::{Point, lost_reply};

/// How often somebody who is held looks whether he may go on.
const LOOK: Duration = Duration::from_millis(2);

/// All rules of a process.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    /// `None` for any.
    point: Option<Point>,
    action: Action,
    /// The action is taken when the point is reached this often.
    turn: u64,
    reached: AtomicU64,
}

#[derive(Debug)]
enum Action {
    Die,
    Hold(PathBuf),
    LoseReply,
    Record {
        file: PathBuf,
        recorded: Mutex<BTreeSet<Point>>,
    },
}

/// Rules that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRules(String);

impl BadRules {
    pub(super) fn again() -> Self {
        Self("failpoints are armed already".to_owned())
    }
}

impl fmt::Display for BadRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRules {}

impl Rules {
    pub(super) async fn obey(&self, point: Point) -> Result<()> {
        for rule in &self.0 {
            if rule.point.is_none_or(|wanted| wanted == point) {
                rule.obey(point).await?;
            }
        }
        Ok(())
    }
}

impl Rule {
    async fn obey(&self, point: Point) -> Result<()> {
        if let Action::Record { file, recorded } = &self.action {
            return record(file, recorded, point);
        }
        if self.reached.fetch_add(1, Ordering::Relaxed) + 1 != self.turn {
            return Ok(());
        }
        match &self.action {
            Action::Die => {
                let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                unreachable!("the process lives on after SIGKILL: {killed:?}");
            }
            Action::Hold(directory) => hold(directory, point).await,
            Action::LoseReply => Err(lost_reply(point)),
            Action::Record { .. } => Ok(()),
        }
    }
}

async fn hold(directory: &std::path::Path, point: Point) -> Result<()> {
    let file = |end: &str| directory.join(format!("{}.{end}", point.name()));
    let reached = file("reached");
    std::fs::write(&reached, "").map_err(|error| unusable(&reached, error))?;
    let go = file("go");
    while !go.exists() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn record(file: &std::path::Path, recorded: &Mutex<BTreeSet<Point>>, point: Point) -> Result<()> {
    if !recorded.lock().unwrap_or_else(PoisonError::into_inner).insert(point) {
        return Ok(());
    }
    // One short line in one call: several processes may write at the same time.
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .and_then(|mut file| file.write_all(format!("{}\n", point.name()).as_bytes()))
        .map_err(|error| unusable(file, error))
}

/// Fails the migration: a test that can't be told anything must not pass.
fn unusable(file: &std::path::Path, error: std::io::Error) -> Error {
    let what = format!("the failpoint's file {} can't be written", file.display());
    Error::new(ErrorKind::Refused, what).with_source(error)
}

impl FromStr for Rules {
    type Err = BadRules;

    fn from_str(text: &str) -> Result<Self, BadRules> {
        let rules = text.split(';').map(str::trim).filter(|rule| !rule.is_empty());
        rules.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Rule {
    type Err = BadRules;

    fn from_str(text: &str) -> Result<Self, BadRules> {
        let bad = |why: &str| BadRules(format!("failpoint rule {text:?}: {why}"));
        let (name, action) = text
            .split_once('=')
            .ok_or_else(|| bad("write POINT=ACTION, as in cut-over.rename.before=die"))?;
        let point = match name.trim() {
            "*" => None,
            name => Some(
                Point::all()
                    .find(|point| point.name() == name)
                    .ok_or_else(|| bad("there is no such point"))?,
            ),
        };
        // A path may have an @ in it.
        let (action, turn) = match action.rsplit_once('@') {
            Some((action, turn)) if turn.parse::<u64>().is_ok() => (action, turn.parse().unwrap_or(1)),
            _ => (action, 1),
        };
        if turn == 0 {
            return Err(bad("no point is reached for the 0th time; count from 1"));
        }
        let action = match action.trim().split_once(':') {
            None if action.trim() == "die" => Action::Die,
            None if action.trim() == "lose-reply" => Action::LoseReply,
            Some(("hold", directory)) if !directory.is_empty() => Action::Hold(directory.into()),
            Some(("record", file)) if !file.is_empty() => Action::Record {
                file: file.into(),
                recorded: Mutex::default(),
            },
            _ => return Err(bad("the action is none of die, hold:DIR, lose-reply, record:FILE")),
        };
        Ok(Self {
            point,
            action,
            turn,
            reached: AtomicU64::new(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Side, Step},
        *,
    };

    const POINT: Point = Point {
        step: Step::CutOverRename,
        side: Side::After,
    };

    #[tokio::test]
    async fn a_rule_is_obeyed_at_its_turn_and_never_again() {
        let rules: Rules = "cut-over.rename.after=lose-reply@2".parse().unwrap();
        let other = Point {
            side: Side::Before,
            ..POINT
        };
        for point in [POINT, other, other] {
            rules.obey(point).await.unwrap();
        }
        assert_eq!(rules.obey(POINT).await.unwrap_err().kind(), ErrorKind::ServerGone);
        rules.obey(POINT).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_held_tells_so_and_waits_to_be_let_go() {
        let directory = std::env::temp_dir().join(format!("outlast-hold-{}@1x", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let rules: Rules = format!("*=hold:{}", directory.display()).parse().unwrap();
        let held = tokio::spawn(async move { rules.obey(POINT).await });
        while !directory.join("cut-over.rename.after.reached").exists() {
            tokio::task::yield_now().await;
        }
        assert!(!held.is_finished());
        std::fs::write(directory.join("cut-over.rename.after.go"), "").unwrap();
        held.await.unwrap().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn what_was_reached_is_recorded_once() {
        let file = std::env::temp_dir().join(format!("outlast-record-{}", std::process::id()));
        let rules: Rules = format!("*=record:{}", file.display()).parse().unwrap();
        for _ in 0..3 {
            rules.obey(POINT).await.unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "cut-over.rename.after\n");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn rules_that_can_not_be_read_are_refused() {
        for text in [
            "cut-over.rename=die",
            "cut-over.rename.before",
            "no.such.before=die",
            "cut-over.rename.before=explode",
            "cut-over.rename.before=hold:",
            "cut-over.rename.before=die@0",
        ] {
            let error = text.parse::<Rules>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
        assert!("".parse::<Rules>().unwrap().0.is_empty());
        assert_eq!(
            "*=die@7; chunk.commit.after=lose-reply"
                .parse::<Rules>()
                .unwrap()
                .0
                .len(),
            2
        );
    }

    #[test]
    fn no_two_points_have_one_name() {
        let names: BTreeSet<String> = Point::all().map(Point::name).collect();
        assert_eq!(names.len(), Point::all().count());
    }
}
