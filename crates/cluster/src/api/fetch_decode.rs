//! Decoding Fetch requests into what the broker works with. They come more often than all others together.

use std::sync::Arc;

use smallvec::SmallVec;
use uuid::Uuid;

/// A Fetch request of any version from 4 on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FetchRequest {
    /// Who asks: −1 a consumer, −2 a debugging one, from 0 on a broker.
    pub(super) replica: i32,
    pub(super) max_wait_ms: i32,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
    pub(super) isolation_level: i8,
    pub(super) session_id: i32,
    /// −1 without a session, 0 for a new one.
    pub(super) session_epoch: i32,
    pub(super) topics: SmallVec<[Topic; 1]>,
    pub(super) forgotten: Vec<Forgotten>,
    pub(super) rack: Option<Arc<str>>,
}

/// What is to be read of a topic, named up to version 12 and given by its id after that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) id: Uuid,
    pub(super) partitions: SmallVec<[Partition; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Partition {
    pub(super) index: i32,
    pub(super) current_leader_epoch: i32,
    pub(super) fetch_offset: i64,
    pub(super) last_fetched_epoch: i32,
    pub(super) max_bytes: i32,
}

/// Partitions of a topic that leave a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Forgotten {
    pub(super) name: Arc<str>,
    pub(super) id: Uuid,
    pub(super) partitions: Vec<i32>,
}

/// Decodes a body. `None`: it does not parse. Bytes left over are ignored, as Kafka does.
pub(super) fn decode(version: i16, body: &[u8]) -> Option<FetchRequest> {
    let mut body = Reader {
        rest: body,
        version,
        flexible: version >= 12,
    };
    let replica = if version <= 14 { body.i32()? } else { -1 };
    let mut request = FetchRequest {
        replica,
        max_wait_ms: body.i32()?,
        min_bytes: body.i32()?,
        max_bytes: body.i32()?,
        isolation_level: body.i8()?,
        session_id: if version >= 7 { body.i32()? } else { 0 },
        session_epoch: if version >= 7 { body.i32()? } else { -1 },
        topics: body.array(Reader::topic)?,
        forgotten: if version >= 7 {
            body.array(Reader::forgotten)?
        } else {
            Vec::new()
        },
        rack: if version >= 11 { body.rack()? } else { None },
    };
    body.tags(|tag, body| match tag {
        0 => body.cluster_id(),
        1 if version >= 15 => {
            request.replica = body.i32()?;
            // The epoch of the broker that asks.
            body.i64()?;
            body.no_known_tags().map(|()| true)
        }
        1 => None,
        _ => Some(false),
    })?;
    Some(request)
}

