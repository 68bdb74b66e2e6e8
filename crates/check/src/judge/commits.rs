//! Whether commits stay behind what was processed.

use super::groups::group_of;
use super::{Bench, Found};
use crate::history::{Deed, Spot};
use crate::observation::Completion;
use crate::promise::Promise;
use crate::violation::Violation;
use std::collections::{BTreeMap, BTreeSet};

/// How far a group has come in a log.
#[derive(Default)]
struct Progress {
    processed: BTreeSet<i64>,
    /// How many of the known offsets, from the first on, were all processed.
    prefix: usize,
    /// The last offset that was found passed over.
    told: Option<i64>,
}

impl Progress {
    /// The first of the known offsets that was not processed.
    fn first_unprocessed(&mut self, known: &[i64]) -> Option<i64> {
        while known
            .get(self.prefix)
            .is_some_and(|offset| self.processed.contains(offset))
        {
            self.prefix += 1;
        }
        known.get(self.prefix).copied()
    }
}

pub(super) fn judge(bench: &Bench<'_>) -> Found {
    let known = known_offsets(bench);
    let mut progress: BTreeMap<(u32, u32), Progress> = BTreeMap::new();
    let mut found = Found::default();
    let mut judged = false;
    for deed in bench.history.deeds() {
        match *deed {
            Deed::Processed(spot, _) => {
                let group = group_of(bench.history, spot.reader);
                let progress = progress.entry((group, spot.log)).or_default();
                progress.processed.insert(spot.offset);
            }
            Deed::Committed(spot, Completion::Ok) => {
                judged = true;
                let group = group_of(bench.history, spot.reader);
                let progress = progress.entry((group, spot.log)).or_default();
                let first = progress.first_unprocessed(&known[spot.log as usize]);
                if let Some(first) = first.filter(|&first| first < spot.offset && progress.told != Some(first)) {
                    progress.told = Some(first);
                    found.breaches.push(breach(bench, group, spot, first));
                }
            }
            _ => {}
        }
    }
    if !judged {
        found.nothing_of(Promise::CommitNeverPassesProcessed);
    }
    found
}

/// By log: the offsets at which records are known to have been, without those removed on purpose.
fn known_offsets(bench: &Bench<'_>) -> Vec<Vec<i64>> {
    let mut known = vec![Vec::new(); bench.history.log_count()];
    for occupants in bench.places.logs() {
        let log = occupants[0].log;
        let log_start = bench.finals.get(log).map_or(i64::MIN, |read| read.log_start);
        let offsets = occupants.iter().map(|place| place.offset);
        let known = &mut known[log as usize];
        known.extend(offsets.filter(|&offset| offset >= log_start));
        known.dedup();
    }
    known
}

fn breach(bench: &Bench<'_>, group: u32, commit: Spot, unprocessed: i64) -> Violation {
    let history = bench.history;
    let (topic, partition) = history.log(commit.log);
    let there = bench.places.at(commit.log, unprocessed);
    Violation::CommitAhead {
        group: history.group(group).clone(),
        topic: topic.clone(),
        partition,
        unprocessed,
        message: there.iter().filter_map(|place| history.id_of(place.message)).min(),
        committed: commit.offset,
        reader: commit.reader,
        at: commit.at,
    }
}
