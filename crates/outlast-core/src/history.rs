//! Histories that can still be read, whatever was tried for how long: what repeats is one line with a count.
//!
//! A migration that waits for a privilege, or for a server, is adopted and fails again and again, and each time has the same to
//! tell. A line that says what one of the [`WINDOW`] latest says takes its place, and says how often, and since when. So between two
//! things that a user or another server does, a history grows by what is new, and not by time.

use crate::{ids::ServerUuid, scheduler::Event};

/// How many of the latest lines a new one is compared with.
pub const WINDOW: usize = 32;

/// What stands between the count of a line and the time of the first of its kind.
const SINCE: &str = " times since ";

/// A line that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Where the line stands that goes, counted from the latest.
    pub place: usize,
    /// The detail of the line that takes its place.
    pub detail: String,
}

/// What becomes of a line that is to be written on `server`, where `latest` are the latest lines of its migration, newest first.
///
/// `None` if it is new, or told in any case: what a user does, and what follows on something that a user or another server has
/// done, such as the adoptions of a failover and of the one back.
pub fn repeated(latest: &[Event], server: &ServerUuid, agent: &str, kind: &str, detail: &str) -> Option<Repeated> {
    let uninterrupted = |event: &&Event| !event.agent.is_empty() && event.server == *server;
    let is_same = |event: &Event| event.agent == agent && event.kind == kind && parts(event).0 == detail;
    let mut comparable = latest.iter().take(WINDOW).take_while(uninterrupted);
    let place = comparable.position(is_same)?;
    let (_, times, since) = parts(&latest[place]);
    Some(Repeated {
        place,
        detail: format!("{detail} ({}{SINCE}{since})", times + 1),
    })
}

/// A line's detail without its count, how often it was told, and since when.
fn parts(event: &Event) -> (&str, u64, &str) {
    let counted = || {
        let (detail, count) = event.detail.strip_suffix(')')?.rsplit_once(" (")?;
        let (times, since) = count.split_once(SINCE)?;
        Some((detail, times.parse().ok()?, since))
    };
    counted().unwrap_or((&event.detail, 1, &event.at))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ids::Epoch;

    fn event(server: &str, agent: &str, detail: &str) -> Event {
        Event {
            at: format!("the time of {detail}"),
            epoch: Epoch(1),
            agent: agent.to_owned(),
            server: ServerUuid::new(server),
            kind: "failure".to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn repeated_here(latest: &[Event], detail: &str) -> Option<Repeated> {
        repeated(latest, &ServerUuid::new("here"), "a", "failure", detail)
    }

    #[test]
    fn a_line_that_repeats_counts_and_keeps_the_time_of_the_first() {
        let mut latest = vec![event("here", "a", "other (as they say)"), event("here", "a", "same")];
        for times in 2..=4 {
            let repeated = repeated_here(&latest, "same").unwrap();
            assert_eq!(repeated.detail, format!("same ({times} times since the time of same)"));
            latest.remove(repeated.place);
            latest.insert(0, event("here", "a", &repeated.detail));
        }
        assert_eq!(latest.len(), 2);
        assert_eq!(repeated_here(&latest, "other (as they say)").unwrap().place, 1);
    }

    #[test]
    fn what_a_user_or_another_server_has_done_in_between_lets_lines_be_told_anew() {
        let same = event("here", "a", "same");
        assert!(repeated_here(&[event("there", "a", "x"), same.clone()], "same").is_none());
        assert!(repeated_here(&[event("here", "", "retry"), same.clone()], "same").is_none());
        assert!(repeated_here(&[event("here", "b", "same")], "same").is_none());
        let mut long = vec![event("here", "a", "x"); WINDOW];
        long.push(same);
        assert!(repeated_here(&long, "same").is_none());
    }
}