/// Reads one field after the other. Nothing is believed about lengths: room is made for what is there.
#[derive(Clone, Copy)]
struct Reader<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(taken)
    }

    fn i8(&mut self) -> Option<i8> {
        self.take().map(i8::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The length of something that may not be null.
    fn len(&mut self, compact: bool, short: bool) -> Option<usize> {
        if compact {
            return usize::try_from(self.varint()?.checked_sub(1)?).ok();
        }
        if short {
            return usize::try_from(self.take().map(i16::from_be_bytes)?).ok();
        }
        usize::try_from(self.i32()?).ok()
    }

    fn string(&mut self) -> Option<&'a str> {
        let size = self.len(self.flexible, true)?;
        std::str::from_utf8(self.bytes(size)?).ok()
    }

    fn array<T, C: Default + Extend<T>>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<C> {
        let mut items = C::default();
        for _ in 0..self.len(self.flexible, false)? {
            items.extend([read(self)?]);
        }
        Some(items)
    }

    /// Reads the tagged fields at the end of a struct, if the version has any. `read` says whether it knows a tag and has
    /// read its field; like Kafka's own decoder it does not look at how long a field claims to be that it knows,
    /// and refuses one that the version does not have yet.
    fn tags(&mut self, mut read: impl FnMut(u32, &mut Self) -> Option<bool>) -> Option<()> {
        if !self.flexible {
            return Some(());
        }
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let size = usize::try_from(self.varint()?).ok()?;
            if !read(tag, self)? {
                self.bytes(size)?;
            }
        }
        Some(())
    }

    fn no_known_tags(&mut self) -> Option<()> {
        self.tags(|_, _| Some(false))
    }

    /// An empty one is none.
    fn rack(&mut self) -> Option<Option<Arc<str>>> {
        let rack = self.string()?;
        Some((!rack.is_empty()).then(|| Arc::from(rack)))
    }

    fn cluster_id(&mut self) -> Option<bool> {
        let size = self.varint()?;
        let id = self.bytes(usize::try_from(size.saturating_sub(1)).ok()?)?;
        std::str::from_utf8(id).ok().map(|_| true)
    }

    fn topic_name(&mut self) -> Option<(Arc<str>, Uuid)> {
        if self.version >= 13 {
            return Some((Arc::default(), Uuid::from_bytes(self.take()?)));
        }
        Some((Arc::from(self.string()?), Uuid::nil()))
    }

    fn topic(&mut self) -> Option<Topic> {
        let (name, id) = self.topic_name()?;
        let partitions = self.array(Reader::partition)?;
        self.no_known_tags()?;
        Some(Topic { name, id, partitions })
    }

    fn partition(&mut self) -> Option<Partition> {
        let index = self.i32()?;
        let current_leader_epoch = if self.version >= 9 { self.i32()? } else { -1 };
        let fetch_offset = self.i64()?;
        let last_fetched_epoch = if self.version >= 12 { self.i32()? } else { -1 };
        if self.version >= 5 {
            // The log start of a follower.
            self.i64()?;
        }
        let max_bytes = self.i32()?;
        let version = self.version;
        self.tags(|tag, rest| match tag {
            // The directory and the high watermark of a follower.
            0 if version >= 17 => rest.take::<16>().map(|_| true),
            1 if version >= 18 => rest.i64().map(|_| true),
            0 | 1 => None,
            _ => Some(false),
        })?;
        Some(Partition {
            index,
            current_leader_epoch,
            fetch_offset,
            last_fetched_epoch,
            max_bytes,
        })
    }

    fn forgotten(&mut self) -> Option<Forgotten> {
        let (name, id) = self.topic_name()?;
        let partitions = self.array(Reader::i32)?;
        self.no_known_tags()?;
        Some(Forgotten { name, id, partitions })
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::fetch_request as generated;
    use kafka_protocol::messages::{ApiKey, BrokerId, RequestKind, TopicName};
    use kafka_protocol::protocol::{Encodable, StrBytes};
    use kafka_sim_core::wire;

    use super::*;

    fn name(version: i16, text: &'static str) -> TopicName {
        StrBytes::from_static_str(if version >= 13 { "" } else { text }).into()
    }

    fn id(version: i16, number: u128) -> Uuid {
        Uuid::from_u128(if version >= 13 { number } else { 0 })
    }

    fn request(version: i16) -> generated::FetchRequest {
        let partition = |index: i32| {
            let partition = generated::FetchPartition::default()
                .with_partition(index)
                .with_current_leader_epoch(if version >= 9 { 3 } else { -1 })
                .with_fetch_offset(1 << 40)
                .with_last_fetched_epoch(if version >= 12 { 2 } else { -1 })
                .with_partition_max_bytes(1 << 20);
            match version {
                17.. => partition.with_replica_directory_id(Uuid::from_u128(5)),
                _ => partition,
            }
        };
        let topic = |text, number, partitions: std::ops::Range<i32>| {
            generated::FetchTopic::default()
                .with_topic(name(version, text))
                .with_topic_id(id(version, number))
                .with_partitions(partitions.map(partition).collect())
        };
        let request = generated::FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(50 << 20)
            .with_isolation_level(1)
            .with_topics(vec![topic("orders", 1, 0..3), topic("users", 2, 7..8)]);
        let request = match version {
            15.. => request.with_replica_state(generated::ReplicaState::default().with_replica_id(BrokerId(2))),
            _ => request.with_replica_id(BrokerId(-2)),
        };
        let request = match version {
            11.. => request.with_rack_id(StrBytes::from_static_str("rack-1")),
            _ => request,
        };
        match version {
            7.. => request
                .with_session_id(77)
                .with_session_epoch(8)
                .with_forgotten_topics_data(vec![
                    generated::ForgottenTopic::default()
                        .with_topic(name(version, "gone"))
                        .with_topic_id(id(version, 3))
                        .with_partitions(vec![4, 5]),
                ]),
            _ => request,
        }
    }

    fn encoded(version: i16) -> Vec<u8> {
        let mut body = Vec::new();
        request(version).encode(&mut body, version).unwrap();
        body
    }

    /// The same by way of the generated decoder.
    fn by_generated(version: i16, body: &[u8]) -> Option<FetchRequest> {
        let body = bytes::Bytes::copy_from_slice(body);
        let Ok(RequestKind::Fetch(read)) = wire::decode_request_body(ApiKey::Fetch, version, body) else {
            return None;
        };
        let partition = |part: &generated::FetchPartition| Partition {
            index: part.partition,
            current_leader_epoch: part.current_leader_epoch,
            fetch_offset: part.fetch_offset,
            last_fetched_epoch: part.last_fetched_epoch,
            max_bytes: part.partition_max_bytes,
        };
        let topic = |topic: &generated::FetchTopic| Topic {
            name: Arc::from(topic.topic.as_str()),
            id: topic.topic_id,
            partitions: topic.partitions.iter().map(partition).collect(),
        };
        let forgotten = |topic: &generated::ForgottenTopic| Forgotten {
            name: Arc::from(topic.topic.as_str()),
            id: topic.topic_id,
            partitions: topic.partitions.clone(),
        };
        Some(FetchRequest {
            replica: if version >= 15 {
                read.replica_state.replica_id.0
            } else {
                read.replica_id.0
            },
            max_wait_ms: read.max_wait_ms,
            min_bytes: read.min_bytes,
            max_bytes: read.max_bytes,
            isolation_level: read.isolation_level,
            session_id: read.session_id,
            session_epoch: read.session_epoch,
            topics: read.topics.iter().map(topic).collect(),
            forgotten: read.forgotten_topics_data.iter().map(forgotten).collect(),
            rack: (!read.rack_id.is_empty()).then(|| Arc::from(read.rack_id.as_str())),
        })
    }

    #[test]
    fn every_version_is_read_as_the_generated_decoder_reads_it() {
        for version in 4..=18 {
            let body = encoded(version);
            let read = decode(version, &body);
            assert!(read.is_some(), "version {version}");
            assert_eq!(read, by_generated(version, &body), "version {version}");
        }
    }

    #[test]
    fn a_request_that_ends_too_early_is_refused() {
        for version in 4..=18 {
            let body = encoded(version);
            for size in 0..body.len() {
                assert_eq!(decode(version, &body[..size]), None, "version {version}, {size} bytes");
            }
        }
    }

    #[test]
    fn a_changed_byte_is_read_as_the_generated_decoder_reads_it() {
        for version in 4..=18 {
            let body = encoded(version);
            for at in 0..body.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = body.clone();
                    changed[at] = value;
                    let read = decode(version, &changed);
                    let generated = by_generated(version, &changed);
                    assert_eq!(read, generated, "version {version}, byte {at} is {value}");
                }
            }
        }
    }
}
