//! Proof that a run was dangerous.

use crate::history::{Deed, History, Step};
use crate::observation::Completion;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What threatened the data during a run, counted by whoever ran it.
///
/// A promise that was kept while nothing happened says nothing. Causes such as kills do not count
/// by themselves, because a broker that nobody needed may die unnoticed: only what reached data or
/// leadership makes a run dangerous.
///
/// ```
/// use kafka_sim_check::Dangers;
/// assert!(Dangers::default().is_vacuous());
/// assert!(Dangers { kills: 3, ..Dangers::default() }.is_vacuous());
/// assert!(!Dangers { kills: 3, leader_changes: 1, ..Dangers::default() }.is_vacuous());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dangers {
    /// Effect: messages acknowledged while a fault was active.
    pub acked_during_fault: u64,
    /// Effect: partition leaders that changed.
    pub leader_changes: u64,
    /// Effect: leaders elected from outside the in-sync replicas.
    pub unclean_elections: u64,
    /// Effect: replica logs that were cut back.
    pub truncations: u64,
    /// Effect: replicas that left an in-sync set.
    pub isr_shrinks: u64,
    /// Effect: responses that were lost after the request had been handled.
    pub responses_dropped: u64,
    /// Effect: requests that were lost before they were handled.
    pub requests_dropped: u64,
    /// Effect: topics that were deleted with everything in them.
    pub topics_deleted: u64,
    /// Effect: record bytes that a power loss took because they were not on the platter.
    pub unsynced_bytes_lost: u64,
    /// Effect: partitions that passed from one consumer of a group to another.
    pub handovers: u64,
    /// Effect: records that a group was given again.
    pub redeliveries: u64,
    /// Effect: commits of a partition that failed, or of which nobody knows.
    pub commits_failed: u64,
    /// Cause: machines that lost power, those of clients included.
    pub power_losses: u64,
    /// Cause: processes that were killed, clients included.
    pub kills: u64,
    /// Cause: processes that were paused, clients included.
    pub pauses: u64,
    /// Cause: faults that cut, held, slowed or reset links of brokers.
    pub link_faults: u64,
    /// Cause: disks that failed, filled up or were wiped.
    pub disk_faults: u64,
    /// Effect: sends and records that an application had in hand when it died.
    pub cut_short: u64,
    /// Cause: processes of consumers that died.
    pub consumers_died: u64,
}

impl Dangers {
    /// The dangers that a history shows: what was acknowledged
    /// [during faults](crate::Observation::FaultActive), and what happened to groups. The others are
    /// known to whoever ran the cluster.
    ///
    /// ```
    /// use kafka_sim_check::{Dangers, History, Observation};
    /// let history: History = [Observation::Died { at: 5, reader: 1 }].into_iter().collect();
    /// assert_eq!(Dangers::shown_by(&history), Dangers { consumers_died: 1, ..Dangers::default() });
    /// ```
    pub fn shown_by(history: &History) -> Dangers {
        let mut dangers = Dangers {
            acked_during_fault: history.acked_during_faults(),
            ..Dangers::default()
        };
        let mut owners: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut given: BTreeSet<(u32, u32, i64)> = BTreeSet::new();
        for step in history.steps() {
            match *step {
                Step::Read(read) => {
                    let read = history.reads()[read as usize];
                    if let Some(group) = history.group_of(read.reader) {
                        dangers.redeliveries += u64::from(!given.insert((group, read.log, read.offset)));
                    }
                }
                Step::Deed(deed) => match history.deeds()[deed as usize] {
                    Deed::Owned { reader, log, .. } => {
                        let last = history
                            .group_of(reader)
                            .and_then(|group| owners.insert((group, log), reader));
                        dangers.handovers += u64::from(last.is_some_and(|last| last != reader));
                    }
                    Deed::Committed(_, Completion::Fail | Completion::Info) => dangers.commits_failed += 1,
                    Deed::Died { .. } => dangers.consumers_died += 1,
                    _ => {}
                },
                _ => {}
            }
        }
        dangers
    }

    /// Whether nothing endangered the data: all counters named *effect* are zero.
    pub fn is_vacuous(&self) -> bool {
        self.counters()
            .into_iter()
            .all(|(_, is_effect, count)| !is_effect || count == 0)
    }

    fn counters(&self) -> [(&'static str, bool, u64); 19] {
        [
            ("acknowledged during a fault", true, self.acked_during_fault),
            ("leader changes", true, self.leader_changes),
            ("unclean elections", true, self.unclean_elections),
            ("truncations", true, self.truncations),
            ("ISR shrinks", true, self.isr_shrinks),
            ("responses dropped", true, self.responses_dropped),
            ("requests dropped", true, self.requests_dropped),
            ("topics deleted", true, self.topics_deleted),
            ("unsynced bytes lost", true, self.unsynced_bytes_lost),
            ("handovers", true, self.handovers),
            ("redeliveries", true, self.redeliveries),
            ("commits failed", true, self.commits_failed),
            ("cut short by a death", true, self.cut_short),
            ("power losses", false, self.power_losses),
            ("kills", false, self.kills),
            ("pauses", false, self.pauses),
            ("link faults", false, self.link_faults),
            ("disk faults", false, self.disk_faults),
            ("consumers died", false, self.consumers_died),
        ]
    }
}

impl fmt::Display for Dangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, _, count) in self.counters() {
            if count > 0 {
                write!(f, "{separator}{name} {count}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str("none")
        } else {
            Ok(())
        }
    }
}
