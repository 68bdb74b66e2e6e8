//! What happens later: entries ordered by the instant they are due, then by the order they were added.

use std::collections::BTreeMap;

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
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    entries: BTreeMap<AgendaKey, E>,
    next_sequence: u64,
}

impl<E> Agenda<E> {
    /// An empty agenda.
    pub const fn new() -> Self {
        Agenda {
            entries: BTreeMap::new(),
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
        self.entries.insert(key, entry);
        key
    }

    /// Takes the first entry that is due at `now` or was due before, with the instant it was due.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, E)> {
        let first = self.entries.first_entry()?;
        if first.key().at > now {
            return None;
        }
        let (key, entry) = first.remove_entry();
        Some((key.at, entry))
    }

    /// The instant the first entry is due.
    pub fn next_due(&self) -> Option<SimTime> {
        self.entries.first_key_value().map(|(key, _)| key.at)
    }

    /// Removes an entry. False if it has left already.
    pub fn cancel(&mut self, key: AgendaKey) -> bool {
        self.entries.remove(&key).is_some()
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(SimTime, &mut E) -> bool) {
        self.entries.retain(|key, entry| keep(key.at, entry));
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
