//! Controlled shutdown: leaderships move away before the broker stops, and every active broker knows of it.

use kafka_sim_core::BrokerId;

use super::Controller;
use super::fencing::BrokerChange;
use super::publish::Changes;

impl Controller {
    /// The broker asks to stop. It may do so at once if it leads nothing; otherwise it leaves ISRs and leaderships as
    /// if it were fenced. A partition of which it is the only ISR member is leaderless from here on.
    pub(super) fn begin_shutdown(&mut self, broker: BrokerId, changes: &mut Changes) -> bool {
        if !self.leads_anything(broker) {
            self.fence(broker, changes);
            return true;
        }
        self.change_broker(broker, changes, |state| state.in_controlled_shutdown = true);
        self.update_partitions(BrokerChange::Leaves(broker), changes, |state| {
            state.isr.contains(&broker)
        });
        let offset = self.offset;
        if let Some(session) = self.sessions.get_mut(&broker) {
            session.shutdown_offset.get_or_insert(offset);
        }
        false
    }

    /// The broker may stop once it leads nothing and all active brokers have heard of it; it is fenced then.
    pub(super) fn continue_shutdown(&mut self, broker: BrokerId, changes: &mut Changes) -> bool {
        let offset = self.sessions.get(&broker).and_then(|session| session.shutdown_offset);
        if self.leads_anything(broker) || offset.is_some_and(|offset| offset > self.lowest_active_offset()) {
            return false;
        }
        self.fence(broker, changes);
        true
    }

    fn leads_anything(&self, broker: BrokerId) -> bool {
        let mut partitions = self.image.topics.values().flat_map(|topic| &topic.partitions);
        partitions.any(|partition| partition.leader == Some(broker))
    }

    /// The metadata offset that the slowest active broker has reported.
    fn lowest_active_offset(&self) -> u64 {
        let in_service = |id: BrokerId| {
            self.image
                .brokers
                .get(&id)
                .is_some_and(|state| !state.fenced && !state.in_controlled_shutdown)
        };
        let active = self.sessions.iter().filter(|(id, _)| in_service(**id));
        active
            .map(|(_, session)| session.metadata_offset)
            .min()
            .unwrap_or(u64::MAX)
    }
}
