//! What happened, as values.
//!
//! Events name only ids, so that recording one costs next to nothing and two runs can be compared event by event. They
//! feed the [trace](crate::trace), the [marks](crate::mark) that fire faults, and reports for people.

use std::sync::Arc;

use kafka_sim_core::{BrokerId, ConnId, ErrorCode, Offset};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::peer::Tp;

/// A few brokers, such as an ISR; no allocation up to four.
pub type Brokers = SmallVec<[BrokerId; 4]>;

/// One thing that happened inside the cluster. The time stands beside it in the trace.
///
/// Ranges of offsets are inclusive (`base..=last`) unless a field is called `next` or `log_end`, which are the offset
/// after the last record.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The process of a broker started; it serves nobody yet.
    BrokerStarted {
        /// Who.
        broker: BrokerId,
    },
    /// The controller accepted a registration.
    BrokerRegistered {
        /// Who.
        broker: BrokerId,
        /// The epoch it got.
        epoch: i64,
    },
    /// The controller took the broker out of every ISR and leadership.
    BrokerFenced {
        /// Who.
        broker: BrokerId,
    },
    /// The controller lets the broker lead and follow.
    BrokerUnfenced {
        /// Who.
        broker: BrokerId,
    },
    /// The process died; its page cache lives on.
    BrokerKilled {
        /// Who.
        broker: BrokerId,
    },
    /// The machine lost power.
    BrokerPowerLost {
        /// Who.
        broker: BrokerId,
        /// Bytes that were written but are gone from the platter.
        lost_bytes: u64,
    },
    /// The process ended in an orderly way.
    BrokerStopped {
        /// Who.
        broker: BrokerId,
        /// The controller moved its leaderships away first.
        controlled: bool,
    },
    /// The process no longer runs but still exists (a long collection of garbage, a stalled machine).
    BrokerPaused {
        /// Who.
        broker: BrokerId,
    },
    /// A paused process runs again.
    BrokerResumed {
        /// Who.
        broker: BrokerId,
    },
    /// The disk was replaced by an empty one.
    BrokerWiped {
        /// Who.
        broker: BrokerId,
    },
    /// The log directory failed and the broker gave it up.
    LogDirOffline {
        /// Whose.
        broker: BrokerId,
    },
    /// A log was opened at the start of a broker.
    Recovered {
        /// Where.
        broker: BrokerId,
        /// Which replica.
        tp: Tp,
        /// The offset after the last record that was kept.
        log_end: Offset,
        /// Bytes that recovery cut off.
        cut_bytes: u64,
    },
    /// A broker began to lead a partition or to lead it in a new epoch.
    BecameLeader {
        /// Who.
        broker: BrokerId,
        /// What.
        tp: Tp,
        /// In which epoch.
        leader_epoch: i32,
        /// The offset after its last record.
        log_end: Offset,
        /// The high watermark it starts from.
        hw: Offset,
    },
    /// A broker began to follow a leader or to follow it in a new epoch.
    BecameFollower {
        /// Who.
        broker: BrokerId,
        /// What.
        tp: Tp,
        /// Whom, if there is a leader.
        leader: Option<BrokerId>,
        /// In which epoch.
        leader_epoch: i32,
    },
    /// A leader took records from a producer into its log, or recognised them as already there.
    Appended {
        /// The leader.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset.
        base: Offset,
        /// Last offset.
        last: Offset,
        /// Epoch of the leader.
        leader_epoch: i32,
        /// −1 without idempotence.
        producer_id: i64,
        /// −1 without idempotence.
        producer_epoch: i16,
        /// −1 without idempotence.
        base_sequence: i32,
        /// The records were in the log before and nothing was written.
        duplicate: bool,
    },
    /// A producer's batch was refused because its sequence or epoch did not fit.
    SequenceRefused {
        /// The leader.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// Whose batch.
        producer_id: i64,
        /// Its epoch.
        producer_epoch: i16,
        /// Its first sequence.
        base_sequence: i32,
        /// What the producer is told.
        error: ErrorCode,
    },
    /// An acks=all write was refused, before or after it was appended, for want of in-sync replicas.
    NotEnoughReplicas {
        /// The leader.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// Members of the ISR at that moment.
        isr: Brokers,
        /// The records are in the leader's log all the same.
        after_append: bool,
    },
    /// A follower took records from its leader into its log.
    Replicated {
        /// The follower.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset.
        base: Offset,
        /// Last offset.
        last: Offset,
        /// Epoch in which it follows.
        leader_epoch: i32,
    },
    /// A replica dropped the end of its log.
    Truncated {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// The log end before.
        from: Offset,
        /// The log end after.
        to: Offset,
    },
    /// A replica's high watermark moved.
    HighWatermark {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// Its new value.
        hw: Offset,
    },
    /// A replica's log was flushed.
    Flushed {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// The offset after the last record covered by the flush.
        up_to: Offset,
    },
    /// A log began a new segment.
    SegmentRolled {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset of the new segment.
        base: Offset,
    },
    /// A broker began to compact the dirty part of a log.
    CleaningBegan {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset of the dirty part.
        from: Offset,
        /// The offset after its last record that may be compacted.
        to: Offset,
    },
    /// A log was compacted.
    LogCleaned {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset that was dirty.
        from: Offset,
        /// The offset after the last record that was compacted.
        to: Offset,
        /// Size of the segments before, in bytes.
        bytes_before: u64,
        /// Their size after, in bytes.
        bytes_after: u64,
    },
    /// A log cannot be compacted any more: a batch in it cannot be read.
    Uncleanable {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
    },
    /// A leader answered a producer for one partition.
    ProduceAnswered {
        /// The leader.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// First offset, −1 where nothing was appended.
        base: Offset,
        /// Last offset, −1 where nothing was appended.
        last: Offset,
        /// The `acks` of the request: 0, 1 or −1.
        acks: i16,
        /// What the producer is told.
        error: ErrorCode,
        /// Members of the ISR at the moment of answering, as the leader knows it.
        isr: Brokers,
    },
    /// A broker answered a consumer for one partition.
    FetchAnswered {
        /// Who.
        broker: BrokerId,
        /// Where.
        tp: Tp,
        /// The offset asked for.
        from: Offset,
        /// The offset after the last record handed out; equal to `from` if there was none.
        next: Offset,
        /// What the consumer is told.
        error: ErrorCode,
    },
    /// The controller recorded a new leader.
    LeaderElected {
        /// Where.
        tp: Tp,
        /// Who; `None` when the partition went offline.
        leader: Option<BrokerId>,
        /// The new epoch.
        leader_epoch: i32,
        /// The leader was not known to hold every committed record.
        unclean: bool,
    },
    /// The controller recorded a new ISR or ELR.
    IsrChanged {
        /// Where.
        tp: Tp,
        /// The ISR before.
        was: Box<[BrokerId]>,
        /// The ISR now.
        isr: Box<[BrokerId]>,
        /// The eligible leader replicas now.
        elr: Box<[BrokerId]>,
        /// The new partition epoch.
        partition_epoch: i32,
    },
    /// The controller created a topic.
    TopicCreated {
        /// Its id.
        topic: Uuid,
        /// Its name.
        name: Arc<str>,
        /// How many partitions it has.
        partitions: i32,
    },
    /// The controller deleted a topic.
    TopicDeleted {
        /// Its id.
        topic: Uuid,
    },
    /// A client connected.
    ConnectionOpened {
        /// The connection.
        conn: ConnId,
        /// To whom.
        broker: BrokerId,
    },
    /// A client's connection ended.
    ConnectionClosed {
        /// The connection.
        conn: ConnId,
        /// To whom it was.
        broker: BrokerId,
        /// Why, in a word or two.
        reason: &'static str,
    },
    /// A fault swallowed a request before it was handled.
    RequestDropped {
        /// On which connection.
        conn: ConnId,
        /// By whom it would have been handled.
        broker: BrokerId,
        /// Of which kind.
        api_key: i16,
    },
    /// A fault swallowed the response to a request that was handled.
    ResponseDropped {
        /// On which connection.
        conn: ConnId,
        /// By whom it was handled.
        broker: BrokerId,
        /// Of which kind.
        api_key: i16,
    },
    /// A scheduled fault struck.
    FaultFired {
        /// Its place in the schedule.
        index: u32,
        /// The fault in words.
        description: Arc<str>,
        /// The brokers it struck, empty if its role had no holder.
        brokers: Brokers,
    },
    /// The healing of a scheduled fault.
    FaultHealed {
        /// Its place in the schedule.
        index: u32,
    },
    /// The join phase of a group ended with a new generation.
    GroupRebalanced {
        /// The coordinator.
        broker: BrokerId,
        /// The group.
        group: Arc<str>,
        /// The new generation.
        generation: i32,
        /// How many members it has; without any the group is empty.
        members: u32,
    },
}

impl Event {
    /// Whether it is none of those that every record, every poll and every connection leaves: how many there are
    /// depends on what goes wrong, not on the load.
    pub fn is_rare(&self) -> bool {
        !matches!(
            self,
            Event::Appended { .. }
                | Event::Replicated { .. }
                | Event::HighWatermark { .. }
                | Event::Flushed { .. }
                | Event::SegmentRolled { .. }
                | Event::ProduceAnswered { .. }
                | Event::FetchAnswered { .. }
                | Event::ConnectionOpened { .. }
                | Event::ConnectionClosed { .. }
        )
    }
}
