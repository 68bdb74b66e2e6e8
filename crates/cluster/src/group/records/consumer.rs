//! The records of a consumer group (KIP-848), all of value version 0.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use uuid::Uuid;

use super::codec::{
    compact, compact_blob, len, maybe_compact, put_compact, put_len, put_maybe_compact, put_no_tags, put_tag, tags,
    text,
};
use crate::group::words::{Parts, Text};

const EPOCH: i16 = 3;
const PARTITION_METADATA: i16 = 4;
const MEMBER: i16 = 5;
const TARGET_EPOCH: i16 = 6;
const TARGET: i16 = 7;
const CURRENT: i16 = 8;
const REGEX: i16 = 16;

/// One change of a consumer group; `None` as value is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// The group's epoch.
    Epoch(Option<Epoch>),
    /// What groups of Kafka 4.0 kept of their topics. Written as a tombstone only; the flag tells whether it was one.
    PartitionMetadata(bool),
    /// What a member said of itself.
    Member(Text, Option<Arc<MemberMetadata>>),
    /// The group epoch that the target assignment was computed for.
    TargetEpoch(Option<i32>),
    /// What a member is to own.
    Target(Text, Option<Arc<Parts>>),
    /// What a member owns.
    Current(Text, Option<Current>),
    /// The topics that a regular expression stands for.
    Regex(Text, Option<Resolved>),
}

/// The epoch of a group and the hash of the topics it reads (KIP-1101).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Epoch {
    pub(crate) epoch: i32,
    pub(crate) metadata_hash: u64,
}

/// What a member said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberMetadata {
    pub(crate) instance: Option<Text>,
    pub(crate) rack: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    pub(crate) topics: BTreeSet<Text>,
    /// Empty without one.
    pub(crate) regex: Option<Text>,
    /// Milliseconds, −1 if not known.
    pub(crate) rebalance_timeout: i32,
    pub(crate) assignor: Option<Text>,
    /// Of a member that uses the classic protocol.
    pub(crate) classic: Option<Classic>,
}

/// What a member of the classic protocol joined with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Classic {
    /// Milliseconds.
    pub(crate) session_timeout: i32,
    /// Name and metadata, most preferred first.
    pub(crate) protocols: Vec<(Text, Bytes)>,
}

/// What a member owns, and as of which epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Current {
    pub(crate) epoch: i32,
    pub(crate) previous_epoch: i32,
    /// Number of a member's state.
    pub(crate) state: i8,
    pub(crate) assigned: Arc<Parts>,
    /// To be given back.
    pub(crate) revoking: Arc<Parts>,
}

/// What a regular expression stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Resolved {
    pub(crate) topics: BTreeSet<Text>,
    /// Offset of the metadata it was resolved with.
    pub(crate) version: i64,
    /// The coordinator's clock when it was resolved.
    pub(crate) at_ms: i64,
}

impl Change {
    pub(super) fn kind(&self) -> i16 {
        match self {
            Change::Epoch(_) => EPOCH,
            Change::PartitionMetadata(_) => PARTITION_METADATA,
            Change::Member(..) => MEMBER,
            Change::TargetEpoch(_) => TARGET_EPOCH,
            Change::Target(..) => TARGET,
            Change::Current(..) => CURRENT,
            Change::Regex(..) => REGEX,
        }
    }

    /// The second part of the key: a member id or a regular expression.
    pub(super) fn name(&self) -> Option<&Text> {
        match self {
            Change::Epoch(_) | Change::PartitionMetadata(_) | Change::TargetEpoch(_) => None,
            Change::Member(name, _) | Change::Target(name, _) | Change::Current(name, _) | Change::Regex(name, _) => {
                Some(name)
            }
        }
    }

    /// The member that it is about.
    pub(crate) fn member(&self) -> Option<&Text> {
        match self {
            Change::Member(id, _) | Change::Target(id, _) | Change::Current(id, _) => Some(id),
            Change::Epoch(_) | Change::PartitionMetadata(_) | Change::TargetEpoch(_) | Change::Regex(..) => None,
        }
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        match self {
            Change::Epoch(value) => value.is_none(),
            Change::PartitionMetadata(present) => !present,
            Change::Member(_, value) => value.is_none(),
            Change::TargetEpoch(value) => value.is_none(),
            Change::Target(_, value) => value.is_none(),
            Change::Current(_, value) => value.is_none(),
            Change::Regex(_, value) => value.is_none(),
        }
    }

