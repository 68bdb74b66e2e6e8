//! One broker process: everything that a kill of the process takes away.
//!
//! What survives a kill is on the [`Disk`]; the machine around the process is the cluster's `Node`.

mod checkpoints;
mod cleaner;
mod connections;
mod consumer_fetch;
mod controller_link;
mod fetch_reads;
mod fetch_session;
mod fetcher;
mod follower_answer;
mod follower_fetch;
mod high_watermark;
mod isr;
mod lifecycle;
mod metadata;
mod partition;
mod produce;
mod purgatory;
mod roles;
mod shutdown;
mod timers;
mod truncation;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::batch::Batch;
use kafka_sim_core::wire::ResponseWriter;
use kafka_sim_core::{BrokerId, ConnId, Seed, SimRng, SimTime, SmallMap};

use crate::cluster::Gate;
use crate::config::BrokerConfig;
use crate::disk::Disk;
use crate::event::Event;
use crate::group::Coordinators;
use crate::peer::{MetadataImage, PartitionState, Tp};

pub use connections::CloseReason;
pub(crate) use connections::Connection;
pub(crate) use consumer_fetch::{FetchAsk, FetchPart, FetchParts};
pub(crate) use controller_link::{AdminCall, ControllerLink};
pub(crate) use fetch_reads::{FetchRead, FetchReads};
pub(crate) use fetch_session::{Mention, SessionUse};
pub(crate) use fetcher::Fetcher;
pub(crate) use follower_fetch::FollowerSession;
pub(crate) use lifecycle::Lifecycle;
pub(crate) use partition::{Leading, Partition, Remote, Role};
pub(crate) use produce::{Produce, ProduceOutcome, ProducePart};
pub(crate) use purgatory::{DeletePart, ParkedDelete, Purgatory, WaitsFor};
pub(crate) use timers::{Timer, TimerKey, Timers};

/// What a broker process wants done once it has handled an input.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A response for a client.
    Respond {
        conn: ConnId,
        api_key: i16,
        client_id: Option<StrBytes>,
        bytes: Bytes,
    },
    /// A connection is to be closed.
    Close { conn: ConnId, reason: CloseReason },
    /// A message for another broker.
    ToBroker { to: BrokerId, message: PeerMessage },
    /// A message for the controller.
    ToController {
        id: u64,
        message: crate::peer::ToController,
    },
    /// Something for the trace.
    Event(Event),
    /// Something for the inspector only: what the coordinator of a partition of the offsets topic did.
    Witnessed(crate::peer::Tp, Box<crate::group::Deed>),
    /// The broker serves clients from now on, or stops to.
    Listening(bool),
    /// The process ends itself, after a shutdown.
    Exit,
}

/// Between brokers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PeerMessage {
    /// A follower fetches from a leader.
    Fetch(Box<follower_fetch::ReplicaExchange>),
    /// The leader answers.
    Fetched(Box<follower_fetch::ReplicaExchange>),
    /// A follower that was out of range asks where the leader's log starts and ends.
    LogRange { tp: Tp, leader_epoch: i32 },
    /// The answer: log start and log end, or an error code.
    LogRangeIs {
        tp: Tp,
        leader_epoch: i32,
        range: Result<(i64, i64), kafka_sim_core::ErrorCode>,
    },
}

impl PeerMessage {
    /// Roughly the bytes it would take on the wire; what bandwidth limits count.
    pub(crate) fn size(&self) -> usize {
        match self {
            PeerMessage::Fetch(exchange) => 64 + 32 * exchange.asked.changed.len(),
            PeerMessage::Fetched(exchange) => {
                let answer = &exchange.answer;
                64 + 40 * answer.parts.len() + answer.records.iter().map(Batch::size).sum::<usize>()
            }
            PeerMessage::LogRange { .. } | PeerMessage::LogRangeIs { .. } => 48,
        }
    }
}

