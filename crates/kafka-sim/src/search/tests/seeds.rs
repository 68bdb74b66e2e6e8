use std::collections::BTreeSet;

use crate::search::{Seeds, Shard};

fn shard(text: &str) -> Result<Shard, String> {
    text.parse()
}

#[test]
fn shards_partition_the_seeds() {
    for (first, count, shards) in [(0, 100, 1), (7, 100, 3), (5, 4, 7), (u64::MAX - 10, 10, 4), (0, 0, 2)] {
        let whole: BTreeSet<_> = Seeds::from_first(first, count).iter().collect();
        assert_eq!(whole.len() as u64, count);
        let mut seen = BTreeSet::new();
        for index in 0..shards {
            let part = Seeds::from_first(first, count).shard(shard(&format!("{index}/{shards}")).unwrap());
            assert_eq!(part.iter().count() as u64, part.count());
            for seed in part.iter() {
                assert!(seen.insert(seed), "{seed} is in two shards of {shards}");
            }
        }
        assert_eq!(seen, whole);
    }
}

#[test]
fn a_shard_that_is_none_is_refused() {
    for wrong in ["", "1", "4/4", "0/0", "-1/4", "a/b", "1/2/3"] {
        assert!(
            shard(wrong).is_err_and(|error| error.contains("such as 0/4")),
            "{wrong}"
        );
    }
    assert_eq!(shard("3/4").map(|shard| shard.to_string()), Ok("3/4".to_owned()));
}
