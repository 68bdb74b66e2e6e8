//! A map of a few entries, kept in order in two pieces of memory.

use std::borrow::Borrow;
use std::fmt;

use crate::TopicPartition;

/// Up to so many keys are looked through one after the other, which takes less time than halving.
const FEW: usize = 8;

/// An ordered map for a handful of entries that are looked up for every message.
///
/// It behaves as a `BTreeMap`: one value for each key, walked in the order of the keys. Keys and values lie side by side
/// instead of in a tree, so that looking up takes a few comparisons and no more. Adding and removing anywhere but at the
/// end moves what is behind, which is cheap for dozens of entries and stays bearable for thousands.
///
/// ```
/// use kafka_sim_core::SmallMap;
///
/// let mut leaders = SmallMap::new();
/// leaders.insert(2, "b");
/// leaders.insert(1, "a");
/// assert_eq!(leaders.get(&2), Some(&"b"));
/// assert_eq!(leaders.keys().copied().collect::<Vec<_>>(), [1, 2]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SmallMap<K, V> {
    /// Ascending.
    keys: Vec<K>,
    /// In the order of their keys.
    values: Vec<V>,
}

impl<K, V> SmallMap<K, V> {
    /// A map without entries, which takes no memory of its own.
    pub const fn new() -> Self {
        SmallMap {
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Removes every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.keys.iter().zip(&self.values)
    }

    /// The entries in the order of their keys, their values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> + ExactSizeIterator {
        self.keys.iter().zip(&mut self.values)
    }

    /// The keys, ascending.
    pub fn keys(&self) -> std::slice::Iter<'_, K> {
        self.keys.iter()
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> std::slice::Iter<'_, V> {
        self.values.iter()
    }

    /// The values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, V> {
        self.values.iter_mut()
    }

    /// The entry at this place in the order of the keys, from 0.
    pub fn at(&self, place: usize) -> Option<(&K, &V)> {
        self.keys.get(place).zip(self.values.get(place))
    }

    /// The value at this place in the order of the keys, from 0.
    pub fn value_at(&self, place: usize) -> Option<&V> {
        self.values.get(place)
    }

    /// The value at this place in the order of the keys, from 0, to be changed.
    pub fn value_at_mut(&mut self, place: usize) -> Option<&mut V> {
        self.values.get_mut(place)
    }

    /// Keeps only the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let mut kept = 0;
        for place in 0..self.keys.len() {
            if keep(&self.keys[place], &mut self.values[place]) {
                self.keys.swap(kept, place);
                self.values.swap(kept, place);
                kept += 1;
            }
        }
        self.keys.truncate(kept);
        self.values.truncate(kept);
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// Where the key is, or else where it belongs.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.keys.binary_search_by(|other| other.borrow().cmp(key))
    }

    /// Where the key is in the order of the keys, from 0. It stays there until a key is added or removed.
    #[inline]
    pub fn place_of<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        if self.keys.len() <= FEW {
            self.keys.iter().position(|other| other.borrow() == key)
        } else {
            self.place(key).ok()
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.place_of(key)?;
        Some(&self.values[place])
    }

    /// The value of a key, to be changed.
    #[inline]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place_of(key)?;
        Some(&mut self.values[place])
    }

    /// Whether there is a value for the key.
    #[inline]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place_of(key).is_some()
    }

    /// Sets the value of a key and returns the one before, if there was one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Keys mostly come in ascending order.
        if self.keys.last().is_none_or(|last| *last < key) {
            self.keys.push(key);
            self.values.push(value);
            return None;
        }
        match self.place(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.values[place], value)),
            Err(place) => {
                self.keys.insert(place, key);
                self.values.insert(place, value);
                None
            }
        }
    }

    /// The value of a key, which is made first if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.place_of(&key) {
            Some(place) => place,
            None => {
                // Made before anything is moved: making may panic.
                let value = make();
                let place = self.keys.partition_point(|other| *other < key);
                self.keys.insert(place, key);
                self.values.insert(place, value);
                place
            }
        };
        &mut self.values[place]
    }

    /// Takes a key and its value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place_of(key)?;
        self.keys.remove(place);
        Some(self.values.remove(place))
    }
}

/// Mostly these are all partitions of one topic, each of which is where its number says.
impl<V> SmallMap<TopicPartition, V> {
    /// As [`place_of`](Self::place_of).
    #[inline]
    pub fn place_of_partition(&self, partition: &TopicPartition) -> Option<usize> {
        let guess = partition.partition as usize;
        let guessed = self.keys.get(guess).is_some_and(|other| other.cmp(partition).is_eq());
        if guessed { Some(guess) } else { self.place_of(partition) }
    }

    /// As [`get`](Self::get).
    #[inline]
    pub fn of_partition(&self, partition: &TopicPartition) -> Option<&V> {
        let place = self.place_of_partition(partition)?;
        Some(&self.values[place])
    }

    /// As [`get_mut`](Self::get_mut).
    #[inline]
    pub fn of_partition_mut(&mut self, partition: &TopicPartition) -> Option<&mut V> {
        let place = self.place_of_partition(partition)?;
        Some(&mut self.values[place])
    }
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        SmallMap::new()
    }
}

/// Of several values of a key the last one stays.
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
    type IntoIter = std::iter::Zip<std::vec::IntoIter<K>, std::vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().zip(self.values)
    }
}

/// The value of a key that is known to be there.
impl<K: Ord, V> std::ops::Index<&K> for SmallMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SmallMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
