//! BrokerRegistration (ClusterControlManager.registerBroker).

use std::sync::Arc;

use kafka_sim_core::{BrokerId, ErrorCode, SimTime};

use super::fencing::BrokerChange;
use super::publish::Changes;
use super::{Controller, ControllerEvent, ControllerOutput};
use crate::peer::{BrokerState, FromController, MetadataRecord};

/// What a broker says when it registers.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) incarnation: u64,
    pub(super) rack: Option<Arc<str>>,
    pub(super) previous_broker_epoch: i64,
    pub(super) empty_disk: bool,
}

/// What the controller remembers of a registered broker besides the metadata (BrokerHeartbeatManager).
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) incarnation: u64,
    /// Last registration or heartbeat.
    pub(super) last_contact: SimTime,
    /// Metadata offset of the last heartbeat.
    pub(super) metadata_offset: u64,
    /// Offset that all active brokers must reach before the broker may stop.
    pub(super) shutdown_offset: Option<u64>,
    /// The log directory failed; only a new process can bring it back.
    pub(super) log_dir_offline: bool,
    /// When metadata was last sent.
    pub(super) last_push: SimTime,
}

impl Controller {
    /// Registers a process. It is fenced until it has caught up with this very record.
    ///
    /// An empty disk is a new directory id to Kafka: the broker may not lead what was assigned to the old one until it
    /// has assigned its replicas anew, which it does with the metadata that contains its registration. That is also
    /// what lets it be unfenced, so nothing more is needed here: with ELR off, a broker that is the last ISR member
    /// comes back as the leader of an empty log; with ELR on, it has left ISR and ELR by then.
    pub(super) fn register(
        &mut self,
        now: SimTime,
        broker: BrokerId,
        registration: Registration,
        out: &mut Vec<ControllerOutput>,
    ) {
        let mut changes = Changes::default();
        let answer = self.registered_epoch(now, broker, &registration, &mut changes);
        out.push(ControllerOutput::Reply {
            to: broker,
            msg: FromController::Registered(answer),
        });
        if answer.is_ok() {
            out.push(ControllerOutput::Push {
                to: broker,
                msg: self.snapshot(),
            });
            self.publish(now, changes, Some(broker), out);
        }
    }

    fn registered_epoch(
        &mut self,
        now: SimTime,
        broker: BrokerId,
        registration: &Registration,
        changes: &mut Changes,
    ) -> Result<i64, ErrorCode> {
        let previous_epoch = self.image.brokers.get(&broker).map(|state| state.epoch);
        if let (Some(epoch), Some(session)) = (previous_epoch, self.sessions.get_mut(&broker)) {
            if session.incarnation == registration.incarnation {
                session.last_contact = now;
                session.last_push = now;
                return Ok(epoch);
            }
            let session_lives = now < session.last_contact + self.properties.broker_session_timeout;
            if session_lives && self.image.is_alive(broker) {
                return Err(ErrorCode::DUPLICATE_BROKER_REGISTRATION);
            }
        }
        let clean = previous_epoch == Some(registration.previous_broker_epoch);
        self.end_previous_incarnation(broker, clean, changes);
        let epoch = i64::try_from(self.offset + 1).expect("fewer than 2^63 records are written");
        self.sessions
            .insert(broker, Session::begin(registration.incarnation, now));
        let state = BrokerState {
            id: broker,
            epoch,
            fenced: true,
            in_controlled_shutdown: false,
            rack: registration.rack.clone(),
        };
        self.write(MetadataRecord::Broker(state), changes);
        let empty_disk = registration.empty_disk;
        changes.events.push(ControllerEvent::Registered {
            broker,
            epoch,
            clean,
            empty_disk,
        });
        Ok(epoch)
    }

    /// Only ELR tells a clean stop from an unclean one. Without it, whoever returns is trusted.
    fn end_previous_incarnation(&mut self, broker: BrokerId, clean: bool, changes: &mut Changes) {
        if self.elr_enabled() && !clean {
            let change = BrokerChange::RestartedUncleanly(broker);
            self.update_partitions(change, changes, |state| {
                state.isr.contains(&broker) || state.elr.contains(&broker)
            });
        } else {
            self.update_partitions(BrokerChange::Leaves(broker), changes, |state| {
                state.isr.contains(&broker)
            });
        }
    }
}

impl Session {
    fn begin(incarnation: u64, now: SimTime) -> Self {
        Self {
            incarnation,
            last_contact: now,
            metadata_offset: 0,
            shutdown_offset: None,
            log_dir_offline: false,
            last_push: now,
        }
    }
}
