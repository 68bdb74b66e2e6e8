//! Brokers as clients are told about them (KRaftMetadataCache).

use std::sync::Arc;

use kafka_protocol::messages::BrokerId as WireId;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::{BrokerId, ErrorCode};

use crate::api::forwarded::text;
use crate::broker::Broker;
use crate::peer::{BrokerState, MetadataImage, PartitionState};

/// The brokers of one image and where they listen.
#[derive(Clone, Copy)]
pub(crate) struct Nodes<'a> {
    pub(crate) image: &'a MetadataImage,
    /// Host and port by broker id.
    pub(crate) listeners: &'a [(Arc<str>, u16)],
}

impl<'a> Nodes<'a> {
    pub(crate) fn of(broker: &'a Broker) -> Self {
        Nodes {
            image: &broker.image,
            listeners: &broker.spec.listeners,
        }
    }

    /// Where a registered broker listens.
    pub(crate) fn endpoint(self, id: BrokerId) -> Option<(StrBytes, i32)> {
        if !self.image.brokers.contains_key(&id) {
            return None;
        }
        let (host, port) = self.listeners.get(usize::try_from(id.0).ok()?)?;
        Some((text(host), i32::from(*port)))
    }

    /// Registered brokers; with fenced ones only on request.
    pub(crate) fn registered(self, with_fenced: bool) -> impl Iterator<Item = &'a BrokerState> {
        self.image
            .brokers
            .values()
            .filter(move |broker| with_fenced || !broker.fenced)
    }

    /// The leader clients are told, −1 with the reason if there is none to tell.
    pub(crate) fn leader(self, state: &PartitionState, may_say_no_listener: bool) -> (ErrorCode, WireId) {
        let registered = state.leader.filter(|leader| self.image.brokers.contains_key(leader));
        let listening = |id: BrokerId| usize::try_from(id.0).is_ok_and(|at| at < self.listeners.len());
        match registered {
            Some(leader) if listening(leader) => (ErrorCode::NONE, WireId(leader.0)),
            Some(_) if may_say_no_listener => (ErrorCode::LISTENER_NOT_FOUND, WireId(-1)),
            _ => (ErrorCode::LEADER_NOT_AVAILABLE, WireId(-1)),
        }
    }

    /// Replicas whose broker is fenced or not registered.
    pub(crate) fn offline_replicas(self, state: &PartitionState) -> Vec<WireId> {
        state
            .replicas
            .iter()
            .filter(|id| !self.image.is_alive(**id))
            .map(|id| WireId(id.0))
            .collect()
    }
}

/// Broker ids for the wire.
pub(crate) fn wire_ids(ids: &[BrokerId]) -> Vec<WireId> {
    ids.iter().map(|id| WireId(id.0)).collect()
}

/// What is told as the controller: any broker that is alive, because clients never see the real one (KIP-590).
pub(crate) fn some_alive_broker(broker: &mut Broker) -> WireId {
    let alive: Vec<BrokerId> = Nodes::of(broker).registered(false).map(|state| state.id).collect();
    broker.rng.pick(&alive).map_or(WireId(-1), |id| WireId(id.0))
}

#[cfg(test)]
pub(in crate::api) mod testing {
    use super::*;

    /// Brokers 0 to 2, of which 2 is fenced.
    pub(in crate::api) fn image() -> MetadataImage {
        let mut image = MetadataImage::default();
        for id in 0..3 {
            let state = BrokerState {
                id: BrokerId(id),
                epoch: 1,
                fenced: id == 2,
                in_controlled_shutdown: false,
                rack: Some(Arc::from(format!("rack-{id}"))),
            };
            image.brokers.insert(BrokerId(id), state);
        }
        image
    }

    pub(in crate::api) fn listeners() -> Vec<(Arc<str>, u16)> {
        (0..3).map(|id| (Arc::from(format!("broker-{id}")), 9092)).collect()
    }

    /// A partition on brokers 0 to 2 that has lost broker 2.
    pub(in crate::api) fn partition(leader: Option<BrokerId>) -> PartitionState {
        PartitionState {
            replicas: vec![BrokerId(0), BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(0), BrokerId(1)],
            elr: vec![BrokerId(2)],
            last_known_elr: Vec::new(),
            leader,
            leader_epoch: 4,
            partition_epoch: 9,
            recovering: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{image, listeners, partition};
    use super::*;

    #[test]
    fn a_leader_without_a_listener_is_told_apart_only_to_clients_that_know_the_code() {
        let (image, listeners) = (image(), listeners());
        let nodes = Nodes {
            image: &image,
            listeners: &listeners,
        };
        assert_eq!(
            nodes.leader(&partition(Some(BrokerId(1))), true),
            (ErrorCode::NONE, WireId(1))
        );
        assert_eq!(
            nodes.leader(&partition(None), true),
            (ErrorCode::LEADER_NOT_AVAILABLE, WireId(-1))
        );
        let unregistered = partition(Some(BrokerId(7)));
        assert_eq!(
            nodes.leader(&unregistered, true),
            (ErrorCode::LEADER_NOT_AVAILABLE, WireId(-1))
        );
        let nodes = Nodes {
            image: &image,
            listeners: &listeners[..1],
        };
        let deaf = partition(Some(BrokerId(1)));
        assert_eq!(nodes.leader(&deaf, true), (ErrorCode::LISTENER_NOT_FOUND, WireId(-1)));
        assert_eq!(
            nodes.leader(&deaf, false),
            (ErrorCode::LEADER_NOT_AVAILABLE, WireId(-1))
        );
    }

    #[test]
    fn replicas_on_fenced_brokers_are_offline() {
        let (image, listeners) = (image(), listeners());
        let nodes = Nodes {
            image: &image,
            listeners: &listeners,
        };
        assert_eq!(nodes.offline_replicas(&partition(None)), [WireId(2)]);
        assert_eq!(nodes.registered(false).count(), 2);
        assert_eq!(nodes.registered(true).count(), 3);
    }
}
