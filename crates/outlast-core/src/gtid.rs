//! Sets of global transaction identifiers, tagged ones included (`uuid:1-5:9`, `uuid:tag:1-3`).
//!
//! A set says which transactions a position accounts for. Sequence numbers are kept as half-open intervals, so that a
//! set's size follows the number of its holes, not of its transactions.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// Largest sequence number that MySQL assigns (2⁶³ − 2, `GNO_END - 1` in its sources).
const MAX_SEQUENCE: u64 = i64::MAX as u64 - 1;

/// Who issued a transaction: a server (or group) and an optional tag, as `uuid` or `uuid:tag`, lower case.
pub type Source = std::sync::Arc<str>;

/// One transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtid {
    /// `uuid` or `uuid:tag`.
    pub source: Source,
    /// Sequence number, from 1.
    pub sequence: u64,
}

impl Gtid {
    /// Transaction `sequence` of `source`.
    pub fn new(source: impl Into<Source>, sequence: u64) -> Self {
        Self {
            source: source.into(),
            sequence,
        }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.sequence)
    }
}

impl fmt::Debug for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of transactions.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    /// Per source: start → end (excluded) of disjoint intervals that do not touch.
    sources: BTreeMap<Source, BTreeMap<u64, u64>>,
}

impl GtidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it holds no transaction.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Adds one transaction.
    pub fn insert(&mut self, gtid: &Gtid) {
        self.insert_interval(gtid.source.clone(), gtid.sequence, gtid.sequence + 1);
    }

    /// Adds all transactions of `other`.
    pub fn extend(&mut self, other: &GtidSet) {
        for (source, start, end) in other.intervals() {
            self.insert_interval(source.clone(), start, end);
        }
    }

    /// Whether it holds the transaction.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.covers(&gtid.source, gtid.sequence, gtid.sequence + 1)
    }

    /// Whether every transaction of this set is in `other`.
    pub fn is_subset(&self, other: &GtidSet) -> bool {
        self.intervals()
            .all(|(source, start, end)| other.covers(source, start, end))
    }

    /// The transactions of this set that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &GtidSet) -> GtidSet {
        let mut rest = GtidSet::new();
        for (source, start, end) in self.intervals() {
            let mut from = start;
            if let Some(held) = other.sources.get(source) {
                for (&s, &e) in held.range(..end) {
                    if e <= from {
                        continue;
                    }
                    if s > from {
                        rest.insert_interval(source.clone(), from, s);
                    }
                    from = from.max(e);
                }
            }
            if from < end {
                rest.insert_interval(source.clone(), from, end);
            }
        }
        rest
    }

    /// For each source, the numbers that are missing between this set's own, as far as they are above all of `floor`'s. A
    /// source that is not in `floor` begins with 1.
    #[must_use]
    pub fn gaps_above(&self, floor: &GtidSet) -> GtidSet {
        let mut gaps = GtidSet::new();
        for (source, intervals) in &self.sources {
            let floor = floor.sources.get(source).and_then(|held| held.values().last());
            let mut next = floor.copied().unwrap_or(1);
            for (&start, &end) in intervals {
                if next < start {
                    gaps.insert_interval(source.clone(), next, start);
                }
                next = next.max(end);
            }
        }
        gaps
    }

    /// The set without the sources of which this is true.
    #[must_use]
    pub fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> GtidSet {
        self.sources.retain(|source, _| !is_left_out(source));
        self
    }

    /// The transactions that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &GtidSet) -> GtidSet {
        self.minus(&self.minus(other))
    }

    /// Number of transactions.
    pub fn count(&self) -> u64 {
        self.intervals().map(|(_, start, end)| end - start).sum()
    }

    /// Number of intervals.
    pub fn pieces(&self) -> usize {
        self.sources.values().map(BTreeMap::len).sum()
    }

    /// Of each source, the lowest transactions, in at most so many intervals.
    #[must_use]
    pub fn lowest(&self, intervals: usize) -> GtidSet {
        let lowest = |all: &BTreeMap<u64, u64>| all.iter().take(intervals).map(|(&start, &end)| (start, end)).collect();
        let sources = self.sources.iter();
        GtidSet {
            sources: sources.map(|(source, all)| (source.clone(), lowest(all))).collect(),
        }
    }

    /// Every interval as (source, first, last + 1), ordered by source and first.
    pub fn intervals(&self) -> impl Iterator<Item = (&Source, u64, u64)> {
        self.sources
            .iter()
            .flat_map(|(source, intervals)| intervals.iter().map(move |(&start, &end)| (source, start, end)))
    }

    /// For messages: a set that takes many characters is cut between two intervals, and says how many transactions it has.
    pub fn shown(&self) -> String {
        const MOST_CHARACTERS: usize = 200;
        let text = self.to_string();
        if text.len() <= MOST_CHARACTERS {
            return text;
        }
        let end = text[..MOST_CHARACTERS].rfind([',', ':']).unwrap_or(MOST_CHARACTERS);
        format!("{}… ({} transactions in all)", &text[..end], self.count())
    }

    fn covers(&self, source: &Source, start: u64, end: u64) -> bool {
        self.sources
            .get(source)
            .and_then(|intervals| intervals.range(..=start).next_back())
            .is_some_and(|(_, &e)| e >= end)
    }

    fn insert_interval(&mut self, source: Source, mut start: u64, mut end: u64) {
        let intervals = self.sources.entry(source).or_default();
        // Every interval that overlaps or touches is swallowed.
        while let Some((&s, &e)) = intervals.range(..=end).next_back() {
            if e < start {
                break;
            }
            start = start.min(s);
            end = end.max(e);
            intervals.remove(&s);
        }
        intervals.insert(start, end);
    }
}

