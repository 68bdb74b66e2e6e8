//! What group requests ask and what they are answered, in the coordinator's own words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::{ErrorCode, Offset};
use uuid::Uuid;

/// Names and ids.
pub(crate) type Text = Arc<str>;

/// Whom an answer is for: one slot of a request that waits. A request about several groups has a slot for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: u64,
    pub(crate) slot: usize,
}

/// A member's claim about who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// Empty for a member that has no id yet.
    pub(crate) member: Text,
    /// `group.instance.id` of a static member (KIP-345).
    pub(crate) instance: Option<Text>,
}

/// JoinGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Join {
    pub(crate) caller: Caller,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    /// Milliseconds.
    pub(crate) session_timeout: i32,
    /// Milliseconds.
    pub(crate) rebalance_timeout: i32,
    pub(crate) protocol_type: Text,
    /// Name and metadata, most preferred first.
    pub(crate) protocols: Vec<(Text, Bytes)>,
    /// A dynamic member has to come back with the id it is given (v4, KIP-394).
    pub(crate) needs_known_id: bool,
    /// The client understands `skip_assignment` (v9, KIP-814).
    pub(crate) may_skip_assignment: bool,
}

/// SyncGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sync {
    pub(crate) caller: Caller,
    pub(crate) generation: i32,
    /// Sent from v5 on.
    pub(crate) protocol_type: Option<Text>,
    /// Sent from v5 on.
    pub(crate) protocol: Option<Text>,
    /// From the leader: assignment by member id.
    pub(crate) assignments: Vec<(Text, Bytes)>,
}

/// One partition of an OffsetCommit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommitPart {
    pub(crate) topic: Text,
    /// If the request named the topic by it.
    pub(crate) topic_id: Option<Uuid>,
    pub(crate) partition: i32,
    pub(crate) offset: Offset,
    /// −1 if unknown.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Text,
}

/// OffsetCommit, without the partitions that the metadata does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commit {
    pub(crate) caller: Caller,
    /// Negative for callers that are not members.
    pub(crate) generation: i32,
    /// Explicit retention (v2 to v4), in milliseconds.
    pub(crate) retention_ms: Option<i64>,
    /// Version of the API.
    pub(crate) version: i16,
    pub(crate) parts: Vec<CommitPart>,
}

/// A committed offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Committed {
    pub(crate) offset: Offset,
    /// −1 if unknown.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Text,
    /// The coordinator's clock at the commit.
    pub(crate) commit_ms: i64,
    /// When an explicit retention ends.
    pub(crate) expire_ms: Option<i64>,
    /// The topic it was committed for, if that was named by its id.
    pub(crate) topic_id: Option<Uuid>,
}

/// Partitions by topic id.
pub(crate) type Parts = BTreeMap<Uuid, BTreeSet<i32>>;

/// The epoch of a member that leaves for good.
pub(crate) const LEAVES: i32 = -1;
/// The epoch of a static member that leaves for a while.
pub(crate) const LEAVES_FOR_A_WHILE: i32 = -2;

/// ConsumerGroupHeartbeat (KIP-848). What is `None` has not changed since the member said it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Beat {
    pub(crate) caller: Caller,
    /// 0 to join, −1 to leave, −2 to leave for a while.
    pub(crate) epoch: i32,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    pub(crate) rack: Option<Text>,
    /// Milliseconds, −1 if it has not changed.
    pub(crate) rebalance_timeout: i32,
    pub(crate) topics: Option<BTreeSet<Text>>,
    pub(crate) regex: Option<Text>,
    pub(crate) assignor: Option<Text>,
    /// What the member owns.
    pub(crate) owned: Option<Parts>,
}

impl Beat {
    pub(crate) fn subscribes(&self) -> bool {
        self.topics.is_some() || self.regex.is_some()
    }
}

/// Which offsets to fetch: these, or with `None` all.
pub(crate) type Wanted = Option<Vec<(Text, i32)>>;

/// What was found in one group, topic by topic.
pub(crate) type Found = Vec<FoundPart>;

/// Topic, partition and what was committed there, if anything.
pub(crate) type FoundPart = (Text, i32, Option<Committed>);

