//! What the replicas of a partition may look like next to each other and to the controller.

use std::collections::BTreeMap;

use kafka_sim_core::Offset;

use super::Invariant;
use super::committed::Break;
use super::controller_state::ids;
use super::inspector::{Replica, Sight};

/// Where each epoch began and what was before it, as it was first seen. All logs that have records of the epoch must
/// tell the same, which is log matching by induction.
#[derive(Clone, Default, Debug)]
pub(super) struct Origins(BTreeMap<i32, (Offset, i32)>);

impl Origins {
    /// `deleted` is the offset below which some replica has deleted on purpose. A follower that comes back to a leader which
    /// has deleted the offset where they part goes on at the leader's log start, and what it has below is nobody's truth.
    pub(super) fn check(&mut self, replica: &Replica<'_>, deleted: Offset, broken: &mut Vec<Break>) {
        if !replica.whole {
            return;
        }
        for (start, epoch, before) in replica.runs.starts() {
            // What was before the first record is not known: retention may have taken it.
            let Some(before) = before else { continue };
            let (first, origin) = *self.0.entry(epoch).or_insert((start, before));
            let here = format_args!(
                "in the log of broker {} epoch {epoch} begins at {start} behind epoch {before}",
                replica.broker
            );
            if before >= epoch {
                broken.push((Invariant::LogMatching, format!("{here}, which is newer")));
            } else if (first, origin) != (start, before) && start.min(first) > deleted {
                let elsewhere = format!("{here}, and in another one at {first} behind epoch {origin}");
                broken.push((Invariant::LogMatching, elsewhere));
            }
        }
    }
}

/// The leader that the controller knows waits for everybody the controller counts as in sync.
pub(super) fn check_quorum(sight: &Sight<'_>, broken: &mut Vec<Break>) {
    for leader in sight.replicas.iter() {
        if leader.leads != Some(sight.state.leader_epoch) || sight.state.isr.len() < sight.min_isr {
            continue;
        }
        let missing = sight.state.isr.iter().find(|id| !leader.maximal_isr.contains(id));
        if let Some(missing) = missing {
            broken.push((
                Invariant::ReplicationQuorumSuperset,
                format!(
                    "broker {} waits for {:?}, and broker {missing} is in the ISR {:?} as well",
                    leader.broker,
                    ids(&leader.maximal_isr),
                    ids(&sight.state.isr)
                ),
            ));
        }
    }
}
