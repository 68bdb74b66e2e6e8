//! Encoding Fetch responses straight from the log: records are copied once, into the response.

use bytes::Bytes;
use kafka_sim_core::batch::Batch;
use kafka_sim_core::wire::{FieldWriter, RequestHead, ResponseWriter};
use kafka_sim_core::{BrokerId, ErrorCode};
use smallvec::SmallVec;

use super::endpoints::{Endpoint, put_endpoints};
use crate::broker::{FetchPart, FetchRead, FetchReads};

/// What goes into a response.
pub(super) struct FetchAnswer<'a> {
    pub(super) error: ErrorCode,
    pub(super) session_id: i32,
    pub(super) parts: &'a [FetchPart],
    pub(super) reads: &'a FetchReads,
    /// Which partitions to list; empty: all.
    pub(super) mention: &'a [bool],
    /// Per partition, where to go instead; empty: nowhere.
    pub(super) leaders: &'a [Option<(BrokerId, i32)>],
    /// The brokers that are named there.
    pub(super) endpoints: &'a [Endpoint],
}

/// The frame, size prefix included.
pub(super) fn encode(responses: &mut ResponseWriter, head: &RequestHead, answer: &FetchAnswer<'_>) -> Bytes {
    let room = answer.reads.bytes() + 64 + 128 * answer.parts.len();
    let frame = responses.write(head, room, |fields| {
        fields.i32(0);
        if head.version >= 7 {
            fields.i16(answer.error.0);
            fields.i32(answer.session_id);
        }
        put_topics(fields, head.version, answer);
        put_endpoints(fields, answer.endpoints);
    });
    frame.expect("the version is served, and responses are bounded by fetch.max.bytes")
}

fn put_topics(fields: &mut FieldWriter<'_>, version: i16, answer: &FetchAnswer<'_>) {
    let mut listed = SmallVec::<[usize; 8]>::new();
    for at in 0..answer.parts.len() {
        if answer.mention.get(at).copied().unwrap_or(true) {
            listed.push(at);
        }
    }
    if listed.is_empty() {
        return fields.count(0);
    }
    let same_topic = |a: &usize, b: &usize| {
        let (a, b) = (&answer.parts[*a], &answer.parts[*b]);
        a.topic_id == b.topic_id && a.topic == b.topic
    };
    fields.count(listed.chunk_by(same_topic).count());
    for group in listed.chunk_by(same_topic) {
        let first = &answer.parts[group[0]];
        if version >= 13 {
            fields.uuid(first.topic_id);
        } else {
            fields.nullable_string(Some(&first.topic));
        }
        fields.count(group.len());
        for at in group {
            let (part, read) = (&answer.parts[*at], &answer.reads.parts[*at]);
            let leader = answer.leaders.get(*at).copied().flatten();
            put_partition(fields, version, part.index, read, answer.reads.batches_of(read), leader);
        }
        fields.no_tags();
    }
}

fn put_partition(
    fields: &mut FieldWriter<'_>,
    version: i16,
    index: i32,
    read: &FetchRead,
    batches: &[Batch],
    leader: Option<(BrokerId, i32)>,
) {
    fields.i32(index);
    fields.i16(read.error.0);
    fields.i64(read.high_watermark);
    fields.i64(read.last_stable_offset);
    if version >= 5 {
        fields.i64(read.log_start);
    }
    // Aborted transactions: null, because there are none without a transaction coordinator.
    fields.nullable_bytes(None);
    if version >= 11 {
        fields.i32(read.preferred_read_replica.map_or(-1, |id| id.0));
    }
    // The length of the records.
    fields.count(read.bytes);
    for batch in batches {
        batch.write_to(fields.raw());
    }
    fields.tags(usize::from(read.diverging.is_some()) + usize::from(leader.is_some()));
    if let Some((epoch, end_offset)) = read.diverging {
        fields.tagged(0, |diverging| {
            diverging.i32(epoch);
            diverging.i64(end_offset);
            diverging.no_tags();
        });
    }
    if let Some((id, epoch)) = leader {
        fields.tagged(1, |leader| {
            leader.i32(id.0);
            leader.i32(epoch);
            leader.no_tags();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_protocol::messages::{ApiKey, ResponseKind};
    use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
    use kafka_sim_core::wire;
    use uuid::Uuid;

    use super::super::endpoints::testing::{head, somewhere};
    use super::super::fetch_decode::named;
    use super::*;

    fn part(topic: &str, index: i32) -> FetchPart {
        let topic_id = Uuid::from_u128(7 + topic.len() as u128);
        named(&Arc::from(topic), topic_id, index)
    }

    fn batch() -> Batch {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(5, Some(b"key"), Some(b"value"), &[]);
        let mut batch = Batch::parse_one(&builder.build().expect("no codec is used"), 0).expect("it was just built");
        batch.stamp(42, 3);
        batch
    }

    /// What was read of a partition: error, records and divergence.
    type Part = (ErrorCode, Vec<Batch>, Option<(i32, i64)>);

    fn reads<const N: usize>(parts: [Part; N]) -> FetchReads {
        let mut reads = FetchReads::default();
        for (error, batches, diverging) in parts {
            let first = reads.batches.len();
            let bytes = batches.iter().map(Batch::size).sum();
            reads.batches.extend(batches);
            reads.parts.push(FetchRead {
                error,
                high_watermark: 43,
                last_stable_offset: 43,
                log_start: 1,
                diverging,
                preferred_read_replica: Some(BrokerId(2)),
                batches: first..reads.batches.len(),
                bytes,
            });
        }
        reads
    }

    #[test]
    fn every_version_decodes_to_what_was_meant() {
        let parts = [part("orders", 0), part("orders", 1), part("users", 0)];
        let reads = reads([
            (ErrorCode::NONE, vec![batch(), batch()], Some((2, 40))),
            (ErrorCode::NOT_LEADER_OR_FOLLOWER, Vec::new(), None),
            (ErrorCode::NONE, Vec::new(), None),
        ]);
        let named = [somewhere(1)];
        for version in 4..=18_i16 {
            let leaders = [None, (version >= 16).then_some((BrokerId(1), 9)), None];
            let answer = FetchAnswer {
                error: ErrorCode::NONE,
                session_id: 77,
                parts: &parts,
                reads: &reads,
                mention: &[],
                leaders: &leaders,
                endpoints: if version >= 16 { &named } else { &[] },
            };
            let frame = encode(&mut ResponseWriter::default(), &head(ApiKey::Fetch, version), &answer);
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
        let reads = reads([(ErrorCode::NONE, Vec::new(), None), (ErrorCode::NONE, Vec::new(), None)]);
        let answer = FetchAnswer {
            error: ErrorCode::NONE,
            session_id: 1,
            parts: &parts,
            reads: &reads,
            mention: &[false, true],
            leaders: &[],
            endpoints: &[],
        };
        let frame = encode(&mut ResponseWriter::default(), &head(ApiKey::Fetch, 12), &answer);
        let (_, body) = wire::decode_response(ApiKey::Fetch, 12, frame.slice(4..)).unwrap();
        let ResponseKind::Fetch(response) = body else {
            panic!("not a fetch response")
        };
        assert_eq!(response.responses.len(), 1);
        assert_eq!(response.responses[0].topic.as_str(), "users");
    }
}
