//! What the controller may record of a partition (ValidControllerIsrAndElr, MinIsrRecoveryQuorum).

use super::Invariant;
use super::committed::Break;
use super::inspector::Sight;

pub(super) fn check(sight: &Sight<'_>, broken: &mut Vec<Break>) {
    let state = sight.state;
    let outside = |id: &&kafka_sim_core::BrokerId| !state.replicas.contains(id);
    if let Some(stranger) = state.isr.iter().chain(&state.elr).find(outside) {
        broken.push((
            Invariant::IsrWithinReplicas,
            format!(
                "broker {stranger} is no replica, with ISR {:?} and ELR {:?}",
                ids(&state.isr),
                ids(&state.elr)
            ),
        ));
    }
    if let Some(leader) = state.leader.filter(|leader| !state.isr.contains(leader)) {
        broken.push((
            Invariant::IsrWithinReplicas,
            format!("broker {leader} leads, and the ISR is {:?}", ids(&state.isr)),
        ));
    }
    let both = state.elr.iter().find(|id| state.isr.contains(id));
    if both.is_some() || (state.isr.len() >= sight.min_isr && !state.elr.is_empty()) {
        broken.push((
            Invariant::ElrRules,
            format!(
                "with ISR {:?} and min.insync.replicas {} the ELR is {:?}",
                ids(&state.isr),
                sight.min_isr,
                ids(&state.elr)
            ),
        ));
    }
    if sight.elr && state.isr.is_empty() && state.elr.is_empty() && state.last_known_elr.len() != 1 {
        broken.push((
            Invariant::MinIsrRecoveryQuorum,
            format!("remembered is {:?}", ids(&state.last_known_elr)),
        ));
    }
}

pub(super) fn ids(brokers: &[kafka_sim_core::BrokerId]) -> Vec<i32> {
    brokers.iter().map(|id| id.0).collect()
}