impl Extend<Gtid> for GtidSet {
    fn extend<T: IntoIterator<Item = Gtid>>(&mut self, gtids: T) {
        for gtid in gtids {
            self.insert(&gtid);
        }
    }
}

impl FromIterator<Gtid> for GtidSet {
    fn from_iter<T: IntoIterator<Item = Gtid>>(gtids: T) -> Self {
        let mut set = GtidSet::new();
        Extend::extend(&mut set, gtids);
        set
    }
}

/// As MySQL writes it, with all intervals of a source behind it: `uuid:1-5:9,uuid:tag:1-3`.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (source, intervals)) in self.sources.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(source)?;
            for (&start, &end) in intervals {
                if end - start == 1 {
                    write!(f, ":{start}")?;
                } else {
                    write!(f, ":{start}-{}", end - 1)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a GTID set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not part of a GTID set")]
pub struct InvalidGtidSet(String);

/// Reads what `@@gtid_executed` holds: white space anywhere, tags behind their UUID.
impl FromStr for GtidSet {
    type Err = InvalidGtidSet;

    fn from_str(text: &str) -> Result<Self, InvalidGtidSet> {
        let mut set = GtidSet::new();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let invalid = || InvalidGtidSet(entry.chars().take(200).collect());
            let mut parts = entry.split(':').map(str::trim);
            let uuid = parts.next().map(str::to_ascii_lowercase);
            let uuid = uuid.filter(|u| is_uuid(u)).ok_or_else(invalid)?;
            let mut source: Source = uuid.as_str().into();
            for part in parts {
                if part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    source = format!("{uuid}:{}", part.to_ascii_lowercase()).into();
                    continue;
                }
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                let first: u64 = first.trim().parse().map_err(|_| invalid())?;
                let last: u64 = last.trim().parse().map_err(|_| invalid())?;
                if first == 0 || last < first || last > MAX_SEQUENCE {
                    return Err(invalid());
                }
                set.insert_interval(source.clone(), first, last + 1);
            }
        }
        Ok(set)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_of_the_server_is_read_and_written_back() {
        let text = format!("{A}:1-5:9,\n{B}:3:tag_1:1-2:7");
        let read = set(&text);
        assert_eq!(read.to_string(), format!("{A}:1-5:9,{B}:3,{B}:tag_1:1-2:7"));
        assert_eq!(set(&read.to_string()), read);
        assert_eq!(read.count(), 5 + 1 + 1 + 2 + 1);
        assert_eq!(set(""), GtidSet::new());
    }

    #[test]
    fn texts_that_are_no_gtid_sets_are_refused() {
        for text in ["x", &format!("{A}:0"), &format!("{A}:5-3"), &format!("{A}:1-"), "1-5"] {
            assert!(text.parse::<GtidSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_set_of_many_intervals_is_cut_for_messages() {
        let few = set(&format!("{A}:1-5:9"));
        assert_eq!(few.shown(), few.to_string());
        let many: GtidSet = (1..=1000).map(|n| Gtid::new(A, 2 * n)).collect();
        let shown = many.shown();
        assert!(shown.starts_with(&format!("{A}:2:4:6")), "{shown}");
        assert!(shown.ends_with("… (1000 transactions in all)"), "{shown}");
        assert!(shown.len() < 250, "{shown}");
        let cut = shown.split('…').next().unwrap();
        assert!(set(cut).is_subset(&many), "{cut}");
    }

    #[test]
    fn a_tag_is_another_source_than_its_uuid() {
        assert!(!set(&format!("{A}:t:1-5")).is_subset(&set(&format!("{A}:1-5"))));
    }

    #[test]
    fn gaps_are_what_is_missing_between_numbers_above_the_floor() {
        let gaps = |text: &str, floor: &str| set(text).gaps_above(&set(floor)).to_string();
        assert_eq!(
            gaps(&format!("{A}:1-5:9-12:20"), &format!("{A}:1-3")),
            format!("{A}:6-8:13-19")
        );
        assert_eq!(
            gaps(&format!("{A}:1-5:9-12:20"), &format!("{A}:1-3:10")),
            format!("{A}:13-19")
        );
        assert_eq!(
            gaps(&format!("{A}:7-9,{B}:3:5"), &format!("{A}:1-5")),
            format!("{A}:6,{B}:1-2:4")
        );
        assert_eq!(gaps(&format!("{A}:1-5"), ""), "");
    }

    #[test]
    fn algebra_agrees_with_sets_of_numbers() {
        let mut random = StdRng::seed_from_u64(1);
        for round in 0..2000 {
            let mut draw = || {
                let mut numbers = std::collections::BTreeSet::new();
                let mut gtids = GtidSet::new();
                for _ in 0..random.random_range(0..12) {
                    let n = random.random_range(1..20u64);
                    numbers.insert(n);
                    gtids.insert(&Gtid::new(A, n));
                }
                (numbers, gtids)
            };
            let ((n1, g1), (n2, g2)) = (draw(), draw());
            let of = |numbers: Vec<u64>| numbers.into_iter().map(|n| Gtid::new(A, n)).collect();
            let minus: GtidSet = of(n1.difference(&n2).copied().collect());
            let both: GtidSet = of(n1.intersection(&n2).copied().collect());
            let mut union = g1.clone();
            union.extend(&g2);
            assert_eq!(g1.minus(&g2), minus, "round {round}");
            assert_eq!(g1.intersection(&g2), both, "round {round}");
            assert_eq!(union, of(n1.union(&n2).copied().collect()), "round {round}");
            assert_eq!(g1.is_subset(&g2), n1.is_subset(&n2), "round {round}");
            assert_eq!(g1.count(), n1.len() as u64);
        }
    }
}
