//! How readers moved.
//!
//! Divergences: Jepsen excuses all steps within a poll during which the partition was rebalanced.
//! Here the rebalance has its place among the reads, and only the step over it is excused. Jepsen
//! keeps values without their offsets, so that a value that is stored twice counts as read where it
//! lies last. Here a read counts where it was. Jepsen compacts nothing. Here a reader of a compacted
//! topic may step over what is gone, and nobody has to see it.

use super::{Anomalies, PollStep, Versions};
use crate::history::{Deed, History, ReadEntry, Step};
use crate::observation::Completion;
use std::collections::BTreeMap;

/// Where a reader is in a log.
#[derive(Clone, Copy)]
struct Position {
    /// The last offset read within the current poll.
    within: Option<(u64, i64)>,
    /// The last offset of the last poll that ended well and read from this log.
    between: Option<i64>,
}

pub(super) fn find(history: &History, versions: &Versions, anomalies: &mut Anomalies) {
    // By reader: how many polls it has made.
    let mut polls: BTreeMap<u32, u64> = BTreeMap::new();
    // By reader and log.
    let mut positions: BTreeMap<(u32, u32), Position> = BTreeMap::new();
    for step in history.steps() {
        match *step {
            Step::Poll { reader, .. } => *polls.entry(reader).or_default() += 1,
            Step::Repositioned { reader, log, .. } => {
                positions.remove(&(reader, log));
            }
            Step::Deed(deed) => {
                if let Deed::Owned { reader, log, .. } | Deed::Released { reader, log, .. } =
                    history.deeds()[deed as usize]
                {
                    positions.remove(&(reader, log));
                }
            }
            Step::Read(read) => {
                let read = history.reads()[read as usize];
                let poll = polls.get(&read.reader).copied().unwrap_or(0);
                let position = positions.entry((read.reader, read.log)).or_insert(Position {
                    within: None,
                    between: None,
                });
                let went = |from: i64| describe(history, versions, &read, from);
                let skipped = |step: &PollStep| step.delta > 1 && !history.is_compacted(read.log);
                match position.within {
                    Some((same_poll, from)) if same_poll == poll => match went(from) {
                        step if skipped(&step) => anomalies.internal_poll_skips.push(step),
                        step if step.delta < 1 => anomalies.internal_nonmonotonic_polls.push(step),
                        _ => {}
                    },
                    _ => match position.between.map(went) {
                        Some(step) if skipped(&step) => anomalies.poll_skips.push(step),
                        Some(step) if step.delta < 1 => anomalies.nonmonotonic_polls.push(step),
                        _ => {}
                    },
                }
                position.within = Some((poll, read.offset));
                if read.completion == Completion::Ok {
                    position.between = Some(read.offset);
                }
            }
            _ => {}
        }
    }
}

fn describe(history: &History, versions: &Versions, read: &ReadEntry, from: i64) -> PollStep {
    let (topic, partition) = history.log(read.log);
    PollStep {
        reader: read.reader,
        topic: topic.clone(),
        partition,
        from,
        to: read.offset,
        delta: versions.index(read.log, read.offset) - versions.index(read.log, from),
        at: read.at,
    }
}
