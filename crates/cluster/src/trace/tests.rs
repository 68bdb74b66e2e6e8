use std::hash::{Hash, Hasher};

use kafka_sim_core::{BrokerId, SimTime};

use crate::event::Event;
use crate::trace::hasher::PortableHasher;
use crate::trace::{Keep, Trace};

fn started(broker: i32) -> Event {
    Event::BrokerStarted {
        broker: BrokerId(broker),
    }
}

fn trace_of(keep: bool, events: impl IntoIterator<Item = i32>) -> Trace {
    let mut trace = Trace::new(if keep { Keep::All } else { Keep::Nothing });
    for (index, broker) in events.into_iter().enumerate() {
        trace.record(SimTime::from_nanos(index as u64), &started(broker));
    }
    trace
}

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = PortableHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn the_hash_is_the_same_on_every_machine() {
    assert_eq!(hash_of((7_usize, -1_i32, "orders-and-more")), 0x0338_8e6c_3a82_df94);
}

#[test]
fn the_hash_covers_order_time_and_content() {
    let hash = |events: &[(u64, i32)]| {
        let mut trace = Trace::new(Keep::Nothing);
        events
            .iter()
            .for_each(|(at, broker)| trace.record(SimTime::from_nanos(*at), &started(*broker)));
        trace.hash()
    };
    let base = hash(&[(1, 1), (1, 2)]);
    assert_eq!(base, hash(&[(1, 1), (1, 2)]));
    assert_ne!(base, hash(&[(1, 2), (1, 1)]));
    assert_ne!(base, hash(&[(1, 1), (2, 2)]));
    assert_ne!(base, hash(&[(1, 1)]));
    assert_ne!(base, hash(&[(1, 1), (1, 3)]));
}

#[test]
fn integers_hash_by_value_and_bytes_by_content() {
    assert_eq!(hash_of(7_usize), hash_of(7_u64));
    assert_eq!(hash_of(-7_isize), hash_of(-7_i64));
    assert_ne!(hash_of("ab"), hash_of("ba"));
    assert_ne!(hash_of([0_u8; 3]), hash_of([0_u8; 4]));
    assert_ne!(hash_of([0_u8; 8]), hash_of([0_u8; 16]));
}

#[test]
fn events_are_kept_only_on_request() {
    assert_eq!(trace_of(true, [1, 2]).events()[1], (SimTime::from_nanos(1), started(2)));
    let not_kept = trace_of(false, [1, 2]);
    assert_eq!((not_kept.events().len(), not_kept.count()), (0, 2));
    assert_eq!(not_kept.hash(), trace_of(true, [1, 2]).hash());
}

#[test]
fn the_first_difference_is_exact_with_events_and_within_1024_without() {
    let differing_at = |at: i32| (0..5000).map(move |n| if n == at { -1 } else { n });
    for at in [0, 1023, 1024, 3000, 4999] {
        let exact = trace_of(true, 0..5000).first_difference(&trace_of(true, differing_at(at)));
        assert_eq!(exact, Some(at as u64..at as u64 + 1));
        let rough = trace_of(false, 0..5000)
            .first_difference(&trace_of(false, differing_at(at)))
            .unwrap();
        assert!(
            rough.contains(&(at as u64)) && rough.end - rough.start <= 1024,
            "{at} in {rough:?}"
        );
    }
    assert_eq!(
        trace_of(false, 0..5000).first_difference(&trace_of(true, 0..5000)),
        None
    );
}

#[test]
fn a_trace_that_goes_on_differs_where_the_other_ends() {
    assert_eq!(trace_of(true, 0..3).first_difference(&trace_of(true, 0..5)), Some(3..4));
    assert_eq!(
        trace_of(false, 0..3).first_difference(&trace_of(false, 0..5)),
        Some(0..5)
    );
}

#[test]
fn an_event_stays_small() {
    assert!(size_of::<Event>() <= 128, "{}", size_of::<Event>());
}

#[test]
fn a_trace_that_keeps_what_is_rare_keeps_no_more_and_hashes_the_same() {
    let rare = started(1);
    let frequent = Event::HighWatermark {
        broker: BrokerId(1),
        tp: crate::peer::Tp {
            topic: uuid::Uuid::nil(),
            partition: 0,
        },
        hw: 3,
    };
    let trace = |keep| {
        let mut trace = Trace::new(keep);
        trace.record(SimTime::ZERO, &frequent);
        trace.record(SimTime::ZERO, &rare);
        trace
    };
    assert_eq!(trace(Keep::Rare).events(), [(SimTime::ZERO, rare.clone())]);
    assert_eq!(trace(Keep::All).events().len(), 2);
    assert_eq!(trace(Keep::Rare).hash(), trace(Keep::Nothing).hash());
}
