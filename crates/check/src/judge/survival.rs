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
    history.sent_handles().iter().filter_map(|&handle| {
        let entry = history.entry(handle);
        let (Some(sent), Some(Settled::Acked { at, log, offset })) = (&entry.sent, entry.settled) else {
            return None;
        };
        let fate = match finals.get(log) {
            Some(read) if read.contains(handle) => Fate::Survived,
            _ if history.is_deleted(log) => Fate::Expired,
            Some(read) if read.at >= at => {
                let expired = places
                    .of_message(handle)
                    .iter()
                    .any(|place| place.log == log && place.offset < read.log_start);
                if expired { Fate::Expired } else { Fate::Lost }
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

pub(super) struct Survival {
    pub(super) lost: Vec<Violation>,
    pub(super) expired: u64,
    pub(super) undecided: Vec<Unclean>,
}

pub(super) fn judge(bench: &Bench<'_>) -> Survival {
    let (mut lost, mut expired) = (Vec::new(), 0);
    let mut undecided: BTreeMap<u32, u64> = BTreeMap::new();
    for acked in fates(bench.history, &bench.places, &bench.finals) {
        let (topic, partition) = bench.history.log(acked.log);
        match acked.fate {
            Fate::Survived => {}
            Fate::Expired => expired += 1,
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
        undecided,
    }
}
