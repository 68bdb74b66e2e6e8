//! Whether acknowledged messages survived.

use super::{Bench, FinalReads, Places};
use crate::history::{History, SentEntry, Settled};
use crate::verdict::Unclean;
use crate::violation::Violation;
use std::collections::BTreeMap;

/// What became of an acknowledged message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// The final read has it.
    Survived,
    /// It lay below the log start, or its topic was deleted.
    Expired,
    /// It was compacted away: the final read has a later record with its key.
    Replaced,
    /// It is gone.
    Lost,
    /// It was acknowledged after the final read, or there was none.
    Undecided,
}

/// An acknowledged message and its fate.
pub(crate) struct Acked<'a> {
    pub(crate) handle: u32,
    pub(crate) sent: &'a SentEntry,
    pub(crate) at: u64,
    pub(crate) log: u32,
    pub(crate) offset: Option<i64>,
    pub(crate) fate: Fate,
}

/// All acknowledged messages with their fates, in the order of sending.
pub(crate) fn fates<'a>(
    history: &'a History,
    places: &'a Places,
    finals: &'a FinalReads,
) -> impl Iterator<Item = Acked<'a>> {
    let last = LastOfKey::of(history, places, finals);
    history.sent_handles().iter().filter_map(move |&handle| {
        let entry = history.entry(handle);
        let (Some(sent), Some(Settled::Acked { at, log, offset })) = (&entry.sent, entry.settled) else {
            return None;
        };
        let fate = match finals.get(log) {
            Some(read) if read.contains(handle) => Fate::Survived,
            _ if history.is_deleted(log) => Fate::Expired,
            Some(read) if read.at >= at => {
                let known = || places.of_message(handle).iter().filter(|place| place.log == log);
                let is_replaced = || {
                    let last = last.offset(log, sent.key);
                    last.is_some_and(|last| known().any(|place| place.offset < last))
                };
                if known().any(|place| place.offset < read.log_start) {
                    Fate::Expired
                } else if is_replaced() {
                    Fate::Replaced
                } else {
                    Fate::Lost
                }
            }
            _ => Fate::Undecided,
        };
        Some(Acked {
            handle,
            sent,
            at,
            log,
            offset,
            fate,
        })
    })
}

/// Where the final reads of compacted logs found the last record of each key.
struct LastOfKey(BTreeMap<(u32, u64), i64>);

impl LastOfKey {
    fn of(history: &History, places: &Places, finals: &FinalReads) -> LastOfKey {
        let mut last = BTreeMap::new();
        for (log, read) in finals.iter().filter(|(log, _)| history.is_compacted(*log)) {
            for &message in &read.messages {
                let Some(key) = history.entry(message).sent.as_ref().and_then(|sent| sent.key) else {
                    continue;
                };
                let offsets = places
                    .of_message(message)
                    .iter()
                    .filter(|place| place.log == log && place.seen);
                if let Some(offset) = offsets.map(|place| place.offset).max() {
                    let entry = last.entry((log, key)).or_insert(offset);
                    *entry = offset.max(*entry);
                }
            }
        }
        LastOfKey(last)
    }

    fn offset(&self, log: u32, key: Option<u64>) -> Option<i64> {
        self.0.get(&(log, key?)).copied()
    }
}

pub(super) struct Survival {
    pub(super) lost: Vec<Violation>,
    pub(super) expired: u64,
    pub(super) replaced: u64,
    pub(super) undecided: Vec<Unclean>,
}

pub(super) fn judge(bench: &Bench<'_>) -> Survival {
    let (mut lost, mut expired, mut replaced) = (Vec::new(), 0, 0);
    let mut undecided: BTreeMap<u32, u64> = BTreeMap::new();
    for acked in fates(bench.history, &bench.places, &bench.finals) {
        let (topic, partition) = bench.history.log(acked.log);
        match acked.fate {
            Fate::Survived => {}
            Fate::Expired => expired += 1,
            Fate::Replaced => replaced += 1,
            Fate::Undecided => *undecided.entry(acked.log).or_default() += 1,
            Fate::Lost => lost.push(Violation::Lost {
                message: bench.history.entry(acked.handle).id,
                producer: acked.sent.producer,
                topic: topic.clone(),
                partition,
                offset: acked.offset,
                acked_at: acked.at,
            }),
        }
    }
    let undecided = undecided
        .into_iter()
        .map(|(log, messages)| {
            let (topic, partition) = bench.history.log(log);
            Unclean::Undecided {
                topic: topic.clone(),
                partition,
                messages,
            }
        })
        .collect();
    Survival {
        lost,
        expired,
        replaced,
        undecided,
    }
}
