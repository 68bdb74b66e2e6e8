//! The records of `__consumer_offsets`: keys and values are versioned on their own, outside of the protocol.
//!
//! Offsets are written in value version 3 (1 with an explicit retention), classic groups in value version 3 and consumer
//! groups in version 0, as Kafka does. Every version up to those is read; anything else in the topic is skipped.

mod classic;
mod codec;
mod consumer;
mod embedded;
mod offset;

use bytes::{Buf, BufMut, Bytes};

pub(crate) use classic::{GroupValue, MemberValue};
pub(crate) use consumer::{Change, Classic, Current, Epoch, MemberMetadata, Resolved};
pub(crate) use embedded::{
    NamedParts, Subscription, assignment, embedded_version, put_assignment, subscribed_topics, subscription,
};

use super::words::{Committed, Text};
use codec::{put_text, text};

const OFFSET_KEY: i16 = 1;
const GROUP_KEY: i16 = 2;

/// One record; `None` as value is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    Offset {
        group: Text,
        topic: Text,
        partition: i32,
        value: Option<Committed>,
    },
    /// A classic group.
    Group { group: Text, value: Option<GroupValue> },
    /// A part of a consumer group.
    Consumer { group: Text, change: Change },
}

impl Record {
    /// Writes the key.
    pub(crate) fn put_key(&self, buf: &mut Vec<u8>) {
        match self {
            Record::Offset {
                group,
                topic,
                partition,
                ..
            } => {
                buf.put_i16(OFFSET_KEY);
                put_text(buf, group);
                put_text(buf, topic);
                buf.put_i32(*partition);
            }
            Record::Group { group, .. } => {
                buf.put_i16(GROUP_KEY);
                put_text(buf, group);
            }
            Record::Consumer { group, change } => {
                buf.put_i16(change.kind());
                put_text(buf, group);
                if let Some(name) = change.name() {
                    put_text(buf, name);
                }
            }
        }
    }

    /// Writes the value; `None` for a tombstone, which has none.
    pub(crate) fn put_value(&self, buf: &mut Vec<u8>) -> Option<()> {
        match self {
            Record::Offset { value, .. } => offset::put_offset(buf, value.as_ref()?),
            Record::Group { value, .. } => classic::put_group(buf, value.as_ref()?),
            Record::Consumer { change, .. } => change.put(buf)?,
        }
        Some(())
    }

    #[cfg(test)]
    pub(crate) fn key(&self) -> Bytes {
        let mut buf = Vec::new();
        self.put_key(&mut buf);
        buf.into()
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> Option<Bytes> {
        let mut buf = Vec::new();
        self.put_value(&mut buf).map(|()| buf.into())
    }

    /// Reads a record back; `None` if it is of another kind or makes no sense.
    pub(crate) fn read(mut key: Bytes, value: Option<Bytes>) -> Option<Record> {
        let kind = key.try_get_i16().ok()?;
        let group = text(&mut key)?;
        match kind {
            0 | OFFSET_KEY => {
                let topic = text(&mut key)?;
                let partition = key.try_get_i32().ok()?;
                let value = match value {
                    Some(value) => Some(offset::offset(value)?),
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
                let value = match value {
                    Some(value) => Some(classic::group(value)?),
                    None => None,
                };
                Some(Record::Group { group, value })
            }
            _ => {
                let change = Change::read(kind, key, value)?;
                Some(Record::Consumer { group, change })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::classic::MemberValue;
    use super::*;

    fn offset_record(expire_ms: Option<i64>) -> Record {
        let leader_epoch = if expire_ms.is_some() { -1 } else { 4 };
        let value = Committed {
            offset: 42,
            leader_epoch,
            metadata: "note".into(),
            commit_ms: 7,
            expire_ms,
            topic_id: None,
        };
        Record::Offset {
            group: "g".into(),
            topic: "orders".into(),
            partition: 3,
            value: Some(value),
        }
    }

    fn with_topic_id() -> Record {
        let mut record = offset_record(None);
        if let Record::Offset { value: Some(value), .. } = &mut record {
            value.topic_id = Some(uuid::Uuid::from_bytes(*b"sixteen bytes..."));
        }
        record
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
        for record in [
            offset_record(None),
            offset_record(Some(11)),
            with_topic_id(),
            group_record(),
        ] {
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
        for record in [offset_record(None), with_topic_id(), group_record()] {
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
        assert_eq!(Record::read(Bytes::from_static(&[0, 9, 0, 1, b'g']), None), None);
    }

    #[test]
    fn the_bytes_of_an_offset_are_those_of_kafka() {
        let record = offset_record(None);
        assert_eq!(&record.key()[..], b"\0\x01\0\x01g\0\x06orders\0\0\0\x03");
        let expected = b"\0\x04\0\0\0\0\0\0\0\x2a\0\0\0\x04\x05note\0\0\0\0\0\0\0\x07";
        assert_eq!(record.value().unwrap(), [&expected[..], b"\0"].concat());
        let tagged = [&expected[..], b"\x01\0\x10sixteen bytes..."].concat();
        assert_eq!(with_topic_id().value().unwrap(), tagged);
    }

    #[test]
    fn offsets_that_older_brokers_wrote_are_read() {
        let record = offset_record(None);
        let older = b"\0\x03\0\0\0\0\0\0\0\x2a\0\0\0\x04\0\x04note\0\0\0\0\0\0\0\x07";
        assert_eq!(
            Record::read(record.key(), Some(Bytes::from_static(older))),
            Some(record)
        );
    }
}
