use std::collections::BTreeMap;

use super::*;
use crate::rng::Seed;

#[test]
fn it_does_what_a_tree_does() {
    let mut rng = Seed(1).stream("small map", 0);
    let (mut map, mut tree) = (SmallMap::new(), BTreeMap::new());
    for step in 0..5_000_u32 {
        let key = rng.below(12);
        match rng.below(6) {
            0 | 1 => assert_eq!(map.insert(key, step), tree.insert(key, step)),
            2 => assert_eq!(map.remove(&key), tree.remove(&key)),
            3 => {
                let made = map.get_or_insert_with(key, || step);
                assert_eq!(made, tree.entry(key).or_insert(step));
            }
            4 => {
                let (a, b) = (map.get_mut(&key), tree.get_mut(&key));
                assert_eq!(a, b);
                a.into_iter().chain(b).for_each(|value| *value += 1);
            }
            _ => {
                map.retain(|kept, value| kept % 5 != key % 5 || *value % 2 == 0);
                tree.retain(|kept, value| kept % 5 != key % 5 || *value % 2 == 0);
            }
        }
        assert_eq!(map.get(&key), tree.get(&key));
        assert_eq!(map.contains_key(&key), tree.contains_key(&key));
        assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
        assert!(map.iter().eq(tree.iter()));
        assert!(map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
    }
    map.clear();
    assert!(map.is_empty() && map.iter().next().is_none());
}

#[test]
fn of_several_values_of_a_key_the_last_one_stays() {
    let mut map: SmallMap<_, _> = [(2, 'a'), (1, 'b'), (2, 'c')].into_iter().collect();
    assert_eq!(format!("{map:?}"), "{1: 'b', 2: 'c'}");
    map.values_mut().for_each(|value| *value = value.to_ascii_uppercase());
    map.iter_mut()
        .for_each(|(key, value)| assert!(*key == 1 || *value == 'C'));
    assert_eq!(map[&1], 'B');
}

#[test]
fn places_count_in_the_order_of_the_keys() {
    let mut map: SmallMap<_, _> = [(7, 'b'), (3, 'a')].into_iter().collect();
    assert_eq!((map.value_at(0), map.value_at(1)), (Some(&'a'), Some(&'b')));
    *map.value_at_mut(1).expect("there are two") = 'c';
    assert_eq!(map[&7], 'c');
    assert_eq!(map.value_at(2), None);
    assert_eq!(map.value_at_mut(2), None);
}

#[test]
#[should_panic(expected = "the key is in the map")]
fn a_key_that_is_not_there_has_no_value() {
    let map: SmallMap<u8, u8> = SmallMap::new();
    let _ = map[&1];
}

#[test]
fn a_borrowed_key_finds_its_value() {
    let map: SmallMap<String, i32> = [("b".to_owned(), 2), ("a".to_owned(), 1)].into_iter().collect();
    assert_eq!(map.get("a"), Some(&1));
    assert_eq!(map.get("c"), None);
    assert_eq!(
        map.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 1), ("b".to_owned(), 2)]
    );
}
