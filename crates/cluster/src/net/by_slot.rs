//! Something for each connection, found without a search.

use kafka_sim_core::SmallMap;

use crate::net::ChannelId;

/// A value for each of some connections, in the slots that their ids name.
///
/// A slot goes to another connection once [`Net`](crate::net::Net) has forgotten the last one. Who remembers a
/// connection longer than that keeps it aside from then on.
#[derive(Clone, Debug)]
pub(crate) struct BySlot<T> {
    slots: Vec<Option<(ChannelId, T)>>,
    /// Those whose slot another connection has now.
    aside: SmallMap<ChannelId, T>,
}

impl<T> BySlot<T> {
    pub(crate) fn new() -> BySlot<T> {
        BySlot {
            slots: Vec::new(),
            aside: SmallMap::new(),
        }
    }

    /// Adds the value of a connection that has none.
    pub(crate) fn insert(&mut self, id: ChannelId, value: T) {
        let slot = id.slot();
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some((older, value)) = self.slots[slot].replace((id, value)) {
            self.aside.insert(older, value);
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: ChannelId) -> Option<&T> {
        match self.slots.get(id.slot()) {
            Some(Some((there, value))) if *there == id => Some(value),
            _ => self.aside.get(&id),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ChannelId) -> Option<&mut T> {
        match self.slots.get_mut(id.slot()) {
            Some(Some((there, value))) if *there == id => Some(value),
            _ => self.aside.get_mut(&id),
        }
    }

    pub(crate) fn remove(&mut self, id: ChannelId) -> Option<T> {
        let here = self.slots.get_mut(id.slot());
        match here.and_then(|slot| slot.take_if(|(there, _)| *there == id)) {
            Some((_, value)) => Some(value),
            None => self.aside.remove(&id),
        }
    }

    /// The connections, oldest first.
    pub(crate) fn ids(&self) -> Vec<ChannelId> {
        let here = self.slots.iter().flatten().map(|(id, _)| *id);
        let mut ids: Vec<ChannelId> = here.chain(self.aside.keys().copied()).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_lost_its_slot_to_a_younger_one_is_still_found() {
        let (older, younger) = (ChannelId::new(1, 3), ChannelId::new(2, 3));
        let mut values = BySlot::new();
        values.insert(older, "older");
        assert_eq!(values.get(younger), None);
        values.insert(younger, "younger");
        assert_eq!(values.get(older), Some(&"older"));
        assert_eq!(values.get(younger), Some(&"younger"));
        assert_eq!(values.remove(older), Some("older"));
        assert_eq!(values.get(older), None);
        assert_eq!(values.remove(older), None);
        assert_eq!(values.ids(), [younger]);
    }

    #[test]
    fn connections_are_listed_by_age_whatever_their_slots() {
        let mut values = BySlot::new();
        for (number, slot) in [(1, 1), (2, 0), (3, 2), (4, 1)] {
            values.insert(ChannelId::new(number, slot), number);
        }
        let values: Vec<_> = values.ids().iter().filter_map(|id| values.get(*id)).copied().collect();
        assert_eq!(values, [1, 2, 3, 4]);
    }
}
