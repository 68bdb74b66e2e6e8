//! What happens later: entries ordered by the instant they are due, then by the order they were added.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::time::SimTime;

/// As many entries lie in one piece of memory at most.
const NEAR: usize = 128;

/// Names one entry of an [`Agenda`], for [`Agenda::cancel`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct AgendaKey {
    at: SimTime,
    sequence: u64,
}

impl AgendaKey {
    /// Instant and sequence as one number, which is compared without a branch.
    #[inline]
    fn rank(self) -> u128 {
        u128::from(self.at.as_nanos()) << 64 | u128::from(self.sequence)
    }

    /// The instant the entry is due.
    pub fn at(self) -> SimTime {
        self.at
    }
}

/// By instant, then in the order they were added.
impl Ord for AgendaKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for AgendaKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Entries waiting for their instant.
///
/// Two entries of the same instant leave in the order they came, which is what makes runs repeatable. Cancelled
/// entries are removed at once, so a timer that is set and cancelled for every request does not grow the agenda.
///
/// The entries that are due next are kept in order in one piece of memory, the first of them at its end, where it is
/// taken from. Where there are many, those that are due later lie in a tree, so that adding and cancelling stay cheap.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    /// What is due first comes last. Empty only if `far` is.
    near: Vec<(AgendaKey, E)>,
    /// Behind everything in `near`.
    far: BTreeMap<AgendaKey, E>,
    next_sequence: u64,
}

impl<E> Agenda<E> {
    /// An empty agenda.
    pub const fn new() -> Self {
        Agenda {
            near: Vec::new(),
            far: BTreeMap::new(),
            next_sequence: 0,
        }
    }

    /// Adds an entry due at `at`, behind those already due at that instant.
    pub fn push(&mut self, at: SimTime, entry: E) -> AgendaKey {
        let key = AgendaKey {
            at,
            sequence: self.next_sequence,
        };
        self.next_sequence += 1;
        match self.near.first() {
            Some((last, _)) if *last > key => {
                let place = self.near.partition_point(|(other, _)| *other > key);
                self.near.insert(place, (key, entry));
            }
            _ if self.far.is_empty() => self.near.insert(0, (key, entry)),
            _ => _ = self.far.insert(key, entry),
        }
        if self.near.len() > NEAR {
            self.far.extend(self.near.drain(..NEAR / 2));
        }
        key
    }

