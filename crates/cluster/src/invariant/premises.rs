//! Whether a partition still has what its promises rest on.

use kafka_sim_core::BrokerId;
use smallvec::SmallVec;

/// What happened to one partition that no setting promises to survive.
#[derive(Clone, Default, Debug)]
pub(super) struct Premises {
    /// Replicas that lost what they had written, and have not caught up since.
    lossy: SmallVec<[BrokerId; 4]>,
    /// Too much was lost at once, or a leader was elected that need not have had everything.
    void: bool,
    min_isr_changed: bool,
    /// The smallest `min.insync.replicas` there ever was, once one was seen.
    min_isr: Option<usize>,
    elr: bool,
}

impl Premises {
    /// What the settings are now.
    pub(super) fn see(&mut self, min_isr: usize, elr: bool) {
        let smallest = self.min_isr.map_or(min_isr, |known| known.min(min_isr));
        self.min_isr = Some(smallest);
        self.elr = elr;
    }

    pub(super) fn unclean_election(&mut self) {
        self.void = true;
    }

    pub(super) fn min_isr_changed(&mut self) {
        self.min_isr_changed = true;
    }

    /// A replica lost unsynced data, or its disk.
    pub(super) fn lost_data(&mut self, broker: BrokerId) {
        if !self.lossy.contains(&broker) {
            self.lossy.push(broker);
        }
        let budget = if self.elr {
            self.min_isr.unwrap_or(1).saturating_sub(1)
        } else {
            0
        };
        self.void |= self.lossy.len() > budget;
    }

    /// A replica has everything again.
    pub(super) fn caught_up(&mut self, broker: BrokerId) {
        self.lossy.retain(|lossy| *lossy != broker);
    }

    pub(super) fn is_lossy(&self, broker: BrokerId) -> bool {
        self.lossy.contains(&broker)
    }

    /// The excuse applies.
    pub(super) fn excuse(&self, excuse: super::Excuse) -> bool {
        match excuse {
            super::Excuse::Nothing => false,
            super::Excuse::DataLoss => self.void,
            super::Excuse::MinIsrChanged => self.min_isr_changed,
        }
    }
}
