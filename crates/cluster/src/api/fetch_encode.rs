//! Encoding Fetch responses straight from the log: records are copied once, into the response.

use bytes::{BufMut, Bytes};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{BrokerId, ErrorCode};
use smallvec::SmallVec;

use crate::broker::{FetchPart, FetchRead};

/// What goes into a response.
pub(super) struct FetchAnswer<'a> {
    pub(super) error: ErrorCode,
    pub(super) session_id: i32,
    pub(super) parts: &'a [FetchPart],
    pub(super) reads: &'a [FetchRead],
    /// Which partitions to list; empty: all.
    pub(super) mention: &'a [bool],
    /// Per partition, where to go instead.
    pub(super) leaders: &'a [Option<(BrokerId, i32)>],
}

type Address = (StrBytes, i32, Option<StrBytes>);

/// The frame, size prefix included.
pub(super) fn encode(
    head: &RequestHead,
    answer: &FetchAnswer<'_>,
    address: impl Fn(BrokerId) -> Option<Address>,
) -> Bytes {
    let records: usize = answer.reads.iter().map(|r| r.bytes).sum();
    let mut out = Encoder {
        out: Vec::with_capacity(records + 64 + 128 * answer.parts.len()),
        version: head.version,
        flexible: head.version >= 12,
    };
    out.out.put_i32(0);
    out.out.put_i32(head.correlation_id);
    if out.flexible {
        out.out.put_u8(0);
    }
    out.out.put_i32(0);
    if head.version >= 7 {
        out.out.put_i16(answer.error.0);
        out.out.put_i32(answer.session_id);
    }
    out.topics(answer);
    if out.flexible {
        out.endpoints(answer, address);
    }
    let size = i32::try_from(out.out.len() - 4).expect("responses are bounded by fetch.max.bytes");
    out.out[..4].copy_from_slice(&size.to_be_bytes());
    out.out.into()
}

struct Encoder {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
}

