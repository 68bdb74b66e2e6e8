//! What brokers and the controller say to each other.
//!
//! Divergence: Kafka encodes this traffic in its wire protocol (BrokerRegistration, BrokerHeartbeat, AlterPartition,
//! AllocateProducerIds, the metadata log, follower Fetch). Here it travels as typed messages over the same links as
//! client bytes, so every network fault applies to it, but it is never serialised.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kafka_sim_core::{BrokerId, ErrorCode};
use uuid::Uuid;

/// One partition of one incarnation of a topic. A topic that is deleted and created again has a new id.
#[derive(Clone, Copy, Eq, Debug)]
pub struct Tp {
    /// Topic id.
    pub topic: Uuid,
    /// Partition index, from 0.
    pub partition: i32,
}

/// The index first, in which two partitions mostly differ.
impl PartialEq for Tp {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.partition == other.partition && self.topic == other.topic
    }
}

impl Hash for Tp {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.topic.hash(hasher);
        self.partition.hash(hasher);
    }
}

/// By topic id, then by index. An id is compared as one number, which is the order of its bytes and takes far less time.
impl Ord for Tp {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let ids = self.topic.as_u128().cmp(&other.topic.as_u128());
        ids.then_with(|| self.partition.cmp(&other.partition))
    }
}

impl PartialOrd for Tp {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// State of one partition as the controller records it (PartitionRegistration).
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct PartitionState {
    /// Assigned replicas, preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<BrokerId>,
    /// Members that lost their eligibility, newest knowledge the controller has of them (KIP-966).
    pub last_known_elr: Vec<BrokerId>,
    /// Leader, or `None` while the partition is offline.
    pub leader: Option<BrokerId>,
    /// Raised with every change of leader.
    pub leader_epoch: i32,
    /// Raised with every change of this state.
    pub partition_epoch: i32,
    /// The leader was elected uncleanly and has not yet reported recovery.
    pub recovering: bool,
}

/// A topic in the metadata image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicState {
    /// Topic id.
    pub id: Uuid,
    /// Topic name.
    pub name: Arc<str>,
    /// Partitions by index.
    pub partitions: Vec<PartitionState>,
}

/// A broker in the metadata image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerState {
    /// Broker id.
    pub id: BrokerId,
    /// Epoch of the current registration.
    pub epoch: i64,
    /// Fenced brokers lead nothing and are in no ISR.
    pub fenced: bool,
    /// The broker asked for a controlled shutdown.
    pub in_controlled_shutdown: bool,
    /// `broker.rack`, if set.
    pub rack: Option<Arc<str>>,
}

/// What a configuration override is attached to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(Arc<str>),
    /// One broker.
    Broker(BrokerId),
    /// The cluster-wide default of all brokers.
    ClusterDefault,
    /// A group, by id.
    Group(Arc<str>),
}

/// The cluster metadata at one offset of the metadata log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetadataImage {
    /// Topics by id.
    pub topics: BTreeMap<Uuid, TopicState>,
    /// Topic ids by name.
    pub names: BTreeMap<Arc<str>, Uuid>,
    /// Registered brokers, fenced ones included.
    pub brokers: BTreeMap<BrokerId, BrokerState>,
    /// Configuration overrides.
    pub configs: BTreeMap<ConfigResource, BTreeMap<Arc<str>, Arc<str>>>,
}

/// One change of the metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataRecord {
    /// A topic appeared, or its name and partitions are to be replaced.
    Topic(TopicState),
    /// A partition appeared or changed.
    Partition(Tp, PartitionState),
    /// A topic and its partitions are gone.
    RemoveTopic(Uuid),
    /// A broker registered or changed its state.
    Broker(BrokerState),
    /// An override was set, or removed with `None`.
    Config(ConfigResource, Arc<str>, Option<Arc<str>>),
}

