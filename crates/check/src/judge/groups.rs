//! What each group consumed and processed.

use crate::history::{Deed, FOREIGN, History, Spot, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The first time that a group processed a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    /// The position among the deeds.
    pub(super) deed: u32,
    pub(super) spot: Spot,
}

/// One group.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// The topics that it consumes.
    pub(super) topics: BTreeSet<u32>,
    /// By message.
    pub(super) processed: BTreeMap<u32, First>,
    /// When its time to come to rest was over at last, and whether it had.
    pub(super) settled: Option<(u64, bool)>,
}

/// All groups, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<u32, Group>,
    /// Records that were processed.
    pub(super) processed: u64,
    /// Of these, the ones that had been processed at the same place before by the same group.
    pub(super) reprocessed: u64,
}

impl Groups {
    pub(super) fn of(history: &History) -> Groups {
        let mut groups = Groups::default();
        let mut places = BTreeSet::new();
        for step in history.steps() {
            match *step {
                Step::Read(read) => {
                    let read = history.reads()[read as usize];
                    groups.consumes(history, read.reader, read.log);
                }
                Step::Deed(number) => match history.deeds()[number as usize] {
                    Deed::Joined { group, .. } => {
                        groups.groups.entry(group).or_default();
                    }
                    Deed::Owned { reader, log, .. } => groups.consumes(history, reader, log),
                    Deed::CommitSent(spot) | Deed::Committed(spot, _) => {
                        groups.consumes(history, spot.reader, spot.log);
                    }
                    Deed::Processed(spot, message) => {
                        groups.consumes(history, spot.reader, spot.log);
                        let group = group_of(history, spot.reader);
                        groups.processed += 1;
                        groups.reprocessed += u64::from(!places.insert((group, spot.log, spot.offset)));
                        if message != FOREIGN {
                            let first = First { deed: number, spot };
                            groups.get_mut(group).processed.entry(message).or_insert(first);
                        }
                    }
                    Deed::Settled { at, group, caught_up } => groups.get_mut(group).settled = Some((at, caught_up)),
                    Deed::Released { .. } | Deed::Effect { .. } | Deed::Died { .. } => {}
                },
                _ => {}
            }
        }
        groups
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Group)> {
        self.groups.iter().map(|(&number, group)| (number, group))
    }

    fn get_mut(&mut self, group: u32) -> &mut Group {
        self.groups.entry(group).or_default()
    }

    fn consumes(&mut self, history: &History, reader: u32, log: u32) {
        if let Some(group) = history.group_of(reader) {
            self.get_mut(group).topics.insert(history.topic_of(log));
        }
    }
}

/// The group of a reader that did what only members do.
pub(super) fn group_of(history: &History, reader: u32) -> u32 {
    let group = history.group_of(reader);
    group.expect("a history leaves out what only members do when the reader is none")
}
