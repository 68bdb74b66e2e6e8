//! A sorted map of few entries in one piece of memory.

use std::borrow::Borrow;

/// A map for a handful of entries that is looked up often: brokers, connections, partitions of a topic.
///
/// Entries lie sorted by key in one vector. A look-up touches one or two cache lines, and walking the map is walking a
/// slice. Adding to the front or middle moves what lies behind, so it is not for maps that grow large.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmallMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> SmallMap<K, V> {
    /// A map without entries or memory.
    pub const fn new() -> Self {
        SmallMap { entries: Vec::new() }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The entries in the order of their keys, values open to change.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> + ExactSizeIterator {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values in the order of their keys, open to change.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// Where a key is, or where it would have to be.
    #[inline]
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// The value of a key.
    #[inline]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(&self.entries[place].1)
    }

    /// The value of a key, open to change.
    #[inline]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(&mut self.entries[place].1)
    }

    /// Whether a key has a value.
    #[inline]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Sets the value of a key. Returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Keys mostly come in ascending order.
        if self.entries.last().is_none_or(|(last, _)| *last < key) {
            self.entries.push((key, value));
            return None;
        }
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// The value of a key, which is made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.place(&key) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, (key, make()));
                place
            }
        };
        &mut self.entries[place].1
    }

    /// Takes a key and its value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(self.entries.remove(place).1)
    }
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        SmallMap::new()
    }
}

/// Of several values of one key the last one counts.
impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SmallMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V> Extend<(K, V)> for SmallMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K, V> IntoIterator for SmallMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Seed;

    #[test]
    fn entries_come_out_by_key_whatever_the_order_they_went_in() {
        let map: SmallMap<i32, &str> = [(3, "c"), (1, "a"), (2, "b"), (1, "again")].into_iter().collect();
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), ["again", "b", "c"]);
    }

    #[test]
    fn it_does_what_a_tree_does() {
        let mut rng = Seed(7).stream("small map", 0);
        let (mut map, mut tree) = (SmallMap::new(), BTreeMap::new());
        for step in 0..2_000 {
            let key = rng.index(12);
            match rng.index(4) {
                0 => assert_eq!(map.insert(key, step), tree.insert(key, step)),
                1 => assert_eq!(map.remove(&key), tree.remove(&key)),
                2 => assert_eq!(
                    map.get_or_insert_with(key, || step),
                    tree.entry(key).or_insert_with(|| step)
                ),
                _ => assert_eq!(map.get(&key), tree.get(&key)),
            }
            assert!(map.iter().eq(tree.iter()));
            assert_eq!(map.contains_key(&key), tree.contains_key(&key));
        }
    }

    #[test]
    fn a_borrowed_key_finds_its_value() {
        let map: SmallMap<String, i32> = [("b".to_owned(), 2), ("a".to_owned(), 1)].into_iter().collect();
        assert_eq!(map.get("a"), Some(&1));
        assert_eq!(map.get("c"), None);
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let mut map: SmallMap<i32, i32> = (0..6).map(|number| (number, number * number)).collect();
        map.retain(|key, _| key % 2 == 0);
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(0, 0), (2, 4), (4, 16)]);
    }
}