impl MetadataImage {
    /// Applies one record.
    pub fn apply(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Topic(topic) => {
                self.names.insert(topic.name.clone(), topic.id);
                self.topics.insert(topic.id, topic.clone());
            }
            MetadataRecord::Partition(tp, state) => self.apply_partition(*tp, state),
            MetadataRecord::RemoveTopic(id) => {
                if let Some(topic) = self.topics.remove(id) {
                    if self.names.get(&topic.name) == Some(id) {
                        self.names.remove(&topic.name);
                    }
                    self.configs.remove(&ConfigResource::Topic(topic.name));
                }
            }
            MetadataRecord::Broker(broker) => {
                self.brokers.insert(broker.id, broker.clone());
            }
            MetadataRecord::Config(resource, key, value) => {
                self.apply_config(resource, key, value.as_ref());
            }
        }
    }

    fn apply_partition(&mut self, tp: Tp, state: &PartitionState) {
        let Some(topic) = self.topics.get_mut(&tp.topic) else {
            return;
        };
        let index = usize::try_from(tp.partition).expect("partition indexes are never negative");
        if index < topic.partitions.len() {
            topic.partitions[index] = state.clone();
        } else {
            topic.partitions.push(state.clone());
        }
    }

    fn apply_config(&mut self, resource: &ConfigResource, key: &Arc<str>, value: Option<&Arc<str>>) {
        let overrides = self.configs.entry(resource.clone()).or_default();
        match value {
            Some(value) => overrides.insert(key.clone(), value.clone()),
            None => overrides.remove(key),
        };
        if overrides.is_empty() {
            self.configs.remove(resource);
        }
    }

    /// The state of one partition.
    pub fn partition(&self, tp: Tp) -> Option<&PartitionState> {
        self.topics
            .get(&tp.topic)?
            .partitions
            .get(usize::try_from(tp.partition).ok()?)
    }

    /// The topic of that name.
    pub fn topic_named(&self, name: &str) -> Option<&TopicState> {
        self.topics.get(self.names.get(name)?)
    }

    /// What a topic has of its own settings.
    pub fn overrides(&self, topic: &Arc<str>) -> Option<&BTreeMap<Arc<str>, Arc<str>>> {
        self.configs.get(&ConfigResource::Topic(topic.clone()))
    }

    /// Registered and unfenced.
    pub fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|b| !b.fenced)
    }
}

/// A change of ISR that a leader proposes (AlterPartition v3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IsrProposal {
    /// The partition.
    pub tp: Tp,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// The partition epoch the proposal builds on.
    pub partition_epoch: i32,
    /// The new ISR with each member's broker epoch, −1 where unknown.
    pub isr: Vec<(BrokerId, i64)>,
    /// Whether the leader still considers the partition to be recovering.
    pub recovering: bool,
}

/// A topic to create.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTopic {
    /// Name; validated by the controller.
    pub name: Arc<str>,
    /// Number of partitions, −1 for the default.
    pub partitions: i32,
    /// Replication factor, −1 for the default.
    pub replication_factor: i16,
    /// Manual assignment: (partition, replicas); empty for automatic placement.
    pub assignment: Vec<(i32, Vec<BrokerId>)>,
    /// Overrides; a `None` value is invalid and is answered so.
    pub configs: Vec<(Arc<str>, Option<Arc<str>>)>,
}

/// How a configuration key changes (IncrementalAlterConfigs).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigOp {
    /// 0
    Set,
    /// 1
    Delete,
    /// 2
    Append,
    /// 3
    Subtract,
    /// Any other number; answered with INVALID_REQUEST.
    Unknown(i8),
}

/// The changes of one resource. `None` as resource stands for one that could not be parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigChange {
    /// What is changed.
    pub resource: ConfigResource,
    /// Key, operation and value.
    pub ops: Vec<(Arc<str>, ConfigOp, Option<Arc<str>>)>,
    /// AlterConfigs: unlisted overrides return to their defaults.
    pub replace_all: bool,
}

/// The kind of election asked for (ElectLeaders).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ElectionType {
    /// Return leadership to the first assigned replica.
    Preferred,
    /// Elect an out-of-sync replica if nothing else is left.
    Unclean,
}

/// A topic that is to grow: its name, the total number of partitions, and the replicas of the added ones if given.
pub type PartitionGrowth = (Arc<str>, i32, Option<Vec<Vec<BrokerId>>>);

/// What became of a topic that was to be deleted: as asked, its name and id if known, and the outcome.
pub type DeletedTopic = (TopicRef, Option<Arc<str>>, Option<Uuid>, Result<(), Refusal>);

/// What became of the election of one partition: topic name, partition, outcome.
pub type Elected = (Arc<str>, i32, Result<(), Refusal>);

/// The answer to AlterPartition: a top-level error, or for each partition the state now recorded or an error.
pub type IsrAnswer = Result<Vec<(Tp, Result<PartitionState, ErrorCode>)>, ErrorCode>;

