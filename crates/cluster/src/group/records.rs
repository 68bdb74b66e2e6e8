//! The records of `__consumer_offsets`: keys and values are versioned on their own, outside of the protocol.
//!
//! Offsets are written in value version 3 (1 with an explicit retention) and groups in value version 3, as Kafka does.
//! Every version up to those is read; anything else in the topic is skipped.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::words::{Committed, Text};

const OFFSET_KEY: i16 = 1;
const GROUP_KEY: i16 = 2;

/// A group as its record holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupValue {
    pub(crate) protocol_type: Text,
    pub(crate) generation: i32,
    pub(crate) protocol: Option<Text>,
    pub(crate) leader: Option<Text>,
    /// When the group entered its state, if known.
    pub(crate) state_since_ms: Option<i64>,
    pub(crate) members: Vec<MemberValue>,
}

/// A member as its group's record holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberValue {
    pub(crate) id: Text,
    pub(crate) instance: Option<Text>,
    pub(crate) client_id: Text,
    pub(crate) client_host: Text,
    pub(crate) rebalance_timeout: i32,
    pub(crate) session_timeout: i32,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

/// One record; `None` as value is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    Offset {
        group: Text,
        topic: Text,
        partition: i32,
        value: Option<Committed>,
    },
    Group {
        group: Text,
        value: Option<GroupValue>,
    },
}

impl Record {
    pub(crate) fn key(&self) -> Bytes {
        let mut buf = BytesMut::new();
        match self {
            Record::Offset {
                group,
                topic,
                partition,
                ..
            } => {
                buf.put_i16(OFFSET_KEY);
                put_text(&mut buf, group);
                put_text(&mut buf, topic);
                buf.put_i32(*partition);
            }
            Record::Group { group, .. } => {
                buf.put_i16(GROUP_KEY);
                put_text(&mut buf, group);
            }
        }
        buf.freeze()
    }

    pub(crate) fn value(&self) -> Option<Bytes> {
        let mut buf = BytesMut::new();
        match self {
            Record::Offset { value, .. } => put_offset(&mut buf, value.as_ref()?),
            Record::Group { value, .. } => put_group(&mut buf, value.as_ref()?),
        }
        Some(buf.freeze())
    }

    /// Reads a record back; `None` if it is of another kind or makes no sense.
    pub(crate) fn read(mut key: Bytes, value: Option<Bytes>) -> Option<Record> {
        match key.try_get_i16().ok()? {
            0 | OFFSET_KEY => {
                let (group, topic) = (text(&mut key)?, text(&mut key)?);
                let partition = key.try_get_i32().ok()?;
                let value = match value {
                    Some(value) => Some(offset(value)?),
                    None => None,
                };
                Some(Record::Offset {
                    group,
                    topic,
                    partition,
                    value,
                })
            }
            GROUP_KEY => {
                let group_id = text(&mut key)?;
                let value = match value {
                    Some(value) => Some(group(value)?),
                    None => None,
                };
                Some(Record::Group { group: group_id, value })
            }
            _ => None,
        }
    }
}

fn put_offset(buf: &mut BytesMut, value: &Committed) {
    let version = if value.expire_ms.is_some() { 1 } else { 3 };
    buf.put_i16(version);
    buf.put_i64(value.offset);
    if version == 3 {
        buf.put_i32(value.leader_epoch);
    }
    put_text(buf, &value.metadata);
    buf.put_i64(value.commit_ms);
    if let Some(at) = value.expire_ms {
        buf.put_i64(at);
    }
}

fn offset(mut buf: Bytes) -> Option<Committed> {
    let version = buf.try_get_i16().ok()?;
    if !(0..=3).contains(&version) {
        return None;
    }
    let offset = buf.try_get_i64().ok()?;
    let leader_epoch = if version == 3 { buf.try_get_i32().ok()? } else { -1 };
    let metadata = text(&mut buf)?;
    let commit_ms = buf.try_get_i64().ok()?;
    let expire_ms = if version == 1 {
        Some(buf.try_get_i64().ok()?).filter(|at| *at >= 0)
    } else {
        None
    };
    Some(Committed {
        offset,
        leader_epoch,
        metadata,
        commit_ms,
        expire_ms,
    })
}

fn put_group(buf: &mut BytesMut, value: &GroupValue) {
    buf.put_i16(3);
    put_text(buf, &value.protocol_type);
    buf.put_i32(value.generation);
    put_maybe_text(buf, value.protocol.as_ref());
    put_maybe_text(buf, value.leader.as_ref());
    buf.put_i64(value.state_since_ms.unwrap_or(-1));
    buf.put_i32(i32::try_from(value.members.len()).expect("a group has few members"));
    for member in &value.members {
        put_text(buf, &member.id);
        put_maybe_text(buf, member.instance.as_ref());
        put_text(buf, &member.client_id);
        put_text(buf, &member.client_host);
        buf.put_i32(member.rebalance_timeout);
        buf.put_i32(member.session_timeout);
        put_bytes(buf, &member.subscription);
        put_bytes(buf, &member.assignment);
    }
}

fn group(mut buf: Bytes) -> Option<GroupValue> {
    let version = buf.try_get_i16().ok()?;
    if !(0..=3).contains(&version) {
        return None;
    }
    let mut value = GroupValue {
        protocol_type: text(&mut buf)?,
        generation: buf.try_get_i32().ok()?,
        protocol: maybe_text(&mut buf)?,
        leader: maybe_text(&mut buf)?,
        state_since_ms: None,
        members: Vec::new(),
    };
    if version >= 2 {
        value.state_since_ms = Some(buf.try_get_i64().ok()?).filter(|at| *at >= 0);
    }
    for _ in 0..buf.try_get_i32().ok()? {
        value.members.push(member(&mut buf, version)?);
    }
    Some(value)
}

