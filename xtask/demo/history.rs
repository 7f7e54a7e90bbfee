//! What Outlast itself wrote down, and the timeline made of it.

use anyhow::{Context, Result};
use outlast_testbed::Node;

use crate::screen::{Ink, Screen};

/// One line of `_outlast.events`.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) epoch: u64,
    pub(crate) agent: String,
}

/// The first event of a kind that this server wrote about a migration.
pub(crate) async fn first(node: &Node, migration: &str, kind: &str) -> Result<Event> {
    let sql = format!(
        "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) DIV 1000, epoch, agent FROM _outlast.events \
         WHERE migration = '{migration}' AND kind = '{kind}' AND server_uuid = @@server_uuid ORDER BY id LIMIT 1"
    );
    let found: Vec<(u64, u64, String)> = node.query(&sql).await?;
    let (at, epoch, agent) = found
        .into_iter()
        .next()
        .with_context(|| format!("there is no event {kind:?} yet"))?;
    Ok(Event { at, epoch, agent })
}

/// Something that happened, for the end.
struct Moment {
    at: u64,
    what: &'static str,
    ink: Ink,
    detail: String,
    /// What it came after, and by how many milliseconds.
    delay: Option<(&'static str, u64)>,
}

/// All that happened, in the order it is told.
#[derive(Default)]
pub(crate) struct Timeline(Vec<Option<Moment>>);

impl Timeline {
    pub(crate) fn note(&mut self, at: u64, what: &'static str, ink: Ink, detail: String) {
        let delay = None;
        self.0.push(Some(Moment {
            at,
            what,
            ink,
            detail,
            delay,
        }));
    }

    /// Notes it with the time that passed since `since`.
    pub(crate) fn note_after(
        &mut self,
        since: (&'static str, u64),
        at: u64,
        what: &'static str,
        ink: Ink,
        detail: String,
    ) {
        let delay = Some((since.0, at.saturating_sub(since.1)));
        self.0.push(Some(Moment {
            at,
            what,
            ink,
            detail,
            delay,
        }));
    }

    /// Begins a new part.
    pub(crate) fn part(&mut self) {
        self.0.push(None);
    }

    pub(crate) fn print(&self, screen: &Screen) {
        for moment in &self.0 {
            let Some(moment) = moment else {
                screen.line("");
                continue;
            };
            let time = format!("{:>7.2} s", screen.seconds(moment.at));
            let what = format!("{:<15}", moment.what);
            let delay = moment.delay.map_or(String::new(), |(since, ms)| {
                let delay = format!("{since} + {:.2} s", ms as f64 / 1000.0);
                screen.paint(Ink::Bold, &format!("{delay:>19}"))
            });
            let line = format!(
                "{}  {} {:<30} {delay}",
                screen.paint(Ink::Faint, &time),
                screen.paint(moment.ink, &what),
                moment.detail,
            );
            screen.line(line.trim_end());
        }
    }
}