/// A request that brokers forward to the controller on behalf of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminRequest {
    /// CreateTopics.
    CreateTopics {
        /// What to create.
        topics: Vec<NewTopic>,
        /// Only check.
        validate_only: bool,
    },
    /// DeleteTopics, each by name or by id.
    DeleteTopics(Vec<TopicRef>),
    /// CreatePartitions: (topic, total count, assignments of the added partitions).
    CreatePartitions {
        /// Name, new total count, manual assignment of the added partitions if any.
        topics: Vec<PartitionGrowth>,
        /// Only check.
        validate_only: bool,
    },
    /// AlterConfigs and IncrementalAlterConfigs.
    AlterConfigs {
        /// One entry per resource.
        changes: Vec<ConfigChange>,
        /// Only check.
        validate_only: bool,
    },
    /// ElectLeaders; `None` means all partitions.
    ElectLeaders {
        /// Kind of election.
        election: ElectionType,
        /// Topic name and partition.
        partitions: Option<Vec<(Arc<str>, i32)>>,
    },
}

/// A topic named in DeleteTopics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TopicRef {
    /// By name.
    Name(Arc<str>),
    /// By id.
    Id(Uuid),
}

/// A refusal: the code and, where Kafka gives one, a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Never `NONE`.
    pub code: ErrorCode,
    /// Text for people.
    pub message: Option<String>,
}

/// A topic that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedTopic {
    /// Its id; nil for `validate_only`.
    pub id: Uuid,
    /// Partition count.
    pub partitions: i32,
    /// Replication factor.
    pub replication_factor: i16,
}

/// The answer to an [`AdminRequest`], item by item in request order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AdminResponse {
    /// Name and outcome.
    CreateTopics(Vec<(Arc<str>, Result<CreatedTopic, Refusal>)>),
    /// The topic as asked, its resolved name and id if known, and the outcome.
    DeleteTopics(Vec<DeletedTopic>),
    /// Name and outcome.
    CreatePartitions(Vec<(Arc<str>, Result<(), Refusal>)>),
    /// Resource and outcome.
    AlterConfigs(Vec<(ConfigResource, Result<(), Refusal>)>),
    /// Top-level refusal, or each partition's outcome.
    ElectLeaders(Result<Vec<Elected>, Refusal>),
}

/// From a broker to the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ToController {
    /// BrokerRegistration.
    Register {
        /// Fresh for every start of the process.
        incarnation: u64,
        /// `broker.rack`.
        rack: Option<Arc<str>>,
        /// Broker epoch found in the clean-shutdown marker, −1 without one (KIP-966).
        previous_broker_epoch: i64,
        /// The log directory is empty, as after a wipe.
        empty_disk: bool,
    },
    /// BrokerHeartbeat.
    Heartbeat {
        /// Epoch given at registration.
        broker_epoch: i64,
        /// Last metadata offset applied.
        metadata_offset: u64,
        /// The broker is not ready to serve.
        want_fence: bool,
        /// The broker asks for a controlled shutdown.
        want_shutdown: bool,
        /// The log directory has failed: the broker gives up its leaderships.
        log_dir_offline: bool,
    },
    /// AlterPartition.
    AlterPartition {
        /// Epoch given at registration.
        broker_epoch: i64,
        /// Proposals, at most one per partition.
        proposals: Vec<IsrProposal>,
    },
    /// AllocateProducerIds: asks for a block of 1000.
    AllocateProducerIds {
        /// Epoch given at registration.
        broker_epoch: i64,
    },
    /// A forwarded client request.
    Admin(AdminRequest),
    /// Asks for the whole image because deltas were missed.
    FetchMetadata,
}

/// From the controller to a broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FromController {
    /// Answer to `Register`.
    Registered(Result<i64, ErrorCode>),
    /// Answer to `Heartbeat`.
    Heartbeat(Result<HeartbeatAnswer, ErrorCode>),
    /// Answer to `AlterPartition`: top-level error, or per partition the state now recorded or an error.
    AlterPartition(IsrAnswer),
    /// Answer to `AllocateProducerIds`: first id of a block of 1000.
    ProducerIds(Result<i64, ErrorCode>),
    /// Answer to `Admin`.
    Admin(AdminResponse),
    /// Pushed to every registered broker: records between two metadata offsets.
    Delta {
        /// Offset the records build on.
        from: u64,
        /// Offset after them.
        to: u64,
        /// The records in order.
        records: Arc<[MetadataRecord]>,
    },
    /// Answer to `FetchMetadata`, and sent to a broker whose heartbeat shows that it missed a delta.
    Snapshot {
        /// Offset of the image.
        offset: u64,
        /// The image.
        image: Arc<MetadataImage>,
    },
}

/// What a heartbeat tells the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeartbeatAnswer {
    /// The controller considers the broker fenced.
    pub fenced: bool,
    /// The broker may stop now.
    pub should_shut_down: bool,
}