    /// Takes the first entry that is due at `now` or was due before, with the instant it was due.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, E)> {
        let (key, entry) = self.near.pop_if(|(first, _)| first.at <= now)?;
        self.refill();
        Some((key.at, entry))
    }

    /// The instant the first entry is due.
    #[inline]
    pub fn next_due(&self) -> Option<SimTime> {
        self.near.last().map(|(key, _)| key.at)
    }

    /// Removes an entry. False if it has left already.
    pub fn cancel(&mut self, key: AgendaKey) -> bool {
        if self.near.first().is_none_or(|(last, _)| *last < key) {
            return self.far.remove(&key).is_some();
        }
        let Ok(place) = self.near.binary_search_by(|(other, _)| key.cmp(other)) else {
            return false;
        };
        self.near.remove(place);
        self.refill();
        true
    }

    /// Once nothing is near any more, the first of those that lie far come near.
    #[inline]
    fn refill(&mut self) {
        if self.near.is_empty() && !self.far.is_empty() {
            self.bring_near();
        }
    }

    #[inline(never)]
    fn bring_near(&mut self) {
        let next = std::iter::from_fn(|| self.far.pop_first());
        self.near.extend(next.take(NEAR / 2));
        self.near.reverse();
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(SimTime, &mut E) -> bool) {
        self.near.retain_mut(|(key, entry)| keep(key.at, entry));
        self.far.retain(|key, entry| keep(key.at, entry));
        self.refill();
    }

    /// The entries in the order they will leave.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &E)> {
        let near = self.near.iter().rev().map(|(key, entry)| (key.at, entry));
        near.chain(self.far.iter().map(|(key, entry)| (key.at, entry)))
    }

    /// Removes every entry. Keys handed out before stay dead.
    pub fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
    }

    /// Number of waiting entries.
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Agenda::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn drain(agenda: &mut Agenda<&'static str>, now: SimTime) -> Vec<&'static str> {
        std::iter::from_fn(|| agenda.pop_due(now).map(|(_, entry)| entry)).collect()
    }

    #[test]
    fn entries_leave_by_instant_then_in_the_order_they_came() {
        let mut agenda = Agenda::new();
        agenda.push(SimTime::from_millis(2), "late");
        agenda.push(SimTime::from_millis(1), "first");
        agenda.push(SimTime::from_millis(1), "second");
        agenda.push(SimTime::from_millis(1), "third");
        assert_eq!(agenda.next_due(), Some(SimTime::from_millis(1)));
        assert_eq!(
            drain(&mut agenda, SimTime::from_millis(5)),
            ["first", "second", "third", "late"]
        );
    }

    #[test]
    fn nothing_leaves_before_its_instant() {
        let mut agenda = Agenda::new();
        agenda.push(SimTime::from_nanos(10), "entry");
        assert_eq!(agenda.pop_due(SimTime::from_nanos(9)), None);
        assert_eq!(
            agenda.pop_due(SimTime::from_nanos(12)),
            Some((SimTime::from_nanos(10), "entry"))
        );
    }

    #[test]
    fn a_cancelled_entry_never_leaves_and_holds_no_memory() {
        let mut agenda = Agenda::new();
        for _ in 0..1_000 {
            let key = agenda.push(SimTime::from_secs(30), "time-out");
            assert!(agenda.cancel(key));
            assert!(!agenda.cancel(key));
        }
        assert!(agenda.is_empty());
        assert_eq!(agenda.next_due(), None);
    }

    #[test]
    fn cancelling_one_of_several_at_an_instant_leaves_the_others_in_order() {
        let mut agenda = Agenda::new();
        agenda.push(SimTime::ZERO, "a");
        let b = agenda.push(SimTime::ZERO, "b");
        agenda.push(SimTime::ZERO, "c");
        assert!(agenda.cancel(b));
        assert_eq!(agenda.len(), 2);
        assert_eq!(drain(&mut agenda, SimTime::ZERO), ["a", "c"]);
    }

    /// What an agenda is to do, in a plain list.
    #[derive(Default)]
    struct Plain(Vec<(AgendaKey, u64)>);

    impl Plain {
        fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, u64)> {
            let first = self.0.first().filter(|(key, _)| key.at <= now)?;
            let first = (first.0.at, first.1);
            self.0.remove(0);
            Some(first)
        }
    }

    #[test]
    fn any_number_of_entries_leaves_in_the_same_order() {
        for seed in 0..20 {
            let mut rng = Seed(seed).stream("agenda", 0);
            let (mut agenda, mut plain, mut keys) = (Agenda::new(), Plain::default(), Vec::new());
            // It grows for a while, then shrinks.
            for step in 0..3_000_u64 {
                let grows = step < 1_500;
                match rng.below(if grows { 8 } else { 20 }) {
                    0..=4 => {
                        let key = agenda.push(SimTime::from_millis(rng.below(400)), step);
                        keys.push(key);
                        plain.0.push((key, step));
                        plain.0.sort();
                    }
                    5 => {
                        let now = SimTime::from_millis(rng.below(20));
                        assert_eq!(agenda.pop_due(now), plain.pop_due(now));
                    }
                    6 if !keys.is_empty() => {
                        let key = keys[rng.index(keys.len())];
                        let was_there = plain.0.iter().any(|(other, _)| *other == key);
                        plain.0.retain(|(other, _)| *other != key);
                        assert_eq!(agenda.cancel(key), was_there);
                    }
                    7 if step % 64 == 0 => {
                        agenda.retain(|_, entry| *entry % 7 != 0);
                        plain.0.retain(|(_, entry)| entry % 7 != 0);
                    }
                    _ if grows => {}
                    _ => assert_eq!(agenda.pop_due(SimTime::MAX), plain.pop_due(SimTime::MAX)),
                }
                assert_eq!(agenda.len(), plain.0.len());
                assert_eq!(agenda.next_due(), plain.0.first().map(|(key, _)| key.at));
                if step % 50 == 0 {
                    let mut rest = plain.0.iter().map(|(key, entry)| (key.at, *entry));
                    assert!(agenda.iter().all(|(at, entry)| rest.next() == Some((at, *entry))));
                }
            }
        }
    }

    #[test]
    fn a_key_stays_dead_after_the_agenda_is_cleared() {
        let mut agenda = Agenda::new();
        let old = agenda.push(SimTime::ZERO, "old");
        agenda.clear();
        agenda.push(SimTime::ZERO, "new");
        assert!(!agenda.cancel(old));
        assert_eq!(drain(&mut agenda, SimTime::ZERO), ["new"]);
    }
}