impl Encoder {
    fn unsigned_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out
                .put_u8(u8::try_from(value & 0x7f).expect("seven bits fit") | 0x80);
            value >>= 7;
        }
        self.out.put_u8(u8::try_from(value).expect("seven bits fit"));
    }

    fn array_len(&mut self, len: usize) {
        if self.flexible {
            self.unsigned_varint(len + 1);
        } else {
            self.out
                .put_i32(i32::try_from(len).expect("counts of a request that was received"));
        }
    }

    fn string(&mut self, text: &str) {
        if self.flexible {
            self.unsigned_varint(text.len() + 1);
        } else {
            self.out
                .put_i16(i16::try_from(text.len()).expect("a topic name that was received"));
        }
        self.out.put_slice(text.as_bytes());
    }

    fn topics(&mut self, answer: &FetchAnswer<'_>) {
        let listed: SmallVec<[usize; 8]> = (0..answer.parts.len())
            .filter(|at| answer.mention.get(*at).copied().unwrap_or(true))
            .collect();
        let same_topic = |a: &usize, b: &usize| {
            let (a, b) = (&answer.parts[*a], &answer.parts[*b]);
            a.topic_id == b.topic_id && a.topic == b.topic
        };
        self.array_len(listed.chunk_by(same_topic).count());
        for group in listed.chunk_by(same_topic) {
            let first = &answer.parts[group[0]];
            if self.version >= 13 {
                self.out.put_slice(first.topic_id.as_bytes());
            } else {
                self.string(&first.topic);
            }
            self.array_len(group.len());
            for at in group {
                self.partition(answer.parts[*at].index, &answer.reads[*at], answer.leaders[*at]);
            }
            if self.flexible {
                self.out.put_u8(0);
            }
        }
    }

    fn partition(&mut self, index: i32, read: &FetchRead, leader: Option<(BrokerId, i32)>) {
        self.out.put_i32(index);
        self.out.put_i16(read.error.0);
        self.out.put_i64(read.high_watermark);
        self.out.put_i64(read.last_stable_offset);
        if self.version >= 5 {
            self.out.put_i64(read.log_start);
        }
        // Aborted transactions: null, because there are none without a transaction coordinator.
        if self.flexible {
            self.out.put_u8(0);
        } else {
            self.out.put_i32(-1);
        }
        if self.version >= 11 {
            self.out.put_i32(read.preferred_read_replica.map_or(-1, |id| id.0));
        }
        self.records(read);
        if self.flexible {
            self.partition_tags(read.diverging, leader);
        }
    }

    fn records(&mut self, read: &FetchRead) {
        if self.flexible {
            self.unsigned_varint(read.bytes + 1);
        } else {
            self.out
                .put_i32(i32::try_from(read.bytes).expect("bounded by fetch.max.bytes"));
        }
        for batch in &read.batches {
            batch.write_to(&mut self.out);
        }
    }

    fn partition_tags(&mut self, diverging: Option<(i32, i64)>, leader: Option<(BrokerId, i32)>) {
        self.unsigned_varint(usize::from(diverging.is_some()) + usize::from(leader.is_some()));
        if let Some((epoch, end_offset)) = diverging {
            self.out.put_slice(&[0, 13]);
            self.out.put_i32(epoch);
            self.out.put_i64(end_offset);
            self.out.put_u8(0);
        }
        if let Some((id, epoch)) = leader {
            self.out.put_slice(&[1, 9]);
            self.out.put_i32(id.0);
            self.out.put_i32(epoch);
            self.out.put_u8(0);
        }
    }

    fn endpoints(&mut self, answer: &FetchAnswer<'_>, address: impl Fn(BrokerId) -> Option<Address>) {
        let mut ids: Vec<BrokerId> = answer.leaders.iter().flatten().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let known: Vec<(BrokerId, Address)> = ids.into_iter().filter_map(|id| Some((id, address(id)?))).collect();
        if known.is_empty() {
            return self.out.put_u8(0);
        }
        let mut list = Encoder {
            out: Vec::new(),
            version: self.version,
            flexible: true,
        };
        list.array_len(known.len());
        for (id, (host, port, rack)) in known {
            list.out.put_i32(id.0);
            list.string(&host);
            list.out.put_i32(port);
            match rack {
                Some(rack) => list.string(&rack),
                None => list.out.put_u8(0),
            }
            list.out.put_u8(0);
        }
        self.out.put_slice(&[1, 0]);
        self.unsigned_varint(list.out.len());
        self.out.put_slice(&list.out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_protocol::messages::{ApiKey, ResponseKind};
    use kafka_sim_core::batch::{Batch, BatchBuilder, BatchOptions};
    use kafka_sim_core::wire;
    use uuid::Uuid;

    use super::*;

    fn part(topic: &str, index: i32) -> FetchPart {
        let topic_id = Uuid::from_u128(7 + topic.len() as u128);
        FetchPart {
            topic: Arc::from(topic),
            topic_id,
            index,
            tp: Err(ErrorCode::NONE),
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            max_bytes: 1,
        }
    }

    fn batch() -> Batch {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(5, Some(b"key"), Some(b"value"), &[]);
        let mut batch = Batch::parse_one(&builder.build().expect("no codec is used"), 0).expect("it was just built");
        batch.stamp(42, 3);
        batch
    }

    fn read(error: ErrorCode, batches: Vec<Batch>, diverging: Option<(i32, i64)>) -> FetchRead {
        let bytes = batches.iter().map(Batch::size).sum();
        FetchRead {
            error,
            high_watermark: 43,
            last_stable_offset: 43,
            log_start: 1,
            diverging,
            preferred_read_replica: Some(BrokerId(2)),
            batches,
            bytes,
        }
    }

    #[test]
    fn every_version_decodes_to_what_was_meant() {
        let parts = [part("orders", 0), part("orders", 1), part("users", 0)];
        let reads = [
            read(ErrorCode::NONE, vec![batch(), batch()], Some((2, 40))),
            read(ErrorCode::NOT_LEADER_OR_FOLLOWER, Vec::new(), None),
            read(ErrorCode::NONE, Vec::new(), None),
        ];
        for version in 4..=18_i16 {
            let leaders = [None, (version >= 16).then_some((BrokerId(1), 9)), None];
            let answer = FetchAnswer {
                error: ErrorCode::NONE,
                session_id: 77,
                parts: &parts,
                reads: &reads,
                mention: &[],
                leaders: &leaders,
            };
            let head = RequestHead {
                api_key: ApiKey::Fetch,
                version,
                correlation_id: 5,
                client_id: None,
            };
            let address = |_| {
                Some((
                    StrBytes::from_static_str("host"),
                    9092,
                    Some(StrBytes::from_static_str("rack")),
                ))
            };
            let frame = encode(&head, &answer, address);
            let (correlation_id, body) = wire::decode_response(ApiKey::Fetch, version, frame.slice(4..)).unwrap();
            let ResponseKind::Fetch(response) = body else {
                panic!("not a fetch response")
            };
            assert_eq!(
                (correlation_id, response.session_id),
                (5, if version >= 7 { 77 } else { 0 }),
                "version {version}"
            );
            assert_eq!(response.responses.len(), 2, "version {version}");
            let orders = &response.responses[0].partitions;
            let records = orders[0].records.as_ref().unwrap();
            assert_eq!(records.len(), 2 * batch().size());
            assert_eq!(Batch::parse_one(records, 0).unwrap().header.base_offset, 42);
            assert_eq!((orders[0].high_watermark, orders[0].last_stable_offset), (43, 43));
            assert_eq!(orders[1].error_code, 6);
            if version >= 12 {
                assert_eq!(
                    (orders[0].diverging_epoch.epoch, orders[0].diverging_epoch.end_offset),
                    (2, 40)
                );
            }
            if version >= 16 {
                assert_eq!(
                    (
                        orders[1].current_leader.leader_id.0,
                        orders[1].current_leader.leader_epoch
                    ),
                    (1, 9)
                );
                assert_eq!(response.node_endpoints[0].host.as_str(), "host");
            }
        }
    }

    #[test]
    fn partitions_that_are_not_mentioned_are_left_out() {
        let parts = [part("orders", 0), part("users", 0)];
        let reads = [
            read(ErrorCode::NONE, Vec::new(), None),
            read(ErrorCode::NONE, Vec::new(), None),
        ];
        let answer = FetchAnswer {
            error: ErrorCode::NONE,
            session_id: 1,
            parts: &parts,
            reads: &reads,
            mention: &[false, true],
            leaders: &[None, None],
        };
        let head = RequestHead {
            api_key: ApiKey::Fetch,
            version: 12,
            correlation_id: 5,
            client_id: None,
        };
        let frame = encode(&head, &answer, |_| None);
        let (_, body) = wire::decode_response(ApiKey::Fetch, 12, frame.slice(4..)).unwrap();
        let ResponseKind::Fetch(response) = body else {
            panic!("not a fetch response")
        };
        assert_eq!(response.responses.len(), 1);
        assert_eq!(response.responses[0].topic.as_str(), "users");
    }
}
