//! Version orders: the known offsets of each partition, made dense.

use crate::history::History;
use crate::judge::Places;

/// The known offsets of each log, ascending.
pub(super) struct Versions(Vec<Vec<i64>>);

impl Versions {
    pub(super) fn of(history: &History, places: &Places) -> Versions {
        let mut offsets = vec![Vec::new(); history.log_count()];
        for occupants in places.logs() {
            let known = &mut offsets[occupants[0].log as usize];
            known.extend(occupants.iter().map(|place| place.offset));
            known.dedup();
        }
        Versions(offsets)
    }

    /// The index of a known offset.
    pub(super) fn index(&self, log: u32, offset: i64) -> i64 {
        let known = &self.0[log as usize];
        debug_assert!(
            known.binary_search(&offset).is_ok(),
            "every offset that is asked for was seen"
        );
        known.partition_point(|&other| other < offset) as i64
    }
}