    /// Writes the value; `None` for a tombstone.
    pub(super) fn put(&self, buf: &mut Vec<u8>) -> Option<()> {
        buf.put_i16(0);
        match self {
            Change::Epoch(value) => put_epoch(buf, (*value)?),
            Change::PartitionMetadata(_) => return None,
            Change::Member(_, value) => put_member(buf, value.as_ref()?),
            Change::TargetEpoch(value) => {
                buf.put_i32((*value)?);
                put_no_tags(buf);
            }
            Change::Target(_, value) => {
                put_parts(buf, value.as_ref()?);
                put_no_tags(buf);
            }
            Change::Current(_, value) => put_current(buf, value.as_ref()?),
            Change::Regex(_, value) => put_regex(buf, value.as_ref()?),
        }
        Some(())
    }

    /// Reads the rest of a key and the value.
    pub(super) fn read(kind: i16, mut key: Bytes, value: Option<Bytes>) -> Option<Change> {
        let name = match kind {
            EPOCH | PARTITION_METADATA | TARGET_EPOCH => None,
            _ => Some(text(&mut key)?),
        };
        let value = match value {
            Some(mut value) => {
                if value.try_get_i16().ok()? != 0 {
                    return None;
                }
                Some(value)
            }
            None => None,
        };
        Some(match (kind, name) {
            (EPOCH, _) => Change::Epoch(opened(value, epoch)?),
            (PARTITION_METADATA, _) => Change::PartitionMetadata(value.is_some()),
            (MEMBER, Some(id)) => Change::Member(id, opened(value, member)?.map(Arc::new)),
            (TARGET_EPOCH, _) => Change::TargetEpoch(opened(value, target_epoch)?),
            (TARGET, Some(id)) => Change::Target(id, opened(value, target)?.map(Arc::new)),
            (CURRENT, Some(id)) => Change::Current(id, opened(value, current)?),
            (REGEX, Some(regex)) => Change::Regex(regex, opened(value, resolved)?),
            _ => return None,
        })
    }
}

/// Reads a value, if it is not a tombstone. Outer `None`: unreadable.
fn opened<T>(value: Option<Bytes>, read: impl FnOnce(&mut Bytes) -> Option<T>) -> Option<Option<T>> {
    match value {
        Some(mut value) => read(&mut value).map(Some),
        None => Some(None),
    }
}

fn put_epoch(buf: &mut Vec<u8>, value: Epoch) {
    buf.put_i32(value.epoch);
    if value.metadata_hash == 0 {
        put_no_tags(buf);
    } else {
        put_tag(buf, 0, &value.metadata_hash.to_be_bytes());
    }
}

fn epoch(buf: &mut Bytes) -> Option<Epoch> {
    let epoch = buf.try_get_i32().ok()?;
    let mut metadata_hash = 0;
    for (tag, mut content) in tags(buf)? {
        if tag == 0 {
            metadata_hash = content.try_get_u64().ok()?;
        }
    }
    Some(Epoch { epoch, metadata_hash })
}

fn target_epoch(buf: &mut Bytes) -> Option<i32> {
    let epoch = buf.try_get_i32().ok()?;
    tags(buf).map(|_| epoch)
}

fn target(buf: &mut Bytes) -> Option<Parts> {
    let parts = parts(buf)?;
    tags(buf).map(|_| parts)
}

fn put_member(buf: &mut Vec<u8>, value: &MemberMetadata) {
    put_maybe_compact(buf, value.instance.as_ref());
    put_maybe_compact(buf, value.rack.as_ref());
    put_compact(buf, value.client_id.as_bytes());
    put_compact(buf, value.client_host.as_bytes());
    put_texts(buf, &value.topics);
    put_maybe_compact(buf, value.regex.as_ref());
    buf.put_i32(value.rebalance_timeout);
    put_maybe_compact(buf, value.assignor.as_ref());
    // A struct that can be null is preceded by a mark. Null is written, because Kafka takes an absent one for empty.
    let mut content = Vec::new();
    match &value.classic {
        Some(classic) => {
            content.put_u8(1);
            put_classic(&mut content, classic);
        }
        None => content.put_u8(0),
    }
    put_tag(buf, 0, &content);
}

