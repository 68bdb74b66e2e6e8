//! What happens later: entries ordered by the instant they are due, then by the order they were added.

use std::collections::VecDeque;

use crate::time::SimTime;

/// Names one entry of an [`Agenda`], for [`Agenda::cancel`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct AgendaKey {
    at: SimTime,
    sequence: u64,
}

impl AgendaKey {
    /// The instant the entry is due.
    pub fn at(self) -> SimTime {
        self.at
    }
}

/// Entries waiting for their instant.
///
/// Two entries of the same instant leave in the order they came, which is what makes runs repeatable. Cancelled
/// entries are removed at once, so a timer that is set and cancelled for every request does not grow the agenda.
///
/// Entries are kept in order in one piece of memory: what is added is mostly due after everything else, and what leaves is
/// at the front, so that hardly anything is ever moved.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    entries: VecDeque<(AgendaKey, E)>,
    next_sequence: u64,
}

impl<E> Agenda<E> {
    /// An empty agenda.
    pub const fn new() -> Self {
        Agenda {
            entries: VecDeque::new(),
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
        match self.entries.back() {
            Some((last, _)) if *last > key => {
                let place = self.entries.partition_point(|(other, _)| *other < key);
                self.entries.insert(place, (key, entry));
            }
            _ => self.entries.push_back((key, entry)),
        }
        key
    }

    /// Takes the first entry that is due at `now` or was due before, with the instant it was due.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, E)> {
        let (first, _) = self.entries.front()?;
        if first.at > now {
            return None;
        }
        self.entries.pop_front().map(|(key, entry)| (key.at, entry))
    }

    /// The instant the first entry is due.
    pub fn next_due(&self) -> Option<SimTime> {
        self.entries.front().map(|(key, _)| key.at)
    }

    /// Removes an entry. False if it has left already.
    pub fn cancel(&mut self, key: AgendaKey) -> bool {
        let place = self.entries.binary_search_by_key(&key, |(key, _)| *key);
        place.is_ok_and(|place| self.entries.remove(place).is_some())
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(SimTime, &mut E) -> bool) {
        self.entries.retain_mut(|(key, entry)| keep(key.at, entry));
    }

    /// The entries in the order they will leave.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &E)> {
        self.entries.iter().map(|(key, entry)| (key.at, entry))
    }

    /// Removes every entry. Keys handed out before stay dead.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Number of waiting entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
