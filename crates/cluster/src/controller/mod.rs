//! The active KRaft controller as a state machine (QuorumController): it registers and fences brokers, elects leaders,
//! keeps ISR and ELR, and creates, changes and deletes topics. Every change is a record; brokers follow by deltas.
//!
//! Divergence: there is one controller and no quorum. A record is committed when it is written, so a request is never
//! answered with a time-out, and the controller itself never fails over. Unreachable is modelled by the network.

mod assignment;
mod balance;
mod configs;
mod elect_leaders;
mod election;
mod elr;
mod event;
mod fencing;
mod heartbeat;
mod internal_topics;
mod isr;
mod partitions;
mod placement;
mod producer_ids;
mod publish;
mod registration;
mod shutdown;
#[cfg(test)]
mod tests;
mod topic_names;
mod topics_create;
mod topics_delete;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_core::{BrokerId, ErrorCode, Seed, SimRng, SimTime};

pub use self::event::{ControllerEvent, ControllerOutput};
pub use self::internal_topics::{INTERNAL_TOPICS, internal_topic};
pub use self::topic_names::check_topic_name;

use self::heartbeat::Heartbeat;
use self::publish::Changes;
use self::registration::{Registration, Session};
use crate::config::BrokerConfig;
use crate::peer::{AdminRequest, AdminResponse, FromController, MetadataImage, MetadataRecord, Refusal, ToController};

/// The active controller.
#[derive(Clone, Debug)]
pub struct Controller {
    /// The controller's own properties: what topics and brokers default to.
    properties: BrokerConfig,
    /// The properties with the cluster-wide overrides of the image.
    defaults: BrokerConfig,
    rng: SimRng,
    image: Arc<MetadataImage>,
    /// Number of records written; the offset of the image.
    offset: u64,
    sessions: BTreeMap<BrokerId, Session>,
    next_producer_id: i64,
    /// When leadership is next returned to preferred replicas, if any partition is led by another one.
    rebalance_at: Option<SimTime>,
    /// When leaderless partitions are next looked at, if there are any.
    unclean_check_at: Option<SimTime>,
    #[cfg(feature = "mutants")]
    mutant: Option<crate::mutant::Mutant>,
}

