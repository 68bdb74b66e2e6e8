//! Whether partitions have one owner that can commit.

use super::groups::group_of;
use super::{Bench, Found};
use crate::history::{Deed, History};
use crate::observation::Completion;
use crate::promise::Promise;
use crate::violation::Violation;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A time of ownership. Instants are positions among the deeds.
#[derive(Clone, Copy)]
struct Tenure {
    reader: u32,
    from: u32,
    until: u32,
    at: u64,
}

/// By group and log, in the order of taking over.
type Tenures = BTreeMap<(u32, u32), Vec<Tenure>>;

/// By reader and log, when commits were sent that succeeded, ascending.
type Accepted = BTreeMap<(u32, u32), Vec<u32>>;

pub(super) fn judge(bench: &Bench<'_>) -> Found {
    let history = bench.history;
    let tenures = tenures(history);
    let mut found = Found::default();
    if tenures.is_empty() {
        found.nothing_of(Promise::GroupSingleOwner);
    }
    let accepted = accepted(history);
    for (&(group, log), tenures) in &tenures {
        let mut told = BTreeSet::new();
        for (at, second) in tenures.iter().enumerate() {
            for first in tenures[..at].iter().filter(|first| first.reader != second.reader) {
                let overlap = second.from..first.until.min(second.until);
                let both = [first, second]
                    .iter()
                    .all(|owner| commits_in(&accepted, owner.reader, log, &overlap));
                let pair = [first.reader.min(second.reader), first.reader.max(second.reader)];
                if both && told.insert(pair) {
                    let (topic, partition) = history.log(log);
                    found.breaches.push(Violation::TwoOwners {
                        group: history.group(group).clone(),
                        topic: topic.clone(),
                        partition,
                        first: first.reader,
                        second: second.reader,
                        since: second.at,
                    });
                }
            }
        }
    }
    found
}

fn commits_in(accepted: &Accepted, reader: u32, log: u32, time: &std::ops::Range<u32>) -> bool {
    accepted.get(&(reader, log)).is_some_and(|commits| {
        let first = commits.partition_point(|&sent| sent < time.start);
        commits.get(first).is_some_and(|&sent| sent < time.end)
    })
}

fn tenures(history: &History) -> Tenures {
    let mut tenures = Tenures::new();
    // By reader and log: the position of the tenure that is under way.
    let mut open: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for (now, deed) in (0_u32..).zip(history.deeds()) {
        match *deed {
            Deed::Owned { at, reader, log } => {
                let of_log = tenures.entry((group_of(history, reader), log)).or_default();
                open.entry((reader, log)).or_insert_with(|| {
                    of_log.push(Tenure {
                        reader,
                        from: now,
                        until: u32::MAX,
                        at,
                    });
                    of_log.len() - 1
                });
            }
            Deed::Released { reader, log, .. } => {
                end(history, &mut tenures, open.remove(&(reader, log)), reader, log, now)
            }
            Deed::Died { reader, .. } => {
                let logs: Vec<u32> = open
                    .range((reader, 0)..=(reader, u32::MAX))
                    .map(|(key, _)| key.1)
                    .collect();
                for log in logs {
                    end(history, &mut tenures, open.remove(&(reader, log)), reader, log, now);
                }
            }
            _ => {}
        }
    }
    tenures
}

fn end(history: &History, tenures: &mut Tenures, open: Option<usize>, reader: u32, log: u32, now: u32) {
    if let Some(position) = open {
        let of_log = tenures.get_mut(&(group_of(history, reader), log));
        of_log.expect("an open tenure is in the table")[position].until = now;
    }
}

fn accepted(history: &History) -> Accepted {
    let mut accepted = Accepted::new();
    // By reader, log and offset: when commits were sent that are under way.
    let mut under_way: BTreeMap<(u32, u32, i64), VecDeque<u32>> = BTreeMap::new();
    for (now, deed) in (0_u32..).zip(history.deeds()) {
        match *deed {
            Deed::CommitSent(spot) => {
                let sent = under_way.entry((spot.reader, spot.log, spot.offset)).or_default();
                sent.push_back(now);
            }
            Deed::Committed(spot, completion) => {
                let sent = under_way.get_mut(&(spot.reader, spot.log, spot.offset));
                let sent = sent.and_then(VecDeque::pop_front);
                if let (Some(sent), Completion::Ok) = (sent, completion) {
                    accepted.entry((spot.reader, spot.log)).or_default().push(sent);
                }
            }
            _ => {}
        }
    }
    accepted.values_mut().for_each(|commits| commits.sort_unstable());
    accepted
}