fn member(buf: &mut Bytes) -> Option<MemberMetadata> {
    let mut value = MemberMetadata {
        instance: maybe_compact(buf)?,
        rack: maybe_compact(buf)?,
        client_id: compact(buf)?,
        client_host: compact(buf)?,
        topics: texts(buf)?,
        regex: maybe_compact(buf)?,
        rebalance_timeout: buf.try_get_i32().ok()?,
        assignor: maybe_compact(buf)?,
        classic: Some(Classic {
            session_timeout: 0,
            protocols: Vec::new(),
        }),
    };
    for (tag, mut content) in tags(buf)? {
        if tag == 0 {
            value.classic = match content.try_get_u8().ok()? {
                0 => None,
                _ => Some(classic(&mut content)?),
            };
        }
    }
    Some(value)
}

fn put_classic(buf: &mut Vec<u8>, value: &Classic) {
    buf.put_i32(value.session_timeout);
    put_len(buf, value.protocols.len());
    for (name, metadata) in &value.protocols {
        put_compact(buf, name.as_bytes());
        put_compact(buf, metadata);
        put_no_tags(buf);
    }
    put_no_tags(buf);
}

fn classic(buf: &mut Bytes) -> Option<Classic> {
    let session_timeout = buf.try_get_i32().ok()?;
    let mut protocols = Vec::new();
    for _ in 0..len(buf)?? {
        protocols.push((compact(buf)?, compact_blob(buf)?));
        tags(buf)?;
    }
    tags(buf)?;
    Some(Classic {
        session_timeout,
        protocols,
    })
}

fn put_current(buf: &mut Vec<u8>, value: &Current) {
    buf.put_i32(value.epoch);
    buf.put_i32(value.previous_epoch);
    buf.put_i8(value.state);
    put_parts(buf, &value.assigned);
    put_parts(buf, &value.revoking);
    put_no_tags(buf);
}

fn current(buf: &mut Bytes) -> Option<Current> {
    let value = Current {
        epoch: buf.try_get_i32().ok()?,
        previous_epoch: buf.try_get_i32().ok()?,
        state: buf.try_get_i8().ok()?,
        assigned: Arc::new(parts(buf)?),
        revoking: Arc::new(parts(buf)?),
    };
    tags(buf)?;
    Some(value)
}

fn put_regex(buf: &mut Vec<u8>, value: &Resolved) {
    put_texts(buf, &value.topics);
    buf.put_i64(value.version);
    buf.put_i64(value.at_ms);
    put_no_tags(buf);
}

fn resolved(buf: &mut Bytes) -> Option<Resolved> {
    let value = Resolved {
        topics: texts(buf)?,
        version: buf.try_get_i64().ok()?,
        at_ms: buf.try_get_i64().ok()?,
    };
    tags(buf)?;
    Some(value)
}

fn put_texts(buf: &mut Vec<u8>, texts: &BTreeSet<Text>) {
    put_len(buf, texts.len());
    for text in texts {
        put_compact(buf, text.as_bytes());
    }
}

fn texts(buf: &mut Bytes) -> Option<BTreeSet<Text>> {
    (0..len(buf)??).map(|_| compact(buf)).collect()
}

fn put_parts(buf: &mut Vec<u8>, parts: &Parts) {
    put_len(buf, parts.len());
    for (topic, indexes) in parts {
        buf.put_slice(topic.as_bytes());
        put_len(buf, indexes.len());
        indexes.iter().for_each(|index| buf.put_i32(*index));
        put_no_tags(buf);
    }
}

fn parts(buf: &mut Bytes) -> Option<Parts> {
    let mut parts = Parts::new();
    for _ in 0..len(buf)?? {
        let topic = Uuid::from_u128(buf.try_get_u128().ok()?);
        let indexes = (0..len(buf)??).map(|_| buf.try_get_i32().ok()).collect::<Option<_>>()?;
        tags(buf)?;
        parts.insert(topic, indexes);
    }
    Some(parts)
}