impl Controller {
    /// A controller of an empty cluster. `config` holds the cluster's defaults.
    ///
    /// With eligible leader replicas on, the cluster-wide `min.insync.replicas` is written down at once, so that all
    /// brokers agree on it (Kafka 4.1).
    pub fn new(config: BrokerConfig, seed: Seed) -> Self {
        let mut controller = Self {
            defaults: config.clone(),
            properties: config,
            rng: seed.stream("controller", 0),
            image: Arc::new(MetadataImage::default()),
            offset: 0,
            sessions: BTreeMap::new(),
            next_producer_id: 0,
            rebalance_at: None,
            unclean_check_at: None,
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        if controller.elr_enabled() {
            let value = controller.properties.min_insync_replicas.to_string();
            let record = MetadataRecord::Config(
                crate::peer::ConfigResource::ClusterDefault,
                Arc::from("min.insync.replicas"),
                Some(Arc::from(value)),
            );
            controller.write(record, &mut Changes::default());
        }
        controller
    }

    /// Handles one request of a broker. Every request gets exactly one [`ControllerOutput::Reply`], which comes before
    /// whatever the request caused.
    pub fn handle(&mut self, now: SimTime, from: BrokerId, request: ToController, out: &mut Vec<ControllerOutput>) {
        match request {
            ToController::Register {
                incarnation,
                rack,
                previous_broker_epoch,
                empty_disk,
            } => {
                let registration = Registration {
                    incarnation,
                    rack,
                    previous_broker_epoch,
                    empty_disk,
                };
                self.register(now, from, registration, out);
            }
            ToController::Heartbeat {
                broker_epoch,
                metadata_offset,
                want_fence,
                want_shutdown,
                log_dir_offline,
            } => {
                let heartbeat = Heartbeat {
                    metadata_offset,
                    want_fence,
                    want_shutdown,
                    log_dir_offline,
                };
                self.heartbeat(now, from, broker_epoch, heartbeat, out);
            }
            ToController::AlterPartition {
                broker_epoch,
                proposals,
            } => {
                let mut changes = Changes::default();
                let answer = self.alter_partition(from, broker_epoch, &proposals, &mut changes);
                out.push(ControllerOutput::Reply {
                    to: from,
                    msg: FromController::AlterPartition(answer),
                });
                self.publish(now, changes, None, out);
            }
            ToController::AllocateProducerIds { broker_epoch } => {
                let answer = self.allocate_producer_ids(from, broker_epoch);
                out.push(ControllerOutput::Reply {
                    to: from,
                    msg: FromController::ProducerIds(answer),
                });
            }
            ToController::Admin(request) => {
                let mut changes = Changes::default();
                let answer = self.administer(request, &mut changes);
                out.push(ControllerOutput::Reply {
                    to: from,
                    msg: FromController::Admin(answer),
                });
                self.publish(now, changes, None, out);
            }
            ToController::FetchMetadata => {
                out.push(ControllerOutput::Reply {
                    to: from,
                    msg: self.snapshot(),
                });
            }
        }
    }

    /// Handles an administrative request that does not come from a broker: topics that exist from the start, and
    /// faults such as an unclean election.
    pub fn admin(&mut self, now: SimTime, request: AdminRequest, out: &mut Vec<ControllerOutput>) -> AdminResponse {
        let mut changes = Changes::default();
        let answer = self.administer(request, &mut changes);
        self.publish(now, changes, None, out);
        answer
    }

    fn administer(&mut self, request: AdminRequest, changes: &mut Changes) -> AdminResponse {
        match request {
            AdminRequest::CreateTopics { topics, validate_only } => {
                AdminResponse::CreateTopics(self.create_topics(topics, validate_only, changes))
            }
            AdminRequest::DeleteTopics(topics) => AdminResponse::DeleteTopics(self.delete_topics(topics, changes)),
            AdminRequest::CreatePartitions { topics, validate_only } => {
                AdminResponse::CreatePartitions(self.create_partitions(topics, validate_only, changes))
            }
            AdminRequest::AlterConfigs {
                changes: requested,
                validate_only,
            } => AdminResponse::AlterConfigs(self.alter_configs(requested, validate_only, changes)),
            AdminRequest::ElectLeaders { election, partitions } => {
                AdminResponse::ElectLeaders(Ok(self.elect_leaders(election, partitions, changes)))
            }
        }
    }

    /// Does what is due: fences brokers whose session timed out, returns leadership to preferred replicas, elects
    /// leaders uncleanly where topics allow it.
    pub fn advance(&mut self, now: SimTime, out: &mut Vec<ControllerOutput>) {
        self.fence_stale_brokers(now, out);
        self.rebalance_leaders(now, out);
        self.check_leaderless_partitions(now, out);
    }

    /// When [`Controller::advance`] next has something to do.
    pub fn next_due(&self) -> Option<SimTime> {
        let timers = [self.next_session_timeout(), self.rebalance_at, self.unclean_check_at];
        timers.into_iter().flatten().min()
    }

    /// The metadata as of [`Controller::offset`].
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// Number of records written since the cluster was formatted. A broker's epoch is the offset right after its
    /// registration.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The properties with the cluster-wide overrides: what topics and brokers default to now.
    pub fn defaults(&self) -> &BrokerConfig {
        &self.defaults
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn with_mutant(self, mutant: Option<crate::mutant::Mutant>) -> Self {
        Self { mutant, ..self }
    }

    fn elr_enabled(&self) -> bool {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::mutant::Mutant::ElrOff) {
            return false;
        }
        self.properties.eligible_leader_replicas_enable
    }

    /// Registered, unfenced, not shutting down, and with a working log directory.
    fn is_active(&self, broker: BrokerId) -> bool {
        self.image
            .brokers
            .get(&broker)
            .is_some_and(|state| !state.fenced && !state.in_controlled_shutdown)
            && self.has_online_log_dir(broker)
    }

    fn has_online_log_dir(&self, broker: BrokerId) -> bool {
        self.sessions
            .get(&broker)
            .is_none_or(|session| !session.log_dir_offline)
    }

    /// The registration of `broker` must carry `epoch`.
    fn check_broker_epoch(&self, broker: BrokerId, epoch: i64) -> Result<(), ErrorCode> {
        match self.image.brokers.get(&broker) {
            Some(state) if state.epoch == epoch => Ok(()),
            _ => Err(ErrorCode::STALE_BROKER_EPOCH),
        }
    }
}

/// A refusal with a message.
fn refuse(code: ErrorCode, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: Some(message.into()),
    }
}
