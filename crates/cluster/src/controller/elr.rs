//! Eligible leader replicas (KIP-966): replicas outside the ISR that still hold every committed record.
//!
//! The high watermark does not move while the ISR is below `min.insync.replicas`, so whoever leaves the ISR then has
//! all that is committed, until its process dies uncleanly.

use std::sync::Arc;

use kafka_sim_core::BrokerId;

use super::Controller;
use super::publish::Changes;
use crate::peer::{MetadataRecord, PartitionState, Tp};

/// The ELR that goes with the ISR `isr`.
pub(super) fn next_elr(
    current: &PartitionState,
    isr: &[BrokerId],
    unclean_restart: Option<BrokerId>,
    elr_enabled: bool,
    min_isr: usize,
) -> Vec<BrokerId> {
    if !elr_enabled || isr.len() >= min_isr {
        return Vec::new();
    }
    let mut elr = current.elr.clone();
    elr.extend(current.isr.iter().filter(|replica| !current.elr.contains(replica)));
    elr.retain(|replica| !isr.contains(replica) && Some(*replica) != unclean_restart);
    elr
}

/// Keeps the last leader of a partition whose ISR has become empty, and forgets it when there is a leader again.
///
/// This is Kafka's "balanced" recovery: `last_known_elr` holds that one broker and not all former members.
pub(super) fn remember_last_leader(current: &PartitionState, next: &mut PartitionState, elr_enabled: bool) {
    if !elr_enabled {
        return;
    }
    if next.isr.is_empty() && !current.isr.is_empty() {
        if let Some(leader) = current.leader {
            next.last_known_elr = vec![leader];
        }
    } else if next.leader.is_some() {
        next.last_known_elr.clear();
    }
}

impl Controller {
    /// Forgets the ELR of one topic, or of all: what `min.insync.replicas` meant when it was kept is no longer known.
    ///
    /// Kafka 4.x does so for every change of that key, whether it raises or lowers the number (ClearElrRecord).
    pub(super) fn clear_elr(&mut self, topic: Option<&Arc<str>>, changes: &mut Changes) {
        let mut cleared = Vec::new();
        for state in self
            .image
            .topics
            .values()
            .filter(|state| topic.is_none_or(|name| *name == state.name))
        {
            for (partition, current) in (0..).zip(&state.partitions) {
                if !current.elr.is_empty() || !current.last_known_elr.is_empty() {
                    let mut next = current.clone();
                    next.elr.clear();
                    next.last_known_elr.clear();
                    next.partition_epoch += 1;
                    cleared.push(MetadataRecord::Partition(
                        Tp {
                            topic: state.id,
                            partition,
                        },
                        next,
                    ));
                }
            }
        }
        cleared.into_iter().for_each(|record| self.write(record, changes));
    }
}
