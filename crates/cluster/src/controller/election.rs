//! The next state of one partition: who is in sync, who is eligible, who leads (PartitionChangeBuilder, KIP-966).

use kafka_sim_core::BrokerId;

use super::elr;
use crate::peer::PartitionState;

/// How far an election may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Election {
    /// Move leadership to the first assigned replica if it is valid. Never unclean.
    Preferred,
    /// Keep the partition online with a valid replica.
    Online,
    /// Keep it online with any active replica.
    Unclean,
}

/// A change of one partition in the making.
pub(super) struct PartitionChange<'a> {
    /// The partition as it is.
    pub(super) current: &'a PartitionState,
    /// The ISR that the change asks for.
    pub(super) isr: Vec<BrokerId>,
    /// Whether the leader is still recovering from an unclean election.
    pub(super) recovering: bool,
    /// The broker whose process lost its memory, if that is why the partition changes.
    pub(super) unclean_restart: Option<BrokerId>,
    /// How far the election may go.
    pub(super) election: Election,
    /// Eligible leader replicas are on.
    pub(super) elr_enabled: bool,
    /// `min.insync.replicas`, at most the replication factor.
    pub(super) min_isr: usize,
}

struct Elected {
    leader: Option<BrokerId>,
    unclean: bool,
}

impl Elected {
    fn cleanly(leader: BrokerId) -> Self {
        Self {
            leader: Some(leader),
            unclean: false,
        }
    }

    fn uncleanly(leader: BrokerId) -> Self {
        Self {
            leader: Some(leader),
            unclean: true,
        }
    }
}

impl<'a> PartitionChange<'a> {
    /// A change that so far changes nothing.
    pub(super) fn of(current: &'a PartitionState, elr_enabled: bool, min_isr: usize) -> Self {
        Self {
            current,
            isr: current.isr.clone(),
            recovering: current.recovering,
            unclean_restart: None,
            election: Election::Online,
            elr_enabled,
            min_isr,
        }
    }

    /// The state after the change, or `None` if nothing changes. `active` says which brokers may lead.
    pub(super) fn build(self, active: impl Fn(BrokerId) -> bool) -> Option<PartitionState> {
        let current = self.current;
        let mut next = current.clone();
        next.recovering = self.recovering;
        next.elr = elr::next_elr(current, &self.isr, self.unclean_restart, self.elr_enabled, self.min_isr);
        let elected = self.elect(&next.elr, active);
        next.leader = elected.leader;
        let changed_leader = elected.leader != current.leader;
        // Without ELR the ISR is never emptied: its last member keeps its place and the partition waits for it.
        if !self.isr.is_empty() || self.elr_enabled {
            next.isr = self.isr;
        }
        if let Some(leader) = elected.leader.filter(|_| changed_leader) {
            if elected.unclean {
                next.isr = vec![leader];
                next.elr.clear();
                next.recovering = true;
            } else if next.elr.contains(&leader) {
                next.isr = vec![leader];
                next.elr.retain(|&replica| replica != leader);
            }
        }
        elr::remember_last_leader(current, &mut next, self.elr_enabled);
        if next == *current {
            return None;
        }
        next.leader_epoch += i32::from(changed_leader);
        next.partition_epoch += 1;
        Some(next)
    }

    fn elect(&self, elr: &[BrokerId], active: impl Fn(BrokerId) -> bool) -> Elected {
        let in_sync = |replica| self.isr.contains(&replica) || (self.isr.is_empty() && elr.contains(&replica));
        let valid = |replica: BrokerId| in_sync(replica) && active(replica);
        let replicas = &self.current.replicas;
        if self.election == Election::Preferred
            && let Some(&preferred) = replicas.first().filter(|&&replica| valid(replica))
        {
            return Elected::cleanly(preferred);
        }
        if let Some(leader) = self.current.leader.filter(|&leader| valid(leader)) {
            return Elected::cleanly(leader);
        }
        if let Some(&leader) = replicas.iter().find(|&&replica| valid(replica)) {
            return Elected::cleanly(leader);
        }
        if let Some(leader) = self.last_known_leader(elr).filter(|&leader| active(leader)) {
            return Elected::uncleanly(leader);
        }
        if self.election == Election::Unclean
            && let Some(&leader) = replicas.iter().find(|&&replica| active(replica))
        {
            return Elected::uncleanly(leader);
        }
        Elected {
            leader: None,
            unclean: false,
        }
    }

    /// With ISR and ELR both empty, the last leader is the best that is left.
    fn last_known_leader(&self, elr: &[BrokerId]) -> Option<BrokerId> {
        match self.current.last_known_elr[..] {
            [leader] if self.elr_enabled && self.isr.is_empty() && elr.is_empty() => Some(leader),
            _ => None,
        }
    }
}
