use super::*;

#[test]
fn the_numbers_behind_a_seed_never_change() {
    let mut rng = Seed(42).stream("golden", 7);
    let drawn: [u64; 4] = std::array::from_fn(|_| rng.next_u64());
    let expected = [
        2_194_370_215_131_486_430,
        18_431_558_868_791_670_756,
        3_776_142_869_540_153_006,
        16_079_861_604_454_171_410,
    ];
    assert_eq!(drawn, expected);
    assert_eq!(rng.next_u32(), 2_591_210_854);
    assert_eq!(rng.below(1_000_000), 418_318);
    assert_eq!(rng.between(10, 20), 17);
    assert_eq!(
        rng.duration_between(Duration::ZERO, Duration::from_secs(1)).as_nanos(),
        145_582_394
    );
    let gap = rng.exponential(Duration::from_millis(10), Duration::from_secs(1));
    assert_eq!(gap.as_nanos(), 25_022_550);
    let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
    rng.shuffle(&mut order);
    assert_eq!(order, [2, 5, 6, 3, 1, 4, 0, 7]);
    assert_eq!(rng.uuid().to_string(), "a27fc26b-52fa-4137-a41b-7643a18dfb8f");
}

#[test]
fn streams_differ_by_seed_component_and_index() {
    let first = |seed: u64, component, index| Seed(seed).stream(component, index).next_u64();
    let all = [
        first(0, "disk", 0),
        first(1, "disk", 0),
        first(0, "net", 0),
        first(0, "disk", 1),
        first(0, "dis", u64::from(b'k')),
        first(u64::MAX, "disk", 0),
    ];
    let mut distinct = all.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(first(0, "disk", 0), all[0]);
}

#[test]
fn a_clone_continues_from_the_same_place() {
    let mut rng = Seed(1).stream("clone", 0);
    rng.next_u32();
    let mut copy = rng.clone();
    assert_eq!(rng.next_u64(), copy.next_u64());
}

#[test]
fn numbers_below_a_bound_are_spread_evenly() {
    let mut rng = Seed(2).stream("below", 0);
    let mut counts = [0u32; 6];
    for _ in 0..60_000 {
        counts[rng.below(6) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    assert_eq!(rng.below(1), 0);
    assert!(rng.below(u64::MAX) < u64::MAX);
}

#[test]
fn ranges_include_both_ends_and_may_be_everything() {
    let mut rng = Seed(3).stream("between", 0);
    let drawn: Vec<u64> = (0..200).map(|_| rng.between(5, 7)).collect();
    assert!((5..=7).all(|n| drawn.contains(&n)) && drawn.iter().all(|n| (5..=7).contains(n)));
    assert_eq!(rng.between(9, 9), 9);
    rng.between(0, u64::MAX);
}

#[test]
fn chances_hold_at_their_edges_and_in_between() {
    let mut rng = Seed(4).stream("chance", 0);
    assert!((0..100).all(|_| rng.chance(1, 1) && !rng.chance(0, 1)));
    let hits = (0..40_000).filter(|_| rng.chance(1, 4)).count();
    assert!((9_600..10_400).contains(&hits), "{hits}");
}

#[test]
fn exponential_gaps_have_the_mean_asked_for_and_the_right_tail() {
    let mut rng = Seed(5).stream("exponential", 0);
    let mean = Duration::from_millis(10);
    let gaps: Vec<u128> = (0..100_000)
        .map(|_| rng.exponential(mean, Duration::MAX).as_nanos())
        .collect();
    let average = gaps.iter().sum::<u128>() / gaps.len() as u128;
    assert!((9_900_000..10_100_000).contains(&average), "{average}");
    // One in e is longer than the mean, one in e squared longer than twice the mean.
    let longer_than = |nanos| gaps.iter().filter(|gap| **gap > nanos).count();
    assert!((36_300..37_300).contains(&longer_than(10_000_000)));
    assert!((13_100..13_960).contains(&longer_than(20_000_000)));
}

#[test]
fn exponential_gaps_keep_to_their_cap() {
    let mut rng = Seed(6).stream("exponential", 0);
    let cap = Duration::from_millis(3);
    assert!((0..1_000).all(|_| rng.exponential(Duration::from_millis(10), cap) <= cap));
    assert_eq!(rng.exponential(Duration::ZERO, cap), Duration::ZERO);
    rng.exponential(Duration::MAX, Duration::MAX);
}

#[test]
fn logarithms_are_exact_at_powers_of_two_and_close_elsewhere() {
    assert_eq!(logarithm::exact(1), 64 << 32);
    assert_eq!(logarithm::exact(1 << 63), 1 << 32);
    assert_eq!(logarithm::exact(1 << 62), 2 << 32);
    // -log2(3/4) = 0.41503749927884...
    assert_eq!(logarithm::exact(3 << 62) >> 12, 1_782_572_486 >> 12);
    assert!(logarithm::exact(u64::MAX) <= 1);
}

#[test]
fn shuffles_reach_every_order_equally_often() {
    let mut rng = Seed(7).stream("shuffle", 0);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..12_000 {
        let mut items = [0, 1, 2];
        rng.shuffle(&mut items);
        *counts.entry(items).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(
        counts.values().all(|count| (1_800..2_200).contains(count)),
        "{counts:?}"
    );
    rng.shuffle::<u8>(&mut []);
    assert_eq!(rng.pick::<u8>(&[]), None);
    assert_eq!(rng.pick(&[9]), Some(&9));
}

#[test]
fn uuids_have_the_version_and_variant_of_random_ones() {
    let uuid = Seed(8).stream("uuid", 0).uuid();
    assert_eq!((uuid.get_version_num(), uuid.as_bytes()[8] >> 6), (4, 2));
}