/// The answer to a JoinGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Joined {
    pub(crate) error: ErrorCode,
    /// −1 with an error.
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<Text>,
    pub(crate) protocol: Option<Text>,
    pub(crate) leader: Text,
    pub(crate) member: Text,
    pub(crate) skip_assignment: bool,
    /// For the leader: member id, instance id, metadata.
    pub(crate) members: Vec<(Text, Option<Text>, Bytes)>,
}

impl Joined {
    pub(crate) fn failed(error: ErrorCode, member: Text) -> Joined {
        Joined {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: Arc::from(""),
            member,
            skip_assignment: false,
            members: Vec::new(),
        }
    }
}

/// The answer to a SyncGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Synced {
    pub(crate) error: ErrorCode,
    pub(crate) protocol_type: Option<Text>,
    pub(crate) protocol: Option<Text>,
    pub(crate) assignment: Bytes,
}

impl Synced {
    pub(crate) fn failed(error: ErrorCode) -> Synced {
        Synced {
            error,
            protocol_type: None,
            protocol: None,
            assignment: Bytes::new(),
        }
    }
}

/// The answer to a ConsumerGroupHeartbeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Beaten {
    pub(crate) error: ErrorCode,
    pub(crate) message: Option<String>,
    pub(crate) member: Option<Text>,
    pub(crate) epoch: i32,
    /// Until the next heartbeat, in milliseconds.
    pub(crate) interval_ms: i32,
    /// Only if the member has to hear of it.
    pub(crate) assignment: Option<Arc<Parts>>,
}

impl Beaten {
    pub(crate) fn failed(error: ErrorCode, message: Option<String>) -> Beaten {
        Beaten {
            error,
            message,
            member: None,
            epoch: 0,
            interval_ms: 0,
            assignment: None,
        }
    }
}

/// An answer of the coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    Joined(Joined),
    Synced(Synced),
    Beaten(Beaten),
    /// Heartbeat.
    Alive(ErrorCode),
    /// LeaveGroup: an error for all, or one for each member in order.
    Left(Result<Vec<ErrorCode>, ErrorCode>),
    /// OffsetCommit: an error for all, or one for each partition in order.
    Committed(Result<Vec<ErrorCode>, ErrorCode>),
    /// OffsetFetch of one group.
    Fetched(Result<Found, ErrorCode>),
    /// OffsetDelete: an error for all, or one for each partition in order.
    OffsetsDeleted(Result<Vec<ErrorCode>, ErrorCode>),
    /// DeleteGroups, one group.
    Deleted(ErrorCode),
}

impl Reply {
    /// The same kind of answer, but a failure.
    pub(crate) fn fail(self, error: ErrorCode) -> Reply {
        match self {
            Reply::Joined(joined) => Reply::Joined(Joined::failed(error, joined.member)),
            Reply::Synced(_) => Reply::Synced(Synced::failed(error)),
            Reply::Beaten(_) => Reply::Beaten(Beaten::failed(error, None)),
            Reply::Alive(_) => Reply::Alive(error),
            Reply::Left(_) => Reply::Left(Err(error)),
            Reply::Committed(_) => Reply::Committed(Err(error)),
            Reply::Fetched(_) => Reply::Fetched(Err(error)),
            Reply::OffsetsDeleted(_) => Reply::OffsetsDeleted(Err(error)),
            Reply::Deleted(_) => Reply::Deleted(error),
        }
    }
}

/// A group as ListGroups shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Listed {
    pub(crate) group: Text,
    pub(crate) protocol_type: Text,
    pub(crate) state: &'static str,
    /// "classic" or "consumer".
    pub(crate) kind: &'static str,
}

/// A group as DescribeGroups shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Described {
    pub(crate) state: &'static str,
    pub(crate) protocol_type: Text,
    /// Only of a stable group, otherwise empty.
    pub(crate) protocol: Text,
    pub(crate) members: Vec<DescribedMember>,
}

/// A member as DescribeGroups shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DescribedMember {
    pub(crate) id: Text,
    pub(crate) instance: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    /// Only in a stable group, otherwise empty.
    pub(crate) metadata: Bytes,
    /// Only in a stable group, otherwise empty.
    pub(crate) assignment: Bytes,
}