fn member(buf: &mut Bytes, version: i16) -> Option<MemberValue> {
    let id = text(buf)?;
    let instance = if version >= 3 { maybe_text(buf)? } else { None };
    let (client_id, client_host) = (text(buf)?, text(buf)?);
    let rebalance_timeout = if version >= 1 {
        Some(buf.try_get_i32().ok()?)
    } else {
        None
    };
    let session_timeout = buf.try_get_i32().ok()?;
    Some(MemberValue {
        id,
        instance,
        client_id,
        client_host,
        rebalance_timeout: rebalance_timeout.unwrap_or(session_timeout),
        session_timeout,
        subscription: blob(buf)?,
        assignment: blob(buf)?,
    })
}

/// Topics that the metadata of a consumer's protocol subscribes to (ConsumerProtocolSubscription); `None` if it is not
/// such metadata.
pub(crate) fn subscribed_topics(mut metadata: Bytes) -> Option<Vec<Text>> {
    let version = metadata.try_get_i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = metadata.try_get_i32().ok()?;
    (0..count).map(|_| text(&mut metadata)).collect()
}

fn put_text(buf: &mut BytesMut, text: &str) {
    // Everything here came out of a length of at most int16, or of a compact string that a frame limits.
    let text = &text[..text.floor_char_boundary(i16::MAX as usize)];
    buf.put_i16(i16::try_from(text.len()).expect("cut above"));
    buf.put_slice(text.as_bytes());
}

fn put_maybe_text(buf: &mut BytesMut, text: Option<&Text>) {
    match text {
        Some(text) => put_text(buf, text),
        None => buf.put_i16(-1),
    }
}

fn put_bytes(buf: &mut BytesMut, bytes: &Bytes) {
    buf.put_i32(i32::try_from(bytes.len()).expect("a frame is smaller than 2 GiB"));
    buf.put_slice(bytes);
}

fn text(buf: &mut Bytes) -> Option<Text> {
    maybe_text(buf)?
}

/// Outer `None`: unreadable.
fn maybe_text(buf: &mut Bytes) -> Option<Option<Text>> {
    let len = buf.try_get_i16().ok()?;
    let Ok(len) = usize::try_from(len) else {
        return Some(None);
    };
    if buf.remaining() < len {
        return None;
    }
    let bytes = buf.split_to(len);
    Some(Some(Arc::from(std::str::from_utf8(&bytes).ok()?)))
}

fn blob(buf: &mut Bytes) -> Option<Bytes> {
    let len = usize::try_from(buf.try_get_i32().ok()?).ok()?;
    (buf.remaining() >= len).then(|| buf.split_to(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_record(expire_ms: Option<i64>) -> Record {
        let leader_epoch = if expire_ms.is_some() { -1 } else { 4 };
        let value = Committed {
            offset: 42,
            leader_epoch,
            metadata: "note".into(),
            commit_ms: 7,
            expire_ms,
        };
        Record::Offset {
            group: "g".into(),
            topic: "orders".into(),
            partition: 3,
            value: Some(value),
        }
    }

    fn group_record() -> Record {
        let member = MemberValue {
            id: "m-1".into(),
            instance: Some("i".into()),
            client_id: "m".into(),
            client_host: "/h".into(),
            rebalance_timeout: 60_000,
            session_timeout: 45_000,
            subscription: Bytes::from_static(b"sub"),
            assignment: Bytes::from_static(b"asg"),
        };
        let value = GroupValue {
            protocol_type: "consumer".into(),
            generation: 5,
            protocol: Some("range".into()),
            leader: None,
            state_since_ms: Some(9),
            members: vec![member],
        };
        Record::Group {
            group: "g".into(),
            value: Some(value),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for record in [offset_record(None), offset_record(Some(11)), group_record()] {
            assert_eq!(Record::read(record.key(), record.value()), Some(record));
        }
    }

    #[test]
    fn a_tombstone_is_read_as_one() {
        let tombstone = Record::Group {
            group: "g".into(),
            value: None,
        };
        assert_eq!(tombstone.value(), None);
        assert_eq!(Record::read(tombstone.key(), None), Some(tombstone));
    }

    #[test]
    fn every_truncation_is_unreadable_and_none_panics() {
        for record in [offset_record(None), group_record()] {
            let (key, value) = (record.key(), record.value().unwrap());
            for len in 0..key.len() {
                assert_eq!(Record::read(key.slice(..len), Some(value.clone())), None);
            }
            for len in 0..value.len() {
                assert_eq!(Record::read(key.clone(), Some(value.slice(..len))), None);
            }
        }
    }

    #[test]
    fn records_of_other_kinds_are_skipped() {
        assert_eq!(Record::read(Bytes::from_static(&[0, 3, 0, 1, b'g']), None), None);
    }

    #[test]
    fn the_bytes_of_an_offset_are_those_of_kafka() {
        let record = offset_record(None);
        assert_eq!(&record.key()[..], b"\0\x01\0\x01g\0\x06orders\0\0\0\x03");
        let expected = b"\0\x03\0\0\0\0\0\0\0\x2a\0\0\0\x04\0\x04note\0\0\0\0\0\0\0\x07";
        assert_eq!(&record.value().unwrap()[..], expected);
    }
}
