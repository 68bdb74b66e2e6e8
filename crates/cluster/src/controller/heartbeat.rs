//! BrokerHeartbeat: sessions, fencing on request, unfencing (BrokerHeartbeatManager.calculateNextBrokerState).

use kafka_sim_core::{BrokerId, ErrorCode, SimTime};

use super::fencing::BrokerChange;
use super::publish::Changes;
use super::{Controller, ControllerOutput};
use crate::peer::{FromController, HeartbeatAnswer};

/// What a broker says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    pub(super) metadata_offset: u64,
    pub(super) want_fence: bool,
    pub(super) want_shutdown: bool,
    pub(super) log_dir_offline: bool,
}

impl Controller {
    /// Answers a heartbeat, and sends a snapshot to a broker that seems to have missed a delta.
    pub(super) fn heartbeat(
        &mut self,
        now: SimTime,
        broker: BrokerId,
        epoch: i64,
        heartbeat: Heartbeat,
        out: &mut Vec<ControllerOutput>,
    ) {
        let mut changes = Changes::default();
        let answer = self.heartbeat_answer(now, broker, epoch, heartbeat, &mut changes);
        out.push(ControllerOutput::Reply {
            to: broker,
            msg: FromController::Heartbeat(answer),
        });
        self.publish(now, changes, None, out);
        if answer.is_ok() && heartbeat.metadata_offset < self.offset {
            self.resend_metadata(now, broker, out);
        }
    }

    /// A delta that was sent less than an interval ago may still be on its way.
    fn resend_metadata(&mut self, now: SimTime, broker: BrokerId, out: &mut Vec<ControllerOutput>) {
        let Some(session) = self.sessions.get_mut(&broker) else {
            return;
        };
        if now >= session.last_push + self.properties.broker_heartbeat_interval {
            session.last_push = now;
            out.push(ControllerOutput::Push {
                to: broker,
                msg: self.snapshot(),
            });
        }
    }

    fn heartbeat_answer(
        &mut self,
        now: SimTime,
        broker: BrokerId,
        epoch: i64,
        heartbeat: Heartbeat,
        changes: &mut Changes,
    ) -> Result<HeartbeatAnswer, ErrorCode> {
        if !self.image.brokers.contains_key(&broker) {
            return Err(ErrorCode::BROKER_ID_NOT_REGISTERED);
        }
        self.check_broker_epoch(broker, epoch)?;
        if let Some(session) = self.sessions.get_mut(&broker) {
            session.last_contact = now;
        }
        let should_shut_down = self.change_service(broker, epoch, heartbeat, changes);
        if let Some(session) = self.sessions.get_mut(&broker) {
            session.metadata_offset = heartbeat.metadata_offset;
        }
        if heartbeat.log_dir_offline {
            self.take_log_dir_offline(broker, changes);
        }
        Ok(HeartbeatAnswer {
            fenced: !self.image.is_alive(broker),
            should_shut_down,
        })
    }

    /// Fences, unfences or shuts down the broker as it asks. Returns whether it may stop now.
    fn change_service(&mut self, broker: BrokerId, epoch: i64, heartbeat: Heartbeat, changes: &mut Changes) -> bool {
        let has_caught_up = i64::try_from(heartbeat.metadata_offset).is_ok_and(|offset| offset >= epoch);
        let state = &self.image.brokers[&broker];
        if state.fenced {
            if heartbeat.want_shutdown {
                return true;
            }
            if !heartbeat.want_fence && has_caught_up {
                self.unfence(broker, changes);
            }
            return false;
        }
        if state.in_controlled_shutdown {
            return self.continue_shutdown(broker, changes);
        }
        if heartbeat.want_fence {
            self.fence(broker, changes);
            return heartbeat.want_shutdown;
        }
        heartbeat.want_shutdown && self.begin_shutdown(broker, changes)
    }

    /// A failed log directory costs the broker its leaderships and its places in ISRs, though it may live on.
    fn take_log_dir_offline(&mut self, broker: BrokerId, changes: &mut Changes) {
        let Some(session) = self
            .sessions
            .get_mut(&broker)
            .filter(|session| !session.log_dir_offline)
        else {
            return;
        };
        session.log_dir_offline = true;
        self.update_partitions(BrokerChange::Leaves(broker), changes, |state| {
            state.replicas.contains(&broker)
        });
    }
}