/// What a handler may touch besides the broker itself.
pub(crate) struct Ctx<'a> {
    pub(crate) now: SimTime,
    /// The broker's wall clock in milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    pub(crate) disk: &'a mut Disk,
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Requests that a fault drops before they are handled.
    pub(crate) gate: &'a mut Gate,
}

impl Ctx<'_> {
    pub(crate) fn event(&mut self, event: Event) {
        self.effects.push(Effect::Event(event));
    }

    pub(crate) fn tell_broker(&mut self, to: BrokerId, message: PeerMessage) {
        self.effects.push(Effect::ToBroker { to, message });
    }
}

/// What a broker is told about itself when its process starts.
#[derive(Clone, Debug)]
pub(crate) struct BrokerSpec {
    pub(crate) id: BrokerId,
    pub(crate) rack: Option<Arc<str>>,
    pub(crate) cluster_id: Arc<str>,
    /// Advertised host and port of every broker, by id.
    pub(crate) listeners: Arc<[(Arc<str>, u16)]>,
    /// `server.properties` of this broker.
    pub(crate) config: BrokerConfig,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
}

/// Requests that were answered, each of which leaves its piece of memory to one that comes.
type Spares<T> = Vec<Box<T>>;

/// A broker process.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) spec: Arc<BrokerSpec>,
    /// The static configuration with the dynamic overrides of the current image applied.
    pub(crate) config: BrokerConfig,
    pub(crate) image: MetadataImage,
    pub(crate) metadata_offset: u64,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) broker_epoch: i64,
    pub(crate) partitions: SmallMap<Tp, Partition>,
    /// Boxed, so that there may be many: they come in any order.
    pub(crate) connections: SmallMap<ConnId, Box<Connection>>,
    pub(crate) purgatory: Purgatory,
    pub(crate) fetchers: SmallMap<BrokerId, Fetcher>,
    /// Number of the last fetch that was sent. No other process of this broker uses the same ones.
    pub(crate) replica_fetches: u64,
    pub(crate) followers: SmallMap<BrokerId, FollowerSession>,
    pub(crate) controller: ControllerLink,
    pub(crate) groups: Coordinators,
    pub(crate) sessions: fetch_session::SessionCache,
    pub(crate) producer_ids: std::ops::Range<i64>,
    pub(crate) timers: Timers,
    pub(crate) log_dir_offline: bool,
    /// What each cleaner thread is at work on.
    pub(crate) cleaners: BTreeMap<i32, Tp>,
    pub(crate) rng: SimRng,
    /// Fetches that were answered, for their memory.
    spare_asks: Spares<FetchAsk>,
    spare_reads: FetchReads,
    /// The same of produces.
    spare_produces: Spares<Produce>,
    spare_parts: Vec<ProducePart>,
    /// Where responses are encoded.
    pub(crate) responses: ResponseWriter,
    incarnation: u64,
    /// Connections whose request was answered and that may hold another one.
    answered: Vec<ConnId>,
}

impl Broker {
    pub(crate) fn id(&self) -> BrokerId {
        self.spec.id
    }

    /// The state of a partition in this broker's image.
    pub(crate) fn known(&self, tp: Tp) -> Option<&PartitionState> {
        self.image.partition(tp)
    }

    /// The id of a topic in this broker's image.
    pub(crate) fn topic_id(&self, name: &str) -> Option<uuid::Uuid> {
        self.image.names.get(name).copied()
    }

    /// `replica.selector.class` names the rack-aware selector (KIP-392).
    fn selects_replicas_by_rack(&self) -> bool {
        self.config
            .replica_selector_class
            .as_deref()
            .is_some_and(|class| class.ends_with("RackAwareReplicaSelector"))
    }

    fn seed_stream(seed: Seed, id: BrokerId, incarnation: u64) -> SimRng {
        let index = (u64::try_from(id.0).expect("broker ids are never negative") << 32) | incarnation;
        seed.stream("broker", index)
    }
}

/// A byte count from the configuration; those are never negative.
pub(crate) fn byte_count(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}
