//! Proof that a run was dangerous.

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
    /// Effect: record bytes that a power loss took because they were not on the platter.
    pub unsynced_bytes_lost: u64,
    /// Cause: brokers that lost power.
    pub power_losses: u64,
    /// Cause: processes that were killed.
    pub kills: u64,
    /// Cause: processes that were paused.
    pub pauses: u64,
    /// Cause: links that were cut, held or slowed.
    pub link_faults: u64,
    /// Cause: disks that failed, filled up or were wiped.
    pub disk_faults: u64,
}

impl Dangers {
    /// Whether nothing endangered the data: all counters named *effect* are zero.
    pub fn is_vacuous(&self) -> bool {
        self.counters()
            .into_iter()
            .all(|(_, is_effect, count)| !is_effect || count == 0)
    }

    fn counters(&self) -> [(&'static str, bool, u64); 13] {
        [
            ("acknowledged during a fault", true, self.acked_during_fault),
            ("leader changes", true, self.leader_changes),
            ("unclean elections", true, self.unclean_elections),
            ("truncations", true, self.truncations),
            ("ISR shrinks", true, self.isr_shrinks),
            ("responses dropped", true, self.responses_dropped),
            ("requests dropped", true, self.requests_dropped),
            ("unsynced bytes lost", true, self.unsynced_bytes_lost),
            ("power losses", false, self.power_losses),
            ("kills", false, self.kills),
            ("pauses", false, self.pauses),
            ("link faults", false, self.link_faults),
            ("disk faults", false, self.disk_faults),
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
